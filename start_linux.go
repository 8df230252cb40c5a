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

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/internal/descriptor"
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
	c       *Instance
	ctx     context.Context
	timing  *timing // nil if nobody observes
	process *Process
	config  *configs.Config
	driver  cgroups.Driver
	groups  *ResctrlGroups
	unlock  func()
	plan    *initPlan
	stdio   *stdio
	conn    *launch.Conn

	image *os.File       // that the stage executes, and what it clones
	pipe  unix.Stat_t    // the end of the pipe by which they talk to us
	stage *os.Process    // the process that clones, and ends
	ref   *pidfd.Process // the process that becomes the program; nil until it has been cloned
	known bool           // who an init is that is cloned last of all
	waits bool           // that one, to be released
	lost  int            // the pid of one that has been cloned, and of which there is no ref

	init    *pidfd.Process // of the container that a further process joins
	unified bool           // there is a cgroup of version 2
	hybrid  bool           // and others are of version 1
	created bool           // all cgroups are there, or the driver waits for a process

	moveFiles []*os.File // of sub-cgroups, to which the host moves a further process

	limitsWait bool // they are written while init sets up the container

	into     bool   // init is to be born in it
	born     bool   // init is
	executed bool   // the program's start has begun: the next end of the stream may be that
	hook     bool   // a program of the classic door imports package nsenter
	frame    []byte // of the preamble, as far as it has been read
	hooks    map[hookID]*runningHook

	prepared string // the name of the program that an earlier call has prepared

	master *os.File // of the terminal that init has made
	slave  string   // its path in the container

	closers []*os.File // what is not needed any more when the start has ended
}

// start runs p. The caller holds the lock, exclusively unless to join: then it is given
// up by unlock as soon as no more of the container need be known.
func (c *Instance) start(ctx context.Context, p *Process, mode startMode, unlock func()) (err error) {
	if err := checkProc(); err != nil {
		return err
	}
	v := c.view()
	st := &starting{c: c, ctx: ctx, timing: timingOf(ctx), process: p, config: v.config, driver: v.cgroups, groups: v.groups, unlock: unlock}
	defer func() {
		for _, f := range st.closers {
			f.Close()
		}
		st.init.Close()
	}()
	join := mode == modeJoin
	paths := v.cgroups.GetPaths()
	if !join {
		defer st.driver.Within(ctx)()
		if err := v.removeLocks(); err != nil {
			return err
		}
		if paths, err = c.plan(ctx, false); err != nil {
			return err
		}
		st.groups = c.view().groups
	}
	_, st.unified = paths[""]
	st.hybrid = st.unified && len(paths) > 1
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
	st.timing.done("plan")
	if err := st.spawn(); err != nil {
		return err
	}
	st.timing.done("spawn")
	defer st.conn.Watch()()
	if join {
		err = st.joinContainer()
	} else {
		err = st.startContainer()
	}
	if err != nil {
		return st.explain(err)
	}
	st.timing.done("program")
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
		privileged:  os.Geteuid() == 0,
		cgroupPaths: paths,
		latePid:     mode != modeJoin && !st.c.factory.classic() && st.config.Namespaces.PathOf(configs.NEWPID) != "" && procfsTakesPidNamespace(),
		terminal:    st.process.hasConsole(),
		ownTerminal: st.process.handOver != nil,
		host:        st,
	}
	if p.classic && !preamble.Supported {
		return nil, errors.New("the program was built without cgo, which an init program of one's own needs")
	}
	if !p.join {
		p.masks = expandMasks(st.config.MaskPaths, st.c.factory.patterns.glob)
	}
	var err error
	if p.denySetgroups, err = st.setgroupsDenied(p.join); err != nil {
		return nil, err
	}
	if p.filter, err = st.seccompFilter(); err != nil {
		return nil, err
	}
	if p.landlock, err = st.landlock(); err != nil {
		return nil, err
	}
	if p.caps, err = capabilityMasksOf(st.config, st.process); err != nil {
		return nil, invalid(err)
	}
	if err := checkOwnCapabilities(st.config, p.caps); err != nil {
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
	if join && st.config.Namespaces.Contains(configs.NEWUSER) {
		return setgroupsDeniedTo(strconv.Itoa(st.c.view().init.Pid()))
	}
	if !join && mustDenySetgroups(st.config) {
		return true, nil
	}
	if !join && st.config.Namespaces.PathOf(configs.NEWUSER) != "" {
		return false, nil // there may be nobody in it to be asked
	}
	// A new user namespace has it from that of this program, see user_namespaces(7).
	return setgroupsDeniedTo("self")
}

