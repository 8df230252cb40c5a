package integration

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
)

// execShell runs a script in a running container.
func execShell(t *testing.T, container libcontainer.Container, script string) string {
	t.Helper()
	p, out := shell(script)
	if err := container.Start(p); err != nil {
		t.Fatalf("start: %v", err)
	}
	if _, err := p.Wait(); err != nil {
		t.Fatalf("wait: %v; stdout %q, stderr %q", err, out.stdout.String(), out.stderr.String())
	}
	return strings.TrimSuffix(out.stdout.String(), "\n")
}

const listNamespaces = "cd /proc/self/ns; for n in mnt pid net ipc uts user cgroup time; do readlink $n; done"

func TestExecJoinsAllNamespaces(t *testing.T) {
	for name, edit := range map[string]func(*configs.Config){
		"default":   func(*configs.Config) {},
		"user":      func(c *configs.Config) { withUserNS(t, c, 100000) },
		"all eight": func(c *configs.Config) { withUserNS(t, c, 100000); c.Namespaces.Add(configs.NEWTIME, "") },
		"few":       func(c *configs.Config) { c.Namespaces.Remove(configs.NEWPID); c.Namespaces.Remove(configs.NEWCGROUP) },
	} {
		t.Run(name, func(t *testing.T) {
			config := newConfig(t)
			edit(config)
			container := newContainer(t, config)
			p, _ := startBlocked(t, container)
			pid, err := p.Pid()
			if err != nil {
				t.Fatal(err)
			}
			inside := strings.Fields(execShell(t, container, listNamespaces))
			for i, ns := range []string{"mnt", "pid", "net", "ipc", "uts", "user", "cgroup", "time"} {
				want, err := os.Readlink("/proc/" + itoa(pid) + "/ns/" + ns)
				if err != nil {
					t.Fatal(err)
				}
				if inside[i] != want {
					t.Errorf("%s: exec is in %s, init in %s", ns, inside[i], want)
				}
			}
		})
	}
}

func TestExecSeesTheContainer(t *testing.T) {
	config := newConfig(t)
	config.Hostname = "inner"
	container := newContainer(t, config)
	p, _ := startBlocked(t, container)
	got := execShell(t, container, "hostname; id -u; pwd; cat /proc/1/comm; echo $HOME; ls /proc/self/fd | wc -l; readlink /proc/self/root")
	if want := "inner\n0\n/\ncat\n/root\n4\n/"; got != want {
		t.Errorf("inside: %q, want %q", got, want)
	}
	initPid, err := p.Pid()
	if err != nil {
		t.Fatal(err)
	}
	q, err2 := startExecBlocked(t, container)
	if err2 != nil {
		t.Fatal(err2)
	}
	pid, err := q.Pid()
	if err != nil {
		t.Fatal(err)
	}
	initCgroups, execCgroups := lines(t, "/proc/"+itoa(initPid)+"/cgroup"), lines(t, "/proc/"+itoa(pid)+"/cgroup")
	if strings.Join(initCgroups, " ") != strings.Join(execCgroups, " ") {
		t.Errorf("exec is in the cgroups %v, init in %v", execCgroups, initCgroups)
	}
	if pids, err := container.Processes(); err != nil || len(pids) != 2 {
		t.Errorf("processes %v, error %v; want two", pids, err)
	}
}

// startExecBlocked runs cat in a running container until the test ends.
func startExecBlocked(t *testing.T, container libcontainer.Container) (*libcontainer.Process, error) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	p := &libcontainer.Process{Args: []string{"cat"}, Env: []string{defaultEnv}, Stdin: r}
	err = container.Start(p)
	r.Close()
	if err != nil {
		w.Close()
		return nil, err
	}
	t.Cleanup(func() {
		w.Close()
		_, _ = p.Wait()
	})
	return p, nil
}

func TestExecAsUser(t *testing.T) {
	container := newContainer(t, newConfig(t))
	startBlocked(t, container)
	p, out := shell("id -u; id -g; grep CapEff /proc/self/status; pwd; echo $X")
	p.User, p.Cwd, p.Env, p.Capabilities = "daemon", "/tmp", append(p.Env, "X=y"), []string{}
	if err := container.Start(p); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Wait(); err != nil {
		t.Fatal(err, out.stderr.String())
	}
	if got, want := out.stdout.String(), "1\n1\nCapEff:\t0000000000000000\n/tmp\ny\n"; got != want {
		t.Errorf("inside: %q, want %q", got, want)
	}
}

func TestExecExitStatusAndErrors(t *testing.T) {
	container := newContainer(t, newConfig(t))
	startBlocked(t, container)
	p, _ := shell("exit 9")
	if err := container.Start(p); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if state, err := p.Wait(); !errors.As(err, &exit) || state.ExitCode() != 9 {
		t.Errorf("state %v, error %v; want exit 9", state, err)
	}
	for text, p := range map[string]*libcontainer.Process{
		"nosuchprogram": {Args: []string{"nosuchprogram"}},
		"nosuchuser":    {Args: []string{"true"}, User: "nosuchuser"},
		"/nosuchdir":    {Args: []string{"true"}, Cwd: "/nosuchdir"},
		"/bin/nosuch":   {Args: []string{"/bin/nosuch"}},
	} {
		err := container.Start(p)
		if err == nil {
			t.Errorf("%s: start succeeded", text)
			continue
		}
		checkError(t, err, libcontainer.ConfigInvalid, text)
	}
	wantStatus(t, container, libcontainer.Running)
}

