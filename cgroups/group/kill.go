//go:build linux

package group

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/internal/pidfd"
)

// Freeze stops all processes of the group and of the cgroups below it, and returns when they
// are stopped. If that takes longer than 5 seconds, or than the context lasts, they are
// continued and the error says so. If the calling process is one of them the error is
// ErrSelf.
func (g *Group) Freeze(ctx context.Context) error {
	return g.made(ctx, "freeze", func() error {
		if err := g.notSelf(); err != nil {
			return err
		}
		return g.driver.Freeze(configs.Frozen)
	})
}

// Thaw continues what Freeze has stopped.
func (g *Group) Thaw(ctx context.Context) error {
	return g.made(ctx, "thaw", func() error { return g.driver.Freeze(configs.Thawed) })
}

// FreezerState tells whether the group is frozen now: configs.Thawed, configs.Freezing,
// configs.Frozen, or configs.Undefined if there is no freezer, or no group.
func (g *Group) FreezerState() (configs.FreezerState, error) {
	state, err := g.driver.FreezerState()
	return state, g.fail("look at the freezer", err)
}

// notSelf refuses a group that the calling process is in.
func (g *Group) notSelf() error {
	pids, err := g.driver.GetAllPids()
	if err == nil && slices.Contains(pids, os.Getpid()) {
		return ErrSelf
	}
	return err
}

const (
	// roundTime is how long a round waits for their end. The next one then looks for
	// processes that have come since, and for such that were frozen again.
	roundTime = 100 * time.Millisecond

	// pause is between two rounds if what is listed has no descriptor to wait with: it is
	// about to go from the list.
	pause = 5 * time.Millisecond
)

// Kill sends SIGKILL to all processes of the group and of the cgroups below it, also to
// those that are just being forked and those that are frozen, and returns when none is left.
// A process in an uninterruptible sleep can keep it waiting until the context ends. The
// processes' parents reap them. If the calling process is one of them the error is ErrSelf
// and none is killed.
func (g *Group) Kill(ctx context.Context) error {
	return g.change(ctx, "kill", func() error {
		if len(g.driver.GetPaths()) == 0 {
			return nil
		}
		err := g.kill(ctx)
		if cgdir.IsGone(err) {
			return nil // with all that was in it
		}
		return err
	})
}

func (g *Group) kill(ctx context.Context) error {
	if err := g.notSelf(); err != nil {
		return err
	}
	for {
		pids, err := g.driver.GetAllPids()
		if err != nil || len(pids) == 0 {
			return err
		}
		if err := g.killRound(ctx); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%d processes are left: %w", len(pids), context.Cause(ctx))
		}
	}
}

// killRound kills what is there, and waits for the end of some of it.
func (g *Group) killRound(ctx context.Context) error {
	switch err := g.driver.Kill(); {
	case errors.Is(err, errors.ErrUnsupported):
		// Without cgroup.kill processes could fork faster than they are killed.
		// Where there is no freezer, or it does not succeed, the next round goes on.
		_ = g.driver.Freeze(configs.Frozen)
	case err != nil:
		return err
	}
	// Also after cgroup.kill: the group may have processes that are in another hierarchy
	// of cgroup v1 alone. All are killed before any is continued.
	var killed []*pidfd.Process // the last of them
	defer func() { pidfd.CloseAll(killed) }()
	var listed int
	list := func() ([]int, error) {
		pids, err := g.driver.GetAllPids()
		listed = len(pids)
		return pids, err
	}
	err := pidfd.EachMember(list, func(members []*pidfd.Process) error {
		pidfd.CloseAll(killed)
		killed = killed[:0]
		for _, p := range members {
			if err := p.Signal(unix.SIGKILL); err != nil {
				return err
			}
			killed = append(killed, p.Clone())
		}
		return nil
	})
	if thawErr := g.thawAll(); err == nil {
		err = thawErr
	}
	if err != nil || listed == 0 {
		return err
	}
	wait := roundTime
	if len(killed) == 0 {
		wait = pause
	}
	round, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	if len(killed) == 0 {
		<-round.Done()
	}
	for _, p := range killed {
		if p.Await(round) != nil {
			break // the next round, or the context, tells
		}
	}
	return nil
}

// thawAll continues processes, which with cgroup v1 die only then.
func (g *Group) thawAll() error {
	state, err := g.driver.FreezerState()
	if err == nil && (state == configs.Frozen || state == configs.Freezing) {
		if err := g.driver.Freeze(configs.Thawed); err != nil && !cgdir.IsGone(err) {
			return err
		}
	}
	if err := g.driver.ThawAll(); err != nil && !cgdir.IsGone(err) {
		return err
	}
	return nil
}
