//world:any

package integration

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
)

func copyUp(destination, data string) *configs.Mount {
	return &configs.Mount{Source: "tmpfs", Destination: destination, Device: "tmpfs", Data: data, CopyUp: true}
}

// fillTree makes one of everything below a directory of a root file system.
func fillTree(t *testing.T, dir string, uid int) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.MkdirAll(dir+"/sub/deep", 0o755))
	must(os.WriteFile(dir+"/file", []byte("text\n"), 0o640))
	must(os.WriteFile(dir+"/empty", nil, 0o600))
	must(os.WriteFile(dir+"/sub/deep/big", bytes.Repeat([]byte("0123456789abcdef"), 1<<16), 0o644))
	must(os.WriteFile(dir+"/suid", []byte("#!\n"), 0o755))
	must(os.Symlink("/etc/passwd", dir+"/absolute"))
	must(os.Symlink("../../../../../../../../etc/passwd", dir+"/sub/up"))
	must(os.Symlink("nothing", dir+"/dangling"))
	must(syscall.Mkfifo(dir+"/fifo", 0o620))
	must(unix.Mknod(dir+"/socket", unix.S_IFSOCK|0o604, 0))
	must(unix.Mknod(dir+"/null", unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))))
	must(unix.Setxattr(dir+"/file", "user.test", []byte("value"), 0))
	for _, name := range []string{"file", "absolute", "fifo", "socket", "sub/deep"} {
		must(os.Lchown(filepath.Join(dir, name), uid+1, uid+2))
	}
	must(unix.Chmod(dir+"/fifo", 0o620))
	must(unix.Chmod(dir+"/suid", 0o4755))
	must(unix.Chmod(dir+"/sub/deep", 0o2751))
	must(unix.Chmod(dir, 0o1771))
	must(os.Lchown(dir, uid+3, uid+4))
	// A sparse file of a size that the tmpfs could not hold.
	sparse, err := os.Create(dir + "/sparse")
	must(err)
	_, err = sparse.WriteAt([]byte("end"), 1<<30)
	must(err)
	must(sparse.Close())
	at := []unix.Timespec{{Sec: 1000000000}, {Sec: 1100000000, Nsec: 5}}
	for _, name := range []string{"file", "absolute", "fifo", "sub/deep"} {
		must(unix.UtimesNanoAt(unix.AT_FDCWD, filepath.Join(dir, name), at, unix.AT_SYMLINK_NOFOLLOW))
	}
}

const listCopied = `cd /data; for f in . file empty sub/deep sub/deep/big suid absolute sub/up dangling fifo socket sparse null; do
stat -c '%n %f %u:%g %s' $f 2>/dev/null || echo $f none; done | sed -r 's/^([^ ]+ 4[^ ]+ [^ ]+) .*/\1/'
stat -c '%n %Y' file absolute fifo sub/deep; readlink absolute; readlink sub/up; cat file; md5sum sub/deep/big | cut -c1-8; du -k sparse | cut -f1; tail -c 3 sparse`

// copiedTree is what listCopied says of a copy of fillTree's directory: the device
// is left out.
func copiedTree() string {
	return strings.Join([]string{
		". 43f9 3:4",
		"file 81a0 1:2 5", "empty 8180 0:0 0", "sub/deep 45e9 1:2", "sub/deep/big 81a4 0:0 1048576", "suid 89ed 0:0 3",
		"absolute a1ff 1:2 11", "sub/up a1ff 0:0 34", "dangling a1ff 0:0 7", "fifo 1190 1:2 0", "socket c184 1:2 0", "sparse 81a4 0:0 1073741827",
		"null none",
		"file 1100000000", "absolute 1100000000", "fifo 1100000000", "sub/deep 1100000000",
		"/etc/passwd", "../../../../../../../../etc/passwd", "text", "14d785da", "4", "end",
	}, "\n")
}

