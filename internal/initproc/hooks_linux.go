// The container's side: hooks that run in the container's namespaces.

package initproc

import (
	"fmt"

	"github.com/libcontainer/libcontainer/configs"
)

// beforePivot lets the host run its hooks, and then runs those of the
// container's namespaces, while the root is still the host's.
func beforePivot(p pipe, c *Config) error {
	if c.HostHooks {
		if err := WriteFrame(p, KindHooks, nil); err != nil {
			return fmt.Errorf("ask for hooks: %w", err)
		}
		if err := waitGo(p); err != nil {
			return err
		}
	}
	return runHooks("createContainer", c.CreateContainer, c.HookState)
}

func runHooks(kind string, hooks []configs.Command, state []byte) error {
	for i, h := range hooks {
		if h.Env == nil {
			h.Env = []string{}
		}
		if err := h.RunWithInput(state); err != nil {
			return fmt.Errorf("%s hook %d: %w", kind, i, err)
		}
	}
	return nil
}
