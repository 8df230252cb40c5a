//go:build linux

package fs2

import (
	"slices"
	"strings"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
	"github.com/libcontainer/libcontainer/configs"
)

// Select returns those limits of r that the given controllers are for. In the hybrid
// layout these are what cgroup v2 holds; SetIn sets them.
func Select(r *configs.Resources, names []string) *configs.Resources {
	s := &configs.Resources{AllowAllDevices: true, MemorySwappiness: -1}
	for _, name := range names {
		switch name {
		case "cpu":
			s.CpuShares, s.CpuWeight = r.CpuShares, r.CpuWeight
			s.CpuQuota, s.CpuPeriod = r.CpuQuota, r.CpuPeriod
			s.CpuBurst, s.CpuIdle = r.CpuBurst, r.CpuIdle
			s.CpuRtRuntime, s.CpuRtPeriod = r.CpuRtRuntime, r.CpuRtPeriod
		case "cpuset":
			s.CpusetCpus, s.CpusetMems = r.CpusetCpus, r.CpusetMems
		case "memory":
			s.Memory, s.MemorySwap, s.MemoryReservation = r.Memory, r.MemorySwap, r.MemoryReservation
			s.MemoryMin, s.MemoryLow, s.MemoryHigh = r.MemoryMin, r.MemoryLow, r.MemoryHigh
			s.MemoryCheckBeforeUpdate = r.MemoryCheckBeforeUpdate
			s.KernelMemory, s.OomKillDisable, s.MemorySwappiness = r.KernelMemory, r.OomKillDisable, r.MemorySwappiness
		case "pids":
			s.PidsLimit = r.PidsLimit
		case "hugetlb":
			s.HugetlbLimit = r.HugetlbLimit
		case "io":
			s.BlkioWeight, s.BlkioLeafWeight, s.BlkioWeightDevice = r.BlkioWeight, r.BlkioLeafWeight, r.BlkioWeightDevice
			s.BlkioThrottleReadBpsDevice, s.BlkioThrottleWriteBpsDevice = r.BlkioThrottleReadBpsDevice, r.BlkioThrottleWriteBpsDevice
			s.BlkioThrottleReadIOPSDevice, s.BlkioThrottleWriteIOPSDevice = r.BlkioThrottleReadIOPSDevice, r.BlkioThrottleWriteIOPSDevice
			s.IoLatencyDevice = r.IoLatencyDevice
		case "rdma":
			s.Rdma = r.Rdma
		case "misc":
			s.Misc = r.Misc
		}
	}
	for file, value := range r.Unified {
		if name, _, _ := strings.Cut(file, "."); name != "cgroup" && !slices.Contains(names, name) {
			continue
		}
		if s.Unified == nil {
			s.Unified = make(map[string]string)
		}
		s.Unified[file] = value
	}
	return s
}

// SetIn sets limits in the directory dir of the container cg, as Manager.Set does.
func SetIn(dir *cgdir.Dir, cg *configs.Cgroup, r *configs.Resources) error {
	m := &Manager{Cgroups: cg, Paths: map[string]string{"": dir.Path("")}, kind: dir.Kind()}
	return m.Set(&configs.Config{Cgroups: &configs.Cgroup{Resources: r}})
}

// Asks returns a field of r that needs a cgroup, "" if there is none.
func Asks(r *configs.Resources) string { return firstRequired(r) }

// AddStats reads the statistics of those controllers that are enabled in dir and not
// among others, which are read elsewhere.
func AddStats(dir *cgdir.Dir, others []string, stats *cgroups.Stats) error {
	enabled, err := readWords(dir, controllersFile)
	if err != nil {
		return err
	}
	r := &reader{dir: dir, m: new(Manager)}
	return r.readControllers(without(enabled, others), stats)
}
