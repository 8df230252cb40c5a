// The entries of Config.Mounts, as operations of init.

package libcontainer

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/internal/program"
)

// procFiles are the files of procfs that tools like lxcfs mount over. Anything
// else on top of procfs would let a container choose what the programs that set
// it up, and its own security labels, read and write there.
var procFiles = []string{
	"/proc/cpuinfo", "/proc/diskstats", "/proc/loadavg", "/proc/meminfo", "/proc/slabinfo", "/proc/stat",
	"/proc/swaps", "/proc/uptime", "/proc/net/dev", "/proc/sys/kernel/ns_last_pid",
}

// rootfs builds the part of a list that makes the root file system.
type rootfs struct {
	*script
	plan *initPlan
	root program.Reg // the new root

	// onTop is not 0 if it lies on / already, as its own path cannot be reached.
	onTop program.Reg

	parents map[string]program.Reg // directories of devices

	// late are mounts that become read-only when all that is below them is there.
	late []program.Reg
}

func destination(m *configs.Mount) string { return path.Clean("/" + m.Destination) }

func describeMount(m *configs.Mount) string {
	if m.IsBind() || m.Source != "" {
		return m.Source
	}
	return m.Device
}

func (r *rootfs) mountEntry(i int, m *configs.Mount) error {
	if err := r.runCommands("premount", m, m.PremountCmds); err != nil {
		return err
	}
	out := r.In("mount " + describeMount(m) + " on " + m.Destination)
	err := r.mount(i, m)
	out()
	if err != nil {
		return fmt.Errorf("mount %s on %s: %w", describeMount(m), m.Destination, err)
	}
	return r.runCommands("postmount", m, m.PostmountCmds)
}

func (r *rootfs) mount(i int, m *configs.Mount) error {
	if unknown := m.Flags &^ knownFlags; unknown != 0 {
		return invalid(fmt.Errorf("flags %#x: %w", unknown, unix.EINVAL))
	}
	switch {
	case m.Flags&unix.MS_REMOUNT != 0:
		r.remount(m)
	case m.IsBind():
		return r.bind(i, m)
	case m.Device == "cgroup":
		return r.mountCgroups(m)
	case m.Device == "cgroup2":
		return r.mountUnified(m)
	default:
		return r.mountFS(i, m)
	}
	return nil
}

// target makes the place for a mount and checks that it is none that must not be
// covered.
func (r *rootfs) target(m *configs.Mount, dir bool) program.Reg {
	out := r.In("make mount point")
	dest := destination(m)
	var fd program.Reg
	switch {
	case dest == "/proc" || dest == "/sys":
		fd = r.realDir(dest)
	case dir:
		fd = r.mkdirAll(r.root, dest)
	default:
		fd = r.makeFile(r.root, dest)
	}
	out()
	if slices.Contains(procFiles, dest) || dest == "/proc" && m.Device == "proc" && !m.IsBind() {
		return fd
	}
	typ := r.fsType(fd)
	ok := r.Label()
	r.Test(typ.Arg(), num(-1), num(unix.PROC_SUPER_MAGIC), ok)
	r.blame("it would cover a part of procfs", unix.EPERM)
	r.Bind(ok)
	r.Free(typ)
	return fd
}

// blame fails with an error that is the caller's.
func (s *script) blame(what string, errno unix.Errno) {
	s.Blame(true)
	s.Fail(what, errno)
	s.Blame(false)
}

// realDir makes and opens /proc or /sys, which must not be links: programs find
// the mounts there by name.
func (r *rootfs) realDir(dest string) program.Reg {
	r.Do("mkdir "+dest, unix.SYS_MKDIRAT, r.root.Arg(), r.String(dest[1:]), num(0o755))
	r.Ignore(unix.EEXIST)
	fd := r.Reg()
	link, ok := r.Label(), r.Label()
	r.openAt(fd, r.root, dest[1:], unix.O_PATH|unix.O_DIRECTORY)
	r.Or(link, unix.ENOTDIR, unix.ELOOP)
	r.Bind(ok)
	r.Later(func() {
		r.Bind(link)
		r.FailWith(dest+" of the root file system is not a directory", fd)
	})
	return fd
}

