package validate

import (
	"errors"
	"fmt"
	"slices"

	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/internal/linux"
)

// MemoryPolicy checks the memory policy of a configuration, or of a single process, by
// the rules of set_mempolicy(2) and mpol_new in mm/mempolicy.c, of which the kernel says
// no more than EINVAL.
func MemoryPolicy(p *configs.MemoryPolicy) error {
	if p == nil {
		return nil
	}
	if _, ok := linux.MemoryPolicyModes().Value(p.Mode); !ok {
		return invalid("MemoryPolicy.Mode", p.Mode, noneOf(linux.MemoryPolicyModes()))
	}
	nodes, err := configs.ParseNodes(p.Nodes)
	if err != nil {
		return fmt.Errorf("MemoryPolicy.Nodes: %w", err)
	}
	switch p.Mode {
	case "MPOL_DEFAULT", "MPOL_LOCAL":
		if len(nodes) > 0 {
			return invalid("MemoryPolicy.Nodes", p.Nodes, errors.New("have no meaning for the mode "+p.Mode))
		}
	case "MPOL_PREFERRED":
	default:
		if len(nodes) == 0 {
			return invalid("MemoryPolicy.Nodes", p.Nodes, errors.New("are empty, but the mode "+p.Mode+" needs them"))
		}
	}
	return memoryPolicyFlags(p, len(nodes) > 0)
}

func memoryPolicyFlags(p *configs.MemoryPolicy, hasNodes bool) error {
	for i, flag := range p.Flags {
		field := fmt.Sprintf("MemoryPolicy.Flags[%d]", i)
		if _, ok := linux.MemoryPolicyFlags().Value(flag); !ok {
			return invalid(field, flag, noneOf(linux.MemoryPolicyFlags()))
		}
		switch {
		case flag == "MPOL_F_NUMA_BALANCING" && p.Mode != "MPOL_BIND" && p.Mode != "MPOL_PREFERRED_MANY":
			return invalid(field, flag, errors.New("is for MPOL_BIND and MPOL_PREFERRED_MANY, and not for "+p.Mode))
		case flag != "MPOL_F_NUMA_BALANCING" && !hasNodes:
			return invalid(field, flag, errors.New("is about nodes, and there are none"))
		}
	}
	if slices.Contains(p.Flags, "MPOL_F_STATIC_NODES") && slices.Contains(p.Flags, "MPOL_F_RELATIVE_NODES") {
		return errors.New("MemoryPolicy.Flags MPOL_F_STATIC_NODES and MPOL_F_RELATIVE_NODES exclude each other")
	}
	return nil
}

// Personality checks the execution domain of a configuration, or of a single process.
func Personality(p *configs.Personality) error {
	if p == nil {
		return nil
	}
	if _, ok := linux.PersonalityDomains().Value(p.Domain); !ok {
		return invalid("Personality.Domain", p.Domain, noneOf(linux.PersonalityDomains()))
	}
	for i, flag := range p.Flags {
		if _, ok := linux.PersonalityFlags().Value(flag); !ok {
			return invalid(fmt.Sprintf("Personality.Flags[%d]", i), flag, noneOf(linux.PersonalityFlags()))
		}
	}
	return nil
}
