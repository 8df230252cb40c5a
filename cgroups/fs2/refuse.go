//go:build linux

package fs2

import (
	"errors"
	"fmt"

	"github.com/libcontainer/libcontainer/configs"
)

// refuse returns an error for what cgroup v2 does not have and for names that are
// none. Values that ask for nothing pass.
func refuse(r *configs.Resources) error {
	for _, v := range []struct {
		asked  bool
		field  string
		advice string
	}{
		{r.KernelMemory > 0, "KernelMemory", "the kernel's memory is a part of Memory there"},
		{r.CpuRtRuntime > 0, "CpuRtRuntime", "there is no limit for realtime processes"},
		{r.CpuRtPeriod != 0, "CpuRtPeriod", "there is no limit for realtime processes"},
		{r.OomKillDisable, "OomKillDisable", "MemoryHigh slows processes down without killing them"},
		{r.MemorySwappiness > 0, "MemorySwappiness", "the machine's vm.swappiness holds for all"},
		{r.BlkioLeafWeight != 0, "BlkioLeafWeight", "processes are only in cgroups without others below them"},
		{leafWeight(r), "BlkioWeightDevice.LeafWeight", "processes are only in cgroups without others below them"},
		{r.NetClsClassid != "", "NetClsClassid", "packets are told by the cgroup's path (iptables -m cgroup --path, nft socket cgroupv2)"},
		{len(r.NetPrioIfpriomap) > 0, "NetPrioIfpriomap", "priorities are set with tc(8) by the cgroup's path"},
	} {
		if v.asked {
			return fmt.Errorf("%s cannot be set with cgroup v2: %s: %w", v.field, v.advice, errors.ErrUnsupported)
		}
	}
	return checkUnified(r)
}

func leafWeight(r *configs.Resources) bool {
	for _, d := range r.BlkioWeightDevice {
		if d != nil && d.LeafWeight != 0 {
			return true
		}
	}
	return false
}
