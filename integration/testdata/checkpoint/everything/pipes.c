/* Pipes, sockets of the Unix kind, and descriptors of events. */
#include "everything.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

enum { BEHIND = 3 }; /* so many numbers are always on the way */

static uint32_t before(uint32_t n)
{
	return n > BEHIND ? n - BEHIND : 0;
}

/* A pipe with numbers, one with as much as it takes, and a named one. */

static int numbers[2], full[2], fifo;
static long capacity, filled;

static void pipe_setup(void)
{
	CHECK(pipe(numbers));
	for (int i = 0; i < BEHIND; i++)
		put(numbers[1], 0);
	CHECK(pipe2(full, O_NONBLOCK));
	capacity = CHECK(fcntl(full[1], F_SETPIPE_SZ, 1 << 17));
	CHECK(mkfifo("/fifo", 0600));
	fifo = CHECK(open("/fifo", O_RDWR));
	put(fifo, 0);
}

/* fill writes until there is no room. That may be a page less than the capacity, if the pipe was restored
 * meanwhile: the kernel adds nothing to a page that was spliced into it. */
static void fill(uint32_t n)
{
	for (filled = 0;; filled++) {
		uint32_t next = n * 31 + filled;
		long size = write(full[1], &next, sizeof(next));
		if (size == -1 && errno == EAGAIN)
			break;
		EQUAL(size, sizeof(next));
	}
	if (filled < capacity / 4 - 1024)
		fail("a pipe of %ld bytes is full with %ld numbers", capacity, filled);
}

static void pipe_tick(uint32_t n)
{
	EQUAL(take(numbers[0]), before(n));
	put(numbers[1], n);
	EQUAL(fcntl(full[1], F_GETPIPE_SZ), capacity);
	if (n > 1)
		for (long i = 0; i < filled; i++)
			EQUAL(take(full[0]), (uint32_t)((n - 1) * 31 + i));
	char byte;
	EQUAL(read(full[0], &byte, 1), -1);
	EQUAL(errno, EAGAIN);
	fill(n);
	EQUAL(take(fifo), n - 1);
	put(fifo, n);
}

/* Pairs of sockets, with numbers on the way, and one that is shut down. */

static int pairs[3][2], shut[2];
static const int kinds[3] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};

static void pair_setup(void)
{
	for (int k = 0; k < 3; k++) {
		CHECK(socketpair(AF_UNIX, kinds[k], 0, pairs[k]));
		for (int i = 0; i < BEHIND; i++)
			put(pairs[k][1], 0);
	}
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, shut));
	CHECK(shutdown(shut[1], SHUT_WR));
}

static void pair_tick(uint32_t n)
{
	for (int k = 0; k < 3; k++) {
		EQUAL(take(pairs[k][0]), before(n));
		put(pairs[k][1], n);
		put(pairs[k][0], n); /* and the other way */
		EQUAL(take(pairs[k][1]), n);
	}
	char byte;
	EQUAL(CHECK(read(shut[0], &byte, 1)), 0);
}

/* Descriptors on the way, of a file that nobody else has open. */

static int carrier[2];

static void send_memfd(uint32_t n)
{
	int fd = CHECK(memfd_create("carried", 0));
	put(fd, n);
	char control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec data = {&n, sizeof(n)};
	struct msghdr m = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	c->cmsg_level = SOL_SOCKET, c->cmsg_type = SCM_RIGHTS, c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	EQUAL(CHECK(sendmsg(carrier[1], &m, 0)), sizeof(n));
	close(fd);
}

static void carried_setup(void)
{
	CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, carrier));
	send_memfd(0);
}

static void carried_tick(uint32_t n)
{
	uint32_t text;
	char control[CMSG_SPACE(sizeof(int))];
	struct iovec data = {&text, sizeof(text)};
	struct msghdr m = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	EQUAL(CHECK(recvmsg(carrier[0], &m, 0)), sizeof(text));
	EQUAL(text, n - 1);
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	if (!c || c->cmsg_type != SCM_RIGHTS)
		fail("no descriptor has come");
	int fd;
	memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	EQUAL(CHECK(pread(fd, &text, sizeof(text), 0)), sizeof(text));
	EQUAL(text, n - 1);
	close(fd);
	send_memfd(n);
}

/* A socket with a name: it listens, is connected with, and has a connection that waits. */

static int listener, client, server, waiting;

static int dial(void)
{
	struct sockaddr_un a = {AF_UNIX, "/listener"};
	int fd = CHECK(socket(AF_UNIX, SOCK_STREAM, 0));
	CHECK(connect(fd, (struct sockaddr *)&a, sizeof(a)));
	return fd;
}

