package cgroups

import (
	"os"

	"github.com/libcontainer/libcontainer/configs"
)

// Manager controls the cgroups of one container. All methods are safe for
// concurrent use.
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

// Stage says at which point of a container's start its first process enters
// a hierarchy.
type Stage int

const (
	// StageSetup is for hierarchies whose limits cannot disturb the set-up
	// of a container: cpu, cpuacct, cpuset, blkio, freezer, hugetlb, the
	// net_* controllers, perf_event, named hierarchies, and the cgroup v2
	// mount of the hybrid layout.
	StageSetup Stage = iota

	// StageExec is for devices, memory and pids. They are entered just
	// before execve, so that the set-up itself (Go's threads and heap,
	// mknod) is neither limited by nor charged to the container.
	StageExec
)

// String returns the stage's name.
func (s Stage) String() string {
	switch s {
	case StageSetup:
		return "setup"
	case StageExec:
		return "exec"
	}
	return "unknown stage"
}

// Stager is implemented by managers that can split Apply, so that a
// container's set-up overlaps with it.
type Stager interface {
	// Create makes the cgroups and fills GetPaths, with no process in them.
	Create() error

	// Enter moves the process pid, with all its threads, into the
	// hierarchies of the stage.
	Enter(pid int, stage Stage) error
}

// EarlyEnterer is implemented by managers whose cgroups may come into being only
// when the first process of a container enters them at StageSetup.
type EarlyEnterer interface {
	// EntersEarly tells, after Create, that the process is to enter before it is
	// told what to set up: it may have to mount its cgroups.
	EntersEarly() bool
}

// Joiner is implemented by managers whose cgroups a thread can enter by
// itself.
//
// It exists for speed. Moving another process takes a lock of the kernel that
// waits for an RCU grace period, 6 to 15 ms on an idle machine. A thread that
// moves only itself does not take that lock (Linux 5.6, commit 9a3284fad42f
// "cgroup: Optimize single thread migration"), and needs some 20 µs per
// hierarchy. On cgroup v1 a child is born into the cgroups of the thread that
// clones it, and a thread that calls execve keeps its own; so either a
// locked host thread joins before it clones the container's first process, or
// that process joins while it is single-threaded or from the thread that will
// call execve.
type Joiner interface {
	// JoinFiles opens, for each cgroup v1 hierarchy of the stage, the file
	// to which a thread writes "0" in order to enter. The caller closes
	// the files, which are close-on-exec.
	JoinFiles(stage Stage) ([]*os.File, error)

	// UnifiedDir opens the container's directory in the cgroup v2 mount
	// for clone3's CLONE_INTO_CGROUP, the way without a grace period
	// there. It returns nil if there is none to enter. The caller closes
	// the file, which is close-on-exec.
	UnifiedDir() (*os.File, error)
}

// Planner is implemented by managers that know a container's cgroups before they
// are made, so that a caller can record them first and, whenever it dies, leave
// nothing that cannot be found.
type Planner interface {
	// Plan makes nothing. It returns what GetPaths will return after Create,
	// and those parents that do not exist yet, each before what is in it.
	Plan() (paths map[string]string, parents []string, err error)
}

// ParentKeeper is implemented by managers that remove the parents of a
// container's cgroups which they have made themselves. The list outlives the
// process in the caller's records.
type ParentKeeper interface {
	// MadeParents returns the parents that this manager has made, each before
	// what is in it.
	MadeParents() []string

	// AdoptParents makes Destroy remove parents that an earlier manager has
	// made. Paths that do not lead to the container's cgroups are ignored.
	AdoptParents(parents []string)
}

// FreezerReader is implemented by managers that can tell whether the container's
// processes are frozen now.
type FreezerReader interface {
	// FreezerState returns configs.Thawed, configs.Freezing, configs.Frozen, or
	// configs.Undefined if there is no freezer.
	FreezerState() (configs.FreezerState, error)
}

// Killer is implemented by managers that can kill all processes of a container at
// once.
type Killer interface {
	// Kill sends SIGKILL to all processes in the container's cgroup and its
	// sub-cgroups, also to those that are just being forked, and does not wait
	// for their end. Without a cgroup there is nothing to do. If that cannot be
	// done here the error is errors.ErrUnsupported, and the caller kills one
	// process after the other.
	Kill() error
}
