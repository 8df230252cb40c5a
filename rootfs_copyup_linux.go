// The start content of a new tmpfs: what is in the directory that it covers.
//
// Init does all of it by one list, without a word from the host: the copies are to be
// charged to the container's memory, and a big tree is not to wait for a conversation.
//
// The directory that is copied is hostile, and may change meanwhile: by a link, or an
// exchange of a directory for a link, it must not make us read a file of the host. So
// one name is looked up at a time, in a directory that is open, following no link; and
// what was found is used by its descriptor. A device or fifo is never opened, and of a
// file that grows not more is read than it had. The tmpfs is attached nowhere until
// all is there: its names are our own.
//
// The walk goes into a directory as soon as it is met. The directories above stay open,
// since ".." may lead elsewhere by then; each has a frame in a mapping of init's.

package libcontainer

import (
	"encoding/binary"
	"fmt"
	"strings"
	"syscall"
	"unicode"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/internal/program"
)

const (
	// maxCopyDepth is how many directories can be in each other. A path can name
	// as many (PATH_MAX).
	maxCopyDepth = 2048

	// A frame is a page: the fields, and then entries as getdents64(2) gives them.
	copyFrameSize = 4096
	frameFrom     = 0  // the directory that is copied: its descriptor
	frameTo       = 8  // its copy
	frameEntry    = 16 // where the entry is that is copied, 0 for none
	frameEnd      = 24 // where the entries end
	frameEntries  = 32

	// struct linux_dirent64
	direntSize = 16 // u16
	direntName = 19
	maxName    = 255

	// The mapping: a list of extended attributes, or the target of a link, and the
	// value of one, each of the largest size (xattr(7)); the frames; and what is
	// sent of a name that stands at their end.
	xattrSize   = 64 << 10
	framesAt    = 2 * xattrSize
	framesEnd   = framesAt + maxCopyDepth*copyFrameSize
	copyMapping = framesEnd + copyFrameSize
)

// copier builds the part of a list that copies a directory.
type copier struct {
	*script
	plan *initPlan

	memory   program.Reg // the mapping
	base     program.Reg // the first frame
	limit    program.Reg // behind the last one
	frame    program.Reg // of the directory that is copied
	from, to program.Reg // it, and its copy
	fsFlags  program.Reg // ST_*, of the mount that is copied
	at       program.Reg // for addresses

	st     program.Arg // statx of what is copied
	times  program.Arg
	limits program.Arg // of open files

	// What has failed, if anything does.
	failed program.Label
	errno  program.Reg
	step   program.Reg
	detail program.Reg // a text, or 0
	report copyReport
}

// copyUp fills a new file system, attached nowhere, with what is in the directory that
// it will cover. The root gets the directory's attributes, but for those that options
// of its own have set.
func (r *rootfs) copyUp(target, mount program.Reg, options []string) {
	defer r.In("copy up")()
	c := newCopier(r.script, r.plan)
	c.begin()
	c.openSelf(c.from, target)
	c.openSelf(c.to, mount)
	c.readFlags()
	c.walk()
	c.finishRoot(options)
	c.end()
}

func newCopier(s *script, plan *initPlan) *copier {
	c := &copier{script: s, plan: plan}
	for _, r := range c.registers() {
		*r = s.Reg()
	}
	c.st, c.times, c.limits = s.Space(sizeofStatx), s.Space(2*16), s.Space(2*16)
	c.failed = s.Label()
	c.report.prefix, _ = s.Context()
	s.Later(c.tellFailure)
	return c
}

func (c *copier) registers() []*program.Reg {
	return []*program.Reg{&c.memory, &c.base, &c.limit, &c.frame, &c.from, &c.to, &c.fsFlags, &c.at,
		&c.errno, &c.step, &c.detail}
}

// begin gets the memory, and as many descriptors as the host allows.
func (c *copier) begin() {
	c.Set(c.memory, "map memory", unix.SYS_MMAP, num(0), num(copyMapping), num(unix.PROT_READ|unix.PROT_WRITE),
		num(unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE), num(-1), num(0))
	c.Add(c.base, c.memory.Arg(), num(framesAt))
	c.Add(c.limit, c.memory.Arg(), num(framesEnd))
	c.Add(c.frame, c.base.Arg(), num(0))
	c.Add(c.detail, num(0), num(0))
	const cur, hard = 0, 8 // struct rlimit
	wanted := c.limits.At(16)
	c.do("get the limit of open files", unix.SYS_PRLIMIT64, num(0), num(unix.RLIMIT_NOFILE), num(0), c.limits)
	v := c.Load(c.limits.At(hard), 8)
	c.Store(wanted.At(cur), v.Arg(), 8)
	c.Store(wanted.At(hard), v.Arg(), 8)
	c.do("raise the limit of open files", unix.SYS_PRLIMIT64, num(0), num(unix.RLIMIT_NOFILE), wanted, num(0))
	c.Free(v)
}

