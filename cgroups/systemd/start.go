//go:build linux

package systemd

import (
	"context"
	"errors"
	"fmt"
	"slices"

	sd "github.com/coreos/go-systemd/v22/dbus"
	"github.com/godbus/dbus/v5"
	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgv2"
	"github.com/libcontainer/libcontainer/configs"
)

// starting is about a container from Create until its first process has come to
// cgroups.StageExec.
type starting struct {
	target *target

	// config has the limits that Set was called with, nil if it was not.
	config *configs.Cgroup

	// begun tells that systemd was asked to start the unit, and started that it
	// runs and its directories were taken over.
	begun, started bool
}

// room tells whether the container's set-up fits into its limits. If it does not,
// the first process enters just before it becomes the container's program, for a
// scope cannot be started without one.
func (s *starting) room() bool {
	return s.config == nil || cgv2.HasRoom(s.config.Resources)
}

// Create decides on the container's unit, checks that systemd can be asked for it
// and that it is not in use, and fills GetPaths. A scope is started by Enter, since
// it needs a process; a slice is started here. Until a process has come to
// cgroups.StageExec, Set only remembers the limits that its set-up could meet.
func (m *Manager) Create() error {
	m.state.Ops.Lock()
	defer m.state.Ops.Unlock()
	return m.create()
}

func (m *Manager) create() error {
	m.base().Use()
	if m.Cgroups == nil {
		return nil
	}
	if m.joins() {
		dirs, err := m.current()
		if err != nil {
			return err
		}
		if err := dirs.Create(); err != nil {
			return err
		}
		m.setDirs(dirs, dirs.GetPaths())
		return nil
	}
	ctx := m.state.Context()
	t, err := m.target(ctx)
	if err != nil {
		if m.doWithout(err) {
			return nil
		}
		return err
	}
	paths, _, err := m.planOf(t)
	if err != nil {
		return err
	}
	m.setDirs(nil, paths)
	m.setStarting(&starting{target: t})
	if !isSlice(t.unit) {
		return nil
	}
	if err := m.start(ctx, 0, false); err != nil {
		m.forget()
		return err
	}
	return nil
}

// forget is for a unit that is not the container's.
func (m *Manager) forget() {
	m.setStarting(nil)
	m.setDirs(nil, nil)
}

// start starts the unit with its first process, 0 for a slice, and takes the
// directories over. Unless full is set, limits that the set-up of the container
// could meet are left for later.
func (m *Manager) start(ctx context.Context, pid int, full bool) error {
	s := m.starting
	props, err := m.unitProperties(s, pid, full)
	if err != nil {
		return err
	}
	s.begun = true
	if err := m.startUnit(ctx, s.target, pid, props); err != nil {
		return err
	}
	dirs, err := m.takeOver(s.target)
	if err != nil {
		return err
	}
	s.started = true
	m.setDirs(dirs, dirs.GetPaths())
	return nil
}

// takeOver makes the directories that systemd does not make.
func (m *Manager) takeOver(t *target) (files, error) {
	dirs := m.host().files(t.layout, t.cg, nil)
	if err := dirs.Create(); err != nil {
		return nil, fmt.Errorf("the unit %s: %w", t.unit, err)
	}
	paths := dirs.GetPaths()
	sub := withSub(paths)
	if isSlice(t.unit) || sub[devicesKey] == paths[devicesKey] {
		return dirs, nil
	}
	if err := m.host().makeSub(sub[devicesKey]); err != nil {
		return nil, fmt.Errorf("the unit %s: %w", t.unit, err)
	}
	below := m.host().files(t.layout, t.cg, sub)
	below.AdoptParents(dirs.MadeParents())
	return below, nil
}

// unitProperties gives the properties with which the unit is started.
func (m *Manager) unitProperties(s *starting, pid int, full bool) ([]sd.Property, error) {
	t := s.target
	props := []sd.Property{
		sd.PropDescription("libcontainer container " + m.Cgroups.Name),
		property{name: "MemoryAccounting", value: true}.variant(),
		property{name: "CPUAccounting", value: true}.variant(),
		property{name: "TasksAccounting", value: true}.variant(),
		// systemd has a limit for units that do not tell one.
		property{name: "TasksMax", value: infinity}.variant(),
	}
	accounting := "IOAccounting"
	if t.layout != cgroups.LayoutV2 && t.facts.version < withoutLegacyProps {
		accounting = "BlockIOAccounting"
	}
	props = append(props, property{name: accounting, value: true}.variant())
	if !isSlice(t.unit) {
		props = append(props, sd.PropSlice(t.slice), sd.PropPids(uint32(pid)), property{name: "Delegate", value: true}.variant())
		if t.facts.version >= sinceCollectMode {
			props = append(props, property{name: "CollectMode", value: "inactive-or-failed"}.variant())
		}
		if t.facts.version >= sinceScopeOOM {
			// Whom the kernel kills is the container's own matter.
			props = append(props, property{name: "OOMPolicy", value: "continue"}.variant())
		}
	}
	if s.config == nil {
		extra, err := extraProperties(m.Cgroups)
		return append(props, extra...), err
	}
	limits, err := limitProperties(s.config, nil, t)
	if err != nil {
		return nil, err
	}
	props = append(props, pick(limits, false)...)
	if full {
		props = append(props, pick(limits, true)...)
	}
	extra, err := extraProperties(s.config)
	return append(props, extra...), err
}

func (p property) variant() sd.Property {
	return sd.Property{Name: p.name, Value: dbus.MakeVariant(p.value)}
}

