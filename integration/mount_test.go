//world:any

package integration

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
)

// mountLine is a script that prints fields of the mountinfo line of a mount point
// inside: its options, its optional fields, its type and its superblock options.
func mountLine(point string) string {
	return `awk -v p=` + point + ` '$5==p {o=""; for(i=7;$i!="-";i++) o=o $i ","; print $6 "|" o "|" $(i+1) "|" $(i+3)}' /proc/self/mountinfo`
}

// wantOptions checks that a comma-separated list has all options and none of the
// refused ones, which begin with "!".
func wantOptions(t *testing.T, list string, options ...string) {
	t.Helper()
	all := "," + strings.NewReplacer("|", ",", "\n", ",").Replace(list) + ","
	for _, o := range options {
		name, refused := strings.CutPrefix(o, "!")
		if strings.Contains(all, ","+name+",") == refused {
			t.Errorf("options %q: %s", list, o)
		}
	}
}

func TestDefaultMounts(t *testing.T) {
	for point, options := range map[string][]string{
		"/proc":       {"rw", "nosuid", "nodev", "noexec", "relatime", "proc"},
		"/dev":        {"rw", "nosuid", "!nodev", "!noexec", "!relatime", "tmpfs", "size=65536k", "mode=755"},
		"/dev/pts":    {"rw", "nosuid", "noexec", "devpts", "gid=5", "mode=620", "ptmxmode=666"},
		"/dev/shm":    {"rw", "nosuid", "nodev", "noexec", "tmpfs", "size=65536k"},
		"/dev/mqueue": {"rw", "nosuid", "nodev", "noexec", "mqueue"},
		"/sys":        {"ro", "nosuid", "nodev", "noexec", "sysfs"},
		"/":           {"rw", "!nosuid", "!ro"},
	} {
		t.Run(point, func(t *testing.T) {
			wantOptions(t, runShell(t, newConfig(t), mountLine(point)), options...)
		})
	}
}

func TestDefaultMountsWork(t *testing.T) {
	got := runShell(t, newConfig(t), `
		echo pid $$
		stat -c %a /dev/shm
		ls /sys/class/net
		(echo x >/sys/kernel/notes) 2>/dev/null || echo sys ro
		touch /dev/mqueue/q && ls /dev/mqueue
		ls /dev/pts
		wc -l </proc/self/mountinfo`)
	lines := strings.Split(got, "\n")
	want := "pid 1\n1777\nlo\nsys ro\nq\nptmx"
	wantOutput(t, strings.Join(lines[:len(lines)-1], "\n"), want)
	if _, err := os.Stat("/dev/mqueue/q"); err == nil {
		t.Error("the container's message queue is the host's")
	}
}

func TestTmpfsOptions(t *testing.T) {
	config := newConfig(t)
	m := tmpfsOn("/mnt/new/dir")
	m.Data = "size=64k,mode=1750,uid=3,gid=4,nr_inodes=10"
	m.Flags = unix.MS_NOSUID | unix.MS_NOEXEC | unix.MS_NOATIME | unix.MS_NODIRATIME | unix.MS_SYNCHRONOUS
	addMount(config, m)
	got := runShell(t, config, `
		stat -c "%a %u:%g" /mnt/new/dir
		cp /bin/busybox /mnt/new/dir/x 2>/dev/null || echo full
		echo "#!/bin/sh" >/mnt/new/dir/x; chmod 755 /mnt/new/dir/x; /mnt/new/dir/x 2>/dev/null || echo noexec
		`+mountLine("/mnt/new/dir"))
	lines := strings.SplitN(got, "\n", 4)
	wantOutput(t, strings.Join(lines[:3], "\n"), "1750 3:4\nfull\nnoexec")
	wantOptions(t, lines[3], "rw", "nosuid", "noexec", "noatime", "nodiratime", "!nodev", "size=64k", "nr_inodes=10", "sync")
	// The target was made in the root file system, the files were not.
	if list := listTree(t, config.Rootfs+"/mnt/new"); len(list) != 2 {
		t.Errorf("in the root file system is %v", list)
	}
}

