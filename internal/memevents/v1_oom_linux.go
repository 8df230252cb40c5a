package memevents

import (
	"errors"
	"os"
	"sync"
	"time"

	"github.com/libcontainer/libcontainer/cgroups"
)

// The kernel tells of a lack of memory just before it looks for a process to kill, again
// whenever one tries to have memory meanwhile (28 times for one kill have been seen), and
// not when it has killed. So after it has told the count of kills is looked at again and
// again, first after a short pause, then after longer ones, for a second.
const (
	firstLook   = 200 * time.Microsecond
	longestLook = 50 * time.Millisecond
	lookTime    = time.Second
)

// oomKills counts the processes that the OOM killer has killed, by the field oom_kill of
// memory.oom_control. Where the OOM killer is disabled it counts how often the kernel
// tells that processes wait for memory.
type oomKills struct {
	*eventfd
	dir   string
	count uint64 // as far as it has been told

	pause time.Duration // until the next look; 0 is to wait for the kernel
	until time.Time     // no more looks then

	// mu guards stopped, and the deadline of counter together with it.
	mu      sync.Mutex
	stopped bool
}

func newOOMKills(dir string) (Source, error) {
	e, err := newEventfd(dir, "memory.oom_control", "")
	if err != nil {
		return nil, err
	}
	count, err := cgroups.OOMKills(dir)
	if errors.Is(err, errors.ErrUnsupported) {
		return e, nil // the kernel does not count: an event each time that it tells
	}
	if err != nil {
		e.close()
		return nil, err
	}
	return &oomKills{eventfd: e, dir: dir, count: count}, nil
}

func (o *oomKills) next() (uint64, bool) {
	told, err := o.await()
	if o.removed() {
		return o.unseen(told), true
	}
	kills, countErr := cgroups.OOMKills(o.dir)
	if countErr != nil {
		return o.unseen(told), true // it has just been removed
	}
	more := uint64(0)
	if kills > o.count { // or else a sub-cgroup has gone with its own
		more = kills - o.count
	}
	o.count = kills
	if told > 0 && more == 0 && o.disabled() {
		more = 1
	}
	o.plan(told)
	return more, err != nil && !errors.Is(err, os.ErrDeadlineExceeded) || o.isStopped()
}

// await waits until the kernel tells, or it is time for a look.
func (o *oomKills) await() (told uint64, err error) {
	o.mu.Lock()
	if !o.stopped {
		deadline := time.Time{} // none
		if o.pause > 0 {
			deadline = time.Now().Add(o.pause)
		}
		_ = o.counter.SetReadDeadline(deadline)
	}
	o.mu.Unlock()
	return o.read()
}

// plan decides how long the next await waits.
func (o *oomKills) plan(told uint64) {
	now := time.Now()
	switch {
	case told > 0:
		o.pause, o.until = firstLook, now.Add(lookTime)
	case now.After(o.until):
		o.pause = 0
	default:
		o.pause = min(2*o.pause, longestLook)
	}
}

// unseen is for a cgroup that has been removed, together with its count. If the kernel has
// told of a lack of memory since the last look, something was killed then.
func (o *oomKills) unseen(told uint64) uint64 {
	if told+o.awaitRemoval() > 1 { // it tells of the removal, too
		return 1
	}
	return 0
}

// disabled tells whether processes wait for memory instead of being killed.
func (o *oomKills) disabled() bool {
	value, err := readField(o.control, "oom_kill_disable")
	return err == nil && value == 1
}

func (o *oomKills) isStopped() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.stopped
}

func (o *oomKills) stop() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.stopped = true
	o.eventfd.stop()
}
