//world:any

package integration

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
)

// hostileNamespace is a container that has put into its /proc and /sys what holds up who
// reads it, and what looks like the files that labels and parameters are written to.
const hostileNamespace = `
	mkfifo /tmp/fifo
	mount -t tmpfs none /sys && mkdir -p /sys/kernel/mm/transparent_hugepage /sys/fs/cgroup /sys/module/apparmor/parameters /sys/fs/selinux &&
	mkfifo /sys/kernel/mm/transparent_hugepage/hpage_pmd_size /sys/module/apparmor/parameters/enabled /sys/fs/selinux/enforce || exit 1
	mkdir /tmp/real && mount --move /proc /tmp/real || mount --bind /proc /tmp/real || exit 1
	mount -t tmpfs none /proc && mkdir -p /proc/sys/net/ipv4 /proc/sys/kernel /proc/fake/attr/apparmor /proc/fake/fd /proc/thread-self/attr || exit 1
	ln -s fake /proc/self; ln -s fake /proc/1
	for f in maps cgroup mountinfo uid_map oom_score_adj attr/current attr/exec attr/apparmor/exec timens_offsets loginuid; do
		echo untouched >/proc/fake/$f
	done
	mkfifo /proc/cgroups /proc/filesystems
	echo untouched >/proc/sys/net/ipv4/ip_forward
	echo untouched >/proc/sys/kernel/shmmax
	echo ready
	read x
	cat /proc/fake/* /proc/fake/attr/* /proc/fake/attr/apparmor/* /proc/sys/*/* /proc/sys/net/ipv4/* 2>/dev/null | sort | uniq -c
	echo end
	cat`

func startHostileNamespace(t *testing.T, container libcontainer.Container) (said func() string, ask func(), release func()) {
	t.Helper()
	stdin, hold := pipe(t)
	stdout, say := pipe(t)
	p := &libcontainer.Process{Args: []string{"/bin/sh", "-c", hostileNamespace}, Env: []string{defaultEnv}, Stdin: stdin, Stdout: say, Stderr: os.Stderr}
	if err := container.Start(p); err != nil {
		t.Fatal(err)
	}
	stdin.Close()
	say.Close()
	lines := newLines(stdout)
	release = func() {
		hold.Close()
		_, _ = p.Wait()
	}
	t.Cleanup(release)
	if got := lines(); got != "ready" {
		t.Fatalf("the container said %q", got)
	}
	return lines, func() {
		if _, err := hold.WriteString("\n"); err != nil {
			t.Error(err)
		}
	}, release
}

// Further processes, and containers that join the mount namespace, neither hang at what
// is there nor write into it.
func TestHostileMountNamespaceIsJoined(t *testing.T) {
	for name, tt := range map[string]struct {
		join bool // a new container joins it, instead of a process
		edit func(*configs.Config)
	}{
		"a further process": {false, func(*configs.Config) {}},
		"with scores":       {false, func(c *configs.Config) { c.OomScoreAdj = 77 }},
		"a new container":   {true, func(*configs.Config) {}},
		"with parameters": {true, func(c *configs.Config) {
			c.Sysctl = map[string]string{"net.ipv4.ip_forward": "1", "kernel.shmmax": "12345678"}
			c.OomScoreAdj = 77
		}},
		"with an id": {true, func(c *configs.Config) { withUserNS(t, c, 100000) }},
	} {
		t.Run(name, func(t *testing.T) {
			config := newConfig(t)
			config.Capabilities = append(config.Capabilities, "CAP_SYS_ADMIN")
			config.ReadonlyPaths, config.MaskPaths = nil, nil
			if !tt.join {
				tt.edit(config)
			}
			first := newContainer(t, config)
			said, ask, release := startHostileNamespace(t, first)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			target := linux(first)
			if tt.join {
				second, err := joining(t, first, tt.edit)
				if err != nil {
					checkError(t, err, libcontainer.ConfigInvalid)
				}
				target = second
			}
			if target != nil {
				p, out := shell("echo works")
				if err := target.StartContext(ctx, p); err == nil {
					if _, err := p.Wait(); err != nil || out.stdout.String() != "works\n" {
						t.Errorf("output %q, error %v", out.stdout.String(), err)
					}
				} else if ctx.Err() != nil || !tt.join {
					t.Errorf("start: %v", err)
				}
			}
			ask()
			for line := said(); line != "end"; line = said() {
				if !strings.HasSuffix(line, " untouched") {
					t.Errorf("in the container's files there is %q", line)
				}
				if line == "" {
					break
				}
			}
			release()
		})
	}
}

// joining creates a container that joins another one's mount namespace.
func joining(t *testing.T, first libcontainer.Container, edit func(*configs.Config)) (libcontainer.LinuxContainer, error) {
	t.Helper()
	state, err := first.State()
	if err != nil {
		t.Fatal(err)
	}
	config := newConfig(t)
	config.Cgroups.Name += "-joins"
	config.Mounts, config.MaskPaths, config.ReadonlyPaths, config.Devices = nil, nil, nil, nil
	config.Namespaces.Add(configs.NEWNS, state.NamespacePaths[configs.NEWNS])
	edit(config)
	second, err := newFactory(t).Create("joins", config)
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() {
		if err := second.Destroy(); err != nil {
			t.Error(err)
		}
	})
	return linux(second), nil
}

// A process that has got the number of a container's init is not joined, whichever
// handle is asked and whenever it was loaded.
func TestRecycledPidIsNotJoined(t *testing.T) {
	c, root := newContainerIn(t, newConfig(t))
	p, release := startBlocked(t, c)
	loaded := loadAgain(t, c, root)
	pid, err := p.Pid()
	if err != nil {
		t.Fatal(err)
	}
	release()
	stranger := exec.Command(buildProgram(t, "recycle"), itoa(pid))
	stdin, err := stranger.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := stranger.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := stranger.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		stdin.Close()
		if err := stranger.Wait(); err != nil {
			t.Errorf("the stranger: %v", err)
		}
	}()
	switch line := newLines(stdout)(); line {
	case "ready":
	case "taken": // by yet another process, which serves as well
	default:
		t.Skipf("this kernel lets nobody choose the number of a process: %s", line)
	}
	for name, handle := range map[string]libcontainer.LinuxContainer{
		"own": c, "loaded before": loaded, "loaded after": loadAgain(t, c, root),
	} {
		wantStatus(t, handle, libcontainer.Destroyed)
		if err := handle.Signal(unix.SIGKILL); !errors.Is(err, libcontainer.ContainerNotRunning) && !errors.Is(err, os.ErrProcessDone) {
			t.Errorf("%s: signal: %v", name, err)
		}
		if pids, err := handle.Processes(); err == nil && len(pids) > 0 {
			t.Errorf("%s: processes %v", name, pids)
		}
	}
	if err := loaded.Destroy(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join("/proc", itoa(pid))); err != nil {
		t.Errorf("the stranger has gone: %v", err)
	}
}

// newLines gives a function that reads the next line, without its end; "" at the end.
func newLines(r io.Reader) func() string {
	lines := bufio.NewReader(r)
	return func() string {
		line, _ := lines.ReadString('\n')
		return strings.TrimSuffix(line, "\n")
	}
}
