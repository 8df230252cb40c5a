package validate

import (
	"testing"
	"time"

	"github.com/libcontainer/libcontainer/configs"
	"golang.org/x/sys/unix"
)

func TestMounts(t *testing.T) {
	// add edits a good mount that is added to those of the default.
	add := func(edit func(*configs.Mount)) func(*configs.Config) {
		return func(c *configs.Config) {
			m := &configs.Mount{Source: "tmpfs", Destination: "/data", Device: "tmpfs"}
			edit(m)
			c.Mounts = []*configs.Mount{m}
		}
	}
	to := func(destination string) func(*configs.Config) {
		return add(func(m *configs.Mount) { m.Destination = destination })
	}
	typed := func(device string) func(*configs.Config) {
		return add(func(m *configs.Mount) { m.Device = device })
	}
	bind := func(source, device string, flags int) func(*configs.Config) {
		return add(func(m *configs.Mount) { m.Source, m.Device, m.Flags = source, device, flags })
	}
	propagate := func(flags ...int) func(*configs.Config) {
		return add(func(m *configs.Mount) { m.PropagationFlags = flags })
	}
	run(t, []testCase{
		{"absolute", to("/data"), ""},
		{"relative", to("dev/x"), ""},
		{"not clean", to("//data/./x/"), ""},
		{"dots in a name", to("/..data/x.."), ""},
		{"no destination", to(""), "Mounts[0].Destination"},
		{"dot dot", to("/data/../x"), `Mounts[0].Destination "/data/../x" has a ".."`},
		{"relative dot dot", to("../x"), `".."`},
		{"NUL", to("/a\x00"), "NUL"},
		{"root", to("/"), "is the root itself"},
		{"relative root", to("."), "is the root itself"},
		{"nil", func(c *configs.Config) { c.Mounts = append(c.Mounts, nil) }, "Mounts[6] is nil"},
		{"without a namespace", func(c *configs.Config) {
			*c = configs.Config{Rootfs: c.Rootfs, Mounts: []*configs.Mount{{Destination: "/proc", Device: "proc"}}}
		}, "Mounts needs a NEWNS"},

		{"fuse type", typed("fuse.sshfs"), ""},
		{"cgroup2 type", typed("cgroup2"), ""},
		{"no type", typed(""), "Mounts[0].Device"},
		{"type with a slash", typed("../tmpfs"), `Mounts[0].Device "../tmpfs"`},
		{"type with NUL", typed("tmpfs\x00"), "Mounts[0].Device"},
		{"type with a comma", typed("tmpfs,x"), "Mounts[0].Device"},

		{"bind", bind("/srv", "bind", unix.MS_BIND|unix.MS_REC), ""},
		{"bind by flags", bind("/srv", "", unix.MS_BIND), ""},
		{"bind of a relative source", bind("srv", "bind", unix.MS_BIND), `Mounts[0].Source "srv" is not absolute`},
		{"bind of the working directory", bind(".", "", unix.MS_BIND|unix.MS_REC), `Mounts[0].Source "." is not absolute`},
		{"bind remount with a word", bind("none", "", unix.MS_BIND|unix.MS_REMOUNT), ""},
		{"bind remount", bind("", "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY), ""},
		{"bind without a source", bind("", "bind", unix.MS_BIND), "Mounts[0].Source"},
		{"bind with NUL", bind("/srv\x00", "bind", unix.MS_BIND), "NUL"},
		{"bind type without the flag", bind("/srv", "bind", 0), "MS_BIND"},
		{"no source", add(func(m *configs.Mount) { m.Source = "" }), ""},
		{"source with NUL", add(func(m *configs.Mount) { m.Source = "\x00" }), "Mounts[0].Source"},
		{"data", add(func(m *configs.Mount) { m.Data = "mode=755,size=1k" }), ""},
		{"data with NUL", add(func(m *configs.Mount) { m.Data = "mode=755\x00" }), "Mounts[0].Data"},

		{"propagation", propagate(unix.MS_PRIVATE, unix.MS_SLAVE|unix.MS_REC), ""},
		{"no propagation", propagate(unix.MS_PRIVATE, 0), "Mounts[0].PropagationFlags[1]"},
		{"not propagation", propagate(unix.MS_RDONLY), "Mounts[0].PropagationFlags[0]"},

		{"relabel shared", add(func(m *configs.Mount) { m.Relabel = "z" }), ""},
		{"relabel private", add(func(m *configs.Mount) { m.Relabel = "Z" }), ""},
		{"relabel both", add(func(m *configs.Mount) { m.Relabel = "zZ" }), "Mounts[0].Relabel"},
	})
}

func TestMountCommands(t *testing.T) {
	second, negative := time.Second, -time.Second
	tests := []struct {
		name    string
		command configs.Command
		want    string
	}{
		{"path", configs.Command{Path: "/bin/true"}, ""},
		{"all", configs.Command{Path: "/bin/true", Args: []string{"true"}, Env: []string{"A=b"}, Dir: "/", Timeout: &second}, ""},
		{"no path", configs.Command{Args: []string{"true"}}, ".Path"},
		{"NUL in path", configs.Command{Path: "/bin\x00"}, ".Path"},
		{"NUL in an argument", configs.Command{Path: "/bin/true", Args: []string{"true", "\x00"}}, ".Args[1]"},
		{"NUL in a variable", configs.Command{Path: "/bin/true", Env: []string{"A=\x00"}}, ".Env[0]"},
		{"NUL in the directory", configs.Command{Path: "/bin/true", Dir: "\x00"}, ".Dir"},
		{"negative timeout", configs.Command{Path: "/bin/true", Timeout: &negative}, ".Timeout"},
	}
	var cases []testCase
	for _, tt := range tests {
		prefixed := func(field string) string {
			if tt.want == "" {
				return ""
			}
			return field + tt.want
		}
		cases = append(cases,
			testCase{"premount " + tt.name, func(c *configs.Config) {
				c.Mounts[0].PremountCmds = []configs.Command{tt.command}
			}, prefixed("Mounts[0].PremountCmds[0]")},
			testCase{"postmount " + tt.name, func(c *configs.Config) {
				c.Mounts[1].PostmountCmds = []configs.Command{{Path: "/bin/true"}, tt.command}
			}, prefixed("Mounts[1].PostmountCmds[1]")},
			testCase{"hook " + tt.name, func(c *configs.Config) {
				c.Hooks = &configs.Hooks{Poststop: []configs.Hook{configs.NewCommandHook(tt.command)}}
			}, prefixed("Hooks.Poststop[0]")},
			testCase{"hook pointer " + tt.name, func(c *configs.Config) {
				hook := configs.NewCommandHook(tt.command)
				c.Hooks = &configs.Hooks{Poststart: []configs.Hook{&hook}}
			}, prefixed("Hooks.Poststart[0]")})
	}
	run(t, cases)
}

func TestHooks(t *testing.T) {
	function := configs.NewFunctionHook(func(configs.HookState) error { return nil })
	run(t, []testCase{
		{"none", func(c *configs.Config) { c.Hooks = &configs.Hooks{} }, ""},
		{"function", func(c *configs.Config) { c.Hooks = &configs.Hooks{Prestart: []configs.Hook{function}} }, ""},
		{"nil", func(c *configs.Config) {
			c.Hooks = &configs.Hooks{Prestart: []configs.Hook{function, nil}}
		}, "Hooks.Prestart[1] is nil"},
		{"nil command", func(c *configs.Config) {
			c.Hooks = &configs.Hooks{Poststart: []configs.Hook{(*configs.CommandHook)(nil)}}
		}, "Hooks.Poststart[0] is nil"},
	})
}

func TestDevices(t *testing.T) {
	add := func(d *configs.Device) func(*configs.Config) {
		return func(c *configs.Config) { c.Devices = []*configs.Device{d} }
	}
	at := func(path string) func(*configs.Config) {
		return add(&configs.Device{Type: 'c', Path: path, Major: 1, Minor: 3})
	}
	numbered := func(typ rune, major, minor int64) func(*configs.Config) {
		return add(&configs.Device{Type: typ, Path: "/dev/x", Major: major, Minor: minor, Permissions: "rwm"})
	}
	run(t, []testCase{
		{"character", numbered('c', 1, 3), ""},
		{"unbuffered", numbered('u', 1, 3), ""},
		{"block", numbered('b', 4095, 1048575), ""},
		{"fifo", numbered('p', -1, -1), ""},
		{"auto created", func(c *configs.Config) { c.Devices = configs.DefaultAutoCreatedDevices }, ""},
		{"all", numbered('a', 1, 3), "Devices[0].Type 'a'"},
		{"no type", numbered(0, 1, 3), "Devices[0].Type"},
		{"unknown type", numbered('x', 1, 3), "Devices[0].Type 'x'"},
		{"major wildcard", numbered('c', configs.Wildcard, 3), "Devices[0].Major -1"},
		{"minor wildcard", numbered('c', 1, configs.Wildcard), "Devices[0].Minor -1"},
		{"major too large", numbered('c', 4096, 3), "Devices[0].Major 4096"},
		{"minor too large", numbered('b', 1, 1048576), "Devices[0].Minor 1048576"},
		{"outside /dev", at("/srv/null"), ""},
		{"no path", at(""), "Devices[0].Path"},
		{"relative", at("dev/null"), "is not absolute"},
		{"dot dot", at("/dev/../etc/x"), `".."`},
		{"NUL", at("/dev/\x00"), "NUL"},
		{"root", at("/"), "is the root itself"},
		{"permissions", add(&configs.Device{Type: 'c', Path: "/dev/x", Permissions: "rx"}), `Devices[0].Permissions "rx"`},
		{"nil", add(nil), "Devices[0] is nil"},
	})
}
