// The host's side: the Container, its state and its locking.

package libcontainer

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/internal/memevents"
	"github.com/libcontainer/libcontainer/internal/statedir"
)

// Instance is one program's handle on a container: what Runtime.Create and Load return, and
// what every Container of a LinuxFactory is. It has the methods of Container, which are those
// of the classic library, and all others. Any number of programs may have handles on one
// container.
//
// All methods are safe for concurrent use. Since another program can destroy the container,
// any method may return that it does not exist any more (ContainerNotExists). Errors are of
// type Error, and errors.Is finds their codes; those that come from the end of a context wrap
// its cause, so that errors.Is finds context.Canceled or context.DeadlineExceeded.
type Instance struct {
	// Its phases, what it knows of the container, and the order of its locks are in
	// phase_linux.go.

	id      string
	root    string // the path of dir
	dir     *statedir.Dir
	factory *LinuxFactory

	children  children
	notifiers memevents.Notifiers

	// mu is held by who replaces the view, so that no change is lost, and the view and
	// the state file change together. To read needs no lock.
	mu      sync.Mutex
	current atomic.Pointer[view]

	// encoded is a configuration as the state file has it. Guarded by mu.
	encoded struct {
		config *configs.Config
		text   json.RawMessage
	}
}

// invalid marks an error as the caller's.
func invalid(err error) error { return newError(err, ConfigInvalid) }

// ID returns the ID of the container.
func (c *Instance) ID() string { return c.id }

// Config returns the current configuration of the container, which is not to be
// changed: see Set.
func (c *Instance) Config() configs.Config {
	v, err := c.look("configuration")
	if err != nil {
		v = c.acquire() // what is known is what there is to tell
	}
	defer v.close()
	return *v.config
}

// lock lets the caller work on the container, exclusively or with others, and takes
// over what another process has done to it since.
func (c *Instance) lock(ctx context.Context, call call, step string, exclusive bool) (unlock func(), err error) {
	unlock, err = c.dir.Lock(ctx, exclusive)
	if errors.Is(err, os.ErrNotExist) {
		return nil, c.view().allow(call, phaseGone, step)
	}
	if err != nil {
		return nil, newSystemError(fmt.Errorf("%s: lock container %q: %w", step, c.id, err))
	}
	exists, err := c.refresh(step)
	if err == nil && !exists {
		err = c.view().allow(call, phaseGone, step)
	}
	if err == nil && exclusive {
		if err = c.endDumping(); err != nil {
			err = newSystemError(fmt.Errorf("%s: end the checkpoint of container %q that was broken off: %w", step, c.id, err))
		}
	}
	if err != nil {
		unlock()
		return nil, err
	}
	return unlock, nil
}

// view is the view that is in place. It is for who holds the lock of the directory, and
// for what does not look at its init.
func (c *Instance) view() *view { return c.current.Load() }

// acquire returns a copy of the view with a reference to init of its own, which the
// caller closes.
func (c *Instance) acquire() *view {
	for {
		v := c.current.Load()
		held := *v
		held.init = v.init.Clone()
		if c.current.Load() == v {
			return &held
		}
		// Another view may have taken its place before the clone was made. Then the
		// reference that was cloned may have been closed before, too.
		held.close()
	}
}

// look is acquire after a look at what other processes have done. Of a container that is
// gone it is the last that was known, in the phase gone.
func (c *Instance) look(step string) (*view, error) {
	exists, err := c.refresh(step)
	if err != nil {
		return nil, err
	}
	v := c.acquire()
	if !exists {
		v.phase = phaseGone
	}
	return v, nil
}

// lookFor is look for a call that the phase must allow, whether or not init is alive.
func (c *Instance) lookFor(call call, step string) (*view, error) {
	v, err := c.look(step)
	if err != nil {
		return nil, err
	}
	if err := v.allow(call, v.phase, step); err != nil {
		v.close()
		return nil, err
	}
	return v, nil
}

