package validate

import (
	"errors"
	"fmt"

	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/internal/linux"
)

// mountIDs checks the id mapping of a mount.
func mountIDs(field string, c *configs.Config, m *configs.Mount) error {
	switch m.IDMapping {
	case configs.IDMapNone:
		if len(m.UidMappings) > 0 {
			return fmt.Errorf("%s.UidMappings need an IDMapping", field)
		}
		if len(m.GidMappings) > 0 {
			return fmt.Errorf("%s.GidMappings need an IDMapping", field)
		}
		return nil
	case configs.IDMapMount, configs.IDMapRecursive:
	default:
		return invalid(field+".IDMapping", string(m.IDMapping), errors.New(`is none of "", "idmap" and "ridmap"`))
	}
	if !m.IsBind() || m.Flags&linux.MS_REMOUNT != 0 {
		return invalid(field+".IDMapping", string(m.IDMapping), errors.New("is only for new bind mounts"))
	}
	if len(m.UidMappings) == 0 && len(m.GidMappings) == 0 {
		if !c.Namespaces.Contains(configs.NEWUSER) {
			return fmt.Errorf("%s.IDMapping needs UidMappings and GidMappings, or a NEWUSER namespace to take them from", field)
		}
		return nil
	}
	if err := mappings(field+".UidMappings", m.UidMappings); err != nil {
		return err
	}
	return mappings(field+".GidMappings", m.GidMappings)
}

const (
	// accessTimes are the bits that are one value together.
	accessTimes = linux.MOUNT_ATTR__ATIME

	recursiveAttributes = linux.MOUNT_ATTR_RDONLY | linux.MOUNT_ATTR_NOSUID | linux.MOUNT_ATTR_NODEV |
		linux.MOUNT_ATTR_NOEXEC | linux.MOUNT_ATTR_NODIRATIME | linux.MOUNT_ATTR_NOSYMFOLLOW | accessTimes
)

// recursiveAttrs checks attributes by the rules of mount_setattr(2).
func recursiveAttrs(field string, m *configs.Mount) error {
	set, clr := m.RecAttrSet, m.RecAttrClear
	for _, attrs := range []struct {
		name string
		bits uint64
	}{{"RecAttrSet", set}, {"RecAttrClear", clr}} {
		if unknown := attrs.bits &^ recursiveAttributes; unknown != 0 {
			return fmt.Errorf("%s.%s has the unknown attributes %#x", field, attrs.name, unknown)
		}
	}
	if both := set & clr &^ accessTimes; both != 0 {
		return fmt.Errorf("%s.RecAttrSet and RecAttrClear both have %#x", field, both)
	}
	switch clr & accessTimes {
	case accessTimes:
	case 0:
		if set&accessTimes != 0 {
			return fmt.Errorf("%s.RecAttrSet has an access time attribute, for which RecAttrClear must have MOUNT_ATTR__ATIME", field)
		}
	default:
		return fmt.Errorf("%s.RecAttrClear has a part of MOUNT_ATTR__ATIME", field)
	}
	switch set & accessTimes {
	case linux.MOUNT_ATTR_RELATIME, linux.MOUNT_ATTR_NOATIME, linux.MOUNT_ATTR_STRICTATIME:
		return nil
	}
	return fmt.Errorf("%s.RecAttrSet has more than one access time attribute", field)
}

// clearable are the flags of mount(2) that are attributes of one mount, and not of
// its file system, see mount_setattr(2).
const clearable = linux.MS_RDONLY | linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC | linux.MS_NOSYMFOLLOW |
	linux.MS_NODIRATIME | linux.MS_NOATIME | linux.MS_RELATIME | linux.MS_STRICTATIME

func flagsClear(field string, m *configs.Mount) error {
	switch {
	case m.FlagsClear == 0:
		return nil
	case !m.IsBind():
		return fmt.Errorf("%s.FlagsClear is only for bind mounts", field)
	case m.FlagsClear&^clearable != 0:
		return fmt.Errorf("%s.FlagsClear has %#x, which cannot be cleared on a mount", field, m.FlagsClear&^clearable)
	case m.FlagsClear&m.Flags != 0:
		return fmt.Errorf("%s.Flags and FlagsClear both have %#x", field, m.FlagsClear&m.Flags)
	}
	return nil
}

func copyUp(field string, m *configs.Mount) error {
	if m.CopyUp && (m.Device != "tmpfs" || m.Flags&(linux.MS_BIND|linux.MS_REMOUNT) != 0) {
		return fmt.Errorf("%s.CopyUp is only for new mounts of type tmpfs", field)
	}
	return nil
}
