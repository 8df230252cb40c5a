/*
 * The bootstrap message: what the host tells the preamble over the init pipe.
 *
 * It is one netlink message (netlink(7)) of type INIT_MSG whose payload is a
 * sequence of attributes in struct nlattr framing. The parser below is pure: it
 * reads nothing but its buffer, so that it can be fuzzed on its own.
 */
#ifndef LIBCONTAINER_BOOTSTRAP_H
#define LIBCONTAINER_BOOTSTRAP_H

#include <stddef.h>
#include <stdint.h>

#define INIT_MSG 62000

/* Attribute types; the Go side has the same list in message_linux.go. */
enum {
	ATTR_CLONE_FLAGS = 27283,  /* u32: CLONE_NEW* of the namespaces to create */
	ATTR_MAP_IDS = 27284,      /* u32: 1 if the host writes id mappings */
	ATTR_CGROUP_FD = 27285,    /* u32: fd of the cgroup v2 directory to be born in */
	ATTR_TIME_OFFSETS = 27286, /* string: contents for /proc/self/timens_offsets */
	ATTR_JOIN_PIDFD = 27288,   /* u32: pidfd of a process whose namespaces to join, */
	ATTR_JOIN_FLAGS = 27289,   /* u32: namely these CLONE_NEW* */
	ATTR_NS_FIRST = 27290,     /* string: path of a namespace to join, */
	ATTR_NS_LAST = 27297,      /* one attribute per enum ns_kind */
};

/* The order is the order in which namespaces are joined; user is special. */
enum ns_kind {
	NS_USER,
	NS_CGROUP,
	NS_IPC,
	NS_UTS,
	NS_NET,
	NS_PID,
	NS_TIME,
	NS_MNT,
	NS_KINDS,
};

#define BOOTSTRAP_HDRLEN 16          /* struct nlmsghdr */
#define BOOTSTRAP_MAX (64 * 1024)    /* the whole message */
#define BOOTSTRAP_PATH_MAX 4096      /* a path with its NUL, as the kernel's PATH_MAX */
#define BOOTSTRAP_OFFSETS_MAX 256    /* two lines of timens_offsets */
#define BOOTSTRAP_ERRLEN 128

struct bootstrap {
	uint32_t clone_flags;
	uint32_t map_ids;
	int cgroup_fd;               /* -1: none */
	const char *time_offsets;    /* NULL: none; points into the message */
	int join_pidfd;              /* -1: none */
	uint32_t join_flags;
	const char *ns_path[NS_KINDS];
};

/* The clone flag, and the name for messages, of a namespace kind. */
extern const struct ns_info {
	int flag;
	const char *name;
} ns_infos[NS_KINDS];

/*
 * bootstrap_header checks the fixed header (BOOTSTRAP_HDRLEN bytes) and gives
 * the length of the whole message. bootstrap_parse checks and decodes a whole
 * message. Both return 0, or -1 with a message in err.
 */
int bootstrap_header(const unsigned char *buf, uint32_t *total, char err[BOOTSTRAP_ERRLEN]);
int bootstrap_parse(const unsigned char *buf, size_t len, struct bootstrap *out,
		    char err[BOOTSTRAP_ERRLEN]);

#endif
