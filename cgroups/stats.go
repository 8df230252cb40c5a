package cgroups

// ThrottlingData tells how the CPU bandwidth limit acted (cpu.stat).
type ThrottlingData struct {
	// Periods is the number of enforcement periods that have elapsed.
	Periods uint64 `json:"periods,omitempty"`

	// ThrottledPeriods is the number of periods in which the limit was hit.
	ThrottledPeriods uint64 `json:"throttled_periods,omitempty"`

	// ThrottledTime is the total time throttled, in nanoseconds. Cgroup v2
	// counts in microseconds.
	ThrottledTime uint64 `json:"throttled_time,omitempty"`

	// Bursts is the number of periods with a burst (Linux 5.14).
	Bursts uint64 `json:"bursts,omitempty"`

	// BurstTime is the total time used beyond the quota in bursts, in
	// nanoseconds.
	BurstTime uint64 `json:"burst_time,omitempty"`
}

// PSI tells for how long processes were stalled for want of a resource, see
// the kernel's Documentation/accounting/psi.rst. With cgroup v1 it is there in
// the hybrid layout.
type PSI struct {
	// Some is about the times in which at least one process was stalled.
	Some PSIData `json:"some"`

	// Full is about the times in which all of them were at once.
	Full PSIData `json:"full"`
}

// PSIData describes one kind of stall.
type PSIData struct {
	// Avg10, Avg60 and Avg300 are the share of the time, in percent, in the
	// last 10, 60 and 300 seconds.
	Avg10  float64 `json:"avg10"`
	Avg60  float64 `json:"avg60"`
	Avg300 float64 `json:"avg300"`

	// Total is the time since the cgroup was made, in microseconds.
	Total uint64 `json:"total"`
}

// CpuUsage is consumed CPU time, all in nanoseconds.
type CpuUsage struct {
	// TotalUsage is the time consumed on all CPUs.
	TotalUsage uint64 `json:"total_usage,omitempty"`

	// PercpuUsage is the time consumed on each CPU. Cgroup v2 has none.
	PercpuUsage []uint64 `json:"percpu_usage,omitempty"`

	// UsageInKernelmode is the time spent in kernel mode. Cgroup v1
	// counts it in ticks (USER_HZ, 10 ms), v2 in microseconds.
	UsageInKernelmode uint64 `json:"usage_in_kernelmode"`

	// UsageInUsermode is the time spent in user mode. Cgroup v1 counts
	// it in ticks (USER_HZ, 10 ms), v2 in microseconds.
	UsageInUsermode uint64 `json:"usage_in_usermode"`
}

// CpuStats holds the statistics of the cpu and cpuacct controllers.
type CpuStats struct {
	CpuUsage       CpuUsage       `json:"cpu_usage,omitempty"`
	ThrottlingData ThrottlingData `json:"throttling_data,omitempty"`

	// PSI is the pressure on the CPUs, nil if the kernel does not tell.
	PSI *PSI `json:"psi,omitempty"`
}

// MemoryData describes one kind of memory, in bytes.
type MemoryData struct {
	// Usage is what is used now.
	Usage uint64 `json:"usage,omitempty"`

	// MaxUsage is the highest usage seen.
	MaxUsage uint64 `json:"max_usage,omitempty"`

	// Failcnt is how often the limit was hit.
	Failcnt uint64 `json:"failcnt"`

	// Limit is the limit in force. Without one it is the kernel's highest
	// value, 2^63-1 rounded down to a page.
	Limit uint64 `json:"limit,omitempty"`
}

