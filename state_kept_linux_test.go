package libcontainer

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/libcontainer/libcontainer/configs"
)

// loadState puts a state file into a factory's root, and loads the container.
func loadState(t *testing.T, id string, data []byte) (c Container, dir string, err error) {
	t.Helper()
	root := filepath.Join(t.TempDir(), "root")
	dir = filepath.Join(root, id)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "state.json"), data, 0o600); err != nil {
		t.Fatal(err)
	}
	factory, err := New(root)
	if err != nil {
		t.Fatal(err)
	}
	c, err = factory.Load(id)
	return c, dir, err
}

// keptStates gives the state files of earlier releases, by release and id.
func keptStates(t *testing.T) map[string][]byte {
	t.Helper()
	names, err := filepath.Glob("testdata/states/*/*.json")
	if err != nil || len(names) == 0 {
		t.Fatalf("kept states: %v, %v", names, err)
	}
	states := make(map[string][]byte)
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		rel, _ := strings.CutPrefix(strings.TrimSuffix(name, ".json"), "testdata/states/")
		states[rel] = data
	}
	return states
}

// A container of an earlier release is what it was: its process has ended, and it can be
// destroyed.
func TestStatesOfEarlierReleases(t *testing.T) {
	for name, data := range keptStates(t) {
		t.Run(name, func(t *testing.T) {
			id := filepath.Base(name)
			c, dir, err := loadState(t, id, data)
			if err != nil {
				t.Fatal(err)
			}
			state, err := c.(LinuxContainer).State()
			if err != nil {
				t.Fatal(err)
			}
			checkKeptState(t, id, state)
			checkKeptConfig(t, id, c.Config())
			if status, err := c.Status(); err != nil || status != Destroyed {
				t.Errorf("status %v, error %v; want destroyed", status, err)
			}
			if pids, err := c.Processes(); !errors.Is(err, ContainerNotRunning) && (err != nil || len(pids) > 0) {
				t.Errorf("processes %v, error %v", pids, err)
			}
			if state.CgroupManager == "systemd" {
				return // who destroys it asks systemd
			}
			if err := c.Destroy(); err != nil {
				t.Errorf("destroy: %v", err)
			}
			if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("its directory is there still: %v", err)
			}
		})
	}
}

func checkKeptState(t *testing.T, id string, s *State) {
	t.Helper()
	if s.ID != id || s.InitProcessPid < 1000 || len(s.InitProcessStartTime) < 7 {
		t.Errorf("id %q, pid %d, start %q", s.ID, s.InitProcessPid, s.InitProcessStartTime)
	}
	below := "/kept/" + id
	if id == "unit" {
		below = "/machine.slice/machine-kept.slice/lc-unit.scope"
	}
	keys := slices.Sorted(maps.Keys(s.CgroupPaths))
	for _, key := range []string{"", "blkio", "cpu", "cpuacct", "cpuset", "devices", "freezer", "memory", "pids"} {
		if !strings.HasSuffix(s.CgroupPaths[key], below) {
			t.Errorf("the cgroup of %q is %q; there are %q", key, s.CgroupPaths[key], keys)
		}
	}
	if got := len(s.CgroupParents); (got == 0) != (id == "unit") {
		t.Errorf("parents that were made: %q", s.CgroupParents)
	}
	if len(s.NamespacePaths) < 7 || !strings.HasSuffix(s.NamespacePaths[configs.NEWNET], "/ns/net") {
		t.Errorf("namespaces %q", s.NamespacePaths)
	}
	if id == "devices" {
		want := []MovedDevice{{HostName: "keptd0", Name: "data0", Index: 3, Type: "veth", Up: true, Addresses: []DeviceAddress{{Address: "192.0.2.9/32"}}}}
		for i := range s.NetDevices {
			s.NetDevices[i].HardwareAddr = ""
		}
		if diff := cmp.Diff(want, s.NetDevices); diff != "" {
			t.Errorf("devices (-want +got):\n%s", diff)
		}
	}
	if id == "running" {
		hooks := s.Hooks.load()
		if hooks == nil || len(commandHooks(hooks.Prestart)) != 1 || len(commandHooks(hooks.Poststop)) != 1 {
			t.Fatalf("hooks %+v", hooks)
		}
		c := commandHooks(hooks.Poststop)[0]
		if c.Path != "/bin/true" || len(c.Args) != 2 || c.Env[0] != "A=b" || c.Timeout == nil || c.Timeout.Seconds() != 5 {
			t.Errorf("the poststop hook is %+v", c)
		}
	}
}

