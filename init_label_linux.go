// The security labels that the program gets from AppArmor and SELinux, as operations
// of init.

package libcontainer

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/internal/program"
)

// attrDir is where the kernel has the attributes of a thread that say what execve(2)
// makes of it, see proc_pid_attr(5). They are opened while /proc is the host's, so that
// a container cannot put others in their place, and as files, from which no path leads
// anywhere. The kernel lets only the thread itself write them; they go through fork(2).
const attrDir = "/proc/thread-self/attr/"

// labelRegs are the open files of a process's labels.
type labelRegs struct {
	apparmor, selinux program.Reg
}

func (l *labelRegs) open(s *script, p *initPlan) {
	if p.profile != "" {
		// The files of the process as such are those of the module that comes first.
		l.apparmor = s.openLabel(apparmorWhat(p), attrDir+"apparmor/exec", attrDir+"exec")
	}
	if p.label != "" {
		l.selinux = s.openLabel(selinuxWhat(p), attrDir+"exec", "")
	}
}

func apparmorWhat(p *initPlan) string { return fmt.Sprintf("set AppArmor profile %q", p.profile) }
func selinuxWhat(p *initPlan) string  { return fmt.Sprintf("set SELinux label %q", p.label) }

// openLabel opens the first of the files that exists.
func (s *script) openLabel(what, file, other string) program.Reg {
	const flags = unix.O_WRONLY | unix.O_CLOEXEC
	fd := s.Reg()
	opened := s.Label()
	open := func(file string) {
		s.Set(fd, what+": open "+file, unix.SYS_OPENAT, num(unix.AT_FDCWD), s.String(file), num(flags), num(0))
	}
	open(file)
	if other != "" {
		absent := s.Label()
		s.Or(absent, unix.ENOENT)
		s.Jump(opened)
		s.Bind(absent)
		open(other)
		s.Bind(opened)
	}
	typ := s.fsType(fd)
	s.Check(what+": "+file+" is not of procfs", typ.Arg(), num(-1), num(unix.PROC_SUPER_MAGIC), unix.EINVAL)
	s.Free(typ)
	return fd
}

// write makes the next execve of this process, and of those that it forks off, give the
// program its labels.
func (l *labelRegs) write(s *script, p *initPlan) {
	if p.profile != "" {
		s.writeLabel(apparmorWhat(p), l.apparmor, "exec "+p.profile)
	}
	if p.label != "" {
		s.writeLabel(selinuxWhat(p), l.selinux, p.label)
	}
}

func (s *script) writeLabel(what string, fd program.Reg, value string) {
	s.Blame(true)
	n := s.Get(what+": the kernel does not take it", unix.SYS_WRITE, fd.Arg(), s.String(value), num(len(value)))
	s.Check(what+": the kernel took only a part of it", n.Arg(), num(-1), num(len(value)), unix.EINVAL)
	s.Blame(false)
	s.Free(n)
}
