//go:build ignore

/*
 * floor: a straightforward C program that makes, and ends, the benchmark's container.
 *
 *     floor [-u] [-n LIVES] [-c COMMAND] ROOTFS
 *
 * It makes the kernel calls that the container needs, one after the other, and no others: cgroups
 * with limits, the namespaces, the mounts, the device nodes, the masks, the capabilities, /bin/true,
 * the clean-up. No configuration is read, no path is checked, no state is kept, and no language
 * runtime is started. It is what the others are compared with, and not the least time that is
 * possible: other calls, or calls at the same time, may take less.
 *
 * Without -n it does one life for each line on standard input; it prints each life's microseconds,
 * and those of CPU time with children, one life a line. One life is from the first mkdir of a cgroup
 * to the last rmdir. With -u the container has a user namespace, too; with -c its program is a shell
 * with that command, instead of /bin/true.
 *
 * What it does to be fast, as any runtime may: be born in the cgroup v2 directory (clone3(2)) and
 * enter those of cgroup v1 as a thread that moves itself, for which the kernel waits for nobody; read
 * the list of hierarchies once. The container is that of bench/internal/lives; a test in bench compares
 * the lists, and bench the two containers before it measures.
 */
#include "floor.h"

#include <glob.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define RMDIR_TRIES 100000
#define CPU_WEIGHT "20" /* what the library makes of 512 shares */

static const char *rootfs;
static int user_namespace;

/* ---- cgroups ---------------------------------------------------------------------------- */

static const char *const device_rules[] = {
	"c *:* m",	 "b *:* m",	  "c 5:1 rwm",	   "c 136:* rwm",  "c 5:2 rwm",	 "c 10:200 rwm",
	"c 1:3 rwm", "c 1:5 rwm", "c 1:7 rwm", "c 5:0 rwm", "c 1:9 rwm", "c 1:8 rwm",
};

static void write_string(const char *dir, const char *name, const char *value)
{
	write_file(dir, name, value, strlen(value));
}

/* ---- the devices of cgroup v2 ---- */

static struct bpf_insn device_program[LENGTH(device_rules) * 8 + 8];
static size_t device_program_length;

static void instruction(uint8_t code, uint8_t to, uint8_t from, int16_t jump, int32_t number)
{
	device_program[device_program_length++] = (struct bpf_insn){
		.code = code, .dst_reg = to, .src_reg = from, .off = jump, .imm = number,
	};
}

/* Goes on to the next rule when the register is another number. The jump is made later. */
static void unless_equal(uint8_t reg, int32_t number)
{
	instruction(BPF_JMP | BPF_JNE | BPF_K, reg, 0, 0, number);
}

/* Allows what a rule such as "c 5:1 rwm" says, * being any number. */
static void allow_device(const char *rule)
{
	size_t first = device_program_length;
	char type, major[16], minor[16], access[4];
	int32_t denied = BPF_DEVCG_ACC_MKNOD | BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE;

	if (sscanf(rule, "%c %15[^:]:%15s %3s", &type, major, minor, access) != 4)
		die("read the rule %s", rule);
	for (const char *at = access; *at; at++)
		denied &= ~(*at == 'r' ? BPF_DEVCG_ACC_READ : *at == 'w' ? BPF_DEVCG_ACC_WRITE : BPF_DEVCG_ACC_MKNOD);
	unless_equal(BPF_REG_2, type == 'c' ? BPF_DEVCG_DEV_CHAR : BPF_DEVCG_DEV_BLOCK);
	if (denied)
		instruction(BPF_JMP | BPF_JSET | BPF_K, BPF_REG_3, 0, 0, denied);
	if (*major != '*')
		unless_equal(BPF_REG_4, atoi(major));
	if (*minor != '*')
		unless_equal(BPF_REG_5, atoi(minor));
	instruction(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 1);
	instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	for (size_t i = first; i < device_program_length - 2; i++)
		device_program[i].off = (int16_t)(device_program_length - i - 1);
}

