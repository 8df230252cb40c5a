package specconv

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/seccomp"
)

// FromConfig is Convert the other way round. Process may be nil. What the specification has no
// property for is an error, whose path is then that of the field, such as "Config.Routes".
// What Options say for Convert is left out, and ID and SystemdCgroup of them tell how
// the cgroup is written.
func FromConfig(config *configs.Config, process *libcontainer.Process, opts *Options) (*specs.Spec, error) {
	if config == nil {
		return nil, &FieldError{"Config", errors.New("is nil")}
	}
	b := &back{config: config}
	if opts != nil {
		b.opts = *opts
	}
	b.unsaid(config)
	spec := &specs.Spec{
		Version:     config.Version,
		Root:        &specs.Root{Path: config.Rootfs, Readonly: config.Readonlyfs},
		Hostname:    config.Hostname,
		Domainname:  config.Domainname,
		Hooks:       b.hooks(config.Hooks),
		Annotations: maps.Clone(config.Annotations),
		Linux:       b.linux(config),
	}
	if spec.Version == "" {
		spec.Version = specs.Version
	}
	for i, m := range config.Mounts {
		spec.Mounts = append(spec.Mounts, b.mount(index("Config.Mounts", i), m))
	}
	if process != nil {
		spec.Process = b.process(config, process)
	}
	if b.err != nil {
		return nil, b.err
	}
	return spec, nil
}

// back is one conversion to the specification.
type back struct {
	notes
	opts   Options
	config *configs.Config
}

// refuse fails if a field is set for which the specification has no property.
func (b *back) refuse(field string, set bool) {
	if set {
		b.fail(field, "%w", errNoProperty)
	}
}

var errNoProperty = errors.New("cannot be said in the OCI runtime specification")

func (b *back) unsaid(config *configs.Config) {
	b.refuse("Config.ParentDeathSignal", config.ParentDeathSignal != 0)
	b.refuse("Config.Overlay", config.Overlay != nil)
	b.refuse("Config.RootIDMapping", config.RootIDMapping != configs.IDMapNone)
	b.refuse("Config.IDs", config.IDs != nil)
	b.refuse("Config.Routes", len(config.Routes) > 0)
	b.refuse("Config.Landlock", config.Landlock != nil)
	for i, n := range config.Networks {
		loopback := n != nil && n.Type == "loopback" && config.Namespaces.Creates(configs.NEWNET)
		b.refuse(index("Config.Networks", i), !loopback)
	}
}

func (b *back) linux(config *configs.Config) *specs.Linux {
	l := &specs.Linux{
		Namespaces:        b.namespaces(config.Namespaces),
		UIDMappings:       b.mappings("Config.UidMappings", config.UidMappings),
		GIDMappings:       b.mappings("Config.GidMappings", config.GidMappings),
		Sysctl:            maps.Clone(config.Sysctl),
		Devices:           b.devices(config.Devices),
		Seccomp:           b.seccomp(config),
		RootfsPropagation: b.propagation(config.RootPropagation),
		MaskedPaths:       slices.Clone(config.MaskPaths),
		ReadonlyPaths:     slices.Clone(config.ReadonlyPaths),
		MountLabel:        config.MountLabel,
	}
	for name, device := range config.NetDevices {
		if device == nil {
			b.fail(key("Config.NetDevices", name), "is nil")
			continue
		}
		if l.NetDevices == nil {
			l.NetDevices = make(map[string]specs.LinuxNetDevice)
		}
		b.refuse(key("Config.NetDevices", name)+".Stay=false", !device.Stay)
		l.NetDevices[name] = specs.LinuxNetDevice{Name: device.Name}
	}
	for clock, offset := range config.TimeOffsets {
		if l.TimeOffsets == nil {
			l.TimeOffsets = make(map[string]specs.LinuxTimeOffset)
		}
		l.TimeOffsets[clock] = specs.LinuxTimeOffset{Secs: offset.Secs, Nanosecs: offset.Nanosecs}
	}
	if rdt := config.IntelRdt; rdt != nil {
		l.IntelRdt = &specs.LinuxIntelRdt{
			ClosID: rdt.ClosID, Schemata: slices.Clone(rdt.Schemata), EnableMonitoring: rdt.EnableMonitoring,
		}
	}
	if policy := config.MemoryPolicy; policy != nil {
		l.MemoryPolicy = &specs.LinuxMemoryPolicy{
			Mode:  specs.MemoryPolicyModeType(policy.Mode),
			Nodes: policy.Nodes,
			Flags: stringsOf[specs.MemoryPolicyFlagType](policy.Flags),
		}
	}
	if personality := config.Personality; personality != nil {
		l.Personality = &specs.LinuxPersonality{
			Domain: specs.LinuxPersonalityDomain(personality.Domain),
			Flags:  stringsOf[specs.LinuxPersonalityFlag](personality.Flags),
		}
	}
	b.cgroup(config.Cgroups, l)
	return l
}

