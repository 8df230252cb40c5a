package validate

import (
	"fmt"

	"github.com/libcontainer/libcontainer/configs"
)

// The kernel's ranges: signals in signal(7), OOM_SCORE_ADJ_MIN and _MAX in
// include/uapi/linux/oom.h, RLIM_NLIMITS in asm-generic/resource.h.
const (
	maxSignal   = 64
	maxOomScore = 1000
	maxRlimit   = 15
	maxUmask    = 0o777
	maxGroups   = 65536 // NGROUPS_MAX
)

func process(c *configs.Config) error {
	if err := inRange("ParentDeathSignal", int64(c.ParentDeathSignal), 0, maxSignal); err != nil {
		return err
	}
	if err := OomScoreAdj(c.OomScoreAdj); err != nil {
		return err
	}
	if c.KeepOomScore && c.OomScoreAdj != 0 {
		return fmt.Errorf("OomScoreAdj %d cannot be set, since KeepOomScore leaves it alone", c.OomScoreAdj)
	}
	if err := Umask(c.Umask); err != nil {
		return err
	}
	if err := Scheduler(c.Scheduler); err != nil {
		return err
	}
	if err := IOPriority(c.IOPriority); err != nil {
		return err
	}
	if err := MemoryPolicy(c.MemoryPolicy); err != nil {
		return err
	}
	if err := Personality(c.Personality); err != nil {
		return err
	}
	if err := landlock(c.Landlock); err != nil {
		return err
	}
	if n := len(c.AdditionalGroups); n > maxGroups {
		return fmt.Errorf("AdditionalGroups are %d, and the kernel takes %d", n, maxGroups)
	}
	for i, group := range c.AdditionalGroups {
		if err := filled(fmt.Sprintf("AdditionalGroups[%d]", i), group); err != nil {
			return err
		}
	}
	return labels(c)
}

// OomScoreAdj checks a value for the OOM killer, of a configuration or of a single
// process.
func OomScoreAdj(value int) error {
	return inRange("OomScoreAdj", int64(value), -maxOomScore, maxOomScore)
}

// Umask checks a file mode creation mask, of a configuration or of a single process.
func Umask(mask *uint32) error {
	if mask != nil && *mask > maxUmask {
		return fmt.Errorf("Umask %#o has more than the permission bits 0777", *mask)
	}
	return nil
}

func labels(c *configs.Config) error {
	if err := line("AppArmorProfile", c.AppArmorProfile); err != nil {
		return err
	}
	if err := line("ProcessLabel", c.ProcessLabel); err != nil {
		return err
	}
	return line("MountLabel", c.MountLabel)
}

func rlimits(c *configs.Config) error { return Rlimits(c.Rlimits) }

// Rlimits checks resource limits, of a configuration or of a single process.
func Rlimits(limits []configs.Rlimit) error {
	seen := make(map[int]bool)
	for i, limit := range limits {
		field := fmt.Sprintf("Rlimits[%d]", i)
		if err := inRange(field+".Type", int64(limit.Type), 0, maxRlimit); err != nil {
			return err
		}
		if seen[limit.Type] {
			return fmt.Errorf("%s.Type %d is there already", field, limit.Type)
		}
		seen[limit.Type] = true
		if limit.Soft > limit.Hard {
			return fmt.Errorf("%s.Soft %d is above Hard %d", field, limit.Soft, limit.Hard)
		}
	}
	return nil
}

func hooks(c *configs.Config) error {
	if c.Hooks == nil {
		return nil
	}
	h := c.Hooks
	for _, list := range []struct {
		field string
		hooks []configs.Hook
	}{
		{"Hooks.Prestart", h.Prestart},
		{"Hooks.CreateRuntime", h.CreateRuntime},
		{"Hooks.CreateContainer", h.CreateContainer},
		{"Hooks.StartContainer", h.StartContainer},
		{"Hooks.Poststart", h.Poststart},
		{"Hooks.Poststop", h.Poststop},
	} {
		if err := hookList(list.field, list.hooks); err != nil {
			return err
		}
	}
	if err := commandsOnly("Hooks.CreateContainer", h.CreateContainer); err != nil {
		return err
	}
	return commandsOnly("Hooks.StartContainer", h.StartContainer)
}

// commandsOnly refuses functions, which cannot run inside of the container.
func commandsOnly(field string, list []configs.Hook) error {
	for i, hook := range list {
		switch hook.(type) {
		case configs.CommandHook, *configs.CommandHook:
		default:
			return fmt.Errorf("%s[%d] runs inside of the container and must be a command", field, i)
		}
	}
	return nil
}

func hookList(field string, list []configs.Hook) error {
	for i, hook := range list {
		item := fmt.Sprintf("%s[%d]", field, i)
		if err := hookItem(item, hook); err != nil {
			return err
		}
	}
	return nil
}

func hookItem(field string, hook configs.Hook) error {
	switch h := hook.(type) {
	case nil:
		return fmt.Errorf("%s %w", field, errNil)
	case configs.CommandHook:
		return command(field, h.Command)
	case *configs.CommandHook:
		if h == nil {
			return fmt.Errorf("%s %w", field, errNil)
		}
		return command(field, h.Command)
	}
	return nil
}
