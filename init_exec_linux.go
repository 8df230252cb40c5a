// The last steps of init, and the user's program, as operations.

package libcontainer

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/internal/program"
)

// defaultPath is searched when the environment has no PATH.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// dirOf gives the directory of a file's name.
func dirOf(name string) string { return filepath.Dir(name) }

func getUint32(b []byte) uint32 { return binary.NativeEndian.Uint32(b) }
func getUint64(b []byte) uint64 { return binary.NativeEndian.Uint64(b) }

// programArgs are the arguments of execve(2).
type programArgs struct {
	name       program.Reg // a pointer
	argv, envv program.Arg
}

// finish builds the list with which the container's init becomes the program.
func (p *initPlan) finish(u *execUser, cgroups []program.Reg, cgroupFiles []*os.File) (*program.Program, error) {
	s := newScript(p.regs)
	var listener program.Reg
	if p.listener != nil {
		listener = s.Files(p.listener)[0]
	}
	u.closeDatabases(s)
	enterCgroups(s, cgroupFiles, cgroups)
	// From here on the process is in its cgroups.
	if p.creates(configs.NEWCGROUP) && !p.join {
		s.Do("create cgroup namespace", unix.SYS_UNSHARE, num(unix.CLONE_NEWCGROUP))
	}
	if err := p.becomeUser(s, u); err != nil {
		return nil, err
	}
	args := p.lookUpProgram(s, u)
	if p.clonesLast() {
		s.Close(p.joinedPid)
		if !p.inUserNS() {
			s.Close(p.ownPid)
		}
		if err := p.cloneProgram(s); err != nil {
			return nil, err
		}
	}
	p.denyNewPrivileges(s)
	if p.prepare {
		p.awaitRelease(s, listener)
	}
	if err := p.hooks(s, startContainer, u); err != nil {
		return nil, err
	}
	if err := p.execute(s, args); err != nil {
		return nil, err
	}
	return s.Build()
}

// becomeUser gives up what the program must not have.
func (p *initPlan) becomeUser(s *script, u *execUser) error {
	for fd := range 3 {
		// What the caller passed as a file of its own is not ours to change.
		if p.ownStdio&(1<<fd) != 0 {
			s.Do(fmt.Sprintf("chown standard descriptor %d to %d:%d", fd, u.UID, u.GID), unix.SYS_FCHOWN,
				num(fd), num(u.UID), num(u.GID))
		}
	}
	p.chownTerminal(s, u)
	cwd := s.Space(unix.PathMax)
	denied := p.changeDir(s, cwd, true)
	if err := p.scheduling(s); err != nil {
		return err
	}
	p.raiseLimits(s)
	p.dropBounding(s)
	s.Do("prctl PR_SET_KEEPCAPS", unix.SYS_PRCTL, num(unix.PR_SET_KEEPCAPS), num(1), num(0), num(0), num(0))
	if err := p.setUser(s, u); err != nil {
		return err
	}
	s.Do("prctl PR_SET_KEEPCAPS", unix.SYS_PRCTL, num(unix.PR_SET_KEEPCAPS), num(0), num(0), num(0), num(0))
	p.setCapabilities(s)
	setDumpable(s, 0) // changing credentials may have made the process dumpable
	// Root may lack what the user has, as on NFS.
	done := s.Label()
	s.Less(denied.Arg(), num(0), done)
	p.changeDir(s, cwd, false)
	s.Bind(done)
	s.Free(denied)
	return nil
}

// changeDir enters the working directory and makes sure that it lies inside the
// root: getcwd(2) gives a path that does not begin with "/" if it does not, as
// when the path leads through a descriptor that leaked in. The register is negative if
// that was denied, which is an error the second time.
func (p *initPlan) changeDir(s *script, cwd program.Arg, first bool) program.Reg {
	dir := p.process.Cwd
	if dir == "" {
		dir = "/"
	}
	s.Blame(true)
	defer s.Blame(false)
	denied := s.Label()
	r := s.Get(fmt.Sprintf("change to working directory %q", dir), unix.SYS_CHDIR, s.String(dir))
	if first {
		s.Or(denied, unix.EACCES)
	}
	s.Do(fmt.Sprintf("get working directory %q", dir), unix.SYS_GETCWD, cwd, num(unix.PathMax))
	c := s.Load(cwd, 1)
	s.Check(fmt.Sprintf("working directory %q lies outside of the container's root", dir), c.Arg(), num(-1), num(int('/')), unix.EXDEV)
	s.Free(c)
	s.Bind(denied)
	if !first {
		s.Free(r)
	}
	return r
}

