// What a program is told of its containers, for metrics and logs.

package libcontainer

import (
	"context"
	"errors"
	"syscall"
	"time"
)

// Observer is told what happens to the containers of a factory, see WithObserver. A factory
// without one takes no times and watches nothing.
type Observer interface {
	// Observe is called with each event, of whatever container, by several goroutines at once.
	// The call that the event is about waits for it: an event is known before Start, Process.Wait
	// or Destroy returns, and a start before the end of what has been started; only that of Release
	// can come after it. So it must return soon, and must not call methods of a container.
	//
	// There may be more kinds of events in the future: leave alone what is not known.
	Observe(Event)
}

// Event is something that has happened: a StartEvent, an ExitEvent, an OOMEvent, a PressureEvent or
// a DestroyEvent.
type Event interface{ event() }

// StartKind tells which kind of start an event is about.
type StartKind string

// The kinds of starts.
const (
	StartFirst    StartKind = "first"    // Start or Run, of the container's initial process
	StartFurther  StartKind = "further"  // Start or Run, of a further one
	StartPrepared StartKind = "prepared" // Prepare
	StartReleased StartKind = "released" // Release
	StartRestored StartKind = "restored" // Restore
)

// StartEvent is the end of a call that starts a process.
type StartEvent struct {
	Container string
	Kind      StartKind
	Pid       int           // 0 if the start has failed
	Args      []string      // of the program; nil of one that is released or restored
	Took      time.Duration // the whole call but the poststart hooks
	Steps     []StepTime    // of that, in their order, as far as it has come; none of a restore
	Err       error         // what the call returns
}

// StepTime is the time that a step of a start has taken. Which steps there are depends on the container and
// on the release of the library: the names are for people.
type StepTime struct {
	Name string
	Took time.Duration
}

// ExitEvent is the end of a process that this program has started.
type ExitEvent struct {
	Container string
	Pid       int
	First     bool // it was the container's initial process
	Args      []string
	Ran       time.Duration // since the call that has started it was over
	Status    syscall.WaitStatus
	Err       error // why Status is not known, such as StatusUnknown
}

// OOMEvent is that the kernel has killed a process for want of memory, of a container whose
// initial process this program has started.
type OOMEvent struct{ Container string }

// PressureEvent is that such a container's memory has become as scarce as the level says.
type PressureEvent struct {
	Container string
	Level     PressureLevel
}

// DestroyEvent is the end of a call of Destroy, if there was something to destroy.
type DestroyEvent struct {
	Container string
	Took      time.Duration // the whole call but the poststop hooks
	Err       error         // what the call returns
}

func (StartEvent) event()    {}
func (ExitEvent) event()     {}
func (OOMEvent) event()      {}
func (PressureEvent) event() {}
func (DestroyEvent) event()  {}

// WithObserver returns an options func that makes a LinuxFactory tell an Observer what happens to
// its containers, and when their memory becomes as scarce as those levels, which is not watched
// without any.
func WithObserver(observer Observer, pressure ...PressureLevel) func(*LinuxFactory) error {
	return func(l *LinuxFactory) error {
		for _, level := range pressure {
			if _, ok := pressureLevels[level]; !ok {
				return errorf(ConfigInvalid, "observer: unknown level of memory pressure %d", level)
			}
		}
		l.Observer, l.observedPressure = observer, pressure
		return nil
	}
}

// timing measures a start; nil measures nothing.
type timing struct {
	kind        StartKind
	begun, last time.Time
	steps       []StepTime
	told        chan struct{} // closed when the observer knows of the start
}

type timingKey struct{}

// timed returns a context for a start which is measured if there is an observer, and a function that
// tells of its end.
func (c *Instance) timed(ctx context.Context, kind StartKind) (context.Context, func(pid int, args []string, err error)) {
	if c.factory.Observer == nil {
		return ctx, func(int, []string, error) {}
	}
	now := time.Now()
	t := &timing{kind: kind, begun: now, last: now, told: make(chan struct{})}
	return context.WithValue(ctx, timingKey{}, t), func(pid int, args []string, err error) {
		defer close(t.told)
		c.factory.Observer.Observe(StartEvent{
			Container: c.id, Kind: t.kind, Pid: pid, Args: args, Took: time.Since(t.begun), Steps: t.steps, Err: err,
		})
	}
}

// timedDestroy is timed for a call of Destroy.
func (c *Instance) timedDestroy() (told func(error)) {
	if c.factory.Observer == nil {
		return func(error) {}
	}
	begun := time.Now()
	return func(err error) {
		c.factory.Observer.Observe(DestroyEvent{Container: c.id, Took: time.Since(begun), Err: err})
	}
}

func timingOf(ctx context.Context) *timing {
	t, _ := ctx.Value(timingKey{}).(*timing)
	return t
}

// startedPid is 0 if the process has not been started.
func startedPid(p *Process) int {
	if p == nil || p.run == nil {
		return 0
	}
	return p.run.pid()
}

// done ends a step.
func (t *timing) done(name string) {
	if t == nil {
		return
	}
	now := time.Now()
	t.steps = append(t.steps, StepTime{name, now.Sub(t.last)})
	t.last = now
}

// is tells which kind the start has turned out to be.
func (t *timing) is(kind StartKind) {
	if t != nil {
		t.kind = kind
	}
}

// observeRun tells of the process's end, and of its memory if it is the container's initial one.
func (c *Instance) observeRun(ctx context.Context, run *runningProcess) {
	t := timingOf(ctx)
	if t == nil {
		return
	}
	begun := time.Now()
	run.onEnd = func() {
		<-t.told // a program can be faster than who has started it
		c.factory.Observer.Observe(ExitEvent{
			Container: c.id, Pid: run.pid(), First: run.first, Args: run.spec.Args,
			Ran: time.Since(begun), Status: run.status, Err: run.err,
		})
	}
	if !run.first {
		return
	}
	if oom, err := c.NotifyOOM(); err == nil {
		go c.tell(oom, OOMEvent{c.id})
	} else if !errors.Is(err, errNoMemoryCgroup) {
		c.warnUnobserved(err)
	}
	for _, level := range c.factory.observedPressure {
		if events, err := c.NotifyMemoryPressure(level); err == nil {
			go c.tell(events, PressureEvent{c.id, level})
		} else {
			c.warnUnobserved(err)
		}
	}
}

// tell tells of events until there are no more.
func (c *Instance) tell(events <-chan struct{}, event Event) {
	for range events {
		c.factory.Observer.Observe(event)
	}
}

// warnUnobserved says why an observer hears nothing, unless that is as it ends so soon.
func (c *Instance) warnUnobserved(err error) {
	if !errors.Is(err, ContainerNotRunning) && !errors.Is(err, ContainerNotExists) {
		c.warn(err)
	}
}
