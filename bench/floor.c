//go:build ignore

/*
 * floor: the physical limit of one container's life.
 *
 *     floor [-n LIVES] ROOTFS
 *
 * It makes the kernel calls that the benchmark's container needs, and no others: cgroups with
 * limits, the namespaces, the mounts, the device nodes, the masks, the capabilities, /bin/true,
 * the clean-up. No configuration is read, no path is checked, no state is kept, and no language
 * runtime is started: whatever a runtime takes beyond this is its own.
 *
 * Without -n it does one life for each line on standard input; it prints each life's
 * microseconds, one a line. One life is from the first mkdir of a cgroup to the last rmdir.
 *
 * What it may do to be fast, as any runtime may: set the child up while the parent still writes
 * the child's pid to the cgroups; be born in the cgroup v2 one (clone3(2)); read the list of
 * hierarchies once. The container is the one of bench/container.go; a test there compares them.
 * It needs cgroup v1 controllers (also in the hybrid layout), as the devices controller does.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LENGTH(array) (sizeof(array) / sizeof(*(array)))
#define MAX_HIERARCHIES 32
#define RMDIR_TRIES 100000

static const char *rootfs;

static void die(const char *format, ...)
{
	int code = errno;
	va_list args;

	va_start(args, format);
	fprintf(stderr, "floor: ");
	vfprintf(stderr, format, args);
	fprintf(stderr, ": %s\n", strerror(code));
	va_end(args);
	exit(1);
}

/* ---- cgroups ---------------------------------------------------------------------------- */

struct hierarchy {
	char parent[256];
	char path[320];
	int unified, cpuset, memory, cpu, pids, devices;
};

static struct hierarchy hierarchies[MAX_HIERARCHIES];
static size_t hierarchy_count;

static const char *const device_rules[] = {
	"c *:* m",	 "b *:* m",	  "c 5:1 rwm",	   "c 136:* rwm",  "c 5:2 rwm",	 "c 10:200 rwm",
	"c 1:3 rwm", "c 1:5 rwm", "c 1:7 rwm", "c 5:0 rwm", "c 1:9 rwm", "c 1:8 rwm",
};

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

static void add_hierarchy(const char *mountpoint, const char *type, const char *options)
{
	struct hierarchy *h;

	if (hierarchy_count == MAX_HIERARCHIES)
		return;
	h = &hierarchies[hierarchy_count++];
	snprintf(h->parent, sizeof(h->parent), "%s", mountpoint);
	snprintf(h->path, sizeof(h->path), "%s/lctest-floor-%d", mountpoint, (int)getpid());
	h->unified = !strcmp(type, "cgroup2");
	h->cpuset = has_word(options, "cpuset");
	h->memory = has_word(options, "memory");
	h->cpu = has_word(options, "cpu");
	h->pids = has_word(options, "pids");
	h->devices = has_word(options, "devices");
}

static void find_hierarchies(void)
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
		if (!strcmp(type, "cgroup") || !strcmp(type, "cgroup2"))
			add_hierarchy(mountpoint, type, options);
	}
	fclose(file);
	for (size_t i = 0; i < hierarchy_count; i++) {
		memory |= hierarchies[i].memory;
		cpu |= hierarchies[i].cpu;
		pids |= hierarchies[i].pids;
		devices |= hierarchies[i].devices;
	}
	if (!memory || !cpu || !pids || !devices) {
		errno = ENOTSUP;
		die("find the memory, cpu, pids and devices controllers on cgroup v1");
	}
}

static void write_file(const char *dir, const char *name, const char *value, size_t length)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, value, length) != (ssize_t)length)
		die("write %s to %s", value, path);
	close(fd);
}

static void write_string(const char *dir, const char *name, const char *value)
{
	write_file(dir, name, value, strlen(value));
}

/* A v1 cpuset takes no task before it has cpus and mems: they are its parent's. */
static void copy_from_parent(const struct hierarchy *h, const char *name)
{
	char path[512], value[512];
	ssize_t length;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", h->parent, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || (length = read(fd, value, sizeof(value) - 1)) < 0)
		die("read %s", path);
	close(fd);
	value[length] = '\0';
	write_file(h->path, name, value, (size_t)length);
}

static void limit(const struct hierarchy *h)
{
	if (h->cpuset) {
		copy_from_parent(h, "cpuset.cpus");
		copy_from_parent(h, "cpuset.mems");
	}
	if (h->memory)
		write_string(h->path, "memory.limit_in_bytes", "67108864");
	if (h->cpu)
		write_string(h->path, "cpu.shares", "512");
	if (h->pids)
		write_string(h->path, "pids.max", "100");
	if (!h->devices)
		return;
	write_string(h->path, "devices.deny", "a");
	for (size_t i = 0; i < LENGTH(device_rules); i++)
		write_string(h->path, "devices.allow", device_rules[i]);
}

