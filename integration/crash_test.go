package integration

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/integration/internal/tested"
)

// killHost kills a host program and waits for its end.
func killHost(t *testing.T, host *exec.Cmd) {
	t.Helper()
	if err := host.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = host.Wait()
}

// A program that dies while a hook runs leaves an init that has not set up the
// container: nobody may enter that, for its root is still the host's.
func TestNoExecInHalfMadeContainer(t *testing.T) {
	checkLeaks(t)
	dir := publicTempDir(t)
	said, hold := filepath.Join(dir, "said"), filepath.Join(dir, "hold")
	for _, fifo := range []string{said, hold} {
		if err := syscall.Mkfifo(fifo, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	root := filepath.Join(dir, "state")
	hook := fmt.Sprintf("cat >/dev/null; echo in the hook >%s; cat %s", said, hold)
	host, _ := startHost(t, "starts", root, newRootfs(t), cgroupParent, hook)
	text, err := os.ReadFile(said) // waits for the hook
	if err != nil || string(text) != "in the hook\n" {
		t.Fatalf("the hook said %q, error %v", text, err)
	}
	killHost(t, host)
	factory, err := newFactoryIn(root)
	if err != nil {
		t.Fatal(err)
	}
	container, err := factory.Load("test")
	if err != nil {
		t.Fatal(err)
	}
	p, _ := command("/bin/true")
	checkError(t, container.Start(p), libcontainer.ContainerNotRunning, "does not run its program yet")
	if err := container.Destroy(); err != nil {
		t.Error(err)
	}
	// A hook without a pid namespace is the host's own; with one it is dead.
	if ids := list(t, root); len(ids) != 0 {
		t.Errorf("left: %v", ids)
	}
}

// childIn starts a program that is the container's only by its pid namespace, and
// that only we can reap: until then the container's init cannot end.
func childIn(t *testing.T, container libcontainer.Container) *os.Process {
	t.Helper()
	state, err := container.State()
	if err != nil {
		t.Fatal(err)
	}
	started := make(chan *os.Process, 1)
	go func() {
		defer close(started)
		runtime.LockOSThread() // until the end: the thread is of no more use then
		ns, err := os.Open(state.NamespacePaths["NEWPID"])
		if err != nil {
			t.Error(err)
			return
		}
		defer ns.Close()
		if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWPID); err != nil {
			t.Errorf("enter pid namespace: %v", err)
			return
		}
		p, err := os.StartProcess("/bin/cat", []string{"cat", "/dev/zero"}, &os.ProcAttr{})
		if err != nil {
			t.Error(err)
			return
		}
		started <- p
	}()
	p := <-started
	if p == nil {
		t.FailNow()
	}
	return p
}

// waitUnreaped waits for the end of a child and leaves it a zombie. With childIn's
// the kernel kills it when init has lost its namespaces.
func waitUnreaped(t *testing.T, child *os.Process) {
	t.Helper()
	var info unix.Siginfo
	if err := unix.Waitid(unix.P_PID, child.Pid, &info, unix.WEXITED|unix.WNOWAIT, nil); err != nil {
		t.Fatal(err)
	}
}

// An init that is dying has no namespaces to enter any more.
func TestExecInDyingContainer(t *testing.T) {
	container := newContainer(t, newConfig(t))
	p, _ := startBlocked(t, container)
	child := childIn(t, container)
	if err := p.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	waitUnreaped(t, child)
	next, _ := command("/bin/true")
	checkError(t, container.Start(next), libcontainer.ContainerNotRunning, "initial process has ended")
	if _, err := child.Wait(); err != nil {
		t.Error(err)
	}
	if state, err := p.Wait(); state == nil || state.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Errorf("state %v, error %v", state, err)
	}
	if err := container.Start(next); err != nil { // it is init now
		t.Fatal(err)
	}
	if _, err := next.Wait(); err != nil {
		t.Error(err)
	}
}

// What was killed while it was paused leaves a cgroup that is frozen.
func TestStartInFrozenCgroup(t *testing.T) {
	container := newContainer(t, newConfig(t))
	_, release := startBlocked(t, container)
	state, err := container.State()
	if err != nil {
		t.Fatal(err)
	}
	if _, unified := state.CgroupPaths[""]; unified && tested.Systemd() {
		t.Skip("systemd removes a cgroup v2 with its last process")
	}
	release()
	frozen := 0
	for key, freeze := range map[string][2]string{"": {"cgroup.freeze", "1"}, "freezer": {"freezer.state", "FROZEN"}} {
		dir, ok := state.CgroupPaths[key]
		if !ok {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, freeze[0]), []byte(freeze[1]), 0); err != nil {
			t.Fatal(err)
		}
		frozen++
	}
	if frozen == 0 {
		t.Fatalf("there is no freezer among %v", state.CgroupPaths)
	}
	p, out := command("/bin/echo", "runs")
	if err := container.Start(p); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Wait(); err != nil || out.stdout.String() != "runs\n" {
		t.Errorf("wait: %v; output %q", err, out.stdout.String())
	}
}

// A further process of the former life is in the cgroup until it finds that there is no
// init to join. A stranger stays.
func TestStartWhereTheFormerLifeIsNotOver(t *testing.T) {
	container := newContainer(t, newConfig(t))
	_, release := startBlocked(t, container)
	state, err := container.State()
	if err != nil {
		t.Fatal(err)
	}
	if tested.Systemd() {
		t.Skip("systemd removes the unit with its last process")
	}
	release()
	put := func(args ...string) *exec.Cmd {
		cmd := exec.Command(args[0], args[1:]...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if err := cgroups.EnterPid(state.CgroupPaths, cmd.Process.Pid); err != nil {
			t.Fatal(err)
		}
		return cmd
	}
	soon := put("/bin/sleep", "0.3")
	p, _ := command("/bin/true")
	if err := container.Start(p); err != nil {
		t.Fatal(err)
	}
	for _, wait := range []func() error{soon.Wait, func() error { _, err := p.Wait(); return err }} {
		if err := wait(); err != nil {
			t.Error(err)
		}
	}
	stranger := put("/bin/sleep", "1000")
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	p, _ = command("/bin/true")
	err = linux(container).StartContext(ctx, p)
	if !errors.Is(err, syscall.EBUSY) || !strings.Contains(err.Error(), itoa(stranger.Process.Pid)) {
		t.Errorf("error %v, want EBUSY and the stranger's pid", err)
	}
	if err := stranger.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = stranger.Wait()
}

// Several programs do what they like with the same containers, and no one of them
// sees anything that is not the others' right.
func TestProgramsContend(t *testing.T) {
	checkLeaks(t)
	dir := publicTempDir(t)
	root, rootfs := filepath.Join(dir, "state"), newRootfs(t)
	// One that hangs shows where its goroutines are.
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var hosts []*exec.Cmd
	for n := range 4 {
		host := exec.CommandContext(ctx, buildProgram(t, "contends"), root, rootfs, cgroupParent, itoa(n), itoa(lives(t, 100)))
		host.Cancel = func() error { return host.Process.Signal(syscall.SIGQUIT) }
		host.Stderr = new(bytes.Buffer)
		if err := host.Start(); err != nil {
			t.Fatal(err)
		}
		hosts = append(hosts, host)
	}
	for n, host := range hosts {
		if err := host.Wait(); err != nil {
			t.Errorf("host %d: %v: %s", n, err, host.Stderr)
		}
	}
	for _, id := range list(t, root) {
		collect(t, root, id)
	}
}
