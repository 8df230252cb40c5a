//go:build linux

package fs

import (
	"testing"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/configs"
)

// An optional cgroup is needed if a limit is for one of its controllers.
func TestNeeds(t *testing.T) {
	m := &Manager{Cgroups: &configs.Cgroup{Name: "c", Optional: true}}
	for _, test := range []struct {
		r    *configs.Resources
		keys []string
		want bool
	}{
		{nil, []string{"memory"}, false},
		{&configs.Resources{AllowAllDevices: true, PidsLimit: 3}, []string{"memory", "x"}, false},
		{&configs.Resources{AllowAllDevices: true, PidsLimit: 3}, []string{"memory", "pids"}, true},
		{&configs.Resources{AllowAllDevices: true, PidsLimit: -1}, []string{"pids"}, false},
		{&configs.Resources{}, []string{"devices"}, true},
	} {
		m.Cgroups.Resources = test.r
		if got := (version{m}).Needs(test.keys); got != test.want {
			t.Errorf("%+v needs %q: %v, want %v", test.r, test.keys, got, test.want)
		}
	}
}

// Statistics of zeros would be taken for true ones.
func TestStatsWithoutOptionalCgroups(t *testing.T) {
	m := &Manager{Cgroups: &configs.Cgroup{Name: "c", Optional: true}}
	if stats, err := m.GetStats(); err == nil || !cgroups.IsNotFound(err) {
		t.Errorf("got %v, %v", stats, err)
	}
	if err := m.Freeze(configs.Frozen); !cgroups.IsNotFound(err) {
		t.Errorf("freeze: %v", err)
	}
}