func TestCopyUp(t *testing.T) {
	for name, base := range map[string]int{"root": 0, "user namespace": 100000} {
		t.Run(name, func(t *testing.T) {
			config := newConfig(t)
			dir := filepath.Join(config.Rootfs, "data")
			fillTree(t, dir, base)
			if base > 0 {
				withUserNS(t, config, base)
				chownTree(t, dir, base)
			}
			config.Mounts = append(config.Mounts, copyUp("/data", "size=16m"))
			got := runShell(t, config, listCopied+"; echo; echo new >>file; rm -r sub; awk '$5 == \"/data\" {print $9}' /proc/self/mountinfo")
			if want := copiedTree() + "\ntmpfs"; got != want {
				t.Errorf("inside:\n%s\nwant:\n%s", got, want)
			}
			if data, err := os.ReadFile(dir + "/file"); err != nil || string(data) != "text\n" {
				t.Errorf("below the tmpfs the file has %q, %v", data, err)
			}
			if _, err := os.Stat(dir + "/sub/deep/big"); err != nil {
				t.Error(err)
			}
		})
	}
}

// chownTree shifts the owners that are not yet in the range of a user namespace.
func chownTree(t *testing.T, dir string, base int) {
	t.Helper()
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err != nil || info.Sys().(*syscall.Stat_t).Uid >= uint32(base) {
			return err
		}
		if err := os.Lchown(path, base, base); err != nil {
			return err
		}
		if info.Mode()&os.ModeSetuid != 0 {
			return unix.Chmod(path, 0o4755)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestCopyUpXattrs(t *testing.T) {
	config := newConfig(t)
	dir := filepath.Join(config.Rootfs, "data")
	fillTree(t, dir, 0)
	// Permissions for user 7 besides the owner's; see acl(5) for the format.
	acl := []byte("\x02\x00\x00\x00\x01\x00\x06\x00\xff\xff\xff\xff\x02\x00\x04\x00\x07\x00\x00\x00\x04\x00\x00\x00\xff\xff\xff\xff\x10\x00\x04\x00\xff\xff\xff\xff\x20\x00\x00\x00\xff\xff\xff\xff")
	if err := unix.Setxattr(dir+"/empty", "system.posix_acl_access", acl, 0); err != nil {
		t.Fatal(err)
	}
	config.Mounts = append(config.Mounts, copyUp("/data", ""))
	container := newContainer(t, config)
	p, _ := startBlocked(t, container)
	pid, err := p.Pid()
	if err != nil {
		t.Fatal(err)
	}
	inside := fmt.Sprintf("/proc/%d/root/data/", pid)
	buf := make([]byte, 100)
	if n, err := unix.Getxattr(inside+"empty", "system.posix_acl_access", buf); err != nil || !bytes.Equal(buf[:n], acl) {
		t.Errorf("access control list %x, %v", buf[:max(n, 0)], err)
	}
	n, err := unix.Getxattr(inside+"file", "user.test", buf)
	if err == unix.EOPNOTSUPP {
		t.Skip("tmpfs of this kernel has no attributes of the user: Linux 6.6 has")
	}
	if err != nil || string(buf[:n]) != "value" {
		t.Errorf("user.test is %q, %v", buf[:max(n, 0)], err)
	}
}

// A directory that is missing is made; one's own options win; read-only is last.
func TestCopyUpOptions(t *testing.T) {
	for name, tt := range map[string]struct {
		mount *configs.Mount
		want  string
	}{
		"missing":   {copyUp("/none/at/all", ""), "755 0:0"},
		"own mode":  {copyUp("/data", "mode=700"), "700 3:4 file"},
		"own owner": {copyUp("/data", "uid=9,gid=10"), "1771 9:10 file"},
	} {
		for _, ro := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s %v", name, ro), func(t *testing.T) {
				config := newConfig(t)
				dir := filepath.Join(config.Rootfs, "data")
				if err := os.Mkdir(dir, 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(dir+"/file", nil, 0o644); err != nil {
					t.Fatal(err)
				}
				if err := os.Chown(dir, 3, 4); err != nil {
					t.Fatal(err)
				}
				if err := unix.Chmod(dir, 0o1771); err != nil {
					t.Fatal(err)
				}
				want := tt.want + " rw"
				if ro {
					tt.mount.Flags |= unix.MS_RDONLY
					want = tt.want + " ro"
				}
				config.Mounts = append(config.Mounts, tt.mount)
				d := tt.mount.Destination
				got := runShell(t, config, "echo $(stat -c '%a %u:%g' "+d+") $(ls "+d+") $(awk '$5 == \""+d+"\" {print substr($6, 1, 2)}' /proc/self/mountinfo)")
				if got != want {
					t.Errorf("got %q, want %q", got, want)
				}
			})
		}
	}
}