func (b *back) namespaces(list configs.Namespaces) (namespaces []specs.LinuxNamespace) {
	names := make(map[configs.NamespaceType]specs.LinuxNamespaceType)
	for name, t := range namespaceTypes() {
		names[t] = name
	}
	for i, ns := range list {
		if names[ns.Type] == "" {
			b.fail(index("Config.Namespaces", i), "%q is not a type of namespaces", ns.Type)
		}
		namespaces = append(namespaces, specs.LinuxNamespace{Type: names[ns.Type], Path: ns.Path})
	}
	return namespaces
}

func (b *back) mappings(field string, list []configs.IDMap) (mappings []specs.LinuxIDMapping) {
	for i, m := range list {
		item := index(field, i)
		mappings = append(mappings, specs.LinuxIDMapping{
			ContainerID: b.unsigned(item+".ContainerID", int64(m.ContainerID)),
			HostID:      b.unsigned(item+".HostID", int64(m.HostID)),
			Size:        b.unsigned(item+".Size", int64(m.Size)),
		})
	}
	return mappings
}

// unsigned gives a number where the specification has an unsigned one.
func (b *back) unsigned(field string, value int64) uint32 {
	if value < 0 || value > 1<<32-1 {
		b.fail(field, "%d is not a number of 32 bits without sign", value)
	}
	return uint32(value)
}

func (b *back) propagation(flags int) string {
	if flags == 0 {
		return ""
	}
	options := (&configs.Mount{PropagationFlags: []int{flags}}).Options()
	if len(options) != 1 {
		b.fail("Config.RootPropagation", "%#x %w", flags, errNoProperty)
		return ""
	}
	return options[0]
}

// seccomp writes the library's default profile out, which has no name in the specification.
func (b *back) seccomp(config *configs.Config) *specs.LinuxSeccomp {
	profile := config.Seccomp
	if profile == nil && config.DefaultSeccomp {
		names := config.Capabilities
		if config.CapabilitySets != nil {
			names = config.CapabilitySets.Permitted
		}
		profile = seccomp.Default(names...)
	}
	if profile == nil {
		return nil
	}
	out := &specs.LinuxSeccomp{
		DefaultAction:    b.action("Config.Seccomp.DefaultAction", profile.DefaultAction),
		DefaultErrnoRet:  copyOf(profile.DefaultErrnoRet),
		Flags:            stringsOf[specs.LinuxSeccompFlag](profile.Flags),
		ListenerPath:     profile.ListenerPath,
		ListenerMetadata: profile.ListenerMetadata,
	}
	for _, name := range profile.Architectures {
		if !strings.HasPrefix(name, "SCMP_ARCH_") {
			name = "SCMP_ARCH_" + strings.ToUpper(name)
		}
		out.Architectures = append(out.Architectures, specs.Arch(name))
	}
	for i, rule := range profile.Syscalls {
		field := index("Config.Seccomp.Syscalls", i)
		if rule == nil {
			b.fail(field, "is nil")
			continue
		}
		one := specs.LinuxSyscall{
			Names:    []string{rule.Name},
			Action:   b.action(field+".Action", rule.Action),
			ErrnoRet: copyOf(rule.ErrnoRet),
			Args:     b.args(field+".Args", rule.Args),
		}
		if last := len(out.Syscalls) - 1; last >= 0 && sameRule(&out.Syscalls[last], &one) {
			out.Syscalls[last].Names = append(out.Syscalls[last].Names, rule.Name)
		} else {
			out.Syscalls = append(out.Syscalls, one)
		}
	}
	return out
}

// sameRule tells whether rules without conditions differ in their names only.
func sameRule(a, b *specs.LinuxSyscall) bool {
	sameErrno := a.ErrnoRet == nil && b.ErrnoRet == nil || a.ErrnoRet != nil && b.ErrnoRet != nil && *a.ErrnoRet == *b.ErrnoRet
	return a.Action == b.Action && sameErrno && len(a.Args) == 0 && len(b.Args) == 0
}

