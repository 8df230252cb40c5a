// The host's side: the Container, its lifecycle, state and locking.

package libcontainer

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/configs"
)

type linuxContainer struct {
	id      string
	root    string // the directory of its state
	factory *LinuxFactory
	cgroups cgroups.Manager

	m         sync.Mutex
	config    *configs.Config
	started   bool            // a start has been tried: there may be cgroups
	destroyed bool            // Destroy has done its work
	init      *initRef        // nil before the first start
	initRun   *runningProcess // nil if another process started it
	children  children
}

// invalid marks an error as the caller's.
func invalid(err error) error { return newError(err, ConfigInvalid) }

func (c *linuxContainer) ID() string { return c.id }

func (c *linuxContainer) Config() configs.Config {
	c.m.Lock()
	defer c.m.Unlock()
	return *c.config
}

func (c *linuxContainer) Status() (Status, error) {
	c.m.Lock()
	defer c.m.Unlock()
	return c.status()
}

func (c *linuxContainer) status() (Status, error) {
	if c.destroyed {
		return Destroyed, nil
	}
	if _, err := os.Stat(c.root); errors.Is(err, os.ErrNotExist) {
		return Destroyed, nil // another process destroyed it
	} else if err != nil {
		return Destroyed, newSystemError(fmt.Errorf("status of container %q: %w", c.id, err))
	}
	if c.init == nil {
		return Created, nil
	}
	alive, err := c.init.alive()
	if err != nil {
		return Destroyed, newSystemError(fmt.Errorf("status of container %q: %w", c.id, err))
	}
	if !alive {
		return Destroyed, nil
	}
	return c.freezerStatus()
}

// freezerStatus asks the kernel, since another process may have paused the
// container.
func (c *linuxContainer) freezerStatus() (Status, error) {
	reader, ok := c.cgroups.(cgroups.FreezerReader)
	if !ok {
		return Running, nil
	}
	state, err := reader.FreezerState()
	if err != nil {
		return Running, newSystemError(fmt.Errorf("status of container %q: %w", c.id, err))
	}
	if state == configs.Frozen {
		return Paused, nil
	}
	return Running, nil
}

// mustExist returns an error if the container has been destroyed.
func (c *linuxContainer) mustExist(step string) error {
	if !c.destroyed {
		if _, err := os.Stat(c.root); !errors.Is(err, os.ErrNotExist) {
			return nil
		}
	}
	return errorf(ContainerNotExists, "%s: container %q does not exist", step, c.id)
}

func (c *linuxContainer) State() (*State, error) {
	c.m.Lock()
	defer c.m.Unlock()
	return c.state(), nil
}

func (c *linuxContainer) state() *State {
	s := &State{
		BaseState:      BaseState{ID: c.id, Config: *c.config},
		CgroupPaths:    c.cgroups.GetPaths(),
		NamespacePaths: make(map[configs.NamespaceType]string),
		Hooks:          saveHooks(c.config.Hooks),
	}
	if keeper, ok := c.cgroups.(cgroups.ParentKeeper); ok {
		s.CgroupParents = keeper.MadeParents()
	}
	if c.init != nil {
		s.InitProcessPid = c.init.pid
		s.InitProcessStartTime = c.init.start
		s.NamespacePaths = namespacePaths(c.init.pid)
	}
	return s
}

func (c *linuxContainer) saveState() error { return writeState(c.root, c.state()) }

func (c *linuxContainer) Processes() ([]int, error) {
	c.m.Lock()
	defer c.m.Unlock()
	if err := c.mustExist("list processes"); err != nil {
		return nil, err
	}
	alive, err := c.init.alive()
	if err != nil {
		return nil, newSystemError(fmt.Errorf("list processes of container %q: %w", c.id, err))
	}
	if len(c.cgroups.GetPaths()) == 0 {
		if !alive {
			return nil, nil
		}
		return []int{c.init.pid}, nil // of the others there is no record
	}
	pids, err := c.cgroups.GetAllPids()
	if err != nil {
		return nil, newSystemError(fmt.Errorf("list processes of container %q: %w", c.id, err))
	}
	return pids, nil
}

