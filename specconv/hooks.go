package specconv

import (
	"math"
	"path"
	"slices"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/libcontainer/libcontainer/configs"
)

func (c *converter) hooks(given *specs.Hooks) *configs.Hooks {
	if given == nil {
		return nil
	}
	//lint:ignore SA1019 engines still use it
	prestart := given.Prestart
	return &configs.Hooks{
		Prestart:        c.hookList("hooks.prestart", prestart),
		CreateRuntime:   c.hookList("hooks.createRuntime", given.CreateRuntime),
		CreateContainer: c.hookList("hooks.createContainer", given.CreateContainer),
		StartContainer:  c.hookList("hooks.startContainer", given.StartContainer),
		Poststart:       c.hookList("hooks.poststart", given.Poststart),
		Poststop:        c.hookList("hooks.poststop", given.Poststop),
	}
}

func (c *converter) hookList(list string, given []specs.Hook) (hooks []configs.Hook) {
	for i, hook := range given {
		field := index(list, i)
		if !path.IsAbs(hook.Path) {
			c.fail(field+".path", "%q is not absolute", hook.Path)
		}
		command := configs.Command{Path: hook.Path, Args: slices.Clone(hook.Args), Env: slices.Clone(hook.Env)}
		if hook.Timeout != nil {
			if *hook.Timeout <= 0 || *hook.Timeout > math.MaxInt64/int(time.Second) {
				c.fail(field+".timeout", "%d is not a number of seconds above 0", *hook.Timeout)
			}
			timeout := time.Duration(*hook.Timeout) * time.Second
			command.Timeout = &timeout
		}
		hooks = append(hooks, configs.NewCommandHook(command))
	}
	return hooks
}