func setgroupsDeniedTo(process string) (bool, error) {
	text, err := os.ReadFile("/proc/" + process + "/setgroups")
	if errors.Is(err, os.ErrNotExist) && process == "self" {
		return false, nil // a kernel without user namespaces
	}
	if err != nil {
		return false, fmt.Errorf("read setgroups of the user namespace: %w", err)
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
	if err := descriptor.Control(child, func(fd int) error { return unix.Fstat(fd, &st.pipe) }); err != nil {
		return fmt.Errorf("look at the init pipe: %w", err)
	}
	files := append(st.stdio.files[:len(st.stdio.files):len(st.stdio.files)], st.process.ExtraFiles...)
	st.plan.fdLimit = len(files)
	st.plan.pipe = len(files)
	st.plan.scratch = len(files) + 1
	st.plan.ownStdio = st.stdio.own
	for i, f := range st.stdio.files {
		st.plan.hostNull[i] = isNull(f) && !st.plan.ownTerminal // whose place that takes
	}
	files = append(files, child, child)
	if st.plan.classic {
		return st.spawnClassic(files)
	}
	exe, err := image.New(st.plan.pipe)
	if err != nil {
		return err
	}
	st.image = exe
	st.closers = append(st.closers, exe)
	if err := st.execute(exe, nil, files); err != nil {
		return fmt.Errorf("run the init image: %w", err)
	}
	list, err := st.plan.first()
	if err != nil {
		return err
	}
	return st.conn.Send(list)
}

// execute spawns the process, and closes what only that one needs.
func (st *starting) execute(exe *os.File, env []string, files []*os.File) (err error) {
	start := func() { st.stage, err = launch.Spawn(exe, st.c.factory.initArgv(), env, files, nil) }
	if st.config.ParentDeathSignal > 0 {
		st.c.factory.spawner().Do(start)
	} else {
		start()
	}
	if err != nil {
		return err
	}
	st.stdio.closeChild()
	st.stdio.drain()
	return nil
}

// isNull tells whether a file is the null device.
func isNull(f *os.File) bool {
	var st unix.Stat_t
	err := descriptor.Control(f, func(fd int) error { return unix.Fstat(fd, &st) })
	return err == nil && st.Mode&unix.S_IFMT == unix.S_IFCHR &&
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
	if err := st.makeCgroups(true); err != nil {
		return err
	}
	if err := st.c.view().makeResctrl(); err != nil {
		return err
	}
	if err := st.sendStage(); err != nil {
		return err
	}
	// The kernel makes the namespaces meanwhile, which takes it as long as all of this.
	if err := st.makeCgroups(false); err != nil {
		return err
	}
	st.timing.done("cgroups")
	list, err := st.prepareSetUp()
	if err != nil {
		return err
	}
	if err := st.awaitInit(); err != nil {
		return err
	}
	st.timing.done("namespaces")
	if list == nil || st.into && !st.born {
		if list, err = st.buildSetUp(); err != nil {
			return err
		}
	}
	if err := st.setUpNetworks(); err != nil {
		return err
	}
	st.timing.done("networks")
	byHost := !st.entersItself()
	early := byHost && st.driver.EntersEarly()
	if early {
		if err := st.enterEarly(); err != nil {
			return err
		}
	}
	if byHost && !early && st.plan.copies() {
		if err := st.enterMemory(); err != nil {
			return err
		}
	}
	if err := st.setOomScoreAdj(st.ref.Pid()); err != nil {
		return err
	}
	if err := st.conn.Send(list); err != nil {
		return err
	}
	if st.limitsWait {
		if err := st.driver.Set(st.config); err != nil {
			return err
		}
	}
	// Init, which dies if we do, becomes no program of the container before this is there:
	// it has to ask for its user first.
	if err := st.c.saveState(); err != nil {
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

// prepareSetUp builds the set-up of an init that is not there yet, where no register of the
// lists before it is taken later; else it gives nil.
func (st *starting) prepareSetUp() (*program.Program, error) {
	if st.plan.classic || st.plan.latePid {
		return nil, nil
	}
	return st.buildSetUp()
}

func (st *starting) buildSetUp() (*program.Program, error) {
	if err := st.openCgroups(); err != nil {
		return nil, err
	}
	return st.plan.setUp()
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
	if st.unified && !st.plan.latePid {
		if dir, err = st.driver.UnifiedDir(); err != nil {
			return err
		}
		if dir != nil {
			st.closers = append(st.closers, dir)
			st.into, st.born = true, true // the kernel may refuse that
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
	if !st.plan.join {
		for _, kind := range []hookKind{createContainer, startContainer, mountCommand} {
			st.handleHooks(kind)
		}
	}
	st.conn.Handle(listenerMsg, func(_ []byte, fds []int) (*program.Program, error) { return handleListener(st, fds) })
	err := st.conn.Serve()
	if errors.Is(err, launch.ErrClosed) && st.ref != nil { // else killed before it has cloned
		return st.checkExec()
	}
	return err
}

// cloned takes the process that the stage has cloned as our child.
func (st *starting) cloned(pid int, fd int, born bool) (err error) {
	st.born = born
	st.ref.Close()
	if st.ref, err = pidfd.Adopt(fd, pid); err != nil {
		st.orphaned(pid)
		return err
	}
	if st.plan.join {
		return nil
	}
	if err := st.c.haveInit(st.ref); err != nil {
		return err
	}
	if st.plan.latePid {
		st.known = true
		if err := st.c.saveState(); err != nil || !st.waits {
			return err
		}
		return errPrepared
	}
	if st.plan.bornMapless {
		if err := st.mapIDsOf(pid); err != nil {
			return err
		}
	}
	if err := st.chownStdio(pid); err != nil {
		return err
	}
	return launch.ErrStop
}

// awaitsRelease is called when init waits to be released. One that was cloned last of all may
// have said so before the process that has cloned it tells who it is: they write to the
// same pipe at the same time.
func (st *starting) awaitsRelease() error {
	st.waits = true
	if st.plan.latePid && !st.known {
		return nil
	}
	return errPrepared
}

// settles takes the stage for init until that has been cloned. The container's init, as
// others know it, is it not.
func (st *starting) settles() (err error) {
	if st.ref, err = pidfd.Open(st.stage.Pid); err != nil {
		return err
	}
	return st.chownStdio(st.stage.Pid)
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

// ready is called when the container is set up, and it is known who the user is.
func (st *starting) ready(*execUser) error {
	st.executed = true
	if err := st.confine(); err != nil {
		return err
	}
	return st.handOverTerminal()
}

// confine puts the process, or the one that clones it, under what the host limits it by.
func (st *starting) confine() error {
	pid := st.ref.Pid()
	if st.plan.join && !st.plan.classic {
		pid = st.stage.Pid
	}
	if err := st.groups.enter(pid); err != nil {
		return err
	}
	if st.plan.join && st.plan.classic {
		return st.setOomScoreAdj(pid)
	}
	if st.plan.join {
		// The process that it clones inherits both.
		if err := st.setOomScoreAdj(pid); err != nil || st.entersItself() {
			return err
		}
		return st.moveIn(pid)
	}
	if st.entersItself() {
		return nil
	}
	return st.enterCgroups(cgroups.StageExec)
}
