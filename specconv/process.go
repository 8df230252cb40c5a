package specconv

import (
	"math"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
)

// ToProcess makes a further process of a process.json, for a container of that
// configuration. What the process does not have it takes from the container, but for its
// groups and for noNewPrivileges, which are its own. Warnings are *FieldErrors, as those of a
// Result. Whether it is to have a terminal process.Terminal tells; ConsoleSize is only set
// if it is.
func ToProcess(process *specs.Process, config *configs.Config) (p *libcontainer.Process, warnings []error, err error) {
	c := &converter{granter: newGranter, config: config}
	p = c.furtherProcess(process)
	if c.err != nil {
		return nil, nil, c.err
	}
	return p, c.warnings, nil
}

func (c *converter) furtherProcess(process *specs.Process) *libcontainer.Process {
	if process == nil || c.config == nil {
		c.fail("process", "is missing")
		return nil
	}
	p := c.newProcess(process)
	p.ReplaceGroups = true
	p.NoNewPrivileges = process.NoNewPrivileges
	p.AllowNewPrivileges = !process.NoNewPrivileges
	p.Label = process.SelinuxLabel
	p.AppArmorProfile = process.ApparmorProfile
	p.OomScoreAdj = copyOf(process.OOMScoreAdj)
	p.Umask = copyOf(process.User.Umask)
	p.Scheduler = scheduler(process.Scheduler)
	p.IOPriority = ioPriority(process.IOPriority)
	p.CPUAffinity = cpuAffinity(process.ExecCPUAffinity)
	p.Rlimits = c.rlimits(process.Rlimits)
	if process.Capabilities != nil {
		p.CapabilitySets = c.capabilities(process.Capabilities)
	}
	return p
}

// process fills in the first process, and what of it is the container's, for that is what
// further processes have too.
func (c *converter) process(process *specs.Process, result *Result) {
	result.Process = c.newProcess(process)
	result.Terminal = process.Terminal
	result.ExecCPUAffinity = cpuAffinity(process.ExecCPUAffinity)
	config := c.config
	config.CapabilitySets = c.capabilities(process.Capabilities)
	config.Rlimits = c.rlimits(process.Rlimits)
	config.NoNewPrivileges = process.NoNewPrivileges
	config.AppArmorProfile = process.ApparmorProfile
	config.ProcessLabel = process.SelinuxLabel
	config.Umask = copyOf(process.User.Umask)
	config.Scheduler = scheduler(process.Scheduler)
	config.IOPriority = ioPriority(process.IOPriority)
	if process.OOMScoreAdj != nil {
		config.OomScoreAdj, config.KeepOomScore = *process.OOMScoreAdj, false
	}
}

// newProcess fills in what the first process and further ones have in common.
func (c *converter) newProcess(process *specs.Process) *libcontainer.Process {
	if process.CommandLine != "" {
		c.fail("process.commandLine", "%w", errOtherSystem)
	}
	if process.User.Username != "" {
		c.fail("process.user.username", "%w", errOtherSystem)
	}
	if len(process.Args) == 0 || process.Args[0] == "" {
		c.fail("process.args", "has no program")
	}
	if !path.IsAbs(process.Cwd) {
		c.fail("process.cwd", "%q is not absolute", process.Cwd)
	}
	for i, text := range process.Env {
		if name, _, ok := strings.Cut(text, "="); !ok || name == "" {
			c.fail(index("process.env", i), "%q is not NAME=value", text)
		}
	}
	p := &libcontainer.Process{
		Args:    slices.Clone(process.Args),
		Env:     slices.Clone(process.Env),
		User:    number(process.User.UID) + ":" + number(process.User.GID),
		Cwd:     process.Cwd,
		MakeCwd: true,
	}
	for _, gid := range process.User.AdditionalGids {
		p.AdditionalGroups = append(p.AdditionalGroups, number(gid))
	}
	if process.Terminal {
		p.ConsoleSize = c.consoleSize(process.ConsoleSize)
	}
	return p
}

func number(id uint32) string { return strconv.FormatUint(uint64(id), 10) }

func (c *converter) consoleSize(box *specs.Box) *configs.ConsoleSize {
	if box == nil {
		return nil
	}
	if box.Height > math.MaxUint16 || box.Width > math.MaxUint16 {
		c.fail("process.consoleSize", "%d by %d is more than a terminal can have", box.Height, box.Width)
	}
	return &configs.ConsoleSize{Height: uint16(box.Height), Width: uint16(box.Width)}
}

func (c *converter) rlimits(limits []specs.POSIXRlimit) (list []configs.Rlimit) {
	seen := make(map[int]bool)
	for i, limit := range limits {
		field := index("process.rlimits", i)
		number, ok := configs.RlimitType(limit.Type)
		switch {
		case !ok:
			c.fail(field+".type", "%q is not a resource limit", limit.Type)
		case seen[number]:
			c.fail(field+".type", "%q is there already", limit.Type)
		case limit.Soft > limit.Hard:
			c.fail(field+".soft", "%d is above the hard limit %d", limit.Soft, limit.Hard)
		}
		seen[number] = true
		list = append(list, configs.Rlimit{Type: number, Soft: limit.Soft, Hard: limit.Hard})
	}
	return list
}

func scheduler(s *specs.Scheduler) *configs.Scheduler {
	if s == nil {
		return nil
	}
	return &configs.Scheduler{
		Policy:   string(s.Policy),
		Nice:     s.Nice,
		Priority: s.Priority,
		Flags:    stringsOf[string](s.Flags),
		Runtime:  s.Runtime,
		Deadline: s.Deadline,
		Period:   s.Period,
	}
}

func ioPriority(p *specs.LinuxIOPriority) *configs.IOPriority {
	if p == nil {
		return nil
	}
	return &configs.IOPriority{Class: string(p.Class), Priority: p.Priority}
}

func cpuAffinity(a *specs.CPUAffinity) *configs.CPUAffinity {
	if a == nil {
		return nil
	}
	return &configs.CPUAffinity{Initial: a.Initial, Final: a.Final}
}
