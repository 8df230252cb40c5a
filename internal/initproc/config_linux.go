// Both sides: what the host tells init.

package initproc

import "github.com/libcontainer/libcontainer/configs"

// Config is everything that init needs to set up the container and to become the
// user's program. The host has validated it and resolved what can be resolved
// outside; what depends on the container's files (the user's name, the program's
// path) is resolved inside, against the container's root.
type Config struct {
	// Args, Env, Cwd and User are those of the user's program.
	Args []string
	Env  []string
	Cwd  string
	User string

	// AdditionalGroups are names or numbers of supplementary groups.
	AdditionalGroups []string

	// Capabilities are the sets of the user's program.
	Capabilities CapabilityMasks

	// FdLimit is the first descriptor that the program must not inherit: 3 and
	// the number of extra files.
	FdLimit int

	// Terminal tells that the standard descriptors are a terminal, to become
	// the controlling one.
	Terminal bool

	// OwnStdio has bit n set when descriptor n is a pipe or terminal that the
	// library made, which is given to the program's user so that /dev/std* can
	// be opened again.
	OwnStdio int

	// InUserNS tells that the container has a user namespace of its own.
	InUserNS bool

	// Join tells that the process enters a container that runs, in which there
	// is nothing to set up.
	Join bool

	// MntFd is the mount namespace that such a process joins, if the container
	// has one.
	MntFd int

	// ReleaseFd is, for a process that becomes the program only when it is
	// released, a listening socket: who connects to it takes over the host's end
	// of the init pipe. 0 is for one that need not wait.
	ReleaseFd int

	// AppArmorProfile and ProcessLabel are the security labels of the process.
	AppArmorProfile string
	ProcessLabel    string

	// SetgroupsDenied tells that the host could write the gid mapping only by
	// giving up setgroups(2), see user_namespaces(7).
	SetgroupsDenied bool

	// CgroupPaths are the container's cgroups, CgroupMounts the hierarchies of
	// the host, for mounts of type cgroup.
	CgroupPaths  map[string]string
	CgroupMounts []CgroupMount

	// SetupCgroups and ExecCgroups are names of the files, open descriptors of which
	// come with the configuration, to which the thread that becomes the program
	// writes: before it sets up the container, and after that. Without them the host
	// moves the process.
	SetupCgroups []string
	ExecCgroups  []string

	// LimitedTasks tells that there may be too few tasks in the container for what
	// threads Go's runtime may still want.
	LimitedTasks bool

	// HostHooks tells that the host has hooks to run before the root changes.
	HostHooks bool

	// CreateContainer and StartContainer are hooks to run inside, with HookState
	// on standard input.
	CreateContainer []configs.Command
	StartContainer  []configs.Command
	HookState       []byte

	// Filter is the seccomp filter of the user's program.
	Filter Filter

	// Container is the container's configuration.
	Container *configs.Config
}

// CapabilityMasks are capability sets as bit masks, see capabilities(7).
type CapabilityMasks struct {
	Bounding    uint64
	Effective   uint64
	Inheritable uint64
	Permitted   uint64
	Ambient     uint64
}
