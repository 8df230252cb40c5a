// What init does with paths of the root file system, which is hostile.
//
// The naive way, filepath.Join(rootfs, path) and a call by name, follows a
// symbolic link that the image holds, or that a process of another container on
// the same volume puts there between a check and its use, to the host's files.
// Here the kernel resolves a path once, with the root file system as "/"
// (openat2(2), RESOLVE_IN_ROOT), and from then on only the descriptor is used.

package libcontainer

import (
	"encoding/binary"
	"fmt"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/internal/program"
)

const (
	// maxLinks is how many symbolic links to nothing are followed where a mount
	// point is to be made, as the kernel's limit for one path.
	maxLinks = 40

	// maxRetries is how often a path is resolved again when renames elsewhere
	// have made it impossible to tell whether ".." left the root (openat2(2),
	// EAGAIN). Somebody who renames all the time must not hold us.
	maxRetries = 128

	sizeofOpenHow = 24
)

// script is a list of init that is being built.
type script struct {
	*program.Builder

	fsLog *fsLog // nil as long as nothing is mounted
}

func newScript(regs *program.Registers) *script {
	return &script{Builder: program.NewBuilder(regs)}
}

// num is a number as an argument.
func num[T ~int | ~int32 | ~int64 | ~uint | ~uint32 | ~uint64 | ~uintptr](v T) program.Arg {
	return program.Num(v)
}

// isErrno goes on if an operation that was tolerated has failed with that error, else
// at the label.
func (s *script) isErrno(r program.Reg, errno unix.Errno, otherwise program.Label) {
	s.Test(r.Arg(), num(-1), num(-int(errno)), otherwise)
}

// openIn opens a path with the directory root as "/". If it does not exist and there
// is a label for that, it goes on there.
func (s *script) openIn(r, root program.Reg, name string, flags uint64, missing program.Label) {
	unusual, opened := s.Label(), s.Label()
	s.openOnce(r, root, name, flags, unusual)
	s.Or(unusual, unix.EAGAIN, unix.ENOENT, unix.ENOTDIR)
	s.Bind(opened)
	absent := func() {
		if missing == nowhere {
			return
		}
		for _, errno := range []unix.Errno{unix.ENOENT, unix.ENOTDIR} {
			other := s.Label()
			s.isErrno(r, errno, other)
			s.Jump(missing)
			s.Bind(other)
		}
	}
	s.Later(func() {
		s.Bind(unusual)
		absent()
		s.nest("open "+name, func(n *script) { n.openRetry(r, root, name, flags) })
		absent()
		s.Less(num(-1), r.Arg(), s.failure("open "+name, r))
		s.Jump(opened)
	})
}

// failure makes a label at which the list fails with the error in a register.
func (s *script) failure(what string, r program.Reg) program.Label {
	l := s.Label()
	s.Later(func() {
		s.Bind(l)
		s.FailWith(what, r)
	})
	return l
}

// openOnce goes on at the label if the path does not exist, or cannot be resolved now.
func (s *script) openOnce(r, root program.Reg, name string, flags uint64, unusual program.Label) {
	how := s.Words(flags|unix.O_CLOEXEC, 0, unix.RESOLVE_IN_ROOT|unix.RESOLVE_NO_MAGICLINKS)
	s.Set(r, "open "+name, unix.SYS_OPENAT2, root.Arg(), s.String(name), how, num(sizeofOpenHow))
	s.Hint(targetHints)
	s.Or(unusual, unix.EAGAIN, unix.ENOENT)
}

// openRetry opens a path, again and again while renames elsewhere hinder it. If it does
// not exist r is the negative ENOENT.
func (s *script) openRetry(r, root program.Reg, name string, flags uint64) {
	end := s.Label()
	tries := s.Reg()
	s.Add(tries, num(0), num(0))
	again, renamed := s.Here(), s.Label()
	s.openOnce(r, root, name, flags, renamed)
	s.Jump(end)
	s.Bind(renamed)
	s.isErrno(r, unix.EAGAIN, end)
	s.Add(tries, tries.Arg(), num(1))
	s.CheckLess("open "+name+", while others rename directories", tries.Arg(), num(maxRetries), unix.EAGAIN)
	s.Jump(again)
	s.Bind(end)
	s.Free(tries)
}

// nest has the host send a list for what is unusual.
func (s *script) nest(what string, build func(n *script)) {
	prefix, _ := s.Context()
	s.Ask(what, func([]byte, []int) (*program.Program, error) {
		n := newScript(program.NewNested())
		if prefix != "" {
			n.In(strings.TrimSuffix(prefix, ": "))
		}
		build(n)
		return n.Build()
	}, s.String(""), num(0))
}

// nowhere is no label.
const nowhere program.Label = -1

