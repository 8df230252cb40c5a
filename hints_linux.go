// What errors of system calls mean to a person, where the kernel's words for them do not say
// it: execve(2), say, tells of a missing interpreter that the program does not exist.

package libcontainer

import (
	"github.com/libcontainer/libcontainer/internal/program"
	"golang.org/x/sys/unix"
)

var (
	execHints = program.Hints{
		unix.ENOENT: "the file is there, but not its interpreter: what stands after #!, or the dynamic loader",
		unix.ENOEXEC: "it is neither a program for this machine's architecture nor a script that begins with #! " +
			"and an interpreter",
		unix.EACCES: "the interpreter that it names is not a file that the user may execute, or lies on a noexec mount",
		unix.E2BIG:  "arguments and environment are too long together",
	}
	lookUpHints = program.Hints{
		unix.EACCES: "it must be a regular file that the user may execute, below directories that he may search, " +
			"on a mount without noexec",
	}
	sourceHints = program.Hints{
		unix.ENOENT: "the host has no such file or directory: make it before the start",
		unix.EINVAL: "a mount below it is unbindable, or it is none of this mount namespace's",
	}
	fsHints = program.Hints{
		unix.ENODEV: "this kernel does not have that type of file system",
		unix.EBUSY:  "what it is made of is in use by another mount",
		unix.EPERM:  "it takes CAP_SYS_ADMIN on the host, or a type that a user namespace may mount",
	}
	targetHints = program.Hints{
		unix.EROFS:   "the mount point must be there already",
		unix.ENOTDIR: "a file is there, or on the way to it",
	}
	cloneHints = program.Hints{
		unix.EPERM: "new namespaces take CAP_SYS_ADMIN or a new user namespace, which the kernel makes " +
			"for nobody who is in a chroot",
		unix.ENOSPC: "there are as many namespaces as /proc/sys/user allows",
		unix.EUSERS: "user namespaces are nested too deep",
		unix.EAGAIN: "there are as many processes as a limit allows: RLIMIT_NPROC, pids.max or kernel.pid_max",
	}
	landlockHints = program.Hints{
		unix.ENOENT: "a path of Landlock.Paths must be there in the container when a process is started",
		unix.EACCES: "the user of the process may not come to it",
	}
	landlockExecHints = program.Hints{
		unix.EACCES: "Landlock.Paths must allow to execute it, its interpreter or dynamic loader, and to read its libraries; " +
			"or the interpreter is not a file that the user may execute",
	}
	sysctlHints = program.Hints{
		unix.ENOENT: "this kernel has no such parameter, or not in a namespace",
		unix.EINVAL: "it does not take that value",
	}
)
