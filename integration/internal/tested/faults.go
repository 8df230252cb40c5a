package tested

import "golang.org/x/sys/unix"

// FaultMark is the first argument of the prctl(2) by which the program that is tested
// tells its supervisor which system call is to fail.
const FaultMark = 0x6c637374

// Fallible lists the system calls, of the host's side and of init, that are made to fail.
// Those of Go's runtime are not among them, which ends the program; nor is close(2), whose
// errors come when all is done.
func Fallible() []int {
	return []int{
		unix.SYS_ACCEPT4, unix.SYS_BIND, unix.SYS_BPF, unix.SYS_CAPSET, unix.SYS_CHDIR, unix.SYS_CLONE, unix.SYS_CLONE3,
		unix.SYS_CLOSE_RANGE, unix.SYS_CONNECT, unix.SYS_DUP3, unix.SYS_EXECVE, unix.SYS_FACCESSAT, unix.SYS_FACCESSAT2,
		unix.SYS_FCHDIR, unix.SYS_FCHMODAT, unix.SYS_FCHOWNAT, unix.SYS_FCNTL, unix.SYS_FLOCK, unix.SYS_FSCONFIG,
		unix.SYS_FSMOUNT, unix.SYS_FSOPEN, unix.SYS_FSTAT, unix.SYS_FSTATFS, unix.SYS_FTRUNCATE, unix.SYS_GETDENTS64,
		unix.SYS_GETSOCKOPT, unix.SYS_INOTIFY_ADD_WATCH, unix.SYS_INOTIFY_INIT1, unix.SYS_IOCTL, unix.SYS_KEYCTL, unix.SYS_LINKAT,
		unix.SYS_LISTEN, unix.SYS_MEMFD_CREATE, unix.SYS_MKDIRAT, unix.SYS_MKNODAT, unix.SYS_MOUNT,
		unix.SYS_MOUNT_SETATTR, unix.SYS_MOVE_MOUNT, unix.SYS_NAME_TO_HANDLE_AT, unix.SYS_OPENAT, unix.SYS_OPENAT2,
		unix.SYS_OPEN_TREE, unix.SYS_PIDFD_OPEN, unix.SYS_PIDFD_SEND_SIGNAL, unix.SYS_PIPE2, unix.SYS_PIVOT_ROOT,
		unix.SYS_PRCTL, unix.SYS_PREAD64, unix.SYS_READ, unix.SYS_READLINKAT, unix.SYS_RECVMSG, unix.SYS_RENAMEAT,
		unix.SYS_RENAMEAT2, unix.SYS_SCHED_SETAFFINITY, unix.SYS_SECCOMP, unix.SYS_SENDMSG, unix.SYS_SETGROUPS,
		unix.SYS_SETHOSTNAME, unix.SYS_SETNS, unix.SYS_SETRESGID, unix.SYS_SETRESUID, unix.SYS_SETSID, unix.SYS_SETSOCKOPT,
		unix.SYS_SOCKET, unix.SYS_SOCKETPAIR, unix.SYS_STATX, unix.SYS_SYMLINKAT, unix.SYS_UMOUNT2, unix.SYS_UNLINKAT,
		unix.SYS_UNSHARE, unix.SYS_WRITE,
	}
}
