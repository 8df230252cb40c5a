// What a container's init does, as lists of system calls (internal/program): a new
// container's here, a further process's in init_join_linux.go. The lists are executed
// by the image (internal/image) or, behind the classic door, by the Go interpreter of
// an init program that has gone through the preamble.

package libcontainer

import (
	"fmt"
	"os"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/internal/launch"
	"github.com/libcontainer/libcontainer/internal/program"
	"github.com/libcontainer/libcontainer/seccomp"
)

// initPlan is what the lists of one start are made of. It is not changed while they
// are executed, but for what comes to be known then.
type initPlan struct {
	config  *configs.Config
	process *Process
	regs    *program.Registers
	masks   []string // the configuration's, without patterns

	landlock *landlockRules // nil for none

	join    bool // a further process of a container that runs
	prepare bool // it waits to be released before the program
	classic bool // the preamble has made the namespaces
	latePid bool // a new container in a pid namespace that others are in

	// privileged tells that the host is root, and bornMapless that init is cloned into its
	// user namespace, whose mappings the host then writes: who has entered one may not
	// clone into a cgroup of the host.
	privileged, bornMapless bool

	// With latePid: the pid namespace that is joined, and unless a user namespace is in
	// the way that of the host program.
	joinedPid, ownPid program.Reg

	fdLimit int // the first descriptor that the program does not inherit
	pipe    int // the init pipe's
	scratch int // a number that is free for dup3(2), where a path must have it

	caps          capabilityMasks
	filter        *seccomp.Program // nil for none
	profile       string           // AppArmor's
	label         string           // SELinux's
	denySetgroups bool
	ownStdio      int     // bit n: descriptor n is a pipe or terminal that the library made
	terminal      bool    // the standard descriptors are one
	ownTerminal   bool    // init makes it, in the container's devpts
	hostNull      [3]bool // these descriptors are the host's /dev/null

	cgroupPaths  map[string]string
	cgroupMounts []cgroupMount
	setupFiles   []*os.File // to which init writes in order to enter cgroups
	execFiles    []*os.File
	hostMounts   []string // of procfs and sysfs, for a root from which nothing pivots
	listener     *os.File // where a prepared init is released

	mountCommands     []configs.Command // those that run, by their number
	mountCommandNames []string

	labelFiles labelRegs
	notify     notifyRegs

	host initHost
}

// initHost is what the lists ask of the host.
type initHost interface {
	// mapIDs writes the mappings of the stage's new user namespace, timeOffsets
	// those of its new time namespace.
	mapIDs() error
	timeOffsets() error
	// settles is told that the stage itself, now in its namespaces, does the set-up.
	settles() error
	// cloned is told of the process that the stage has cloned.
	cloned(pid int, pidfd int, born bool) error
	// orphaned is told of one whose pidfd this program has no descriptor free for.
	orphaned(pid int)
	// mapMount maps the ids of a mount.
	mapMount(m *configs.Mount, tree *os.File) error
	// createHooks runs the hooks of the host's namespaces.
	createHooks() error
	// ready is told that the container is set up; what it returns comes after that.
	ready(user *execUser) error
	// awaitsRelease is told that a prepared init waits.
	awaitsRelease() error
	// terminal is given the master of the terminal that init has made.
	terminal(slave string, master *os.File) error
	// passListener gives the agent the listener of a filter.
	passListener(listener *os.File) error
	// hook runs, and hookEnded ends, the host's side of a hook inside.
	hookStarted(h hookID, pid int, files []*os.File) error
	hookEnded(h hookID, code, status int) error
}

func (p *initPlan) inUserNS() bool { return p.config.Namespaces.Contains(configs.NEWUSER) }

// creates tells whether a namespace of type t is made for this container, so that what
// is set in it reaches nobody else.
func (p *initPlan) creates(t configs.NamespaceType) bool { return p.config.Namespaces.Creates(t) }

func (p *initPlan) umask() int {
	if p.process != nil && p.process.Umask != nil {
		return int(*p.process.Umask)
	}
	if p.config.Umask != nil {
		return int(*p.config.Umask)
	}
	return 0o022
}