// genuine checks that what comes onto /proc and /sys is what programs take for it.
func (r *rootfs) genuine(m *configs.Mount, mount program.Reg) {
	var want int64
	dest := destination(m)
	switch dest {
	case "/proc":
		want = unix.PROC_SUPER_MAGIC
	case "/sys":
		want = unix.SYSFS_MAGIC
	default:
		return
	}
	typ := r.fsType(mount)
	r.Blame(true)
	r.Check("only "+dest[1:]+"fs may be there", typ.Arg(), num(-1), num(want), unix.EINVAL)
	r.Blame(false)
	r.Free(typ)
}

// mountFS mounts a new file system.
func (r *rootfs) mountFS(i int, m *configs.Mount) error {
	target := r.target(m, true)
	options := splitOptions(m.Device, m.Data)
	if tooLong(m.Source, options) {
		if m.CopyUp {
			return invalid(fmt.Errorf("with CopyUp no option may be longer than %d bytes: %w", maxValue, unix.EINVAL))
		}
		return r.mountLong(m, target, options)
	}
	flags := m.Flags
	// Nothing can be made in a mount that is read-only, nor its mode changed.
	coversMode := m.Device == "tmpfs" && !m.CopyUp && !hasOption(options, "mode")
	late := flags&unix.MS_RDONLY != 0 && (m.CopyUp || coversMode || r.plan.hasBelow(i, destination(m)))
	if late {
		flags &^= unix.MS_RDONLY
	}
	var mount program.Reg
	if m.Device == "sysfs" {
		mount = r.mountSysfs(m, options, flags)
	} else {
		f := r.fsopen(m.Device)
		if m.Device == "proc" {
			r.plan.choosePidNamespace(r.script, f.fd)
		}
		mount = f.mount(m.Source, options, flags)
	}
	switch {
	case m.CopyUp:
		r.copyUp(target, mount, options)
	case coversMode:
		r.takeMode(target, mount)
	}
	r.place(m, mount, target)
	r.Close(target)
	if late {
		r.late = append(r.late, mount)
	} else {
		r.Close(mount)
	}
	return nil
}

func hasOption(options []string, key string) bool {
	return slices.ContainsFunc(options, func(o string) bool { return o == key || strings.HasPrefix(o, key+"=") })
}

// hasBelow tells whether something is to be made below a mount, later.
func (p *initPlan) hasBelow(i int, dest string) bool {
	below := func(name string) bool {
		return strings.HasPrefix(path.Clean("/"+name), strings.TrimSuffix(dest, "/")+"/")
	}
	for _, m := range p.config.Mounts[i+1:] {
		if below(m.Destination) {
			return true
		}
	}
	for _, d := range p.config.Devices {
		if below(d.Path) {
			return true
		}
	}
	return dest == "/dev" && p.setsUpDev()
}

// takeMode gives a tmpfs the mode of the directory that it covers, which is what a
// program expects there.
func (r *rootfs) takeMode(target, mount program.Reg) {
	mode := r.Load(r.stat(target).At(statxMode), 2)
	dir := r.Get("open the new file system", unix.SYS_OPENAT, mount.Arg(), r.String("."),
		num(unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC), num(0))
	r.Do("chmod", unix.SYS_FCHMOD, dir.Arg(), mode.Arg()) // the kernel takes the permissions only
	r.Close(dir)
	r.Free(mode)
}

