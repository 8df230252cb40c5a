//go:build linux

package devices

import (
	"errors"
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
)

// programName tells our programs from those that others have attached to the same
// cgroup.
const programName = "lc_devices"

// Attach puts rules for devices, see New, in force for the cgroup v2 whose
// directory dirFd is open on, for any use. They take the place of those of an
// earlier call at once: a use of a device is judged by the old rules or by the
// new ones. Rules that forbid nothing leave no program behind.
//
// Programs of others, such as systemd's for DeviceAllow=, stay and have their say
// too: a device may be used if all allow it, those of the cgroups above included.
//
// It needs CAP_SYS_ADMIN in the initial user namespace; without, the error wraps
// EPERM. (CAP_BPF and CAP_NET_ADMIN let attach a program, but not find it again.)
// Only rules that forbid nothing are accepted from everybody, and also on a kernel
// without eBPF: there has been no way then to attach any.
func Attach(dirFd int, allowAll bool, allowed, denied []*configs.Device) error {
	rules, err := New(allowAll, allowed, denied)
	if err != nil {
		return err
	}
	return attachRules(dirFd, rules)
}

// AttachOrdered is Attach for rules that have an order, see NewOrdered.
func AttachOrdered(dirFd int, allowAll bool, list []*configs.DeviceRule) error {
	ordered, err := NewOrdered(allowAll, list)
	if err != nil {
		return err
	}
	if rules, ok := ordered.WithoutOrder(); ok {
		return attachRules(dirFd, rules)
	}
	return attachCompiled(dirFd, func(layout int) ([]instruction, error) { return compileOrdered(layout, ordered) })
}

func attachRules(dirFd int, rules Rules) error {
	if rules.AllowsAll() {
		return remove(dirFd)
	}
	return attachCompiled(dirFd, func(layout int) ([]instruction, error) { return compileAs(layout, rules) })
}

func attachCompiled(dirFd int, compile compileFunc) error {
	p, err := loadAny(compile, func(code []instruction) (program, error) { return load(programName, code) })
	if err != nil {
		return err
	}
	defer p.close() // it lives on with the cgroup
	return replace(dirFd, p)
}

// errNotConverged is ENOTSUPP, an error number of the kernel's own (include/linux/errno.h)
// that BPF_PROG_LOAD lets out.
const errNotConverged = syscall.Errno(524)

// compileFunc returns a program in one of its layouts.
type compileFunc func(layout int) ([]instruction, error)

// loadAny loads a program in the first of its layouts that the kernel's compiler takes.
//
// The one for x86 (arch/x86/net/bpf_jit_comp.c) goes over a program, at most 20 times, until
// it does not become shorter any more. Jumps have a short form and a long one, and to come
// nearer with one can mean to get further with another, so that it may find no end. Then it
// gives up, always for that program: one of 75,000 random lists of rules was seen, and where
// CONFIG_BPF_JIT_ALWAYS_ON is set there is no interpreter to run it. With an instruction
// more in another place it converges.
func loadAny(compile compileFunc, load func([]instruction) (program, error)) (program, error) {
	var refused error
	for layout := range layouts {
		code, err := compile(layout)
		if err != nil {
			return -1, err
		}
		p, err := load(code)
		if err == nil || !errors.Is(err, errNotConverged) {
			return p, err
		}
		refused = fmt.Errorf("%w (the kernel's compiler does not converge, in none of %d layouts)", err, layouts)
	}
	return -1, refused
}

// replace attaches a program in place of the earlier ones of ours.
func replace(dirFd int, p program) error {
	ids, err := query(dirFd)
	if err != nil {
		return err
	}
	earlier, err := openAll(ids, programName)
	if err != nil {
		return err
	}
	defer closeAll(earlier)
	if len(earlier) == 0 {
		return attach(dirFd, p, -1)
	}
	if err := attach(dirFd, p, earlier[0]); err != nil {
		return err
	}
	return detachAll(dirFd, earlier[1:])
}

// remove detaches our programs.
func remove(dirFd int) error {
	ids, err := query(dirFd)
	if unavailable(err) {
		return nil
	}
	if err != nil {
		return err
	}
	programs, err := openAll(ids, programName)
	if err != nil {
		return err
	}
	defer closeAll(programs)
	return detachAll(dirFd, programs)
}

// unavailable reports whether err says that the caller or the kernel cannot do
// this.
func unavailable(err error) bool {
	return errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EINVAL)
}

func detachAll(dirFd int, programs []program) error {
	var errs []error
	for _, p := range programs {
		errs = append(errs, detach(dirFd, p))
	}
	return errors.Join(errs...)
}
