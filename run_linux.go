// The host's side: Start, Prepare and Release.

package libcontainer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/internal/launch"
	"github.com/libcontainer/libcontainer/internal/pidfd"
	"github.com/libcontainer/libcontainer/internal/program"
)

// startMode is what a launch is for.
type startMode int

const (
	modeRun     startMode = iota // the container's init
	modePrepare                  // the same, up to just before execve
	modeJoin                     // a further process
)

// Start starts a process: the container's initial process if it has none, else a further one
// beside that. It returns when the program runs. See BaseContainer for the errors.
func (c *Instance) Start(process *Process) error {
	return c.StartContext(context.Background(), process)
}

// StartContext is Start until ctx ends: then what has been started of the
// process is killed and removed, and ctx's error returned. Once it has
// returned, ctx has no effect on the process.
func (c *Instance) StartContext(ctx context.Context, process *Process) error {
	return c.run(ctx, process, modeRun)
}

// Prepare brings the container's initial process up to just before execve(2)
// of the user's program, as create of the OCI runtime specification does.
// The namespaces, mounts and cgroups are there, prestart, createRuntime and
// createContainer hooks have run, and the container stays Created until
// Release, which any process may call that Loads it. Wait, Signal and Destroy
// work as with a process that has been started.
//
// errors: those of Start, and ContainerNotStopped - the container runs.
func (c *Instance) Prepare(ctx context.Context, process *Process) error {
	return c.run(ctx, process, modePrepare)
}

// run starts a process; modeRun is modeJoin if the container runs.
func (c *Instance) run(ctx context.Context, process *Process, mode startMode) error {
	// Before anything can refuse the process: nobody else closes these.
	defer process.closeFiles()
	if err := checkProcess(process); err != nil {
		return err
	}
	ctx, cancel := c.untilDestroyed(ctx)
	defer cancel()
	ctx, told := c.timed(ctx, StartFirst)
	for {
		outcome, err := c.tryRun(ctx, process, mode)
		if err != nil || outcome != outcomePaused {
			told(startedPid(process), process.Args, err)
		}
		if err != nil {
			return err
		}
		switch outcome {
		case outcomePaused:
			if err := c.awaitResume(ctx); err != nil {
				return newSystemError(fmt.Errorf("start process: wait until container %q is resumed: %w", c.id, err))
			}
			// It was to run beside an init, and does not become one if that has ended:
			// Destroy, by another handle, kills init before it comes to the lock.
			mode = modeJoin
			continue
		case outcomeRuns:
			c.postStart()
		}
		return nil
	}
}

// postStart runs the poststart hooks, when the lock is free again: they may call the
// container's methods.
func (c *Instance) postStart() {
	v, err := c.look("poststart")
	if err != nil {
		return
	}
	hooks, state := v.hooks().Poststart, v.hookState(v.init.Pid(), "running")
	v.close()
	c.logHooks("poststart", hooks, state)
}

// untilDestroyed returns a context that ends with ctx, or when Destroy begins.
func (c *Instance) untilDestroyed(ctx context.Context) (context.Context, func()) {
	life := c.view().life
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(life, func() { cancel(context.Cause(life)) })
	return ctx, func() {
		stop()
		cancel(nil)
	}
}

// outcome is what tryRun has done, if it did not fail.
type outcome int

const (
	outcomeDone   outcome = iota
	outcomeRuns           // the container's own program runs
	outcomePaused         // nothing: the container must be resumed first
)

func (c *Instance) tryRun(ctx context.Context, process *Process, mode startMode) (outcome, error) {
	call, step := callStart, "start process"
	switch mode {
	case modePrepare:
		call = callPrepare
	case modeJoin:
		call = callStartAgain
	}
	unlock, status, phase, err := c.lockToStart(ctx, call, step)
	if err != nil {
		return outcomeDone, err
	}
	unlock = sync.OnceFunc(unlock)
	defer unlock()
	timingOf(ctx).done("lock")
	v := c.view()
	if mode == modePrepare {
		step = "prepare process"
	}
	if err := v.allow(call, phase, step); err != nil {
		return outcomeDone, err
	}
	switch {
	case phase == phasePrepared:
		return outcomeDone, c.startFurther(ctx, process, unlock)
	case phase != phaseRunning:
		if err := c.startInit(ctx, process, mode); err != nil || mode == modePrepare {
			return outcomeDone, err
		}
		return outcomeRuns, nil
	case status == Running:
		if settingUp, err := v.isSettingUp(); err != nil {
			return outcomeDone, newSystemError(fmt.Errorf("%s in container %q: %w", step, c.id, err))
		} else if settingUp {
			return outcomeDone, errorf(ContainerNotRunning, "%s: container %q does not run its program yet, "+
				"and the program that has started it has ended", step, c.id)
		}
		return outcomeDone, c.startFurther(ctx, process, unlock)
	case process.WaitPaused:
		return outcomePaused, nil
	}
	return outcomeDone, errorf(ContainerPaused, "%s: container %q is %s", step, c.id, status)
}

