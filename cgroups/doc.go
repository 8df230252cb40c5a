// Package cgroups is what all cgroup managers of libcontainer share: the
// interfaces Manager (the classic one) and Driver, the statistics, the layout of the
// machine's cgroup mounts, and functions on single cgroups (list their processes,
// enter them, remove them).
//
// Embedders get a Manager through a libcontainer factory and rarely need more
// of this package than the Stats types. The managers themselves are in the
// packages below this one; cgroups/fs drives cgroup v1 and the hybrid
// layout, cgroups/fs2 cgroup v2, and cgroups/systemd both of them through systemd. Package
// cgroups/group picks one of them for processes that are no container.
//
// The machine's mounts and the cgroups of the calling process are parsed once
// a process (see CurrentSnapshot), so that a container's start never parses
// mountinfo. The kernel's side is described in cgroups(7), and in the kernel's
// Documentation/admin-guide/cgroup-v1 and cgroup-v2.rst.
package cgroups
