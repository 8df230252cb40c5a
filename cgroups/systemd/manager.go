//go:build linux

package systemd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgmanager"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgv2"
	"github.com/libcontainer/libcontainer/configs"
)

var _ cgroups.Driver = (*Manager)(nil)

// Manager manages the cgroups of one container as a unit of systemd. Make one with
// the two fields set; Paths is nil for a container that has no cgroups yet, and the
// result of an earlier manager's GetPaths for one that has. With nil Paths, GetPids,
// GetAllPids, Freeze and Destroy of a manager that has done nothing else are about the
// unit that Cgroups names, if it exists. Do not change the fields afterwards. All
// methods are safe for concurrent use.
type Manager struct {
	// Cgroups names the unit. If it is nil the container has no cgroups.
	Cgroups *configs.Cgroup

	// Paths holds the cgroup directories, keyed as described at
	// cgroups.Manager.GetPaths.
	Paths map[string]string

	state cgmanager.State

	// mu guards dirs, and Paths and starting together with it. It may be taken while
	// state.Ops is held.
	mu   sync.Mutex
	dirs files

	// starting is about a container whose unit is planned or whose first process
	// is not yet the container's program. Guarded by state.Ops, and its change by mu.
	starting *starting

	// applied are the limits in force, nil if they are those of Cgroups. Guarded
	// by state.Ops.
	applied *configs.Resources

	// extra are the properties passed on that are in force, nil if they are those of
	// Cgroups. Guarded by state.Ops.
	extra []configs.SystemdProperty

	// machine is set in tests.
	machine *host
}

func (m *Manager) host() *host {
	if m.machine != nil {
		return m.machine
	}
	return thisHost()
}

// base is what all managers have in common. The directories are made and removed by
// files.
func (m *Manager) base() cgmanager.Base {
	return cgmanager.Base{Cgroups: m.Cgroups, Paths: &m.Paths, State: &m.state}
}

// joins reports whether the container joins existing cgroups.
func (m *Manager) joins() bool { return m.base().Joins() }

// current gives the manager of the directories, nil if there are none (yet).
func (m *Manager) current() (files, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	paths := m.GetPaths()
	if m.dirs != nil || m.Cgroups == nil || m.starting != nil || len(paths) == 0 && !m.joins() {
		return m.dirs, nil
	}
	layout, err := m.host().layout()
	if err != nil {
		return nil, err
	}
	cg := m.Cgroups
	if !m.joins() {
		if cg, err = m.recorded(); err != nil {
			return nil, err
		}
	}
	m.dirs = m.host().files(layout, cg, paths)
	return m.dirs, nil
}

// existing is current; of a manager that was made without Paths and has done nothing yet it
// gives that of the directories which the configuration names.
func (m *Manager) existing() (files, error) {
	dirs, err := m.current()
	if dirs != nil || err != nil || !m.base().Unused() {
		return dirs, err
	}
	layout, err := m.host().layout()
	if err != nil {
		return nil, err
	}
	cg, err := m.recorded()
	if err != nil {
		return nil, err
	}
	unit, err := unitName(m.Cgroups)
	if err != nil {
		return nil, err
	}
	paths, err := m.found(unit, cg)
	if err != nil || len(paths) == 0 {
		return nil, err
	}
	return m.host().files(layout, cg, paths), nil
}

// Find returns those of the directories of the unit that Cgroups names which exist, whoever
// has started it, as GetPaths does for those of the manager. A manager with these as its
// Paths manages them.
func (m *Manager) Find() (map[string]string, error) {
	if m.Cgroups == nil {
		return map[string]string{}, nil
	}
	if m.joins() {
		layout, err := m.host().layout()
		if err != nil {
			return nil, err
		}
		return m.host().files(layout, m.Cgroups, nil).Find()
	}
	t, err := m.target(m.state.Context())
	if err != nil {
		return nil, err
	}
	return m.found(t.unit, t.cg)
}

// found gives the directories of a unit that exist, and with cgroup v1 the container's own
// in them.
func (m *Manager) found(unit string, cg *configs.Cgroup) (map[string]string, error) {
	paths, err := m.host().existing(cg)
	if err != nil {
		return nil, err
	}
	if inUnit := withSub(paths); !isSlice(unit) && cgroups.PathExists(inUnit[devicesKey]) {
		paths = inUnit
	}
	return paths, nil
}

