// Package systemd is the place of a cgroup manager that lets systemd make and
// remove the cgroups of a container, as a scope unit. It is not supported yet:
// UseSystemd says so, and all methods of Manager that would do something
// return ErrUnsupported. Use the cgroupfs manager, libcontainer.Cgroupfs.
package systemd

import (
	"errors"
	"maps"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/configs"
)

// ErrUnsupported is returned by the methods of Manager.
var ErrUnsupported = errors.New("cgroups/systemd: not supported yet; use the cgroupfs manager (libcontainer.Cgroupfs)")

var _ cgroups.Manager = (*Manager)(nil)

// UseSystemd reports whether Manager can be used on this machine. It returns
// false everywhere, until this package is supported.
func UseSystemd() bool {
	return false
}

// Manager will manage the cgroups of one container through systemd.
type Manager struct {
	// Cgroups names the cgroups.
	Cgroups *configs.Cgroup

	// Paths holds the cgroup directories by controller.
	Paths map[string]string
}

// Apply returns ErrUnsupported.
func (m *Manager) Apply(pid int) error {
	return ErrUnsupported
}

// GetPids returns ErrUnsupported.
func (m *Manager) GetPids() ([]int, error) {
	return nil, ErrUnsupported
}

// GetAllPids returns ErrUnsupported.
func (m *Manager) GetAllPids() ([]int, error) {
	return nil, ErrUnsupported
}

// GetStats returns ErrUnsupported.
func (m *Manager) GetStats() (*cgroups.Stats, error) {
	return nil, ErrUnsupported
}

// Freeze returns ErrUnsupported.
func (m *Manager) Freeze(state configs.FreezerState) error {
	return ErrUnsupported
}

// Destroy returns nil if there are no Paths, since nothing was made then, and
// ErrUnsupported otherwise.
func (m *Manager) Destroy() error {
	if len(m.Paths) == 0 {
		return nil
	}
	return ErrUnsupported
}

// GetPaths returns a copy of Paths.
func (m *Manager) GetPaths() map[string]string {
	paths := maps.Clone(m.Paths)
	if paths == nil {
		paths = make(map[string]string)
	}
	return paths
}

// Set returns ErrUnsupported.
func (m *Manager) Set(container *configs.Config) error {
	return ErrUnsupported
}
