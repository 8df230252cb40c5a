// The kernel's mount calls as operations of a list: fsopen(2), fsconfig(2),
// fsmount(2), open_tree(2), move_mount(2) and mount_setattr(2), all by descriptor.

package libcontainer

import (
	"encoding/binary"
	"fmt"
	"path"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/internal/program"
)

const (
	// maxValue is the length of a string that fsconfig(2) takes, without its NUL.
	maxValue = 255

	// maxMountData is the length of the options that mount(2) takes, without the
	// NUL: a page is copied.
	maxMountData = 4095

	kernelLogSize   = 512
	sizeofMountAttr = 32
)

// mountAttrs translates mount(2) flags to the attributes of a mount.
func mountAttrs(flags int) (attrs uint64, atime bool) {
	for _, f := range []struct {
		flag int
		attr uint64
	}{
		{unix.MS_RDONLY, unix.MOUNT_ATTR_RDONLY},
		{unix.MS_NOSUID, unix.MOUNT_ATTR_NOSUID},
		{unix.MS_NODEV, unix.MOUNT_ATTR_NODEV},
		{unix.MS_NOEXEC, unix.MOUNT_ATTR_NOEXEC},
		{unix.MS_NODIRATIME, unix.MOUNT_ATTR_NODIRATIME},
		{unix.MS_NOSYMFOLLOW, unix.MOUNT_ATTR_NOSYMFOLLOW},
	} {
		if flags&f.flag != 0 {
			attrs |= f.attr
		}
	}
	switch {
	case flags&unix.MS_NOATIME != 0:
		return attrs | unix.MOUNT_ATTR_NOATIME, true
	case flags&unix.MS_STRICTATIME != 0:
		return attrs | unix.MOUNT_ATTR_STRICTATIME, true
	}
	return attrs, flags&unix.MS_RELATIME != 0 // relatime is 0
}

// superFlags are the mount(2) flags that belong to the file system and not to
// the mount, as fsconfig(2) names them.
var superFlags = []struct {
	flag int
	name string
}{
	{unix.MS_SYNCHRONOUS, "sync"},
	{unix.MS_DIRSYNC, "dirsync"},
	{unix.MS_LAZYTIME, "lazytime"},
	{unix.MS_MANDLOCK, "mand"},
}

const propagationTypes = unix.MS_SHARED | unix.MS_SLAVE | unix.MS_PRIVATE | unix.MS_UNBINDABLE

// knownFlags are those that have an effect. No other is dropped silently.
const knownFlags = unix.MS_RDONLY | unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC | unix.MS_NODIRATIME |
	unix.MS_NOSYMFOLLOW | unix.MS_NOATIME | unix.MS_STRICTATIME | unix.MS_RELATIME | unix.MS_SYNCHRONOUS |
	unix.MS_DIRSYNC | unix.MS_LAZYTIME | unix.MS_MANDLOCK | unix.MS_BIND | unix.MS_REC | unix.MS_REMOUNT |
	unix.MS_SILENT | propagationTypes

// fsContext is a file system context, and what its operations are for: the kernel
// leaves words about a failure to be read from the context.
type fsContext struct {
	s  *script
	fd program.Reg
}

// fsLog is the end of all lists' operations on file system contexts that fail: it
// reads the kernel's words and tells the host.
type fsLog struct {
	failed program.Label
	errno  program.Reg
	which  program.Reg
	fd     program.Reg
	steps  []fsStep
}

type fsStep struct {
	text    string
	invalid bool
}

func (s *script) needLog() {
	if s.fsLog == nil {
		s.fsLog = &fsLog{failed: s.Label(), errno: s.Reg(), which: s.Reg(), fd: s.Reg()}
		s.Later(s.tellKernelLog)
	}
}

// fspick is a context of the file system that is mounted at a place.
func (s *script) fspick(mount program.Reg) *fsContext {
	s.needLog()
	return &fsContext{s, s.Get("fspick", unix.SYS_FSPICK, mount.Arg(), s.String(""),
		num(unix.FSPICK_CLOEXEC|unix.FSPICK_EMPTY_PATH))}
}

// fsopen is a context of a new file system.
func (s *script) fsopen(fstype string) *fsContext {
	s.needLog()
	fs := s.Get(fmt.Sprintf("open file system %q", fstype), unix.SYS_FSOPEN, s.String(fstype), num(unix.FSOPEN_CLOEXEC))
	s.Hint(fsHints)
	return &fsContext{s, fs}
}

