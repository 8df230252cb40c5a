// The host's side: the Container, its state and its locking.

package libcontainer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/internal/memevents"
	"github.com/libcontainer/libcontainer/internal/pidfd"
	"github.com/libcontainer/libcontainer/internal/statedir"
)

// linuxContainer is one program's handle on a container. What changes the
// container holds the lock of its directory, which excludes all other handles, in
// this program and in others: exclusively, or shared to start a further process. What
// only looks does not hold it, so that it never waits for a start or a hook. The lock
// is taken before m.
type linuxContainer struct {
	id      string
	root    string // the path of dir
	dir     *statedir.Dir
	factory *LinuxFactory

	children  children
	notifiers memevents.Notifiers

	// m guards what follows. Only who holds the lock exclusively changes it, or takes
	// over what another process has written; who holds the lock may read it without m.
	m         sync.Mutex
	cgroups   cgroups.Driver
	config    *configs.Config
	saved     statedir.Version // the state file that this handle knows
	started   bool             // a start has been tried: there may be cgroups
	destroyed bool             // Destroy has done its work
	removing  bool             // Destroy is removing the directory
	pausing   bool             // Pause is at work
	init      *pidfd.Process   // nil before the first start
	initRun   *runningProcess  // nil if another process started it

	netDevices []MovedDevice // the host's devices that are, or were to be, moved in

	// life ends when Destroy begins, and with it the starts that are under way.
	life context.Context
	end  context.CancelCauseFunc
}

// invalid marks an error as the caller's.
func invalid(err error) error { return newError(err, ConfigInvalid) }

func (c *linuxContainer) ID() string { return c.id }

func (c *linuxContainer) Config() configs.Config {
	unlock, err := c.lookBack("configuration")
	if err != nil {
		c.m.Lock() // what is known is what there is to tell
		unlock = c.m.Unlock
	}
	defer unlock()
	return *c.config
}

// lock lets the caller work on the container, exclusively or with others, and takes
// over what another process has done to it since.
func (c *linuxContainer) lock(ctx context.Context, step string, exclusive bool) (unlock func(), err error) {
	unlock, err = c.dir.Lock(ctx, exclusive)
	if errors.Is(err, os.ErrNotExist) {
		return nil, c.notExists(step)
	}
	if err != nil {
		return nil, newSystemError(fmt.Errorf("%s: lock container %q: %w", step, c.id, err))
	}
	c.m.Lock()
	defer c.m.Unlock()
	if err := c.refresh(step); err != nil {
		unlock()
		return nil, err
	}
	return unlock, nil
}

// look holds m for a look at the container.
func (c *linuxContainer) look(step string) (unlock func(), err error) {
	c.m.Lock()
	if err := c.refresh(step); err != nil {
		c.m.Unlock()
		return nil, err
	}
	return c.m.Unlock, nil
}

// lookBack is look, also at the last that is known of a container that has gone.
func (c *linuxContainer) lookBack(step string) (unlock func(), err error) {
	unlock, err = c.look(step)
	if errors.Is(err, ContainerNotExists) {
		c.m.Lock()
		return c.m.Unlock, nil
	}
	return unlock, err
}

func (c *linuxContainer) notExists(step string) error {
	return errorf(ContainerNotExists, "%s: container %q does not exist", step, c.id)
}

// refresh takes over what other processes have written since this handle wrote or
// read the state. The caller holds m.
func (c *linuxContainer) refresh(step string) error {
	if c.destroyed {
		return c.notExists(step)
	}
	if c.removing {
		return nil // what is on disk is nobody's but Destroy's, which reads this handle without m
	}
	fail := func(err error) error {
		return newSystemError(fmt.Errorf("%s: look at the state of container %q: %w", step, c.id, err))
	}
	exists, err := c.dir.Exists()
	if err != nil {
		return fail(err)
	}
	if !exists {
		return c.notExists(step) // destroyed, and perhaps made anew
	}
	saved, err := c.dir.Version()
	if err != nil {
		return fail(err)
	}
	if saved == c.saved {
		return nil
	}
	if saved == (statedir.Version{}) {
		c.forget()
		return nil
	}
	data, saved, err := c.dir.Load()
	if errors.Is(err, os.ErrNotExist) {
		return c.refresh(step) // changed again
	}
	if err != nil {
		return fail(err)
	}
	state, err := decodeState(data)
	if err == nil {
		err = c.adopt(state)
	}
	if err != nil {
		return fail(fmt.Errorf("%s: %w", c.dir.StateFile(), err))
	}
	c.saved = saved
	return nil
}

// forget is for a start that another process has tried and taken back.
func (c *linuxContainer) forget() {
	c.dropInit()
	c.saved, c.started = statedir.Version{}, false
	c.cgroups = c.newDriver(nil)
}

// newDriver controls the cgroups of the configuration, which an earlier one may have
// made with the paths.
func (c *linuxContainer) newDriver(paths map[string]string) cgroups.Driver {
	return cgroups.Adapt(c.factory.NewCgroupsManager(c.config.Cgroups, paths))
}

// adopt makes the handle one of the container that the state describes.
func (c *linuxContainer) adopt(state *State) error {
	if state.ID != c.id {
		return fmt.Errorf("it is the state of %q", state.ID)
	}
	hooks := state.Hooks.load()
	if c.config != nil && c.config.Hooks != nil {
		hooks = c.config.Hooks // among them may be functions, which no file keeps
	}
	state.Config.Hooks = hooks
	c.config = completeConfig(c.id, &state.Config)
	c.netDevices = state.NetDevices
	c.cgroups = c.newDriver(state.CgroupPaths)
	c.cgroups.AdoptParents(state.CgroupParents)
	c.started = true
	pid, start := state.InitProcessPid, state.InitProcessStartTime
	if c.init.Is(pid, start) {
		return nil
	}
	c.dropInit()
	if pid == 0 {
		return nil
	}
	var err error
	c.init, err = pidfd.Find(pid, start)
	return err
}

