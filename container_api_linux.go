// The API on Linux: what Container adds to BaseContainer, and its types.

package libcontainer

import (
	"time"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/configs"
)

// State represents a running container's state.
type State struct {
	BaseState

	// Created is when the container was created, in UTC.
	Created time.Time `json:"created,omitzero"`

	// CgroupPaths are the paths of all the cgroups set up for a container. Key
	// is cgroup subsystem name with the value as the path.
	CgroupPaths map[string]string `json:"cgroup_paths"`

	// NamespacePaths are filepaths to the container's namespaces. Key is the
	// namespace type with the value as the path.
	NamespacePaths map[configs.NamespaceType]string `json:"namespace_paths"`

	// CgroupManager says what manages the container's cgroups: "cgroupfs" or
	// "systemd", as the options Cgroupfs and SystemdCgroups choose, or "" for a
	// manager of the caller's own, and in states that were written before there was
	// this field. Load uses the same again, unless the factory has another choice.
	CgroupManager string `json:"cgroup_manager,omitempty"`

	// CgroupParents are parents of these cgroups that were made for the
	// container, and are removed with it unless others use them.
	CgroupParents []string `json:"cgroup_parents,omitempty"`

	// Hooks are those of the container's hooks that are commands.
	Hooks *HookCommands `json:"hooks,omitempty"`

	// NetDevices are the host's network devices that the container has.
	NetDevices []MovedDevice `json:"net_devices,omitempty"`

	// Checkpointed says that the container was ended by a checkpoint, and has not been
	// started or restored since.
	Checkpointed bool `json:"checkpointed,omitempty"`

	// RestorerPid and RestorerStartTime are those of the criu that restores the container, 0 and
	// "" if none does.
	RestorerPid       int    `json:"restorer_pid,omitempty"`
	RestorerStartTime string `json:"restorer_start_time,omitempty"`

	// Dumping says that a checkpoint has paused the container, which was running.
	Dumping bool `json:"dumping,omitempty"`

	// NetworkLocks are the tables of nftables by which criu keeps the connections of a checkpointed
	// container in the network namespace that it had joined. Restore and Destroy remove them.
	NetworkLocks []string `json:"network_locks,omitempty"`

	// Restored says that the container's processes come from a checkpoint. They have a
	// time namespace of their own then, since the clocks that they see go on.
	Restored bool `json:"restored,omitempty"`

	// IntelRdt are the container's groups in resctrl, nil if it has none.
	IntelRdt *ResctrlGroups `json:"intel_rdt,omitempty"`

	// ExternalDescriptors are the container's standard descriptors
	// (std{in,out,err}), needed for checkpoint and restore.
	ExternalDescriptors []string `json:"external_descriptors,omitempty"`
}

// Stats are the statistics of a container.
type Stats struct {
	// Interfaces are the container's ends of its veth pairs, in the order of
	// Config.Networks. Those that have gone with the container's processes are
	// left out.
	Interfaces []*NetworkInterface
	// CgroupStats are the kernel's statistics of the container's cgroups.
	CgroupStats *cgroups.Stats
	// IntelRdt are those of the container's groups in resctrl, nil if it has none.
	IntelRdt *IntelRdtStats
}

// NetworkInterface are the counters of a network interface since its creation, as
// the container sees them: Rx is what it has received, Tx what it has sent.
type NetworkInterface struct {
	// Name is the name of the network interface in the container.
	Name string

	RxBytes   uint64
	RxPackets uint64
	RxErrors  uint64
	RxDropped uint64
	TxBytes   uint64
	TxPackets uint64
	TxErrors  uint64
	TxDropped uint64
}

// PressureLevel is how scarce a container's memory is.
type PressureLevel uint

// The levels of memory pressure, see section "Memory Pressure" of the kernel's
// document cgroup-v1/memory.
const (
	LowPressure PressureLevel = iota
	MediumPressure
	CriticalPressure
)

