//go:build linux

package fs2

import (
	"fmt"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgv2"
)

// GetStats reads the statistics of all controllers of the container. What is not
// enabled or not offered by the kernel is zero; usage of the CPU and pressure need
// no controller. If there is no cgroup because it is optional, that is an error.
func (m *Manager) GetStats() (*cgroups.Stats, error) {
	stats := cgroups.NewStats()
	path, ok := m.path()
	if !ok {
		if m.base().Optional() {
			return nil, fmt.Errorf("read cgroup statistics: %w", m.base().Missing(""))
		}
		return stats, nil
	}
	err := m.withCgroup(path, func(c *cgv2.Cgroup) error { return c.Stats(stats) })
	if err != nil {
		return nil, fmt.Errorf("read cgroup statistics: %w", err)
	}
	return stats, nil
}
