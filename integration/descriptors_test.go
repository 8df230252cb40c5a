//world:any

package integration

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
)

// leakyDescriptors are descriptors of this process that others would inherit: a
// directory of the host, at a low and at a high number. It gives what they lead to.
func leakyDescriptors(t *testing.T) (target string) {
	t.Helper()
	target = publicTempDir(t)
	low, err := unix.Open(target, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(low) })
	high, err := unix.FcntlInt(uintptr(low), unix.F_DUPFD, 700)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(high) })
	return target
}

// No hook in the container gets a descriptor of the host program's, nor one that init
// works with.
func TestHooksHaveNoDescriptors(t *testing.T) {
	leakyDescriptors(t)
	dir := publicTempDir(t)
	hook := func(name string) []configs.Hook {
		// The list has the directory itself, too. A path, for the shell could list by
		// itself and have more open.
		script := `/bin/ls -l /proc/self/fd >` + filepath.Join(dir, name)
		return []configs.Hook{configs.NewCommandHook(configs.Command{Path: "/bin/sh", Args: []string{"sh", "-c", script}})}
	}
	for name, edit := range map[string]func(*configs.Config){
		"default":        func(*configs.Config) {},
		"user namespace": func(c *configs.Config) { withUserNS(t, c, 100000) },
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.Chmod(dir, 0o777); err != nil {
				t.Fatal(err)
			}
			config := newUnfilteredConfig(t)
			edit(config)
			mkdir(t, config.Rootfs, dir)
			addMount(config, bindOn(dir, dir, 0))
			config.Hooks = &configs.Hooks{CreateContainer: hook("createContainer"), StartContainer: hook("startContainer")}
			runShell(t, config, "true")
			for _, name := range []string{"createContainer", "startContainer"} {
				text := string(mustRead(t, filepath.Join(dir, name)))
				remove(t, filepath.Join(dir, name))
				count := 0
				for line := range strings.Lines(text) {
					left, target, ok := strings.Cut(strings.TrimSpace(line), " -> ")
					if !ok {
						continue
					}
					if strings.HasPrefix(target, "/proc/") && strings.HasSuffix(target, "/fd") {
						continue
					}
					count++
					if n := atoi(t, left[strings.LastIndexByte(left, ' ')+1:]); n > 2 {
						t.Errorf("the hook %s has descriptor %d, %s", name, n, target)
					}
				}
				if count < 3 {
					t.Errorf("the hook %s has seen %q, want three descriptors", name, text)
				}
			}
		})
	}
}

// A prepared init waits as long as its caller likes, in the container: it holds
// nothing of the host's.
func TestPreparedInitHoldsNothingOfTheHost(t *testing.T) {
	leaky := leakyDescriptors(t)
	for name, edit := range map[string]func(*configs.Config){
		"default":        func(*configs.Config) {},
		"user namespace": func(c *configs.Config) { withUserNS(t, c, 100000) },
	} {
		t.Run(name, func(t *testing.T) {
			config := newUnfilteredConfig(t)
			edit(config)
			c, _ := newContainerIn(t, config)
			p, _ := command("true")
			if err := c.Prepare(t.Context(), p); err != nil {
				t.Fatal(err)
			}
			pid, err := p.Pid()
			if err != nil {
				t.Fatal(err)
			}
			fds := fmt.Sprintf("/proc/%d/fd", pid)
			entries, err := os.ReadDir(fds)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range entries {
				target, err := os.Readlink(filepath.Join(fds, e.Name()))
				if err != nil {
					t.Error(err)
					continue
				}
				if target == leaky {
					t.Errorf("descriptor %s is the host program's %s", e.Name(), target)
				}
				info, err := os.Stat(filepath.Join(fds, e.Name()))
				if err == nil && info.IsDir() {
					t.Errorf("descriptor %s is the directory %s", e.Name(), target)
				}
				if strings.Contains(target, "[pidfd]") {
					t.Errorf("descriptor %s is a %s", e.Name(), target)
				}
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

// highestDescriptor gives the highest open one of this process.
func highestDescriptor(t *testing.T) (highest int) {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		highest = max(highest, atoi(t, e.Name()))
	}
	return highest
}

// Near the limit of open files a start works, or says that no descriptor is free,
// wherever in the start that is.
func TestStartNearTheLimitOfDescriptors(t *testing.T) {
	config := newUnfilteredConfig(t)
	for name, further := range map[string]bool{"first process": false, "further process": true} {
		t.Run(name, func(t *testing.T) {
			container := newContainer(t, config)
			if further {
				startBlocked(t, container)
			}
			var limit unix.Rlimit
			if err := unix.Prlimit(0, unix.RLIMIT_NOFILE, nil, &limit); err != nil {
				t.Fatal(err)
			}
			restore := func() {
				if err := unix.Prlimit(0, unix.RLIMIT_NOFILE, &limit, nil); err != nil {
					t.Fatal(err)
				}
			}
			defer restore()
			highest := highestDescriptor(t)
			for free, worked := 0, 0; worked < 3; free++ {
				if free > 200 {
					t.Fatal("200 free descriptors are too few for a start")
				}
				low := limit
				low.Cur = uint64(highest + 1 + free)
				p, _ := command("/bin/true")
				if err := unix.Prlimit(0, unix.RLIMIT_NOFILE, &low, nil); err != nil {
					t.Fatal(err)
				}
				err := container.Start(p)
				restore()
				if err == nil {
					worked++
					if _, err := p.Wait(); err != nil {
						t.Error(err)
					}
					continue
				}
				if !errors.Is(err, unix.EMFILE) {
					t.Errorf("with %d free descriptors: %v", free, err)
				}
			}
		})
	}
}

// What a running container costs its host: one descriptor, that of its init.
func TestDescriptorsOfRunningContainers(t *testing.T) {
	checkLeaks(t)
	factory, rootfs := newFactory(t), newRootfs(t)
	r, _ := pipe(t)
	before := openFds(t)
	n := lives(t, 100)
	for i := range n {
		id := "many-" + itoa(i)
		container, err := factory.Create(id, configFor(rootfs, id))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := container.Destroy(); err != nil {
				t.Error(err)
			}
		})
		if err := container.Start(&libcontainer.Process{Args: []string{"/bin/cat"}, Stdin: r}); err != nil {
			t.Fatal(err)
		}
	}
	const once = 8 // what is kept for all containers together
	if more := added(before, openFds(t)); len(more) > n+once {
		count := make(map[string]int)
		for _, target := range more {
			count[target]++
		}
		t.Errorf("%d running containers hold %d descriptors: %v", n, len(more), count)
	}
}
