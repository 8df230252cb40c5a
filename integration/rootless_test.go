package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/integration/internal/tested"
)

const unprivileged = 54321

// rootlessHost prepares a host program to be run by an unprivileged user.
func rootlessHost(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	return rootlessHostBelow(t, cgroupParent, args...)
}

// rootlessHostBelow is the same with a parent for its cgroups.
func rootlessHostBelow(t *testing.T, parent string, args ...string) *exec.Cmd {
	t.Helper()
	rootfs := newRootfs(t)
	if out, err := exec.Command("chown", "-hR", itoa(unprivileged)+":"+itoa(unprivileged), rootfs).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	state := publicTempDir(t)
	if err := os.Chown(state, unprivileged, unprivileged); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if entries, _ := os.ReadDir(state); len(entries) != 0 {
			t.Errorf("left in the state directory: %v", entries)
		}
	})
	cmd := exec.Command(buildProgram(t, "rootless"), append([]string{rootfs, state, parent}, args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: unprivileged, Gid: unprivileged}}
	return cmd
}

// withSubIDs makes of a host one that runs in a mount namespace where /etc/subuid
// and /etc/subgid grant its user ids.
func withSubIDs(t *testing.T, host *exec.Cmd) *exec.Cmd {
	t.Helper()
	if _, err := exec.LookPath("newuidmap"); err != nil {
		t.Skip("newuidmap is not installed")
	}
	dir := publicTempDir(t)
	granted := filepath.Join(dir, "subids")
	if err := os.WriteFile(granted, []byte(itoa(unprivileged)+":200000:1000\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	passwd, err := os.ReadFile("/etc/passwd")
	if err != nil {
		t.Fatal(err)
	}
	user := append(passwd, "lcrootless:x:54321:54321::/:/bin/sh\n"...)
	if err := os.WriteFile(filepath.Join(dir, "passwd"), user, 0o644); err != nil {
		t.Fatal(err)
	}
	script := `for f in subuid subgid; do [ -e /etc/$f ] || : >/etc/$f; mount --bind ` + granted + ` /etc/$f || exit 1; done
mount --bind ` + dir + `/passwd /etc/passwd
exec setpriv --reuid 54321 --regid 54321 --clear-groups "$@"`
	return exec.Command("unshare", append([]string{"--mount", "sh", "-c", script, "sh"}, host.Args...)...)
}

const ownID, grantedIDs = "0 54321 1\n", "1 200000 600\n1000 200700 300\n"

func TestRootless(t *testing.T) {
	checkLeaks(t)
	out, err := rootlessHost(t).CombinedOutput()
	if want := "0 0 rootless\n" + ownID + "3\n"; err != nil || string(out) != want {
		t.Errorf("output %q, error %v; want %q", out, err, want)
	}
}

// With the ids that /etc/subuid and /etc/subgid grant, in several ranges.
func TestRootlessWithNewuidmap(t *testing.T) {
	checkLeaks(t)
	out, err := withSubIDs(t, rootlessHost(t, "ids")).CombinedOutput()
	if want := "0 0 rootless\n" + ownID + grantedIDs + "3\n"; err != nil || string(out) != want {
		t.Errorf("output %q, error %v; want %q", out, err, want)
	}
}

// Ids that nobody has granted.
func TestRootlessWithoutGrant(t *testing.T) {
	checkLeaks(t)
	out, err := rootlessHost(t, "ids").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "write id mapping") || !strings.Contains(string(out), "newuidmap") {
		t.Errorf("output %q, error %v", out, err)
	}
}

// A whole life: exec, load, exec in what was loaded, stop, destroy.
func TestRootlessLife(t *testing.T) {
	ran := func(maps string) string {
		return "0 0 rootless\n" + maps + "4\nloaded rootless\n1 processes\nsignal: killed\ndestroyed\n"
	}
	t.Run("own id", func(t *testing.T) {
		checkLeaks(t)
		out, err := rootlessHost(t, "life").CombinedOutput()
		if want := ran(ownID); err != nil || string(out) != want {
			t.Errorf("output %q, error %v; want %q", out, err, want)
		}
	})
	t.Run("granted ids", func(t *testing.T) {
		checkLeaks(t)
		out, err := withSubIDs(t, rootlessHost(t, "life", "ids")).CombinedOutput()
		if want := ran(ownID + grantedIDs); err != nil || string(out) != want {
			t.Errorf("output %q, error %v; want %q", out, err, want)
		}
	})
}

// The container's root is none of the user's own id, which is not in it at all.
func TestRootlessAsOthers(t *testing.T) {
	checkLeaks(t)
	out, err := withSubIDs(t, rootlessHost(t, "life", "others")).CombinedOutput()
	want := "0 0 rootless\n0 200000 1000\n4\nloaded rootless\n1 processes\nsignal: killed\ndestroyed\n"
	if err != nil || string(out) != want {
		t.Errorf("output %q, error %v; want %q", out, err, want)
	}
}

// delegate makes a cgroup in some hierarchies and gives it to the unprivileged
// user, as cgroups(7) says. It returns the directories by hierarchy, "" being that
// of cgroup v2, with which all are one where there is no other.
func delegate(t *testing.T, subsystems ...string) (parent string, dirs map[string]string) {
	t.Helper()
	if tested.Systemd() {
		t.Skip("directories are delegated for the cgroupfs manager; for systemd's see TestSystemdUser")
	}
	if unifiedOnly(t) {
		subsystems = []string{""}
	}
	parent = cgroupParent + "/delegated"
	dirs = make(map[string]string)
	for _, subsystem := range subsystems {
		mountpoint, err := cgroups.FindCgroupMountpoint(subsystem)
		if err != nil {
			t.Skipf("no cgroup hierarchy %q here: %v", subsystem, err)
		}
		dir := filepath.Join(mountpoint, parent)
		makeCgroup(t, filepath.Dir(dir))
		if unifiedOnly(t) {
			control := filepath.Join(filepath.Dir(dir), "cgroup.subtree_control")
			if err := os.WriteFile(control, []byte("+memory +pids"), 0); err != nil {
				t.Fatal(err)
			}
		}
		makeCgroup(t, dir)
		giveCgroup(t, dir)
		dirs[subsystem] = dir
	}
	return parent, dirs
}

// makeCgroup makes a cgroup, unless there is one, until the end of the test.
func makeCgroup(t *testing.T, dir string) {
	t.Helper()
	if err := os.Mkdir(dir, 0o755); os.IsExist(err) {
		return
	} else if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Rmdir(dir); err != nil {
			t.Errorf("remove %s: %v", dir, err)
		}
	})
}

