//go:build linux

package cgroups

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
)

const (
	// removeTimeout bounds how long RemovePaths waits, in all, for
	// processes to leave.
	removeTimeout = 5 * time.Second

	// The kernel may keep a cgroup busy for a moment after its last process
	// has gone, without any means to be told of the end of that; these are
	// the first and the longest pause between two tries.
	firstPause   = 100 * time.Microsecond
	longestPause = 20 * time.Millisecond

	// maxPidfds bounds the descriptors opened at once. One exit is enough
	// to look again.
	maxPidfds = 64
)

// RemovePaths removes the cgroup directories paths with all their sub-cgroups,
// the deepest first. It only calls rmdir(2), so that it never removes a file,
// and it ends no process. A directory that does not exist is no error. If
// processes are still leaving a cgroup (EBUSY), RemovePaths waits for them
// through their pidfds, up to 5 seconds in all; an error names the cgroup and,
// if there are any, the processes in it. All paths are tried even if one
// fails.
func RemovePaths(paths map[string]string) (err error) {
	r := remover{deadline: time.Now().Add(removeTimeout), exited: make(map[int]bool)}
	var dirs []string
	for _, path := range paths {
		dirs = append(dirs, path)
	}
	slices.Sort(dirs)
	var errs []error
	for _, dir := range slices.Compact(dirs) {
		if err := cgdir.CheckPath(dir); err != nil {
			errs = append(errs, fmt.Errorf("remove cgroup: %w", err))
			continue
		}
		if err := r.removeTree(dir); err != nil {
			errs = append(errs, fmt.Errorf("remove cgroup: %w", err))
		}
	}
	return errors.Join(errs...)
}

// remover removes trees of cgroups until a common deadline.
type remover struct {
	deadline time.Time

	// exited holds processes that are known to have exited. A cgroup may
	// list them still, and there is nothing more to wait for then.
	exited map[int]bool
}

// removeTree removes path and the directories below it. Most cgroups have
// none, and for them the first rmdir is all that is done.
func (r *remover) removeTree(path string) error {
	err := rmdir(path)
	if !errors.Is(err, unix.EBUSY) && !errors.Is(err, unix.ENOTEMPTY) {
		return err
	}
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		if err := r.removeChildren(path); err != nil {
			return err
		}
		err = rmdir(path)
		if !errors.Is(err, unix.EBUSY) {
			return err
		}
		pids, _ := GetPids(path)
		if time.Now().After(r.deadline) {
			return busyError(err, pids)
		}
		if err := r.waitExit(pids, pause); err != nil {
			return err
		}
	}
}

// removeChildren removes the directories below path.
func (r *remover) removeChildren(path string) error {
	entries, err := os.ReadDir(path)
	if cgdir.IsGone(err) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if !entry.IsDir() {
			continue
		}
		if err := r.removeTree(path + "/" + entry.Name()); err != nil {
			return err
		}
	}
	return nil
}

// waitExit waits until one of pids exits, or the deadline. Without any pid that
// could exit it waits for pause.
func (r *remover) waitExit(pids []int, pause time.Duration) error {
	var fds []unix.PollFd
	defer func() {
		for _, fd := range fds {
			unix.Close(int(fd.Fd))
		}
	}()
	var waited []int
	for _, pid := range pids {
		if r.exited[pid] || len(fds) == maxPidfds {
			continue
		}
		fd, err := unix.PidfdOpen(pid, 0)
		if errors.Is(err, unix.ESRCH) {
			continue
		}
		if err != nil {
			return fmt.Errorf("open a pidfd of process %d: %w", pid, err)
		}
		fds = append(fds, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN})
		waited = append(waited, pid)
	}
	timeout := pause
	if len(fds) > 0 {
		timeout = max(time.Until(r.deadline), 0)
	}
	ts := unix.NsecToTimespec(timeout.Nanoseconds())
	if _, err := unix.Ppoll(fds, &ts, nil); err != nil && !errors.Is(err, unix.EINTR) {
		return fmt.Errorf("poll pidfds: %w", err)
	}
	for i, fd := range fds {
		if fd.Revents != 0 {
			r.exited[waited[i]] = true
		}
	}
	return nil
}

// rmdir removes the directory path; that there is none is no error.
func rmdir(path string) error {
	for {
		err := unix.Rmdir(path)
		switch {
		case err == nil, errors.Is(err, fs.ErrNotExist):
			return nil
		case errors.Is(err, unix.EINTR):
			continue
		}
		return &os.PathError{Op: "rmdir", Path: path, Err: err}
	}
}

func busyError(err error, pids []int) error {
	if len(pids) == 0 {
		return fmt.Errorf("%w after waiting for %v", err, removeTimeout)
	}
	return fmt.Errorf("%w after waiting for %v: it still has the processes %v", err, removeTimeout, pids)
}