// MemoryStats holds the statistics of the memory controller.
type MemoryStats struct {
	// Cache is the page cache memory, in bytes.
	Cache uint64 `json:"cache,omitempty"`

	// Usage is the usage of memory. On cgroup v2 MaxUsage is there since
	// Linux 5.19, and Failcnt is Events.Max.
	Usage MemoryData `json:"usage,omitempty"`

	// SwapUsage is the usage of memory and swap together. On cgroup v2 it is
	// the sum of Usage and SwapOnlyUsage, Failcnt is that of swap, and MaxUsage
	// is 0, since the two have their highest values at different times.
	SwapUsage MemoryData `json:"swap_usage,omitempty"`

	// SwapOnlyUsage is the usage of swap alone, on cgroup v2. MaxUsage is there
	// since Linux 6.5.
	SwapOnlyUsage MemoryData `json:"swap_only_usage,omitzero"`

	// KernelUsage is the usage of kernel memory. On cgroup v2 it has only
	// Usage.
	KernelUsage MemoryData `json:"kernel_usage,omitempty"`

	// KernelTCPUsage is the usage of buffers of TCP, on cgroup v1. Cgroup v2 has all
	// sockets together, as Stats["sock"].
	KernelTCPUsage MemoryData `json:"kernel_tcp_usage,omitzero"`

	// UseHierarchy tells whether the memory of sub-cgroups counts here, too. On cgroup
	// v2, and since Linux 5.11, it always does.
	UseHierarchy bool `json:"use_hierarchy,omitempty"`

	// Numa is the cgroup's memory on each memory node of the machine. It is zero if the
	// kernel does not know nodes (CONFIG_NUMA).
	Numa NumaStats `json:"numa,omitzero"`

	// Stats holds all lines of memory.stat. On cgroup v2 it also holds what has
	// another name or place there: "cache", "rss", "mapped_file" and "swap".
	Stats map[string]uint64 `json:"stats,omitempty"`

	// Events counts what the limits have led to, sub-cgroups included. On cgroup
	// v1 there is only OomKill (Linux 4.13), with those sub-cgroups that are there
	// still.
	Events MemoryEvents `json:"events,omitzero"`

	// PSI is the pressure on memory, nil if the kernel does not tell.
	PSI *PSI `json:"psi,omitempty"`
}

// NumaStats tells on which memory nodes pages are (memory.numa_stat).
type NumaStats struct {
	// Own are the pages of the cgroup without its sub-cgroups. Cgroup v2 does not tell
	// them apart.
	Own NumaUsage `json:"own,omitzero"`

	// Hierarchical are the pages of the cgroup and its sub-cgroups.
	Hierarchical NumaUsage `json:"hierarchical,omitzero"`
}

// NumaUsage are the pages that the kernel could take back, by their kinds. With both
// versions of cgroups they are those of the lists of least recently used pages.
type NumaUsage struct {
	// Total is the sum of the others.
	Total NumaPages `json:"total"`

	// File are pages of files.
	File NumaPages `json:"file"`

	// Anon are pages that are no file's, and can only be swapped.
	Anon NumaPages `json:"anon"`

	// Unevictable are pages that cannot be taken back, such as locked ones.
	Unevictable NumaPages `json:"unevictable"`
}

// NumaPages are pages of one kind. A page has os.Getpagesize bytes.
type NumaPages struct {
	// Total is the number of pages on all nodes.
	Total uint64 `json:"total"`

	// Nodes is the number of pages on each node, by the node's number.
	Nodes map[int]uint64 `json:"nodes,omitempty"`
}

// MemoryEvents holds the counters of memory.events.
type MemoryEvents struct {
	// Low is how often memory was taken although usage was below memory.low.
	Low uint64 `json:"low"`

	// High is how often processes were slowed down by memory.high.
	High uint64 `json:"high"`

	// Max is how often usage was about to go over the limit.
	Max uint64 `json:"max"`

	// Oom is how often an allocation was about to fail at the limit.
	Oom uint64 `json:"oom"`

	// OomKill is the number of processes killed for want of memory, the
	// container's or the machine's.
	OomKill uint64 `json:"oom_kill"`

	// OomGroupKill is how often the whole cgroup was (Linux 5.17).
	OomGroupKill uint64 `json:"oom_group_kill"`
}

// PidsStats holds the statistics of the pids controller.
type PidsStats struct {
	// Current is the number of tasks, threads included.
	Current uint64 `json:"current,omitempty"`

	// Limit is the highest number of tasks allowed; 0 means no limit.
	Limit uint64 `json:"limit,omitempty"`

	// Failcnt is how often the limit was hit, on cgroup v2.
	Failcnt uint64 `json:"failcnt,omitempty"`
}