func checkKeptConfig(t *testing.T, id string, c configs.Config) {
	t.Helper()
	cg := c.Cgroups
	if c.Rootfs != "/srv/kept/rootfs" || c.Hostname != id || cg.Name != id || cg.Memory != 64<<20 || cg.PidsLimit != 100 || cg.CpuShares != 512 {
		t.Errorf("rootfs %q, hostname %q, cgroups %+v", c.Rootfs, c.Hostname, cg)
	}
	if !c.NoNewPrivileges || len(c.Capabilities) < 10 || len(c.Mounts) < 5 || len(c.MaskPaths) < 5 || len(c.Devices) < 5 {
		t.Errorf("configuration %+v", c)
	}
	for _, ns := range []configs.NamespaceType{configs.NEWNS, configs.NEWPID, configs.NEWNET, configs.NEWIPC, configs.NEWUTS} {
		if !c.Namespaces.Creates(ns) {
			t.Errorf("namespace %s is not the container's own", ns)
		}
	}
	switch id {
	case "running":
		if c.Sysctl["net.ipv4.ip_forward"] != "1" || len(c.Rlimits) != 1 || c.Rlimits[0].Hard != 1024 {
			t.Errorf("sysctls %v, limits %v", c.Sysctl, c.Rlimits)
		}
	case "mapped":
		uid, uerr := c.HostUIDFor(1)
		gid, gerr := c.HostGIDFor(1)
		if uid != 100001 || gid != 300001 || uerr != nil || gerr != nil {
			t.Errorf("user 1 is %d (%v), group 1 %d (%v)", uid, uerr, gid, gerr)
		}
	case "devices":
		if n := c.Networks[len(c.Networks)-1]; n.Type != "veth" || n.HostInterfaceName != "keptv0" || n.Mtu != 1400 {
			t.Errorf("network %+v", n)
		}
		if c.NetDevices["keptd0"] == nil || c.NetDevices["keptd0"].Name != "data0" {
			t.Errorf("devices %v", c.NetDevices)
		}
	case "unit":
		if cg.Parent != "machine-kept.slice" || cg.ScopePrefix != "lc" {
			t.Errorf("slice %q, prefix %q", cg.Parent, cg.ScopePrefix)
		}
	}
}

// What a later release adds to a state does not keep this one from it.
func TestStateOfALaterRelease(t *testing.T) {
	for name, data := range keptStates(t) {
		t.Run(name, func(t *testing.T) {
			id := filepath.Base(name)
			var value any
			if err := json.Unmarshal(data, &value); err != nil {
				t.Fatal(err)
			}
			addFields("", value)
			later, err := json.Marshal(value)
			if err != nil {
				t.Fatal(err)
			}
			was, _, err := loadState(t, id, data)
			if err != nil {
				t.Fatal(err)
			}
			is, _, err := loadState(t, id, later)
			if err != nil {
				t.Fatal(err)
			}
			before, berr := was.(LinuxContainer).State()
			after, aerr := is.(LinuxContainer).State()
			if err := errors.Join(berr, aerr); err != nil {
				t.Fatal(err)
			}
			after.Created = before.Created // the directory's, in a state that does not say
			// The fields without a JSON name are functions.
			a, aerr := json.Marshal(before)
			b, berr := json.Marshal(after)
			if err := errors.Join(aerr, berr); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(a), string(b)); diff != "" {
				t.Errorf("it is loaded as another one (-was +is):\n%s", diff)
			}
		})
	}
}

// addFields adds a field to every object, but for those whose keys are names.
func addFields(key string, value any) {
	switch v := value.(type) {
	case []any:
		for _, e := range v {
			addFields("", e)
		}
	case map[string]any:
		for key, e := range v {
			addFields(key, e)
		}
		if !slices.Contains([]string{"cgroup_paths", "namespace_paths", "sysctl", "net_devices"}, key) {
			v["added_later"] = map[string]any{"list": []any{1, "two", nil}}
		}
	}
}

