//go:build ignore

/* What floor.c and floor-exec.c have in common. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LENGTH(array) (sizeof(array) / sizeof(*(array)))
#define MAX_HIERARCHIES 32

static const char *program_name;

static void die(const char *format, ...)
{
	int code = errno;
	va_list args;

	va_start(args, format);
	fprintf(stderr, "%s: ", program_name);
	vfprintf(stderr, format, args);
	fprintf(stderr, ": %s\n", strerror(code));
	va_end(args);
	exit(1);
}

static void must(int result, const char *step, const char *path)
{
	if (result < 0)
		die("%s %s", step, path);
}

static int64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* User and system time of this process and of the children that it has waited for. */
static int64_t cpu_now(void)
{
	static const int whose[] = {RUSAGE_SELF, RUSAGE_CHILDREN};
	int64_t sum = 0;

	for (size_t i = 0; i < LENGTH(whose); i++) {
		struct rusage usage;

		must(getrusage(whose[i], &usage), "getrusage", "");
		sum += ((int64_t)usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000 +
		       ((int64_t)usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000;
	}
	return sum;
}

/* ---- cgroups ---------------------------------------------------------------------------- */

struct hierarchy {
	char parent[256];
	char path[512];
	/* Whether it is cgroup v2, and what limits are set there. */
	int unified, cpuset, memory, cpu, pids, devices;
};

static struct hierarchy hierarchies[MAX_HIERARCHIES];
static size_t hierarchy_count;

static int has_word(const char *list, const char *word)
{
	size_t length = strlen(word);
	const char *at = list;

	while ((at = strstr(at, word))) {
		int starts = at == list || at[-1] == ',';
		int ends = at[length] == '\0' || at[length] == ',';

		if (starts && ends)
			return 1;
		at += length;
	}
	return 0;
}

static void add_hierarchy(const char *mountpoint, const char *type, const char *options, const char *name)
{
	struct hierarchy *h;

	if (hierarchy_count == MAX_HIERARCHIES)
		return;
	h = &hierarchies[hierarchy_count++];
	snprintf(h->parent, sizeof(h->parent), "%s", mountpoint);
	snprintf(h->path, sizeof(h->path), "%s/%s", mountpoint, name);
	h->unified = !strcmp(type, "cgroup2");
	h->cpuset = has_word(options, "cpuset");
	h->memory = has_word(options, "memory");
	h->cpu = has_word(options, "cpu");
	h->pids = has_word(options, "pids");
	h->devices = has_word(options, "devices");
}

/* The controllers that a cgroup v2 mount holds, separated by commas as those of v1 are. */
static void read_controllers(const char *mountpoint, char *controllers, size_t size)
{
	char path[512];
	ssize_t length;
	int fd;

	snprintf(path, sizeof(path), "%s/cgroup.controllers", mountpoint);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || (length = read(fd, controllers, size - 1)) < 0)
		die("read %s", path);
	close(fd);
	controllers[length] = '\0';
	for (char *at = controllers; *at; at++)
		if (*at == ' ' || *at == '\n')
			*at = ',';
}

/* Without the devices controller of cgroup v1 a program at the cgroup v2 directory does its work. */
static int devices_by_program(void)
{
	for (size_t i = 0; i < hierarchy_count; i++) {
		if (!hierarchies[i].unified)
			continue;
		hierarchies[i].devices = 1;
		return 1;
	}
	return 0;
}

/* Finds all, with the path of the cgroup of that name in each. */
static void find_hierarchies(const char *name)
{
	char line[4096], mountpoint[256], type[64], options[1024];
	int memory = 0, cpu = 0, pids = 0, devices = 0;
	FILE *file = fopen("/proc/self/mountinfo", "re");

	if (!file)
		die("open mountinfo");
	while (fgets(line, sizeof(line), file)) {
		char *rest = strstr(line, " - ");

		if (!rest || sscanf(line, "%*s %*s %*s %*s %255s", mountpoint) != 1 ||
		    sscanf(rest, " - %63s %*s %1023s", type, options) != 2)
			continue;
		if (!strcmp(type, "cgroup2"))
			read_controllers(mountpoint, options, sizeof(options));
		else if (strcmp(type, "cgroup"))
			continue;
		add_hierarchy(mountpoint, type, options, name);
	}
	fclose(file);
	for (size_t i = 0; i < hierarchy_count; i++) {
		memory |= hierarchies[i].memory;
		cpu |= hierarchies[i].cpu;
		pids |= hierarchies[i].pids;
		devices |= hierarchies[i].devices;
	}
	if (!devices)
		devices = devices_by_program();
	if (!memory || !cpu || !pids || !devices) {
		errno = ENOTSUP;
		die("find the memory, cpu, pids and devices controllers");
	}
}

static void write_file(const char *dir, const char *name, const char *value, size_t length)
{
	char path[1024];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, value, length) != (ssize_t)length)
		die("write %s to %s", value, path);
	close(fd);
}

