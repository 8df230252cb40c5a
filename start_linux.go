// The host's side: starting a process of a container, its init or a further one,
// and the handshake with it.

package libcontainer

import (
	"context"
	"encoding/binary"
	"encoding/json"
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
	"github.com/libcontainer/libcontainer/internal/initproc"
	"github.com/libcontainer/libcontainer/internal/pidfd"
	"github.com/libcontainer/libcontainer/nsenter/preamble"
)

const (
	initPipeEnv = "_LIBCONTAINER_INITPIPE"
	stdioCount  = 3
	// helloTimeout is how long a program that does not import package nsenter
	// has to call StartInitialization. Nothing else can tell that it never will.
	helloTimeout = 30 * time.Second
)

// errDied says that both ends of init are gone and the reason is not known.
var errDied = errors.New("the init process died")

// launch is one start of a process, until the user's program runs.
type launch struct {
	c       *linuxContainer
	ctx     context.Context
	join    bool // a further process of a container that runs
	prepare bool // init waits to be released
	process *Process
	config  *configs.Config
	stdio   *stdio

	pipe  *os.File    // the host's end of the init pipe
	frame retrier     // what has been read of a frame
	stage *os.Process // runs the preamble, ends when init has been cloned
	init  *os.Process // nil until the preamble has told its pid
	ref   *pidfd.Process
	hook  bool // the program imports package nsenter

	files     []*os.File // the child's descriptors
	pipeFd    int        // the child's end of the init pipe
	pidFd     int        // a pidfd of the container's init, to join
	mntFd     int        // its mount namespace
	listener  *os.File   // where a prepared init waits to be released
	releaseFd int        // the same in the child

	denySetgroups bool
	filter        initproc.Filter
	step          launchStep

	born  bool // in the container's cgroup v2 directory
	joins joinFiles
}

// launchStep is what init does now, for errors.
type launchStep string

const (
	stepPreamble launchStep = "run the preamble"
	stepBoot     launchStep = "boot Go"
	stepSetUp    launchStep = "set up the container"
	stepExec     launchStep = "run the program"
)

// start runs p. The caller holds the lock, exclusively unless to join.
func (c *linuxContainer) start(ctx context.Context, p *Process, mode startMode) (err error) {
	if !preamble.Supported {
		return errors.New("the program was built without cgo, which containers need")
	}
	join := mode == modeJoin
	l := &launch{c: c, ctx: ctx, join: join, prepare: mode == modePrepare, process: p}
	paths := c.cgroups.GetPaths()
	if !join {
		if paths, err = c.plan(); err != nil {
			return err
		}
	}
	_, unified := paths[""]
	l.config = c.config
	if l.denySetgroups, err = l.setgroupsDenied(); err != nil {
		return err
	}
	if l.filter, err = l.seccompFilter(); err != nil {
		return err
	}
	l.hook = c.factory.initExe == nil && preamble.HookLinked()
	caps, err := capabilityMasks(c.config, p)
	if err != nil {
		return invalid(err)
	}
	if l.stdio, err = newStdio(p); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			l.abort()
		}
	}()
	if !join {
		if err := l.relabel(); err != nil {
			return err
		}
	}
	if l.prepare {
		if l.listener, err = c.listen(); err != nil {
			return err
		}
		defer l.listener.Close()
	}
	if unified && !join { // the process is to be born there
		if err := c.makeCgroups(); err != nil {
			return err
		}
	}
	if err := l.spawn(unified); err != nil {
		return err
	}
	defer l.cancelWith(ctx)()
	// While the kernel loads the program and the preamble runs:
	if !unified && !join {
		if err := c.makeCgroups(); err != nil {
			return err
		}
	}
	defer l.joins.close()
	if err := l.openCgroups(); err != nil {
		return err
	}
	if err := l.awaitInit(); err != nil {
		return l.explain(err)
	}
	initConfig, err := l.initConfig(caps)
	if err != nil {
		return err
	}
	if err := l.handshake(initConfig.Encode()); err != nil {
		return l.explain(err)
	}
	return l.complete()
}

// cancelWith makes all that waits at the init pipe fail when the context ends.
// The returned function ends that.
func (l *launch) cancelWith(ctx context.Context) (stop func()) {
	done := make(chan struct{})
	stopped := context.AfterFunc(ctx, func() {
		defer close(done)
		_ = l.pipe.SetDeadline(time.Unix(1, 0))
	})
	return func() {
		if !stopped() {
			<-done
		}
	}
}

