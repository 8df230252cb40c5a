package libcontainer

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/libcontainer/libcontainer/configs"
)

func TestStateRoundTrip(t *testing.T) {
	data, err := json.Marshal(&State{
		BaseState: BaseState{ID: "a", InitProcessPid: 7, InitProcessStartTime: "99", Config: configs.Config{
			Rootfs: "/r",
			Cgroups: &configs.Cgroup{Name: "n", Resources: &configs.Resources{
				BlkioThrottleReadBpsDevice: []*configs.ThrottleDevice{configs.NewThrottleDevice(8, 1, 1024)},
			}},
		}},
		CgroupPaths: map[string]string{"cpu": "/c"},
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := decodeState(data)
	if err != nil {
		t.Fatal(err)
	}
	if out.ID != "a" || out.InitProcessPid != 7 || out.CgroupPaths["cpu"] != "/c" || out.Config.Rootfs != "/r" {
		t.Errorf("read back %+v", out)
	}
	if d := out.Config.Cgroups.BlkioThrottleReadBpsDevice[0]; d.Major != 8 || d.Minor != 1 || d.Rate != 1024 {
		t.Errorf("throttle device read back as %+v", d)
	}
}

func TestLoadRefusesBadState(t *testing.T) {
	root := t.TempDir()
	factory, err := New(root)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"empty": "", "truncated": `{"id":"a"`, "negative.pid": `{"id":"negative.pid","init_process_pid":-1}`,
		"wrong.type": `{"id":7}`, "other": `{"id":"a"}`,
	} {
		file := filepath.Join(root, name, "state.json")
		if err := os.Mkdir(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := factory.Load(name); !errors.Is(err, SystemError) || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: error %v, want one that names %s", name, err, file)
		}
	}
	if _, err := factory.Load("none"); !errors.Is(err, ContainerNotExists) {
		t.Errorf("no container: error %v", err)
	}
}