func (c *linuxContainer) Stats() (*Stats, error) {
	c.m.Lock()
	defer c.m.Unlock()
	if err := c.mustExist("read statistics"); err != nil {
		return nil, err
	}
	stats := &Stats{CgroupStats: cgroups.NewStats()}
	if !c.started {
		return stats, nil
	}
	cg, err := c.cgroups.GetStats()
	if err != nil {
		return nil, newSystemError(fmt.Errorf("read statistics of container %q: %w", c.id, err))
	}
	stats.CgroupStats = cg
	return stats, nil
}

func (c *linuxContainer) Set(config configs.Config) error {
	if err := c.factory.Validator.Validate(&config); err != nil {
		return invalid(fmt.Errorf("set configuration of container %q: %w", c.id, err))
	}
	c.m.Lock()
	defer c.m.Unlock()
	if err := c.mustExist("set configuration"); err != nil {
		return err
	}
	next := completeConfig(c.id, &config)
	if c.started {
		if err := c.cgroups.Set(next); err != nil {
			return newSystemError(fmt.Errorf("set configuration of container %q: %w", c.id, err))
		}
	}
	c.config = next
	if !c.started {
		c.cgroups = c.factory.NewCgroupsManager(next.Cgroups, nil)
		return nil
	}
	return newSystemError(c.saveState())
}

func (c *linuxContainer) Start(process *Process) (err error) {
	c.m.Lock()
	defer c.m.Unlock()
	if err := checkProcess(process); err != nil {
		return err
	}
	defer func() {
		for _, f := range process.closeAfterStart {
			f.Close()
		}
		process.closeAfterStart = nil
	}()
	unlock, err := c.lock("start process")
	if err != nil {
		return err
	}
	defer unlock()
	status, err := c.status()
	if err != nil {
		return err
	}
	switch status {
	case Paused, Pausing:
		return errorf(ContainerPaused, "start process: container %q is paused", c.id)
	case Running:
		if err := c.start(process, true); err != nil {
			return newSystemError(fmt.Errorf("start process in container %q: %w", c.id, err))
		}
		return nil
	}
	c.dropInit()
	if err := c.start(process, false); err != nil {
		err = newSystemError(fmt.Errorf("start container %q: %w", c.id, err))
		return errors.Join(err, c.undoStart())
	}
	return nil
}

// undoStart takes back what a failed start has made, so that the container is
// as it was after Create.
func (c *linuxContainer) undoStart() error {
	c.dropInit()
	if err := c.cgroups.Destroy(); err != nil {
		return newSystemError(fmt.Errorf("clean up after failed start: %w", err))
	}
	c.started = false
	if err := os.Remove(c.root + "/" + stateName); err != nil && !errors.Is(err, os.ErrNotExist) {
		return newSystemError(fmt.Errorf("clean up after failed start: %w", err))
	}
	return nil
}

func (c *linuxContainer) dropInit() {
	if c.initRun != nil {
		// Dead, but not reaped if the caller has not waited for it.
		_, _ = c.initRun.reap()
		c.initRun = nil
	}
	c.init.close()
	c.init = nil
}

func checkProcess(p *Process) error {
	switch {
	case p == nil:
		return errorf(ConfigInvalid, "start process: no process")
	case p.run != nil:
		return errorf(ConfigInvalid, "start process: it has been started before")
	case len(p.Args) == 0 || p.Args[0] == "":
		return errorf(ConfigInvalid, "start process: Args is empty")
	case p.Cwd != "" && p.Cwd[0] != '/':
		return errorf(ConfigInvalid, "start process: Cwd %q is not absolute", p.Cwd)
	}
	for i, arg := range p.Args {
		if strings.ContainsRune(arg, 0) {
			return errorf(ConfigInvalid, "start process: Args[%d] %q holds a NUL", i, arg)
		}
	}
	for i, kv := range p.Env {
		if name, _, ok := strings.Cut(kv, "="); !ok || name == "" || strings.ContainsRune(kv, 0) {
			return errorf(ConfigInvalid, "start process: Env[%d] %q is not NAME=value", i, kv)
		}
	}
	for i, f := range p.ExtraFiles {
		if f == nil {
			return errorf(ConfigInvalid, "start process: ExtraFiles[%d] is nil", i)
		}
	}
	return nil
}

