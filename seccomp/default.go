package seccomp

import (
	"slices"
	"strings"

	"github.com/libcontainer/libcontainer/configs"
)

// Default returns a new profile that suits most programs, busybox, those of glibc and
// musl, and Go's among them, for the caller to edit. Containers of configs.Default have it
// anyhow (Config.DefaultSeccomp). The capabilities are those that the container's
// processes have:
//
//	config.Seccomp = seccomp.Default(config.Capabilities...)
//
// It lists what is allowed; all else fails with EPERM, and what is newer than the
// list with ENOSYS. What is not allowed, and why:
//
//   - namespaces and mounts: setns, the namespace flags of clone and unshare, mount
//     and its like. A new user namespace gives a program all capabilities over kernel
//     code that was written for root. Since a filter cannot see the flags of clone3,
//     that fails with ENOSYS, and C libraries fall back to clone;
//   - the kernel itself: modules, kexec, bpf, perf_event_open, io_uring, userfaultfd,
//     ioperm, iopl, vm86, lookup_dcookie, syslog;
//   - what has no namespace: the clocks, swap, quotas, reboot, accounting, keys,
//     AF_VSOCK sockets, file handles (open_by_handle_at opens files of the host),
//     fanotify, where memory lies, names of the host, security modules;
//   - other processes: their descriptors (pidfd_getfd), their pages, kcmp. What
//     ptrace(2) does, and process_vm_readv and process_vm_writev, is allowed: the
//     kernel sees to it that it is done to processes with no more rights;
//   - chroot, by which a privileged process leaves a directory that it is confined to;
//   - terminals: the ioctls TIOCSTI and TIOCLINUX, which type into the terminal that
//     the container may share with a shell of the host;
//   - AF_ALG sockets: kernel code that a user space library does as well;
//   - what obsolete programs alone call, such as uselib, ustat and sysfs.
//
// A capability is given for the calls that the kernel wants it for, and so allows
// them: CAP_SYS_CHROOT chroot, CAP_SYS_ADMIN namespaces and mounts, CAP_SYS_TIME the
// clocks, and so on. Keys, swap, kexec, io_uring, userfaultfd, vm86 and the sockets and
// ioctls above are not allowed with any capability. Names that are no capability, or
// have no calls, change nothing.
//
// It is for the machine's own architecture. "x86" or "arm" can be added to
// Architectures for 32-bit programs; those of x86 that make sockets by socketcall(2)
// cannot make any then, because the address family is not visible to a filter.
func Default(capabilities ...string) *configs.Seccomp {
	s := &configs.Seccomp{DefaultAction: configs.Errno}
	for _, names := range []string{filesCalls, processCalls, memoryCalls, networkCalls, timeCalls, otherCalls} {
		for name := range strings.FieldsSeq(names) {
			allow(s, name)
		}
	}
	for _, name := range callsOf(capabilities) {
		allow(s, name)
	}
	if slices.Contains(capabilities, capSysAdmin) {
		allow(s, "clone")
		allow(s, "unshare")
		allow(s, "clone3")
	} else {
		allowWithoutNamespaces(s)
	}
	// PER_LINUX and PER_LINUX32, both with and without UNAME26; and the question.
	for _, persona := range []uint64{0, 0x8, 0x20000, 0x20008, 0xffffffff} {
		allow(s, "personality", &configs.Arg{Index: 0, Op: configs.EqualTo, Value: persona})
	}
	allow(s, "ioctl")
	for _, request := range []uint64{0x5412, 0x541c} { // TIOCSTI, TIOCLINUX
		deny(s, "ioctl", ePerm, masked(1, register, request))
	}
	allow(s, "socket")
	for _, family := range []uint64{38, 40} { // AF_ALG, AF_VSOCK
		deny(s, "socket", 97, masked(0, register, family)) // EAFNOSUPPORT
	}
	return s
}

// register masks the bits of an int.
const register = 0xffffffff

func allowWithoutNamespaces(s *configs.Seccomp) {
	const (
		namespaces = 0x7e020000 // CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET
		timeNS     = 0x80       // CLONE_NEWTIME; of clone it is part of the signal
	)
	allow(s, "clone", masked(0, namespaces, 0))
	allow(s, "unshare", masked(0, namespaces|timeNS, 0))
	deny(s, "clone3", eNoSys)
}

const capSysAdmin = "CAP_SYS_ADMIN"

