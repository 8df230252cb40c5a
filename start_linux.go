// Starting a process of a container, its init or a further one: the host's side of the
// conversation with it.

package libcontainer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/internal/image"
	"github.com/libcontainer/libcontainer/internal/launch"
	"github.com/libcontainer/libcontainer/internal/pidfd"
	"github.com/libcontainer/libcontainer/internal/program"
	"github.com/libcontainer/libcontainer/nsenter/preamble"
)

const stdioCount = 3

var (
	// errDied says that both ends of init are gone and the reason is not known.
	errDied = errors.New("the init process died")

	// errPrepared ends the conversation with an init that waits to be released.
	errPrepared = launch.ErrStop
)

// starting is one start of a process, until the user's program runs. It is the host of
// the lists that the process executes.
type starting struct {
	c       *linuxContainer
	ctx     context.Context
	process *Process
	config  *configs.Config
	plan    *initPlan
	stdio   *stdio
	conn    *launch.Conn

	stage *os.Process    // the process that clones, and ends
	ref   *pidfd.Process // the process that becomes the program; nil until it has been cloned

	unified  bool // there is a cgroup of version 2
	born     bool // in it
	executed bool // the program's start has begun: the next end of the stream may be that
	hook     bool // a program of the classic door imports package nsenter
	hooks    map[hookID]*runningHook

	closers []*os.File // what is not needed any more when the start has ended
}

// start runs p. The caller holds the lock, exclusively unless to join.
func (c *linuxContainer) start(ctx context.Context, p *Process, mode startMode) (err error) {
	if err := checkProc(); err != nil {
		return err
	}
	st := &starting{c: c, ctx: ctx, process: p, config: c.config}
	defer func() {
		for _, f := range st.closers {
			f.Close()
		}
	}()
	join := mode == modeJoin
	paths := c.cgroups.GetPaths()
	if !join {
		if paths, err = c.plan(); err != nil {
			return err
		}
	}
	_, st.unified = paths[""]
	if st.plan, err = st.newPlan(mode, paths); err != nil {
		return err
	}
	if st.stdio, err = newStdio(p); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			st.abort()
		}
	}()
	if err := st.spawn(); err != nil {
		return err
	}
	defer st.conn.Watch()()
	if join {
		err = st.joinContainer()
	} else {
		err = st.startContainer()
	}
	if err != nil {
		return st.explain(err)
	}
	return st.complete()
}

// checkProc refuses to start a process where /proc belongs to another pid namespace: the
// files of a stranger would be read and written there.
func checkProc() error {
	own, err := os.Readlink("/proc/self")
	if err != nil {
		return fmt.Errorf("look at /proc: %w", err)
	}
	if own != strconv.Itoa(os.Getpid()) {
		return fmt.Errorf("/proc is that of another pid namespace: there this process is %s, not %d; mount one of this namespace", own, os.Getpid())
	}
	return nil
}