/* Registers: 2 is the type, 3 the access, 4 and 5 are the numbers; see struct bpf_cgroup_dev_ctx. */
static void write_device_program(void)
{
	instruction(BPF_LDX | BPF_MEM | BPF_W, BPF_REG_2, BPF_REG_1, 0, 0);
	instruction(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_3, BPF_REG_2, 0, 0);
	instruction(BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_2, 0, 0, 0xffff);
	instruction(BPF_ALU64 | BPF_RSH | BPF_K, BPF_REG_3, 0, 0, 16);
	instruction(BPF_LDX | BPF_MEM | BPF_W, BPF_REG_4, BPF_REG_1, 4, 0);
	instruction(BPF_LDX | BPF_MEM | BPF_W, BPF_REG_5, BPF_REG_1, 8, 0);
	for (size_t i = 0; i < LENGTH(device_rules); i++)
		allow_device(device_rules[i]);
	instruction(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0);
	instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

static void attach_device_program(const char *path)
{
	union bpf_attr load = {
		.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
		.insns = (uint64_t)(uintptr_t)device_program,
		.insn_cnt = (uint32_t)device_program_length,
		.license = (uint64_t)(uintptr_t) "",
	};
	int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int program_fd = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof(load));
	union bpf_attr attach = {
		.target_fd = (uint32_t)directory,
		.attach_bpf_fd = (uint32_t)program_fd,
		.attach_type = BPF_CGROUP_DEVICE,
		.attach_flags = BPF_F_ALLOW_MULTI,
	};

	must(directory, "open", path);
	must(program_fd, "load the device program for", path);
	must((int)syscall(SYS_bpf, BPF_PROG_ATTACH, &attach, sizeof(attach)), "attach to", path);
	close(program_fd);
	close(directory);
}

/* ---- limits ---- */

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

static void limit_v1(const struct hierarchy *h)
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

static void limit_v2(const struct hierarchy *h)
{
	if (h->memory)
		write_string(h->path, "memory.max", "67108864");
	if (h->cpu)
		write_string(h->path, "cpu.weight", CPU_WEIGHT);
	if (h->pids)
		write_string(h->path, "pids.max", "100");
	if (h->devices)
		attach_device_program(h->path);
}

/* Lets the cgroups below the root of cgroup v2 have the controllers, once. */
static void enable_controllers(void)
{
	for (size_t i = 0; i < hierarchy_count; i++) {
		const struct hierarchy *h = &hierarchies[i];

		if (!h->unified)
			continue;
		if (h->memory)
			write_string(h->parent, "cgroup.subtree_control", "+memory");
		if (h->cpu)
			write_string(h->parent, "cgroup.subtree_control", "+cpu");
		if (h->pids)
			write_string(h->parent, "cgroup.subtree_control", "+pids");
	}
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
			limit_v1(h);
			continue;
		}
		limit_v2(h);
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
	"/proc/interrupts",
	"/proc/kcore",	     "/proc/keys",	  "/proc/latency_stats",
	"/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug",
};
static const char *const masked_dirs[] = {
	"/proc/asound", "/proc/acpi", "/proc/scsi", "/sys/firmware", "/sys/devices/virtual/powercap",
	"/sys/devices/system/cpu/cpu*/thermal_throttle",
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

/* A user namespace cannot make device nodes: those of the host are bound on empty files. */
static void bind_device(const char *path)
{
	char source[64];
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0666);

	must(fd, "create", path);
	close(fd);
	snprintf(source, sizeof(source), "/%s", path);
	must(mount(source, path, NULL, MS_BIND, NULL), "bind", source);
}

static void make_devices(void)
{
	umask(0);
	for (size_t i = 0; i < LENGTH(nodes); i++) {
		const struct node *n = &nodes[i];

		if (user_namespace)
			bind_device(n->path);
		else
			must(mknod(n->path, S_IFCHR | 0666, makedev(n->major, n->minor)), "mknod", n->path);
	}
	umask(022);
	for (size_t i = 0; i < LENGTH(links); i++)
		must(symlink(links[i][0], links[i][1]), "symlink", links[i][1]);
	if (access("/proc/kcore", F_OK) == 0)
		must(symlink("/proc/kcore", "dev/core"), "symlink", "dev/core");
}