func TestMountErrors(t *testing.T) {
	for _, tt := range []struct {
		name  string
		mount configs.Mount
		code  libcontainer.ErrorCode
		texts []string
	}{
		{"unknown type", configs.Mount{Source: "src", Destination: "/mnt/x", Device: "nosuchfs"}, libcontainer.SystemError,
			[]string{"src", "/mnt/x", "no such device"}},
		{"unknown option", configs.Mount{Source: "src", Destination: "/mnt/x", Device: "tmpfs", Data: "size=1m,nosuchoption=1"},
			libcontainer.SystemError, []string{"src", "/mnt/x", "nosuchoption=1", "Unknown parameter 'nosuchoption'"}},
		{"bad value", configs.Mount{Source: "src", Destination: "/mnt/x", Device: "tmpfs", Data: "size=much"},
			libcontainer.SystemError, []string{"src", "/mnt/x", "size=much", "Bad value for 'size'"}},
		{"missing source", bindOn("/no/such/source", "/mnt/x", 0), libcontainer.ConfigInvalid,
			[]string{"/no/such/source", "/mnt/x", "no such file"}},
		{"source below a file", bindOn("/etc/hostname/x", "/mnt/x", 0), libcontainer.ConfigInvalid,
			[]string{"/etc/hostname/x", "/mnt/x", "not a directory"}},
		{"file onto a directory", bindOn("/etc/hostname", "/mnt", 0), libcontainer.SystemError, []string{"/mnt", "is a directory"}},
		{"directory onto a file", bindOn("/etc", "/etc/passwd", 0), libcontainer.SystemError, []string{"/etc/passwd", "not a directory"}},
		{"tmpfs onto a file", tmpfsOn("/etc/passwd"), libcontainer.SystemError, []string{"/etc/passwd", "not a directory"}},
		{"tmpfs on proc", tmpfsOn("/proc"), libcontainer.ConfigInvalid, []string{"/proc", "procfs"}},
		{"tmpfs on sys", tmpfsOn("sys"), libcontainer.ConfigInvalid, []string{"only sysfs"}},
		{"tmpfs in proc", tmpfsOn("/proc/sys"), libcontainer.ConfigInvalid, []string{"/proc/sys", "procfs"}},
		{"bind onto a file of proc", bindOn("/etc/hostname", "/proc/self/attr/exec", 0), libcontainer.ConfigInvalid,
			[]string{"/proc/self/attr/exec", "procfs"}},
		{"new file in sys", bindOn("/etc/hostname", "/sys/new", 0), libcontainer.SystemError, []string{"/sys/new"}},
		{"remount of no mount", configs.Mount{Destination: "/mnt", Device: "tmpfs", Flags: unix.MS_REMOUNT | unix.MS_RDONLY},
			libcontainer.SystemError, []string{"/mnt", "invalid argument"}},
		{"remount of nothing", configs.Mount{Destination: "/mnt/no", Device: "tmpfs", Flags: unix.MS_REMOUNT | unix.MS_RDONLY},
			libcontainer.SystemError, []string{"/mnt/no", "no such file"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			config := newConfig(t)
			addMount(config, tt.mount)
			p, _ := command("true")
			startFails(t, config, p, tt.code, tt.texts...)
		})
	}
}

func TestRelativeSource(t *testing.T) {
	config := newConfig(t)
	addMount(config, configs.Mount{Source: "etc", Destination: "/mnt/x", Device: "bind", Flags: unix.MS_BIND})
	createFails(t, config, `Source "etc" is not absolute`)
}

