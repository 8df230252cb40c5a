//world:any

package integration

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
)

// hostileCase is a root file system that tries to lead the library out of it.
type hostileCase struct {
	name string
	// prepare gets the directory of the host that must stay as it is.
	prepare func(t *testing.T, config *configs.Config, victim string)
	// fails, if set, is what the error of Start has to say, and code its code.
	fails []string
	code  libcontainer.ErrorCode
	// script runs in a container that starts. $V is the victim's path.
	script, want string
}

// linkTo makes paths of the root file system symbolic links to the victim's path
// or one below it.
func linkTo(below string, names ...string) func(*testing.T, *configs.Config, string) {
	return func(t *testing.T, config *configs.Config, victim string) {
		for _, name := range names {
			link(t, filepath.Join(victim, below), config.Rootfs, name)
		}
	}
}

// climbTo is linkTo with a relative link that goes up as far as can be.
func climbTo(below string, names ...string) func(*testing.T, *configs.Config, string) {
	return func(t *testing.T, config *configs.Config, victim string) {
		for _, name := range names {
			link(t, strings.Repeat("../", 32)+filepath.Join(victim, below), config.Rootfs, name)
		}
	}
}

type prepare = func(*testing.T, *configs.Config, string)

func all(steps ...prepare) prepare {
	return func(t *testing.T, config *configs.Config, victim string) {
		for _, step := range steps {
			step(t, config, victim)
		}
	}
}

func edit(f func(*configs.Config)) prepare {
	return func(_ *testing.T, config *configs.Config, _ string) { f(config) }
}

func mountTmpfs(destination string) prepare {
	return edit(func(config *configs.Config) { addMount(config, tmpfsOn(destination)) })
}

func bindHosts(source, destination string) prepare {
	return edit(func(config *configs.Config) { addMount(config, bindOn(source, destination, 0)) })
}

func addDevice(path string) prepare {
	return edit(func(config *configs.Config) {
		config.Devices = append(config.Devices,
			&configs.Device{Path: path, Type: 'c', Major: 1, Minor: 5, Permissions: "rwm", FileMode: 0o600, Uid: 7, Gid: 7})
	})
}

func hostileCases() []hostileCase {
	cases := append(hostileTargets(), hostileFiles()...)
	for i, tt := range cases {
		if tt.code == 0 {
			cases[i].code = libcontainer.SystemError
		}
	}
	return cases
}