/* Makes the cgroups with their limits; gives an fd of the cgroup v2 one, or -1. */
static int make_cgroups(void)
{
	int fd = -1;

	for (size_t i = 0; i < hierarchy_count; i++) {
		const struct hierarchy *h = &hierarchies[i];

		if (mkdir(h->path, 0755))
			die("mkdir %s", h->path);
		if (!h->unified) {
			limit(h);
			continue;
		}
		fd = open(h->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			die("open %s", h->path);
	}
	return fd;
}

static void join_cgroups(pid_t pid)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%d", (int)pid);

	for (size_t i = 0; i < hierarchy_count; i++)
		if (!hierarchies[i].unified)
			write_file(hierarchies[i].path, "cgroup.procs", text, (size_t)length);
}

/* The kernel may still be taking the last task out when waitpid has returned: EBUSY. */
static void remove_cgroups(void)
{
	for (size_t i = 0; i < hierarchy_count; i++) {
		int tries = 0;

		while (rmdir(hierarchies[i].path)) {
			if (errno != EBUSY || ++tries > RMDIR_TRIES)
				die("rmdir %s", hierarchies[i].path);
			sched_yield();
		}
	}
}

/* ---- the child -------------------------------------------------------------------------- */

#define NO_NSD (MS_NOSUID | MS_NOEXEC | MS_NODEV)

static const struct mount_call {
	const char *type, *target, *data;
	unsigned long flags;
} mounts[] = {
	{"proc", "proc", NULL, NO_NSD},
	{"tmpfs", "dev", "mode=755,size=65536k", MS_NOSUID | MS_STRICTATIME},
	{"devpts", "dev/pts", "newinstance,ptmxmode=0666,mode=0620,gid=5", MS_NOSUID | MS_NOEXEC},
	{"tmpfs", "dev/shm", "mode=1777,size=65536k", NO_NSD},
	{"mqueue", "dev/mqueue", NULL, NO_NSD},
	{"sysfs", "sys", NULL, NO_NSD | MS_RDONLY},
};

static const struct node {
	const char *path;
	unsigned int major, minor;
} nodes[] = {
	{"dev/null", 1, 3}, {"dev/zero", 1, 5},	   {"dev/full", 1, 7},
	{"dev/tty", 5, 0},	{"dev/urandom", 1, 9}, {"dev/random", 1, 8},
};

static const char *const links[][2] = {
	{"pts/ptmx", "dev/ptmx"},		{"/proc/self/fd", "dev/fd"},
	{"/proc/self/fd/0", "dev/stdin"}, {"/proc/self/fd/1", "dev/stdout"},
	{"/proc/self/fd/2", "dev/stderr"},
};

/* A masked path is one or the other; those that this kernel doesn't have are passed over. */
static const char *const masked_files[] = {
	"/proc/kcore",	     "/proc/keys",	  "/proc/latency_stats",
	"/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug",
};
static const char *const masked_dirs[] = {
	"/proc/acpi", "/proc/scsi", "/sys/firmware", "/sys/devices/virtual/powercap",
};

static const char *const readonly_paths[] = {
	"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger",
};

static const int kept_capabilities[] = {
	CAP_CHOWN,	CAP_DAC_OVERRIDE, CAP_FSETID,  CAP_FOWNER,			CAP_MKNOD,
	CAP_NET_RAW, CAP_SETGID,	   CAP_SETUID,  CAP_SETFCAP,			CAP_SETPCAP,
	CAP_NET_BIND_SERVICE, CAP_SYS_CHROOT, CAP_KILL, CAP_AUDIT_WRITE,
};

static void must(int result, const char *step, const char *path)
{
	if (result < 0)
		die("%s %s", step, path);
}

static void mount_all(void)
{
	must(mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL), "make slave", "/");
	must(mount(rootfs, rootfs, NULL, MS_BIND | MS_REC, NULL), "bind", rootfs);
	must(chdir(rootfs), "chdir", rootfs);
	for (size_t i = 0; i < LENGTH(mounts); i++) {
		const struct mount_call *m = &mounts[i];

		if (strchr(m->target, '/'))
			must(mkdir(m->target, 0755), "mkdir", m->target);
		must(mount(m->type, m->target, m->type, m->flags, m->data), "mount", m->target);
	}
}