func TestBindMounts(t *testing.T) {
	host := publicTempDir(t)
	write(t, "of the host\n", host, "dir/file")
	config := newConfig(t)
	addMount(config, bindOn(host+"/dir", "/mnt/rw", unix.MS_REC))
	addMount(config, bindOn(host+"/dir", "/mnt/ro", unix.MS_RDONLY|unix.MS_NOEXEC))
	addMount(config, bindOn(host+"/dir/file", "/mnt/new/file", unix.MS_RDONLY))
	addMount(config, bindOn(host+"/dir/file", "/etc/resolv.conf", 0))
	addMount(config, bindOn(host+"/dir", "relative/target", 0))
	got := runShell(t, config, `
		cat /mnt/ro/file /mnt/new/file /etc/resolv.conf /relative/target/file
		(echo x >/mnt/ro/file) 2>&1; (echo x >/mnt/new/file) 2>&1; (echo x >/mnt/ro/new) 2>&1
		echo made >/mnt/rw/made; echo changed >/etc/resolv.conf; cat /mnt/ro/made /mnt/new/file`)
	wantOutput(t, got, strings.Repeat("of the host\n", 4)+
		"/bin/sh: can't create /mnt/ro/file: Read-only file system\n"+
		"/bin/sh: can't create /mnt/new/file: Read-only file system\n"+
		"/bin/sh: can't create /mnt/ro/new: Read-only file system\nmade\nchanged")
	if data, err := os.ReadFile(host + "/dir/made"); err != nil || string(data) != "made\n" {
		t.Errorf("the host sees %q, %v", data, err)
	}
	// What was bound over is as it was.
	if data, err := os.ReadFile(config.Rootfs + "/etc/resolv.conf"); err != nil || len(data) > 0 {
		t.Errorf("the root file system has %q, %v", data, err)
	}
}

// The flags of a bind mount add to what protects the source; those of a remount of a
// bind mount are all that it has then, as with mount(2).
func TestBindKeepsProtection(t *testing.T) {
	config := newConfig(t)
	addMount(config, bindOn("/proc/sys", "/mnt/sys", unix.MS_RDONLY))
	addMount(config, configs.Mount{Source: "tmpfs", Destination: "/mnt/t", Device: "tmpfs", Flags: unix.MS_NODEV})
	addMount(config, configs.Mount{Destination: "/mnt/t", Flags: unix.MS_REMOUNT | unix.MS_BIND | unix.MS_NOSUID | unix.MS_RDONLY})
	addMount(config, bindOn("/etc", "/mnt/noatime", unix.MS_NOATIME|unix.MS_NODIRATIME))
	addMount(config, bindOn("/etc", "/mnt/strict", unix.MS_STRICTATIME))
	addMount(config, bindOn("/etc", "/mnt/rel", unix.MS_RELATIME))
	got := strings.Split(runShell(t, config, mountLine("/mnt/sys")+";"+mountLine("/mnt/t")+";"+
		mountLine("/mnt/noatime")+";"+mountLine("/mnt/strict")+";"+mountLine("/mnt/rel")), "\n")
	wantOptions(t, got[0], "ro", "proc")
	wantOptions(t, got[1], "ro", "nosuid", "!nodev")
	wantOptions(t, got[2], "rw", "noatime", "nodiratime", "!relatime")
	wantOptions(t, got[3], "rw", "!noatime", "!relatime")
	wantOptions(t, got[4], "rw", "relatime", "!noatime")
}

// A write-protected device can be mounted read-only, and not otherwise.
func TestReadonlyBlockDevice(t *testing.T) {
	for _, tool := range []string{"mkfs.ext4", "losetup"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed", tool)
		}
	}
	image := write(t, "", publicTempDir(t), "image")
	if err := os.Truncate(image, 1<<20); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mkfs.ext4", "-q", image).CombinedOutput(); err != nil {
		t.Fatalf("mkfs.ext4: %v: %s", err, out)
	}
	out, err := exec.Command("losetup", "--find", "--show", "--read-only", image).CombinedOutput()
	if err != nil {
		t.Skipf("no loop device: %v: %s", err, out)
	}
	loop := strings.TrimSpace(string(out))
	t.Cleanup(func() {
		if out, err := exec.Command("losetup", "--detach", loop).CombinedOutput(); err != nil {
			t.Errorf("losetup: %v: %s", err, out)
		}
	})
	m := configs.Mount{Source: loop, Destination: "/mnt", Device: "ext4", Flags: unix.MS_RDONLY}
	t.Run("read-only", func(t *testing.T) {
		config := newConfig(t)
		addMount(config, m)
		wantOutput(t, runShell(t, config, `ls /mnt; (echo x >/mnt/file) 2>&1 | sed 's/.*: //'`), "lost+found\nRead-only file system")
	})
	t.Run("writable", func(t *testing.T) {
		config := newConfig(t)
		m.Flags = 0
		addMount(config, m)
		p, _ := command("true")
		startFails(t, config, p, libcontainer.SystemError, loop, "/mnt")
	})
}