// giveCgroup gives a cgroup to the unprivileged user.
func giveCgroup(t *testing.T, dir string) {
	t.Helper()
	for _, name := range []string{".", "cgroup.procs", "tasks", "cgroup.threads", "cgroup.subtree_control"} {
		if err := os.Chown(filepath.Join(dir, name), unprivileged, unprivileged); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
}

// startInside lets a host start in a cgroup of its own within what was delegated of
// cgroup v2, where a process may move others only within that.
func startInside(t *testing.T, host *exec.Cmd, dirs map[string]string) *exec.Cmd {
	t.Helper()
	if dirs[""] == "" {
		return host
	}
	dir := filepath.Join(dirs[""], "host")
	makeCgroup(t, dir)
	giveCgroup(t, dir)
	inside, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { inside.Close() })
	if host.SysProcAttr == nil {
		host.SysProcAttr = new(syscall.SysProcAttr)
	}
	host.SysProcAttr.UseCgroupFD, host.SysProcAttr.CgroupFD = true, int(inside.Fd())
	return host
}

var delegated = []string{"memory", "pids", "freezer"}

// delegatedKeys is what a host says about its container's cgroups in these.
func delegatedKeys(t *testing.T) string {
	if unifiedOnly(t) {
		return `[""]`
	}
	return `["freezer" "memory" "pids"]`
}