// lock excludes other processes that work on the same container: flock(2) on its
// directory. The container may have been destroyed while we waited.
func (c *linuxContainer) lock(step string) (unlock func(), err error) {
	dir, err := os.Open(c.root)
	if errors.Is(err, os.ErrNotExist) || c.destroyed {
		if err == nil {
			dir.Close()
		}
		return nil, errorf(ContainerNotExists, "%s: container %q does not exist", step, c.id)
	}
	if err != nil {
		return nil, newSystemError(fmt.Errorf("lock container %q: %w", c.id, err))
	}
	for {
		err = unix.Flock(int(dir.Fd()), unix.LOCK_EX)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err != nil {
		dir.Close()
		return nil, newSystemError(fmt.Errorf("lock container %q: %w", c.id, err))
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(dir.Fd()), &st); err != nil || st.Nlink == 0 {
		dir.Close()
		return nil, errorf(ContainerNotExists, "%s: container %q does not exist", step, c.id)
	}
	return func() { dir.Close() }, nil
}

// planCgroups records the cgroups before they, or any process, exist, so that
// whatever happens from then on, Load and Destroy find them.
func (c *linuxContainer) planCgroups() error {
	c.started = true
	state := c.state()
	if planner, ok := c.cgroups.(cgroups.Planner); ok {
		var err error
		if state.CgroupPaths, state.CgroupParents, err = planner.Plan(); err != nil {
			return err
		}
	}
	return writeState(c.root, state)
}

// makeCgroups makes the cgroups and writes the limits, while there is no process
// in them to be hit by half of those. A manager that cannot make cgroups ahead
// has to wait for the process.
func (c *linuxContainer) makeCgroups() error {
	stager, ok := c.cgroups.(cgroups.Stager)
	if !ok {
		return nil
	}
	if err := stager.Create(); err != nil {
		return err
	}
	return c.cgroups.Set(c.config)
}

// applyCgroups is for managers that know the classic interface alone.
func (c *linuxContainer) applyCgroups(pid int) error {
	if err := c.cgroups.Apply(pid); err != nil {
		return err
	}
	if err := c.cgroups.Set(c.config); err != nil {
		return err
	}
	return c.saveState()
}

func (c *linuxContainer) Signal(s os.Signal) error {
	c.m.Lock()
	defer c.m.Unlock()
	sig, ok := s.(syscall.Signal)
	if !ok {
		return errorf(ConfigInvalid, "signal container %q: %v is not a signal of this system", c.id, s)
	}
	alive, err := c.init.alive()
	if err != nil {
		return newSystemError(fmt.Errorf("signal container %q: %w", c.id, err))
	}
	if !alive {
		return errorf(ContainerNotRunning, "signal container %q: it does not run", c.id)
	}
	return newSystemError(c.init.kill(sig))
}

func (c *linuxContainer) Pause() error { return c.freeze(configs.Frozen) }

func (c *linuxContainer) Resume() error { return c.freeze(configs.Thawed) }

func (c *linuxContainer) freeze(state configs.FreezerState) error {
	c.m.Lock()
	defer c.m.Unlock()
	status, err := c.status()
	if err != nil {
		return err
	}
	if status != Running && status != Paused {
		return errorf(ContainerNotRunning, "freeze container %q to %s: it is %s", c.id, state, status)
	}
	if err := c.cgroups.Freeze(state); err != nil {
		return newSystemError(fmt.Errorf("freeze container %q to %s: %w", c.id, state, err))
	}
	return nil
}
