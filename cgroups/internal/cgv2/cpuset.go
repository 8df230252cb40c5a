//go:build linux

package cgv2

import "github.com/libcontainer/libcontainer/configs"

// cpuset is the controller of CPUs and memory nodes. An empty file stands for
// what the cgroup above has. What it tells is not in cgroups.Stats.
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
