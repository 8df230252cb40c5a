/* The program's first process: it writes the number of each tick that has gone well, as the tests'
 * counter does, or what is wrong. */
#include "everything.h"

#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/socket.h>

const char *host;

static const char *at_work = "main";

static const struct object *const all[] = {pipes, memories, timers, processes, files, networks};

void fail(const char *format, ...)
{
	char text[512];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	dprintf(1, "%s: %s\n", at_work, text);
	exit(1);
}

void put(int fd, uint32_t n)
{
	EQUAL(CHECK(write(fd, &n, sizeof(n))), sizeof(n));
}

uint32_t take(int fd)
{
	uint32_t n;
	EQUAL(CHECK(read(fd, &n, sizeof(n))), sizeof(n));
	return n;
}

void fork_helper(struct helper *h, uint32_t (*answer)(uint32_t n))
{
	int pair[2];
	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair));
	h->pid = CHECK(fork());
	if (h->pid == 0) {
		CHECK(prctl(PR_SET_PDEATHSIG, SIGKILL));
		close(pair[0]);
		for (;;)
			put(pair[1], answer(take(pair[1])));
	}
	close(pair[1]);
	h->fd = pair[0];
}

uint32_t ask(struct helper *h, uint32_t n)
{
	put(h->fd, n);
	return take(h->fd);
}

int64_t now(void)
{
	struct timespec t;
	CHECK(clock_gettime(CLOCK_MONOTONIC, &t));
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

#define EACH(o)                                                                  \
	for (size_t i_ = 0; i_ < sizeof(all) / sizeof(all[0]); i_++)                  \
		for (const struct object *o = all[i_]; o->name; o++)

int main(int argc, char **argv)
{
	if (argc > 1)
		host = argv[1];
	/* All signals that are used are waited for: none interrupts what another object does. */
	sigset_t blocked;
	sigfillset(&blocked);
	CHECK(sigprocmask(SIG_BLOCK, &blocked, NULL));
	EACH(o) {
		at_work = o->name;
		o->setup();
	}
	for (uint32_t n = 1;; n++) {
		EACH(o) {
			at_work = o->name;
			o->tick(n);
		}
		dprintf(1, "%u\n", n);
		usleep(20000);
	}
}
