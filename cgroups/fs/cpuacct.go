//go:build linux

package fs

import (
	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgread"
	"github.com/libcontainer/libcontainer/configs"
)

// tickNanoseconds is the length of a tick of USER_HZ, the unit of cpuacct.stat.
// USER_HZ is 100 on all architectures which this library is for.
const tickNanoseconds = 1e9 / 100

// cpuacct is the controller that counts CPU time, see cpuacct.rst.
type cpuacct struct{}

func (cpuacct) key() string { return "cpuacct" }

func (cpuacct) asks(*configs.Resources) (request, string) { return nothing, "" }

func (cpuacct) set(*setter, *configs.Resources) error { return nil }

func (cpuacct) stats(dir *cgdir.Dir, stats *cgroups.Stats) error {
	ticks, err := cgread.KeyValues(dir, "cpuacct.stat")
	if err != nil {
		return err
	}
	total, err := cgread.Uint(dir, "cpuacct.usage")
	if err != nil {
		return err
	}
	percpu, err := cgread.UintList(dir, "cpuacct.usage_percpu")
	if err != nil {
		return err
	}
	stats.CpuStats.CpuUsage = cgroups.CpuUsage{
		TotalUsage:        total,
		PercpuUsage:       percpu,
		UsageInUsermode:   ticks["user"] * tickNanoseconds,
		UsageInKernelmode: ticks["system"] * tickNanoseconds,
	}
	return nil
}
