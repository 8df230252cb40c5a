//go:build linux

package fs

import (
	"fmt"
	"strings"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
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

// stats does nothing: what cpuset tells is not in cgroups.Stats.
func (cpuset) stats(*cgdir.Dir, *cgroups.Stats) error { return nil }

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
