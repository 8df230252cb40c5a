// Device nodes, the links of /dev, and standard descriptors that refer to the host's
// /dev/null, as operations of init.

package libcontainer

import (
	"encoding/binary"
	"fmt"
	"path"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/internal/program"
)

const (
	nullMajor, nullMinor = 1, 3
)

// setsUpDev tells whether devices are made: it is not so when /dev has been bound from
// elsewhere, when nothing asks for it, and in the host's own /dev.
func (p *initPlan) setsUpDev() bool {
	mounted := false
	for _, m := range p.config.Mounts {
		if destination(m) != "/dev" {
			continue
		}
		if m.IsBind() && m.Flags&unix.MS_REMOUNT == 0 {
			return false
		}
		mounted = true
	}
	if path.Clean(p.config.Rootfs) == "/" {
		return mounted
	}
	return mounted || len(p.config.Devices) > 0
}

func (r *rootfs) setUpDev() error {
	for _, d := range r.plan.config.Devices {
		if d.Path == "/dev/ptmx" {
			continue // the link below, to the container's own devpts
		}
		out := r.In("make device " + d.Path)
		err := r.makeDevice(d)
		out()
		if err != nil {
			return fmt.Errorf("make device %s: %w", d.Path, err)
		}
	}
	out := r.In("open /dev of the root file system")
	dev := r.mkdirAll(r.root, "/dev")
	out()
	r.linkDev(dev)
	r.reopenNull(dev)
	r.Close(dev)
	return nil
}

func (r *rootfs) linkDev(dev program.Reg) {
	for _, l := range []struct{ target, name string }{
		{"pts/ptmx", "ptmx"},
		{"/proc/self/fd", "fd"},
		{"/proc/self/fd/0", "stdin"},
		{"/proc/self/fd/1", "stdout"},
		{"/proc/self/fd/2", "stderr"},
		{"/proc/kcore", "core"},
	} {
		done := r.Label()
		if l.name == "core" {
			r.Do("look for /proc/kcore", unix.SYS_FACCESSAT, num(unix.AT_FDCWD), r.String(l.target), num(unix.F_OK))
			r.OrAny(done)
		}
		what := fmt.Sprintf("link /dev/%s to %s", l.name, l.target)
		link := func() {
			r.Do(what, unix.SYS_SYMLINKAT, r.String(l.target), dev.Arg(), r.String(l.name))
		}
		link()
		if l.name != "ptmx" {
			r.Ignore(unix.EEXIST) // what is there is good enough
		} else { // it must be that of the container's devpts
			taken := r.Label()
			r.Or(taken, unix.EEXIST)
			r.Later(func() {
				r.Bind(taken)
				r.Do(what+": remove what is there", unix.SYS_UNLINKAT, dev.Arg(), r.String(l.name), num(0))
				link()
				r.Jump(done)
			})
		}
		r.Bind(done)
	}
}

func deviceMode(d *configs.Device) (uint32, error) {
	switch d.Type {
	case 'c', 'u':
		return unix.S_IFCHR, nil
	case 'b':
		return unix.S_IFBLK, nil
	case 'p':
		return unix.S_IFIFO, nil
	}
	return 0, invalid(fmt.Errorf("unknown type %q: %w", d.Type, unix.EINVAL))
}

func (r *rootfs) makeDevice(d *configs.Device) error {
	typ, err := deviceMode(d)
	if err != nil {
		return err
	}
	dir, base := path.Split(path.Clean("/" + d.Path))
	parent := r.parent(dir)
	dev := unix.Mkdev(uint32(d.Major), uint32(d.Minor))
	if typ == unix.S_IFIFO {
		dev = 0
	}
	done := r.Label()
	if r.plan.inUserNS() && typ != unix.S_IFIFO {
		r.bindDevice(parent, base, d.Path, typ, d)
		return nil
	}
	perm := uint32(d.FileMode.Perm())
	made := r.Reg()
	unusual := r.Label()
	r.Set(made, "mknod", unix.SYS_MKNODAT, parent.Arg(), r.String(base), num(typ|perm), num(dev))
	r.Or(unusual, unix.EPERM, unix.EEXIST)
	if d.Uid != 0 || d.Gid != 0 {
		r.Do("chown", unix.SYS_FCHOWNAT, parent.Arg(), r.String(base), num(d.Uid), num(d.Gid), num(unix.AT_SYMLINK_NOFOLLOW))
	}
	r.Bind(done)
	r.Later(func() {
		taken := r.Label()
		r.Bind(unusual)
		r.isErrno(made, unix.EPERM, taken)
		r.bindDevice(parent, base, d.Path, typ, d)
		r.Jump(done)
		r.Bind(taken)
		r.reuseDevice(parent, base, d, typ)
		r.Jump(done)
	})
	r.Free(made)
	return nil
}

// parent makes and opens a directory once for all devices in it.
func (r *rootfs) parent(dir string) program.Reg {
	if fd, ok := r.parents[dir]; ok {
		return fd
	}
	if r.parents == nil {
		r.parents = make(map[string]program.Reg)
	}
	fd := r.mkdirAll(r.root, dir)
	r.parents[dir] = fd
	return fd
}

