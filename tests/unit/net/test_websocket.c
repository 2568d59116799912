#include "http_support.h"

#include "os/file.h"

// A WebSocket from its handshake to its end, frame by frame.

#define HANDSHAKE                                                                                  \
	"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"     \
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
#define ACCEPTED                                                                                   \
	"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"            \
	"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"

// What the handler saw.
static struct WsSeen {
	WebSocket *ws; // referenced
	int messages;
	int writable;
	int done;
	bool text;
	Buf last;
	int peer_code;
} ws_seen;

static void
keep(WebSocket *ws)
{
	if (ws_seen.ws == NULL)
		ws_seen.ws = websocket_ref(ws);
}

// "echo…" is sent back; the rest is kept.
static void
on_message(WebSocket *ws, WebSocketMessage *message)
{
	keep(ws);
	ws_seen.messages++;
	ws_seen.text = message->text;
	Slice data = bytes_slice(message->data);
	buf_reset(&ws_seen.last);
	buf_add_slice(&ws_seen.last, data);
	if (data.len >= 4 && memcmp(data.data, "echo", 4) == 0)
		websocket_send(ws, message->text, &(Piece){data.data, data.len, message->data}, 1);
}

static void
on_writable(WebSocket *ws)
{
	(void)ws;
	ws_seen.writable++;
}

static void
on_ws_done(WebSocket *ws)
{
	assert_true(websocket_is_done(ws));
	ws_seen.done++;
	ws_seen.peer_code = websocket_peer_code(ws);
}

static const WebSocketHandler HANDLER = {
	.max_message = 1000,
	.send_high_water = 10000,
	.send_low_water = 1000,
	.send_buffer = 4711,
	.message = on_message,
	.writable = on_writable,
	.done = on_ws_done,
};

static int
set_up_ws(void **state)
{
	ws_seen = (struct WsSeen){0};
	websocket_handler = &HANDLER;
	return set_up(state);
}

static void
forget(void)
{
	if (ws_seen.ws != NULL)
		websocket_unref(TAKE(ws_seen.ws));
	buf_close(&ws_seen.last);
}

static void
put_frame(FakeSock *sock, int first, const void *data, size_t len)
{
	uint8_t head[14] = {(uint8_t)first};
	size_t head_len = 2;
	head[1] = (uint8_t)(0x80 | (len < 126 ? len : len <= UINT16_MAX ? 126 : 127));
	for (size_t bytes = len < 126 ? 0 : len <= UINT16_MAX ? 2 : 8; bytes > 0; bytes--)
		head[head_len++] = (uint8_t)(len >> (8 * (bytes - 1)));
	memcpy(head + head_len, "\x12\x34\x56\x78", 4);
	fake_put(&sock->to_server, head, head_len + 4);
	for (size_t i = 0; i < len; i++) {
		uint8_t c = ((const uint8_t *)data)[i] ^ head[head_len + (i & 3)];
		fake_put(&sock->to_server, &c, 1);
	}
}

static void
say(FakeSock *sock, int first, const char *text)
{
	put_frame(sock, first, text, strlen(text));
	fake_run();
}

// Exactly these bytes came.
static void
assert_bytes(FakeSock *sock, const char *data, size_t len)
{
	FakeBytes *in = &sock->to_client;
	assert_int_equal(in->len - in->pos, len);
	assert_memory_equal(in->data + in->pos, data, len);
	in->pos = in->len;
}
#define ASSERT_BYTES(sock, text) assert_bytes(sock, text, sizeof(text) - 1)

// A frame of that close code came, and nothing before it.
static void
assert_closed(FakeSock *sock, int code)
{
	FakeBytes *in = &sock->to_client;
	assert_true(in->len - in->pos >= 4);
	assert_int_equal(in->data[in->pos], 0x88);
	assert_int_equal(in->data[in->pos + 2] << 8 | in->data[in->pos + 3], code);
	in->pos = in->len;
}

