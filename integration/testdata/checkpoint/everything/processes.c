/* Processes and threads: their states, sessions and terminals. */
#include "everything.h"

#include <pthread.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <termios.h>

/* Threads, each with variables of its own, a name, and a signal that is pending for it alone. */

enum { THREADS = 4 };

static struct worker {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t turned;
	uint32_t asked, answered;
} workers[THREADS];

static __thread uint32_t worked;

static void *work(void *arg)
{
	struct worker *w = arg;
	int id = w - workers;
	char name[16], has[16];
	snprintf(name, sizeof(name), "worker-%d", id);
	CHECK(prctl(PR_SET_NAME, name));
	sigset_t own;
	sigemptyset(&own);
	sigaddset(&own, SIGRTMIN + 10);
	for (;;) {
		pthread_mutex_lock(&w->lock);
		while (w->asked == w->answered)
			pthread_cond_wait(&w->turned, &w->lock);
		if (++worked != w->asked)
			fail("thread %d has worked %u times, want %u", id, worked, w->asked);
		if (worked > 1) {
			siginfo_t info;
			struct timespec none = {0, 0};
			EQUAL(CHECK(sigtimedwait(&own, &info, &none)), SIGRTMIN + 10);
			EQUAL(info.si_value.sival_int, worked - 1);
		}
		CHECK(prctl(PR_GET_NAME, has));
		if (strcmp(name, has))
			fail("thread %s is called %s", name, has);
		EQUAL(pthread_sigqueue(pthread_self(), SIGRTMIN + 10, (union sigval){.sival_int = worked}), 0);
		w->answered = w->asked;
		pthread_cond_broadcast(&w->turned);
		pthread_mutex_unlock(&w->lock);
	}
	return NULL;
}

static void thread_setup(void)
{
	for (int i = 0; i < THREADS; i++) {
		struct worker *w = &workers[i];
		pthread_mutex_init(&w->lock, NULL);
		pthread_cond_init(&w->turned, NULL);
		EQUAL(pthread_create(&w->thread, NULL, work, w), 0);
	}
}

static void thread_tick(uint32_t n)
{
	for (int i = 0; i < THREADS; i++) {
		struct worker *w = &workers[i];
		pthread_mutex_lock(&w->lock);
		w->asked = n;
		pthread_cond_broadcast(&w->turned);
		while (w->answered != n)
			pthread_cond_wait(&w->turned, &w->lock);
		pthread_mutex_unlock(&w->lock);
	}
}

/* A zombie that has exited, and one that was killed. */

static pid_t exited, killed;

static void bear_zombies(uint32_t n)
{
	siginfo_t info;
	if ((exited = CHECK(fork())) == 0)
		_exit(n & 0x7f);
	if ((killed = CHECK(fork())) == 0)
		for (;;)
			pause();
	CHECK(kill(killed, SIGKILL));
	CHECK(waitid(P_PID, exited, &info, WEXITED | WNOWAIT));
	CHECK(waitid(P_PID, killed, &info, WEXITED | WNOWAIT));
}

static void zombie_setup(void)
{
	bear_zombies(0);
}

static void zombie_tick(uint32_t n)
{
	int status;
	EQUAL(CHECK(waitpid(exited, &status, WNOHANG)), exited);
	EQUAL(WIFEXITED(status), 1);
	EQUAL(WEXITSTATUS(status), (n - 1) & 0x7f);
	EQUAL(CHECK(waitpid(killed, &status, WNOHANG)), killed);
	EQUAL(WIFSIGNALED(status), 1);
	EQUAL(WTERMSIG(status), SIGKILL);
	bear_zombies(n);
}

/* A child that is stopped. It counts when it goes on, and stops again. */

static pid_t stopped;
static uint32_t *goings;

static void await_stop(void)
{
	int status;
	EQUAL(CHECK(waitpid(stopped, &status, WUNTRACED)), stopped);
	EQUAL(WIFSTOPPED(status), 1);
}

