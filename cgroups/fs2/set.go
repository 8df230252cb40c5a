//go:build linux

package fs2

import (
	"errors"
	"fmt"

	"github.com/libcontainer/libcontainer/cgroups/internal/cglimit"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgv2"
	"github.com/libcontainer/libcontainer/configs"
)

// Set writes the limits of container.Cgroups.Resources, those that are not zero,
// to the container's cgroup. It does nothing if there are no Resources, and
// nothing for a cgroup joined through Cgroup.Paths. What cgroup v2 does not have
// is refused, with an error that wraps errors.ErrUnsupported; see the package's
// documentation. A controller that is needed is enabled in the cgroups above.
//
// The zero value has a meaning in one place: without AllowAllDevices all devices
// are forbidden but AllowedDevices, unless SkipDevices is set.
//
// Between Create and Enter with cgroups.StageExec there is a program of the library
// in the cgroup, which sets up the container, or none. What could disturb it is
// not written then but held back for Enter: memory.max, memory.high,
// memory.swap.max, memory.swap.high and pids.max, also those of Unified, and the
// rules for devices. A Manager that did not Create the cgroup writes all at once.
//
// If a value cannot be written, those written before are put back.
func (m *Manager) Set(container *configs.Config) error { return m.SetAnd(container, nil) }

// SetAnd is Set which calls commit, if that is not nil, when all is written, and if
// that fails puts back what can be: all but the rules for devices. Where Set does
// nothing commit is not called.
func (m *Manager) SetAnd(container *configs.Config, commit func() error) error {
	r := m.base().Limits(container)
	if r == nil {
		return nil
	}
	if err := m.set(cgv2.All(r), commit); err != nil {
		return fmt.Errorf("set cgroup limits: %w", err)
	}
	return nil
}

func (m *Manager) set(limits cgv2.Limits, commit func() error) error {
	if err := limits.Check(); err != nil {
		return err
	}
	m.state.Ops.Lock()
	defer m.state.Ops.Unlock()
	path, ok := m.path()
	if !ok {
		field := limits.Required()
		switch {
		case !m.base().Optional():
			return errors.New("the container has no cgroups yet")
		case field != "":
			return fmt.Errorf("%s cannot be set: %w", field, m.base().Missing(""))
		}
		return nil
	}
	return m.withCgroup(path, func(c *cgv2.Cgroup) error {
		var j cglimit.Journal
		held, err := c.Set(limits, &j, m.start.ahead)
		if err == nil && commit != nil {
			err = commit()
		}
		if err != nil {
			return errors.Join(err, j.Rollback(m.state.Kind))
		}
		m.start.held = m.start.held.With(held)
		return nil
	})
}
