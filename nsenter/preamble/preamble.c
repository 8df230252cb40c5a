/*
 * The container's side, before Go's runtime boots.
 *
 * A process with several threads cannot enter a user, mount, pid or time
 * namespace (setns(2), unshare(2)), and Go's runtime starts threads before any
 * Go code runs. So a constructor, which the dynamic linker calls before main,
 * joins and makes the namespaces and then returns in a child that boots Go.
 *
 * It acts only in a process that a factory started, which it knows from the
 * environment; in every other process it returns at once.
 *
 * All frames on the init pipe are a u32 type and a u32 length in native byte
 * order, then the payload; only the bootstrap message is a netlink message.
 */
#define _GNU_SOURCE
#include "bootstrap.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/nsfs.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "helper.h"
#include "preamble.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif
#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif

/* struct clone_args as of Linux 5.7, for C libraries that know an older one. */
struct clone3_args {
	uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack;
	uint64_t stack_size, tls, set_tid, set_tid_size, cgroup;
};

static int init_pipe = -1;
static unsigned char message[BOOTSTRAP_MAX];

/* Defined by package nsenter, whose import is all that a host must do. */
extern const int libcontainer_nsenter_hook __attribute__((weak));

int libcontainer_init_pipe(void)
{
	return init_pipe;
}

int libcontainer_hook_linked(void)
{
	return &libcontainer_nsenter_hook != NULL;
}

