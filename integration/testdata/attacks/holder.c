/*
 * Has, as descriptor 9, the program that it has been before, and does to it what hurts
 * all who would run it: holder PROGRAM chmod | write | lease. It says what it could do,
 * and then holds it until its input ends.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *result(long ret)
{
	return ret < 0 ? strerror(errno) : "works";
}

int main(int argc, char **argv)
{
	struct stat st;
	char c;

	signal(SIGIO, SIG_IGN); /* somebody wants the lease back */
	if (fstat(9, &st) < 0)
		return 1;
	printf("has %lld bytes\n", (long long)st.st_size);
	/* The last argument: a script's interpreter gets the script's name before it. */
	if (!strcmp(argv[argc - 1], "chmod")) {
		printf("chmod %s\n", result(fchmod(9, 0)));
	} else if (!strcmp(argv[argc - 1], "write")) {
		printf("open for writing %s\n", result(open("/proc/self/fd/9", O_WRONLY)));
		printf("write %s\n", result(pwrite(open("/proc/self/fd/9", O_RDWR), "evil", 4, 0)));
		printf("truncate %s\n", result(ftruncate(open("/proc/self/fd/9", O_RDWR), 0)));
	} else if (!strcmp(argv[argc - 1], "lease")) {
		printf("read lease %s\n", result(fcntl(9, F_SETLEASE, F_RDLCK)));
		printf("write lease %s\n", result(fcntl(9, F_SETLEASE, F_WRLCK)));
	}
	printf("holding\n");
	fflush(stdout);
	while (read(0, &c, 1) > 0 || errno == EINTR)
		errno = 0;
	return 0;
}
