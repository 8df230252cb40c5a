//go:build linux

package fs2

import (
	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/configs"
)

// cpuset is the controller of CPUs and memory nodes. An empty file stands for
// what the cgroup above has.
type cpuset struct{}

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

// stats does nothing: what cpuset tells is not in cgroups.Stats.
func (cpuset) stats(*reader, *cgroups.Stats) error { return nil }