// Links of a hostile root file system lead to its own files, never the host's.
func TestCopyUpHostileLinks(t *testing.T) {
	checkLeaks(t)
	secret := publicTempDir(t)
	if err := os.WriteFile(secret+"/secret", []byte("of the host"), 0o644); err != nil {
		t.Fatal(err)
	}
	depth := strings.Repeat("../", 20)
	for name, link := range map[string]string{
		"absolute": secret, "relative": depth + strings.TrimPrefix(secret, "/"), "proc": "/proc/self/root" + secret, "proc 1": "/proc/1/root" + secret,
	} {
		t.Run(name, func(t *testing.T) {
			config := newConfig(t)
			if err := os.Symlink(link, filepath.Join(config.Rootfs, "data")); err != nil {
				t.Fatal(err)
			}
			config.Mounts = append(config.Mounts, copyUp("/data", ""))
			p, out := shell("cat /data/secret; ls -A " + secret)
			container := newContainer(t, config)
			// Refused, or with a place in the root file system that is empty.
			if err := container.Start(p); err == nil {
				_, _ = p.Wait()
			}
			if out.stdout.Len() > 0 {
				t.Errorf("the container got %q", out.stdout.String())
			}
			if entries, err := os.ReadDir(secret); err != nil || len(entries) != 1 {
				t.Errorf("the host's directory has %v, %v", entries, err)
			}
		})
	}
	t.Run("inside", func(t *testing.T) {
		config := newConfig(t)
		dir := filepath.Join(config.Rootfs, "data")
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(secret, dir+"/dir"); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(secret+"/secret", dir+"/file"); err != nil {
			t.Fatal(err)
		}
		config.Mounts = append(config.Mounts, copyUp("/data", ""))
		if got := runShell(t, config, "cat /data/dir/secret /data/file 2>/dev/null; readlink /data/dir"); got != secret {
			t.Errorf("got %q", got)
		}
	})
}