func TestRootlessDelegatedCgroups(t *testing.T) {
	run := func(t *testing.T, args ...string) (out string, dirs map[string]string, err error) {
		t.Helper()
		parent, dirs := delegate(t, delegated...)
		text, err := startInside(t, rootlessHostBelow(t, parent, args...), dirs).CombinedOutput()
		return string(text), dirs, err
	}
	t.Run("are used", func(t *testing.T) {
		checkLeaks(t)
		out, _, err := run(t, "limits", "measure")
		want := "cgroups " + delegatedKeys(t) + "\nlimit 33554432\n1 processes\npaused\n"
		if err != nil || out != want {
			t.Errorf("output %q, error %v; want %q", out, err, want)
		}
	})
	t.Run("a whole life", func(t *testing.T) {
		checkLeaks(t)
		out, _, err := run(t, "limits", "life")
		if err != nil || !strings.HasSuffix(out, "loaded rootless\n1 processes\nsignal: killed\ndestroyed\n") {
			t.Errorf("output %q, error %v", out, err)
		}
	})
	t.Run("limit processes", func(t *testing.T) {
		checkLeaks(t)
		out, _, err := run(t, "limits", "program", "for i in 1 2 3 4 5; do sleep 100000 & echo $i; done")
		if err == nil || !strings.HasPrefix(out, "1\n2\n3\n") || !strings.Contains(out, "fork") {
			t.Errorf("output %q, error %v; want that the fourth fork fails", out, err)
		}
	})
	t.Run("limit memory", func(t *testing.T) {
		checkLeaks(t)
		out, dirs, err := run(t, "limits", "program", "tail -n 1 /dev/zero; echo $?")
		if err != nil || !strings.HasSuffix(out, "137\n") {
			t.Errorf("output %q, error %v; want killed for want of memory", out, err)
		}
		for _, dir := range dirs {
			if left, err := filepath.Glob(dir + "/rootless*/"); err != nil || len(left) > 0 {
				t.Errorf("left in the delegated cgroup: %v, %v", left, err)
			}
		}
	})
}

// On cgroup v1 a user may move only processes of his own: a limit that cannot be
// kept is an error, and without limits the cgroups are left out. On cgroup v2 it
// does not matter whose they are.
func TestRootlessAsOthersInCgroups(t *testing.T) {
	run := func(t *testing.T, args ...string) (out string, dirs map[string]string, err error) {
		t.Helper()
		parent, dirs := delegate(t, delegated...)
		host := withSubIDs(t, rootlessHostBelow(t, parent, append([]string{"others"}, args...)...))
		text, err := startInside(t, host, dirs).CombinedOutput()
		return string(text), dirs, err
	}
	t.Run("limits", func(t *testing.T) {
		checkLeaks(t)
		out, dirs, err := run(t, "limits", "measure")
		if unifiedOnly(t) {
			if want := "cgroups [\"\"]\nlimit 33554432\n1 processes\npaused\n"; err != nil || out != want {
				t.Errorf("output %q, error %v; want %q", out, err, want)
			}
			return
		}
		if err == nil || !strings.Contains(out, dirs["memory"]) || !strings.Contains(out, "permission denied") {
			t.Errorf("output %q, error %v", out, err)
		}
	})
	t.Run("no limits", func(t *testing.T) {
		checkLeaks(t)
		out, _, err := run(t, "measure")
		if unifiedOnly(t) {
			if err != nil || !strings.HasPrefix(out, "cgroups [\"\"]\n") {
				t.Errorf("output %q, error %v", out, err)
			}
			return
		}
		if err != nil || !strings.HasPrefix(out, "cgroups []\n") || !strings.Contains(out, "cgroup.procs: permission denied") {
			t.Errorf("output %q, error %v", out, err)
		}
	})
}

