//go:build linux

package fs

import (
	"fmt"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
)

// GetStats reads the statistics of all controllers of the container. What is
// not mounted, not offered by the kernel or, being optional, left out is zero. If
// there are no cgroups at all because they are optional, that is an error.
func (m *Manager) GetStats() (*cgroups.Stats, error) {
	stats := cgroups.NewStats()
	paths := m.GetPaths()
	if len(paths) == 0 && m.base().Optional() {
		return nil, fmt.Errorf("read cgroup statistics: %w", m.base().Missing(""))
	}
	for _, c := range m.controllers() {
		path, ok := paths[c.key()]
		if !ok {
			continue
		}
		err := m.withDir(path, func(dir *cgdir.Dir) error { return c.stats(dir, stats) })
		if err != nil {
			return nil, fmt.Errorf("read cgroup statistics of %s: %w", c.key(), err)
		}
	}
	if path, ok := paths[""]; ok {
		err := m.withDir(path, func(dir *cgdir.Dir) error {
			return m.inMount(dir).StatsBeside(unifiedNames(paths), stats)
		})
		if err != nil {
			return nil, fmt.Errorf("read cgroup statistics: %w", err)
		}
	}
	return stats, nil
}
