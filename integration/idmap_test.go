//world:any

package integration

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
)

// owners makes a directory with a file of each id, named after it, that everybody
// may write to.
func owners(t *testing.T, ids ...int) string {
	t.Helper()
	dir := publicTempDir(t)
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		name := filepath.Join(dir, itoa(id))
		if err := os.WriteFile(name, []byte("of "+itoa(id)), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(name, id, id); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// wantOwner checks on the host whom a file belongs to.
func wantOwner(t *testing.T, name string, uid, gid int) {
	t.Helper()
	st, err := os.Lstat(name)
	if err != nil {
		t.Error(err)
		return
	}
	if sys := st.Sys().(*syscall.Stat_t); int(sys.Uid) != uid || int(sys.Gid) != gid {
		t.Errorf("%s belongs to %d:%d, want %d:%d", name, sys.Uid, sys.Gid, uid, gid)
	}
}

// withPlaces makes mount points, which the root of a user namespace may not.
func withPlaces(t *testing.T, config *configs.Config, names ...string) *configs.Config {
	t.Helper()
	for _, name := range names {
		if err := os.MkdirAll(filepath.Join(config.Rootfs, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return config
}

func idmapped(source, destination string, kind configs.MountIDMapping, maps ...configs.IDMap) *configs.Mount {
	return &configs.Mount{
		Source: source, Destination: destination, Device: "bind", Flags: unix.MS_BIND | unix.MS_REC,
		IDMapping: kind, UidMappings: maps, GidMappings: maps,
	}
}

// Files of a container with a user namespace belong on the host to the ids that
// the container sees.
func TestIDMappedMountOfUserNamespace(t *testing.T) {
	for name, maps := range map[string][]configs.IDMap{
		"single": {{ContainerID: 0, HostID: 100000, Size: 65536}},
		"split":  {{ContainerID: 0, HostID: 100000, Size: 5}, {ContainerID: 5, HostID: 300000, Size: 5}, {ContainerID: 10, HostID: 200000, Size: 2000}},
	} {
		for _, own := range []bool{true, false} {
			t.Run(name+map[bool]string{true: "", false: " repeated"}[own], func(t *testing.T) {
				config := withPlaces(t, newConfig(t), "data")
				withUserNS(t, config, 0)
				config.UidMappings, config.GidMappings = maps, maps
				dir := owners(t, 0, 7, 1000, 70000)
				m := idmapped(dir, "/data", configs.IDMapMount)
				if !own {
					m.UidMappings, m.GidMappings = maps, maps
				}
				config.Mounts = append(config.Mounts, m)
				p, out := shell("cd /data && stat -c '%u:%g' 0 7 1000 70000; cat 0 7 1000; cat 70000 2>&1; " +
					"echo made >made; chown 7:1000 made; touch other; stat -c '%u:%g' made other")
				config.CapabilitySets = nil
				config.Capabilities = append(config.Capabilities, "CAP_CHOWN", "CAP_DAC_OVERRIDE")
				got := runProcess(t, config, p, out)
				want := "0:0\n7:7\n1000:1000\n65534:65534\nof 0of 7of 1000cat: can't open '70000': Permission denied\n7:1000\n0:0"
				if got != want {
					t.Errorf("inside:\n%s\nwant:\n%s", got, want)
				}
				wantOwner(t, filepath.Join(dir, "made"), 7, 1000)
				wantOwner(t, filepath.Join(dir, "other"), 0, 0)
			})
		}
	}
}

// A mapping of the mount's own, with and without a user namespace: the ids of the
// disk 1000.. are shown as others.
func TestIDMappedMountWithOwnMappings(t *testing.T) {
	for name, tt := range map[string]struct {
		userns bool
		maps   []configs.IDMap
	}{
		"without user namespace": {false, []configs.IDMap{{ContainerID: 1000, HostID: 0, Size: 10}, {ContainerID: 0, HostID: 5000, Size: 1}}},
		"with user namespace":    {true, []configs.IDMap{{ContainerID: 1000, HostID: 100000, Size: 10}, {ContainerID: 0, HostID: 105000, Size: 1}}},
	} {
		t.Run(name, func(t *testing.T) {
			config := withPlaces(t, newConfig(t), "data", "plain")
			if tt.userns {
				withUserNS(t, config, 100000)
			}
			dir := owners(t, 1000, 1003, 0, 77)
			file := filepath.Join(owners(t, 1001), "1001")
			if err := os.WriteFile(filepath.Join(config.Rootfs, "file"), nil, 0o644); err != nil {
				t.Fatal(err)
			}
			config.Mounts = append(config.Mounts,
				idmapped(dir, "/data", configs.IDMapMount, tt.maps...),
				idmapped(file, "/file", configs.IDMapMount, tt.maps...),
				idmapped(dir, "/plain", configs.IDMapNone))
			got := runShell(t, config, "cd /data && stat -c '%u:%g' 1000 1003 0 77 /file; touch made; cat 1000; stat -c '%u:%g' /plain/1000")
			plain := "1000:1000"
			if tt.userns {
				plain = "65534:65534"
			}
			if want := "0:0\n3:3\n5000:5000\n65534:65534\n1:1\nof 1000" + plain; got != want {
				t.Errorf("inside:\n%s\nwant:\n%s", got, want)
			}
			wantOwner(t, filepath.Join(dir, "made"), 1000, 1000)
		})
	}
}

// Who has no id on the disk cannot make files there.
func TestIDMappedMountRefusesUnmapped(t *testing.T) {
	config := newConfig(t)
	config.Mounts = append(config.Mounts, idmapped(owners(t), "/data", configs.IDMapMount,
		configs.IDMap{ContainerID: 1000, HostID: 1000, Size: 1}))
	got := runShell(t, config, "touch /data/made 2>&1; ls /data | wc -l")
	if want := "touch: /data/made: Value too large for defined data type\n0"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// hostTmpfs mounts a tmpfs of the host's for the time of the test.
func hostTmpfs(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	hostMount(t, "lctest", dir, "tmpfs", 0)
}

func TestRecursiveIDMapping(t *testing.T) {
	for kind, want := range map[configs.MountIDMapping]string{
		configs.IDMapMount:     "0\n1000",
		configs.IDMapRecursive: "0\n0",
	} {
		t.Run(string(kind), func(t *testing.T) {
			config := newConfig(t)
			dir := owners(t, 1000)
			sub, other := filepath.Join(dir, "sub"), publicTempDir(t)
			if err := errors.Join(os.Mkdir(sub, 0o755), os.Chown(other, 1000, 1000)); err != nil {
				t.Fatal(err)
			}
			// Of a file system whose ids can be mapped: tmpfs is one since Linux 6.3.
			hostMount(t, other, sub, "", unix.MS_BIND)
			config.Mounts = append(config.Mounts, idmapped(dir, "/data", kind, configs.IDMap{ContainerID: 1000, HostID: 0, Size: 1}))
			if got := runShell(t, config, "stat -c %u /data/1000 /data/sub"); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

// The host's mounts protect their files in an idmapped copy, too: a container with
// all privileges in its user namespace cannot take that away.
func TestIDMappedMountKeepsLockedFlags(t *testing.T) {
	config := withPlaces(t, newConfig(t), "data")
	withUserNS(t, config, 100000)
	dir := publicTempDir(t)
	hostMount(t, dir, dir, "", unix.MS_BIND)
	if err := unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		t.Fatal(err)
	}
	config.Mounts = append(config.Mounts, idmapped(dir, "/data", configs.IDMapMount),
		&configs.Mount{Source: "tmpfs", Destination: "/mnt", Device: "tmpfs", Flags: unix.MS_RDONLY})
	config.CapabilitySets = nil
	config.Capabilities = append(config.Capabilities, "CAP_SYS_ADMIN")
	got := runShell(t, config, "mount -o remount,bind,rw /mnt && echo its own; for o in rw suid dev exec; do mount -o remount,bind,ro,nosuid,nodev,noexec,$o /data 2>/dev/null && echo $o; done; "+
		"awk '$5 == \"/data\" {print $6}' /proc/self/mountinfo; stat -c %u /data")
	if want := "its own\nro,nosuid,nodev,noexec,relatime,idmapped\n0"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A command before the mount makes its source, as with any bind mount.
func TestIDMappedMountAfterCommand(t *testing.T) {
	config := newConfig(t)
	dir := publicTempDir(t)
	m := idmapped(dir+"/made", "/data", configs.IDMapMount, configs.IDMap{ContainerID: 0, HostID: 42, Size: 1})
	m.PremountCmds = []configs.Command{{Path: "/bin/mkdir", Args: []string{dir + "/made"}}}
	config.Mounts = append(config.Mounts, m)
	if got := runShell(t, config, "stat -c %u /data"); got != "42" {
		t.Errorf("it belongs to %s", got)
	}
}

func TestIDMappedMountOfJoinedUserNamespace(t *testing.T) {
	config := withPlaces(t, newConfig(t), "data")
	withUserNS(t, config, 100000)
	first := newContainer(t, config)
	p, _ := startBlocked(t, first)
	pid, err := p.Pid()
	if err != nil {
		t.Fatal(err)
	}
	second := withPlaces(t, configFor(newRootfs(t), t.Name()+"-2"), "data")
	second.Namespaces.Add(configs.NEWUSER, "/proc/"+itoa(pid)+"/ns/user")
	dir := owners(t, 7)
	second.Mounts = append(second.Mounts, idmapped(dir, "/data", configs.IDMapMount))
	if got := runShell(t, second, "stat -c %u /data/7; touch /data/made"); got != "7" {
		t.Errorf("it belongs to %s", got)
	}
	wantOwner(t, filepath.Join(dir, "made"), 0, 0)
}

// Exec sees the same, and a handle that another process could have loaded too.
func TestExecSeesIDMappedMount(t *testing.T) {
	config := withPlaces(t, newConfig(t), "data")
	withUserNS(t, config, 100000)
	dir := owners(t, 7)
	config.Mounts = append(config.Mounts, idmapped(dir, "/data", configs.IDMapMount))
	container := newContainer(t, config)
	startBlocked(t, container)
	p, out := shell("stat -c %u /data/7; touch /data/made")
	if err := container.Start(p); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Wait(); err != nil || out.stdout.String() != "7\n" {
		t.Errorf("output %q %q, error %v", out.stdout.String(), out.stderr.String(), err)
	}
	wantOwner(t, filepath.Join(dir, "made"), 0, 0)
}

func TestIDMappedMountErrors(t *testing.T) {
	one := configs.IDMap{ContainerID: 0, HostID: 1000, Size: 1}
	for name, tt := range map[string]struct {
		mount *configs.Mount
		code  libcontainer.ErrorCode
		texts []string
	}{
		"file system without support": {idmapped("/proc/sys", "/data", configs.IDMapMount, one), libcontainer.SystemError,
			[]string{"/proc/sys", "/data", "does not support idmapped mounts"}},
		"file system below": {idmapped("/proc", "/data", configs.IDMapRecursive, one), libcontainer.SystemError,
			[]string{"/data", "or one mounted below it"}},
		"no source": {idmapped("/nosuch/dir", "/data", configs.IDMapMount, one), libcontainer.ConfigInvalid,
			[]string{"/nosuch/dir"}},
	} {
		t.Run(name, func(t *testing.T) {
			config := newConfig(t)
			config.Mounts = append(config.Mounts, tt.mount)
			p, _ := shell("true")
			startFails(t, config, p, tt.code, tt.texts...)
		})
	}
	t.Run("idmapped already", func(t *testing.T) {
		checkLeaks(t)
		dir := owners(t)
		mapAlready(t, dir)
		config := newConfig(t)
		config.Mounts = append(config.Mounts, idmapped(dir, "/data", configs.IDMapMount, one))
		p, _ := shell("true")
		startFails(t, config, p, libcontainer.SystemError, dir, "idmapped already")
	})
	t.Run("overlap", func(t *testing.T) {
		config := newConfig(t)
		m := idmapped("/etc", "/data", configs.IDMapMount, one, configs.IDMap{ContainerID: 5, HostID: 1000, Size: 1})
		config.Mounts = []*configs.Mount{m}
		createFails(t, config, "Mounts[0].UidMappings[0] and [1] overlap on the host")
	})
	t.Run("nothing to map by", func(t *testing.T) {
		config := newConfig(t)
		config.Mounts = []*configs.Mount{idmapped("/etc", "/data", configs.IDMapMount)}
		createFails(t, config, "Mounts[0].IDMapping", "NEWUSER")
	})
}

// mapAlready puts an idmapped mount of a directory on itself.
func mapAlready(t *testing.T, dir string) {
	t.Helper()
	cmd := exec.Command("sleep", "1000")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: 2000, Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: 2000, Size: 1}},
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	userns, err := os.Open("/proc/" + itoa(cmd.Process.Pid) + "/ns/user")
	if err != nil {
		t.Fatal(err)
	}
	defer userns.Close()
	tree, err := unix.OpenTree(unix.AT_FDCWD, dir, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(tree)
	attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_IDMAP, Userns_fd: uint64(userns.Fd())}
	if err := unix.MountSetattr(tree, "", unix.AT_EMPTY_PATH, &attr); err != nil {
		t.Fatal(err)
	}
	if err := unix.MoveMount(tree, "", unix.AT_FDCWD, dir, unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Errorf("unmount %s: %v", dir, err)
		}
	})
}

// Several hundred ranges, up to what the kernel takes.
func TestManyMappings(t *testing.T) {
	ranges := func(n, width int) (maps []configs.IDMap) {
		for i := range n {
			maps = append(maps, configs.IDMap{ContainerID: i, HostID: width + n - i, Size: 1})
		}
		return maps
	}
	t.Run("340", func(t *testing.T) {
		config := newConfig(t)
		withUserNS(t, config, 0)
		config.UidMappings, config.GidMappings = ranges(340, 1000), ranges(340, 1000)
		for i := range config.Mounts {
			if config.Mounts[i].Device == "devpts" {
				config.Mounts[i].Data = "newinstance,ptmxmode=0666"
			}
		}
		p, out := shell("wc -l </proc/self/uid_map; sed -n 340p /proc/self/gid_map | awk '{print $1, $2, $3}'; id -u")
		p.User = "339"
		if got := runProcess(t, config, p, out); got != "340\n339 1001 1\n339" {
			t.Errorf("inside %q", got)
		}
	})
	for name, tt := range map[string]struct {
		maps []configs.IDMap
		text string
	}{
		"341":       {ranges(341, 1000), "UidMappings have 341 entries, and the kernel takes 340"},
		"long text": {ranges(330, 1000000000), "the kernel takes less than " + strconv.Itoa(os.Getpagesize())},
	} {
		t.Run(name, func(t *testing.T) {
			config := newConfig(t)
			withUserNS(t, config, 0)
			config.UidMappings = tt.maps
			if os.Getpagesize() > 4096 && name == "long text" {
				t.Skip("a page of this machine takes all mappings that fit otherwise")
			}
			createFails(t, config, tt.text)
		})
	}
}

// Attributes of the whole tree reach mounts below; flags do not.
func TestRecursiveAttributes(t *testing.T) {
	inside := "for d in /data /data/sub; do awk -v d=$d '$5 == d {print $6}' /proc/self/mountinfo; done"
	for name, tt := range map[string]struct {
		edit func(*configs.Mount)
		want string
	}{
		"none":      {func(*configs.Mount) {}, "rw,relatime\nrw,nosuid,relatime"},
		"ro":        {func(m *configs.Mount) { m.Flags |= unix.MS_RDONLY }, "ro,relatime\nrw,nosuid,relatime"},
		"rro":       {func(m *configs.Mount) { m.RecAttrSet = unix.MOUNT_ATTR_RDONLY }, "ro,relatime\nro,nosuid,relatime"},
		"ro but rw": {func(m *configs.Mount) { m.Flags |= unix.MS_RDONLY; m.RecAttrClear = unix.MOUNT_ATTR_RDONLY }, "rw,relatime\nrw,nosuid,relatime"},
		"rsuid":     {func(m *configs.Mount) { m.RecAttrClear = unix.MOUNT_ATTR_NOSUID }, "rw,relatime\nrw,relatime"},
		"all": {func(m *configs.Mount) {
			m.RecAttrSet = unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC |
				unix.MOUNT_ATTR_NODIRATIME | unix.MOUNT_ATTR_NOATIME | unix.MOUNT_ATTR_NOSYMFOLLOW
			m.RecAttrClear = unix.MOUNT_ATTR__ATIME
		}, "ro,nosuid,nodev,noexec,noatime,nodiratime,nosymfollow\nro,nosuid,nodev,noexec,noatime,nodiratime,nosymfollow"},
		"rstrictatime": {func(m *configs.Mount) {
			m.RecAttrSet, m.RecAttrClear = unix.MOUNT_ATTR_STRICTATIME, unix.MOUNT_ATTR__ATIME
		}, "rw\nrw,nosuid"},
	} {
		t.Run(name, func(t *testing.T) {
			config := newConfig(t)
			dir := publicTempDir(t)
			hostTmpfs(t, dir)
			hostTmpfs(t, dir+"/sub")
			if err := unix.Mount("", dir+"/sub", "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_NOSUID, ""); err != nil {
				t.Fatal(err)
			}
			m := idmapped(dir, "/data", configs.IDMapNone)
			tt.edit(m)
			config.Mounts = append(config.Mounts, m)
			if got := runShell(t, config, inside); got != tt.want {
				t.Errorf("inside:\n%s\nwant:\n%s", got, tt.want)
			}
			// The host's own mounts are as they were.
			for _, line := range lines(t, "/proc/self/mountinfo") {
				if f := strings.Fields(line); f[4] == dir && f[5] != "rw,relatime" || f[4] == dir+"/sub" && f[5] != "rw,nosuid,relatime" {
					t.Errorf("on the host: %s", line)
				}
			}
		})
	}
	t.Run("of a file system and a remount", func(t *testing.T) {
		config := newConfig(t)
		config.Mounts = append(config.Mounts,
			&configs.Mount{Source: "tmpfs", Destination: "/data", Device: "tmpfs"},
			&configs.Mount{Source: "tmpfs", Destination: "/data/sub", Device: "tmpfs", RecAttrSet: unix.MOUNT_ATTR_NOEXEC},
			&configs.Mount{Destination: "/data", Flags: unix.MS_BIND | unix.MS_REMOUNT, RecAttrSet: unix.MOUNT_ATTR_RDONLY})
		if got, want := runShell(t, config, inside), "ro,relatime\nro,noexec,relatime"; got != want {
			t.Errorf("inside:\n%s\nwant:\n%s", got, want)
		}
	})
	t.Run("locked in a user namespace", func(t *testing.T) {
		config := withPlaces(t, newConfig(t), "data")
		withUserNS(t, config, 100000)
		dir := publicTempDir(t)
		hostTmpfs(t, dir)
		if err := unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, ""); err != nil {
			t.Fatal(err)
		}
		m := idmapped(dir, "/data", configs.IDMapNone)
		m.RecAttrClear = unix.MOUNT_ATTR_RDONLY
		config.Mounts = append(config.Mounts, m)
		p, _ := shell("true")
		startFails(t, config, p, libcontainer.SystemError, dir, "attributes of the whole tree", "operation not permitted")
	})
	t.Run("unknown", func(t *testing.T) {
		config := newConfig(t)
		config.Mounts = []*configs.Mount{{Source: "/etc", Destination: "/data", Flags: unix.MS_BIND, RecAttrSet: unix.MOUNT_ATTR_IDMAP}}
		createFails(t, config, "Mounts[0].RecAttrSet")
	})
}

func TestRecursiveAttributesOfCgroups(t *testing.T) {
	config := newConfig(t)
	config.Mounts = append(config.Mounts, &configs.Mount{
		Source: "cgroup", Destination: "/sys/fs/cgroup", Device: "cgroup", RecAttrSet: unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOEXEC,
	})
	got := runShell(t, config, "awk '$5 ~ /^.sys.fs.cgroup/ {print $6}' /proc/self/mountinfo")
	all := strings.Split(got, "\n")
	if len(all) < 2 && !unifiedOnly(t) {
		t.Errorf("mounts %q", got)
	}
	for _, options := range all { // besides those of the host's mounts
		if has := strings.Split(options, ","); !slices.Contains(has, "ro") || !slices.Contains(has, "noexec") {
			t.Errorf("a mount has the options %s", options)
		}
	}
}
