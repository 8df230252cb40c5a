package validate

import (
	"github.com/libcontainer/libcontainer/configs"
)

// bundle checks what hooks are told about the container.
func bundle(c *configs.Config) error {
	if c.Bundle != "" {
		if err := absolutePath("Bundle", c.Bundle); err != nil {
			return err
		}
	}
	for name := range c.Annotations {
		if name == "" {
			return invalid("Annotations", name, errEmpty)
		}
	}
	return nil
}
