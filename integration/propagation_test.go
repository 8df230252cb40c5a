//world:any

package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
)

// inSharedNamespace runs the calling test in a mount namespace of its own in which
// all mounts are shared, as systemd has them on the host. There the "host" of a
// test can be harmed without harm to the host.
func inSharedNamespace(t *testing.T) (inside bool) {
	t.Helper()
	return runAgain(t, "unshare", "--mount", "--propagation", "shared")
}

// runAgain runs the test again, alone and by a command that changes where it
// runs. It tells whether this is that other run.
func runAgain(t *testing.T, command ...string) (inside bool) {
	t.Helper()
	const mark = "LCTEST_AGAIN"
	if os.Getenv(mark) != "" {
		return true
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	args := append(command[1:len(command):len(command)], self, "-test.run", "^"+t.Name()+"$", "-test.v")
	cmd := exec.Command(command[0], args...)
	cmd.Env = append(os.Environ(), mark+"=1")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("by %s: %v\n%s", command[0], err, out)
	}
	return false
}

// hostMount mounts something on the "host" for the time of a test.
func hostMount(t *testing.T, source, target, fstype string, flags uintptr) {
	t.Helper()
	if err := unix.Mount(source, target, fstype, flags, ""); err != nil {
		t.Fatalf("mount on %s: %v", target, err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(target, unix.MNT_DETACH); err != nil {
			t.Errorf("unmount %s: %v", target, err)
		}
	})
}

type propagationCase struct {
	flags int
	// root is the kind of the container's root mount, see kind.
	root string
	// receives tells whether a later mount of the host arrives in it.
	receives bool
}

// Whatever the propagation of the root is, no mount of the container appears on
// the host and none of the host vanishes; and inside it is as it was asked for.
func TestRootPropagation(t *testing.T) {
	if !inSharedNamespace(t) {
		return
	}
	for name, tt := range map[string]propagationCase{
		"default":    {0, "slave", true},
		"slave":      {unix.MS_SLAVE, "slave", true},
		"rslave":     {unix.MS_SLAVE | unix.MS_REC, "slave", true},
		"private":    {unix.MS_PRIVATE, "private", false},
		"rprivate":   {unix.MS_PRIVATE | unix.MS_REC, "private", false},
		"unbindable": {unix.MS_UNBINDABLE, "unbindable", false},
		"shared":     {unix.MS_SHARED, "shared slave", true},
		"rshared":    {unix.MS_SHARED | unix.MS_REC, "shared slave", true},
	} {
		for _, noPivot := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, no pivot %v", name, noPivot), func(t *testing.T) { tt.run(t, noPivot) })
		}
	}
}

func (tt propagationCase) run(t *testing.T, noPivot bool) {
	config := newConfig(t)
	config.RootPropagation, config.NoPivotRoot = tt.flags, noPivot
	top := filepath.Dir(config.Rootfs)
	hostMount(t, top, top, "", unix.MS_BIND)
	mkdir(t, config.Rootfs, "mnt/late")
	// The host has mounts inside of the root file system and beside it.
	mkdir(t, config.Rootfs, "below")
	hostMount(t, "tmpfs", config.Rootfs+"/below", "tmpfs", 0)
	mkdir(t, top, "beside")
	hostMount(t, "tmpfs", top+"/beside", "tmpfs", 0)
	hostMount(t, "tmpfs", mkdir(t, top, "beside/sub"), "tmpfs", 0)
	addMount(config, tmpfsOn("/mnt/inside"))

	container := newContainer(t, config)
	before := lines(t, "/proc/self/mountinfo")
	p, release := startBlocked(t, container)
	if after := lines(t, "/proc/self/mountinfo"); !slices.Equal(before, after) {
		t.Errorf("the host's mounts changed: more %q, less %q", added(before, after), added(after, before))
	}
	pid, err := p.Pid()
	if err != nil {
		t.Fatal(err)
	}
	if got := kind(t, pid, "/"); got != tt.root {
		t.Errorf("the root mount is %q, want %q", got, tt.root)
	}
	hostMount(t, "tmpfs", config.Rootfs+"/mnt/late", "tmpfs", 0)
	if got := kind(t, pid, "/mnt/late") != "missing"; got != tt.receives {
		t.Errorf("a later mount of the host arrives: %v, want %v", got, tt.receives)
	}
	release()
}

// kind says what the optional fields of a mount say, in a process's namespace.
func kind(t *testing.T, pid int, point string) string {
	t.Helper()
	for _, line := range lines(t, "/proc/"+itoa(pid)+"/mountinfo") {
		fields := strings.Fields(line)
		if fields[4] != point {
			continue
		}
		var kinds []string
		for _, f := range fields[6:slices.Index(fields, "-")] {
			name, _, _ := strings.Cut(f, ":")
			if name == "master" {
				name = "slave"
			}
			kinds = append(kinds, name)
		}
		if len(kinds) == 0 {
			return "private"
		}
		return strings.Join(kinds, " ")
	}
	return "missing"
}

