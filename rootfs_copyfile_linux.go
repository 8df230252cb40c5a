// The copy of one file of a directory that is copied, see rootfs_copyup_linux.go, with
// its attributes.

package libcontainer

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/internal/program"
)

// file copies a regular file that is open as a path, and so opens that one and no other.
func (c *copier) file(fd, name program.Reg) {
	c.do("dup3", unix.SYS_DUP3, fd.Arg(), num(c.plan.scratch), num(unix.O_CLOEXEC))
	in, out := c.Reg(), c.Reg()
	c.call(in, "open", nil, unix.SYS_OPENAT, num(unix.AT_FDCWD), c.String(c.plan.scratchPath()),
		num(unix.O_RDONLY|unix.O_CLOEXEC), num(0))
	c.call(out, "make the copy", nil, unix.SYS_OPENAT, c.to.Arg(), name.Arg(),
		num(unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC), num(0o600))
	size := c.Load(c.st.At(statxSize), 8)
	c.data(in, out, size)
	c.attributes(in, out, c.owners(), true)
	c.close(in)
	c.close(out)
	c.Free(in, out, size)
}

// data copies the first size bytes of a file, and leaves out its holes.
func (c *copier) data(in, out, size program.Reg) {
	offset, start, end, n := c.Reg(), c.Reg(), c.Reg(), c.Reg()
	whole, found, done := c.Label(), c.Label(), c.Label()
	c.do("set the size of the copy", unix.SYS_FTRUNCATE, out.Arg(), size.Arg())
	c.Add(offset, num(0), num(0))
	next := c.Here()
	c.Less(offset.Arg(), size.Arg(), done)
	c.call(start, "find data", []expected{
		{unix.ENXIO, done},   // a hole to the end
		{unix.EINVAL, whole}, // the file system does not tell
	}, unix.SYS_LSEEK, in.Arg(), offset.Arg(), num(unix.SEEK_DATA))
	c.Less(start.Arg(), size.Arg(), done)
	c.call(end, "find the end of data", []expected{{unix.ENXIO, done}}, // it has been cut since
		unix.SYS_LSEEK, in.Arg(), start.Arg(), num(unix.SEEK_HOLE))
	c.Less(size.Arg(), end.Arg(), found)
	c.Add(end, size.Arg(), num(0))
	c.Bind(found)
	c.Later(func() {
		c.Bind(whole)
		c.Add(start, offset.Arg(), num(0))
		c.Add(end, size.Arg(), num(0))
		c.Jump(found)
	})
	c.do("seek in the copy", unix.SYS_LSEEK, out.Arg(), start.Arg(), num(unix.SEEK_SET))
	word := c.Space(8)
	c.Store(word, start.Arg(), 8)
	copied, some := c.Label(), c.Label()
	loop := c.Here()
	c.Less(start.Arg(), end.Arg(), copied)
	c.Sub(n, end.Arg(), start.Arg())
	c.call(n, "write", nil, unix.SYS_SENDFILE, out.Arg(), in.Arg(), word, n.Arg())
	c.Test(n.Arg(), num(-1), num(0), some)
	c.Jump(done) // it has been cut since
	c.Bind(some)
	c.LoadInto(start, word, 8)
	c.Jump(loop)
	c.Bind(copied)
	c.Add(offset, end.Arg(), num(0))
	c.Jump(next)
	c.Bind(done)
	c.Free(offset, start, end, n)
}

func (c *copier) link(fd, name program.Reg) {
	end := c.Reg()
	target := c.memory.Arg()
	c.call(end, "read link", nil, unix.SYS_READLINKAT, fd.Arg(), c.String(""), target, num(unix.PathMax))
	c.Add(end, target, end.Arg())
	c.Store(end.Arg(), num(0), 1)
	c.do("symlink", unix.SYS_SYMLINKAT, target, c.to.Arg(), name.Arg())
	c.chown(c.to, name.Arg(), unix.AT_SYMLINK_NOFOLLOW, c.owners())
	c.setTimes(c.to, name.Arg(), unix.AT_SYMLINK_NOFOLLOW)
	c.Free(end)
}

// owners are where the owner and mode of a file are to be found.
type owners struct{ uid, gid, mode program.Arg }

func (c *copier) owners() owners {
	return owners{uid: c.st.At(statxUid), gid: c.st.At(statxGid), mode: c.st.At(statxMode)}
}

// plain sets what any file but a link has.
func (c *copier) plain(name program.Reg) {
	c.chown(c.to, name.Arg(), unix.AT_SYMLINK_NOFOLLOW, c.owners())
	mode := c.mode(c.st.At(statxMode), false)
	c.do("chmod", unix.SYS_FCHMODAT, c.to.Arg(), name.Arg(), mode.Arg())
	c.Free(mode)
	c.setTimes(c.to, name.Arg(), unix.AT_SYMLINK_NOFOLLOW)
}

