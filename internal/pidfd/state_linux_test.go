package pidfd

import (
	"errors"
	"os/exec"
	"testing"

	"golang.org/x/sys/unix"
)

// reapBehind reaps a child behind the back of os/exec, when it has ended.
func reapBehind(t *testing.T, pid int) {
	t.Helper()
	for {
		_, err := unix.Wait4(pid, nil, 0, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		return
	}
}

// The state of a process is the same, whether this package has reaped it or another
// part of the program has been faster.
func TestStateOfAProcess(t *testing.T) {
	for script, want := range map[string]string{
		"exit 0":        "exit status 0",
		"exit 7":        "exit status 7",
		"kill -KILL $$": "signal: killed",
	} {
		for _, other := range []bool{false, true} {
			cmd := exec.Command("sh", "-c", "read line; "+script)
			stdin, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			p := open(t, cmd.Process.Pid)
			if _, err := p.Wait(); !errors.Is(err, ErrNotEnded) {
				t.Errorf("state of a process that runs: %v", err)
			}
			stdin.Close()
			if other {
				reapBehind(t, p.Pid())
			} else if err := p.Await(t.Context()); err != nil {
				t.Fatal(err)
			}
			state, err := p.Wait()
			if errors.Is(err, ErrStatusUnknown) && other && !kernelKeepsStatus() {
				continue
			}
			if err != nil {
				t.Errorf("%s, reaped by another %v: %v", script, other, err)
				continue
			}
			if state.String() != want || state.Pid() != p.Pid() || state.Success() != (want == "exit status 0") {
				t.Errorf("%s, reaped by another %v: state %q of process %d", script, other, state, state.Pid())
			}
			if other && state.UserTime()+state.SystemTime() != 0 {
				t.Error("times that nobody can know")
			}
			if !other {
				if err := unix.Waitid(unix.P_PID, p.Pid(), nil, unix.WEXITED|unix.WNOHANG, nil); !errors.Is(err, unix.ECHILD) {
					t.Errorf("after Wait the process has not been reaped: %v", err)
				}
			}
		}
	}
}

// kernelKeepsStatus tells whether pidfds of reaped processes tell how they have ended.
func kernelKeepsStatus() bool {
	cmd := exec.Command("true")
	if err := cmd.Start(); err != nil {
		return false
	}
	p, err := Open(cmd.Process.Pid)
	if err != nil || cmd.Wait() != nil {
		return false
	}
	defer p.Close()
	desc := p.acquire()
	defer desc.release()
	_, ok := desc.infoStatus()
	return ok
}

func TestRun(t *testing.T) {
	if err := Run(exec.Command("true")); err != nil {
		t.Error(err)
	}
	cmd := exec.Command("sh", "-c", "exit 3")
	var exit *exec.ExitError
	if err := Run(cmd); !errors.As(err, &exit) || exit.ExitCode() != 3 || cmd.ProcessState.ExitCode() != 3 {
		t.Errorf("error %v, state %v", err, cmd.ProcessState)
	}
	if err := Run(exec.Command("/missing")); !errors.Is(err, unix.ENOENT) {
		t.Errorf("a program that is not there: %v", err)
	}
}