// callsOf gives the calls that the kernel wants one of these capabilities for, see
// capabilities(7), each one once.
func callsOf(capabilities []string) (names []string) {
	for _, c := range []struct{ capability, calls string }{
		{"CAP_BPF", "bpf"},
		{"CAP_DAC_READ_SEARCH", "open_by_handle_at"},
		{"CAP_PERFMON", "perf_event_open"},
		{capSysAdmin, `bpf fanotify_init fanotify_mark fsconfig fsmount fsopen fspick listns lsm_get_self_attr
			lsm_list_modules lsm_set_self_attr mount mount_setattr move_mount open_tree open_tree_attr
			perf_event_open pivot_root quotactl quotactl_fd setdomainname sethostname setns syslog umount umount2`},
		{"CAP_SYS_BOOT", "reboot"},
		{"CAP_SYS_CHROOT", "chroot"},
		{"CAP_SYS_MODULE", "delete_module finit_module init_module"},
		{"CAP_SYS_NICE", `get_mempolicy mbind migrate_pages move_pages process_madvise set_mempolicy
			set_mempolicy_home_node`},
		{"CAP_SYS_PACCT", "acct"},
		{"CAP_SYS_PTRACE", "kcmp pidfd_getfd"},
		{"CAP_SYS_RAWIO", "ioperm iopl"},
		{"CAP_SYS_TIME", "clock_settime clock_settime64 settimeofday stime"},
		{"CAP_SYS_TTY_CONFIG", "vhangup"},
		{"CAP_SYSLOG", "syslog"},
	} {
		if !slices.Contains(capabilities, c.capability) {
			continue
		}
		for name := range strings.FieldsSeq(c.calls) {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

func allow(s *configs.Seccomp, name string, args ...*configs.Arg) {
	s.Syscalls = append(s.Syscalls, &configs.Syscall{Name: name, Action: configs.Allow, Args: args})
}

func deny(s *configs.Seccomp, name string, errno uint, args ...*configs.Arg) {
	s.Syscalls = append(s.Syscalls, &configs.Syscall{Name: name, Action: configs.Errno, ErrnoRet: &errno, Args: args})
}

func masked(index uint, mask, value uint64) *configs.Arg {
	return &configs.Arg{Index: index, Op: configs.MaskEqualTo, Value: mask, ValueTwo: value}
}

const (
	filesCalls = `
		_llseek access cachestat chdir chmod chown chown32 close close_range copy_file_range creat dup dup2 dup3
		faccessat faccessat2 fadvise64 fadvise64_64 arm_fadvise64_64 fallocate fchdir fchmod fchmodat fchmodat2 fchown
		fchown32 fchownat fcntl fcntl64 fdatasync fgetxattr file_getattr file_setattr flistxattr flock fremovexattr
		fsetxattr fstat fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 futimesat getcwd getdents
		getdents64 getxattr getxattrat inotify_add_watch inotify_init inotify_init1 inotify_rm_watch io_cancel
		io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup io_submit lchown lchown32 lgetxattr link
		linkat listmount listxattr listxattrat llistxattr lremovexattr lseek lsetxattr lstat lstat64 mkdir mkdirat
		mknod mknodat name_to_handle_at newfstatat oldfstat oldlstat oldstat open openat openat2 pipe pipe2 pread64
		preadv preadv2 pwrite64 pwritev pwritev2 read readahead readdir readlink readlinkat readv removexattr
		removexattrat rename renameat renameat2 rmdir sendfile sendfile64 setxattr setxattrat splice stat stat64
		statfs statfs64 statmount statx symlink symlinkat sync sync_file_range arm_sync_file_range syncfs tee truncate
		truncate64 umask unlink unlinkat utime utimensat utimensat_time64 utimes vmsplice write writev`

	processCalls = `
		arch_prctl capget capset execve execveat exit exit_group fork get_robust_list get_thread_area getegid
		getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getpgid getpgrp getpid getppid getpriority
		getresgid getresgid32 getresuid getresuid32 getrlimit getrusage getsid gettid getuid getuid32 ioprio_get
		ioprio_set kill modify_ldt nice pause pidfd_open pidfd_send_signal prctl prlimit64 process_mrelease
		process_vm_readv process_vm_writev ptrace restart_syscall rseq rseq_slice_yield rt_sigaction rt_sigpending
		rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64
		rt_tgsigqueueinfo sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr sched_getparam
		sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity sched_setattr
		sched_setparam sched_setscheduler sched_yield seccomp set_robust_list set_thread_area set_tid_address set_tls
		setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32 setpgid setpriority setregid
		setregid32 setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 setrlimit setsid setuid setuid32
		sgetmask sigaction sigaltstack signal signalfd signalfd4 sigpending sigprocmask sigreturn sigsuspend ssetmask
		tgkill tkill ugetrlimit uprobe uretprobe vfork wait4 waitid waitpid`

	memoryCalls = `
		brk breakpoint cacheflush madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mlock mlock2
		mlockall mmap mmap2 mprotect mremap mseal msync munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect
		remap_file_pages shmat shmctl shmdt shmget`

	networkCalls = `
		accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom recvmmsg recvmmsg_time64
		recvmsg send sendmmsg sendmsg sendto setsockopt shutdown socketpair`

	timeCalls = `
		adjtimex alarm clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64
		clock_nanosleep clock_nanosleep_time64 getitimer gettimeofday nanosleep setitimer time timer_create
		timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64 timerfd_create
		timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64 times`

	otherCalls = `
		_newselect epoll_create epoll_create1 epoll_ctl epoll_pwait epoll_pwait2 epoll_wait eventfd eventfd2 futex
		futex_requeue futex_time64 futex_wait futex_waitv futex_wake getcpu getrandom landlock_add_rule
		landlock_create_ruleset landlock_restrict_self mq_getsetattr mq_notify mq_open mq_timedreceive
		mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink msgctl msgget msgrcv msgsnd olduname
		oldolduname poll ppoll ppoll_time64 pselect6 pselect6_time64 select semctl semget semop semtimedop
		semtimedop_time64 sysinfo uname`
)