// deadline bounds the reads from the init pipe; zero means no bound.
func (l *launch) deadline(t time.Time) error {
	if err := l.pipe.SetReadDeadline(t); err != nil {
		return fmt.Errorf("set deadline of init pipe: %w", err)
	}
	// The context may have set its own just before.
	return context.Cause(l.ctx)
}

// setgroupsDenied tells whether the process may not call setgroups(2).
func (l *launch) setgroupsDenied() (bool, error) {
	if !l.join {
		return mustDenySetgroups(l.config), nil
	}
	if !l.config.Namespaces.Contains(configs.NEWUSER) {
		return false, nil
	}
	name := procFile(l.c.init.Pid(), "setgroups")
	text, err := os.ReadFile(name)
	if err != nil {
		return false, fmt.Errorf("read setgroups of the container's user namespace: %w", err)
	}
	return strings.TrimSpace(string(text)) == "deny", nil
}

// spawn runs the sealed program, in the container's cgroup v2 directory if there is
// one. The bootstrap message waits in the pipe.
func (l *launch) spawn(unified bool) error {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("make init pipe: %w", err)
	}
	child := os.NewFile(uintptr(pair[1]), "init pipe")
	defer child.Close()
	// Non-blocking, so that the runtime's poller waits and deadlines work.
	if err := unix.SetNonblock(pair[0], true); err != nil {
		unix.Close(pair[0])
		return fmt.Errorf("make init pipe: %w", err)
	}
	l.pipe = os.NewFile(uintptr(pair[0]), "init pipe")

	l.files = append(l.files, l.stdio.files[:]...)
	l.files = append(l.files, l.process.ExtraFiles...)
	l.pipeFd = l.pass(child)
	if l.join {
		closeJoined, err := l.passJoined()
		if err != nil {
			return err
		}
		defer closeJoined()
	}
	if l.listener != nil {
		l.releaseFd = l.pass(l.listener)
	}
	message, err := l.bootstrap()
	if err != nil {
		return err
	}
	if _, err := l.pipe.Write(message); err != nil {
		return fmt.Errorf("write bootstrap message: %w", err)
	}
	exe, err := l.c.factory.initExecutable(aboveAll(l.files))
	if err != nil {
		return err
	}
	defer unix.Close(exe)
	attr := &os.ProcAttr{Dir: "/", Env: initEnv(l.pipeFd), Files: l.files}
	l.step = stepPreamble
	if err := l.startStage("/proc/self/fd/"+strconv.Itoa(exe), attr, unified); err != nil {
		return fmt.Errorf("run %s as init: %w", l.c.factory.InitPath, err)
	}
	l.stdio.closeChild()
	return nil
}

// startStage starts the process that runs the preamble. One that is cloned into its
// cgroup (clone3(2), CLONE_INTO_CGROUP) saves the move, for which the kernel stops
// all forks of the machine and waits for an RCU grace period. Where that does not
// work the move tells why, or the container can do without.
func (l *launch) startStage(exe string, attr *os.ProcAttr, unified bool) (err error) {
	if unified {
		dir, err := l.c.cgroups.UnifiedDir()
		if err != nil {
			return err
		}
		if dir != nil {
			defer dir.Close()
			attr.Sys = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(dir.Fd())}
			if l.stage, err = os.StartProcess(exe, l.c.factory.initArgv(), attr); err == nil {
				l.born = true
				return nil
			}
			attr.Sys = nil
		}
	}
	l.stage, err = os.StartProcess(exe, l.c.factory.initArgv(), attr)
	return err
}

// passJoined gives the child what it joins: a pidfd of the container's init for the
// preamble, and the mount namespace for Go. That one is opened here, because the
// child will have entered the container's user namespace, and have no right any
// more to look at an init whose program cannot be read from there.
func (l *launch) passJoined() (closeFiles func(), err error) {
	pidfd, err := l.c.init.File()
	if err != nil {
		return nil, err
	}
	l.pidFd = l.pass(pidfd)
	if !l.config.Namespaces.Contains(configs.NEWNS) {
		return func() { pidfd.Close() }, nil
	}
	mnt, err := l.c.init.Namespace("mnt")
	if err != nil {
		pidfd.Close()
		return nil, err
	}
	l.mntFd = l.pass(mnt)
	return func() {
		pidfd.Close()
		mnt.Close()
	}, nil
}

// aboveAll gives a descriptor number that os.StartProcess leaves alone in the
// child: it moves files about below, and up to their number above, the highest
// of them before it executes the program.
func aboveAll(files []*os.File) int {
	highest := 0
	for _, f := range files {
		highest = max(highest, int(f.Fd()))
	}
	return highest + len(files) + 2
}

