// Package systemd manages the cgroups of a container as a unit of systemd, over
// D-Bus. systemd makes a scope (systemd.scope(5)) for the container, with Delegate=
// so that what is in its cgroup is the container's, and keeps the limits among the
// unit's properties, where systemctl(1) shows them. All else is done on the unit's
// cgroups by the managers of packages fs2, where there is cgroup v2 alone, and fs:
// what systemd has no property for, statistics, freezing and killing.
//
// # Names
//
// The unit is ScopePrefix-Name.scope, or Name.scope without a ScopePrefix; bytes
// that no unit's name may have are escaped as by systemd-escape(1). It is in the
// slice Parent, a name such as "machine.slice", where "a-b.slice" is in "a.slice";
// without one in system.slice, or for a user app.slice. A slice that does not exist is
// made, and stopped by systemd when nothing needs it any more. A Name that ends in
// ".slice" makes that slice, which needs no process, instead of a scope. ExpandSlice gives
// the path of a slice's cgroup.
//
// # A scope's life
//
// A scope needs a process to start, and ends with its last one; then systemd removes
// its cgroups, and with them their statistics and those events that nobody has read
// yet. So Create only decides on the unit, and Enter starts it with the container's
// first process. Limits that the container's set-up could meet are set at
// cgroups.StageExec. Where they are tighter than what a set-up takes (64 MiB) the unit
// is started only then, and a container of that kind cannot mount its own cgroup on
// cgroup v2.
//
// The paths are known before anything is made. Whenever the caller dies, a manager
// with such Paths can Destroy what there is: systemd itself collects a unit whose
// processes are gone.
//
// # Limits
//
// Each limit is written to the kernel's file first, so that errors tell the file and
// the value, and then given to systemd, which would put its own idea of it into the
// file when it reads its configuration again (systemctl daemon-reload). These are the
// properties, with the version of systemd that has them; on an older one the file
// alone is written. systemd 231 is the oldest that is supported.
//
//	CpuShares, CpuWeight  CPUWeight (232), CPUShares with cgroup v1
//	CpuIdle               CPUWeight=idle (252)
//	CpuQuota              CPUQuotaPerSecUSec
//	CpuPeriod             CPUQuotaPeriodUSec (242)
//	CpusetCpus            AllowedCPUs (244, cgroup v2)
//	CpusetMems            AllowedMemoryNodes (244, cgroup v2)
//	Memory                MemoryMax
//	MemoryHigh            MemoryHigh (cgroup v2)
//	MemoryLow, MemoryReservation  MemoryLow (cgroup v2)
//	MemoryMin             MemoryMin (240, cgroup v2)
//	MemorySwap            MemorySwapMax (232, cgroup v2)
//	PidsLimit             TasksMax
//	BlkioWeight           IOWeight, BlockIOWeight with cgroup v1
//	BlkioWeightDevice     IODeviceWeight, BlockIODeviceWeight with cgroup v1
//	BlkioThrottle*        IO{Read,Write}{Bandwidth,IOPS}Max,
//	                      BlockIO{Read,Write}Bandwidth with cgroup v1
//	IoLatencyDevice       IODeviceLatencyTargetUSec (240, cgroup v2)
//	Unified               the same as for the fields above, MemoryZSwapMax (253)
//
// CpuBurst, HugetlbLimit, Rdma, Misc, the controllers that only cgroup v1 has, the
// freezer and the rules for devices are not systemd's. It leaves a program for
// devices on cgroup v2 alone. On cgroup v1 it would write its own rules, which allow
// more, to the unit's cgroup of that controller; so there the container is in one of
// its own in the unit's, whose rules hold whatever systemd writes above.
//
// Further properties are passed on by configs.Cgroup.SystemdProperties.
//
// # Users
//
// Root asks the system's systemd, over the bus or systemd's own socket. Another user,
// and root in a user namespace, asks the user's own, at DBUS_SESSION_BUS_ADDRESS or
// in XDG_RUNTIME_DIR. It can make units and set the limits of those controllers that
// were delegated to the user's manager; all else is an error, unless Cgroup.Optional
// lets a container without limits run without cgroups.
//
// # Connections
//
// A process has one connection, made when it is first needed. If it has dropped it
// is made again, and a call that fell into that is repeated once, also if systemd
// executes itself anew meanwhile (systemctl daemon-reexec).
package systemd
