// The host's side: a process that Start has started.

package libcontainer

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"sync"
	"syscall"

	"github.com/libcontainer/libcontainer/internal/pidfd"
)

// runningProcess is a started process, a child of this one. A goroutine of its
// own reaps it, so that no zombie is left of a process that nobody waits for.
type runningProcess struct {
	ref  *pidfd.Process
	spec Process // as it was started
	io   *stdio

	// owner lists the process until it has been reaped; nil for init.
	owner *children

	reaped  chan struct{} // closed when the three below are set
	state   *os.ProcessState
	status  syscall.WaitStatus
	err     error
	settled chan struct{} // closed when its output has been copied
	ioErr   error
}

func newRunningProcess(ref *pidfd.Process, spec *Process, io *stdio, owner *children) *runningProcess {
	r := &runningProcess{
		ref:     ref,
		spec:    *spec,
		io:      io,
		owner:   owner,
		reaped:  make(chan struct{}),
		settled: make(chan struct{}),
	}
	r.spec.run = r
	return r
}

// watch reaps the process when it has ended, and then ends the copying of its
// output. The reference is its own.
func (r *runningProcess) watch() {
	defer close(r.settled)
	r.reap()
	r.ref.Close()
	r.owner.remove(r)
	close(r.reaped)
	r.ioErr = r.io.finish(r.spec.WaitDelay)
}

func (r *runningProcess) reap() {
	// Waiting in the poller does not take a thread, as waitid(2) does.
	r.err = r.ref.Await(context.Background())
	if r.err != nil {
		return
	}
	// The status without reaping; so the pid is still that of this process, if it is
	// ours to reap. Something else in this program may have done that, by waiting for
	// any child or by ignoring SIGCHLD; the kernel may still know.
	r.status, r.err = r.ref.ExitStatus()
	if process, err := os.FindProcess(r.pid()); err == nil {
		if state, err := process.Wait(); err == nil {
			r.state, r.status, r.err = state, state.Sys().(syscall.WaitStatus), nil
		}
	}
}

func (r *runningProcess) pid() int { return r.ref.Pid() }

// await waits until the process has been reaped.
func (r *runningProcess) await(ctx context.Context) error {
	select {
	case <-r.reaped:
	case <-ctx.Done():
		return fmt.Errorf("wait for process %d: %w", r.pid(), context.Cause(ctx))
	}
	if r.err != nil {
		return fmt.Errorf("wait for process %d: %w", r.pid(), r.err)
	}
	return nil
}

func (r *runningProcess) wait(ctx context.Context) (*os.ProcessState, error) {
	if err := r.await(ctx); err != nil {
		return nil, newSystemError(err)
	}
	select {
	case <-r.settled:
	case <-ctx.Done():
		return r.state, newSystemError(fmt.Errorf("copy output of process %d: %w", r.pid(), context.Cause(ctx)))
	}
	switch {
	case r.state == nil:
		return nil, errorf(StatusUnknown, "wait for process %d: another part of this program has reaped it", r.pid())
	case !r.state.Success():
		return r.state, &exec.ExitError{ProcessState: r.state}
	case r.ioErr != nil:
		return r.state, newSystemError(fmt.Errorf("copy standard input and output of process %d: %w", r.pid(), r.ioErr))
	}
	return r.state, nil
}

func (r *runningProcess) signal(sig os.Signal) error {
	number, ok := sig.(syscall.Signal)
	if !ok {
		return errorf(ConfigInvalid, "signal process %d: %v is not a signal of this system", r.pid(), sig)
	}
	if r.ref.Ended() {
		return os.ErrProcessDone
	}
	if err := r.ref.Signal(number); err != nil {
		return newSystemError(fmt.Errorf("signal process %d: %w", r.pid(), err))
	}
	return nil
}

// children are the processes besides init that a handle has started and that
// have not been reaped.
type children struct {
	mu   sync.Mutex
	runs map[*runningProcess]struct{}
}

func (c *children) add(r *runningProcess) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.runs == nil {
		c.runs = make(map[*runningProcess]struct{})
	}
	c.runs[r] = struct{}{}
}

func (c *children) remove(r *runningProcess) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.runs, r)
}

// list gives the processes at this moment, by their pids.
func (c *children) list() []*runningProcess {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.SortedFunc(maps.Keys(c.runs), func(a, b *runningProcess) int { return cmp.Compare(a.pid(), b.pid()) })
}