/* As a thread that moves itself, for which the kernel waits for nobody (Linux 5.6, commit
 * 9a3284fad42f). In the cgroup v2 one, if there is one, the process was born. */
static void enter_cgroups(void)
{
	for (size_t i = 0; i < hierarchy_count; i++)
		if (!hierarchies[i].unified)
			write_file(hierarchies[i].path, "tasks", "0", 1);
}

/* ---- processes -------------------------------------------------------------------------- */

static const int kept_capabilities[] = {
	CAP_CHOWN,	CAP_DAC_OVERRIDE, CAP_FSETID,  CAP_FOWNER,			CAP_MKNOD,
	CAP_NET_RAW, CAP_SETGID,	   CAP_SETUID,  CAP_SETFCAP,			CAP_SETPCAP,
	CAP_NET_BIND_SERVICE, CAP_SYS_CHROOT, CAP_KILL, CAP_AUDIT_WRITE,
};

static void drop_privileges(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{0}};
	uint64_t keep = 0;

	for (size_t i = 0; i < LENGTH(kept_capabilities); i++)
		keep |= UINT64_C(1) << kept_capabilities[i];
	for (int cap = 0; cap < 64; cap++) {
		if (keep >> cap & 1)
			continue;
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0)) {
			if (errno == EINVAL && cap > CAP_BLOCK_SUSPEND)
				break; /* the kernel's last one was before */
			die("drop capability %d", cap);
		}
	}
	must((int)syscall(SYS_setgroups, 0, NULL), "setgroups", "none");
	must((int)syscall(SYS_setresgid, 0, 0, 0), "setgid", "0");
	must((int)syscall(SYS_setresuid, 0, 0, 0), "setuid", "0");
	for (int i = 0; i < 2; i++)
		data[i].effective = data[i].permitted = (uint32_t)(keep >> 32 * i);
	must((int)syscall(SYS_capset, &header, data), "capset", "the default 14");
	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl", "no_new_privs");
}

/* The filter of system calls: that which the library makes, in a file that the variable names. As the
 * library does, it is read once, and loaded for each program. */
static struct sock_fprog filter;

static void read_filter(void)
{
	static struct sock_filter code[BPF_MAXINSNS];
	const char *name = getenv("FLOOR_SECCOMP");
	ssize_t size;
	int fd;

	if (!name)
		return;
	fd = open(name, O_RDONLY | O_CLOEXEC);
	must(fd, "open", name);
	size = read(fd, code, sizeof(code));
	must((int)size, "read", name);
	close(fd);
	filter.filter = code;
	filter.len = (unsigned short)((size_t)size / sizeof(code[0]));
}

static char *program[] = {"/bin/true", NULL, NULL, NULL};

static void run_program(void)
{
	static char *const envp[] = {"PATH=/bin", NULL};

	must((int)syscall(SYS_close_range, 3, ~0U, 0), "close_range", "");
	if (filter.len)
		must((int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter), "seccomp", "");
	execve(program[0], program, envp);
	die("execve %s", program[0]);
}

/* A child with the namespaces of flags, born in the cgroup v2 directory unless that is -1. */
static pid_t clone_child(uint64_t flags, int cgroup)
{
	struct clone_args args = {.flags = flags, .exit_signal = SIGCHLD};
	long pid;

	if (cgroup >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)cgroup;
	}
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid < 0)
		die("clone3");
	return (pid_t)pid;
}

static int wait_for(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		die("waitpid");
	return status;
}

static void succeed(int status)
{
	if (status == 0)
		return;
	errno = ECHILD;
	die("the program's status is %#x", status);
}

/* Does it once, and prints the microseconds and those of CPU time. */
static void measure(void (*once)(void))
{
	int64_t cpu = cpu_now(), start = now();

	once();
	start = now() - start;
	printf("%.1f %.1f\n", (double)start / 1000, (double)(cpu_now() - cpu) / 1000);
}

/* Measures once for each line of standard input, or count times if that is not 0. */
static int serve(long count, void (*once)(void))
{
	char line[64];

	signal(SIGPIPE, SIG_IGN);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (count > 0) {
		while (count-- > 0)
			measure(once);
		return 0;
	}
	while (fgets(line, sizeof(line), stdin))
		measure(once);
	return 0;
}
