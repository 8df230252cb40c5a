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

	// ScopePrefix is put before Name in the name of a systemd scope:
	// "ScopePrefix-Name.scope".
	ScopePrefix string `json:"scope_prefix"`

	// Optional lets a container run without those of its cgroups that the
	// calling process is not permitted to make or to move processes into, as is
	// the rule for an unprivileged one. A limit that needs such a cgroup is an error still.
	// Without any cgroup, processes that outlive the container's initial
	// process are found only if it has a PID namespace of its own.
	Optional bool `json:"optional,omitempty"`

	// Paths are existing cgroups to join, by the name of the controller. When
	// it is set, Name and Parent are not used, no cgroup is created or removed,
	// and Resources don't apply. It has no JSON tag, as in the classic API.
	Paths map[string]string

	// Resources are the limits. Nil sets none, and gives access to all devices.
	*Resources
}

// Resources are the limits of a container's cgroups. The zero value of a field
// leaves the kernel's setting alone, except for devices: a list that is empty
// and AllowAllDevices false deny all devices, and MemorySwappiness, where 0 is
// a value of its own.
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

	// Memory is the limit of memory in bytes; -1 is none.
	Memory int64 `json:"memory"`

	// MemoryReservation is the soft limit of memory in bytes, to which the
	// container is pushed back when memory is scarce; -1 is none.
	MemoryReservation int64 `json:"memory_reservation"`

	// MemorySwap is the limit of memory and swap together in bytes; -1 is none.
	MemorySwap int64 `json:"memory_swap"`

	// KernelMemory is the limit of the kernel's memory for the container in
	// bytes. Linux 5.16 removed it; cgroup v2 never had it.
	KernelMemory int64 `json:"kernel_memory"`

	// CpuShares is the container's share of CPU time relative to others, 2 to
	// 262144 with a default of 1024. On cgroup v2 it is converted to a weight.
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
	// to 1000.
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
	// the kernel's setting alone. Cgroup v2 has no such thing.
	MemorySwappiness int64 `json:"memory_swappiness"`

	// NetPrioIfpriomap are priorities of the container's traffic on interfaces
	// of the host. Cgroup v2 has no such thing.
	NetPrioIfpriomap []*IfPrioMap `json:"net_prio_ifpriomap"`

	// NetClsClassid marks the container's packets for tc(8), as a decimal or
	// 0x-prefixed hexadecimal 32-bit number. Cgroup v2 has no such thing.
	NetClsClassid string `json:"net_cls_classid"`
}
