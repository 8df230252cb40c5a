// The host's side: a process that Start has started.

package libcontainer

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
)

// runningProcess is a started process, a child of this one.
type runningProcess struct {
	process *os.Process
	io      *stdio

	once  sync.Once
	state *os.ProcessState
	err   error
}

func (r *runningProcess) pid() int { return r.process.Pid }

// reap waits for the end of the process itself and collects its status.
func (r *runningProcess) reap() (*os.ProcessState, error) {
	r.once.Do(func() { r.state, r.err = r.process.Wait() })
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
