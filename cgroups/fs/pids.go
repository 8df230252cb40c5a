//go:build linux

package fs

import (
	"strconv"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
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
	value := noLimit
	if r.PidsLimit > 0 {
		value = strconv.FormatInt(r.PidsLimit, 10)
	}
	return s.write("PidsLimit", "pids.max", value)
}

func (pids) stats(dir *cgdir.Dir, stats *cgroups.Stats) error {
	current, err := readUint(dir, "pids.current")
	if err != nil {
		return err
	}
	limit, err := readLimit(dir, "pids.max")
	if err != nil {
		return err
	}
	stats.PidsStats = cgroups.PidsStats{Current: current, Limit: limit}
	return nil
}
