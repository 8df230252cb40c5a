// Limits of time and output, which Run enforces.

package libcontainer

import (
	"context"
	"errors"
	"io"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/libcontainer/libcontainer/internal/pidfd"
)

// Limits are what a program may take that Instance.Run runs. When it has taken more Run kills
// it, as at the end of its context, and Result.Killed says which limit it was. 0 is no limit.
type Limits struct {
	// Wall is the time from the call of Run on. Killed is context.DeadlineExceeded.
	Wall time.Duration

	// CPU is the time on all processors. Of a container's initial process it is that of all
	// processes in its cgroup; of a further one, or without a cgroup that counts, that of the
	// process and of its children that were waited for. It is looked at when it could have been
	// used up, so that a program may get some milliseconds more. Killed is ErrCPULimit.
	CPU time.Duration

	// Output is how many bytes are written to Stdout and Stderr together. What comes after
	// them is dropped. A file is written to by the program itself, and cannot be counted.
	// Killed is ErrOutputLimit, also if the program had ended by itself when the rest of its
	// output came.
	Output int64
}

// The causes by which Result.Killed tells of limits.
var (
	ErrCPULimit    = errors.New("the limit of CPU time is used up")
	ErrOutputLimit = errors.New("the limit of output is used up")
)

// check refuses limits that cannot be kept.
func (l *Limits) check(p *Process) error {
	if l == nil {
		return nil
	}
	if l.Wall < 0 || l.CPU < 0 || l.Output < 0 {
		return errorf(ConfigInvalid, "run process: a limit is negative: %+v", *l)
	}
	if l.Output == 0 {
		return nil
	}
	for name, w := range map[string]io.Writer{"Stdout": p.Stdout, "Stderr": p.Stderr} {
		if f, ok := w.(*os.File); ok && f != nil {
			return errorf(ConfigInvalid, "run process: Limits.Output cannot be kept, since %s is the file %s, "+
				"to which the process writes by itself", name, f.Name())
		}
	}
	if p.hasConsole() {
		return errorf(ConfigInvalid, "run process: Limits.Output cannot be kept on a terminal")
	}
	return nil
}

// within returns a context that ends with the limit of time.
func (l *Limits) within(ctx context.Context) (context.Context, context.CancelFunc) {
	if l == nil || l.Wall == 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, l.Wall)
}

// limited returns a process to be started in place of the one that the caller has: when that
// has written what it may it calls exceeded.
func (l *Limits) limited(p *Process, exceeded context.CancelCauseFunc) *Process {
	if l == nil || l.Output == 0 {
		return p
	}
	limited := *p
	count := &outputCount{left: l.Output, exceeded: exceeded}
	limited.Stdout = count.writer(p.Stdout)
	limited.Stderr = limited.Stdout
	if !sameWriter(p.Stdout, p.Stderr) {
		limited.Stderr = count.writer(p.Stderr)
	}
	return &limited
}

// outputCount counts what several writers write.
type outputCount struct {
	mu       sync.Mutex
	left     int64
	exceeded context.CancelCauseFunc
}

func (c *outputCount) writer(w io.Writer) io.Writer {
	if w == nil {
		return nil
	}
	return &countedWriter{c, w}
}

// take tells how much of n bytes may be written.
func (c *outputCount) take(n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	taken := min(int64(n), c.left)
	c.left -= taken
	if taken < int64(n) {
		c.exceeded(ErrOutputLimit)
	}
	return int(taken)
}

type countedWriter struct {
	count *outputCount
	to    io.Writer
}

// Write takes all, so that the copying goes on until the process has been killed.
func (w *countedWriter) Write(b []byte) (int, error) {
	if n := w.count.take(len(b)); n > 0 {
		if n, err := w.to.Write(b[:n]); err != nil {
			return n, err
		}
	}
	return len(b), nil
}

// limitCPU ends the context when a process has used the time that it may.
func (c *Instance) limitCPU(ctx context.Context, exceeded context.CancelCauseFunc, run *runningProcess, before usage, limit time.Duration) {
	const least = 2 * time.Millisecond
	timer := time.NewTimer(least)
	defer timer.Stop()
	for {
		used, ok := c.cpuTime(run, before)
		if used >= limit {
			exceeded(ErrCPULimit)
			return
		}
		if !ok {
			return // the process has ended
		}
		// No sooner can it have used the rest.
		timer.Reset(max((limit-used)/time.Duration(runtime.NumCPU()), least))
		select {
		case <-timer.C:
		case <-ctx.Done():
			return
		case <-run.ended:
			return
		}
	}
}

// cpuTime is what a process has used until now, or all of the container since then.
func (c *Instance) cpuTime(run *runningProcess, before usage) (used time.Duration, ok bool) {
	if run.first {
		if u := c.consumed(); u.cpu > before.cpu {
			return time.Duration(u.cpu - before.cpu), true
		}
	}
	stat, err := pidfd.ReadStat(run.pid())
	if err != nil || stat.StartTime != run.ref.StartTime() {
		return 0, false
	}
	return stat.CPU, true
}