// newPlan gathers what the lists are made of.
func (st *starting) newPlan(mode startMode, paths map[string]string) (*initPlan, error) {
	p := &initPlan{
		config:      st.withMountLabels(),
		process:     st.process,
		regs:        program.NewRegisters(),
		join:        mode == modeJoin,
		prepare:     mode == modePrepare,
		classic:     st.c.factory.classic(),
		cgroupPaths: paths,
		terminal:    st.process.console != nil,
		host:        st,
	}
	if p.classic && !preamble.Supported {
		return nil, errors.New("the program was built without cgo, which an init program of one's own needs")
	}
	var err error
	if p.denySetgroups, err = st.setgroupsDenied(p.join); err != nil {
		return nil, err
	}
	if p.filter, err = st.seccompFilter(); err != nil {
		return nil, err
	}
	if p.caps, err = capabilityMasksOf(st.config, st.process); err != nil {
		return nil, invalid(err)
	}
	p.profile, p.label = st.processLabels()
	p.cgroupMounts = hierarchies(st.config)
	if st.config.NoPivotRoot {
		if p.hostMounts, err = kernelMounts(st.config.Rootfs); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// setgroupsDenied tells whether the process may not call setgroups(2).
func (st *starting) setgroupsDenied(join bool) (bool, error) {
	if !join {
		return mustDenySetgroups(st.config), nil
	}
	if !st.config.Namespaces.Contains(configs.NEWUSER) {
		return false, nil
	}
	text, err := os.ReadFile(procFile(st.c.init.Pid(), "setgroups"))
	if err != nil {
		return false, fmt.Errorf("read setgroups of the container's user namespace: %w", err)
	}
	return strings.TrimSpace(string(text)) == "deny", nil
}

// spawn starts the process that executes the lists.
func (st *starting) spawn() error {
	pipe, child, err := launch.NewPipe()
	if err != nil {
		return err
	}
	defer child.Close()
	st.conn = launch.NewConn(st.ctx, pipe)
	files := append(st.stdio.files[:len(st.stdio.files):len(st.stdio.files)], st.process.ExtraFiles...)
	st.plan.fdLimit = len(files)
	st.plan.pipe = len(files)
	st.plan.scratch = len(files) + 1
	st.plan.ownStdio = st.stdio.own
	for i, f := range st.stdio.files {
		st.plan.hostNull[i] = isNull(f)
	}
	files = append(files, child, child)
	if st.plan.classic {
		return st.spawnClassic(files)
	}
	exe, err := image.New(st.plan.pipe)
	if err != nil {
		return err
	}
	defer exe.Close()
	start := func() { st.stage, err = launch.Spawn(exe, st.c.factory.initArgv(), nil, files, nil) }
	if st.config.ParentDeathSignal > 0 {
		st.c.factory.spawner().Do(start)
	} else {
		start()
	}
	if err != nil {
		return fmt.Errorf("run the init image: %w", err)
	}
	st.stdio.closeChild()
	st.stdio.drain()
	list, err := st.plan.first()
	if err != nil {
		return err
	}
	return st.conn.Send(list)
}

// isNull tells whether a file is the null device.
func isNull(f *os.File) bool {
	var st unix.Stat_t
	conn, err := f.SyscallConn()
	if err != nil {
		return false
	}
	cerr := conn.Control(func(fd uintptr) { err = unix.Fstat(int(fd), &st) })
	return cerr == nil && err == nil && st.Mode&unix.S_IFMT == unix.S_IFCHR &&
		uint64(st.Rdev) == unix.Mkdev(nullMajor, nullMinor)
}

// startContainer leads a new container's init to the program, or to where it waits to
// be released.
func (st *starting) startContainer() error {
	if err := st.relabel(); err != nil {
		return err
	}
	if st.plan.prepare {
		listener, err := st.c.listen()
		if err != nil {
			return err
		}
		st.plan.listener = listener
		st.closers = append(st.closers, listener)
	}
	if st.unified { // init is to be born there
		if err := st.c.makeCgroups(); err != nil {
			return err
		}
	}
	if err := st.sendStage(); err != nil {
		return err
	}
	if !st.unified { // while the kernel makes the namespaces
		if err := st.c.makeCgroups(); err != nil {
			return err
		}
	}
	if err := st.awaitInit(); err != nil {
		return err
	}
	if err := st.openCgroups(); err != nil {
		return err
	}
	if err := st.setUpNetworks(); err != nil {
		return err
	}
	byHost := !st.entersItself()
	early := byHost && st.c.cgroups.EntersEarly()
	if early {
		if err := st.enterEarly(); err != nil {
			return err
		}
	}
	list, err := st.plan.setUp()
	if err != nil {
		return err
	}
	if err := st.setOomScoreAdj(st.ref.Pid()); err != nil {
		return err
	}
	// Init runs no program of the container before the state is there, and dies if we do.
	if err := st.c.saveState(); err != nil {
		return err
	}
	if err := st.conn.Send(list); err != nil {
		return err
	}
	if byHost && !early {
		if err := st.enterCgroups(cgroups.StageSetup); err != nil {
			return err
		}
	}
	if err := st.serve(); err != nil {
		return err
	}
	if st.plan.prepare {
		return st.keepSteps()
	}
	return nil
}

// sendStage sends what the spawned process is to do until it has cloned init.
func (st *starting) sendStage() error {
	if st.plan.classic {
		return nil // the bootstrap message waits in the pipe
	}
	namespaces, err := st.openNamespaces()
	if err != nil {
		return err
	}
	var dir *os.File
	if st.unified {
		if dir, err = st.c.cgroups.UnifiedDir(); err != nil {
			return err
		}
		if dir != nil {
			st.closers = append(st.closers, dir)
		}
	}
	list, err := st.plan.stage(namespaces, dir)
	if err != nil {
		return err
	}
	return st.conn.Send(list)
}

// awaitInit serves the stage until it has cloned init.
func (st *starting) awaitInit() error {
	if st.plan.classic {
		return st.awaitClassic()
	}
	return st.conn.Serve()
}

// serve serves init until it is the program, or is prepared.
func (st *starting) serve() error {
	for _, kind := range []hookKind{createContainer, startContainer, mountCommand} {
		st.handleHooks(kind)
	}
	st.conn.Handle(listenerMsg, func(_ []byte, fds []int) (*program.Program, error) { return handleListener(st, fds) })
	err := st.conn.Serve()
	if errors.Is(err, launch.ErrClosed) {
		return st.checkExec()
	}
	return err
}

// joinContainer leads a further process to the program.
func (st *starting) joinContainer() error {
	init, err := st.c.init.File()
	if err != nil {
		return err
	}
	if init == nil {
		return unix.ESRCH
	}
	st.closers = append(st.closers, init)
	if err := st.chownStdio(st.c.init.Pid()); err != nil {
		return err
	}
	if err := st.openCgroups(); err != nil {
		return err
	}
	if st.plan.classic {
		return st.joinClassic(init)
	}
	list, err := st.plan.joinStage(init, st.joinFlags())
	if err != nil {
		return err
	}
	if err := st.conn.Send(list); err != nil {
		return err
	}
	return st.serve()
}

// joinFlags gives the namespaces that a further process joins: all that the container
// has of its own.
func (st *starting) joinFlags() (flags uintptr) {
	for i := range st.config.Namespaces {
		flags |= uintptr(st.config.Namespaces[i].Syscall())
	}
	if flags&unix.CLONE_NEWUSER == 0 {
		return flags
	}
	// setns(2) refuses the user namespace that we are in already.
	var own, theirs unix.Stat_t
	if unix.Stat("/proc/self/ns/user", &own) == nil && unix.Stat(procFile(st.c.init.Pid(), "ns/user"), &theirs) == nil &&
		own.Dev == theirs.Dev && own.Ino == theirs.Ino {
		flags &^= unix.CLONE_NEWUSER
	}
	return flags
}

// cloned takes the process that the stage has cloned as our child.
func (st *starting) cloned(pid int, fd int, born bool) (err error) {
	st.born = born
	if st.ref, err = pidfd.Adopt(fd, pid); err != nil {
		return err
	}
	if st.plan.join {
		if st.entersItself() {
			return nil
		}
		if err := st.enterCgroups(cgroups.StageSetup); err != nil {
			return err
		}
		if err := st.enterCgroups(cgroups.StageExec); err != nil {
			return err
		}
		return st.conn.Write(make([]byte, 8))
	}
	st.c.m.Lock()
	st.c.init = st.ref
	st.c.m.Unlock()
	if err := st.chownStdio(pid); err != nil {
		return err
	}
	return launch.ErrStop
}

// chownStdio gives the library's pipes to root of the user namespace that a process is
// in, which may be one that it has joined.
func (st *starting) chownStdio(pid int) error {
	if !st.config.Namespaces.Contains(configs.NEWUSER) {
		return nil
	}
	uid, err := hostRootID(pid, "uid_map")
	if err != nil {
		return err
	}
	gid, err := hostRootID(pid, "gid_map")
	if err != nil {
		return err
	}
	return st.stdio.chown(uid, gid)
}

// openCgroups opens the files by which the process enters its cgroups where it can do
// the whole of the work, or what is left of it: it must be in the cgroup of version 2,
// if there is one, already, or enter it in the same way. A host without privileges
// moves it, since what may fail for it and what may not is for the manager to say.
func (st *starting) openCgroups() (err error) {
	p, driver := st.plan, st.c.cgroups
	if os.Geteuid() != 0 || st.config.Cgroups.Optional || st.unified && !st.born && !p.join {
		return nil
	}
	if p.setupFiles, err = driver.EntryFiles(cgroups.StageSetup); err != nil {
		return err
	}
	st.closers = append(st.closers, p.setupFiles...)
	if p.execFiles, err = driver.EntryFiles(cgroups.StageExec); err != nil {
		return err
	}
	st.closers = append(st.closers, p.execFiles...)
	if st.unified && p.join {
		return st.openUnified()
	}
	return nil
}

// openUnified opens the file by which a further process enters the cgroup of version 2.
func (st *starting) openUnified() error {
	dir, err := st.c.cgroups.UnifiedDir()
	if err != nil || dir == nil {
		return err
	}
	defer dir.Close()
	fd, err := unix.Openat(int(dir.Fd()), "cgroup.procs", unix.O_WRONLY|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: dir.Name() + "/cgroup.procs", Err: err}
	}
	f := os.NewFile(uintptr(fd), dir.Name()+"/cgroup.procs")
	st.closers = append(st.closers, f)
	st.plan.execFiles = append(st.plan.execFiles, f)
	return nil
}

// entersItself tells whether the process enters its cgroups by itself.
func (st *starting) entersItself() bool {
	return len(st.plan.setupFiles)+len(st.plan.execFiles) > 0
}

// enterEarly moves init into its cgroups before it is told what to do. One that has died
// of something else could not enter, and that is not the reason.
func (st *starting) enterEarly() error {
	err := st.enterCgroups(cgroups.StageSetup)
	if err == nil || !st.ref.Ended() {
		return err
	}
	if serr := st.conn.Serve(); serr != nil {
		return serr
	}
	return err
}

// enterCgroups moves the process into its cgroups.
func (st *starting) enterCgroups(stage cgroups.Stage) error {
	driver := st.c.cgroups
	before := len(driver.GetPaths())
	if err := driver.Enter(st.ref.Pid(), stage); err != nil {
		return err
	}
	if st.plan.join || len(driver.GetPaths()) == before {
		return nil
	}
	return st.c.saveState() // an optional one could not be entered
}

// ready is called when the container is set up, and it is known who the user is.
func (st *starting) ready(*execUser) error {
	st.executed = true
	if st.plan.join {
		return st.setOomScoreAdj(st.stage.Pid) // the process that it clones inherits it
	}
	if !st.entersItself() {
		if err := st.enterCgroups(cgroups.StageExec); err != nil {
			return err
		}
	}
	if st.process.handOver != nil {
		return st.process.handOver(st.ctx)
	}
	return nil
}

// setOomScoreAdj writes /proc/[pid]/oom_score_adj, see proc(5). 0, the default,
// does not insist where the process may not lower what it has inherited.
func (st *starting) setOomScoreAdj(pid int) error {
	adj := st.config.OomScoreAdj
	if st.process.OomScoreAdj != nil {
		adj = *st.process.OomScoreAdj
	} else if st.config.KeepOomScore {
		return nil
	}
	name := procFile(pid, "oom_score_adj")
	old, err := os.ReadFile(name)
	if err != nil {
		return fmt.Errorf("read oom_score_adj: %w", err)
	}
	value := strconv.Itoa(adj)
	if strings.TrimSpace(string(old)) == value {
		return nil
	}
	err = os.WriteFile(name, []byte(value), 0)
	if err == nil || adj == 0 && errors.Is(err, syscall.EACCES) {
		return nil
	}
	return fmt.Errorf("set oom_score_adj to %d: %w", adj, err)
}

// complete hands the running program to the caller's process.
func (st *starting) complete() error {
	st.endStage()
	st.conn.Close()
	owner := &st.c.children
	if !st.plan.join {
		owner = nil
	}
	run := newRunningProcess(st.ref.Clone(), st.process, st.stdio, owner)
	st.process.run = run
	if st.plan.join {
		owner.add(run)
	} else {
		st.c.m.Lock()
		st.c.initRun = run
		st.c.m.Unlock()
	}
	st.stdio.feed()
	go run.watch()
	if st.plan.join {
		st.ref.Close()
	}
	return nil
}

// endStage reaps the process that has cloned init. It has ended, unless it waits for the
// listener of a prepared init's filter.
func (st *starting) endStage() {
	stage := st.stage
	st.stage = nil
	if stage == nil {
		return
	}
	if st.plan.prepare && st.plan.notify.wanted(st.plan) {
		go func() { _, _ = stage.Wait() }()
		return
	}
	// Something else in this program may have reaped it.
	_, _ = stage.Wait()
}

// abort takes back a start that failed.
func (st *starting) abort() {
	st.abandonHooks()
	if st.stage != nil && st.ref == nil && st.conn != nil {
		st.findOrphan()
	}
	if st.conn != nil {
		st.conn.Close()
	}
	st.reapAll()
	st.stdio.abort()
	if st.plan.join {
		st.ref.Close()
		return
	}
	st.c.m.Lock()
	st.c.dropInit()
	st.c.m.Unlock()
}

// orphanTimeout is how long a stage, which is the library's and waits for nothing but
// the host, may take to end.
const orphanTimeout = 10 * time.Second

// findOrphan learns of an init process that the stage may have cloned, or be about to
// clone, after we have given up: it is our child and must be reaped. The end of our
// stream makes the stage, and init, give up too.
func (st *starting) findOrphan() {
	if err := st.conn.CloseWrite(); err != nil {
		return
	}
	st.conn.Drain(time.Now().Add(orphanTimeout))
}

// reapAll kills and reaps what the start has started. One that has ended by itself keeps
// its own status, and something else in this program may have reaped it.
func (st *starting) reapAll() {
	if st.stage != nil {
		_ = st.stage.Kill()
		_, _ = st.stage.Wait()
		st.stage = nil
	}
	if st.ref == nil || st.released() {
		return
	}
	_ = st.ref.Signal(unix.SIGKILL)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(st.ctx), deathTimeout)
	defer cancel()
	if err := st.ref.Await(ctx); err == nil {
		_, _ = st.ref.Reap()
		return
	}
	// The container has frozen it, on cgroup v1: it dies when it is thawed.
	ref := st.ref.Clone()
	go func() {
		defer ref.Close()
		if err := ref.Await(context.Background()); err == nil {
			_, _ = ref.Reap()
		}
	}()
}