// scratchPath names the scratch descriptor in the host's procfs.
func (p *initPlan) scratchPath() string { return "/proc/self/fd/" + strconv.Itoa(p.scratch) }

// processName is what ps(1) shows as long as no other program is executed.
const processName = "libcontainer"

// first builds the list that comes before any with descriptors.
func (p *initPlan) first() (*program.Program, error) {
	s := newScript(p.regs)
	p.begin(s)
	s.Next("wait for the host")
	return s.Build()
}

// begin is what any init does first: nobody may look into it, and it has nothing of the
// host program's but what it was given.
func (p *initPlan) begin(s *script) {
	s.Do("prctl PR_SET_DUMPABLE", unix.SYS_PRCTL, num(unix.PR_SET_DUMPABLE), num(0), num(0), num(0), num(0))
	if !p.classic {
		s.Do("prctl PR_SET_NAME", unix.SYS_PRCTL, num(unix.PR_SET_NAME), s.String(processName), num(0), num(0), num(0))
		s.Do("close_range", unix.SYS_CLOSE_RANGE, num(p.scratch+1), num(uint32(1<<32-1)), num(0))
	}
	p.defaultSignals(s)
}

// defaultSignals undoes what the host program, or its parent, has ignored or blocked:
// both go through execve(2).
func (p *initPlan) defaultSignals(s *script) {
	if !p.classic {
		s.resetSignals()
	}
	s.Do("unblock signals", unix.SYS_RT_SIGPROCMASK, num(2 /* SIG_SETMASK */), s.Words(0), num(0), num(8))
}

// resetSignals gives all signals their default actions.
func (s *script) resetSignals() {
	const highest = 64
	action := s.Space(32) // struct sigaction of the kernel: SIG_DFL, no flags
	sig := s.Reg()
	s.Add(sig, num(1), num(0))
	done := s.Label()
	loop := s.Here()
	s.Less(sig.Arg(), num(highest+1), done)
	s.Do("reset signal", unix.SYS_RT_SIGACTION, sig.Arg(), action, num(0), num(8))
	s.Ignore(unix.EINVAL) // SIGKILL and SIGSTOP
	s.Add(sig, sig.Arg(), num(1))
	s.Jump(loop)
	s.Bind(done)
	s.Free(sig)
}

// stage builds the first list of a new container: the process that the host has spawned
// joins and makes namespaces, and clones the container's init into them.
func (p *initPlan) stage(namespaces []joinedNamespace, cgroup *os.File) (*program.Program, error) {
	s := newScript(p.regs)
	var files []*os.File
	for _, ns := range namespaces {
		files = append(files, ns.file)
	}
	if cgroup != nil {
		files = append(files, cgroup)
	}
	regs := s.Files(files...)
	joinNamespaces(s, namespaces, regs)
	for i, ns := range namespaces {
		if p.latePid && ns.flag == unix.CLONE_NEWPID {
			p.joinedPid = regs[i]
			continue
		}
		s.Close(regs[i])
	}
	flags := p.config.Namespaces.CloneFlags()
	p.bornMapless = flags&unix.CLONE_NEWUSER != 0 && flags&unix.CLONE_NEWTIME == 0 && cgroup != nil && p.privileged
	if flags&unix.CLONE_NEWUSER != 0 && !p.bornMapless {
		p.makeUserns(s)
		flags &^= unix.CLONE_NEWUSER
	}
	if flags&unix.CLONE_NEWTIME != 0 {
		p.makeTimens(s)
	}
	flags &^= unix.CLONE_NEWTIME | unix.CLONE_NEWCGROUP
	if p.latePid {
		p.settle(s, flags)
		return s.Build()
	}
	into := program.NoReg
	if cgroup != nil {
		into = regs[len(regs)-1]
	}
	p.notify.prepare(p, s)
	p.cloneInit(s, flags, into)
	s.Next("wait for the host")
	return s.Build()
}

