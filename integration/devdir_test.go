//world:one

package integration

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
)

// Without devices, and without a /dev mount, the image's /dev is left as it is, even
// where it cannot be written to.
func TestDevOfTheImageIsLeftAlone(t *testing.T) {
	if !inSharedNamespace(t) {
		return
	}
	for _, readonly := range []bool{false, true} {
		t.Run(map[bool]string{false: "writable", true: "read-only"}[readonly], func(t *testing.T) {
			config := newConfig(t)
			write(t, "of the image", config.Rootfs, "dev/file")
			dropDevMounts(config)
			config.Devices, config.Readonlyfs = nil, readonly
			if readonly {
				hostMount(t, config.Rootfs, config.Rootfs, "", unix.MS_BIND)
				if err := unix.Mount("", config.Rootfs, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, ""); err != nil {
					t.Fatal(err)
				}
			}
			p, out := shell("ls -A /dev; cat /dev/file")
			r, w := pipe(t)
			w.Close()
			p.Stdin = r
			wantOutput(t, runProcess(t, config, p, out), "file\nof the image")
		})
	}
}

// A container whose root is the host's, and that has no /dev of its own, has the host's:
// that is not the place for its devices and links.
func TestDevOfTheHostIsLeftAlone(t *testing.T) {
	if !runAgain(t, "unshare", "--mount", "--propagation", "private") {
		return
	}
	hidden := describeDev(t)
	t.Cleanup(func() { // when the tmpfs below has gone
		if after := describeDev(t); !slices.Equal(after, hidden) {
			t.Errorf("the host's /dev was changed: more %q, less %q", added(hidden, after), added(after, hidden))
		}
	})
	hostMount(t, "tmpfs", "/dev", "tmpfs", 0)
	for name, minor := range map[string]uint32{"null": 3, "zero": 5, "full": 7} {
		mknod(t, unix.S_IFCHR|0o640, unix.Mkdev(1, minor), "/dev", name)
	}
	write(t, "not a link", "/dev/ptmx")
	link(t, "/nowhere", "/dev/stdin")
	before := describeDev(t)
	for _, devices := range []bool{true, false} {
		t.Run(map[bool]string{true: "with devices", false: "without"}[devices], func(t *testing.T) {
			config := configFor("/", t.Name())
			config.Mounts, config.MaskPaths, config.ReadonlyPaths = nil, nil, nil
			if !devices {
				config.Devices = nil
			}
			container := newContainer(t, config)
			p, _ := command("true")
			r, w := pipe(t)
			w.Close()
			p.Stdin = r
			if err := container.Start(p); err == nil {
				_, _ = p.Wait()
			} else if devices {
				checkError(t, err, libcontainer.ConfigInvalid, "/dev")
			} else {
				t.Errorf("start: %v", err)
			}
			if after := describeDev(t); !slices.Equal(after, before) {
				t.Errorf("the host's /dev was changed: more %q, less %q", added(before, after), added(after, before))
			}
		})
	}
}

// describeDev lists what is directly in /dev, but for what comes and goes by itself.
func describeDev(t *testing.T) (list []string) {
	t.Helper()
	entries, err := os.ReadDir("/dev")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, e.Name()+" "+info.Mode().String())
	}
	return list
}

// opens counts how often files are opened, other than with O_PATH, from now on until
// the function is called.
func opens(t *testing.T, names ...string) (count func() int) {
	t.Helper()
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	for _, name := range names {
		if _, err := unix.InotifyAddWatch(fd, name, unix.IN_OPEN|unix.IN_DONT_FOLLOW); err != nil {
			t.Fatal(err)
		}
	}
	return func() (n int) {
		buf := make([]byte, 4096)
		for {
			got, err := unix.Read(fd, buf)
			if err != nil {
				return n
			}
			for at := 0; at+unix.SizeofInotifyEvent <= got; {
				event := (*unix.InotifyEvent)(unsafe.Pointer(&buf[at]))
				if event.Mask&unix.IN_OPEN != 0 { // a node that is removed makes another one
					n++
				}
				at += unix.SizeofInotifyEvent + int(event.Len)
			}
		}
	}
}

