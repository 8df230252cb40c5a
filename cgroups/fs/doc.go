// Package fs manages the cgroups of a container through cgroup v1 file
// systems, on machines with the v1 or the hybrid layout.
//
// # Where a container's cgroups are
//
// In each mounted hierarchy the container gets the directory
//
//	<mountpoint>/<own>/<Parent>/<Name>
//
// where own is the cgroup which the calling process has in that hierarchy, and
// Parent and Name are fields of configs.Cgroup. With an absolute Parent own is
// left out. A field Path stands for both, as Parent/Name. Name must be a single path
// element, and neither may contain "..":
// a Name that is empty is an error, since Parent is meant to be shared. Missing
// parents are made; those are removed again by Destroy of the same Manager once
// they are empty. A directory Name that exists already is used as it is, and
// removed by Destroy.
//
// If Cgroup.Paths is set, the container joins those existing cgroups and no
// others. The manager neither writes limits there nor removes them.
//
// A hierarchy that is not mounted is passed over, unless a limit was asked of
// it: then Set returns an error which names the limit and the controller, and
// for which cgroups.IsNotFound is true.
//
// # Without privileges
//
// An unprivileged process can use what was delegated to it: directories of its
// own, as Cgroup.Parent, with the limits whose files the kernel lets it write
// (not those of devices). If Cgroup.Optional is set, cgroups that it may not make
// or enter are left out, and what needs one of them fails with an error that
// names the directory. On v1 it can move only processes of its own user id, and
// in the hybrid layout's v2 mount only within what was delegated.
//
// # The hybrid layout
//
// The cgroup v2 mount gets a directory too, with the key "" in Paths. Processes are
// frozen and killed by it: the kernel tells when all have stopped, and kills them
// at once. A controller that is in that mount, because no v1 hierarchy has it, is
// used for the limits that need it, and only then: it has to be enabled in the
// cgroups above the container's, and stays so. Package cgroups/fs2 says how values
// of cgroup v1 are converted.
//
// # Speed
//
// Nothing is read or written that was not asked for, mountinfo is parsed once
// a process, and files are opened relative to their directory. Moving a process
// with Apply or Enter costs an RCU grace period of the kernel, 6 to 15 ms;
// EntryFiles and UnifiedDir are the way around it, see cgroups.Driver.
package fs