// makeCwd makes the working directory in a root file system.
func (p *initPlan) makeCwd(s *script, root program.Reg) {
	defer s.In(fmt.Sprintf("make working directory %q", p.process.Cwd))()
	s.Blame(true)
	s.Close(s.mkdirAll(root, p.process.Cwd))
	s.Blame(false)
}

// makeCwdInside is makeCwd for a process whose root is the container's already.
func (p *initPlan) makeCwdInside(s *script) {
	if !p.process.MakeCwd {
		return
	}
	s.Do("umask", unix.SYS_UMASK, num(0))
	root := s.openSlash()
	p.makeCwd(s, root)
	s.Close(root)
	s.Do("umask", unix.SYS_UMASK, num(p.umask()))
}

// openSlash opens the process's root directory as a place.
func (s *script) openSlash() program.Reg {
	return s.Get("open /", unix.SYS_OPENAT, num(unix.AT_FDCWD), s.String("/"),
		num(unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC), num(0))
}

func (p *initPlan) rlimits() []configs.Rlimit {
	if p.process.Rlimits != nil {
		return p.process.Rlimits
	}
	return p.config.Rlimits
}

// raiseLimits raises hard limits while we may. The limits themselves come last, when
// nothing is left to be done that they could hinder.
func (p *initPlan) raiseLimits(s *script) {
	for _, l := range p.rlimits() {
		var own unix.Rlimit
		if err := unix.Getrlimit(l.Type, &own); err != nil || l.Hard <= own.Max {
			continue
		}
		s.Do(fmt.Sprintf("set rlimit %d to %d:%d", l.Type, l.Soft, l.Hard), unix.SYS_PRLIMIT64, num(0), num(l.Type),
			s.Words(own.Cur, l.Hard), num(0))
	}
}

func (p *initPlan) setLimits(s *script) {
	for _, l := range p.rlimits() {
		s.Do(fmt.Sprintf("set rlimit %d to %d:%d", l.Type, l.Soft, l.Hard), unix.SYS_PRLIMIT64, num(0), num(l.Type),
			s.Words(l.Soft, l.Hard), num(0))
	}
}

// dropBounding takes all capabilities but those of the program from the bounding
// set. It needs CAP_SETPCAP and so comes before the user changes.
func (p *initPlan) dropBounding(s *script) {
	const what = "drop a capability from the bounding set"
	drop := func(c program.Arg) {
		s.Do(what, unix.SYS_PRCTL, num(unix.PR_CAPBSET_DROP), c, num(0), num(0), num(0))
	}
	for c := range unix.CAP_LAST_CAP + 1 {
		if p.caps.Bounding&(1<<c) == 0 {
			drop(num(c))
			s.Ignore(unix.EINVAL) // beyond the kernel's last capability
		}
	}
	// Those that are newer than this library.
	c, done := s.Reg(), s.Label()
	s.Add(c, num(unix.CAP_LAST_CAP+1), num(0))
	again := s.Here()
	drop(c.Arg())
	s.Or(done, unix.EINVAL)
	s.Add(c, c.Arg(), num(1))
	s.Jump(again)
	s.Bind(done)
	s.Free(c)
}

// setUser changes the ids of the process: real, effective and saved.
func (p *initPlan) setUser(s *script, u *execUser) error {
	if !p.denySetgroups {
		list := make([]byte, 0, 4*len(u.Groups)+8)
		for _, gid := range u.Groups {
			list = binary.NativeEndian.AppendUint32(list, gid)
		}
		s.Do("set supplementary groups "+describeGroups(u.Groups), unix.SYS_SETGROUPS, num(len(u.Groups)), s.Bytes(list))
	} else if len(u.Groups) > 0 {
		return invalid(fmt.Errorf("set supplementary groups %s: the user namespace denies setgroups: %w", describeGroups(u.Groups), unix.EPERM))
	}
	s.Do(fmt.Sprintf("set gid %d", u.GID), unix.SYS_SETRESGID, num(u.GID), num(u.GID), num(u.GID))
	s.Do(fmt.Sprintf("set uid %d", u.UID), unix.SYS_SETRESUID, num(u.UID), num(u.UID), num(u.UID))
	return nil
}

