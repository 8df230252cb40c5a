package configs

// FreezerState is whether a container's processes run, see the kernel's
// admin-guide/cgroup-v1/freezer-subsystem.
type FreezerState string

const (
	// Undefined leaves the state as it is.
	Undefined FreezerState = ""

	// Frozen stops all processes of the container.
	Frozen FreezerState = "FROZEN"

	// Thawed lets them run.
	Thawed FreezerState = "THAWED"

	// Freezing is what the kernel reports until all of them are stopped.
	Freezing FreezerState = "FREEZING"
)

// Cgroup says where a container's cgroups are and what they limit.
type Cgroup struct {
	// Name is the name of the container's cgroup, a single path element. Empty
	// stands for the container's id.
	Name string `json:"name"`

	// Parent is the cgroup that Name is created in. A relative one is below the
	// cgroup of the host's own process, an absolute one below the hierarchy's
	// root. For systemd it is the name of a slice.
	Parent string `json:"parent"`

	// Path is the container's cgroup in each hierarchy, as a path, instead of Parent
	// and Name, which must be empty then. A relative one is below the cgroup of the
	// host's own process, an absolute one below the hierarchy's root. Systemd has no
	// use for it.
	Path string `json:"path,omitempty"`

	// ScopePrefix is put before Name in the name of a systemd scope:
	// "ScopePrefix-Name.scope".
	ScopePrefix string `json:"scope_prefix"`

	// SystemdProperties are properties of the container's systemd unit besides
	// those that the library sets itself. They are set when the unit is started;
	// Set sets those that are new or changed, which systemd allows for some only.
	// They are not used without systemd.
	SystemdProperties []SystemdProperty `json:"systemd_properties,omitempty"`

	// Optional lets a container run without those of its cgroups that the
	// calling process is not permitted to make or to move processes into, as is
	// the rule for an unprivileged one. A limit that needs such a cgroup is an error still.
	// Without any cgroup, processes that outlive the container's initial
	// process are found only if it has a PID namespace of its own.
	Optional bool `json:"optional,omitempty"`

	// Paths are existing cgroups to join, by the name of the controller. When
	// it is set, Name, Parent and Path are not used, no cgroup is created or removed,
	// and Resources don't apply. It has no JSON tag, as in the classic API.
	Paths map[string]string

	// Resources are the limits. Nil sets none, and gives access to all devices.
	*Resources
}

