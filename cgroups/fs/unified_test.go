//go:build linux

package fs

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgmanager"
	"github.com/libcontainer/libcontainer/configs"
)

// hybridManager returns a manager on an imitated machine whose cgroup v2 mount holds
// the controllers, and the container's directory there.
func hybridManager(t *testing.T, controllers string, files map[string]string) (*Manager, string) {
	t.Helper()
	s, dir := fakeHybrid(t, "/")
	fill(t, filepath.Join(dir, "unified"), map[string]string{"cgroup.controllers": controllers})
	leaf := filepath.Join(dir, "unified", "c")
	fill(t, leaf, files)
	fill(t, leaf, map[string]string{"cgroup.controllers": controllers, "cgroup.type": "domain\n"})
	memory := filepath.Join(dir, "memory", "c")
	fill(t, memory, map[string]string{"memory.soft_limit_in_bytes": "1\n", "memory.swappiness": "60\n"})
	return &Manager{
		Cgroups: &configs.Cgroup{Name: "c"},
		Paths:   map[string]string{"": leaf, "memory": memory},
		state:   cgmanager.State{Snapshot: s, Kind: cgdir.Any},
	}, leaf
}

// What no v1 hierarchy has is set through the cgroup v2 mount.
func TestHybridSet(t *testing.T) {
	files := map[string]string{
		"hugetlb.2MB.max": "max\n", "hugetlb.2MB.rsvd.max": "max\n", "misc.max": "sev max\n", "io.weight": "default 100\n",
		"cgroup.max.depth": "max\n", "pids.max": "max\n",
	}
	m, leaf := hybridManager(t, "hugetlb misc io pids\n", files)
	r := &configs.Resources{
		AllowAllDevices: true, MemorySwappiness: -1, MemoryReservation: 4096, PidsLimit: 9, BlkioWeight: 1000,
		HugetlbLimit: []*configs.HugepageLimit{{Pagesize: "2MB", Limit: 8}}, Misc: map[string]int64{"sev": 1},
		Unified: map[string]string{"cgroup.max.depth": "3"},
	}
	if err := m.Set(config(r)); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		leaf + "/hugetlb.2MB.max":  "8",
		leaf + "/misc.max":         "sev 1",
		leaf + "/io.weight":        "default 10000",
		leaf + "/pids.max":         "9",
		leaf + "/cgroup.max.depth": "3",
		filepath.Join(m.Paths["memory"], "memory.soft_limit_in_bytes"): "4096",
	} {
		if got := readFile(t, path); got != want {
			t.Errorf("%s has %q, want %q", path, got, want)
		}
	}
	m.Cgroups.Resources = r
	if !(version{m}).Needs([]string{""}) {
		t.Error("the directory in the mount is not needed")
	}
}

// When the mount refuses a limit, those of the v1 hierarchies are put back.
func TestHybridSetRollback(t *testing.T) {
	m, _ := hybridManager(t, "misc\n", nil)
	err := m.Set(config(&configs.Resources{
		AllowAllDevices: true, MemorySwappiness: -1, MemoryReservation: 4096, Misc: map[string]int64{"sev": 1},
	}))
	if err == nil || !strings.Contains(err.Error(), `Misc["sev"] (misc.max)`) {
		t.Errorf("got %v", err)
	}
	if got := readFile(t, filepath.Join(m.Paths["memory"], "memory.soft_limit_in_bytes")); got != "1" {
		t.Errorf("the limit of memory is %s, want 1 as before", got)
	}
}

// When the caller's own part of the change fails, the limits are put back in the mount
// and in the v1 hierarchies.
func TestHybridSetAnd(t *testing.T) {
	m, leaf := hybridManager(t, "misc\n", map[string]string{"misc.max": "sev max\n"})
	limit := config(&configs.Resources{
		AllowAllDevices: true, MemorySwappiness: -1, MemoryReservation: 4096, Misc: map[string]int64{"sev": 1},
	})
	failure := errors.New("failure")
	if err := m.SetAnd(limit, func() error { return failure }); !errors.Is(err, failure) {
		t.Errorf("got %v", err)
	}
	for path, want := range map[string]string{
		leaf + "/misc.max": "sev max",
		filepath.Join(m.Paths["memory"], "memory.soft_limit_in_bytes"): "1",
	} {
		if got := readFile(t, path); got != want {
			t.Errorf("%s has %q, want %q", path, got, want)
		}
	}
}

func TestHybridRefuses(t *testing.T) {
	for field, r := range map[string]configs.Resources{
		"MemoryMin":             {MemoryMin: 1},
		"MemoryLow":             {MemoryLow: 1},
		"MemoryHigh":            {MemoryHigh: 1},
		"CpuWeight":             {CpuWeight: 1},
		"IoLatencyDevice":       {IoLatencyDevice: []*configs.LatencyDevice{configs.NewLatencyDevice(8, 0, 1)}},
		`Unified["memory.max"]`: {Unified: map[string]string{"memory.max": "1"}},
	} {
		t.Run(field, func(t *testing.T) {
			r.AllowAllDevices, r.MemorySwappiness = true, -1
			m, _ := hybridManager(t, "hugetlb\n", nil)
			v1, _ := fakeManager(t, "cpu", nil)
			v1.state.Snapshot = m.state.Snapshot
			for name, m := range map[string]*Manager{"hybrid": m, "v1": v1} {
				if err := m.Set(config(&r)); !errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), field) {
					t.Errorf("%s: got %v, want ErrUnsupported for %s", name, err, field)
				}
			}
		})
	}
}

func TestHybridStats(t *testing.T) {
	m, leaf := hybridManager(t, "pids misc memory\n", map[string]string{
		"pids.current": "3\n", "pids.max": "9\n", "pids.events": "max 0\n",
		"misc.current": "sev 1\n", "misc.max": "sev 3\n", "cgroup.procs": "1\n",
	})
	m.Paths = map[string]string{"": leaf, "memory": m.Paths["memory"]}
	fill(t, m.Paths["memory"], map[string]string{
		"memory.stat": "cache 1\n", "memory.usage_in_bytes": "2\n", "memory.max_usage_in_bytes": "3\n", "memory.failcnt": "0\n", memoryLimit: "4\n",
	})
	stats, err := m.GetStats()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := stats.PidsStats, (cgroups.PidsStats{Current: 3, Limit: 9}); got != want {
		t.Errorf("pids %+v, want %+v", got, want)
	}
	if got, want := stats.MiscStats["sev"], (cgroups.CountStats{Usage: 1, Limit: 3}); got != want {
		t.Errorf("misc %+v, want %+v", got, want)
	}
	if stats.MemoryStats.Usage.Usage != 2 { // of the v1 hierarchy
		t.Errorf("memory %+v", stats.MemoryStats)
	}
}