// change puts a new view in place, which the function makes of the old one. If that
// fails, or the container is gone, the old one stays. The caller holds the lock of the
// directory exclusively, or is the end of Destroy.
func (c *Instance) change(edit func(next *view) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	next := *c.current.Load()
	if next.phase == phaseGone {
		return next.allow(callStart, phaseGone, "change state")
	}
	if err := edit(&next); err != nil {
		return err
	}
	c.replace(&next)
	return nil
}

// set is change by what cannot fail. Of a container that is gone nothing changes.
func (c *Instance) set(edit func(next *view)) {
	_ = c.change(func(next *view) error {
		edit(next)
		return nil
	})
}

// replace puts a view in place; the caller holds mu.
func (c *Instance) replace(next *view) {
	old := c.current.Swap(next)
	if old != nil && old.init != next.init {
		old.init.Close()
	}
}

// refresh takes over what other processes have written since this handle wrote or
// read the state. It tells whether the container is still there.
func (c *Instance) refresh(step string) (exists bool, err error) {
	fail := func(err error) (bool, error) {
		return false, newSystemError(fmt.Errorf("%s: look at the state of container %q: %w", step, c.id, err))
	}
	_, changed, exists, err := c.compare()
	if err != nil {
		return fail(err)
	}
	if !exists || !changed {
		return exists, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		// It may have been this handle that was about to replace both, file and view.
		saved, changed, exists, err := c.compare()
		if err != nil {
			return fail(err)
		}
		if !exists || !changed {
			return exists, nil
		}
		if err = c.takeOver(saved); err == nil {
			return true, nil
		}
		if !errors.Is(err, errChangedAgain) {
			return fail(err)
		}
	}
}

// compare tells whether the state file of the container is another one than that of the
// view.
func (c *Instance) compare() (saved statedir.Version, changed, exists bool, err error) {
	v := c.current.Load()
	switch v.phase {
	case phaseGone:
		return saved, false, false, nil
	case phaseDestroying:
		return saved, false, true, nil // what is left on disk is for Destroy to remove
	}
	// If it does not exist it has been destroyed, and perhaps made anew.
	if exists, err = c.dir.Exists(); err != nil || !exists {
		return saved, false, false, err
	}
	saved, err = c.dir.Version()
	return saved, saved != v.saved, true, err
}

// errChangedAgain says that the state file has gone while it was about to be read.
var errChangedAgain = errors.New("the state has changed again")

// takeOver puts a view of the state file in place, which is of that version, or a newer
// one. The caller holds mu.
func (c *Instance) takeOver(saved statedir.Version) error {
	next := *c.current.Load()
	if saved == (statedir.Version{}) { // another process has tried a start and taken it back
		next.forget()
		next.cgroups = c.newDriver(next.config, nil, "")
		c.replace(&next)
		return nil
	}
	data, saved, err := c.dir.Load()
	if errors.Is(err, os.ErrNotExist) {
		return errChangedAgain
	}
	if err != nil {
		return err
	}
	state, err := decodeState(data)
	if err == nil {
		err = next.adopt(state)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", c.dir.StateFile(), err)
	}
	next.saved = saved
	c.replace(&next)
	return nil
}

// newDriver controls the cgroups of a configuration, which an earlier one may have
// made with the paths. kept is State.CgroupManager of a container that is loaded.
func (c *Instance) newDriver(config *configs.Config, paths map[string]string, kept string) cgroups.Driver {
	return cgroups.Adapt(c.factory.newManager(config.Cgroups, paths, kept))
}

// Status returns the current status of the container: Created, Running, Paused and so
// on.
func (c *Instance) Status() (Status, error) {
	v, err := c.look("status")
	if err != nil {
		return Destroyed, err
	}
	defer func() { v.close() }()
	if v.dumping {
		v.close()
		c.tryEndDumping()
		if v, err = c.look("status"); err != nil {
			return Destroyed, err
		}
	}
	status, _, err := v.status()
	if err != nil {
		err = newSystemError(fmt.Errorf("status of container %q: %w", c.id, err))
	}
	return status, err
}

