package integration

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
)

func TestStatusOfALife(t *testing.T) {
	container := newContainer(t, newConfig(t))
	wantStatus(t, container, libcontainer.Created)
	_, release := startBlocked(t, container)
	wantStatus(t, container, libcontainer.Running)
	if err := container.Pause(); err != nil {
		t.Fatal(err)
	}
	wantStatus(t, container, libcontainer.Paused)
	if err := container.Start(&libcontainer.Process{Args: []string{"true"}}); !errors.Is(err, libcontainer.ContainerPaused) {
		t.Errorf("start in a paused container: error %v, want ContainerPaused", err)
	}
	if err := container.Resume(); err != nil {
		t.Fatal(err)
	}
	wantStatus(t, container, libcontainer.Running)
	release()
	wantStatus(t, container, libcontainer.Destroyed)
	if err := container.Destroy(); err != nil {
		t.Fatal(err)
	}
	wantStatus(t, container, libcontainer.Destroyed)
}

func wantStatus(t *testing.T, c libcontainer.Container, want libcontainer.Status) {
	t.Helper()
	if got, err := c.Status(); err != nil || got != want {
		t.Errorf("status %v, error %v; want %v", got, err, want)
	}
}

func TestExitStatus(t *testing.T) {
	container := newContainer(t, newConfig(t))
	for script, want := range map[string]int{"exit 0": 0, "exit 7": 7, "exit 255": 255} {
		p, _ := shell(script)
		if err := container.Start(p); err != nil { // again and again, in one container
			t.Fatal(err)
		}
		state, err := p.Wait()
		if state == nil || state.ExitCode() != want {
			t.Errorf("%s: state %v, error %v", script, state, err)
		}
		var exit *exec.ExitError
		if errors.As(err, &exit) != (want != 0) {
			t.Errorf("%s: error %v", script, err)
		}
	}
}

func TestKilledBySignal(t *testing.T) {
	container := newContainer(t, newConfig(t))
	p, _ := startBlocked(t, container)
	if err := p.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	state, _ := p.Wait()
	if ws := state.Sys().(syscall.WaitStatus); !ws.Signaled() || ws.Signal() != syscall.SIGKILL {
		t.Errorf("state %v, want killed", state)
	}
	if err := p.Signal(syscall.SIGTERM); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("signal after the end: error %v", err)
	}
	if err := container.Signal(syscall.SIGTERM); !errors.Is(err, libcontainer.ContainerNotRunning) {
		t.Errorf("container signal after the end: error %v", err)
	}
}

// A process's descriptor is the caller's, and good for as long as he has it.
func TestPidFD(t *testing.T) {
	container := newContainer(t, newConfig(t))
	p, _ := startBlocked(t, container)
	further, _ := command("sleep", "1000000")
	if err := container.Start(further); err != nil {
		t.Fatal(err)
	}
	for _, p := range []*libcontainer.Process{further, p} { // the end of init is that of all
		f, err := p.PidFD()
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
			t.Errorf("flags %#x, error %v", flags, err)
		}
		if err := unix.PidfdSendSignal(int(f.Fd()), unix.SIGKILL, nil, 0); err != nil {
			t.Error(err)
		}
		if state, _ := p.Wait(); state == nil || state.Sys().(syscall.WaitStatus).Signal() != unix.SIGKILL {
			t.Errorf("state %v, want killed", state)
		}
		if err := unix.PidfdSendSignal(int(f.Fd()), 0, nil, 0); !errors.Is(err, unix.ESRCH) {
			t.Errorf("a signal to what has been reaped: %v", err)
		}
		if _, err := p.PidFD(); !errors.Is(err, os.ErrProcessDone) {
			t.Errorf("a descriptor of what has been reaped: %v", err)
		}
	}
}

func TestContainerSignal(t *testing.T) {
	container := newContainer(t, newConfig(t))
	p, out := shell(`trap "echo got it; exit 3" USR1; echo ready; read x`)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	outR, outW, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer outR.Close()
	p.Stdin, p.Stdout = r, outW
	err = container.Start(p)
	outW.Close()
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 64)
	n, err := outR.Read(buf)
	if err != nil || string(buf[:n]) != "ready\n" {
		t.Fatalf("read %q, %v", buf[:n], err)
	}
	if err := container.Signal(syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	state, _ := p.Wait()
	if state.ExitCode() != 3 {
		t.Errorf("state %v; stderr %q", state, out.stderr.String())
	}
}

