package statedir

import (
	"context"
	"slices"
	"sync"
)

// lock is a lock that many share or one has exclusively, in the order in which they
// asked, and that those who wait give up with their context.
type lock struct {
	mu      sync.Mutex
	holders int // how many share it; -1: one has it exclusively
	queue   []*waiter
}

type waiter struct {
	exclusive bool
	granted   chan struct{} // closed when the waiter has the lock
}

func (l *lock) lock(ctx context.Context, exclusive bool) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	w := &waiter{exclusive: exclusive, granted: make(chan struct{})}
	l.mu.Lock()
	l.queue = append(l.queue, w)
	l.grant()
	l.mu.Unlock()
	select {
	case <-w.granted:
		return nil
	case <-ctx.Done():
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := slices.Index(l.queue, w); i >= 0 {
		l.queue = slices.Delete(l.queue, i, i+1)
	} else {
		l.release(exclusive) // it was granted in the same moment
	}
	l.grant() // those behind may have waited for this one
	return context.Cause(ctx)
}

// tryLock takes the lock exclusively if nobody has it, or waits for it.
func (l *lock) tryLock() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.holders != 0 || len(l.queue) > 0 {
		return false
	}
	l.holders = -1
	return true
}

func (l *lock) unlock(exclusive bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.release(exclusive)
	l.grant()
}

func (l *lock) release(exclusive bool) {
	if exclusive {
		l.holders = 0
	} else {
		l.holders--
	}
}

// grant gives the lock to those who can have it now.
func (l *lock) grant() {
	for len(l.queue) > 0 {
		w := l.queue[0]
		switch {
		case w.exclusive && l.holders == 0:
			l.holders = -1
		case !w.exclusive && l.holders >= 0:
			l.holders++
		default:
			return
		}
		l.queue = slices.Delete(l.queue, 0, 1)
		close(w.granted)
	}
}
