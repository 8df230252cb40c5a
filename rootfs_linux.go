// The container's root file system, from the host's mounts to pivot_root(2), as
// operations of init. Everything is mounted before the root changes, while the host's
// procfs and devices can still be named; init parses no mountinfo.

package libcontainer

import (
	"cmp"
	"fmt"
	"path"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/internal/program"
)

// setUpRoot sets up the root file system and makes it the root. The working
// directory is "/" then.
func (p *initPlan) setUpRoot(s *script) error {
	if !p.config.Namespaces.Contains(configs.NEWNS) {
		p.chroot(s)
		p.makeCwdInside(s)
		p.openTerminalInside(s)
		return nil
	}
	r := &rootfs{script: s, plan: p}
	// Targets and devices that are made have exactly the mode that is asked for.
	r.Do("umask", unix.SYS_UMASK, num(0))
	r.openRoot()
	for i, m := range p.config.Mounts {
		if err := r.mountEntry(i, m); err != nil {
			return err
		}
	}
	if p.setsUpDev() {
		if err := r.setUpDev(); err != nil {
			return err
		}
	}
	if p.process.MakeCwd {
		p.makeCwd(s, r.root)
	}
	switch {
	case p.ownTerminal:
		r.mountConsole(p.openTerminal(s, r.root))
	case p.terminal:
		r.mountConsole(r.findTerminal())
	}
	r.hidePaths()
	for _, mount := range r.late {
		out := r.In("make a mount read-only")
		r.addAttrs(mount, unix.MOUNT_ATTR_RDONLY, false, false)
		out()
		r.Close(mount)
	}
	if p.config.Readonlyfs {
		out := r.In("make root read-only")
		r.addAttrs(r.root, unix.MOUNT_ATTR_RDONLY, false, false)
		out()
	}
	r.Do("umask", unix.SYS_UMASK, num(p.umask()))
	for _, fd := range r.parents {
		r.Close(fd)
	}
	if err := p.beforePivot(s); err != nil {
		return err
	}
	if p.config.NoPivotRoot {
		r.moveRoot()
	} else {
		r.pivotRoot()
	}
	r.Close(r.root)
	return nil
}

// chroot is for a container that shares the mount namespace of somebody else,
// in which it must not mount anything.
func (p *initPlan) chroot(s *script) {
	root := p.config.Rootfs
	s.Do("change to root file system "+root, unix.SYS_CHDIR, s.String(root))
	if root != "/" {
		s.Do("chroot to "+root, unix.SYS_CHROOT, s.String("."))
	}
}

// openRoot cuts the mount namespace off from the host's and makes the root file
// system a mount, on top of its own path. That path is resolved once, and through no
// link: Create has seen to it that it has none, and who owns a directory on the way may
// have put one there since.
func (r *rootfs) openRoot() {
	flags := r.plan.config.RootPropagation
	switch {
	case flags == 0:
		flags = unix.MS_SLAVE | unix.MS_REC
	case flags&unix.MS_UNBINDABLE != 0:
		flags = unix.MS_PRIVATE | flags&unix.MS_REC // what is unbindable cannot be copied, as the root will be
	}
	r.Do(fmt.Sprintf("set propagation of / to %#x", flags), unix.SYS_MOUNT, num(0), r.String("/"), num(0), num(flags), num(0))
	shared := flags&unix.MS_REC == 0 || flags&(unix.MS_SLAVE|unix.MS_PRIVATE) == 0
	if r.plan.config.Overlay != nil {
		if shared {
			r.makeSlashSlave()
		}
		r.openOverlay()
		return
	}
	name := r.plan.config.Rootfs
	out := r.In("root file system " + name)
	defer out()
	r.Blame(true)
	dir := r.openHostDir(name)
	closed, opened := r.Label(), r.Label()
	if r.plan.inUserNS() {
		r.Or(closed, unix.EACCES)
	}
	r.Blame(false)
	if shared {
		// What is mounted on it must not appear on the host, and pivot_root refuses
		// a shared parent.
		out := r.In("make its mount a slave")
		r.makeParentSlave(dir)
		out()
	}
	r.root, r.onTop = r.Reg(), r.Reg()
	r.Add(r.onTop, num(0), num(0))
	r.Set(r.root, "clone: open_tree", unix.SYS_OPEN_TREE, dir.Arg(), r.String(""),
		num(unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_EMPTY_PATH|unix.AT_RECURSIVE))
	r.mapRoot(r.root, name)
	r.attach(r.root, dir)
	r.Do("close", unix.SYS_CLOSE, dir.Arg())
	r.Bind(opened)
	// pivot_root refuses a shared root; its propagation is set afterwards. As a slave
	// it gets what the host mounts there later.
	r.setPropagation(r.root, unix.MS_SLAVE)
	if r.plan.inUserNS() {
		r.Later(func() {
			r.Bind(closed)
			r.Ask("have the host open it", func([]byte, []int) (*program.Program, error) {
				return openTreeFor(r.root, name, treeFlags{recursive: true, noLinks: true})
			}, r.String(""), num(0))
			r.mapRoot(r.root, name)
			// The path cannot be reached: any place does that is below no mount of ours.
			place := r.openSlash()
			r.attach(r.root, place)
			r.Close(place)
			r.Add(r.onTop, num(1), num(0))
			r.Jump(opened)
		})
	}
	r.Free(dir)
}

