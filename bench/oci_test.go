package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/bench/internal/lives"
	"github.com/libcontainer/libcontainer/configs"
)

// bundle is what the tests read back from a config.json.
type bundle struct {
	Root    struct{ Path string }
	Process struct {
		Args            []string
		NoNewPrivileges bool
		Capabilities    map[string][]string
	}
	Mounts []struct {
		Destination string
		Options     []string
	}
	Linux struct {
		CgroupsPath string
		Namespaces  []struct{ Type string }
		MaskedPaths []string
		Resources   struct {
			Memory  struct{ Limit int64 }
			Devices []struct {
				Allow        bool
				Type         string
				Major, Minor *int64
				Access       string
			}
		}
	}
}

func TestWriteBundle(t *testing.T) {
	config := lives.Config("/some/rootfs", "lctest-name")
	dir := t.TempDir()
	if err := writeBundle(dir, config, lives.Program); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	var got bundle
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}

	if got.Root.Path != "/some/rootfs" || got.Linux.CgroupsPath != "/lctest-name" {
		t.Errorf("rootfs %q, cgroup %q", got.Root.Path, got.Linux.CgroupsPath)
	}
	if !slices.Equal(got.Process.Args, lives.Program) || !got.Process.NoNewPrivileges {
		t.Errorf("process is %+v", got.Process)
	}
	for _, set := range []string{"bounding", "effective", "permitted"} {
		if !slices.Equal(got.Process.Capabilities[set], config.Capabilities) {
			t.Errorf("%s capabilities are %v", set, got.Process.Capabilities[set])
		}
	}
	if len(got.Linux.Namespaces) != len(config.Namespaces) || len(got.Mounts) != len(config.Mounts) {
		t.Errorf("namespaces %v, mounts %v", got.Linux.Namespaces, got.Mounts)
	}
	if got.Linux.Resources.Memory.Limit != lives.MemoryLimit || !slices.Equal(got.Linux.MaskedPaths, maskedPaths(config.MaskPaths)) {
		t.Errorf("linux is %+v", got.Linux)
	}
	rules := got.Linux.Resources.Devices
	if len(rules) != 1+len(config.Cgroups.AllowedDevices) || rules[0].Allow || rules[0].Type != "" {
		t.Fatalf("device rules are %+v", rules)
	}
	if first := rules[1]; !first.Allow || first.Major != nil || first.Minor != nil || first.Access != "m" {
		t.Errorf("the first device rule is %+v", first)
	}
}

func TestOCIMountOptions(t *testing.T) {
	tests := []struct {
		name  string
		mount configs.Mount
		want  []string
		fails bool
	}{
		{name: "none", want: []string{}},
		{
			name:  "flags and data",
			mount: configs.Mount{Flags: unix.MS_NOSUID | unix.MS_RDONLY, Data: "mode=755,size=1k"},
			want:  []string{"nosuid", "ro", "mode=755", "size=1k"},
		},
		{name: "unknown flag", mount: configs.Mount{Flags: unix.MS_BIND}, fails: true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := ociMountOptions(&test.mount)
			if (err != nil) != test.fails {
				t.Fatalf("error is %v", err)
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestOCINamespacesRefusesPaths(t *testing.T) {
	_, err := ociNamespaces(configs.Namespaces{{Type: configs.NEWNET, Path: "/proc/1/ns/net"}})
	if err == nil {
		t.Error("a namespace to join was passed over")
	}
}

func TestOCIMappings(t *testing.T) {
	for name, test := range map[string]struct {
		config *configs.Config
		want   []object
	}{
		"none": {config: lives.Config("/rootfs", "name")},
		"user": {lives.UserConfig("/rootfs", "name"), []object{{"containerID": 0, "hostID": lives.FirstID, "size": lives.IDs}}},
	} {
		t.Run(name, func(t *testing.T) {
			spec, err := ociSpec(test.config, lives.Program)
			if err != nil {
				t.Fatal(err)
			}
			linux := spec["linux"].(object)
			for _, field := range []string{"uidMappings", "gidMappings"} {
				got, _ := linux[field].([]object)
				if !reflect.DeepEqual(got, test.want) {
					t.Errorf("%s are %v, want %v", field, got, test.want)
				}
			}
		})
	}
}
