package libcontainer

import (
	"fmt"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/configs"
)

// gone is of a cgroup that another process removes while it is read.
type gone struct {
	cgroups.Driver
	errno unix.Errno
}

func (gone) GetPaths() map[string]string { return map[string]string{"": "/sys/fs/cgroup/gone"} }

func (g gone) GetAllPids() ([]int, error) { return nil, fmt.Errorf("read cgroup.procs: %w", g.errno) }

func TestListPidsOfRemovedCgroup(t *testing.T) {
	for errno, fails := range map[unix.Errno]bool{unix.ENOENT: false, unix.ENODEV: false, unix.EACCES: true} {
		v := &view{phase: phaseRunning, config: &configs.Config{Cgroups: new(configs.Cgroup)}, cgroups: gone{errno: errno}}
		if pids, err := v.listPids(); (err != nil) != fails || pids != nil {
			t.Errorf("%v: %v, error %v", errno, pids, err)
		}
	}
}

// listed has processes in an order of its own, as a manager of the embedder's may.
type listed struct {
	cgroups.Driver
	pids []int
}

func (listed) GetPaths() map[string]string { return map[string]string{"": "/sys/fs/cgroup/some"} }

func (l listed) GetAllPids() ([]int, error) { return l.pids, nil }

// Pids wrap: a process that was started later may have the lower one.
func TestMembersOfUnsortedList(t *testing.T) {
	var pids []int
	for range 5 {
		pids = append(pids, startIdle(t).Pid())
	}
	for _, order := range [][]int{{0, 1, 2, 3, 4}, {4, 3, 2, 1, 0}, {2, 4, 0, 3, 1}} {
		var list []int
		for _, i := range order {
			list = append(list, pids[i])
		}
		v := &view{phase: phaseRunning, config: &configs.Config{Cgroups: new(configs.Cgroup)}, cgroups: listed{pids: list}}
		members, err := v.members()
		if err != nil || len(members) != len(list) {
			t.Errorf("of %v there are %d members, error %v", list, len(members), err)
		}
		for _, ref := range members {
			ref.Close()
		}
	}
}

// startRun is startIdle of a process of a container.
func startRun(t *testing.T) *runningProcess {
	t.Helper()
	return newRunningProcess(startIdle(t), new(Process), nil, nil)
}

// Without cgroups and a pid namespace a handle knows what it has started, in the order
// of pids, also when init has ended.
func TestListPidsWithoutCgroup(t *testing.T) {
	c := newTestContainer(t)
	runs := []*runningProcess{startRun(t), startRun(t), startRun(t)}
	c.children.add(runs[0])
	c.children.add(runs[2])
	v := &view{c: c, phase: phaseRunning, config: c.view().config, cgroups: without{}, init: runs[1].ref}
	want := []int{runs[0].pid(), runs[1].pid(), runs[2].pid()}
	slices.Sort(want)
	if pids, err := v.listPids(); err != nil || !slices.Equal(pids, want) {
		t.Errorf("listed are %v, error %v, want %v", pids, err, want)
	}
	v.init = nil
	want = []int{runs[0].pid(), runs[2].pid()}
	slices.Sort(want)
	if pids, err := v.listPids(); err != nil || !slices.Equal(pids, want) {
		t.Errorf("after the end of init, listed are %v, error %v, want %v", pids, err, want)
	}
	v.config = &configs.Config{Namespaces: configs.Namespaces{{Type: configs.NEWPID}}}
	if pids, err := v.listPids(); err != nil || len(pids) != 0 {
		t.Errorf("a pid namespace has ended, and listed are %v, error %v", pids, err)
	}
}

// without is the driver of a container that has no cgroups.
type without struct{ cgroups.Driver }

func (without) GetPaths() map[string]string { return nil }
