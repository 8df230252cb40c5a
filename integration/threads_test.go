package integration

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/integration/internal/tested"
)

// The kernel's parent of a process is a thread. A container that is to die with its
// host lives as long as the host, whichever thread has started it.
func TestParentDeathSignalIsOfTheProgram(t *testing.T) {
	checkLeaks(t)
	out, err := exec.Command(buildProgram(t, "threadends"), newRootfs(t), publicTempDir(t), cgroupParent).CombinedOutput()
	if err != nil || string(out) != "20 lives\n" {
		t.Errorf("output %q, error %v", out, err)
	}
}

// What else a host program is made of does not run when a container starts.
func TestNoGoProgramBootsInAStart(t *testing.T) {
	if tested.Classic() {
		t.Skip("the classic init is a Go program")
	}
	checkLeaks(t)
	out, err := exec.Command(buildProgram(t, "slowinit"), newRootfs(t), publicTempDir(t), cgroupParent).CombinedOutput()
	if want := "a Go program boots\nhello from the container\n"; err != nil || string(out) != want {
		t.Errorf("output %q, error %v; want %q: the host boots, and nobody else", out, err, want)
	}
}

// A variable of the environment does not make a program read a descriptor, and end.
func TestVariableOfInitInAnyProgram(t *testing.T) {
	checkLeaks(t)
	for _, program := range []string{"imports", "hook", "neither"} {
		if program == "neither" && tested.Classic() {
			continue // it cannot be an init
		}
		t.Run(program, func(t *testing.T) {
			r, w := pipe(t)
			const text = "of somebody else"
			if _, err := w.WriteString(text); err != nil {
				t.Fatal(err)
			}
			w.Close()
			cmd := exec.Command(buildProgram(t, program), newRootfs(t), publicTempDir(t), cgroupParent)
			cmd.Env = append(os.Environ(), "_LIBCONTAINER_INITPIPE=3")
			cmd.ExtraFiles = []*os.File{r}
			if out, err := cmd.CombinedOutput(); err != nil || string(out) != "hello from the container\n" {
				t.Errorf("output %q, error %v", out, err)
			}
			if got, err := io.ReadAll(r); err != nil || string(got) != text {
				t.Errorf("of the pipe %q is left, %v; want %q", got, err, text)
			}
		})
	}
}

func threads(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// Calls that give up waiting for a container that another handle is at leave nobody
// behind who waits on.
func TestCallsThatGiveUpLeaveNoThread(t *testing.T) {
	config := newConfig(t)
	begun, goOn := make(chan struct{}), make(chan struct{})
	config.Hooks = &configs.Hooks{Prestart: []configs.Hook{configs.NewFunctionHook(func(configs.HookState) error {
		close(begun)
		<-goOn
		return nil
	})}}
	c, root := newContainerIn(t, config)
	other := loadAgain(t, c, root)
	started := make(chan error, 1)
	go func() {
		p, _ := command("true")
		err := c.Start(p)
		if err == nil {
			_, err = p.Wait()
		}
		started <- err
	}()
	<-begun
	before := threads(t)
	var wg sync.WaitGroup
	for range 300 {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
			defer cancel()
			p, _ := command("true")
			if err := other.StartContext(ctx, p); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("start by another handle: %v", err)
			}
		})
	}
	wg.Wait()
	if after := threads(t); after > before+50 {
		t.Errorf("%d threads, before 300 calls that gave up there were %d", after, before)
	}
	close(goOn)
	if err := <-started; err != nil {
		t.Error(err)
	}
}

