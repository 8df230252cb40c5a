//go:build linux

package cgv2

import (
	"testing"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/configs"
)

func TestPidsSet(t *testing.T) {
	runSetTests(t, map[string]string{pidsMax: "max\n"}, []setTest{
		{"nothing", configs.Resources{}, map[string]string{pidsMax: "max"}, ""},
		{"limit", configs.Resources{PidsLimit: 7}, map[string]string{pidsMax: "7"}, ""},
	})
	runSetTests(t, map[string]string{pidsMax: "7\n"}, []setTest{
		{"no limit", configs.Resources{PidsLimit: -1}, map[string]string{pidsMax: "max"}, ""},
	})
	runSetTests(t, map[string]string{controllersFile: "\n"}, []setTest{
		{"no limit without the controller", configs.Resources{PidsLimit: -1}, nil, ""},
	})
}

func TestPidsStats(t *testing.T) {
	for limit, want := range map[string]uint64{"9\n": 9, "max\n": 0} {
		stats, err := fakeStats(t, "pids", map[string]string{"pids.current": "3\n", pidsMax: limit, "pids.events": "max 2\n"})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := stats.PidsStats, (cgroups.PidsStats{Current: 3, Limit: want, Failcnt: 2}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
}
