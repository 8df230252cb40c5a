package validate

import (
	"errors"
	"fmt"
	"path"

	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/internal/linux"
)

func mounts(c *configs.Config) error {
	if len(c.Mounts) == 0 {
		return nil
	}
	if err := needsMounts(c, "Mounts"); err != nil {
		return err
	}
	for i, m := range c.Mounts {
		field := fmt.Sprintf("Mounts[%d]", i)
		if m == nil {
			return fmt.Errorf("%s %w", field, errNil)
		}
		if err := mount(field, m); err != nil {
			return err
		}
		if err := mountIDs(field, c, m); err != nil {
			return err
		}
	}
	return nil
}

func mount(field string, m *configs.Mount) error {
	if err := insidePath(field+".Destination", m.Destination); err != nil {
		return err
	}
	if err := notRoot(field+".Destination", m.Destination); err != nil {
		return err
	}
	if err := mountSource(field, m); err != nil {
		return err
	}
	if err := noNUL(field+".Data", m.Data); err != nil {
		return err
	}
	for i, flags := range m.PropagationFlags {
		if err := propagation(fmt.Sprintf("%s.PropagationFlags[%d]", field, i), flags); err != nil {
			return err
		}
	}
	switch m.Relabel {
	case "", "z", "Z":
	default:
		return invalid(field+".Relabel", m.Relabel, errors.New(`is neither "z" nor "Z"`))
	}
	if err := flagsClear(field, m); err != nil {
		return err
	}
	if err := recursiveAttrs(field, m); err != nil {
		return err
	}
	if err := copyUp(field, m); err != nil {
		return err
	}
	return mountCommands(field, m)
}

func mountSource(field string, m *configs.Mount) error {
	if err := noNUL(field+".Source", m.Source); err != nil {
		return err
	}
	if m.IsBind() {
		// bind,remount changes the flags of what is mounted already.
		if m.Source == "" && m.Flags&linux.MS_REMOUNT == 0 {
			return invalid(field+".Source", m.Source, errors.New("is empty, but a bind mount needs it"))
		}
		// What the host's working directory is when the container starts, nobody knows.
		if m.Flags&linux.MS_REMOUNT == 0 && !path.IsAbs(m.Source) {
			return invalid(field+".Source", m.Source, fmt.Errorf("%w, and a bind mount needs the whole path", errNotAbsolute))
		}
		return noNUL(field+".Device", m.Device)
	}
	if m.Device == "bind" {
		return invalid(field+".Flags", m.Flags, errors.New(`have no MS_BIND, but Device is "bind"`))
	}
	return filesystemType(field+".Device", m.Device)
}

// filesystemType accepts the names that kernels use, and FUSE's subtypes after a
// dot. Which ones a kernel has can change while it runs.
func filesystemType(field, value string) error {
	if value == "" {
		return invalid(field, value, errEmpty)
	}
	for _, r := range value {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		digit := r >= '0' && r <= '9'
		if !letter && !digit && r != '_' && r != '-' && r != '.' {
			return invalid(field, value, errors.New("is not the name of a file system type"))
		}
	}
	return nil
}

// propagation checks flags of mount(2) that change the propagation of a mount:
// one type, and perhaps MS_REC and MS_SILENT.
func propagation(field string, flags int) error {
	switch flags &^ (linux.MS_REC | linux.MS_SILENT) {
	case linux.MS_PRIVATE, linux.MS_SLAVE, linux.MS_SHARED, linux.MS_UNBINDABLE:
		return nil
	}
	return fmt.Errorf("%s %#x is not one of MS_PRIVATE, MS_SLAVE, MS_SHARED and MS_UNBINDABLE, with or without MS_REC", field, flags)
}

func mountCommands(field string, m *configs.Mount) error {
	for i, c := range m.PremountCmds {
		if err := command(fmt.Sprintf("%s.PremountCmds[%d]", field, i), c); err != nil {
			return err
		}
	}
	for i, c := range m.PostmountCmds {
		if err := command(fmt.Sprintf("%s.PostmountCmds[%d]", field, i), c); err != nil {
			return err
		}
	}
	return nil
}
