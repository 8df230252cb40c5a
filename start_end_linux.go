// The end of a start: the program runs, or what was started is taken back and the error
// says why.

package libcontainer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/internal/launch"
	"github.com/libcontainer/libcontainer/internal/pidfd"
	"github.com/libcontainer/libcontainer/internal/program"
)

// complete hands the running program to the caller's process.
func (st *starting) complete() error {
	st.endStage()
	st.conn.Close()
	run := newRunningProcess(st.ref.Clone(), st.process, st.stdio, &st.c.children)
	st.process.run = run
	if !st.plan.join {
		run.first = true
	} else if st.config.Namespaces.Creates(configs.NEWPID) {
		run.within = st.init.Clone()
	}
	st.c.children.add(run)
	if !st.plan.join {
		st.c.set(func(next *view) { next.initRun = run })
	}
	st.stdio.feed()
	st.c.observeRun(st.ctx, run)
	go run.watch()
	st.ref.Close()
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
	if st.plan.prepare && !st.plan.classic && st.plan.notify.wanted(st.plan) {
		go func() { _, _ = stage.Wait() }()
		return
	}
	st.reapStage(stage)
}

// reapStage reaps the stage, which has ended or been killed, and returns how it has
// ended if that is known. Like any process that has entered the container's cgroups, the
// container may have frozen it: then it is reaped when it is thawed.
func (st *starting) reapStage(stage *os.Process) *os.ProcessState {
	if isZombie(stage.Pid) { // as a rule: it ends when it has cloned
		state, _ := stage.Wait()
		return state
	}
	ref, err := pidfd.Open(stage.Pid)
	if errors.Is(err, pidfd.ErrNoProcess) {
		_ = stage.Release() // something else in this program has reaped it
		return nil
	}
	if err != nil { // no descriptor is free
		go func() { _, _ = stage.Wait() }()
		return nil
	}
	return st.afterDeath(ref, func() *os.ProcessState {
		state, _ := stage.Wait()
		return state
	})
}

// isZombie tells whether a child has ended and is to be reaped.
func isZombie(pid int) bool {
	var info unix.Siginfo
	err := unix.Waitid(unix.P_PID, pid, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT|unix.WALL, nil)
	return err == nil && info.Signo == int32(unix.SIGCHLD)
}

// afterDeath reaps a process when it has ended, which it is about to, and returns what
// that tells; nil if it is frozen, and will be reaped later. It owns the reference.
func (st *starting) afterDeath(ref *pidfd.Process, reap func() *os.ProcessState) *os.ProcessState {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(st.ctx), deathTimeout)
	defer cancel()
	if err := ref.Await(ctx); err == nil {
		defer ref.Close()
		return reap()
	}
	go func() {
		defer ref.Close()
		if err := ref.Await(context.Background()); err == nil {
			reap()
		}
	}()
	return nil
}

// abort takes back a start that failed.
func (st *starting) abort() {
	st.abandonHooks()
	if st.conn != nil && (st.ref == nil || st.stage != nil && st.ref.Pid() == st.stage.Pid) {
		st.findOrphan()
	}
	if st.conn != nil {
		st.conn.Close()
	}
	st.reapAll()
	st.stdio.abort()
	st.ref.Close()
	if !st.plan.join {
		st.c.set((*view).dropInit)
	}
}

// orphanTimeout is how long a stage, which is the library's and waits for nothing but
// the host, may take to end.
const orphanTimeout = 10 * time.Second

// findOrphan learns of an init process that the stage may have cloned, or be about to
// clone, after we have given up: it is our child and must be reaped. The end of our
// stream makes the stage, and init, give up too.
func (st *starting) findOrphan() {
	st.findUnreported()
	if err := st.conn.CloseWrite(); err != nil {
		return
	}
	until := time.Now().Add(orphanTimeout)
	if !st.plan.classic {
		st.conn.Drain(until)
		return
	}
	st.conn.Until(until)
	for {
		kind, payload, err := st.readPreamble()
		if err != nil {
			return
		}
		if kind == preamblePid && len(payload) == 8 {
			st.orphaned(int(int32(getUint32(payload))))
			return
		}
	}
}

