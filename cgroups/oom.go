//go:build linux

package cgroups

import (
	"fmt"

	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgoom"
)

// OOMKills returns how many processes of the cgroup directory path and of its
// sub-cgroups the kernel has killed for want of memory, since the cgroup was made. The
// directory is the memory controller's: the kernel's document cgroup-v1/memory has the
// count as oom_kill of memory.oom_control, where that of a sub-cgroup goes with it, and
// admin-guide/cgroup-v2 as oom_kill of memory.events. Before Linux 4.13 the error is
// errors.ErrUnsupported; without the controller, or the cgroup, it is fs.ErrNotExist.
func OOMKills(path string) (uint64, error) {
	dir, err := cgdir.Open(path, cgdir.Any)
	if err != nil {
		return 0, fmt.Errorf("count OOM kills: %w", err)
	}
	defer dir.Close()
	kills, err := cgoom.Kills(dir)
	if err != nil {
		return 0, fmt.Errorf("count OOM kills: %w", err)
	}
	return kills, nil
}
