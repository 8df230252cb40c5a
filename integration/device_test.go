package integration

import (
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
)

// statDevices is a script that prints type, numbers, mode and owner of paths.
func statDevices(paths ...string) string {
	return `stat -c "%n %F %t:%T %a %u:%g" ` + strings.Join(paths, " ")
}

func TestDefaultDevices(t *testing.T) {
	got := runShell(t, newConfig(t), `cd /dev; `+statDevices("null", "zero", "full", "tty", "random", "urandom", "pts/ptmx"))
	wantOutput(t, got, `null character special file 1:3 666 0:0
zero character special file 1:5 666 0:0
full character special file 1:7 666 0:0
tty character special file 5:0 666 0:0
random character special file 1:8 666 0:0
urandom character special file 1:9 666 0:0
pts/ptmx character special file 5:2 666 0:0`)
}

func TestDevicesWork(t *testing.T) {
	got := runShell(t, newConfig(t), `
		echo x >/dev/null; wc -c </dev/null
		head -c 3 /dev/zero | od -An -tx1
		head -c 9 /dev/urandom | wc -c
		(echo x >/dev/full) 2>&1
		(exec 5<>/dev/ptmx && ls /dev/pts)
		echo out >/dev/stdout; echo in | cat /dev/stdin; echo fd >/dev/fd/1`)
	wantOutput(t, got, "0\n 00 00 00\n9\nsh: write error: No space left on device\n0\nptmx\nout\nin\nfd")
}

func TestDevLinks(t *testing.T) {
	got := runShell(t, newConfig(t), `cd /dev; for l in ptmx fd stdin stdout stderr; do echo $l $(readlink $l); done; ls`)
	wantOutput(t, strings.Replace(got, "\ncore\n", "\n", 1), `ptmx pts/ptmx
fd /proc/self/fd
stdin /proc/self/fd/0
stdout /proc/self/fd/1
stderr /proc/self/fd/2
`+strings.Join(strings.Fields("fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero"), "\n"))
}

// moreDevices are one of each type, below directories that are not there.
func moreDevices() []*configs.Device {
	return []*configs.Device{
		{Path: "/dev/sub/dir/char", Type: 'c', Major: 10, Minor: 200, FileMode: 0o640, Uid: 3, Gid: 4},
		{Path: "/dev/unbuffered", Type: 'u', Major: 1, Minor: 5, FileMode: 0o777},
		{Path: "/dev/disk", Type: 'b', Major: 4095, Minor: 1048575, FileMode: 0o400, Gid: 6},
		{Path: "/dev/fifo", Type: 'p', Major: 5, Minor: 5, FileMode: 0o622, Uid: 1},
		{Path: "/made/elsewhere/null", Type: 'c', Major: 1, Minor: 3, FileMode: 0o604},
		{Path: "/dev/set", Type: 'c', Major: 1, Minor: 3, FileMode: fs.ModeDevice | fs.ModeCharDevice | 0o600},
	}
}

const moreDevicesWant = `/dev/sub/dir/char character special file a:c8 640 3:4
/dev/unbuffered character special file 1:5 777 0:0
/dev/disk block special file fff:fffff 400 0:6
/dev/fifo fifo 0:0 622 1:0
/made/elsewhere/null character special file 1:3 604 0:0
/dev/set character special file 1:3 600 0:0`

func devicePaths(devices []*configs.Device) (paths []string) {
	for _, d := range devices {
		paths = append(paths, d.Path)
	}
	return paths
}

func TestMoreDevices(t *testing.T) {
	config := newConfig(t)
	config.Devices = append(config.Devices, moreDevices()...)
	wantOutput(t, runShell(t, config, statDevices(devicePaths(moreDevices())...)), moreDevicesWant)
}

// The modes are those of the configuration whatever the umask is.
func TestDeviceModesIgnoreUmask(t *testing.T) {
	config := newConfig(t)
	config.Devices = append(config.Devices, moreDevices()...)
	container := newContainer(t, config)
	p, out := shell(statDevices(devicePaths(moreDevices())...))
	old := unix.Umask(0o077)
	err := container.Start(p)
	unix.Umask(old)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Wait(); err != nil {
		t.Fatal(err)
	}
	wantOutput(t, out.stdout.String(), moreDevicesWant+"\n")
}

