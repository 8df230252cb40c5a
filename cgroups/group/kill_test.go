//go:build linux

package group

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/libcontainer/libcontainer/configs"
)

// startCat starts a process that lives until it is killed.
func startCat(t *testing.T) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("cat")
	stdin, err := cmd.StdinPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() {
		stdin.Close()
		_ = cmd.Wait()
	})
	return cmd
}

func TestSelf(t *testing.T) {
	g, d := fakeGroup(t, map[string]map[string]string{"": {}})
	d.pids = []int{os.Getpid()}
	wantError(t, g.Freeze(t.Context()), ErrSelf, "freeze")
	wantError(t, g.Kill(t.Context()), ErrSelf, "kill")
	wantError(t, g.Destroy(t.Context()), ErrSelf, "destroy")
	wantLog(t, d)
	d.pids = nil
	must(t, g.Freeze(t.Context()))
	must(t, g.Thaw(t.Context()))
	wantLog(t, d, "FROZEN", "THAWED")
}

// Without cgroup.kill processes are frozen, killed and thawed.
func TestKillEach(t *testing.T) {
	g, d := fakeGroup(t, map[string]map[string]string{"freezer": {}})
	cmd := startCat(t)
	d.pids, d.killErr = []int{cmd.Process.Pid}, errors.ErrUnsupported
	ended := make(chan struct{})
	d.killed = func() {
		select {
		case <-ended: // a later round: the kernel does not list what has ended
			d.pids = nil
		default:
		}
	}
	go func() {
		var status syscall.WaitStatus
		_, _ = syscall.Wait4(cmd.Process.Pid, &status, 0, nil)
		if status.Signal() != syscall.SIGKILL {
			t.Errorf("it ended with %v", status)
		}
		close(ended)
	}()
	must(t, g.Kill(t.Context()))
	if want := []string{"kill", "FROZEN", "THAWED", "thaw all"}; len(d.log) < len(want) {
		t.Errorf("log %q, want at least %q", d.log, want)
	} else {
		d.log = d.log[:len(want)]
		wantLog(t, d, want...)
	}
	<-ended
}

// A process that is not in the group any more is not killed, though it was listed.
func TestKillOnlyMembers(t *testing.T) {
	g, d := fakeGroup(t, map[string]map[string]string{"": {}})
	cmd := startCat(t)
	d.pids = []int{cmd.Process.Pid}
	d.killed = func() { d.pids = nil }
	must(t, g.Kill(t.Context()))
	if err := cmd.Process.Signal(syscall.Signal(0)); err != nil {
		t.Errorf("the process is gone: %v", err)
	}
	wantLog(t, d, "kill", "thaw all")
}

// What does not die is waited for as long as the context lasts.
func TestKillEndsWithTheContext(t *testing.T) {
	g, d := fakeGroup(t, map[string]map[string]string{"": {}})
	ctx, cancel := context.WithCancel(t.Context())
	d.pids, d.state = []int{1 << 30}, configs.Frozen // no process has this pid
	d.killed = cancel
	wantError(t, g.Kill(ctx), context.Canceled, "1 processes are left")
	wantLog(t, d, "kill", "THAWED", "thaw all")
	d.killErr = os.ErrPermission
	wantError(t, g.Kill(t.Context()), os.ErrPermission, "kill")
}
