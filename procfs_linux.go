// The procfs of a container that joins a pid namespace in which there are others.

package libcontainer

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/internal/program"
)

// choosePidNamespace makes a procfs that is about to be mounted one of the pid namespace
// that the container joins, and not of that of the process which mounts it.
func (p *initPlan) choosePidNamespace(s *script, fs program.Reg) {
	if p.latePid {
		s.Do("choose the pid namespace of procfs", unix.SYS_FSCONFIG, fs.Arg(), num(unix.FSCONFIG_SET_FD),
			s.String("pidns"), num(0), p.joinedPid.Arg())
	}
}

// procfsTakesPidNamespace tells whether a procfs can be mounted for another pid
// namespace than that of the process which mounts it: since Linux 6.17 (the kernel's
// document filesystems/proc.rst, "pidns").
func procfsTakesPidNamespace() bool {
	fs, err := unix.Fsopen("proc", unix.FSOPEN_CLOEXEC)
	if errors.Is(err, unix.EPERM) {
		return linuxAtLeast(6, 17) // only a user namespace of the container's own may ask
	}
	if err != nil {
		return false
	}
	defer unix.Close(fs)
	own, err := os.Open("/proc/self/ns/pid")
	if err != nil {
		return false
	}
	defer own.Close()
	return unix.FsconfigSetFd(fs, "pidns", int(own.Fd())) == nil
}

// linuxAtLeast compares the version of the running kernel.
func linuxAtLeast(major, minor int) bool {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return false
	}
	var first, second int
	if n, _ := fmt.Sscanf(unix.ByteSliceToString(name.Release[:]), "%d.%d", &first, &second); n != 2 {
		return false
	}
	return first > major || first == major && second >= minor
}
