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
 * What it may do to be fast, as any runtime may: be born in the cgroup v2 directory (clone3(2)) and
 * enter those of cgroup v1 as a thread that moves itself, for which the kernel waits for nobody; read
 * the list of hierarchies once. The container is the one of bench/container.go; a test there compares
 * them. It needs cgroup v1 controllers (also in the hybrid layout), as the devices controller does.
 */
#include "floor.h"

#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define RMDIR_TRIES 100000

static const char *rootfs;

/* ---- cgroups ---------------------------------------------------------------------------- */

static const char *const device_rules[] = {
	"c *:* m",	 "b *:* m",	  "c 5:1 rwm",	   "c 136:* rwm",  "c 5:2 rwm",	 "c 10:200 rwm",
	"c 1:3 rwm", "c 1:5 rwm", "c 1:7 rwm", "c 5:0 rwm", "c 1:9 rwm", "c 1:8 rwm",
};

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

static void child(void)
{
	must(setsid(), "setsid", "");
	mount_all();
	make_devices();
	enter_root();
	must(sethostname("bench", 5), "sethostname", "bench");
	loopback_up();
	mask();
	make_readonly();
	drop_privileges();
	run_program();
}

/* ---- a life ----------------------------------------------------------------------------- */

static double life(void)
{
	int64_t start = now();
	int cgroup = make_cgroups(), status;
	pid_t pid;

	pid = clone_child(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS, cgroup);
	if (pid == 0) {
		enter_cgroups();
		child();
	}
	status = wait_for(pid);
	if (cgroup >= 0)
		close(cgroup);
	remove_cgroups();
	succeed(status);
	return microseconds_since(start);
}

int main(int argc, char **argv)
{
	char name[64];
	long lives = 0;
	int option;

	program_name = "floor";
	while ((option = getopt(argc, argv, "n:")) == 'n')
		lives = atol(optarg);
	if (option != -1 || argc - optind != 1 || argv[optind][0] != '/') {
		fprintf(stderr, "usage: floor [-n LIVES] /ABSOLUTE/ROOTFS\n");
		return 2;
	}
	rootfs = argv[optind];
	snprintf(name, sizeof(name), "lctest-floor-%d", (int)getpid());
	find_hierarchies(name);
	return serve(lives, life);
}
