// Package memevents tells of events of the memory controller of a cgroup: that it has
// run out of the memory that its limit allows, or that memory is scarce.
package memevents

import (
	"fmt"
	"sync"
)

// Level is how scarce memory is.
type Level int

// The levels of memory pressure, see section "Memory Pressure" of the kernel's
// document cgroup-v1/memory.
const (
	Low Level = iota
	Medium
	Critical
)

// OOM returns a source of OOM events of a cgroup, which begin with the call: an event is
// a process that has been killed. unified tells that its directory is one of cgroup v2.
// On cgroup v1, where the OOM killer is disabled, and before Linux 4.13, an event is that
// the kernel tells of a lack of memory. Whoever removes a cgroup of v1 takes with it what
// has not been counted yet; if that were kills they are one event.
func OOM(dir string, unified bool) (Source, error) {
	if unified {
		return newMemoryEvents(dir)
	}
	return newOOMKills(dir)
}

// Pressure returns a source of memory pressure events of a cgroup.
func Pressure(dir string, unified bool, level Level) (Source, error) {
	name, ok := v1Levels[level]
	if !ok {
		return nil, fmt.Errorf("unknown level %d of memory pressure", level)
	}
	if unified {
		return newPSITrigger(dir, psiTriggers[level])
	}
	return newEventfd(dir, "memory.pressure_level", name)
}

// eventBuffer is how many events that nobody has received outlive their source.
const eventBuffer = 128

// Source is where the kernel tells of events. It is given to Notifiers.Start.
type Source interface {
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

// Notifiers are the sources whose events are being carried to channels. The zero value
// has none. The methods are safe for concurrent use.
type Notifiers struct {
	mu     sync.Mutex
	active map[*notifier]struct{}
}

// notifier carries events from a source to a channel.
type notifier struct {
	source  Source
	stopped chan struct{} // closed when the source has been read to its end
}

// Start begins to carry the events of a source, which it owns, to a channel. A slow
// receiver delays nothing and loses nothing: what it has not received is counted. The
// channel is closed after the last event; up to 128 that have not been received before
// can be received then.
func (l *Notifiers) Start(source Source) <-chan struct{} {
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

// Stop ends all, after what has happened until now has been counted.
func (l *Notifiers) Stop() {
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