// pass gives the child another file, after those of its program, and returns the
// child's descriptor.
func (l *launch) pass(f *os.File) int {
	l.files = append(l.files, f)
	return len(l.files) - 1
}

func (l *launch) bootstrap() ([]byte, error) {
	if !l.join {
		return bootstrapFor(l.config)
	}
	flags, err := l.joinFlags()
	if err != nil {
		return nil, err
	}
	return bootstrapForJoin(l.pidFd, flags)
}

// joinFlags gives the namespaces that the preamble joins: all that the container
// has of its own but the mount namespace, which init joins itself.
func (l *launch) joinFlags() (flags uintptr, err error) {
	for i := range l.config.Namespaces {
		flags |= uintptr(l.config.Namespaces[i].Syscall())
	}
	flags &^= unix.CLONE_NEWNS
	if flags&unix.CLONE_NEWUSER == 0 {
		return flags, nil
	}
	// setns(2) refuses the user namespace that we are in already.
	var own, theirs unix.Stat_t
	if err := unix.Stat("/proc/self/ns/user", &own); err != nil {
		return 0, fmt.Errorf("stat own user namespace: %w", err)
	}
	if err := unix.Stat(procFile(l.c.init.Pid(), "ns/user"), &theirs); err != nil {
		return 0, fmt.Errorf("stat user namespace of the container: %w", err)
	}
	if own.Dev == theirs.Dev && own.Ino == theirs.Ino {
		flags &^= unix.CLONE_NEWUSER
	}
	return flags, nil
}

func (l *LinuxFactory) initArgv() []string {
	if len(l.InitArgs) == 0 {
		return []string{l.InitPath, "init"}
	}
	return l.InitArgs
}

// initEnv is init's own environment, not that of the user's program: nothing of
// the host's reaches the container but what the dynamic linker may need.
func initEnv(pipeFd int) []string {
	env := []string{
		initPipeEnv + "=" + strconv.Itoa(pipeFd),
		// One thread's work; and the runtime need not read mountinfo to find
		// the cgroup's limit of processors.
		"GOMAXPROCS=1",
		"GODEBUG=containermaxprocs=0,updatemaxprocs=0",
	}
	if v, ok := os.LookupEnv("LD_LIBRARY_PATH"); ok {
		env = append(env, "LD_LIBRARY_PATH="+v)
	}
	return env
}

func (l *launch) initConfig(caps initproc.CapabilityMasks) (*initproc.Config, error) {
	p, config, hooks := l.process, l.config, l.c.hooks()
	if l.join {
		hooks = new(configs.Hooks)
	}
	state, err := json.Marshal(l.c.hookState(l.ref.Pid(), "created"))
	if err != nil {
		return nil, fmt.Errorf("encode state for hooks: %w", err)
	}
	profile, label := l.processLabels()
	paths := l.c.cgroups.GetPaths()
	return &initproc.Config{
		Args:             p.Args,
		Env:              p.Env,
		Cwd:              p.Cwd,
		User:             p.User,
		AdditionalGroups: append(append([]string(nil), config.AdditionalGroups...), p.AdditionalGroups...),
		Capabilities:     caps,
		FdLimit:          l.pipeFd,
		Join:             l.join,
		MntFd:            l.mntFd,
		ReleaseFd:        l.releaseFd,
		AppArmorProfile:  profile,
		ProcessLabel:     label,
		OwnStdio:         l.stdio.own,
		Terminal:         p.console != nil,
		InUserNS:         config.Namespaces.Contains(configs.NEWUSER),
		SetgroupsDenied:  l.denySetgroups,
		CgroupPaths:      paths,
		SetupCgroups:     names(l.joins.setup),
		ExecCgroups:      names(l.joins.exec),
		LimitedTasks:     l.limitsTasks(paths),
		CgroupMounts:     cgroupMounts(config),
		HostHooks:        len(hooks.Prestart)+len(hooks.CreateRuntime) > 0,
		CreateContainer:  commandHooks(hooks.CreateContainer),
		StartContainer:   commandHooks(hooks.StartContainer),
		HookState:        state,
		Filter:           l.filter,
		Container:        l.containerConfig(),
	}, nil
}

// containerConfig is the container's configuration with what is the process's own.
func (l *launch) containerConfig() *configs.Config {
	c := withMountEnv(l.config)
	c.Rlimits = l.rlimits()
	c.NoNewPrivileges = c.NoNewPrivileges || l.process.NoNewPrivileges
	withMountLabel(c.Mounts, c.MountLabel)
	return c
}

func (l *launch) rlimits() []configs.Rlimit {
	if l.process.Rlimits != nil {
		return l.process.Rlimits
	}
	return l.config.Rlimits
}