// limitProperties gives the properties for the limits of cg.
func limitProperties(cg *configs.Cgroup, former *configs.Resources, t *target) ([]property, error) {
	if cg.Resources == nil {
		return nil, nil
	}
	return properties(cg.Resources, former, t.layout, t.facts.version)
}

// maxStarts bounds how often a start is tried while units of the names come and go.
const maxStarts = 4

// startUnit starts the unit. One that is left from an earlier life of the container,
// without processes, is stopped before.
func (m *Manager) startUnit(ctx context.Context, t *target, pid int, props []sd.Property) error {
	var err error
	for range maxStarts {
		err = m.startIn(ctx, t, props)
		if !isBusError(err, errUnitExists) {
			break
		}
		if m.inside(t, pid) {
			err = nil // it was heard before the connection was lost
			break
		}
		// Or a slice has come since we looked.
		if err := m.makeWay(ctx, t); err != nil {
			return err
		}
	}
	if isBusError(err, errUnitExists) {
		m.forget() // others are faster
	}
	if err != nil {
		return fmt.Errorf("start the unit %s with the properties %s: %w", t.unit, names(props), err)
	}
	return m.checkPlace(t, pid)
}

// startIn starts the unit, and makes with it those slices which systemd does not
// have. One that is about to be stopped, and forgotten, is held: if it were made anew
// of its name alone, systemd would not stop it again when nobody needs it.
func (m *Manager) startIn(ctx context.Context, t *target, props []sd.Property) error {
	bus := m.host().bus
	var missing []string
	for _, slice := range slices.Backward(slicesOf(t.slice)) {
		if isSlice(t.unit) {
			break
		}
		held, there := m.hold(ctx, slice)
		if held {
			defer bus.unref(ctx, slice)
		}
		if there && !held {
			break // it is the administrator's, and needs those that it is in
		}
		if !there {
			missing = append(missing, slice)
		}
	}
	return bus.start(ctx, t.unit, props, auxiliary(missing))
}

// hold holds a slice that systemd stops when nobody needs it, and tells whether it
// is there. A reference to one that is not makes it, so that it has to be looked at
// before and after.
func (m *Manager) hold(ctx context.Context, slice string) (held, there bool) {
	bus := m.host().bus
	collected, there := m.lookAt(ctx, slice)
	if !collected || bus.ref(ctx, slice) != nil {
		return false, there
	}
	if collected, _ = m.lookAt(ctx, slice); !collected {
		_ = bus.unref(ctx, slice) // it was forgotten between, and is so again
		return false, false
	}
	return true, true
}

// lookAt tells whether systemd has a slice, and stops it when nobody needs it. To look
// at one that is just being forgotten makes it anew, of its name alone: that one is
// inactive, and as good as none.
func (m *Manager) lookAt(ctx context.Context, slice string) (collected, there bool) {
	bus := m.host().bus
	value, err := bus.property(ctx, slice, stopWhenUnneeded)
	if err != nil {
		return false, !isBusError(err, errNoSuchUnit)
	}
	if value == true {
		return true, true
	}
	state, err := bus.property(ctx, slice, "ActiveState")
	if isBusError(err, errNoSuchUnit) {
		return false, false
	}
	if err != nil || state != "inactive" {
		return false, true
	}
	file, err := bus.property(ctx, slice, "FragmentPath")
	return false, err == nil && file != ""
}

// makeWay stops a unit of that name which has no processes.
func (m *Manager) makeWay(ctx context.Context, t *target) error {
	_, _, err := m.planOf(t)
	if errors.Is(err, unix.EBUSY) {
		m.forget() // it is another container's
		return err
	}
	if err != nil {
		return err
	}
	if err := m.host().bus.stop(ctx, t.unit); err != nil {
		return fmt.Errorf("stop the unit %s that has no processes: %w", t.unit, err)
	}
	return nil
}

// stopWhenUnneeded is the property of a unit that systemd stops when no other needs it.
const stopWhenUnneeded = "StopWhenUnneeded"

// auxiliary gives slices to be made with a unit in them. When nothing in them runs
// any more systemd stops them, whoever is there to see it.
func auxiliary(missing []string) (aux []sd.PropertyCollection) {
	for _, slice := range missing {
		aux = append(aux, sd.PropertyCollection{Name: slice, Properties: []sd.Property{
			sd.PropDescription("slice of libcontainer containers"),
			property{name: stopWhenUnneeded, value: true}.variant(),
		}})
	}
	return aux
}

// inside tells whether the process is in the unit's cgroup.
func (m *Manager) inside(t *target, pid int) bool {
	place, err := m.place(t, pid)
	return err == nil && place == t.cgroup
}

// place gives the process's cgroup in the hierarchy of systemd.
func (m *Manager) place(t *target, pid int) (string, error) {
	all, err := m.host().cgroupsOf(pid)
	if err != nil {
		return "", err
	}
	return all[systemdKey(t.layout)], nil
}

// checkPlace makes sure that systemd has put the process where it was expected:
// else limits would be written to the wrong cgroup.
func (m *Manager) checkPlace(t *target, pid int) error {
	if isSlice(t.unit) {
		return nil
	}
	place, err := m.place(t, pid)
	if err != nil {
		return fmt.Errorf("the unit %s: find the cgroup of its process %d: %w", t.unit, pid, err)
	}
	if place != t.cgroup {
		return fmt.Errorf("the unit %s: its process %d is in the cgroup %s, want %s", t.unit, pid, place, t.cgroup)
	}
	return nil
}
