/*
 * Makes the system calls that its arguments tell, for the tests of seccomp:
 *
 *   calls [call | trap | thread | compat] NUMBER [ARGUMENT...] [-- ...]
 *
 * call prints the result and errno; trap does so with a handler of SIGSYS; thread
 * lets a second thread make the call and prints that this one goes on; compat calls
 * through the entry of 32-bit x86.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static unsigned long nr, args[6];

static void call(void)
{
	errno = 0;
	long ret = syscall((long)nr, args[0], args[1], args[2], args[3], args[4], args[5]);
	printf("%ld %d\n", ret, ret == -1 ? errno : 0);
}

static void on_sigsys(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	printf("trapped %d\n", info->si_syscall);
	fflush(stdout);
	_exit(0);
}

static void *second(void *unused)
{
	call();
	return unused;
}

static void compat(void)
{
#ifdef __x86_64__
	long ret;

	__asm__ volatile("int $0x80" : "=a"(ret) : "a"(nr), "b"(args[0]) : "memory", "r8", "r9", "r10", "r11");
	printf("%ld\n", ret);
#endif
}

int main(int argc, char **argv)
{
	for (int i = 1; i + 1 < argc; i++) {
		const char *what = argv[i++];

		nr = strtoul(argv[i++], NULL, 0);
		memset(args, 0, sizeof(args));
		for (int n = 0; i < argc && strcmp(argv[i], "--") && n < 6; i++)
			args[n++] = strtoul(argv[i], NULL, 0);
		if (!strcmp(what, "thread")) {
			pthread_t thread;

			if (pthread_create(&thread, NULL, second, NULL))
				return 2;
			pthread_join(thread, NULL);
			puts("goes on");
		} else if (!strcmp(what, "compat")) {
			compat();
		} else {
			struct sigaction action = { .sa_sigaction = on_sigsys, .sa_flags = SA_SIGINFO };

			if (!strcmp(what, "trap"))
				sigaction(SIGSYS, &action, NULL);
			call();
		}
		fflush(stdout);
	}
	return 0;
}