func TestPropagationFlags(t *testing.T) {
	if !inSharedNamespace(t) {
		return
	}
	host := publicTempDir(t)
	hostMount(t, "tmpfs", host, "tmpfs", 0)
	hostMount(t, "tmpfs", mkdir(t, host, "sub"), "tmpfs", 0)
	mkdir(t, host, "late")
	config := newConfig(t)
	for name, flags := range map[string][]int{
		"none":         nil,
		"private":      {unix.MS_PRIVATE},
		"rprivate":     {unix.MS_PRIVATE | unix.MS_REC},
		"shared":       {unix.MS_SHARED},
		"slave-shared": {unix.MS_SLAVE | unix.MS_REC, unix.MS_SHARED},
		"unbindable":   {unix.MS_UNBINDABLE},
	} {
		m := bindOn(host, "/mnt/"+name, unix.MS_REC)
		m.PropagationFlags = flags
		addMount(config, m)
	}
	flat := bindOn(host, "/mnt/flat", 0)
	addMount(config, flat)
	fs := tmpfsOn("/mnt/fs")
	fs.PropagationFlags = []int{unix.MS_SHARED}
	addMount(config, fs)

	container := newContainer(t, config)
	p, release := startBlocked(t, container)
	defer release()
	pid, err := p.Pid()
	if err != nil {
		t.Fatal(err)
	}
	hostMount(t, "tmpfs", host+"/late", "tmpfs", 0)
	for point, want := range map[string]string{
		"none": "slave", "none/sub": "slave", "none/late": "slave",
		"private": "private", "private/sub": "slave", "private/late": "missing",
		"rprivate": "private", "rprivate/sub": "private", "rprivate/late": "missing",
		"shared": "shared slave", "shared/sub": "slave", "shared/late": "shared slave",
		"slave-shared": "shared slave", "slave-shared/late": "shared slave",
		"unbindable": "unbindable", "unbindable/sub": "slave",
		"flat": "slave", "flat/sub": "missing",
		"fs": "shared",
	} {
		if got := kind(t, pid, "/mnt/"+point); got != want {
			t.Errorf("%s is %q, want %q", point, got, want)
		}
	}
}

// A mount that is made inside travels to the host where both sides ask for that.
func TestSharedBindTravelsToTheHost(t *testing.T) {
	if !inSharedNamespace(t) {
		return
	}
	host := publicTempDir(t)
	hostMount(t, "tmpfs", host, "tmpfs", 0)
	for name, root := range map[string]int{"shared": unix.MS_SHARED | unix.MS_REC, "slave": 0} {
		t.Run(name, func(t *testing.T) {
			config := newConfig(t)
			config.RootPropagation = root
			config.Capabilities = append(config.Capabilities, "CAP_SYS_ADMIN")
			m := bindOn(mkdir(t, host, name), "/mnt", unix.MS_REC)
			m.PropagationFlags = []int{unix.MS_SHARED}
			addMount(config, m)
			runShell(t, config, `mkdir /mnt/made && mount -t tmpfs tmpfs /mnt/made && echo x >/mnt/made/file`)
			_, err := os.Stat(host + "/" + name + "/made/file")
			if travels := err == nil; travels != (root != 0) {
				t.Errorf("the mount travels: %v (%v)", travels, err)
			}
			if root != 0 {
				if err := unix.Unmount(host+"/"+name+"/made", unix.MNT_DETACH); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// Submounts come along only with MS_REC.
func TestRecursiveBind(t *testing.T) {
	host := publicTempDir(t)
	hostMount(t, "tmpfs", host, "tmpfs", 0)
	write(t, "top", host, "file")
	mkdir(t, host, "sub")
	hostMount(t, "tmpfs", host+"/sub", "tmpfs", unix.MS_NOEXEC)
	write(t, "sub", host, "sub/file")
	config := newConfig(t)
	addMount(config, bindOn(host, "/mnt/rec", unix.MS_REC|unix.MS_RDONLY))
	addMount(config, bindOn(host, "/mnt/flat", 0))
	got := runShell(t, config, `
		cat /mnt/rec/file /mnt/rec/sub/file /mnt/flat/file; ls /mnt/flat/sub
		(echo x >/mnt/rec/file) 2>&1; echo x >/mnt/rec/sub/new; ls /mnt/rec/sub;`+mountLine("/mnt/rec/sub"))
	if !strings.HasPrefix(got, "topsubtop/bin/sh: can't create /mnt/rec/file: Read-only file system\nfile\nnew\n") {
		t.Errorf("output %q", got)
	}
	wantOptions(t, got[strings.LastIndex(got, "\n")+1:], "noexec")
}

func TestBadPropagation(t *testing.T) {
	for name, edit := range map[string]func(*configs.Config){
		"RootPropagation":  func(c *configs.Config) { c.RootPropagation = unix.MS_SHARED | unix.MS_PRIVATE },
		"PropagationFlags": func(c *configs.Config) { c.Mounts[0].PropagationFlags = []int{unix.MS_REC} },
	} {
		t.Run(name, func(t *testing.T) {
			config := newConfig(t)
			edit(config)
			createFails(t, config, name)
		})
	}
	config := newConfig(t)
	m := bindOn("/etc", "/mnt", 0)
	m.PropagationFlags = []int{unix.MS_UNBINDABLE}
	addMount(config, m)
	config.ReadonlyPaths = append(config.ReadonlyPaths, "/mnt") // a bind of what is unbindable
	p, _ := command("true")
	startFails(t, config, p, libcontainer.SystemError, "read-only", "/mnt", "invalid argument")
}
