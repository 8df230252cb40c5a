//go:build linux

package fs

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
	"github.com/libcontainer/libcontainer/cgroups/internal/cglimit"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgv2"
	"github.com/libcontainer/libcontainer/configs"
)

// What a configuration asks of a controller, and what writes it.
type (
	request = cglimit.Request
	setter  = cglimit.Setter
)

const (
	nothing  = cglimit.Nothing
	welcome  = cglimit.Welcome
	required = cglimit.Required
)

// controller knows the files of one cgroup v1 controller.
type controller interface {
	// key is the controller's name, as in Paths.
	key() string

	// asks tells what r asks of the controller, and by which field.
	asks(r *configs.Resources) (request, string)

	// set writes what r asks for.
	set(s *setter, r *configs.Resources) error

	// stats reads the controller's part of stats.
	stats(dir *cgdir.Dir, stats *cgroups.Stats) error
}

// controllers returns the controllers in the order in which limits are set.
// Those whose former state is not restored after a failure come last.
func (m *Manager) controllers() []controller {
	list := []controller{
		cpuset{},
		cpu{},
		cpuacct{},
		memory{},
		pids{},
		hugetlb{},
	}
	for _, c := range cgv2.SharedControllers() {
		list = append(list, shared{c, &m.state.Features})
	}
	return append(list,
		blkio{},
		netCls{},
		netPrio{},
		perfEvent{},
		devices{state: &m.devices},
		freezer{m},
	)
}

// Set writes the limits of container.Cgroups.Resources, those that are not
// zero, to the container's cgroups. It does nothing if there are no Resources,
// and nothing for cgroups joined through Cgroup.Paths. What only cgroup v2 has is
// refused, with an error that wraps errors.ErrUnsupported, unless its controller is
// in the cgroup v2 mount of the hybrid layout.
//
// The zero value has a meaning in two places: without AllowAllDevices all
// devices are forbidden but AllowedDevices, unless SkipDevices is set, and MemorySwappiness 0 is written.
//
// If a value cannot be written, those written before are put back: single
// values and the list of allowed devices, but neither per-device block I/O
// settings nor network priorities.
func (m *Manager) Set(container *configs.Config) error { return m.SetAnd(container, nil) }

// SetAnd is Set which calls commit, if that is not nil, when all is written, and if
// that fails puts back what Set does. Where Set does nothing commit is not called.
func (m *Manager) SetAnd(container *configs.Config, commit func() error) error {
	r := m.base().Limits(container)
	if r == nil {
		return nil
	}
	m.state.Ops.Lock()
	defer m.state.Ops.Unlock()
	u, err := m.unified(r)
	if err != nil {
		return fmt.Errorf("set cgroup limits: %w", err)
	}
	paths := m.GetPaths()
	if len(paths) == 0 && !container.Cgroups.Optional {
		return errors.New("set cgroup limits: the container has no cgroups yet")
	}
	var j cglimit.Journal
	for _, c := range m.controllers() {
		if err := m.setController(c, paths, r, u, &j); err != nil {
			err = fmt.Errorf("set cgroup limits of %s: %w", cmp.Or(c.key(), "cgroup v2"), err)
			return errors.Join(err, j.Rollback(m.state.Kind))
		}
	}
	if err := m.setUnified(u, paths, &j); err != nil {
		err = fmt.Errorf("set cgroup limits in the cgroup v2 mount: %w", err)
		return errors.Join(err, j.Rollback(m.state.Kind))
	}
	if commit == nil {
		return nil
	}
	if err := commit(); err != nil {
		return errors.Join(err, j.Rollback(m.state.Kind))
	}
	return nil
}

// setController sets the limits of one controller, unless u is for them.
func (m *Manager) setController(c controller, paths map[string]string, r *configs.Resources, u unified, j *cglimit.Journal) error {
	request, field := c.asks(r)
	if request == nothing {
		return nil
	}
	path, mounted := paths[c.key()]
	if !mounted {
		if request == welcome || u.has(c.key()) {
			return nil
		}
		return fmt.Errorf("%s cannot be set: %w", field, m.base().Missing(c.key()))
	}
	return m.withDir(path, func(dir *cgdir.Dir) error {
		return c.set(&setter{Dir: dir, Journal: j}, r)
	})
}
