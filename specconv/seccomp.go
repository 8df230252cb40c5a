package specconv

import (
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/seccomp"
)

func (c *converter) seccomp(given *specs.LinuxSeccomp) *configs.Seccomp {
	if given == nil {
		return nil
	}
	const field = "linux.seccomp"
	profile := &configs.Seccomp{
		DefaultAction:    c.action(field+".defaultAction", given.DefaultAction),
		DefaultErrnoRet:  copyOf(given.DefaultErrnoRet),
		Architectures:    stringsOf[string](given.Architectures),
		Flags:            stringsOf[string](given.Flags),
		ListenerPath:     given.ListenerPath,
		ListenerMetadata: given.ListenerMetadata,
	}
	if given.ListenerPath == "" && given.ListenerMetadata != "" {
		c.fail(field+".listenerMetadata", "is set without a listenerPath")
	}
	c.errnoRet(field+".defaultErrnoRet", profile.DefaultAction, given.DefaultErrnoRet)
	for i := range given.Syscalls {
		profile.Syscalls = append(profile.Syscalls, c.syscalls(index(field+".syscalls", i), &given.Syscalls[i])...)
	}
	return profile
}

func (c *converter) action(field string, name specs.LinuxSeccompAction) configs.Action {
	action, ok := seccomp.ActionOf(string(name))
	if !ok {
		c.fail(field, "%q is not an action", name)
	}
	return action
}

func (c *converter) errnoRet(field string, action configs.Action, ret *uint) {
	if ret != nil && action != configs.Errno && action != configs.Trace {
		c.fail(field, "%d is set, and the action is neither SCMP_ACT_ERRNO nor SCMP_ACT_TRACE", *ret)
	}
}

// syscalls makes a rule for each name, and if several conditions are about one argument, for
// each condition: libseccomp's users, who could not say more in one rule of that library, have
// always read such a rule so, and profiles rely on it.
func (c *converter) syscalls(field string, given *specs.LinuxSyscall) (rules []*configs.Syscall) {
	if len(given.Names) == 0 {
		c.fail(field+".names", "is empty")
	}
	action := c.action(field+".action", given.Action)
	c.errnoRet(field+".errnoRet", action, given.ErrnoRet)
	args, alternatives := c.args(field+".args", given.Args)
	for i, name := range given.Names {
		if name == "" {
			c.fail(index(field+".names", i), "is empty")
		}
		conditions := [][]*configs.Arg{args}
		if alternatives {
			conditions = conditions[:0]
			for _, arg := range args {
				conditions = append(conditions, []*configs.Arg{arg})
			}
		}
		for _, args := range conditions {
			rule := &configs.Syscall{Name: name, Action: action, ErrnoRet: copyOf(given.ErrnoRet)}
			for _, arg := range args {
				rule.Args = append(rule.Args, copyOf(arg))
			}
			rules = append(rules, rule)
		}
	}
	return rules
}

// args also tells whether an argument has several conditions.
func (c *converter) args(field string, given []specs.LinuxSeccompArg) (args []*configs.Arg, alternatives bool) {
	seen := make(map[uint]bool)
	for i, arg := range given {
		op, ok := seccomp.OperatorOf(string(arg.Op))
		if !ok {
			c.fail(index(field, i)+".op", "%q is not an operator", arg.Op)
		}
		if arg.Index > 5 {
			c.fail(index(field, i)+".index", "%d is above 5, the last argument", arg.Index)
		}
		alternatives = alternatives || seen[arg.Index]
		seen[arg.Index] = true
		args = append(args, &configs.Arg{Index: arg.Index, Value: arg.Value, ValueTwo: arg.ValueTwo, Op: op})
	}
	return args, alternatives
}
