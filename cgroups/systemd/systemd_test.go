package systemd

import (
	"errors"
	"testing"

	"github.com/libcontainer/libcontainer/configs"
)

func TestUnsupported(t *testing.T) {
	if UseSystemd() {
		t.Error("UseSystemd is true")
	}
	m := &Manager{Paths: map[string]string{"cpu": "/x"}}
	_, pids := m.GetPids()
	_, allPids := m.GetAllPids()
	_, stats := m.GetStats()
	for name, err := range map[string]error{
		"Apply": m.Apply(1), "GetPids": pids, "GetAllPids": allPids, "GetStats": stats,
		"Freeze": m.Freeze(configs.Frozen), "Set": m.Set(nil), "Destroy": m.Destroy(),
	} {
		if !errors.Is(err, ErrUnsupported) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	m.GetPaths()["cpu"] = "/y"
	if got := m.GetPaths()["cpu"]; got != "/x" {
		t.Errorf("GetPaths gives %q", got)
	}
	if err := (&Manager{}).Destroy(); err != nil {
		t.Errorf("Destroy with nothing made: %v", err)
	}
}
