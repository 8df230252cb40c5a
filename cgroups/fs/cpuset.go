//go:build linux

package fs

import (
	"fmt"
	"strings"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgread"
	"github.com/libcontainer/libcontainer/configs"
)

const (
	cpusetCpus = "cpuset.cpus"
	cpusetMems = "cpuset.mems"
)

// cpuset is the controller of CPUs and memory nodes, see cpuset(7).
type cpuset struct{}

func (cpuset) key() string { return "cpuset" }

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
		if err := s.Write("CpusetCpus", cpusetCpus, r.CpusetCpus); err != nil {
			return err
		}
	}
	if r.CpusetMems != "" {
		return s.Write("CpusetMems", cpusetMems, r.CpusetMems)
	}
	return nil
}

func (cpuset) stats(dir *cgdir.Dir, stats *cgroups.Stats) error {
	c := &stats.CpusetStats
	err := cgread.Lists(dir, map[string]*[]int{
		cpusetCpus:              &c.Cpus,
		cpusetMems:              &c.Mems,
		"cpuset.effective_cpus": &c.EffectiveCpus, // Linux 3.17
		"cpuset.effective_mems": &c.EffectiveMems,
	})
	if err != nil {
		return err
	}
	for file, flag := range map[string]*bool{
		"cpuset.cpu_exclusive":      &c.CpuExclusive,
		"cpuset.mem_exclusive":      &c.MemExclusive,
		"cpuset.mem_hardwall":       &c.MemHardwall,
		"cpuset.memory_migrate":     &c.MemoryMigrate,
		"cpuset.memory_spread_page": &c.MemorySpreadPage,
		"cpuset.memory_spread_slab": &c.MemorySpreadSlab,
		"cpuset.sched_load_balance": &c.SchedLoadBalance,
	} {
		value, err := cgread.OptionalUint(dir, file)
		if err != nil {
			return err
		}
		*flag = value != 0
	}
	if c.MemoryPressure, err = cgread.OptionalUint(dir, "cpuset.memory_pressure"); err != nil {
		return err
	}
	c.SchedRelaxDomainLevel, err = cgread.OptionalInt(dir, "cpuset.sched_relax_domain_level")
	return err
}

// inheritCpuset gives dir the CPUs and memory nodes of its parent if it has
// none, as a new cpuset has. A process can only enter a cpuset with some of
// both. A directory that was not made just now may still be without, if another
// process has made it and not come further yet.
func inheritCpuset(parent, dir *cgdir.Dir, made bool) error {
	for _, file := range []string{cpusetCpus, cpusetMems} {
		if !made {
			has, err := dir.ReadFile(file)
			if err != nil {
				return err
			}
			if strings.TrimSpace(has) != "" {
				continue
			}
		}
		value, err := parent.ReadFile(file)
		if err != nil {
			return err
		}
		value = strings.TrimSpace(value)
		if value == "" {
			return fmt.Errorf("%s is empty: nothing to inherit", parent.Path(file))
		}
		if err := dir.WriteFile(file, value); err != nil {
			return err
		}
	}
	return nil
}