static void enter_root(void)
{
	must((int)syscall(SYS_pivot_root, ".", "."), "pivot_root", rootfs);
	must(umount2(".", MNT_DETACH), "umount", "the old root");
	must(chdir("/"), "chdir", "/");
}

/* All masked directories share one read-only tmpfs: the first is the source of the others. */
static void mask_dir(const char *path)
{
	static const char *empty;
	int failed = empty ? mount(empty, path, NULL, MS_BIND, NULL) : mount("tmpfs", path, "tmpfs", MS_RDONLY, NULL);

	if (failed && errno != ENOENT)
		die("mask %s", path);
	if (!failed && !empty)
		empty = path;
}

static void mask(void)
{
	for (size_t i = 0; i < LENGTH(masked_files); i++)
		if (mount("/dev/null", masked_files[i], NULL, MS_BIND, NULL) && errno != ENOENT)
			die("mask %s", masked_files[i]);
	for (size_t i = 0; i < LENGTH(masked_dirs); i++) {
		glob_t found;

		if (!strchr(masked_dirs[i], '*')) {
			mask_dir(masked_dirs[i]);
			continue;
		}
		if (glob(masked_dirs[i], GLOB_NOSORT, NULL, &found))
			continue; /* nothing matches */
		for (size_t n = 0; n < found.gl_pathc; n++)
			mask_dir(found.gl_pathv[n]);
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

static const char id_map[] = "0 100000 65536";

/* Maps the ids of the child's user namespace, and lets it go on. */
static void map_ids(pid_t pid, const int go[2])
{
	char directory[32];

	close(go[0]);
	snprintf(directory, sizeof(directory), "/proc/%d", (int)pid);
	write_string(directory, "uid_map", id_map);
	write_string(directory, "gid_map", id_map);
	close(go[1]);
}

static void become_mapped_root(const int go[2])
{
	char nothing;

	close(go[1]);
	must((int)read(go[0], &nothing, 1), "read", "the pipe");
	must((int)syscall(SYS_setgroups, 0, NULL), "setgroups", "none");
	must((int)syscall(SYS_setresgid, 0, 0, 0), "setgid", "0");
	must((int)syscall(SYS_setresuid, 0, 0, 0), "setuid", "0");
}

static void life(void)
{
	uint64_t flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS;
	int cgroup = make_cgroups(), status, go[2];
	pid_t pid;

	if (user_namespace) {
		flags |= CLONE_NEWUSER;
		must(pipe2(go, O_CLOEXEC), "pipe", "");
	}
	pid = clone_child(flags, cgroup);
	if (pid == 0) {
		enter_cgroups();
		if (user_namespace)
			become_mapped_root(go);
		child();
	}
	if (user_namespace)
		map_ids(pid, go);
	status = wait_for(pid);
	if (cgroup >= 0)
		close(cgroup);
	remove_cgroups();
	succeed(status);
}

static int usage(void)
{
	fprintf(stderr, "usage: floor [-u] [-n LIVES] [-c COMMAND] /ABSOLUTE/ROOTFS\n");
	return 2;
}

int main(int argc, char **argv)
{
	char name[64];
	long lives = 0;
	int option;

	program_name = "floor";
	read_filter();
	while ((option = getopt(argc, argv, "un:c:")) != -1) {
		if (option == 'u') {
			user_namespace = 1;
		} else if (option == 'n') {
			lives = atol(optarg);
		} else if (option == 'c') {
			program[0] = "/bin/sh";
			program[1] = "-c";
			program[2] = optarg;
		} else {
			return usage();
		}
	}
	if (argc - optind != 1 || argv[optind][0] != '/')
		return usage();
	rootfs = argv[optind];
	snprintf(name, sizeof(name), "lctest-floor-%d", (int)getpid());
	find_hierarchies(name);
	enable_controllers();
	write_device_program();
	return serve(lives, life);
}
