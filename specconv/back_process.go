package specconv

import (
	"slices"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/internal/linux"
)

// process writes what the container and its first process are together.
func (b *back) process(config *configs.Config, p *libcontainer.Process) *specs.Process {
	out := &specs.Process{
		Args:            slices.Clone(p.Args),
		Env:             slices.Clone(p.Env),
		Cwd:             p.Cwd,
		User:            b.user(config, p),
		Capabilities:    capabilitiesOf(config, p),
		NoNewPrivileges: (config.NoNewPrivileges || p.NoNewPrivileges) && !p.AllowNewPrivileges,
		SelinuxLabel:    config.ProcessLabel,
		ApparmorProfile: config.AppArmorProfile,
		OOMScoreAdj:     p.OomScoreAdj,
	}
	if out.Cwd == "" {
		out.Cwd = "/"
	}
	if p.Unlabeled || p.Label != "" {
		out.SelinuxLabel = p.Label
	}
	if p.Unlabeled || p.AppArmorProfile != "" {
		out.ApparmorProfile = p.AppArmorProfile
	}
	if out.OOMScoreAdj == nil && !config.KeepOomScore {
		out.OOMScoreAdj = copyOf(&config.OomScoreAdj)
	}
	if size := p.ConsoleSize; size != nil {
		out.Terminal = true
		out.ConsoleSize = &specs.Box{Height: uint(size.Height), Width: uint(size.Width)}
	}
	out.Rlimits = b.rlimits(config.Rlimits)
	if p.Rlimits != nil {
		out.Rlimits = b.rlimits(p.Rlimits)
	}
	b.schedule(config, p, out)
	b.refuse("Process.Personality", p.Personality != nil)
	b.refuse("Process.MemoryPolicy", p.MemoryPolicy != nil)
	b.refuse("Process.CPUAffinity", p.CPUAffinity != nil) // execCPUAffinity is not the first process's
	b.refuse("Process.SubCgroup", p.SubCgroup != "" || len(p.SubCgroups) > 0)
	b.refuse("Process.ExtraFiles", len(p.ExtraFiles) > 0)
	return out
}

func (b *back) schedule(config *configs.Config, p *libcontainer.Process, out *specs.Process) {
	s := config.Scheduler
	if p.Scheduler != nil {
		s = p.Scheduler
	}
	if s != nil {
		out.Scheduler = &specs.Scheduler{
			Policy:   specs.LinuxSchedulerPolicy(s.Policy),
			Nice:     s.Nice,
			Priority: s.Priority,
			Flags:    stringsOf[specs.LinuxSchedulerFlag](s.Flags),
			Runtime:  s.Runtime,
			Deadline: s.Deadline,
			Period:   s.Period,
		}
	}
	io := config.IOPriority
	if p.IOPriority != nil {
		io = p.IOPriority
	}
	if io != nil {
		out.IOPriority = &specs.LinuxIOPriority{Class: specs.IOPriorityClass(io.Class), Priority: io.Priority}
	}
}

// user refuses names, which the specification has none of.
func (b *back) user(config *configs.Config, p *libcontainer.Process) specs.User {
	user := specs.User{Umask: copyOf(config.Umask)}
	if p.Umask != nil {
		user.Umask = copyOf(p.Umask)
	}
	uid, gid, both := strings.Cut(p.User, ":")
	if p.User != "" {
		user.UID = b.id("Process.User", uid)
		if both {
			user.GID = b.id("Process.User", gid)
		} else {
			b.refuse("Process.User without a group", uid != "0")
		}
	}
	if !p.ReplaceGroups {
		for i, group := range config.AdditionalGroups {
			user.AdditionalGids = append(user.AdditionalGids, b.id(index("Config.AdditionalGroups", i), group))
		}
	}
	for i, group := range p.AdditionalGroups {
		user.AdditionalGids = append(user.AdditionalGids, b.id(index("Process.AdditionalGroups", i), group))
	}
	return user
}

func (b *back) id(field, text string) uint32 {
	id, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		b.fail(field, "%q is not a number: a name %w", text, errNoProperty)
	}
	return uint32(id)
}

func capabilitiesOf(config *configs.Config, p *libcontainer.Process) *specs.LinuxCapabilities {
	sets, flat := p.CapabilitySets, p.Capabilities
	if sets == nil && flat == nil {
		sets, flat = config.CapabilitySets, config.Capabilities
	}
	if sets == nil {
		sets = &configs.CapabilitySets{Bounding: flat, Effective: flat, Permitted: flat}
	}
	return &specs.LinuxCapabilities{
		Bounding:    slices.Clone(sets.Bounding),
		Effective:   slices.Clone(sets.Effective),
		Inheritable: slices.Clone(sets.Inheritable),
		Permitted:   slices.Clone(sets.Permitted),
		Ambient:     slices.Clone(sets.Ambient),
	}
}

func (b *back) rlimits(limits []configs.Rlimit) (out []specs.POSIXRlimit) {
	names := linux.Rlimits()
	for _, limit := range limits {
		i := slices.IndexFunc(names, func(n linux.Name) bool { return n.Value == uint64(limit.Type) })
		if i < 0 {
			b.fail("Config.Rlimits", "%d is not a resource limit", limit.Type)
			continue
		}
		out = append(out, specs.POSIXRlimit{Type: names[i].Text, Hard: limit.Hard, Soft: limit.Soft})
	}
	return out
}
