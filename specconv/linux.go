package specconv

import (
	"maps"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/libcontainer/libcontainer/configs"
)

func (c *converter) linux(l *specs.Linux) {
	config := c.config
	c.namespaces(l.Namespaces)
	config.UidMappings = c.mappings("linux.uidMappings", l.UIDMappings)
	config.GidMappings = c.mappings("linux.gidMappings", l.GIDMappings)
	config.TimeOffsets = c.timeOffsets(l.TimeOffsets)
	config.Sysctl = maps.Clone(l.Sysctl)
	config.Devices = c.devices(l.Devices)
	config.NetDevices = netDevices(l.NetDevices)
	config.Seccomp = c.seccomp(l.Seccomp)
	config.RootPropagation = c.propagation(l.RootfsPropagation)
	config.MaskPaths = c.insidePaths("linux.maskedPaths", l.MaskedPaths)
	config.ReadonlyPaths = c.insidePaths("linux.readonlyPaths", l.ReadonlyPaths)
	config.MountLabel = l.MountLabel
	config.IntelRdt = c.intelRdt(l.IntelRdt)
	if policy := l.MemoryPolicy; policy != nil {
		config.MemoryPolicy = &configs.MemoryPolicy{
			Mode: string(policy.Mode), Nodes: policy.Nodes, Flags: stringsOf[string](policy.Flags),
		}
	}
	if personality := l.Personality; personality != nil {
		config.Personality = &configs.Personality{
			Domain: string(personality.Domain), Flags: stringsOf[string](personality.Flags),
		}
	}
	c.cgroups(l)
}

// propagation reads linux.rootfsPropagation, whose values are options of mounts. Those that
// begin with an "r", which are for the mounts below the root too, are not in the
// specification, but engines write them.
func (c *converter) propagation(text string) int {
	if text == "" {
		return 0
	}
	var m configs.Mount
	m.SetOptions([]string{text})
	if len(m.PropagationFlags) != 1 {
		c.fail("linux.rootfsPropagation", "%q is none of shared, slave, private and unbindable", text)
		return 0
	}
	return m.PropagationFlags[0]
}

// intelRdt puts the schemata in the order in which the specification has them written.
func (c *converter) intelRdt(given *specs.LinuxIntelRdt) *configs.IntelRdt {
	if given == nil {
		return nil
	}
	rdt := &configs.IntelRdt{ClosID: given.ClosID, EnableMonitoring: given.EnableMonitoring}
	if given.L3CacheSchema != "" {
		// It may have several lines, for L3CODE and L3DATA.
		rdt.Schemata = append(rdt.Schemata, slices.DeleteFunc(strings.Split(given.L3CacheSchema, "\n"),
			func(line string) bool { return line == "" })...)
	}
	if schema := given.MemBwSchema; schema != "" {
		if !strings.HasPrefix(schema, "MB:") || strings.Contains(schema, "\n") {
			c.fail("linux.intelRdt.memBwSchema", "%q is not a line that starts with MB:", schema)
		}
		rdt.Schemata = append(rdt.Schemata, schema)
	}
	for i, line := range given.Schemata {
		if strings.Contains(line, "\n") {
			c.fail(index("linux.intelRdt.schemata", i), "%q is not one line", line)
		}
		rdt.Schemata = append(rdt.Schemata, line)
	}
	return rdt
}
