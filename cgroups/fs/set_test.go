//go:build linux

package fs

import (
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgmanager"
	"github.com/libcontainer/libcontainer/configs"
)

// A limit of a controller that is not mounted is an error which names both.
func TestSetNotMounted(t *testing.T) {
	throttle := []*configs.ThrottleDevice{configs.NewThrottleDevice(8, 0, 1)}
	for _, test := range []struct {
		field, key string
		resources  configs.Resources
	}{
		{"CpuShares", "cpu", configs.Resources{CpuShares: 2}},
		{"CpuQuota", "cpu", configs.Resources{CpuQuota: 2}},
		{"CpuPeriod", "cpu", configs.Resources{CpuPeriod: 2}},
		{"CpuRtRuntime", "cpu", configs.Resources{CpuRtRuntime: 2}},
		{"CpuRtPeriod", "cpu", configs.Resources{CpuRtPeriod: 2}},
		{"CpusetCpus", "cpuset", configs.Resources{CpusetCpus: "0"}},
		{"CpusetMems", "cpuset", configs.Resources{CpusetMems: "0"}},
		{"Memory", "memory", configs.Resources{Memory: 1}},
		{"MemorySwap", "memory", configs.Resources{MemorySwap: 1}},
		{"MemoryReservation", "memory", configs.Resources{MemoryReservation: 1}},
		{"KernelMemory", "memory", configs.Resources{KernelMemory: 1}},
		{"KernelMemoryTCP", "memory", configs.Resources{KernelMemoryTCP: 1}},
		{"OomKillDisable", "memory", configs.Resources{OomKillDisable: true}},
		{"MemorySwappiness", "memory", configs.Resources{MemorySwappiness: 1}},
		{"MemorySwappiness", "memory", configs.Resources{MemorySwappiness: -2}},
		{"PidsLimit", "pids", configs.Resources{PidsLimit: 1}},
		{"BlkioWeight", "blkio", configs.Resources{BlkioWeight: 10}},
		{"BlkioLeafWeight", "blkio", configs.Resources{BlkioLeafWeight: 10}},
		{"BlkioWeightDevice", "blkio", configs.Resources{BlkioWeightDevice: []*configs.WeightDevice{nil}}},
		{"BlkioThrottleReadBpsDevice", "blkio", configs.Resources{BlkioThrottleReadBpsDevice: throttle}},
		{"BlkioThrottleWriteBpsDevice", "blkio", configs.Resources{BlkioThrottleWriteBpsDevice: throttle}},
		{"BlkioThrottleReadIOPSDevice", "blkio", configs.Resources{BlkioThrottleReadIOPSDevice: throttle}},
		{"BlkioThrottleWriteIOPSDevice", "blkio", configs.Resources{BlkioThrottleWriteIOPSDevice: throttle}},
		{"HugetlbLimit", "hugetlb", configs.Resources{HugetlbLimit: []*configs.HugepageLimit{{Pagesize: "2MB"}}}},
		{"NetClsClassid", "net_cls", configs.Resources{NetClsClassid: "1"}},
		{"NetPrioIfpriomap", "net_prio", configs.Resources{NetPrioIfpriomap: []*configs.IfPrioMap{{}}}},
		{"DeniedDevices", "devices", configs.Resources{DeniedDevices: []*configs.Device{nil}}},
		{"Freezer", "freezer", configs.Resources{Freezer: configs.Frozen}},
	} {
		t.Run(test.field, func(t *testing.T) {
			m, _ := fakeManager(t, "name=test", nil)
			test.resources.AllowAllDevices = true
			err := m.Set(config(&test.resources))
			if !cgroups.IsNotFound(err) || !strings.Contains(err.Error(), test.field) || !strings.Contains(err.Error(), test.key) {
				t.Errorf("got %v, want a NotFoundError for %s with %s", err, test.key, test.field)
			}
		})
	}
}

