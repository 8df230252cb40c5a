package integration

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
)

// A container that runs since an earlier release has started it goes on: what that has
// written is read as it was meant.
func TestContainerOfAnEarlierRelease(t *testing.T) {
	for _, release := range []string{"2026-11-25", "2026-11-28"} {
		for _, kind := range []string{"running", "mapped"} {
			t.Run(release+" "+kind, func(t *testing.T) {
				config := newConfig(t)
				config.Hostname = "old"
				if kind == "mapped" {
					withUserNS(t, config, 100000)
					config.GidMappings[0].HostID = 300000 // as in the kept state
				}
				c, root := newContainerIn(t, config)
				startBlocked(t, c)
				writeOldState(t, filepath.Join("..", "testdata", "states", release, kind+".json"), c, root)
				loaded := loadAgain(t, c, root)
				wantStatus(t, loaded, libcontainer.Running)
				if got := execShell(t, loaded, "hostname; cat /proc/1/comm"); got != "old\ncat" {
					t.Errorf("in it: %q", got)
				}
				for _, call := range []func() error{loaded.Pause, loaded.Resume} {
					if err := call(); err != nil {
						t.Error(err)
					}
				}
				set := loaded.Config()
				set.Cgroups.PidsLimit = 77
				if err := loaded.Set(set); err != nil {
					t.Error(err)
				}
				if got := cgroupValue(t, loaded, "pids", "pids.max", "pids.max"); got != "77" {
					t.Errorf("the limit is %q", got)
				}
				if err := loaded.Signal(unix.SIGKILL); err != nil {
					t.Error(err)
				}
				if err := loaded.Destroy(); err != nil {
					t.Error(err)
				}
				wantStatus(t, c, libcontainer.Destroyed)
			})
		}
	}
}

// writeOldState replaces the state of a container that runs by a kept one that describes it.
func writeOldState(t *testing.T, kept string, c libcontainer.LinuxContainer, root string) {
	t.Helper()
	var old, now map[string]any
	file := filepath.Join(root, c.ID(), "state.json")
	for name, to := range map[string]*map[string]any{kept: &old, file: &now} {
		if err := json.Unmarshal(mustRead(t, name), to); err != nil {
			t.Fatal(err)
		}
	}
	for _, key := range []string{"id", "init_process_pid", "init_process_start", "cgroup_paths", "cgroup_parents", "cgroup_manager", "namespace_paths"} {
		if _, ok := old[key]; ok || key == "cgroup_parents" {
			old[key] = now[key]
		}
	}
	delete(old, "hooks")
	config, was := old["config"].(map[string]any), now["config"].(map[string]any)
	config["rootfs"] = was["rootfs"]
	cg, wasCg := config["cgroups"].(map[string]any), was["cgroups"].(map[string]any)
	for _, key := range []string{"name", "parent", "scope_prefix"} {
		cg[key] = wasCg[key]
	}
	data, err := json.Marshal(old)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file+".old", data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(file+".old", file); err != nil {
		t.Fatal(err)
	}
}
