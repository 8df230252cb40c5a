// The API, platform-agnostic: containers.

package libcontainer

import (
	"os"

	"github.com/libcontainer/libcontainer/configs"
)

// Status is the status of a container.
type Status int

const (
	// Created is the status of a container that exists but has not been run yet.
	Created Status = iota

	// Running is the status of a container that exists and is running.
	Running

	// Pausing is the status of a container that is in the process of being
	// paused.
	Pausing

	// Paused is the status of a container all of whose processes are paused.
	Paused

	// Checkpointed is the status of a container whose state is saved on disk.
	Checkpointed

	// Destroyed is the status of a container that does not exist: its initial
	// process has ended, or it has been destroyed.
	Destroyed
)

// String returns the status in lower case.
func (s Status) String() string {
	switch s {
	case Created:
		return "created"
	case Running:
		return "running"
	case Pausing:
		return "pausing"
	case Paused:
		return "paused"
	case Checkpointed:
		return "checkpointed"
	case Destroyed:
		return "destroyed"
	default:
		return "unknown"
	}
}

// BaseState represents the platform agnostic pieces relating to a running
// container's state.
type BaseState struct {
	// ID is the container ID.
	ID string `json:"id"`

	// InitProcessPid is the init process id in the parent namespace, 0 if the
	// container has not been started.
	InitProcessPid int `json:"init_process_pid"`

	// InitProcessStartTime is the init process start time in clock ticks since
	// boot, field 22 of /proc/[pid]/stat (proc(5)). With the pid it tells the
	// process from a later one of the same pid.
	InitProcessStartTime string `json:"init_process_start"`

	// Config is the container's configuration.
	Config configs.Config `json:"config"`
}

// BaseContainer is a container object: the methods that are platform agnostic.
//
// Each container is safe for concurrent use. Since a container can be destroyed
// by a separate process, any method may return that the container was not found
// (ContainerNotExists).
type BaseContainer interface {
	// ID returns the ID of the container.
	ID() string

	// Status returns the current status of the container.
	//
	// errors:
	// SystemError - System error.
	Status() (Status, error)

	// State returns the current container's state information.
	//
	// errors:
	// SystemError - System error.
	State() (*State, error)

	// Config returns the current config of the container.
	Config() configs.Config

	// Processes returns the PIDs inside this container, as the calling process
	// sees them.
	//
	// errors:
	// ContainerNotExists - Container no longer exists,
	// SystemError - System error.
	//
	// Some of the returned PIDs may no longer refer to processes in the
	// container, unless the container is paused.
	Processes() ([]int, error)

	// Stats returns statistics for the container.
	//
	// errors:
	// ContainerNotExists - Container no longer exists,
	// SystemError - System error.
	Stats() (*Stats, error)

	// Set applies the resources of config to the container, which may run, and
	// makes config the container's.
	//
	// errors:
	// ConfigInvalid - config is invalid,
	// ContainerNotExists - Container no longer exists,
	// SystemError - System error.
	Set(config configs.Config) error

	// Start runs a process inside the container. The first one, or the first
	// after the container's initial process has ended, becomes the container's
	// initial process. Start returns when the program runs; the process tells
	// about its further life. On error nothing of the process is left.
	//
	// errors:
	// ContainerNotExists - Container no longer exists,
	// ConfigInvalid - the process is invalid, for example its program, user or
	// working directory does not exist in the container,
	// ContainerPaused - Container is paused,
	// SystemError - System error.
	Start(process *Process) (err error)

	// Destroy kills all processes of the container and removes all that belongs
	// to it. No error is returned if the container is already destroyed.
	//
	// errors:
	// SystemError - System error.
	Destroy() error

	// Signal sends the signal to the container's initial process.
	//
	// errors:
	// ContainerNotRunning - the initial process does not run,
	// SystemError - System error.
	Signal(s os.Signal) error
}
