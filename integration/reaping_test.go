package integration

import (
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
)

// awaitEnd waits until a child of ours has ended, without reaping it.
func awaitEnd(t *testing.T, pid int) {
	t.Helper()
	for {
		err := unix.Waitid(unix.P_PID, pid, new(unix.Siginfo), unix.WEXITED|unix.WNOWAIT, nil)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			t.Fatalf("wait for the end of process %d: %v", pid, err)
		}
		return
	}
}

func startAndGetPid(t *testing.T, container libcontainer.Container, script string) (*libcontainer.Process, int) {
	t.Helper()
	p, _ := shell(script)
	if err := container.Start(p); err != nil {
		t.Fatal(err)
	}
	pid, err := p.Pid()
	if err != nil {
		t.Fatal(err)
	}
	return p, pid
}

// As with os/exec, a process that has ended is there until somebody waits for it;
// its end is known before that.
func TestAProcessIsReapedByWait(t *testing.T) {
	c, root := newContainerIn(t, newConfig(t))
	other := loadAgain(t, c, root)
	for i := range 20 {
		p, pid := startAndGetPid(t, c, "exit 7")
		awaitEnd(t, pid)
		wantStatus(t, c, libcontainer.Destroyed)
		wantStatus(t, other, libcontainer.Destroyed)
		if !slices.Contains(children(t), itoa(pid)) {
			t.Fatalf("process %d of round %d was reaped, and nobody waited for it", pid, i)
		}
		if state, _ := p.Wait(); state == nil || state.ExitCode() != 7 {
			t.Fatalf("state %v, want exit 7", state)
		}
		if slices.Contains(children(t), itoa(pid)) {
			t.Fatalf("process %d is there after Wait", pid)
		}
	}
}

// The same for a further process, and Destroy reaps what nobody waits for.
func TestAFurtherProcessIsReapedByWaitOrDestroy(t *testing.T) {
	container := newContainer(t, newConfig(t))
	startBlocked(t, container)
	p, pid := startAndGetPid(t, container, "exit 9")
	q, other := startAndGetPid(t, container, "exit 8")
	awaitEnd(t, pid)
	awaitEnd(t, other)
	if list := children(t); !slices.Contains(list, itoa(pid)) || !slices.Contains(list, itoa(other)) {
		t.Errorf("children are %v, want %d and %d among them", list, pid, other)
	}
	if state, _ := p.Wait(); state == nil || state.ExitCode() != 9 {
		t.Errorf("state %v, want exit 9", state)
	}
	if slices.Contains(children(t), itoa(pid)) {
		t.Errorf("process %d is there after Wait", pid)
	}
	if err := container.Destroy(); err != nil {
		t.Fatal(err)
	}
	if slices.Contains(children(t), itoa(other)) {
		t.Errorf("process %d is there after Destroy", other)
	}
	if state, _ := q.Wait(); state == nil || state.ExitCode() != 8 {
		t.Errorf("state after Destroy %v, want exit 8", state)
	}
}

// Programs that wait for their children by themselves, by number.
func TestTheEmbedderReaps(t *testing.T) {
	waits := map[string]func(t *testing.T, pid int) int{
		"wait4": func(t *testing.T, pid int) int {
			var status unix.WaitStatus
			for {
				got, err := unix.Wait4(pid, &status, 0, nil)
				if err == unix.EINTR {
					continue
				}
				if err != nil || got != pid {
					t.Errorf("wait4 of %d: %d, %v", pid, got, err)
				}
				return status.ExitStatus()
			}
		},
		"os.Process": func(t *testing.T, pid int) int {
			process, err := os.FindProcess(pid)
			if err != nil {
				t.Error(err)
				return -1
			}
			defer process.Release()
			state, err := process.Wait()
			if err != nil {
				t.Error(err)
				return -1
			}
			return state.ExitCode()
		},
	}
	for name, wait := range waits {
		for _, kind := range []string{"first", "further"} {
			t.Run(name+" "+kind, func(t *testing.T) {
				container := newContainer(t, newConfig(t))
				if kind == "further" {
					startBlocked(t, container)
				}
				for range 20 {
					p, pid := startAndGetPid(t, container, "exit 7")
					if got := wait(t, pid); got != 7 {
						t.Errorf("exit status %d, want 7", got)
					}
					wantLateWait(t, p, 7)
				}
			})
		}
	}
}

// wantLateWait checks what Wait says of a process that somebody else has reaped. The
// library may have seen the status before.
func wantLateWait(t *testing.T, p *libcontainer.Process, status int) {
	t.Helper()
	state, err := p.Wait()
	if errors.Is(err, libcontainer.StatusUnknown) && !keepsExitStatus(t) {
		return
	}
	if state == nil || state.ExitCode() != status {
		t.Errorf("state of a process that has been reaped: %v, %v; want exit %d", state, err, status)
	}
}

// Host programs that reap whatever ends, as a process 1 does, or that let the kernel
// do so.
func TestHostsThatReapAllChildren(t *testing.T) {
	for _, how := range []string{"signal", "busy", "ignore"} {
		t.Run(how, func(t *testing.T) {
			checkLeaks(t)
			known := "unknown"
			if keepsExitStatus(t) {
				known = "known"
			}
			cmd := exec.Command(buildProgram(t, "reaper"), newRootfs(t), publicTempDir(t), cgroupParent, how, known)
			out, err := cmd.CombinedOutput()
			if err != nil || strings.TrimSpace(string(out)) != "20 lives and 20 further processes" {
				t.Errorf("output %q, error %v", out, err)
			}
		})
	}
}

// Who has loaded a container reaps, by destroying it, what another handle of the factory has started
// and nobody has waited for; who waits after that still learns how it ended.
func TestDestroyReapsWhatOtherHandlesStarted(t *testing.T) {
	checkLeaks(t)
	runtime := openRuntime(t, t.TempDir())
	for range 3 { // the same path each time
		c, err := runtime.Create(t.Context(), "one", newConfig(t))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Destroy()
		first, _ := shell("exec sleep 1000")
		further, _ := shell("exit 7")
		for _, p := range []*libcontainer.Process{first, further} {
			if err := c.Start(p); err != nil {
				t.Fatal(err)
			}
		}
		pid, err := first.Pid()
		if err != nil {
			t.Fatal(err)
		}
		other, err := runtime.Load(t.Context(), "one")
		if err != nil {
			t.Fatal(err)
		}
		if err := other.Destroy(); err != nil {
			t.Fatal(err)
		}
		if err := unix.Kill(pid, 0); !errors.Is(err, unix.ESRCH) {
			t.Errorf("the first process has not been reaped: %v", err)
		}
		if state, err := first.Wait(); state == nil || state.Sys().(syscall.WaitStatus).Signal() != unix.SIGKILL {
			t.Errorf("the first process: %v, error %v", state, err)
		}
		if state, err := further.Wait(); state == nil {
			t.Errorf("the further process: error %v", err)
		}
	}
}
