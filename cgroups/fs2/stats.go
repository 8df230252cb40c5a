//go:build linux

package fs2

import (
	"fmt"
	"slices"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgread"
)

// reader reads statistics of one cgroup.
type reader struct {
	dir *cgdir.Dir
	m   *Manager
}

// GetStats reads the statistics of all controllers of the container. What is not
// enabled or not offered by the kernel is zero; usage of the CPU and pressure need
// no controller. If there is no cgroup because it is optional, that is an error.
func (m *Manager) GetStats() (*cgroups.Stats, error) {
	stats := cgroups.NewStats()
	path, ok := m.path()
	if !ok {
		if m.Cgroups != nil && m.Cgroups.Optional {
			return nil, fmt.Errorf("read cgroup statistics: %w", m.missing())
		}
		return stats, nil
	}
	err := m.withDir(path, func(dir *cgdir.Dir) error { return m.read(dir, stats) })
	if err != nil {
		return nil, fmt.Errorf("read cgroup statistics: %w", err)
	}
	return stats, nil
}

func (m *Manager) read(dir *cgdir.Dir, stats *cgroups.Stats) error {
	r := &reader{dir: dir, m: m}
	enabled, err := readWords(dir, controllersFile)
	if err != nil {
		return err
	}
	if err := cpuStats(r, stats); err != nil {
		return err
	}
	if err := cgread.Pressure(dir, stats); err != nil {
		return err
	}
	return r.readControllers(enabled, stats)
}

func (r *reader) readControllers(names []string, stats *cgroups.Stats) error {
	for _, c := range controllers() {
		if !slices.Contains(names, c.name()) {
			continue
		}
		if err := c.stats(r, stats); err != nil {
			return err
		}
	}
	return nil
}
