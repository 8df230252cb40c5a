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

	// PSI is the pressure on block I/O, nil if the kernel does not tell.
	PSI *PSI `json:"psi,omitempty"`
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
