#include "support.h"

#include <arpa/inet.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os/sock.h"

static void
addresses_are_read(void **state)
{
	(void)state;
	static const struct {
		const char *text, *host, *shown;
		uint16_t port;
		bool loopback;
	} cases[] = {
		{"127.0.0.1:50051", "127.0.0.1", "127.0.0.1:50051", 50051, true},
		{"localhost:0", "127.0.0.1", "127.0.0.1:0", 0, true},
		{":8093", "0.0.0.0", "0.0.0.0:8093", 8093, false},
		{"10.1.2.3:65535", "10.1.2.3", "10.1.2.3:65535", 65535, false},
		{"[::1]:1", "::1", "[::1]:1", 1, true},
		{"[2001:DB8::0]:80", "2001:db8::", "[2001:db8::]:80", 80, false},
		{"[::ffff:127.0.0.2]:80", "::ffff:127.0.0.2", "[::ffff:127.0.0.2]:80", 80, true},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		SockAddress address;
		Error err = ERROR_INIT;
		ok(sock_parse_address(cases[i].text, &address, &err), &err);
		assert_string_equal(address.host, cases[i].host);
		assert_string_equal(address.text, cases[i].shown);
		assert_int_equal(address.port, cases[i].port);
		assert_int_equal(address.loopback, cases[i].loopback);
	}
}

static void
what_is_no_address_is_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {"",
									  "127.0.0.1",
									  "50051",
									  "127.0.0.1:",
									  "127.0.0.1:x",
									  "127.0.0.1:65536",
									  "127.0.0.1:-1",
									  "example.org:80",
									  "::1:80",
									  "[::1]",
									  "[::1:80",
									  "[127.0.0.1]:80",
									  "[]:80",
									  "256.0.0.1:80",
									  "1.2.3:80",
									  "[::g]:80"};
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		SockAddress address;
		Error err = ERROR_INIT;
		assert_int_equal(sock_parse_address(bad[i], &address, &err), ST_INVALID);
		says(&err, bad[i]);
	}
	char endless[500] = "";
	memset(endless, '1', sizeof(endless) - 4);
	strcat(endless, ":80");
	SockAddress address;
	assert_int_equal(sock_parse_address(endless, &address, NULL), ST_INVALID);
}

static int
listen_on(const char *text, SockAddress *bound)
{
	SockAddress address;
	Error err = ERROR_INIT;
	int fd = -1;
	ok(sock_parse_address(text, &address, &err), &err);
	ok(sock_listen(&address, &fd, bound, &err), &err);
	return fd;
}

static int
connect_to(const SockAddress *address)
{
	struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(address->port)};
	inet_pton(AF_INET, address->host, &name.sin_addr);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&name, sizeof(name)), 0);
	return fd;
}

static void
wait_for(int fd, short events)
{
	struct pollfd poller = {.fd = fd, .events = events};
	assert_int_equal(poll(&poller, 1, 10000), 1);
}

// Both ends of a connection; `ours` went through sock_accept.
typedef struct Pair {
	int listener, ours, theirs;
} Pair;

static Pair
pair_make(void)
{
	Pair pair = {.ours = -1};
	SockAddress bound, peer;
	Error err = ERROR_INIT;
	pair.listener = listen_on("127.0.0.1:0", &bound);
	pair.theirs = connect_to(&bound);
	wait_for(pair.listener, POLLIN);
	ok(sock_accept(pair.listener, &pair.ours, &peer, &err), &err);
	assert_true(pair.ours >= 0);
	assert_true(peer.loopback);
	assert_string_equal(peer.host, "127.0.0.1");
	return pair;
}

static void
pair_drop(Pair *pair)
{
	sock_close(pair->ours);
	sock_close(pair->theirs);
	sock_close(pair->listener);
}

static void
a_free_port_is_found_and_a_used_one_named(void **state)
{
	(void)state;
	SockAddress bound;
	int fd = listen_on("127.0.0.1:0", &bound);
	assert_true(bound.port > 0);
	int second = -1;
	Error err = ERROR_INIT;
	assert_int_equal(sock_listen(&bound, &second, &bound, &err), ST_CONFLICT);
	says(&err, bound.text);
	assert_int_equal(second, -1);
	sock_close(fd);
	sock_close(-1);

	SockAddress foreign;
	assert_int_equal(sock_parse_address("192.0.2.1:0", &foreign, NULL), ST_OK);
	assert_int_equal(sock_listen(&foreign, &second, &bound, &err), ST_INVALID);
	says(&err, "192.0.2.1");
}

static void
accepting_with_nobody_there_gives_none(void **state)
{
	(void)state;
	SockAddress bound, peer;
	int listener = listen_on("127.0.0.1:0", &bound);
	int fd = 7;
	assert_int_equal(sock_accept(listener, &fd, &peer, NULL), ST_OK);
	assert_int_equal(fd, -1);
	sock_close(listener);
	assert_int_equal(sock_accept(listener, &fd, &peer, NULL), ST_INTERNAL);
}

