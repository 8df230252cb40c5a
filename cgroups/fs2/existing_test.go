//go:build linux

package fs2

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgfreeze"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgmanager"
	"github.com/libcontainer/libcontainer/configs"
)

// The classic library's callers look at a container with a manager that has no Paths.
func TestManagerWithoutPaths(t *testing.T) {
	s, dir := fakeMachine(t, "/")
	cgroup := &configs.Cgroup{Name: "c"}
	unused := func() *Manager {
		return &Manager{Cgroups: cgroup, state: cgmanager.State{Snapshot: s, Kind: cgdir.Any}}
	}
	if _, err := unused().GetPids(); err == nil {
		t.Error("a cgroup that does not exist has processes")
	}
	if err := unused().Destroy(); err != nil {
		t.Errorf("destroy nothing: %v", err)
	}
	fill(t, filepath.Join(dir, "c"), map[string]string{"cgroup.procs": "17\n", cgfreeze.File: "0\n", "cgroup.events": "populated 1\nfrozen 1\n"})
	for _, get := range []func() ([]int, error){unused().GetPids, unused().GetAllPids} {
		if pids, err := get(); err != nil || !slices.Equal(pids, []int{17}) {
			t.Errorf("processes %v, error %v; want 17", pids, err)
		}
	}
	if err := unused().Freeze(configs.Frozen); err != nil {
		t.Errorf("freeze: %v", err)
	}
	if got := readFile(t, filepath.Join(dir, "c", cgfreeze.File)); got != "1" {
		t.Errorf("cgroup.freeze is %q, want 1", got)
	}
	joins := &Manager{Cgroups: &configs.Cgroup{Paths: map[string]string{"": filepath.Join(dir, "c")}}, state: cgmanager.State{Snapshot: s, Kind: cgdir.Any}}
	if pids, err := joins.GetPids(); err != nil || !slices.Equal(pids, []int{17}) {
		t.Errorf("processes of a joined cgroup %v, error %v; want 17", pids, err)
	}
	planned := unused()
	if _, _, err := planned.Plan(); err == nil {
		t.Error("a cgroup in use was planned")
	}
	if _, err := planned.GetPids(); err == nil {
		t.Error("a manager that has planned takes another's cgroup for its own")
	}
}
