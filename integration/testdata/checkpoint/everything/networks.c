/* Sockets of the network: inside of the container, and with the host if the test has servers there. */
#include "everything.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

enum { TCP_PORT = 7001, UDP_PORT = 7002, BEHIND = 3 };

static struct sockaddr_in at(const char *address, int port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
	EQUAL(inet_pton(AF_INET, address, &a.sin_addr), 1);
	return a;
}

static int dial(int type, const char *address, int port)
{
	struct sockaddr_in a = at(address, port);
	int fd = CHECK(socket(AF_INET, type, 0));
	CHECK(connect(fd, (struct sockaddr *)&a, sizeof(a)));
	return fd;
}

/* A connection within the container, with numbers on the way, one of which one end is shut down,
 * and the socket that listens. */

static int listener, client, server, shut_client, shut_server;

static void tcp_setup(void)
{
	struct sockaddr_in a = at("127.0.0.1", TCP_PORT);
	int yes = 1;
	listener = CHECK(socket(AF_INET, SOCK_STREAM, 0));
	CHECK(setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)));
	CHECK(bind(listener, (struct sockaddr *)&a, sizeof(a)));
	CHECK(listen(listener, 5));
	client = dial(SOCK_STREAM, "127.0.0.1", TCP_PORT);
	server = CHECK(accept(listener, NULL, NULL));
	CHECK(setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes)));
	for (int i = 0; i < BEHIND; i++)
		put(client, 0);
	shut_client = dial(SOCK_STREAM, "127.0.0.1", TCP_PORT);
	shut_server = CHECK(accept(listener, NULL, NULL));
	CHECK(shutdown(shut_client, SHUT_WR));
}

/* take_all reads a number that may come in parts. */
static uint32_t take_all(int fd)
{
	uint32_t n;
	for (size_t have = 0; have < sizeof(n);) {
		long got = CHECK(read(fd, (char *)&n + have, sizeof(n) - have));
		if (got == 0)
			fail("the connection has ended");
		have += got;
	}
	return n;
}

static void tcp_tick(uint32_t n)
{
	EQUAL(take_all(server), n > BEHIND ? n - BEHIND : 0);
	put(client, n);
	int no_delay;
	socklen_t size = sizeof(no_delay);
	CHECK(getsockopt(client, IPPROTO_TCP, TCP_NODELAY, &no_delay, &size));
	EQUAL(no_delay, 1);
	char byte;
	EQUAL(CHECK(read(shut_server, &byte, 1)), 0);
	put(shut_server, n);
	EQUAL(take_all(shut_client), n);
	int fresh = dial(SOCK_STREAM, "127.0.0.1", TCP_PORT), its = CHECK(accept(listener, NULL, NULL));
	put(fresh, n);
	EQUAL(take_all(its), n);
	close(fresh);
	close(its);
}

/* Datagrams within the container. One that nobody has read criu does not save, so that none is left
 * for the next tick. */

static int bound, connected;

static void udp_setup(void)
{
	struct sockaddr_in a = at("127.0.0.1", UDP_PORT);
	bound = CHECK(socket(AF_INET, SOCK_DGRAM, 0));
	CHECK(bind(bound, (struct sockaddr *)&a, sizeof(a)));
	connected = dial(SOCK_DGRAM, "127.0.0.1", UDP_PORT);
}

/* exchange sends a number until it comes back. A datagram may be lost at a checkpoint. */
static void exchange(int fd, uint32_t n)
{
	for (int64_t since = now(); now() - since < 60000000000LL;) {
		struct pollfd p = {fd, POLLIN, 0};
		put(fd, n);
		while (poll(&p, 1, 500) == 1)
			if (take(fd) == n)
				return;
	}
	fail("no answer to %u", n);
}

static void udp_tick(uint32_t n)
{
	uint32_t has = 0;
	struct sockaddr_in from;
	socklen_t size = sizeof(from);
	while (has != n) { /* it may be lost, or come twice */
		struct pollfd p = {bound, POLLIN, 0};
		put(connected, n);
		if (poll(&p, 1, 500) == 1)
			EQUAL(CHECK(recvfrom(bound, &has, sizeof(has), 0, (struct sockaddr *)&from, &size)), sizeof(has));
	}
	struct sockaddr_in own;
	size = sizeof(own);
	CHECK(getsockname(connected, (struct sockaddr *)&own, &size));
	EQUAL(from.sin_port, own.sin_port);
}

/* With the host, whose servers send back what they get. They count, too. */

static int host_tcp, host_udp;

static void host_setup(void)
{
	if (!host)
		return;
	host_tcp = dial(SOCK_STREAM, host, TCP_PORT);
	host_udp = dial(SOCK_DGRAM, host, UDP_PORT);
	for (int i = 0; i < BEHIND; i++)
		put(host_tcp, 0);
}

static void host_tick(uint32_t n)
{
	if (!host)
		return;
	EQUAL(take_all(host_tcp), n > BEHIND ? n - BEHIND : 0);
	put(host_tcp, n);
	exchange(host_udp, n);
}

const struct object networks[] = {
	{"TCP", tcp_setup, tcp_tick}, {"UDP", udp_setup, udp_tick}, {"network of the host", host_setup, host_tick}, {0},
};
