package validate

import (
	"testing"

	"github.com/libcontainer/libcontainer/configs"
	"golang.org/x/sys/unix"
)

func TestMountIDMappings(t *testing.T) {
	one := []configs.IDMap{{ContainerID: 0, HostID: 1000, Size: 1}}
	overlapping := []configs.IDMap{{ContainerID: 0, HostID: 1000, Size: 10}, {ContainerID: 9, HostID: 2000, Size: 1}}
	// with edits a good idmapped mount of a container without user namespace.
	with := func(edit func(*configs.Mount)) func(*configs.Config) {
		return func(c *configs.Config) {
			m := &configs.Mount{
				Source: "/srv", Destination: "/data", Device: "bind", Flags: unix.MS_BIND,
				IDMapping: configs.IDMapMount, UidMappings: one, GidMappings: one,
			}
			edit(m)
			c.Mounts = []*configs.Mount{m}
		}
	}
	maps := func(uids, gids []configs.IDMap) func(*configs.Config) {
		return with(func(m *configs.Mount) { m.UidMappings, m.GidMappings = uids, gids })
	}
	run(t, []testCase{
		{"own", with(func(*configs.Mount) {}), ""},
		{"recursive", with(func(m *configs.Mount) { m.IDMapping = configs.IDMapRecursive }), ""},
		{"the container's", func(c *configs.Config) {
			maps(nil, nil)(c)
			c.Namespaces.Add(configs.NEWUSER, "")
			c.UidMappings, c.GidMappings = one, one
		}, ""},
		{"of a joined namespace", func(c *configs.Config) {
			maps(nil, nil)(c)
			c.Namespaces.Add(configs.NEWUSER, "/proc/1/ns/user")
		}, ""},
		{"none", maps(nil, nil), "Mounts[0].IDMapping needs UidMappings and GidMappings, or a NEWUSER"},
		{"uids only", maps(one, nil), "Mounts[0].GidMappings are empty"},
		{"gids only", maps(nil, one), "Mounts[0].UidMappings are empty"},
		{"overlap", maps(one, overlapping), "Mounts[0].GidMappings[0] and [1] overlap inside"},
		{"bad range", maps([]configs.IDMap{{ContainerID: -1, HostID: 1000, Size: 1}}, one), "Mounts[0].UidMappings[0].ContainerID"},
		{"unknown kind", with(func(m *configs.Mount) { m.IDMapping = "rid" }), `Mounts[0].IDMapping "rid"`},
		{"uids without kind", with(func(m *configs.Mount) { m.IDMapping = "" }), "Mounts[0].UidMappings need an IDMapping"},
		{"gids without kind", with(func(m *configs.Mount) { m.IDMapping, m.UidMappings = "", nil }), "Mounts[0].GidMappings need an IDMapping"},
		{"not a bind", with(func(m *configs.Mount) { m.Device, m.Flags = "tmpfs", 0 }), "only for new bind mounts"},
		{"a remount", with(func(m *configs.Mount) { m.Flags |= unix.MS_REMOUNT }), "only for new bind mounts"},
	})
}

func TestMappingLimits(t *testing.T) {
	ranges := func(n, host int) func(*configs.Config) {
		return func(c *configs.Config) {
			c.Namespaces.Add(configs.NEWUSER, "")
			c.UidMappings = []configs.IDMap{{ContainerID: 0, HostID: 0, Size: 1}}
			c.GidMappings = nil
			for i := range n {
				c.GidMappings = append(c.GidMappings, configs.IDMap{ContainerID: i, HostID: host + i, Size: 1})
			}
		}
	}
	run(t, []testCase{
		{"several", ranges(50, 1000000000), ""},
		{"as many as the kernel takes", ranges(340, 1), ""},
		{"one more", ranges(341, 1), "GidMappings have 341 entries, and the kernel takes 340"},
	})
	// A page of more than 8 KiB takes 340 of the longest lines.
	if err := mappingText("x", 5000, 4096); err == nil {
		t.Error("text of more than a page was accepted")
	}
	if err := mappingText("x", 4096, 4096); err == nil {
		t.Error("text of a page was accepted")
	}
	if err := mappingText("x", 4095, 4096); err != nil {
		t.Error(err)
	}
}

