//go:build linux

package cgroups

import (
	"context"
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
// the deepest first, however many levels there are and however long their paths.
// It only calls rmdir(2), so that it never removes a file, and it ends no process.
// A directory that does not exist is no error. If processes are still leaving a
// cgroup (EBUSY), RemovePaths waits for them through their pidfds, up to 5 seconds
// in all; an error names the cgroup, a long path without its middle, and, if there
// are any, the processes in it. All paths are tried even if one fails.
func RemovePaths(paths map[string]string) (err error) {
	return RemovePathsContext(context.Background(), paths)
}

// RemovePathsContext is RemovePaths, which waits no longer than the context lasts.
func RemovePathsContext(ctx context.Context, paths map[string]string) (err error) {
	r := remover{ctx: ctx, deadline: time.Now().Add(removeTimeout), exited: make(map[int]bool)}
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
	ctx      context.Context
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
	dir, err := cgdir.Open(path, cgdir.Any)
	if cgdir.IsGone(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer dir.Close()
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		if err := r.removeBelow(dir); err != nil {
			return err
		}
		err = rmdir(path)
		if !errors.Is(err, unix.EBUSY) {
			return err
		}
		if err := r.waitFor(dir, err, pause); err != nil {
			return err
		}
	}
}

// removeBelow removes the directories below dir, the deepest first.
func (r *remover) removeBelow(dir *cgdir.Dir) error {
	names, err := dir.Subdirs()
	if cgdir.IsGone(err) {
		return nil
	}
	if err != nil {
		return err
	}
	c := dir.Cursor()
	defer c.Close()
	left := [][]string{names} // for each level, what has not been tried
	for {
		level := len(left) - 1
		if len(left[level]) > 0 {
			name := left[level][0]
			left[level] = left[level][1:]
			entered, err := r.removeOrEnter(c, name)
			if err != nil {
				return err
			}
			if entered {
				names, err := c.Dir().Subdirs()
				if err != nil && !cgdir.IsGone(err) {
					return err
				}
				left = append(left, names)
			}
			continue
		}
		if level == 0 {
			return nil
		}
		if names, err = r.removeAndLeave(c); err != nil {
			return err
		}
		if left[level] = names; len(names) == 0 {
			left = left[:level]
		}
	}
}

// maxDepth bounds how deep the walk goes. A tree that is deeper takes gigabytes of the
// kernel's memory; it rather is one that a process makes deeper all the time.
const maxDepth = 1 << 18

// removeOrEnter removes the directory name where the cursor is, or goes into it if
// something is in it.
func (r *remover) removeOrEnter(c *cgdir.Cursor, name string) (entered bool, err error) {
	err = c.Dir().Rmdir(name)
	if err == nil || cgdir.IsGone(err) {
		return false, nil
	}
	if !errors.Is(err, unix.EBUSY) && !errors.Is(err, unix.ENOTEMPTY) || c.Depth() == maxDepth {
		return false, &os.PathError{Op: "rmdir", Path: c.Dir().Path(name), Err: err}
	}
	err = c.Down(name)
	if cgdir.IsGone(err) {
		return false, nil
	}
	return err == nil, err
}

// removeAndLeave removes the directory where the cursor is, in which there was no other
// any more, from the one above. While there are processes in it it waits for them. If
// somebody has made directories in it meanwhile it stays, and returns those.
func (r *remover) removeAndLeave(c *cgdir.Cursor) (names []string, err error) {
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		name, err := c.Up()
		if err != nil {
			return nil, err
		}
		err = c.Dir().Rmdir(name)
		if err == nil || cgdir.IsGone(err) {
			return nil, nil
		}
		err = &os.PathError{Op: "rmdir", Path: c.Dir().Path(name), Err: err}
		if !errors.Is(err, unix.EBUSY) {
			return nil, err
		}
		if downErr := c.Down(name); cgdir.IsGone(downErr) {
			return nil, nil
		} else if downErr != nil {
			return nil, downErr
		}
		if err := r.waitFor(c.Dir(), err, pause); err != nil {
			return nil, err
		}
		if names, err = c.Dir().Subdirs(); err != nil && !cgdir.IsGone(err) {
			return nil, err
		}
		if len(names) > 0 {
			return names, nil
		}
	}
}

// waitFor waits for the processes in dir, which could not be removed because of busy.
// After the deadline it returns that.
func (r *remover) waitFor(dir *cgdir.Dir, busy error, pause time.Duration) error {
	if r.ctx.Err() != nil {
		return fmt.Errorf("%w: %w", busy, context.Cause(r.ctx))
	}
	pids, _ := readPids(dir)
	if time.Now().After(r.deadline) {
		return busyError(busy, pids)
	}
	return r.waitExit(pids, pause)
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
		// ENOENT, or EINVAL on older kernels: the pid has become that of a thread.
		if errors.Is(err, unix.ESRCH) || errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EINVAL) {
			continue
		}
		if errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE) {
			break // those that are open are enough, and without any there is the pause
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
	if r.ctx.Done() != nil {
		timeout = min(timeout, longestPause)
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
