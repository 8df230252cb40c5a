//go:build linux

package cgv2

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/libcontainer/libcontainer/configs"
)

// Limits are what a configuration asks of a cgroup.
type Limits struct {
	r *configs.Resources

	// some says that only names are meant, controllers or Core.
	some  bool
	names []string
}

// Core stands among controllers for what cgroup v2 has without any.
const Core = "cgroup"

// All is everything that r asks for, which is nothing if it is nil.
func All(r *configs.Resources) Limits {
	if r == nil {
		r = &configs.Resources{AllowAllDevices: true}
	}
	return Limits{r: r}
}

// Of is what r asks of the given controllers. Rules for devices and the state of the
// freezer, which need no controller, are not among them.
func Of(r *configs.Resources, controllers []string) Limits {
	return Limits{r: r, some: true, names: controllers}
}

func (l Limits) has(name string) bool { return !l.some || slices.Contains(l.names, name) }

// controllers returns those that are meant.
func (l Limits) controllers() []controller {
	return slices.DeleteFunc(controllers(), func(c controller) bool { return !l.has(c.name()) })
}

// files returns the keys of Unified that are meant, in order.
func (l Limits) files() []string {
	files := slices.Sorted(maps.Keys(l.r.Unified))
	return slices.DeleteFunc(files, func(file string) bool { return !l.has(controllerOf(file)) })
}

// Check returns an error for what cgroup v2 does not have and for names that are
// none. Values that ask for nothing pass.
func (l Limits) Check() error {
	for _, c := range l.controllers() {
		if field, advice := c.v1Only(l.r); field != "" {
			return unsupported(field, advice)
		}
	}
	if l.some {
		return l.checkFiles()
	}
	switch {
	case l.r.NetClsClassid != "":
		return unsupported("NetClsClassid", "packets are told by the cgroup's path (iptables -m cgroup --path, nft socket cgroupv2)")
	case len(l.r.NetPrioIfpriomap) > 0:
		return unsupported("NetPrioIfpriomap", "priorities are set with tc(8) by the cgroup's path")
	}
	return l.checkFiles()
}

func unsupported(field, advice string) error {
	return fmt.Errorf("%s cannot be set with cgroup v2: %s: %w", field, advice, errors.ErrUnsupported)
}

// checkFiles refuses files that are not settings of a controller. Nobody but the
// managers moves processes and enables controllers.
func (l Limits) checkFiles() error {
	for _, file := range l.files() {
		if err := configs.CheckUnifiedFile(file); err != nil {
			return fmt.Errorf("%s: %w", unifiedField(file), err)
		}
	}
	return nil
}

// Required returns the first field that cannot be met without a cgroup, "" if there
// is none.
func (l Limits) Required() string {
	for _, c := range l.controllers() {
		if request, field := c.asks(l.r); request == required {
			return field
		}
	}
	switch {
	case len(l.files()) > 0:
		return "Unified"
	case l.some:
		return ""
	case l.r.Freezer != configs.Undefined:
		return "Freezer"
	}
	return asksDevices(l.r)
}

// requires returns the controllers without which the limits cannot be met.
func (l Limits) requires() (names []string) {
	for _, c := range l.controllers() {
		if request, _ := c.asks(l.r); request == required {
			names = append(names, c.name())
		}
	}
	for _, file := range l.files() {
		if name := controllerOf(file); name != Core && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// fieldFor returns the field for which one of the controllers missing is needed.
func (l Limits) fieldFor(missing []string) string {
	for _, c := range l.controllers() {
		if request, field := c.asks(l.r); request == required && slices.Contains(missing, c.name()) {
			return field
		}
	}
	for _, file := range l.files() {
		if slices.Contains(missing, controllerOf(file)) {
			return unifiedField(file)
		}
	}
	return "a limit"
}

// Beyond returns a field of r that only cgroup v2 has something for, and its controller
// (or Core), if that is not one of the given ones. The field is "" if there is none.
func Beyond(r *configs.Resources, controllers []string) (field, controller string) {
	beyond := Limits{r: r}
	for _, c := range beyond.controllers() {
		if field := c.v2Only(r); field != "" && !slices.Contains(controllers, c.name()) {
			return field, c.name()
		}
	}
	for _, file := range beyond.files() {
		if name := controllerOf(file); !slices.Contains(controllers, name) {
			return unifiedField(file), name
		}
	}
	return "", ""
}