// A root file system with a /dev of its own: what is right there is used and gets
// the mode of the configuration, what has only the name is refused.
func TestDevicesOfTheRootfs(t *testing.T) {
	config := newConfig(t)
	dropDevMounts(config)
	mknod(t, unix.S_IFCHR|0o600, nullDevice, config.Rootfs, "dev/null")
	mknod(t, unix.S_IFIFO|0o600, 0, config.Rootfs, "dev/fifo")
	write(t, "", config.Rootfs, "dev/ptmx")
	link(t, "/elsewhere", config.Rootfs, "dev/stdin")
	config.Devices = append(config.Devices, moreDevices()[3])
	script := statDevices("/dev/null", "/dev/zero", "/dev/fifo") + "; readlink /dev/ptmx; readlink /dev/stdin"
	want := "/dev/null character special file 1:3 666 0:0\n/dev/zero character special file 1:5 666 0:0\n" +
		"/dev/fifo fifo 0:0 622 1:0\npts/ptmx\n/elsewhere"
	container := newContainer(t, config)
	for range 2 { // the second time all is there
		p, out := shell(script)
		if err := container.Start(p); err != nil {
			t.Fatal(err)
		}
		if _, err := p.Wait(); err != nil {
			t.Fatal(err)
		}
		wantOutput(t, out.stdout.String(), want+"\n")
	}
}

// A device on which the configuration mounts one of the host's is that, and keeps its mode.
func TestDeviceIsMounted(t *testing.T) {
	config := newConfig(t)
	host := mknod(t, unix.S_IFCHR|0o604, nullDevice, publicTempDir(t), "null")
	addMount(config, configs.Mount{Source: host, Destination: "/dev/null", Device: "bind", Flags: unix.MS_BIND})
	wantOutput(t, runShell(t, config, statDevices("/dev/null")), "/dev/null character special file 1:3 604 0:0")
	info, err := os.Stat(host)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o604 {
		t.Errorf("the host's device has mode %v", info.Mode())
	}
}

const nullDevice = 1<<8 | 3

func TestWrongDevicesOfTheRootfs(t *testing.T) {
	for name, prepare := range map[string]func(t *testing.T, null string){
		"file":         func(t *testing.T, null string) { write(t, "keep", null) },
		"directory":    func(t *testing.T, null string) { mkdir(t, null) },
		"link":         func(t *testing.T, null string) { link(t, "zero", null) },
		"link to self": func(t *testing.T, null string) { link(t, "null", null) },
		"other minor":  func(t *testing.T, null string) { mknod(t, unix.S_IFCHR|0o666, unix.Mkdev(1, 5), null) },
		"block device": func(t *testing.T, null string) { mknod(t, unix.S_IFBLK|0o666, nullDevice, null) },
		"fifo":         func(t *testing.T, null string) { mknod(t, unix.S_IFIFO|0o666, 0, null) },
		"socket":       func(t *testing.T, null string) { mknod(t, unix.S_IFSOCK|0o666, 0, null) },
	} {
		for _, userns := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, user namespace %v", name, userns), func(t *testing.T) {
				config := newConfig(t)
				dropDevMounts(config)
				prepare(t, config.Rootfs+"/dev/null")
				before := listTree(t, config.Rootfs+"/dev")
				if !userns {
					p, _ := command("true")
					startFails(t, config, p, libcontainer.SystemError, "/dev/null", "file exists", "mode")
					if after := listTree(t, config.Rootfs+"/dev"); len(added(before, after)) > 0 {
						t.Errorf("what was there was changed: %q", added(before, after))
					}
					return
				}
				startInUserNS(t, config, strings.HasPrefix(name, "link") || name == "directory")
			})
		}
	}
}

// startInUserNS starts a container whose rootfs has something at /dev/null. In a
// user namespace the host's device is mounted over anything but a directory or a
// link.
func startInUserNS(t *testing.T, config *configs.Config, fails bool) {
	t.Helper()
	withUserNS(t, config, 100000)
	if err := os.Chown(config.Rootfs+"/dev", 100000, 100000); err != nil {
		t.Fatal(err)
	}
	if fails {
		p, _ := command("true")
		startFails(t, config, p, libcontainer.SystemError, "/dev/null", "file exists")
		return
	}
	wantOutput(t, runShell(t, config, `stat -c "%F %t:%T" /dev/null; echo x >/dev/null; cat /dev/null`), "character special file 1:3")
}

