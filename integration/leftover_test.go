package integration

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
)

// Without a pid namespace of its own a container's processes outlive its init: they are
// listed and get signals until they have ended, too.
func TestSignalAllAfterInit(t *testing.T) {
	config := newConfig(t)
	config.Namespaces.Remove(configs.NEWPID)
	container := newContainer(t, config)
	out, said, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	p := &libcontainer.Process{
		Args: []string{"/bin/sh", "-c", "sleep 1000 >/dev/null & echo $!; exec sleep 1000 <&- >&- 2>&-"},
		Env:  []string{defaultEnv}, Stdout: said,
	}
	err = container.Start(p)
	said.Close()
	if err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	left, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_, _ = p.Wait()
	if pids, err := container.Processes(); err != nil || !slices.Equal(pids, []int{left}) {
		t.Errorf("processes after the end of init: %v, error %v; want %d", pids, err, left)
	}
	checkError(t, container.Signal(syscall.SIGTERM), libcontainer.ContainerNotRunning)
	all := container.(libcontainer.LinuxContainer)
	if err := all.SignalAll(syscall.SIGUSR1); err != nil { // which ends it
		t.Errorf("signal all: %v", err)
	}
	status, err := all.WaitProcess(t.Context(), left)
	switch {
	case err == nil && status.Signal() != syscall.SIGUSR1:
		t.Errorf("it ended with %v", status)
	case err != nil && !errors.Is(err, libcontainer.StatusUnknown) && !errors.Is(err, libcontainer.ContainerNotRunning):
		t.Errorf("wait for it: %v", err)
	}
	checkError(t, all.SignalAll(syscall.SIGUSR1), libcontainer.ContainerNotRunning)
	checkError(t, all.SignalAll(syscall.SIGKILL), libcontainer.ContainerNotRunning)
}

// What looks at a container while another handle destroys it says that it has gone.
func TestCallsWhileOtherHandleDestroys(t *testing.T) {
	checkLeaks(t)
	root := filepath.Join(publicTempDir(t), "state")
	factory, err := newFactoryIn(root)
	if err != nil {
		t.Fatal(err)
	}
	config := newConfig(t)
	for round := range 15 {
		container, err := factory.Create("test", config)
		if err != nil {
			t.Fatal(err)
		}
		p, _ := command("sleep", "1000")
		if err := container.Start(p); err != nil {
			t.Fatal(err)
		}
		loaded, err := factory.Load("test")
		if err != nil {
			t.Fatal(err)
		}
		lookWhileDestroyed(t, fmt.Sprintf("round %d", round), loaded.(libcontainer.LinuxContainer), container.Destroy)
		if err := loaded.Destroy(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			return
		}
	}
}

func lookWhileDestroyed(t *testing.T, round string, c libcontainer.LinuxContainer, destroy func() error) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var calls, watches sync.WaitGroup
	// It ends with the container, whenever the watch has begun.
	drain := func(events <-chan struct{}, err error) error {
		if err == nil {
			watches.Go(func() {
				for range events {
				}
			})
		}
		return err
	}
	for name, call := range map[string]func() error{
		"processes": func() error { _, err := c.Processes(); return err },
		"signal":    func() error { return c.Signal(syscall.SIGCONT) },
		"all":       func() error { return c.SignalAll(syscall.SIGCONT) },
		"stats":     func() error { _, err := c.Stats(); return err },
		"wait":      func() error { _, err := c.Wait(ctx); return err },
		"oom":       func() error { return drain(c.NotifyOOM()) },
		"pressure":  func() error { return drain(c.NotifyMemoryPressure(libcontainer.CriticalPressure)) },
	} {
		calls.Go(func() {
			for ctx.Err() == nil {
				err := call()
				if ctx.Err() != nil || err == nil {
					continue
				}
				if e, ok := err.(libcontainer.Error); !ok || e.Code() != libcontainer.ContainerNotExists && e.Code() != libcontainer.ContainerNotRunning &&
					e.Code() != libcontainer.StatusUnknown {
					t.Errorf("%s: %s: %v", round, name, err)
				}
				if name == "oom" || name == "pressure" || errors.Is(err, libcontainer.ContainerNotExists) {
					return
				}
			}
		})
	}
	if err := destroy(); err != nil {
		t.Errorf("%s: destroy: %v", round, err)
	}
	stop()
	calls.Wait()
	watches.Wait()
}