// BlkioStatEntry is one value of one block device.
type BlkioStatEntry struct {
	// Major and Minor are the device's numbers.
	Major uint64 `json:"major,omitempty"`
	Minor uint64 `json:"minor,omitempty"`

	// Op is the kind of operation ("Read", "Write", "Total", ...), empty
	// for values that do not tell them apart.
	Op string `json:"op,omitempty"`

	// Value is in the unit of the list which the entry belongs to.
	Value uint64 `json:"value,omitempty"`
}

// BlkioStats holds the statistics of the blkio controller, with those of
// sub-cgroups included. Cgroup v2 has only bytes and operations, with the Ops
// "Read", "Write", "Discard" and their sum "Total".
type BlkioStats struct {
	// IoServiceBytesRecursive is bytes transferred.
	IoServiceBytesRecursive []BlkioStatEntry `json:"io_service_bytes_recursive,omitempty"`

	// IoServicedRecursive is the number of operations.
	IoServicedRecursive []BlkioStatEntry `json:"io_serviced_recursive,omitempty"`

	// IoQueuedRecursive is the number of requests queued at this moment.
	IoQueuedRecursive []BlkioStatEntry `json:"io_queue_recursive,omitempty"`

	// IoServiceTimeRecursive is the time between dispatch and completion,
	// in nanoseconds.
	IoServiceTimeRecursive []BlkioStatEntry `json:"io_service_time_recursive,omitempty"`

	// IoWaitTimeRecursive is the time spent waiting in the scheduler's
	// queues, in nanoseconds.
	IoWaitTimeRecursive []BlkioStatEntry `json:"io_wait_time_recursive,omitempty"`

	// IoMergedRecursive is the number of requests merged into others.
	IoMergedRecursive []BlkioStatEntry `json:"io_merged_recursive,omitempty"`

	// IoTimeRecursive is the disk time allocated, in milliseconds.
	IoTimeRecursive []BlkioStatEntry `json:"io_time_recursive,omitempty"`

	// SectorsRecursive is the number of sectors transferred.
	SectorsRecursive []BlkioStatEntry `json:"sectors_recursive,omitempty"`

	// IoCost is what the controller iocost of cgroup v2 tells of those devices that it
	// is turned on for.
	IoCost []IoCostStats `json:"io_cost,omitempty"`

	// PSI is the pressure on block I/O, nil if the kernel does not tell.
	PSI *PSI `json:"psi,omitempty"`
}

// IoCostStats is about one device, see "IO" in the kernel's admin-guide/cgroup-v2. All
// times are in microseconds.
type IoCostStats struct {
	// Major and Minor are the device's numbers.
	Major uint64 `json:"major"`
	Minor uint64 `json:"minor"`

	// Usage is the device's time that the cgroup and its sub-cgroups have used.
	Usage uint64 `json:"usage"`

	// Wait is the time for which they waited for want of budget, Indebt the time in
	// which the cgroup was in debt, and Indelay the time in which its processes were
	// made slower for that. The kernel tells them only with its module parameter
	// blkcg_debug_stats.
	Wait    uint64 `json:"wait,omitempty"`
	Indebt  uint64 `json:"indebt,omitempty"`
	Indelay uint64 `json:"indelay,omitempty"`

	// Vrate is the speed of the device's clock in percent. Only the root cgroup has it.
	Vrate float64 `json:"vrate,omitempty"`

	// Qos and Model are the settings of io.cost.qos and io.cost.model, by their names.
	// Only the root cgroup has them, also for devices that iocost is not turned on for.
	Qos   map[string]string `json:"qos,omitempty"`
	Model map[string]string `json:"model,omitempty"`
}