func TestDevicesInUserNamespace(t *testing.T) {
	config := newConfig(t)
	withUserNS(t, config, 100000)
	got := runShell(t, config, `cd /dev; stat -c "%n %F %t:%T %a" null zero full tty random urandom pts/ptmx
		echo x >/dev/null; head -c 2 /dev/zero | od -An -tx1; awk '$5=="/dev/null" {print $4}' /proc/self/mountinfo
		(exec 5<>/dev/ptmx && ls /dev/pts); readlink fd; mknod bad c 1 3 2>&1; true`)
	wantOutput(t, got, `null character special file 1:3 666
zero character special file 1:5 666
full character special file 1:7 666
tty character special file 5:0 666
random character special file 1:8 666
urandom character special file 1:9 666
pts/ptmx character special file 5:2 666
 00 00
/null
0
ptmx
/proc/self/fd
mknod: bad: Operation not permitted`)
}

func TestDeviceErrors(t *testing.T) {
	for _, tt := range []struct {
		name   string
		device configs.Device
		userns bool
		texts  []string
	}{
		{name: "parent is a file", device: configs.Device{Path: "/etc/passwd/null", Type: 'c', Major: 1, Minor: 3},
			texts: []string{"/etc/passwd/null", "not a directory"}},
		{name: "the host has none", userns: true, device: configs.Device{Path: "/dev/no-such", Type: 'c', Major: 1, Minor: 3},
			texts: []string{"/dev/no-such", "host", "no such file"}},
		{name: "the host has another", userns: true, device: configs.Device{Path: "/dev/zero", Type: 'c', Major: 1, Minor: 3},
			texts: []string{"/dev/zero", "host", "1:5"}},
		{name: "in procfs", device: configs.Device{Path: "/proc/null", Type: 'c', Major: 1, Minor: 3},
			texts: []string{"/proc/null"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			config := newConfig(t)
			if tt.userns {
				withUserNS(t, config, 100000)
			}
			config.Devices = []*configs.Device{&tt.device}
			p, _ := command("true")
			startFails(t, config, p, libcontainer.SystemError, tt.texts...)
		})
	}
}

// A standard descriptor on the host's /dev/null becomes the container's: its
// mount is one that the container can see.
func TestStdioOnNull(t *testing.T) {
	for _, userns := range []bool{false, true} {
		t.Run(fmt.Sprintf("user namespace %v", userns), func(t *testing.T) {
			config := newConfig(t)
			if userns {
				withUserNS(t, config, 100000)
			}
			null, err := os.OpenFile("/dev/null", os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer null.Close()
			p, out := shell(`
				id() { awk '$1=="mnt_id:" {print $2}' /proc/$$/fdinfo/$1; }
				for fd in 0 2; do grep -q "^$(id $fd) " /proc/self/mountinfo && echo $fd visible; readlink /proc/$$/fd/$fd; done
				read line; echo "read $?"`)
			p.Stdin, p.Stderr = null, null
			wantOutput(t, runProcess(t, config, p, out), "0 visible\n/dev/null\n2 visible\n/dev/null\nread 1")
		})
	}
}

func TestStdioWithoutNull(t *testing.T) {
	config := newConfig(t)
	config.Devices = nil
	p, out := shell(`read line; echo $?; ls /dev/null 2>&1`)
	p.Stdin = nil
	wantOutput(t, runShellWithout(t, config, p, out), "1\nls: /dev/null: No such file or directory")
}

// runShellWithout runs a process whose script may end with a failure.
func runShellWithout(t *testing.T, config *configs.Config, p *libcontainer.Process, out *output) string {
	t.Helper()
	container := newContainer(t, config)
	if err := container.Start(p); err != nil {
		t.Fatal(err)
	}
	_, _ = p.Wait()
	return strings.TrimSuffix(out.stdout.String(), "\n")
}

// A /dev that is bound from the host is used as it is.
func TestBoundDev(t *testing.T) {
	dev := publicTempDir(t)
	mknod(t, unix.S_IFCHR|0o666, nullDevice, dev, "null")
	config := newConfig(t)
	dropDevMounts(config)
	addMount(config, bindOn(dev, "/dev", 0))
	wantOutput(t, runShell(t, config, `ls /dev; cat /dev/null`), "null")
}
