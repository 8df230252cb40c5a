// The container's side: a tmpfs that is filled with what it covers.
//
// What is copied is hostile, and may change meanwhile: by a link, or an exchange
// of a directory for a link, it must not make us read a file of the host. So one
// name is looked up at a time, in a directory that is open, following no link;
// and what was found is used by its descriptor. A device or fifo is never opened,
// and of a file that grows not more is read than it had.
// The tmpfs is attached nowhere until all is there: its names are our own.

package initproc

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
)

// mountCopy mounts a tmpfs with a copy of the directory below.
func (r *Rootfs) mountCopy(m *configs.Mount) error {
	target, err := r.target(m, true)
	if err != nil {
		return err
	}
	defer unix.Close(target)
	if tooLong(m.Source, m.Data) {
		return invalidError{fmt.Errorf("with CopyUp no option may be longer than %d bytes: %w", maxValue, unix.EINVAL)}
	}
	mount, err := newMount(m.Device, m.Source, m.Data, m.Flags&^unix.MS_RDONLY)
	if err != nil {
		return err
	}
	defer unix.Close(mount)
	if err := copyUp(target, mount, m.Data); err != nil {
		return fmt.Errorf("copy up: %w", err)
	}
	if m.Flags&unix.MS_RDONLY != 0 {
		if err := setAttrs(mount, unix.MOUNT_ATTR_RDONLY, false, false); err != nil {
			return err
		}
	}
	return r.place(m, mount, target)
}

// copyUp copies what is in the directory source to the new file system mount,
// whose options are data.
func copyUp(source, mount int, data string) error {
	dir, err := openSelf(source)
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	root, err := openSelf(mount)
	if err != nil {
		return err
	}
	defer unix.Close(root)
	c := new(copier)
	var fs unix.Statfs_t
	if err := unix.Fstatfs(dir, &fs); err != nil {
		return err
	}
	c.noSuid = fs.Flags&unix.ST_NOSUID != 0
	if err := c.children(dir, root, "/"); err != nil {
		return err
	}
	var st unix.Stat_t
	if err := unix.Fstat(dir, &st); err != nil {
		return err
	}
	if err := rootOptions(data, root, &st); err != nil {
		return err
	}
	return c.attributes(dir, root, &st)
}

// rootOptions changes the attributes to give to the root of a tmpfs to what its
// own options have set.
func rootOptions(data string, root int, st *unix.Stat_t) error {
	var own unix.Stat_t
	if err := unix.Fstat(root, &own); err != nil {
		return err
	}
	for _, option := range splitOptions(data) {
		switch key, _, _ := strings.Cut(option, "="); key {
		case "mode":
			st.Mode = own.Mode
		case "uid":
			st.Uid = own.Uid
		case "gid":
			st.Gid = own.Gid
		}
	}
	return nil
}

// copier copies files with their attributes.
type copier struct {
	noSuid bool // the source's set-user-id bits and file capabilities have no effect

	// buf is shared by all steps, since init does not collect garbage. It has
	// the size of the largest extended attribute, and list of them (xattr(7)).
	buf [64 << 10]byte
}

