//go:build linux

package cgv2

import (
	"fmt"
	"maps"
	"os"
	"testing"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/configs"
)

func TestMemorySet(t *testing.T) {
	files := map[string]string{
		memoryMax: "max\n", memoryHigh: "max\n", memoryLow: "0\n", memoryMin: "0\n", memoryCurrent: "8192\n", swapMax: "max\n",
	}
	runSetTests(t, files, []setTest{
		{"nothing", configs.Resources{}, map[string]string{memoryMax: "max", swapMax: "max"}, ""},
		{"limit", configs.Resources{Memory: 4096}, map[string]string{memoryMax: "4096", swapMax: "max"}, ""},
		{"no limit", configs.Resources{Memory: -1, MemoryHigh: -1}, map[string]string{memoryMax: "max", memoryHigh: "max"}, ""},
		{"swap", configs.Resources{Memory: 4096, MemorySwap: 12288}, map[string]string{memoryMax: "4096", swapMax: "8192"}, ""},
		{"no swap", configs.Resources{Memory: 4096, MemorySwap: 4096}, map[string]string{swapMax: "0"}, ""},
		{"unlimited swap", configs.Resources{Memory: 4096, MemorySwap: -1}, map[string]string{swapMax: "max"}, ""},
		{"swap below memory", configs.Resources{Memory: 4096, MemorySwap: 100}, map[string]string{memoryMax: "max"}, "MemorySwap 100"},
		{"swap of no limit", configs.Resources{MemorySwap: 4096}, map[string]string{swapMax: "max"}, "without one of memory"},
		{"protection", configs.Resources{MemoryMin: 1, MemoryLow: 2, MemoryHigh: 3}, map[string]string{memoryMin: "1", memoryLow: "2", memoryHigh: "3"}, ""},
		{"reservation", configs.Resources{MemoryReservation: 5}, map[string]string{memoryLow: "5"}, ""},
		{"low before reservation", configs.Resources{MemoryReservation: 5, MemoryLow: 6}, map[string]string{memoryLow: "6"}, ""},
		{"no protection", configs.Resources{MemoryMin: -1, MemoryReservation: -1}, map[string]string{memoryMin: "0", memoryLow: "0"}, ""},
		{"negative", configs.Resources{Memory: -2}, map[string]string{memoryMax: "max"}, "-2 is negative"},
		{"below usage", configs.Resources{Memory: 4096, MemoryCheckBeforeUpdate: true}, map[string]string{memoryMax: "max"}, "below what is used, 8192 bytes"},
		{"above usage", configs.Resources{Memory: 9000, MemoryCheckBeforeUpdate: true}, map[string]string{memoryMax: "9000"}, ""},
		{"swappiness 0", configs.Resources{MemorySwappiness: 0}, nil, ""},
	})
	runSetTests(t, withFile(files, memoryMax, "4096\n"), []setTest{
		{"swap with the limit there is", configs.Resources{MemorySwap: 12288}, map[string]string{swapMax: "8192"}, ""},
	})
	runSetTests(t, without1(files, swapMax), []setTest{
		{"no swap accounting", configs.Resources{Memory: 4096, MemorySwap: 4096}, map[string]string{memoryMax: "max"},
			"MemorySwap (memory.swap.max) is not supported by this kernel"},
	})
}

func TestMemoryStats(t *testing.T) {
	files := map[string]string{
		"memory.stat":        "anon 100\nfile 200\nkernel 50\nfile_mapped 20\n",
		memoryEvents:         "low 1\nhigh 2\nmax 3\noom 4\noom_kill 5\noom_group_kill 6\n",
		memoryCurrent:        "400\n",
		memoryMax:            "max\n",
		"memory.peak":        "500\n",
		swapCurrent:          "40\n",
		swapMax:              "80\n",
		"memory.swap.peak":   "60\n",
		"memory.swap.events": "high 0\nmax 9\nfail 0\n",
		"memory.numa_stat":   fmt.Sprintf("active_anon N0=%d N1=0\nactive_file N0=0 N1=%d\n", os.Getpagesize(), 2*os.Getpagesize()),
	}
	stats, err := fakeStats(t, "memory", files)
	if err != nil {
		t.Fatal(err)
	}
	m := stats.MemoryStats
	for _, d := range []struct {
		name      string
		got, want cgroups.MemoryData
	}{
		{"memory", m.Usage, cgroups.MemoryData{Usage: 400, MaxUsage: 500, Failcnt: 3, Limit: noMemoryLimit()}},
		{"swap alone", m.SwapOnlyUsage, cgroups.MemoryData{Usage: 40, MaxUsage: 60, Failcnt: 9, Limit: 80}},
		{"both", m.SwapUsage, cgroups.MemoryData{Usage: 440, Failcnt: 9, Limit: noMemoryLimit()}},
		{"kernel", m.KernelUsage, cgroups.MemoryData{Usage: 50}},
	} {
		if d.got != d.want {
			t.Errorf("%s: %+v, want %+v", d.name, d.got, d.want)
		}
	}
	if want := (cgroups.MemoryEvents{Low: 1, High: 2, Max: 3, Oom: 4, OomKill: 5, OomGroupKill: 6}); m.Events != want {
		t.Errorf("events %+v, want %+v", m.Events, want)
	}
	if n := m.Numa.Hierarchical; !m.UseHierarchy || n.Anon.Total != 1 || n.File.Nodes[1] != 2 || n.Total.Total != 3 {
		t.Errorf("hierarchy %v, nodes %+v", m.UseHierarchy, m.Numa)
	}
	// With the names of cgroup v1 besides those of the kernel.
	if want := (map[string]uint64{
		"anon": 100, "file": 200, "kernel": 50, "file_mapped": 20, "cache": 200, "rss": 100, "mapped_file": 20, "swap": 40,
	}); m.Cache != 200 || !maps.Equal(m.Stats, want) {
		t.Errorf("cache %d, stats %v, want %v", m.Cache, m.Stats, want)
	}
}

// An older kernel has neither peaks nor the sum of its own memory, and may account
// for no swap.
func TestMemoryStatsOfOldKernel(t *testing.T) {
	stats, err := fakeStats(t, "memory", map[string]string{
		"memory.stat": "anon 1\nkernel_stack 2\npagetables 3\npercpu 4\nslab 5\n",
		memoryEvents:  "low 0\n", memoryCurrent: "400\n", memoryMax: "800\n",
	})
	if err != nil {
		t.Fatal(err)
	}
	m := stats.MemoryStats
	if want := (cgroups.MemoryData{Usage: 400, Limit: 800}); m.Usage != want || m.KernelUsage.Usage != 14 || m.SwapUsage != (cgroups.MemoryData{}) {
		t.Errorf("got %+v", m)
	}
}