func TestSetNothing(t *testing.T) {
	// There is no file at all: each write would fail.
	m, _ := fakeManager(t, "cpu", nil)
	for name, c := range map[string]*configs.Config{
		"nil":               nil,
		"no cgroups":        {},
		"no resources":      {Cgroups: &configs.Cgroup{}},
		"nothing asked for": config(&configs.Resources{AllowAllDevices: true, PidsLimit: -1}),
	} {
		if err := m.Set(c); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	// No access to devices is the default, and cannot be had here.
	if err := m.Set(config(&configs.Resources{})); !cgroups.IsNotFound(err) {
		t.Errorf("without AllowAllDevices: %v, want a NotFoundError", err)
	}
	none := &Manager{Cgroups: &configs.Cgroup{Name: "c"}, state: cgmanager.State{Kind: cgdir.Any}}
	if err := none.Set(config(&configs.Resources{})); err == nil {
		t.Error("Set without cgroups succeeded")
	}
}

// A failure restores what was written, in all controllers.
func TestSetRollback(t *testing.T) {
	cpu := fakeCgroup(t, map[string]string{"cpu.shares": "1024\n"})
	memory := fakeCgroup(t, map[string]string{
		memoryLimit:          "9223372036854771712\n",
		"memory.oom_control": "oom_kill_disable 0\nunder_oom 0\n",
		"memory.swappiness":  "60\n",
	})
	m := &Manager{
		Cgroups: &configs.Cgroup{Name: "c"},
		Paths:   map[string]string{"cpu": cpu, "memory": memory},
		state:   cgmanager.State{Kind: cgdir.Any},
	}
	err := m.Set(config(&configs.Resources{
		AllowAllDevices: true,
		CpuShares:       10,
		Memory:          4096,
		OomKillDisable:  true,
		PidsLimit:       1,
	}))
	if !cgroups.IsNotFound(err) {
		t.Fatalf("got %v, want a NotFoundError", err)
	}
	for file, want := range map[string]string{
		filepath.Join(cpu, "cpu.shares"):            "1024",
		filepath.Join(memory, memoryLimit):          "9223372036854771712",
		filepath.Join(memory, "memory.oom_control"): "0",
		filepath.Join(memory, "memory.swappiness"):  "60",
	} {
		if got := readFile(t, file); got != want {
			t.Errorf("%s is %q, want %q", file, got, want)
		}
	}
}

// A file that is missing is told from a cgroup that has vanished.
func TestSetVanished(t *testing.T) {
	m, dir := fakeManager(t, "pids", nil)
	limit := config(&configs.Resources{AllowAllDevices: true, PidsLimit: 1})
	if err := m.Set(limit); err == nil || !strings.Contains(err.Error(), "not supported by this kernel") {
		t.Errorf("without pids.max: %v", err)
	}
	m.Paths["pids"] = dir + "/gone"
	err := m.Set(limit)
	if err == nil || strings.Contains(err.Error(), "not supported") || !strings.Contains(err.Error(), dir+"/gone") {
		t.Errorf("without the cgroup: %v", err)
	}
}

// All methods at once; the race detector is the judge.
func TestConcurrent(t *testing.T) {
	m, dir := fakeManager(t, "devices", map[string]string{devicesList: allowsAllList, devicesAllow: "", devicesDeny: ""})
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			r := &configs.Resources{AllowAllDevices: true, DeniedDevices: []*configs.Device{device('c', 1, int64(i), "rwm")}}
			if err := m.Set(config(r)); err != nil {
				t.Error(err)
			}
			if got := m.GetPaths()["devices"]; got != dir {
				t.Errorf("the path is %q", got)
			}
			if _, err := m.GetStats(); err != nil {
				t.Error(err)
			}
			if err := m.Enter(17, cgroups.StageExec); err != nil {
				t.Error(err)
			}
			if _, err := m.GetAllPids(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if !m.devices.known || len(m.devices.denied) != 1 {
		t.Errorf("the manager knows %+v of the denied devices, want one", m.devices)
	}
}