// recorded names the cgroups of a container that an earlier manager has made, as
// far as that can be known without asking systemd, which may be gone.
func (m *Manager) recorded() (*configs.Cgroup, error) {
	unit, err := unitName(m.Cgroups)
	if err != nil {
		return nil, err
	}
	slice, err := parentSlice(m.Cgroups, rootSlice)
	if err != nil {
		return nil, err
	}
	return placed(m.Cgroups, cgroupOf(slice, unit)), nil
}

func (m *Manager) setDirs(dirs files, paths map[string]string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dirs = dirs
	m.base().SetPaths(paths)
}

func (m *Manager) setStarting(s *starting) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.starting = s
}

// GetPaths returns a copy of the container's cgroup directories. They are known,
// after Create, before the unit is started.
func (m *Manager) GetPaths() map[string]string { return m.base().GetPaths() }

// GetPids returns the processes in the container's cgroup, in ascending order,
// without those in its sub-cgroups.
func (m *Manager) GetPids() ([]int, error) { return m.pids(files.GetPids) }

// GetAllPids returns the processes in the container's cgroup and its sub-cgroups,
// in ascending order.
func (m *Manager) GetAllPids() ([]int, error) { return m.pids(files.GetAllPids) }

func (m *Manager) pids(get func(files) ([]int, error)) ([]int, error) {
	dirs, err := m.existing()
	switch {
	case err != nil:
		return nil, err
	case dirs == nil:
		return nil, m.missing()
	}
	pids, err := get(dirs)
	return pids, m.gone(err)
}

// missing returns the error for something that needs the cgroups which the
// container does not have: nil if they are planned, when there are no processes.
func (m *Manager) missing() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.starting != nil {
		return nil
	}
	return m.base().Missing("")
}

// GetStats reads the cgroups' statistics. When the last process of a container has
// ended systemd removes its cgroups, with all that they have counted; then the
// error is fs.ErrNotExist. Before the unit is started all is zero.
func (m *Manager) GetStats() (*cgroups.Stats, error) {
	dirs, err := m.current()
	if err != nil {
		return nil, err
	}
	if dirs == nil {
		if err := m.missing(); err != nil && m.base().Optional() {
			return nil, fmt.Errorf("read cgroup statistics: %w", err)
		}
		return cgroups.NewStats(), nil
	}
	stats, err := dirs.GetStats()
	return stats, m.gone(err)
}

// unitEnded tells whether an error is because the cgroups have gone with the unit.
func (m *Manager) unitEnded(err error) bool { return cgdir.IsGone(err) && !m.joins() }

// gone explains an error about cgroups that do not exist any more. While they are
// removed the kernel's is ENODEV; it is made fs.ErrNotExist, too.
func (m *Manager) gone(err error) error {
	if !m.unitEnded(err) {
		return err
	}
	if !errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w: %w", fs.ErrNotExist, err)
	}
	return fmt.Errorf("%w (systemd removes a unit's cgroups when its last process ends)", err)
}

// Freeze stops or continues all processes of the container, and returns when they
// are. It does not ask systemd, whose freezer is for cgroup v2 alone.
func (m *Manager) Freeze(state configs.FreezerState) error {
	dirs, err := m.existing()
	if err == nil && dirs == nil {
		if err = m.missing(); err == nil {
			err = errors.New("the container's unit has not been started")
		}
	}
	if err != nil {
		return fmt.Errorf("freeze: %w", err)
	}
	err = dirs.Freeze(state)
	if state == configs.Thawed && m.unitEnded(err) {
		return nil // nothing in it is frozen
	}
	return err
}

// FreezerState tells whether the container's processes are frozen now, or being
// frozen. It is configs.Undefined without cgroups, or when the unit has ended.
func (m *Manager) FreezerState() (configs.FreezerState, error) {
	dirs, err := m.current()
	if err != nil || dirs == nil {
		return configs.Undefined, err
	}
	state, err := dirs.FreezerState()
	if m.unitEnded(err) {
		return configs.Undefined, nil
	}
	return state, err
}

