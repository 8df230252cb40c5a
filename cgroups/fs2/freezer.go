//go:build linux

package fs2

import (
	"fmt"

	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgfreeze"
	"github.com/libcontainer/libcontainer/configs"
)

// Freeze stops or continues all processes of the container, and returns when they
// are. configs.Undefined is an error. If not all processes freeze within 5
// seconds, they are thawed again and the error says so.
func (m *Manager) Freeze(state configs.FreezerState) error {
	m.ops.Lock()
	defer m.ops.Unlock()
	path, ok := m.path()
	if !ok {
		return fmt.Errorf("freeze: %w", m.missing())
	}
	return m.withDir(path, func(dir *cgdir.Dir) error {
		return cgfreeze.Set(dir, state, cgfreeze.Timeout)
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
	err = m.withDir(path, func(dir *cgdir.Dir) error {
		state, err = cgfreeze.State(dir)
		return err
	})
	return state, err
}

// setFreezerState brings the processes into the state that a configuration asks
// for, if it does.
func setFreezerState(s *setter, state configs.FreezerState) error {
	if state == configs.Undefined {
		return nil
	}
	old, err := s.Dir.ReadFile(cgfreeze.File)
	if err == nil {
		err = cgfreeze.Set(s.Dir, state, cgfreeze.Timeout)
	}
	if err != nil {
		return s.explain("Freezer", cgfreeze.File, err)
	}
	s.Record(cgfreeze.File, old)
	return nil
}
