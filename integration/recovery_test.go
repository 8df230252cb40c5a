package integration

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
)

func list(t *testing.T, root string) []string {
	t.Helper()
	factory, err := newFactoryIn(root)
	if err != nil {
		t.Fatal(err)
	}
	ids, err := factory.(*libcontainer.LinuxFactory).List()
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

// editState replaces the state file of a container's directory, as a program that
// died at some point would have left it.
func editState(t *testing.T, dir string, edit func(map[string]any)) {
	t.Helper()
	name := filepath.Join(dir, "state.json")
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	state := make(map[string]any)
	if err := json.Unmarshal(data, &state); err != nil {
		t.Fatal(err)
	}
	edit(state)
	if data, err = json.Marshal(state); err != nil {
		t.Fatal(err)
	}
	// A new file, as the library itself replaces it.
	if err := os.WriteFile(name+".edited", data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(name+".edited", name); err != nil {
		t.Fatal(err)
	}
}

func TestList(t *testing.T) {
	checkLeaks(t)
	factory := newFactory(t)
	root := factory.(*libcontainer.LinuxFactory).Root
	if ids := list(t, root); len(ids) != 0 {
		t.Errorf("in an empty root: %v", ids)
	}
	rootfs := newRootfs(t)
	var containers []libcontainer.Container
	for _, id := range []string{"b", "a", "c.d+e-f_9"} {
		c, err := factory.Create(id, configFor(rootfs, id))
		if err != nil {
			t.Fatal(err)
		}
		containers = append(containers, c)
	}
	// What is no container is not listed.
	if err := os.WriteFile(filepath.Join(root, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(root, "not an id"), 0o700); err != nil {
		t.Fatal(err)
	}
	if ids, want := list(t, root), []string{"a", "b", "c.d+e-f_9"}; !slices.Equal(ids, want) {
		t.Errorf("list %v, want %v", ids, want)
	}
	for _, c := range containers {
		if err := c.Destroy(); err != nil {
			t.Error(err)
		}
	}
	if ids := list(t, root); len(ids) != 0 {
		t.Errorf("after all have been destroyed: %v", ids)
	}
	bare, err := newFactoryIn("")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bare.(*libcontainer.LinuxFactory).List(); !errors.Is(err, libcontainer.ConfigInvalid) {
		t.Errorf("list without a root: %v", err)
	}
}

// Two handles, as two programs would have them, see what the other one does.
func TestTwoHandles(t *testing.T) {
	first, root := newContainerIn(t, newConfig(t))
	second := loadAgain(t, first, root)
	p, _ := command("true")
	checkError(t, second.Start(p), libcontainer.ConfigInvalid, "no configuration")

	_, release := startBlocked(t, first)
	wantStatus(t, second, libcontainer.Running)
	if got := execShell(t, second, "echo here"); got != "here" {
		t.Errorf("exec by the other handle: %q", got)
	}
	if err := second.Pause(); err != nil {
		t.Fatal(err)
	}
	wantStatus(t, first, libcontainer.Paused)
	if err := first.Resume(); err != nil {
		t.Fatal(err)
	}
	wantStatus(t, second, libcontainer.Running)

	config := first.Config()
	config.Version = "set by the first"
	if err := first.Set(config); err != nil {
		t.Fatal(err)
	}
	if got := second.Config().Version; got != "set by the first" {
		t.Errorf("the other handle's configuration is of version %q", got)
	}
	release()
	wantStatus(t, second, libcontainer.Destroyed)

	// Now the other one starts it; the first one's handle goes on to work.
	_, release = startBlocked(t, second)
	wantStatus(t, first, libcontainer.Running)
	if _, err := first.Processes(); err != nil {
		t.Error(err)
	}
	if err := first.Destroy(); err != nil {
		t.Fatal(err)
	}
	release()
	wantStatus(t, second, libcontainer.Destroyed)
	if _, err := second.Stats(); !errors.Is(err, libcontainer.ContainerNotExists) {
		t.Errorf("statistics of a destroyed container: %v", err)
	}
}

// A handle must not take another container of the same id for its own.
func TestHandleOfAnEarlierContainer(t *testing.T) {
	config := newConfig(t)
	first, root := newContainerIn(t, config)
	startBlocked(t, first)
	old := loadAgain(t, first, root)
	if err := first.Destroy(); err != nil {
		t.Fatal(err)
	}
	factory, err := newFactoryIn(root)
	if err != nil {
		t.Fatal(err)
	}
	again, err := factory.Create("test", config)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := again.Destroy(); err != nil {
			t.Error(err)
		}
	}()
	startBlocked(t, again)
	wantStatus(t, old, libcontainer.Destroyed)
	if err := old.Destroy(); err != nil {
		t.Error(err)
	}
	p, _ := command("true")
	if err := old.Start(p); !errors.Is(err, libcontainer.ContainerNotExists) {
		t.Errorf("start by the old handle: %v", err)
	}
	wantStatus(t, again, libcontainer.Running)
}

func TestStartWaitsWhilePaused(t *testing.T) {
	c, root := newContainerIn(t, newConfig(t))
	startBlocked(t, c)
	other := loadAgain(t, c, root)
	for name, resumer := range map[string]libcontainer.LinuxContainer{"same handle": c, "another": other} {
		t.Run(name, func(t *testing.T) {
			if err := c.Pause(); err != nil {
				t.Fatal(err)
			}
			p, _ := command("true")
			if err := c.Start(p); !errors.Is(err, libcontainer.ContainerPaused) {
				t.Errorf("start: %v", err)
			}
			p.WaitPaused = true
			ctx, cancel := context.WithCancel(t.Context())
			canceled := make(chan error, 1)
			go func() { canceled <- c.StartContext(ctx, p) }()
			cancel()
			if err := <-canceled; !errors.Is(err, context.Canceled) {
				t.Errorf("start that is given up: %v", err)
			}
			var wg sync.WaitGroup
			for range 3 {
				wg.Go(func() {
					p, _ := command("true")
					p.WaitPaused = true
					if err := c.Start(p); err != nil {
						t.Errorf("start that waits: %v", err)
						return
					}
					if _, err := p.Wait(); err != nil {
						t.Error(err)
					}
				})
			}
			if err := resumer.Resume(); err != nil {
				t.Error(err)
			}
			wg.Wait()
		})
	}
	if err := c.Pause(); err != nil {
		t.Fatal(err)
	}
	started := startWaiting(t, c, root)
	if err := other.Destroy(); err != nil {
		t.Error(err)
	}
	if err := <-started; err == nil {
		t.Error("a process has started in a container that was destroyed")
	}
}

// A start that waits while the container is paused was to run beside its init: it
// does not take the place of one that has ended.
func TestPausedContainerEnds(t *testing.T) {
	c, root := newContainerIn(t, newConfig(t))
	startBlocked(t, c)
	if err := c.Pause(); err != nil {
		t.Fatal(err)
	}
	started := startWaiting(t, c, root)
	if err := c.Signal(unix.SIGKILL); err != nil {
		t.Error(err)
	}
	// On cgroup v1 a frozen process does not die; on v2 it does, and nobody comes
	// by to wake who waits.
	state, err := c.State()
	if err != nil {
		t.Fatal(err)
	}
	if state.CgroupPaths[""] == "" {
		if err := c.Resume(); err != nil {
			t.Error(err)
		}
	}
	if err := <-started; !errors.Is(err, libcontainer.ContainerNotRunning) {
		t.Errorf("start that waits: %v", err)
	}
	wantStatus(t, c, libcontainer.Destroyed)
}

// startWaiting starts a process in a paused container, and returns when that waits.
func startWaiting(t *testing.T, c libcontainer.Container, root string) <-chan error {
	t.Helper()
	p, _ := command("true")
	p.WaitPaused = true
	started := make(chan error, 1)
	go func() { started <- c.Start(p) }()
	awaitWatch(t, filepath.Join(root, c.ID()))
	return started
}

// awaitWatch waits until a goroutine of ours waits for an inotify event of a file:
// proc(5) shows in fdinfo what is watched.
func awaitWatch(t *testing.T, name string) {
	t.Helper()
	var stat unix.Stat_t
	if err := unix.Stat(name, &stat); err != nil {
		t.Fatal(err)
	}
	watch := fmt.Sprintf("inotify wd:1 ino:%x ", stat.Ino)
	for t.Context().Err() == nil {
		infos, err := filepath.Glob("/proc/self/fdinfo/*")
		if err != nil {
			t.Fatal(err)
		}
		for _, info := range infos {
			text, err := os.ReadFile(info)
			if err != nil && !errors.Is(err, os.ErrNotExist) {
				t.Fatal(err)
			}
			if strings.Contains(string(text), watch) {
				return
			}
		}
	}
}

// The methods of one handle, from many goroutines.
func TestManyGoroutines(t *testing.T) {
	c, _ := newContainerIn(t, newConfig(t))
	startBlocked(t, c)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 5 {
				p, out := shell("echo " + itoa(i))
				p.WaitPaused = true
				if err := c.Start(p); err != nil {
					t.Errorf("start: %v", err)
					return
				}
				if _, err := p.Wait(); err != nil || out.stdout.String() != itoa(i)+"\n" {
					t.Errorf("wait: %v; output %q", err, out.stdout.String())
				}
			}
		})
	}
	for _, call := range []func() error{
		func() error { return errors.Join(c.Pause(), c.Resume()) },
		func() error { return c.Set(c.Config()) },
		func() error { _, err := c.Stats(); return err },
		func() error { _, err := c.Processes(); return err },
		func() error { _, err := c.State(); return err },
		func() error { _, err := c.Status(); return err },
		func() error { c.StartedProcesses(); return c.Signal(syscall.Signal(0)) },
	} {
		wg.Go(func() {
			for range 20 {
				if err := call(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}
