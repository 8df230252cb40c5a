// Package group manages a group of processes that is no container: the cgroups of an
// agent, of a batch job, of a daemon's helpers, or a parent of containers' cgroups such as
// a node agent's. It is for programs that want cgroups alone: to limit processes, to
// count what they use, to freeze and to kill them together. A container's cgroups are made
// and removed by the container.
//
// A Group has one directory in each cgroup hierarchy of the machine. It works with cgroup
// v1, cgroup v2 and the hybrid of both, directly or through systemd; packages cgroups/fs,
// cgroups/fs2 and cgroups/systemd say what each of them does. This is a whole program,
// without its error handling:
//
//	g, err := group.New(&configs.Cgroup{Path: "/agent/workers"})
//	err = g.Create(ctx)
//	limits := group.NewResources()
//	limits.Memory = 1 << 30
//	err = g.Set(ctx, limits)
//	err = g.Add(ctx, worker.Process.Pid)
//	stats, err := g.Stats()
//	fmt.Println(stats.MemoryStats.Usage.Usage)
//	err = g.Kill(ctx)
//	err = g.Destroy(ctx)
//
// # Names
//
// configs.Cgroup names a group as it names a container's cgroups, by Path, or by Parent and
// Name. A relative one is below (on cgroup v2 mostly beside) the cgroup of the calling
// process, an absolute one below the hierarchies' roots. Names of units mean systemd: a
// Parent or Name that ends in ".slice", without a slash in the Parent, a ScopePrefix, or
// SystemdProperties. WithManager decides otherwise. A scope of systemd needs a process, and
// so its directories exist from the first Add until its last process ends; a slice and
// all that is not systemd's exist from Create to Destroy. systemd.ExpandSlice gives the path
// of a slice for those who name directories.
//
// WithPaths opens cgroups that have no names here, too, such as those of
// cgroups.CurrentSnapshot, the calling process's own, or the hierarchies' roots, whose
// statistics are the machine's.
//
// # Limits
//
// Set writes those fields of configs.Resources that are not zero. Two of them have a zero
// that means something: no devices are allowed unless SkipDevices is set, and
// MemorySwappiness 0 is written. NewResources returns Resources that leave these alone, too,
// and whoever limits a group begins with that.
//
// # Privileges
//
// Root may do all of this, unless it is in a user namespace. Another user needs a
// delegation:
//
//   - With cgroup v2 a directory that is the user's, with its files cgroup.procs,
//     cgroup.subtree_control and cgroup.threads, or a unit of systemd with Delegate=yes. Of
//     the controllers only those can be used that were handed down to it. A process can be
//     added if the user may write to cgroup.procs of the nearest cgroup above both its old
//     and its new one.
//   - With cgroup v1 a directory that is the user's, in each hierarchy. Only the user's own
//     processes can be added. The kernel's developers advise against it for safety.
//   - With systemd the user's own manager, which makes units below its own cgroup.
//
// Rules for devices need CAP_BPF or CAP_SYS_ADMIN with cgroup v2, and cannot be delegated
// with cgroup v1. Statistics and files that are readable to all need nothing. Where a
// directory may not be made Create fails with fs.ErrPermission. With Cgroup.Optional it does
// without those that may not, as long as there is one that may.
package group
