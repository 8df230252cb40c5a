package configs

import "errors"

// Hooks are run at points of a container's life, each kind in the order of its
// list, as section "POSIX-platform Hooks" of the OCI runtime specification says.
// Functions run in the host's process, and so only where the namespaces are the
// host's: CreateContainer and StartContainer hooks must be commands.
//
// A function may call those methods of the container that only look at it. Those
// that change it wait for the end of the start: only Poststart and Poststop hooks
// may call them.
type Hooks struct {
	// Prestart hooks run when the container's namespaces exist and its mounts
	// are made, before its root changes, in the host's namespaces. The first
	// error ends the start.
	Prestart []Hook

	// CreateRuntime hooks run right after the Prestart hooks, like them.
	CreateRuntime []Hook

	// CreateContainer hooks run after those, in the container's namespaces, as
	// its root but with the host's root file system still in place: that is where
	// the program is looked for. The first error ends the start.
	CreateContainer []Hook

	// StartContainer hooks run right before the user's program, in the
	// container, with the program's own user, capabilities, labels and seccomp
	// filter. Those of a nil environment have the program's. The first error ends
	// the start.
	StartContainer []Hook

	// Poststart hooks run once the user's program runs, in the host's
	// namespaces. An error is logged, and does not end the start.
	Poststart []Hook

	// Poststop hooks run after the container is destroyed, in the host's
	// namespaces. An error is logged.
	Poststop []Hook
}

// HookState is what a hook is told about the container. A command gets it as
// JSON on its standard input.
type HookState struct {
	// Version is the Config's Version.
	Version string `json:"version"`

	// OCIVersion is the version of the OCI runtime specification that the state
	// complies with.
	OCIVersion string `json:"ociVersion"`

	// ID is the container's id.
	ID string `json:"id"`

	// Pid is the id of the container's init process in the host's PID
	// namespace. It is 0 when the container has none any more.
	Pid int `json:"pid"`

	// Status is "creating", "created", "running" or "stopped".
	Status string `json:"status"`

	// Bundle is the Config's Bundle, or else the directory that holds the root
	// file system. It is empty if that is made of layers.
	Bundle string `json:"bundle"`

	// Annotations are the Config's Annotations.
	Annotations map[string]string `json:"annotations,omitempty"`

	// Root is the container's root file system on the host. It is empty if that is made
	// of layers.
	Root string `json:"root"`
}

// Hook is run at a point of a container's life.
type Hook interface {
	Run(HookState) error
}

// FuncHook is a hook that is a function of the embedding program.
type FuncHook struct {
	run func(HookState) error
}

// NewFunctionHook returns a hook that calls f in the host's process.
func NewFunctionHook(f func(HookState) error) FuncHook {
	return FuncHook{run: f}
}

// Run calls the hook's function and returns its error.
func (f FuncHook) Run(s HookState) error {
	if f.run == nil {
		return errors.New("hook without a function")
	}
	return f.run(s)
}

// CommandHook is a hook that is a program of the host.
type CommandHook struct {
	Command
}

// NewCommandHook returns a hook that runs cmd.
func NewCommandHook(cmd Command) CommandHook {
	return CommandHook{Command: cmd}
}
