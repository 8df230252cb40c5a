package specconv

import (
	"path"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/internal/linux"
)

// unsupported are options that mount(2) or another runtime knows, and that must not be
// taken for those of a file system. The text says why they are not there.
func unsupported(option string) string {
	switch option {
	case "iversion":
		return "the kernel's mount API has no such thing since fsopen(2): it is the file system's own business"
	case "copy-symlink", "src-nofollow", "dest-nofollow":
		return "is not in the specification, and not supported"
	}
	return ""
}

func (c *converter) mount(field string, given *specs.Mount) *configs.Mount {
	m := &configs.Mount{Source: given.Source, Device: given.Type}
	c.mountOptions(field+".options", given, m)
	c.mountDestination(field+".destination", given, m)
	remount := m.Flags&linux.MS_REMOUNT != 0
	switch {
	case m.IsBind():
		m.Device = "bind"
		if m.Data != "" {
			c.warn(field+".options", "%q have no effect on a bind mount", m.Data)
			m.Data = ""
		}
		if m.Source != "" {
			m.Source = c.absolute(m.Source)
		} else if !remount {
			c.fail(field+".source", "is empty, and a bind mount needs it")
		}
	case m.Device == "" && remount:
		m.Device = "none" // what is mounted there knows its type
	case m.Device == "":
		c.fail(field+".type", "is empty, and options have neither bind nor rbind")
	}
	c.mountMappings(field, given, m)
	return m
}

func (c *converter) mountOptions(field string, given *specs.Mount, m *configs.Mount) {
	var options []string
	for i, option := range given.Options {
		if reason := unsupported(option); reason != "" {
			c.fail(index(field, i), "%q: %s", option, reason)
		}
		if option != "noiversion" { // the kernel's default
			options = append(options, option)
		}
	}
	m.SetOptions(options)
	if given.Type == "bind" && !m.IsBind() {
		// Engines mean a bind mount, although the specification wants the option.
		m.SetOptions(append([]string{"bind"}, options...))
	}
}

func (c *converter) mountDestination(field string, given *specs.Mount, m *configs.Mount) {
	switch {
	case given.Destination == "":
		c.fail(field, "is empty")
	case !path.IsAbs(given.Destination):
		c.warn(field, "%q is relative, which is deprecated", given.Destination)
	}
	m.Destination = path.Join("/", given.Destination)
}

func (c *converter) mountMappings(field string, given *specs.Mount, m *configs.Mount) {
	m.UidMappings = c.mappings(field+".uidMappings", given.UIDMappings)
	m.GidMappings = c.mappings(field+".gidMappings", given.GIDMappings)
	switch uids, gids := len(m.UidMappings) > 0, len(m.GidMappings) > 0; {
	case uids && !gids:
		c.fail(field+".gidMappings", "are missing beside uidMappings")
	case gids && !uids:
		c.fail(field+".uidMappings", "are missing beside gidMappings")
	case uids && m.IDMapping == configs.IDMapNone:
		m.IDMapping = configs.IDMapMount // the option only SHOULD be there
	}
}