// heldCapabilities are those with which execve is called. Without no_new_privs it
// takes CAP_SYS_ADMIN to install a filter (seccomp(2)), and to restrict itself by
// landlock_restrict_self(2). To give it up afterwards would
// need capset(2), which the filter may refuse; and it need not be given up, because
// execve computes the program's capabilities without regard to the permitted and
// effective ones of its caller (capabilities(7), "Transformation of capabilities
// during execve"): only with no_new_privs do they limit what a file grants.
func (p *initPlan) heldCapabilities() capabilityMasks {
	m := p.caps
	if (p.filter != nil || p.landlock != nil) && !p.noNewPrivileges() {
		m.Permitted |= 1 << unix.CAP_SYS_ADMIN
		m.Effective |= 1 << unix.CAP_SYS_ADMIN
	}
	return m
}

func (p *initPlan) setCapabilities(s *script) {
	m := p.heldCapabilities()
	data := make([]byte, 0, 24)
	for _, shift := range []int{0, 32} {
		for _, set := range []uint64{m.Effective, m.Permitted, m.Inheritable} {
			data = binary.NativeEndian.AppendUint32(data, uint32(set>>shift))
		}
	}
	header := append(putUint32(unix.LINUX_CAPABILITY_VERSION_3), 0, 0, 0, 0)
	s.Do(fmt.Sprintf("set capabilities (permitted %#x)", m.Permitted), unix.SYS_CAPSET, s.Bytes(header), s.Bytes(data))
	for c := range 64 {
		if m.Ambient&(1<<c) != 0 {
			s.Do(fmt.Sprintf("raise ambient capability %d", c), unix.SYS_PRCTL,
				num(unix.PR_CAP_AMBIENT), num(unix.PR_CAP_AMBIENT_RAISE), num(c), num(0), num(0))
		}
	}
}

func (p *initPlan) noNewPrivileges() bool {
	return p.process.NoNewPrivileges || p.config.NoNewPrivileges && !p.process.AllowNewPrivileges
}

func (p *initPlan) denyNewPrivileges(s *script) {
	if p.noNewPrivileges() {
		s.Do("prctl PR_SET_NO_NEW_PRIVS", unix.SYS_PRCTL, num(unix.PR_SET_NO_NEW_PRIVS), num(1), num(0), num(0), num(0))
	}
}

// environment gives the program's environment: of several values for a name the
// last one counts, and HOME is the user's unless it is set.
func environment(env []string, home string) []string {
	last := make(map[string]int, len(env))
	for i, kv := range env {
		name, _, _ := strings.Cut(kv, "=")
		last[name] = i
	}
	out := make([]string, 0, len(env)+1)
	for i, kv := range env {
		name, value, _ := strings.Cut(kv, "=")
		if last[name] != i || name == "HOME" && value == "" {
			continue
		}
		out = append(out, kv)
	}
	if i, ok := last["HOME"]; !ok || env[i] == "HOME=" {
		out = append(out, "HOME="+home)
	}
	return out
}

// lookUpProgram finds the program as execvp(3) does, in the container's files and
// with the rights of the program's user.
func (p *initPlan) lookUpProgram(s *script, u *execUser) programArgs {
	env := environment(p.process.Env, u.Home)
	a := programArgs{name: s.Reg(), argv: s.Strings(p.process.Args), envv: s.Strings(env)}
	s.Blame(true)
	defer s.Blame(false)
	file := p.process.Args[0]
	found, denied, r := s.Label(), s.Reg(), s.Reg()
	if strings.Contains(file, "/") {
		s.executable(a.name, r, denied, file, found)
		s.FailWith(fmt.Sprintf("exec: %q", file), r)
		s.Cause(exec.ErrNotFound)
		s.Hint(lookUpHints)
		s.Bind(found)
		s.Free(r, denied)
		return a
	}
	path := defaultPath
	for _, kv := range env {
		if v, ok := strings.CutPrefix(kv, "PATH="); ok {
			path = v
		}
	}
	s.Add(denied, num(-int(unix.ENOENT)), num(0))
	for dir := range strings.SplitSeq(path, ":") {
		if dir == "" {
			dir = "."
		}
		s.executable(a.name, r, denied, dir+"/"+file, found)
	}
	s.FailWith(fmt.Sprintf("exec: %q: find it in PATH %q", file, path), denied)
	s.Cause(exec.ErrNotFound)
	s.Hint(lookUpHints)
	s.Bind(found)
	s.Free(r, denied)
	return a
}