static void
bytes_go_both_ways(void **state)
{
	(void)state;
	SCOPED(pair_drop) Pair pair = pair_make();
	char text[16] = "";
	size_t moved = 9;
	bool would_block = false;
	assert_int_equal(sock_read(pair.ours, text, sizeof(text), &moved, &would_block, NULL), ST_OK);
	assert_true(would_block);
	assert_int_equal(moved, 0);

	assert_int_equal(write(pair.theirs, "ping", 4), 4);
	wait_for(pair.ours, POLLIN);
	assert_int_equal(sock_read(pair.ours, text, sizeof(text), &moved, &would_block, NULL), ST_OK);
	assert_false(would_block);
	assert_int_equal(moved, 4);
	assert_memory_equal(text, "ping", 4);

	struct iovec pieces[] = {{"po", 2}, {"ng", 2}};
	assert_int_equal(sock_writev(pair.ours, pieces, 2, &moved, &would_block, NULL), ST_OK);
	assert_int_equal(moved, 4);
	assert_int_equal(recv(pair.theirs, text, 4, MSG_WAITALL), 4);
	assert_memory_equal(text, "pong", 4);
}

static void
a_slow_peer_makes_writing_wait(void **state)
{
	(void)state;
	SCOPED(pair_drop) Pair pair = pair_make();
	sock_tune(pair.ours, true);
	enum { PIECES = IOV_MAX + 10 };
	static char block[1024];
	static struct iovec pieces[PIECES];
	for (size_t i = 0; i < PIECES; i++)
		pieces[i] = (struct iovec){block, sizeof(block)};
	size_t moved = 1, total = 0;
	bool would_block = false;
	while (!would_block) {
		assert_int_equal(sock_writev(pair.ours, pieces, PIECES, &moved, &would_block, NULL), ST_OK);
		assert_true(moved > 0 || would_block);
		total += moved;
		assert_true(total < 1u << 30);
	}
	assert_true(total > 0);
}

static void
the_end_of_the_peer_is_cancelled(void **state)
{
	(void)state;
	char text[4];
	size_t moved;
	bool would_block;
	Error err = ERROR_INIT;
	{
		SCOPED(pair_drop) Pair pair = pair_make();
		shutdown(pair.theirs, SHUT_WR);
		wait_for(pair.ours, POLLIN);
		assert_int_equal(sock_read(pair.ours, text, 4, &moved, &would_block, &err), ST_CANCELLED);
		says(&err, "closed");
		assert_int_equal(sock_read(pair.ours, text, 0, &moved, &would_block, NULL), ST_OK);
	}
	SCOPED(pair_drop) Pair pair = pair_make();
	setsockopt(pair.theirs, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
	close(pair.theirs); // with a reset
	pair.theirs = -1;
	wait_for(pair.ours, POLLIN);
	assert_int_equal(sock_read(pair.ours, text, 4, &moved, &would_block, &err), ST_CANCELLED);
	says(&err, "broke");
	struct iovec piece = {"x", 1};
	assert_int_equal(sock_writev(pair.ours, &piece, 1, &moved, &would_block, &err), ST_CANCELLED);
}

static int
option(int fd, int level, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);
	assert_int_equal(getsockopt(fd, level, name, &value, &len), 0);
	return value;
}

static void
tuning_is_for_the_kind_of_peer(void **state)
{
	(void)state;
	SCOPED(pair_drop) Pair pair = pair_make();
	int before = option(pair.ours, SOL_SOCKET, SO_SNDBUF);
	sock_tune(pair.ours, false);
	assert_true(option(pair.ours, IPPROTO_TCP, TCP_NODELAY) != 0);
	assert_int_equal(option(pair.ours, SOL_SOCKET, SO_SNDBUF), before);
	sock_tune(pair.ours, true);
	int after = option(pair.ours, SOL_SOCKET, SO_SNDBUF);
	assert_true(after >= 128 * 1024 && after <= 256 * 1024);
}

static Status
use_sockets(int *closed_after)
{
	SockAddress address, bound, peer;
	int listener = -1, fd = -1;
	size_t moved;
	bool would_block;
	TRY(sock_parse_address("127.0.0.1:0", &address, NULL));
	TRY(sock_listen(&address, &listener, &bound, NULL));
	closed_after[0] = listener;
	closed_after[1] = connect_to(&bound);
	wait_for(listener, POLLIN);
	TRY(sock_accept(listener, &fd, &peer, NULL));
	closed_after[2] = fd;
	struct iovec piece = {"x", 1};
	TRY(sock_writev(fd, &piece, 1, &moved, &would_block, NULL));
	char byte;
	return sock_read(fd, &byte, 1, &moved, &would_block, NULL);
}

static void
every_call_may_fail(void **state)
{
	(void)state;
	FAULT_LOOP(st, {
		int opened[] = {-1, -1, -1};
		st = use_sockets(opened);
		for (size_t i = 0; i < COUNT_OF(opened); i++)
			sock_close(opened[i]);
	});
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_read),
		cmocka_unit_test(what_is_no_address_is_refused),
		cmocka_unit_test(a_free_port_is_found_and_a_used_one_named),
		cmocka_unit_test(accepting_with_nobody_there_gives_none),
		cmocka_unit_test(bytes_go_both_ways),
		cmocka_unit_test(a_slow_peer_makes_writing_wait),
		cmocka_unit_test(the_end_of_the_peer_is_cancelled),
		cmocka_unit_test(tuning_is_for_the_kind_of_peer),
		cmocka_unit_test(every_call_may_fail),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