// openPath opens a path as a reference to a place (O_PATH).
func (s *script) openPath(root program.Reg, name string, missing program.Label) program.Reg {
	r := s.Reg()
	s.openIn(r, root, name, unix.O_PATH, missing)
	return r
}

// openAt opens the entry name of an open directory and follows no link.
func (s *script) openAt(r, dir program.Reg, name string, flags int) {
	s.Set(r, "open "+name, unix.SYS_OPENAT, dir.Arg(), s.String(name), num(flags|unix.O_NOFOLLOW|unix.O_CLOEXEC), num(0))
}

// mkdirAll makes a directory and its missing parents in the root and returns a
// reference to it. Links are followed within the root; one that leads to nothing
// is completed.
func (s *script) mkdirAll(root program.Reg, name string) program.Reg {
	r := s.Reg()
	name = path.Clean("/" + name)
	missing, done := s.Label(), s.Label()
	s.openOnce(r, root, name, unix.O_PATH|unix.O_DIRECTORY, missing)
	s.Bind(done)
	s.Later(func() {
		// As a rule only the last name is missing, such as in a new tmpfs.
		unusual := s.Label()
		dir, base := path.Split(name)
		s.Bind(missing)
		parent := s.Reg()
		s.openOnce(parent, root, dir, unix.O_PATH|unix.O_DIRECTORY, unusual)
		s.Do("mkdir "+name, unix.SYS_MKDIRAT, parent.Arg(), s.String(base), num(0o755))
		s.Hint(targetHints)
		s.Ignore(unix.EEXIST)
		s.Close(parent)
		s.openOnce(r, root, name, unix.O_PATH|unix.O_DIRECTORY, unusual)
		s.Jump(done)
		s.Bind(unusual)
		s.nest("mkdir "+name, func(n *script) { n.mkdirSteps(r, root, name, maxLinks) })
		s.Jump(done)
	})
	return r
}

// mkdirSteps makes a directory from the root on and puts a reference to it into r. The
// name may hold the targets of links: it may have "..", which must not be cleaned away,
// for what is before it may be a link too.
func (s *script) mkdirSteps(r, root program.Reg, name string, links int) {
	done := s.Label()
	parent, next := s.Reg(), s.Reg()
	s.openRetry(parent, root, "/", unix.O_PATH|unix.O_DIRECTORY)
	at := ""
	for _, base := range strings.Split(strings.Trim(name, "/"), "/") {
		if base == "" {
			continue
		}
		dir := at + "/"
		at = dir + base
		s.openRetry(next, root, at, unix.O_PATH|unix.O_DIRECTORY)
		missing, opened := s.Label(), s.Label()
		s.Less(num(-1), next.Arg(), missing)
		s.Jump(opened)
		s.Bind(missing)
		if base == "." || base == ".." { // never made relative to parent, which can be the root
			s.FailWith("open "+at, next)
		}
		s.Do("mkdir "+at, unix.SYS_MKDIRAT, parent.Arg(), s.String(base), num(0o755))
		s.Hint(targetHints)
		s.Ignore(unix.EEXIST)
		s.openAt(next, parent, base, unix.O_PATH|unix.O_DIRECTORY)
		link := s.Label()
		s.Or(link, unix.ENOTDIR, unix.ELOOP)
		s.Jump(opened)
		s.Bind(link)
		rest := strings.Join(strings.Split(strings.Trim(name, "/"), "/")[strings.Count(at, "/"):], "/")
		s.followLink(r, parent, base, dir, links, func(n *script, target string, links int) {
			n.mkdirSteps(r, root, target+"/"+rest, links)
		})
		s.Jump(done)
		s.Bind(opened)
		s.moveReg(parent, next)
	}
	s.Add(r, parent.Arg(), num(0))
	s.Bind(done)
	s.Free(parent, next)
}

// moveReg closes what was in to, and puts there what is in from.
func (s *script) moveReg(to, from program.Reg) {
	s.Do("close", unix.SYS_CLOSE, to.Arg())
	s.Add(to, from.Arg(), num(0))
}

// followLink is for a link that leads to nothing yet: neither missing nor a directory.
// The host is told its target, and goes on with a list for that.
func (s *script) followLink(r, parent program.Reg, base, dir string, links int,
	follow func(n *script, target string, links int)) {
	if links == 0 {
		s.Fail("follow links", unix.ELOOP)
		return
	}
	buf := s.Space(unix.PathMax)
	n := s.Get("read link "+dir+base, unix.SYS_READLINKAT, parent.Arg(), s.String(base), buf, num(unix.PathMax))
	s.Do("close", unix.SYS_CLOSE, parent.Arg())
	prefix, _ := s.Context()
	s.Ask("follow link "+dir+base, func(payload []byte, _ []int) (*program.Program, error) {
		to := string(payload)
		if to == "" || strings.ContainsRune(to, 0) {
			return nil, fmt.Errorf("%slink %s%s: its target %q is no path", prefix, dir, base, to)
		}
		if !path.IsAbs(to) {
			to = dir + to
		}
		nested := newScript(program.NewNested(r))
		if prefix != "" {
			nested.In(strings.TrimSuffix(prefix, ": "))
		}
		follow(nested, to, links-1)
		return nested.Build()
	}, buf, n.Arg())
	s.Free(n)
}