func (b *back) action(field string, action configs.Action) specs.LinuxSeccompAction {
	for _, name := range seccomp.Actions() {
		if known, _ := seccomp.ActionOf(name); known == action {
			return specs.LinuxSeccompAction(name)
		}
	}
	b.fail(field, "%d is not an action", action)
	return ""
}

// args refuses what Convert would read as alternatives to one another, although it is not.
func (b *back) args(field string, list []*configs.Arg) (args []specs.LinuxSeccompArg) {
	of := make(map[uint]int)
	for i, arg := range list {
		if arg == nil {
			b.fail(index(field, i), "is nil")
			continue
		}
		var op specs.LinuxSeccompOperator
		for _, name := range seccomp.Operators() {
			if known, _ := seccomp.OperatorOf(name); known == arg.Op {
				op = specs.LinuxSeccompOperator(name)
			}
		}
		if op == "" {
			b.fail(index(field, i)+".Op", "%d is not an operator", arg.Op)
		}
		of[arg.Index]++
		args = append(args, specs.LinuxSeccompArg{Index: arg.Index, Value: arg.Value, ValueTwo: arg.ValueTwo, Op: op})
	}
	b.refuse(field, len(of) > 1 && len(of) < len(args))
	return args
}

func (b *back) hooks(hooks *configs.Hooks) *specs.Hooks {
	if hooks == nil {
		return nil
	}
	out := &specs.Hooks{
		CreateRuntime:   b.hookList("Config.Hooks.CreateRuntime", hooks.CreateRuntime),
		CreateContainer: b.hookList("Config.Hooks.CreateContainer", hooks.CreateContainer),
		StartContainer:  b.hookList("Config.Hooks.StartContainer", hooks.StartContainer),
		Poststart:       b.hookList("Config.Hooks.Poststart", hooks.Poststart),
		Poststop:        b.hookList("Config.Hooks.Poststop", hooks.Poststop),
	}
	prestart := b.hookList("Config.Hooks.Prestart", hooks.Prestart)
	//lint:ignore SA1019 engines still use it
	out.Prestart = prestart
	return out
}

func (b *back) hookList(list string, hooks []configs.Hook) (out []specs.Hook) {
	for i, hook := range hooks {
		field := index(list, i)
		var command configs.Command
		switch h := hook.(type) {
		case configs.CommandHook:
			command = h.Command
		case *configs.CommandHook:
			command = valueOf(h).Command
		default:
			b.fail(field, "a function %w", errNoProperty)
			continue
		}
		b.refuse(field+".Dir", command.Dir != "")
		one := specs.Hook{Path: command.Path, Args: slices.Clone(command.Args), Env: slices.Clone(command.Env)}
		if command.Timeout != nil {
			seconds := int(*command.Timeout / time.Second)
			b.refuse(field+".Timeout", time.Duration(seconds)*time.Second != *command.Timeout)
			one.Timeout = &seconds
		}
		out = append(out, one)
	}
	return out
}

// cgroup writes the place of the cgroup, and its limits.
func (b *back) cgroup(cg *configs.Cgroup, l *specs.Linux) {
	if cg == nil {
		l.Resources = b.allDevices()
		return
	}
	b.refuse("Config.Cgroups.Paths", len(cg.Paths) > 0)
	b.refuse("Config.Cgroups.SystemdProperties", len(cg.SystemdProperties) > 0)
	name := cg.Name
	if name == "" {
		name = b.opts.ID
	}
	switch {
	case b.opts.SystemdCgroup:
		l.CgroupsPath = fmt.Sprintf("%s:%s:%s", cg.Parent, cg.ScopePrefix, name)
	case cg.Path != "":
		l.CgroupsPath = cg.Path
	case cg.Parent != "" || name != b.opts.ID:
		l.CgroupsPath = path.Join(cg.Parent, name)
	}
	if cg.Resources == nil {
		l.Resources = b.allDevices()
		return
	}
	// Convert leaves the rules for devices alone only for who cannot have any.
	b.refuse("Config.Cgroups.SkipDevices", cg.SkipDevices && !cg.Optional)
	l.Resources = b.resources(cg.Resources)
}

// allDevices is what no limits mean to the library.
func (b *back) allDevices() *specs.LinuxResources {
	return &specs.LinuxResources{Devices: []specs.LinuxDeviceCgroup{{Allow: true, Access: "rwm"}}}
}
