//go:build linux

package fs2

import (
	"errors"

	"github.com/libcontainer/libcontainer/cgroups/internal/cglimit"
)

// Kill sends SIGKILL to all processes of the container at once, see
// cgroups.Driver. Frozen ones die too. For a cgroup that was joined the error is
// errors.ErrUnsupported, since there may be processes of others in it, and on
// Linux before 5.14.
func (m *Manager) Kill() error {
	path, ok := m.path()
	switch {
	case !ok:
		return nil
	case m.joins():
		return errors.ErrUnsupported
	}
	return cglimit.Kill(path, m.kind, &m.features)
}
