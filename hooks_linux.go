// The host's side: hooks.

package libcontainer

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"

	"github.com/libcontainer/libcontainer/configs"
)

// ociVersion is the version of the runtime specification whose state hooks get.
const ociVersion = "1.3.0"

func (v *view) hookState(pid int, status string) configs.HookState {
	return hookStateOf(v.c.id, v.config, pid, status)
}

func hookStateOf(id string, config *configs.Config, pid int, status string) configs.HookState {
	return configs.HookState{
		Version:     config.Version,
		OCIVersion:  ociVersion,
		ID:          id,
		Status:      status,
		Pid:         pid,
		Bundle:      bundleOf(config),
		Root:        config.Rootfs,
		Annotations: config.Annotations,
	}
}

func bundleOf(config *configs.Config) string {
	if config.Bundle == "" && config.Rootfs != "" {
		return filepath.Dir(config.Rootfs)
	}
	return config.Bundle
}

func (v *view) hooks() *configs.Hooks { return hooksOf(v.config) }

func hooksOf(config *configs.Config) *configs.Hooks {
	if config.Hooks == nil {
		return new(configs.Hooks)
	}
	return config.Hooks
}

// runHooks runs hooks up to the first error. A command is killed when ctx ends.
func runHooks(ctx context.Context, kind string, hooks []configs.Hook, state configs.HookState) error {
	for i, hook := range hooks {
		if err := runHook(ctx, hook, state); err != nil {
			return fmt.Errorf("%s hook %d: %w", kind, i, err)
		}
	}
	return nil
}

func runHook(ctx context.Context, hook configs.Hook, state configs.HookState) error {
	command, ok := hook.(interface {
		RunContext(context.Context, []byte) error
	})
	if !ok {
		return hook.Run(state)
	}
	stdin, err := json.Marshal(state)
	if err != nil {
		return fmt.Errorf("encode state: %w", err)
	}
	return command.RunContext(ctx, stdin)
}

// logHooks runs hooks whose errors end nothing.
func (c *Instance) logHooks(kind string, hooks []configs.Hook, state configs.HookState) {
	for i, hook := range hooks {
		if err := hook.Run(state); err != nil {
			c.warn(fmt.Errorf("%s hook %d: %w", kind, i, err))
		}
	}
}

// commandHooks gives the commands among hooks. A nil environment stays nil: it means
// that of the program that runs the command, or, inside, that of the container's own.
func commandHooks(hooks []configs.Hook) (commands []configs.Command) {
	for _, hook := range hooks {
		switch h := hook.(type) {
		case configs.CommandHook:
			commands = append(commands, h.Command)
		case *configs.CommandHook:
			commands = append(commands, h.Command)
		}
	}
	return commands
}

// HookCommands are the hooks of a container that are commands, as the state keeps them,
// so that another process can run them. Functions cannot be kept.
type HookCommands struct {
	Prestart        []configs.Command `json:"prestart,omitempty"`
	CreateRuntime   []configs.Command `json:"create_runtime,omitempty"`
	CreateContainer []configs.Command `json:"create_container,omitempty"`
	StartContainer  []configs.Command `json:"start_container,omitempty"`
	Poststart       []configs.Command `json:"poststart,omitempty"`
	Poststop        []configs.Command `json:"poststop,omitempty"`
}

func saveHooks(h *configs.Hooks) *HookCommands {
	if h == nil {
		return nil
	}
	return &HookCommands{
		Prestart:        commandHooks(h.Prestart),
		CreateRuntime:   commandHooks(h.CreateRuntime),
		CreateContainer: commandHooks(h.CreateContainer),
		StartContainer:  commandHooks(h.StartContainer),
		Poststart:       commandHooks(h.Poststart),
		Poststop:        commandHooks(h.Poststop),
	}
}

func (h *HookCommands) load() *configs.Hooks {
	if h == nil {
		return nil
	}
	hooks := func(commands []configs.Command) (list []configs.Hook) {
		for _, c := range commands {
			list = append(list, configs.NewCommandHook(c))
		}
		return list
	}
	return &configs.Hooks{
		Prestart:        hooks(h.Prestart),
		CreateRuntime:   hooks(h.CreateRuntime),
		CreateContainer: hooks(h.CreateContainer),
		StartContainer:  hooks(h.StartContainer),
		Poststart:       hooks(h.Poststart),
		Poststop:        hooks(h.Poststop),
	}
}
