package specconv

import (
	"reflect"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/internal/linux"
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
		Options:     mountOptions(m),
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

// mountOptions are those that SetOptions reads as the fields of a mount. Where there are none
// for all of them the result is read as something else.
func mountOptions(m *configs.Mount) (options []string) {
	type option struct {
		name string
		bits uint64
	}
	add := func(bits uint64, table ...option) {
		for _, o := range table {
			if bits&o.bits == o.bits {
				options = append(options, o.name)
				bits &^= o.bits
			}
		}
	}
	add(uint64(m.Flags),
		option{"rbind", linux.MS_BIND | linux.MS_REC}, option{"bind", linux.MS_BIND}, option{"remount", linux.MS_REMOUNT})
	add(uint64(m.FlagsClear),
		option{"rw", linux.MS_RDONLY}, option{"suid", linux.MS_NOSUID}, option{"dev", linux.MS_NODEV},
		option{"exec", linux.MS_NOEXEC}, option{"symfollow", linux.MS_NOSYMFOLLOW}, option{"diratime", linux.MS_NODIRATIME},
		option{"atime", linux.MS_NOATIME}, option{"norelatime", linux.MS_RELATIME}, option{"nostrictatime", linux.MS_STRICTATIME})
	add(uint64(m.Flags),
		option{"nosuid", linux.MS_NOSUID}, option{"noexec", linux.MS_NOEXEC}, option{"nodev", linux.MS_NODEV},
		option{"nosymfollow", linux.MS_NOSYMFOLLOW}, option{"nodiratime", linux.MS_NODIRATIME},
		option{"noatime", linux.MS_NOATIME}, option{"relatime", linux.MS_RELATIME}, option{"strictatime", linux.MS_STRICTATIME},
		option{"sync", linux.MS_SYNCHRONOUS}, option{"dirsync", linux.MS_DIRSYNC}, option{"lazytime", linux.MS_LAZYTIME},
		option{"mand", linux.MS_MANDLOCK}, option{"silent", linux.MS_SILENT}, option{"ro", linux.MS_RDONLY})
	add(m.RecAttrClear,
		option{"rrw", linux.MOUNT_ATTR_RDONLY}, option{"rsuid", linux.MOUNT_ATTR_NOSUID}, option{"rdev", linux.MOUNT_ATTR_NODEV},
		option{"rexec", linux.MOUNT_ATTR_NOEXEC}, option{"rsymfollow", linux.MOUNT_ATTR_NOSYMFOLLOW},
		option{"rdiratime", linux.MOUNT_ATTR_NODIRATIME}, option{"ratime", linux.MOUNT_ATTR__ATIME})
	add(m.RecAttrSet,
		option{"rro", linux.MOUNT_ATTR_RDONLY}, option{"rnosuid", linux.MOUNT_ATTR_NOSUID}, option{"rnodev", linux.MOUNT_ATTR_NODEV},
		option{"rnoexec", linux.MOUNT_ATTR_NOEXEC}, option{"rnosymfollow", linux.MOUNT_ATTR_NOSYMFOLLOW},
		option{"rnodiratime", linux.MOUNT_ATTR_NODIRATIME}, option{"rnoatime", linux.MOUNT_ATTR_NOATIME},
		option{"rstrictatime", linux.MOUNT_ATTR_STRICTATIME})
	for _, flags := range m.PropagationFlags {
		for name, value := range propagations() {
			if value == flags && name != "" {
				options = append(options, name)
			}
		}
	}
	if m.IDMapping != configs.IDMapNone {
		options = append(options, string(m.IDMapping)) // the library's words are the specification's
	}
	if m.CopyUp {
		options = append(options, "tmpcopyup")
	}
	if m.Data != "" {
		options = append(options, strings.Split(m.Data, ",")...)
	}
	return options
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
