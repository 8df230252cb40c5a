package validate

import (
	"testing"

	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/internal/linux"
)

func TestMemoryPolicy(t *testing.T) {
	set := func(mode, nodes string, flags ...string) func(*configs.Config) {
		return func(c *configs.Config) {
			c.MemoryPolicy = &configs.MemoryPolicy{Mode: mode, Nodes: nodes, Flags: flags}
		}
	}
	const balancing, relative, static = "MPOL_F_NUMA_BALANCING", "MPOL_F_RELATIVE_NODES", "MPOL_F_STATIC_NODES"
	run(t, []testCase{
		{"default", set("MPOL_DEFAULT", ""), ""},
		{"local", set("MPOL_LOCAL", ""), ""},
		{"preferred", set("MPOL_PREFERRED", "0"), ""},
		{"preferred, local", set("MPOL_PREFERRED", ""), ""},
		{"bind", set("MPOL_BIND", "0-3,1023", balancing, static), ""},
		{"interleave", set("MPOL_INTERLEAVE", "0", relative), ""},
		{"weighted", set("MPOL_WEIGHTED_INTERLEAVE", "0"), ""},
		{"preferred many", set("MPOL_PREFERRED_MANY", "0,1", balancing), ""},

		{"no mode", set("", "0"), `MemoryPolicy.Mode "" is none of MPOL_DEFAULT, `},
		{"unknown mode", set("bind", "0"), `MemoryPolicy.Mode "bind"`},
		{"nodes of default", set("MPOL_DEFAULT", "0"), `MemoryPolicy.Nodes "0" have no meaning for the mode MPOL_DEFAULT`},
		{"nodes of local", set("MPOL_LOCAL", "0"), `MemoryPolicy.Nodes "0" have no meaning`},
		{"bind without nodes", set("MPOL_BIND", ""), `MemoryPolicy.Nodes "" are empty, but the mode MPOL_BIND needs them`},
		{"no number", set("MPOL_BIND", "x"), `MemoryPolicy.Nodes: list of NUMA nodes "x": "x" is not the number of a NUMA node`},
		{"too large", set("MPOL_BIND", "1024"), "1024 is above 1023"},
		{"unknown flag", set("MPOL_BIND", "0", static, "STATIC"), `MemoryPolicy.Flags[1] "STATIC" is none of`},
		{"balanced interleave", set("MPOL_INTERLEAVE", "0", balancing), `MemoryPolicy.Flags[0] "MPOL_F_NUMA_BALANCING" is for MPOL_BIND`},
		{"static local", set("MPOL_LOCAL", "", static), `MemoryPolicy.Flags[0] "MPOL_F_STATIC_NODES" is about nodes`},
		{"static and relative", set("MPOL_BIND", "0", static, relative), "exclude each other"},
	})
}

func TestPersonality(t *testing.T) {
	set := func(domain string, flags ...string) func(*configs.Config) {
		return func(c *configs.Config) { c.Personality = &configs.Personality{Domain: domain, Flags: flags} }
	}
	run(t, []testCase{
		{"linux", set("LINUX"), ""},
		{"linux32", set("LINUX32"), ""},
		{"all flags", set("LINUX", linux.PersonalityFlags().Texts()...), ""},
		{"none", set(""), `Personality.Domain "" is none of LINUX and LINUX32`},
		{"unknown", set("BSD"), `Personality.Domain "BSD"`},
		{"unknown flag", set("LINUX", "UNAME26", "NO"), `Personality.Flags[1] "NO"`},
	})
}