// openSelf opens for reading the directory that a descriptor refers to.
func openSelf(dir int) (int, error) {
	return unix.Openat(dir, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
}

// children copies all entries of a directory. The path is for errors alone.
func (c *copier) children(from, to int, at string) error {
	names, err := c.readNames(from)
	if err != nil {
		return fmt.Errorf("read directory %s: %w", at, err)
	}
	for _, name := range names {
		if err := c.entry(from, to, name, path.Join(at, name)); err != nil {
			return err
		}
	}
	return nil
}

func (c *copier) readNames(dir int) (names []string, err error) {
	for {
		n, err := unix.ReadDirent(dir, c.buf[:])
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || n == 0 {
			return names, err
		}
		_, _, names = unix.ParseDirent(c.buf[:n], -1, names) // without "." and ".."
	}
}

func (c *copier) entry(from, to int, name, at string) error {
	fd, err := openAt(from, name, unix.O_PATH)
	if errors.Is(err, unix.ENOENT) {
		return nil // somebody has removed it since
	}
	if err != nil {
		return fmt.Errorf("open %s: %w", at, err)
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return fmt.Errorf("stat %s: %w", at, err)
	}
	mounted, err := isMount(fd)
	if err != nil {
		return fmt.Errorf("stat %s: %w", at, err)
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		return c.dir(fd, to, name, at, &st, mounted)
	case unix.S_IFREG:
		if !mounted {
			err = c.file(fd, to, name, &st)
		}
	case unix.S_IFLNK:
		err = c.link(fd, to, name, &st)
	case unix.S_IFIFO, unix.S_IFSOCK:
		err = c.special(to, name, &st)
	}
	if err != nil {
		return fmt.Errorf("copy %s: %w", at, err)
	}
	return nil
}

func (c *copier) dir(fd, to int, name, at string, st *unix.Stat_t, mounted bool) error {
	if err := unix.Mkdirat(to, name, 0o700); err != nil {
		return fmt.Errorf("make %s: %w", at, err)
	}
	made, err := openAt(to, name, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return fmt.Errorf("open the copy of %s: %w", at, err)
	}
	defer unix.Close(made)
	if mounted { // only a place for it
		return c.plain(to, name, st)
	}
	sub, err := openSelf(fd)
	if err != nil {
		return fmt.Errorf("open directory %s: %w", at, err)
	}
	defer unix.Close(sub)
	if err := c.children(sub, made, at); err != nil {
		return err
	}
	if err := unix.Fstat(sub, st); err != nil {
		return fmt.Errorf("stat %s: %w", at, err)
	}
	if err := c.attributes(sub, made, st); err != nil {
		return fmt.Errorf("copy %s: %w", at, err)
	}
	return nil
}

// file copies a regular file that is open as a path, and so opens that one and no
// other.
func (c *copier) file(fd, to int, name string, st *unix.Stat_t) error {
	in, err := unix.Open(fmt.Sprintf("/proc/self/fd/%d", fd), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	defer unix.Close(in)
	out, err := openNew(to, name)
	if err != nil {
		return err
	}
	defer unix.Close(out)
	if err := copyData(in, out, st.Size); err != nil {
		return err
	}
	return c.attributes(in, out, st)
}

func isMount(fd int) (bool, error) {
	var st unix.Statx_t
	err := unix.Statx(fd, "", unix.AT_EMPTY_PATH, 0, &st)
	return st.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0, err
}

func openNew(to int, name string) (int, error) {
	const flags = unix.O_WRONLY | unix.O_CREAT | unix.O_EXCL | unix.O_NOFOLLOW | unix.O_CLOEXEC
	return unix.Openat(to, name, flags, 0o600)
}

// copyData copies the first size bytes of a file, and leaves out its holes.
func copyData(in, out int, size int64) error {
	if err := unix.Ftruncate(out, size); err != nil {
		return err
	}
	for offset := int64(0); offset < size; {
		start, end, err := nextData(in, offset, size)
		if err != nil {
			return err
		}
		if _, err := unix.Seek(out, start, unix.SEEK_SET); err != nil {
			return err
		}
		for start < end {
			n, err := unix.Sendfile(out, in, &start, int(min(end-start, 1<<30)))
			if errors.Is(err, unix.EINTR) {
				continue
			}
			if err != nil {
				return err
			}
			if n == 0 {
				return nil // it has been cut since
			}
		}
		offset = end
	}
	return nil
}

// nextData gives the next part of a file that holds data, see lseek(2).
func nextData(fd int, offset, size int64) (start, end int64, err error) {
	start, err = unix.Seek(fd, offset, unix.SEEK_DATA)
	switch {
	case errors.Is(err, unix.ENXIO) || err == nil && start >= size:
		return size, size, nil // a hole to the end
	case errors.Is(err, unix.EINVAL):
		return offset, size, nil // the file system does not tell
	case err != nil:
		return 0, 0, err
	}
	end, err = unix.Seek(fd, start, unix.SEEK_HOLE)
	if err != nil {
		return 0, 0, err
	}
	return start, min(end, size), nil
}

func (c *copier) link(fd, to int, name string, st *unix.Stat_t) error {
	target, err := readlinkAt(fd, "")
	if err != nil {
		return err
	}
	if err := unix.Symlinkat(target, to, name); err != nil {
		return err
	}
	if err := c.chown(to, name, unix.AT_SYMLINK_NOFOLLOW, st); err != nil {
		return err
	}
	return setTimes(to, name, unix.AT_SYMLINK_NOFOLLOW, st)
}

// special makes a fifo or a socket, which is no more than a name.
func (c *copier) special(to int, name string, st *unix.Stat_t) error {
	if err := unix.Mknodat(to, name, st.Mode&unix.S_IFMT|0o600, 0); err != nil {
		return err
	}
	return c.plain(to, name, st)
}

// plain sets what any file but a link has.
func (c *copier) plain(dir int, name string, st *unix.Stat_t) error {
	if err := c.chown(dir, name, unix.AT_SYMLINK_NOFOLLOW, st); err != nil {
		return err
	}
	if err := unix.Fchmodat(dir, name, c.mode(st), 0); err != nil {
		return err
	}
	return setTimes(dir, name, unix.AT_SYMLINK_NOFOLLOW, st)
}

// attributes gives a file or directory that is open owner, mode, extended
// attributes and times, in an order in which none of them undoes another.
func (c *copier) attributes(from, to int, st *unix.Stat_t) error {
	if err := c.chown(to, "", unix.AT_EMPTY_PATH, st); err != nil {
		return err
	}
	if err := unix.Fchmod(to, c.mode(st)); err != nil {
		return err
	}
	if err := c.xattrs(from, to); err != nil {
		return err
	}
	return setTimes(to, "", unix.AT_EMPTY_PATH, st)
}

func (c *copier) mode(st *unix.Stat_t) uint32 {
	mode := st.Mode & 0o7777
	if c.noSuid && st.Mode&unix.S_IFMT == unix.S_IFREG {
		mode &^= unix.S_ISUID | unix.S_ISGID
	}
	return mode
}

// chown leaves a file with its maker, the container's root, if the owner is not
// known in our user namespace.
func (c *copier) chown(dir int, name string, flags int, st *unix.Stat_t) error {
	for _, id := range [][2]int{{int(st.Uid), -1}, {-1, int(st.Gid)}} {
		err := unix.Fchownat(dir, name, id[0], id[1], flags)
		if err != nil && !errors.Is(err, unix.EINVAL) {
			return fmt.Errorf("chown to %d:%d: %w", st.Uid, st.Gid, err)
		}
	}
	return nil
}

func setTimes(dir int, name string, flags int, st *unix.Stat_t) error {
	times := []unix.Timespec{st.Atim, st.Mtim}
	if err := unix.UtimesNanoAt(dir, name, times, flags); err != nil {
		return fmt.Errorf("set times: %w", err)
	}
	return nil
}

// xattrs copies what belongs to the content. Security labels belong to the
// place, and what the tmpfs does not know is not missed there.
func (c *copier) xattrs(from, to int) error {
	names, err := c.listXattrs(from)
	if err != nil {
		return fmt.Errorf("list extended attributes: %w", err)
	}
	for _, name := range names {
		if !c.copiesXattr(name) {
			continue
		}
		n, err := unix.Fgetxattr(from, name, c.buf[:])
		if errors.Is(err, unix.ENODATA) {
			continue
		}
		if err == nil {
			err = unix.Fsetxattr(to, name, c.buf[:n], 0)
		}
		if err != nil && !errors.Is(err, unix.EOPNOTSUPP) && !errors.Is(err, unix.EPERM) {
			return fmt.Errorf("extended attribute %s: %w", name, err)
		}
	}
	return nil
}

func (c *copier) copiesXattr(name string) bool {
	switch name {
	case "system.posix_acl_access", "system.posix_acl_default":
		return true
	case "security.capability":
		return !c.noSuid
	}
	return strings.HasPrefix(name, "user.")
}

func (c *copier) listXattrs(fd int) ([]string, error) {
	n, err := unix.Flistxattr(fd, c.buf[:])
	if errors.Is(err, unix.EOPNOTSUPP) || err == nil && n == 0 {
		return nil, nil // as most files
	}
	if err != nil {
		return nil, err
	}
	return strings.Split(strings.TrimRight(string(c.buf[:n]), "\x00"), "\x00"), nil
}