func TestExecInLoadedContainer(t *testing.T) {
	checkLeaks(t)
	factory := newFactory(t)
	container, err := factory.Create("a", newConfig(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = container.Destroy() })
	startBlocked(t, container)
	loaded, err := factory.Load("a")
	if err != nil {
		t.Fatal(err)
	}
	if got := execShell(t, loaded, "cat /proc/1/comm"); got != "cat" {
		t.Errorf("pid 1 inside is %q", got)
	}
	if err := loaded.Destroy(); err != nil {
		t.Fatal(err)
	}
}

// What the container puts into its /proc and /sys must not hold up the process
// that enters it.
func TestExecIntoHostileProc(t *testing.T) {
	config := newConfig(t)
	config.Capabilities = append(config.Capabilities, "CAP_SYS_ADMIN")
	container := newContainer(t, config)
	startBlocked(t, container)
	execShell(t, container, `mkfifo /tmp/fifo
mount -t tmpfs none /sys && mkdir -p /sys/kernel/mm/transparent_hugepage &&
mkfifo /sys/kernel/mm/transparent_hugepage/hpage_pmd_size
umount -l /proc && mkdir -p /proc/self && mkfifo /proc/self/maps && mkfifo /proc/self/cgroup`)
	if got := execShell(t, container, "echo fine"); got != "fine" {
		t.Errorf("inside: %q", got)
	}
}

func TestDestroyReapsExecs(t *testing.T) {
	container := newContainer(t, newConfig(t))
	startBlocked(t, container)
	var ps []*libcontainer.Process
	for range 3 {
		p, err := startExecBlocked(t, container)
		if err != nil {
			t.Fatal(err)
		}
		ps = append(ps, p)
	}
	if err := container.Destroy(); err != nil {
		t.Fatal(err)
	}
	for _, p := range ps {
		state, err := p.Wait()
		if err == nil || state.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Errorf("state %v, error %v; want killed", state, err)
		}
	}
}

func TestManyExecsAtOnce(t *testing.T) {
	container := newContainer(t, newConfig(t))
	startBlocked(t, container)
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			p, _ := shell("exit " + itoa(i))
			if err := container.Start(p); err != nil {
				t.Errorf("start %d: %v", i, err)
				return
			}
			if state, _ := p.Wait(); state.ExitCode() != i {
				t.Errorf("exec %d ended with %v", i, state)
			}
		})
	}
	wg.Wait()
}

func TestExecWithLimitsOfItsOwn(t *testing.T) {
	config := newConfig(t)
	config.Rlimits = []configs.Rlimit{{Type: unix.RLIMIT_NOFILE, Hard: 2048, Soft: 1024}}
	config.NoNewPrivileges = false
	container := newContainer(t, config)
	startBlocked(t, container)
	const script = "ulimit -Sn; ulimit -Hn; ulimit -Sc; grep NoNewPrivs /proc/self/status"
	if got, want := execShell(t, container, "ulimit -Sn; ulimit -Hn"), "1024\n2048"; got != want {
		t.Errorf("with the container's limits: %q, want %q", got, want)
	}
	p, out := shell(script)
	p.Rlimits = []configs.Rlimit{
		{Type: unix.RLIMIT_NOFILE, Hard: 512, Soft: 256},
		{Type: unix.RLIMIT_CORE, Hard: 0, Soft: 0},
	}
	p.NoNewPrivileges = true
	if err := container.Start(p); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Wait(); err != nil {
		t.Fatal(err)
	}
	if got, want := out.stdout.String(), "256\n512\n0\nNoNewPrivs:\t1\n"; got != want {
		t.Errorf("with its own limits: %q, want %q", got, want)
	}
	q, _ := command("true")
	q.Rlimits = []configs.Rlimit{{Type: unix.RLIMIT_NOFILE, Hard: 1, Soft: 2}}
	checkError(t, container.Start(q), libcontainer.ConfigInvalid, "Rlimits[0]", "above")
}

// The kernel makes a process whose program's file cannot be read non-dumpable:
// its /proc files are root's, and it can be attached to with CAP_SYS_PTRACE alone.
func TestExecBesideANonDumpableInit(t *testing.T) {
	for name, edit := range map[string]func(*configs.Config){
		"default": func(*configs.Config) {},
		"user":    func(c *configs.Config) { withUserNS(t, c, 100000) },
	} {
		t.Run(name, func(t *testing.T) {
			config := newConfig(t)
			edit(config)
			hidden := filepath.Join(config.Rootfs, "hidden/cat") // busybox goes by its name
			if err := os.Mkdir(filepath.Dir(hidden), 0o755); err != nil {
				t.Fatal(err)
			}
			data, err := os.ReadFile(filepath.Join(config.Rootfs, "bin/busybox"))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(hidden, data, 0o711); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(hidden, 0o711); err != nil {
				t.Fatal(err)
			}
			container := newContainer(t, config)
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer w.Close()
			p := &libcontainer.Process{Args: []string{"/hidden/cat"}, User: "1000:1000", Capabilities: []string{}, Stdin: r}
			err = container.Start(p)
			r.Close()
			if err != nil {
				t.Fatal(err)
			}
			pid, err := p.Pid()
			if err != nil {
				t.Fatal(err)
			}
			var st unix.Stat_t
			if err := unix.Stat("/proc/"+itoa(pid)+"/ns", &st); err != nil {
				t.Fatal(err)
			}
			if st.Uid == 1000 || st.Uid == 101000 {
				t.Errorf("the files of the process belong to %d: it is dumpable", st.Uid)
			}
			if got := execShell(t, container, "id -u; cat /proc/1/comm"); got != "0\ncat" {
				t.Errorf("exec: %q", got)
			}
		})
	}
}
