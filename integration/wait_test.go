package integration

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
)

// keepsExitStatus tells whether the kernel tells the exit status of a process to
// others than its parent.
func keepsExitStatus(t *testing.T) bool {
	t.Helper()
	cmd := exec.Command("true")
	var pidfd int
	cmd.SysProcAttr = &syscall.SysProcAttr{PidFD: &pidfd}
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pidfd)
	const getInfo, exit = 0xc040ff0b, 8 // PIDFD_GET_INFO, PIDFD_INFO_EXIT of <linux/pidfd.h>
	info := struct {
		mask, _ uint64
		_       [48]byte
	}{mask: exit} // its size is part of the number
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(pidfd), getInfo, uintptr(unsafe.Pointer(&info)))
	return errno == 0 && info.mask&exit != 0
}

func TestWaitForTheContainer(t *testing.T) {
	c, root := newContainerIn(t, newConfig(t))
	if _, err := c.Wait(t.Context()); !errors.Is(err, libcontainer.ContainerNotRunning) {
		t.Errorf("wait before the start: %v", err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	p, _ := shell("read x; exit 7")
	p.Stdin = r
	err = c.Start(p)
	r.Close()
	if err != nil {
		t.Fatal(err)
	}
	other := loadAgain(t, c, root)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, handle := range map[string]libcontainer.LinuxContainer{"own": c, "other": other} {
		if _, err := handle.Wait(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: wait with a context that has ended: %v", name, err)
		}
	}
	if _, err := p.WaitContext(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("wait for the process with a context that has ended: %v", err)
	}
	var wg sync.WaitGroup
	knows := keepsExitStatus(t)
	for range 4 {
		wg.Go(func() {
			if ws, err := c.Wait(t.Context()); err != nil || ws.ExitStatus() != 7 {
				t.Errorf("own handle: status %v, error %v", ws, err)
			}
		})
		wg.Go(func() {
			ws, err := other.Wait(t.Context())
			if errors.Is(err, libcontainer.StatusUnknown) && !knows {
				return
			}
			if err != nil || ws.ExitStatus() != 7 {
				t.Errorf("other handle: status %v, error %v", ws, err)
			}
		})
	}
	w.Close()
	wg.Wait()
	// Nobody has reaped it: a handle that has not seen it run finds it all the same.
	if ws, err := loadAgain(t, c, root).Wait(t.Context()); err != nil || ws.ExitStatus() != 7 {
		t.Errorf("wait for a zombie: status %v, error %v", ws, err)
	}
	if state, _ := p.Wait(); state == nil || state.ExitCode() != 7 {
		t.Errorf("the process has ended with %v", state)
	}
	// Now there is nothing but the state file's word.
	if _, err := loadAgain(t, c, root).Wait(t.Context()); !errors.Is(err, libcontainer.StatusUnknown) {
		t.Errorf("wait for what had ended before: %v", err)
	}
}

// A container of a program that does not wait for it leaves a zombie, which tells
// its status on every kernel.
func TestWaitForAnotherProgramsContainer(t *testing.T) {
	checkLeaks(t)
	dir := publicTempDir(t)
	host, stdout := startHost(t, "starts", dir, newRootfs(t), cgroupParent)
	buf := make([]byte, 16)
	if n, err := stdout.Read(buf); err != nil || string(buf[:n]) != "started\n" {
		t.Fatalf("host says %q, error %v", buf[:n], err)
	}
	factory, err := newFactoryIn(dir)
	if err != nil {
		t.Fatal(err)
	}
	ids, err := factory.(*libcontainer.LinuxFactory).List()
	if err != nil || !slices.Equal(ids, []string{"test"}) {
		t.Fatalf("list %v, error %v", ids, err)
	}
	container, err := factory.Load("test")
	if err != nil {
		t.Fatal(err)
	}
	pids, err := container.Processes()
	if err != nil || len(pids) != 1 {
		t.Fatalf("processes %v, error %v", pids, err)
	}
	if err := container.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	ws, err := linux(container).WaitProcess(t.Context(), pids[0])
	if err != nil && !keepsExitStatus(t) {
		if !errors.Is(err, libcontainer.StatusUnknown) {
			t.Errorf("error %v, want that the status is unknown", err)
		}
	} else if err != nil || ws.Signal() != syscall.SIGKILL {
		t.Errorf("status %v, error %v", ws, err)
	}
	if err := container.Destroy(); err != nil {
		t.Error(err)
	}
	if err := host.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = host.Wait()
}

func TestWaitProcess(t *testing.T) {
	c, root := newContainerIn(t, newConfig(t))
	startBlocked(t, c)
	other := loadAgain(t, c, root)
	p, err := startExecBlocked(t, c)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := p.Pid()
	if err != nil {
		t.Fatal(err)
	}
	started := c.StartedProcesses()
	if len(started) != 1 || len(other.StartedProcesses()) != 0 {
		t.Fatalf("started %v and %v", started, other.StartedProcesses())
	}
	if got, err := started[0].Pid(); err != nil || got != pid || started[0].Args[0] != "cat" {
		t.Errorf("the started process has pid %d, error %v, args %q", got, err, started[0].Args)
	}
	for _, stranger := range []int{os.Getpid(), -1, 0, 1 << 30} {
		if _, err := other.WaitProcess(t.Context(), stranger); !errors.Is(err, libcontainer.ContainerNotRunning) {
			t.Errorf("wait for process %d, not the container's: %v", stranger, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := other.WaitProcess(ctx, pid); !errors.Is(err, context.Canceled) {
		t.Errorf("wait with a context that has ended: %v", err)
	}
	if err := started[0].Signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	// It may have been reaped before the question comes: then only p knows.
	ws, err := c.WaitProcess(t.Context(), pid)
	if errors.Is(err, libcontainer.ContainerNotRunning) {
		state, _ := p.Wait()
		ws, err = state.Sys().(syscall.WaitStatus), nil
	}
	if err != nil || ws.Signal() != syscall.SIGTERM {
		t.Errorf("status %v, error %v", ws, err)
	}
	if left := c.StartedProcesses(); len(left) != 0 {
		t.Errorf("after its end: %v", left)
	}
}

// A process left behind that has the pipe must not hold Wait for ever.
func TestWaitDelay(t *testing.T) {
	container := newContainer(t, newConfig(t))
	startBlocked(t, container)
	p, out := shell("echo first; cat /proc/self/stat >/dev/null; sleep 1000 & echo last")
	p.WaitDelay = time.Millisecond
	if err := container.Start(p); err != nil {
		t.Fatal(err)
	}
	state, err := p.Wait()
	if !errors.Is(err, exec.ErrWaitDelay) || state == nil || !state.Success() {
		t.Errorf("state %v, error %v", state, err)
	}
	if got := out.stdout.String(); got != "first\nlast\n" {
		t.Errorf("output %q", got)
	}
}

// endless is a reader that never returns before it is closed.
type endless chan struct{}

func (e endless) Read([]byte) (int, error) {
	<-e
	return 0, os.ErrClosed
}

func TestWaitDoesNotWaitForInput(t *testing.T) {
	container := newContainer(t, newConfig(t))
	p, _ := command("true")
	input := make(endless)
	defer close(input)
	p.Stdin = input
	if err := container.Start(p); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Wait(); err != nil {
		t.Error(err)
	}
}

// Nobody waits, and no zombie stays.
func TestProcessesAreReaped(t *testing.T) {
	container := newContainer(t, newConfig(t))
	startBlocked(t, container)
	p, _ := command("true")
	if err := container.Start(p); err != nil {
		t.Fatal(err)
	}
	pid, err := p.Pid()
	if err != nil {
		t.Fatal(err)
	}
	for len(linux(container).StartedProcesses()) > 0 {
		if _, err := linux(container).WaitProcess(t.Context(), pid); err != nil && !errors.Is(err, libcontainer.ContainerNotRunning) {
			t.Fatal(err)
		}
	}
	for _, child := range children(t) {
		if strings.HasPrefix(child, itoa(pid)+" ") {
			t.Errorf("zombie: %s", child)
		}
	}
}

// Start ends with its context at whatever point that is.
func TestStartContext(t *testing.T) {
	for _, join := range []bool{false, true} {
		name := "init"
		if join {
			name = "exec"
		}
		t.Run(name, func(t *testing.T) {
			c, _ := newContainerIn(t, newConfig(t))
			if join {
				startBlocked(t, c)
			}
			done, failed := 0, 0
			for delay := time.Duration(0); done < 3; delay += 200*time.Microsecond + delay/8 {
				ctx, cancel := context.WithTimeout(t.Context(), delay)
				p, _ := command("true")
				err := c.StartContext(ctx, p)
				if err == nil {
					done++
					if _, err := p.Wait(); err != nil {
						t.Fatal(err)
					}
				} else if failed++; !errors.Is(err, context.DeadlineExceeded) {
					t.Fatalf("after %v: %v", delay, err)
				}
				cancel()
			}
			if failed == 0 {
				t.Error("no start was cut short")
			}
			p, _ := command("true") // the container is as good as new
			if err := c.Start(p); err != nil {
				t.Fatal(err)
			}
			if _, err := p.Wait(); err != nil {
				t.Error(err)
			}
			t.Logf("%d starts done, %d cut short", done, failed)
		})
	}
}

// A hostile container can make the start of a process wait; that must hold
// neither the one who gave a deadline nor Destroy.
func TestStuckStart(t *testing.T) {
	config := newConfig(t)
	config.Hooks = &configs.Hooks{StartContainer: []configs.Hook{
		configs.NewCommandHook(configs.Command{Path: "/bin/cat", Args: []string{"cat", "/fifo"}}),
	}}
	fifo := config.Rootfs + "/fifo"
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Run("context", func(t *testing.T) {
		c, _ := newContainerIn(t, config)
		ctx, cancel := context.WithCancel(t.Context())
		writer := openWriter(t, fifo, cancel)
		p, _ := command("true")
		if err := c.StartContext(ctx, p); !errors.Is(err, context.Canceled) {
			t.Errorf("start: %v", err)
		}
		(<-writer).Close()
		wantStatus(t, c, libcontainer.Created)
	})
	for _, name := range []string{"destroy", "destroy by another handle"} {
		t.Run(name, func(t *testing.T) {
			c, root := newContainerIn(t, config)
			destroyed := make(chan error, 1)
			writer := openWriter(t, fifo, func() {
				handle := c
				if name != "destroy" {
					handle = loadAgain(t, c, root)
				}
				wantStatus(t, handle, libcontainer.Running)
				destroyed <- handle.Destroy()
			})
			p, _ := command("true")
			err := c.Start(p)
			if err == nil {
				t.Error("start succeeded")
			}
			if name == "destroy" && !errors.Is(err, libcontainer.ContainerNotExists) {
				t.Errorf("start: %v", err)
			}
			(<-writer).Close()
			if err := <-destroyed; err != nil {
				t.Errorf("destroy: %v", err)
			}
			wantStatus(t, c, libcontainer.Destroyed)
		})
	}
}

func TestDestroyContext(t *testing.T) {
	c, _ := newContainerIn(t, newConfig(t))
	startBlocked(t, c)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.DestroyContext(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("destroy with a context that has ended: %v", err)
	}
	if err := c.Destroy(); err != nil {
		t.Error(err)
	}
	wantStatus(t, c, libcontainer.Destroyed)
}

func TestSignalAll(t *testing.T) {
	for name, edit := range map[string]func(*configs.Config){
		"default":    func(*configs.Config) {},
		"no pid":     func(c *configs.Config) { c.Namespaces.Remove(configs.NEWPID) },
		"no cgroups": func(c *configs.Config) { c.Cgroups.Optional = true },
	} {
		t.Run(name, func(t *testing.T) {
			config := newConfig(t)
			edit(config)
			c, _ := newContainerIn(t, config)
			if err := c.SignalAll(syscall.SIGTERM); !errors.Is(err, libcontainer.ContainerNotRunning) {
				t.Errorf("before the start: %v", err)
			}
			p, _ := startBlocked(t, c)
			var execs []*libcontainer.Process
			for range 3 {
				e, err := startExecBlocked(t, c)
				if err != nil {
					t.Fatal(err)
				}
				execs = append(execs, e)
			}
			if pids, err := c.Processes(); err != nil || len(pids) != 4 {
				t.Errorf("processes %v, error %v; want four", pids, err)
			}
			// The first process of a pid namespace ignores what it does not handle.
			ends := config.Namespaces.Contains(configs.NEWPID)
			if err := c.SignalAll(syscall.SIGTERM); err != nil {
				t.Error(err)
			}
			for _, e := range execs {
				if state, _ := e.Wait(); state == nil || state.Sys().(syscall.WaitStatus).Signal() != syscall.SIGTERM {
					t.Errorf("state of an exec %v, want terminated", state)
				}
			}
			if ends {
				if err := c.SignalAll(syscall.SIGKILL); err != nil {
					t.Error(err)
				}
			}
			if state, _ := p.Wait(); state == nil || !state.Sys().(syscall.WaitStatus).Signaled() {
				t.Errorf("state of init %v, want killed", state)
			}
		})
	}
}
