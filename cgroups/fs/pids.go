//go:build linux

package fs

import (
	"strconv"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgread"
	"github.com/libcontainer/libcontainer/configs"
)

// pids is the controller of the number of tasks, see cgroup-v1/pids.rst.
type pids struct{}

func (pids) key() string { return "pids" }

func (pids) asks(r *configs.Resources) (request, string) {
	switch {
	case r.PidsLimit > 0:
		return required, "PidsLimit"
	case r.PidsLimit < 0:
		// Without the controller there is no limit either.
		return welcome, "PidsLimit"
	}
	return nothing, ""
}

func (pids) set(s *setter, r *configs.Resources) error {
	value := cgread.NoLimit
	if r.PidsLimit > 0 {
		value = strconv.FormatInt(r.PidsLimit, 10)
	}
	return s.Write("PidsLimit", "pids.max", value)
}

func (pids) stats(dir *cgdir.Dir, stats *cgroups.Stats) error {
	if dir.Exists("cgroup.sane_behavior") { // of the hierarchy's root alone, where nothing is counted
		return nil
	}
	current, err := cgread.Uint(dir, "pids.current")
	if err != nil {
		return err
	}
	limit, err := cgread.Limit(dir, "pids.max")
	if err != nil {
		return err
	}
	stats.PidsStats = cgroups.PidsStats{Current: current, Limit: limit}
	return nil
}
