/*
 * Parses the bootstrap message. Strict on purpose: whatever is not exactly as
 * the host writes it is an error that names the attribute, never a guess.
 */
#define _GNU_SOURCE
#include "bootstrap.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

#define ATTR_HDRLEN 4
#define ATTR_ALIGN(n) (((n) + 3u) & ~3u)

const struct ns_info ns_infos[NS_KINDS] = {
	[NS_USER] = { CLONE_NEWUSER, "user" },
	[NS_CGROUP] = { CLONE_NEWCGROUP, "cgroup" },
	[NS_IPC] = { CLONE_NEWIPC, "ipc" },
	[NS_UTS] = { CLONE_NEWUTS, "uts" },
	[NS_NET] = { CLONE_NEWNET, "net" },
	[NS_PID] = { CLONE_NEWPID, "pid" },
	[NS_TIME] = { CLONE_NEWTIME, "time" },
	[NS_MNT] = { CLONE_NEWNS, "mnt" },
};

#define NEW_NAMESPACES                                                          \
	(CLONE_NEWUSER | CLONE_NEWCGROUP | CLONE_NEWIPC | CLONE_NEWUTS |        \
	 CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWTIME | CLONE_NEWNS)

#define fail(err, ...)                                                          \
	do {                                                                    \
		snprintf((err), BOOTSTRAP_ERRLEN, __VA_ARGS__);                 \
		return -1;                                                      \
	} while (0)

