//world:any

package integration

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
)

// needsOverlay skips a test where the kernel has no overlayfs.
func needsOverlay(t *testing.T) {
	t.Helper()
	fs, err := unix.Fsopen("overlay", unix.FSOPEN_CLOEXEC)
	if err != nil {
		t.Skipf("this kernel has no overlay file system: %v", err)
	}
	unix.Close(fs)
}

// contents lists all that is in a directory, with its type and owner, as it is on the host.
func contents(t *testing.T, dir string) (list []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(name string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(name, &st); err != nil {
			return err
		}
		list = append(list, strings.Join([]string{strings.TrimPrefix(name, dir), d.Type().String(), itoa(int(st.Uid)), itoa(int(st.Gid)),
			itoa(int(st.Size)), itoa(int(st.Mtim.Nano()))}, " "))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// unchanged checks at the end of the test that nothing in a directory has changed.
func unchanged(t *testing.T, dir string) {
	t.Helper()
	before := contents(t, dir)
	t.Cleanup(func() {
		after := contents(t, dir)
		for _, line := range append(added(before, after), added(after, before)...) {
			t.Errorf("a lower layer has changed: %s", line)
		}
	})
}

// newImage makes a root file system for a lower layer, with nothing but /bin and what belongs
// to it: no directory for a mount is there.
func newImage(t *testing.T) string {
	t.Helper()
	image := newRootfs(t)
	for _, name := range []string{"proc", "sys", "dev"} {
		if err := os.RemoveAll(filepath.Join(image, name)); err != nil {
			t.Fatal(err)
		}
	}
	unchanged(t, image)
	return image
}

// overlayConfig gives a configuration whose root is made of these layers, with changes in memory.
func overlayConfig(t *testing.T, lower ...string) *configs.Config {
	t.Helper()
	needsOverlay(t)
	config := configFor("", t.Name())
	config.Overlay = &configs.Overlay{Lower: lower, Memory: 8 << 20}
	return config
}

// onDisk has the changes of an overlay kept on disk, in directories of that owner.
func onDisk(t *testing.T, config *configs.Config, uid int) (upper string) {
	t.Helper()
	dir := publicTempDir(t)
	upper = mkdir(t, dir, "upper")
	work := mkdir(t, dir, "work")
	for _, name := range []string{upper, work} {
		if err := os.Chown(name, uid, uid); err != nil {
			t.Fatal(err)
		}
	}
	config.Overlay.Memory, config.Overlay.Upper, config.Overlay.Work = 0, upper, work
	return upper
}

// rootLine prints the type and the options of the root's mount.
const rootLine = `awk '$5=="/" {for (i=7;i<=NF;i++) if ($i=="-") print $(i+1), $6, $(i+3)}' /proc/self/mountinfo`

func TestOverlayRootInMemoryIsLimited(t *testing.T) {
	config := overlayConfig(t, newImage(t))
	config.Overlay.Memory = 1 << 20
	p, out := shell("dd if=/dev/zero of=/a bs=900000 count=1 && echo fits; dd if=/dev/zero of=/b bs=900000 count=1 || echo full")
	if got := runProcess(t, config, p, out); got != "fits\nfull" || !strings.Contains(out.stderr.String(), "No space left") {
		t.Errorf("got %q, %q", got, out.stderr.String())
	}
	// What was in memory is no more.
	if got := runShell(t, config, "ls /a /b 2>/dev/null | wc -l"); got != "0" {
		t.Errorf("%s files are left", got)
	}
}

// Empty files take memory, too.
func TestOverlayRootInMemoryHasFewFiles(t *testing.T) {
	config := overlayConfig(t, newImage(t))
	config.Overlay.Memory = 1 << 20
	p, out := shell("mkdir /many; cd /many; i=0; while [ $i -lt 2000 ]; do true >$i || break; i=$((i+1)); done; [ $i -gt 900 ] && [ $i -lt 1024 ]; echo $?")
	if got := runProcess(t, config, p, out); got != "0" || !strings.Contains(out.stderr.String(), "No space left") {
		t.Errorf("got %q, %q", got, out.stderr.String())
	}
}

// What protects the mount of a layer protects the whole.
func TestOverlayRootKeepsProtections(t *testing.T) {
	for flag, word := range map[uintptr]string{unix.MS_NOSUID: "nosuid", unix.MS_NODEV: "nodev", unix.MS_NOEXEC: "noexec", 0: ""} {
		for name, userns := range map[string]bool{"": false, " in a user namespace": true} {
			t.Run(word+name, func(t *testing.T) {
				image, top := newImage(t), publicTempDir(t)
				config := overlayConfig(t, top, image)
				if userns {
					withUserNS(t, config, 100000)
					config.RootIDMapping = configs.IDMapMount
				}
				hostMount(t, top, top, "", unix.MS_BIND)
				if err := unix.Mount("", top, "", unix.MS_BIND|unix.MS_REMOUNT|flag, ""); err != nil {
					t.Fatal(err)
				}
				if flag == unix.MS_NOEXEC {
					p, _ := shell("true")
					startFails(t, config, p, libcontainer.ConfigInvalid, "permission denied")
					return
				}
				got := strings.Fields(runShell(t, config, rootLine))
				if has := strings.Split(got[1], ","); slices.Contains(has, "nosuid") != (word == "nosuid") || slices.Contains(has, "nodev") != (word == "nodev") {
					t.Errorf("the root is %q", got)
				}
			})
		}
	}
}

// Two containers use one image at the same time, and see nothing of each other.
func TestOverlayRootIsShared(t *testing.T) {
	image := newImage(t)
	config := overlayConfig(t, image)
	container := newContainer(t, config)
	said, release := startTalking(t, container, "echo mine >/who; echo made; cat >/dev/null")
	if got := said(); got != "made" {
		t.Errorf("it said %q", got)
	}
	other := overlayConfig(t, image)
	other.Cgroups.Name += "-other"
	if got := runShell(t, other, "ls /who 2>&1; true"); !strings.Contains(got, "No such file") {
		t.Errorf("the other sees %q", got)
	}
	exec, out := shell("cat /who; " + rootLine)
	if err := container.Start(exec); err != nil {
		t.Fatal(err)
	}
	if _, err := exec.Wait(); err != nil || !strings.HasPrefix(out.stdout.String(), "mine\noverlay rw,") {
		t.Errorf("a further process: %q, %v", out.stdout.String(), err)
	}
	// What it is made of cannot change any more.
	changed := container.Config()
	changed.Hostname, changed.Overlay = "other", &configs.Overlay{Lower: []string{publicTempDir(t)}, Memory: 1}
	if err := container.Set(changed); err != nil {
		t.Fatal(err)
	}
	if got := container.Config(); got.Hostname != "other" || got.Overlay.Lower[0] != image || got.Overlay.Memory != 8<<20 {
		t.Errorf("Set has changed the overlay to %v", got.Overlay)
	}
	release()
}

// Readonlyfs makes the whole read-only, after mount points were made.
func TestOverlayRootReadonly(t *testing.T) {
	config := overlayConfig(t, newImage(t))
	config.Readonlyfs = true
	addMount(config, tmpfsOn("/made/for/a/mount"))
	got := runShell(t, config, "touch /a 2>&1; touch /made/for/a/mount/b && echo there; "+rootLine)
	if lines := strings.Split(got, "\n"); !strings.Contains(lines[0], "Read-only file system") || lines[1] != "there" || !strings.HasPrefix(lines[2], "overlay ro,") {
		t.Errorf("got %q", got)
	}
}

func TestOverlayRootVariants(t *testing.T) {
	for name, edit := range map[string]func(*configs.Config){
		"without pivot_root": func(c *configs.Config) { c.NoPivotRoot = true },
		"shared":             func(c *configs.Config) { c.RootPropagation = unix.MS_SHARED | unix.MS_REC },
		"private":            func(c *configs.Config) { c.RootPropagation = unix.MS_PRIVATE },
		"volatile":           func(c *configs.Config) { c.Overlay.Data = "volatile" },
		"two options":        func(c *configs.Config) { c.Overlay.Data = "volatile,xino=off" },
	} {
		t.Run(name, func(t *testing.T) {
			image := newImage(t)
			// Below what is shared with the host nothing appears there.
			config := overlayConfig(t, image)
			onDisk(t, config, 0)
			edit(config)
			got := runShell(t, config, rootLine+"; touch /new; cd / && ls -d dev/null new proc/self; cut -d' ' -f5 /proc/self/mountinfo | sort | uniq -d; grep -c overlay /proc/self/mountinfo")
			lines := strings.Split(got, "\n")
			if !strings.HasPrefix(lines[0], "overlay rw,") || !slices.Equal(lines[1:], []string{"dev/null", "new", "proc/self", "1"}) && name != "without pivot_root" {
				t.Errorf("got %q", got)
			}
			if strings.Contains(name, "volatile") && !strings.Contains(lines[0], "volatile") {
				t.Errorf("options %q", lines[0])
			}
		})
	}
}

// A layer does not have what the host has mounted in it.
func TestOverlayRootWithMountBelow(t *testing.T) {
	for name, userns := range map[string]bool{"root": false, "user namespace": true} {
		t.Run(name, func(t *testing.T) {
			image, top := newImage(t), publicTempDir(t)
			write(t, "of the layer", top, "sub", "file")
			config := overlayConfig(t, top, image)
			if userns {
				withUserNS(t, config, 100000)
				config.RootIDMapping = configs.IDMapMount
			}
			hostTmpfs(t, filepath.Join(top, "sub"))
			if got := runShell(t, config, "cat /sub/file"); got != "of the layer" {
				t.Errorf("got %q", got)
			}
		})
	}
}

// One image serves containers with different mappings at the same time. Its owner is root
// inside each; with changes on disk they are stored as the ids inside.
func TestOverlayRootInUserNamespaces(t *testing.T) {
	image := newRootfs(t)
	write(t, "", image, "own") // other files are links to those of other tests
	unchanged(t, image)
	if err := os.Chmod(filepath.Dir(image), 0o700); err != nil { // the container's root may not pass
		t.Fatal(err)
	}
	uppers := make(map[int]string)
	var ends []func()
	for _, base := range []int{100000, 300000} {
		config := overlayConfig(t, image)
		config.Cgroups.Name += itoa(base)
		withUserNS(t, config, base)
		config.RootIDMapping = configs.IDMapMount
		config.Capabilities = append(config.Capabilities, "CAP_CHOWN", "CAP_DAC_OVERRIDE")
		uppers[base] = onDisk(t, config, 0)
		if err := os.Chmod(filepath.Dir(uppers[base]), 0o700); err != nil {
			t.Fatal(err)
		}
		container := newContainer(t, config)
		said, release := startTalking(t, container, "stat -c %u:%g / /bin /own; touch /etc/made; chown 7:1000 /etc/made; rm -r /tmp; mkdir /tmp; "+
			"touch /tmp/own; ls /tmp; cat /proc/self/uid_map | awk '{print $2}'; echo done; cat >/dev/null")
		ends = append(ends, release)
		for _, want := range []string{"0:0", "0:0", "0:0", "own", itoa(base), "done"} {
			if got := said(); got != want {
				t.Errorf("with ids from %d on: %q, want %q", base, got, want)
			}
		}
	}
	for _, end := range ends {
		end()
	}
	for _, upper := range uppers {
		wantOwner(t, filepath.Join(upper, "etc/made"), 7, 1000)
		wantOwner(t, filepath.Join(upper, "tmp/own"), 0, 0)
	}
}

// Without id mapping the layers belong to the host's ids, and so does what is changed.
func TestOverlayRootOfUnmappedIDs(t *testing.T) {
	image := newImage(t)
	config := overlayConfig(t, image)
	withUserNS(t, config, 100000)
	upper := onDisk(t, config, 100000)
	if err := os.Chmod(filepath.Dir(upper), 0o700); err != nil { // of the host's root
		t.Fatal(err)
	}
	if got := runShell(t, config, "stat -c %u /bin; touch /new; stat -c %u /new /"); got != "65534\n0\n0" {
		t.Errorf("got %q", got)
	}
	wantOwner(t, filepath.Join(upper, "new"), 100000, 100000)
	config = overlayConfig(t, image)
	withUserNS(t, config, 100000)
	if got := runShell(t, config, "stat -c %u /bin; touch /new; stat -c %u /new /"); got != "65534\n0\n0" {
		t.Errorf("in memory: got %q", got)
	}
}

// A plain root file system with id mapping, used with two mappings at the same time.
func TestRootIDMapping(t *testing.T) {
	for _, kind := range []configs.MountIDMapping{configs.IDMapMount, configs.IDMapRecursive} {
		t.Run(string(kind), func(t *testing.T) {
			rootfs := newRootfs(t)
			for _, closed := range []bool{false, true} {
				if closed {
					if err := os.Chmod(filepath.Dir(rootfs), 0o700); err != nil {
						t.Fatal(err)
					}
				}
				var ends []func()
				for _, base := range []int{100000, 300000} {
					config := configFor(rootfs, t.Name()+itoa(base))
					withUserNS(t, config, base)
					config.RootIDMapping = kind
					container := newContainer(t, config)
					said, release := startTalking(t, container, "stat -c %u:%g / /bin; touch /made"+itoa(base)+"; stat -c %u /made*; cat >/dev/null")
					ends = append(ends, release)
					for _, want := range []string{"0:0", "0:0", "0"} {
						if got := said(); got != want {
							t.Errorf("with ids from %d on: %q, want %q", base, got, want)
						}
					}
				}
				for _, end := range ends {
					end()
				}
				wantOwner(t, filepath.Join(rootfs, "made300000"), 0, 0)
			}
		})
	}
}

func TestOverlayRootErrors(t *testing.T) {
	image := newImage(t)
	link := filepath.Join(publicTempDir(t), "link")
	if err := os.Symlink(image, link); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		edit func(*configs.Config)
		text string
	}{
		"a link":       {func(c *configs.Config) { c.Overlay.Lower[0] = link }, "leads through a symbolic link"},
		"rootfs":       {func(c *configs.Config) { c.Rootfs = image }, "Overlay"},
		"idmap":        {func(c *configs.Config) { c.RootIDMapping = configs.IDMapMount }, "NEWUSER"},
		"no changes":   {func(c *configs.Config) { c.Overlay.Memory = 0 }, "neither"},
		"no namespace": {func(c *configs.Config) { c.Namespaces.Remove(configs.NEWNS) }, "NEWNS"},
	} {
		t.Run(name, func(t *testing.T) {
			config := overlayConfig(t, image)
			tt.edit(config)
			createFails(t, config, tt.text)
		})
	}
	for name, tt := range map[string]struct {
		edit  func(*testing.T, *configs.Config)
		code  libcontainer.ErrorCode
		texts []string
	}{
		"unknown option": {func(_ *testing.T, c *configs.Config) { c.Overlay.Data = "nonsense=1" }, libcontainer.SystemError,
			[]string{"make the root of layers", "nonsense"}},
		"two file systems": {func(t *testing.T, c *configs.Config) {
			onDisk(t, c, 0)
			hostTmpfs(t, c.Overlay.Work)
		}, libcontainer.ConfigInvalid, []string{"make the root of layers", "must be in one mount"}},
		"a link that came later": {func(t *testing.T, c *configs.Config) {
			onDisk(t, c, 0)
			c.Overlay.Lower[0] = filepath.Join(publicTempDir(t), "layer")
			mkdir(t, c.Overlay.Lower[0])
			t.Cleanup(func() {})
		}, libcontainer.ConfigInvalid, []string{"layer", "too many levels of symbolic links"}},
	} {
		t.Run(name, func(t *testing.T) {
			config := overlayConfig(t, image)
			tt.edit(t, config)
			container := newContainer(t, config)
			if name == "a link that came later" {
				if err := errors.Join(os.Remove(config.Overlay.Lower[0]), os.Symlink(image, config.Overlay.Lower[0])); err != nil {
					t.Fatal(err)
				}
			}
			p, _ := shell("true")
			checkError(t, container.Start(p), tt.code, tt.texts...)
		})
	}
}
