package pidfd

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"reflect"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Wait reaps the process, which has ended, if it is a child of this program, and tells
// how it has ended as os/exec does. If another part of the program has reaped it before,
// the state has no times, and the error is ErrStatusUnknown where the kernel has not
// kept the status; see ExitStatus. One that somebody traces is reaped when that one has
// let it go, and Wait does not wait for that.
func (p *Process) Wait() (*os.ProcessState, error) {
	status, err := p.ExitStatus()
	if errors.Is(err, ErrNotEnded) {
		return nil, err
	}
	if state := p.waitByOS(); state != nil {
		return state, nil
	}
	// Whatever has failed: a zombie that nobody reaps would be one for ever.
	if reaped, rerr := p.Reap(); rerr == nil {
		status, err = reaped, nil
	}
	if err != nil {
		return nil, err
	}
	if state, ok := newProcessState(p.pid, status); ok {
		return state, nil
	}
	return nil, fmt.Errorf("process %d has been reaped by another part of this program: %w", p.pid, ErrStatusUnknown)
}

// waitByOS has os reap the process. The result is nil if that is not possible, or not at
// this moment.
func (p *Process) waitByOS() *os.ProcessState {
	process, err := os.FindProcess(p.pid)
	if err != nil {
		return nil
	}
	defer process.Release()
	desc := p.acquire()
	if desc == nil {
		return nil
	}
	defer desc.release()
	// If ours has not been reaped by now, the one that was found is ours.
	if desc.signal(0) != nil {
		return nil
	}
	if _, err := desc.waitid(unix.WNOWAIT); err != nil {
		if errors.Is(err, ErrNotEnded) {
			go p.Clone().reapLater()
		}
		return nil
	}
	state, err := process.Wait()
	if err != nil {
		return nil // somebody was faster
	}
	return state
}

// tracedInterval is how often it is tried to reap a process that somebody traces. The
// end of that makes no pidfd readable that was before.
const tracedInterval = 100 * time.Millisecond

// reapLater owns the reference.
func (p *Process) reapLater() {
	defer p.Close()
	tick := time.NewTicker(tracedInterval)
	defer tick.Stop()
	for range tick.C {
		if _, err := p.Reap(); !errors.Is(err, ErrNotEnded) {
			return
		}
	}
}

// newProcessState makes the state of a process that os cannot wait for any more: os has
// no function for that. It is not ok if os.ProcessState has not the fields that it has
// had since Go 1.0.
func newProcessState(pid int, status syscall.WaitStatus) (state *os.ProcessState, ok bool) {
	state = new(os.ProcessState)
	for name, value := range map[string]any{"pid": pid, "status": status, "rusage": new(syscall.Rusage)} {
		field := reflect.ValueOf(state).Elem().FieldByName(name)
		if !field.IsValid() || field.Type() != reflect.TypeOf(value) {
			return nil, false
		}
		reflect.NewAt(field.Type(), unsafe.Pointer(field.UnsafeAddr())).Elem().Set(reflect.ValueOf(value))
	}
	return state, true
}

// Run is [exec.Cmd.Run] for programs other parts of which may reap all children: it
// knows how the command has ended nevertheless, where the kernel does. Then the error of
// a command that failed is an [exec.ExitError], as ever.
func Run(cmd *exec.Cmd) error {
	fd := -1
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = new(syscall.SysProcAttr)
	}
	cmd.SysProcAttr.PidFD = &fd
	if err := cmd.Start(); err != nil {
		return err
	}
	if fd < 0 { // before Linux 5.2
		return cmd.Wait()
	}
	// Not a non-blocking one: os waits on it, too.
	p := &Process{pid: cmd.Process.Pid}
	p.desc.Store(&sharedFile{file: os.NewFile(uintptr(fd), "pidfd"), users: 1})
	defer p.Close()
	err := cmd.Wait()
	if !errors.Is(err, unix.ECHILD) {
		return err
	}
	state, err := p.Wait()
	if err != nil {
		return err
	}
	cmd.ProcessState = state
	if !state.Success() {
		return &exec.ExitError{ProcessState: state}
	}
	return nil
}
