//go:build linux

package cgv2

import (
	"fmt"
	"slices"

	"github.com/libcontainer/libcontainer/cgroups/devices"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
	"github.com/libcontainer/libcontainer/configs"
)

// asksDevices returns the field that restricts the devices, "" if all may be used or
// nothing is to change.
func asksDevices(r *configs.Resources) string {
	switch {
	case r.SkipDevices:
		return ""
	case !r.AllowAllDevices:
		return "AllowedDevices"
	case len(r.DeniedDevices) > 0:
		return "DeniedDevices"
	}
	return ""
}

// setDevices puts the rules in force when the first process is about to execve:
// until then it may have to make or open what the container's program may not.
func setDevices(s *setter, r *configs.Resources) error {
	if r.SkipDevices {
		return nil
	}
	field := asksDevices(r)
	if field == "" {
		field = "AllowAllDevices"
	}
	allowAll, allowed, denied := r.AllowAllDevices, slices.Clone(r.AllowedDevices), slices.Clone(r.DeniedDevices)
	if _, err := devices.New(allowAll, allowed, denied); err != nil {
		return err
	}
	set := func(s *setter) error {
		if err := s.cgroup.attach(allowAll, allowed, denied); err != nil {
			return fmt.Errorf("%s: %w", field, err)
		}
		return nil
	}
	if !s.hold {
		return set(s)
	}
	s.held = append(s.held, held{field: field, file: "devices", write: set})
	return nil
}

// attach calls devices.Attach, or what replaces it. To a test's imitation of a
// cgroup nothing can be attached.
func (c *Cgroup) attach(allowAll bool, allowed, denied []*configs.Device) error {
	attach := c.Attach
	switch {
	case attach != nil:
	case c.Dir.Kind() == cgdir.Any:
		return nil
	default:
		attach = devices.Attach
	}
	f, err := c.Dir.Reopen()
	if err != nil {
		return err
	}
	defer f.Close()
	return attach(int(f.Fd()), allowAll, allowed, denied)
}
