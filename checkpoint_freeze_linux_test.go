package libcontainer

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/configs"
)

// neverFrozen has a process that does not freeze, such as one that waits for a dead server.
type neverFrozen struct {
	cgroups.Driver

	ctx    context.Context
	states []configs.FreezerState
}

func (*neverFrozen) GetPaths() map[string]string {
	return map[string]string{"freezer": "/sys/fs/cgroup/freezer/some"}
}

func (*neverFrozen) MadeParents() []string { return nil }

func (d *neverFrozen) Within(ctx context.Context) func() {
	d.ctx = ctx
	return func() { d.ctx = nil }
}

func (d *neverFrozen) Freeze(state configs.FreezerState) error {
	d.states = append(d.states, state)
	if state == configs.Thawed {
		if d.ctx != nil && d.ctx.Err() != nil {
			return errors.New("it thaws only within a context that has ended")
		}
		return nil
	}
	if d.ctx == nil {
		return errors.New("the wait has no end")
	}
	<-d.ctx.Done()
	return context.Cause(d.ctx)
}

// A checkpoint with a deadline does not wait longer for the processes to freeze, and lets them
// go on.
func TestCheckpointFreezesWithinItsContext(t *testing.T) {
	c := newTestContainer(t)
	driver := new(neverFrozen)
	c.set(func(next *view) { next.cgroups = driver })
	over := errors.New("time is over")
	ctx, cancel := context.WithTimeoutCause(t.Context(), time.Millisecond, over)
	defer cancel()
	d := &dump{c: c, v: c.view(), ctx: ctx, opts: new(CriuOpts)}
	if err := d.freeze(); !errors.Is(err, over) {
		t.Errorf("freeze: %v", err)
	}
	if want := []configs.FreezerState{configs.Frozen, configs.Thawed}; !slices.Equal(driver.states, want) {
		t.Errorf("the states were %v, want %v", driver.states, want)
	}
	if d.frozen || c.view().dumping {
		t.Errorf("frozen %v, dumping %v afterwards", d.frozen, c.view().dumping)
	}
}
