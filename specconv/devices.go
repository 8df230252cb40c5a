package specconv

import (
	"os"
	"path"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/libcontainer/libcontainer/configs"
)

// devices gives the default devices, and those that the specification lists, which may
// have the place of default ones.
func (c *converter) devices(given []specs.LinuxDevice) (devices []*configs.Device) {
	for _, device := range configs.DefaultSimpleDevices {
		if !slices.ContainsFunc(given, func(d specs.LinuxDevice) bool { return path.Clean(d.Path) == device.Path }) {
			devices = append(devices, copyOf(device))
		}
	}
	for i := range given {
		devices = append(devices, c.device(index("linux.devices", i), &given[i]))
	}
	return devices
}

func (c *converter) device(field string, given *specs.LinuxDevice) *configs.Device {
	device := &configs.Device{
		Path:     path.Clean(given.Path),
		Major:    given.Major,
		Minor:    given.Minor,
		FileMode: 0o666,
		Uid:      valueOf(given.UID),
		Gid:      valueOf(given.GID),
	}
	if !path.IsAbs(given.Path) {
		c.fail(field+".path", "%q is not absolute", given.Path)
	}
	switch given.Type {
	case "c", "u", "b", "p":
		device.Type = rune(given.Type[0])
	default:
		c.fail(field+".type", "%q is none of c, b, u and p", given.Type)
	}
	if mode := given.FileMode; mode != nil {
		// Engines leave the kernel's bits for the type of the file in.
		const typeBits = 0o170000
		if rest := *mode &^ (typeBits | os.ModePerm); rest != 0 {
			c.fail(field+".fileMode", "%#o has more than permissions", uint32(*mode))
		}
		device.FileMode = *mode & os.ModePerm
	}
	return device
}

// deviceRules gives the rules of linux.resources.devices in their order, and after them
// those that let the devices be used which every container has.
func (n *notes) deviceRules(field string, given []specs.LinuxDeviceCgroup) (rules []*configs.DeviceRule) {
	for i, rule := range given {
		rules = append(rules, n.deviceRule(index(field, i), &rule))
	}
	return append(rules, defaultRules()...)
}

func (n *notes) deviceRule(field string, given *specs.LinuxDeviceCgroup) *configs.DeviceRule {
	rule := &configs.DeviceRule{
		Allow:       given.Allow,
		Type:        'a',
		Major:       configs.Wildcard,
		Minor:       configs.Wildcard,
		Permissions: given.Access,
	}
	switch given.Type {
	case "":
	case "a", "b", "c":
		rule.Type = rune(given.Type[0])
	default:
		n.fail(field+".type", "%q is none of a, b and c", given.Type)
	}
	if given.Access == "" {
		n.fail(field+".access", "is empty, so that the rule is about nothing")
	}
	if given.Major != nil {
		rule.Major = *given.Major
	}
	if given.Minor != nil {
		rule.Minor = *given.Minor
	}
	return rule
}

func defaultRules() (rules []*configs.DeviceRule) {
	for _, d := range configs.DefaultAllowedDevices {
		if d.Major == 10 && d.Minor == 200 {
			continue // /dev/net/tun is for those who ask for it
		}
		rules = append(rules, &configs.DeviceRule{
			Allow: true, Type: d.Type, Major: d.Major, Minor: d.Minor, Permissions: d.Permissions,
		})
	}
	return rules
}
