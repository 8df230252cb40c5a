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

	retries program.Arg // a word that counts them
}

func newScript(regs *program.Registers) *script {
	s := &script{Builder: program.NewBuilder(regs)}
	s.retries = s.Words(0)
	return s
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
	how := s.Words(flags|unix.O_CLOEXEC, 0, unix.RESOLVE_IN_ROOT|unix.RESOLVE_NO_MAGICLINKS)
	again, unusual := s.Here(), s.Label()
	s.Set(r, "open "+name, unix.SYS_OPENAT2, root.Arg(), s.String(name), how, num(sizeofOpenHow))
	if missing == nowhere {
		s.Or(unusual, unix.EAGAIN)
	} else {
		s.Or(unusual, unix.EAGAIN, unix.ENOENT)
	}
	s.Later(func() {
		s.Bind(unusual)
		if missing != nowhere {
			retry := s.Label()
			s.isErrno(r, unix.ENOENT, retry)
			s.Jump(missing)
			s.Bind(retry)
		}
		n := s.Load(s.retries, 8)
		s.Add(n, n.Arg(), num(1))
		s.Store(s.retries, n.Arg(), 8)
		s.CheckLess("open "+name+", while others rename directories", n.Arg(), num(maxRetries), unix.EAGAIN)
		s.Free(n)
		s.Jump(again)
	})
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
	missing, done := s.Label(), s.Label()
	s.openIn(r, root, path.Clean("/"+name), unix.O_PATH|unix.O_DIRECTORY, missing)
	s.Bind(done)
	s.Later(func() {
		s.Bind(missing)
		s.mkdirSteps(r, root, path.Clean("/"+name), maxLinks, done)
	})
	return r
}

// mkdirSteps makes a directory from the root on, puts a reference to it into r and
// goes on at done. The name may hold the targets of links: it may have "..", which
// must not be cleaned away, for what is before it may be a link too.
func (s *script) mkdirSteps(r, root program.Reg, name string, links int, done program.Label) {
	parent, next := s.Reg(), s.Reg()
	s.openIn(parent, root, "/", unix.O_PATH|unix.O_DIRECTORY, nowhere)
	at := ""
	for _, base := range strings.Split(strings.Trim(name, "/"), "/") {
		if base == "" {
			continue
		}
		dir := at + "/"
		at = dir + base
		missing, opened := s.Label(), s.Label()
		if base == "." || base == ".." { // never relative to parent, which can be the root
			missing = nowhere
		}
		s.openIn(next, root, at, unix.O_PATH|unix.O_DIRECTORY, missing)
		if missing == nowhere {
			s.moveReg(parent, next)
			continue
		}
		s.Jump(opened)
		s.Bind(missing)
		s.Do("mkdir "+at, unix.SYS_MKDIRAT, parent.Arg(), s.String(base), num(0o755))
		s.Ignore(unix.EEXIST)
		s.openAt(next, parent, base, unix.O_PATH|unix.O_DIRECTORY)
		link := s.Label()
		s.Or(link, unix.ENOTDIR, unix.ELOOP)
		s.Jump(opened)
		s.Bind(link)
		rest := name[len(at):]
		s.followLink(parent, base, dir, links, func(n *script, root program.Reg, target string, links int) {
			end := n.Label()
			n.mkdirSteps(r, root, target+rest, links, end)
			n.Bind(end)
		}, root)
		s.Jump(done)
		s.Bind(opened)
		s.moveReg(parent, next)
	}
	s.Add(r, parent.Arg(), num(0))
	s.Free(parent, next)
	s.Jump(done)
}

// moveReg closes what was in to, and puts there what is in from.
func (s *script) moveReg(to, from program.Reg) {
	s.Do("close", unix.SYS_CLOSE, to.Arg())
	s.Add(to, from.Arg(), num(0))
}

// followLink is for a link that leads to nothing yet: neither missing nor a directory.
// The host is told its target, and goes on with a list for that.
func (s *script) followLink(parent program.Reg, base, dir string, links int,
	target func(n *script, root program.Reg, target string, links int), root program.Reg) {
	if links == 0 {
		s.Fail("follow links", unix.ELOOP)
		return
	}
	buf := s.Space(unix.PathMax)
	n := s.Get("read link "+dir+base, unix.SYS_READLINKAT, parent.Arg(), s.String(base), buf, num(unix.PathMax))
	s.Do("close", unix.SYS_CLOSE, parent.Arg())
	s.Ask("follow link "+dir+base, func(payload []byte, files []int) (*program.Program, error) {
		to := string(payload)
		if to == "" || strings.ContainsRune(to, 0) {
			return nil, fmt.Errorf("link %s%s: its target %q is no path", dir, base, to)
		}
		if !path.IsAbs(to) {
			to = dir + to
		}
		nested := newScript(program.NewNested())
		target(nested, root, to, links-1)
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
	s.openIn(r, root, name, unix.O_PATH, missing)
	s.Bind(done)
	s.Later(func() {
		s.Bind(missing)
		s.makeFileSteps(r, root, name, maxLinks, done)
	})
	s.isKind(r, unix.S_IFDIR, "a directory is there", unix.EISDIR)
	return r
}

func (s *script) makeFileSteps(r, root program.Reg, name string, links int, done program.Label) {
	dir, base := path.Split(name)
	if base == "" || base == "." || base == ".." {
		s.Fail("make file "+name, unix.EISDIR)
		return
	}
	parent := s.Reg()
	made := s.Label()
	s.mkdirSteps(parent, root, dir, links, made)
	s.Bind(made)
	link := s.Label()
	s.Set(r, "make file "+name, unix.SYS_OPENAT, parent.Arg(), s.String(base),
		num(unix.O_CREAT|unix.O_EXCL|unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC), num(0o644))
	s.Or(link, unix.EEXIST)
	s.Do("close", unix.SYS_CLOSE, parent.Arg())
	s.Jump(done)
	s.Bind(link)
	s.followLink(parent, base, dir, links, func(n *script, root program.Reg, target string, links int) {
		missing, end := n.Label(), n.Label()
		n.openIn(r, root, target, unix.O_PATH, missing)
		n.Jump(end)
		n.Bind(missing)
		n.makeFileSteps(r, root, target, links, end)
		n.Bind(end)
	}, root)
	s.Free(parent)
	s.Jump(done)
}

// Offsets in the kernel's structures, the same on amd64 and arm64.
const (
	sizeofStatx     = 256
	statxAttributes = 8  // u64
	statxMode       = 28 // u16
	statxRdevMajor  = 128
	statxRdevMinor  = 132

	sizeofStatfs = 120
	statfsType   = 0
)

// stat reads the status of what a descriptor refers to, which is kept in the list's data.
func (s *script) stat(fd program.Reg) program.Arg {
	st := s.Space(sizeofStatx)
	s.Do("statx", unix.SYS_STATX, fd.Arg(), s.String(""), num(unix.AT_EMPTY_PATH),
		num(unix.STATX_BASIC_STATS), st)
	return st
}

// isKind fails if what a descriptor refers to is of a type, S_IF*.
func (s *script) isKind(fd program.Reg, kind uint32, what string, errno unix.Errno) {
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
