/* What a container may have open, and criu(8) can save. Each object proves at every tick that nothing
 * of it has been lost since the tick before: what a tick leaves behind (in a pipe, in a queue, as
 * a signal that is pending) the next one must find. */
#ifndef EVERYTHING_H
#define EVERYTHING_H

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* object is a kind of thing. Tick n comes after setup for n = 1, and then after tick n-1. */
struct object {
	const char *name;
	void (*setup)(void);
	void (*tick)(uint32_t n);
};

/* Each ends with an object without a name. */
extern const struct object pipes[], memories[], timers[], processes[], files[], networks[];

/* host is the address of the servers of the test, NULL if there are none. */
extern const char *host;

/* fail ends all with a message that names the object that is at work. */
void fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

#define CHECK(what)                                                                   \
	({                                                                            \
		__typeof__(what) result_;                                             \
		do                                                                    \
			result_ = (what);                                             \
		while ((long)result_ == -1 && errno == EINTR);                        \
		if ((long)result_ == -1)                                              \
			fail("line %d: %s: %s", __LINE__, #what, strerror(errno));    \
		result_;                                                              \
	})

#define EQUAL(got, want)                                                                            \
	do {                                                                                        \
		long long got_ = (got), want_ = (want);                                             \
		if (got_ != want_)                                                                  \
			fail("line %d: %s is %lld, want %lld", __LINE__, #got, got_, want_);        \
	} while (0)

/* put and take write and read one number. */
void put(int fd, uint32_t n);
uint32_t take(int fd);

/* helper forks a process that calls answer for each number that it is asked, until this one ends. */
struct helper {
	pid_t pid;
	int fd;
};
void fork_helper(struct helper *h, uint32_t (*answer)(uint32_t n));
uint32_t ask(struct helper *h, uint32_t n);

/* now is CLOCK_MONOTONIC in nanoseconds. */
int64_t now(void);

#endif
