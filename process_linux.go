// The host's side: a process that Start has started.

package libcontainer

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"sync"
)

// runningProcess is a started process, a child of this one.
type runningProcess struct {
	process *os.Process
	io      *stdio

	// owner lists the process until it has been reaped; nil for init.
	owner *children

	once  sync.Once
	state *os.ProcessState
	err   error
}

func (r *runningProcess) pid() int { return r.process.Pid }

// reap waits for the end of the process itself and collects its status.
func (r *runningProcess) reap() (*os.ProcessState, error) {
	r.once.Do(func() {
		r.state, r.err = r.process.Wait()
		r.owner.remove(r)
	})
	return r.state, r.err
}

func (r *runningProcess) wait() (*os.ProcessState, error) {
	state, err := r.reap()
	if err != nil {
		return state, newSystemError(fmt.Errorf("wait for process %d: %w", r.pid(), err))
	}
	ioErr := r.io.wait()
	if !state.Success() {
		return state, &exec.ExitError{ProcessState: state}
	}
	if ioErr != nil {
		return state, newSystemError(fmt.Errorf("copy standard input and output of process %d: %w", r.pid(), ioErr))
	}
	return state, nil
}

func (r *runningProcess) signal(sig os.Signal) error {
	err := r.process.Signal(sig)
	if err == nil || errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return newSystemError(fmt.Errorf("signal process %d: %w", r.pid(), err))
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
	r.owner = c
}

func (c *children) remove(r *runningProcess) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.runs, r)
}

// list gives the processes at this moment.
func (c *children) list() []*runningProcess {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Collect(maps.Keys(c.runs))
}
