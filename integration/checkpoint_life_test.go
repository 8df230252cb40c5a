package integration

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
)

// startCounter starts a container that counts.
func startCounter(t *testing.T, container libcontainer.Container, script string) (*libcontainer.Process, *numbers) {
	t.Helper()
	p, said := counterProcess(t, script)
	if err := container.Start(p); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		said.next()
	}
	return p, said
}

func newImages(t *testing.T) *libcontainer.CriuOpts {
	t.Helper()
	return &libcontainer.CriuOpts{ImagesDirectory: filepath.Join(publicTempDir(t), "images")}
}

func checkpoint(t *testing.T, container libcontainer.Container, opts *libcontainer.CriuOpts) {
	t.Helper()
	if err := container.Checkpoint(opts); err != nil {
		t.Fatalf("%v\n%s", err, logOf(opts, "dump.log"))
	}
}

// restore restores what goes on to count where it was.
func restore(t *testing.T, container libcontainer.Container, opts *libcontainer.CriuOpts, said *numbers) *libcontainer.Process {
	t.Helper()
	q := new(libcontainer.Process)
	if err := said.again(q); err != nil {
		t.Fatal(err)
	}
	if err := container.Restore(q, opts); err != nil {
		log := logOf(opts, "restore.log")
		t.Errorf("%v\n%s", err, log[max(len(log)-16<<10, 0):])
		closeFiles(q)
		said.drain() // the program may have said why
		t.FailNow()
	}
	closeFiles(q)
	for range 3 {
		said.next()
	}
	return q
}

// A container is restored into the same object, and by another handle that has loaded it,
// again and again.
func TestRestoreIntoTheSameContainer(t *testing.T) {
	checkLeaks(t)
	root := filepath.Join(publicTempDir(t), "state")
	factory := newCriuFactoryIn(t, root)
	config := newConfig(t)
	config.Networks = append(config.Networks, onBridge(newBridge(t), 2))
	container := createIn(t, factory, "test", config)
	p, said := startCounter(t, container, "")
	for range 2 {
		opts := newImages(t)
		checkpoint(t, container, opts)
		closeFiles(p)
		said.drain()
		wantStatus(t, container, libcontainer.Checkpointed)
		other, err := newCriuFactoryIn(t, root).Load("test")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := other.Destroy(); err != nil {
				t.Error(err)
			}
		})
		wantStatus(t, other, libcontainer.Checkpointed)
		if pids, err := other.Processes(); err == nil && len(pids) > 0 {
			t.Errorf("a checkpointed container has the processes %v", pids)
		}
		p = restore(t, other, opts, said)
		wantStatus(t, container, libcontainer.Running)
		opts = newImages(t)
		checkpoint(t, other, opts)
		said.drain()
		if state, err := p.Wait(); state == nil || state.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Errorf("a checkpointed process has ended with %v, %v", state, err)
		}
		p = restore(t, container, opts, said)
		wantStatus(t, other, libcontainer.Running)
	}
}

