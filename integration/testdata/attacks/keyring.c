/*
 * Looks at the session keyring, see keyrings(7), by plain system calls:
 *
 *   keyring run NAME KEY SECRET COMMAND [ARGUMENT...]
 *   keyring look KEY
 *
 * run joins a new session keyring of that name with that key in it and becomes the
 * command. look prints the name of the session keyring, how many keys it has, whether
 * the key is found, and what it reads; "no keyring" if there is none; then it adds a
 * key of its own.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/keyctl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static long keyctl(int op, unsigned long a, unsigned long b, unsigned long c, unsigned long d)
{
	return syscall(SYS_keyctl, op, a, b, c, d);
}

static long add_key(const char *name, const char *secret)
{
	return syscall(SYS_add_key, "user", name, secret, strlen(secret), KEY_SPEC_SESSION_KEYRING);
}

static int run(char **argv)
{
	if (keyctl(KEYCTL_JOIN_SESSION_KEYRING, (unsigned long)argv[0], 0, 0, 0) < 0) {
		perror("join session keyring");
		return 1;
	}
	if (add_key(argv[1], argv[2]) < 0) {
		perror("add key");
		return 1;
	}
	execvp(argv[3], argv + 3);
	perror(argv[3]);
	return 1;
}

static int look(const char *key)
{
	char text[4096];
	int keys[256];
	long n, id;

	/* The second argument 0: do not make one where there is none. */
	id = keyctl(KEYCTL_GET_KEYRING_ID, (unsigned long)KEY_SPEC_SESSION_KEYRING, 0, 0, 0);
	if (id < 0) {
		printf("no keyring: %s\n", strerror(errno));
		return 0;
	}
	n = keyctl(KEYCTL_DESCRIBE, id, (unsigned long)text, sizeof(text), 0);
	if (n < 0)
		printf("name unknown: %s\n", strerror(errno));
	else
		printf("name %s\n", strrchr(text, ';') + 1);
	n = keyctl(KEYCTL_READ, id, (unsigned long)keys, sizeof(keys), 0);
	printf("keys %ld\n", n < 0 ? n : n / (long)sizeof(*keys));
	id = keyctl(KEYCTL_SEARCH, id, (unsigned long)"user", (unsigned long)key, 0);
	if (id < 0) {
		printf("not found\n");
	} else {
		memset(text, 0, sizeof(text));
		n = keyctl(KEYCTL_READ, id, (unsigned long)text, sizeof(text) - 1, 0);
		printf("found %s\n", n < 0 ? strerror(errno) : text);
	}
	printf("add %s\n", add_key("of-the-container", "x") < 0 ? strerror(errno) : "works");
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 5 && !strcmp(argv[1], "run"))
		return run(argv + 2);
	if (argc == 3 && !strcmp(argv[1], "look"))
		return look(argv[2]);
	return 2;
}