// mountSysfs mounts a sysfs, or binds the host's, read-only, where the network
// namespace to which a new one would belong is not ours.
func (r *rootfs) mountSysfs(m *configs.Mount, options []string, flags int) program.Reg {
	mount, fs := r.Reg(), r.Reg()
	denied, done, bound := r.Label(), r.Label(), r.Label()
	r.Set(fs, "fsopen", unix.SYS_FSOPEN, r.String("sysfs"), num(unix.FSOPEN_CLOEXEC))
	r.Or(bound, unix.EPERM)
	r.needLog()
	f := &fsContext{r.script, fs}
	if m.Source != "" {
		f.string(fmt.Sprintf("source %q", m.Source), "source", m.Source)
	}
	f.options(options)
	r.Do("create", unix.SYS_FSCONFIG, fs.Arg(), num(unix.FSCONFIG_CMD_CREATE), num(0), num(0), num(0))
	r.Or(denied, unix.EPERM)
	attrs, _ := mountAttrs(flags)
	r.Set(mount, "fsmount", unix.SYS_FSMOUNT, fs.Arg(), num(unix.FSMOUNT_CLOEXEC), num(attrs))
	r.Or(denied, unix.EPERM)
	r.Do("close", unix.SYS_CLOSE, fs.Arg())
	r.Bind(done)
	r.Later(func() {
		r.Bind(denied)
		r.Do("close", unix.SYS_CLOSE, fs.Arg())
		r.Bind(bound)
		tree := r.cloneTree(num(unix.AT_FDCWD), "/sys", true)
		attrs, _ := mountAttrs(m.Flags | unix.MS_RDONLY)
		r.addAttrs(tree, attrs, false, true)
		r.Add(mount, tree.Arg(), num(0))
		r.Free(tree)
		r.Jump(done)
	})
	r.Free(fs)
	return mount
}

// mountLong mounts with options that fsconfig(2) does not take in one string: by mount(2)
// what fits into a page, else the layers of an overlay one by one (Linux 6.5).
func (r *rootfs) mountLong(m *configs.Mount, target program.Reg, options []string) error {
	old := r.Label()
	done := r.Label()
	layers, layered := overlayLayers(m, options)
	layered = layered && len(m.Data) > maxMountData
	if layered {
		r.mountLayers(m, target, layers, old)
		r.Jump(done)
		r.Bind(old)
	}
	flags := m.Flags &^ (propagationTypes | unix.MS_REC)
	if len(m.Data) > maxMountData {
		if !layered {
			return invalid(fmt.Errorf("the options have %d bytes, mount(2) takes %d: %w", len(m.Data), maxMountData, unix.EINVAL))
		}
		r.blame(fmt.Sprintf("the options have %d bytes, mount(2) takes %d, and layers by themselves are not known "+
			"before Linux 6.5", len(m.Data), maxMountData), unix.EINVAL)
	} else {
		// mount(2) knows no descriptors, but a path that leads nowhere else.
		r.Do("change to the mount point", unix.SYS_FCHDIR, target.Arg())
		r.Do("mount", unix.SYS_MOUNT, r.String(m.Source), r.String("."), r.String(m.Device), num(flags), r.String(m.Data))
		r.Do("change to /", unix.SYS_CHDIR, r.String("/"))
		// The descriptor is that of the place below. What the path leads to now is
		// in our own mount namespace, whatever else has happened to it.
		mount := r.openPath(r.root, m.Destination, nowhere)
		r.genuine(m, mount)
		r.setRecAttrs(m, mount)
		r.setPropagations(mount, m.PropagationFlags)
		r.Close(mount)
	}
	r.Bind(done)
	r.Close(target)
	return nil
}

// overlayLayers tells whether the options are those of an overlay all of which are
// short once its lower layers stand alone.
func overlayLayers(m *configs.Mount, options []string) (out []string, ok bool) {
	if m.Device != "overlay" {
		return nil, false
	}
	for _, option := range options {
		if lower, found := strings.CutPrefix(option, "lowerdir="); found {
			for i, group := range splitEscaped(lower, "::") {
				for j, layer := range splitEscaped(group, ":") {
					key := "lowerdir+="
					if i > 0 && j >= 0 {
						key = "datadir+="
					}
					out = append(out, key+unescape(layer))
				}
			}
			continue
		}
		key, value, has := strings.Cut(option, "=")
		if has {
			value = unescape(value)
			option = key + "=" + value
		}
		out = append(out, option)
	}
	return out, !tooLong(m.Source, out)
}

