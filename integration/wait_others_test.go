package integration

import (
	"context"
	"errors"
	"testing"

	"github.com/libcontainer/libcontainer"
)

// The program that has started a container waits for it, or has died, so that
// the system's init does: then its exit status is the kernel's to tell.
func TestWaitWhenTheStarterIsDead(t *testing.T) {
	checkLeaks(t)
	root := publicTempDir(t)
	host, stdout := startHost(t, "starts", root, newRootfs(t), cgroupParent, "true", "cat; exit 7")
	buf := make([]byte, 16)
	if n, err := stdout.Read(buf); err != nil || string(buf[:n]) != "started\n" {
		t.Fatalf("host says %q, error %v", buf[:n], err)
	}
	factory, err := newFactoryIn(root)
	if err != nil {
		t.Fatal(err)
	}
	container, err := factory.Load("test")
	if err != nil {
		t.Fatal(err)
	}
	killHost(t, host) // the container's standard input ends with it
	ws, err := linux(container).Wait(t.Context())
	switch {
	case errors.Is(err, libcontainer.StatusUnknown) && !keepsExitStatus(t):
	case err != nil || ws.ExitStatus() != 7:
		t.Errorf("status %v, error %v; want 7", ws, err)
	}
	wantStatus(t, container, libcontainer.Destroyed)
	if err := container.Destroy(); err != nil {
		t.Error(err)
	}
}

// waitingContext calls a function when somebody begins to wait with it.
type waitingContext struct {
	context.Context
	begins func()
}

func (c waitingContext) Done() <-chan struct{} {
	c.begins()
	return c.Context.Done()
}

// A further process, too, may be another handle's.
func TestWaitForAnothersProcess(t *testing.T) {
	c, root := newContainerIn(t, newConfig(t))
	startBlocked(t, c)
	other := loadAgain(t, c, root)
	r, w := pipe(t)
	p, _ := shell("read x; exit 9")
	p.Stdin = r
	if err := c.Start(p); err != nil {
		t.Fatal(err)
	}
	r.Close()
	pid, err := p.Pid()
	if err != nil {
		t.Fatal(err)
	}
	// It ends when the other handle has found it, and waits.
	ws, err := other.WaitProcess(waitingContext{t.Context(), func() { w.Close() }}, pid)
	switch {
	case errors.Is(err, libcontainer.StatusUnknown) && !keepsExitStatus(t):
	case err != nil || ws.ExitStatus() != 9:
		t.Errorf("status %v, error %v; want 9", ws, err)
	}
	if state, _ := p.Wait(); state == nil || state.ExitCode() != 9 {
		t.Errorf("state %v", state)
	}
}