// Somebody on the same volume exchanges a directory for a link all the time. The
// start may fail; the host's file never gets in.
func TestCopyUpRace(t *testing.T) {
	checkLeaks(t)
	secret := publicTempDir(t)
	if err := os.WriteFile(secret+"/file", []byte("of the host"), 0o644); err != nil {
		t.Fatal(err)
	}
	config := newConfig(t)
	data := filepath.Join(config.Rootfs, "data")
	for _, name := range []string{"a", "b", "c", "d"} {
		if err := os.MkdirAll(filepath.Join(data, name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(data, name, "file"), []byte("own"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(secret, data+"/link"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(secret+"/file", data+"/a/link"); err != nil {
		t.Fatal(err)
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
			}
			for _, pair := range [][2]string{{"b", "link"}, {"c", "link"}, {"d", "link"}, {"a/file", "a/link"}} {
				_ = unix.Renameat2(unix.AT_FDCWD, filepath.Join(data, pair[0]), unix.AT_FDCWD, filepath.Join(data, pair[1]), unix.RENAME_EXCHANGE)
			}
		}
	}()
	defer func() {
		close(stop)
		<-stopped
	}()
	config.Mounts = append(config.Mounts, copyUp("/data", ""))
	for range 20 {
		container := newContainer(t, config)
		p, out := shell("find /data -type f -exec cat {} +")
		if err := container.Start(p); err == nil {
			_, _ = p.Wait()
		}
		if strings.Contains(out.stdout.String(), "host") {
			t.Fatalf("the container got %q", out.stdout.String())
		}
		if err := container.Destroy(); err != nil {
			t.Fatal(err)
		}
	}
}

// What is mounted further below is a place, not copied.
func TestCopyUpLeavesMountsOut(t *testing.T) {
	config := newConfig(t)
	dir := filepath.Join(config.Rootfs, "data")
	if err := os.MkdirAll(dir+"/sub", 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/place", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	hostTmpfs(t, dir+"/mounted")
	if err := os.WriteFile(dir+"/mounted/file", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	config.Mounts = append(config.Mounts,
		&configs.Mount{Source: "/proc", Destination: "/data/sub", Device: "bind", Flags: unix.MS_BIND},
		&configs.Mount{Source: "/etc/passwd", Destination: "/data/place", Device: "bind", Flags: unix.MS_BIND},
		copyUp("/data", ""))
	if got := runShell(t, config, "find /data | sort"); got != "/data\n/data/mounted\n/data/sub" {
		t.Errorf("got %q", got)
	}
}

// A source that is protected against set-user-id programs stays so.
func TestCopyUpOfNosuid(t *testing.T) {
	config := newConfig(t)
	dir := filepath.Join(config.Rootfs, "data")
	hostTmpfs(t, dir)
	for name, mode := range map[string]uint32{"suid": 0o4755, "sgid": 0o2755} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := unix.Chmod(filepath.Join(dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_NOSUID, ""); err != nil {
		t.Fatal(err)
	}
	config.Mounts = append(config.Mounts, copyUp("/data", ""))
	if got := runShell(t, config, "stat -c %a /data/suid /data/sgid"); got != "755\n755" {
		t.Errorf("modes %q", got)
	}
}

// A file of a user who is not in the user namespace becomes root's.
func TestCopyUpOfUnmappedOwner(t *testing.T) {
	config := newConfig(t)
	withUserNS(t, config, 100000)
	config.UidMappings[0].Size, config.GidMappings[0].Size = 1000, 1000
	dir := filepath.Join(config.Rootfs, "data")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/file", []byte("text"), 0o644); err != nil {
		t.Fatal(err)
	}
	config.Mounts = append(config.Mounts, copyUp("/data", ""))
	if got := runShell(t, config, "cat /data/file; stat -c ' %u:%g' /data/file"); got != "text 0:0" {
		t.Errorf("got %q", got)
	}
}

func TestCopyUpErrors(t *testing.T) {
	t.Run("does not fit", func(t *testing.T) {
		config := newConfig(t)
		dir := filepath.Join(config.Rootfs, "data")
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(dir+"/big", make([]byte, 1<<20), 0o644); err != nil {
			t.Fatal(err)
		}
		config.Mounts = append(config.Mounts, copyUp("/data", "size=64k"))
		p, _ := shell("true")
		startFails(t, config, p, libcontainer.SystemError, "on /data", "copy up", "/big", "no space left")
	})
	t.Run("a file", func(t *testing.T) {
		config := newConfig(t)
		config.Mounts = append(config.Mounts, copyUp("/etc/passwd", ""))
		p, _ := shell("true")
		startFails(t, config, p, libcontainer.SystemError, "/etc/passwd", "not a directory")
	})
	t.Run("bind", func(t *testing.T) {
		config := newConfig(t)
		m := copyUp("/data", "")
		m.Source, m.Flags = "/etc", unix.MS_BIND
		config.Mounts = []*configs.Mount{m}
		createFails(t, config, "Mounts[0].CopyUp", "tmpfs")
	})
}
