package specconv

import (
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/libcontainer/libcontainer/configs"
)

const (
	// scopePrefix is that of systemd scopes whose cgroupsPath does not have one.
	scopePrefix = "libcontainer"

	// systemdAnnotation begins the names of annotations that are properties of a unit.
	systemdAnnotation = "org.systemd.property."
)

func (c *converter) cgroups(l *specs.Linux) {
	resources := l.Resources
	if resources == nil {
		resources = &specs.LinuxResources{}
	}
	cg := &configs.Cgroup{Optional: c.rootless, Resources: c.resources("linux.resources", resources)}
	c.config.Cgroups = cg
	if c.rootless {
		cg.Resources.DeviceRules, cg.Resources.SkipDevices = nil, true
		if len(resources.Devices) > 0 {
			c.warn("linux.resources.devices", "rules for devices take privileges, and are left out without")
		}
	}
	if c.opts.SystemdCgroup {
		c.systemdPath(l.CgroupsPath, cg)
	} else {
		c.cgroupPath(l.CgroupsPath, cg)
	}
}

// cgroupPath is for directories.
func (c *converter) cgroupPath(given string, cg *configs.Cgroup) {
	const field = "linux.cgroupsPath"
	root := c.opts.CgroupRoot
	if parts := strings.Split(given, ":"); len(parts) == 3 && strings.HasSuffix(parts[0], ".slice") {
		c.fail(field, "%q is systemd's form, and the manager of cgroups is not systemd", given)
		return
	}
	switch {
	case given == "":
		cg.Parent, cg.Name = root, c.opts.ID
	case slices.Contains(strings.Split(given, "/"), ".."):
		c.fail(field, "%q has a .. in it", given)
	case path.Clean("/"+given) == "/":
		c.fail(field, "%q names no cgroup", given)
	case path.IsAbs(given):
		cg.Path = path.Clean(given)
	default:
		cg.Path = path.Join(root, given)
	}
}

// systemdPath is for units.
func (c *converter) systemdPath(given string, cg *configs.Cgroup) {
	cg.Parent, cg.ScopePrefix, cg.Name = c.opts.CgroupRoot, scopePrefix, c.opts.ID
	if given != "" {
		parts := strings.Split(given, ":")
		if len(parts) != 3 || parts[2] == "" {
			c.fail("linux.cgroupsPath", `%q is not slice:prefix:name, as systemd's manager of cgroups wants it`, given)
			return
		}
		if parts[0] != "" {
			cg.Parent = parts[0]
		}
		cg.ScopePrefix, cg.Name = parts[1], parts[2]
	}
	if strings.HasSuffix(cg.Name, ".slice") {
		cg.ScopePrefix = "" // the unit is the slice itself
		return
	}
	if cg.Parent == "" && c.rootless {
		cg.Parent = "user.slice"
	} else if cg.Parent == "" {
		cg.Parent = "system.slice"
	}
}

// systemdProperties takes the properties of the unit from annotations, if it may.
func (c *converter) systemdProperties(annotations map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(annotations)) {
		property, ok := strings.CutPrefix(name, systemdAnnotation)
		field := key("annotations", name)
		switch {
		case !ok:
		case !c.opts.AllowSystemdAnnotations:
			c.warn(field, "sets no property of a systemd unit, since that is not allowed")
		case !c.opts.SystemdCgroup:
			c.warn(field, "sets no property of a systemd unit, since there is none")
		default:
			c.systemdProperty(field, property, annotations[name])
		}
	}
}

// systemdProperty also takes the names of unit files for times, such as TimeoutStopSec, whose
// properties on the bus count microseconds.
func (c *converter) systemdProperty(field, name, value string) {
	letters := func(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' }
	if name == "" || strings.ContainsFunc(name, func(r rune) bool { return !letters(r) }) {
		c.fail(field, "%q is not the name of a property", name)
		return
	}
	if base, ok := strings.CutSuffix(name, "Sec"); ok && !strings.HasSuffix(name, "USec") {
		text := strings.TrimSpace(value)
		if kind, number, ok := strings.Cut(text, " "); ok && (strings.HasPrefix(kind, "int") || strings.HasPrefix(kind, "uint") || kind == "double") {
			text = strings.TrimSpace(number)
		}
		seconds, err := strconv.ParseFloat(text, 64)
		if err != nil || !(seconds >= 0 && seconds < 1e12) {
			c.fail(field, "%q is not a number of seconds", value)
			return
		}
		name, value = base+"USec", "uint64 "+strconv.FormatUint(uint64(seconds*1e6), 10)
	}
	c.config.Cgroups.SystemdProperties = append(c.config.Cgroups.SystemdProperties, configs.SystemdProperty{Name: name, Value: value})
}
