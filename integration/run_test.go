//world:any

package integration

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/integration/internal/tested"
)

// newInstance makes a container that is destroyed at the end of the test.
func newInstance(t *testing.T, config *configs.Config) *libcontainer.Instance {
	t.Helper()
	c, ok := libcontainer.From(newContainer(t, config))
	if !ok {
		t.Fatal("a container is no Instance")
	}
	return c
}

// mustRun runs a process to its end.
func mustRun(t *testing.T, c *libcontainer.Instance, p *libcontainer.Process) *libcontainer.Result {
	t.Helper()
	r, err := c.Run(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	if r.Wall <= 0 || r.CPU <= 0 || r.PeakMemory == 0 {
		t.Errorf("wall %v, CPU %v, peak %d", r.Wall, r.CPU, r.PeakMemory)
	}
	return r
}

func TestRun(t *testing.T) {
	for _, kind := range []string{"first process", "further process"} {
		t.Run(kind, func(t *testing.T) {
			checkLeaks(t)
			c := newInstance(t, newConfig(t))
			if kind == "further process" {
				startBlocked(t, c)
			}
			for script, want := range map[string]libcontainer.Result{
				"echo said; exit 0":       {},
				"echo said; exit 7":       {ExitCode: 7},
				"echo said; kill -9 $$":   {ExitCode: 137, Signal: unix.SIGKILL},
				"echo said; kill -TERM 0": {ExitCode: 143, Signal: unix.SIGTERM},
			} {
				if kind == "first process" && want.Signal != 0 {
					continue // no signal of its own ends the first process of a pid namespace
				}
				p, out := shell(script)
				r := mustRun(t, c, p)
				if r.ExitCode != want.ExitCode || r.Signal != want.Signal || r.Killed != nil || r.TimedOut() || r.OOMKilled {
					t.Errorf("%q: %+v, want %+v", script, r, want)
				}
				if out.stdout.String() != "said\n" {
					t.Errorf("%q: said %q", script, out.stdout.String())
				}
			}
		})
	}
}

// What Run tells of time and memory is what was used, of the initial process with all that
// was in its cgroup.
func TestRunMeasures(t *testing.T) {
	const burn = "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done"
	const fill = "dd if=/dev/zero of=/dev/null bs=64M count=1 2>/dev/null"
	c := newInstance(t, newConfig(t))
	if tested.Systemd() {
		startBlocked(t, c) // else the cgroup goes before it can be read
	}
	little, _ := command("true")
	least := mustRun(t, c, little)
	p, _ := shell("(" + burn + ")& wait; " + fill)
	r := mustRun(t, c, p)
	if r.CPU <= least.CPU || r.CPU > 2*r.Wall*64 {
		t.Errorf("a loop took %v, nothing %v", r.CPU, least.CPU)
	}
	if r.PeakMemory < 64<<20 || r.PeakMemory > 1<<30 {
		t.Errorf("the peak is %d", r.PeakMemory)
	}
}

// At the end of the context nothing of the program is left, whatever it has done to stay.
func TestRunIsKilled(t *testing.T) {
	const script = `trap "" TERM INT HUP; (setsid sleep 100000 &) ; echo ready; while :; do sleep 100000; done`
	over := errors.New("over")
	for name, begin := range map[string]func(context.Context) (context.Context, context.CancelFunc){
		"deadline": func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithDeadline(ctx, time.Now().Add(500*time.Millisecond))
		},
		"cancel": func(ctx context.Context) (context.Context, context.CancelFunc) { return context.WithCancel(ctx) },
		"cause": func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancelCause(ctx)
			return ctx, func() { cancel(over) }
		},
	} {
		for _, pidns := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, pid namespace %v", name, pidns), func(t *testing.T) {
				checkLeaks(t)
				config := newConfig(t)
				if !pidns {
					config.Namespaces.Remove(configs.NEWPID)
				}
				c := newInstance(t, config)
				ctx, cancel := begin(t.Context())
				defer cancel()
				r, w, err := os.Pipe()
				if err != nil {
					t.Fatal(err)
				}
				defer r.Close()
				p, _ := shell(script)
				p.Stdout = w
				if name != "deadline" {
					go func() {
						_, _ = io.ReadFull(r, make([]byte, len("ready\n")))
						cancel()
					}()
				}
				result, err := c.Run(ctx, p)
				w.Close()
				if err != nil {
					t.Fatal(err)
				}
				if result.Signal != unix.SIGKILL || result.ExitCode != 137 || result.TimedOut() != (name == "deadline") {
					t.Errorf("result %+v", result)
				}
				if want := context.Cause(ctx); !errors.Is(result.Killed, want) || want == nil {
					t.Errorf("killed because of %v, want %v", result.Killed, want)
				}
				if pids, err := c.Processes(); len(pids) > 0 {
					t.Errorf("processes %v are left, %v", pids, err)
				}
				again, _ := command("true") // in the same container
				if r := mustRun(t, c, again); r.ExitCode != 0 {
					t.Errorf("afterwards: %+v", r)
				}
			})
		}
	}
}

