package validate

import (
	"errors"
	"fmt"

	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/internal/linux"
)

const (
	// maxSyscallArg is the index of a system call's last argument.
	maxSyscallArg = 5
	// maxErrno is the highest error that the kernel returns (MAX_ERRNO), maxTrace
	// the highest message to a tracer (SECCOMP_RET_DATA).
	maxErrno = 4095
	maxTrace = 0xffff
	// maxSocketPath is the longest path of a unix socket, see unix(7).
	maxSocketPath = 107

	flagWaitKillable = "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"
)

func seccomp(c *configs.Config) error {
	if c.Seccomp == nil {
		return nil
	}
	if err := action("Seccomp.DefaultAction", c.Seccomp.DefaultAction); err != nil {
		return err
	}
	if err := errnoRet("Seccomp.DefaultErrnoRet", c.Seccomp.DefaultAction, c.Seccomp.DefaultErrnoRet); err != nil {
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
	return listener(c.Seccomp)
}

// listener checks what belongs to the action Notify and to nothing else.
func listener(s *configs.Seccomp) error {
	notifies := s.DefaultAction == configs.Notify
	for _, rule := range s.Syscalls {
		notifies = notifies || rule.Action == configs.Notify
	}
	for i, flag := range s.Flags {
		field := fmt.Sprintf("Seccomp.Flags[%d]", i)
		if _, ok := linux.SeccompFlags().Value(flag); !ok {
			return invalid(field, flag, noneOf(linux.SeccompFlags()))
		}
		if flag == flagWaitKillable && !notifies {
			return fmt.Errorf("%s %s needs a rule with the action Notify", field, flag)
		}
	}
	switch {
	case notifies && s.ListenerPath == "":
		return errors.New("Seccomp.ListenerPath is empty, but there is a rule with the action Notify")
	case !notifies && s.ListenerPath != "":
		return errors.New("Seccomp.ListenerPath is set, but there is no rule with the action Notify")
	case s.ListenerPath == "" && s.ListenerMetadata != "":
		return errors.New("Seccomp.ListenerMetadata is set without Seccomp.ListenerPath")
	case s.ListenerPath == "":
		return nil
	case s.ListenerPath[0] != '/':
		return fmt.Errorf("Seccomp.ListenerPath %q is not absolute", s.ListenerPath)
	case len(s.ListenerPath) > maxSocketPath:
		return fmt.Errorf("Seccomp.ListenerPath has %d bytes, a unix socket's path has at most %d", len(s.ListenerPath), maxSocketPath)
	}
	return filled("Seccomp.ListenerPath", s.ListenerPath)
}

func syscallRule(field string, s *configs.Syscall) error {
	if err := filled(field+".Name", s.Name); err != nil {
		return err
	}
	if err := action(field+".Action", s.Action); err != nil {
		return err
	}
	if err := errnoRet(field+".ErrnoRet", s.Action, s.ErrnoRet); err != nil {
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
		if arg.Op == configs.MaskEqualTo && arg.ValueTwo&^arg.Value != 0 {
			return fmt.Errorf("%s.ValueTwo %#x has bits outside of the mask %#x", item, arg.ValueTwo, arg.Value)
		}
	}
	return nil
}

func errnoRet(field string, a configs.Action, ret *uint) error {
	limit := uint(maxErrno)
	switch {
	case ret == nil:
		return nil
	case a == configs.Trace:
		limit = maxTrace
	case a != configs.Errno:
		return fmt.Errorf("%s is set, but the action is neither Errno nor Trace", field)
	}
	if *ret > limit {
		return fmt.Errorf("%s %d is above %d", field, *ret, limit)
	}
	return nil
}

func action(field string, a configs.Action) error {
	return inRange(field, int64(a), int64(configs.Kill), int64(configs.Notify))
}
