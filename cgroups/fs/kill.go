//go:build linux

package fs

import (
	"errors"

	"github.com/libcontainer/libcontainer/cgroups/internal/cglimit"
)

// Kill sends SIGKILL to all processes of the container at once, through the cgroup
// v2 mount of the hybrid layout, see cgroups.Driver. Processes that the freezer has
// stopped die when they are thawed. Without that mount, for joined cgroups, in
// which there may be processes of others, and on Linux before 5.14 the error is
// errors.ErrUnsupported.
func (m *Manager) Kill() error {
	paths := m.GetPaths()
	path, ok := paths[""]
	switch {
	case len(paths) == 0:
		return nil
	case !ok, m.joins():
		return errors.ErrUnsupported
	}
	return cglimit.Kill(path, m.kind, &m.features)
}