// settle is for a container that joins a pid namespace in which there are others: they
// would see its init while that has all of the host's privileges, and its root. So the
// stage, which they don't see, does the set-up. What it clones then is in the pid
// namespace.
func (p *initPlan) settle(s *script, flags uintptr) {
	if flags != 0 {
		s.Do(fmt.Sprintf("make namespaces (flags %#x)", flags), unix.SYS_UNSHARE, num(flags))
		s.Hint(cloneHints)
	}
	if !p.inUserNS() {
		p.ownPid = s.Get("open own pid namespace", unix.SYS_OPENAT, num(unix.AT_FDCWD), s.String("/proc/self/ns/pid"),
			num(unix.O_RDONLY|unix.O_CLOEXEC), num(0))
	}
	s.Tell("tell of the namespaces", func([]byte, []int) (*program.Program, error) {
		if err := p.host.settles(); err != nil {
			return nil, err
		}
		return nil, launch.ErrStop
	}, s.String(""), num(0))
	s.Next("wait for the host")
}

// childrenIn makes the pid namespace of a register that of the children to come, if
// there are registers for that: a hook with the host's files is not to be seen by those
// in the namespace that the container joins. In a user namespace it is: who has entered
// that may not go back.
func (p *initPlan) childrenIn(s *script, ns program.Reg) {
	if p.latePid && !p.inUserNS() {
		s.Do("choose the pid namespace of children", unix.SYS_SETNS, ns.Arg(), num(unix.CLONE_NEWPID))
	}
}

// joinedNamespace is a namespace that a new container joins.
type joinedNamespace struct {
	file *os.File
	name string // such as "net"
	path string
	flag int
}

// joinNamespaces joins namespaces. That needs CAP_SYS_ADMIN in the user namespace that
// owns the target. With privileges of our own that holds before we enter a user
// namespace, and for a namespace that the host owns only before; without them it holds
// only after. So: first what is permitted, then user, then the rest.
func joinNamespaces(s *script, list []joinedNamespace, regs []program.Reg) {
	user := -1
	for i, ns := range list {
		if ns.flag == unix.CLONE_NEWUSER {
			user = i
		}
	}
	results := make([]program.Reg, len(list))
	what := func(i int) string { return fmt.Sprintf("join %s namespace %s", list[i].name, list[i].path) }
	for i, ns := range list {
		if i == user {
			continue
		}
		results[i] = s.Get(what(i), unix.SYS_SETNS, regs[i].Arg(), num(ns.flag))
		if user >= 0 {
			s.Ignore(unix.EPERM)
		}
	}
	if user >= 0 {
		s.Do(what(user), unix.SYS_SETNS, regs[user].Arg(), num(unix.CLONE_NEWUSER))
		becomeRoot(s)
	}
	for i, ns := range list {
		if i == user {
			continue
		}
		if user >= 0 {
			joined := s.Label()
			s.Less(results[i].Arg(), num(0), joined)
			s.Do(what(i), unix.SYS_SETNS, regs[i].Arg(), num(ns.flag))
			s.Bind(joined)
		}
		s.Free(results[i])
	}
}

// becomeRoot makes the process root of the user namespace that it is in.
func becomeRoot(s *script) {
	s.Do("setresgid 0 in user namespace", unix.SYS_SETRESGID, num(0), num(0), num(0))
	s.Do("setresuid 0 in user namespace", unix.SYS_SETRESUID, num(0), num(0), num(0))
	setDumpable(s, 0) // changing credentials resets it to suid_dumpable
}

func setDumpable(s *script, dumpable int) {
	s.Do("prctl PR_SET_DUMPABLE", unix.SYS_PRCTL, num(unix.PR_SET_DUMPABLE), num(dumpable), num(0), num(0), num(0))
}

// askHost asks for what takes no more than a yes.
func askHost(s *script, what string, f func() error) {
	s.Ask(what, func([]byte, []int) (*program.Program, error) { return nil, f() }, s.String(""), num(0))
}

// makeUserns makes a user namespace. The files of a non-dumpable process belong to the
// global root, so a host without privileges could not write our mappings. Only the
// host's own user can reach us here: the new user namespace has no other process.
func (p *initPlan) makeUserns(s *script) {
	s.Do("create user namespace", unix.SYS_UNSHARE, num(unix.CLONE_NEWUSER))
	s.Hint(cloneHints)
	setDumpable(s, 1)
	askHost(s, "write id mappings", p.host.mapIDs)
	setDumpable(s, 0)
	becomeRoot(s)
}

