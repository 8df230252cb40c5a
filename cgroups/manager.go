package cgroups

import "github.com/libcontainer/libcontainer/configs"

// Manager controls the cgroups of one container. All methods are safe for
// concurrent use. It is the classic interface; a Driver can do more, and Adapt makes
// one of any Manager.
type Manager interface {
	// Apply makes the container's cgroups and moves the process pid into
	// them. With a pid of -1 the cgroups are only made.
	Apply(pid int) error

	// GetPids returns the ids of the processes in the container's cgroup,
	// in ascending order, without those of its sub-cgroups.
	GetPids() ([]int, error)

	// GetAllPids returns the ids of the processes in the container's
	// cgroup and all its sub-cgroups, in ascending order.
	GetAllPids() ([]int, error)

	// GetStats reads the cgroups' statistics.
	GetStats() (*Stats, error)

	// Freeze stops (configs.Frozen) or continues (configs.Thawed) all
	// processes of the container, and returns once that is done.
	Freeze(state configs.FreezerState) error

	// Destroy removes the container's cgroups. Doing so again, or before
	// any was made, is not an error.
	Destroy() error

	// GetPaths returns a copy of the container's cgroup directories, keyed
	// by controller ("memory"), named hierarchy ("name=systemd"), or ""
	// for the cgroup v2 hierarchy. They are what a later process needs to
	// manage the same cgroups.
	GetPaths() map[string]string

	// Set writes the limits which container asks for.
	Set(container *configs.Config) error
}
