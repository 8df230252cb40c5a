package cgroups

import (
	"context"
	"os"

	"github.com/libcontainer/libcontainer/configs"
)

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
	// before execve, so that the set-up itself (its mounts and nodes)
	// is neither limited by nor charged to the container, but for what it copies.
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

// SetupMemory is how many bytes the set-up of a container takes at most, until it
// executes its program, with a good margin. An init that is in a cgroup with less room
// while it sets up the container could be killed for want of memory.
const SetupMemory = 64 << 20

// Driver is a Manager with all that the start, the pause and the end of a container
// need. The managers of packages fs, fs2 and systemd are Drivers; Adapt makes one of
// any other Manager. All methods are safe for concurrent use.
//
// A container starts with these calls, in this order:
//
//	Plan                        names the cgroups, so that they can be recorded
//	CreateUnified               may make one of them, and UnifiedDir then opens it
//	Create                      makes them
//	Set                         writes the limits, or keeps them for later
//	Enter(pid, StageSetup)      the first process enters, early if EntersEarly
//	Enter(pid, StageExec)       all limits are in force
//
// A further process only Enters, at both stages. Whoever enters by EntryFiles or
// UnifiedDir needs no Enter for what these are for.
type Driver interface {
	Manager

	// Within makes whatever the driver waits for end with the context, too, as long as
	// the function that it returns has not been called. Not more than one caller at a time
	// does that.
	Within(ctx context.Context) (done func())

	// Plan makes nothing. It returns what GetPaths will return after Create, and
	// those parents that do not exist yet and that the driver will make and remove,
	// each before what is in it. A caller that records both before Create leaves
	// nothing that cannot be found, whenever it dies.
	Plan() (paths map[string]string, parents []string, err error)

	// CreateUnified makes, ahead of Create, the cgroup that UnifiedDir opens, and returns
	// true, if Create makes others besides: the kernel can clone the first process into it
	// while Create makes those. Else it makes nothing and returns false. What it has made
	// is removed by Destroy, also if Create fails or is not called.
	CreateUnified() (made bool, err error)

	// Create makes the cgroups and fills GetPaths, with no process in them. A
	// driver whose cgroups cannot be without a process makes them when the first one
	// enters. From here until a process has entered at StageExec, Set may keep limits
	// back.
	Create() error

	// EntersEarly tells, after Create, that the first process is to enter before it
	// is told what to set up: it may have to mount its cgroups, and they come into
	// being only when it enters them at StageSetup.
	EntersEarly() bool

	// Enter moves the process pid, with all its threads, into the hierarchies of
	// the stage. If the cgroups are optional, GetPaths may then lack those that could
	// not be entered.
	Enter(pid int, stage Stage) error

	// EntryFiles opens, for each cgroup v1 hierarchy of the stage, the file to which
	// a thread writes "0" in order to enter by itself. It returns nothing if the
	// process must be moved by Enter. The caller closes the files, which are
	// close-on-exec.
	//
	// It exists for speed. Moving another process takes a lock of the kernel that
	// waits for an RCU grace period, 6 to 15 ms on an idle machine. A thread that
	// moves only itself does not take that lock (Linux 5.6, commit 9a3284fad42f
	// "cgroup: Optimize single thread migration"), and needs some 20 µs for each
	// hierarchy. On cgroup v1 a child is born into the cgroups of the thread that
	// clones it, and a thread that calls execve keeps its own; so either a locked
	// host thread enters before it clones the container's first process, or that
	// process enters while it is single-threaded or from the thread that will call
	// execve.
	EntryFiles(stage Stage) ([]*os.File, error)

	// UnifiedDir opens the container's directory in the cgroup v2 mount for
	// clone3's CLONE_INTO_CGROUP, the way without a grace period there. It returns
	// nil if there is none to enter, or not with room for the set-up of a process. The caller closes the file, which is
	// close-on-exec.
	UnifiedDir() (*os.File, error)

	// MadeParents returns the parents of the container's cgroups that this driver
	// has made, each before what is in it. Destroy removes them with the cgroups.
	// The list outlives the process in the caller's records.
	MadeParents() []string

	// AdoptParents makes Destroy remove parents that an earlier driver has made.
	// Paths that do not lead to the container's cgroups are ignored.
	AdoptParents(parents []string)

	// FreezerState tells whether the container's processes are frozen now:
	// configs.Thawed, configs.Freezing, configs.Frozen, or configs.Undefined if there
	// is no freezer. If the driver cannot tell, the error is errors.ErrUnsupported.
	FreezerState() (configs.FreezerState, error)

	// ThawAll continues the processes that the freezer of cgroup v1 has stopped in the
	// container's cgroup and in its sub-cgroups, which a container may have made for
	// containers of its own. They die of a SIGKILL only then, and until they have, their
	// pid namespace does not end. Somebody may freeze them again, so that who waits for
	// the end of processes calls it again and again. In cgroups that were joined, where
	// there may be sub-cgroups of others, it does nothing, and with cgroup v2 alone,
	// whose freezer lets processes die, neither. Cgroups that are gone are no error.
	ThawAll() error

	// Kill sends SIGKILL to all processes in the container's cgroup and its
	// sub-cgroups, also to those that are just being forked, and does not wait
	// for their end. Without a cgroup there is nothing to do. If that cannot be
	// done here the error is errors.ErrUnsupported, and the caller kills one
	// process after the other.
	Kill() error
}
