// The host's side: the mounts of a restored container. Criu loses flags of some: a second
// mount of one directory comes back writable, whatever it was. They are set again, and all
// that is otherwise not as it was is refused.

package libcontainer

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/internal/thread"
)

// restoredMount is a mount of the record, and what there is of it.
type restoredMount struct {
	want   checkpointMount
	has    *mountinfo.Info
	source *hostMount // nil if it is the container's own
	top    bool       // no other lies on the same point
}

func (r *restore) verifyMounts(init int) error {
	list, err := r.pairMounts(init)
	if err != nil {
		return err
	}
	ns, err := r.ref.Namespace("mnt")
	if err != nil {
		return err
	}
	defer ns.Close()
	return inMountNamespace(ns, func() error {
		for _, m := range list {
			if err := m.settle(); err != nil {
				return fmt.Errorf("mount %s: %w", m.want.Point, err)
			}
		}
		return verifyConfigured(r.config)
	})
}

// pairMounts finds each mount of the record among those that there are.
func (r *restore) pairMounts(init int) ([]restoredMount, error) {
	mounts, err := readMounts(init)
	if err != nil {
		return nil, err
	}
	at := make(map[string][]*mountinfo.Info)
	for _, m := range mounts {
		at[m.Mountpoint] = append(at[m.Mountpoint], m)
	}
	var out []restoredMount
	for i, want := range r.record.Mounts {
		there := at[want.Point]
		if len(there) == 0 {
			return nil, notTheContainer("the mount %s (%s) is missing", want.Point, want.Type)
		}
		m := restoredMount{want: want, has: there[0], top: len(there) == 1}
		at[want.Point] = there[1:]
		if j := slices.IndexFunc(r.host.mounts, func(h hostMount) bool { return h.index == i }); j >= 0 {
			m.source = &r.host.mounts[j]
		}
		if err := m.compare(); err != nil {
			return nil, fmt.Errorf("mount %s: %w", want.Point, err)
		}
		out = append(out, m)
	}
	for point, more := range at {
		if len(more) > 0 {
			return nil, notTheContainer("there is a mount on %s (%s) that the container did not have", point, more[0].FSType)
		}
	}
	return out, nil
}

func (m *restoredMount) compare() error {
	if m.has.FSType != m.want.Type && m.source == nil {
		return notTheContainer("it is of type %s, and was of %s", m.has.FSType, m.want.Type)
	}
	if m.source == nil && m.want.Point != "/" && m.want.Type != "cgroup" && m.has.Root != m.want.Root {
		return notTheContainer("it is of %s, and was of %s", m.has.Root, m.want.Root)
	}
	if !m.top && m.wrongFlags() {
		return notTheContainer("it has the flags %q, and had %q, and another mount lies on it", mountOptions(m.has), m.want.Options)
	}
	return nil
}

// mountFlags are the flags of a mount in mountinfo, and what mount_setattr(2) calls them.
var mountFlags = []struct {
	name string
	attr uint64
}{
	{"ro", unix.MOUNT_ATTR_RDONLY},
	{"nosuid", unix.MOUNT_ATTR_NOSUID},
	{"nodev", unix.MOUNT_ATTR_NODEV},
	{"noexec", unix.MOUNT_ATTR_NOEXEC},
	{"nodiratime", unix.MOUNT_ATTR_NODIRATIME},
	{"nosymfollow", unix.MOUNT_ATTR_NOSYMFOLLOW},
}

// flagAttrs gives the attributes of a mount by its options.
func flagAttrs(options []string) (attrs uint64) {
	for _, f := range mountFlags {
		if slices.Contains(options, f.name) {
			attrs |= f.attr
		}
	}
	switch {
	case slices.Contains(options, "noatime"):
		attrs |= unix.MOUNT_ATTR_NOATIME
	case !slices.Contains(options, "relatime"): // which is 0
		attrs |= unix.MOUNT_ATTR_STRICTATIME
	}
	return attrs
}

func (m *restoredMount) wrongFlags() bool {
	return flagAttrs(mountOptions(m.has)) != flagAttrs(m.want.Options)
}

// settle gives a mount its flags, and makes sure that it is of what it is to be of. It is called
// in the container's mount namespace.
func (m *restoredMount) settle() error {
	if !m.top {
		return nil
	}
	fd, err := openInRoot(m.want.Point)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	var st unix.Statx_t
	if err := unix.Statx(fd, "", unix.AT_EMPTY_PATH, unix.STATX_MNT_ID, &st); err != nil {
		return os.NewSyscallError("statx", err)
	}
	if st.Mnt_id != uint64(m.has.ID) {
		return notTheContainer("another mount lies on it")
	}
	if m.source != nil {
		id, err := identify(fd)
		if err != nil {
			return err
		}
		if id != m.source.id {
			return notTheContainer("it is not of %s", m.source.source)
		}
		if err := m.rejoin(fd); err != nil {
			return err
		}
	}
	if !m.wrongFlags() {
		return nil
	}
	attr := unix.MountAttr{Attr_set: flagAttrs(m.want.Options), Attr_clr: unix.MOUNT_ATTR__ATIME}
	for _, f := range mountFlags {
		if attr.Attr_set&f.attr == 0 {
			attr.Attr_clr |= f.attr
		}
	}
	if err := unix.MountSetattr(fd, "", unix.AT_EMPTY_PATH, &attr); err != nil {
		return fmt.Errorf("set its flags again: %w", os.NewSyscallError("mount_setattr", err))
	}
	return nil
}

