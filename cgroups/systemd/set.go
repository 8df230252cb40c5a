//go:build linux

package systemd

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	sd "github.com/coreos/go-systemd/v22/dbus"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgv2"
	"github.com/libcontainer/libcontainer/configs"
)

// Set sets the limits of container.Cgroups.Resources, those that are not zero, in
// the container's cgroups, and tells systemd of those that it has a property for. It
// does nothing if there are no Resources, and nothing for cgroups joined through
// Cgroup.Paths. If the kernel or systemd refuses one of them, all stay as they were;
// see the managers of packages fs and fs2 for what that does not hold for.
//
// The kernel's files are written first: an error tells the file and the value. The
// properties follow. Of those SystemdProperties are set, too.
//
// Between Create and Enter with cgroups.StageExec the limits are set when there is
// a unit, and those that the set-up of the container could meet with StageExec.
func (m *Manager) Set(container *configs.Config) error {
	if m.base().Limits(container) == nil || m.Cgroups == nil {
		return nil
	}
	m.state.Ops.Lock()
	defer m.state.Ops.Unlock()
	dirs, err := m.current()
	switch {
	case err != nil:
		return err
	case m.starting != nil:
		return m.setStartingLimits(container)
	case dirs == nil && m.Cgroups.Optional:
		if field := cgv2.All(container.Cgroups.Resources).Required(); field != "" {
			return fmt.Errorf("set cgroup limits: %s cannot be set: %w", field, m.missing())
		}
		return nil
	case dirs == nil:
		return errors.New("set cgroup limits: the container has no cgroups yet")
	}
	return m.setLive(container, dirs)
}

// setStartingLimits is Set before the first process runs the container's program.
func (m *Manager) setStartingLimits(container *configs.Config) error {
	s := m.starting
	if _, err := limitProperties(container.Cgroups, nil, s.target); err != nil {
		return fmt.Errorf("set cgroup limits: %w", err)
	}
	if _, err := extraProperties(container.Cgroups); err != nil {
		return fmt.Errorf("set cgroup limits: %w", err)
	}
	s.config = container.Cgroups
	if !s.started {
		return nil
	}
	if err := m.setFirst(s); err != nil {
		return err
	}
	return m.tell(m.state.Context(), s.target, s.config, nil, false)
}

// setFirst writes the limits that the set-up of the container cannot meet. The
// manager of cgroup v2 holds the others back itself.
func (m *Manager) setFirst(s *starting) error {
	if s.config == nil || s.config.Resources == nil {
		return nil
	}
	r := s.config.Resources
	if s.target.layout != cgroups.LayoutV2 {
		r = early(r)
	}
	return m.dirs.Set(withResources(s.config, r))
}

// setLast writes the limits that were left for the last moment. If the unit was
// started with all of them systemd has been told.
func (m *Manager) setLast(ctx context.Context, s *starting, tell bool) error {
	if s.config == nil || s.config.Resources == nil {
		return nil
	}
	if s.target.layout != cgroups.LayoutV2 {
		if err := m.dirs.Set(withResources(s.config, s.config.Resources)); err != nil {
			return err
		}
	}
	if !tell {
		return nil
	}
	return m.tell(ctx, s.target, s.config, nil, true)
}

// early gives r without what the set-up of a container could meet: limits of memory
// and of tasks, and rules for devices.
func early(r *configs.Resources) *configs.Resources {
	e := *r
	e.Memory, e.MemorySwap, e.MemoryHigh, e.KernelMemory, e.KernelMemoryTCP, e.PidsLimit = 0, 0, 0, 0, 0, 0
	e.AllowAllDevices, e.AllowedDevices, e.DeniedDevices, e.DeviceRules = true, nil, nil, nil
	e.Unified = maps.Clone(r.Unified)
	for _, file := range cgv2.LateFiles() {
		delete(e.Unified, file)
	}
	return &e
}

func withResources(cg *configs.Cgroup, r *configs.Resources) *configs.Config {
	with := *cg
	with.Resources = r
	return &configs.Config{Cgroups: &with}
}

// tell tells systemd those limits that are late, or those that are not.
func (m *Manager) tell(ctx context.Context, t *target, cg *configs.Cgroup, former *configs.Resources, late bool) error {
	limits, err := limitProperties(cg, former, t)
	if err != nil {
		return fmt.Errorf("set cgroup limits: %w", err)
	}
	props := pick(limits, late)
	if len(props) == 0 {
		return nil
	}
	if err := m.host().bus.set(ctx, t.unit, props); err != nil {
		return fmt.Errorf("set the properties %s of the unit %s: %w", names(props), t.unit, err)
	}
	return nil
}

// setLive is Set for a container that runs.
func (m *Manager) setLive(container *configs.Config, dirs files) error {
	ctx := m.state.Context()
	t, err := m.target(ctx)
	if err != nil {
		return fmt.Errorf("set cgroup limits: %w", err)
	}
	former := m.former()
	limits, err := limitProperties(container.Cgroups, former, t)
	if err != nil {
		return fmt.Errorf("set cgroup limits: %w", err)
	}
	props := append(pick(limits, false), pick(limits, true)...)
	extra, err := m.changedExtra(container.Cgroups)
	if err != nil {
		return fmt.Errorf("set cgroup limits: %w", err)
	}
	props = append(props, extra...)
	told := false
	err = dirs.SetAnd(container, func() error {
		if len(props) == 0 {
			return nil
		}
		told = true
		if err := m.host().bus.set(ctx, t.unit, props); err != nil {
			return fmt.Errorf("set the properties %s of the unit %s: %w", names(props), t.unit, err)
		}
		return nil
	})
	if err == nil {
		m.applied = merged(former, container.Cgroups.Resources)
		m.extra = slices.Clone(container.Cgroups.SystemdProperties)
		return nil
	}
	if told && former != nil {
		// The rules for devices have no former value to be read and put back.
		err = errors.Join(err, dirs.Set(withResources(container.Cgroups, former)))
	}
	return err
}

// changedExtra gives those properties to pass on that the unit does not have yet: most
// can be set only when a unit is started.
func (m *Manager) changedExtra(cg *configs.Cgroup) ([]sd.Property, error) {
	former := m.Cgroups.SystemdProperties
	if m.extra != nil {
		former = m.extra
	}
	changed := *cg
	changed.SystemdProperties = slices.DeleteFunc(slices.Clone(cg.SystemdProperties), func(p configs.SystemdProperty) bool {
		return slices.Contains(former, p)
	})
	return extraProperties(&changed)
}

// former gives the limits in force, nil if they are not known.
func (m *Manager) former() *configs.Resources {
	if m.applied != nil {
		return m.applied
	}
	return m.Cgroups.Resources
}

// merged gives next with those values of former that it leaves alone and that are
// needed to understand others.
func merged(former, next *configs.Resources) *configs.Resources {
	r := *next
	if former == nil {
		return &r
	}
	if r.Memory == 0 {
		r.Memory = former.Memory
	}
	if r.CpuPeriod == 0 {
		r.CpuPeriod = former.CpuPeriod
	}
	if r.CpuQuota == 0 {
		r.CpuQuota = former.CpuQuota
	}
	return &r
}
