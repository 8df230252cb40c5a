package validate

import (
	"math"
	"testing"

	"github.com/libcontainer/libcontainer/configs"
)

func cg(edit func(*configs.Cgroup)) func(*configs.Config) {
	return func(c *configs.Config) { edit(c.Cgroups) }
}

func TestCgroupNames(t *testing.T) {
	named := func(name string) func(*configs.Config) {
		return cg(func(c *configs.Cgroup) { c.Name = name })
	}
	below := func(parent string) func(*configs.Config) {
		return cg(func(c *configs.Cgroup) { c.Parent = parent })
	}
	joined := func(path string) func(*configs.Config) {
		return cg(func(c *configs.Cgroup) { c.Paths = map[string]string{"cpu": path} })
	}
	at := func(path string) func(*configs.Config) {
		return cg(func(c *configs.Cgroup) { c.Name, c.Parent, c.Path = "", "", path })
	}
	run(t, []testCase{
		{"cgroup at a path", at("/a/b.c/d"), ""},
		{"cgroup at a relative path", at("a"), ""},
		{"cgroup at a path with dot dot", at("/a/../b"), `Cgroups.Path "/a/../b" has a ".."`},
		{"cgroup at the root", at("//./"), "Cgroups.Path"},
		{"cgroup at a dot", at("."), "Cgroups.Path"},
		{"cgroup at a path with NUL", at("a\x00"), "Cgroups.Path"},
		{"cgroup at a path with a name", cg(func(c *configs.Cgroup) { c.Name, c.Parent, c.Path = "a", "", "/b" }), "Cgroups.Path"},
		{"cgroup at a path with a parent", cg(func(c *configs.Cgroup) { c.Name, c.Parent, c.Path = "", "a", "/b" }), "Cgroups.Path"},
		{"no cgroup", func(c *configs.Config) { c.Cgroups = nil }, ""},
		{"no resources", cg(func(c *configs.Cgroup) { c.Resources = nil }), ""},
		{"name", named("test-container"), ""},
		{"dots in a name", named("a..b"), ""},
		{"name with a slash", named("a/b"), `Cgroups.Name "a/b"`},
		{"name of dots", named(".."), "Cgroups.Name"},
		{"name of a dot", named("."), "Cgroups.Name"},
		{"name with NUL", named("a\x00"), "Cgroups.Name"},
		{"prefix with a slash", cg(func(c *configs.Cgroup) { c.ScopePrefix = "a/b" }), "Cgroups.ScopePrefix"},
		{"property", cg(func(c *configs.Cgroup) {
			c.SystemdProperties = []configs.SystemdProperty{{Name: "IOWeight", Value: "uint64 5"}}
		}), ""},
		{"property with a space", cg(func(c *configs.Cgroup) { c.SystemdProperties = []configs.SystemdProperty{{Name: "IO Weight"}} }),
			`Cgroups.SystemdProperties[0].Name "IO Weight"`},
		{"property without a name", cg(func(c *configs.Cgroup) { c.SystemdProperties = []configs.SystemdProperty{{Value: "true"}} }),
			"Cgroups.SystemdProperties[0].Name"},
		{"value with NUL", cg(func(c *configs.Cgroup) { c.SystemdProperties = []configs.SystemdProperty{{Name: "A", Value: "'\x00'"}} }),
			"Cgroups.SystemdProperties[0].Value"},
		{"parent", below("system"), ""},
		{"parent of several elements", below("/a/b/c.slice"), ""},
		{"parent dot dot", below("a/../../b"), `Cgroups.Parent "a/../../b" has a ".."`},
		{"parent with NUL", below("/a\x00"), "Cgroups.Parent"},
		{"path", joined("/sys/fs/cgroup/cpu/x"), ""},
		{"relative path", joined("x"), `Cgroups.Paths["cpu"] "x" is not absolute`},
		{"empty path", joined(""), `Cgroups.Paths["cpu"]`},
		{"path dot dot", joined("/sys/fs/cgroup/../x"), `Cgroups.Paths["cpu"]`},
	})
}