static int write_all(const void *buf, size_t len)
{
	const char *p = buf;

	while (len > 0) {
		ssize_t n = write(init_pipe, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

static int read_all(void *buf, size_t len)
{
	char *p = buf;

	while (len > 0) {
		ssize_t n = read(init_pipe, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			if (n == 0)
				errno = EPIPE;
			return -1;
		}
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

static int send_frame(uint32_t type, const void *payload, uint32_t len)
{
	char frame[8 + 512];
	uint32_t head[2] = { type, len };

	memcpy(frame, head, sizeof(head));
	memcpy(frame + sizeof(head), payload, len);
	return write_all(frame, sizeof(head) + len);
}

/* Tells the host which step failed and why, and ends the process. */
static void __attribute__((noreturn, format(printf, 2, 3))) die(int err, const char *fmt, ...)
{
	char payload[4 + 400];
	int32_t code = err;
	va_list ap;

	memcpy(payload, &code, sizeof(code));
	va_start(ap, fmt);
	int n = vsnprintf(payload + 4, sizeof(payload) - 4, fmt, ap);
	va_end(ap);
	if (n < 0)
		n = 0;
	if ((size_t)n > sizeof(payload) - 5)
		n = sizeof(payload) - 5;
	if (send_frame(FRAME_ERROR, payload, 4 + (uint32_t)n))
		dprintf(STDERR_FILENO, "libcontainer: %.*s: %s\n", n, payload + 4, strerror(err));
	_exit(1);
}

static int parse_pipe_fd(const char *s)
{
	char *end;
	long fd;

	errno = 0;
	fd = strtol(s, &end, 10);
	if (errno || end == s || *end != '\0' || fd < 3 || fd > INT_MAX)
		return -1;
	return (int)fd;
}

static size_t read_message(void)
{
	char err[BOOTSTRAP_ERRLEN];
	uint32_t total;

	if (read_all(message, BOOTSTRAP_HDRLEN))
		die(errno, "read bootstrap message");
	if (bootstrap_header(message, &total, err))
		die(EBADMSG, "parse bootstrap message: %s", err);
	if (read_all(message + BOOTSTRAP_HDRLEN, total - BOOTSTRAP_HDRLEN))
		die(errno, "read bootstrap message");
	return total;
}

/* All paths are opened before any namespace changes what a path means. */
static void open_namespaces(const struct bootstrap *b, int fds[NS_KINDS])
{
	for (int i = 0; i < NS_KINDS; i++) {
		fds[i] = -1;
		if (b->join_flags & (uint32_t)ns_infos[i].flag)
			fds[i] = b->join_pidfd;
		if (!b->ns_path[i])
			continue;
		/* O_NONBLOCK: a fifo put there must not hold us. */
		fds[i] = open(b->ns_path[i], O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
		if (fds[i] < 0)
			die(errno, "open %s namespace %s", ns_infos[i].name, b->ns_path[i]);
		int kind = ioctl(fds[i], NS_GET_NSTYPE);

		if (kind < 0)
			die(errno == ENOTTY ? EINVAL : errno, "%s is not a namespace",
			    b->ns_path[i]);
		if (kind != ns_infos[i].flag)
			die(EINVAL, "%s is not a namespace of type %s", b->ns_path[i],
			    ns_infos[i].name);
	}
}

/* setns(2) refuses the user namespace that we are in already. */
static int is_own_userns(int fd)
{
	struct stat own, other;

	return stat("/proc/self/ns/user", &own) == 0 && fstat(fd, &other) == 0 &&
	       own.st_dev == other.st_dev && own.st_ino == other.st_ino;
}

static void become_root(void)
{
	if (syscall(SYS_setresgid, 0, 0, 0))
		die(errno, "setresgid 0 in user namespace");
	if (syscall(SYS_setresuid, 0, 0, 0))
		die(errno, "setresuid 0 in user namespace");
	/* Changing credentials resets the flag to suid_dumpable. */
	prctl(PR_SET_DUMPABLE, 0);
}

/* Returns 0, or -1 if it is not permitted, if that may change. */
static int join(const struct bootstrap *b, int fds[NS_KINDS], int i, int may_retry)
{
	const char *path = b->ns_path[i] ? b->ns_path[i] : "of the container";

	if (setns(fds[i], ns_infos[i].flag)) {
		if (errno == EPERM && may_retry)
			return -1;
		die(errno, "join %s namespace %s", ns_infos[i].name, path);
	}
	if (fds[i] != b->join_pidfd)
		close(fds[i]);
	fds[i] = -1;
	return 0;
}

/*
 * Joining needs CAP_SYS_ADMIN in the user namespace that owns the target. With
 * privileges of our own that holds before we enter a user namespace, and for a
 * namespace that the host owns only before; without them it holds only after.
 * So: first what is permitted, then user, then the rest.
 */
static void join_namespaces(const struct bootstrap *b)
{
	int fds[NS_KINDS];

	open_namespaces(b, fds);
	if (b->ns_path[NS_USER] && is_own_userns(fds[NS_USER])) {
		close(fds[NS_USER]);
		fds[NS_USER] = -1;
	}
	if (fds[NS_USER] >= 0) {
		for (int i = NS_USER + 1; i < NS_KINDS; i++)
			if (fds[i] >= 0)
				join(b, fds, i, 1);
		join(b, fds, NS_USER, 0);
		become_root();
	}
	for (int i = NS_USER + 1; i < NS_KINDS; i++)
		if (fds[i] >= 0)
			join(b, fds, i, 0);
}

static void wait_go(const char *what)
{
	uint32_t head[2];

	if (read_all(head, sizeof(head)))
		die(errno, "wait for the host to %s", what);
	if (head[0] != FRAME_GO || head[1] != 0)
		die(EBADMSG, "wait for the host to %s: unexpected frame %u", what, head[0]);
}

static void make_userns(const struct bootstrap *b)
{
	if (unshare(CLONE_NEWUSER))
		die(errno, "create user namespace");
	if (b->map_ids) {
		/*
		 * The files of a non-dumpable process belong to the global root,
		 * so a host without privileges could not write our mappings. Only
		 * the host's own user can reach us here: the new user namespace
		 * has no other process.
		 */
		prctl(PR_SET_DUMPABLE, 1);
		if (send_frame(FRAME_MAP_IDS, "", 0))
			die(errno, "ask for id mappings");
		wait_go("write id mappings");
		prctl(PR_SET_DUMPABLE, 0);
	}
	become_root();
}

static void make_timens(const struct bootstrap *b)
{
	if (unshare(CLONE_NEWTIME))
		die(errno, "create time namespace");
	if (!b->time_offsets)
		return;
	/*
	 * time_namespaces(7): writable until the first process is in it. The file of
	 * a non-dumpable process is the global root's, whom a user namespace lacks.
	 */
	prctl(PR_SET_DUMPABLE, 1);
	int fd = open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC), err = errno;

	prctl(PR_SET_DUMPABLE, 0);
	if (fd < 0)
		die(err, "open /proc/self/timens_offsets");
	size_t len = strlen(b->time_offsets);
	ssize_t n = write(fd, b->time_offsets, len);

	if (n != (ssize_t)len)
		die(n < 0 ? errno : EIO, "write /proc/self/timens_offsets");
	close(fd);
}

/*
 * Clones the process that boots Go, as a child of the host (CLONE_PARENT), so
 * that the host can wait for it.
 *
 * A raw clone leaves glibc's cached thread id at the parent's. fork(3) mends
 * that by having the kernel store the child's id there; we do the same at the
 * address that glibc gave to set_tid_address(2), after a check that it is the
 * cache: another C library may have given another thing.
 */
static pid_t clone_init(const struct bootstrap *b, uint64_t flags)
{
	struct clone3_args args = { .flags = flags | CLONE_PARENT };
	int *tid = NULL;

	if (prctl(PR_GET_TID_ADDRESS, &tid) == 0 && tid && *tid == syscall(SYS_gettid)) {
		args.flags |= CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID;
		args.child_tid = (uint64_t)(uintptr_t)tid;
	}
	if (b->cgroup_fd >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)b->cgroup_fd;
	}
	pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));

	if (pid < 0)
		die(errno, "clone init process (flags 0x%llx)", (unsigned long long)args.flags);
	return pid;
}

/*
 * Closes what the host program did not mean for us: a descriptor without
 * close-on-exec would stay open in the container for as long as init waits to be
 * released. Those that we get come first, the last of them after the init pipe.
 */
static void close_others(const struct bootstrap *b)
{
	int highest = init_pipe + 1;

	if (b->join_pidfd > highest)
		highest = b->join_pidfd;
	if (b->cgroup_fd > highest)
		highest = b->cgroup_fd;
	if (syscall(SYS_close_range, (unsigned int)highest + 1, ~0U, 0))
		die(errno, "close_range");
}

/* What the host program, or its parent, has ignored goes through execve(2), and Go leaves
 * some of that as it is. */
static void default_signals(void)
{
	for (int sig = 1; sig <= 64; sig++)
		signal(sig, SIG_DFL); /* fails for SIGKILL, SIGSTOP and those of the C library */
}

static void run(const char *pipe_env)
{
	char err[BOOTSTRAP_ERRLEN];
	struct bootstrap b;

	init_pipe = parse_pipe_fd(pipe_env);
	if (init_pipe < 0 || fcntl(init_pipe, F_SETFD, FD_CLOEXEC)) {
		dprintf(STDERR_FILENO, "libcontainer: " PIPE_ENV "=%s is not an open fd\n", pipe_env);
		_exit(1);
	}
	/* No process of the container may trace us or read our memory while we
	 * hold what the container must not have. */
	if (prctl(PR_SET_DUMPABLE, 0))
		die(errno, "prctl PR_SET_DUMPABLE");

	size_t len = read_message();

	if (bootstrap_parse(message, len, &b, err))
		die(EBADMSG, "parse bootstrap message: %s", err);
	default_signals();
	close_others(&b);
	join_namespaces(&b);
	if (b.clone_flags & CLONE_NEWUSER)
		make_userns(&b);
	if (b.clone_flags & CLONE_NEWTIME)
		make_timens(&b);
	/* The host moves init into cgroups that a cgroup namespace must root at;
	 * so Go unshares that one, after the move. */
	uint32_t rest = b.clone_flags & ~(uint32_t)(CLONE_NEWUSER | CLONE_NEWTIME | CLONE_NEWCGROUP);
	pid_t pid = clone_init(&b, rest);

	if (pid > 0) {
		int32_t payload[2] = { pid, libcontainer_hook_linked() };

		_exit(send_frame(FRAME_PID, payload, sizeof(payload)) ? 1 : 0);
	}
	if (b.cgroup_fd >= 0)
		close(b.cgroup_fd);
	if (b.join_pidfd >= 0)
		close(b.join_pidfd);
	int failed = helper_start(init_pipe);

	if (failed)
		die(failed, "start a thread");
}

/*
 * A factory executes a sealed copy in memory (memfd_create(2), F_ADD_SEALS). Any other
 * program in whose environment the variable is was not started by one, and the
 * descriptor that it names is somebody else's.
 */
static int is_sealed_copy(void)
{
	const int want = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int seals;

	if (fd < 0)
		return 0;
	seals = fcntl(fd, F_GET_SEALS);
	close(fd);
	return seals >= 0 && (seals & want) == want;
}

static void __attribute__((constructor)) libcontainer_preamble(void)
{
	const char *env = secure_getenv(PIPE_ENV);

	if (env && *env && is_sealed_copy())
		run(env);
}