static void named_setup(void)
{
	struct sockaddr_un a = {AF_UNIX, "/listener"};
	listener = CHECK(socket(AF_UNIX, SOCK_STREAM, 0));
	CHECK(bind(listener, (struct sockaddr *)&a, sizeof(a)));
	CHECK(listen(listener, 5));
	client = dial();
	server = CHECK(accept(listener, NULL, NULL));
	waiting = dial();
}

static void named_tick(uint32_t n)
{
	put(client, n);
	EQUAL(take(server), n);
	put(waiting, n);
	int fd = CHECK(accept(listener, NULL, NULL));
	EQUAL(take(fd), n);
	close(fd);
	close(waiting);
	waiting = dial();
}

/* eventfd(2), watched by epoll(7) in another one. Of a semaphore criu would make a counter. */

static int counter, inner, outer;

static void watch(int epoll, int fd, uint64_t data)
{
	struct epoll_event e = {.events = EPOLLIN, .data.u64 = data};
	CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e));
}

static void event_setup(void)
{
	counter = CHECK(eventfd(0, EFD_NONBLOCK));
	inner = CHECK(epoll_create1(0));
	outer = CHECK(epoll_create1(0));
	watch(inner, counter, 0x123456789abcdefULL);
	watch(outer, inner, 7);
}

static void event_tick(uint32_t n)
{
	uint64_t value;
	if (n > 1) {
		struct epoll_event e;
		EQUAL(CHECK(epoll_wait(outer, &e, 1, 10000)), 1);
		EQUAL(e.data.u64, 7);
		EQUAL(CHECK(epoll_wait(inner, &e, 1, 10000)), 1);
		EQUAL(e.data.u64, 0x123456789abcdefLL);
		CHECK(read(counter, &value, sizeof(value)));
		EQUAL(value, n - 1);
		EQUAL(CHECK(epoll_wait(outer, &e, 1, 0)), 0);
	}
	value = n;
	CHECK(write(counter, &value, sizeof(value)));
}

/* Signals that are pending, with what they carry: they are read by signalfd(2). */

static int signals;

static void queue(uint32_t n)
{
	for (int i = 0; i < BEHIND; i++)
		CHECK(sigqueue(getpid(), SIGRTMIN + 1, (union sigval){.sival_int = n + i}));
}

static void signal_setup(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 1);
	signals = CHECK(signalfd(-1, &set, SFD_NONBLOCK));
	queue(0);
}

static void signal_tick(uint32_t n)
{
	struct signalfd_siginfo info;
	for (int i = 0; i < BEHIND; i++) {
		EQUAL(CHECK(read(signals, &info, sizeof(info))), sizeof(info));
		EQUAL(info.ssi_int, n - 1 + i);
		EQUAL(info.ssi_pid, getpid());
	}
	EQUAL(read(signals, &info, sizeof(info)), -1);
	EQUAL(errno, EAGAIN);
	queue(n);
}

/* inotify(7): criu drops events that nobody has read, so that none is left for the next tick. What
 * criu itself does with a file while it restores may be told as an event. */

static int inotify, watches[2];
static const char *const watched[2] = {"/dev/shm/watched", "/watched"};

static void inotify_setup(void)
{
	inotify = CHECK(inotify_init1(IN_NONBLOCK));
	for (int i = 0; i < 2; i++) {
		close(CHECK(open(watched[i], O_CREAT | O_RDWR, 0600)));
		watches[i] = CHECK(inotify_add_watch(inotify, watched[i], IN_MODIFY));
	}
}

static void inotify_tick(uint32_t n)
{
	char buffer[4096];
	while (read(inotify, buffer, sizeof(buffer)) > 0)
		;
	for (int i = 0; i < 2; i++) {
		int fd = CHECK(open(watched[i], O_RDWR));
		put(fd, n);
		close(fd);
		long size = CHECK(read(inotify, buffer, sizeof(buffer)));
		struct inotify_event e;
		EQUAL(size, sizeof(e));
		memcpy(&e, buffer, sizeof(e));
		EQUAL(e.wd, watches[i]);
		EQUAL(e.mask, IN_MODIFY);
	}
}

const struct object pipes[] = {
	{"pipe", pipe_setup, pipe_tick},          {"unix pair", pair_setup, pair_tick},
	{"descriptor on the way", carried_setup, carried_tick}, {"unix socket with a name", named_setup, named_tick},
	{"eventfd and epoll", event_setup, event_tick}, {"signalfd", signal_setup, signal_tick},
	{"inotify", inotify_setup, inotify_tick}, {0},
};
