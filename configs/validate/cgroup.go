package validate

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/libcontainer/libcontainer/configs"
)

func cgroup(c *configs.Config) error {
	if c.Cgroups == nil {
		return nil
	}
	if err := cgroupNames(c.Cgroups); err != nil {
		return err
	}
	if err := cgroupPaths(c.Cgroups.Paths); err != nil {
		return err
	}
	if err := systemdProperties(c.Cgroups.SystemdProperties); err != nil {
		return err
	}
	if c.Cgroups.Resources == nil {
		return nil
	}
	return resources(c.Cgroups.Resources)
}

func cgroupNames(c *configs.Cgroup) error {
	if err := cgroupName("Cgroups.Name", c.Name); err != nil {
		return err
	}
	if err := cgroupName("Cgroups.ScopePrefix", c.ScopePrefix); err != nil {
		return err
	}
	if err := line("Cgroups.Parent", c.Parent); err != nil {
		return err
	}
	if hasDotDot(c.Parent) {
		return invalid("Cgroups.Parent", c.Parent, errDotDot)
	}
	return cgroupPath(c)
}

// cgroupPath checks the path that stands for Parent and Name.
func cgroupPath(c *configs.Cgroup) error {
	const field = "Cgroups.Path"
	if c.Path == "" {
		return nil
	}
	if err := line(field, c.Path); err != nil {
		return err
	}
	switch {
	case hasDotDot(c.Path):
		return invalid(field, c.Path, errDotDot)
	case path.Clean("/"+c.Path) == "/":
		return invalid(field, c.Path, errors.New("names no cgroup"))
	case c.Parent != "" || c.Name != "":
		return invalid(field, c.Path, fmt.Errorf("is set, and so are Cgroups.Parent %q or Cgroups.Name %q", c.Parent, c.Name))
	}
	return nil
}

// systemdProperties checks that the names could be those of properties. What they
// mean, and their values, systemd and its manager of cgroups know.
func systemdProperties(list []configs.SystemdProperty) error {
	for i, p := range list {
		letters := func(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' }
		if p.Name == "" || strings.ContainsFunc(p.Name, func(r rune) bool { return !letters(r) }) {
			return invalid(fmt.Sprintf("Cgroups.SystemdProperties[%d].Name", i), p.Name, errors.New("is not the name of a property"))
		}
		if strings.Contains(p.Value, "\x00") {
			return invalid(fmt.Sprintf("Cgroups.SystemdProperties[%d].Value", i), p.Value, errNUL)
		}
	}
	return nil
}

// cgroupName checks a single path element.
func cgroupName(field, value string) error {
	if err := line(field, value); err != nil {
		return err
	}
	if value == "." || value == ".." || strings.Contains(value, "/") {
		return invalid(field, value, errors.New("is not a single path element"))
	}
	return nil
}

func cgroupPaths(paths map[string]string) error {
	for _, subsystem := range slices.Sorted(maps.Keys(paths)) {
		field := fmt.Sprintf("Cgroups.Paths[%q]", subsystem)
		if err := absolutePath(field, paths[subsystem]); err != nil {
			return err
		}
	}
	return nil
}