// makeSlashSlave is makeParentSlave for a root that will lie on /.
func (r *rootfs) makeSlashSlave() {
	out := r.In("make the mount of / a slave")
	slash := r.openSlash()
	r.makeParentSlave(slash)
	r.Close(slash)
	out()
}

// makeParentSlave finds the mount that holds a directory: the nearest one above it
// that statx(2) says is the root of one.
func (r *rootfs) makeParentSlave(dir program.Reg) {
	fd, next := r.Reg(), r.Reg()
	r.Set(fd, "duplicate descriptor", unix.SYS_FCNTL, dir.Arg(), num(unix.F_DUPFD_CLOEXEC), num(0))
	found, up := r.Label(), r.Label()
	again := r.Here()
	attrs := r.Load(r.stat(fd).At(statxAttributes), 8)
	r.Test(attrs.Arg(), num(unix.STATX_ATTR_MOUNT_ROOT), num(unix.STATX_ATTR_MOUNT_ROOT), up)
	r.Jump(found)
	r.Bind(up)
	r.Set(next, "open ..", unix.SYS_OPENAT, fd.Arg(), r.String(".."), num(unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC), num(0))
	r.moveReg(fd, next)
	r.Jump(again)
	r.Bind(found)
	r.setPropagation(fd, unix.MS_SLAVE)
	r.Free(attrs, next)
	r.Close(fd)
}

// pivotRoot changes the root without a directory for the old one: that is
// stacked on the new and taken off, see NOTES of pivot_root(2).
func (r *rootfs) pivotRoot() {
	old := r.Get("open old root", unix.SYS_OPENAT, num(unix.AT_FDCWD), r.String("/"),
		num(unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC), num(0))
	dot := r.String(".")
	r.Do("change to new root", unix.SYS_FCHDIR, r.root.Arg())
	r.Do("pivot_root to "+cmp.Or(r.plan.config.Rootfs, "the root of layers"), unix.SYS_PIVOT_ROOT, dot, dot)
	r.Do("change to old root", unix.SYS_FCHDIR, old.Arg())
	// Unmounting must not reach the host.
	r.Do("make old root a slave", unix.SYS_MOUNT, num(0), dot, num(0), num(unix.MS_SLAVE|unix.MS_REC), num(0))
	r.Do("unmount old root", unix.SYS_UMOUNT2, dot, num(unix.MNT_DETACH))
	r.Close(old)
	r.enterRoot()
}

// moveRoot is for a root from which pivot_root is refused, such as an initramfs. The
// host's mounts below would stay, and among them its procfs and sysfs, for as long as
// which a user namespace inside may mount bare ones: so they are taken off.
func (r *rootfs) moveRoot() {
	r.Do("change to new root", unix.SYS_FCHDIR, r.root.Arg())
	// What is mounted on a shared / would be mounted on the host's too.
	r.Do("make / private", unix.SYS_MOUNT, num(0), r.String("/"), num(0), num(unix.MS_PRIVATE), num(0))
	for _, name := range r.plan.hostMounts {
		// That must not reach the host.
		r.Do("make the host's "+name+" a slave", unix.SYS_MOUNT, num(0), r.String(name), num(0), num(unix.MS_SLAVE|unix.MS_REC), num(0))
		r.Ignore(unix.EINVAL, unix.ENOENT, unix.ENOTDIR)
		r.Do("unmount the host's "+name, unix.SYS_UMOUNT2, r.String(name), num(unix.MNT_DETACH))
		r.Ignore(unix.EINVAL, unix.ENOENT, unix.ENOTDIR)
	}
	there := r.Label()
	r.Test(r.onTop.Arg(), num(-1), num(0), there)
	slash := r.openSlash()
	out := r.In("move root file system to /")
	r.attach(r.root, slash)
	out()
	r.Close(slash)
	r.Bind(there)
	r.Do("chroot to new root", unix.SYS_CHROOT, r.String("."))
	r.enterRoot()
}