// reuseDevice takes a node that the root file system has already, if it is that
// device and nothing else that has its name.
func (r *rootfs) reuseDevice(parent program.Reg, base string, d *configs.Device, typ uint32) {
	fd := r.Reg()
	r.openAt(fd, parent, base, unix.O_PATH)
	r.verifyDevice(fd, typ, uint32(d.Major), uint32(d.Minor), "what is there is another file")
	// What is mounted there is somebody else's, as a rule the host's own node.
	mounted := r.Label()
	attributes := r.Load(r.stat(fd).At(statxAttributes), 8)
	r.Test(attributes.Arg(), num(unix.STATX_ATTR_MOUNT_ROOT), num(0), mounted)
	r.Free(attributes)
	// chmod by a descriptor of the kind O_PATH takes the name in /proc, which is the
	// host's here. Its number must be known now: the scratch descriptor's, which is
	// always open, so that no other file gets it.
	r.Do("dup3", unix.SYS_DUP3, fd.Arg(), num(r.plan.scratch), num(unix.O_CLOEXEC))
	r.Do("chmod", unix.SYS_FCHMODAT, num(unix.AT_FDCWD), r.String(r.plan.scratchPath()), num(uint32(d.FileMode.Perm())))
	r.Do("chown", unix.SYS_FCHOWNAT, fd.Arg(), r.String(""), num(d.Uid), num(d.Gid), num(unix.AT_EMPTY_PATH))
	r.Bind(mounted)
	r.Close(fd)
}

// verifyDevice fails unless a descriptor refers to that device, or to any file of that
// type that is no device.
func (s *script) verifyDevice(fd program.Reg, typ, major, minor uint32, what string) {
	st := s.stat(fd)
	wrong := s.Label()
	v := s.Load(st.At(statxMode), 2)
	s.Test(v.Arg(), num(unix.S_IFMT), num(typ), wrong)
	if typ != unix.S_IFIFO {
		s.LoadInto(v, st.At(statxRdevMajor), 4)
		s.Test(v.Arg(), num(-1), num(major), wrong)
		s.LoadInto(v, st.At(statxRdevMinor), 4)
		s.Test(v.Arg(), num(-1), num(minor), wrong)
	}
	s.Free(v)
	prefix, _ := s.Context()
	s.Later(func() {
		s.Bind(wrong)
		s.Tell(what, func(st []byte, _ []int) (*program.Program, error) {
			if len(st) != sizeofStatx {
				return nil, fmt.Errorf("%s%s: %w", prefix, what, unix.EEXIST)
			}
			return nil, fmt.Errorf("%s%s: what is there has mode %o and device %d:%d: %w", prefix, what,
				binary.NativeEndian.Uint16(st[statxMode:]), getUint32(st[statxRdevMajor:]), getUint32(st[statxRdevMinor:]), unix.EEXIST)
		}, st, num(sizeofStatx))
		s.Fail(what, unix.EEXIST)
	})
}

// bindDevice mounts the host's device where a node cannot be made.
func (r *rootfs) bindDevice(parent program.Reg, base, host string, typ uint32, d *configs.Device) {
	out := r.In("open the host's device")
	src := r.Get("open "+host, unix.SYS_OPENAT, num(unix.AT_FDCWD), r.String(host),
		num(unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC), num(0))
	out()
	r.verifyDevice(src, typ, uint32(d.Major), uint32(d.Minor), "the host's file is another one")
	out = r.In("make the place for the host's device")
	place := r.placeIn(parent, base)
	out()
	r.bindOnto(src, place, 0, false)
	r.Close(place)
	r.Close(src)
}

// placeIn makes an empty file in a directory, or takes what is there without opening it:
// that may be a device itself. No link is followed.
func (s *script) placeIn(parent program.Reg, base string) program.Reg {
	place := s.Reg()
	taken, made := s.Label(), s.Label()
	s.Set(place, "make file "+base, unix.SYS_OPENAT, parent.Arg(), s.String(base),
		num(unix.O_CREAT|unix.O_EXCL|unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC), num(0o644))
	s.Or(taken, unix.EEXIST)
	s.Jump(made)
	s.Bind(taken)
	s.openAt(place, parent, base, unix.O_PATH)
	s.isNot(place, unix.S_IFLNK, "a link is there", unix.EEXIST)
	s.isNot(place, unix.S_IFDIR, "a directory is there", unix.EEXIST)
	s.Bind(made)
	return place
}

// reopenNull replaces standard descriptors that refer to the host's /dev/null by
// the container's, which lies in a mount that the container can see.
func (r *rootfs) reopenNull(dev program.Reg) {
	var fds []int
	for fd, null := range r.plan.hostNull {
		if null {
			fds = append(fds, fd)
		}
	}
	if len(fds) == 0 {
		return
	}
	absent := r.Label()
	out := r.In("open /dev/null of the container")
	node := r.Reg()
	r.openAt(node, dev, "null", unix.O_PATH)
	r.Or(absent, unix.ENOENT) // a container without one
	r.verifyDevice(node, unix.S_IFCHR, nullMajor, nullMinor, "what is there is another file")
	r.Do("dup3", unix.SYS_DUP3, node.Arg(), num(r.plan.scratch), num(unix.O_CLOEXEC))
	null := r.Get("open", unix.SYS_OPENAT, num(unix.AT_FDCWD), r.String(r.plan.scratchPath()),
		num(unix.O_RDWR|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC), num(0))
	out()
	for _, fd := range fds {
		r.Do(fmt.Sprintf("replace standard descriptor %d", fd), unix.SYS_DUP3, null.Arg(), num(fd), num(0))
	}
	r.Close(null)
	r.Close(node)
	r.Bind(absent)
}
