// The host's side: waiting for processes, whoever has started them.

package libcontainer

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

func (c *linuxContainer) Wait(ctx context.Context) (syscall.WaitStatus, error) {
	const step = "wait for container"
	unlock, err := c.look(step)
	if err != nil {
		return 0, err
	}
	if c.init == nil {
		unlock()
		return 0, errorf(ContainerNotRunning, "%s: container %q has not been started", step, c.id)
	}
	run := c.initRun
	var ref *initRef
	if run == nil { // else it is awaited already, and that needs no descriptor more
		ref = c.init.clone()
	}
	unlock()
	defer ref.close()
	status, err := c.initStatus(ctx, ref, run)
	if err != nil {
		return 0, newSystemError(fmt.Errorf("%s %q: %w", step, c.id, err))
	}
	return status, nil
}

// initStatus waits for the end of an init process, which is run if this handle
// has started it.
func (c *linuxContainer) initStatus(ctx context.Context, ref *initRef, run *runningProcess) (syscall.WaitStatus, error) {
	if run != nil {
		if err := run.await(ctx); err != nil {
			return 0, err
		}
		return run.status, nil
	}
	return ref.wait(ctx)
}

func (c *linuxContainer) WaitProcess(ctx context.Context, pid int) (syscall.WaitStatus, error) {
	const step = "wait for process"
	fail := func(err error) (syscall.WaitStatus, error) {
		return 0, newSystemError(fmt.Errorf("%s %d of container %q: %w", step, pid, c.id, err))
	}
	for _, run := range c.children.list() {
		if run.pid() == pid {
			if err := run.await(ctx); err != nil {
				return fail(err)
			}
			return run.status, nil
		}
	}
	unlock, err := c.look(step)
	if err != nil {
		return 0, err
	}
	isInit := c.init != nil && c.init.pid == pid
	unlock()
	if isInit {
		return c.Wait(ctx)
	}
	ref, err := c.member(pid)
	if err != nil {
		return fail(err)
	}
	if ref == nil {
		return 0, errorf(ContainerNotRunning, "%s: container %q has no process %d", step, c.id, pid)
	}
	defer ref.close()
	status, err := ref.wait(ctx)
	if err != nil {
		return fail(err)
	}
	return status, nil
}

// member makes a reference to a process if it is one of the container's: if it is
// on the list after the reference was made.
func (c *linuxContainer) member(pid int) (*initRef, error) {
	ref, err := newInitRef(pid)
	if noProcess(err) || errors.Is(err, unix.EINVAL) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	pids, err := c.Processes()
	if err != nil || !slices.Contains(pids, pid) {
		ref.close()
		return nil, err
	}
	return ref, nil
}

// wait waits for the end of a process of any parent and returns how it ended.
func (r *initRef) wait(ctx context.Context) (syscall.WaitStatus, error) {
	pidfd, err := r.file()
	if err != nil {
		return 0, err
	}
	if pidfd == nil {
		return 0, errorf(StatusUnknown, "process %d had ended before this program looked for it", r.pid)
	}
	defer pidfd.Close()
	if err := awaitExit(ctx, pidfd); err != nil {
		return 0, fmt.Errorf("wait for process %d: %w", r.pid, err)
	}
	return exitStatus(r, pidfd)
}

// clone returns a reference that outlives r. One that cannot be made is to a
// process about which nothing is known.
func (r *initRef) clone() *initRef {
	defer runtime.KeepAlive(r)
	if r.pidfd >= 0 {
		if fd, err := unix.FcntlInt(uintptr(r.pidfd), unix.F_DUPFD_CLOEXEC, 0); err == nil {
			return refTo(r.pid, r.start, fd)
		}
	}
	return &initRef{pid: r.pid, start: r.start, pidfd: -1}
}

// describeStatus says what os.ProcessState's String does.
func describeStatus(status syscall.WaitStatus) string {
	switch {
	case status.Exited():
		return fmt.Sprintf("exit status %d", status.ExitStatus())
	case status.Signaled():
		return "signal: " + status.Signal().String()
	}
	return fmt.Sprintf("wait status %#x", uint32(status))
}
