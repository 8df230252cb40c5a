//go:build linux

package cgv2

import (
	"slices"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgread"
)

// Stats reads the statistics of all controllers that are enabled. Usage of the CPU and
// pressure need none.
func (c *Cgroup) Stats(stats *cgroups.Stats) error {
	if err := cpuStats(c, stats); err != nil {
		return err
	}
	return c.StatsBeside(nil, stats)
}

// StatsBeside reads pressure, and the statistics of those controllers that are enabled
// and not among others, which are read elsewhere.
func (c *Cgroup) StatsBeside(others []string, stats *cgroups.Stats) error {
	enabled, err := readWords(c.Dir, controllersFile)
	if err != nil {
		return err
	}
	if err := cgread.Pressure(c.Dir, stats); err != nil {
		return err
	}
	names := without(enabled, others)
	if isRoot(c.Dir) {
		names = slices.DeleteFunc(names, func(name string) bool { return !slices.Contains(countAtRoot, name) })
	}
	for _, known := range controllers() {
		if !slices.Contains(names, known.name()) {
			continue
		}
		if err := known.stats(c, stats); err != nil {
			return err
		}
	}
	return nil
}

// countAtRoot are the controllers that have statistics in the root cgroup. The others
// count for limits, and that has none.
var countAtRoot = []string{"cpuset", "memory", "io"}

// isRoot tells whether a directory is the root cgroup, which alone has no cgroup.type.
func isRoot(dir *cgdir.Dir) bool { return !dir.Exists(typeFile) && dir.Exists(procsFile) }
