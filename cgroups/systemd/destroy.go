//go:build linux

package systemd

import (
	"context"
	"fmt"
	"path"

	"github.com/libcontainer/libcontainer/cgroups"
)

// Destroy stops the container's unit, which ends processes that are in it still,
// waits until systemd has done so, and removes the cgroups that are not systemd's.
// A unit that systemd has collected before is no error, and neither is doing it
// again, or with nothing made. If systemd cannot be reached the cgroups are removed
// as far as they are empty. Cgroups joined through Cgroup.Paths stay.
func (m *Manager) Destroy() error {
	m.ops.Lock()
	defer m.ops.Unlock()
	return m.destroy()
}

func (m *Manager) destroy() error {
	dirs, err := m.current()
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
	if !m.joins() {
		if err := m.stop(context.Background(), dirs); err != nil {
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
	if err := cgroups.RemovePaths(paths); err != nil {
		if stopErr != nil {
			return fmt.Errorf("stop the unit %s: %w; and then: %w", unit, stopErr, err)
		}
		return err
	}
	if stopErr == nil {
		awaitSlices(collected, paths)
	}
	return nil
}

// collectedSlices gives those slices above the unit, the innermost first, that
// systemd stops when nobody needs them.
func (m *Manager) collectedSlices(ctx context.Context) (list []string) {
	slice, err := parentSlice(m.Cgroups, rootSlice)
	if err != nil {
		return nil
	}
	chain := slicesOf(slice)
	for i := len(chain) - 1; i >= 0; i-- {
		value, err := m.host().bus.property(ctx, chain[i], "StopWhenUnneeded")
		if err != nil || value != true {
			break
		}
		list = append(list, chain[i])
	}
	return list
}

// awaitSlices waits until the slices of the unit that are collected are gone, so
// that nothing is left when Destroy returns. One that another unit has come to need
// stays.
func awaitSlices(collected []string, paths map[string]string) {
	for key, dir := range paths {
		if !madeBySystemd(key) {
			continue
		}
		for range collected {
			if dir = path.Dir(dir); dir == "/" || awaitRemoval(dir, sliceTimeout) != nil {
				break
			}
		}
	}
}
