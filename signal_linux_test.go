package libcontainer

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/internal/pidfd"
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
		var met []int
		err := v.eachMembers(func(members []*pidfd.Process) error {
			for _, ref := range members {
				met = append(met, ref.Pid())
			}
			return nil
		})
		if err != nil || !slices.Equal(met, list) {
			t.Errorf("members of %v are %v, error %v", list, met, err)
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

// crowd is the driver of a cgroup with many processes.
type crowd struct {
	cgroups.Driver
	pids []int
}

func (crowd) GetPaths() map[string]string {
	return map[string]string{"freezer": "/sys/fs/cgroup/freezer/crowd"}
}

// GetAllPids leaves out those that wait to be reaped: they are in no cgroup.
func (c crowd) GetAllPids() (pids []int, err error) {
	for _, pid := range c.pids {
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err == nil && !strings.Contains(string(data), ") Z ") {
			pids = append(pids, pid)
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, unix.ESRCH) {
			return nil, err
		}
	}
	return pids, nil
}

func (crowd) Kill() error { return errors.ErrUnsupported }

func (crowd) ThawAll() error { return nil }

func (crowd) Within(context.Context) func() { return func() {} }

// startCrowd starts a shell that ends when all of its many children have.
func startCrowd(t *testing.T) (*exec.Cmd, *view) {
	t.Helper()
	const size = 300
	script := "i=0; while [ $i -lt $0 ]; do sleep 1000 & echo $!; i=$((i+1)); done; wait"
	cmd := exec.Command("sh", "-c", script, strconv.Itoa(size))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var driver crowd
	t.Cleanup(func() {
		pids, _ := driver.GetAllPids()
		for _, pid := range pids {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
	})
	for lines := bufio.NewScanner(out); len(driver.pids) < size && lines.Scan(); {
		pid, err := strconv.Atoi(lines.Text())
		if err != nil {
			t.Fatal(err)
		}
		driver.pids = append(driver.pids, pid)
	}
	if pids, err := driver.GetAllPids(); err != nil || len(pids) != size {
		t.Fatalf("%d children, %v", len(pids), err)
	}
	return cmd, &view{phase: phaseRunning, config: &configs.Config{Cgroups: new(configs.Cgroup)}, cgroups: driver}
}

// A container has more processes than this program free descriptors.
func TestFewDescriptorsForManyProcesses(t *testing.T) {
	for name, end := range map[string]func(*view) error{
		"signal":  func(v *view) error { return v.signalAll(unix.SIGTERM) },
		"kill":    func(v *view) error { return v.signalAll(unix.SIGKILL) },
		"destroy": func(v *view) error { return v.killCgroup(context.Background(), true) },
	} {
		t.Run(name, func(t *testing.T) {
			cmd, v := startCrowd(t)
			limitFiles(t, 24)
			if err := end(v); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Wait(); err != nil { // for its children
				t.Error(err)
			}
		})
	}
}

// limitFiles leaves this process so many free descriptors until the test ends.
func limitFiles(t *testing.T, free uint64) {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	highest := uint64(0)
	for _, e := range entries {
		fd, err := strconv.ParseUint(e.Name(), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		highest = max(highest, fd)
	}
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: highest + free, Max: before.Max}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
			t.Error(err)
		}
	})
}
