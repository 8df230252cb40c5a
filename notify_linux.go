// The host's side: events of a container's memory.

package libcontainer

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/internal/memevents"
)

// memoryCgroup returns the directory of the memory controller; unified tells that
// it is one of cgroup v2.
func (c *linuxContainer) memoryCgroup(step string) (dir string, unified bool, err error) {
	v, err := c.lookFor(callNotify, step)
	if err != nil {
		return "", false, err
	}
	defer v.close()
	paths := v.cgroups.GetPaths()
	if dir, ok := paths["memory"]; ok {
		return dir, false, nil
	}
	if dir, ok := paths[""]; ok {
		if _, err := os.Stat(filepath.Join(dir, "memory.events")); err == nil {
			return dir, true, nil
		}
	}
	return "", false, errorf(SystemError, "%s: container %q has no memory cgroup", step, c.id)
}

func (c *linuxContainer) NotifyOOM() (<-chan struct{}, error) {
	const step = "notify of OOM"
	dir, unified, err := c.memoryCgroup(step)
	if err != nil {
		return nil, err
	}
	source, err := memevents.OOM(dir, unified)
	if err != nil {
		return nil, newSystemError(fmt.Errorf("%s in container %q: %w", step, c.id, err))
	}
	return c.notifiers.Start(source), nil
}

var pressureLevels = map[PressureLevel]memevents.Level{
	LowPressure:      memevents.Low,
	MediumPressure:   memevents.Medium,
	CriticalPressure: memevents.Critical,
}

func (c *linuxContainer) NotifyMemoryPressure(level PressureLevel) (<-chan struct{}, error) {
	const step = "notify of memory pressure"
	of, ok := pressureLevels[level]
	if !ok {
		return nil, errorf(ConfigInvalid, "%s: unknown level %d", step, level)
	}
	dir, unified, err := c.memoryCgroup(step)
	if err != nil {
		return nil, err
	}
	source, err := memevents.Pressure(dir, unified, of)
	if err != nil {
		return nil, newSystemError(fmt.Errorf("%s in container %q: %w", step, c.id, err))
	}
	return c.notifiers.Start(source), nil
}

func (c *linuxContainer) OOMKills() (uint64, error) {
	const step = "count OOM kills"
	v, err := c.lookFor(callStats, step)
	if err != nil {
		return 0, err
	}
	started := v.started()
	v.close()
	if !started {
		return 0, nil
	}
	dir, _, err := c.memoryCgroup(step)
	if err != nil {
		return 0, err
	}
	kills, err := cgroups.OOMKills(dir)
	if err != nil {
		return 0, newSystemError(fmt.Errorf("%s of container %q: %w", step, c.id, err))
	}
	return kills, nil
}
