package main

import (
	"fmt"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/libcontainer/libcontainer/bench/internal/lives"
	"github.com/libcontainer/libcontainer/configs"
)

// floorList gives the strings, or the identifiers, of an array in floor.c or floor.h.
func floorList(t *testing.T, array, element string) []string {
	t.Helper()
	_, body, found := strings.Cut(floorSource(t), " "+array+"[] = {")
	if !found {
		t.Fatalf("floor.c and floor.h have no array %s", array)
	}
	body, _, _ = strings.Cut(body, "};")
	var list []string
	for _, match := range regexp.MustCompile(element).FindAllStringSubmatch(body, -1) {
		list = append(list, match[1])
	}
	return list
}

func floorSource(t *testing.T) string {
	t.Helper()
	var source strings.Builder
	for _, name := range []string{"floor.h", "floor.c"} {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		source.Write(data)
	}
	return source.String()
}

// floorText gives a string of floor.c.
func floorText(t *testing.T, name string) string {
	t.Helper()
	_, rest, found := strings.Cut(floorSource(t), " "+name+`[] = "`)
	if !found {
		t.Fatalf("floor.c has no string %s", name)
	}
	text, _, _ := strings.Cut(rest, `"`)
	return text
}

func diff(t *testing.T, what string, floor, library []string) {
	t.Helper()
	slices.Sort(floor)
	library = slices.Sorted(slices.Values(library))
	if !slices.Equal(floor, library) {
		t.Errorf("%s differ:\n floor.c: %q\n library: %q", what, floor, library)
	}
}

// The floor is only one if it does for the container what the others do.
func TestFloorMakesTheSameContainer(t *testing.T) {
	config := lives.Config("/rootfs", "name")

	const text = `"([^"]*)"`
	diff(t, "masked paths",
		append(floorList(t, "masked_files", text), floorList(t, "masked_dirs", text)...), config.MaskPaths)
	diff(t, "read-only paths", floorList(t, "readonly_paths", text), config.ReadonlyPaths)
	diff(t, "capabilities", floorList(t, "kept_capabilities", `(CAP_\w+)`), config.Capabilities)

	var nodes, rules, mounts []string
	for _, device := range config.Devices {
		nodes = append(nodes, fmt.Sprintf("%s %d:%d", device.Path, device.Major, device.Minor))
	}
	for _, device := range config.Cgroups.AllowedDevices {
		rules = append(rules, device.CgroupString())
	}
	for _, mount := range config.Mounts {
		mounts = append(mounts, mount.Device+" "+mount.Destination+" "+mount.Data)
	}
	diff(t, "user ids", []string{floorText(t, "id_map")}, []string{fmt.Sprint(0, lives.FirstID, lives.IDs)})
	diff(t, "device nodes", floorNodes(t), nodes)
	diff(t, "device rules", floorList(t, "device_rules", text), rules)
	diff(t, "mounts", floorMounts(t), mounts)
}

func floorNodes(t *testing.T) []string {
	var nodes []string
	for _, entry := range floorList(t, "nodes", `(\{[^}]*\})`) {
		var major, minor int
		name, numbers, _ := strings.Cut(strings.Trim(entry, `{}"`), `",`)
		if _, err := fmt.Sscanf(numbers, "%d,%d", &major, &minor); err != nil {
			t.Fatalf("node %s: %v", entry, err)
		}
		nodes = append(nodes, fmt.Sprintf("%s %d:%d", path.Join("/", name), major, minor))
	}
	return nodes
}

func floorMounts(t *testing.T) []string {
	var mounts []string
	for _, entry := range floorList(t, "mounts", `(\{[^}]*\})`) {
		texts := regexp.MustCompile(`"([^"]*)"`).FindAllStringSubmatch(entry, -1)
		data := ""
		if len(texts) == 3 {
			data = texts[2][1]
		}
		mounts = append(mounts, texts[0][1]+" "+path.Join("/", texts[1][1])+" "+data)
	}
	return mounts
}

func TestContainerNamespaces(t *testing.T) {
	config := lives.Config("/rootfs", "name")
	want := []configs.NamespaceType{configs.NEWNS, configs.NEWPID, configs.NEWNET, configs.NEWIPC, configs.NEWUTS}
	if len(config.Namespaces) != len(want) {
		t.Errorf("namespaces are %v, want %v", config.Namespaces, want)
	}
	for _, namespace := range want {
		if !config.Namespaces.Contains(namespace) {
			t.Errorf("namespace %s is missing", namespace)
		}
	}
}

func TestUserContainer(t *testing.T) {
	config := lives.UserConfig("/rootfs", "name")
	if !config.Namespaces.Contains(configs.NEWUSER) {
		t.Error("there is no user namespace")
	}
	for _, maps := range [][]configs.IDMap{config.UidMappings, config.GidMappings} {
		if !slices.Equal(maps, []configs.IDMap{{HostID: lives.FirstID, Size: lives.IDs}}) {
			t.Errorf("mappings are %v", maps)
		}
	}
}