func (c *copier) end() {
	c.close(c.from)
	c.close(c.to)
	c.do("restore the limit of open files", unix.SYS_PRLIMIT64, num(0), num(unix.RLIMIT_NOFILE), c.limits, num(0))
	c.do("unmap memory", unix.SYS_MUNMAP, c.memory.Arg(), num(copyMapping))
	for _, r := range c.registers() {
		c.Free(*r)
	}
}

// openSelf opens for reading the directory that a descriptor refers to.
func (c *copier) openSelf(r, dir program.Reg) {
	c.call(r, "open directory", nil, unix.SYS_OPENAT, dir.Arg(), c.String("."),
		num(unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC), num(0))
}

// readFlags sees whether set-user-id bits and file capabilities have no effect there.
func (c *copier) readFlags() {
	st := c.Space(sizeofStatfs)
	c.do("fstatfs", unix.SYS_FSTATFS, c.from.Arg(), st)
	const flags = 80
	c.LoadInto(c.fsFlags, st.At(flags), 8)
}

// walk copies all that is below the directory from, and the attributes of all but that
// itself.
func (c *copier) walk() {
	entry, name, end := c.Reg(), c.Reg(), c.Reg()
	enter, next, copying, advance, up, done := c.Label(), c.Label(), c.Label(), c.Label(), c.Label(), c.Label()
	c.Bind(enter)
	c.Store(c.field(frameFrom), c.from.Arg(), 8)
	c.Store(c.field(frameTo), c.to.Arg(), 8)
	c.Jump(next)

	c.Bind(advance)
	size := c.loadAt(entry, direntSize, 2)
	c.Add(entry, entry.Arg(), size.Arg())
	c.Free(size)
	c.Less(entry.Arg(), end.Arg(), next)
	c.Jump(copying)

	c.Bind(next)
	c.Store(c.field(frameEntry), num(0), 8) // errors are the directory's
	c.readEntries(entry, end, up)

	c.Bind(copying)
	c.Store(c.field(frameEntry), entry.Arg(), 8)
	c.Add(name, entry.Arg(), num(direntName))
	c.skipDots(name, advance)
	c.entry(name, enter, advance)

	c.Bind(up)
	c.Less(c.base.Arg(), c.frame.Arg(), done)
	c.stat(c.from, c.st)
	c.attributes(c.from, c.to, c.owners(), false)
	c.close(c.from)
	c.close(c.to)
	c.Sub(c.frame, c.frame.Arg(), num(copyFrameSize))
	c.LoadInto(c.from, c.field(frameFrom), 8)
	c.LoadInto(c.to, c.field(frameTo), 8)
	c.LoadInto(entry, c.field(frameEntry), 8)
	c.LoadInto(end, c.field(frameEnd), 8)
	c.Jump(advance)
	c.Bind(done)
	c.Free(entry, name, end)
}

// readEntries reads some entries of a directory. At the end it goes on at the label.
func (c *copier) readEntries(entry, end program.Reg, none program.Label) {
	n := c.Reg()
	some := c.Label()
	c.Add(entry, c.frame.Arg(), num(frameEntries))
	// ENOENT: somebody has removed the directory since.
	c.call(n, "read directory", []expected{{unix.ENOENT, none}}, unix.SYS_GETDENTS64, c.from.Arg(), entry.Arg(),
		num(copyFrameSize-frameEntries))
	c.Test(n.Arg(), num(-1), num(0), some)
	c.Jump(none)
	c.Bind(some)
	c.Add(end, entry.Arg(), n.Arg())
	c.Store(c.field(frameEnd), end.Arg(), 8)
	c.Free(n)
}

// skipDots goes on at the label if a name is that of the directory itself, or of the
// one above.
func (c *copier) skipDots(name program.Reg, dots program.Label) {
	two := func(s string) program.Arg { return num(uint64(binary.NativeEndian.Uint16([]byte(s)))) }
	other, named := c.Label(), c.Label()
	v := c.Load(name.Arg(), 2)
	c.Test(v.Arg(), num(-1), two(".\x00"), other)
	c.Jump(dots)
	c.Bind(other)
	c.Test(v.Arg(), num(-1), two(".."), named)
	c.Add(c.at, name.Arg(), num(2))
	c.LoadInto(v, c.at.Arg(), 1)
	c.Test(v.Arg(), num(-1), num(0), named)
	c.Jump(dots)
	c.Bind(named)
	c.Free(v)
}

