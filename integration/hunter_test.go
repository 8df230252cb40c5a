package integration

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/integration/internal/tested"
)

// hunts is how many processes the hunters are shown: LCTEST_HUNTS of them, or enough to
// meet each moment of a start on an unhurried machine.
func hunts(t *testing.T) int {
	t.Helper()
	if text := os.Getenv("LCTEST_HUNTS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	return lives(t, 200)
}

// hunter is a program in a container that looks out for others.
type hunter struct {
	p     *libcontainer.Process
	lines *bufio.Scanner
	hold  *os.File
}

// startHunter runs it as the container's first process.
func startHunter(t *testing.T, container libcontainer.Container, user, mode, capabilities, cgroup string) *hunter {
	t.Helper()
	stdin, hold := pipe(t)
	stdout, say := pipe(t)
	marker := write(t, "of the host", publicTempDir(t), "marker")
	args := []string{"/bin/hunter", mode, capabilities, marker, cgroup}
	for _, name := range []string{"mnt", "net", "ipc", "uts", "cgroup", "pid"} {
		args = append(args, hostNamespace(t, name))
	}
	if config := container.Config(); config.Namespaces.Contains(configs.NEWUSER) {
		args = append(args, hostNamespace(t, "user"))
	}
	h := &hunter{
		p:     &libcontainer.Process{Args: args, User: user, Env: []string{defaultEnv}, Stdin: stdin, Stdout: say, Stderr: os.Stderr},
		lines: bufio.NewScanner(stdout),
		hold:  hold,
	}
	if err := container.Start(h.p); err != nil {
		t.Fatalf("start the hunter: %v", err)
	}
	stdin.Close()
	say.Close()
	if !h.lines.Scan() || h.lines.Text() != "ready" {
		t.Fatalf("the hunter said %q", h.lines.Text())
	}
	return h
}

// end gives what it has found.
func (h *hunter) end(t *testing.T) {
	t.Helper()
	h.hold.Close()
	for h.lines.Scan() {
		switch line := h.lines.Text(); {
		case strings.HasPrefix(line, "FOUND "):
			t.Errorf("seen by the container: %s", strings.TrimPrefix(line, "FOUND "))
		case line != "stopped":
			t.Log(line)
		}
	}
	if _, err := h.p.Wait(); err != nil {
		t.Errorf("the hunter: %v", err)
	}
}

// show starts a process where the hunter sees it, and waits for its end. A start that
// the hunter holds up for longer than its context is given up with the hunter.
func (h *hunter) show(c libcontainer.LinuxContainer, user string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	p, _ := command("/bin/true")
	p.User = user
	ended := make(chan error, 1)
	go func() {
		if err := c.StartContext(ctx, p); err != nil {
			ended <- err
			return
		}
		_, err := p.Wait()
		ended <- err
	}()
	select {
	case err := <-ended:
		return err
	case <-time.After(30 * time.Second):
		err := errors.New("the container holds up the host for longer than the context of the start")
		return errors.Join(err, h.p.Signal(unix.SIGKILL), <-ended)
	}
}

func withHunter(t *testing.T, capabilities ...string) *configs.Config {
	t.Helper()
	config := newUnfilteredConfig(t)
	if err := os.Link(buildProgram(t, "hunter"), filepath.Join(config.Rootfs, "bin/hunter")); err != nil {
		t.Fatal(err)
	}
	config.Capabilities = append(config.Capabilities, capabilities...)
	return config
}

// huntingGround is a container that watches what comes into it.
type huntingGround struct {
	user         string // of the hunter and of the others
	mode         string
	capabilities []string // besides the default ones
	allowed      string
	userns       bool
}

const defaultAndPtrace = "00000000a80c25fb"

func huntingGrounds() map[string]huntingGround {
	return map[string]huntingGround{
		"root looks":               {"", "look", nil, defaultCaps, false},
		"root traces":              {"", "trace", nil, defaultCaps, false},
		"root with CAP_SYS_PTRACE": {"", "trace", []string{"CAP_SYS_PTRACE"}, defaultAndPtrace, false},
		"a user":                   {"5000:6000", "trace", nil, defaultCaps, false},
		"user namespace, root":     {"", "trace", nil, defaultCaps, true},
		"user namespace, root with CAP_SYS_PTRACE": {"", "trace", []string{"CAP_SYS_PTRACE"}, defaultAndPtrace, true},
	}
}

// A process that is executed in a container comes into its sight with what the
// container has, and nothing of the host's: not its root, namespaces, capabilities or
// descriptors, and inside of the container's cgroups.
func TestHuntersOfFurtherProcesses(t *testing.T) {
	if tested.Classic() {
		t.Skip("the classic init boots Go in the container's pid namespace")
	}
	for name, g := range huntingGrounds() {
		t.Run(name, func(t *testing.T) {
			config := withHunter(t, g.capabilities...)
			if g.userns {
				withUserNS(t, config, 100000)
			}
			container := newContainer(t, config)
			h := startHunter(t, container, g.user, g.mode, g.allowed, "same")
			for i := range hunts(t) {
				if err := h.show(linux(container), g.user); err != nil {
					t.Errorf("process %d: %v", i, err)
					break
				}
			}
			h.end(t)
		})
	}
}

func procfsTakesPidNamespace(t *testing.T) bool {
	t.Helper()
	fs, err := unix.Fsopen("proc", unix.FSOPEN_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fs)
	return unix.FsconfigSetString(fs, "pidns", "/proc/self/ns/pid") == nil
}

// The same for a container that is made in the pid namespace of another one.
func TestHuntersOfANewContainer(t *testing.T) {
	if tested.Classic() {
		t.Skip("the classic init boots Go in the container's pid namespace")
	}
	if !procfsTakesPidNamespace(t) {
		t.Skip("procfs has no option pidns, which is there since Linux 6.17: the set-up is done inside")
	}
	for name, g := range huntingGrounds() {
		if g.userns {
			continue // its pid namespace belongs to the user namespace
		}
		t.Run(name, func(t *testing.T) {
			first := newContainer(t, withHunter(t, g.capabilities...))
			h := startHunter(t, first, g.user, g.mode, g.allowed, "any")
			state, err := first.State()
			if err != nil {
				t.Fatal(err)
			}
			config := newUnfilteredConfig(t)
			config.Cgroups.Name += "-second"
			config.Namespaces.Add(configs.NEWPID, state.NamespacePaths[configs.NEWPID])
			config.Capabilities = append(config.Capabilities, g.capabilities...)
			second, err := newFactory(t).Create("second", config)
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := second.Destroy(); err != nil {
					t.Error(err)
				}
			}()
			for i := range hunts(t) / 2 {
				if err := h.show(linux(second), g.user); err != nil {
					t.Errorf("process %d: %v", i, err)
					break
				}
			}
			h.end(t)
		})
	}
}

