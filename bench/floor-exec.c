//go:build ignore

/*
 * floor-exec: a straightforward C program that runs a further program in a container.
 *
 *     floor-exec [-n TIMES] PID CGROUP
 *
 * PID is a process of the container, CGROUP the name of its cgroup in each hierarchy. The program
 * enters the cgroups and namespaces, drops the capabilities, and executes /bin/true there: no
 * configuration, no checks, no language runtime. As floor.c it does that once for each line on
 * standard input, and prints the microseconds, from the first system call to the end of waitpid, and
 * those of CPU time.
 *
 * What it may do to be fast, as any runtime may: keep a pidfd of the container; be born in its pid
 * namespace, and in its cgroup v2 one (clone3(2)), so that one clone is enough; and enter the cgroup
 * v1 ones as a thread that moves itself, for which the kernel waits for nobody (Linux 5.6, commit
 * 9a3284fad42f).
 */
#include "floor.h"

#define NAMESPACES (CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS)

static int container, own_pids;

static int open_unified(void)
{
	for (size_t i = 0; i < hierarchy_count; i++) {
		int fd;

		if (!hierarchies[i].unified)
			continue;
		fd = open(hierarchies[i].path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		must(fd, "open", hierarchies[i].path);
		return fd;
	}
	return -1;
}

static void child(void)
{
	must(setsid(), "setsid", "");
	enter_cgroups();
	must(setns(container, NAMESPACES & ~CLONE_NEWPID), "setns", "");
	must(chdir("/"), "chdir", "/");
	drop_privileges();
	run_program();
}

static void exec_once(void)
{
	int cgroup = open_unified();
	pid_t pid;

	must(setns(container, CLONE_NEWPID), "setns", "pid");
	pid = clone_child(0, cgroup);
	if (pid == 0)
		child();
	must(setns(own_pids, CLONE_NEWPID), "setns", "own pid");
	if (cgroup >= 0)
		close(cgroup);
	succeed(wait_for(pid));
}

int main(int argc, char **argv)
{
	long times = 0;
	int option;

	program_name = "floor-exec";
	read_filter();
	while ((option = getopt(argc, argv, "n:")) == 'n')
		times = atol(optarg);
	if (option != -1 || argc - optind != 2 || atoi(argv[optind]) < 1) {
		fprintf(stderr, "usage: floor-exec [-n TIMES] PID CGROUP\n");
		return 2;
	}
	find_hierarchies(argv[optind + 1]);
	container = (int)syscall(SYS_pidfd_open, atoi(argv[optind]), 0);
	must(container, "pidfd_open", argv[optind]);
	own_pids = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
	must(own_pids, "open", "/proc/self/ns/pid");
	return serve(times, exec_once);
}