// deathTimeout is how long a process that has been killed is waited for.
const deathTimeout = time.Second

// released tells whether this is the release of a process that a start has prepared,
// whose child it is.
func (st *starting) released() bool { return st.process == nil }

// explain adds to an error of the conversation what the end of the processes tells.
func (st *starting) explain(err error) error {
	if cause := context.Cause(st.ctx); cause != nil {
		return cause
	}
	var failure *program.Failure
	if errors.As(err, &failure) && failure.Invalid {
		return invalid(err)
	}
	if st.plan.classic {
		return st.explainClassic(err)
	}
	if !errors.Is(err, errDied) && !errors.Is(err, launch.ErrClosed) {
		return err
	}
	step := "set up the container"
	if st.executed {
		step = "run the program"
	}
	return fmt.Errorf("%w (%s) before it could %s", errDied, st.endStatus(), step)
}

// endStatus says how a process that has died did so.
func (st *starting) endStatus() string {
	if st.ref != nil {
		if err := st.ref.Await(st.ctx); err == nil {
			if status, err := st.ref.ExitStatus(); err == nil {
				return describeStatus(status)
			}
		}
	}
	if st.stage != nil {
		_ = st.stage.Kill()
		state, err := st.stage.Wait()
		st.stage = nil
		if err == nil {
			return state.String()
		}
	}
	return "unknown status"
}
