/* odd counts, as the tests' counter does, with one thing open, or set, that criu cannot save, or only
 * with an option: its argument says which. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif

enum { NUMBER = 100, MPOL_PREFERRED = 1 };

static void check(int ok, const char *what)
{
	if (!ok) {
		perror(what);
		exit(1);
	}
}

/* keep gives a descriptor its number. */
static void keep(int fd)
{
	check(fd >= 0 && dup2(fd, NUMBER) == NUMBER && close(fd) == 0, "open");
}

static void clone_fs(void)
{
	long pid = syscall(SYS_clone, CLONE_FS | SIGCHLD, NULL, NULL, NULL, NULL);
	check(pid >= 0, "clone");
	if (pid == 0)
		for (;;)
			pause();
}

static void semaphore(void)
{
	keep(eventfd(1, EFD_SEMAPHORE));
}

static void queue(void)
{
	keep(mq_open("/odd", O_CREAT | O_RDWR, 0600, NULL));
}

static int secret_memory(void)
{
	int fd = syscall(SYS_memfd_secret, 0);
	check(fd >= 0 && ftruncate(fd, 4096) == 0, "memfd_secret");
	return fd;
}

static void secret(void)
{
	keep(secret_memory());
}

static void secret_mapped(void)
{
	int fd = secret_memory();
	check(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) != MAP_FAILED, "mmap");
	close(fd);
}

/* ctty: another process has the other end of the terminal. */
static void ctty(void)
{
	char name[64];
	int pair[2], master = posix_openpt(O_RDWR | O_NOCTTY);
	check(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0 && ptsname_r(master, name, sizeof(name)) == 0, "pty");
	check(pipe(pair) == 0, "pipe");
	if (fork() == 0) {
		close(master);
		setsid();
		int slave = open(name, O_RDWR); /* becomes the controlling one */
		check(slave >= 0 && open("/dev/tty", O_RDWR) >= 0 && write(pair[1], "x", 1) == 1, "open");
		for (;;)
			pause();
	}
	char byte;
	check(read(pair[0], &byte, 1) == 1, "read");
}

static void set_personality(void)
{
	check(personality(ADDR_NO_RANDOMIZE) != -1, "personality");
}

static void set_policy(void)
{
	unsigned long nodes = 1;
	check(syscall(SYS_set_mempolicy, MPOL_PREFERRED, &nodes, 64) == 0, "set_mempolicy");
}

/* memory: all of it is looked at for each number, and one page of it changes. */

enum { PAGE = 4096, PAGES = 8192 };
static char *pages;

static void memory(void)
{
	pages = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(pages != MAP_FAILED, "mmap");
	for (int i = 0; i < PAGES; i++)
		for (int j = 0; j < PAGE; j += 64)
			*(int *)(pages + i * PAGE + j) = i + j;
}

static void look_at_memory(int n)
{
	for (int i = 0; i < PAGES; i++) {
		int want = i ? i + 64 : n - 1, has = *(int *)(pages + i * PAGE + (i ? 64 : 0));
		if (has != want) {
			dprintf(1, "page %d has %d, want %d\n", i, has, want);
			exit(1);
		}
	}
	*(int *)pages = n;
}

/* unix: each number goes to a socket of the host's. */

static int host;

static void unix_datagrams(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	strncpy(a.sun_path, getenv("SOCKET"), sizeof(a.sun_path) - 1);
	host = socket(AF_UNIX, SOCK_DGRAM, 0);
	check(host >= 0 && connect(host, (struct sockaddr *)&a, sizeof(a)) == 0, "connect");
}

static void send_number(int n)
{
	check(send(host, &n, sizeof(n), 0) == sizeof(n), "send");
}

/* named: a socket with a name. named-shared: a process shares the table of descriptors. */

static int listener;

static struct sockaddr_un address(void)
{
	return (struct sockaddr_un){AF_UNIX, "/named"};
}

static void named(void)
{
	struct sockaddr_un a = address();
	listener = socket(AF_UNIX, SOCK_STREAM, 0);
	check(listener >= 0 && bind(listener, (struct sockaddr *)&a, sizeof(a)) == 0 && listen(listener, 5) == 0, "listen");
}

static void named_shared(void)
{
	named();
	long pid = syscall(SYS_clone, CLONE_FILES | SIGCHLD, NULL, NULL, NULL, NULL);
	check(pid >= 0, "clone");
	if (pid == 0)
		for (;;)
			pause();
}

static void dial_named(int n)
{
	struct sockaddr_un a = address();
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	check(fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0, "connect");
	int its = accept(listener, NULL, NULL), got = 0;
	check(write(fd, &n, sizeof(n)) == sizeof(n) && read(its, &got, sizeof(got)) == sizeof(got) && got == n, "accept");
	close(its);
	close(fd);
}

/* unread: a datagram and an event are there, and nobody reads them. How many there are is in a file. */

static int datagrams, events, says;

static void unread(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(7001), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	datagrams = socket(AF_INET, SOCK_DGRAM, 0);
	check(bind(datagrams, (struct sockaddr *)&a, sizeof(a)) == 0, "bind");
	check(sendto(datagrams, "x", 1, 0, (struct sockaddr *)&a, sizeof(a)) == 1, "sendto");
	events = inotify_init();
	check(events >= 0 && inotify_add_watch(events, "/dev/shm", IN_CREATE) >= 0, "inotify");
	check(mkdir("/dev/shm/new", 0700) == 0, "mkdir");
	says = open("/unread", O_CREAT | O_RDWR, 0600);
	check(says >= 0, "open");
}

static void say_unread(int n)
{
	char text[64];
	int have[2];
	(void)n;
	check(ioctl(datagrams, FIONREAD, &have[0]) == 0 && ioctl(events, FIONREAD, &have[1]) == 0, "ioctl");
	int size = snprintf(text, sizeof(text), "udp %d inotify %d\n", have[0] != 0, have[1] != 0);
	check(pwrite(says, text, size, 0) == size, "write");
}

static const struct {
	const char *name;
	void (*make)(void);
	void (*each)(int n);
} odd[] = {
	{"clone-fs", clone_fs, NULL}, {"semaphore", semaphore, NULL}, {"mqueue", queue, NULL}, {"secret", secret, NULL},
	{"secret-mapped", secret_mapped, NULL}, {"ctty", ctty, NULL}, {"personality", set_personality, NULL},
	{"policy", set_policy, NULL}, {"memory", memory, look_at_memory}, {"unix", unix_datagrams, send_number},
	{"unread", unread, say_unread}, {"named", named, dial_named}, {"named-shared", named_shared, dial_named},
};

int main(int argc, char **argv)
{
	void (*each)(int n) = NULL;
	(void)argc;
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		if (strcmp(odd[i].name, argv[1]) == 0) {
			odd[i].make();
			each = odd[i].each;
		}
	for (int i = 1;; i++) {
		if (each)
			each(i);
		dprintf(1, "%d\n", i);
		usleep(20000);
	}
}