static FakeSock *
start_ws(void)
{
	FakeSock *sock = start();
	put(sock, HANDSHAKE "\r\n");
	assert_got(sock, ACCEPTED "\r\n");
	assert_int_equal(seen.done, 1); // the request is over
	assert_int_equal(http_server_counts(http).websockets_open, 1);
	return sock;
}

// One of which the test has the server's side.
static FakeSock *
start_kept(void)
{
	FakeSock *sock = start_ws();
	say(sock, 0x81, "keep me");
	assert_non_null(ws_seen.ws);
	return sock;
}

static void
stop_ws(FakeSock *sock)
{
	leave(sock);
	assert_int_equal(http_server_counts(http).websockets_open, 0);
	assert_int_equal(ws_seen.done, 1);
	forget();
	server_free();
}

static void
the_handshake_is_that_of_the_rfc(void **state)
{
	(void)state;
	FakeSock *sock = start();
	put(sock, HANDSHAKE "Sec-WebSocket-Protocol: other, mobius.v1.json\r\n\r\n");
	assert_got(sock, ACCEPTED "Sec-WebSocket-Protocol: mobius.v1.json\r\n\r\n");
	assert_int_equal(sock->small_buffer, 4711);
	stop_ws(sock);
}

static void
what_is_no_handshake_is_refused(void **state)
{
	(void)state;
	static const struct {
		int status;
		const char *text;
	} cases[] = {
		{400, "GET /ws HTTP/1.1\r\nHost: a\r\n\r\n"},
		{400, "POST /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
			  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"},
		{426, "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
			  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 12\r\n\r\n"},
		{400, "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
			  "Sec-WebSocket-Key: dGhlIHNhbXBsZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"},
		{400, "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: other\r\n"
			  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"},
		{400, "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
			  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"},
		{400, HANDSHAKE "Content-Length: 3\r\n\r\nabc"},
		{400, HANDSHAKE "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"},
	};
	FakeSock *sock = start();
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		FakeSock *other = fake_connect();
		put(other, cases[i].text);
		assert_status(other, cases[i].status,
					  cases[i].status == 426 ? "Sec-WebSocket-Version: 13\r\n" : "");
		put(other, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"); // it is HTTP still
		assert_status(other, 200, "hello");
		leave(other);
	}
	assert_int_equal(ws_seen.done, 0);
	stop(sock);
}

static void
messages_go_both_ways(void **state)
{
	(void)state;
	FakeSock *sock = start_ws();
	say(sock, 0x81, "echo");
	ASSERT_BYTES(sock, "\x81\x04"
					   "echo");
	assert_true(ws_seen.text);
	static char block[1000];
	memcpy(block, "echo", 4);
	put_frame(sock, 0x82, block, sizeof(block));
	fake_run();
	assert_false(ws_seen.text);
	assert_int_equal(sock->to_client.data[sock->to_client.pos + 1], 126);
	assert_int_equal(sock->to_client.len - sock->to_client.pos, 4 + sizeof(block));
	stop_ws(sock);
	assert_int_equal(ws_seen.peer_code, WEBSOCKET_ABNORMAL);
}

static void
frames_may_come_in_any_parts(void **state)
{
	(void)state;
	FakeSock *sock = start();
	static const char handshake[] = HANDSHAKE "\r\n";
	fake_put(&sock->to_server, handshake, sizeof(handshake) - 1);
	put_frame(sock, 0x01, "ec",
			  2); // a message in three fragments, with a ping between, and an early one
	put_frame(sock, 0x89, "hi", 2);
	put_frame(sock, 0x00, "ho ", 3);
	put_frame(sock, 0x80, "\xc3\xa4", 2);
	fake_run();
	assert_got(sock, ACCEPTED "\r\n\x8a\x02hi\x81\x07"
							  "echo \xc3\xa4");
	FakeBytes all = sock->to_server;
	sock->to_server = (FakeBytes){0};
	put_frame(sock, 0x81, "echo", 4);
	put_frame(sock, 0x8a, "unasked", 7);
	put_frame(sock, 0x82, "", 0);
	FakeBytes frames = sock->to_server;
	sock->to_server = all;
	for (size_t i = 0; i < frames.len; i++) {
		fake_put(&sock->to_server, frames.data + i, 1);
		fake_run();
	}
	ASSERT_BYTES(sock, "\x81\x04"
					   "echo");
	assert_int_equal(ws_seen.messages, 3);
	free(frames.data);
	stop_ws(sock);
}

static void
what_is_forbidden_ends_it_with_the_right_code(void **state)
{
	(void)state;
	static char block[1001];
	static const struct {
		int code;
		const char *frame; // raw; NULL: first and len below
		size_t raw_len;
		int first;
		size_t len;
	} cases[] = {
		{WEBSOCKET_PROTOCOL_ERROR, "\x81\x01x", 3, 0, 0},                    // not masked
		{WEBSOCKET_PROTOCOL_ERROR, NULL, 0, 0xc1, 1},                        // reserved bit
		{WEBSOCKET_PROTOCOL_ERROR, NULL, 0, 0x83, 1},                        // unknown opcode
		{WEBSOCKET_PROTOCOL_ERROR, NULL, 0, 0x8b, 1},                        // unknown control
		{WEBSOCKET_PROTOCOL_ERROR, NULL, 0, 0x09, 1},                        // fragmented ping
		{WEBSOCKET_PROTOCOL_ERROR, NULL, 0, 0x89, 126},                      // long ping
		{WEBSOCKET_PROTOCOL_ERROR, NULL, 0, 0x80, 1},                        // continues nothing
		{WEBSOCKET_PROTOCOL_ERROR, NULL, 0, 0x88, 1},                        // half a close code
		{WEBSOCKET_PROTOCOL_ERROR, "\x88\x82\0\0\0\0\x03\xed", 8, 0, 0},     // 1005 is never sent
		{WEBSOCKET_BAD_TEXT, "\x88\x83\0\0\0\0\x03\xe8\xff", 9, 0, 0},       // reason
		{WEBSOCKET_PROTOCOL_ERROR, "\x81\xfe\0\x05\0\0\0\0hello", 13, 0, 0}, // long way
		{WEBSOCKET_PROTOCOL_ERROR, "\x82\xff\x80\0\0\0\0\0\0\0\0\0\0\0", 14, 0, 0},
		{WEBSOCKET_TOO_LARGE, NULL, 0, 0x82, 1001},
		{WEBSOCKET_TOO_LARGE, "\x82\xff\0\0\0\x10\0\0\0\0\0\0\0\0", 14, 0, 0},
		{WEBSOCKET_BAD_TEXT, "\x81\x81\0\0\0\0\xff", 7, 0, 0},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		set_up_ws(NULL);
		FakeSock *sock = start_ws();
		if (cases[i].frame != NULL)
			fake_put(&sock->to_server, cases[i].frame, cases[i].raw_len);
		else
			put_frame(sock, cases[i].first, block, cases[i].len);
		say(sock, 0x81, "echo, in vain");
		assert_closed(sock, cases[i].code);
		assert_int_equal(ws_seen.messages, 0);
		assert_false(sock->open);
		stop_ws(sock);
	}
}

static void
fragments_are_bounded_and_so_are_frames_of_nothing(void **state)
{
	(void)state;
	FakeSock *sock = start_ws();
	put_frame(sock, 0x01, "", 0);
	for (int i = 0; i < 64; i++)
		put_frame(sock, 0x00, "x", 1);
	fake_run();
	assert_closed(sock, WEBSOCKET_POLICY);
	stop_ws(sock);

	set_up_ws(NULL);
	sock = start_ws();
	for (int i = 0; i < 11000; i++)
		put_frame(sock, 0x8a, "", 0);
	fake_run();
	assert_closed(sock, WEBSOCKET_POLICY);
	stop_ws(sock);

	set_up_ws(NULL);
	sock = start_ws();
	put_frame(sock, 0x01, "a", 1); // a message inside another
	put_frame(sock, 0x81, "b", 1);
	fake_run();
	assert_closed(sock, WEBSOCKET_PROTOCOL_ERROR);
	stop_ws(sock);
}

static void
the_peer_closes(void **state)
{
	(void)state;
	FakeSock *sock = start_ws();
	put_frame(sock, 0x88,
			  "\x03\xe9"
			  "bye",
			  5);
	say(sock, 0x81, "echo, too late");
	ASSERT_BYTES(sock, "\x88\x02\x03\xe9");
	assert_false(sock->open);
	assert_int_equal(ws_seen.done, 1);
	assert_int_equal(ws_seen.peer_code, 1001);
	stop_ws(sock);

	set_up_ws(NULL);
	sock = start_ws();
	put_frame(sock, 0x88, "", 0);
	fake_run();
	ASSERT_BYTES(sock, "\x88\0");
	stop_ws(sock);
	assert_int_equal(ws_seen.peer_code, WEBSOCKET_NO_CODE);
}

static void
we_close(void **state)
{
	(void)state;
	FakeSock *sock = start_kept();
	websocket_send(ws_seen.ws, true, &(Piece){(const uint8_t *)"last", 4, NULL}, 1);
	websocket_close(ws_seen.ws, 4400, "so it is");
	websocket_close(ws_seen.ws, 4401, "not twice");
	assert_true(websocket_is_closing(ws_seen.ws));
	assert_false(websocket_send(ws_seen.ws, true, &(Piece){(const uint8_t *)"x", 1, NULL}, 1));
	fake_run();
	ASSERT_BYTES(sock, "\x81\x04last\x88\x0a\x11\x30so it is");
	assert_true(sock->open);
	say(sock, 0x81, "crossing");
	assert_int_equal(ws_seen.messages, 1);
	put_frame(sock, 0x88, "\x11\x30", 2);
	fake_run();
	assert_int_equal(ws_seen.done, 1);
	assert_false(sock->open);
	stop_ws(sock);
	assert_int_equal(ws_seen.peer_code, 4400);

	set_up_ws(NULL); // a peer that does not answer
	sock = start_kept();
	static char long_reason[200];
	memset(long_reason, 'x', sizeof(long_reason) - 1);
	memcpy(long_reason + 122, "\xc3\xa4", 2); // across the 123rd byte
	websocket_close(ws_seen.ws, 1000, long_reason);
	fake_run();
	assert_int_equal(sock->to_client.data[sock->to_client.pos + 1], 2 + 122);
	fake_advance(4 * SECOND);
	assert_true(sock->open);
	fake_advance(SECOND);
	assert_false(sock->open);
	stop_ws(sock);
}

static void
who_is_silent_is_pinged_and_given_up(void **state)
{
	(void)state;
	FakeSock *sock = start_ws();
	fake_advance(14 * SECOND);
	ASSERT_BYTES(sock, "");
	fake_advance(SECOND);
	ASSERT_BYTES(sock, "\x89\0");
	say(sock, 0x8a, "");
	fake_advance(15 * SECOND);
	fake_advance(15 * SECOND);
	ASSERT_BYTES(sock, "\x89\0\x89\0");
	assert_true(sock->open);
	fake_advance(15 * SECOND);
	assert_false(sock->open);
	stop_ws(sock);
}

static void
many_messages_leave_in_one_write_and_large_ones_are_not_copied(void **state)
{
	(void)state;
	FakeSock *sock = start_kept();
	Bytes *shared = bytes_new(NULL, 600);
	memset(bytes_data(shared), 's', 600);
	size_t writes = os.writes;
	for (int i = 0; i < 10; i++) {
		Piece pieces[] = {{(const uint8_t *)"{head", 5, NULL}, {bytes_data(shared), 600, shared}};
		assert_true(websocket_send(ws_seen.ws, true, pieces, 2));
	}
	assert_int_equal(websocket_queued(ws_seen.ws), 10 * (4 + 605));
	fake_run();
	assert_int_equal(os.writes - writes, 1);
	assert_int_equal(sock->to_client.len - sock->to_client.pos, 10 * (4 + 605));
	assert_memory_equal(sock->to_client.data + sock->to_client.pos, "\x81\x7e\x02\x5d{headsss", 12);
	sock->to_client.pos = sock->to_client.len;
	bytes_unref(shared);
	stop_ws(sock);
}

static void
a_slow_reader_is_waited_for_and_may_be_cut(void **state)
{
	(void)state;
	FakeSock *sock = start_kept();
	static char block[4000];
	Piece piece = {(const uint8_t *)block, sizeof(block), NULL};
	sock->take_max = 10;
	assert_true(websocket_send(ws_seen.ws, false, &piece, 1));
	assert_true(websocket_send(ws_seen.ws, false, &piece, 1));
	assert_false(websocket_send(ws_seen.ws, false, &piece, 1));
	fake_run();
	assert_int_equal(ws_seen.writable, 1); // taken over by the connection, not yet by the peer
	for (int i = 0; i < 100; i++)
		websocket_send(ws_seen.ws, false, &piece, 1);
	assert_int_equal(websocket_queued(ws_seen.ws), 100 * 4004);
	websocket_cut(ws_seen.ws, 4010, "slow");
	assert_int_equal(websocket_queued(ws_seen.ws), 0);
	sock->take_max = SIZE_MAX;
	fake_run();
	FakeBytes *in = &sock->to_client;
	in->pos += 3 * 4004;
	assert_closed(sock, 4010);
	fake_advance(5 * SECOND);
	assert_false(sock->open);
	stop_ws(sock);
}

static void
a_message_that_has_begun_is_finished_before_the_cut(void **state)
{
	(void)state;
	FakeSock *sock = start_kept();
	enum { LEN = 600000 };
	static char block[LEN];
	sock->take_max = 100;
	for (int i = 0; i < 3; i++)
		websocket_send(ws_seen.ws, false, &(Piece){(const uint8_t *)block, LEN, NULL}, 1);
	fake_run();
	assert_int_not_equal(websocket_queued(ws_seen.ws), 3 * (LEN + 10));
	websocket_cut(ws_seen.ws, 4010, "slow");
	sock->take_max = SIZE_MAX;
	fake_run();
	FakeBytes *in = &sock->to_client;
	in->pos += LEN + 10;
	assert_closed(sock, 4010);
	stop_ws(sock);
}

static void
a_user_may_pause_its_client(void **state)
{
	(void)state;
	FakeSock *sock = start_kept();
	websocket_pause(ws_seen.ws);
	for (int i = 0; i < 10; i++)
		say(sock, 0x81, "echo");
	assert_int_equal(ws_seen.messages, 1);
	fake_advance(100 * SECOND);
	assert_true(sock->open);
	sock->to_client.pos = sock->to_client.len;
	websocket_resume(ws_seen.ws);
	fake_run();
	assert_int_equal(ws_seen.messages, 11);
	assert_int_equal(sock->to_client.len - sock->to_client.pos, 10 * 6);
	stop_ws(sock);
}

static void
a_drain_closes_and_a_stop_ends(void **state)
{
	(void)state;
	FakeSock *sock = start_ws();
	net_server_drain(net, os.now_ns + 2 * SECOND);
	fake_run();
	assert_closed(sock, WEBSOCKET_RESTART);
	assert_true(sock->open);
	fake_advance(2 * SECOND);
	assert_false(sock->open);
	stop_ws(sock);
}

static void
it_may_outlive_its_server(void **state)
{
	(void)state;
	FakeSock *sock = start_kept();
	WebSocket *ws = TAKE(ws_seen.ws);
	net_server_free(TAKE(net));
	http_server_free(TAKE(http));
	assert_int_equal(ws_seen.done, 1);
	assert_false(websocket_send(ws, true, &(Piece){(const uint8_t *)"x", 1, NULL}, 1));
	websocket_close(ws, 1000, "");
	websocket_cut(ws, 1000, "");
	websocket_resume(ws);
	assert_string_equal(websocket_peer(ws), "127.0.0.1:4711");
	websocket_unref(ws);
	forget();
	fake_forget(sock);
	server_free();
}

static bool
whole_life(void)
{
	if (server_try() != ST_OK)
		return false;
	FakeSock *sock = fake_connect();
	put(sock, HANDSHAKE "Sec-WebSocket-Protocol: mobius.v1.json\r\n\r\n");
	put_frame(sock, 0x01, "ec", 2);
	say(sock, 0x80, "ho");
	say(sock, 0x89, "ping");
	if (ws_seen.ws != NULL) {
		static char block[40000];
		websocket_send(ws_seen.ws, false, &(Piece){(const uint8_t *)block, sizeof(block), NULL}, 1);
		fake_run();
		websocket_pause(ws_seen.ws);
		say(sock, 0x81, "echo");
		websocket_resume(ws_seen.ws);
		fake_run();
		fake_advance(15 * SECOND);
		websocket_close(ws_seen.ws, 1000, "bye");
	}
	fake_run();
	put_frame(sock, 0x88, "", 0);
	fake_run();
	bool good = ws_seen.messages == 2 && ws_seen.peer_code == WEBSOCKET_NO_CODE;
	leave(sock);
	return good;
}

static void
nothing_is_left_over_whatever_fails(void **state)
{
	(void)state;
	for (int sticky = 0; sticky < 2; sticky++) {
		bool failed = true;
		for (long nth = 0; failed; nth++) {
			set_up_ws(NULL);
			(sticky ? fault_arm_sticky : fault_arm)(nth);
			bool good = whole_life();
			for (int i = 0; i < FAKE_SOCKS; i++)
				os.socks[i].waiting = false;
			forget();
			net_server_free(TAKE(net));
			http_server_free(TAKE(http));
			failed = fault_disarm();
			buf_close(&seen.body);
			assert_int_equal(mem_live(), 0);
			assert_int_equal(file_live(), 0);
			assert_int_equal(seen.begun, seen.done);
			assert_true(failed || good);
			assert_true(nth < 3000);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_handshake_is_that_of_the_rfc, set_up_ws),
		cmocka_unit_test_setup(what_is_no_handshake_is_refused, set_up_ws),
		cmocka_unit_test_setup(messages_go_both_ways, set_up_ws),
		cmocka_unit_test_setup(frames_may_come_in_any_parts, set_up_ws),
		cmocka_unit_test_setup(what_is_forbidden_ends_it_with_the_right_code, set_up_ws),
		cmocka_unit_test_setup(fragments_are_bounded_and_so_are_frames_of_nothing, set_up_ws),
		cmocka_unit_test_setup(the_peer_closes, set_up_ws),
		cmocka_unit_test_setup(we_close, set_up_ws),
		cmocka_unit_test_setup(who_is_silent_is_pinged_and_given_up, set_up_ws),
		cmocka_unit_test_setup(many_messages_leave_in_one_write_and_large_ones_are_not_copied,
							   set_up_ws),
		cmocka_unit_test_setup(a_slow_reader_is_waited_for_and_may_be_cut, set_up_ws),
		cmocka_unit_test_setup(a_message_that_has_begun_is_finished_before_the_cut, set_up_ws),
		cmocka_unit_test_setup(a_user_may_pause_its_client, set_up_ws),
		cmocka_unit_test_setup(a_drain_closes_and_a_stop_ends, set_up_ws),
		cmocka_unit_test_setup(it_may_outlive_its_server, set_up_ws),
		cmocka_unit_test_setup(nothing_is_left_over_whatever_fails, set_up_ws),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
