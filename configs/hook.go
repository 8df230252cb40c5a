package configs

import "errors"

// Hooks are run by the host, in order, at points of a container's life.
type Hooks struct {
	// Prestart hooks run when the container's namespaces exist, before the
	// user's program runs. The first error ends the start.
	Prestart []Hook

	// Poststart hooks run once the user's program runs.
	Poststart []Hook

	// Poststop hooks run after the container is destroyed.
	Poststop []Hook
}

// HookState is what a hook is told about the container. A command gets it as
// JSON on its standard input.
type HookState struct {
	// Version is the Config's Version.
	Version string `json:"version"`

	// ID is the container's id.
	ID string `json:"id"`

	// Pid is the id of the container's init process in the host's PID
	// namespace. It is 0 when the container has none any more.
	Pid int `json:"pid"`

	// Root is the container's root file system on the host.
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
