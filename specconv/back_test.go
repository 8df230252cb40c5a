package specconv

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/configs/validate"
)

// What is converted, written, read and converted again is the same.
func TestRoundTrip(t *testing.T) {
	bundle := newBundle(t)
	for name, spec := range map[string]*specs.Spec{"full": fullSpec(), "example": Example(), "rootless": ExampleRootless()} {
		for _, systemd := range []bool{false, true} {
			if systemd && name == "full" {
				spec.Linux.CgroupsPath = "a.slice:b:c"
			}
			opts := Options{ID: "one", Bundle: bundle, SystemdCgroup: systemd}
			first := mustConvert(t, spec, opts)
			back, err := FromConfig(first.Config, first.Process, &opts)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			text, err := json.Marshal(back)
			if err != nil {
				t.Fatal(err)
			}
			read, err := decode[specs.Spec](text)
			if err != nil {
				t.Fatal(err)
			}
			second := mustConvert(t, read, opts)
			if d := diff(first.Config, second.Config); d != "" {
				t.Errorf("%s, systemd %v (-first +second):\n%s", name, systemd, d)
			}
			if d := diff(first.Process, second.Process); d != "" {
				t.Errorf("%s, systemd %v (-first +second):\n%s", name, systemd, d)
			}
		}
	}
}