// hostileTargets are links in the place of what is mounted over.
func hostileTargets() []hostileCase {
	return []hostileCase{
		{name: "proc", prepare: linkTo("", "proc"), fails: []string{"/proc", "not a directory"}},
		{name: "proc climbs", prepare: climbTo("", "proc"), fails: []string{"/proc", "not a directory"}},
		{name: "proc is a file", prepare: func(t *testing.T, c *configs.Config, _ string) {
			remove(t, c.Rootfs+"/proc")
			write(t, "", c.Rootfs, "proc")
		}, fails: []string{"/proc", "not a directory"}},
		{name: "sys", prepare: linkTo("sub", "sys"), fails: []string{"/sys", "not a directory"}},
		{name: "sys is proc", prepare: func(t *testing.T, c *configs.Config, _ string) {
			link(t, "/proc", c.Rootfs, "sys")
		}, fails: []string{"/sys", "not a directory"}},
		{name: "dev", prepare: linkTo("", "dev"),
			script: `ls -d $V/null $V/pts/ptmx && test ! -e $V/marker`, want: "$V/null\n$V/pts/ptmx"},
		{name: "dev climbs", prepare: climbTo("", "dev"),
			script: `ls -d $V/null $V/pts/ptmx && test ! -e $V/marker`, want: "$V/null\n$V/pts/ptmx"},
		{name: "dev/pts", prepare: all(edit(func(c *configs.Config) { dropMount(c, "/dev") }), linkTo("", "dev/pts")),
			script: `ls $V/ptmx && test ! -e $V/marker`, want: "$V/ptmx"},
		{name: "target", prepare: all(linkTo("", "mnt/t"), mountTmpfs("/mnt/t")),
			script: `echo x >/mnt/t/made && cat $V/made && test ! -e $V/marker`, want: "x"},
		{name: "target climbs", prepare: all(climbTo("", "mnt/t"), mountTmpfs("/mnt/t")),
			script: `echo x >/mnt/t/made && cat $V/made && test ! -e $V/marker`, want: "x"},
		{name: "parent of a target", prepare: all(linkTo("", "mnt/t"), mountTmpfs("/mnt/t/sub/deep/er")),
			script: `echo x >/mnt/t/sub/deep/er/made && cat $V/sub/deep/er/made && test ! -e $V/marker`, want: "x"},
		{name: "link to a link", prepare: func(t *testing.T, c *configs.Config, victim string) {
			link(t, "../tmp/b", c.Rootfs, "mnt/a")
			link(t, victim, c.Rootfs, "tmp/b")
			addMount(c, tmpfsOn("/mnt/a/made"))
		}, script: `ls -d $V/made && test ! -e $V/marker`, want: "$V/made"},
		{name: "link loop", prepare: func(t *testing.T, c *configs.Config, _ string) {
			link(t, "b", c.Rootfs, "mnt/a")
			link(t, "a", c.Rootfs, "mnt/b")
			addMount(c, tmpfsOn("/mnt/a/made"))
		}, fails: []string{"/mnt/a/made", "too many levels of symbolic links"}},
		{name: "magic link to the host's root", prepare: func(t *testing.T, c *configs.Config, victim string) {
			link(t, "/proc/self/cwd"+victim, c.Rootfs, "mnt/a")
			addMount(c, tmpfsOn("/mnt/a"))
		}, fails: []string{"/mnt/a", "too many levels of symbolic links"}},
		{name: "target is a part of proc", prepare: func(t *testing.T, c *configs.Config, _ string) {
			link(t, "/proc/sys", c.Rootfs, "mnt/a")
			addMount(c, tmpfsOn("/mnt/a"))
		}, fails: []string{"/mnt/a", "procfs"}, code: libcontainer.ConfigInvalid},
		{name: "cgroup target", prepare: all(linkTo("", "mnt/cg"), edit(func(c *configs.Config) {
			addMount(c, configs.Mount{Source: "cgroup", Destination: "/mnt/cg", Device: "cgroup"})
		})), script: `test -d $V/ && test -n "$(ls $V)" && test ! -e $V/marker`},
	}
}

