package statedir

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

func TestLockIsSharedOrExclusive(t *testing.T) {
	var l lock
	ctx := context.Background()
	for range 2 {
		if err := l.lock(ctx, false); err != nil {
			t.Fatal(err)
		}
	}
	gone, cancel := context.WithCancelCause(ctx)
	reason := errors.New("no patience")
	cancel(reason)
	if err := l.lock(gone, true); !errors.Is(err, reason) {
		t.Errorf("lock with a context that is done: %v", err)
	}
	got := make(chan error, 1)
	go func() { got <- l.lock(ctx, true) }()
	l.unlock(false)
	l.unlock(false)
	if err := <-got; err != nil {
		t.Fatal(err)
	}
	l.unlock(true)
	checkFree(t, &l)
}

func checkFree(t *testing.T, l *lock) {
	t.Helper()
	if l.holders != 0 || len(l.queue) != 0 {
		t.Errorf("left behind: %d holders, %d waiting", l.holders, len(l.queue))
	}
}

// Those behind one that gives up get the lock.
func TestWaiterGivesUp(t *testing.T) {
	var l lock
	if err := l.lock(context.Background(), false); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	exclusive, shared := make(chan error, 1), make(chan error, 1)
	go func() { exclusive <- l.lock(ctx, true) }()
	awaitQueue(&l, 1)
	go func() { shared <- l.lock(context.Background(), false) }()
	awaitQueue(&l, 2)
	cancel()
	if err := <-exclusive; !errors.Is(err, context.Canceled) {
		t.Errorf("who gave up got %v", err)
	}
	if err := <-shared; err != nil {
		t.Errorf("who waited behind got %v", err)
	}
}

// awaitQueue returns when n wait.
func awaitQueue(l *lock, n int) {
	for {
		l.mu.Lock()
		length := len(l.queue)
		l.mu.Unlock()
		if length == n {
			return
		}
		runtime.Gosched()
	}
}

// contend has many take and give back a lock, or give up meanwhile, and checks that
// those who have it may have it together.
func contend(t *testing.T, rounds int, lock func(ctx context.Context, exclusive bool) (unlock func(), err error)) {
	t.Helper()
	var wg sync.WaitGroup
	var shared, exclusive atomic.Int32
	for i := range 8 {
		wg.Go(func() {
			for j := range rounds {
				ctx, cancel := context.WithCancel(context.Background())
				if (i+j)%3 == 0 {
					go cancel()
				}
				alone := (i+j)%4 == 0
				unlock, err := lock(ctx, alone)
				switch {
				case err != nil:
					if !errors.Is(err, context.Canceled) || (i+j)%3 != 0 {
						t.Error(err)
					}
				case alone:
					if exclusive.Add(1) != 1 || shared.Load() != 0 {
						t.Error("not exclusive")
					}
					exclusive.Add(-1)
					unlock()
				default:
					shared.Add(1)
					if exclusive.Load() != 0 {
						t.Error("shared with one that has it exclusively")
					}
					shared.Add(-1)
					unlock()
				}
				cancel()
			}
		})
	}
	wg.Wait()
}

func TestLockUnderLoad(t *testing.T) {
	var l lock
	contend(t, 500, func(ctx context.Context, exclusive bool) (func(), error) {
		return func() { l.unlock(exclusive) }, l.lock(ctx, exclusive)
	})
	checkFree(t, &l)
}