func TestRecursiveAttributes(t *testing.T) {
	attrs := func(set, clear uint64) func(*configs.Config) {
		return func(c *configs.Config) {
			c.Mounts = []*configs.Mount{{Source: "/srv", Destination: "/data", Flags: unix.MS_BIND, RecAttrSet: set, RecAttrClear: clear}}
		}
	}
	const all = unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC |
		unix.MOUNT_ATTR_NODIRATIME | unix.MOUNT_ATTR_NOSYMFOLLOW
	run(t, []testCase{
		{"set all", attrs(all, 0), ""},
		{"clear all", attrs(0, all|unix.MOUNT_ATTR__ATIME), ""},
		{"set and clear", attrs(unix.MOUNT_ATTR_RDONLY, unix.MOUNT_ATTR_NOEXEC), ""},
		{"noatime", attrs(unix.MOUNT_ATTR_NOATIME, unix.MOUNT_ATTR__ATIME), ""},
		{"strictatime", attrs(unix.MOUNT_ATTR_STRICTATIME, unix.MOUNT_ATTR__ATIME), ""},
		{"relatime", attrs(unix.MOUNT_ATTR_RELATIME, unix.MOUNT_ATTR__ATIME), ""},
		{"both", attrs(unix.MOUNT_ATTR_RDONLY|unix.MOUNT_ATTR_NODEV, unix.MOUNT_ATTR_RDONLY), "Mounts[0].RecAttrSet and RecAttrClear both have 0x1"},
		{"noatime alone", attrs(unix.MOUNT_ATTR_NOATIME, 0), "MOUNT_ATTR__ATIME"},
		{"a part of atime", attrs(0, unix.MOUNT_ATTR_NOATIME), "a part of MOUNT_ATTR__ATIME"},
		{"two atimes", attrs(unix.MOUNT_ATTR_NOATIME|unix.MOUNT_ATTR_STRICTATIME, unix.MOUNT_ATTR__ATIME), "more than one access time"},
		{"id mapping", attrs(unix.MOUNT_ATTR_IDMAP, 0), "Mounts[0].RecAttrSet has the unknown attributes 0x100000"},
		{"unknown", attrs(0, 1<<40), "Mounts[0].RecAttrClear has the unknown attributes"},
	})
}

func TestCopyUp(t *testing.T) {
	with := func(device string, flags int) func(*configs.Config) {
		return func(c *configs.Config) {
			c.Mounts = []*configs.Mount{{Source: "/srv", Destination: "/data", Device: device, Flags: flags, CopyUp: true}}
		}
	}
	run(t, []testCase{
		{"tmpfs", with("tmpfs", unix.MS_NOSUID|unix.MS_RDONLY), ""},
		{"bind", with("bind", unix.MS_BIND), "Mounts[0].CopyUp is only for"},
		{"remount", with("tmpfs", unix.MS_REMOUNT), "Mounts[0].CopyUp is only for"},
		{"another file system", with("proc", 0), "Mounts[0].CopyUp is only for"},
	})
}

func TestFlagsClear(t *testing.T) {
	bind := func(flags, clear int) func(*configs.Config) {
		return func(c *configs.Config) {
			c.Mounts = []*configs.Mount{{
				Source: "/srv", Destination: "/data", Device: "bind", Flags: unix.MS_BIND | flags, FlagsClear: clear,
			}}
		}
	}
	run(t, []testCase{
		{"all", bind(0, unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC|unix.MS_NOSYMFOLLOW|
			unix.MS_NODIRATIME|unix.MS_NOATIME|unix.MS_RELATIME|unix.MS_STRICTATIME), ""},
		{"others set", bind(unix.MS_REC|unix.MS_NOSUID|unix.MS_STRICTATIME, unix.MS_RDONLY|unix.MS_NOATIME), ""},
		{"a remount", bind(unix.MS_REMOUNT, unix.MS_RDONLY), ""},
		{"both", bind(unix.MS_RDONLY|unix.MS_NOEXEC, unix.MS_RDONLY|unix.MS_NOSUID), "Mounts[0].Flags and FlagsClear both have 0x1"},
		{"of the file system", bind(0, unix.MS_NOEXEC|unix.MS_SYNCHRONOUS), "Mounts[0].FlagsClear has 0x10"},
		{"bind itself", bind(0, unix.MS_BIND), "Mounts[0].FlagsClear has 0x1000"},
		{"not a bind", func(c *configs.Config) {
			c.Mounts = []*configs.Mount{{Source: "tmpfs", Destination: "/data", Device: "tmpfs", FlagsClear: unix.MS_NOEXEC}}
		}, "Mounts[0].FlagsClear is only for bind mounts"},
	})
}