// splitEscaped splits at separators that no backslash stands before.
func splitEscaped(s, sep string) (parts []string) {
	start := 0
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\':
			i++
		case strings.HasPrefix(s[i:], sep):
			parts = append(parts, s[start:i])
			i += len(sep) - 1
			start = i + 1
		}
	}
	return append(parts, s[start:])
}

func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// mountLayers mounts an overlay layer by layer, and goes on at old where the kernel
// does not know that.
func (r *rootfs) mountLayers(m *configs.Mount, target program.Reg, options []string, old program.Label) {
	r.takesLayers(old)
	f := r.fsopen(m.Device)
	unknown := r.Label()
	first := slices.IndexFunc(options, func(o string) bool { return strings.HasPrefix(o, "lowerdir+=") })
	if first >= 0 {
		key, value, _ := strings.Cut(options[first], "=")
		r.Do(fmt.Sprintf("option %q", options[first]), unix.SYS_FSCONFIG, f.fd.Arg(), num(unix.FSCONFIG_SET_STRING),
			r.String(key), r.String(value), num(0))
		r.Or(unknown, unix.EINVAL)
		options = slices.Delete(slices.Clone(options), first, first+1)
	}
	r.Later(func() {
		r.Bind(unknown)
		r.Do("close", unix.SYS_CLOSE, f.fd.Arg())
		r.Jump(old)
	})
	mount := f.mount(m.Source, options, m.Flags)
	r.place(m, mount, target)
	r.Close(mount)
}

// takesLayers goes on at old if overlayfs knows no parameters, but takes them all for a text
// (before Linux 6.5): then a wrong one is an error only when all are there. Else a
// parameter without a value that it needs is refused at once.
func (r *rootfs) takesLayers(old program.Label) {
	fs := r.Get("open file system \"overlay\"", unix.SYS_FSOPEN, r.String("overlay"), num(unix.FSOPEN_CLOEXEC))
	r.Hint(fsHints)
	taken := r.Get("look at overlayfs's parameters", unix.SYS_FSCONFIG, fs.Arg(), num(unix.FSCONFIG_SET_FLAG),
		r.String("lowerdir+"), num(0), num(0))
	r.IgnoreAll()
	r.Close(fs)
	refused := r.Label()
	r.Test(taken.Arg(), num(-1), num(0), refused)
	r.Jump(old)
	r.Bind(refused)
	r.Free(taken)
}

// place attaches a finished mount.
func (r *rootfs) place(m *configs.Mount, mount, target program.Reg) {
	r.genuine(m, mount)
	r.setRecAttrs(m, mount)
	r.attach(mount, target)
	r.setPropagations(mount, m.PropagationFlags)
}

func (r *rootfs) setPropagations(mount program.Reg, list []int) {
	for _, flags := range list {
		r.setPropagation(mount, flags)
	}
}

// setRecAttrs sets and clears the attributes that go for a whole tree.
func (r *rootfs) setRecAttrs(m *configs.Mount, mount program.Reg) {
	r.setAttr(fmt.Sprintf("attributes of the whole tree (set %#x, clear %#x): mount_setattr", m.RecAttrSet, m.RecAttrClear),
		mount, unix.MountAttr{Attr_set: m.RecAttrSet, Attr_clr: m.RecAttrClear}, true)
}