// isSettingUp tells whether init, which another handle has started, has not become the
// user's program: the preamble has cloned it, and the first program that it executes is
// that. Then the container is not made yet, and one who joined it now might find the
// host's root there: so it is an error if that cannot be known. One that has been restored
// has executed nothing, and is recorded as that when it is complete.
func (v *view) isSettingUp() (bool, error) {
	if v.initRun != nil || v.restored {
		return false, nil
	}
	executed, err := v.init.HasExecuted()
	if errors.Is(err, pidfd.ErrNoProcess) {
		return false, nil
	}
	return err == nil && !executed, err
}

// startFurther starts a process beside the container's init. It gives the lock up when
// it knows all that it has to: from then on it waits for a process that the container can
// stop, freeze or trace, and nobody else is to wait for that.
func (c *Instance) startFurther(ctx context.Context, process *Process, unlock func()) error {
	init := c.view().init.Clone()
	defer init.Close()
	timingOf(ctx).is(StartFurther)
	err := c.start(ctx, process, modeJoin, unlock)
	if err == nil {
		return nil
	}
	err = fmt.Errorf("start process in container %q: %w", c.id, err)
	if init.Ending() && ctx.Err() == nil {
		return newError(fmt.Errorf("%w: its initial process has ended", err), ContainerNotRunning)
	}
	return newSystemError(err)
}

// lockToStart locks exclusively to start the init process, shared to start a further
// one.
func (c *Instance) lockToStart(ctx context.Context, call call, step string) (unlock func(), status Status, phase phase, err error) {
	exclusive := false
	for {
		if unlock, err = c.lock(ctx, call, step, exclusive); err != nil {
			return nil, status, phase, err
		}
		if status, phase, err = c.view().status(); err != nil {
			unlock()
			return nil, status, phase, newSystemError(fmt.Errorf("%s: status of container %q: %w", step, c.id, err))
		}
		if exclusive || phase == phaseRunning {
			return unlock, status, phase, nil
		}
		unlock()
		exclusive = true
	}
}

func (c *Instance) startInit(ctx context.Context, process *Process, mode startMode) error {
	v := c.view()
	if process.inSubCgroup() {
		return errorf(ConfigInvalid, "start container %q: its first process cannot begin in a sub-cgroup, which does not exist yet", c.id)
	}
	if !v.config.HasRoot() {
		return errorf(ConfigInvalid, "start container %q: it was created by another program, which did not start it, "+
			"and has no configuration: call Set first", c.id)
	}
	if mode == modePrepare {
		timingOf(ctx).is(StartPrepared)
	}
	if err := c.ensureIDs(ctx); err != nil {
		return newSystemError(fmt.Errorf("start container %q: %w", c.id, err))
	}
	c.set((*view).dropInit)
	// An earlier process may have been killed while it was paused. A process that
	// is born in a frozen cgroup does not even run to its execve(2), for which the
	// thread that has made it waits in the kernel.
	if v.started() {
		if err := v.thaw(); err != nil {
			return newSystemError(fmt.Errorf("start container %q: %w", c.id, err))
		}
	}
	if err := c.start(ctx, process, mode, func() {}); err != nil {
		err = newSystemError(fmt.Errorf("start container %q: %w", c.id, err))
		return withCleanUp(err, c.undoStart())
	}
	return nil
}

// undoStart takes back what a failed start has made, so that the container is
// as it was after Create.
func (c *Instance) undoStart() error {
	fail := func(err error) error { return newSystemError(fmt.Errorf("clean up after failed start: %w", err)) }
	v := c.view()
	if !v.started() {
		return nil // it could not even be recorded
	}
	// Init may have left a hook behind, if there is no pid namespace to end it.
	if err := v.killCgroup(context.Background(), true); err != nil {
		return fail(err)
	}
	if err := v.tearDownNetworks(); err != nil {
		return fail(err)
	}
	c.notifiers.Stop()
	if err := v.cgroups.Destroy(); err != nil {
		return fail(err)
	}
	if err := v.removeResctrl(); err != nil {
		return fail(err)
	}
	c.set((*view).dropInit)
	if err := os.Remove(c.releaseSocket()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fail(err)
	}
	err := c.change(func(next *view) error {
		if err := c.dir.Forget(); err != nil {
			return err
		}
		next.forget()
		return nil
	})
	if err != nil {
		return fail(err)
	}
	return nil
}