// explain adds to an error of the handshake what the end of the processes tells.
func (l *launch) explain(err error) error {
	if cause := context.Cause(l.ctx); cause != nil {
		return cause
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("%s did not start to initialise the container within %s: it must import %q, "+
			"or call StartInitialization in an init function: %w", l.c.factory.initArgv()[0], helloTimeout, nsenterImport, err)
	}
	if !errors.Is(err, errDied) {
		return err
	}
	status := "unknown status"
	if state := l.reapAll(); state != nil {
		status = state.String()
	} else if ws, err := l.c.initStatus(l.ctx, l.ref, l.c.initRun); err == nil {
		status = describeStatus(ws)
	}
	// A program of another path may hold no preamble at all.
	foreign := l.c.factory.initExe != nil
	if l.step == stepBoot && !l.hook || l.step == stepPreamble && foreign {
		return fmt.Errorf("%s ended (%s) without initialising the container: it must import %q, "+
			"or call StartInitialization in an init function", l.c.factory.initArgv()[0], status, nsenterImport)
	}
	return fmt.Errorf("%w (%s) before it could %s", err, status, l.step)
}

// reapAll kills and reaps what the launch has started and returns the status of
// the one that came furthest.
func (l *launch) reapAll() (last *os.ProcessState) {
	for _, p := range []*os.Process{l.stage, l.init} {
		if p == nil {
			continue
		}
		// One that has ended by itself keeps its own status.
		_ = p.Kill()
		if state, err := p.Wait(); err == nil {
			last = state
		}
	}
	l.stage, l.init = nil, nil
	return last
}

// complete hands the running program to the caller's process.
func (l *launch) complete() error {
	if _, err := l.stage.Wait(); err != nil {
		return fmt.Errorf("reap the preamble's process: %w", err)
	}
	l.stage = nil
	l.pipe.Close()
	owner := &l.c.children
	if !l.join {
		owner = nil
	}
	run := newRunningProcess(l.init, l.process, l.stdio, owner)
	l.process.run = run
	if l.join {
		owner.add(run)
	} else {
		l.c.m.Lock()
		l.c.initRun = run
		l.c.m.Unlock()
	}
	l.stdio.copy()
	go run.watch(l.ref.Clone())
	if l.join {
		l.ref.Close()
	}
	return nil
}

// abort takes back a start that failed.
func (l *launch) abort() {
	l.stdio.abort()
	if l.stage != nil && l.init == nil {
		l.findOrphan()
	}
	if l.pipe != nil {
		l.pipe.Close()
	}
	l.reapAll()
	if l.join {
		l.ref.Close()
		return
	}
	l.c.m.Lock()
	l.c.dropInit()
	l.c.m.Unlock()
}

// findOrphan learns of an init process that the preamble may have cloned, or be
// about to clone, after we have given up: it is our child and must be reaped.
// The end of our stream makes the preamble, and init, give up too.
func (l *launch) findOrphan() {
	conn, err := l.pipe.SyscallConn()
	if err != nil {
		return
	}
	var shutdownErr error
	err = conn.Control(func(fd uintptr) { shutdownErr = unix.Shutdown(int(fd), unix.SHUT_WR) })
	if err != nil || shutdownErr != nil {
		return
	}
	if err := l.pipe.SetReadDeadline(time.Now().Add(helloTimeout)); err != nil {
		return
	}
	// An init that has seen our end may report that before the preamble reports it.
	for {
		kind, payload, err := l.readFrame()
		if err != nil {
			return
		}
		if kind == initproc.KindPid && len(payload) == 8 {
			l.init, _ = os.FindProcess(int(int32(binary.NativeEndian.Uint32(payload))))
			return
		}
	}
}

// setOomScoreAdj writes /proc/[pid]/oom_score_adj, see proc(5). 0, the default,
// does not insist where the process may not lower what it has inherited.
func setOomScoreAdj(pid, adj int) error {
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

// cgroupMounts gives init the host's hierarchies if it has to mount them.
func cgroupMounts(config *configs.Config) []initproc.CgroupMount {
	wanted := false
	for _, m := range config.Mounts {
		wanted = wanted || m.Device == "cgroup" || m.Device == "cgroup2"
	}
	if !wanted {
		return nil
	}
	snapshot, err := cgroups.CurrentSnapshot()
	if err != nil {
		return nil // the mount itself then says what is missing
	}
	var out []initproc.CgroupMount
	for _, h := range snapshot.Hierarchies() {
		out = append(out, initproc.CgroupMount{Mountpoint: h.Mountpoint, Subsystems: h.Keys})
	}
	return out
}
