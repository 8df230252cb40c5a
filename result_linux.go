// Running one program to its end.

package libcontainer

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/utils"
)

// Result is how a program has ended that Instance.Run has run, and what it has used.
type Result struct {
	// ExitCode is what ExitCode gives for the program's status: 0 to 255.
	ExitCode int

	// Signal is the signal that has ended the program, 0 if it has exited by itself.
	Signal syscall.Signal

	// Killed is why Run has killed the program: the cause of the context's end, such as
	// context.DeadlineExceeded or context.Canceled, or a limit, see Limits. It is nil if the program has ended
	// otherwise, also when that was at the same moment.
	Killed error

	// OOMKilled says that the kernel has killed a process of the container for want of
	// memory while the program ran. It need not be the program's first one: often a child
	// is killed, and the program tells of a failure.
	OOMKilled bool

	// Wall is the time from the call of Run to the end of the program, and of the
	// copying of its output.
	Wall time.Duration

	// CPU is the time on all processors, of user and system together. For a container's
	// initial process it is that of the whole container, by its cgroup. For a further
	// process, and where no cgroup counts, it is that of the process and of those of its
	// children that were waited for, see getrusage(2).
	CPU time.Duration

	// PeakMemory is the most memory in bytes that was used at a time: for a container's
	// initial process by the container since its cgroup was made, with the files that the
	// kernel has cached for it. For a further process, and where no cgroup counts (cgroup
	// v2 before Linux 5.19), it is the largest resident set of the process or one of its
	// children that were waited for.
	PeakMemory uint64
}

// TimedOut says that Run has killed the program because the deadline of its context, or its
// limit of time, had passed.
func (r *Result) TimedOut() bool { return errors.Is(r.Killed, context.DeadlineExceeded) }

// ExitCode gives the code of an end as a shell does: what the program has given exit(3), or
// 128 and the number of the signal that has ended it.
//
//	status, err := instance.Wait(ctx)
//	code := libcontainer.ExitCode(status)
//
// The status of an os.ProcessState, as Process.Wait returns it, is state.Sys().(syscall.WaitStatus).
func ExitCode(status syscall.WaitStatus) int {
	return utils.ExitStatus(status)
}

// Run starts a program, waits until it has ended and its output has been copied, and
// returns how that was. It starts it as Start does: as the container's initial process if
// there is none, else as a further one. A program that fails is no error: that is in the
// Result.
//
// When ctx ends, or a limit of the process is used up, Run kills: with the initial process all processes of the container, whatever
// they have done to their cgroups; a further process alone. The container stays, also
// afterwards: Run may be called again, and Destroy removes it.
//
// errors: those of Start; the end of ctx before the program ran; a Stdin, Stdout or Stderr
// that failed, then with a Result; SystemError - a program that was killed has not ended within
// 10 seconds.
func (c *Instance) Run(ctx context.Context, process *Process) (*Result, error) {
	begun := time.Now()
	if process == nil {
		return nil, checkProcess(process)
	}
	if err := process.Limits.check(process); err != nil {
		process.closeFiles()
		return nil, err
	}
	before, kills := c.consumed(), c.kills()
	starting, stop := process.Limits.within(ctx)
	defer stop()
	// The program may have written too much before the start is over.
	ctx, end := context.WithCancelCause(starting)
	defer end(nil)
	limited := process.Limits.limited(process, end)
	err := c.StartContext(starting, limited)
	process.run, process.closeAfterStart = limited.run, nil
	if err != nil {
		return nil, err
	}
	run := process.run
	oom := c.watchOOM()
	var limiting sync.WaitGroup
	defer limiting.Wait()
	if process.Limits != nil && process.Limits.CPU > 0 {
		limiting.Go(func() { c.limitCPU(ctx, end, run, before, process.Limits.CPU) })
	}
	state, killed, err := c.awaitOrKill(ctx, run)
	if state == nil {
		return nil, err
	}
	r := &Result{Killed: killed, Wall: time.Since(begun)}
	r.end(state)
	if cause := context.Cause(ctx); errors.Is(cause, ErrOutputLimit) {
		r.Killed = cause // something was dropped, also if the program was faster
	}
	if run.first {
		r.cgroup(before, c.consumed())
	}
	later := c.kills()
	r.OOMKilled = later.count > kills.count || later.gone && oom != nil && told(oom)
	return r, err
}

// awaitOrKill waits until a process has ended, and its output has been copied. It kills it
// when the context ends, and returns why. The error is not that the program has failed.
func (c *Instance) awaitOrKill(ctx context.Context, run *runningProcess) (state *os.ProcessState, killed, err error) {
	waiting, giveUp := context.WithCancelCause(context.WithoutCancel(ctx))
	defer giveUp(nil)
	killing := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		err := c.kill(run)
		if err != nil {
			giveUp(err)
		}
		killing <- err
	})
	state, err = run.wait(waiting)
	if !stop() && <-killing == nil {
		killed = context.Cause(ctx)
	}
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		err = nil
	}
	return state, killed, err
}

// end reads what the process itself tells.
func (r *Result) end(state *os.ProcessState) {
	status, _ := state.Sys().(syscall.WaitStatus)
	r.ExitCode = ExitCode(status)
	if status.Signaled() {
		r.Signal = status.Signal()
	}
	if r.Signal != unix.SIGKILL {
		r.Killed = nil // it was faster
	}
	r.CPU = state.UserTime() + state.SystemTime()
	if rusage, ok := state.SysUsage().(*syscall.Rusage); ok {
		r.PeakMemory = uint64(rusage.Maxrss) << 10 // getrusage(2): kilobytes
	}
}

// usage is what a container's cgroups tell: 0 where they do not.
type usage struct{ cpu, peak uint64 }

func (c *Instance) consumed() (u usage) {
	if stats, err := c.Stats(); err == nil {
		u.cpu = stats.CgroupStats.CpuStats.CpuUsage.TotalUsage
		u.peak = stats.CgroupStats.MemoryStats.Usage.MaxUsage
	}
	return u
}

// oomCount is how many processes of a container were killed for want of memory, 0 if that
// is not known.
type oomCount struct {
	count uint64
	gone  bool // the cgroup that counts
}

func (c *Instance) kills() oomCount {
	count, err := c.OOMKills()
	return oomCount{count, cgroupGone(err)}
}

func (r *Result) cgroup(before, after usage) {
	if after.cpu > before.cpu {
		r.CPU = time.Duration(after.cpu - before.cpu)
	}
	if after.peak > 0 {
		r.PeakMemory = after.peak
	}
}

// watchOOM counts kills while the process runs, where the cgroup that does may go with its
// last process: systemd's. Elsewhere it is nil.
func (c *Instance) watchOOM() <-chan struct{} {
	if managerName(c.view().cgroups) != managerSystemd {
		return nil
	}
	oom, err := c.NotifyOOM()
	if err != nil {
		return nil // there is no memory cgroup, or it has gone already
	}
	return oom
}

// told tells whether a channel that is closed, or will be at once, has had an event.
func told(events <-chan struct{}) bool {
	_, had := <-events
	return had
}