func TestResourceDevices(t *testing.T) {
	ordered := func(r *configs.DeviceRule) func(*configs.Config) {
		return cg(func(c *configs.Cgroup) { c.DeviceRules = []*configs.DeviceRule{r} })
	}
	allow := func(d *configs.Device) func(*configs.Config) {
		return cg(func(c *configs.Cgroup) { c.AllowedDevices = []*configs.Device{d} })
	}
	rule := func(typ rune, major, minor int64, permissions string) func(*configs.Config) {
		return allow(&configs.Device{Type: typ, Major: major, Minor: minor, Permissions: permissions})
	}
	run(t, []testCase{
		{"rule", rule('c', 1, 3, "rwm"), ""},
		{"wildcards", rule('b', configs.Wildcard, configs.Wildcard, "m"), ""},
		{"all", rule('a', configs.Wildcard, configs.Wildcard, ""), ""},
		{"fifo", rule('p', 1, 3, "r"), "Cgroups.AllowedDevices[0].Type 'p'"},
		{"major", rule('c', -2, 3, "r"), "Cgroups.AllowedDevices[0].Major -2"},
		{"minor", rule('c', 1, 1<<20, "r"), "Cgroups.AllowedDevices[0].Minor 1048576"},
		{"no permissions", rule('c', 1, 3, ""), "Cgroups.AllowedDevices[0].Permissions"},
		{"unknown permission", rule('c', 1, 3, "rwx"), `Cgroups.AllowedDevices[0].Permissions "rwx"`},
		{"nil", allow(nil), "Cgroups.AllowedDevices[0] is nil"},
		{"denied", cg(func(c *configs.Cgroup) {
			c.AllowAllDevices = true
			c.DeniedDevices = []*configs.Device{{Type: 'b', Major: 8, Minor: 0, Permissions: "w"}}
		}), ""},
		{"ordered", ordered(&configs.DeviceRule{Allow: true, Type: 'a', Major: -1, Minor: -1, Permissions: "m"}), ""},
		{"ordered, no type", ordered(&configs.DeviceRule{Permissions: "m"}), "Cgroups.DeviceRules[0].Type"},
		{"ordered, no permissions", ordered(&configs.DeviceRule{Type: 'a'}), "Cgroups.DeviceRules[0].Permissions"},
		{"ordered, number", ordered(&configs.DeviceRule{Type: 'c', Major: -2, Permissions: "m"}), "Cgroups.DeviceRules[0].Major -2"},
		{"ordered, nil", ordered(nil), "Cgroups.DeviceRules[0] is nil"},
		{"nil denied", cg(func(c *configs.Cgroup) { c.DeniedDevices = []*configs.Device{nil} }), "Cgroups.DeniedDevices[0] is nil"},
	})
}

func TestResourceMemory(t *testing.T) {
	run(t, []testCase{
		{"limits", cg(func(c *configs.Cgroup) { c.Memory, c.MemoryReservation, c.MemorySwap = 100, 50, 200 }), ""},
		{"no limits", cg(func(c *configs.Cgroup) {
			c.Memory, c.MemoryReservation, c.MemorySwap, c.KernelMemory, c.KernelMemoryTCP = -1, -1, -1, -1, -1
		}), ""},
		{"no swap", cg(func(c *configs.Cgroup) { c.Memory, c.MemorySwap = 100, 100 }), ""},
		{"swap without limit", cg(func(c *configs.Cgroup) { c.Memory, c.MemorySwap = 100, -1 }), ""},
		{"memory", cg(func(c *configs.Cgroup) { c.Memory = -2 }), "Cgroups.Memory -2"},
		{"reservation", cg(func(c *configs.Cgroup) { c.MemoryReservation = -2 }), "Cgroups.MemoryReservation -2"},
		{"swap", cg(func(c *configs.Cgroup) { c.MemorySwap = -2 }), "Cgroups.MemorySwap -2"},
		{"swap below memory", cg(func(c *configs.Cgroup) { c.Memory, c.MemorySwap = 100, 99 }), "Cgroups.MemorySwap 99"},
		{"kernel", cg(func(c *configs.Cgroup) { c.KernelMemory = -2 }), "Cgroups.KernelMemory -2"},
		{"kernel TCP", cg(func(c *configs.Cgroup) { c.KernelMemoryTCP = -2 }), "Cgroups.KernelMemoryTCP -2"},
		{"swappiness least", cg(func(c *configs.Cgroup) { c.MemorySwappiness = 0 }), ""},
		{"swappiness most", cg(func(c *configs.Cgroup) { c.MemorySwappiness = 100 }), ""},
		{"swappiness too little", cg(func(c *configs.Cgroup) { c.MemorySwappiness = -2 }), "Cgroups.MemorySwappiness -2"},
		{"swappiness too much", cg(func(c *configs.Cgroup) { c.MemorySwappiness = 101 }), "Cgroups.MemorySwappiness 101"},
	})
}

