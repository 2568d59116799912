#include "http_support.h"

// What HTTP/1.1 is when all is well: requests of every kind, and their answers.

#define HELLO                                                                                      \
	"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Type: text/plain\r\n\r\n"                     \
	"hello"

static void
a_request_is_answered_and_another_on_the_same_connection(void **state)
{
	(void)state;
	FakeSock *sock = start();
	put(sock, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_got(sock, HELLO);
	put(sock, "HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_got(sock, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Type: text/plain\r\n\r\n");
	put(sock, "GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
	assert_got(sock, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n"
					 "Content-Type: text/plain\r\n\r\nhello");
	assert_false(sock->open);
	assert_int_equal(http_server_counts(http).requests_total, 3);
	stop(sock);
}

static void
bytes_may_come_one_by_one(void **state)
{
	(void)state;
	FakeSock *sock = start();
	const char *text = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
					   "POST /echo HTTP/1.1\r\nhost:a\r\nTransfer-Encoding: chunked\r\n\r\n"
					   "2;x=y\r\nde\r\n1\r\nf\r\n0\r\nTrailer: z\r\n\r\n";
	for (size_t i = 0; text[i] != '\0'; i++) {
		fake_put(&sock->to_server, text + i, 1);
		fake_run();
	}
	assert_got(sock, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Type: text/plain\r\n\r\nabc"
					 "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Type: text/plain\r\n\r\ndef");
	assert_int_equal(seen.ended, 2);
	stop(sock);
}

static void
what_comes_ahead_waits_for_its_turn(void **state)
{
	(void)state;
	FakeSock *sock = start();
	put(sock, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\nGET /hello HTTP/1.1\r\nHost: a\r\n\r\n"
			  "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_got(sock, "");
	assert_int_equal(seen.begun, 1);
	http_reply(seen.req, 204, NULL, slice_text(""));
	fake_run();
	assert_got(sock, "HTTP/1.1 204 No Content\r\n\r\n" HELLO HELLO);
	stop(sock);
}

static void
a_packed_body_is_unpacked(void **state)
{
	(void)state;
	static const char packed[] = // "hello\n"
		"\x1f\x8b\x08\0\0\0\0\0\0\x03\xcb\x48\xcd\xc9\xc9\xe7\x02\0\x20\x30\x3a\x36\x06\0\0\0";
	FakeSock *sock = start();
	put(sock,
		"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: 26\r\n\r\n");
	fake_put(&sock->to_server, packed, sizeof(packed) - 1);
	fake_run();
	assert_status(sock, 200, "hello\n");

	put(sock,
		"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: 20\r\n\r\n");
	fake_put(&sock->to_server, packed, 20);
	fake_run();
	assert_status(sock, 400, "inside its gzip stream");
	put(sock,
		"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc");
	assert_status(sock, 400, "no gzip stream");
	put(sock,
		"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Encoding: br\r\nContent-Length: 3\r\n\r\nabc");
	assert_status(sock, 415, "gzip or not at all");
	put(sock, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_got(sock, HELLO);
	stop(sock);
}

static void
path_and_parameters_are_decoded(void **state)
{
	(void)state;
	FakeSock *sock = start();
	put(sock, "GET /tell/a%20b+c?x=1&y=%C3%A4+z&&novalue&x=%26 HTTP/1.1\r\nHost: other\r\n\r\n");
	assert_status(sock, 200, "\r\n\r\nGET /tell/a b+c|x=1|y=\xc3\xa4 z|novalue=|x=& origin");
	put(sock, "GET http://a/tell/ HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_status(sock, 200, "\r\n\r\nGET /tell/ origin");
	static const char *const bad[] = {"/tell/%",   "/tell/%4",     "/tell/%zz", "/tell/%00",
									  "/tell/%ff", "/tell/?a=%ff", "tell",      "*",
									  "/tell/#x",  "/tell/?%00=1"};
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		char text[100];
		snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", bad[i]);
		FakeSock *other = fake_connect();
		put(other, text);
		assert_status(other, 400, "\"code\":\"invalid_argument\"");
		leave(other);
	}
	stop(sock);
}

static void
a_browser_is_known_by_host_and_origin(void **state)
{
	(void)state;
	static const char *const cases[][3] = {
		{"127.0.0.1:8093", NULL, " host origin"},
		{"[::1]:8093", "http://[::1]:8093", " host origin"},
		{"localhost", "null", " host"},
		{"LOCALHOST:1", "https://localhost:1", " host origin"},
		{"db.example:80", "https://graph.example", " host origin"},
		{"evil.example", "http://evil.example", " origin"},
		{"127.0.0.1.evil.example", "http://127.0.0.1", ""},
		{"localhost", "http://localhost:81", " host"},
	};
	FakeSock *sock = start();
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char text[200];
		char expected[60];
		snprintf(text, sizeof(text), "GET /tell/ HTTP/1.1\r\nHost: %s\r\n%s%s%s\r\n", cases[i][0],
				 cases[i][1] != NULL ? "Origin: " : "", cases[i][1] != NULL ? cases[i][1] : "",
				 cases[i][1] != NULL ? "\r\n" : "");
		put(sock, text);
		snprintf(expected, sizeof(expected), "GET /tell/%s", cases[i][2]);
		const char *body = strstr(got(sock), "\r\n\r\n") + 4;
		assert_string_equal(body, expected);
	}
	stop(sock);
}

static void
an_answer_is_streamed_as_fast_as_it_is_taken(void **state)
{
	(void)state;
	FakeSock *sock = start();
	put(sock, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_true(http_add_header(seen.req, "X-Thing", slice_text("1")));
	assert_false(http_add_header(seen.req, "Bad Name", slice_text("1")));
	assert_false(http_add_header(seen.req, "X", slice_text("a\r\nb: c")));
	assert_false(http_add_header(seen.req, "Content-Length", slice_text("1")));
	http_answer(seen.req, 200, HTTP_STREAMED);
	sock->take_max = 150;
	static char block[MIB + 1];
	memset(block, 'x', sizeof(block));
	assert_true(http_send(seen.req, &(Piece){(const uint8_t *)"abc", 3, NULL}, 1));
	assert_false(http_send(seen.req, &(Piece){(const uint8_t *)block, sizeof(block), NULL}, 1));
	fake_run();
	assert_int_equal(seen.writable, 0);
	assert_status(sock, 200, "\r\nTransfer-Encoding: chunked\r\nX-Thing: 1\r\n\r\n");
	sock->take_max = SIZE_MAX;
	fake_run();
	assert_int_equal(seen.writable, 1);
	assert_int_equal(http_send_queued(seen.req), 0);
	http_finish(seen.req);
	fake_run();
	assert_true(sock->to_client.len > sizeof(block) - 150);
	assert_memory_equal(sock->to_client.data + sock->to_client.len - 7, "\r\n0\r\n\r\n", 7);
	sock->to_client.pos = sock->to_client.len;
	assert_int_equal(seen.done, 1);
	put(sock, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_got(sock, HELLO);
	stop(sock);
}

static void
a_broken_answer_has_no_end(void **state)
{
	(void)state;
	FakeSock *sock = start();
	put(sock, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\nGET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
	http_answer(seen.req, 200, HTTP_STREAMED);
	http_send(seen.req, &(Piece){(const uint8_t *)"abc", 3, NULL}, 1);
	http_reply_error(seen.req, ST_CORRUPT, "too late", -1);
	fake_run();
	assert_got(sock, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
	assert_false(sock->open);
	FakeSock *other = fake_connect();
	put(other, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
	http_answer(seen.req, 200, 10);
	http_send(seen.req, &(Piece){(const uint8_t *)"abc", 3, NULL}, 1);
	http_finish(seen.req);
	fake_run();
	assert_status(other, 200, "\r\n\r\nabc");
	assert_false(other->open);
	leave(other);
	stop(sock);
}

static void
no_more_than_the_told_length_is_sent(void **state)
{
	(void)state;
	FakeSock *sock = start();
	put(sock, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
	http_answer(seen.req, 200, 4);
	http_send(seen.req, &(Piece){(const uint8_t *)"abc", 3, NULL}, 1);
	http_send(seen.req, &(Piece){(const uint8_t *)"def", 3, NULL}, 1);
	http_finish(seen.req);
	put(sock, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_got(sock, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabcd" HELLO);
	stop(sock);
}

static void
old_clients_are_served(void **state)
{
	(void)state;
	FakeSock *sock = start();
	put(sock, "GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
	assert_status(sock, 200, "Connection: keep-alive\r\n");
	put(sock, "GET /hold HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
	http_answer(seen.req, 200, HTTP_STREAMED);
	http_send(seen.req, &(Piece){(const uint8_t *)"abc", 3, NULL}, 1);
	http_finish(seen.req);
	fake_run();
	assert_got(sock, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc");
	assert_false(sock->open);
	stop(sock);
}

static void
who_waits_to_be_told_is_told(void **state)
{
	(void)state;
	FakeSock *sock = start();
	put(sock,
		"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
	assert_got(sock, "HTTP/1.1 100 Continue\r\n\r\n");
	put(sock, "abc");
	assert_status(sock, 200, "\r\n\r\nabc");
	// Refused before it sends, it does not send, and what it sends then is no request.
	put(sock,
		"POST /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
	assert_status(sock, 405, "Connection: close\r\nAllow: GET, HEAD\r\n");
	assert_false(sock->open);
	stop(sock);
}

static void
a_handler_that_pauses_gets_no_more(void **state)
{
	(void)state;
	FakeSock *sock = start();
	put(sock, "POST /hold HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: "
			  "1000000\r\n\r\n");
	got(sock);
	static char block[100000];
	fake_put(&sock->to_server, block, sizeof(block));
	fake_run();
	assert_int_equal(seen.body.len, sizeof(block));
	http_pause(seen.req);
	for (int i = 0; i < 9; i++)
		fake_put(&sock->to_server, block, sizeof(block));
	fake_run();
	fake_advance(100 * SECOND);
	assert_int_equal(seen.body.len, sizeof(block));
	http_resume(seen.req);
	fake_run();
	assert_int_equal(seen.body.len, 10 * sizeof(block));
	assert_int_equal(seen.ended, 1);
	http_reply(seen.req, 200, NULL, slice_text(""));
	fake_run();
	assert_status(sock, 200, "Content-Length: 0\r\n");
	stop(sock);
}

static void
an_answer_may_come_before_the_request_has_ended(void **state)
{
	(void)state;
	FakeSock *sock = start();
	put(sock, "POST /hold HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc");
	http_reply(seen.req, 200, NULL, slice_text("x"));
	fake_run();
	assert_int_equal(seen.done, 0);
	put(sock, "defGET /hello HTTP/1.1\r\nHost: a\r\n\r\n"); // the little that is left is read past
	assert_got(sock, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx" HELLO);
	put(sock, "POST /hold HTTP/1.1\r\nHost: a\r\nContent-Length: 600000\r\n\r\nabc");
	http_reply(seen.req, 200, NULL, slice_text("x"));
	fake_run();
	assert_got(sock, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx");
	assert_int_equal(seen.done, 3);
	assert_false(sock->open);
	stop(sock);
}

static void
both_protocols_share_a_port(void **state)
{
	(void)state;
	GrpcOptions grpc_options;
	GrpcServer *grpc;
	grpc_options_init(&grpc_options);
	NetOptions net_options;
	net_options_init(&net_options);
	net_options.loops = 1;
	assert_int_equal(grpc_server_new(&grpc_options, &grpc, NULL), ST_OK);
	assert_int_equal(http_server_new(&options, &http, NULL), ST_OK);
	assert_int_equal(net_server_new(&net_options, &net, NULL), ST_OK);
	assert_int_equal(
		net_server_listen(net, FAKE_LISTENER, &(NetPort){.grpc = grpc, .http = http}, NULL), ST_OK);
	FakeSock *h1 = fake_connect();
	put(h1, "P");
	put(h1, "OST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx");
	assert_status(h1, 200, "\r\n\r\nx");
	FakeSock *h2 = fake_connect();
	put(h2, "PR");
	assert_int_equal(h2->to_client.len, 0);
	put(h2, "I * HTTP/2.0\r\n\r\nSM\r\n\r\n");
	assert_true(h2->to_client.len > 9 && h2->to_client.data[3] == 4); // SETTINGS
	FakeSock *silent = fake_connect();
	fake_run();
	FakeSock *drained = fake_connect();
	fake_run();
	leave(drained);
	fake_advance(10 * SECOND);
	assert_false(silent->open);
	FakeSock *late = fake_connect();
	fake_run();
	net_server_drain(net, os.now_ns + SECOND);
	fake_run();
	assert_false(late->open);
	leave(late);
	leave(silent);
	leave(h2);
	net_server_free(TAKE(net));
	grpc_server_free(grpc);
	fake_forget(h1);
	server_free();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_request_is_answered_and_another_on_the_same_connection, set_up),
		cmocka_unit_test_setup(bytes_may_come_one_by_one, set_up),
		cmocka_unit_test_setup(what_comes_ahead_waits_for_its_turn, set_up),
		cmocka_unit_test_setup(a_packed_body_is_unpacked, set_up),
		cmocka_unit_test_setup(path_and_parameters_are_decoded, set_up),
		cmocka_unit_test_setup(a_browser_is_known_by_host_and_origin, set_up),
		cmocka_unit_test_setup(an_answer_is_streamed_as_fast_as_it_is_taken, set_up),
		cmocka_unit_test_setup(a_broken_answer_has_no_end, set_up),
		cmocka_unit_test_setup(no_more_than_the_told_length_is_sent, set_up),
		cmocka_unit_test_setup(old_clients_are_served, set_up),
		cmocka_unit_test_setup(who_waits_to_be_told_is_told, set_up),
		cmocka_unit_test_setup(a_handler_that_pauses_gets_no_more, set_up),
		cmocka_unit_test_setup(an_answer_may_come_before_the_request_has_ended, set_up),
		cmocka_unit_test_setup(both_protocols_share_a_port, set_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