static void make_devices(void)
{
	umask(0);
	for (size_t i = 0; i < LENGTH(nodes); i++)
		must(mknod(nodes[i].path, S_IFCHR | 0666, makedev(nodes[i].major, nodes[i].minor)),
		     "mknod", nodes[i].path);
	umask(022);
	for (size_t i = 0; i < LENGTH(links); i++)
		must(symlink(links[i][0], links[i][1]), "symlink", links[i][1]);
}

static void enter_root(void)
{
	must((int)syscall(SYS_pivot_root, ".", "."), "pivot_root", rootfs);
	must(umount2(".", MNT_DETACH), "umount", "the old root");
	must(chdir("/"), "chdir", "/");
}

/* All masked directories share one read-only tmpfs: the first is the source of the others. */
static void mask(void)
{
	const char *empty = NULL;

	for (size_t i = 0; i < LENGTH(masked_files); i++)
		if (mount("/dev/null", masked_files[i], NULL, MS_BIND, NULL) && errno != ENOENT)
			die("mask %s", masked_files[i]);
	for (size_t i = 0; i < LENGTH(masked_dirs); i++) {
		int failed = empty ? mount(empty, masked_dirs[i], NULL, MS_BIND, NULL)
				   : mount("tmpfs", masked_dirs[i], "tmpfs", MS_RDONLY, NULL);

		if (failed && errno != ENOENT)
			die("mask %s", masked_dirs[i]);
		if (!failed && !empty)
			empty = masked_dirs[i];
	}
}

static void make_readonly(void)
{
	for (size_t i = 0; i < LENGTH(readonly_paths); i++) {
		const char *path = readonly_paths[i];

		if (mount(path, path, NULL, MS_BIND | MS_REC, NULL)) {
			if (errno == ENOENT)
				continue;
			die("bind %s", path);
		}
		must(mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | NO_NSD, NULL),
		     "make read-only", path);
	}
}

static void loopback_up(void)
{
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	must(fd, "socket for", "lo");
	must(ioctl(fd, SIOCSIFFLAGS, &request), "bring up", "lo");
	close(fd);
}

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

static void child(int go)
{
	static char *const argv[] = {"/bin/true", NULL};
	static char *const envp[] = {"PATH=/bin", NULL};
	char byte;

	must(setsid(), "setsid", "");
	mount_all();
	make_devices();
	enter_root();
	must(sethostname("bench", 5), "sethostname", "bench");
	loopback_up();
	mask();
	make_readonly();
	drop_privileges();
	if (read(go, &byte, 1) != 1) {
		errno = EPIPE;
		die("wait for the cgroups");
	}
	must((int)syscall(SYS_close_range, 3, ~0U, 0), "close_range", "");
	execve(argv[0], argv, envp);
	die("execve %s", argv[0]);
}

/* ---- a life ----------------------------------------------------------------------------- */

static pid_t clone_child(int cgroup)
{
	struct clone_args args = {
		.flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS,
		.exit_signal = SIGCHLD,
	};
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

static int64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static double life(void)
{
	int64_t start = now();
	int cgroup = make_cgroups(), go[2], status;
	pid_t pid;

	if (pipe2(go, O_CLOEXEC))
		die("pipe");
	pid = clone_child(cgroup);
	if (pid == 0) {
		close(go[1]);
		child(go[0]);
	}
	join_cgroups(pid);
	if (write(go[1], "", 1) != 1)
		die("release the child");
	if (waitpid(pid, &status, 0) != pid)
		die("waitpid");
	close(go[0]);
	close(go[1]);
	if (cgroup >= 0)
		close(cgroup);
	remove_cgroups();
	if (status != 0) {
		errno = ECHILD;
		die("the container's status is %#x", status);
	}
	return (double)(now() - start) / 1000;
}

int main(int argc, char **argv)
{
	char line[64];
	long lives = 0;
	int option;

	while ((option = getopt(argc, argv, "n:")) == 'n')
		lives = atol(optarg);
	if (option != -1 || argc - optind != 1 || argv[optind][0] != '/') {
		fprintf(stderr, "usage: floor [-n LIVES] /ABSOLUTE/ROOTFS\n");
		return 2;
	}
	rootfs = argv[optind];
	signal(SIGPIPE, SIG_IGN);
	setvbuf(stdout, NULL, _IOLBF, 0);
	find_hierarchies();
	if (lives > 0) {
		while (lives-- > 0)
			printf("%.1f\n", life());
		return 0;
	}
	while (fgets(line, sizeof(line), stdin))
		printf("%.1f\n", life());
	return 0;
}