// On cgroup v2 a process may move others only within what was delegated to it. Where
// that is not all there is, it is one of the cgroups that a container can do without.
func TestRootlessDelegatedUnified(t *testing.T) {
	subsystems := append(slices.Clone(delegated), "")
	t.Run("host outside", func(t *testing.T) {
		checkLeaks(t)
		parent, dirs := delegate(t, subsystems...)
		out, err := rootlessHostBelow(t, parent, "limits", "measure").CombinedOutput()
		if unifiedOnly(t) {
			if err == nil || !strings.Contains(string(out), dirs[""]) || !strings.Contains(string(out), "permission denied") {
				t.Errorf("output %q, error %v", out, err)
			}
			return
		}
		if err != nil || !strings.HasPrefix(string(out), "cgroups "+delegatedKeys(t)+"\n") {
			t.Errorf("output %q, error %v", out, err)
		}
	})
	t.Run("host outside, no limits", func(t *testing.T) {
		if !unifiedOnly(t) {
			t.Skip("the cgroups of v1 are used then")
		}
		checkLeaks(t)
		parent, _ := delegate(t, subsystems...)
		out, err := rootlessHostBelow(t, parent, "measure").CombinedOutput()
		if err != nil || !strings.HasPrefix(string(out), "cgroups []\n") || !strings.Contains(string(out), "permission denied") {
			t.Errorf("output %q, error %v", out, err)
		}
	})
	t.Run("host inside", func(t *testing.T) {
		checkLeaks(t)
		parent, dirs := delegate(t, subsystems...)
		out, err := startInside(t, rootlessHostBelow(t, parent, "limits", "measure"), dirs).CombinedOutput()
		want := `cgroups ["" "freezer" "memory" "pids"]`
		if unifiedOnly(t) {
			want = `cgroups [""]`
		}
		if err != nil || !strings.HasPrefix(string(out), want+"\n") {
			t.Errorf("output %q, error %v", out, err)
		}
	})
}

// outcome is what comes of a host without privileges, and what it says.
type outcome struct {
	args  []string
	works bool
	texts []string
}

func (o outcome) check(t *testing.T) string {
	t.Helper()
	out, err := rootlessHost(t, o.args...).CombinedOutput()
	if (err == nil) != o.works {
		t.Errorf("error %v", err)
	}
	for _, text := range o.texts {
		if !strings.Contains(string(out), text) {
			t.Errorf("output %q does not say %q", out, text)
		}
	}
	return string(out)
}

// Where nothing is delegated, a container that insists does not run, and the
// error says which directory is missing; another one runs, and what needs a
// cgroup says that there is none.
func TestRootlessWithoutCgroups(t *testing.T) {
	if tested.Systemd() {
		rootlessWithoutSystemd(t)
		return
	}
	what := func(controller string) string {
		if unifiedOnly(t) {
			return ""
		}
		return " for " + controller
	}
	made := regexp.MustCompile(`mkdir /\S*` + regexp.QuoteMeta(cgroupParent) + `: permission denied`)
	for name, tt := range map[string]struct {
		outcome
		denied int
	}{
		"strict":            {outcome{[]string{"strict"}, false, []string{"make the cgroup"}}, 1},
		"optional, limited": {outcome{[]string{"limits"}, false, []string{"Memory cannot be set", "no cgroup" + what("memory") + ", which is optional"}}, 1},
		"optional": {outcome{[]string{"measure"}, true, []string{
			"cgroups []\n", "read cgroup statistics: the container has no cgroup, which is optional",
			"1 processes\n", "freeze: the container has no cgroup" + what("freezer") + ", which is optional",
		}}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			checkLeaks(t)
			out := tt.check(t)
			if n := len(made.FindAllString(out, -1)); n != tt.denied {
				t.Errorf("output %q names a directory that could not be made %d times, want %d", out, n, tt.denied)
			}
		})
	}
}

// rootlessWithoutSystemd is the same for a user who has no systemd.
func rootlessWithoutSystemd(t *testing.T) {
	for name, tt := range map[string]outcome{
		"strict":            {[]string{"strict"}, false, []string{"the unit rootless.scope", "connect to systemd", "/run/user/54321/bus"}},
		"optional, limited": {[]string{"limits"}, false, []string{"Memory cannot be set", "connect to systemd"}},
		"optional": {[]string{"measure"}, true, []string{
			"cgroups []\n", "read cgroup statistics: the container has no cgroup, which is optional",
			"1 processes\n", "freeze: the container has no cgroup, which is optional",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			checkLeaks(t)
			tt.check(t)
		})
	}
}

// Where cgroups can be made, Optional changes nothing.
func TestOptionalCgroupsOfRoot(t *testing.T) {
	config := newConfig(t)
	config.Cgroups.Optional = true
	config.Cgroups.Memory = 64 << 20
	container := newContainer(t, config)
	startBlocked(t, container)
	if got := cgroupValue(t, container, "memory", "memory.limit_in_bytes", "memory.max"); got != "67108864" {
		t.Errorf("the limit is %s", got)
	}
}
