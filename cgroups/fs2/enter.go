//go:build linux

package fs2

import (
	"fmt"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgtree"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgv2"
)

// start is about a container whose cgroup was made ahead of its first process.
type start struct {
	// ahead is true from Create until a process has come to StageExec.
	ahead bool

	// held are the limits that wait for it.
	held cgv2.Held
}

// EntersEarly returns false: the cgroup is there before the process.
func (m *Manager) EntersEarly() bool { return false }

// Enter moves the process pid, with all its threads, into the cgroup, unless it
// is there already, as one that was cloned into UnifiedDir is. Create or Apply
// comes first.
//
// The container's first process comes in at cgroups.StageSetup, unless its set-up
// takes more memory than the container may have, and cgroups.StageExec writes the
// limits that Set has held back. A later process comes in at StageExec.
//
// If the cgroup is optional, an empty one that may not be entered and that no limit
// needs is removed again, and is no more in GetPaths.
func (m *Manager) Enter(pid int, stage cgroups.Stage) error {
	if pid <= 0 {
		return fmt.Errorf("enter cgroups: %d is not a process id", pid)
	}
	m.state.Ops.Lock()
	defer m.state.Ops.Unlock()
	if stage != cgroups.StageExec && (!m.start.ahead || !m.hasRoomAtFirst()) {
		return nil
	}
	if err := m.move(pid); err != nil || stage != cgroups.StageExec || !m.start.ahead {
		return err
	}
	if err := m.writeHeld(); err != nil {
		return fmt.Errorf("set cgroup limits: %w", err)
	}
	m.start = start{}
	return nil
}

// move moves a process to the cgroup if it is not there.
func (m *Manager) move(pid int) error {
	path, ok := m.path()
	if !ok {
		return nil
	}
	err := m.withCgroup(path, func(c *cgv2.Cgroup) error { return c.Enter(pid) })
	if cgtree.NotPermitted(err) {
		err = m.base().LeaveOut(path, err)
	}
	if err != nil {
		return fmt.Errorf("move process %d to its cgroup: %w", pid, err)
	}
	return nil
}

// writeHeld writes the limits that were held back. On failure those written are
// put back.
func (m *Manager) writeHeld() error {
	path, ok := m.path()
	if !ok || len(m.start.held) == 0 {
		return nil
	}
	return m.withCgroup(path, func(c *cgv2.Cgroup) error { return c.WriteHeld(m.start.held) })
}
