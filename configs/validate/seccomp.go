package validate

import (
	"fmt"

	"github.com/libcontainer/libcontainer/configs"
)

// maxSyscallArg is the index of a system call's last argument.
const maxSyscallArg = 5

func seccomp(c *configs.Config) error {
	if c.Seccomp == nil {
		return nil
	}
	if err := action("Seccomp.DefaultAction", c.Seccomp.DefaultAction); err != nil {
		return err
	}
	for i, arch := range c.Seccomp.Architectures {
		if err := filled(fmt.Sprintf("Seccomp.Architectures[%d]", i), arch); err != nil {
			return err
		}
	}
	for i, s := range c.Seccomp.Syscalls {
		field := fmt.Sprintf("Seccomp.Syscalls[%d]", i)
		if s == nil {
			return fmt.Errorf("%s %w", field, errNil)
		}
		if err := syscallRule(field, s); err != nil {
			return err
		}
	}
	return nil
}

func syscallRule(field string, s *configs.Syscall) error {
	if err := filled(field+".Name", s.Name); err != nil {
		return err
	}
	if err := action(field+".Action", s.Action); err != nil {
		return err
	}
	for i, arg := range s.Args {
		item := fmt.Sprintf("%s.Args[%d]", field, i)
		if arg == nil {
			return fmt.Errorf("%s %w", item, errNil)
		}
		if arg.Index > maxSyscallArg {
			return fmt.Errorf("%s.Index %d is above %d", item, arg.Index, maxSyscallArg)
		}
		if err := inRange(item+".Op", int64(arg.Op), int64(configs.EqualTo), int64(configs.MaskEqualTo)); err != nil {
			return err
		}
	}
	return nil
}

func action(field string, a configs.Action) error {
	return inRange(field, int64(a), int64(configs.Kill), int64(configs.Trace))
}