// What was broken, or put there to do harm, is refused, and says where.
func TestBrokenStates(t *testing.T) {
	kept := string(keptStates(t)["2026-11-28/running"])
	replaced := func(old, with string) string {
		if !strings.Contains(kept, old) {
			t.Fatalf("the kept state has no %s", old)
		}
		return strings.Replace(kept, old, with, 1)
	}
	for name, data := range map[string]string{
		"half":              kept[:len(kept)/2],
		"twice":             kept + kept,
		"zeros":             string(make([]byte, len(kept))),
		"null":              "null",
		"a list":            "[]",
		"no id":             replaced(`"id":"running"`, `"id":""`),
		"another id":        replaced(`"id":"running"`, `"id":"other"`),
		"a path for id":     replaced(`"id":"running"`, `"id":"../running"`),
		"pid as text":       replaced(`"init_process_pid":`, `"init_process_pid":"x","y":`),
		"pid too large":     replaced(`"init_process_pid":`, `"init_process_pid":1e30,"y":`),
		"pid negative":      replaced(`"init_process_pid":`, `"init_process_pid":-1,"y":`),
		"no configuration":  replaced(`"config":{`, `"config":[],"y":{`),
		"paths as list":     replaced(`"cgroup_paths":{`, `"cgroup_paths":[1],"y":{`),
		"manager unknown":   replaced(`"cgroup_manager":"cgroupfs"`, `"cgroup_manager":"other"`),
		"deep":              replaced(`"config":{`, `"config":{"y":`+strings.Repeat("[", 100000)+strings.Repeat("]", 100000)+`,`),
		"memory as text":    replaced(`"memory":`, `"memory":"all","y":`),
		"a hook of no form": replaced(`"hooks":{`, `"hooks":{"poststop":"/bin/sh",`),
	} {
		t.Run(name, func(t *testing.T) {
			c, dir, err := loadState(t, "running", []byte(data))
			if err == nil {
				state, serr := c.(LinuxContainer).State()
				t.Fatalf("loaded: %+v, %v", state, serr)
			}
			if !errors.Is(err, SystemError) && !errors.Is(err, ConfigInvalid) || !strings.Contains(err.Error(), filepath.Join(dir, "state.json")) {
				t.Errorf("error %v, want one that names the file", err)
			}
			if len(err.Error()) > 1000 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
		})
	}
}

// The pid of a state is nobody's but that of the process which started then; its paths of
// cgroups are none that lie elsewhere.
func TestHostileStates(t *testing.T) {
	kept := string(keptStates(t)["2026-11-28/running"])
	var state map[string]any
	if err := json.Unmarshal([]byte(kept), &state); err != nil {
		t.Fatal(err)
	}
	victim := filepath.Join(t.TempDir(), "victim")
	if err := os.MkdirAll(filepath.Join(victim, "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(victim, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		edit func(map[string]any)
		want string // what Load says; else it does no harm
	}{
		"pid of this process":  {func(s map[string]any) { s["init_process_pid"] = os.Getpid() }, ""},
		"pid 1":                {func(s map[string]any) { s["init_process_pid"] = 1 }, ""},
		"a directory of files": {func(s map[string]any) { s["cgroup_paths"] = map[string]string{"memory": victim, "": victim} }, "is not a cgroup"},
		"parents":              {func(s map[string]any) { s["cgroup_parents"] = []string{filepath.Join(victim, "sub"), victim} }, "is not a cgroup"},
		"a relative path":      {func(s map[string]any) { s["cgroup_paths"] = map[string]string{"memory": "victim"} }, "not the absolute path"},
		"a path with ..":       {func(s map[string]any) { s["cgroup_paths"] = map[string]string{"memory": victim + "/sub/../sub"} }, "not the absolute path"},
		"a link": {func(s map[string]any) {
			link := filepath.Join(t.TempDir(), "link")
			if err := os.Symlink(victim, link); err != nil {
				t.Fatal(err)
			}
			s["cgroup_paths"] = map[string]string{"memory": link}
		}, "is not a cgroup"},
		"a file for a group of resctrl": {func(s map[string]any) {
			s["intel_rdt"] = map[string]any{"control": filepath.Join(victim, "file"), "made": true}
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			changed := maps.Clone(state)
			tt.edit(changed)
			data, err := json.Marshal(changed)
			if err != nil {
				t.Fatal(err)
			}
			c, dir, err := loadState(t, "running", data)
			if tt.want != "" {
				if !errors.Is(err, SystemError) || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), dir) {
					t.Fatalf("load: %v, want %q and the file", err, tt.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if status, err := c.Status(); status != Destroyed || err != nil {
				t.Errorf("status %v, error %v", status, err)
			}
			err = c.Destroy()
			if _, serr := os.Stat(dir); (serr == nil) != (err != nil) {
				t.Errorf("destroy: %v; the state: %v", err, serr)
			}
			for _, name := range []string{"sub", "file"} {
				if _, err := os.Stat(filepath.Join(victim, name)); err != nil {
					t.Errorf("of the host has gone: %v", err)
				}
			}
		})
	}
}