// A node of the image that stands where a device should is looked at before it is
// opened: opening one can hang, rewind a tape, or tell somebody.
func TestNodesOfTheImageAreNotOpened(t *testing.T) {
	for kind, node := range map[string]struct {
		mode uint32
		dev  uint64
	}{
		"missing device": {unix.S_IFCHR | 0o666, unix.Mkdev(240, 77)},
		"other device":   {unix.S_IFCHR | 0o666, unix.Mkdev(1, 5)},
		"block device":   {unix.S_IFBLK | 0o666, unix.Mkdev(1, 3)},
		"fifo":           {unix.S_IFIFO | 0o666, 0},
		"socket":         {unix.S_IFSOCK | 0o666, 0},
		"file":           {unix.S_IFREG | 0o666, 0},
	} {
		// Devices are made, and standard descriptors reopened, where there are any.
		for devices, list := range map[string][]*configs.Device{
			"no devices": nil, "another device": {{Path: "/dev/zero", Type: 'c', Major: 1, Minor: 5, FileMode: 0o666}}, "its device": newConfig(t).Devices,
		} {
			t.Run(kind+", "+devices, func(t *testing.T) {
				config := newConfig(t)
				dropDevMounts(config)
				config.Devices = list
				write(t, "secret", config.Rootfs, "mnt/file")
				config.MaskPaths = append(config.MaskPaths, "/mnt/file")
				var names []string
				for _, name := range []string{"null", "console", "ptmx", "tty"} {
					names = append(names, mknod(t, node.mode, node.dev, config.Rootfs, "dev", name))
				}
				count := opens(t, names...)
				container := newContainer(t, config)
				p, out := shell(`stat -c "%F %t:%T" /mnt/file; cat /mnt/file`)
				if err := container.Start(p); err != nil {
					if !strings.Contains(err.Error(), "/dev/null") && !strings.Contains(err.Error(), "/mnt/file") {
						t.Errorf("start: %v", err)
					}
				} else {
					_, _ = p.Wait()
					wantOutput(t, out.stdout.String(), "character special file 1:3\n")
					if list != nil {
						t.Error("what is no null device has become a standard descriptor")
					}
				}
				if n := count(); n > 0 {
					t.Errorf("nodes of the image were opened %d times", n)
				}
			})
		}
	}
}

// A terminal is bound to /dev/console, and not to what a link of that name leads to.
func TestConsoleOnALink(t *testing.T) {
	for name, target := range map[string]string{
		"a procfs file": "/proc/sysrq-trigger", "a procfs directory": "/proc/sys/kernel", "of the process": "/proc/self/attr/current",
		"a file of the image": "/etc/passwd", "missing": "/etc/nothing", "out": "../../../../../../../../etc/hostname",
	} {
		t.Run(name, func(t *testing.T) {
			config := newConfig(t)
			config.Capabilities = append(config.Capabilities, "CAP_SYS_ADMIN")
			dropDevMounts(config)
			link(t, target, config.Rootfs, "dev/console")
			container := newContainer(t, config)
			p := &libcontainer.Process{Args: []string{"/bin/sh", "-c",
				"awk '{print $5}' /proc/self/mountinfo; readlink /dev/console || echo no link; echo end; read over"}, Env: []string{defaultEnv}}
			console, err := p.NewConsole(0)
			if err != nil {
				t.Fatal(err)
			}
			defer console.Close()
			before := string(mustRead(t, filepath.Join(config.Rootfs, "etc/passwd")))
			if err := container.Start(p); err != nil {
				if !strings.Contains(err.Error(), "/dev/console") {
					t.Errorf("error %q does not name /dev/console", err)
				}
				return
			}
			got := readFirst(t, console)
			_, _ = p.Wait()
			text := string((<-got).data)
			for line := range strings.Lines(text) {
				point := strings.TrimSpace(line)
				if point == target || strings.HasPrefix(point, "/etc/") || point == "/proc/sys/kernel" || strings.HasPrefix(point, "/proc/self/") {
					t.Errorf("the terminal is mounted on %s", point)
				}
			}
			if !strings.Contains(text, "end") {
				t.Errorf("the container said %q", text)
			}
			if after := string(mustRead(t, filepath.Join(config.Rootfs, "etc/passwd"))); after != before {
				t.Errorf("/etc/passwd is %q now", after)
			}
		})
	}
}

// What is given as a terminal is the slave of one.
func TestConsoleFromWhatIsNoTerminal(t *testing.T) {
	dir := publicTempDir(t)
	for name, path := range map[string]string{
		"a file": write(t, "", dir, "file"), "a directory": dir, "a fifo": mknod(t, unix.S_IFIFO|0o600, 0, dir, "fifo"),
		"a device": "/dev/zero", "a master": "/dev/ptmx", "a missing device": mknod(t, unix.S_IFCHR|0o600, unix.Mkdev(240, 77), dir, "device"),
	} {
		t.Run(name, func(t *testing.T) {
			config := newConfig(t)
			p := &libcontainer.Process{Args: []string{"true"}, Env: []string{defaultEnv}}
			if err := p.ConsoleFromPath(path); err != nil {
				t.Fatal(err)
			}
			container := newContainer(t, config)
			if err := container.Start(p); err == nil {
				_, _ = p.Wait()
				t.Error("start succeeded")
			} else if !strings.Contains(err.Error(), path) {
				t.Errorf("error %q does not name %s", err, path)
			}
		})
	}
}
