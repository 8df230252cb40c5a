//go:build linux

package fs

import (
	"errors"
	"fmt"

	"github.com/libcontainer/libcontainer/cgroups/internal/cgv2"
	"github.com/libcontainer/libcontainer/configs"
)

// refuse returns an error for limits that are cgroup v2's, but for those of the
// controllers that are at hand. Values that ask for nothing pass.
func refuse(r *configs.Resources, controllers []string) error {
	field, controller := cgv2.Beyond(r, controllers)
	if field == "" {
		return nil
	}
	return fmt.Errorf("%s cannot be set: it needs %s of cgroup v2, which has %q here: %w",
		field, controller, controllers, errors.ErrUnsupported)
}
