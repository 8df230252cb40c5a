package validate

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"slices"

	"github.com/libcontainer/libcontainer/configs"
)

func namespaces(c *configs.Config) error {
	seen := make(map[configs.NamespaceType]bool)
	for i, ns := range c.Namespaces {
		field := fmt.Sprintf("Namespaces[%d]", i)
		if !slices.Contains(configs.NamespaceTypes(), ns.Type) {
			return invalid(field+".Type", string(ns.Type), errors.New("is not a known type"))
		}
		if seen[ns.Type] {
			return invalid(field+".Type", string(ns.Type), errors.New("is there already"))
		}
		seen[ns.Type] = true
		if err := namespacePath(field+".Path", ns); err != nil {
			return err
		}
	}
	return nil
}

// namespacePath accepts what leads to a file of the host in any way, "..", too,
// but not the host's own mount namespace: the container's root would become the
// host's.
func namespacePath(field string, ns configs.Namespace) error {
	if ns.Path == "" {
		return nil
	}
	if err := noNUL(field, ns.Path); err != nil {
		return err
	}
	if !path.IsAbs(ns.Path) {
		return invalid(field, ns.Path, errNotAbsolute)
	}
	if ns.Type == configs.NEWNS && sameFile(ns.Path, ownNamespace(ns.Type)) {
		return invalid(field, ns.Path, errors.New("is the host's own mount namespace"))
	}
	return nil
}

// needs returns an error when the container has no namespace of type t, for a
// field that makes no sense without one.
func needs(c *configs.Config, t configs.NamespaceType, field string) error {
	if !c.Namespaces.Contains(t) {
		return fmt.Errorf("%s needs a %s namespace", field, t)
	}
	return nil
}

// needsMounts is needs for a field that has something mounted. A mount namespace that is
// joined will do: it is not the host's, see namespacePath.
func needsMounts(c *configs.Config, field string) error {
	if c.Namespaces.Contains(configs.NEWNS) {
		return nil
	}
	return fmt.Errorf("%s needs a NEWNS namespace, a new one or one to join: without, mounts would be made in the host's own", field)
}

// needsOwn is needs, and the namespace must not be that of the host by way of a
// path to it: for fields that would change the host.
func needsOwn(c *configs.Config, t configs.NamespaceType, field string) error {
	if err := needs(c, t, field); err != nil {
		return err
	}
	joined := c.Namespaces.PathOf(t)
	if joined != "" && sameFile(joined, ownNamespace(t)) {
		return fmt.Errorf("%s needs a %s namespace, and %q is the host's own", field, t, joined)
	}
	return nil
}

func ownNamespace(t configs.NamespaceType) string {
	ns := configs.Namespace{Type: t}
	return "/proc/self/ns/" + path.Base(ns.GetPath(0))
}

// sameFile is false when one of the files can't be looked at: then the container
// can't join it either.
func sameFile(a, b string) bool {
	infoA, err := os.Stat(a)
	if err != nil {
		return false
	}
	infoB, err := os.Stat(b)
	return err == nil && os.SameFile(infoA, infoB)
}

// timeOffsets are checked against time_namespaces(7): the kernel takes them only
// before the first process is in the namespace.
func timeOffsets(c *configs.Config) error {
	if len(c.TimeOffsets) == 0 {
		return nil
	}
	if !c.Namespaces.Creates(configs.NEWTIME) {
		return errors.New("TimeOffsets need a new NEWTIME namespace")
	}
	for _, clock := range slices.Sorted(maps.Keys(c.TimeOffsets)) {
		field := fmt.Sprintf("TimeOffsets[%q]", clock)
		if clock != "monotonic" && clock != "boottime" {
			return fmt.Errorf("%s is neither monotonic nor boottime", field)
		}
		if err := inRange(field+".Nanosecs", int64(c.TimeOffsets[clock].Nanosecs), 0, 999_999_999); err != nil {
			return err
		}
	}
	return nil
}
