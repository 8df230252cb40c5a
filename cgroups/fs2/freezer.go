//go:build linux

package fs2

import (
	"fmt"

	"github.com/libcontainer/libcontainer/cgroups/internal/cgfreeze"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgv2"
	"github.com/libcontainer/libcontainer/configs"
)

// Freeze stops or continues all processes of the container, and returns when they
// are. configs.Undefined is an error. If not all processes freeze within 5
// seconds, they are thawed again and the error says so.
func (m *Manager) Freeze(state configs.FreezerState) error {
	m.state.Ops.Lock()
	defer m.state.Ops.Unlock()
	paths, err := m.base().Existing()
	if err != nil {
		return fmt.Errorf("freeze: %w", err)
	}
	path, ok := paths[""]
	if !ok {
		return fmt.Errorf("freeze: %w", m.base().Missing(""))
	}
	return m.withCgroup(path, func(c *cgv2.Cgroup) error {
		return cgfreeze.Set(m.state.Context(), c.Dir, state)
	})
}

// FreezerState tells whether the container's processes are frozen now, or being
// frozen; a cgroup above may be the reason. It is configs.Undefined without a
// cgroup.
func (m *Manager) FreezerState() (state configs.FreezerState, err error) {
	path, ok := m.path()
	if !ok {
		return configs.Undefined, nil
	}
	err = m.withCgroup(path, func(c *cgv2.Cgroup) error {
		state, err = cgfreeze.State(c.Dir)
		return err
	})
	return state, err
}

// ThawAll does nothing: the freezer of cgroup v2 lets processes die of a SIGKILL.
func (m *Manager) ThawAll() error { return nil }
