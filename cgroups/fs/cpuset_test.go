//go:build linux

package fs

import (
	"path/filepath"
	"strings"
	"testing"

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
