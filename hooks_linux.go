// The host's side: hooks.

package libcontainer

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/libcontainer/libcontainer/configs"
)

// ociVersion is the version of the runtime specification whose state hooks get.
const ociVersion = "1.3.0"

func (c *linuxContainer) hookState(pid int, status string) configs.HookState {
	return configs.HookState{
		Version:    c.config.Version,
		OCIVersion: ociVersion,
		ID:         c.id,
		Status:     status,
		Pid:        pid,
		Bundle:     filepath.Dir(c.config.Rootfs),
		Root:       c.config.Rootfs,
	}
}

func (c *linuxContainer) hooks() *configs.Hooks {
	if c.config.Hooks == nil {
		return new(configs.Hooks)
	}
	return c.config.Hooks
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
func (c *linuxContainer) logHooks(kind string, hooks []configs.Hook, state configs.HookState) {
	for i, hook := range hooks {
		if err := hook.Run(state); err != nil {
			c.factory.warn(fmt.Errorf("container %q: %s hook %d: %w", c.id, kind, i, err))
		}
	}
}

// runCreateHooks runs the hooks of the host's namespaces that come before the
// root changes.
func (l *launch) runCreateHooks() error {
	state := l.c.hookState(l.ref.Pid(), "creating")
	if err := runHooks(l.ctx, "prestart", l.c.hooks().Prestart, state); err != nil {
		return err
	}
	return runHooks(l.ctx, "createRuntime", l.c.hooks().CreateRuntime, state)
}

// commandHooks gives the commands among hooks, with the environment that they
// would inherit here.
func commandHooks(hooks []configs.Hook) (commands []configs.Command) {
	for _, hook := range hooks {
		switch h := hook.(type) {
		case configs.CommandHook:
			commands = append(commands, withEnv(h.Command))
		case *configs.CommandHook:
			commands = append(commands, withEnv(h.Command))
		}
	}
	return commands
}

// withEnv gives a command that runs elsewhere the environment that it would
// inherit here.
func withEnv(c configs.Command) configs.Command {
	if c.Env == nil {
		c.Env = os.Environ()
	}
	return c
}

// withMountEnv does so for the commands of mounts.
func withMountEnv(config *configs.Config) *configs.Config {
	c := *config
	c.Mounts = make([]*configs.Mount, len(config.Mounts))
	for i, mount := range config.Mounts {
		m := *mount
		m.PremountCmds, m.PostmountCmds = nil, nil
		for _, command := range mount.PremountCmds {
			m.PremountCmds = append(m.PremountCmds, withEnv(command))
		}
		for _, command := range mount.PostmountCmds {
			m.PostmountCmds = append(m.PostmountCmds, withEnv(command))
		}
		c.Mounts[i] = &m
	}
	return &c
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
