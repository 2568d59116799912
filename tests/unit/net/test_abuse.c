#include "support.h"

// Peers that waste, stall or attack harm themselves only.

static const char PREFACE[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"; // and SETTINGS
enum { PREFACE_BYTES = sizeof(PREFACE) - 1, GOAWAY_TYPE = 7 };

static void
put_frame(FakeSock *sock, uint8_t type, uint8_t flags, uint32_t stream_id, const void *payload,
		  size_t len)
{
	uint8_t head[9] = {(uint8_t)(len >> 16),
					   (uint8_t)(len >> 8),
					   (uint8_t)len,
					   type,
					   flags,
					   (uint8_t)(stream_id >> 24),
					   (uint8_t)(stream_id >> 16),
					   (uint8_t)(stream_id >> 8),
					   (uint8_t)stream_id};
	fake_put(&sock->to_server, head, sizeof(head));
	fake_put(&sock->to_server, payload, len);
}

static FakeSock *
raw_connect(void)
{
	FakeSock *sock = fake_connect();
	fake_put(&sock->to_server, PREFACE, PREFACE_BYTES);
	fake_run();
	return sock;
}

// The error of the GOAWAY that came; -1: none came.
static int64_t
goaway_of(FakeSock *sock)
{
	const FakeBytes *in = &sock->to_client;
	for (size_t at = 0; at + 9 <= in->len;) {
		const uint8_t *p = in->data + at;
		size_t len = (size_t)p[0] << 16 | (size_t)p[1] << 8 | p[2];
		if (p[3] == GOAWAY_TYPE)
			return (int64_t)p[13] << 24 | (int64_t)p[14] << 16 | (int64_t)p[15] << 8 | p[16];
		at += 9 + len;
	}
	return -1;
}

static void
raw_leave(FakeSock *sock)
{
	sock->ended = true;
	sock->take_max = SIZE_MAX;
	fake_run();
	fake_forget(sock);
}

// The server would reset a connection that it closes with something unread, and the client might
// miss the answer.
static void
what_comes_after_the_end_is_read_out_of_the_way(void **state)
{
	(void)state;
	server_start();
	FakeSock *sock = raw_connect();
	sock->stays = true;
	put_frame(sock, GOAWAY_TYPE, 0, 0, "\0\0\0\0\0\0\0\0", 8);
	fake_run();
	assert_true(sock->all_said && sock->open);
	put_frame(sock, NGHTTP2_PING, 0, 0, "too late", 8);
	fake_run();
	assert_true(sock->open);
	assert_int_equal(sock->to_server.pos, sock->to_server.len);
	fake_advance(2 * SECOND);
	assert_false(sock->open);
	raw_leave(sock);
	server_stop();
}

static void
a_client_that_leaves_after_the_end_is_not_waited_for(void **state)
{
	(void)state;
	server_start();
	FakeSock *sock = raw_connect();
	put_frame(sock, GOAWAY_TYPE, 0, 0, "\0\0\0\0\0\0\0\0", 8);
	fake_run();
	assert_true(sock->all_said);
	assert_false(sock->open);
	raw_leave(sock);
	server_stop();
}

// Literal header fields with names and values of their own, as HPACK without indexing writes them.
static void
put_field(FakeBytes *block, const char *name, const char *value)
{
	uint8_t name_head[] = {0, (uint8_t)strlen(name)};
	uint8_t value_head[] = {(uint8_t)strlen(value)};
	fake_put(block, name_head, 2);
	fake_put(block, name, strlen(name));
	fake_put(block, value_head, 1);
	fake_put(block, value, strlen(value));
}

static FakeBytes
request_block(const char *path)
{
	FakeBytes block = {0};
	put_field(&block, ":method", "POST");
	put_field(&block, ":scheme", "http");
	put_field(&block, ":path", path);
	put_field(&block, ":authority", "test");
	put_field(&block, "content-type", "application/grpc");
	return block;
}

static void
another_protocol_is_closed_quietly(void **state)
{
	(void)state;
	server_start();
	FakeSock *sock = fake_connect();
	fake_run();
	size_t before = sock->to_client.len;
	fake_put(&sock->to_server, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 27);
	fake_run();
	assert_false(sock->open);
	assert_int_equal(sock->to_client.len, before);
	fake_forget(sock);
	server_stop();
}

static void
a_preface_has_ten_seconds(void **state)
{
	(void)state;
	server_start();
	FakeSock *silent = fake_connect();
	FakeSock *slow = fake_connect();
	fake_run();
	for (int i = 0; i < 10; i++) {
		assert_true(silent->open && slow->open);
		fake_put(&slow->to_server, PREFACE + i, 1);
		fake_advance(SECOND);
	}
	assert_false(silent->open);
	assert_false(slow->open);
	fake_forget(silent);
	fake_forget(slow);
	server_stop();
}

static void
a_header_block_has_ten_seconds(void **state)
{
	(void)state;
	server_start();
	FakeSock *sock = raw_connect();
	FakeBytes block = request_block("/t.T/Hold");
	put_frame(sock, NGHTTP2_HEADERS, 0, 1, block.data, block.len); // and no END_HEADERS
	fake_run();
	fake_advance(9 * SECOND);
	assert_true(sock->open);
	fake_advance(11 * SECOND);
	assert_false(sock->open);
	free(block.data);
	fake_forget(sock);
	server_stop();
}

static void
an_idle_connection_stays(void **state)
{
	(void)state;
	Client *client = start_with_client();
	Stream *stream = client_call(client, "/t.T/Hold");
	client_pump(client);
	client_reset(client, stream, NGHTTP2_CANCEL);
	client_pump(client);
	for (int i = 0; i < 100; i++)
		fake_advance(100 * SECOND);
	assert_true(client->sock->open);
	stop_with_client(client);
}

// Sends up to `count` frames, 100 a turn, until the server has closed. How many it took.
static int
flood(uint8_t type, uint8_t flags, uint32_t stream_id, const char *payload, size_t len, int count,
	  int64_t pause_ns)
{
	FakeSock *sock = raw_connect();
	FakeBytes block = request_block("/t.T/Hold");
	put_frame(sock, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1, block.data, block.len);
	free(block.data);
	int sent = 0;
	long live = 0;
	for (; sent < count && sock->open; sent += 100) {
		for (int i = 0; i < 100; i++)
			put_frame(sock, type, flags, stream_id, payload, len);
		fake_advance(pause_ns);
		if (sent == 0)
			live = mem_live();
		assert_true(mem_live() <= live + 10);
	}
	if (!sock->open)
		assert_int_equal(goaway_of(sock), NGHTTP2_ENHANCE_YOUR_CALM);
	raw_leave(sock);
	return sent;
}

static void
floods_of_frames_that_carry_nothing_are_cut(void **state)
{
	(void)state;
	server_start();
	const int never = 100000;
	assert_in_range(flood(NGHTTP2_PING, 0, 0, "pingping", 8, never, 1), 9000, 11000);
	assert_in_range(flood(NGHTTP2_SETTINGS, 0, 0, "", 0, never, 1), 9000, 11000);
	assert_in_range(flood(NGHTTP2_DATA, 0, 1, "", 0, never, 1), 9000, 11000);
	assert_in_range(flood(NGHTTP2_DATA, NGHTTP2_FLAG_PADDED, 1, "\3\0\0\0", 4, never, 1), 9000,
					11000);
	assert_in_range(flood(NGHTTP2_WINDOW_UPDATE, 0, 0, "\0\0\0\1", 4, never, 1), 9000, 11000);
	assert_in_range(flood(NGHTTP2_WINDOW_UPDATE, 0, 1, "\0\0\0\1", 4, never, 1), 9000, 11000);
	assert_in_range(flood(NGHTTP2_PRIORITY, 0, 1, "\0\0\0\0\1", 5, never, 1), 9000, 11000);
	server_stop();
}

static void
a_client_that_pings_a_few_hundred_times_a_second_may(void **state)
{
	(void)state;
	server_start();
	assert_int_equal(flood(NGHTTP2_PING, 0, 0, "pingping", 8, 100000, SECOND / 3), 100000);
	server_stop();
}

static void
pings_without_end_in_one_read_are_cut(void **state)
{
	(void)state;
	server_start();
	FakeSock *sock = raw_connect();
	for (int i = 0; i < 10000; i++)
		put_frame(sock, NGHTTP2_PING, 0, 0, "pingping", 8);
	fake_run();
	assert_false(sock->open);
	fake_forget(sock);
	server_stop();
}

static void
continuations_are_bounded(void **state)
{
	(void)state;
	server_start();
	FakeSock *sock = raw_connect();
	FakeBytes block = request_block("/t.T/Hold");
	put_frame(sock, NGHTTP2_HEADERS, 0, 1, block.data, block.len);
	for (int i = 0; i < 9; i++)
		put_frame(sock, NGHTTP2_CONTINUATION, 0, 1, "", 0);
	fake_run();
	assert_false(sock->open);
	fake_forget(sock);

	sock = raw_connect();
	put_frame(sock, NGHTTP2_HEADERS, 0, 1, block.data, block.len);
	char *junk = calloc(1, 70000);
	put_frame(sock, NGHTTP2_CONTINUATION, 0, 1, junk, 70000);
	fake_run();
	assert_false(sock->open);
	fake_forget(sock);
	free(junk);
	free(block.data);
	assert_int_equal(seen.opened, 0);
	server_stop();
}

static void
a_header_bomb_is_cut_before_it_unfolds(void **state)
{
	(void)state;
	server_start();
	FakeSock *sock = raw_connect();
	FakeBytes block = request_block("/t.T/Hold");
	// One entry of 3000 bytes into the dynamic table, then named by one byte each time.
	fake_put(&block, "\x40\x01x\x7f\xb9\x16", 6);
	char value[3000];
	memset(value, 'v', sizeof(value));
	fake_put(&block, value, sizeof(value));
	for (int i = 0; i < 10000; i++)
		fake_put(&block, "\xBE", 1);
	put_frame(sock, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1, block.data, block.len);
	fake_run();
	assert_false(sock->open);
	assert_int_equal(seen.opened, 0);
	free(block.data);
	fake_forget(sock);
	server_stop();
}

static void
quick_cancels_are_honest_and_cost_no_memory(void **state)
{
	(void)state;
	server_start();
	FakeSock *sock = raw_connect();
	FakeBytes block = request_block("/t.T/Hold");
	long live = 0;
	for (uint32_t id = 1; id < 60000; id += 2) {
		put_frame(sock, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, id, block.data, block.len);
		put_frame(sock, NGHTTP2_RST_STREAM, 0, id, "\0\0\0\x08", 4);
		if (id % 200 == 1)
			fake_run();
		if (id == 2001)
			live = mem_live();
	}
	fake_run();
	assert_true(sock->open);
	assert_true(mem_live() <= live);
	assert_int_equal(seen.opened, 30000);
	assert_int_equal(seen.done, 30000);
	free(block.data);
	raw_leave(sock);
	server_stop();
}

static void
resets_that_the_server_is_made_to_send_do_not_pile_up_handlers(void **state)
{
	(void)state;
	options.max_calls_connection = 10;
	server_start();
	FakeSock *sock = raw_connect();
	FakeBytes block = request_block("/t.T/Hold");
	for (uint32_t id = 1; id < 20000 && sock->open; id += 2) {
		put_frame(sock, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, id, block.data, block.len);
		put_frame(sock, NGHTTP2_WINDOW_UPDATE, 0, id, "\0\0\0\0", 4); // not allowed: a reset
		fake_run();
		assert_true(grpc_server_counts(server).calls_open <= 10);
	}
	free(block.data);
	raw_leave(sock);
	server_stop();
}

static void
a_peer_that_does_not_read_is_not_read_from(void **state)
{
	(void)state;
	server_start();
	FakeSock *sock = raw_connect();
	FakeBytes block = request_block("/t.T/Nothing"); // answered at once
	sock->take_max = 0;
	long live = 0;
	for (uint32_t id = 1; id < 100000; id += 2) { // most are above max_streams, and reset
		put_frame(sock, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, id, block.data, block.len);
		if (id % 200 == 1)
			fake_run();
		if (id == 4001)
			live = mem_live();
	}
	assert_true(sock->open);
	assert_true(sock->to_server.pos < sock->to_server.len / 4);
	assert_true(mem_live() <= live);
	fake_advance(31 * SECOND);
	assert_false(sock->open);
	free(block.data);
	fake_forget(sock);
	server_stop();
}

static void
a_stalled_write_is_given_up_but_a_slow_one_is_not(void **state)
{
	(void)state;
	server_start();
	Client *client = client_new(MIB, false);
	client_call(client, "/t.T/Hold");
	client_pump(client);
	client->sock->take_max = 0;
	static char text[MIB];
	send_bytes(seen.call, text, sizeof(text));
	fake_run();
	for (int i = 0; i < 20; i++) {
		fake_advance(25 * SECOND);
		assert_true(client->sock->open);
		client->sock->take_max = 10;
		fake_run();
	}
	fake_advance(31 * SECOND);
	assert_false(client->sock->open);
	assert_int_equal(seen.done, 1);
	stop_with_client(client);
}

static void
connections_are_bounded(void **state)
{
	(void)state;
	net_options.max_connections = 2;
	server_start();
	FakeSock *socks[] = {raw_connect(), raw_connect(), raw_connect()};
	assert_true(socks[0]->open && socks[1]->open);
	assert_false(socks[2]->open);
	fake_forget(socks[2]);
	raw_leave(socks[0]);
	socks[0] = raw_connect();
	assert_true(socks[0]->open);
	raw_leave(socks[0]);
	raw_leave(socks[1]);
	server_stop();
}

static void
without_descriptors_peers_are_told_and_others_served_later(void **state)
{
	(void)state;
	server_start();
	os.no_descriptors = 1;
	FakeSock *first = raw_connect();
	FakeSock *second = raw_connect();
	assert_false(first->open || first->waiting); // taken with the reserve, and closed
	assert_true(second->waiting);
	fake_advance(SECOND / 5);
	assert_true(second->open);
	fake_forget(first);
	raw_leave(second);
	server_stop();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(another_protocol_is_closed_quietly, set_up),
		cmocka_unit_test_setup(a_preface_has_ten_seconds, set_up),
		cmocka_unit_test_setup(what_comes_after_the_end_is_read_out_of_the_way, set_up),
		cmocka_unit_test_setup(a_client_that_leaves_after_the_end_is_not_waited_for, set_up),
		cmocka_unit_test_setup(a_header_block_has_ten_seconds, set_up),
		cmocka_unit_test_setup(an_idle_connection_stays, set_up),
		cmocka_unit_test_setup(floods_of_frames_that_carry_nothing_are_cut, set_up),
		cmocka_unit_test_setup(a_client_that_pings_a_few_hundred_times_a_second_may, set_up),
		cmocka_unit_test_setup(pings_without_end_in_one_read_are_cut, set_up),
		cmocka_unit_test_setup(continuations_are_bounded, set_up),
		cmocka_unit_test_setup(a_header_bomb_is_cut_before_it_unfolds, set_up),
		cmocka_unit_test_setup(quick_cancels_are_honest_and_cost_no_memory, set_up),
		cmocka_unit_test_setup(resets_that_the_server_is_made_to_send_do_not_pile_up_handlers,
							   set_up),
		cmocka_unit_test_setup(a_peer_that_does_not_read_is_not_read_from, set_up),
		cmocka_unit_test_setup(a_stalled_write_is_given_up_but_a_slow_one_is_not, set_up),
		cmocka_unit_test_setup(connections_are_bounded, set_up),
		cmocka_unit_test_setup(without_descriptors_peers_are_told_and_others_served_later, set_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