/* The message may stand anywhere in memory: load, never cast. */
static uint32_t load32(const unsigned char *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint16_t load16(const unsigned char *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

int bootstrap_header(const unsigned char *buf, uint32_t *total, char err[BOOTSTRAP_ERRLEN])
{
	uint32_t len = load32(buf);
	uint16_t type = load16(buf + 4);

	if (type != INIT_MSG)
		fail(err, "message type %u, want %u", type, INIT_MSG);
	if (len < BOOTSTRAP_HDRLEN)
		fail(err, "message length %u is shorter than its header", len);
	if (len > BOOTSTRAP_MAX)
		fail(err, "message length %u is over the limit of %u", len, BOOTSTRAP_MAX);
	if (len % 4 != 0)
		fail(err, "message length %u is not aligned to 4", len);
	*total = len;
	return 0;
}

static int parse_u32(uint16_t type, const unsigned char *val, size_t len, uint32_t *out,
		     char err[BOOTSTRAP_ERRLEN])
{
	if (len != sizeof(*out))
		fail(err, "attribute %u has %zu bytes, want 4", type, len);
	*out = load32(val);
	return 0;
}

/* A string ends with its only NUL; an empty one says nothing and is refused. */
static int parse_string(uint16_t type, const unsigned char *val, size_t len, size_t max,
			const char **out, char err[BOOTSTRAP_ERRLEN])
{
	if (len < 2)
		fail(err, "attribute %u is an empty string", type);
	if (len > max)
		fail(err, "attribute %u has %zu bytes, over the limit of %zu", type, len, max);
	if (memchr(val, '\0', len) != val + len - 1)
		fail(err, "attribute %u is not a string with one NUL at its end", type);
	*out = (const char *)val;
	return 0;
}

static int parse_fd(uint16_t type, const unsigned char *val, size_t len, int *out,
		    char err[BOOTSTRAP_ERRLEN])
{
	uint32_t v;

	if (parse_u32(type, val, len, &v, err))
		return -1;
	if (v > INT32_MAX)
		fail(err, "fd %u of attribute %u is out of range", v, type);
	*out = (int)v;
	return 0;
}

static int parse_flags(uint16_t type, const unsigned char *val, size_t len, uint32_t *out,
		       char err[BOOTSTRAP_ERRLEN])
{
	if (parse_u32(type, val, len, out, err))
		return -1;
	if (*out & ~(uint32_t)NEW_NAMESPACES)
		fail(err, "flags 0x%x of attribute %u hold more than namespaces", *out, type);
	return 0;
}

static int parse_attr(uint16_t type, const unsigned char *val, size_t len,
		      struct bootstrap *out, char err[BOOTSTRAP_ERRLEN])
{
	switch (type) {
	case ATTR_CLONE_FLAGS:
		return parse_flags(type, val, len, &out->clone_flags, err);
	case ATTR_JOIN_FLAGS:
		return parse_flags(type, val, len, &out->join_flags, err);
	case ATTR_JOIN_PIDFD:
		return parse_fd(type, val, len, &out->join_pidfd, err);
	case ATTR_MAP_IDS:
		if (parse_u32(type, val, len, &out->map_ids, err))
			return -1;
		if (out->map_ids > 1)
			fail(err, "map-ids is %u, want 0 or 1", out->map_ids);
		return 0;
	case ATTR_CGROUP_FD:
		return parse_fd(type, val, len, &out->cgroup_fd, err);
	case ATTR_TIME_OFFSETS:
		return parse_string(type, val, len, BOOTSTRAP_OFFSETS_MAX, &out->time_offsets, err);
	}
	if (type < ATTR_NS_FIRST || type > ATTR_NS_LAST)
		fail(err, "unknown attribute %u", type);

	const char **path = &out->ns_path[type - ATTR_NS_FIRST];
	if (parse_string(type, val, len, BOOTSTRAP_PATH_MAX, path, err))
		return -1;
	if ((*path)[0] != '/')
		fail(err, "path of the %s namespace is not absolute",
		     ns_infos[type - ATTR_NS_FIRST].name);
	return 0;
}

/* What no attribute can say by itself. */
static int check_whole(const struct bootstrap *b, char err[BOOTSTRAP_ERRLEN])
{
	for (int i = 0; i < NS_KINDS; i++) {
		uint32_t flag = (uint32_t)ns_infos[i].flag;

		if (!!(b->clone_flags & flag) + !!(b->join_flags & flag) + !!b->ns_path[i] > 1)
			fail(err, "the %s namespace is to be both created and joined, or joined twice",
			     ns_infos[i].name);
	}
	if (b->join_flags && b->join_pidfd < 0)
		fail(err, "namespaces to join without the pidfd of their process");
	if (b->map_ids && !(b->clone_flags & CLONE_NEWUSER))
		fail(err, "id mappings without a new user namespace");
	if (b->time_offsets && !(b->clone_flags & CLONE_NEWTIME))
		fail(err, "time offsets without a new time namespace");
	return 0;
}

int bootstrap_parse(const unsigned char *buf, size_t len, struct bootstrap *out,
		    char err[BOOTSTRAP_ERRLEN])
{
	/* One bit for each type seen; all types lie within 32 of the first. */
	uint32_t total, seen = 0;
	size_t off = BOOTSTRAP_HDRLEN;

	memset(out, 0, sizeof(*out));
	out->cgroup_fd = -1;
	out->join_pidfd = -1;

	if (len < BOOTSTRAP_HDRLEN)
		fail(err, "message of %zu bytes is shorter than its header", len);
	if (bootstrap_header(buf, &total, err))
		return -1;
	if (total != len)
		fail(err, "message says %u bytes, %zu came", total, len);

	while (off < len) {
		if (len - off < ATTR_HDRLEN)
			fail(err, "%zu bytes after the last attribute", len - off);
		uint16_t alen = load16(buf + off);
		uint16_t type = load16(buf + off + 2);

		if (alen < ATTR_HDRLEN || alen > len - off)
			fail(err, "attribute %u at offset %zu has length %u, %zu are left",
			     type, off, alen, len - off);
		if (type >= ATTR_CLONE_FLAGS && type <= ATTR_NS_LAST) {
			uint32_t bit = 1u << (type - ATTR_CLONE_FLAGS);

			if (seen & bit)
				fail(err, "attribute %u stands twice", type);
			seen |= bit;
		}
		if (parse_attr(type, buf + off + ATTR_HDRLEN, alen - ATTR_HDRLEN, out, err))
			return -1;
		/* total is aligned, so the padding lies within the message */
		off += ATTR_ALIGN(alen);
	}
	return check_whole(out, err);
}