// entry copies an entry, or goes on at the label enter with a directory that is one.
// Devices are left out, and so is what is mounted further below.
func (c *copier) entry(name program.Reg, enter, done program.Label) {
	fd, v := c.Reg(), c.Reg()
	copied, special := c.Label(), c.Label()
	noDir, noFile, noLink, noFifo := c.Label(), c.Label(), c.Label(), c.Label()
	// ENOENT: somebody has removed it since.
	c.call(fd, "open", []expected{{unix.ENOENT, done}}, unix.SYS_OPENAT, c.from.Arg(), name.Arg(),
		num(unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC), num(0))
	c.stat(fd, c.st)
	isKind := func(kind uint32, otherwise program.Label) {
		c.LoadInto(v, c.st.At(statxMode), 2)
		c.Test(v.Arg(), num(unix.S_IFMT), num(kind), otherwise)
	}
	isKind(unix.S_IFDIR, noDir)
	c.directory(fd, name, enter, copied)

	c.Bind(noDir)
	isKind(unix.S_IFREG, noFile)
	c.LoadInto(v, c.st.At(statxAttributes), 8)
	c.Test(v.Arg(), num(unix.STATX_ATTR_MOUNT_ROOT), num(0), copied)
	c.file(fd, name)
	c.Jump(copied)

	c.Bind(noFile)
	isKind(unix.S_IFLNK, noLink)
	c.link(fd, name)
	c.Jump(copied)

	c.Bind(noLink)
	isKind(unix.S_IFIFO, noFifo)
	c.Add(v, num(unix.S_IFIFO|0o600), num(0))
	c.Jump(special)
	c.Bind(noFifo)
	isKind(unix.S_IFSOCK, copied)
	c.Add(v, num(unix.S_IFSOCK|0o600), num(0))
	c.Bind(special) // no more than a name
	c.do("mknod", unix.SYS_MKNODAT, c.to.Arg(), name.Arg(), v.Arg(), num(0))
	c.plain(name)

	c.Bind(copied)
	c.close(fd)
	c.Jump(done)
	c.Free(fd, v)
}

// directory makes the copy of a directory, and a frame for it. If it is a mount, it is
// only a place for one.
func (c *copier) directory(fd, name program.Reg, enter, copied program.Label) {
	own := c.Label()
	c.do("mkdir", unix.SYS_MKDIRAT, c.to.Arg(), name.Arg(), num(0o700))
	v := c.Load(c.st.At(statxAttributes), 8)
	c.Test(v.Arg(), num(unix.STATX_ATTR_MOUNT_ROOT), num(unix.STATX_ATTR_MOUNT_ROOT), own)
	c.plain(name)
	c.Jump(copied)
	c.Bind(own)
	deep := c.Label()
	c.Add(v, c.frame.Arg(), num(copyFrameSize))
	c.Less(v.Arg(), c.limit.Arg(), deep)
	c.Later(func() {
		c.Bind(deep)
		c.fails(c.stepOf(fmt.Sprintf("more than %d directories in each other", maxCopyDepth)), num(-int(unix.ENAMETOOLONG)))
	})
	c.openSelf(c.from, fd)
	c.call(c.to, "open the copy", nil, unix.SYS_OPENAT, c.to.Arg(), name.Arg(),
		num(unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC), num(0))
	c.close(fd)
	c.Add(c.frame, v.Arg(), num(0))
	c.Jump(enter)
	c.Free(v)
}

// finishRoot gives the root of the new file system its attributes.
func (c *copier) finishRoot(options []string) {
	c.stat(c.from, c.st)
	o := c.owners()
	own := c.Space(sizeofStatx)
	c.stat(c.to, own)
	for _, set := range []struct {
		option string
		field  *program.Arg
		at     int
	}{{"mode", &o.mode, statxMode}, {"uid", &o.uid, statxUid}, {"gid", &o.gid, statxGid}} {
		if hasOption(options, set.option) {
			*set.field = own.At(set.at)
		}
	}
	c.attributes(c.from, c.to, o, false)
}

// field is the address of a field of the frame, until the next call.
func (c *copier) field(offset int) program.Arg {
	c.Add(c.at, c.frame.Arg(), num(offset))
	return c.at.Arg()
}

// loadAt loads what is some bytes behind the address in a register.
func (c *copier) loadAt(r program.Reg, offset, size int) program.Reg {
	c.Add(c.at, r.Arg(), num(offset))
	return c.Load(c.at.Arg(), size)
}

func (c *copier) stat(fd program.Reg, st program.Arg) {
	c.do("statx", unix.SYS_STATX, fd.Arg(), c.String(""), num(unix.AT_EMPTY_PATH), num(unix.STATX_BASIC_STATS), st)
}

func (c *copier) close(fd program.Reg) { c.do("close", unix.SYS_CLOSE, fd.Arg()) }

// expected is an error that is none, and where to go on then.
type expected struct {
	errno unix.Errno
	to    program.Label
}

