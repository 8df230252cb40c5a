// The host's side: events of a container's memory.

package libcontainer

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/internal/memevents"
)

// memoryCgroup returns the directory of the memory controller; unified tells that
// it is one of cgroup v2.
func (c *Instance) memoryCgroup(step string) (dir string, unified bool, err error) {
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
		_, err := os.Stat(filepath.Join(dir, "memory.events"))
		if err == nil {
			return dir, true, nil
		}
		if _, goneErr := os.Stat(dir); !errors.Is(err, os.ErrNotExist) || goneErr != nil {
			return "", false, c.notifyFailed(step, err)
		}
	}
	return "", false, newSystemError(fmt.Errorf("%s: container %q %w", step, c.id, errNoMemoryCgroup))
}

var errNoMemoryCgroup = errors.New("has no memory cgroup")

// notifyFailed says why a memory cgroup cannot be watched: it has gone with the
// container, which another handle may be destroying, or with its processes.
func (c *Instance) notifyFailed(step string, cause error) error {
	err := fmt.Errorf("%s in container %q: %w", step, c.id, cause)
	if !cgroupGone(cause) {
		return newSystemError(err)
	}
	v, goneErr := c.lookFor(callNotify, step)
	if goneErr != nil {
		return goneErr
	}
	defer v.close()
	if v.phase != phaseRunning || v.init.Ending() {
		return newError(err, ContainerNotRunning)
	}
	return newSystemError(err)
}

// NotifyOOM returns a channel that tells of each process which is killed for want of memory
// from now on. See Container for how, and the errors.
func (c *Instance) NotifyOOM() (<-chan struct{}, error) {
	const step = "notify of OOM"
	dir, unified, err := c.memoryCgroup(step)
	if err != nil {
		return nil, err
	}
	source, err := memevents.OOM(dir, unified)
	if err != nil {
		return nil, c.notifyFailed(step, err)
	}
	return c.notifiers.Start(source), nil
}

var pressureLevels = map[PressureLevel]memevents.Level{
	LowPressure:      memevents.Low,
	MediumPressure:   memevents.Medium,
	CriticalPressure: memevents.Critical,
}

// NotifyMemoryPressure returns a channel that tells when the container's memory becomes as
// scarce as the level says. See Container for how, and the errors.
func (c *Instance) NotifyMemoryPressure(level PressureLevel) (<-chan struct{}, error) {
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
		return nil, c.notifyFailed(step, err)
	}
	return c.notifiers.Start(source), nil
}

// OOMKills returns how many processes of the container the kernel has killed for
// want of memory, the container's or the machine's, since its cgroups were made:
// oom_kill of the kernel's documents cgroup-v1/memory (Linux 4.13), where kills in a
// sub-cgroup count until that is removed, and admin-guide/cgroup-v2. It can be
// asked until the container is destroyed, so after Wait, too, to know why a process
// was killed. A container that has not been started has 0. systemd
// removes a container's cgroups, with what they have counted, when its last process
// ends; then only NotifyOOM, which has counted before, can tell.
//
// errors:
// ContainerNotExists - Container no longer exists,
// SystemError - System error; the container has no memory cgroup (any more),
// with errors.ErrUnsupported if the kernel does not count.
func (c *Instance) OOMKills() (uint64, error) {
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
