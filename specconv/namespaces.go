package specconv

import (
	"path/filepath"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/libcontainer/libcontainer/configs"
)

// namespaceTypes are those of the specification and the library's.
func namespaceTypes() map[specs.LinuxNamespaceType]configs.NamespaceType {
	return map[specs.LinuxNamespaceType]configs.NamespaceType{
		specs.PIDNamespace:     configs.NEWPID,
		specs.NetworkNamespace: configs.NEWNET,
		specs.MountNamespace:   configs.NEWNS,
		specs.IPCNamespace:     configs.NEWIPC,
		specs.UTSNamespace:     configs.NEWUTS,
		specs.UserNamespace:    configs.NEWUSER,
		specs.CgroupNamespace:  configs.NEWCGROUP,
		specs.TimeNamespace:    configs.NEWTIME,
	}
}

func (c *converter) namespaces(list []specs.LinuxNamespace) {
	types := namespaceTypes()
	for i, ns := range list {
		field := index("linux.namespaces", i)
		t, ok := types[ns.Type]
		switch {
		case !ok:
			c.fail(field+".type", "%q is not a type of namespaces", ns.Type)
		case c.config.Namespaces.Contains(t):
			c.fail(field+".type", "%q is there already", ns.Type)
		case ns.Path != "" && !filepath.IsAbs(ns.Path):
			c.fail(field+".path", "%q is not absolute", ns.Path)
		}
		c.config.Namespaces.Add(t, ns.Path)
	}
	if c.config.Namespaces.Creates(configs.NEWNET) {
		c.config.Networks = []*configs.Network{{Type: "loopback"}}
	}
}

func (c *converter) mappings(field string, list []specs.LinuxIDMapping) (mappings []configs.IDMap) {
	for i, m := range list {
		if m.Size == 0 {
			c.fail(index(field, i)+".size", "is 0")
		}
		mappings = append(mappings, configs.IDMap{ContainerID: int(m.ContainerID), HostID: int(m.HostID), Size: int(m.Size)})
	}
	return mappings
}

func (c *converter) timeOffsets(offsets map[string]specs.LinuxTimeOffset) map[string]configs.TimeOffset {
	if len(offsets) == 0 {
		return nil
	}
	clocks := make(map[string]configs.TimeOffset)
	for clock, offset := range offsets {
		clocks[clock] = configs.TimeOffset{Secs: offset.Secs, Nanosecs: offset.Nanosecs}
	}
	return clocks
}

// netDevices are left where they are when the container goes, as the specification wants it.
func netDevices(devices map[string]specs.LinuxNetDevice) map[string]*configs.NetDevice {
	if len(devices) == 0 {
		return nil
	}
	moved := make(map[string]*configs.NetDevice)
	for name, device := range devices {
		moved[name] = &configs.NetDevice{Name: device.Name, Stay: true}
	}
	return moved
}