func TestResourceCPUAndPids(t *testing.T) {
	run(t, []testCase{
		{"cpu", cg(func(c *configs.Cgroup) { c.CpuShares, c.CpuQuota, c.CpuPeriod = 2, 1000, 1000 }), ""},
		{"no quota", cg(func(c *configs.Cgroup) { c.CpuQuota, c.CpuPeriod = -1, 1000000 }), ""},
		{"shares", cg(func(c *configs.Cgroup) { c.CpuShares = -1 }), "Cgroups.CpuShares -1"},
		{"quota", cg(func(c *configs.Cgroup) { c.CpuQuota = 999 }), "Cgroups.CpuQuota 999"},
		{"quota negative", cg(func(c *configs.Cgroup) { c.CpuQuota = -2 }), "Cgroups.CpuQuota -2"},
		{"period too short", cg(func(c *configs.Cgroup) { c.CpuPeriod = 999 }), "Cgroups.CpuPeriod 999"},
		{"period too long", cg(func(c *configs.Cgroup) { c.CpuPeriod = 1000001 }), "Cgroups.CpuPeriod 1000001"},
		{"realtime", cg(func(c *configs.Cgroup) { c.CpuRtRuntime, c.CpuRtPeriod = 950000, 1000000 }), ""},
		{"realtime runtime", cg(func(c *configs.Cgroup) { c.CpuRtRuntime = -2 }), "Cgroups.CpuRtRuntime -2"},
		{"realtime period", cg(func(c *configs.Cgroup) { c.CpuRtPeriod = -1 }), "Cgroups.CpuRtPeriod -1"},
		{"realtime runtime above period", cg(func(c *configs.Cgroup) { c.CpuRtRuntime, c.CpuRtPeriod = 2, 1 }), "Cgroups.CpuRtRuntime 2"},
		{"cpuset", cg(func(c *configs.Cgroup) { c.CpusetCpus, c.CpusetMems = "0-3,7", "0" }), ""},
		{"cpus of two lines", cg(func(c *configs.Cgroup) { c.CpusetCpus = "0\n1" }), "Cgroups.CpusetCpus"},
		{"mems with NUL", cg(func(c *configs.Cgroup) { c.CpusetMems = "0\x00" }), "Cgroups.CpusetMems"},
		{"pids", cg(func(c *configs.Cgroup) { c.PidsLimit = 100 }), ""},
		{"no pids limit", cg(func(c *configs.Cgroup) { c.PidsLimit = -1 }), ""},
		{"pids negative", cg(func(c *configs.Cgroup) { c.PidsLimit = -2 }), "Cgroups.PidsLimit -2"},
	})
}

func TestResourceBlkio(t *testing.T) {
	weights := func(d ...*configs.WeightDevice) func(*configs.Config) {
		return cg(func(c *configs.Cgroup) { c.BlkioWeightDevice = d })
	}
	bad := []*configs.ThrottleDevice{configs.NewThrottleDevice(8, 0, 1), configs.NewThrottleDevice(-1, 0, 1)}
	withNil := []*configs.ThrottleDevice{nil}
	run(t, []testCase{
		{"least", cg(func(c *configs.Cgroup) { c.BlkioWeight, c.BlkioLeafWeight = 10, 10 }), ""},
		{"most", cg(func(c *configs.Cgroup) { c.BlkioWeight, c.BlkioLeafWeight = 1000, 1000 }), ""},
		{"weight too little", cg(func(c *configs.Cgroup) { c.BlkioWeight = 9 }), "Cgroups.BlkioWeight 9"},
		{"weight too much", cg(func(c *configs.Cgroup) { c.BlkioWeight = 1001 }), "Cgroups.BlkioWeight 1001"},
		{"leaf weight", cg(func(c *configs.Cgroup) { c.BlkioLeafWeight = 9 }), "Cgroups.BlkioLeafWeight 9"},
		{"device", weights(configs.NewWeightDevice(8, 0, 10, 0)), ""},
		{"device weight", weights(configs.NewWeightDevice(8, 0, 9, 0)), "Cgroups.BlkioWeightDevice[0].Weight 9"},
		{"device leaf weight", weights(configs.NewWeightDevice(8, 0, 0, 1001)), "Cgroups.BlkioWeightDevice[0].LeafWeight 1001"},
		{"device number", weights(configs.NewWeightDevice(8, -1, 10, 10)), "Cgroups.BlkioWeightDevice[0].Minor -1"},
		{"nil device", weights(nil), "Cgroups.BlkioWeightDevice[0] is nil"},
		{"throttle", cg(func(c *configs.Cgroup) { c.BlkioThrottleReadBpsDevice = bad[:1] }), ""},
		{"read bytes", cg(func(c *configs.Cgroup) { c.BlkioThrottleReadBpsDevice = bad }), "Cgroups.BlkioThrottleReadBpsDevice[1].Major -1"},
		{"write bytes", cg(func(c *configs.Cgroup) { c.BlkioThrottleWriteBpsDevice = bad }), "Cgroups.BlkioThrottleWriteBpsDevice[1].Major -1"},
		{"reads", cg(func(c *configs.Cgroup) { c.BlkioThrottleReadIOPSDevice = bad }), "Cgroups.BlkioThrottleReadIOPSDevice[1].Major -1"},
		{"writes", cg(func(c *configs.Cgroup) { c.BlkioThrottleWriteIOPSDevice = withNil }), "Cgroups.BlkioThrottleWriteIOPSDevice[0] is nil"},
	})
}

