package specconv

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/moby/sys/capability"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/libcontainer/libcontainer/configs"
)

// What is wrong is named by its path.
func TestBadProperties(t *testing.T) {
	bundle := newBundle(t)
	if err := os.WriteFile(filepath.Join(bundle, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	const huge = math.MaxUint64
	for path, list := range map[string][]func(*specs.Spec){
		"ociVersion": {
			func(s *specs.Spec) { s.Version = "" },
			func(s *specs.Spec) { s.Version = "1.0" },
			func(s *specs.Spec) { s.Version = "1.02.0" },
			func(s *specs.Spec) { s.Version = "2.0.0" },
			func(s *specs.Spec) { s.Version = "0.6.0" },
		},
		"annotations": {func(s *specs.Spec) { s.Annotations[""] = "x" }},
		"root":        {func(s *specs.Spec) { s.Root = nil }},
		"root.path": {
			func(s *specs.Spec) { s.Root.Path = "" },
			func(s *specs.Spec) { s.Root.Path = "nowhere" },
			func(s *specs.Spec) { s.Root.Path = "file" },
		},
		"process.args": {
			func(s *specs.Spec) { s.Process.Args = nil },
			func(s *specs.Spec) { s.Process.Args = []string{""} },
		},
		"process.cwd": {
			func(s *specs.Spec) { s.Process.Cwd = "" },
			func(s *specs.Spec) { s.Process.Cwd = "work" },
		},
		"process.env[1]": {
			func(s *specs.Spec) { s.Process.Env = []string{"A=", "B"} },
			func(s *specs.Spec) { s.Process.Env = []string{"A=", "=b"} },
		},
		"process.consoleSize":     {func(s *specs.Spec) { s.Process.ConsoleSize.Width = 1 << 16 }},
		"process.rlimits[0].type": {func(s *specs.Spec) { s.Process.Rlimits[0].Type = "NOFILE" }},
		"process.rlimits[1].type": {func(s *specs.Spec) { s.Process.Rlimits = append(s.Process.Rlimits, s.Process.Rlimits[0]) }},
		"process.rlimits[0].soft": {func(s *specs.Spec) { s.Process.Rlimits[0].Soft = 3 }},
		"hooks.createRuntime[0].path": {
			func(s *specs.Spec) { s.Hooks.CreateRuntime[0].Path = "" },
			func(s *specs.Spec) { s.Hooks.CreateRuntime[0].Path = "bin/true" },
		},
		"hooks.poststop[0].timeout": {
			func(s *specs.Spec) { s.Hooks.Poststop[0].Timeout = ptr(0) },
			func(s *specs.Spec) { s.Hooks.Poststop[0].Timeout = ptr(-1) },
			func(s *specs.Spec) { s.Hooks.Poststop[0].Timeout = ptr(math.MaxInt) },
		},
		"mounts[0].destination":         {func(s *specs.Spec) { s.Mounts[0].Destination = "" }},
		"mounts[0].type":                {func(s *specs.Spec) { s.Mounts[0] = specs.Mount{Destination: "/x"} }},
		"mounts[0].source":              {func(s *specs.Spec) { s.Mounts[0].Source = "" }},
		"mounts[0].gidMappings":         {func(s *specs.Spec) { s.Mounts[0].GIDMappings = nil }},
		"mounts[0].uidMappings":         {func(s *specs.Spec) { s.Mounts[0].UIDMappings = nil }},
		"mounts[0].uidMappings[0].size": {func(s *specs.Spec) { s.Mounts[0].UIDMappings[0].Size = 0 }},
		"mounts[0].options[5]": {
			func(s *specs.Spec) { s.Mounts[0].Options = append(s.Mounts[0].Options, "copy-symlink") },
			func(s *specs.Spec) { s.Mounts[0].Options = append(s.Mounts[0].Options, "iversion") },
		},
		"linux.namespaces[1].type": {
			func(s *specs.Spec) { s.Linux.Namespaces[1].Type = "NEWUSER" },
			func(s *specs.Spec) { s.Linux.Namespaces[1].Type = "network" },
		},
		"linux.namespaces[0].path":      {func(s *specs.Spec) { s.Linux.Namespaces[0].Path = "ns/net" }},
		"linux.uidMappings[0].size":     {func(s *specs.Spec) { s.Linux.UIDMappings[0].Size = 0 }},
		"linux.devices[0].path":         {func(s *specs.Spec) { s.Linux.Devices[0].Path = "fuse" }},
		"linux.devices[0].type":         {func(s *specs.Spec) { s.Linux.Devices[0].Type = "a" }},
		"linux.devices[0].fileMode":     {func(s *specs.Spec) { s.Linux.Devices[0].FileMode = ptr(os.FileMode(0o4755)) }},
		"linux.rootfsPropagation":       {func(s *specs.Spec) { s.Linux.RootfsPropagation = "public" }},
		"linux.maskedPaths[0]":          {func(s *specs.Spec) { s.Linux.MaskedPaths[0] = "proc/kcore" }},
		"linux.readonlyPaths[0]":        {func(s *specs.Spec) { s.Linux.ReadonlyPaths[0] = "" }},
		"linux.intelRdt.memBwSchema":    {func(s *specs.Spec) { s.Linux.IntelRdt.MemBwSchema = "L3:0=1" }},
		"linux.intelRdt.schemata[0]":    {func(s *specs.Spec) { s.Linux.IntelRdt.Schemata[0] = "L3:0=1\nL2:0=1" }},
		"linux.cgroupsPath":             {func(s *specs.Spec) { s.Linux.CgroupsPath = "a/../../b" }, func(s *specs.Spec) { s.Linux.CgroupsPath = "//" }},
		"linux.seccomp.defaultAction":   {func(s *specs.Spec) { s.Linux.Seccomp.DefaultAction = "" }},
		"linux.seccomp.defaultErrnoRet": {func(s *specs.Spec) { s.Linux.Seccomp.DefaultAction = specs.ActAllow }},
		"linux.seccomp.listenerMetadata": {
			func(s *specs.Spec) { s.Linux.Seccomp.ListenerPath = "" },
		},
		"linux.seccomp.syscalls[0].names":         {func(s *specs.Spec) { s.Linux.Seccomp.Syscalls[0].Names = nil }},
		"linux.seccomp.syscalls[0].names[1]":      {func(s *specs.Spec) { s.Linux.Seccomp.Syscalls[0].Names[1] = "" }},
		"linux.seccomp.syscalls[0].action":        {func(s *specs.Spec) { s.Linux.Seccomp.Syscalls[0].Action = "ALLOW" }},
		"linux.seccomp.syscalls[0].errnoRet":      {func(s *specs.Spec) { s.Linux.Seccomp.Syscalls[0].Action = specs.ActKill }},
		"linux.seccomp.syscalls[0].args[0].op":    {func(s *specs.Spec) { s.Linux.Seccomp.Syscalls[0].Args[0].Op = "=" }},
		"linux.seccomp.syscalls[0].args[0].index": {func(s *specs.Spec) { s.Linux.Seccomp.Syscalls[0].Args[0].Index = 6 }},
		"linux.resources.devices[0].type":         {func(s *specs.Spec) { s.Linux.Resources.Devices[0].Type = "p" }},
		"linux.resources.devices[0].access":       {func(s *specs.Spec) { s.Linux.Resources.Devices[0].Access = "" }},
		"linux.resources.memory.swappiness":       {func(s *specs.Spec) { s.Linux.Resources.Memory.Swappiness = ptr(uint64(huge)) }},
		"linux.resources.cpu.shares":              {func(s *specs.Spec) { s.Linux.Resources.CPU.Shares = ptr(uint64(huge)) }},
		"linux.resources.cpu.period":              {func(s *specs.Spec) { s.Linux.Resources.CPU.Period = ptr(uint64(huge)) }},
		"linux.resources.cpu.realtimePeriod":      {func(s *specs.Spec) { s.Linux.Resources.CPU.RealtimePeriod = ptr(uint64(huge)) }},
		"linux.resources.pids.limit":              {func(s *specs.Spec) { s.Linux.Resources.Pids.Limit = ptr(int64(-2)) }},
		"linux.resources.blockIO.weightDevice[0]": {func(s *specs.Spec) {
			d := &s.Linux.Resources.BlockIO.WeightDevice[0]
			d.Weight, d.LeafWeight = nil, nil
		}},
		`linux.resources.rdma["mlx5_1"]`: {func(s *specs.Spec) { s.Linux.Resources.Rdma["mlx5_1"] = specs.LinuxRdma{} }},
	} {
		for i, change := range list {
			spec := fullSpec()
			change(spec)
			_, err := convertAll(spec, Options{ID: "one", Bundle: bundle})
			if err == nil {
				t.Errorf("%s, %d: no error", path, i)
				continue
			}
			checkPath(t, err, path)
		}
	}
	if _, err := Convert(nil, nil); err == nil {
		t.Error("nothing at all is converted")
	}
}

// Warnings are about what the specification wants passed over, and nothing else.
func TestWarnings(t *testing.T) {
	bundle := newBundle(t)
	for path, change := range map[string]func(*specs.Spec){
		"":                                  func(*specs.Spec) {},
		"ociVersion":                        func(s *specs.Spec) { s.Version = "1.99.0-rc.1+dev" },
		"mounts[0].destination":             func(s *specs.Spec) { s.Mounts[0].Destination = "data" },
		"mounts[0].options":                 func(s *specs.Spec) { s.Mounts[0].Options = []string{"bind", "size=1k"} },
		"process.capabilities.bounding[0]":  func(s *specs.Spec) { s.Process.Capabilities.Bounding = []string{"CAP_NONE"} },
		"process.capabilities.permitted[0]": func(s *specs.Spec) { s.Process.Capabilities.Permitted = []string{"chown"} },
		"process.capabilities.effective":    func(s *specs.Spec) { s.Process.Capabilities.Effective = []string{"CAP_KILL"} },
		"process.capabilities.ambient":      func(s *specs.Spec) { s.Process.Capabilities.Ambient = []string{"CAP_KILL"} },
		"process.capabilities.inheritable":  func(s *specs.Spec) { s.Process.Capabilities.Inheritable = []string{"CAP_KILL"} },
		"linux.resources.memory.kernel":     func(s *specs.Spec) { s.Linux.Resources = fullResources(); s.Linux.Resources.Memory.UseHierarchy = nil },
		"linux.resources.memory.useHierarchy": func(s *specs.Spec) {
			s.Linux.Resources = &specs.LinuxResources{Memory: &specs.LinuxMemory{UseHierarchy: ptr(false)}}
		},
		`annotations["org.systemd.property.Foo"]`: func(s *specs.Spec) {
			s.Annotations = map[string]string{"org.systemd.property.Foo": "true"}
		},
	} {
		spec := Example()
		spec.Process.Capabilities = &specs.LinuxCapabilities{}
		spec.Mounts = []specs.Mount{{Destination: "/data", Source: "/", Options: []string{"bind"}}}
		change(spec)
		warnings := mustConvert(t, spec, Options{ID: "one", Bundle: bundle}).Warnings
		switch {
		case path == "":
			if len(warnings) != 0 {
				t.Errorf("warnings %v, want none", warnings)
			}
		case len(warnings) != 1:
			t.Errorf("warnings %v, want one about %s", warnings, path)
		default:
			checkPath(t, warnings[0], path)
		}
	}
}

// What this process cannot grant is left out of all sets.
func TestUngrantableCapabilities(t *testing.T) {
	spec := Example()
	names := []string{"CAP_KILL", "CAP_NET_RAW"}
	spec.Process.Capabilities = &specs.LinuxCapabilities{
		Bounding: names, Effective: names, Inheritable: names, Permitted: names, Ambient: names,
	}
	c := &converter{opts: Options{ID: "one", Bundle: newBundle(t)}, granter: func(*configs.Config) granter {
		return func(c capability.Cap, _ bool) error {
			if c == capability.CAP_NET_RAW {
				return errNotOwn
			}
			return nil
		}
	}}
	result, err := c.convert(spec)
	if err != nil {
		t.Fatal(err)
	}
	kill := []string{"CAP_KILL"}
	want := &configs.CapabilitySets{Bounding: kill, Effective: kill, Inheritable: kill, Permitted: kill, Ambient: kill}
	if d := diff(want, result.Config.CapabilitySets); d != "" {
		t.Errorf("sets (-want +got):\n%s", d)
	}
	if len(result.Warnings) != 5 || !errors.Is(result.Warnings[0], errNotOwn) {
		t.Errorf("warnings %v", result.Warnings)
	}
}

// What the calling process has it can grant, and in a new user namespace all that the kernel
// knows.
func TestGranter(t *testing.T) {
	own, err := capability.NewPid2(0)
	if err != nil {
		t.Fatal(err)
	}
	if err := own.Load(); err != nil {
		t.Fatal(err)
	}
	last, err := capability.LastCap()
	if err != nil {
		t.Fatal(err)
	}
	grant := newGranter(&configs.Config{})
	inside := newGranter(&configs.Config{Namespaces: configs.Namespaces{{Type: configs.NEWUSER}}})
	for _, c := range capability.ListKnown() {
		if c > last {
			continue
		}
		if got := grant(c, false) == nil; got != own.Get(capability.PERMITTED, c) {
			t.Errorf("%v can be granted: %v", c, got)
		}
		if err := inside(c, true); err != nil {
			t.Errorf("%v in a user namespace: %v", c, err)
		}
	}
	if err := inside(last+1, false); !errors.Is(err, errNewKernel) {
		t.Errorf("error %v for a capability of a later kernel", err)
	}
}
