package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/libcontainer/libcontainer/bench/internal/lives"
	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/seccomp"
)

// filterVariable names a file with the filter of system calls that floor.c and floor-exec.c load.
const filterVariable = "FLOOR_SECCOMP"

// profile is that of the container that is measured, nil for none.
func profile(config *configs.Config) *configs.Seccomp {
	if config.Seccomp == nil && config.DefaultSeccomp {
		return seccomp.Default(config.Capabilities...)
	}
	return config.Seccomp
}

// giveFilter has the C programs load the same filter as the library does, to the last instruction:
// how long the kernel takes for it, at its start and at each system call, depends on its size.
func giveFilter(work string) error {
	program, err := seccomp.Compile(profile(lives.Config("/", "name")))
	if err != nil {
		return fmt.Errorf("compile the floor's filter: %w", err)
	}
	name := filepath.Join(work, "filter")
	if err := os.WriteFile(name, program.Filter, 0o444); err != nil {
		return err
	}
	return os.Setenv(filterVariable, name)
}

// ociSeccomp says a profile in the words of the OCI runtime specification.
func ociSeccomp(p *configs.Seccomp) (object, error) {
	actions := map[configs.Action]string{configs.Allow: "SCMP_ACT_ALLOW", configs.Errno: "SCMP_ACT_ERRNO"}
	operators := map[configs.Operator]string{configs.EqualTo: "SCMP_CMP_EQ", configs.MaskEqualTo: "SCMP_CMP_MASKED_EQ"}
	if actions[p.DefaultAction] == "" || len(p.Architectures)+len(p.Flags) > 0 || p.ListenerPath != "" {
		return nil, fmt.Errorf("no OCI words for the seccomp profile's action %d, architectures, flags or listener", p.DefaultAction)
	}
	var calls []object
	for _, s := range p.Syscalls {
		call := object{"names": []string{s.Name}, "action": actions[s.Action]}
		if call["action"] == "" {
			return nil, fmt.Errorf("no OCI words for the action %d of %s", s.Action, s.Name)
		}
		if s.ErrnoRet != nil {
			call["errnoRet"] = *s.ErrnoRet
		}
		var args []object
		for _, a := range s.Args {
			if operators[a.Op] == "" {
				return nil, fmt.Errorf("no OCI words for the operator %d of %s", a.Op, s.Name)
			}
			args = append(args, object{"index": a.Index, "value": a.Value, "valueTwo": a.ValueTwo, "op": operators[a.Op]})
		}
		if args != nil {
			call["args"] = args
		}
		calls = append(calls, call)
	}
	return object{"defaultAction": actions[p.DefaultAction], "syscalls": calls}, nil
}
