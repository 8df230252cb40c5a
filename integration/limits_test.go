package integration

import (
	"errors"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
)

// rlimit gives the two columns of a line of /proc/[pid]/limits.
func rlimit(t *testing.T, limits, name string) string {
	t.Helper()
	m := regexp.MustCompile(`(?m)^` + name + ` +(\S+) +(\S+)`).FindStringSubmatch(limits)
	if m == nil {
		t.Fatalf("no %q in %q", name, limits)
	}
	return m[1] + ":" + m[2]
}

func TestRlimits(t *testing.T) {
	config := newConfig(t)
	config.Rlimits = []configs.Rlimit{
		{Type: unix.RLIMIT_NOFILE, Hard: 1025, Soft: 1025},
		{Type: unix.RLIMIT_CORE, Hard: 0, Soft: 0},
		{Type: unix.RLIMIT_NPROC, Hard: 4000, Soft: 3000},
		{Type: unix.RLIMIT_AS, Hard: 1 << 30, Soft: 1 << 29},
	}
	limits := runShell(t, config, "cat /proc/self/limits")
	for name, want := range map[string]string{
		"Max open files": "1025:1025", "Max core file size": "0:0", "Max processes": "3000:4000",
		"Max address space": "536870912:1073741824",
	} {
		if got := rlimit(t, limits, name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

// A limit on the user's tasks hits the threads of Go's runtime before execve(2), which
// refuses then. But it does not end init without a word: the runtime would want
// another thread for what takes as long as the wait for Release.
func TestRlimitOfTasks(t *testing.T) {
	checkLeaks(t)
	factory, rootfs := newFactory(t), newRootfs(t)
	for range lives(t, 20) {
		var containers []libcontainer.LinuxContainer
		for most := range uint64(12) {
			name := "tasks-" + itoa(int(most))
			config := configFor(rootfs, name)
			config.Rlimits = []configs.Rlimit{{Type: unix.RLIMIT_NPROC, Hard: most, Soft: most}}
			c, err := factory.Create(name, config)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Destroy()
			p := &libcontainer.Process{Args: []string{"/bin/true"}, User: itoa(54321 + int(most))}
			if err := linux(c).Prepare(t.Context(), p); err != nil {
				t.Fatal(err)
			}
			containers = append(containers, linux(c))
		}
		for most, c := range containers {
			if err := c.Release(t.Context()); err != nil && !errors.Is(err, unix.EAGAIN) {
				t.Errorf("%d tasks: %v", most, err)
			}
			if err := c.Destroy(); err != nil {
				t.Error(err)
			}
		}
	}
}

// Go raises the soft limit of open files for itself; the program gets the one
// that the host's process was started with.
func TestNoRlimits(t *testing.T) {
	limits := runShell(t, newConfig(t), "cat /proc/self/limits")
	// What a child of ours gets without a container is the measure.
	host := hostChildLimits(t)
	for _, name := range []string{"Max open files", "Max processes", "Max stack size"} {
		if got, want := rlimit(t, limits, name), rlimit(t, host, name); got != want {
			t.Errorf("%s: %s, want the host's %s", name, got, want)
		}
	}
}

func hostChildLimits(t *testing.T) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	p, err := os.StartProcess("/bin/cat", []string{"cat", "/proc/self/limits"}, &os.ProcAttr{Files: []*os.File{nil, w, nil}})
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	buf := make([]byte, 4096)
	for {
		n, err := r.Read(buf)
		b.Write(buf[:n])
		if err != nil {
			break
		}
	}
	if _, err := p.Wait(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// A host without CAP_SYS_RESOURCE cannot raise limits, and says which one.
func TestWithoutCapSysResource(t *testing.T) {
	if !runAgain(t, "setpriv", "--bounding-set", "-sys_resource", "--inh-caps", "-sys_resource") {
		return
	}
	config := newConfig(t)
	config.Rlimits = []configs.Rlimit{{Type: unix.RLIMIT_NOFILE, Hard: 1 << 30, Soft: 1}}
	p, _ := shell("true")
	startFails(t, config, p, libcontainer.SystemError, "rlimit 7", "1073741824")
	config = configFor(config.Rootfs, t.Name())
	config.OomScoreAdj = -500
	startFails(t, config, p, libcontainer.SystemError, "oom_score_adj", "-500")
}

func TestOomScoreAdj(t *testing.T) {
	config := newConfig(t)
	config.OomScoreAdj = 321
	if got := runShell(t, config, "cat /proc/self/oom_score_adj"); got != "321" {
		t.Errorf("oom_score_adj %s", got)
	}
}

// The container's program dies with the process that started it.
func TestParentDeathSignal(t *testing.T) {
	checkLeaks(t)
	config := newConfig(t)
	host, stdout := startHost(t, "pdeathsig", config.Rootfs, publicTempDir(t), cgroupParent)
	buf := make([]byte, 16)
	n, err := stdout.Read(buf) // the pid, when the container runs
	if err != nil {
		t.Fatal(err)
	}
	pid := atoi(t, strings.TrimSpace(string(buf[:n])))
	pidfd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pidfd)
	if err := host.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = host.Wait()
	fds := []unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(fds, 60000)
		if err == syscall.EINTR {
			continue
		}
		if n != 1 {
			t.Errorf("the program did not die: poll %d, %v", n, err)
		}
		break
	}
	collect(t, host.Args[2], "pdeathsig")
}