// plan decides on all names that the start will use, and returns the cgroups among them.
// It records them before any of that, or any process, exists, so that whatever happens
// from then on, Load and Destroy find it.
// A container that is about to be restored stays a checkpointed one until that is done.
func (c *Instance) plan(ctx context.Context, restore bool) (paths map[string]string, err error) {
	v := c.view()
	config, devices, err := v.planNetworks()
	if err != nil {
		return nil, err
	}
	groups, err := v.planResctrl()
	if err != nil {
		return nil, err
	}
	paths, parents, err := v.planCgroups(ctx)
	if err != nil {
		return nil, err
	}
	return paths, c.change(func(next *view) error {
		next.phase, next.config, next.netDevices, next.groups = phaseStarting, config, devices, groups
		next.checkpointed, next.restored, next.dumping = next.checkpointed && restore, false, false
		next.restorer = restorer{}
		state := next.state()
		state.CgroupPaths, state.CgroupParents = paths, parents
		return next.save(state)
	})
}

// haveInit makes a process that a start has cloned the container's init.
func (c *Instance) haveInit(ref *pidfd.Process) error {
	return c.change(func(next *view) error {
		next.init, next.phase = ref.Clone(), phaseRunning
		return nil
	})
}

// checkFreezer refuses a start in a cgroup that is frozen with one above it, where init
// would stop until that is thawed, and could not even be killed on cgroup v1.
func (v *view) checkFreezer() error {
	state, err := v.cgroups.FreezerState()
	if errors.Is(err, errors.ErrUnsupported) || cgroupGone(err) {
		return nil // it cannot be frozen, or has not been made yet
	}
	if err != nil || state != configs.Frozen && state != configs.Freezing {
		return err
	}
	for _, key := range []string{"", "freezer"} {
		if path, ok := v.cgroups.GetPaths()[key]; ok {
			return fmt.Errorf("a cgroup above %s is frozen: thaw it first: %w", path, unix.EBUSY)
		}
	}
	return nil
}

// releaseSocket is where a prepared init listens, see initPlan.awaitRelease.
// The kernel knows who listens: when init is the user's program nobody does.
func (c *Instance) releaseSocket() string { return c.root + "/release.sock" }

// listen makes the socket. A socket's address is short; that of a file in an
// open directory is too.
func (c *Instance) listen() (*os.File, error) {
	fail := func(err error) (*os.File, error) {
		return nil, fmt.Errorf("make release socket %s: %w", c.releaseSocket(), err)
	}
	if err := os.Remove(c.releaseSocket()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fail(err)
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fail(err)
	}
	listener := os.NewFile(uintptr(fd), "release socket")
	err = c.withReleaseAddress(func(addr unix.Sockaddr) error { return unix.Bind(fd, addr) })
	if err == nil {
		err = unix.Listen(fd, 16)
	}
	if err != nil {
		listener.Close()
		return fail(err)
	}
	return listener, nil
}

func (c *Instance) withReleaseAddress(call func(unix.Sockaddr) error) error {
	dir, err := unix.Open(c.root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	return call(&unix.SockaddrUnix{Name: fmt.Sprintf("/proc/self/fd/%d/release.sock", dir)})
}

// connect connects to a prepared init; nil if there is none.
func (c *Instance) connect() (*os.File, error) {
	fail := func(err error) (*os.File, error) {
		return nil, fmt.Errorf("connect to release socket %s: %w", c.releaseSocket(), err)
	}
	if _, err := os.Lstat(c.releaseSocket()); errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return fail(err)
	}
	err = c.withReleaseAddress(func(addr unix.Sockaddr) error { return unix.Connect(fd, addr) })
	if err == nil {
		return os.NewFile(uintptr(fd), "init pipe"), nil
	}
	unix.Close(fd)
	if errors.Is(err, unix.ECONNREFUSED) || errors.Is(err, unix.ENOENT) {
		return nil, nil
	}
	return fail(err)
}

// isPrepared tells whether an init, which is alive, waits to be released.
func (c *Instance) isPrepared() (bool, error) {
	conn, err := c.connect()
	if errors.Is(err, unix.EAGAIN) {
		return true, nil // so many ask at this moment that the queue is full
	}
	if err != nil || conn == nil {
		return false, err
	}
	conn.Close()
	return true, nil
}

// Release makes the prepared process run its program. It runs the
// startContainer hooks before and the poststart hooks after that. If it
// fails, or ctx ends before the program runs, the process is killed and the
// container is as after Create.
//
// errors:
// ContainerNotExists - Container no longer exists,
// ContainerNotRunning - there is no prepared process,
// SystemError - System error.
func (c *Instance) Release(ctx context.Context) error {
	const step = "release process"
	ctx, cancel := c.untilDestroyed(ctx)
	defer cancel()
	ctx, told := c.timed(ctx, StartReleased)
	err := c.tryRelease(ctx, step)
	told(c.view().init.Pid(), nil, err)
	if err != nil {
		return err
	}
	c.postStart()
	return nil
}

