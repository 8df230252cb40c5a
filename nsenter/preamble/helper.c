/*
 * A thread that helps init to execute its program, with a filter.
 *
 * From the filter on, every system call of the thread that has installed it is the
 * profile's to refuse. So another one passes the filter's listener on to the host. And the
 * filter may kill that thread alone: then Go's threads would keep the process for ever.
 *
 * It is no thread of Go's. Those need a processor of Go's scheduler to go on, which the
 * thread of the lists does not give away, and perhaps another thread that wakes them, which
 * the container's limit of tasks may forbid by then. It is there before there are limits,
 * and no signal is delivered to it. execve(2) ends it.
 */
#define _GNU_SOURCE
#include "helper.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "preamble.h"

static struct helper helper;
static int host;

void *libcontainer_helper(void)
{
	return &helper;
}

size_t libcontainer_helper_size(void)
{
	return sizeof(helper);
}

/* Waits until a word is not that any more. Whoever changes it wakes the futex. */
static void await_change(uint32_t *word, uint32_t value)
{
	while (__atomic_load_n(word, __ATOMIC_ACQUIRE) == value)
		syscall(SYS_futex, word, FUTEX_WAIT, value, NULL, NULL, 0);
}

static void read_answer(void *buf, size_t len)
{
	char *p = buf;

	while (len > 0) {
		ssize_t n = read(host, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			_exit(1); /* the host takes the start back */
		p += n;
		len -= (size_t)n;
	}
}

/* The host answers when the agent has the listener: with a list that does nothing. */
static void pass_listener(const struct helper *h)
{
	struct pollfd announced = { .fd = h->event, .events = POLLIN };
	uint64_t *page = (uint64_t *)(uintptr_t)h->page, number;
	char rest[4096];
	uint32_t size;

	while (poll(&announced, 1, -1) < 0 && errno == EINTR)
		;
	while (!(number = __atomic_load_n(page, __ATOMIC_ACQUIRE)))
		sched_yield();
	*(int32_t *)(uintptr_t)h->slot = (int32_t)(number - 1);
	while (sendmsg(host, (struct msghdr *)(uintptr_t)h->message, MSG_NOSIGNAL) < 0)
		if (errno != EINTR)
			_exit(1);
	read_answer(&size, sizeof(size));
	if (size < sizeof(size) || size - sizeof(size) > sizeof(rest))
		_exit(1);
	read_answer(rest, size - sizeof(size));
	__atomic_store_n(page + 1, 1, __ATOMIC_RELEASE);
}

/*
 * Ends the process as a filter does that has killed one thread of it. Of no other signal of
 * its own would the first process of a pid namespace die.
 */
static void die_of_filter(void)
{
	struct sock_filter kill = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	struct sock_fprog program = { .len = 1, .filter = &kill };

	syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
	_exit(1);
}

static void *help(void *unused)
{
	struct helper *h = &helper;

	await_change(&h->go, 0);
	if (h->event >= 0)
		pass_listener(h);
	await_change((uint32_t *)(uintptr_t)h->alive, 1);
	die_of_filter();
	return unused;
}

int helper_start(int pipe)
{
	pthread_attr_t attr;
	pthread_t thread;
	sigset_t all, before;
	int err;

	host = pipe;
	sigfillset(&all);
	if ((err = pthread_attr_init(&attr)))
		return err;
	pthread_attr_setstacksize(&attr, PTHREAD_STACK_MIN + 16384);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&thread, &attr, help, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return err;
}
