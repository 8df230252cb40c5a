package specconv

import (
	"maps"
	"math"
	"slices"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/libcontainer/libcontainer/configs"
)

func (b *back) resources(r *configs.Resources) *specs.LinuxResources {
	const field = "Config.Cgroups."
	for _, f := range []struct {
		name string
		set  bool
	}{
		{"MemoryMin", r.MemoryMin != 0},
		{"MemoryLow", r.MemoryLow != 0},
		{"MemoryHigh", r.MemoryHigh != 0},
		{"KernelMemory", r.KernelMemory != 0},
		{"CpuWeight", r.CpuWeight != 0},
		{"IoLatencyDevice", len(r.IoLatencyDevice) > 0},
		{"Misc", len(r.Misc) > 0},
		{"Freezer", r.Freezer != configs.Undefined && r.Freezer != configs.Thawed},
	} {
		b.refuse(field+f.name, f.set)
	}
	out := &specs.LinuxResources{
		Devices: b.deviceRules(r),
		Memory:  b.memory(r),
		CPU:     cpuOf(r),
		BlockIO: b.blockIO(r),
		Network: b.network(r),
		Unified: maps.Clone(r.Unified),
	}
	if r.PidsLimit != 0 {
		out.Pids = &specs.LinuxPids{Limit: copyOf(&r.PidsLimit)}
	}
	for i, limit := range r.HugetlbLimit {
		if limit == nil {
			b.fail(index(field+"HugetlbLimit", i), "is nil")
			continue
		}
		out.HugepageLimits = append(out.HugepageLimits, specs.LinuxHugepageLimit{Pagesize: limit.Pagesize, Limit: limit.Limit})
	}
	for name, limit := range r.Rdma {
		if out.Rdma == nil {
			out.Rdma = make(map[string]specs.LinuxRdma)
		}
		out.Rdma[name] = specs.LinuxRdma{HcaHandles: copyOf(limit.HcaHandles), HcaObjects: copyOf(limit.HcaObjects)}
	}
	return out
}

// deviceRules leaves out what Convert adds.
func (b *back) deviceRules(r *configs.Resources) (out []specs.LinuxDeviceCgroup) {
	if r.SkipDevices {
		return nil
	}
	rule := func(allow bool, kind rune, major, minor int64, access string) {
		one := specs.LinuxDeviceCgroup{Allow: allow, Type: string(kind), Access: access}
		if major != configs.Wildcard {
			one.Major = &major
		}
		if minor != configs.Wildcard {
			one.Minor = &minor
		}
		if one.Type == "a" {
			one.Type = ""
		}
		out = append(out, one)
	}
	if r.AllowAllDevices {
		rule(true, 'a', configs.Wildcard, configs.Wildcard, "rwm")
	}
	rules := r.DeviceRules
	if len(rules) > 0 {
		defaults := defaultRules()
		if cut := len(rules) - len(defaults); cut >= 0 && slices.EqualFunc(rules[cut:], defaults,
			func(a, b *configs.DeviceRule) bool { return a != nil && *a == *b }) {
			rules = rules[:cut]
		}
		for i, one := range rules {
			if one == nil {
				b.fail(index("Config.Cgroups.DeviceRules", i), "is nil")
				continue
			}
			rule(one.Allow, one.Type, one.Major, one.Minor, one.Permissions)
		}
		return out
	}
	devices, list, allow := r.AllowedDevices, "AllowedDevices", true
	if r.AllowAllDevices {
		devices, list, allow = r.DeniedDevices, "DeniedDevices", false
	}
	for i, d := range devices {
		if d == nil {
			b.fail(index("Config.Cgroups."+list, i), "is nil")
			continue
		}
		access := d.Permissions
		if access == "" {
			access = "rwm" // as with the type 'a'
		}
		rule(allow, d.Type, d.Major, d.Minor, access)
	}
	return out
}

