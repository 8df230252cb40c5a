// The host's side: a process that Start has started.

package libcontainer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/libcontainer/libcontainer/internal/pidfd"
	"github.com/libcontainer/libcontainer/internal/statedir"
)

// runningProcess is a started process, a child of this one. As with os/exec it is there,
// as a zombie, until somebody waits for it, or destroys its container. A goroutine of its
// own learns of its end without reaping it.
type runningProcess struct {
	ref    *pidfd.Process
	spec   Process // as it was started
	io     *stdio
	first  bool           // it is its container's init
	within *pidfd.Process // the init whose pid namespace waits for it to be reaped; nil if none does
	owner  *children
	onEnd  func() // is called when it has ended, before others know; nil calls nothing

	ended   chan struct{} // closed when the two below are set
	status  syscall.WaitStatus
	err     error
	settled chan struct{} // closed when its output has been copied
	ioErr   error

	reaping sync.Once
	state   *os.ProcessState // set by reap
	lost    error            // why it could not be
}

func newRunningProcess(ref *pidfd.Process, spec *Process, io *stdio, owner *children) *runningProcess {
	r := &runningProcess{
		ref:     ref,
		spec:    *spec,
		io:      io,
		owner:   owner,
		ended:   make(chan struct{}),
		settled: make(chan struct{}),
	}
	r.spec.run = r
	return r
}

// watch learns of the end of the process, and then ends the copying of its output. The
// reference is its own.
func (r *runningProcess) watch() {
	defer close(r.settled)
	// Waiting in the poller does not take a thread, as waitid(2) does.
	if r.err = r.ref.Await(context.Background()); r.err == nil {
		// Something else in this program may have reaped it, by waiting for any child or
		// by ignoring SIGCHLD; the kernel may still know.
		r.status, r.err = r.ref.ExitStatus()
	}
	if r.onEnd != nil {
		r.onEnd()
	}
	close(r.ended)
	r.owner.keep(r)
	r.ioErr = r.io.finish(r.spec.WaitDelay)
}

// reap reaps the process, which has ended.
func (r *runningProcess) reap() {
	r.reaping.Do(func() {
		r.state, r.lost = r.ref.Wait()
		r.ref.Close()
		r.within.Close()
		r.owner.remove(r)
	})
}

func (r *runningProcess) pid() int { return r.ref.Pid() }

// await waits until the process has ended.
func (r *runningProcess) await(ctx context.Context) error {
	select {
	case <-r.ended:
	case <-ctx.Done():
		return fmt.Errorf("wait for process %d: %w", r.pid(), context.Cause(ctx))
	}
	if r.err != nil {
		return fmt.Errorf("wait for process %d: %w", r.pid(), r.err)
	}
	return nil
}

// wait waits until the process has ended and its output has been copied, and reaps it.
func (r *runningProcess) wait(ctx context.Context) (*os.ProcessState, error) {
	select {
	case <-r.ended:
	case <-ctx.Done():
		return nil, newSystemError(fmt.Errorf("wait for process %d: %w", r.pid(), context.Cause(ctx)))
	}
	r.reap()
	select {
	case <-r.settled:
	case <-ctx.Done():
		return r.state, newSystemError(fmt.Errorf("copy output of process %d: %w", r.pid(), context.Cause(ctx)))
	}
	switch {
	case errors.Is(r.lost, pidfd.ErrStatusUnknown):
		return nil, newError(fmt.Errorf("wait for process %d: %w", r.pid(), r.lost), StatusUnknown)
	case r.lost != nil:
		return nil, newSystemError(fmt.Errorf("wait for process %d: %w", r.pid(), r.lost))
	case !r.state.Success():
		return r.state, &exec.ExitError{ProcessState: r.state}
	case r.ioErr != nil:
		return r.state, newSystemError(fmt.Errorf("copy standard input and output of process %d: %w", r.pid(), r.ioErr))
	}
	return r.state, nil
}

func (r *runningProcess) pidFD() (*os.File, error) {
	f, err := r.ref.File()
	if errors.Is(err, pidfd.ErrNoProcess) {
		return nil, os.ErrProcessDone
	}
	return f, newSystemError(err)
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

// children are the processes that a handle has started and that have not been reaped.
type children struct {
	dir    *statedir.Dir // of the handle's container
	family *family       // what the factory's other handles have started, too

	mu   sync.Mutex
	runs map[*runningProcess]struct{}
	kept map[*runningProcess]struct{} // zombies for which the pid namespace of an init waits
}

func (c *children) add(r *runningProcess) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.runs == nil {
		c.runs = make(map[*runningProcess]struct{})
	}
	c.runs[r] = struct{}{}
	c.family.add(c.dir, r)
}

func (c *children) remove(r *runningProcess) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.runs, r)
	delete(c.kept, r)
	c.family.remove(c.dir, r)
}

// keep has a process that has ended reaped when that is needed, although nobody has
// waited for it: the init of a pid namespace does not end before all others in it have
// been reaped (pid_namespaces(7)).
func (c *children) keep(r *runningProcess) {
	if r.within == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, found := c.runs[r]; !found {
		return // it has been reaped
	}
	if len(c.kept) == 0 {
		c.kept = make(map[*runningProcess]struct{})
		go c.reapWithInit()
	}
	c.kept[r] = struct{}{}
}

// keptInterval is how often it is looked whether an init waits for zombies that are
// kept. The kernel has no event for that.
const keptInterval = 50 * time.Millisecond

// reapWithInit looks for inits that wait for zombies, as long as there are any.
func (c *children) reapWithInit() {
	tick := time.NewTicker(keptInterval)
	defer tick.Stop()
	for range tick.C {
		list, more := c.overdue()
		for _, r := range list {
			r.reap()
		}
		if !more {
			return
		}
	}
}

// overdue gives the zombies that an init waits for, and whether there are any others.
func (c *children) overdue() (list []*runningProcess, others bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for r := range c.kept {
		if r.within.Ending() {
			list = append(list, r)
			delete(c.kept, r)
		}
	}
	return list, len(c.kept) > 0
}

// list gives the processes besides init that have not been reaped at this moment, by
// their pids.
func (c *children) list() []*runningProcess {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := slices.SortedFunc(maps.Keys(c.runs), func(a, b *runningProcess) int { return cmp.Compare(a.pid(), b.pid()) })
	return slices.DeleteFunc(list, func(r *runningProcess) bool { return r.first })
}

// family is what all handles of a factory have started and what has not been reaped, for
// the handle that destroys a container: it may be another one than has started its
// processes, which nobody may be using any more.
type family struct {
	mu   sync.Mutex
	runs map[string]map[*runningProcess]*statedir.Dir // by the paths of containers
}

func (f *family) add(dir *statedir.Dir, r *runningProcess) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.runs == nil {
		f.runs = make(map[string]map[*runningProcess]*statedir.Dir)
	}
	if f.runs[dir.Path()] == nil {
		f.runs[dir.Path()] = make(map[*runningProcess]*statedir.Dir)
	}
	f.runs[dir.Path()][r] = dir
}

func (f *family) remove(dir *statedir.Dir, r *runningProcess) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.runs[dir.Path()], r)
	if len(f.runs[dir.Path()]) == 0 {
		delete(f.runs, dir.Path())
	}
}

// of gives the processes of a container.
func (f *family) of(dir *statedir.Dir) (list []*runningProcess) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for r, in := range f.runs[dir.Path()] {
		if in.Is(dir) { // and not in an earlier one of that path
			list = append(list, r)
		}
	}
	return list
}