// makeFile makes an empty file, as the place for a bind mount, unless there is
// something already, and returns a reference to it. A link to nothing is followed
// within the root, and its target is made.
func (s *script) makeFile(root program.Reg, name string) program.Reg {
	r := s.Reg()
	missing, done := s.Label(), s.Label()
	name = path.Clean("/" + name)
	s.openOnce(r, root, name, unix.O_PATH, missing)
	s.Bind(done)
	s.Later(func() {
		s.Bind(missing)
		s.nest("make file "+name, func(n *script) { n.makeFileSteps(r, root, name, maxLinks) })
		s.Jump(done)
	})
	s.isNot(r, unix.S_IFDIR, "a directory is there", unix.EISDIR)
	return r
}

func (s *script) makeFileSteps(r, root program.Reg, name string, links int) {
	end := s.Label()
	s.openRetry(r, root, name, unix.O_PATH)
	absent := s.Label()
	s.Less(num(-1), r.Arg(), absent)
	s.Jump(end)
	s.Bind(absent)
	dir, base := path.Split(name)
	if base == "" || base == "." || base == ".." {
		s.Fail("make file "+name, unix.EISDIR)
		s.Bind(end)
		return
	}
	parent := s.Reg()
	s.mkdirSteps(parent, root, dir, links)
	link := s.Label()
	s.Set(r, "make file "+name, unix.SYS_OPENAT, parent.Arg(), s.String(base),
		num(unix.O_CREAT|unix.O_EXCL|unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC), num(0o644))
	s.Or(link, unix.EEXIST)
	s.Do("close", unix.SYS_CLOSE, parent.Arg())
	s.Jump(end)
	s.Bind(link)
	s.followLink(r, parent, base, dir, links, func(n *script, target string, links int) {
		n.makeFileSteps(r, root, target, links)
	})
	s.Bind(end)
	s.Free(parent)
}

// Offsets in the kernel's structures, the same on amd64 and arm64.
const (
	sizeofStatx     = 256
	statxAttributes = 8  // u64
	statxUid        = 20 // u32
	statxGid        = 24 // u32
	statxMode       = 28 // u16
	statxSize       = 40 // u64
	statxAtime      = 64 // s64 seconds, u32 nanoseconds
	statxMtime      = 112
	statxRdevMajor  = 128
	statxRdevMinor  = 132

	sizeofStatfs = 120
	statfsType   = 0
	statfsFlags  = 80
)

// stat reads the status of what a descriptor refers to, which is kept in the list's data.
func (s *script) stat(fd program.Reg) program.Arg {
	st := s.Space(sizeofStatx)
	s.Do("statx", unix.SYS_STATX, fd.Arg(), s.String(""), num(unix.AT_EMPTY_PATH),
		num(unix.STATX_BASIC_STATS), st)
	return st
}

// isNot fails if what a descriptor refers to is of a type, S_IF*.
func (s *script) isNot(fd program.Reg, kind uint32, what string, errno unix.Errno) {
	mode := s.Load(s.stat(fd).At(statxMode), 2)
	ok := s.Label()
	s.Test(mode.Arg(), num(unix.S_IFMT), num(kind), ok)
	s.Fail(what, errno)
	s.Bind(ok)
	s.Free(mode)
}

// isDir goes on if a descriptor refers to a directory, else at the label.
func (s *script) isDir(fd program.Reg, otherwise program.Label) {
	mode := s.Load(s.stat(fd).At(statxMode), 2)
	s.Test(mode.Arg(), num(unix.S_IFMT), num(unix.S_IFDIR), otherwise)
	s.Free(mode)
}

// fsType returns the type of the file system of a descriptor, *_MAGIC.
func (s *script) fsType(fd program.Reg) program.Reg {
	st := s.Space(sizeofStatfs)
	s.Do("fstatfs", unix.SYS_FSTATFS, fd.Arg(), st)
	return s.Load(st.At(statfsType), 8)
}

// putUint32 makes the bytes of a number, as the kernel's structures have them.
func putUint32(v uint32) []byte { return binary.NativeEndian.AppendUint32(nil, v) }