// rejoin makes a mount a peer of the host's again if it was one. Criu makes a new peer group for it: what is
// mounted on it would no more be seen on the host, and the other way round.
func (m *restoredMount) rejoin(fd int) error {
	if !m.want.Peer {
		return nil
	}
	attr := unix.MountAttr{Propagation: unix.MS_PRIVATE}
	if err := unix.MountSetattr(fd, "", unix.AT_EMPTY_PATH, &attr); err != nil {
		return fmt.Errorf("leave the peer group that criu made: %w", os.NewSyscallError("mount_setattr", err))
	}
	const flags = unix.MOVE_MOUNT_SET_GROUP | unix.MOVE_MOUNT_F_EMPTY_PATH | unix.MOVE_MOUNT_T_EMPTY_PATH
	if err := unix.MoveMount(m.source.tree, "", fd, "", flags); err != nil {
		return fmt.Errorf("join the peer group of %s: %w", m.source.source, os.NewSyscallError("move_mount", err))
	}
	return nil
}

// openInRoot opens what a path is of in the calling thread's root, without opening the file itself.
func openInRoot(name string) (int, error) {
	how := unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS}
	root, err := unix.Open("/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, &os.PathError{Op: "open", Path: "/", Err: err}
	}
	defer unix.Close(root)
	fd, err := unix.Openat2(root, name, &how)
	if err != nil {
		return -1, &os.PathError{Op: "open", Path: name, Err: err}
	}
	return fd, nil
}

// verifyConfigured looks whether what the configuration asks for is there, whatever the record says.
// It is called in the container's mount namespace.
func verifyConfigured(config *configs.Config) error {
	if config.Readonlyfs {
		if err := hasFlags("/", unix.MS_RDONLY); err != nil {
			return err
		}
	}
	for i, m := range config.Mounts {
		later := slices.ContainsFunc(config.Mounts[i+1:], func(o *configs.Mount) bool { return destination(o) == destination(m) })
		if later || m.Device == "cgroup" && m.Flags&unix.MS_RDONLY == 0 {
			continue
		}
		if err := hasFlags(destination(m), m.Flags); err != nil {
			return err
		}
	}
	for _, name := range distinct(config.ReadonlyPaths) {
		if err := hasFlags(name, unix.MS_RDONLY); err != nil {
			return err
		}
	}
	for _, name := range expandMasks(config.MaskPaths, filepath.Glob) {
		if err := isMasked(name); err != nil {
			return err
		}
	}
	return nil
}

// hasFlags looks whether a path, if there is one, is in a mount with flags of mount(2).
func hasFlags(name string, flags int) error {
	fd, err := openInRoot(name)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	var st unix.Statfs_t
	if err := unix.Fstatfs(fd, &st); err != nil {
		return &os.PathError{Op: "statfs", Path: name, Err: err}
	}
	for _, f := range []struct {
		name     string
		want, is int
	}{
		{"read-only", unix.MS_RDONLY, unix.ST_RDONLY},
		{"nosuid", unix.MS_NOSUID, unix.ST_NOSUID},
		{"nodev", unix.MS_NODEV, unix.ST_NODEV},
		{"noexec", unix.MS_NOEXEC, unix.ST_NOEXEC},
	} {
		if flags&f.want != 0 && st.Flags&int64(f.is) == 0 {
			return notTheContainer("%s is not %s, as the configuration wants it", name, f.name)
		}
	}
	return nil
}

// isMasked looks whether a path, if there is one, is covered as maskPaths covers it.
func isMasked(name string) error {
	fd, err := openInRoot(name)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	id, err := identify(fd)
	if err != nil {
		return err
	}
	if !id.dir {
		if id.rdev != unix.Mkdev(nullMajor, nullMinor) {
			return notTheContainer("%s is not masked", name)
		}
		return nil
	}
	var st unix.Statfs_t
	if err := unix.Fstatfs(fd, &st); err != nil {
		return &os.PathError{Op: "statfs", Path: name, Err: err}
	}
	if st.Type != unix.TMPFS_MAGIC || st.Flags&unix.ST_RDONLY == 0 {
		return notTheContainer("%s is not masked", name)
	}
	return nil
}

// inMountNamespace runs f on a thread of its own in another mount namespace, whose root is
// its root. The thread is not used again.
func inMountNamespace(ns *os.File, f func() error) error {
	return thread.Do(func() error {
		err := unix.Unshare(unix.CLONE_FS)
		if err == nil {
			err = unix.Setns(int(ns.Fd()), unix.CLONE_NEWNS)
		}
		if err != nil {
			return fmt.Errorf("enter the container's mount namespace: %w", err)
		}
		return f()
	})
}
