//go:build linux

package systemd

import (
	"fmt"
	"slices"

	sd "github.com/coreos/go-systemd/v22/dbus"
	"github.com/godbus/dbus/v5"

	"github.com/libcontainer/libcontainer/configs"
)

// ownProperties are those without which a unit would not be the container's. What
// limits it has configs.Resources.
var ownProperties = [...]string{"Slice", "PIDs", "PIDFDs", "Delegate", "DelegateControllers", "CollectMode", "StopWhenUnneeded"}

// extraProperties parses the properties that a configuration passes on.
func extraProperties(cg *configs.Cgroup) (list []sd.Property, err error) {
	for i, p := range cg.SystemdProperties {
		where := fmt.Sprintf("Cgroups.SystemdProperties[%d] %q", i, p.Name)
		switch {
		case p.Name == "":
			return nil, fmt.Errorf("%s has no name", where)
		case slices.Contains(ownProperties[:], p.Name):
			return nil, fmt.Errorf("%s is set by the library", where)
		}
		value, err := dbus.ParseVariant(p.Value, dbus.Signature{})
		if err != nil {
			return nil, fmt.Errorf("%s: the value %q is not in GVariant's text format: %w", where, p.Value, err)
		}
		list = append(list, sd.Property{Name: p.Name, Value: value})
	}
	return list, nil
}
