package integration

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
)

func linux(c libcontainer.Container) libcontainer.LinuxContainer {
	return c.(libcontainer.LinuxContainer)
}

// loadAgain gives a second handle on a container, as another program would have.
func loadAgain(t *testing.T, c libcontainer.Container, root string) libcontainer.LinuxContainer {
	t.Helper()
	factory, err := newFactoryIn(root)
	if err != nil {
		t.Fatal(err)
	}
	other, err := factory.Load(c.ID())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // gives up what the handle holds
		if err := other.Destroy(); err != nil {
			t.Errorf("destroy by the other handle: %v", err)
		}
	})
	return linux(other)
}

// newContainerIn is newContainer that tells the factory's root.
func newContainerIn(t *testing.T, config *configs.Config) (c libcontainer.LinuxContainer, root string) {
	t.Helper()
	checkLeaks(t)
	factory := newFactory(t)
	root = factory.(*libcontainer.LinuxFactory).Root
	container, err := factory.Create("test", config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := container.Destroy(); err != nil {
			t.Errorf("destroy: %v", err)
		}
	})
	return linux(container), root
}

func TestPrepareAndRelease(t *testing.T) {
	for name, edit := range map[string]func(*configs.Config){
		"default": func(*configs.Config) {},
		"user":    func(c *configs.Config) { withUserNS(t, c, 100000) },
		"no pid":  func(c *configs.Config) { c.Namespaces.Remove(configs.NEWPID) },
	} {
		for who, load := range map[string]bool{"same handle": false, "another": true} {
			t.Run(name+" "+who, func(t *testing.T) {
				config := newConfig(t)
				edit(config)
				config.Hostname = "prepared"
				c, root := newContainerIn(t, config)
				p, out := shell("hostname; ls /proc/self/fd | wc -l; exit 7")
				if err := c.Prepare(t.Context(), p); err != nil {
					t.Fatal(err)
				}
				wantStatus(t, c, libcontainer.Created)
				pid, err := p.Pid()
				if err != nil {
					t.Fatal(err)
				}
				if exe, err := os.Readlink("/proc/" + itoa(pid) + "/exe"); err != nil || strings.Contains(exe, "busybox") {
					t.Errorf("the prepared process runs %q, error %v", exe, err)
				}
				if err := c.Pause(); !errors.Is(err, libcontainer.ContainerNotRunning) {
					t.Errorf("pause of a prepared container: %v", err)
				}
				releaser := c
				if load {
					releaser = loadAgain(t, c, root)
					wantStatus(t, releaser, libcontainer.Created)
				}
				if err := releaser.Release(t.Context()); err != nil {
					t.Fatal(err)
				}
				if state, err := p.Wait(); state == nil || state.ExitCode() != 7 {
					t.Errorf("state %v, error %v", state, err)
				}
				if got := out.stdout.String(); got != "prepared\n4\n" {
					t.Errorf("output %q", got)
				}
				if err := c.Release(t.Context()); !errors.Is(err, libcontainer.ContainerNotRunning) {
					t.Errorf("second release: %v", err)
				}
			})
		}
	}
}

// A process that an earlier release of the library has prepared waits for another word,
// and hangs up on this one: Release says so at once, and leaves it waiting.
func TestReleaseOfAnotherRelease(t *testing.T) {
	for name, filter := range map[string]bool{"with a filter": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			config := newConfig(t)
			config.DefaultSeccomp = filter
			c, root := newContainerIn(t, config)
			p, out := shell("echo released")
			if err := c.Prepare(t.Context(), p); err != nil {
				t.Fatal(err)
			}
			socket := filepath.Join(root, "test", "release.sock")
			if err := os.Rename(socket, socket+".real"); err != nil {
				t.Fatal(err)
			}
			dir, err := os.Open(filepath.Dir(socket)) // its path is longer than an address may be
			if err != nil {
				t.Fatal(err)
			}
			defer dir.Close()
			listener, err := net.Listen("unix", fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), filepath.Base(socket)))
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				for {
					conn, err := listener.Accept()
					if err != nil {
						return
					}
					_, _ = conn.Read(make([]byte, 1))
					conn.Close()
				}
			}()
			for _, handle := range []libcontainer.LinuxContainer{loadAgain(t, c, root), c} {
				checkError(t, handle.Release(t.Context()), libcontainer.SystemError, "another release")
				wantStatus(t, handle, libcontainer.Created)
			}
			listener.Close() // removes the socket
			if err := os.Rename(socket+".real", socket); err != nil {
				t.Fatal(err)
			}
			if err := c.Release(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, err := p.Wait(); err != nil || out.stdout.String() != "released\n" {
				t.Errorf("output %q, error %v", out.stdout.String(), err)
			}
		})
	}
}

