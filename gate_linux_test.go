package libcontainer

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
)

func TestGateIsSharedOrAlone(t *testing.T) {
	var g gate
	ctx := context.Background()
	for range 2 {
		if err := g.lock(ctx, false); err != nil {
			t.Fatal(err)
		}
	}
	gone, cancel := context.WithCancelCause(ctx)
	reason := errors.New("no patience")
	cancel(reason)
	if err := g.lock(gone, true); !errors.Is(err, reason) {
		t.Errorf("lock with a context that is done: %v", err)
	}
	got := make(chan error, 1)
	go func() { got <- g.lock(ctx, true) }()
	g.unlock(false)
	g.unlock(false)
	if err := <-got; err != nil {
		t.Fatal(err)
	}
	g.unlock(true)
	if g.inside != 0 || len(g.queue) != 0 {
		t.Errorf("left behind: %d inside, %d waiting", g.inside, len(g.queue))
	}
}

// One that gives up lets those behind it in.
func TestGateWaiterGivesUp(t *testing.T) {
	var g gate
	if err := g.lock(context.Background(), false); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	alone, shared := make(chan error, 1), make(chan error, 1)
	go func() { alone <- g.lock(ctx, true) }()
	waiting(&g, 1)
	go func() { shared <- g.lock(context.Background(), false) }()
	waiting(&g, 2)
	cancel()
	if err := <-alone; !errors.Is(err, context.Canceled) {
		t.Errorf("who gave up got %v", err)
	}
	if err := <-shared; err != nil {
		t.Errorf("who waited behind got %v", err)
	}
}

// waiting returns when n are in the queue.
func waiting(g *gate, n int) {
	for {
		g.mu.Lock()
		length := len(g.queue)
		g.mu.Unlock()
		if length == n {
			return
		}
	}
}

func TestGateUnderLoad(t *testing.T) {
	var g gate
	var wg sync.WaitGroup
	var shared, alone atomic.Int32
	for i := range 8 {
		wg.Go(func() {
			for j := range 500 {
				ctx, cancel := context.WithCancel(context.Background())
				if (i+j)%3 == 0 {
					go cancel()
				}
				mine := (i+j)%4 == 0
				if g.lock(ctx, mine) == nil {
					if mine {
						if alone.Add(1) != 1 || shared.Load() != 0 {
							t.Error("not alone")
						}
						alone.Add(-1)
					} else {
						shared.Add(1)
						if alone.Load() != 0 {
							t.Error("shared with one that is alone")
						}
						shared.Add(-1)
					}
					g.unlock(mine)
				}
				cancel()
			}
		})
	}
	wg.Wait()
	if g.inside != 0 || len(g.queue) != 0 {
		t.Errorf("left behind: %d inside, %d waiting", g.inside, len(g.queue))
	}
}

func TestLockDirAcrossDescriptors(t *testing.T) {
	dir := t.TempDir()
	unlock, err := lockDir(context.Background(), dir, true)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := lockDir(ctx, dir, false); !errors.Is(err, context.Canceled) {
		t.Errorf("lock that another has: %v", err)
	}
	unlock()
	for range 2 {
		unlock, err := lockDir(context.Background(), dir, false)
		if err != nil {
			t.Fatal(err)
		}
		defer unlock()
	}
}
