package integration

import (
	"testing"

	"github.com/libcontainer/libcontainer/configs"
)

func TestInvalidConfigsAreRefused(t *testing.T) {
	for text, edit := range map[string]func(*configs.Config){
		"/nonexistent": func(c *configs.Config) { c.Rootfs = "/nonexistent" },
		"CAP_NOSUCH":   func(c *configs.Config) { c.Capabilities = []string{"CAP_NOSUCH"} },
		"kernel.panic": func(c *configs.Config) { c.Sysctl = map[string]string{"kernel.panic": "1"} },
	} {
		t.Run(text, func(t *testing.T) {
			config := newConfig(t)
			edit(config)
			createFails(t, config, text)
		})
	}
}