// makeTimens makes a time namespace, whose offsets can be written until the first
// process is in it (time_namespaces(7)).
func (p *initPlan) makeTimens(s *script) {
	s.Do("create time namespace", unix.SYS_UNSHARE, num(unix.CLONE_NEWTIME))
	s.Hint(cloneHints)
	if timeOffsets(p.config) == "" {
		return
	}
	setDumpable(s, 1)
	askHost(s, "write time offsets", p.host.timeOffsets)
	setDumpable(s, 0)
}

// cloneInit clones a process as a child of the host (CLONE_PARENT), tells the host of
// it, and ends. The list goes on in the child.
func (p *initPlan) cloneInit(s *script, flags uintptr, cgroup program.Reg) {
	flags |= unix.CLONE_PARENT | unix.CLONE_PIDFD
	if p.notify.wanted(p) {
		flags |= unix.CLONE_FILES // for the process that passes the listener on
	}
	pidfd, report := s.Words(0), s.Words(0)
	pid := s.Reg()
	cloned := s.Label()
	if cgroup != program.NoReg {
		into := s.cloneArgs(flags|unix.CLONE_INTO_CGROUP, 0, pidfd)
		s.Store(into.At(cloneArgsCgroup), cgroup.Arg(), 8)
		s.Store(report.At(4), num(1), 4)
		s.Set(pid, "clone init process into its cgroup", unix.SYS_CLONE3, into, num(sizeofCloneArgs))
		// Where that does not work the move tells why, or the container can do without.
		s.IgnoreAll()
		refused := s.Label()
		s.Less(num(-1), pid.Arg(), refused)
		s.Jump(cloned)
		s.Bind(refused)
	}
	s.Store(report.At(4), num(0), 4)
	s.Set(pid, fmt.Sprintf("clone init process (flags %#x)", flags), unix.SYS_CLONE3,
		s.cloneArgs(flags, 0, pidfd), num(sizeofCloneArgs))
	s.Hint(cloneHints)
	s.Bind(cloned)
	parent := s.Label()
	s.Test(pid.Arg(), num(-1), num(0), parent)
	if cgroup != program.NoReg {
		s.Do("close", unix.SYS_CLOSE, cgroup.Arg())
	}
	s.Later(func() {
		s.Bind(parent)
		fd := s.Load(pidfd, 4)
		s.Store(report, pid.Arg(), 4)
		s.Tell("tell of the init process", p.handleCloned, report, num(8), fd)
		// The process goes on meanwhile, and may be the program already: then nothing
		// tells it from any other child of the host program, which must reap it.
		untold, sent := s.Label(), s.Reg()
		s.Result(sent)
		s.OrAny(untold)
		p.notify.serve(p, s, fd)
		s.Do("exit", unix.SYS_EXIT_GROUP, num(0))
		s.Bind(untold)
		s.Store(report.At(4), sent.Arg(), 4)
		s.Tell("tell of an init process without its descriptor", p.handleUntold, report, num(8))
		s.Do("exit", unix.SYS_EXIT_GROUP, num(0))
		s.Free(sent)
	})
	s.Free(pid)
}

// struct clone_args of clone3(2), as of Linux 5.7.
const (
	sizeofCloneArgs = 88
	cloneArgsCgroup = 80
)

// cloneArgs gives the arguments of a clone3(2) that stores the new process's pidfd.
func (s *script) cloneArgs(flags uintptr, exitSignal unix.Signal, pidfd program.Arg) program.Arg {
	a := s.Words(uint64(flags), 0, 0, 0, uint64(exitSignal), 0, 0, 0, 0, 0, 0)
	s.Point(a.At(8), pidfd)
	return a
}

func (p *initPlan) handleCloned(payload []byte, fds []int) (*program.Program, error) {
	if len(payload) == 8 && len(fds) == 0 {
		p.host.orphaned(int(int32(getUint32(payload))))
	}
	if len(payload) != 8 || len(fds) != 1 {
		closeFds(fds)
		return nil, fmt.Errorf("the report of the init process has %d bytes and %d descriptors: %w", len(payload), len(fds), unix.EBADMSG)
	}
	return nil, p.host.cloned(int(int32(getUint32(payload))), fds[0], getUint32(payload[4:]) != 0)
}

