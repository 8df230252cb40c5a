package validate

import (
	"errors"
	"fmt"
	"math"
	"os"
	"slices"

	"github.com/libcontainer/libcontainer/configs"
)

// maxMappings is the number of lines that the kernel takes in /proc/PID/uid_map,
// UID_GID_MAP_MAX_EXTENTS in user_namespaces(7).
const maxMappings = 340

func idMappings(c *configs.Config) error {
	if !c.Namespaces.Contains(configs.NEWUSER) {
		if len(c.UidMappings) > 0 {
			return errors.New("UidMappings need a NEWUSER namespace")
		}
		if len(c.GidMappings) > 0 {
			return errors.New("GidMappings need a NEWUSER namespace")
		}
		return nil
	}
	for _, maps := range []struct {
		field string
		list  []configs.IDMap
	}{{"UidMappings", c.UidMappings}, {"GidMappings", c.GidMappings}} {
		// A namespace that is joined has its mappings already.
		if len(maps.list) == 0 && !c.Namespaces.Creates(configs.NEWUSER) {
			continue
		}
		// Who creates the container sets them.
		if len(maps.list) == 0 && c.IDs != nil {
			continue
		}
		if err := mappings(maps.field, maps.list); err != nil {
			return err
		}
		if !slices.ContainsFunc(maps.list, func(m configs.IDMap) bool { return m.ContainerID == 0 }) {
			return fmt.Errorf("%s have no entry with the ContainerID 0: the container needs root, who sets it up", maps.field)
		}
	}
	return nil
}

// idPool checks the pool of ids that a container gets its mappings from.
func idPool(c *configs.Config) error {
	if c.IDs == nil {
		return nil
	}
	if !c.Namespaces.Creates(configs.NEWUSER) {
		return errors.New("IDs need a new NEWUSER namespace")
	}
	if err := inRange("IDs.Size", int64(c.IDs.Size), 1, math.MaxUint32); err != nil {
		return err
	}
	// The host's root is nobody's to have.
	if err := inRange("IDs.First", int64(c.IDs.First), 1, math.MaxUint32); err != nil {
		return err
	}
	// The last one is "no id".
	most := (math.MaxUint32 - int64(c.IDs.First)) / int64(c.IDs.Size)
	return inRange("IDs.Count", int64(c.IDs.Count), 1, most)
}

// mappings checks the mappings of a new user namespace.
func mappings(field string, list []configs.IDMap) error {
	if len(list) == 0 {
		return fmt.Errorf("%s are empty, but a new user namespace needs them", field)
	}
	if len(list) > maxMappings {
		return fmt.Errorf("%s have %d entries, and the kernel takes %d", field, len(list), maxMappings)
	}
	size := 0
	for i, m := range list {
		if err := mapping(fmt.Sprintf("%s[%d]", field, i), m); err != nil {
			return err
		}
		for j, other := range list[:i] {
			if overlap(m.ContainerID, m.Size, other.ContainerID, other.Size) {
				return fmt.Errorf("%s[%d] and [%d] overlap inside the container", field, j, i)
			}
			if overlap(m.HostID, m.Size, other.HostID, other.Size) {
				return fmt.Errorf("%s[%d] and [%d] overlap on the host", field, j, i)
			}
		}
		size += len(fmt.Sprintf("%d %d %d\n", m.ContainerID, m.HostID, m.Size))
	}
	return mappingText(field, size, os.Getpagesize())
}

// mappingText checks the length of the text for the kernel's file.
func mappingText(field string, size, page int) error {
	if size < page {
		return nil
	}
	return fmt.Errorf("%s make %d bytes of text, and the kernel takes less than %d", field, size, page)
}

// mapping checks that all ids are valid ones: 32 bits, and the last is "no id".
func mapping(field string, m configs.IDMap) error {
	if err := inRange(field+".Size", int64(m.Size), 1, math.MaxUint32); err != nil {
		return err
	}
	last := math.MaxUint32 - int64(m.Size)
	if err := inRange(field+".ContainerID", int64(m.ContainerID), 0, last); err != nil {
		return err
	}
	return inRange(field+".HostID", int64(m.HostID), 0, last)
}

func overlap(a, aSize, b, bSize int) bool {
	return a < b+bSize && b < a+aSize
}
