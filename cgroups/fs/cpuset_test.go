//go:build linux

package fs

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgmanager"
	"github.com/libcontainer/libcontainer/configs"
)

func TestCpusetSet(t *testing.T) {
	files := map[string]string{cpusetCpus: "0-3\n", cpusetMems: "0\n"}
	runSetTests(t, "cpuset", []setTest{
		{"cpus", files, configs.Resources{CpusetCpus: "1,3"}, map[string]string{cpusetCpus: "1,3", cpusetMems: "0"}, ""},
		{"mems", files, configs.Resources{CpusetMems: "0-1"}, map[string]string{cpusetCpus: "0-3", cpusetMems: "0-1"}, ""},
		{"missing", nil, configs.Resources{CpusetMems: "0"}, nil, "CpusetMems (cpuset.mems)"},
	})
}

func TestCpusetInherit(t *testing.T) {
	s, dir := fakeHybrid(t, "/")
	base := filepath.Join(dir, "cpuset")
	// The parent was made by somebody who has not come to fill it; the
	// container's has its CPUs already.
	fill(t, filepath.Join(base, "p"), map[string]string{cpusetCpus: "\n", cpusetMems: "\n"})
	fill(t, filepath.Join(base, "p/c"), map[string]string{cpusetCpus: "2\n", cpusetMems: "\n"})
	m := &Manager{Cgroups: &configs.Cgroup{Parent: "p", Name: "c"}, state: cgmanager.State{Snapshot: s, Kind: cgdir.Any}}
	if err := m.Create(); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		"p/cpuset.cpus": "0-3", "p/cpuset.mems": "0", "p/c/cpuset.cpus": "2", "p/c/cpuset.mems": "0",
	} {
		if got := readFile(t, filepath.Join(base, file)); got != want {
			t.Errorf("%s is %q, want %q", file, got, want)
		}
	}
}

func TestCpusetNothingToInherit(t *testing.T) {
	s, dir := fakeHybrid(t, "/")
	base := filepath.Join(dir, "cpuset")
	fill(t, base, map[string]string{cpusetCpus: "\n", cpusetMems: "\n"})
	fill(t, filepath.Join(base, "c"), map[string]string{cpusetCpus: "\n", cpusetMems: "\n"})
	m := &Manager{Cgroups: &configs.Cgroup{Name: "c"}, state: cgmanager.State{Snapshot: s, Kind: cgdir.Any}}
	err := m.Create()
	if err == nil || !strings.Contains(err.Error(), filepath.Join(base, cpusetCpus)) {
		t.Errorf("got %v, want an error that names the empty file", err)
	}
}

func TestCpusetStats(t *testing.T) {
	stats, err := fakeStats(t, "cpuset", map[string]string{
		cpusetCpus: "0-1,3\n", cpusetMems: "0\n", "cpuset.effective_cpus": "0-1\n", "cpuset.effective_mems": "0\n",
		"cpuset.cpu_exclusive": "1\n", "cpuset.mem_exclusive": "0\n", "cpuset.mem_hardwall": "1\n", "cpuset.memory_migrate": "1\n",
		"cpuset.memory_spread_page": "1\n", "cpuset.memory_spread_slab": "0\n", "cpuset.memory_pressure": "12\n",
		"cpuset.sched_load_balance": "1\n", "cpuset.sched_relax_domain_level": "-1\n",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := cgroups.CpusetStats{
		Cpus: []int{0, 1, 3}, Mems: []int{0}, EffectiveCpus: []int{0, 1}, EffectiveMems: []int{0},
		CpuExclusive: true, MemHardwall: true, MemoryMigrate: true, MemorySpreadPage: true, MemoryPressure: 12,
		SchedLoadBalance: true, SchedRelaxDomainLevel: -1,
	}
	if !reflect.DeepEqual(stats.CpusetStats, want) {
		t.Errorf("got %+v, want %+v", stats.CpusetStats, want)
	}
	for _, file := range []string{cpusetCpus, "cpuset.memory_migrate", "cpuset.memory_pressure", "cpuset.sched_relax_domain_level"} {
		if _, err := fakeStats(t, "cpuset", map[string]string{file: "x\n"}); err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: error %v, want one that names it", file, err)
		}
	}
}