func TestResourceFreezerAndHugetlb(t *testing.T) {
	freezer := func(s configs.FreezerState) func(*configs.Config) {
		return cg(func(c *configs.Cgroup) { c.Freezer = s })
	}
	size := func(s string) func(*configs.Config) {
		return cg(func(c *configs.Cgroup) { c.HugetlbLimit = []*configs.HugepageLimit{{Pagesize: s, Limit: 1}} })
	}
	tests := []testCase{
		{"frozen", freezer(configs.Frozen), ""},
		{"thawed", freezer(configs.Thawed), ""},
		{"unknown state", freezer("frozen"), `Cgroups.Freezer "frozen"`},
		{"nil limit", cg(func(c *configs.Cgroup) { c.HugetlbLimit = []*configs.HugepageLimit{nil} }), "Cgroups.HugetlbLimit[0] is nil"},
	}
	for _, s := range []string{"64KB", "2MB", "1GB", "512MB"} {
		tests = append(tests, testCase{"size " + s, size(s), ""})
	}
	for _, s := range []string{"", "MB", "2", "2mb", "2M", "02MB", "2MB/..", "-2MB", "2.5MB", "../2MB", "2TB"} {
		tests = append(tests, testCase{"size " + s, size(s), "Cgroups.HugetlbLimit[0].Pagesize"})
	}
	run(t, tests)
}

func TestResourceNetwork(t *testing.T) {
	class := func(s string) func(*configs.Config) {
		return cg(func(c *configs.Cgroup) { c.NetClsClassid = s })
	}
	priority := func(p *configs.IfPrioMap) func(*configs.Config) {
		return cg(func(c *configs.Cgroup) { c.NetPrioIfpriomap = []*configs.IfPrioMap{p} })
	}
	tests := []testCase{
		{"priority", priority(&configs.IfPrioMap{Interface: "eth0", Priority: math.MaxUint32}), ""},
		{"priority negative", priority(&configs.IfPrioMap{Interface: "eth0", Priority: -1}), "Cgroups.NetPrioIfpriomap[0].Priority -1"},
		{"priority too large", priority(&configs.IfPrioMap{Interface: "eth0", Priority: 1 << 32}), "Cgroups.NetPrioIfpriomap[0].Priority"},
		{"no interface", priority(&configs.IfPrioMap{}), "Cgroups.NetPrioIfpriomap[0].Interface"},
		{"interface with a space", priority(&configs.IfPrioMap{Interface: "eth0 1"}), "Cgroups.NetPrioIfpriomap[0].Interface"},
		{"interface with a slash", priority(&configs.IfPrioMap{Interface: "a/b"}), "Cgroups.NetPrioIfpriomap[0].Interface"},
		{"nil priority", priority(nil), "Cgroups.NetPrioIfpriomap[0] is nil"},
	}
	for _, s := range []string{"0", "1048577", "0x100001", "0XFFFFFFFF", "4294967295"} {
		tests = append(tests, testCase{"class " + s, class(s), ""})
	}
	for _, s := range []string{"10:1", "0x", "0x100000000", "4294967296", "-1", "+1", "ff", "1_000", "0x0x1", " 1"} {
		tests = append(tests, testCase{"class " + s, class(s), "Cgroups.NetClsClassid"})
	}
	run(t, tests)
}