static void stopped_setup(void)
{
	goings = CHECK(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
	stopped = CHECK(fork());
	if (stopped == 0)
		for (;;) {
			CHECK(kill(getpid(), SIGSTOP));
			++*goings;
		}
	await_stop();
}

static void stopped_tick(uint32_t n)
{
	char name[64], text[512];
	snprintf(name, sizeof(name), "/proc/%d/stat", stopped);
	/* criu has it stop again, which takes a moment. */
	for (int64_t since = now();; sched_yield()) {
		int fd = CHECK(open(name, O_RDONLY));
		text[CHECK(read(fd, text, sizeof(text) - 1))] = 0;
		close(fd);
		char state = strrchr(text, ')')[2];
		if (state == 'T')
			break;
		if (state != 'R' || now() - since > 20000000000LL)
			fail("its state is %c, want T", state);
	}
	EQUAL(*goings, n - 1);
	CHECK(kill(stopped, SIGCONT));
	await_stop();
	EQUAL(*goings, n);
}

/* A session with two process groups, one whose leader has ended, and a group whose leader has. */

enum { LEADER, MEMBER, GROUP, LEFT, MEMBERS };
static struct { pid_t pid, session, group; } *members;

static void be_member(int i)
{
	members[i].session = getsid(0), members[i].group = getpgid(0);
	__atomic_store_n(&members[i].pid, getpid(), __ATOMIC_SEQ_CST);
	for (;;)
		pause();
}

static void await_members(int i)
{
	while (__atomic_load_n(&members[i].pid, __ATOMIC_SEQ_CST) == 0)
		sched_yield();
}

static void session_setup(void)
{
	members = CHECK(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
	if (CHECK(fork()) == 0) {
		CHECK(setsid());
		if (CHECK(fork()) == 0)
			be_member(MEMBER);
		if (CHECK(fork()) == 0) {
			CHECK(setpgid(0, 0));
			be_member(GROUP);
		}
		be_member(LEADER);
	}
	pid_t leaves = CHECK(fork());
	if (leaves == 0) {
		CHECK(setsid());
		if (CHECK(fork()) == 0)
			be_member(LEFT);
		await_members(LEFT);
		_exit(0);
	}
	EQUAL(CHECK(waitpid(leaves, NULL, 0)), leaves);
	for (int i = 0; i < MEMBERS; i++)
		await_members(i);
}

static void session_tick(uint32_t n)
{
	(void)n;
	for (int i = 0; i < MEMBERS; i++) {
		EQUAL(CHECK(getsid(members[i].pid)), members[i].session);
		EQUAL(CHECK(getpgid(members[i].pid)), members[i].group);
	}
	EQUAL(members[MEMBER].session, members[LEADER].pid);
	EQUAL(members[GROUP].group, members[GROUP].pid);
	EQUAL(kill(members[LEFT].session, 0), -1);
}

/* A process that shares its table of descriptors with this one. */

static pid_t sharer;
static int request[2], answer[2];

static void fds_setup(void)
{
	CHECK(pipe(request));
	CHECK(pipe(answer));
	sharer = CHECK(syscall(SYS_clone, CLONE_FILES | SIGCHLD, NULL, NULL, NULL, NULL));
	if (sharer == 0)
		for (;;) {
			uint32_t n = take(request[0]);
			int fd = CHECK(memfd_create("shared", 0));
			put(fd, n);
			CHECK(dup2(fd, 300));
			close(fd);
			put(answer[1], n);
		}
}

static void fds_tick(uint32_t n)
{
	uint32_t has;
	put(request[1], n);
	EQUAL(take(answer[0]), n);
	EQUAL(CHECK(pread(300, &has, sizeof(has), 0)), sizeof(has));
	EQUAL(has, n);
}

/* A terminal with both ends here, with what nobody has read of it, and one that controls a session. */

static int master, slave, controller;
static pid_t controlled;
static struct { uint32_t n; pid_t foreground; } *control;

static int open_slave(int of)
{
	char name[64];
	CHECK(grantpt(of));
	CHECK(unlockpt(of));
	if (ptsname_r(of, name, sizeof(name)))
		fail("ptsname_r: %s", strerror(errno));
	return CHECK(open(name, O_RDWR | O_NOCTTY));
}

static void be_controlled(int of, int inherited)
{
	CHECK(setsid());
	int tty = open_slave(of);
	CHECK(ioctl(tty, TIOCSCTTY, 0));
	close(inherited);
	__atomic_store_n(&control->foreground, CHECK(tcgetpgrp(tty)), __ATOMIC_SEQ_CST);
	for (;;) {
		char line[64];
		long size = CHECK(read(tty, line, sizeof(line) - 1));
		line[size] = 0;
		control->foreground = CHECK(tcgetpgrp(tty)); /* fails with one that does not control */
		__atomic_store_n(&control->n, atoi(line), __ATOMIC_SEQ_CST);
		CHECK(write(tty, line, size));
	}
}

static void set_raw(int fd)
{
	struct termios t;
	CHECK(tcgetattr(fd, &t));
	cfmakeraw(&t);
	CHECK(tcsetattr(fd, TCSANOW, &t));
}

static void pty_setup(void)
{
	master = CHECK(posix_openpt(O_RDWR | O_NOCTTY));
	slave = open_slave(master);
	set_raw(slave);
	struct winsize size = {33, 101, 7, 9};
	CHECK(ioctl(master, TIOCSWINSZ, &size));
	put(master, 0);
	put(slave, 0);
	control = CHECK(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
	controller = CHECK(posix_openpt(O_RDWR | O_NOCTTY));
	int other = open_slave(controller);
	struct termios t;
	CHECK(tcgetattr(other, &t));
	t.c_lflag &= ~ECHO;
	t.c_oflag &= ~OPOST;
	CHECK(tcsetattr(other, TCSANOW, &t));
	controlled = CHECK(fork());
	if (controlled == 0)
		be_controlled(controller, other);
	while (__atomic_load_n(&control->foreground, __ATOMIC_SEQ_CST) == 0)
		sched_yield();
	close(other);
}

static void pty_tick(uint32_t n)
{
	struct winsize size;
	CHECK(ioctl(slave, TIOCGWINSZ, &size));
	EQUAL(size.ws_row, 33);
	EQUAL(size.ws_ypixel, 9);
	EQUAL(take(slave), n - 1);
	EQUAL(take(master), n - 1);
	put(master, n);
	put(slave, n);
	char line[64], back[64];
	int length = snprintf(line, sizeof(line), "%u\n", n);
	EQUAL(CHECK(write(controller, line, length)), length);
	EQUAL(CHECK(read(controller, back, sizeof(back))), length);
	EQUAL(memcmp(line, back, length), 0);
	EQUAL(control->n, n);
	EQUAL(control->foreground, controlled);
}

const struct object processes[] = {
	{"threads", thread_setup, thread_tick},  {"zombies", zombie_setup, zombie_tick},
	{"stopped child", stopped_setup, stopped_tick}, {"sessions", session_setup, session_tick},
	{"shared descriptors", fds_setup, fds_tick}, {"terminals", pty_setup, pty_tick},
	{0},
};