func (r *rootfs) enterRoot() {
	r.Do("change to /", unix.SYS_CHDIR, r.String("/"))
	if flags := r.plan.config.RootPropagation; flags != 0 {
		r.Do(fmt.Sprintf("set propagation of the container's / to %#x", flags), unix.SYS_MOUNT,
			num(0), r.String("/"), num(0), num(flags), num(0))
	}
}

// findTerminal opens the terminal that came from the host as a place.
func (r *rootfs) findTerminal() program.Reg {
	out := r.In("find the terminal")
	link := r.Space(unix.PathMax)
	n := r.Get("read link /proc/self/fd/0", unix.SYS_READLINKAT, num(unix.AT_FDCWD), r.String("/proc/self/fd/0"),
		link, num(unix.PathMax-1))
	r.Free(n)
	// The descriptor itself belongs to a mount of the host's namespace, which cannot
	// be copied to ours. That the path leads to the same terminal is checked.
	slave := r.Get("open", unix.SYS_OPENAT, num(unix.AT_FDCWD), link, num(unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC), num(0))
	std := r.Reg()
	r.Add(std, num(0), num(0))
	want, got := r.stat(std), r.stat(slave)
	a, b := r.Reg(), r.Reg()
	for _, field := range []int{32 /* stx_ino */, statxRdevMajor, 136 /* stx_dev_major and minor */} {
		r.LoadInto(a, want.At(field), 8)
		r.LoadInto(b, got.At(field), 8)
		r.Check("the path is another terminal's", a.Arg(), num(-1), b.Arg(), unix.ENXIO)
	}
	out()
	r.Free(std, a, b)
	return slave
}

// mountConsole binds the terminal onto /dev/console, so that programs which open that
// get it.
func (r *rootfs) mountConsole(slave program.Reg) {
	out := r.In("make /dev/console")
	dev := r.mkdirAll(r.root, "/dev")
	target := r.placeIn(dev, "console")
	r.Close(dev)
	out()
	typ := r.fsType(target)
	ok := r.Label()
	r.Test(typ.Arg(), num(-1), num(unix.PROC_SUPER_MAGIC), ok)
	r.blame("mount the terminal on /dev/console: it would cover a part of procfs", unix.EPERM)
	r.Bind(ok)
	out = r.In("mount the terminal on /dev/console")
	r.bindOnto(slave, target, 0, false)
	out()
	r.Free(typ)
	r.Close(slave)
	r.Close(target)
}

// hidePaths makes paths read-only, and hides others.
func (r *rootfs) hidePaths() {
	for _, name := range distinct(r.plan.config.ReadonlyPaths) {
		out := r.In("make " + name + " read-only")
		absent := r.Label()
		fd := r.openPath(r.root, name, absent)
		r.bindOnto(fd, fd, unix.MOUNT_ATTR_RDONLY, true)
		r.Close(fd)
		r.Bind(absent)
		out()
	}
	if len(r.plan.masks) > 0 {
		r.maskPaths()
	}
}

// distinct gives each path once, however it is written.
func distinct(paths []string) (out []string) {
	for _, p := range paths {
		if p = path.Clean("/" + p); !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out
}

// maskPaths covers directories with an empty one, and everything else with the host's
// null device, which no container can have replaced. One of each is shared by all.
func (r *rootfs) maskPaths() {
	empty := r.newMount("tmpfs", "tmpfs", []string{"mode=755", "nr_blocks=1", "nr_inodes=1"},
		unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC)
	attached := r.Reg()
	r.Add(attached, num(0), num(0))
	null := r.Get("open the host's /dev/null", unix.SYS_OPENAT, num(unix.AT_FDCWD), r.String("/dev/null"),
		num(unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC), num(0))
	r.verifyDevice(null, unix.S_IFCHR, nullMajor, nullMinor, "the host's /dev/null is another file")
	for _, name := range r.plan.masks {
		out := r.In("mask " + name)
		absent, file, more := r.Label(), r.Label(), r.Label()
		fd := r.openPath(r.root, name, absent)
		r.isDir(fd, file)
		// The first directory gets the mount itself: only what is attached can be
		// copied.
		r.Test(attached.Arg(), num(-1), num(0), more)
		r.attach(empty, fd)
		r.Add(attached, num(1), num(0))
		done := r.Label()
		r.Jump(done)
		r.Bind(more)
		r.bindOnto(empty, fd, 0, false)
		r.Jump(done)
		r.Bind(file)
		r.bindOnto(null, fd, unix.MOUNT_ATTR_RDONLY|unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NOEXEC, false)
		r.Bind(done)
		r.Close(fd)
		r.Bind(absent)
		out()
	}
	r.Close(null)
	r.Close(empty)
	r.Free(attached)
}