// State returns what a program has to know that is to find the container's processes,
// namespaces and cgroups.
func (c *Instance) State() (*State, error) {
	v, err := c.look("state")
	if err != nil {
		return nil, err
	}
	defer v.close()
	return v.state(), nil
}

// saveState writes the state; the caller holds the lock exclusively.
func (c *Instance) saveState() error {
	return c.change(func(next *view) error { return next.save(next.state()) })
}

// Stats returns the statistics of the container's cgroups and network interfaces. See
// BaseContainer for the errors.
func (c *Instance) Stats() (*Stats, error) {
	v, err := c.lookFor(callStats, "read statistics")
	if err != nil {
		return nil, err
	}
	defer v.close()
	stats := &Stats{CgroupStats: cgroups.NewStats()}
	if !v.started() {
		return stats, nil
	}
	fail := func(err error) (*Stats, error) {
		err = fmt.Errorf("read statistics of container %q: %w", c.id, err)
		if v.vanishes(err) {
			return nil, newError(err, ContainerNotExists)
		}
		return nil, newSystemError(err)
	}
	if stats.CgroupStats, err = v.cgroups.GetStats(); err != nil {
		return fail(err)
	}
	if stats.Interfaces, err = v.networkStats(); err != nil {
		return fail(err)
	}
	if stats.IntelRdt, err = v.intelRdtStats(); err != nil {
		return fail(err)
	}
	return stats, nil
}

// vanishes tells whether an error is because the container has ended, and its cgroups
// have gone: another process is destroying it, or systemd has removed what nobody is
// in.
func (v *view) vanishes(err error) bool { return cgroupGone(err) && v.init.Ending() }

// Set applies the resources of a configuration to the container, which may run, and makes
// it the container's. See BaseContainer for the errors.
func (c *Instance) Set(config configs.Config) error {
	const step = "set configuration"
	fail := func(err error) error { return newSystemError(fmt.Errorf("%s of container %q: %w", step, c.id, err)) }
	if err := c.factory.validate(&config); err != nil {
		return invalid(fmt.Errorf("%s of container %q: %w", step, c.id, err))
	}
	unlock, err := c.lock(context.Background(), callSet, step, true)
	if err != nil {
		return err
	}
	defer unlock()
	v := c.view()
	set := completeConfig(c.id, &config)
	if err := cmp.Or(v.checkNetworks(set), v.checkIntelRdt(set)); err != nil {
		return err
	}
	if !v.started() {
		if err := assignIDs(context.Background(), c.dir, set); err != nil {
			return fail(err)
		}
		c.set(func(next *view) {
			next.config = set
			next.cgroups = c.newDriver(set, nil, "")
		})
		return nil
	}
	v.keepMade(set)
	// The state first: a manager takes back what it has written when it fails, but not
	// later.
	if err := c.saveConfig(set); err != nil {
		return fail(err)
	}
	// The next start makes cgroups that have gone with what was in them.
	if err := v.cgroups.Set(set); err != nil && !v.vanishes(err) {
		return fail(errors.Join(err, c.saveConfig(v.config)))
	}
	if err := v.setIntelRdt(set); err != nil {
		return fail(errors.Join(err, v.cgroups.Set(v.config), c.saveConfig(v.config)))
	}
	return nil
}

func (c *Instance) saveConfig(config *configs.Config) error {
	return c.change(func(next *view) error {
		next.config = config
		return next.save(next.state())
	})
}

// keepMade puts into the next configuration of a container that was started what
// cannot change any more, and what is needed to find it.
func (v *view) keepMade(next *configs.Config) {
	next.Rootfs = v.config.Rootfs
	next.Overlay = v.config.Overlay
	next.RootIDMapping = v.config.RootIDMapping
	next.IDs = v.config.IDs
	next.Namespaces = v.config.Namespaces
	next.UidMappings = v.config.UidMappings
	next.GidMappings = v.config.GidMappings
	cg := *v.config.Cgroups
	cg.Resources = next.Cgroups.Resources
	next.Cgroups = &cg
}
