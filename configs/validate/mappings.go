package validate

import (
	"errors"
	"fmt"
	"math"

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
	// A namespace that is joined has its mappings already.
	required := c.Namespaces.Creates(configs.NEWUSER)
	if err := mappings("UidMappings", c.UidMappings, required); err != nil {
		return err
	}
	return mappings("GidMappings", c.GidMappings, required)
}

func mappings(field string, list []configs.IDMap, required bool) error {
	if required && len(list) == 0 {
		return fmt.Errorf("%s are empty, but a new NEWUSER namespace needs them", field)
	}
	if len(list) > maxMappings {
		return fmt.Errorf("%s have %d entries, and the kernel takes %d", field, len(list), maxMappings)
	}
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
	}
	return nil
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
