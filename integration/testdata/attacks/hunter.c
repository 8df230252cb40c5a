/*
 * Watches for processes that come into its pid namespace, and looks whether one of them
 * has anything that is not the container's:
 *
 *   hunter look|trace|stop CAPABILITIES MARKER CGROUP [NAMESPACE...]
 *
 * look reads what /proc tells; trace stops them by ptrace(2) and looks then; stop sends
 * SIGSTOP to each, says "stopped", and goes on. CAPABILITIES is the mask of those that
 * the container's processes have. MARKER is the path of a file of the host. CGROUP is
 * "same" if all processes must be in the hunter's cgroups, else "any". The namespaces,
 * such as mnt:[4026531841], are the host's. When its input ends it prints what it has
 * found, one line a kind, and how many processes it has seen.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *mode, *marker;
static unsigned long long allowed;
static int same_cgroup, namespaces;
static char **namespace, own_cgroups[8192], last_seen[1 << 16];
static long seen, attached, early;

static struct finding {
	char kind[32], example[512];
	long count;
} findings[64];

static void found(const char *kind, const char *example, int pid)
{
	for (struct finding *f = findings; f < findings + 64; f++) {
		if (f->count && strcmp(f->kind, kind))
			continue;
		if (!f->count++) {
			snprintf(f->kind, sizeof(f->kind), "%s", kind);
			snprintf(f->example, sizeof(f->example), "process %d: %s", pid, example);
			for (char *c = f->example; *c; c++)
				if (*c == '\n')
					*c = ' ';
		}
		return;
	}
}

static int read_file(const char *name, char *buf, size_t size)
{
	size_t n = 0;
	ssize_t got;
	int fd = open(name, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	while (n < size - 1 && (got = read(fd, buf + n, size - 1 - n)) > 0)
		n += got;
	buf[n] = 0;
	close(fd);
	return n;
}

static int link_of(int pid, const char *what, char *buf, size_t size)
{
	char name[64];
	ssize_t n;

	snprintf(name, sizeof(name), "/proc/%d/%s", pid, what);
	n = readlink(name, buf, size - 1);
	buf[n < 0 ? 0 : n] = 0;
	return n < 0 ? -1 : 0;
}

static void look_at_capabilities(int pid)
{
	static const char *const sets[] = { "CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:" };
	char name[64], text[8192];

	snprintf(name, sizeof(name), "/proc/%d/status", pid);
	if (read_file(name, text, sizeof(text)) <= 0)
		return;
	if (strstr(text, "State:\tZ") || strstr(text, "State:\tX"))
		return; /* it has nothing any more */
	for (int i = 0; i < 5; i++) {
		char *line = strstr(text, sets[i]);

		if (line && strtoull(line + 7, NULL, 16) & ~allowed)
			found(sets[i], strtok(line, "\n"), pid);
	}
}

static void look_at_namespaces(int pid)
{
	static const char *const types[] = { "mnt", "net", "ipc", "uts", "user", "cgroup", "pid", "time" };
	char what[32], link[64];

	for (int i = 0; i < 8; i++) {
		snprintf(what, sizeof(what), "ns/%s", types[i]);
		if (link_of(pid, what, link, sizeof(link)))
			continue;
		for (int n = 0; n < namespaces; n++)
			if (!strcmp(namespace[n], link))
				found("namespace", link, pid);
	}
}

static void look_at_files(int pid)
{
	char name[4096], link[512];
	struct dirent *e;
	struct stat st;
	DIR *dir;

	snprintf(name, sizeof(name), "/proc/%d/root%s", pid, marker);
	if (!access(name, F_OK))
		found("root", name, pid);
	snprintf(name, sizeof(name), "/proc/%d/cwd%s", pid, marker);
	if (!access(name, F_OK))
		found("working directory", name, pid);
	snprintf(name, sizeof(name), "/proc/%d/fd", pid);
	dir = opendir(name);
	if (!dir)
		return;
	while ((e = readdir(dir))) {
		snprintf(name, sizeof(name), "fd/%.20s", e->d_name);
		if (!isdigit(e->d_name[0]) || link_of(pid, name, link, sizeof(link)))
			continue;
		if (strstr(link, "[pidfd]"))
			found("descriptor of a process", link, pid);
		snprintf(name, sizeof(name), "/proc/%d/fd/%.20s", pid, e->d_name);
		if (!stat(name, &st) && S_ISDIR(st.st_mode))
			found("directory", link, pid);
	}
	closedir(dir);
}

static void look(int pid)
{
	char name[64], text[8192];

	look_at_capabilities(pid);
	look_at_namespaces(pid);
	look_at_files(pid);
	snprintf(name, sizeof(name), "/proc/%d/cgroup", pid);
	if (same_cgroup && read_file(name, text, sizeof(text)) > 0 && strcmp(text, own_cgroups))
		found("cgroups", text, pid);
}

static void trace(int pid)
{
	char exe[512];
	int status;

	if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) < 0)
		return;
	ptrace(PTRACE_INTERRUPT, pid, NULL, NULL);
	if (waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status)) {
		attached++;
		if (!link_of(pid, "exe", exe, sizeof(exe)) && strncmp(exe, "/bin/", 5))
			early++;
		look(pid);
	}
	ptrace(PTRACE_DETACH, pid, NULL, NULL);
}

static void meet(int pid)
{
	if (pid <= 0 || pid >= (int)sizeof(last_seen) || pid == getpid() || pid == 1)
		return;
	if (kill(pid, 0) < 0 && errno == ESRCH) {
		last_seen[pid] = 0;
		return;
	}
	if (!last_seen[pid])
		seen++;
	if (!strcmp(mode, "stop")) {
		if (!last_seen[pid] && !kill(pid, SIGSTOP)) {
			printf("stopped\n");
			fflush(stdout);
		}
	} else {
		look(pid);
		if (!strcmp(mode, "trace"))
			trace(pid);
	}
	last_seen[pid] = 1;
}

static int hunt(void)
{
	struct pollfd in = { .fd = 0, .events = POLLIN };
	int highest = getpid();
	char c;

	for (;;) {
		DIR *dir = opendir("/proc");
		struct dirent *e;

		if (!dir)
			return 1;
		while ((e = readdir(dir))) {
			int pid = atoi(e->d_name);

			meet(pid);
			if (pid > highest)
				highest = pid;
		}
		closedir(dir);
		for (int i = 0; i < 200; i++)
			for (int next = 1; next <= 3; next++)
				meet(highest + next);
		if (poll(&in, 1, 0) > 0 && read(0, &c, 1) <= 0)
			return 0;
	}
}

int main(int argc, char **argv)
{
	if (argc < 5)
		return 2;
	mode = argv[1];
	allowed = strtoull(argv[2], NULL, 16);
	marker = argv[3];
	same_cgroup = !strcmp(argv[4], "same");
	namespace = argv + 5;
	namespaces = argc - 5;
	if (read_file("/proc/self/cgroup", own_cgroups, sizeof(own_cgroups)) < 0)
		return 2;
	printf("ready\n");
	fflush(stdout);
	if (hunt())
		return 1;
	for (struct finding *f = findings; f < findings + 64 && f->count; f++)
		printf("FOUND %s %ld times, %s\n", f->kind, f->count, f->example);
	printf("saw %ld, attached to %ld, to %ld before they ran their program\n", seen, attached, early);
	return 0;
}
