/* Timers of all kinds. Some go off again and again, and are waited for at each tick. Others go off in
 * ten thousand seconds. */
#include "everything.h"

#include <sys/time.h>
#include <sys/timerfd.h>

static const int64_t ms = 1000000, second = 1000000000;

enum { FAR = 10000 };

/* slack is how much later, in all, timers may go off than their clocks say: those go on while criu
 * makes the processes, and the timers when it has. */
static const int64_t slack = 100 * 1000000000LL;

static struct itimerspec often(void)
{
	return (struct itimerspec){{0, 20 * ms}, {0, 20 * ms}};
}

static const struct itimerspec far = {{0, 0}, {FAR, 0}};

static void check_far(const char *what, int64_t set_at, int64_t left)
{
	int64_t lost = set_at + FAR * second - now() - left;
	if (lost < -slack || lost > slack)
		fail("%s goes off %lld ms later than it should", what, -(long long)(lost / ms));
}

static void await_signal(int number)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, number);
	struct timespec patience = {20, 0};
	EQUAL(CHECK(sigtimedwait(&set, NULL, &patience)), number);
}

/* timer_create(2) on some clocks. */

enum { OFTEN = 3 };
static const clockid_t clocks[OFTEN] = {CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME};
static timer_t often_timers[OFTEN], far_timer, silent_timer;
static int64_t timers_set_at;

static void posix_setup(void)
{
	struct itimerspec t = often();
	for (int i = 0; i < OFTEN; i++) {
		struct sigevent e = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 4 + i};
		e.sigev_value.sival_int = 100 + i;
		CHECK(timer_create(clocks[i], &e, &often_timers[i]));
		CHECK(timer_settime(often_timers[i], 0, &t, NULL));
	}
	struct sigevent none = {.sigev_notify = SIGEV_NONE};
	CHECK(timer_create(CLOCK_MONOTONIC, &none, &far_timer));
	CHECK(timer_create(CLOCK_MONOTONIC, &none, &silent_timer)); /* is never set */
	timers_set_at = now();
	CHECK(timer_settime(far_timer, 0, &far, NULL));
}

static void posix_tick(uint32_t n)
{
	(void)n;
	struct itimerspec has;
	for (int i = 0; i < OFTEN; i++) {
		await_signal(SIGRTMIN + 4 + i);
		CHECK(timer_gettime(often_timers[i], &has));
		EQUAL(has.it_interval.tv_nsec, 20 * ms);
	}
	CHECK(timer_gettime(far_timer, &has));
	check_far("a timer", timers_set_at, has.it_value.tv_sec * second + has.it_value.tv_nsec);
	CHECK(timer_gettime(silent_timer, &has));
	EQUAL(has.it_value.tv_sec, 0);
}

/* setitimer(2): of real time, and of the time that the process runs. */

static int64_t itimer_set_at;

static void interval_setup(void)
{
	struct itimerval real = {{FAR, 0}, {FAR, 0}}, runs = {{0, 2000}, {0, 2000}};
	itimer_set_at = now();
	CHECK(setitimer(ITIMER_REAL, &real, NULL));
	CHECK(setitimer(ITIMER_VIRTUAL, &runs, NULL));
	CHECK(setitimer(ITIMER_PROF, &runs, NULL));
}

/* burn runs until a signal is pending. */
static void burn(int number)
{
	sigset_t pending;
	for (int64_t since = now(); now() - since < 60 * second;) {
		CHECK(sigpending(&pending));
		if (sigismember(&pending, number)) {
			await_signal(number);
			return;
		}
		for (volatile int i = 0; i < 10000; i++)
			;
	}
	fail("no signal %d", number);
}

static void interval_tick(uint32_t n)
{
	(void)n;
	struct itimerval has;
	CHECK(getitimer(ITIMER_REAL, &has));
	EQUAL(has.it_interval.tv_sec, FAR);
	check_far("an interval timer", itimer_set_at, has.it_value.tv_sec * second + has.it_value.tv_usec * 1000LL);
	burn(SIGVTALRM);
	burn(SIGPROF);
}

/* alarm(2), of another process, since it is the same timer as ITIMER_REAL. */

static struct helper alarmed;
static int64_t alarm_set_at;

static uint32_t answer_alarm(uint32_t n)
{
	if (n == 0) {
		alarm_set_at = now();
		EQUAL(alarm(FAR), 0);
		return n;
	}
	struct itimerval has;
	CHECK(getitimer(ITIMER_REAL, &has));
	check_far("an alarm", alarm_set_at, has.it_value.tv_sec * second + has.it_value.tv_usec * 1000LL);
	return n;
}

static void alarm_setup(void)
{
	fork_helper(&alarmed, answer_alarm);
	EQUAL(ask(&alarmed, 0), 0);
}

static void alarm_tick(uint32_t n)
{
	EQUAL(ask(&alarmed, n), n);
}

/* timerfd_create(2): often, once at a time, and one that has gone off and that nobody reads. */

static int often_fd, far_fd, gone_off;
static int64_t fd_set_at, often_since, expired;

static void timerfd_setup(void)
{
	struct itimerspec t = often();
	often_fd = CHECK(timerfd_create(CLOCK_MONOTONIC, 0));
	often_since = now();
	CHECK(timerfd_settime(often_fd, 0, &t, NULL));
	fd_set_at = now();
	int64_t at = fd_set_at + FAR * second;
	t = (struct itimerspec){{0, 0}, {at / second, at % second}};
	far_fd = CHECK(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK));
	CHECK(timerfd_settime(far_fd, TFD_TIMER_ABSTIME, &t, NULL));
	gone_off = CHECK(timerfd_create(CLOCK_BOOTTIME, 0));
}

static void timerfd_tick(uint32_t n)
{
	uint64_t times;
	EQUAL(CHECK(read(often_fd, &times, sizeof(times))), sizeof(times));
	expired += times;
	int64_t want = (now() - often_since) / (20 * ms), allowed = slack / (20 * ms);
	if (expired < want - allowed || expired > want + allowed)
		fail("it has gone off %lld times, want %lld", (long long)expired, (long long)want);
	struct itimerspec has, soon = {{0, 0}, {0, 1}};
	CHECK(timerfd_gettime(far_fd, &has));
	check_far("a timer", fd_set_at, has.it_value.tv_sec * second + has.it_value.tv_nsec);
	EQUAL(read(far_fd, &times, sizeof(times)), -1);
	EQUAL(errno, EAGAIN);
	if (n > 1) {
		EQUAL(CHECK(read(gone_off, &times, sizeof(times))), sizeof(times));
		EQUAL(times, 1);
	}
	CHECK(timerfd_settime(gone_off, 0, &soon, NULL));
}

const struct object timers[] = {
	{"timer_create", posix_setup, posix_tick}, {"setitimer", interval_setup, interval_tick},
	{"alarm", alarm_setup, alarm_tick},        {"timerfd", timerfd_setup, timerfd_tick},
	{0},
};