func (s *script) tellKernelLog() {
	l := s.fsLog
	const head = 24
	report := s.Space(head + kernelLogSize)
	s.Bind(l.failed)
	n := s.Get("read the kernel's log", unix.SYS_READ, l.fd.Arg(), report.At(head), num(kernelLogSize))
	s.IgnoreAll()
	s.Store(report, l.errno.Arg(), 8)
	s.Store(report.At(8), l.which.Arg(), 8)
	s.Store(report.At(16), n.Arg(), 8)
	s.Tell("report a failed mount", l.report, report, num(head+kernelLogSize))
	s.FailWith("mount", l.errno)
}

func (l *fsLog) report(payload []byte, _ []int) (*program.Program, error) {
	const head = 24
	if len(payload) != head+kernelLogSize {
		return nil, fmt.Errorf("a report of %d bytes about a mount: %w", len(payload), unix.EBADMSG)
	}
	order := binary.NativeEndian
	errno, which, n := -int64(order.Uint64(payload)), order.Uint64(payload[8:]), int64(order.Uint64(payload[16:]))
	if which >= uint64(len(l.steps)) || errno <= 0 || errno > 4095 {
		return nil, fmt.Errorf("a report about step %d of a mount: %w", which, unix.EBADMSG)
	}
	step := l.steps[which]
	var err error = &program.Failure{Step: step.text, Errno: syscall.Errno(errno), Hint: fsHints[syscall.Errno(errno)], Invalid: step.invalid}
	if n > 2 && n <= kernelLogSize { // "e ", and the words
		err = fmt.Errorf("%w (%s)", err, strings.TrimSpace(strings.ToValidUTF8(string(payload[head+2:head+n]), "?")))
	}
	return nil, err
}

// call is a system call about the context.
func (f *fsContext) call(r program.Reg, what string, number uintptr, args ...program.Arg) {
	s, l := f.s, f.s.fsLog
	which := len(l.steps)
	prefix, invalid := s.Context()
	l.steps = append(l.steps, fsStep{prefix + what, invalid})
	if r == program.NoReg {
		r = l.errno
	}
	failed := s.Label()
	s.Set(r, what, number, args...)
	s.OrAny(failed)
	s.Later(func() {
		s.Bind(failed)
		s.Add(l.errno, r.Arg(), num(0))
		s.Add(l.which, num(which), num(0))
		s.Add(l.fd, f.fd.Arg(), num(0))
		s.Jump(l.failed)
	})
}

// otherwise makes the last call about the context go on at a label if it fails with an
// error, when the context is closed.
func (f *fsContext) otherwise(l program.Label, errno unix.Errno) {
	s, log := f.s, f.s.fsLog
	failed, handled := s.Label(), s.Label()
	s.OrAny(failed)
	which := len(log.steps) - 1
	s.Later(func() {
		s.Bind(failed)
		s.isErrno(log.errno, errno, handled)
		s.Do("close", unix.SYS_CLOSE, f.fd.Arg())
		s.Jump(l)
		s.Bind(handled)
		s.Add(log.which, num(which), num(0))
		s.Add(log.fd, f.fd.Arg(), num(0))
		s.Jump(log.failed)
	})
}

func (f *fsContext) config(what string, cmd int, key, value program.Arg) {
	f.call(program.NoReg, what, unix.SYS_FSCONFIG, f.fd.Arg(), num(cmd), key, value, num(0))
}

func (f *fsContext) string(what, key, value string) {
	f.config(what, unix.FSCONFIG_SET_STRING, f.s.String(key), f.s.String(value))
}

func (f *fsContext) flag(what, key string) {
	f.config(what, unix.FSCONFIG_SET_FLAG, f.s.String(key), num(0))
}

func (f *fsContext) options(options []string) {
	for _, option := range options {
		what := fmt.Sprintf("option %q", option)
		if key, value, ok := strings.Cut(option, "="); ok {
			f.string(what, key, value)
		} else {
			f.flag(what, key)
		}
	}
}

// mount makes the mount of a file system, which is attached nowhere.
func (f *fsContext) mount(source string, options []string, flags int) program.Reg {
	if source != "" {
		f.string(fmt.Sprintf("source %q", source), "source", source)
	}
	for _, sf := range superFlags {
		if flags&sf.flag != 0 {
			f.flag("flag "+sf.name, sf.name)
		}
	}
	// A device that is write-protected has to be opened for reading. Without a
	// device the file system may be shared, and only our mount of it is read-only.
	if flags&unix.MS_RDONLY != 0 && path.IsAbs(source) {
		f.flag("flag ro", "ro")
	}
	f.options(options)
	f.config("create", unix.FSCONFIG_CMD_CREATE, num(0), num(0))
	return f.fsmount(flags)
}