func newCriuFactoryIn(t *testing.T, root string) libcontainer.Factory {
	t.Helper()
	factory, err := newFactoryIn(root, func(l *libcontainer.LinuxFactory) error {
		l.CriuPath = criuPath()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return factory
}

// A container that goes on is as it was: it runs, or is paused. So it is after a failed checkpoint.
func TestLeaveRunning(t *testing.T) {
	for name, paused := range map[string]bool{"running": false, "paused": true} {
		t.Run(name, func(t *testing.T) {
			checkLeaks(t)
			container := createIn(t, newCriuFactory(t), "test", newConfig(t))
			config := container.Config()
			// A connection without TcpEstablished is refused by criu itself, when all is frozen.
			p, said := startCounter(t, container, `mkfifo /tmp/f; nc -l -p 80 -e cat & while ! netstat -ltn | grep -q :80; do :; done
				nc 127.0.0.1 80 </tmp/f >/tmp/out & exec 9>/tmp/f; echo x >&9; while ! test -s /tmp/out; do :; done`)
			want := libcontainer.Running
			if paused {
				want = libcontainer.Paused
				if err := container.Pause(); err != nil {
					t.Fatal(err)
				}
			}
			pid, _ := p.Pid()
			opts := newImages(t)
			checkError(t, container.Checkpoint(opts), libcontainer.SystemError, "set TcpEstablished to keep")
			wantStatus(t, container, want)
			opts = newImages(t)
			opts.LeaveRunning, opts.TcpEstablished = true, true
			checkpoint(t, container, opts)
			wantStatus(t, container, want)
			if paused {
				if err := container.Resume(); err != nil {
					t.Fatal(err)
				}
			}
			for range 3 {
				said.next()
			}
			if now, _ := p.Pid(); now != pid {
				t.Errorf("the process is %d, and was %d", now, pid)
			}
			if err := container.Signal(syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			_, _ = p.Wait()
			closeFiles(p)
			// Once more from the images, when what they are of has ended.
			if err := container.Destroy(); err != nil {
				t.Fatal(err)
			}
			second := createIn(t, newCriuFactory(t), "second", &config)
			said.last = 0
			restore(t, second, opts, said)
			wantStatus(t, second, libcontainer.Running)
		})
	}
}

// All that can be done with a container can be done with a restored one.
func TestRestoredContainerLives(t *testing.T) {
	checkLeaks(t)
	factory := newCriuFactory(t)
	config := newConfig(t)
	var states []string
	hook := func(name string) configs.Hook {
		return configs.NewFunctionHook(func(s configs.HookState) error {
			states = append(states, name+" "+s.ID)
			if s.Pid == 0 && name != "poststop" {
				t.Errorf("hook %s: no pid", name)
			}
			return nil
		})
	}
	config.Hooks = &configs.Hooks{
		Prestart: []configs.Hook{hook("prestart")}, CreateRuntime: []configs.Hook{hook("createRuntime")},
		Poststart: []configs.Hook{hook("poststart")}, Poststop: []configs.Hook{hook("poststop")},
	}
	first := createIn(t, factory, "first", config)
	p, said := startCounter(t, first, `trap "exit 7" TERM; trap "exit 8" USR1`)
	opts := newImages(t)
	opts.FileLocks = true
	uptime := execOutput(t, first, "cat", "/proc/uptime")
	checkpoint(t, first, opts)
	closeFiles(p)
	said.drain()
	if err := first.Destroy(); err != nil {
		t.Fatal(err)
	}
	states = nil
	second := createIn(t, factory, "second", elsewhere(config))
	q := restore(t, second, opts, said)
	if want := []string{"prestart second", "createRuntime second", "poststart second"}; !slices.Equal(states, want) {
		t.Errorf("the hooks %q have run, want %q", states, want)
	}
	pid, err := q.Pid()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"time", "pid", "net", "mnt", "ipc", "uts", "cgroup"} {
		want, err := os.Readlink("/proc/" + itoa(pid) + "/ns/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if got := execOutput(t, second, "readlink", "/proc/self/ns/"+name); got != want {
			t.Errorf("a further process is in %s, and init in %s", got, want)
		}
	}
	if after := execOutput(t, second, "cat", "/proc/uptime"); len(after) < len(uptime) {
		t.Errorf("the uptime was %s, and is %s", uptime, after)
	}
	if err := second.Pause(); err != nil {
		t.Fatal(err)
	}
	wantStatus(t, second, libcontainer.Paused)
	if err := second.Resume(); err != nil {
		t.Fatal(err)
	}
	wantStatus(t, second, libcontainer.Running)
	stats, err := second.Stats()
	if err != nil || stats.CgroupStats.MemoryStats.Usage.Usage == 0 {
		t.Errorf("statistics %+v, error %v", stats, err)
	}
	limited := second.Config()
	cgroup := *limited.Cgroups
	resources := *cgroup.Resources
	resources.Memory = 64 << 20
	cgroup.Resources = &resources
	limited.Cgroups = &cgroup
	if err := second.Set(limited); err != nil {
		t.Fatal(err)
	}
	if got := cgroupValue(t, second, "memory", "memory.limit_in_bytes", "memory.max"); got != "67108864" {
		t.Errorf("the limit of memory is %s", got)
	}
	events, err := second.NotifyOOM()
	if err != nil {
		t.Fatal(err)
	}
	eater, _ := command("sh", "-c", "tail /dev/zero")
	if err := second.Start(eater); err != nil {
		t.Fatal(err)
	}
	if _, err := eater.Wait(); err == nil {
		t.Error("a process that takes all memory has succeeded")
	}
	select {
	case _, ok := <-events:
		if !ok {
			t.Error("no event of the OOM killer")
		}
	case <-time.After(20 * time.Second):
		t.Error("no event of the OOM killer in time")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := second.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	status, err := linux(second).WaitProcess(ctx, pid)
	if err != nil || status.ExitStatus() != 7 {
		t.Errorf("WaitProcess: %v, %v", status, err)
	}
	var exit *exec.ExitError
	if _, err := q.WaitContext(ctx); !errors.As(err, &exit) || exit.ExitCode() != 7 {
		t.Errorf("Process.Wait: %v, want exit status 7", err)
	}
	wantStatus(t, second, libcontainer.Destroyed)
	if err := second.Destroy(); err != nil {
		t.Fatal(err)
	}
	if last := states[len(states)-1]; last != "poststop second" {
		t.Errorf("the last hook is %q", last)
	}
}

// execOutput is what a further process writes.
func execOutput(t *testing.T, container libcontainer.Container, args ...string) string {
	t.Helper()
	p, out := command(args...)
	if err := container.Start(p); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Wait(); err != nil {
		t.Fatalf("%q: %v: %s", args, err, out.stderr.String())
	}
	return strings.TrimSpace(out.stdout.String())
}