func TestPrepareRefuses(t *testing.T) {
	c, _ := newContainerIn(t, newConfig(t))
	if err := c.Release(t.Context()); !errors.Is(err, libcontainer.ContainerNotRunning) {
		t.Errorf("release of what has not been prepared: %v", err)
	}
	p, _ := command("/no/such/program")
	err := c.Prepare(t.Context(), p)
	checkError(t, err, libcontainer.ConfigInvalid, "/no/such/program", "executable file not found", "no such file")
	if !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("error %v is not exec.ErrNotFound", err)
	}
	wantStatus(t, c, libcontainer.Created)
	// What only execve finds out comes at the release, and the container is as new.
	script := write(t, "#!/no/such/interpreter\n", c.Config().Rootfs, "bin/bad")
	if err := os.Chmod(script, 0o755); err != nil {
		t.Fatal(err)
	}
	p, _ = command("/bin/bad")
	if err := c.Prepare(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	checkError(t, c.Release(t.Context()), libcontainer.ConfigInvalid, "/bin/bad", "no such file")
	wantStatus(t, c, libcontainer.Created)
	if _, err := p.Wait(); err == nil {
		t.Error("the process that failed has ended well")
	}
	_, release := startBlocked(t, c)
	q, _ := command("true")
	if err := c.Prepare(t.Context(), q); !errors.Is(err, libcontainer.ContainerNotStopped) {
		t.Errorf("prepare in a running container: %v", err)
	}
	if err := c.Release(t.Context()); !errors.Is(err, libcontainer.ContainerNotRunning) {
		t.Errorf("release of a running container: %v", err)
	}
	release()
}

// Hooks run in the phase that the OCI runtime specification says.
func TestHooksOfBothPhases(t *testing.T) {
	config := newConfig(t)
	var ran []string
	note := func(name string) []configs.Hook {
		return []configs.Hook{configs.NewFunctionHook(func(configs.HookState) error {
			ran = append(ran, name)
			return nil
		})}
	}
	mark := configs.Command{Path: "/bin/touch", Args: []string{"touch", "/started"}}
	config.Hooks = &configs.Hooks{
		Prestart:       note("prestart"),
		CreateRuntime:  note("createRuntime"),
		StartContainer: []configs.Hook{configs.NewCommandHook(mark)},
		Poststart:      note("poststart"),
	}
	c, _ := newContainerIn(t, config)
	p, out := shell("ls /started")
	if err := c.Prepare(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(ran, " "); got != "prestart createRuntime" {
		t.Errorf("hooks of Prepare: %q", got)
	}
	if _, err := os.Stat(filepath.Join(config.Rootfs, "started")); err == nil {
		t.Error("a startContainer hook ran in Prepare")
	}
	if err := c.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Wait(); err != nil {
		t.Fatal(err, out.stderr.String())
	}
	if got := strings.Join(ran, " "); got != "prestart createRuntime poststart" {
		t.Errorf("hooks of both phases: %q", got)
	}
}

func TestDestroyOfAPreparedContainer(t *testing.T) {
	c, root := newContainerIn(t, newConfig(t))
	p, _ := command("true")
	if err := c.Prepare(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	if err := loadAgain(t, c, root).Destroy(); err != nil {
		t.Fatal(err)
	}
	if state, _ := p.Wait(); state == nil || state.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Errorf("state %v, want killed", state)
	}
	wantStatus(t, c, libcontainer.Destroyed)
	if err := c.Release(t.Context()); !errors.Is(err, libcontainer.ContainerNotExists) {
		t.Errorf("release after destroy: %v", err)
	}
}

// A hook that blocks the program's start is what a deadline is for.
func TestReleaseWithDeadline(t *testing.T) {
	config := newConfig(t)
	config.Hooks = &configs.Hooks{StartContainer: []configs.Hook{
		configs.NewCommandHook(configs.Command{Path: "/bin/cat", Args: []string{"cat", "/fifo"}}),
	}}
	if err := syscall.Mkfifo(filepath.Join(config.Rootfs, "fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, _ := newContainerIn(t, config)
	p, _ := command("true")
	if err := c.Prepare(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	fifo := openWriter(t, filepath.Join(config.Rootfs, "fifo"), cancel)
	err := c.Release(ctx)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("release: %v", err)
	}
	(<-fifo).Close()
	wantStatus(t, c, libcontainer.Created)
	if state, _ := p.Wait(); state == nil || state.Success() {
		t.Errorf("state of the process %v", state)
	}
}

// openWriter opens a fifo to write to, which waits for the reader, and calls then.
func openWriter(t *testing.T, name string, then func()) <-chan *os.File {
	t.Helper()
	opened := make(chan *os.File, 1)
	go func() {
		f, err := os.OpenFile(name, os.O_WRONLY, 0)
		if err != nil {
			t.Error(err)
		}
		then()
		opened <- f
	}()
	return opened
}