// ThawAll continues what the freezer of cgroup v1 has stopped in the container's cgroups
// and below them, see cgroups.Driver.
func (m *Manager) ThawAll() error {
	dirs, err := m.current()
	if err != nil || dirs == nil {
		return err
	}
	return dirs.ThawAll()
}

// Kill sends SIGKILL to all processes of the container at once, see
// cgroups.Driver. The unit ends with the last of them.
func (m *Manager) Kill() error {
	dirs, err := m.current()
	if err != nil || dirs == nil {
		return err
	}
	err = dirs.Kill()
	if cgdir.IsGone(err) {
		return nil // the unit has ended
	}
	return err
}

// EntryFiles is fs.Manager's. For the container's first process it returns nothing:
// that is for Enter, which starts a scope and sets what had to wait.
func (m *Manager) EntryFiles(stage cgroups.Stage) ([]*os.File, error) {
	dirs, err := m.current()
	if err != nil || dirs == nil || m.EntersEarly() {
		return nil, err
	}
	return dirs.EntryFiles(stage)
}

// CreateUnified makes nothing: a unit takes a process.
func (m *Manager) CreateUnified() (bool, error) { return false, nil }

// UnifiedDir opens the container's directory of cgroup v2, see cgroups.Driver. It
// returns nil before the unit is started, which takes a process.
func (m *Manager) UnifiedDir() (*os.File, error) {
	dirs, err := m.current()
	if err != nil || dirs == nil {
		return nil, err
	}
	return dirs.UnifiedDir()
}

// MadeParents returns the parents of the container's cgroups that this manager has
// made. They are in hierarchies of cgroup v1 that systemd does not use; slices are
// not among them, since systemd removes those that nobody needs.
func (m *Manager) MadeParents() []string {
	dirs, err := m.current()
	if err != nil || dirs == nil {
		return nil
	}
	return dirs.MadeParents()
}

// AdoptParents makes Destroy remove parents that an earlier manager has made.
func (m *Manager) AdoptParents(parents []string) {
	dirs, err := m.current()
	if err != nil || dirs == nil {
		return
	}
	dirs.AdoptParents(parents)
}

// Within makes waits end with a context, see cgroups.Driver.
func (m *Manager) Within(ctx context.Context) (done func()) { return m.state.Within(ctx) }

// Plan returns what GetPaths will return after Create, and those parents which the
// manager will make itself, each before what is in it; it makes nothing. A unit in
// use is refused.
func (m *Manager) Plan() (paths map[string]string, parents []string, err error) {
	m.base().Use()
	if m.Cgroups == nil {
		return map[string]string{}, nil, nil
	}
	if m.joins() {
		layout, err := m.host().layout()
		if err != nil {
			return nil, nil, err
		}
		return m.host().files(layout, m.Cgroups, nil).Plan()
	}
	t, err := m.target(m.state.Context())
	if err != nil {
		if m.doWithout(err) {
			return map[string]string{}, nil, nil
		}
		return nil, nil, m.needed(err)
	}
	paths, parents, err = m.planOf(t)
	return paths, t.ownParents(paths, parents), err
}

// planOf plans the directories of a unit.
func (m *Manager) planOf(t *target) (paths map[string]string, parents []string, err error) {
	paths, parents, err = m.host().files(t.layout, t.cg, nil).Plan()
	if err != nil {
		return nil, nil, fmt.Errorf("the unit %s: %w", t.unit, err)
	}
	if !isSlice(t.unit) {
		paths = withSub(paths)
	}
	return paths, parents, nil
}

// needed says what optional cgroups are needed for, which could not be made.
func (m *Manager) needed(err error) error {
	if field := cgv2.All(m.Cgroups.Resources).Required(); m.Cgroups.Optional && field != "" {
		return fmt.Errorf("%s cannot be set: %w", field, err)
	}
	return err
}

// doWithout tells whether a container whose cgroups are optional, and which has no
// limits, goes without them because of err: systemd does not let this user have a
// unit. A machine without systemd is another matter.
func (m *Manager) doWithout(err error) bool {
	if !m.Cgroups.Optional || errors.Is(err, errNotBooted) {
		return false
	}
	if !errors.Is(err, errNoSystemd) && !denied(err) {
		return false
	}
	if cgv2.All(m.Cgroups.Resources).Required() != "" {
		return false
	}
	m.base().Refuse([]string{""}, err)
	return true
}