func (b *back) memory(r *configs.Resources) *specs.LinuxMemory {
	m := specs.LinuxMemory{
		Limit:             pointerTo(r.Memory),
		Reservation:       pointerTo(r.MemoryReservation),
		Swap:              pointerTo(r.MemorySwap),
		KernelTCP:         pointerTo(r.KernelMemoryTCP),
		DisableOOMKiller:  pointerTo(r.OomKillDisable),
		CheckBeforeUpdate: pointerTo(r.MemoryCheckBeforeUpdate),
	}
	if r.MemorySwappiness >= 0 {
		swappiness := uint64(r.MemorySwappiness)
		m.Swappiness = &swappiness
	}
	return pointerTo(m)
}

func cpuOf(r *configs.Resources) *specs.LinuxCPU {
	return pointerTo(specs.LinuxCPU{
		Shares:          pointerTo(uint64(r.CpuShares)),
		Quota:           pointerTo(r.CpuQuota),
		Burst:           copyOf(r.CpuBurst),
		Period:          pointerTo(uint64(r.CpuPeriod)),
		RealtimeRuntime: pointerTo(r.CpuRtRuntime),
		RealtimePeriod:  pointerTo(uint64(r.CpuRtPeriod)),
		Cpus:            r.CpusetCpus,
		Mems:            r.CpusetMems,
		Idle:            copyOf(r.CpuIdle),
	})
}

func (b *back) blockIO(r *configs.Resources) *specs.LinuxBlockIO {
	const field = "Config.Cgroups.Blkio"
	io := &specs.LinuxBlockIO{
		Weight:                  pointerTo(r.BlkioWeight),
		LeafWeight:              pointerTo(r.BlkioLeafWeight),
		ThrottleReadBpsDevice:   b.throttle(field+"ThrottleReadBpsDevice", r.BlkioThrottleReadBpsDevice),
		ThrottleWriteBpsDevice:  b.throttle(field+"ThrottleWriteBpsDevice", r.BlkioThrottleWriteBpsDevice),
		ThrottleReadIOPSDevice:  b.throttle(field+"ThrottleReadIOPSDevice", r.BlkioThrottleReadIOPSDevice),
		ThrottleWriteIOPSDevice: b.throttle(field+"ThrottleWriteIOPSDevice", r.BlkioThrottleWriteIOPSDevice),
	}
	for i, d := range r.BlkioWeightDevice {
		if d == nil {
			b.fail(index(field+"WeightDevice", i), "is nil")
			continue
		}
		one := specs.LinuxWeightDevice{Weight: pointerTo(d.Weight), LeafWeight: pointerTo(d.LeafWeight)}
		one.Major, one.Minor = d.Major, d.Minor
		io.WeightDevice = append(io.WeightDevice, one)
	}
	if io.Weight == nil && io.LeafWeight == nil && len(io.WeightDevice)+len(io.ThrottleReadBpsDevice)+
		len(io.ThrottleWriteBpsDevice)+len(io.ThrottleReadIOPSDevice)+len(io.ThrottleWriteIOPSDevice) == 0 {
		return nil
	}
	return io
}

func (b *back) throttle(field string, devices []*configs.ThrottleDevice) (out []specs.LinuxThrottleDevice) {
	for i, d := range devices {
		if d == nil {
			b.fail(index(field, i), "is nil")
			continue
		}
		one := specs.LinuxThrottleDevice{Rate: d.Rate}
		one.Major, one.Minor = d.Major, d.Minor
		out = append(out, one)
	}
	return out
}

func (b *back) network(r *configs.Resources) *specs.LinuxNetwork {
	if r.NetClsClassid == "" && len(r.NetPrioIfpriomap) == 0 {
		return nil
	}
	network := &specs.LinuxNetwork{}
	if r.NetClsClassid != "" {
		id, err := strconv.ParseUint(r.NetClsClassid, 0, 32)
		if err != nil {
			b.fail("Config.Cgroups.NetClsClassid", "%w", err)
		}
		class := uint32(id)
		network.ClassID = &class
	}
	for i, p := range r.NetPrioIfpriomap {
		field := index("Config.Cgroups.NetPrioIfpriomap", i)
		if p == nil || p.Priority < 0 || p.Priority > math.MaxUint32 {
			b.fail(field, "is not a priority of 32 bits without sign")
			continue
		}
		network.Priorities = append(network.Priorities, specs.LinuxInterfacePriority{Name: p.Interface, Priority: uint32(p.Priority)})
	}
	return network
}
