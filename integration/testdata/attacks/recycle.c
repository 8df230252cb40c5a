/*
 * Runs a process whose number is given, if it is free (clone3(2) with set_tid), until
 * its input ends: recycle PID. It says "ready", "taken", or what is wrong.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	pid_t wanted = argc > 1 ? atoi(argv[1]) : 0;
	struct clone_args args = {
		.exit_signal = SIGCHLD, .set_tid = (uintptr_t)&wanted, .set_tid_size = 1,
	};
	long pid = syscall(SYS_clone3, &args, sizeof(args));
	char c;

	if (pid == 0) {
		while (read(0, &c, 1) > 0)
			;
		_exit(0);
	}
	if (pid < 0)
		puts(errno == EEXIST ? "taken" : strerror(errno));
	else
		puts("ready");
	fflush(stdout);
	if (pid < 0) {
		while (read(0, &c, 1) > 0)
			;
		return 0;
	}
	return waitpid(pid, NULL, 0) == pid ? 0 : 1;
}
