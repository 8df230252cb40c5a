// The host's side: state.json, and finding the init process that it names.

package libcontainer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
)

const stateName = "state.json"

// writeState replaces the state file of the container directory atomically: a
// reader, or a crash, sees the old or the new one whole.
func writeState(dir string, state *State) error {
	data, err := json.Marshal(state)
	if err != nil {
		return fmt.Errorf("encode state: %w", err)
	}
	name := filepath.Join(dir, stateName)
	tmp := name + ".new"
	if err := os.WriteFile(tmp, data, 0o600); err != nil {
		return fmt.Errorf("write state: %w", err)
	}
	if err := os.Rename(tmp, name); err != nil {
		return fmt.Errorf("replace state: %w", err)
	}
	return nil
}

func readState(dir string) (*State, error) {
	name := filepath.Join(dir, stateName)
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read state: %w", err)
	}
	state := new(State)
	if err := json.Unmarshal(data, state); err != nil {
		return nil, fmt.Errorf("decode %s: %w", name, err)
	}
	if state.InitProcessPid < 0 {
		return nil, fmt.Errorf("decode %s: init_process_pid %d is negative", name, state.InitProcessPid)
	}
	return state, nil
}

// initRef is a reference to an init process that no later process of the same
// pid can take over.
type initRef struct {
	pid   int
	start string // field 22 of /proc/[pid]/stat
	pidfd int    // -1: the process has been reaped
}

// newInitRef makes a reference to a process that runs, or is an unreaped child.
func newInitRef(pid int) (*initRef, error) {
	pidfd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return nil, fmt.Errorf("pidfd_open init process %d: %w", pid, err)
	}
	start, err := startTime(pid)
	if err != nil {
		unix.Close(pidfd)
		return nil, err
	}
	return &initRef{pid: pid, start: start, pidfd: pidfd}, nil
}

// findInit makes a reference to the process that a state file names. If the pid
// has gone, or belongs to another process now, the reference is to a dead one.
func findInit(pid int, start string) (*initRef, error) {
	dead := &initRef{pid: pid, start: start, pidfd: -1}
	ref, err := newInitRef(pid)
	if errors.Is(err, unix.ESRCH) || errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.EINVAL) {
		return dead, nil
	}
	if err != nil {
		return nil, err
	}
	if ref.start != start {
		ref.close()
		return dead, nil
	}
	return ref, nil
}

// alive tells whether the process runs; a zombie does not.
func (r *initRef) alive() (bool, error) {
	if r == nil || r.pidfd < 0 {
		return false, nil
	}
	n, err := r.poll(0)
	return n == 0, err
}

// waitDead blocks until the process has ended. It does not reap it.
func (r *initRef) waitDead() error {
	if r == nil || r.pidfd < 0 {
		return nil
	}
	_, err := r.poll(-1)
	return err
}

func (r *initRef) poll(timeout int) (int, error) {
	fds := []unix.PollFd{{Fd: int32(r.pidfd), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(fds, timeout)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("poll pidfd of init process %d: %w", r.pid, err)
		}
		return n, nil
	}
}

// kill sends a signal; that the process has ended already is no error.
func (r *initRef) kill(sig unix.Signal) error {
	if r == nil || r.pidfd < 0 {
		return nil
	}
	err := unix.PidfdSendSignal(r.pidfd, sig, nil, 0)
	if err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("send signal %d to init process %d: %w", sig, r.pid, err)
	}
	return nil
}

// file returns a copy of the pidfd to pass to a child.
func (r *initRef) file() (*os.File, error) {
	fd, err := unix.FcntlInt(uintptr(r.pidfd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("duplicate pidfd of init process %d: %w", r.pid, err)
	}
	return os.NewFile(uintptr(fd), "pidfd"), nil
}

func (r *initRef) close() {
	if r != nil && r.pidfd >= 0 {
		unix.Close(r.pidfd)
		r.pidfd = -1
	}
}

// startTime reads field 22 of /proc/[pid]/stat (proc(5)). The second field, the
// command's name, may hold anything; the last ')' ends it.
func startTime(pid int) (string, error) {
	name := "/proc/" + strconv.Itoa(pid) + "/stat"
	data, err := os.ReadFile(name)
	if err != nil {
		return "", fmt.Errorf("read start time of process %d: %w", pid, err)
	}
	fields := bytes.Fields(data[bytes.LastIndexByte(data, ')')+1:])
	if len(fields) < 20 {
		return "", fmt.Errorf("read start time of process %d: %s has %d fields after the name", pid, name, len(fields))
	}
	return string(fields[19]), nil
}

// namespacePaths gives the paths of all namespaces of a process.
func namespacePaths(pid int) map[configs.NamespaceType]string {
	paths := make(map[configs.NamespaceType]string)
	for _, t := range configs.NamespaceTypes() {
		ns := configs.Namespace{Type: t}
		paths[t] = ns.GetPath(pid)
	}
	return paths
}