// hostileFiles are links in the place of files that are bound over, made or read.
func hostileFiles() []hostileCase {
	return []hostileCase{
		{name: "file target", prepare: all(linkTo("marker", "mnt/f"), bindHosts("/etc/hostname", "/mnt/f")),
			script: `cmp $V/marker /mnt/f && ls $V`, want: "marker"},
		{name: "file target that is to be made", prepare: all(linkTo("new", "mnt/f"), bindHosts("/etc/hostname", "/mnt/f")),
			script: `cmp $V/new /mnt/f && ls $V`, want: "new"},
		{name: "parent of a file target", prepare: all(climbTo("", "mnt/d"), bindHosts("/etc/hostname", "/mnt/d/marker")),
			script: `cmp $V/marker /mnt/d/marker && ls $V`, want: "marker"},
		{name: "parent of a device", prepare: all(linkTo("", "mnt/d"), addDevice("/mnt/d/sub/zero")),
			script: `stat -c "%t:%T %u %a" $V/sub/zero && ls $V`, want: "1:5 7 600\nsub"},
		{name: "device", prepare: all(edit(dropDevMounts), linkTo("marker", "dev/null")),
			fails: []string{"/dev/null", "file exists"}},
		{name: "device that is to be made", prepare: all(edit(dropDevMounts), linkTo("new", "dev/null")),
			fails: []string{"/dev/null", "file exists"}},
		{name: "dev/fd", prepare: all(edit(dropDevMounts), linkTo("", "dev/fd", "dev/stdin", "dev/core"), linkTo("marker", "dev/ptmx")),
			script: `readlink /dev/ptmx`, want: "pts/ptmx"},
		{name: "masked file", prepare: all(linkTo("marker", "mnt/m"), edit(func(c *configs.Config) {
			c.MaskPaths = append(c.MaskPaths, "/mnt/m")
		})), script: `readlink /mnt/m`, want: "$V/marker"},
		{name: "masked directory", prepare: all(climbTo("", "mnt/m"), edit(func(c *configs.Config) {
			c.MaskPaths = append(c.MaskPaths, "/mnt/m/sub", "/mnt/m")
		})), script: `test ! -e $V && echo none`, want: "none"},
		{name: "mask is a link loop", prepare: func(t *testing.T, c *configs.Config, _ string) {
			link(t, "m", c.Rootfs, "mnt/m")
			c.MaskPaths = append(c.MaskPaths, "/mnt/m")
		}, fails: []string{"mask /mnt/m", "too many levels of symbolic links"}},
		{name: "mask through a magic link", prepare: func(t *testing.T, c *configs.Config, victim string) {
			link(t, "/proc/self/cwd"+victim, c.Rootfs, "mnt/m")
			c.MaskPaths = append(c.MaskPaths, "/mnt/m")
		}, fails: []string{"mask /mnt/m", "too many levels of symbolic links"}},
		{name: "read-only path", prepare: all(linkTo("", "mnt/r"), edit(func(c *configs.Config) {
			c.ReadonlyPaths = append(c.ReadonlyPaths, "/mnt/r")
		})), script: `test ! -e $V && echo none`, want: "none"},
		{name: "passwd", prepare: func(t *testing.T, c *configs.Config, victim string) {
			link(t, victim+"/marker", c.Rootfs, "etc/passwd")
			link(t, strings.Repeat("../", 32)+victim+"/marker", c.Rootfs, "etc/group")
		}, script: `id -u; test ! -e /etc/passwd && echo none`, want: "0\nnone"},
		{name: "passwd is a fifo", prepare: func(t *testing.T, c *configs.Config, _ string) {
			mknod(t, unix.S_IFIFO|0o644, 0, c.Rootfs, "etc/passwd")
		}, fails: []string{"/etc/passwd", "not a regular file"}},
		{name: "group is a directory", prepare: func(t *testing.T, c *configs.Config, _ string) {
			remove(t, c.Rootfs+"/etc/group")
			mkdir(t, c.Rootfs, "etc/group")
		}, fails: []string{"/etc/group", "not a regular file"}},
		{name: "passwd is a device", prepare: func(t *testing.T, c *configs.Config, _ string) {
			// Opening this one, which does not exist, would give ENXIO.
			mknod(t, unix.S_IFCHR|0o644, unix.Mkdev(240, 77), c.Rootfs, "etc/passwd")
		}, fails: []string{"/etc/passwd", "not a regular file"}},
	}
}

func TestHostileRootfs(t *testing.T) {
	for _, tt := range hostileCases() {
		t.Run(tt.name, func(t *testing.T) {
			config := newUnfilteredConfig(t)
			victim := newVictim(t)
			tt.prepare(t, config, victim)
			if tt.fails != nil {
				p, _ := command("true")
				startFails(t, config, p, tt.code, tt.fails...)
				return
			}
			p, out := shell(tt.script)
			p.Env = append(p.Env, "V="+victim)
			got := runProcess(t, config, p, out)
			wantOutput(t, got, strings.ReplaceAll(tt.want, "$V", victim))
		})
	}
}

// A user that only the host's passwd has is no user of the container, whatever
// the container's passwd is a link to.
func TestHostsPasswdIsNotRead(t *testing.T) {
	config := newUnfilteredConfig(t)
	passwd := write(t, "evil:x:4242:4242::/:/bin/sh\n", publicTempDir(t), "passwd")
	link(t, passwd, config.Rootfs, "etc/passwd")
	p, _ := command("true")
	p.User = "evil"
	startFails(t, config, p, libcontainer.ConfigInvalid, "evil")
}

// exchange swaps two paths for one another until it is stopped.
func exchange(ctx context.Context, a, b string) error {
	for ctx.Err() == nil {
		if err := unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE); err != nil {
			return fmt.Errorf("exchange %s and %s: %w", a, b, err)
		}
		runtime.Gosched()
	}
	return nil
}

