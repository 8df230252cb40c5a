//go:build linux

package cgv2

import (
	"strings"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgread"
	"github.com/libcontainer/libcontainer/configs"
)

// cpuset is the controller of CPUs and memory nodes. An empty file stands for
// what the cgroup above has.
type cpuset struct{ plain }

func (cpuset) name() string { return "cpuset" }

func (cpuset) asks(r *configs.Resources) (request, string) {
	switch {
	case r.CpusetCpus != "":
		return required, "CpusetCpus"
	case r.CpusetMems != "":
		return required, "CpusetMems"
	}
	return nothing, ""
}

func (cpuset) set(s *setter, r *configs.Resources) error {
	if r.CpusetCpus != "" {
		if err := s.write("CpusetCpus", "cpuset.cpus", r.CpusetCpus); err != nil {
			return err
		}
	}
	if r.CpusetMems != "" {
		return s.write("CpusetMems", "cpuset.mems", r.CpusetMems)
	}
	return nil
}

func (cpuset) stats(c *Cgroup, stats *cgroups.Stats) error {
	s := &stats.CpusetStats
	err := cgread.Lists(c.Dir, map[string]*[]int{
		"cpuset.cpus":           &s.Cpus,
		"cpuset.mems":           &s.Mems,
		"cpuset.cpus.effective": &s.EffectiveCpus,
		"cpuset.mems.effective": &s.EffectiveMems,
	})
	if err != nil {
		return err
	}
	partition, err := c.Dir.ReadFile("cpuset.cpus.partition")
	if c.Dir.Lacks(err) {
		return nil // the root cgroup has none
	}
	s.Partition = strings.TrimSpace(partition)
	return err
}
