// What programs of 2016 call of this package.

package seccomp

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
)

// SeccompModeFilter is the mode of seccomp(2) that filters are for. Nothing here reads
// it.
//
// Deprecated: use SECCOMP_MODE_FILTER of golang.org/x/sys/unix.
var SeccompModeFilter = uintptr(2)

// ConvertStringToAction gives the action of a name in libseccomp and in the OCI runtime
// specification, such as SCMP_ACT_ERRNO.
//
// Deprecated: write the constants of package configs, or use ActionOf.
func ConvertStringToAction(in string) (configs.Action, error) {
	if a, ok := ActionOf(in); ok {
		return a, nil
	}
	return 0, fmt.Errorf("unknown seccomp action %q", in)
}

// ConvertStringToOperator gives the operator of a name in libseccomp and in the OCI
// runtime specification, such as SCMP_CMP_EQ.
//
// Deprecated: write the constants of package configs, or use OperatorOf.
func ConvertStringToOperator(in string) (configs.Operator, error) {
	if o, ok := OperatorOf(in); ok {
		return o, nil
	}
	return 0, fmt.Errorf("unknown seccomp operator %q", in)
}

// ConvertStringToArch gives the name that the classic library had for an architecture
// from that in libseccomp and in the OCI runtime specification: "amd64" for
// SCMP_ARCH_X86_64, "arm64" for SCMP_ARCH_AARCH64, else what follows SCMP_ARCH_ in
// lower case.
//
// Deprecated: Seccomp.Architectures takes either name.
func ConvertStringToArch(in string) (string, error) {
	suffix, ok := strings.CutPrefix(in, "SCMP_ARCH_")
	name := strings.ToLower(suffix)
	switch {
	case !ok || suffix != strings.ToUpper(suffix) || !known(name):
		return "", fmt.Errorf("unknown seccomp architecture %q", in)
	case name == "x86_64":
		return "amd64", nil
	case name == "aarch64":
		return "arm64", nil
	}
	return name, nil
}

// IsEnabled tells whether the kernel has filters of system calls.
//
// Deprecated: all kernels that this library runs on can have them, and where one has
// not, a start with a profile fails.
func IsEnabled() bool {
	// There is no program at the address 0; a kernel without filters does not look.
	_, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, 0)
	return errno == unix.EFAULT
}

// InitSeccomp installs a profile's filter on the calling thread, for good. The thread
// must have no_new_privs or CAP_SYS_ADMIN in its user namespace, and the goroutine must
// be locked to it. Threads and programs that it starts have the filter, too.
//
// Deprecated: a container's own processes get the filter of Config.Seccomp.
func InitSeccomp(config *configs.Seccomp) error {
	if config == nil {
		return errors.New("install seccomp filter: no profile")
	}
	p, err := Compile(config)
	if err != nil {
		return fmt.Errorf("compile seccomp profile: %w", err)
	}
	if p.Notify {
		return fmt.Errorf("install seccomp filter: nobody would answer for the action Notify: %w", errors.ErrUnsupported)
	}
	// Filter is an array of struct sock_filter, and has at least one.
	filter := unix.SockFprog{
		Len:    uint16(len(p.Filter) / instructionSize),
		Filter: (*unix.SockFilter)(unsafe.Pointer(unsafe.SliceData(p.Filter))),
	}
	_, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, uintptr(p.Flags), uintptr(unsafe.Pointer(&filter)))
	runtime.KeepAlive(p)
	if errno != 0 {
		return fmt.Errorf("install seccomp filter: %w", errno)
	}
	return nil
}
