// The host's side: who may work on a container at the same time.

package libcontainer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"

	"golang.org/x/sys/unix"
)

// gate is a lock that many share or one has alone, in the order in which they
// came, and that those who wait give up with their context.
type gate struct {
	mu     sync.Mutex
	inside int // how many share it; -1: one has it alone
	queue  []*visitor
}

type visitor struct {
	alone bool
	enter chan struct{} // closed when it is the visitor's turn
}

func (g *gate) lock(ctx context.Context, alone bool) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	v := &visitor{alone: alone, enter: make(chan struct{})}
	g.mu.Lock()
	g.queue = append(g.queue, v)
	g.admit()
	g.mu.Unlock()
	select {
	case <-v.enter:
		return nil
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if i := slices.Index(g.queue, v); i >= 0 {
		g.queue = slices.Delete(g.queue, i, i+1)
	} else {
		g.leave(alone) // its turn has come in the same moment
	}
	g.admit() // those behind may have waited for this one
	return context.Cause(ctx)
}

func (g *gate) unlock(alone bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.leave(alone)
	g.admit()
}

func (g *gate) leave(alone bool) {
	if alone {
		g.inside = 0
	} else {
		g.inside--
	}
}

// admit lets in those whose turn it is.
func (g *gate) admit() {
	for len(g.queue) > 0 {
		v := g.queue[0]
		switch {
		case v.alone && g.inside == 0:
			g.inside = -1
		case !v.alone && g.inside >= 0:
			g.inside++
		default:
			return
		}
		g.queue = slices.Delete(g.queue, 0, 1)
		close(v.enter)
	}
}

// lockDir takes the flock(2) of a directory, which excludes other processes, and
// returns what ends it.
func lockDir(ctx context.Context, name string, alone bool) (unlock func(), err error) {
	dir, err := unix.Open(name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: name, Err: err}
	}
	how := unix.LOCK_SH
	if alone {
		how = unix.LOCK_EX
	}
	err = flock(dir, how|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return awaitFlock(ctx, dir, how)
	}
	if err != nil {
		unix.Close(dir)
		return nil, err
	}
	return func() { unix.Close(dir) }, nil
}

// awaitFlock waits in a goroutine, since flock(2) knows no deadline: if the
// context ends first, the goroutine gives the lock back when it comes.
func awaitFlock(ctx context.Context, dir, how int) (unlock func(), err error) {
	locked := make(chan error, 1)
	go func() { locked <- flock(dir, how) }()
	select {
	case err := <-locked:
		if err != nil {
			unix.Close(dir)
			return nil, err
		}
		return func() { unix.Close(dir) }, nil
	case <-ctx.Done():
		go func() {
			<-locked
			unix.Close(dir)
		}()
		return nil, context.Cause(ctx)
	}
}

func flock(fd, how int) error {
	for {
		err := unix.Flock(fd, how)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return fmt.Errorf("flock: %w", err)
		}
		return nil
	}
}