// call is a system call. If it fails with another error, the host is told what was
// being copied.
func (c *copier) call(r program.Reg, what string, expect []expected, number uintptr, args ...program.Arg) {
	if r == program.NoReg {
		r = c.errno
	}
	failed := c.Label()
	c.Set(r, what, number, args...)
	c.OrAny(failed)
	step := c.stepOf(what)
	c.Later(func() {
		c.Bind(failed)
		for _, e := range expect {
			other := c.Label()
			c.isErrno(r, e.errno, other)
			c.Jump(e.to)
			c.Bind(other)
		}
		c.fails(step, r.Arg())
	})
}

// do is a system call whose result is not needed.
func (c *copier) do(what string, number uintptr, args ...program.Arg) {
	c.call(program.NoReg, what, nil, number, args...)
}

func (c *copier) fails(step int, errno program.Arg) {
	c.Add(c.errno, errno, num(0))
	c.Add(c.step, num(step), num(0))
	c.Jump(c.failed)
}

func (c *copier) stepOf(what string) int {
	c.report.steps = append(c.report.steps, what)
	return len(c.report.steps) - 1
}

// tellFailure tells the host what has failed, and the names of the directories that are
// being copied, the outermost first.
func (c *copier) tellFailure() {
	c.Bind(c.failed)
	frame := c.Reg()
	loop, more, named, next, told, plain := c.Label(), c.Label(), c.Label(), c.Label(), c.Label(), c.Label()
	c.Add(frame, c.base.Arg(), num(0))
	c.Bind(loop)
	c.Less(c.frame.Arg(), frame.Arg(), more)
	c.Jump(told)
	c.Bind(more)
	entry := c.loadAt(frame, frameEntry, 8)
	c.Test(entry.Arg(), num(-1), num(0), named)
	c.Jump(next)
	c.Bind(named)
	c.Add(entry, entry.Arg(), num(direntName))
	c.Tell("tell what was copied", c.report.addName, entry.Arg(), num(maxName+1))
	c.Bind(next)
	c.Add(frame, frame.Arg(), num(copyFrameSize))
	c.Jump(loop)
	c.Bind(told)
	c.Less(num(0), c.detail.Arg(), plain)
	c.Tell("tell what was copied", c.report.setDetail, c.detail.Arg(), num(maxName+1))
	c.Bind(plain)
	words := c.Space(16)
	c.Store(words, c.errno.Arg(), 8)
	c.Store(words.At(8), c.step.Arg(), 8)
	c.Tell("tell what has failed", c.report.failed, words, num(16))
	c.FailWith("copy", c.errno)
	c.Free(frame, entry)
}

// copyReport is what the host is told of a copy that has failed.
type copyReport struct {
	prefix string
	steps  []string
	names  []string
	detail string
}

func (r *copyReport) addName(payload []byte, fds []int) (*program.Program, error) {
	closeFds(fds)
	name, err := textOf(payload)
	if err != nil || strings.Contains(name, "/") || len(r.names) >= maxCopyDepth {
		return nil, fmt.Errorf("%sa report about a path with %d names and %q: %w", r.prefix, len(r.names), name, unix.EBADMSG)
	}
	r.names = append(r.names, name)
	return nil, nil
}

func (r *copyReport) setDetail(payload []byte, fds []int) (_ *program.Program, err error) {
	closeFds(fds)
	if r.detail, err = textOf(payload); err != nil {
		return nil, fmt.Errorf("%sa report about %q: %w", r.prefix, r.detail, err)
	}
	return nil, nil
}

func (r *copyReport) failed(payload []byte, fds []int) (*program.Program, error) {
	closeFds(fds)
	if len(payload) != 16 {
		return nil, fmt.Errorf("%sa report of %d bytes: %w", r.prefix, len(payload), unix.EBADMSG)
	}
	errno, step := -int64(binary.NativeEndian.Uint64(payload)), binary.NativeEndian.Uint64(payload[8:])
	if errno <= 0 || errno > 4095 || step >= uint64(len(r.steps)) {
		return nil, fmt.Errorf("%sa report about step %d: %w", r.prefix, step, unix.EBADMSG)
	}
	what := r.prefix + "/" + strings.Join(r.names, "/") + ": " + r.steps[step]
	if r.detail != "" {
		what += " " + r.detail
	}
	return nil, &program.Failure{Step: what, Errno: syscall.Errno(errno)}
}

// textOf is a text that ends with a NUL. What cannot be printed is not.
func textOf(payload []byte) (string, error) {
	text, _, ok := strings.Cut(string(payload), "\x00")
	if !ok || text == "" || len(text) > maxName {
		return text, fmt.Errorf("no text: %w", unix.EBADMSG)
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, text), nil
}