// A remount that is no bind mount changes the file system itself.
func TestRemountOptions(t *testing.T) {
	config := newConfig(t)
	m := tmpfsOn("/mnt")
	m.Data = "size=1m"
	addMount(config, m)
	m.Flags, m.Data = unix.MS_REMOUNT|unix.MS_NOEXEC, "size=64k"
	addMount(config, m)
	wantOptions(t, runShell(t, config, mountLine("/mnt")), "size=64k", "noexec", "rw")

	bad := newConfig(t)
	m.Flags = 0
	addMount(bad, m)
	m.Flags, m.Data = unix.MS_REMOUNT, "nosuchoption"
	addMount(bad, m)
	p, _ := command("true")
	startFails(t, bad, p, libcontainer.SystemError, "/mnt", "nosuchoption")
}

func TestMountOverMount(t *testing.T) {
	config := newConfig(t)
	addMount(config, tmpfsOn("/mnt"))
	addMount(config, tmpfsOn("/mnt/a/b"))
	m := tmpfsOn("/mnt/a/b")
	m.Data = "mode=700"
	addMount(config, m)
	wantOutput(t, runShell(t, config, `stat -c %a /mnt/a/b; awk '$5 ~ "^/mnt"' /proc/self/mountinfo | wc -l`), "700\n3")
	if list := listTree(t, config.Rootfs+"/mnt"); len(list) != 1 {
		t.Errorf("in the root file system is %v", list)
	}
}

func TestReadonlyRoot(t *testing.T) {
	config := newConfig(t)
	config.Readonlyfs = true
	addMount(config, tmpfsOn("/mnt/made"))
	got := runShell(t, config, `
		(echo x >/file) 2>&1; mkdir /mnt/other 2>&1; rm /etc/passwd 2>&1
		echo x >/mnt/made/file && echo x >/dev/shm/file && cat /mnt/made/file`)
	wantOutput(t, got, "/bin/sh: can't create /file: Read-only file system\n"+
		"mkdir: can't create directory '/mnt/other': Read-only file system\n"+
		"rm: can't remove '/etc/passwd': Read-only file system\nx")
	write(t, "", config.Rootfs, "file") // not for the host
}

func TestNoPivotRoot(t *testing.T) {
	config := newConfig(t)
	config.NoPivotRoot = true
	addMount(config, tmpfsOn("/mnt"))
	host := publicTempDir(t)
	got := runShell(t, config, `
		test ! -e `+host+` && stat -c %d:%i / && cat /etc/rootfs-stamp >/dev/null && ls /mnt && ls /..|head -1; cat /dev/null; ls /proc/1/cwd | head -1`)
	var st unix.Stat_t
	if err := unix.Stat(config.Rootfs, &st); err != nil {
		t.Fatal(err)
	}
	wantOutput(t, got, fmt.Sprintf("%d:%d\nbin\nbin", st.Dev, st.Ino))
}

// The host's mounts are gone from the container's namespace.
func TestNoMountOfTheHostIsLeft(t *testing.T) {
	got := runShell(t, newConfig(t), `awk '{print $5}' /proc/self/mountinfo | sort | uniq -c | awk '{print $1 $2}' | grep -v -E '^1/(proc|sys|dev)'`)
	wantOutput(t, got, "1/")
}

