// The host's side: events of a container's memory.

package libcontainer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// eventBuffer is how many events that nobody has received outlive the container.
const eventBuffer = 128

// eventSource is where the kernel tells of events.
type eventSource interface {
	// next waits for events and returns how many there were. After the last call
	// there will be no more, because the cgroup has been removed, or stop was
	// called; its n counts too.
	next() (n uint64, last bool)

	// stop makes next, which may be waiting, return what has happened until now
	// and be the last.
	stop()

	// close gives up the descriptors.
	close()
}

// notifiers are the event sources of one handle.
type notifiers struct {
	mu     sync.Mutex
	active map[*notifier]struct{}
}

// notifier carries events from a source to a channel.
type notifier struct {
	source  eventSource
	stopped chan struct{} // closed when the source has been read to its end
}

// start begins to carry events. A slow receiver delays nothing and loses nothing:
// what it has not received is counted.
func (l *notifiers) start(source eventSource) <-chan struct{} {
	n := &notifier{source: source, stopped: make(chan struct{})}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.active == nil {
		l.active = make(map[*notifier]struct{})
	}
	l.active[n] = struct{}{}
	counts := make(chan uint64)
	events := make(chan struct{}, eventBuffer)
	go func() {
		n.read(counts)
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.active, n)
	}()
	go deliver(counts, events)
	return events
}

// stop ends all, after what has happened until now has been counted.
func (l *notifiers) stop() {
	l.mu.Lock()
	var list []*notifier
	for n := range l.active {
		list = append(list, n)
	}
	l.mu.Unlock()
	for _, n := range list {
		n.source.stop()
	}
	for _, n := range list {
		<-n.stopped
	}
}

func (n *notifier) read(counts chan<- uint64) {
	defer close(n.stopped)
	defer close(counts)
	defer n.source.close()
	for {
		count, last := n.source.next()
		counts <- count
		if last {
			return
		}
	}
}

// deliver sends an event for each count, and closes the channel when there are no
// more: then what fits into its buffer can still be received.
func deliver(counts <-chan uint64, events chan<- struct{}) {
	defer close(events)
	var pending uint64
	for {
		var out chan<- struct{}
		if pending > 0 {
			out = events
		}
		select {
		case out <- struct{}{}:
			pending--
		case n, ok := <-counts:
			if !ok {
				for ; pending > 0 && len(events) < cap(events); pending-- {
					events <- struct{}{}
				}
				return
			}
			pending += n
		}
	}
}

// memoryCgroup returns the directory of the memory controller; unified tells that
// it is one of cgroup v2.
func (c *linuxContainer) memoryCgroup(step string) (dir string, unified bool, err error) {
	unlock, err := c.look(step)
	if err != nil {
		return "", false, err
	}
	defer unlock()
	if !c.started {
		return "", false, errorf(ContainerNotRunning, "%s: container %q has not been started", step, c.id)
	}
	paths := c.cgroups.GetPaths()
	if dir, ok := paths["memory"]; ok {
		return dir, false, nil
	}
	if dir, ok := paths[""]; ok {
		if _, err := os.Stat(filepath.Join(dir, "memory.events")); err == nil {
			return dir, true, nil
		}
	}
	return "", false, errorf(SystemError, "%s: container %q has no memory cgroup", step, c.id)
}

func (c *linuxContainer) NotifyOOM() (<-chan struct{}, error) {
	const step = "notify of OOM"
	dir, unified, err := c.memoryCgroup(step)
	if err != nil {
		return nil, err
	}
	var source eventSource
	if unified {
		source, err = newMemoryEvents(dir)
	} else {
		source, err = newEventfd(dir, "memory.oom_control", "")
	}
	if err != nil {
		return nil, newSystemError(fmt.Errorf("%s in container %q: %w", step, c.id, err))
	}
	return c.notifiers.start(source), nil
}

func (c *linuxContainer) NotifyMemoryPressure(level PressureLevel) (<-chan struct{}, error) {
	const step = "notify of memory pressure"
	name, ok := map[PressureLevel]string{LowPressure: "low", MediumPressure: "medium", CriticalPressure: "critical"}[level]
	if !ok {
		return nil, errorf(ConfigInvalid, "%s: unknown level %d", step, level)
	}
	dir, unified, err := c.memoryCgroup(step)
	if err != nil {
		return nil, err
	}
	var source eventSource
	if unified {
		source, err = newPSITrigger(dir, psiTriggers[level])
	} else {
		source, err = newEventfd(dir, "memory.pressure_level", name)
	}
	if err != nil {
		return nil, newSystemError(fmt.Errorf("%s in container %q: %w", step, c.id, err))
	}
	return c.notifiers.start(source), nil
}

// eventfd is a source of cgroup v1: the kernel counts the events in an
// eventfd(2), see the kernel's documents cgroup-v1/memory and cgroup-v1/cgroups.
type eventfd struct {
	counter *os.File
	control *os.File // the file that the events are about
}

// newEventfd registers for the events of a control file.
func newEventfd(dir, name, args string) (_ *eventfd, err error) {
	control, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			control.Close()
		}
	}()
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("eventfd: %w", err)
	}
	e := &eventfd{counter: os.NewFile(uintptr(fd), "eventfd"), control: control}
	line := fmt.Sprintf("%d %d %s", fd, control.Fd(), args)
	register := filepath.Join(dir, "cgroup.event_control")
	if err := os.WriteFile(register, []byte(line), 0); err != nil {
		e.counter.Close()
		return nil, fmt.Errorf("register for %s: %w", name, err)
	}
	return e, nil
}

// removalDelay bounds the wait for the count that the kernel adds, from a work
// queue, when it removes a cgroup.
const removalDelay = 200 * time.Millisecond

// next does not count the removal of the cgroup, of which the kernel tells in the
// same way: by one, sooner or later after it has removed the files.
func (e *eventfd) next() (uint64, bool) {
	n, err := e.read()
	switch {
	case err != nil:
		return n, true
	case !e.removed():
		return n, false
	}
	_ = e.counter.SetReadDeadline(time.Now().Add(removalDelay))
	more, _ := e.read()
	return n + more - 1, true
}

// read takes the count. If it was stopped, what is there is all.
func (e *eventfd) read() (uint64, error) {
	buf := make([]byte, 8)
	_, err := e.counter.Read(buf)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		// The poller does not look any more whether there is something.
		if conn, cerr := e.counter.SyscallConn(); cerr == nil {
			_ = conn.Control(func(fd uintptr) { _, _ = unix.Read(int(fd), buf) })
		}
	}
	return binary.NativeEndian.Uint64(buf), err
}

func (e *eventfd) removed() bool {
	buf := make([]byte, 1)
	_, err := e.control.ReadAt(buf, 0)
	return errors.Is(err, unix.ENODEV)
}

func (e *eventfd) stop() { _ = e.counter.SetReadDeadline(time.Unix(1, 0)) }

func (e *eventfd) close() {
	e.counter.Close()
	e.control.Close()
}