// Container is a Linux container.
//
// Each container is safe for concurrent use. Since a container can be destroyed
// by a separate process, any method may return that the container was not found
// (ContainerNotExists).
type Container interface {
	BaseContainer

	// Checkpoint checkpoints the running container's state to disk using the
	// criu(8) utility: its processes, their memory and what they have open, in
	// ImagesDirectory, which must be empty and is made if it is not there. The
	// container ends with that, unless LeaveRunning or PreDump is set, and its status
	// is Checkpointed then. A paused container that goes on stays paused. If it fails
	// the container goes on as before.
	//
	// What of the container is on disk already (the root file system, volumes) is not
	// saved, and must be the same when it is restored. See docs/checkpoint.md for what
	// criu cannot save.
	//
	// errors:
	// ContainerNotExists - Container no longer exists,
	// ContainerNotRunning - the container does not run its program,
	// ConfigInvalid - an option is wrong,
	// SystemError - System error; criu or the kernel cannot do it (errors.ErrUnsupported);
	// processes that were started beside the initial one (EBUSY); criu has failed
	// (*criurpc.Error, with what its log says).
	Checkpoint(criuOpts *CriuOpts) error

	// Restore restores the checkpointed container to a running state using the
	// criu(8) utility. The container, on which nothing runs, may be another one than
	// that of the checkpoint, on another machine: its configuration must be the same but
	// for the root file system's path, the sources of bind mounts, cgroups, hooks and the
	// host's side of networks. It is new processes for the kernel, which are children of
	// this program as those of Start are.
	//
	// Of process only the standard descriptors, the console and ConsoleSize, Capabilities and
	// CapabilitySets are used: descriptors that were the host's at the checkpoint
	// are replaced by these. Before any process runs, what criu has made is compared with
	// the configuration: namespaces, ids, capabilities, filters, labels, cgroups and mounts.
	// Hooks run as at a start, but for those inside.
	//
	// Images say what is run with all rights on the host, so they must belong to this
	// program's user, be written by nobody else, and be those that Checkpoint has written
	// (see CriuOpts.Key).
	//
	// errors:
	// ContainerNotExists - Container no longer exists,
	// ContainerNotStopped - it has processes,
	// ConfigInvalid - an option is wrong; the images are of another configuration,
	// SystemError - System error, as for Checkpoint; the images are not to be trusted, or
	// what came of them is not the container.
	Restore(process *Process, criuOpts *CriuOpts) error

	// Pause pauses the execution of all processes of the container and returns
	// when they are paused. If the container is paused already, it does nothing.
	//
	// errors:
	// ContainerNotRunning - the container does not run,
	// SystemError - System error.
	Pause() error

	// Resume resumes the execution of the processes of a paused container. If
	// the container is running already, it does nothing.
	//
	// errors:
	// ContainerNotRunning - the container does not run,
	// SystemError - System error.
	Resume() error

	// NotifyOOM returns a read-only channel signaling when the container
	// receives an OOM notification: once for each process that is killed for want
	// of memory, beginning with the call. (On cgroup v1 it is once for each time that
	// the kernel tells of the want if OomKillDisable is set, or before Linux 4.13.) A
	// slow receiver loses none and delays nothing. The channel is closed when the
	// container is destroyed, by whomever, on cgroup v2 already when its last process
	// has ended; up to 128 events that have not been received before can be received
	// then. If another handle destroys a container of cgroup v1, kills of the last
	// moment before that may come as one. Each call makes a channel of its own.
	//
	// errors:
	// ContainerNotExists - Container no longer exists,
	// ContainerNotRunning - the container has not been started, or its cgroup has gone
	// with its last process,
	// SystemError - System error; the container has no memory cgroup.
	NotifyOOM() (<-chan struct{}, error)

	// NotifyMemoryPressure returns a read-only channel signaling when the
	// container reaches a given pressure level. On cgroup v1 the kernel decides
	// what the levels are, see section "Memory Pressure" of its document
	// cgroup-v1/memory. On cgroup v2 an event is when, within two seconds, some
	// process has waited for memory for 10 % (LowPressure) or 50 %
	// (MediumPressure) of the time, or all of them at once for 10 %
	// (CriticalPressure). Events are told as those of NotifyOOM are.
	//
	// errors: those of NotifyOOM; ConfigInvalid - there is no such level.
	NotifyMemoryPressure(level PressureLevel) (<-chan struct{}, error)
}
