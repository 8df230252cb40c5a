package seccomp

import (
	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/internal/linux"
)

// SupportedFlags returns those of Flags that the kernel at hand knows.
func SupportedFlags() (names []string) {
	for _, flag := range linux.SeccompFlags() {
		bits := flag.Value
		if bits == flagWaitKillable {
			bits |= flagNewListener // without which it is refused
		}
		// There is no program at the address 0; a kernel that does not know the flag
		// does not look there.
		_, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, uintptr(bits), 0)
		if errno == unix.EFAULT {
			names = append(names, flag.Text)
		}
	}
	return names
}
