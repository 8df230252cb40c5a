package validate

import (
	"testing"

	"github.com/libcontainer/libcontainer/configs"
)

func TestProcess(t *testing.T) {
	signal := func(n int) func(*configs.Config) {
		return func(c *configs.Config) { c.ParentDeathSignal = n }
	}
	oom := func(n int) func(*configs.Config) {
		return func(c *configs.Config) { c.OomScoreAdj = n }
	}
	umask := func(n uint32) func(*configs.Config) {
		return func(c *configs.Config) { c.Umask = &n }
	}
	run(t, []testCase{
		{"umask", umask(0o777), ""},
		{"no umask", umask(0), ""},
		{"umask with more than permissions", umask(0o1022), "Umask 01022"},
		{"keep oom", func(c *configs.Config) { c.KeepOomScore = true }, ""},
		{"keep oom and set it", func(c *configs.Config) { c.KeepOomScore, c.OomScoreAdj = true, 5 }, "OomScoreAdj 5"},
		{"keyring", func(c *configs.Config) { c.KeepKeyring = true }, ""},
		{"signal", signal(9), ""},
		{"last signal", signal(64), ""},
		{"signal too large", signal(65), "ParentDeathSignal 65"},
		{"signal negative", signal(-1), "ParentDeathSignal -1"},
		{"oom least", oom(-1000), ""},
		{"oom most", oom(1000), ""},
		{"oom too little", oom(-1001), "OomScoreAdj -1001"},
		{"oom too much", oom(1001), "OomScoreAdj 1001"},
		{"groups", func(c *configs.Config) { c.AdditionalGroups = []string{"audio", "20"} }, ""},
		{"empty group", func(c *configs.Config) { c.AdditionalGroups = []string{"audio", ""} }, "AdditionalGroups[1]"},
		{"group with NUL", func(c *configs.Config) { c.AdditionalGroups = []string{"\x00"} }, "AdditionalGroups[0]"},
		{"profile", func(c *configs.Config) { c.AppArmorProfile = "a profile" }, ""},
		{"profile of two lines", func(c *configs.Config) { c.AppArmorProfile = "a\nb" }, "AppArmorProfile"},
		{"process label with NUL", func(c *configs.Config) { c.ProcessLabel = "a\x00" }, "ProcessLabel"},
		{"mount label with NUL", func(c *configs.Config) { c.MountLabel = "a\x00" }, "MountLabel"},
		{"free fields", func(c *configs.Config) {
			c.NoPivotRoot, c.PivotDir, c.Version = true, "anything", "anything"
		}, ""},
	})
}

func TestRlimits(t *testing.T) {
	set := func(list ...configs.Rlimit) func(*configs.Config) {
		return func(c *configs.Config) { c.Rlimits = list }
	}
	const infinity = 1<<64 - 1
	run(t, []testCase{
		{"first and last", set(configs.Rlimit{Type: 0, Hard: infinity, Soft: infinity}, configs.Rlimit{Type: 15}), ""},
		{"soft below hard", set(configs.Rlimit{Type: 7, Hard: 2, Soft: 1}), ""},
		{"soft above hard", set(configs.Rlimit{Type: 7, Hard: 1, Soft: 2}), "Rlimits[0].Soft 2"},
		{"unknown", set(configs.Rlimit{Type: 16}), "Rlimits[0].Type 16"},
		{"negative", set(configs.Rlimit{Type: -1}), "Rlimits[0].Type -1"},
		{"twice", set(configs.Rlimit{Type: 7}, configs.Rlimit{Type: 8}, configs.Rlimit{Type: 7}), "Rlimits[2].Type 7"},
	})
}

func TestCapabilities(t *testing.T) {
	flat := func(names ...string) func(*configs.Config) {
		return func(c *configs.Config) { c.Capabilities = names }
	}
	sets := func(s configs.CapabilitySets) func(*configs.Config) {
		return func(c *configs.Config) { c.CapabilitySets = &s }
	}
	chown, kill := []string{"CAP_CHOWN"}, []string{"CAP_KILL"}
	both := []string{"CAP_KILL", "CAP_CHOWN"}
	bad := []string{"CAP_CHOWN", "CAP_NOTHING"}
	run(t, []testCase{
		{"none", flat(), ""},
		{"newest", flat("CAP_CHECKPOINT_RESTORE", "CAP_BPF", "CAP_PERFMON"), ""},
		{"twice", flat("CAP_CHOWN", "CAP_CHOWN"), ""},
		{"lower case", flat("cap_chown"), `Capabilities[0] "cap_chown"`},
		{"without CAP_", flat("CHOWN"), `Capabilities[0] "CHOWN"`},
		{"empty", flat("CAP_CHOWN", ""), "Capabilities[1]"},
		{"unknown", flat("CAP_NOTHING"), `Capabilities[0] "CAP_NOTHING"`},

		{"no sets", sets(configs.CapabilitySets{}), ""},
		{"all sets", sets(configs.CapabilitySets{Bounding: chown, Effective: chown, Inheritable: chown, Permitted: chown, Ambient: chown}), ""},
		{"bounding wider", sets(configs.CapabilitySets{Bounding: both, Permitted: chown, Effective: chown}), ""},
		{"unknown bounding", sets(configs.CapabilitySets{Bounding: bad}), "CapabilitySets.Bounding[1]"},
		{"unknown effective", sets(configs.CapabilitySets{Effective: bad}), "CapabilitySets.Effective[1]"},
		{"unknown inheritable", sets(configs.CapabilitySets{Inheritable: bad}), "CapabilitySets.Inheritable[1]"},
		{"unknown permitted", sets(configs.CapabilitySets{Permitted: bad}), "CapabilitySets.Permitted[1]"},
		{"unknown ambient", sets(configs.CapabilitySets{Ambient: bad}), "CapabilitySets.Ambient[1]"},
		{"effective not permitted", sets(configs.CapabilitySets{Bounding: both, Permitted: kill, Effective: both}), `CapabilitySets.Effective[1] "CAP_CHOWN" is not in CapabilitySets.Permitted`},
		{"inheritable not bounding", sets(configs.CapabilitySets{Bounding: kill, Inheritable: chown}), "is not in CapabilitySets.Bounding"},
		{"ambient not permitted", sets(configs.CapabilitySets{Bounding: both, Inheritable: both, Permitted: kill, Ambient: chown}), "is not in CapabilitySets.Permitted"},
		{"ambient not inheritable", sets(configs.CapabilitySets{Bounding: both, Permitted: both, Ambient: chown}), "is not in CapabilitySets.Inheritable"},
	})
}