// A further process is killed alone, also one that is frozen.
func TestRunFurtherIsKilled(t *testing.T) {
	checkLeaks(t)
	c := newInstance(t, newConfig(t))
	startBlocked(t, c)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	p, _ := shell("echo ready; while :; do :; done")
	p.Stdout = w
	go func() {
		_, _ = io.ReadFull(r, make([]byte, len("ready\n")))
		if err := c.Pause(); err != nil {
			t.Error(err)
		}
		cancel()
	}()
	result, err := c.Run(ctx, p)
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	if result.Signal != unix.SIGKILL || !errors.Is(result.Killed, context.Canceled) || result.TimedOut() {
		t.Errorf("result %+v", result)
	}
	if err := c.Resume(); err != nil {
		t.Error(err)
	}
	wantStatus(t, c, libcontainer.Running)
}

func TestRunOutOfMemory(t *testing.T) {
	config := newConfig(t)
	config.Cgroups.Memory = 16 << 20
	config.Cgroups.MemorySwap = 16 << 20
	const fill = "dd if=/dev/zero of=/dev/null bs=64M count=1"
	c := newInstance(t, config)
	p, _ := shell(fill + " 2>/dev/null; exit 3")
	r := mustRun(t, c, p)
	if !r.OOMKilled || r.ExitCode != 3 || r.Killed != nil {
		t.Errorf("a child killed for memory: %+v", r)
	}
	startBlocked(t, c)
	p, _ = command("dd", "if=/dev/zero", "of=/dev/null", "bs=64M", "count=1")
	if r = mustRun(t, c, p); !r.OOMKilled || r.Signal != unix.SIGKILL {
		t.Errorf("a further process killed for memory: %+v", r)
	}
	p, _ = command("true")
	if r = mustRun(t, c, p); r.OOMKilled {
		t.Errorf("one after it: %+v", r)
	}
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }

func TestRunFails(t *testing.T) {
	checkLeaks(t)
	c := newInstance(t, newConfig(t))
	p, _ := command("/bin/nosuch")
	if r, err := c.Run(t.Context(), p); r != nil || err == nil || !strings.Contains(err.Error(), "/bin/nosuch") {
		t.Errorf("a program that is not there: %+v, %v", r, err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	p, _ = command("true")
	if r, err := c.Run(ended, p); r != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("with a context that has ended: %+v, %v", r, err)
	}
	full := errors.New("no room")
	p, _ = shell("echo x")
	p.Stdout = failingWriter{full}
	if r, err := c.Run(t.Context(), p); r == nil || r.ExitCode != 0 || !errors.Is(err, full) {
		t.Errorf("with a writer that fails: %+v, %v", r, err)
	}
	if err := c.Destroy(); err != nil {
		t.Fatal(err)
	}
	p, _ = command("true")
	if r, err := c.Run(t.Context(), p); r != nil || !errors.Is(err, libcontainer.ContainerNotExists) {
		t.Errorf("after destroy: %+v, %v", r, err)
	}
}

func TestExitCode(t *testing.T) {
	c := newInstance(t, newConfig(t))
	startBlocked(t, c)
	for script, want := range map[string]int{"exit 0": 0, "exit 255": 255, "kill -9 $$": 137, "kill -ABRT $$": 134} {
		p, _ := shell(script)
		if err := c.Start(p); err != nil {
			t.Fatal(err)
		}
		state, _ := p.Wait()
		status, _ := state.Sys().(syscall.WaitStatus)
		if got := libcontainer.ExitCode(status); got != want {
			t.Errorf("%s: %d, want %d", script, got, want)
		}
	}
}
