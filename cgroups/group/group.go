//go:build linux

package group

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgtree"
	"github.com/libcontainer/libcontainer/configs"
)

// Group is a group of processes, by its cgroups. New and Open make one. All methods are
// safe for concurrent use, and of those that change the group one runs at a time; a
// context bounds the wait for the others, too. What other programs do to the same cgroups
// meanwhile makes methods fail, or not, as it makes system calls.
type Group struct {
	name    string
	config  *configs.Cgroup
	manager Manager
	driver  driver

	// kind lets tests work on plain files.
	kind cgdir.Kind

	// changes has room for the one method that changes the group.
	changes chan struct{}

	// limits are those that Set was called with last, nil if it was not. Guarded by
	// changes.
	limits *configs.Resources
}

// driver is what the drivers of all managers can do.
type driver interface {
	cgroups.Driver

	// Find returns those directories that exist.
	Find() (map[string]string, error)
}

// Option is an argument of New and Open.
type Option func(*settings)

type settings struct {
	manager Manager
	paths   map[string]string
	parents []string
}

// WithManager has the group managed by manager, whatever its names mean.
func WithManager(manager Manager) Option {
	return func(s *settings) { s.manager = manager }
}

// WithPaths gives Open the directories of the group, as Paths has returned them to the
// program that has recorded them, and the parents that Parents has returned. Open then does
// not look for the directories; that matters for relative names, which mean another
// directory to a process that is in another cgroup.
func WithPaths(paths map[string]string, parents ...string) Option {
	return func(s *settings) { s.paths, s.parents = maps.Clone(paths), slices.Clone(parents) }
}

// New returns the group that cgroup names, and makes nothing yet: Create does. The
// Resources of cgroup, if there are any, are those that Create sets. They and cgroup must
// not be changed afterwards. A cgroup with Paths is refused: these are cgroups to join,
// which are not the group's own.
func New(cgroup *configs.Cgroup, options ...Option) (*Group, error) {
	g, s, err := prepare(cgroup, options)
	if err != nil {
		return nil, err
	}
	if len(s.paths) > 0 {
		return nil, g.fail("", errors.New("WithPaths is for a group that exists, which Open opens"))
	}
	if err := g.drive(nil); err != nil {
		return nil, err
	}
	return g, nil
}

// Open returns the group that cgroup names and that exists, whoever has made it. If none of
// its directories exists the error is fs.ErrNotExist. Limits are left alone.
func Open(ctx context.Context, cgroup *configs.Cgroup, options ...Option) (*Group, error) {
	g, s, err := prepare(cgroup, options)
	if err != nil {
		return nil, err
	}
	if err := g.drive(s.paths); err != nil {
		return nil, err
	}
	paths := g.existing(s.paths)
	if s.paths == nil {
		if paths, err = g.find(ctx); err != nil {
			return nil, g.fail("open", err)
		}
		if err := g.drive(paths); err != nil {
			return nil, err
		}
	}
	if len(paths) == 0 {
		return nil, g.fail("open", fmt.Errorf("none of its directories exists: %w", fs.ErrNotExist))
	}
	g.driver.AdoptParents(s.parents)
	return g, nil
}

// prepare checks the arguments of New and Open, and makes a group without a driver.
func prepare(cgroup *configs.Cgroup, options []Option) (*Group, *settings, error) {
	s := &settings{}
	for _, option := range options {
		option(s)
	}
	if cgroup == nil {
		return nil, nil, errors.New("group: no cgroup is given")
	}
	config := *cgroup
	g := &Group{config: &config, manager: s.manager, changes: make(chan struct{}, 1), name: config.Path}
	if g.name == "" {
		g.name = path.Join(config.Parent, config.Name)
	}
	if g.manager == "" {
		g.manager = ManagerFor(&config)
	}
	return g, s, g.fail("", g.check())
}

// check refuses a configuration that names no group.
func (g *Group) check() error {
	if len(g.config.Paths) > 0 {
		return errors.New("invalid Cgroups.Paths: they are cgroups to join; Open and WithPaths are for a group's own")
	}
	switch g.manager {
	case Systemd:
		return nil // it checks the names of units when it is asked for them
	case Cgroupfs:
		_, _, err := cgtree.Names(g.config)
		return err
	}
	return fmt.Errorf("unknown manager %q", g.manager)
}

// drive makes the driver.
func (g *Group) drive(paths map[string]string) error {
	if _, err := cgroups.DetectLayout(); err != nil {
		return g.fail("", err)
	}
	d, ok := NewDriver(g.manager, g.config, paths).(driver)
	if !ok {
		return g.fail("", fmt.Errorf("the manager %s cannot find cgroups", g.manager))
	}
	g.driver = d
	return nil
}

// find looks for the directories.
func (g *Group) find(ctx context.Context) (map[string]string, error) {
	done, err := g.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	return g.driver.Find()
}

