package validate

import (
	"strings"
	"testing"

	"github.com/libcontainer/libcontainer/configs"
)

func TestSeccomp(t *testing.T) {
	// add edits a good rule of a good filter.
	add := func(edit func(*configs.Seccomp, *configs.Syscall, *configs.Arg)) func(*configs.Config) {
		return func(c *configs.Config) {
			arg := &configs.Arg{Index: 5, Value: 3, ValueTwo: 2, Op: configs.MaskEqualTo}
			rule := &configs.Syscall{Name: "clone", Action: configs.Errno, Args: []*configs.Arg{arg}}
			filter := &configs.Seccomp{
				DefaultAction: configs.Allow,
				Architectures: []string{"x86"},
				Syscalls:      []*configs.Syscall{rule},
			}
			edit(filter, rule, arg)
			c.Seccomp = filter
		}
	}
	run(t, []testCase{
		{"good", add(func(*configs.Seccomp, *configs.Syscall, *configs.Arg) {}), ""},
		{"kill by default", add(func(f *configs.Seccomp, _ *configs.Syscall, _ *configs.Arg) { f.DefaultAction = configs.Kill }), ""},
		{"trace", add(func(_ *configs.Seccomp, s *configs.Syscall, _ *configs.Arg) { s.Action = configs.Trace }), ""},
		{"no rules", add(func(f *configs.Seccomp, _ *configs.Syscall, _ *configs.Arg) { f.Syscalls = nil }), ""},
		{"no default", add(func(f *configs.Seccomp, _ *configs.Syscall, _ *configs.Arg) { f.DefaultAction = 0 }), "Seccomp.DefaultAction 0"},
		{"unknown default", add(func(f *configs.Seccomp, _ *configs.Syscall, _ *configs.Arg) { f.DefaultAction = 10 }), "Seccomp.DefaultAction 10"},
		{"empty architecture", add(func(f *configs.Seccomp, _ *configs.Syscall, _ *configs.Arg) { f.Architectures[0] = "" }), "Seccomp.Architectures[0]"},
		{"no action", add(func(_ *configs.Seccomp, s *configs.Syscall, _ *configs.Arg) { s.Action = 0 }), "Seccomp.Syscalls[0].Action 0"},
		{"unknown action", add(func(_ *configs.Seccomp, s *configs.Syscall, _ *configs.Arg) { s.Action = 10 }), "Seccomp.Syscalls[0].Action 10"},
		{"no name", add(func(_ *configs.Seccomp, s *configs.Syscall, _ *configs.Arg) { s.Name = "" }), "Seccomp.Syscalls[0].Name"},
		{"index", add(func(_ *configs.Seccomp, _ *configs.Syscall, a *configs.Arg) { a.Index = 6 }), "Seccomp.Syscalls[0].Args[0].Index 6"},
		{"no operator", add(func(_ *configs.Seccomp, _ *configs.Syscall, a *configs.Arg) { a.Op = 0 }), "Seccomp.Syscalls[0].Args[0].Op 0"},
		{"unknown operator", add(func(_ *configs.Seccomp, _ *configs.Syscall, a *configs.Arg) { a.Op = 8 }), "Seccomp.Syscalls[0].Args[0].Op 8"},
		{"nil rule", add(func(f *configs.Seccomp, _ *configs.Syscall, _ *configs.Arg) { f.Syscalls = append(f.Syscalls, nil) }), "Seccomp.Syscalls[1] is nil"},
		{"nil argument", add(func(_ *configs.Seccomp, s *configs.Syscall, _ *configs.Arg) { s.Args = append(s.Args, nil) }), "Seccomp.Syscalls[0].Args[1] is nil"},
	})
}

func TestSeccompErrnoRet(t *testing.T) {
	ret := func(n uint) *uint { return &n }
	filter := func(action configs.Action, ret *uint) func(*configs.Config) {
		return func(c *configs.Config) {
			c.Seccomp = &configs.Seccomp{
				DefaultAction: configs.Allow,
				Syscalls:      []*configs.Syscall{{Name: "read", Action: action, ErrnoRet: ret}},
			}
		}
	}
	byDefault := func(action configs.Action, ret *uint) func(*configs.Config) {
		return func(c *configs.Config) {
			c.Seccomp = &configs.Seccomp{DefaultAction: action, DefaultErrnoRet: ret}
		}
	}
	run(t, []testCase{
		{"errno", filter(configs.Errno, ret(4095)), ""},
		{"success", filter(configs.Errno, ret(0)), ""},
		{"trace", filter(configs.Trace, ret(65535)), ""},
		{"by default", byDefault(configs.Errno, ret(13)), ""},
		{"all actions", filter(configs.KillProcess, nil), ""},
		{"high errno", filter(configs.Errno, ret(4096)), "Seccomp.Syscalls[0].ErrnoRet 4096 is above 4095"},
		{"high message", filter(configs.Trace, ret(65536)), "Seccomp.Syscalls[0].ErrnoRet 65536 is above 65535"},
		{"another action", filter(configs.Log, ret(1)), "Seccomp.Syscalls[0].ErrnoRet is set"},
		{"another default", byDefault(configs.Kill, ret(1)), "Seccomp.DefaultErrnoRet is set"},
	})
}

func TestSeccompListener(t *testing.T) {
	filter := func(edit func(*configs.Seccomp)) func(*configs.Config) {
		return func(c *configs.Config) {
			c.Seccomp = &configs.Seccomp{
				DefaultAction:    configs.Allow,
				Syscalls:         []*configs.Syscall{{Name: "mount", Action: configs.Notify}},
				Flags:            []string{"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", "SECCOMP_FILTER_FLAG_LOG"},
				ListenerPath:     "/run/agent.sock",
				ListenerMetadata: "m",
			}
			edit(c.Seccomp)
		}
	}
	run(t, []testCase{
		{"good", filter(func(*configs.Seccomp) {}), ""},
		{"by default", filter(func(s *configs.Seccomp) { s.DefaultAction, s.Syscalls = configs.Notify, nil }), ""},
		{"no path", filter(func(s *configs.Seccomp) { s.ListenerPath = "" }), "Seccomp.ListenerPath is empty"},
		{"no rule", filter(func(s *configs.Seccomp) { s.Syscalls, s.Flags = nil, nil }), "Seccomp.ListenerPath is set"},
		{"relative", filter(func(s *configs.Seccomp) { s.ListenerPath = "agent" }), `Seccomp.ListenerPath "agent" is not absolute`},
		{"long", filter(func(s *configs.Seccomp) { s.ListenerPath = "/" + strings.Repeat("a", 107) }), "Seccomp.ListenerPath has 108 bytes"},
		{"NUL", filter(func(s *configs.Seccomp) { s.ListenerPath = "/a\x00b" }), "Seccomp.ListenerPath"},
		{"killable", filter(func(s *configs.Seccomp) { s.Syscalls, s.ListenerPath = nil, "" }), "Seccomp.Flags[0]"},
		{"metadata", filter(func(s *configs.Seccomp) { s.Syscalls, s.ListenerPath, s.Flags = nil, "", nil }), "Seccomp.ListenerMetadata"},
		{"flag", filter(func(s *configs.Seccomp) { s.Flags[1] = "LOG" }), `Seccomp.Flags[1] "LOG"`},
		{"mask", filter(func(s *configs.Seccomp) {
			s.Syscalls[0].Args = []*configs.Arg{{Op: configs.MaskEqualTo, Value: 2, ValueTwo: 3}}
		}), "Seccomp.Syscalls[0].Args[0].ValueTwo 0x3 has bits outside of the mask 0x2"},
	})
}
