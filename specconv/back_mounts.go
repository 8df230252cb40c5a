package specconv

import (
	"reflect"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/libcontainer/libcontainer/configs"
)

func (b *back) mount(field string, m *configs.Mount) specs.Mount {
	if m == nil {
		b.fail(field, "is nil")
		return specs.Mount{}
	}
	b.refuse(field+".Relabel", m.Relabel != "")
	b.refuse(field+".PremountCmds", len(m.PremountCmds) > 0)
	b.refuse(field+".PostmountCmds", len(m.PostmountCmds) > 0)
	out := specs.Mount{
		Destination: m.Destination,
		Type:        m.Device,
		Source:      m.Source,
		Options:     m.Options(),
		UIDMappings: b.mappings(field+".UidMappings", m.UidMappings),
		GIDMappings: b.mappings(field+".GidMappings", m.GidMappings),
	}
	var read configs.Mount
	read.SetOptions(out.Options)
	said := *m
	said.Source, said.Destination, said.Device, said.Relabel = "", "", "", ""
	said.PremountCmds, said.PostmountCmds, said.UidMappings, said.GidMappings = nil, nil, nil, nil
	if !reflect.DeepEqual(read, said) {
		b.fail(field, "options such as %#x %w", m.Flags, errNoProperty)
	}
	return out
}

func (b *back) devices(devices []*configs.Device) (out []specs.LinuxDevice) {
	for i, d := range devices {
		field := index("Config.Devices", i)
		if d == nil {
			b.fail(field, "is nil")
			continue
		}
		if isDefault(d) {
			continue
		}
		one := specs.LinuxDevice{Path: d.Path, Type: string(d.Type), Major: d.Major, Minor: d.Minor}
		mode, uid, gid := d.FileMode, d.Uid, d.Gid
		one.FileMode, one.UID, one.GID = &mode, &uid, &gid
		out = append(out, one)
	}
	return out
}

// isDefault tells whether every container has that device.
func isDefault(d *configs.Device) bool {
	for _, known := range configs.DefaultSimpleDevices {
		if *known == *d {
			return true
		}
	}
	return false
}