// Another container on the same volume swaps a directory for a link to the
// host's while containers start: each one stays inside, or fails.
func TestMountTargetRace(t *testing.T) {
	config := newUnfilteredConfig(t)
	victim := newVictim(t)
	mkdir(t, config.Rootfs, "shared/dir")
	link(t, victim, config.Rootfs, "shared/link")
	addMount(config, tmpfsOn("/shared/dir/sub/new"))
	addMount(config, bindOn("/etc/hostname", "/shared/dir/file", 0))
	addMount(config, tmpfsOn("/shared/dir"))
	config.Devices = append(config.Devices, &configs.Device{Path: "/shared/dir/dev/zero", Type: 'c', Major: 1, Minor: 5, FileMode: 0o666})
	config.MaskPaths = append(config.MaskPaths, "/shared/dir/sub", "/shared/dir/marker")
	config.ReadonlyPaths = append(config.ReadonlyPaths, "/shared/dir/sub")
	container := newContainer(t, config)

	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := exchange(ctx, config.Rootfs+"/shared/dir", config.Rootfs+"/shared/link"); err != nil {
			t.Error(err)
		}
	})
	defer wg.Wait()
	defer stop()
	started := 0
	for range 40 {
		p, out := shell(`test ! -e $V/marker || cat $V/marker`)
		p.Env = append(p.Env, "V="+victim)
		err := container.Start(p)
		if err != nil {
			var e libcontainer.Error
			if !errors.As(err, &e) || !strings.Contains(err.Error(), "/shared/dir") {
				t.Errorf("error %v, want one about /shared/dir", err)
			}
			continue
		}
		started++
		if _, err := p.Wait(); err != nil || out.stdout.Len() > 0 {
			t.Errorf("error %v; the container read %q of the host; stderr %q", err, out.stdout.String(), out.stderr.String())
		}
	}
	t.Logf("%d of 40 containers started", started)
}

// Nothing that the host's program has open is visible inside, neither what is
// close-on-exec nor what is not.
func TestNoHostDescriptors(t *testing.T) {
	leaky, err := unix.Open("/etc", unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(leaky)
	high, err := unix.FcntlInt(uintptr(leaky), unix.F_DUPFD, 700)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(high)
	extra, err := os.Open(write(t, "extra", publicTempDir(t), "extra"))
	if err != nil {
		t.Fatal(err)
	}
	defer extra.Close()

	for _, tt := range []struct {
		name  string
		extra []*os.File
		want  string
	}{
		{"none", nil, "0\n1\n2"},
		{"extra files", []*os.File{extra, extra}, "0\n1\n2\n3\n4"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			// The shell is process 1; ls has the directory itself open.
			p, out := shell(`ls /proc/1/fd; true`)
			p.ExtraFiles = tt.extra
			wantOutput(t, runProcess(t, newUnfilteredConfig(t), p, out), tt.want)
		})
	}
}

func TestInitIsNotTheHostsBinary(t *testing.T) {
	got := runShell(t, newUnfilteredConfig(t), `readlink /proc/1/exe; echo /proc/[0-9]*; cat /proc/1/environ | tr '\0' '\n'`)
	// The shell alone; PATH and HOME.
	wantOutput(t, got, "/bin/busybox\n/proc/1\n"+defaultEnv+"\nHOME=/root")
}

// A program that is a link to /proc/self/exe is the library's own copy of the
// host's program: it cannot be written to, as CVE-2019-5736 did.
func TestSelfExeAsProgram(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(self)
	if err != nil {
		t.Fatal(err)
	}
	config := newUnfilteredConfig(t)
	link(t, "/proc/self/exe", config.Rootfs, "bin/evil")
	container := newContainer(t, config)
	p, out := command("/bin/evil")
	if err := container.Start(p); err == nil {
		state, _ := p.Wait()
		t.Logf("it ran: %v %q", state, out.stderr.String())
	} else if !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.EACCES) {
		t.Errorf("start: %v", err)
	}
	after, err := os.Stat(self)
	if err != nil || !os.SameFile(before, after) || !before.ModTime().Equal(after.ModTime()) {
		t.Errorf("the host's program was changed: %v, %v", after, err)
	}
}

// The working directory cannot be a descriptor that leads out of the container.
func TestWorkingDirectoryStaysInside(t *testing.T) {
	dir, err := os.Open("/etc")
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	config := newUnfilteredConfig(t)
	link(t, "/proc/self/fd/3", config.Rootfs, "mnt/out")
	p, _ := command("true")
	p.ExtraFiles = []*os.File{dir}
	p.Cwd = "/mnt/out"
	startFails(t, config, p, libcontainer.ConfigInvalid, "/mnt/out", "outside")
}
