package libcontainer

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/libcontainer/libcontainer/configs"
)

func TestStateRoundTrip(t *testing.T) {
	dir := t.TempDir()
	in := &State{
		BaseState: BaseState{ID: "a", InitProcessPid: 7, InitProcessStartTime: "99", Config: configs.Config{
			Rootfs: "/r",
			Cgroups: &configs.Cgroup{Name: "n", Resources: &configs.Resources{
				BlkioThrottleReadBpsDevice: []*configs.ThrottleDevice{configs.NewThrottleDevice(8, 1, 1024)},
			}},
		}},
		CgroupPaths: map[string]string{"cpu": "/c"},
	}
	for range 2 { // the second one replaces the first
		if _, err := writeState(dir, in); err != nil {
			t.Fatal(err)
		}
	}
	out, err := readState(dir)
	if err != nil {
		t.Fatal(err)
	}
	if out.ID != "a" || out.InitProcessPid != 7 || out.CgroupPaths["cpu"] != "/c" || out.Config.Rootfs != "/r" {
		t.Errorf("read back %+v", out)
	}
	if d := out.Config.Cgroups.BlkioThrottleReadBpsDevice[0]; d.Major != 8 || d.Minor != 1 || d.Rate != 1024 {
		t.Errorf("throttle device read back as %+v", d)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
}

func TestReadStateRefusesBadFiles(t *testing.T) {
	for name, content := range map[string]string{
		"empty": "", "truncated": `{"id":"a"`, "negative pid": `{"id":"a","init_process_pid":-1}`, "wrong type": `{"id":7}`,
	} {
		dir := t.TempDir()
		file := filepath.Join(dir, stateName)
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := readState(dir); err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: error %v, want one that names %s", name, err, file)
		}
	}
	if _, err := readState(t.TempDir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: error %v", err)
	}
}
