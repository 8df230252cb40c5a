package cgroups

// ThrottlingData tells how the CPU bandwidth limit acted (cpu.stat).
type ThrottlingData struct {
	// Periods is the number of enforcement periods that have elapsed.
	Periods uint64 `json:"periods,omitempty"`

	// ThrottledPeriods is the number of periods in which the limit was hit.
	ThrottledPeriods uint64 `json:"throttled_periods,omitempty"`

	// ThrottledTime is the total time throttled, in nanoseconds.
	ThrottledTime uint64 `json:"throttled_time,omitempty"`
}

// CpuUsage is consumed CPU time, all in nanoseconds.
type CpuUsage struct {
	// TotalUsage is the time consumed on all CPUs.
	TotalUsage uint64 `json:"total_usage,omitempty"`

	// PercpuUsage is the time consumed on each CPU.
	PercpuUsage []uint64 `json:"percpu_usage,omitempty"`

	// UsageInKernelmode is the time spent in kernel mode. The kernel
	// counts it in ticks (USER_HZ, 10 ms).
	UsageInKernelmode uint64 `json:"usage_in_kernelmode"`

	// UsageInUsermode is the time spent in user mode. The kernel counts
	// it in ticks (USER_HZ, 10 ms).
	UsageInUsermode uint64 `json:"usage_in_usermode"`
}

// CpuStats holds the statistics of the cpu and cpuacct controllers.
type CpuStats struct {
	CpuUsage       CpuUsage       `json:"cpu_usage,omitempty"`
	ThrottlingData ThrottlingData `json:"throttling_data,omitempty"`
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

	// Usage is the usage of memory.
	Usage MemoryData `json:"usage,omitempty"`

	// SwapUsage is the usage of memory and swap together.
	SwapUsage MemoryData `json:"swap_usage,omitempty"`

	// KernelUsage is the usage of kernel memory.
	KernelUsage MemoryData `json:"kernel_usage,omitempty"`

	// Stats holds all lines of memory.stat.
	Stats map[string]uint64 `json:"stats,omitempty"`
}

// PidsStats holds the statistics of the pids controller.
type PidsStats struct {
	// Current is the number of tasks, threads included.
	Current uint64 `json:"current,omitempty"`

	// Limit is the highest number of tasks allowed; 0 means no limit.
	Limit uint64 `json:"limit,omitempty"`
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
// sub-cgroups included.
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
}

// HugetlbStats holds the statistics of one huge page size, in bytes.
type HugetlbStats struct {
	// Usage is what is used now.
	Usage uint64 `json:"usage,omitempty"`

	// MaxUsage is the highest usage seen.
	MaxUsage uint64 `json:"max_usage,omitempty"`

	// Failcnt is how often the limit was hit.
	Failcnt uint64 `json:"failcnt"`
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
}

// NewStats returns empty statistics, with all maps made.
func NewStats() *Stats {
	return &Stats{
		MemoryStats:  MemoryStats{Stats: make(map[string]uint64)},
		HugetlbStats: make(map[string]HugetlbStats),
	}
}