// While a process hangs that the container has stopped before it runs its program, all
// else that one can do to the container goes on.
func TestStoppedJoinerHoldsUpNobody(t *testing.T) {
	container := linux(newContainer(t, withHunter(t)))
	h := startHunter(t, container, "", "stop", defaultCaps, "same")
	defer h.p.Signal(unix.SIGKILL)
	stopped := make(chan struct{}, 1000)
	go func() {
		defer close(stopped)
		for h.lines.Scan() {
			if h.lines.Text() == "stopped" {
				stopped <- struct{}{}
			}
		}
	}()
	hung := 0
	for range lives(t, 40) {
		ctx, cancel := context.WithCancel(t.Context())
		p, _ := command("/bin/true")
		started := make(chan error, 1)
		go func() { started <- container.StartContext(ctx, p) }()
		select {
		case <-stopped:
			goesOnBesideAStart(t, container)
		case err := <-started: // so quickly that the hunter has not met it
			started <- err
		}
		cancel()
		if err := <-started; err != nil {
			hung++
		} else {
			if err := p.Signal(unix.SIGKILL); err != nil && !errors.Is(err, os.ErrProcessDone) {
				t.Error(err)
			}
			_, _ = p.Wait()
		}
		if t.Failed() {
			break
		}
	}
	t.Logf("%d starts were stopped before they were done", hung)
}

