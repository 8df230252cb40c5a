package libcontainer

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/configs"
)

// ownManager is a manager of the caller's own.
type ownManager struct{ cgroups.Manager }

func (ownManager) GetPaths() map[string]string { return nil }

func ownManagers(l *LinuxFactory) error {
	l.NewCgroupsManager = func(*configs.Cgroup, map[string]string) cgroups.Manager { return ownManager{} }
	return nil
}

// The state says which manager there is, and Load uses it unless the factory has another
// choice. Before, no state said anything.
func TestManagerOfState(t *testing.T) {
	for _, test := range []struct {
		name    string
		options []func(*LinuxFactory) error
		kept    string
		want    string
		err     string
	}{
		{"before the field", nil, "", "cgroupfs", ""},
		{"cgroupfs", nil, "cgroupfs", "cgroupfs", ""},
		{"systemd", nil, "systemd", "systemd", ""},
		{"unknown", nil, "other", "", `unknown cgroup manager "other"`},
		{"chosen, before the field", []func(*LinuxFactory) error{SystemdCgroups}, "", "systemd", ""},
		{"another one chosen", []func(*LinuxFactory) error{Cgroupfs}, "systemd", "cgroupfs", ""},
		{"the last choice", []func(*LinuxFactory) error{Cgroupfs, SystemdCgroups}, "cgroupfs", "systemd", ""},
		{"one's own", []func(*LinuxFactory) error{ownManagers}, "systemd", "", ""},
		{"one's own, unknown", []func(*LinuxFactory) error{ownManagers}, "other", "", ""},
		{"no function", []func(*LinuxFactory) error{func(l *LinuxFactory) error {
			l.NewCgroupsManager = nil
			return nil
		}}, "systemd", "systemd", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			factory, err := New(t.TempDir(), test.options...)
			if err != nil {
				t.Fatal(err)
			}
			state := &State{BaseState: BaseState{ID: "some"}, CgroupManager: test.kept}
			data, err := json.Marshal(state)
			if err != nil {
				t.Fatal(err)
			}
			dir := filepath.Join(factory.(*LinuxFactory).Root, "some")
			if err := errors.Join(os.Mkdir(dir, 0o700), os.WriteFile(filepath.Join(dir, "state.json"), data, 0o600)); err != nil {
				t.Fatal(err)
			}
			c, err := factory.Load("some")
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Errorf("error %v, want %q", err, test.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got, err := c.State()
			if err != nil || got.CgroupManager != test.want {
				t.Errorf("manager %q, %v; want %q", got.CgroupManager, err, test.want)
			}
		})
	}
}

func TestManagerOfNewContainer(t *testing.T) {
	for want, option := range map[string]func(*LinuxFactory) error{"cgroupfs": nil, "systemd": SystemdCgroups, "": ownManagers} {
		factory, err := New(t.TempDir(), option)
		if err != nil {
			t.Fatal(err)
		}
		c, err := factory.Create("some", &configs.Config{Rootfs: t.TempDir(), Namespaces: configs.Namespaces{{Type: configs.NEWNS}}})
		if err != nil {
			t.Fatal(err)
		}
		if state, err := c.State(); err != nil || state.CgroupManager != want {
			t.Errorf("manager %q, %v; want %q", state.CgroupManager, err, want)
		}
	}
}
