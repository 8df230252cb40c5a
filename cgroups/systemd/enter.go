//go:build linux

package systemd

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgtree"
	"github.com/libcontainer/libcontainer/configs"
)

// Apply starts the container's unit with the process pid in it, or moves the process
// to the unit that runs. With a pid of -1 a scope is only decided on, as by Create,
// since it needs a process; a slice is made, and Set then writes its limits at once. On failure nothing of this call stays.
func (m *Manager) Apply(pid int) error {
	if pid != -1 && pid <= 0 {
		return fmt.Errorf("apply cgroups: %d is not a process id", pid)
	}
	m.state.Ops.Lock()
	defer m.state.Ops.Unlock()
	dirs, err := m.current()
	if err != nil {
		return err
	}
	// systemd removes a unit with its last process, also that of an earlier life.
	fresh := (dirs == nil || m.vanished(dirs)) && m.starting == nil
	if fresh || m.joins() {
		if err := m.create(); err != nil {
			return err
		}
	}
	if pid == -1 {
		m.settle()
		return nil
	}
	for _, stage := range []cgroups.Stage{cgroups.StageSetup, cgroups.StageExec} {
		if err := m.enter(pid, stage); err != nil {
			if fresh {
				err = errors.Join(err, m.destroy())
			}
			return err
		}
	}
	return nil
}

// settle ends the start of a slice, which need not wait for a process: there may never be
// one in the slice itself. From here on Set writes all limits at once.
func (m *Manager) settle() {
	s := m.starting
	if s == nil || !s.started {
		return
	}
	parents := m.dirs.MadeParents()
	dirs := m.host().files(s.target.layout, s.target.cg, m.dirs.GetPaths())
	dirs.AdoptParents(parents)
	m.setDirs(dirs, dirs.GetPaths())
	m.setStarting(nil)
	// No limit of Cgroups is in force yet.
	m.applied = &configs.Resources{SkipDevices: true, MemorySwappiness: -1}
}

// vanished tells whether systemd has removed the unit that has been started. What the
// container joins is not a unit of its own.
func (m *Manager) vanished(dirs files) bool {
	if m.joins() {
		return false
	}
	paths := dirs.GetPaths()
	dir, ok := paths["name=systemd"]
	if !ok {
		dir, ok = paths[""]
	}
	_, err := os.Stat(dir)
	return ok && errors.Is(err, fs.ErrNotExist)
}

// Enter moves the process pid, with all its threads, into the container's cgroups.
// Create or Apply comes first.
//
// The container's first process starts the unit at cgroups.StageSetup, if its set-up
// has room in the container's limits, and those that it could meet are set at
// cgroups.StageExec. Else all is done then. A later process enters the cgroups by
// itself where the caller has the right, and through systemd where not.
func (m *Manager) Enter(pid int, stage cgroups.Stage) error {
	if pid <= 0 {
		return fmt.Errorf("enter cgroups: %d is not a process id", pid)
	}
	m.state.Ops.Lock()
	defer m.state.Ops.Unlock()
	return m.enter(pid, stage)
}

// EntersEarly tells that the first process has to enter before it is told what to
// set up: that may be to mount the container's cgroups, which do not exist before.
func (m *Manager) EntersEarly() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.starting != nil
}

func (m *Manager) enter(pid int, stage cgroups.Stage) error {
	dirs, err := m.current()
	switch {
	case err != nil:
		return err
	case m.starting != nil:
		return m.enterFirst(pid, stage)
	case dirs == nil:
		return nil
	}
	err = dirs.Enter(pid, stage)
	if !cgtree.NotPermitted(err) || m.joins() {
		return err
	}
	return m.attach(pid, err)
}

// attach lets systemd move a process that this one may not move: cgroup v2 wants
// rights in the cgroup above both the old and the new one, and a user's processes
// outside of the user's manager are there by the system's, which has them.
func (m *Manager) attach(pid int, err error) error {
	unit, nameErr := unitName(m.Cgroups)
	if nameErr != nil || isSlice(unit) {
		return err
	}
	if busErr := m.host().bus.attach(m.state.Context(), unit, pid); busErr != nil {
		return errors.Join(err, fmt.Errorf("move process %d to the unit %s: %w", pid, unit, busErr))
	}
	return nil
}

// enterFirst is for the container's first process.
func (m *Manager) enterFirst(pid int, stage cgroups.Stage) error {
	s, ctx := m.starting, m.state.Context()
	last := stage == cgroups.StageExec
	if !last && !s.started && !s.room() {
		return nil
	}
	began := s.started
	if !s.started {
		err := m.start(ctx, pid, last)
		if err != nil && m.doWithout(err) {
			m.forget()
			return nil
		}
		if err != nil {
			return err
		}
	}
	if !began || isSlice(s.target.unit) {
		if err := m.dirs.Enter(pid, cgroups.StageSetup); err != nil {
			return err
		}
	}
	if !began {
		if err := m.setFirst(s); err != nil {
			return err
		}
	}
	if !last {
		return nil
	}
	if err := m.dirs.Enter(pid, cgroups.StageExec); err != nil {
		return err
	}
	if err := m.setLast(ctx, s, began); err != nil {
		return err
	}
	m.applied, m.extra = nil, nil
	if s.config != nil {
		m.applied, m.extra = s.config.Resources, s.config.SystemdProperties
	}
	m.setStarting(nil)
	return nil
}

// makeSub makes the directory of a cgroup in a unit's.
func makeSub(dir string) error {
	unit, err := cgdir.Open(path.Dir(dir), cgdir.Cgroup)
	if err != nil {
		return err
	}
	defer unit.Close()
	if err := unit.Mkdir(path.Base(dir)); !errors.Is(err, unix.EEXIST) {
		return err
	}
	return nil
}