// handleUntold is told of a process whose descriptor could not be sent, and why.
func (p *initPlan) handleUntold(payload []byte, fds []int) (*program.Program, error) {
	closeFds(fds)
	if len(payload) != 8 {
		return nil, fmt.Errorf("the report of the init process has %d bytes: %w", len(payload), unix.EBADMSG)
	}
	p.host.orphaned(int(int32(getUint32(payload))))
	return nil, fmt.Errorf("tell of the init process: send its descriptor: %w", unix.Errno(-int32(getUint32(payload[4:]))))
}

func closeFds(fds []int) {
	for _, fd := range fds {
		unix.Close(fd)
	}
}

// setUp builds the list with which the container's init makes the container, up to the
// question for its user.
func (p *initPlan) setUp() (*program.Program, error) {
	s := newScript(p.regs)
	s.Grow(1280, 32<<10) // what a usual container takes, with some room
	early, late := p.earlyFiles()
	regs := s.Files(append(append([]*os.File(nil), early...), late...)...)
	if p.classic {
		p.begin(s)
	}
	if p.bornMapless {
		becomeRoot(s)
	}
	if err := p.firstAffinity(s); err != nil {
		return nil, err
	}
	enterCgroups(s, early, regs[:len(early)])
	p.labelFiles.open(s, p)
	p.newKeyring(s)
	if !p.clonesLast() {
		p.newSession(s)
	}
	if err := p.setUpSystem(s); err != nil {
		return nil, err
	}
	if err := p.setUpRoot(s); err != nil {
		return nil, err
	}
	p.askUser(s, func(u *execUser) (*program.Program, error) {
		return p.finish(u, regs[len(early):], late)
	})
	return s.Build()
}

// copies tells whether the set-up copies what the image has into memory.
func (p *initPlan) copies() bool {
	return slices.ContainsFunc(p.config.Mounts, func(m *configs.Mount) bool { return m.CopyUp })
}

// earlyFiles divides the files of cgroups into those that are entered before the
// set-up and after it. Those of devices, memory and pids come after, so that they do
// not limit it; but what is copied into memory is the container's to pay for.
func (p *initPlan) earlyFiles() (early, late []*os.File) {
	early = append(early, p.setupFiles...)
	for _, f := range p.execFiles {
		if p.chargedEarly(f) {
			early = append(early, f)
			continue
		}
		late = append(late, f)
	}
	return early, late
}

// chargedEarly tells whether by this file the cgroup of memory is entered, and that alone,
// and the set-up takes memory that is the container's.
func (p *initPlan) chargedEarly(f *os.File) bool {
	memory := p.cgroupPaths["memory"]
	return p.copies() && memory != "" && memory != p.cgroupPaths["devices"] && dirOf(f.Name()) == memory
}

// enterCgroups enters cgroups of version 1, see cgroups.Driver.
func enterCgroups(s *script, files []*os.File, regs []program.Reg) {
	for i, f := range files {
		s.Do("enter cgroup: write "+f.Name(), unix.SYS_WRITE, regs[i].Arg(), s.String("0"), num(1))
		s.Close(regs[i])
	}
}

// newKeyring gives the process a session keyring of its own, see keyctl(2): the host's
// would be there to read and to write.
func (p *initPlan) newKeyring(s *script) {
	if p.config.KeepKeyring {
		return
	}
	const joinSession = 1 // KEYCTL_JOIN_SESSION_KEYRING
	s.Do("make session keyring", unix.SYS_KEYCTL, num(joinSession), num(0), num(0), num(0), num(0))
	s.Ignore(unix.ENOSYS)
}

// newSession makes the process the leader of a session, and its terminal, if it has it
// already, the controlling one.
func (p *initPlan) newSession(s *script) {
	s.Do("setsid", unix.SYS_SETSID)
	if p.terminal && !p.ownTerminal {
		s.takeTerminal()
	}
}
