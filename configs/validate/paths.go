package validate

import (
	"fmt"

	"github.com/libcontainer/libcontainer/configs"
)

// hiddenPaths checks MaskPaths and ReadonlyPaths, which are made by mounts.
func hiddenPaths(c *configs.Config) error {
	if err := pathList(c, "MaskPaths", c.MaskPaths); err != nil {
		return err
	}
	return pathList(c, "ReadonlyPaths", c.ReadonlyPaths)
}

func pathList(c *configs.Config, field string, list []string) error {
	if len(list) == 0 {
		return nil
	}
	if err := needsMounts(c, field); err != nil {
		return err
	}
	for i, value := range list {
		item := fmt.Sprintf("%s[%d]", field, i)
		if err := absolutePath(item, value); err != nil {
			return err
		}
		if err := notRoot(item, value); err != nil {
			return err
		}
	}
	return nil
}