// Resources are the limits of a container's cgroups. The zero value of a field
// leaves the kernel's setting alone, except for devices: a list that is empty
// and AllowAllDevices false deny all devices unless SkipDevices is set, and
// MemorySwappiness, where 0 is a value of its own.
type Resources struct {
	// AllowAllDevices gives access to all devices but DeniedDevices. It is the
	// opposite of a sandbox.
	AllowAllDevices bool `json:"allow_all_devices"`

	// AllowedDevices are the only devices that the container can use when
	// AllowAllDevices is false. Major and Minor may be Wildcard.
	AllowedDevices []*Device `json:"allowed_devices"`

	// DeniedDevices are the devices that the container cannot use when
	// AllowAllDevices is true.
	DeniedDevices []*Device `json:"denied_devices"`

	// DeviceRules are rules for devices in order: of those that match a device, the
	// last one that is about an access decides it, and an access that no rule is about
	// is allowed if AllowAllDevices is set, and else denied. Opening for reading and
	// writing is allowed if both are. If there are any AllowedDevices and
	// DeniedDevices are not used. The lists of cgroup v1 have no order: rules for which
	// there is no list that allows the same, such as all of "c 1:*" but "c 1:3", are
	// refused there with errors.ErrUnsupported.
	DeviceRules []*DeviceRule `json:"device_rules,omitempty"`

	// SkipDevices leaves the rules for devices alone that are in force for the cgroup;
	// a new one has none of its own. The other fields for devices are not used then. It
	// is for whoever limits a group of processes that is no container, and sets, say,
	// Memory alone.
	SkipDevices bool `json:"skip_devices,omitempty"`

	// Memory is the limit of memory in bytes; -1 is none.
	Memory int64 `json:"memory"`

	// MemoryReservation is the soft limit of memory in bytes, to which the
	// container is pushed back when memory is scarce; -1 is none. On cgroup v2
	// it goes to memory.low, as the OCI's table has it.
	MemoryReservation int64 `json:"memory_reservation"`

	// MemorySwap is the limit of memory and swap together in bytes; -1 is none.
	MemorySwap int64 `json:"memory_swap"`

	// KernelMemory is the limit of the kernel's memory for the container in
	// bytes. Linux 5.16 removed it; cgroup v2 never had it.
	KernelMemory int64 `json:"kernel_memory"`

	// KernelMemoryTCP is the limit of the kernel's memory for the buffers of the
	// container's TCP connections in bytes; -1 is none. Cgroup v2 never had it:
	// there these buffers count for Memory.
	KernelMemoryTCP int64 `json:"kernel_memory_tcp,omitempty"`

	// CpuShares is the container's share of CPU time relative to others, 2 to
	// 262144 with a default of 1024. On cgroup v2 it is converted to a weight, 1024
	// to 100, see cgroups.CpuWeight.
	CpuShares int64 `json:"cpu_shares"`

	// CpuQuota is the CPU time in microseconds that the container may use in
	// each CpuPeriod; -1 is no limit.
	CpuQuota int64 `json:"cpu_quota"`

	// CpuPeriod is the period of CpuQuota in microseconds, 1000 to 1000000.
	CpuPeriod int64 `json:"cpu_period"`

	// CpuRtRuntime is the CPU time in microseconds that realtime processes may
	// use in each CpuRtPeriod. Cgroup v2 has no such thing.
	CpuRtRuntime int64 `json:"cpu_rt_runtime"`

	// CpuRtPeriod is the period of CpuRtRuntime in microseconds.
	CpuRtPeriod int64 `json:"cpu_rt_period"`

	// CpusetCpus are the CPUs that may be used, such as "0-3,7".
	CpusetCpus string `json:"cpuset_cpus"`

	// CpusetMems are the memory nodes that may be used, such as "0".
	CpusetMems string `json:"cpuset_mems"`

	// PidsLimit is the number of processes and threads; -1 is no limit.
	PidsLimit int64 `json:"pids_limit"`

	// BlkioWeight is the container's share of block I/O relative to others, 10
	// to 1000. On cgroup v2 it is converted for io.weight.
	BlkioWeight uint16 `json:"blkio_weight"`

	// BlkioLeafWeight is the share of the container's own processes against its
	// child cgroups, 10 to 1000. Cgroup v2 has no such thing.
	BlkioLeafWeight uint16 `json:"blkio_leaf_weight"`

	// BlkioWeightDevice are weights for single devices.
	BlkioWeightDevice []*WeightDevice `json:"blkio_weight_device"`

	// BlkioThrottleReadBpsDevice limits reads in bytes per second.
	BlkioThrottleReadBpsDevice []*ThrottleDevice `json:"blkio_throttle_read_bps_device"`

	// BlkioThrottleWriteBpsDevice limits writes in bytes per second.
	BlkioThrottleWriteBpsDevice []*ThrottleDevice `json:"blkio_throttle_write_bps_device"`

	// BlkioThrottleReadIOPSDevice limits reads in operations per second.
	BlkioThrottleReadIOPSDevice []*ThrottleDevice `json:"blkio_throttle_read_iops_device"`

	// BlkioThrottleWriteIOPSDevice limits writes in operations per second.
	BlkioThrottleWriteIOPSDevice []*ThrottleDevice `json:"blkio_throttle_write_iops_device"`

	// Freezer is the state that the container's processes are put into.
	Freezer FreezerState `json:"freezer"`

	// HugetlbLimit limits huge pages, one entry for each page size.
	HugetlbLimit []*HugepageLimit `json:"hugetlb_limit"`

	// OomKillDisable makes processes that are out of memory wait instead of
	// being killed. Cgroup v2 has no such thing.
	OomKillDisable bool `json:"oom_kill_disable"`

	// MemorySwappiness is how readily memory is swapped, 0 to 100; -1 leaves
	// the kernel's setting alone. Cgroup v2 has no such thing: 0 is ignored
	// there, and more is an error.
	MemorySwappiness int64 `json:"memory_swappiness"`

	// NetPrioIfpriomap are priorities of the container's traffic on interfaces
	// of the host. Cgroup v2 has no such thing.
	NetPrioIfpriomap []*IfPrioMap `json:"net_prio_ifpriomap"`

	// NetClsClassid marks the container's packets for tc(8), as a decimal or
	// 0x-prefixed hexadecimal 32-bit number. Cgroup v2 has no such thing.
	NetClsClassid string `json:"net_cls_classid"`

	// MemoryMin is memory in bytes that is never taken from the container; -1
	// is none. Cgroup v1 has no such thing.
	MemoryMin int64 `json:"memory_min,omitempty"`

	// MemoryLow is memory in bytes that is taken from the container only when
	// there is no other; -1 is none. It goes to the same file as
	// MemoryReservation, and is the one used if both are set. Cgroup v1 has no
	// such thing.
	MemoryLow int64 `json:"memory_low,omitempty"`

	// MemoryHigh is the use of memory in bytes above which the container is
	// slowed down, but not killed; -1 is no limit. Cgroup v1 has no such thing.
	MemoryHigh int64 `json:"memory_high,omitempty"`

	// MemoryCheckBeforeUpdate refuses a limit Memory that is below what is used.
	// Cgroup v2 would kill processes to meet it; cgroup v1 always refuses.
	MemoryCheckBeforeUpdate bool `json:"memory_check_before_update,omitempty"`

	// CpuWeight is the container's share of CPU time relative to others, 1 to
	// 10000 with a default of 100. It is the one used if CpuShares is set too.
	// Cgroup v1 has no such thing.
	CpuWeight uint64 `json:"cpu_weight,omitempty"`

	// CpuBurst is the CPU time in microseconds that the container may save up
	// for use beyond CpuQuota; nil leaves it alone (Linux 5.14).
	CpuBurst *uint64 `json:"cpu_burst,omitempty"`

	// CpuIdle is 1 to give the container only CPU time that nobody else wants,
	// and 0 to end that; nil leaves it alone (Linux 5.15).
	CpuIdle *int64 `json:"cpu_idle,omitempty"`

	// IoLatencyDevice protects the latency of block I/O. Cgroup v1 has no such
	// thing.
	IoLatencyDevice []*LatencyDevice `json:"io_latency_device,omitempty"`

	// Rdma are limits of RDMA devices, by the device's name, such as "mlx5_1".
	// On both versions of cgroups (Linux 4.11).
	Rdma map[string]RdmaLimit `json:"rdma,omitempty"`

	// Misc are limits of the misc controller, by resource, such as "sev"; -1
	// is no limit. On both versions of cgroups (Linux 5.13).
	Misc map[string]int64 `json:"misc,omitempty"`

	// Unified are values by the name of a cgroup v2 file, such as "memory.high",
	// written as they are, after all other limits. Of a value with several lines
	// each is written by itself. Files that are not settings of a controller,
	// such as "cgroup.procs", are refused, but for "cgroup.max.depth" and
	// "cgroup.max.descendants". Cgroup v1 has no such thing.
	Unified map[string]string `json:"unified,omitempty"`
}

// RdmaLimit is the limit of one RDMA device; nil leaves a value alone.
type RdmaLimit struct {
	// HcaHandles is the number of handles.
	HcaHandles *uint32 `json:"hca_handles,omitempty"`

	// HcaObjects is the number of objects.
	HcaObjects *uint32 `json:"hca_objects,omitempty"`
}