func TestDestroyKillsAll(t *testing.T) {
	for _, pidns := range []bool{true, false} {
		name := map[bool]string{true: "pid namespace", false: "host pid namespace"}[pidns]
		t.Run(name, func(t *testing.T) {
			config := newConfig(t)
			if !pidns {
				config.Namespaces.Remove(configs.NEWPID)
			}
			container := newContainer(t, config)
			p, _ := shell("sleep 1000 & setsid sleep 1000 & echo up; cat")
			inR, inW, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer inW.Close()
			outR, outW, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer outR.Close()
			p.Stdin, p.Stdout, p.Stderr = inR, outW, outW
			err = container.Start(p)
			inR.Close()
			outW.Close()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := outR.Read(make([]byte, 16)); err != nil {
				t.Fatal(err)
			}
			pids, err := container.Processes()
			if err != nil || len(pids) < 3 {
				t.Errorf("processes %v, error %v; want 3 or more", pids, err)
			}
			if err := container.Destroy(); err != nil {
				t.Fatal(err)
			}
			for _, pid := range pids {
				if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) && !isOrphan(pid) {
					t.Errorf("process %d: %v, want that it is gone", pid, err)
				}
			}
			if err := container.Destroy(); err != nil {
				t.Errorf("destroy again: %v", err)
			}
			if _, err := container.Processes(); !errors.Is(err, libcontainer.ContainerNotExists) {
				t.Errorf("processes after destroy: error %v", err)
			}
		})
	}
}

// isOrphan tells whether a process is dead and waits for the system's init to
// reap it.
func isOrphan(pid int) bool {
	data, err := os.ReadFile(filepath.Join("/proc", itoa(pid), "stat"))
	return err != nil || zombie(data)
}

func TestDestroyPaused(t *testing.T) {
	container := newContainer(t, newConfig(t))
	startBlocked(t, container)
	if err := container.Pause(); err != nil {
		t.Fatal(err)
	}
	if err := container.Destroy(); err != nil {
		t.Fatal(err)
	}
}

func TestIDInUse(t *testing.T) {
	checkLeaks(t)
	factory := newFactory(t)
	config := newConfig(t)
	container, err := factory.Create("a", config)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := factory.Create("a", config); !errors.Is(err, libcontainer.IdInUse) || !errors.Is(err, os.ErrExist) {
		t.Errorf("second create: error %v, want IdInUse", err)
	}
	if err := container.Destroy(); err != nil {
		t.Fatal(err)
	}
	again, err := factory.Create("a", config)
	if err != nil {
		t.Fatalf("create after destroy: %v", err)
	}
	if err := again.Destroy(); err != nil {
		t.Fatal(err)
	}
	if _, err := factory.Create("a/b", config); !errors.Is(err, libcontainer.InvalidIdFormat) {
		t.Errorf("bad id: error %v, want InvalidIdFormat", err)
	}
	if _, err := factory.Load("a"); !errors.Is(err, libcontainer.ContainerNotExists) {
		t.Errorf("load of a destroyed container: error %v", err)
	}
}

func TestLoad(t *testing.T) {
	checkLeaks(t)
	factory := newFactory(t)
	config := newConfig(t)
	container, err := factory.Create("a", config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = container.Destroy() })
	fresh, err := factory.Load("a")
	if err != nil {
		t.Fatal(err)
	}
	wantStatus(t, fresh, libcontainer.Created)
	p, _ := startBlocked(t, container)
	loaded, err := factory.Load("a")
	if err != nil {
		t.Fatal(err)
	}
	wantStatus(t, loaded, libcontainer.Running)
	pid, err := p.Pid()
	if err != nil {
		t.Fatal(err)
	}
	state, err := loaded.State()
	if err != nil {
		t.Fatal(err)
	}
	if state.InitProcessPid != pid || state.ID != "a" || state.Config.Rootfs != config.Rootfs {
		t.Errorf("state %+v, want pid %d", state.BaseState, pid)
	}
	for typ, path := range state.NamespacePaths {
		if _, err := os.Stat(path); err != nil {
			t.Errorf("namespace %s: %v", typ, err)
		}
	}
	if pids, err := loaded.Processes(); err != nil || len(pids) != 1 || pids[0] != pid {
		t.Errorf("processes %v, error %v; want %d", pids, err, pid)
	}
	if err := loaded.Destroy(); err != nil {
		t.Fatal(err)
	}
	wantStatus(t, container, libcontainer.Destroyed)
	if err := container.Destroy(); err != nil {
		t.Errorf("destroy what another handle destroyed: %v", err)
	}
}

func TestLoadRefusesForeignState(t *testing.T) {
	checkLeaks(t)
	dir := publicTempDir(t)
	factory, err := newFactoryIn(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "a"), 0o700); err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(libcontainer.State{BaseState: libcontainer.BaseState{ID: "b"}})
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "a", "state.json")
	for _, content := range []string{string(data), "{", ""} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if c, err := factory.Load("a"); err == nil {
			t.Errorf("state %q was loaded as %v", content, c.ID())
		}
	}
}

// Many goroutines at one container: each call returns, and nothing is left.
func TestConcurrentUse(t *testing.T) {
	container := newContainer(t, newConfig(t))
	startBlocked(t, container)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				_, _ = container.Status()
				_, _ = container.Stats()
				_, _ = container.Processes()
				_, _ = container.State()
				_ = container.Config()
			}
			if err := container.Destroy(); err != nil {
				t.Errorf("destroy: %v", err)
			}
		})
	}
	wg.Wait()
}