func (c *Instance) tryRelease(ctx context.Context, step string) error {
	unlock, err := c.lock(ctx, callRelease, step, true)
	if err != nil {
		return err
	}
	defer unlock()
	fail := func(err error) error {
		return newSystemError(fmt.Errorf("%s of container %q: %w", step, c.id, err))
	}
	v := c.view()
	phase, err := v.lives()
	if err != nil {
		return fail(err)
	}
	var conn *os.File
	if phase == phaseRunning {
		if conn, err = c.connect(); err != nil {
			return fail(err)
		}
	}
	if conn != nil {
		phase = phasePrepared
	}
	if err := v.allow(callRelease, phase, step); err != nil {
		return err
	}
	if err := c.release(ctx, conn); err != nil {
		err = fail(err)
		if errors.Is(err, errOtherInit) {
			return err // it waits as before
		}
		// Neither the caller's context nor Destroy may leave half of it.
		if killErr := v.killAll(context.WithoutCancel(ctx), true); killErr != nil {
			return withCleanUp(err, fail(killErr))
		}
		return withCleanUp(err, c.undoStart())
	}
	if err := os.Remove(c.releaseSocket()); err != nil {
		return fail(err)
	}
	_ = os.Remove(c.stepsFile()) // of no use any more, and of no harm
	return nil
}

// release lets a prepared init become the program.
func (c *Instance) release(ctx context.Context, pipe *os.File) error {
	v := c.view()
	st := &starting{c: c, ctx: ctx, config: v.config, ref: v.init, executed: true,
		plan: &initPlan{config: v.config}, conn: launch.NewConn(ctx, pipe)}
	defer st.conn.Close()
	defer st.conn.Watch()()
	st.knowSteps()
	err := st.conn.Write(releaseMessage())
	if err == nil {
		err = st.serve()
	}
	if err != nil {
		st.abandonHooks()
		return st.explain(err)
	}
	return nil
}

// preparedSteps are what a prepared init will do, by the number of its list, so that
// whoever releases it can tell what has failed.
type preparedSteps struct {
	List  uint32         `json:"list"`
	Steps []program.Step `json:"steps"`
	// Program is its name: once a filter is installed init can tell an error number alone.
	Program string `json:"program,omitempty"`
}

func (c *Instance) stepsFile() string { return c.dir.File("release.json") }

// keepSteps records the steps of the list that was sent last.
func (st *starting) keepSteps() error {
	data, err := json.Marshal(preparedSteps{st.conn.Seq(), st.conn.Last().Steps(), st.programName()})
	if err != nil {
		return fmt.Errorf("encode the steps of a prepared process: %w", err)
	}
	if err := os.WriteFile(st.c.stepsFile(), data, 0o600); err != nil {
		return fmt.Errorf("record the steps of a prepared process: %w", err)
	}
	return nil
}

// knowSteps reads them. Without them an error names no step.
func (st *starting) knowSteps() {
	data, err := os.ReadFile(st.c.stepsFile())
	var steps preparedSteps
	if err != nil || json.Unmarshal(data, &steps) != nil {
		return
	}
	st.prepared = steps.Program
	st.conn.Keep(steps.List, program.OfSteps(steps.Steps))
}

// planCgroups names the cgroups, which must hold no process. A further process of the
// container's former life may be in them still: it enters them before it is cloned into
// the pid namespace, and ends by itself when it finds no init to join. No more of those
// come, since the lock is exclusive.
func (v *view) planCgroups(ctx context.Context) (paths map[string]string, parents []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, orphanTimeout)
	defer cancel()
	for {
		paths, parents, err = v.cgroups.Plan()
		if !errors.Is(err, unix.EBUSY) || !v.started() || !v.config.Namespaces.Creates(configs.NEWPID) {
			return paths, parents, err
		}
		if v.awaitUsers(ctx) != nil {
			return nil, nil, err // they are others' than this container's
		}
	}
}

// awaitUsers waits until the processes that are in the cgroups now have ended.
func (v *view) awaitUsers(ctx context.Context) error {
	for _, path := range v.cgroups.GetPaths() {
		pids, err := cgroups.GetAllPids(path)
		if cgroupGone(err) {
			continue
		}
		if err != nil {
			return err
		}
		for _, pid := range pids {
			ref, err := pidfd.Open(pid)
			if errors.Is(err, pidfd.ErrNoProcess) {
				continue
			}
			if err != nil {
				return err
			}
			err = v.awaitKilled(ctx, ref.Await)
			ref.Close()
			if err != nil {
				return err
			}
		}
	}
	return nil
}