// attributes gives a file or directory that is open owner, mode, extended attributes
// and times, in an order in which none of them undoes another.
func (c *copier) attributes(from, to program.Reg, o owners, regular bool) {
	c.chown(to, c.String(""), unix.AT_EMPTY_PATH, o)
	mode := c.mode(o.mode, regular)
	c.do("chmod", unix.SYS_FCHMOD, to.Arg(), mode.Arg())
	c.Free(mode)
	c.xattrs(from, to)
	c.setTimes(to, num(0), 0)
}

// mode loads a mode, of which the kernel takes the permissions only. A file whose
// set-user-id bit has no effect does not get one that has.
func (c *copier) mode(at program.Arg, regular bool) program.Reg {
	mode := c.Load(at, 2)
	if !regular {
		return mode
	}
	end := c.Label()
	c.Test(c.fsFlags.Arg(), num(unix.ST_NOSUID), num(unix.ST_NOSUID), end)
	for _, bit := range []uint32{unix.S_ISUID, unix.S_ISGID} {
		unset := c.Label()
		c.Test(mode.Arg(), num(bit), num(bit), unset)
		c.Sub(mode, mode.Arg(), num(bit))
		c.Bind(unset)
	}
	c.Bind(end)
	return mode
}

// chown leaves a file with its maker, the container's root, if the owner is not known
// in our user namespace.
func (c *copier) chown(dir program.Reg, name program.Arg, flags int, o owners) {
	keep := num(-1)
	uid, gid := c.Load(o.uid, 4), c.Load(o.gid, 4)
	for _, ids := range [][2]program.Arg{{uid.Arg(), keep}, {keep, gid.Arg()}} {
		next := c.Label()
		c.call(program.NoReg, "chown", []expected{{unix.EINVAL, next}}, unix.SYS_FCHOWNAT,
			dir.Arg(), name, ids[0], ids[1], num(flags))
		c.Bind(next)
	}
	c.Free(uid, gid)
}

// setTimes sets the times of c.st. Without a name they are those of the file to.
func (c *copier) setTimes(to program.Reg, name program.Arg, flags int) {
	v := c.Reg()
	for i, at := range []int{statxAtime, statxMtime} {
		c.LoadInto(v, c.st.At(at), 8)
		c.Store(c.times.At(16*i), v.Arg(), 8)
		c.LoadInto(v, c.st.At(at+8), 4)
		c.Store(c.times.At(16*i+8), v.Arg(), 8)
	}
	c.Free(v)
	c.do("set times", unix.SYS_UTIMENSAT, to.Arg(), name, c.times, num(flags))
}

// xattrs copies what belongs to the content. Security labels belong to the place, and
// what the tmpfs does not know is not missed there.
func (c *copier) xattrs(from, to program.Reg) {
	n, name, v := c.Reg(), c.Reg(), c.Reg()
	none, privileged := c.Label(), c.Label()
	c.call(n, "list extended attributes", []expected{{unix.EOPNOTSUPP, none}}, unix.SYS_FLISTXATTR,
		from.Arg(), c.memory.Arg(), num(xattrSize))
	c.Less(num(0), n.Arg(), none) // as most files
	for _, name := range []string{"system.posix_acl_access", "system.posix_acl_default"} {
		c.xattr(from, to, c.String(name), " "+name)
	}
	c.Test(c.fsFlags.Arg(), num(unix.ST_NOSUID), num(0), privileged)
	c.xattr(from, to, c.String("security.capability"), " security.capability")
	c.Bind(privileged)

	// The names, each with a NUL.
	c.Add(name, c.memory.Arg(), num(0))
	c.Add(n, name.Arg(), n.Arg())
	next := c.Here()
	c.Less(name.Arg(), n.Arg(), none)
	skip := c.Label()
	c.LoadInto(v, name.Arg(), 4)
	c.Test(v.Arg(), num(-1), num(binary.NativeEndian.Uint32([]byte("user"))), skip)
	c.Add(c.at, name.Arg(), num(4))
	c.LoadInto(v, c.at.Arg(), 1)
	c.Test(v.Arg(), num(-1), num(uint32('.')), skip)
	c.Add(c.detail, name.Arg(), num(0))
	c.xattr(from, to, name.Arg(), "")
	c.Add(c.detail, num(0), num(0))
	c.Bind(skip)
	c.LoadInto(v, name.Arg(), 1)
	c.Add(name, name.Arg(), num(1))
	c.Test(v.Arg(), num(-1), num(0), skip)
	c.Jump(next)
	c.Bind(none)
	c.Free(n, name, v)
}

func (c *copier) xattr(from, to program.Reg, name program.Arg, what string) {
	n := c.Reg()
	none := c.Label()
	value := c.Reg()
	c.Add(value, c.memory.Arg(), num(xattrSize))
	c.call(n, "read extended attribute"+what, []expected{{unix.ENODATA, none}, {unix.EOPNOTSUPP, none}, {unix.EPERM, none}},
		unix.SYS_FGETXATTR, from.Arg(), name, value.Arg(), num(xattrSize))
	c.call(program.NoReg, "set extended attribute"+what, []expected{{unix.EOPNOTSUPP, none}, {unix.EPERM, none}},
		unix.SYS_FSETXATTR, to.Arg(), name, value.Arg(), n.Arg(), num(0))
	c.Bind(none)
	c.Free(n, value)
}
