//go:build linux

package fs

import (
	"maps"
	"testing"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/configs"
)

func TestMemorySet(t *testing.T) {
	files := map[string]string{
		memoryLimit:                   "8192\n",
		memswLimit:                    "16384\n",
		"memory.soft_limit_in_bytes":  "9223372036854771712\n",
		"memory.oom_control":          "oom_kill_disable 0\nunder_oom 0\n",
		"memory.swappiness":           "60\n",
		"memory.usage_in_bytes":       "4096\n",
		tcpLimit:                      "8192\n",
		"memory.memsw.usage_in_bytes": "4096\n",
	}
	noSwap := maps.Clone(files)
	delete(noSwap, memswLimit)
	untouched := configs.Resources{MemorySwappiness: -1}
	with := func(change func(*configs.Resources)) configs.Resources {
		r := untouched
		change(&r)
		return r
	}
	runSetTests(t, "memory", []setTest{
		{"nothing", files, untouched, map[string]string{memoryLimit: "8192", "memory.swappiness": "60"}, ""},
		{"limit", files, with(func(r *configs.Resources) { r.Memory = 4096 }),
			map[string]string{memoryLimit: "4096", memswLimit: "16384"}, ""},
		{"smallest", files, with(func(r *configs.Resources) {
			r.Memory, r.MemorySwap, r.MemoryReservation, r.MemorySwappiness = 1, 1, 1, 0
		}),
			map[string]string{memoryLimit: "1", memswLimit: "1", "memory.soft_limit_in_bytes": "1", "memory.swappiness": "0"}, ""},
		{"growing", files, with(func(r *configs.Resources) { r.Memory, r.MemorySwap = 32768, 65536 }),
			map[string]string{memoryLimit: "32768", memswLimit: "65536"}, ""},
		{"shrinking", files, with(func(r *configs.Resources) { r.Memory, r.MemorySwap = 4096, 4096 }),
			map[string]string{memoryLimit: "4096", memswLimit: "4096"}, ""},
		{"swap alone", files, with(func(r *configs.Resources) { r.MemorySwap = -1 }),
			map[string]string{memoryLimit: "8192", memswLimit: "-1"}, ""},
		{"no limit", files, with(func(r *configs.Resources) { r.Memory = -1 }),
			map[string]string{memoryLimit: "-1", memswLimit: "-1"}, ""},
		{"no limit, no swap accounting", noSwap, with(func(r *configs.Resources) { r.Memory = -1 }),
			map[string]string{memoryLimit: "-1"}, ""},
		{"no swap accounting", noSwap, with(func(r *configs.Resources) { r.Memory, r.MemorySwap = 4096, 4096 }),
			map[string]string{memoryLimit: "8192"}, "MemorySwap (memory.memsw.limit_in_bytes) is not supported by this kernel"},
		{"negative", files, with(func(r *configs.Resources) { r.Memory = -2 }), map[string]string{memoryLimit: "8192"}, "Memory -2"},
		{"reservation", files, with(func(r *configs.Resources) { r.MemoryReservation = 4096 }),
			map[string]string{"memory.soft_limit_in_bytes": "4096"}, ""},
		{"kernel memory", files, with(func(r *configs.Resources) { r.KernelMemory = 4096 }), nil,
			"KernelMemory (memory.kmem.limit_in_bytes) is not supported by this kernel"},
		{"buffers of TCP", files, with(func(r *configs.Resources) { r.KernelMemoryTCP = 4096 }),
			map[string]string{tcpLimit: "4096"}, ""},
		{"no limit for buffers of TCP", files, with(func(r *configs.Resources) { r.KernelMemoryTCP = -1 }),
			map[string]string{tcpLimit: "-1"}, ""},
		{"buffers of TCP negative", files, with(func(r *configs.Resources) { r.KernelMemoryTCP = -2 }),
			map[string]string{tcpLimit: "8192"}, "the limit KernelMemoryTCP -2 is negative"},
		{"no OOM killer", files, with(func(r *configs.Resources) { r.OomKillDisable = true }),
			map[string]string{"memory.oom_control": "1"}, ""},
		{"swappiness 0", files, configs.Resources{}, map[string]string{"memory.swappiness": "0"}, ""},
		{"swappiness 100", files, configs.Resources{MemorySwappiness: 100}, map[string]string{"memory.swappiness": "100"}, ""},
		{"swappiness 101", files, configs.Resources{MemorySwappiness: 101}, map[string]string{"memory.swappiness": "60"}, "MemorySwappiness 101"},
		{"swappiness -2", files, configs.Resources{MemorySwappiness: -2}, map[string]string{"memory.swappiness": "60"}, "MemorySwappiness -2"},
	})
}

func TestMemoryStats(t *testing.T) {
	stats, err := fakeStats(t, "memory", map[string]string{
		"memory.stat":                    "cache 4096\nrss 8192\n",
		"memory.usage_in_bytes":          "12288\n",
		"memory.max_usage_in_bytes":      "16384\n",
		"memory.failcnt":                 "2\n",
		"memory.oom_control":             "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n",
		memoryLimit:                      "9223372036854771712\n",
		"memory.kmem.usage_in_bytes":     "100\n",
		"memory.kmem.max_usage_in_bytes": "200\n",
		"memory.kmem.tcp.usage_in_bytes": "300\n",
		"memory.kmem.tcp.failcnt":        "4\n",
		"memory.use_hierarchy":           "1\n",
		"memory.numa_stat":               "total=3 N0=3\nfile=1 N0=1\nanon=2 N0=2\nunevictable=0 N0=0\nhierarchical_total=5 N0=5\n",
	})
	if err != nil {
		t.Fatal(err)
	}
	m := stats.MemoryStats
	if want := (cgroups.MemoryData{Usage: 12288, MaxUsage: 16384, Failcnt: 2, Limit: 9223372036854771712}); m.Usage != want {
		t.Errorf("usage %+v, want %+v", m.Usage, want)
	}
	if want := (cgroups.MemoryData{Usage: 100, MaxUsage: 200}); m.KernelUsage != want {
		t.Errorf("kernel usage %+v, want %+v", m.KernelUsage, want)
	}
	if want := (cgroups.MemoryData{Usage: 300, Failcnt: 4}); m.KernelTCPUsage != want {
		t.Errorf("usage of TCP %+v, want %+v", m.KernelTCPUsage, want)
	}
	if !m.UseHierarchy || m.Numa.Own.Anon.Nodes[0] != 2 || m.Numa.Hierarchical.Total.Total != 5 {
		t.Errorf("hierarchy %v, nodes %+v", m.UseHierarchy, m.Numa)
	}
	if want := (cgroups.MemoryEvents{OomKill: 3}); m.Events != want {
		t.Errorf("events %+v, want %+v", m.Events, want)
	}
	if m.SwapUsage != (cgroups.MemoryData{}) || m.Cache != 4096 || !maps.Equal(m.Stats, map[string]uint64{"cache": 4096, "rss": 8192}) {
		t.Errorf("got %+v", m)
	}
}
