/*
 * libFuzzer target of the bootstrap parser: `make fuzz`.
 *
 * The first byte of an input chooses: the rest is a whole message, or the
 * attributes of one that gets a right header, without which hardly any input
 * would come past it. The message is put into a buffer of exactly its size, so
 * that AddressSanitizer sees a read of one byte too many, and all that was parsed
 * is read back.
 */
#include "../bootstrap.h"

#include <stdlib.h>
#include <string.h>

static volatile size_t sink;

static void put_header(unsigned char *buf, uint32_t len)
{
	uint16_t type = INIT_MSG;

	memset(buf, 0, BOOTSTRAP_HDRLEN);
	memcpy(buf, &len, sizeof(len));
	memcpy(buf + 4, &type, sizeof(type));
}

static void check_parsed(const struct bootstrap *b)
{
	if (b->time_offsets)
		sink += strlen(b->time_offsets);
	if (b->join_flags && b->join_pidfd < 0)
		abort();
	for (int i = 0; i < NS_KINDS; i++) {
		if (!b->ns_path[i])
			continue;
		sink += strlen(b->ns_path[i]);
		if (b->ns_path[i][0] != '/' || (b->clone_flags & (uint32_t)ns_infos[i].flag))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char err[BOOTSTRAP_ERRLEN] = "";
	struct bootstrap b;

	if (size == 0)
		return 0;
	int framed = data[0] & 1;
	size_t head = framed ? BOOTSTRAP_HDRLEN : 0;
	size_t body = size - 1;

	if (framed)
		body &= ~(size_t)3;
	unsigned char *buf = malloc(head + body ? head + body : 1);

	if (!buf)
		abort();
	if (framed)
		put_header(buf, (uint32_t)(head + body));
	memcpy(buf + head, data + 1, body);
	if (bootstrap_parse(buf, head + body, &b, err) == 0)
		check_parsed(&b);
	else if (err[0] == '\0' || !memchr(err, '\0', sizeof(err)))
		abort(); /* a refusal says why */
	free(buf);
	return 0;
}