// findUnreported looks for a process that the stage has cloned and could not tell of, for
// want of memory, or since it was killed: of our children that have executed something only it
// and the stage have this start's pipe.
func (st *starting) findUnreported() {
	for _, pid := range pidfd.Children(os.Getpid()) {
		if (st.stage == nil || pid != st.stage.Pid) && st.hasPipe(pid) && !isFork(pid) {
			st.orphaned(pid)
		}
	}
}

func (st *starting) hasPipe(pid int) bool {
	files, _ := os.ReadDir(procFile(pid, "fd")) // it may have ended
	return slices.ContainsFunc(files, func(f os.DirEntry) bool {
		var its unix.Stat_t
		return unix.Stat(procFile(pid, "fd/"+f.Name()), &its) == nil && sameInode(&its, &st.pipe)
	})
}

func sameInode(a, b *unix.Stat_t) bool { return a.Dev == b.Dev && a.Ino == b.Ino }

// isFork tells whether a process is a copy of this program, as a C library in it may have made
// at any moment, with all descriptors.
func isFork(pid int) bool {
	var its, ours unix.Stat_t
	if unix.Stat(procFile(pid, "exe"), &its) != nil || unix.Stat("/proc/self/exe", &ours) != nil {
		return true
	}
	return sameInode(&its, &ours)
}

// orphaned is told of a process that has been cloned, and of which there is no reference.
func (st *starting) orphaned(pid int) { st.lost = pid }

// reapOrphan kills and reaps a process that is a child of this program, if nobody has
// reaped it, and of which there may be no pidfd, for want of a free descriptor.
func (st *starting) reapOrphan(pid int) {
	ref, err := pidfd.Open(pid)
	if err == nil {
		st.killAndReap(ref)
		return
	}
	isOurs := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT|unix.WALL, nil) == nil
	if errors.Is(err, pidfd.ErrNoProcess) || !isOurs {
		return
	}
	_ = unix.Kill(pid, unix.SIGKILL)
	go func() {
		for errors.Is(unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WALL, nil), unix.EINTR) {
		}
	}()
}

// reapAll kills and reaps what the start has started. One that has ended by itself keeps
// its own status, and something else in this program may have reaped it.
func (st *starting) reapAll() {
	_ = st.endedStage()
	if st.lost != 0 {
		st.reapOrphan(st.lost)
	}
	if st.ref != nil {
		st.killAndReap(st.ref.Clone())
	}
}

// killAndReap owns the reference.
func (st *starting) killAndReap(ref *pidfd.Process) {
	_ = ref.Signal(unix.SIGKILL)
	st.afterDeath(ref, func() *os.ProcessState {
		state, _ := ref.Wait()
		return state
	})
}

// deathTimeout is how long a process that has been killed is waited for. One that the
// freezer of cgroup v1 has stopped dies only when it is thawed.
const deathTimeout = time.Second

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
	return st.died(st.endStatus())
}

// died says what a process that has died had not done yet.
func (st *starting) died(status string) error {
	step := "set up the container"
	switch {
	case st.executed:
		step = "run the program"
	case st.plan.join:
		step = "join the container"
	}
	return fmt.Errorf("%w (%s) before it could %s", errDied, status, step)
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
	if state := st.endedStage(); state != nil {
		return state.String()
	}
	return "unknown status"
}

// endedStage kills and reaps the stage, if it is still there, and returns how it has
// ended, if that is known.
func (st *starting) endedStage() *os.ProcessState {
	stage := st.stage
	st.stage = nil
	if stage == nil {
		return nil
	}
	_ = stage.Kill()
	return st.reapStage(stage)
}