func TestMountCommands(t *testing.T) {
	dir := publicTempDir(t)
	run := func(script string) []configs.Command {
		return []configs.Command{{Path: "/bin/sh", Args: []string{"-c", script}, Dir: dir, Env: []string{"X=1"}}}
	}
	config := newConfig(t)
	m := bindOn(dir+"/made", "/mnt", 0)
	m.PremountCmds = run(`mkdir made && echo $X $(pwd) >made/pre`)
	m.PostmountCmds = append(run(`cat `+config.Rootfs+`/mnt/pre >made/post`), configs.Command{Path: "/bin/true"})
	addMount(config, m)
	wantOutput(t, runShell(t, config, `cat /mnt/pre /mnt/post`), "1 "+dir+"\n1 "+dir)

	short := 20 * time.Millisecond
	for kind, edit := range map[string]func(*configs.Mount, []configs.Command){
		"premount":  func(m *configs.Mount, c []configs.Command) { m.PremountCmds = c },
		"postmount": func(m *configs.Mount, c []configs.Command) { m.PostmountCmds = c },
	} {
		for name, commands := range map[string][]configs.Command{
			"exit status": run("echo it broke >&2; exit 3"),
			"no program":  {{Path: "/bin/true"}, {Path: "/no/such/program"}},
			"timeout":     {{Path: "/bin/sleep", Args: []string{"1000"}, Timeout: &short}},
		} {
			t.Run(kind+" "+name, func(t *testing.T) {
				config := newConfig(t)
				m := tmpfsOn("/mnt/x")
				edit(&m, commands)
				addMount(config, m)
				texts := map[string][]string{
					"exit status": {"command 0", "/bin/sh", "exit status 3", "it broke"},
					"no program":  {"command 1", "/no/such/program", "no such file"},
					"timeout":     {"command 0", "/bin/sleep", "more than 20ms", "deadline exceeded"},
				}[name]
				p, _ := command("true")
				startFails(t, config, p, libcontainer.SystemError, append(texts, kind, "/mnt/x")...)
			})
		}
	}
}