// The library's default configuration can be written, with its filter of system calls.
func TestDefaultWritten(t *testing.T) {
	bundle := newBundle(t)
	config := configs.Default()
	config.Rootfs = bundle + "/rootfs"
	config.Cgroups.Name = "x"
	spec, err := FromConfig(config, &libcontainer.Process{Args: []string{"sh"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	result := mustConvert(t, spec, Options{ID: "one", Bundle: bundle})
	if len(result.Warnings) > 0 {
		t.Errorf("warnings %v", result.Warnings)
	}
	got := result.Config
	if err := validate.New().Validate(got); err != nil {
		t.Error(err)
	}
	if d := diff(config.Mounts, got.Mounts); d != "" {
		t.Errorf("mounts (-want +got):\n%s", d)
	}
	if d := diff(config.Namespaces, got.Namespaces); d != "" {
		t.Errorf("namespaces (-want +got):\n%s", d)
	}
	if !slices.Equal(got.CapabilitySets.Permitted, config.Capabilities) || got.CapabilitySets.Ambient != nil {
		t.Errorf("capabilities %+v", got.CapabilitySets)
	}
	if got.Seccomp == nil || len(got.Seccomp.Syscalls) < 100 {
		t.Errorf("filter %+v", got.Seccomp)
	}
	if !got.NoNewPrivileges || got.KeepOomScore || got.Cgroups.Path != "x" {
		t.Errorf("configuration %+v", got)
	}
}

// TestEveryOption writes what an option does, and reads it again.
func TestEveryOption(t *testing.T) {
	for _, name := range configs.MountOptions() {
		for _, with := range [][]string{{}, {"bind"}, {"rbind", "nosuid", "noatime", "rro", "shared"}} {
			m := &configs.Mount{Destination: "/x", Device: "y", Source: "z"}
			m.SetOptions(append(with, name))
			b := &back{}
			out := b.mount("mount", m)
			if b.err != nil {
				t.Errorf("%s with %q: %v", name, with, b.err)
				continue
			}
			again := &configs.Mount{Destination: "/x", Device: "y", Source: "z"}
			again.SetOptions(out.Options)
			if d := diff(m, again); d != "" {
				t.Errorf("%s with %q (-want +got):\n%s", name, with, d)
			}
		}
	}
}

func TestNoWayBack(t *testing.T) {
	var function configs.Hook = configs.NewFunctionHook(func(configs.HookState) error { return nil })
	command := func(c configs.Command) *configs.Hooks {
		return &configs.Hooks{Poststop: []configs.Hook{configs.NewCommandHook(c)}}
	}
	for path, change := range map[string]func(*configs.Config, *libcontainer.Process){
		"Config.ParentDeathSignal":     func(c *configs.Config, _ *libcontainer.Process) { c.ParentDeathSignal = 9 },
		"Config.Overlay":               func(c *configs.Config, _ *libcontainer.Process) { c.Overlay = new(configs.Overlay) },
		"Config.RootIDMapping":         func(c *configs.Config, _ *libcontainer.Process) { c.RootIDMapping = configs.IDMapMount },
		"Config.IDs":                   func(c *configs.Config, _ *libcontainer.Process) { c.IDs = new(configs.IDPool) },
		"Config.Routes":                func(c *configs.Config, _ *libcontainer.Process) { c.Routes = []*configs.Route{{}} },
		"Config.Networks[0]":           func(c *configs.Config, _ *libcontainer.Process) { c.Networks = []*configs.Network{{Type: "veth"}} },
		"Config.RootPropagation":       func(c *configs.Config, _ *libcontainer.Process) { c.RootPropagation = 1 },
		"Config.Cgroups.Paths":         func(c *configs.Config, _ *libcontainer.Process) { c.Cgroups.Paths = map[string]string{"": "/x"} },
		"Config.Cgroups.MemoryHigh":    func(c *configs.Config, _ *libcontainer.Process) { c.Cgroups.MemoryHigh = 1 },
		"Config.Cgroups.NetClsClassid": func(c *configs.Config, _ *libcontainer.Process) { c.Cgroups.NetClsClassid = "x" },
		"Config.Cgroups.SkipDevices":   func(c *configs.Config, _ *libcontainer.Process) { c.Cgroups.SkipDevices = true },
		"Config.Hooks.Prestart[0]": func(c *configs.Config, _ *libcontainer.Process) {
			c.Hooks = &configs.Hooks{Prestart: []configs.Hook{function}}
		},
		"Config.Hooks.Poststop[0].Dir": func(c *configs.Config, _ *libcontainer.Process) { c.Hooks = command(configs.Command{Dir: "/"}) },
		"Config.Hooks.Poststop[0].Timeout": func(c *configs.Config, _ *libcontainer.Process) {
			c.Hooks = command(configs.Command{Timeout: ptr(time.Millisecond)})
		},
		"Config.Mounts[0]":              func(c *configs.Config, _ *libcontainer.Process) { c.Mounts[0].Flags = unix.MS_REC },
		"Config.Mounts[0].Relabel":      func(c *configs.Config, _ *libcontainer.Process) { c.Mounts[0].Relabel = "z" },
		"Config.Mounts[0].PremountCmds": func(c *configs.Config, _ *libcontainer.Process) { c.Mounts[0].PremountCmds = []configs.Command{{}} },
		"Config.AdditionalGroups[0]":    func(c *configs.Config, _ *libcontainer.Process) { c.AdditionalGroups = []string{"tty"} },
		"Config.UidMappings[0].HostID":  func(c *configs.Config, _ *libcontainer.Process) { c.UidMappings = []configs.IDMap{{HostID: -1}} },
		"Config.Rlimits":                func(c *configs.Config, _ *libcontainer.Process) { c.Rlimits = []configs.Rlimit{{Type: 99}} },
		"Config.Seccomp.DefaultAction":  func(c *configs.Config, _ *libcontainer.Process) { c.Seccomp = &configs.Seccomp{} },
		"Config.Devices[0]":             func(c *configs.Config, _ *libcontainer.Process) { c.Devices[0] = nil },
		"Process.User":                  func(_ *configs.Config, p *libcontainer.Process) { p.User = "nobody" },
		"Process.User without a group":  func(_ *configs.Config, p *libcontainer.Process) { p.User = "5" },
		"Process.CPUAffinity":           func(_ *configs.Config, p *libcontainer.Process) { p.CPUAffinity = &configs.CPUAffinity{} },
		"Process.SubCgroup":             func(_ *configs.Config, p *libcontainer.Process) { p.SubCgroup = "x" },
	} {
		config, process := configs.Default(), &libcontainer.Process{Args: []string{"sh"}}
		change(config, process)
		_, err := FromConfig(config, process, nil)
		checkPath(t, err, path)
	}
	_, err := FromConfig(nil, nil, nil)
	checkPath(t, err, "Config")
}