// bind attaches a copy of a mount of the host. The flags add to what protects the
// source, unless FlagsClear says otherwise.
func (r *rootfs) bind(i int, m *configs.Mount) error {
	if !path.IsAbs(m.Source) {
		return invalid(fmt.Errorf("the source is not absolute: %w", unix.EINVAL))
	}
	tree := r.bindSource(i, m)
	attrs, atime := mountAttrs(m.Flags)
	clearAttrs, clearAtime := mountAttrs(m.FlagsClear)
	attr := unix.MountAttr{Attr_set: attrs, Attr_clr: clearAttrs &^ unix.MOUNT_ATTR__ATIME &^ attrs}
	if atime || clearAtime || clearAttrs&unix.MOUNT_ATTR__ATIME != 0 {
		attr.Attr_clr |= unix.MOUNT_ATTR__ATIME
	}
	r.setAttr("mount_setattr", tree, attr, false)
	if m.IDMapping != configs.IDMapNone {
		r.Ask("map ids", func(_ []byte, files []int) (*program.Program, error) {
			return nil, r.plan.mapMount(m, files)
		}, r.String(""), num(0), tree)
	}
	target := r.Reg()
	file, made := r.Label(), r.Label()
	r.isDir(tree, file)
	dir := r.target(m, true)
	r.Add(target, dir.Arg(), num(0))
	r.Jump(made)
	r.Free(dir)
	r.Bind(file)
	if dest := destination(m); dest == "/proc" || dest == "/sys" {
		r.blame("only "+dest[1:]+"fs may be there", unix.EINVAL)
	} else {
		place := r.target(m, false)
		r.Add(target, place.Arg(), num(0))
		r.Free(place)
	}
	r.Bind(made)
	r.place(m, tree, target)
	r.Close(target)
	r.Close(tree)
	return nil
}

// bindSource copies the source's mount. Where container root has no way to it the host
// opens it.
func (r *rootfs) bindSource(i int, m *configs.Mount) program.Reg {
	r.Blame(true)
	flags := unix.OPEN_TREE_CLONE | unix.OPEN_TREE_CLOEXEC
	if m.Flags&unix.MS_REC != 0 {
		flags |= unix.AT_RECURSIVE
	}
	tree := r.Reg()
	closed, opened := r.Label(), r.Label()
	r.Set(tree, "open the source", unix.SYS_OPEN_TREE, num(unix.AT_FDCWD), r.String(m.Source), num(flags))
	r.Hint(sourceHints)
	if r.plan.inUserNS() {
		r.Or(closed, unix.EACCES)
	}
	r.Bind(opened)
	r.Blame(false)
	if r.plan.inUserNS() {
		r.Later(func() {
			r.Bind(closed)
			r.Ask("have the host open the source", func([]byte, []int) (*program.Program, error) {
				return openTreeFor(tree, m.Source, treeFlags{recursive: m.Flags&unix.MS_REC != 0})
			}, r.String(""), num(0))
			r.Jump(opened)
		})
	}
	return tree
}

// remount changes the flags of a mount that is there, and gives its file system options
// unless it is a bind mount: that gets exactly its flags, as by mount(2).
func (r *rootfs) remount(m *configs.Mount) {
	fd := r.openPath(r.root, m.Destination, nowhere)
	attrs, atime := mountAttrs(m.Flags)
	if m.IsBind() {
		const all = unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC |
			unix.MOUNT_ATTR_NODIRATIME | unix.MOUNT_ATTR_NOSYMFOLLOW
		attr := unix.MountAttr{Attr_set: attrs, Attr_clr: all &^ attrs}
		if atime {
			attr.Attr_clr |= unix.MOUNT_ATTR__ATIME
		}
		r.setAttr("mount_setattr", fd, attr, false)
	} else {
		if options := splitOptions(m.Device, m.Data); len(options) > 0 {
			r.reconfigure(fd, options)
		}
		r.addAttrs(fd, attrs, atime, false)
	}
	r.setRecAttrs(m, fd)
	r.setPropagations(fd, m.PropagationFlags)
	r.Close(fd)
}

// reconfigure changes the options of the file system that is mounted at a place.
func (r *rootfs) reconfigure(mount program.Reg, options []string) {
	f := r.fspick(mount)
	f.options(options)
	f.config("reconfigure", unix.FSCONFIG_CMD_RECONFIGURE, num(0), num(0))
	r.Close(f.fd)
}
