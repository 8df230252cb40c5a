// The API, platform-agnostic: making and finding containers.

package libcontainer

import "github.com/libcontainer/libcontainer/configs"

// Factory makes containers and finds the ones that exist.
type Factory interface {
	// Create makes a new container with the given id. It checks the
	// configuration and claims the id; nothing runs yet.
	//
	// id must consist of letters, digits, '_', '.', '+' and '-', must not be "."
	// or "..", and must have between 1 and 1024 characters (as a file name, of
	// which most file systems take 255).
	//
	// The id must not be in use by an existing container. Containers created
	// using a factory with the same path must have distinct ids. config must not
	// be changed afterwards.
	//
	// errors:
	// IdInUse - id is already in use by a container,
	// InvalidIdFormat - id has incorrect format,
	// ConfigInvalid - config is invalid,
	// SystemError - System error.
	//
	// On error nothing is left behind.
	Create(id string, config *configs.Config) (Container, error)

	// Load takes an id of an existing container and returns the container as its
	// state on disk tells, also when its processes have ended, or when the
	// program that created it died half-way: Destroy then cleans up.
	//
	// errors:
	// InvalidIdFormat - id has incorrect format,
	// ContainerNotExists - there is no container of that id,
	// SystemError - System error.
	Load(id string) (Container, error)

	// StartInitialization is called in the re-executed program, by an init
	// function of a program that does not import package nsenter. It does not
	// return unless it fails.
	//
	// errors:
	// SystemError - the process is not a container's init, or setting up the
	// container failed. The caller of Start has been told.
	StartInitialization() error

	// Type returns info string about factory type (e.g. lxc, libcontainer...)
	Type() string
}
