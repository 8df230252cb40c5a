package integration

import (
	"testing"

	"github.com/libcontainer/libcontainer/configs"
)

// What this version does not do is refused and not left out.
func TestUnsupportedConfigsAreRefused(t *testing.T) {
	for field, edit := range map[string]func(*configs.Config){
		"AppArmorProfile": func(c *configs.Config) { c.AppArmorProfile = "p" },
		"ProcessLabel":    func(c *configs.Config) { c.ProcessLabel = "l" },
		"MountLabel":      func(c *configs.Config) { c.MountLabel = "l" },
	} {
		t.Run(field, func(t *testing.T) {
			config := newConfig(t)
			edit(config)
			createFails(t, config, field, "not supported yet")
		})
	}
}

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
