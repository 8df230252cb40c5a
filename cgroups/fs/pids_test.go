//go:build linux

package fs

import (
	"testing"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/configs"
)

// In the root of the hierarchy there is nothing to read.
func TestPidsStatsOfTheRoot(t *testing.T) {
	stats, err := fakeStats(t, "pids", map[string]string{"cgroup.sane_behavior": "0\n"})
	if err != nil || stats.PidsStats != (cgroups.PidsStats{}) {
		t.Errorf("got %+v, %v", stats, err)
	}
}

func TestPidsSet(t *testing.T) {
	files := map[string]string{"pids.max": "7\n"}
	runSetTests(t, "pids", []setTest{
		{"limit", files, configs.Resources{PidsLimit: 12}, map[string]string{"pids.max": "12"}, ""},
		{"smallest", files, configs.Resources{PidsLimit: 1}, map[string]string{"pids.max": "1"}, ""},
		{"no limit", files, configs.Resources{PidsLimit: -1}, map[string]string{"pids.max": "max"}, ""},
		{"untouched", files, configs.Resources{}, map[string]string{"pids.max": "7"}, ""},
	})
}

func TestPidsStats(t *testing.T) {
	for text, want := range map[string]uint64{"max\n": 0, "12\n": 12} {
		stats, err := fakeStats(t, "pids", map[string]string{"pids.current": "3\n", "pids.max": text})
		if err != nil || stats.PidsStats != (cgroups.PidsStats{Current: 3, Limit: want}) {
			t.Errorf("pids.max %q: got %+v, %v", text, stats, err)
		}
	}
}
