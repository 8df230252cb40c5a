// The host's side: waiting for processes, whoever has started them.

package libcontainer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"

	"github.com/libcontainer/libcontainer/internal/pidfd"
)

// Wait waits until the container's initial process has ended, and returns
// how. That works also if another process has started it: then the kernel
// must be Linux 6.15 or newer, unless the process's parent has not waited for
// it yet. It does not reap the process, which Process.Wait and Destroy do. Output
// may still be in the pipes, see Process.Wait.
//
// errors:
// ContainerNotExists - Container no longer exists,
// ContainerNotRunning - no process has been started,
// StatusUnknown - the process has ended, but nobody knows how,
// SystemError - System error; ctx has ended.
func (c *Instance) Wait(ctx context.Context) (syscall.WaitStatus, error) {
	const step = "wait for container"
	v, err := c.lookFor(callWait, step)
	if err != nil {
		return 0, err
	}
	defer v.close()
	status, err := c.initStatus(ctx, v.init, v.initRun)
	if err != nil {
		return 0, newSystemError(fmt.Errorf("%s %q: %w", step, c.id, err))
	}
	return status, nil
}

// initStatus waits for the end of an init process, which is run if this handle
// has started it.
func (c *Instance) initStatus(ctx context.Context, ref *pidfd.Process, run *runningProcess) (syscall.WaitStatus, error) {
	if run != nil {
		if err := run.await(ctx); err != nil {
			return 0, err
		}
		return run.status, nil
	}
	return status(ctx, ref)
}

// WaitProcess is Wait for any process of the container, by its pid as
// Processes gives it.
//
// errors: those of Wait; ContainerNotRunning - the container has no process
// of that pid.
func (c *Instance) WaitProcess(ctx context.Context, pid int) (syscall.WaitStatus, error) {
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
	v, err := c.lookFor(callProcesses, step)
	if err != nil {
		return 0, err
	}
	isInit := v.init != nil && v.init.Pid() == pid
	v.close()
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
	defer ref.Close()
	ended, err := status(ctx, ref)
	if err != nil {
		return fail(err)
	}
	return ended, nil
}

// member makes a reference to a process if it is one of the container's: if it is
// on the list after the reference was made.
func (c *Instance) member(pid int) (*pidfd.Process, error) {
	ref, err := pidfd.Open(pid)
	if errors.Is(err, pidfd.ErrNoProcess) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	pids, err := c.Processes()
	if err != nil || !slices.Contains(pids, pid) {
		ref.Close()
		return nil, err
	}
	return ref, nil
}

// status waits for the end of a process of any parent and returns how it ended.
func status(ctx context.Context, ref *pidfd.Process) (syscall.WaitStatus, error) {
	status, err := ref.Status(ctx)
	if errors.Is(err, pidfd.ErrStatusUnknown) {
		return 0, newError(err, StatusUnknown)
	}
	return status, err
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
