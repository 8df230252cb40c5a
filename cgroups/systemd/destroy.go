//go:build linux

package systemd

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"

	"github.com/libcontainer/libcontainer/cgroups"
)

// Destroy stops the container's unit, which ends processes that are in it still,
// waits until systemd has done so, and removes the cgroups that are not systemd's.
// A unit that systemd has collected before is no error, and neither is doing it
// again, or with nothing made. If systemd cannot be reached the cgroups are removed
// as far as they are empty. Cgroups joined through Cgroup.Paths stay.
func (m *Manager) Destroy() error {
	m.state.Ops.Lock()
	defer m.state.Ops.Unlock()
	return m.destroy()
}

func (m *Manager) destroy() error {
	dirs, err := m.existing()
	m.base().Use()
	if s := m.starting; s != nil && dirs == nil && s.begun {
		// It may run for all that is known.
		dirs = m.host().files(s.target.layout, s.target.cg, m.GetPaths())
	}
	switch {
	case err != nil:
		return err
	case dirs == nil:
		m.forget()
		return nil
	}
	ctx := m.state.Context()
	defer dirs.Within(ctx)()
	if !m.joins() {
		if err := m.stop(ctx, dirs); err != nil {
			return err
		}
	}
	if err := dirs.Destroy(); err != nil {
		return err
	}
	m.applied, m.extra = nil, nil
	m.forget()
	return nil
}

// stop stops the unit, and makes sure that its cgroups are gone.
func (m *Manager) stop(ctx context.Context, dirs files) error {
	unit, err := unitName(m.Cgroups)
	if err != nil {
		return err
	}
	collected := m.collectedSlices(ctx)
	stopErr := m.host().bus.stop(ctx, unit)
	paths := withoutSub(dirs.GetPaths())
	if err := cgroups.RemovePathsContext(ctx, paths); err != nil {
		if stopErr != nil {
			return fmt.Errorf("stop the unit %s: %w; and then: %w", unit, stopErr, err)
		}
		return err
	}
	if stopErr == nil {
		m.awaitSlices(ctx, collected, paths)
	}
	return nil
}

// collectedSlices gives those slices above the unit, the innermost first, that
// systemd stops when nobody needs them, or has forgotten already.
func (m *Manager) collectedSlices(ctx context.Context) (list []string) {
	slice, err := parentSlice(m.Cgroups, rootSlice)
	if err != nil {
		return nil
	}
	for _, slice := range slices.Backward(slicesOf(slice)) {
		if collected, there := m.lookAt(ctx, slice); there && !collected {
			break
		}
		list = append(list, slice)
	}
	return list
}

// awaitSlices waits until the slices of the unit that are collected are gone, so
// that nothing is left when Destroy returns. One that another unit has come to need
// stays. On cgroup v1 systemd may have stopped a slice while the kernel kept a unit's
// cgroup in it busy a moment longer, and does not try again; then the empty
// directories are removed here.
func (m *Manager) awaitSlices(ctx context.Context, collected []string, paths map[string]string) {
	main := "name=systemd"
	if _, ok := paths[main]; !ok {
		main = ""
	}
	above := maps.Clone(paths)
	for _, slice := range collected {
		for key, dir := range above {
			above[key] = path.Dir(dir)
		}
		if !m.forgotten(ctx, slice) && awaitRemoval(above[main], sliceTimeout) != nil && !m.forgotten(ctx, slice) {
			return
		}
		for key, dir := range above {
			if used, err := hasDirs(dir); madeBySystemd(key) && err == nil && !used {
				_ = cgroups.RemovePaths(map[string]string{key: dir})
			}
		}
	}
}

// forgotten tells whether systemd does not have the slice.
func (m *Manager) forgotten(ctx context.Context, slice string) bool {
	_, there := m.lookAt(ctx, slice)
	return !there
}