// executable goes on at found if a file can be executed.
func (s *script) executable(name, r, denied program.Reg, path string, found program.Label) {
	file := s.String(path)
	s.Add(name, file, num(0))
	next, failed := s.Label(), s.Label()
	st := s.Space(sizeofStatx)
	s.Set(r, "stat "+path, unix.SYS_STATX, num(unix.AT_FDCWD), file, num(0), num(unix.STATX_TYPE), st)
	s.OrAny(failed)
	mode := s.Load(st.At(statxMode), 2)
	s.Add(r, num(-int(unix.EACCES)), num(0))
	s.Test(mode.Arg(), num(unix.S_IFMT), num(unix.S_IFREG), failed)
	s.Set(r, "access "+path, unix.SYS_FACCESSAT2, num(unix.AT_FDCWD), file, num(unix.X_OK), num(unix.AT_EACCESS))
	s.OrAny(failed)
	s.Jump(found)
	s.Bind(failed)
	s.isErrno(r, unix.EACCES, next)
	s.Add(denied, r.Arg(), num(0))
	s.Bind(next)
	s.Free(mode)
}

// execute makes the process the program, and all that must come right before.
func (p *initPlan) execute(s *script, a programArgs) error {
	s.Do("close_range", unix.SYS_CLOSE_RANGE, num(p.fdLimit), num(uint32(1<<32-1)), num(unix.CLOSE_RANGE_CLOEXEC))
	for _, set := range []func(*script) error{p.lastAffinity, p.setMemoryPolicy, p.setPersonality} {
		if err := set(s); err != nil {
			return err
		}
	}
	if !p.clonesLast() {
		p.labelFiles.write(s, p)
	}
	p.restrictSelf(s)
	// The kernel clears it at each change of credentials, so it comes last.
	if sig := p.config.ParentDeathSignal; sig > 0 {
		s.Do(fmt.Sprintf("set parent death signal %d", sig), unix.SYS_PRCTL, num(unix.PR_SET_PDEATHSIG), num(sig), num(0), num(0), num(0))
	}
	if p.classic && p.filter != nil {
		p.notify.helper(p, s)
	}
	p.setLimits(s)
	name := p.process.Args[0]
	if p.filter == nil {
		s.Blame(true)
		s.Do("exec "+name, unix.SYS_EXECVE, a.name.Arg(), a.argv, a.envv)
		if p.landlock != nil {
			s.Hint(landlockExecHints)
		} else {
			s.Hint(execHints)
		}
		return nil
	}
	// From here on every system call is the profile's to refuse, and the profile is
	// for the user's program and not for us. So execve is the only one that follows.
	p.installFilter(s)
	r := s.Get("exec "+name, unix.SYS_EXECVE, a.name.Arg(), a.argv, a.envv)
	s.IgnoreAll()
	// Nothing more can be told than a status: 256 less the error.
	s.Do("exit", unix.SYS_EXIT_GROUP, r.Arg())
	s.IgnoreAll()
	return nil
}

// filterProgram puts the filter into the data, as a struct sock_fprog of seccomp(2).
func (p *initPlan) filterProgram(s *script) program.Arg {
	fprog := s.Words(uint64(len(p.filter.Filter)/unix.SizeofSockFilter), 0)
	s.Point(fprog.At(8), s.Bytes(p.filter.Filter))
	return fprog
}

// installFilter installs the filter, and has its listener passed on.
func (p *initPlan) installFilter(s *script) {
	fprog := p.filterProgram(s)
	flags := p.filter.Flags
	if p.classic {
		flags &^= unix.SECCOMP_FILTER_FLAG_TSYNC // the threads of Go's are not the program's
	}
	what := fmt.Sprintf("install the seccomp filter of %d instructions with flags %#x",
		len(p.filter.Filter)/unix.SizeofSockFilter, flags)
	p.notify.announce(p, s)
	fd := s.Get(what, unix.SYS_SECCOMP, num(unix.SECCOMP_SET_MODE_FILTER), num(flags), fprog)
	p.notify.await(p, s, fd)
	s.Free(fd)
}