func (f *fsContext) fsmount(flags int) program.Reg {
	attrs, _ := mountAttrs(flags)
	r := f.s.Reg()
	f.call(r, "fsmount", unix.SYS_FSMOUNT, f.fd.Arg(), num(unix.FSMOUNT_CLOEXEC), num(attrs))
	f.s.Close(f.fd)
	return r
}

// newMount makes a file system and returns its mount, which is attached nowhere.
func (s *script) newMount(fstype, source string, options []string, flags int) program.Reg {
	return s.fsopen(fstype).mount(source, options, flags)
}

// splitOptions splits the data of mount(2) as the kernel's file systems do: at commas,
// but not within quotes, as SELinux contexts have them, and which are dropped; for
// overlay not after a backslash, and for tmpfs not before a digit, which goes on a list
// of memory nodes (mpol=bind:0,2).
func splitOptions(fstype, data string) (options []string) {
	var option strings.Builder
	quoted := false
	end := func() {
		if option.Len() > 0 {
			options = append(options, option.String())
		}
		option.Reset()
	}
	for i := 0; i < len(data); i++ {
		c := data[i]
		switch {
		case c == '\\' && fstype == "overlay" && i+1 < len(data):
			option.WriteByte(c)
			i++
			option.WriteByte(data[i])
		case c == '"':
			quoted = !quoted
		case c != ',' || quoted:
			option.WriteByte(c)
		case fstype == "tmpfs" && i+1 < len(data) && data[i+1] >= '0' && data[i+1] <= '9':
			option.WriteByte(c)
		default:
			end()
		}
	}
	end()
	return options
}

func tooLong(source string, options []string) bool {
	if len(source) > maxValue {
		return true
	}
	for _, option := range options {
		if _, value, _ := strings.Cut(option, "="); len(value) > maxValue {
			return true
		}
	}
	return false
}

// cloneTree returns a copy, attached nowhere, of the mount at a place.
func (s *script) cloneTree(dir program.Arg, name string, recursive bool) program.Reg {
	flags := unix.OPEN_TREE_CLONE | unix.OPEN_TREE_CLOEXEC
	if name == "" {
		flags |= unix.AT_EMPTY_PATH
	}
	if recursive {
		flags |= unix.AT_RECURSIVE
	}
	return s.Get("open_tree", unix.SYS_OPEN_TREE, dir, s.String(name), num(flags))
}

// setAttr changes attributes of a mount, or of a whole tree (mount_setattr(2)).
func (s *script) setAttr(what string, mount program.Reg, attr unix.MountAttr, recursive bool) {
	if attr == (unix.MountAttr{}) {
		return
	}
	flags := unix.AT_EMPTY_PATH
	if recursive {
		flags |= unix.AT_RECURSIVE
	}
	s.Do(what, unix.SYS_MOUNT_SETATTR, mount.Arg(), s.String(""), num(flags),
		s.Words(attr.Attr_set, attr.Attr_clr, attr.Propagation, attr.Userns_fd), num(sizeofMountAttr))
}

// addAttrs adds attributes to a mount. What protects it already stays.
func (s *script) addAttrs(mount program.Reg, attrs uint64, atime, recursive bool) {
	attr := unix.MountAttr{Attr_set: attrs}
	if atime {
		attr.Attr_clr = unix.MOUNT_ATTR__ATIME
	}
	s.setAttr("mount_setattr", mount, attr, recursive)
}

func (s *script) setPropagation(mount program.Reg, flags int) {
	s.setAttr(fmt.Sprintf("set propagation %#x: mount_setattr", flags), mount,
		unix.MountAttr{Propagation: uint64(flags & propagationTypes)}, flags&unix.MS_REC != 0)
}

// attach puts a mount onto the place that target refers to.
func (s *script) attach(mount, target program.Reg) {
	s.Do("move_mount", unix.SYS_MOVE_MOUNT, mount.Arg(), s.String(""), target.Arg(), s.String(""),
		num(unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_EMPTY_PATH))
}

// bindOnto bind-mounts what source refers to onto target.
func (s *script) bindOnto(source, target program.Reg, attrs uint64, recursive bool) {
	tree := s.cloneTree(source.Arg(), "", recursive)
	s.addAttrs(tree, attrs, false, recursive)
	s.attach(tree, target)
	s.Close(tree)
}
