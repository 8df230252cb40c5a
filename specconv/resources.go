package specconv

import (
	"maps"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/libcontainer/libcontainer/configs"
)

// ToResources makes limits of linux.resources, to change those of a container that runs, by
// Set. Without devices the rules for them stay as they are. Paths of errors and warnings
// begin with linux.resources.
func ToResources(given *specs.LinuxResources) (resources *configs.Resources, warnings []error, err error) {
	var n notes
	if given == nil {
		given = &specs.LinuxResources{}
	}
	resources = n.resources("linux.resources", given)
	if len(given.Devices) == 0 {
		resources.DeviceRules, resources.SkipDevices = nil, true
	}
	if n.err != nil {
		return nil, nil, n.err
	}
	return resources, n.warnings, nil
}

func (n *notes) resources(field string, given *specs.LinuxResources) *configs.Resources {
	r := &configs.Resources{
		DeviceRules:      n.deviceRules(field+".devices", given.Devices),
		MemorySwappiness: -1,
		Unified:          maps.Clone(given.Unified),
	}
	n.memory(field+".memory", given.Memory, r)
	n.cpu(field+".cpu", given.CPU, r)
	n.blockIO(field+".blockIO", given.BlockIO, r)
	n.pids(field+".pids.limit", given.Pids, r)
	n.network(given.Network, r)
	for _, limit := range given.HugepageLimits {
		r.HugetlbLimit = append(r.HugetlbLimit, &configs.HugepageLimit{Pagesize: limit.Pagesize, Limit: limit.Limit})
	}
	for name, limit := range given.Rdma {
		if limit.HcaHandles == nil && limit.HcaObjects == nil {
			n.fail(key(field+".rdma", name), "has neither hcaHandles nor hcaObjects")
		}
		if r.Rdma == nil {
			r.Rdma = make(map[string]configs.RdmaLimit)
		}
		r.Rdma[name] = configs.RdmaLimit{HcaHandles: copyOf(limit.HcaHandles), HcaObjects: copyOf(limit.HcaObjects)}
	}
	return r
}

func (n *notes) memory(field string, given *specs.LinuxMemory, r *configs.Resources) {
	if given == nil {
		return
	}
	r.Memory = valueOf(given.Limit)
	r.MemoryReservation = valueOf(given.Reservation)
	r.MemorySwap = valueOf(given.Swap)
	r.KernelMemoryTCP = valueOf(given.KernelTCP)
	r.OomKillDisable = valueOf(given.DisableOOMKiller)
	r.MemoryCheckBeforeUpdate = valueOf(given.CheckBeforeUpdate)
	if given.Swappiness != nil {
		r.MemorySwappiness = n.signed(field+".swappiness", *given.Swappiness)
	}
	//lint:ignore SA1019 its use is warned of
	if valueOf(given.Kernel) != 0 {
		n.warn(field+".kernel", "is deprecated and ignored: kernels have no such limit any more")
	}
	if given.UseHierarchy != nil && !*given.UseHierarchy {
		n.warn(field+".useHierarchy", "cannot be false: kernels count memory in hierarchies only (Linux 5.11)")
	}
}

func (n *notes) cpu(field string, given *specs.LinuxCPU, r *configs.Resources) {
	if given == nil {
		return
	}
	r.CpuShares = n.signed(field+".shares", valueOf(given.Shares))
	r.CpuQuota = valueOf(given.Quota)
	r.CpuBurst = copyOf(given.Burst)
	r.CpuPeriod = n.signed(field+".period", valueOf(given.Period))
	r.CpuRtRuntime = valueOf(given.RealtimeRuntime)
	r.CpuRtPeriod = n.signed(field+".realtimePeriod", valueOf(given.RealtimePeriod))
	r.CpusetCpus = given.Cpus
	r.CpusetMems = given.Mems
	r.CpuIdle = copyOf(given.Idle)
}

// pids takes 0 for 1: what is over the limit cannot fork with either, but with 0 no
// process could be cloned into the cgroup. The library has 0 for no change.
func (n *notes) pids(field string, given *specs.LinuxPids, r *configs.Resources) {
	if given == nil || given.Limit == nil {
		return
	}
	if *given.Limit < -1 {
		n.fail(field, "%d is less than -1, which is no limit", *given.Limit)
	}
	r.PidsLimit = *given.Limit
	if r.PidsLimit == 0 {
		r.PidsLimit = 1
	}
}

func (n *notes) blockIO(field string, given *specs.LinuxBlockIO, r *configs.Resources) {
	if given == nil {
		return
	}
	r.BlkioWeight = valueOf(given.Weight)
	r.BlkioLeafWeight = valueOf(given.LeafWeight)
	for i, d := range given.WeightDevice {
		if d.Weight == nil && d.LeafWeight == nil {
			n.fail(index(field+".weightDevice", i), "has neither weight nor leafWeight")
		}
		r.BlkioWeightDevice = append(r.BlkioWeightDevice,
			configs.NewWeightDevice(d.Major, d.Minor, valueOf(d.Weight), valueOf(d.LeafWeight)))
	}
	r.BlkioThrottleReadBpsDevice = throttleDevices(given.ThrottleReadBpsDevice)
	r.BlkioThrottleWriteBpsDevice = throttleDevices(given.ThrottleWriteBpsDevice)
	r.BlkioThrottleReadIOPSDevice = throttleDevices(given.ThrottleReadIOPSDevice)
	r.BlkioThrottleWriteIOPSDevice = throttleDevices(given.ThrottleWriteIOPSDevice)
}

func throttleDevices(given []specs.LinuxThrottleDevice) (devices []*configs.ThrottleDevice) {
	for _, d := range given {
		devices = append(devices, configs.NewThrottleDevice(d.Major, d.Minor, d.Rate))
	}
	return devices
}

func (n *notes) network(given *specs.LinuxNetwork, r *configs.Resources) {
	if given == nil {
		return
	}
	if given.ClassID != nil {
		r.NetClsClassid = strconv.FormatUint(uint64(*given.ClassID), 10)
	}
	for _, p := range given.Priorities {
		r.NetPrioIfpriomap = append(r.NetPrioIfpriomap, &configs.IfPrioMap{Interface: p.Name, Priority: int64(p.Priority)})
	}
}