// goesOnBesideAStart checks that nothing waits for a process that is being started.
func goesOnBesideAStart(t *testing.T, container libcontainer.LinuxContainer) {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		_, err := container.Status()
		if err == nil {
			err = container.Set(container.Config())
		}
		if err == nil {
			err = container.Pause()
		}
		if err == nil {
			err = container.Resume()
		}
		done <- err
	}()
	select {
	case err := <-done:
		if err != nil {
			t.Errorf("status, set, pause and resume while a process is stopped: %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Error("status, set, pause or resume waits for a process that the container has stopped")
	}
}

// An init that waits to be released, and a user of the host who has its user id.
func TestPreparedInitCannotBeReadByItsUser(t *testing.T) {
	for name, edit := range map[string]func(*configs.Config){
		"default":          func(*configs.Config) {},
		"no new privilege": func(c *configs.Config) { c.NoNewPrivileges = false },
		"no pid":           func(c *configs.Config) { c.Namespaces.Remove(configs.NEWPID) },
	} {
		t.Run(name, func(t *testing.T) {
			config := newUnfilteredConfig(t)
			edit(config)
			c, _ := newContainerIn(t, config)
			p, _ := command("true")
			p.User = "54321:54321"
			if err := c.Prepare(t.Context(), p); err != nil {
				t.Fatal(err)
			}
			pid, err := p.Pid()
			if err != nil {
				t.Fatal(err)
			}
			out := asUser(t, 54321, fmt.Sprintf(`cd /proc/%d; for f in environ maps auxv mem syscall stack; do head -c 1 $f >/dev/null 2>&1 && echo $f; done
				ls fd 2>/dev/null; for l in exe root cwd ns/mnt; do readlink $l; done; true`, pid))
			if out != "" {
				t.Errorf("a user reads of the prepared init: %q", out)
			}
			if err := c.Release(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, err := p.Wait(); err != nil {
				t.Error(err)
			}
		})
	}
}

// The capabilities that a prepared init keeps are those that its program gets, also
// where a filter is to be loaded: no_new_privs does for that.
func TestCapabilitiesOfAPreparedInit(t *testing.T) {
	for name, tt := range map[string]struct {
		user string
		edit func(*configs.Config)
	}{
		"default":      {"", func(*configs.Config) {}},
		"filter":       {"", func(c *configs.Config) { c.Seccomp = allowBut(rule("getppid", configs.Errno)) }},
		"another user": {"5000:6000", func(c *configs.Config) { c.Seccomp = allowBut(rule("getppid", configs.Errno)) }},
	} {
		t.Run(name, func(t *testing.T) {
			config := newUnfilteredConfig(t)
			tt.edit(config)
			c, _ := newContainerIn(t, config)
			p, _ := command("true")
			p.User = tt.user
			if err := c.Prepare(t.Context(), p); err != nil {
				t.Fatal(err)
			}
			pid, err := p.Pid()
			if err != nil {
				t.Fatal(err)
			}
			s := status(string(mustRead(t, fmt.Sprintf("/proc/%d/status", pid))))
			allowed, err := strconv.ParseUint(defaultCaps, 16, 64)
			if err != nil {
				t.Fatal(err)
			}
			for _, set := range []string{"CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb"} {
				got, err := strconv.ParseUint(s[set], 16, 64)
				if err != nil || got&^allowed != 0 {
					t.Errorf("%s of the prepared init is %s, its program's are %s", set, s[set], defaultCaps)
				}
			}
			if s["NoNewPrivs"] != "1" {
				t.Errorf("NoNewPrivs of the prepared init is %q", s["NoNewPrivs"])
			}
			if err := c.Release(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, err := p.Wait(); err != nil {
				t.Error(err)
			}
		})
	}
}

// asUser runs a script of the host's shell as a user without privileges.
func asUser(t *testing.T, id int, script string) string {
	t.Helper()
	cmd := exec.Command("sh", "-c", script)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(id), Gid: uint32(id)}}
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("as user %d: %v", id, err)
	}
	return string(out)
}