// A command of a mount is what exec.Command makes of its path and arguments.
func TestMountCommandAsOfExec(t *testing.T) {
	t.Setenv("LCTEST_OF_HOST", "host's")
	dir := publicTempDir(t)
	write(t, "#!/bin/sh\necho $0 $# $1 $LCTEST_OF_HOST >\"$1\"\n", dir, "lctest-program")
	if err := os.Chmod(filepath.Join(dir, "lctest-program"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", os.Getenv("PATH")+":"+dir)
	config := newConfig(t)
	m := bindOn(dir, "/mnt", 0)
	m.PremountCmds = []configs.Command{
		{Path: "touch", Args: []string{dir + "/touched"}},
		{Path: "lctest-program", Args: []string{dir + "/said"}},
	}
	addMount(config, m)
	got := runShell(t, config, "ls /mnt; cat /mnt/said")
	wantOutput(t, got, "lctest-program\nsaid\ntouched\n"+dir+"/lctest-program 1 "+dir+"/said host's")

	config = newConfig(t)
	m = tmpfsOn("/mnt")
	m.PostmountCmds = []configs.Command{{Path: "lctest-no-program"}}
	addMount(config, m)
	p, _ := command("true")
	startFails(t, config, p, libcontainer.SystemError, "postmount command 0", "/mnt", "executable file not found")
}

// The options of an overlay with many layers are longer than what fsconfig(2)
// takes as one value.
func TestOverlay(t *testing.T) {
	for name, long := range map[string]bool{"short": false, "long": true} {
		t.Run(name, func(t *testing.T) {
			dir := publicTempDir(t)
			layers := []string{write(t, "top", dir, "l0/file")}
			layers[0] = filepath.Dir(layers[0])
			count, suffix, want := 2, "", "top\nfile\nfile1\n"
			if long {
				count, suffix, want = 5, strings.Repeat("x", 100), "top\nfile\nfile1\nfile2\nfile3\nfile4\n"
			}
			for i := 1; i < count; i++ {
				name := itoa(i) + suffix
				layers = append(layers, filepath.Dir(write(t, "below", dir, name, "file")))
				write(t, "layer", dir, name, "file"+itoa(i))
			}
			config := newConfig(t)
			addMount(config, configs.Mount{
				Source: "overlay", Destination: "/mnt", Device: "overlay", Flags: unix.MS_NOSUID | unix.MS_NODEV,
				PropagationFlags: []int{unix.MS_SHARED},
				Data: fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", strings.Join(layers, ":"),
					mkdir(t, dir, "upper"), mkdir(t, dir, "work")),
			})
			got := runShell(t, config, `cat /mnt/file; echo; ls /mnt; echo new >/mnt/file;`+mountLine("/mnt"))
			line := got[strings.LastIndex(got, "\n")+1:]
			wantOutput(t, strings.TrimSuffix(got, line), want)
			if !strings.Contains(line, "|shared:") || !strings.HasPrefix(line, "rw,nosuid,nodev") {
				t.Errorf("mounted as %q", line)
			}
			if data, err := os.ReadFile(dir + "/upper/file"); err != nil || string(data) != "new\n" {
				t.Errorf("the upper layer has %q, %v", data, err)
			}
		})
	}
}

func TestOverlayError(t *testing.T) {
	config := newConfig(t)
	addMount(config, configs.Mount{Source: "overlay", Destination: "/mnt", Device: "overlay",
		Data: "lowerdir=/no/such/" + strings.Repeat("x", 200) + ":/no/such/" + strings.Repeat("y", 200)})
	p, _ := command("true")
	startFails(t, config, p, libcontainer.SystemError, "overlay", "/mnt", "no such file")
}

// Directories that init makes for a mount have mode 0755 whatever the umask of
// the host's program is.
func TestTargetModes(t *testing.T) {
	config := newConfig(t)
	addMount(config, tmpfsOn("/made/by/mount"))
	addMount(config, bindOn("/etc/hostname", "/made/for/file", 0))
	container := newContainer(t, config)
	p, out := shell(`stat -c %a /made /made/by /made/for; umask`)
	old := syscall.Umask(0o077)
	err := container.Start(p)
	syscall.Umask(old)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Wait(); err != nil {
		t.Error(err)
	}
	wantOutput(t, out.stdout.String(), "755\n755\n755\n0022\n")
}

func TestSharedMountNamespaceRefusesMounts(t *testing.T) {
	config := newConfig(t)
	config.Namespaces.Remove(configs.NEWNS)
	createFails(t, config, "NEWNS")
}

// Joining the mount namespace of a container makes no mount in it.
func TestJoinedMountNamespace(t *testing.T) {
	first := newContainer(t, newConfig(t))
	p, _ := startBlocked(t, first)
	pid, err := p.Pid()
	if err != nil {
		t.Fatal(err)
	}
	before := lines(t, "/proc/"+itoa(pid)+"/mountinfo")
	config := newConfig(t)
	config.Namespaces.Remove(configs.NEWNS)
	config.Namespaces.Add(configs.NEWNS, "/proc/"+itoa(pid)+"/ns/mnt")
	config.Cgroups.Name += "-joins"
	factory := newFactory(t)
	container, err := factory.Create("joins", config)
	if err != nil {
		if !errors.Is(err, libcontainer.ConfigInvalid) {
			t.Errorf("create: %v", err)
		}
		return
	}
	defer container.Destroy()
	q, _ := command("true")
	if err := container.Start(q); err == nil {
		if _, err := q.Wait(); err != nil {
			t.Error(err)
		}
	} else {
		t.Logf("start: %v", err)
	}
	if after := lines(t, "/proc/"+itoa(pid)+"/mountinfo"); len(added(before, after)) > 0 || len(added(after, before)) > 0 {
		t.Errorf("the joined namespace has other mounts:\n got %q\nwant %q", after, before)
	}
}