// All that one can do to a container, by two handles and many goroutines. The race
// detector looks on.
func TestAllMethodsAtOnce(t *testing.T) {
	c, root := newContainerIn(t, newConfig(t))
	startBlocked(t, c)
	other := loadAgain(t, c, root)
	ignore := func(err error) {
		for _, code := range []libcontainer.ErrorCode{libcontainer.ContainerPaused, libcontainer.ContainerNotRunning, libcontainer.ContainerNotStopped, libcontainer.ConfigInvalid} {
			if errors.Is(err, code) {
				return
			}
		}
		if err != nil {
			t.Error(err)
		}
	}
	var wg sync.WaitGroup
	for _, handle := range []libcontainer.LinuxContainer{c, other} {
		for _, do := range []func() error{
			func() error { p, _ := command("nosuchprogram"); return handle.Start(p) },
			func() error { p, _ := command("true"); return handle.Prepare(t.Context(), p) },
			func() error {
				p, _ := command("true")
				err := handle.Start(p)
				if err == nil {
					_, err = p.Wait()
				}
				return err
			},
			func() error {
				config := handle.Config()
				cgroup, resources := *config.Cgroups, *config.Cgroups.Resources // not the container's own
				resources.PidsLimit = 100
				cgroup.Resources, config.Cgroups = &resources, &cgroup
				return handle.Set(config)
			},
			func() error { _, err := handle.Status(); return err },
			func() error { _, err := handle.State(); return err },
			func() error { _, err := handle.Processes(); return err },
			func() error { _, err := handle.Stats(); return err },
			func() error { return handle.Release(t.Context()) },
			func() error { handle.StartedProcesses(); return handle.Signal(unix.Signal(0)) },
		} {
			wg.Go(func() {
				for range lives(t, 20) {
					ignore(do())
				}
			})
		}
	}
	wg.Wait()
}

// Starts and ends of the container itself, by one handle, while another one sets it.
func TestSetDuringLives(t *testing.T) {
	c, root := newContainerIn(t, newConfig(t))
	other := loadAgain(t, c, root)
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for _, handle := range []libcontainer.LinuxContainer{c, other} {
		wg.Go(func() {
			for ctx.Err() == nil {
				config := handle.Config()
				if config.Rootfs == "" {
					continue // another handle has it from the first start on
				}
				cgroup, resources := *config.Cgroups, *config.Cgroups.Resources // not the container's own
				resources.PidsLimit = 100
				cgroup.Resources, config.Cgroups = &resources, &cgroup
				if err := handle.Set(config); err != nil && !errors.Is(err, libcontainer.ContainerNotRunning) {
					t.Errorf("set: %v", err)
				}
			}
		})
	}
	for range lives(t, 20) {
		p, _ := command("true")
		if err := c.Start(p); err != nil {
			t.Error(err)
			break
		}
		if _, err := p.Wait(); err != nil {
			t.Error(err)
		}
		bad, _ := command("nosuchprogram")
		if err := c.Start(bad); err == nil {
			t.Error("a program that does not exist was started")
		}
	}
	stop()
	wg.Wait()
}

// A start that must wait for a program of the host's, such as newuidmap(1), ends with
// its context.
func TestStartEndsWithItsContext(t *testing.T) {
	checkLeaks(t)
	dir := publicTempDir(t)
	fifo := filepath.Join(dir, "fifo")
	if err := unix.Mkfifo(fifo, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(fifo, 0o666); err != nil {
		t.Fatal(err)
	}
	// It would be done when somebody writes to the fifo, and nobody does.
	script := write(t, "#!/bin/sh\nexec cat "+fifo+"\n", dir, "newuidmap")
	if err := os.Chmod(script, 0o755); err != nil {
		t.Fatal(err)
	}
	host := rootlessHost(t, "ids", "deadline")
	host.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"))
	release := func() { // whoever waits for the fifo still
		if fd, err := unix.Open(fifo, unix.O_WRONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0); err == nil {
			unix.Close(fd)
		} else if err != unix.ENXIO {
			t.Error(err)
		}
	}
	defer release()
	wantLines(t, host, release, "start: context deadline exceeded")
}

// wantLines runs a host program and checks what it says. One that hangs is killed, after
// undo has made it killable.
func wantLines(t *testing.T, host *exec.Cmd, undo func(), want ...string) {
	t.Helper()
	r, w := pipe(t)
	host.Stdout, host.Stderr = w, w
	if err := host.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	var got []string
	said := make(chan struct{})
	go func() {
		defer close(said)
		for lines := bufio.NewScanner(r); lines.Scan(); {
			got = append(got, lines.Text())
		}
	}()
	select {
	case <-said:
	case <-time.After(3 * time.Minute):
		t.Error("the host program hangs")
		undo()
		_ = host.Process.Kill()
		r.Close()
		<-said
	}
	err := host.Wait()
	if strings.Join(got, "\n") != strings.Join(want, "\n") || err != nil {
		t.Errorf("the host said %q, error %v; want %q", got, err, want)
	}
}
