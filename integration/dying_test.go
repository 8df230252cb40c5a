package integration

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
)

// brokenWriter takes nothing.
type brokenWriter struct{}

var errBroken = errors.New("this writer takes nothing")

func (brokenWriter) Write([]byte) (int, error) { return 0, errBroken }

// Whatever ends a process, the one who has started it is told.
func TestWhateverKills(t *testing.T) {
	signaled := func(want syscall.Signal) func(*os.ProcessState) bool {
		return func(s *os.ProcessState) bool { return s.Sys().(syscall.WaitStatus).Signal() == want }
	}
	failed := func(s *os.ProcessState) bool { return !s.Success() }
	for name, tt := range map[string]struct {
		edit   func(*configs.Config)
		script string
		stdout io.Writer
		want   func(*os.ProcessState) bool
	}{
		"seccomp": {
			edit:   func(c *configs.Config) { c.Seccomp = allowBut(rule("getgroups", configs.KillProcess)) },
			script: "exec id",
			want:   signaled(syscall.SIGSYS),
		},
		"out of memory": {
			edit:   func(c *configs.Config) { c.Cgroups.Memory = 16 << 20 },
			script: "exec tail -n 1 /dev/zero", // it has no end, and all of it is one line
			want:   signaled(syscall.SIGKILL),
		},
		"closed pipe": {script: "exec yes", stdout: brokenWriter{}, want: failed},
		"a limit":     {script: "ulimit -t 1; exec sh -c 'while :; do :; done'", want: failed},
	} {
		for _, join := range []bool{false, true} {
			who := map[bool]string{false: "init", true: "exec"}[join]
			t.Run(name+" "+who, func(t *testing.T) {
				config := newUnfilteredConfig(t)
				if tt.edit != nil {
					tt.edit(config)
				}
				if !join { // init of a pid namespace is spared some signals
					config.Namespaces.Remove(configs.NEWPID)
				}
				container := linux(newContainer(t, config))
				if join {
					startBlocked(t, container)
				}
				// A hang is an error, and no end of all tests.
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				p, _ := shell(tt.script)
				if tt.stdout != nil {
					p.Stdout = tt.stdout
				}
				if err := container.StartContext(ctx, p); err != nil {
					t.Fatal(err)
				}
				if state, err := p.WaitContext(ctx); err == nil || state == nil || !tt.want(state) {
					t.Errorf("state %v, error %v", state, err)
				}
			})
		}
	}
}

// An init that cannot hold its program is killed before the start is done, or
// right after.
func TestOutOfMemoryAtStart(t *testing.T) {
	config := newUnfilteredConfig(t)
	config.Cgroups.Memory = 64 << 10
	container := linux(newContainer(t, config))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	p, _ := shell("exec tail -n 1 /dev/zero")
	err := container.StartContext(ctx, p)
	if err == nil {
		_, err = p.WaitContext(ctx)
	}
	if err == nil || errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "killed") {
		t.Errorf("error %v, want that it was killed", err)
	}
}

// Destroy may wait for what does not end; who gave a deadline is told, and it can
// be called again.
func TestDestroyWithDeadline(t *testing.T) {
	c, _ := newContainerIn(t, newUnfilteredConfig(t))
	startBlocked(t, c)
	child := childIn(t, c)
	ctx, cancel := context.WithCancel(t.Context())
	destroyed := make(chan error)
	go func() { destroyed <- c.DestroyContext(ctx) }()
	waitUnreaped(t, child) // so Destroy has begun
	cancel()
	if err := <-destroyed; !errors.Is(err, context.Canceled) {
		t.Errorf("destroy with a context that has ended: %v", err)
	}
	if _, err := child.Wait(); err != nil {
		t.Error(err)
	}
	if err := c.Destroy(); err != nil {
		t.Error(err)
	}
	wantStatus(t, c, libcontainer.Destroyed)
}
