// What a further process of a container does, as lists of system calls.
//
// A process of the container that has CAP_SYS_PTRACE can trace, read and change
// whatever it can see. So the process that joins stays outside of the container's pid
// namespace until it has joined all others and the cgroups, and has given up all that
// the program must not have: only then it clones the one that becomes the program, as a
// child of the host. At that moment the cgroups hold both.
// Nothing secret is sent to that one, and nothing it says is trusted.

package libcontainer

import (
	"os"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/internal/program"
)

// joinStage builds the first list of a further process: it joins the namespaces of the
// container's init and asks who the user is.
func (p *initPlan) joinStage(init *os.File, flags uintptr) (*program.Program, error) {
	s := newScript(p.regs)
	pidfd := s.Files(init)[0]
	s.Do("umask", unix.SYS_UMASK, num(p.umask()))
	p.labelFiles.open(s, p)
	if err := p.firstAffinity(s); err != nil {
		return nil, err
	}
	p.joinContainer(s, pidfd, flags)
	if flags&unix.CLONE_NEWNS == 0 {
		p.chroot(s)
	}
	p.newKeyring(s)
	p.makeCwdInside(s)
	p.openTerminalInside(s)
	p.askUser(s, func(u *execUser) (*program.Program, error) { return p.joinFinish(u) })
	return s.Build()
}

// joinContainer joins the namespaces of a process, at once where that is permitted, else
// as joinNamespaces does.
func (p *initPlan) joinContainer(s *script, pidfd program.Reg, flags uintptr) {
	joined := s.Label()
	if flags != 0 {
		s.Do("join the container's namespaces", unix.SYS_SETNS, pidfd.Arg(), num(flags))
	}
	if flags&unix.CLONE_NEWUSER != 0 {
		denied := s.Label()
		s.Or(denied, unix.EPERM)
		s.Later(func() {
			s.Bind(denied)
			var list []joinedNamespace
			var regs []program.Reg
			for _, t := range configs.NamespaceTypes() {
				ns := configs.Namespace{Type: t}
				if flags&uintptr(ns.Syscall()) != 0 {
					list = append(list, joinedNamespace{name: nsName(t), path: "of the container", flag: ns.Syscall()})
					regs = append(regs, pidfd)
				}
			}
			joinNamespaces(s, list, regs)
			s.Jump(joined)
		})
		becomeRoot(s)
	}
	s.Bind(joined)
	s.Close(pidfd)
}

// clonesLast tells whether the process that sets up is none of the pid namespace's, and
// clones the one that becomes the program when it has nothing more to give up.
func (p *initPlan) clonesLast() bool { return !p.classic && (p.join || p.latePid) }

// cloneProgram clones that one, for which the list goes on.
func (p *initPlan) cloneProgram(s *script) error {
	p.notify.prepare(p, s)
	p.labelFiles.write(s, p) // only the process itself may; what it clones inherits it
	p.cloneInit(s, 0, program.NoReg)
	setDumpable(s, 0)
	if err := p.setScheduler(s, false); err != nil {
		return err
	}
	p.newSession(s)
	if p.ownTerminal {
		s.takeTerminal()
	}
	return nil
}

// joinFinish builds the list with which a further process becomes the program.
func (p *initPlan) joinFinish(u *execUser) (*program.Program, error) {
	s := newScript(p.regs)
	files := append(append([]*os.File(nil), p.setupFiles...), p.execFiles...)
	regs := s.Files(files...)
	u.closeDatabases(s)
	if err := p.becomeUser(s, u); err != nil {
		return nil, err
	}
	args := p.lookUpProgram(s, u)
	enterCgroups(s, files, regs)
	if err := p.cloneProgram(s); err != nil {
		return nil, err
	}
	p.denyNewPrivileges(s)
	if err := p.execute(s, args); err != nil {
		return nil, err
	}
	return s.Build()
}
