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
	case len(r.DeviceRules) > 0:
		return "DeviceRules"
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
	if err := checkDevices(r); err != nil {
		return err
	}
	rules := &configs.Resources{
		AllowAllDevices: r.AllowAllDevices,
		AllowedDevices:  slices.Clone(r.AllowedDevices),
		DeniedDevices:   slices.Clone(r.DeniedDevices),
		DeviceRules:     slices.Clone(r.DeviceRules),
	}
	set := func(s *setter) error {
		if err := s.cgroup.attach(rules); err != nil {
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

func checkDevices(r *configs.Resources) (err error) {
	if len(r.DeviceRules) > 0 {
		_, err = devices.NewOrdered(r.AllowAllDevices, r.DeviceRules)
	} else {
		_, err = devices.New(r.AllowAllDevices, r.AllowedDevices, r.DeniedDevices)
	}
	return err
}

func attachDevices(dirFd int, r *configs.Resources) error {
	if len(r.DeviceRules) > 0 {
		return devices.AttachOrdered(dirFd, r.AllowAllDevices, r.DeviceRules)
	}
	return devices.Attach(dirFd, r.AllowAllDevices, r.AllowedDevices, r.DeniedDevices)
}

// attach calls attachDevices, or what replaces it. To a test's imitation of a
// cgroup nothing can be attached.
func (c *Cgroup) attach(r *configs.Resources) error {
	attach := c.Attach
	switch {
	case attach != nil:
	case c.Dir.Kind() == cgdir.Any:
		return nil
	default:
		attach = attachDevices
	}
	f, err := c.Dir.Reopen()
	if err != nil {
		return err
	}
	defer f.Close()
	return attach(int(f.Fd()), r)
}