// CpusetStats holds what the cpuset controller tells, see cpuset(7) for cgroup v1, and the
// kernel's admin-guide/cgroup-v2.
type CpusetStats struct {
	// Cpus are the CPUs that were asked for, in ascending order. On cgroup v2 there
	// are none in a cgroup that nobody has given any.
	Cpus []int `json:"cpus,omitempty"`

	// Mems are the memory nodes that were asked for.
	Mems []int `json:"mems,omitempty"`

	// EffectiveCpus are the CPUs that processes of the cgroup may use now.
	EffectiveCpus []int `json:"effective_cpus,omitempty"`

	// EffectiveMems are the memory nodes that they may use now.
	EffectiveMems []int `json:"effective_mems,omitempty"`

	// Partition is cpuset.cpus.partition of cgroup v2, such as "member" or "isolated
	// invalid" with a reason in parentheses.
	Partition string `json:"partition,omitempty"`

	// CpuExclusive and MemExclusive tell that no cgroup beside this one has its CPUs,
	// or memory nodes. This and all below is on cgroup v1 alone.
	CpuExclusive bool `json:"cpu_exclusive,omitempty"`
	MemExclusive bool `json:"mem_exclusive,omitempty"`

	// MemHardwall tells that the kernel's own memory, too, is on the cgroup's nodes.
	MemHardwall bool `json:"mem_hardwall,omitempty"`

	// MemoryMigrate tells that pages are moved when the nodes change, or when a process
	// comes from another cgroup.
	MemoryMigrate bool `json:"memory_migrate,omitempty"`

	// MemorySpreadPage and MemorySpreadSlab tell that page cache, and memory for inodes
	// and the like, is spread evenly over the nodes.
	MemorySpreadPage bool `json:"memory_spread_page,omitempty"`
	MemorySpreadSlab bool `json:"memory_spread_slab,omitempty"`

	// MemoryPressure is how often, in the last seconds, memory had to be freed to be
	// allocated: times a second, times 1000. It is counted only if the root cgroup's
	// cpuset.memory_pressure_enabled is set.
	MemoryPressure uint64 `json:"memory_pressure,omitempty"`

	// SchedLoadBalance tells that the scheduler balances the load of the CPUs.
	SchedLoadBalance bool `json:"sched_load_balance,omitempty"`

	// SchedRelaxDomainLevel is how far the scheduler looks for an idle CPU; -1 is the
	// system's default.
	SchedRelaxDomainLevel int64 `json:"sched_relax_domain_level,omitempty"`
}

// HugetlbStats holds the statistics of one huge page size, in bytes.
type HugetlbStats struct {
	// Usage is what is used now.
	Usage uint64 `json:"usage,omitempty"`

	// MaxUsage is the highest usage seen. Cgroup v2 does not tell.
	MaxUsage uint64 `json:"max_usage,omitempty"`

	// Failcnt is how often the limit was hit.
	Failcnt uint64 `json:"failcnt"`

	// Limit is the limit in force, on cgroup v2. Without one it is
	// math.MaxUint64.
	Limit uint64 `json:"limit,omitempty"`
}

// RdmaStats holds the statistics of one RDMA device.
type RdmaStats struct {
	HcaHandles CountStats `json:"hca_handles"`
	HcaObjects CountStats `json:"hca_objects"`
}

// CountStats is about a number of things.
type CountStats struct {
	// Usage is what is used now.
	Usage uint64 `json:"usage"`

	// Limit is the limit in force. Without one it is math.MaxUint64.
	Limit uint64 `json:"limit"`

	// Failcnt is how often the limit was hit. That of RDMA is not known.
	Failcnt uint64 `json:"failcnt,omitempty"`
}

// Stats holds all statistics of a container's cgroups. What the machine's
// kernel does not offer is zero.
type Stats struct {
	CpuStats    CpuStats    `json:"cpu_stats,omitempty"`
	MemoryStats MemoryStats `json:"memory_stats,omitempty"`
	PidsStats   PidsStats   `json:"pids_stats,omitempty"`
	BlkioStats  BlkioStats  `json:"blkio_stats,omitempty"`
	CpusetStats CpusetStats `json:"cpuset_stats,omitzero"`

	// HugetlbStats is keyed by page size, "2MB".
	HugetlbStats map[string]HugetlbStats `json:"hugetlb_stats,omitempty"`

	// RdmaStats is keyed by device, "mlx5_1".
	RdmaStats map[string]RdmaStats `json:"rdma_stats,omitempty"`

	// MiscStats is keyed by resource, "sev". The unit is the resource's.
	MiscStats map[string]CountStats `json:"misc_stats,omitempty"`
}

// NewStats returns empty statistics, with all maps made.
func NewStats() *Stats {
	return &Stats{
		MemoryStats:  MemoryStats{Stats: make(map[string]uint64)},
		HugetlbStats: make(map[string]HugetlbStats),
		RdmaStats:    make(map[string]RdmaStats),
		MiscStats:    make(map[string]CountStats),
	}
}