// begin waits until no other method changes the group, and makes whatever the driver waits
// for end with the context.
func (g *Group) begin(ctx context.Context) (done func(), err error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	select {
	case g.changes <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	unbind := g.driver.Within(ctx)
	return func() { unbind(); <-g.changes }, nil
}

// change calls what changes the group.
func (g *Group) change(ctx context.Context, step string, call func() error) error {
	done, err := g.begin(ctx)
	if err != nil {
		return g.fail(step, err)
	}
	defer done()
	return g.fail(step, call())
}

// made is change for a group that was created, or opened.
func (g *Group) made(ctx context.Context, step string, call func() error) error {
	return g.change(ctx, step, func() error {
		if len(g.driver.GetPaths()) == 0 {
			return errNotMade
		}
		return call()
	})
}

// String returns the group's name.
func (g *Group) String() string { return g.name }

// Manager returns who manages the group.
func (g *Group) Manager() Manager { return g.manager }

// Create makes the group's directories, and those above it that are missing, and sets the
// Resources of its configuration if it has any. Directories that exist already are used as
// they are; if there are processes in them the error is EBUSY, and Open is for such a group.
// On failure what it has made is removed again. A scope of systemd is only checked and gets its
// directories from the first Add.
func (g *Group) Create(ctx context.Context) error {
	return g.change(ctx, "create", func() error {
		if _, _, err := g.driver.Plan(); err != nil {
			return err
		}
		if err := g.driver.Apply(-1); err != nil {
			return err
		}
		if len(g.driver.GetPaths()) == 0 {
			return fmt.Errorf("its cgroups are optional, and not one may be made: %w", fs.ErrPermission)
		}
		if g.config.Resources == nil {
			return nil
		}
		if err := g.set(g.config.Resources); err != nil {
			return errors.Join(err, g.driver.Destroy())
		}
		return nil
	})
}

// NewResources returns Resources that change nothing, to be edited for Set: those of a
// program that sets one limit and leaves alone which devices may be used.
func NewResources() *configs.Resources {
	return &configs.Resources{SkipDevices: true, MemorySwappiness: -1}
}

// Set writes the limits r, those that are not zero. It begins with NewResources unless rules
// for devices are meant, for there is no zero that leaves them alone: without SkipDevices or
// AllowAllDevices all devices are forbidden but r's. If a limit cannot be written those
// written before are put back, see the managers. What cgroup v1 or v2 has nothing for is an
// error that wraps errors.ErrUnsupported. A controller that is needed is enabled in the
// cgroups above on cgroup v2.
//
// A scope of systemd that has ended gets, from the Add that starts it again, the limits
// that Set was called with last.
func (g *Group) Set(ctx context.Context, r *configs.Resources) error {
	if r == nil {
		return nil
	}
	return g.made(ctx, "", func() error { return g.set(r) })
}

func (g *Group) set(r *configs.Resources) error {
	config := *g.config
	config.Resources = r
	if err := g.driver.Set(&configs.Config{Cgroups: &config}); err != nil {
		return err
	}
	g.limits = r
	return nil
}

// Add moves the process pid, with all its threads, into the group. The processes that it
// starts from then on are in it, too; those that it has started are not moved.
func (g *Group) Add(ctx context.Context, pid int) error {
	return g.made(ctx, "", func() error {
		if g.manager == Systemd {
			if err := g.startAgain(); err != nil {
				return err
			}
		}
		for _, stage := range []cgroups.Stage{cgroups.StageSetup, cgroups.StageExec} {
			if err := g.driver.Enter(pid, stage); err != nil {
				return err
			}
		}
		return nil
	})
}

// startAgain prepares a unit that has ended for a further process: a scope ends with its last
// one. What directories there are that are not systemd's does not matter.
func (g *Group) startAgain() error {
	paths := g.driver.GetPaths()
	dir, ok := paths["name=systemd"]
	if !ok {
		dir = paths[""]
	}
	if g.driver.EntersEarly() || len(g.existing(map[string]string{"": dir})) > 0 {
		return nil
	}
	if err := g.driver.Apply(-1); err != nil {
		return err
	}
	if g.limits == nil {
		return nil
	}
	return g.set(g.limits)
}

// Processes returns the ids of the processes in the group, in ascending order, without
// those in the cgroups below it.
func (g *Group) Processes() ([]int, error) { return g.processes(g.driver.GetPids) }

// AllProcesses returns the ids of the processes in the group and in all cgroups below it,
// in ascending order.
func (g *Group) AllProcesses() ([]int, error) { return g.processes(g.driver.GetAllPids) }

func (g *Group) processes(list func() ([]int, error)) ([]int, error) {
	if len(g.driver.GetPaths()) == 0 {
		return nil, g.fail("list processes", errNotMade)
	}
	pids, err := list()
	return pids, g.fail("list processes", err)
}

// Stats reads the group's statistics, with those of the cgroups below it. What the machine
// does not offer is zero.
func (g *Group) Stats() (*cgroups.Stats, error) {
	if len(g.driver.GetPaths()) == 0 {
		return nil, g.fail("read statistics", errNotMade)
	}
	stats, err := g.driver.GetStats()
	return stats, g.fail("", err)
}

// Destroy removes the group's directories, those below them, and those above that were made
// for it and that nobody uses any more. Processes that are exiting are waited for, and
// running ones make it fail: Kill comes first. A unit of systemd is stopped, which ends
// its processes. Doing it again, or with nothing made, is no error; a Group of New that was
// not created removes what exists by its names. If the calling process is in the group or
// below it the error is ErrSelf, and nothing is removed.
func (g *Group) Destroy(ctx context.Context) error {
	return g.change(ctx, "destroy", func() error {
		// Else the empty cgroups of others would go, before the kernel refuses the
		// group's own.
		if err := g.notSelf(); errors.Is(err, ErrSelf) {
			return err
		}
		return g.driver.Destroy()
	})
}

// Parents returns those directories above the group that were made for it, each before what
// is in it. With Paths they are what a program records to come back to the group, see
// WithPaths.
func (g *Group) Parents() []string { return g.driver.MadeParents() }
