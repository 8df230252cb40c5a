// Package fs2 manages the cgroup of a container on machines that have cgroup v2
// alone, through its file system (the kernel's admin-guide/cgroup-v2).
//
// # Where a container's cgroup is
//
//	<mountpoint>/<base>/<Parent>/<Name>
//
// Parent and Name, or Path instead of both, are fields of configs.Cgroup, and mean what
// they mean in package cgroups/fs. With an absolute Parent there is no base. For a relative one it is
// the cgroup that the calling process is in if systemd has delegated that to it, or
// if it is the mount's root, and else the cgroup above: cgroup v2 does not let a
// cgroup with processes of its own hand controllers to cgroups in it, so a
// container's lies beside the calling process's and not in it.
//
// # Controllers
//
// Of the cgroups above a container's each must hand a controller down before the
// container has it. What is not handed down is enabled from the mountpoint on, or
// from the nearest cgroup that systemd has delegated, and stays enabled: memory, pids
// and io for their statistics, where the kernel allows it, and every controller that
// a limit needs, or the error says which cgroup refuses it and why. Below a threaded
// cgroup a container's is made threaded too, and has only the limits of controllers
// that tell threads apart: cpu, cpuset and pids.
//
// # Without privileges
//
// An unprivileged process can use what was delegated to it: a cgroup which is its
// user's, with cgroup.procs and cgroup.subtree_control in it, and which holds the
// calling process too, for processes are moved only within what was delegated. It
// gets the limits of those controllers that were delegated. All else is an error,
// unless Cgroup.Optional lets a container without limits run without a cgroup. Rules
// for devices take privileges in any case.
//
// # Values of cgroup v1
//
// Fields of configs.Resources that come from cgroup v1 are converted:
//
//	CpuShares           cpu.weight, see cgroups.CpuWeight
//	CpuQuota, CpuPeriod cpu.max
//	Memory              memory.max
//	MemoryReservation   memory.low
//	MemorySwap          memory.swap.max, less Memory; see cgroups.SwapMax
//	BlkioWeight         io.bfq.weight as it is; io.weight, see cgroups.IoWeight
//	BlkioThrottle*      io.max
//	HugetlbLimit        hugetlb.*.max and hugetlb.*.rsvd.max
//	*Devices            a program of BPF, see package cgroups/devices
//
// What cgroup v2 has nothing for is refused with an error that wraps
// errors.ErrUnsupported and names what takes its place: KernelMemory, KernelMemoryTCP,
// CpuRtRuntime, CpuRtPeriod, OomKillDisable, a positive MemorySwappiness, leaf weights,
// NetClsClassid and NetPrioIfpriomap.
//
// # Speed
//
// A process is cloned into its cgroup (Manager.UnifiedDir) where its set-up has
// room there, and else moved just before it becomes the container's program. Files
// are written relative to their open directory, and only those that were asked for.
package fs2
