//world:any

package integration

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/configs"
)

// silentDriver has cgroups whose manager does not answer at times, such as systemd's.
type silentDriver struct {
	cgroups.Driver
	switches *silentSwitches

	mu  sync.Mutex
	ctx context.Context
}

type silentSwitches struct {
	mu              sync.Mutex
	create, destroy bool
}

func (s *silentSwitches) set(create, destroy bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.create, s.destroy = create, destroy
}

func (d *silentDriver) Within(ctx context.Context) func() {
	set := func(ctx context.Context) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.ctx = ctx
	}
	done := d.Driver.Within(ctx)
	set(ctx)
	return func() {
		set(nil)
		done()
	}
}

// wait waits as a call of systemd does: until it is answered, which takes half a minute,
// or the context ends.
func (d *silentDriver) wait(silent func(*silentSwitches) bool) error {
	d.switches.mu.Lock()
	waits := silent(d.switches)
	d.switches.mu.Unlock()
	if !waits {
		return nil
	}
	d.mu.Lock()
	ctx := d.ctx
	d.mu.Unlock()
	if ctx == nil {
		ctx = context.Background()
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	<-ctx.Done()
	return context.Cause(ctx)
}

func (d *silentDriver) Create() error {
	if err := d.wait(func(s *silentSwitches) bool { return s.create }); err != nil {
		return err
	}
	return d.Driver.Create()
}

func (d *silentDriver) Destroy() error {
	if err := d.wait(func(s *silentSwitches) bool { return s.destroy }); err != nil {
		return err
	}
	return d.Driver.Destroy()
}

// Start, Prepare and Destroy end with their context while they wait for the manager of
// cgroups, and can be called again.
func TestDeadlineOfTheManager(t *testing.T) {
	checkLeaks(t)
	switches := new(silentSwitches)
	factory := newFactory(t)
	l := factory.(*libcontainer.LinuxFactory)
	newManager := l.NewCgroupsManager
	l.NewCgroupsManager = func(config *configs.Cgroup, paths map[string]string) cgroups.Manager {
		return &silentDriver{Driver: cgroups.Adapt(newManager(config, paths)), switches: switches}
	}
	container, err := factory.Create("test", newConfig(t))
	if err != nil {
		t.Fatal(err)
	}
	c := linux(container)
	defer func() {
		switches.set(false, false)
		if err := c.Destroy(); err != nil {
			t.Error(err)
		}
	}()
	over := errors.New("time is over")
	within := func(what string, call func(context.Context) error) {
		t.Helper()
		ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, over)
		defer cancel()
		begun := time.Now()
		err := call(ctx)
		if took := time.Since(begun); !errors.Is(err, over) || took > 30*time.Second {
			t.Errorf("%s: %v after %v", what, err, took)
		}
	}
	switches.set(true, false)
	within("start", func(ctx context.Context) error {
		p, _ := command("true")
		return c.StartContext(ctx, p)
	})
	within("prepare", func(ctx context.Context) error {
		p, _ := command("true")
		return c.Prepare(ctx, p)
	})
	wantStatus(t, c, libcontainer.Created)
	switches.set(false, false)
	startBlocked(t, c)
	switches.set(false, true)
	within("destroy", c.DestroyContext)
	switches.set(false, false)
	if err := c.Destroy(); err != nil {
		t.Error(err)
	}
	wantStatus(t, c, libcontainer.Destroyed)
}