func (c *linuxContainer) dropInit() {
	c.initRun = nil // among the children it stays until it has been reaped
	c.init.Close()
	c.init = nil
}

func (c *linuxContainer) Status() (Status, error) {
	unlock, err := c.look("status")
	if errors.Is(err, ContainerNotExists) {
		return Destroyed, nil
	}
	if err != nil {
		return Destroyed, err
	}
	defer unlock()
	status, err := c.status()
	if err != nil {
		err = newSystemError(fmt.Errorf("status of container %q: %w", c.id, err))
	}
	return status, err
}

// status is for a container that exists; the caller holds m or the lock.
func (c *linuxContainer) status() (Status, error) {
	if c.init == nil {
		return Created, nil
	}
	alive, err := c.init.Alive()
	if err != nil || !alive {
		return Destroyed, err
	}
	prepared, err := c.prepared()
	if err != nil {
		return Destroyed, err
	}
	if prepared {
		return Created, nil
	}
	status, err := c.freezerStatus()
	if err != nil && c.init.Ended() {
		return Destroyed, nil // and its cgroup, too, meanwhile
	}
	return status, err
}

// freezerStatus asks the kernel, since another process may have paused the
// container.
func (c *linuxContainer) freezerStatus() (Status, error) {
	state, err := c.cgroups.FreezerState()
	if errors.Is(err, errors.ErrUnsupported) {
		return Running, nil
	}
	if err != nil {
		return Running, err
	}
	switch {
	case state == configs.Frozen:
		return Paused, nil
	case state == configs.Freezing, c.pausing:
		return Pausing, nil
	}
	return Running, nil
}

func (c *linuxContainer) State() (*State, error) {
	unlock, err := c.lookBack("state")
	if err != nil {
		return nil, err
	}
	defer unlock()
	return c.state(), nil
}

func (c *linuxContainer) state() *State {
	s := &State{
		BaseState:      BaseState{ID: c.id, Config: *c.config},
		CgroupPaths:    c.cgroups.GetPaths(),
		CgroupParents:  c.cgroups.MadeParents(),
		NamespacePaths: make(map[configs.NamespaceType]string),
		Hooks:          saveHooks(c.config.Hooks),
		NetDevices:     slices.Clone(c.netDevices),
	}
	if c.init != nil {
		s.InitProcessPid = c.init.Pid()
		s.InitProcessStartTime = c.init.StartTime()
		s.NamespacePaths = namespacePaths(c.init.Pid())
	}
	return s
}

// saveState writes the state; the caller holds the lock exclusively.
func (c *linuxContainer) saveState() error {
	c.m.Lock()
	defer c.m.Unlock()
	return c.writeState(c.state())
}

func (c *linuxContainer) writeState(state *State) (err error) {
	data, err := json.Marshal(state)
	if err != nil {
		return fmt.Errorf("encode state: %w", err)
	}
	c.saved, err = c.dir.Save(data)
	return err
}

func (c *linuxContainer) Stats() (*Stats, error) {
	unlock, err := c.look("read statistics")
	if err != nil {
		return nil, err
	}
	defer unlock()
	stats := &Stats{CgroupStats: cgroups.NewStats()}
	if !c.started {
		return stats, nil
	}
	fail := func(err error) (*Stats, error) {
		err = fmt.Errorf("read statistics of container %q: %w", c.id, err)
		if c.vanishes(err) {
			return nil, newError(err, ContainerNotExists)
		}
		return nil, newSystemError(err)
	}
	if stats.CgroupStats, err = c.cgroups.GetStats(); err != nil {
		return fail(err)
	}
	if stats.Interfaces, err = c.networkStats(); err != nil {
		return fail(err)
	}
	return stats, nil
}

// vanishes tells whether an error is because the container has ended, and its cgroups
// have gone: another process is destroying it, or systemd has removed what nobody is
// in. A cgroup that is open and has been removed has no files any more: ENODEV.
func (c *linuxContainer) vanishes(err error) bool {
	gone := errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ENODEV)
	return gone && c.init.Ending()
}

func (c *linuxContainer) Set(config configs.Config) error {
	const step = "set configuration"
	fail := func(err error) error { return newSystemError(fmt.Errorf("%s of container %q: %w", step, c.id, err)) }
	if err := c.factory.Validator.Validate(&config); err != nil {
		return invalid(fmt.Errorf("%s of container %q: %w", step, c.id, err))
	}
	unlock, err := c.lock(context.Background(), step, true)
	if err != nil {
		return err
	}
	defer unlock()
	next := completeConfig(c.id, &config)
	if err := c.checkNetworks(next); err != nil {
		return err
	}
	if c.started {
		c.keepMade(next)
		// The next start makes cgroups that have gone with what was in them.
		if err := c.cgroups.Set(next); err != nil && !c.vanishes(err) {
			return fail(err)
		}
	}
	c.m.Lock()
	defer c.m.Unlock()
	c.config = next
	if !c.started {
		c.cgroups = c.newDriver(nil)
		return nil
	}
	if err := c.writeState(c.state()); err != nil {
		return fail(err)
	}
	return nil
}

// keepMade puts into the next configuration of a container that was started what
// cannot change any more, and what is needed to find it.
func (c *linuxContainer) keepMade(next *configs.Config) {
	next.Rootfs = c.config.Rootfs
	next.Namespaces = c.config.Namespaces
	next.UidMappings = c.config.UidMappings
	next.GidMappings = c.config.GidMappings
	cg := *c.config.Cgroups
	cg.Resources = next.Cgroups.Resources
	next.Cgroups = &cg
}
