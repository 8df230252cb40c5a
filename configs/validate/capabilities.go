package validate

import (
	"errors"
	"fmt"
	"slices"

	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/internal/linux"
)

// capabilities checks names, and what capset(2) and PR_CAP_AMBIENT in prctl(2)
// would refuse with no more than an EPERM.
func capabilities(c *configs.Config) error {
	if err := capabilityNames("Capabilities", c.Capabilities); err != nil {
		return err
	}
	return CapabilitySets(c.CapabilitySets)
}

// CapabilitySets checks the five sets of a configuration, or of a single process.
func CapabilitySets(sets *configs.CapabilitySets) error {
	if sets == nil {
		return nil
	}
	for _, set := range []struct {
		name string
		list []string
	}{
		{"Bounding", sets.Bounding},
		{"Effective", sets.Effective},
		{"Inheritable", sets.Inheritable},
		{"Permitted", sets.Permitted},
		{"Ambient", sets.Ambient},
	} {
		if err := capabilityNames("CapabilitySets."+set.name, set.list); err != nil {
			return err
		}
	}
	return capabilitySubsets(sets)
}

func capabilitySubsets(sets *configs.CapabilitySets) error {
	for _, rule := range []struct {
		name   string
		list   []string
		inName string
		in     []string
	}{
		{"Effective", sets.Effective, "Permitted", sets.Permitted},
		{"Inheritable", sets.Inheritable, "Bounding", sets.Bounding},
		{"Ambient", sets.Ambient, "Permitted", sets.Permitted},
		{"Ambient", sets.Ambient, "Inheritable", sets.Inheritable},
	} {
		for i, name := range rule.list {
			if !slices.Contains(rule.in, name) {
				return fmt.Errorf("CapabilitySets.%s[%d] %q is not in CapabilitySets.%s", rule.name, i, name, rule.inName)
			}
		}
	}
	return nil
}

func capabilityNames(field string, names []string) error {
	for i, name := range names {
		if _, ok := linux.Capabilities().Value(name); !ok {
			return invalid(fmt.Sprintf("%s[%d]", field, i), name, errors.New("is not the name of a capability, such as CAP_CHOWN"))
		}
	}
	return nil
}
