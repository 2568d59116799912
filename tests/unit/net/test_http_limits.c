#include "http_support.h"

#include "os/file.h"

// What HTTP/1.1 is when all is not well: refusals, limits, time, and every fault there can be.

static void
what_is_no_request_is_refused(void **state)
{
	(void)state;
	static const struct {
		int status;
		bool closes;
		const char *text;
	} cases[] = {
		{404, false, "GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n"},
		{405, false, "PUT /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx"},
		{400, false, "GET /hello HTTP/1.1\r\n\r\n"},
		{400, false, "GET /hello HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"},
		{417, false, "GET /hello HTTP/1.1\r\nHost: a\r\nExpect: more\r\n\r\n"},
		{501, true, "nonsense\r\n\r\n"},
		{400, true, "GET /hello HTTP/1.1\r\nHost: a\r\nbad name: x\r\n\r\n"},
		{400, true, "GET /hello HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n"},
		{400, true,
		 "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"},
		{400, true,
		 "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: "
		 "chunked\r\n\r\n"},
		{400, true, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n"},
		{400, true, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n"},
		{400, true, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"},
		{505, true, "GET /hello HTTP/2.0\r\nHost: a\r\n\r\n"},
		{413, false, "POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n01234567890"},
		{413, true,
		 "POST /small HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
		 "b\r\n01234567890\r\n0\r\n\r\n"},
	};
	FakeSock *sock = start();
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		FakeSock *other = fake_connect();
		put(other, cases[i].text);
		assert_status(other, cases[i].status, "{\"error\":{\"code\":\"");
		if (other->open == cases[i].closes)
			fail_msg("%s", cases[i].text);
		if (!cases[i].closes) {
			put(other, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
			assert_status(other, 200, "hello");
		}
		leave(other);
	}
	stop(sock);
}

static void
headers_are_bounded(void **state)
{
	(void)state;
	static char text[40 * KIB];
	FakeSock *sock = start();
	for (int kind = 0; kind < 3; kind++) {
		FakeSock *other = fake_connect();
		memset(text, 'x', sizeof(text) - 1);
		put(other, kind == 0 ? "GET /" : "GET /hello HTTP/1.1\r\nHost: a\r\n");
		for (int i = 0; kind == 1 && i < 5000; i++)
			put(other, "a: b\r\n");
		if (kind != 1)
			put(other, text);
		assert_status(other, kind == 0 ? 414 : 431, "resource_exhausted");
		assert_false(other->open);
		leave(other);
	}
	// Trailers count as well.
	put(sock, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n");
	put(sock, text);
	assert_status(sock, 431, "resource_exhausted");
	stop(sock);
}

static void
a_bomb_does_not_go_off(void **state)
{
	(void)state;
	// 10 MiB of zeros, by zlib, in 10 KiB; refused at the limit.
	options.max_body = MIB;
	FakeSock *sock = start();
	static const uint8_t head[] = {0x1f, 0x8b, 8, 0, 0, 0,    0,    0,    0,    3,    0xec, 0xc1,
								   1,    1,    0, 0, 0, 0x80, 0x90, 0xfe, 0xaf, 0xee, 8,    0x0a};
	put(sock, "POST /hold HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\n"
			  "Content-Length: 20000\r\n\r\n");
	fake_put(&sock->to_server, head, sizeof(head));
	for (int i = 0; i < 20000 - (int)sizeof(head); i++)
		fake_put(&sock->to_server, "", 1); // each a run of the same byte
	fake_run();
	const char *text = got(sock);
	assert_true(strncmp(text, "HTTP/1.1 4", 10) == 0);
	assert_true(seen.body.len <= MIB);
	stop(sock);
}

static void
time_is_bounded(void **state)
{
	(void)state;
	FakeSock *silent = start();
	FakeSock *slow = fake_connect();
	put(slow, "GET /hello HTTP/1.1\r\nHos");
	fake_advance(10 * SECOND);
	assert_false(silent->open);
	assert_got(silent, "");
	assert_status(slow, 408, "deadline_exceeded");
	assert_false(slow->open);
	fake_forget(slow);
	fake_forget(silent);

	FakeSock *idle = fake_connect();
	put(idle, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
	fake_advance(119 * SECOND);
	assert_true(idle->open);
	fake_advance(SECOND);
	assert_false(idle->open);
	fake_forget(idle);

	FakeSock *body = fake_connect();
	put(body, "POST /hold HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");
	static char text[31 * KIB];
	memset(text, 'x', sizeof(text) - 1);
	put(body, text);
	fake_advance(30 * SECOND);
	assert_true(body->open);
	fake_advance(30 * SECOND);
	assert_status(body, 408, "deadline_exceeded");
	assert_false(body->open);

	FakeSock *waiting = fake_connect(); // for the server: that may take as long as it takes
	put(waiting, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
	fake_advance(1000 * SECOND);
	assert_true(waiting->open);
	http_reply(seen.req, 200, NULL, slice_text("x"));
	fake_run();
	assert_status(waiting, 200, "x");
	leave(waiting);
	stop(body);
}

static void
requests_are_bounded(void **state)
{
	(void)state;
	options.max_requests_connection = 2;
	options.max_requests_total = 2;
	FakeSock *sock = start();
	put(sock, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_status(sock, 200, "hello");
	put(sock, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
	HttpRequest *first = http_ref(seen.req);
	FakeSock *second = fake_connect();
	put(second, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
	FakeSock *beginning = fake_connect(); // is none yet
	put(beginning, "GET /hello HTTP/1.1\r\n");
	FakeSock *third = fake_connect();
	put(third, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_status(third, 503, "too many requests");
	http_reply(first, 200, NULL, slice_text("x"));
	http_unref(first);
	fake_run();
	assert_status(sock, 200, "Connection: close\r\n");
	assert_false(sock->open);
	put(third, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_status(third, 200, "hello");
	leave(beginning);
	leave(second);
	leave(third);
	stop(sock);
}

static void
a_client_that_goes_takes_its_request_along(void **state)
{
	(void)state;
	FakeSock *sock = start();
	put(sock, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_int_equal(seen.done, 0);
	leave(sock);
	assert_int_equal(seen.done, 1);
	http_answer(seen.req, 200, 5); // in vain
	assert_false(http_send(seen.req, &(Piece){(const uint8_t *)"hello", 5, NULL}, 1));
	http_finish(seen.req);
	http_pause(seen.req);
	http_resume(seen.req);
	assert_int_equal(http_server_counts(http).requests_open, 1); // somebody still holds it

	FakeSock *other = fake_connect();
	put(other, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
	HttpRequest *req = TAKE(seen.req);
	net_server_free(TAKE(net));
	assert_int_equal(seen.done, 2);
	http_server_free(TAKE(http));
	assert_true(http_is_done(req));
	http_reply(req, 200, NULL, slice_text("x"));
	http_unref(req);
	fake_forget(other);
	server_free();
}

static void
a_drain_lets_requests_end(void **state)
{
	(void)state;
	FakeSock *idle = start();
	put(idle, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
	FakeSock *busy = fake_connect();
	put(busy, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\nGET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
	HttpRequest *first = http_ref(seen.req);
	FakeSock *stuck = fake_connect();
	put(stuck, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
	net_server_drain(net, os.now_ns + 10 * SECOND);
	fake_run();
	assert_false(idle->open);
	assert_true(busy->open);
	http_reply(first, 200, NULL, slice_text("x"));
	http_unref(first);
	fake_run();
	assert_got(busy, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx");
	assert_false(busy->open);
	fake_advance(10 * SECOND);
	assert_status(stuck, 503, "the server is stopping");
	assert_false(stuck->open);
	fake_forget(busy);
	fake_forget(stuck);
	fake_forget(idle);
	server_free();
}

// ---- faults ----

static int
use_server(FakeSock *sock)
{
	static char block[100000];
	int good = 0;
	put(sock, "GET /tell/%20?a=b&c=d HTTP/1.1\r\nHost: a\r\n\r\n");
	good += strstr(got(sock), "|a=b|c=d") != NULL;
	put(sock, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
			  "3\r\nabc\r\n0\r\n\r\nGET /nothing HTTP/1.1\r\nHost: a\r\n\r\n");
	const char *text = got(sock);
	good += strstr(text, "\r\n\r\nabc") != NULL && strstr(text, "404 Not Found") != NULL;
	put(sock,
		"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: 26\r\n\r\n");
	fake_put(&sock->to_server,
			 "\x1f\x8b\x08\0\0\0\0\0\0\x03\xcb\x48\xcd\xc9\xc9\xe7\x02\0\x20\x30\x3a\x36\x06\0\0\0",
			 26);
	fake_run();
	good += strstr(got(sock), "hello\n") != NULL;
	put(sock, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
	if (seen.req != NULL) {
		http_answer(seen.req, 200, HTTP_STREAMED);
		http_send(seen.req, &(Piece){(const uint8_t *)block, sizeof(block), NULL}, 1);
		http_finish(seen.req);
	}
	fake_run();
	const char *end = (const char *)sock->to_client.data + sock->to_client.len;
	good += sock->to_client.len > 100000 && memcmp(end - 5, "0\r\n\r\n", 5) == 0;
	return good;
}

static void
run_faults(void (*arm)(long nth))
{
	bool failed = true;
	for (long nth = 0; failed; nth++) {
		seen = (struct HttpSeen){0};
		arm(nth);
		int good = 0;
		bool began = server_try() == ST_OK;
		FakeSock *sock = fake_connect();
		if (net != NULL) {
			good = use_server(sock);
			net_server_drain(net, os.now_ns + SECOND);
			fake_run();
			fake_advance(SECOND);
		}
		sock->waiting = false;
		leave(sock);
		forget_request();
		net_server_free(TAKE(net));
		http_server_free(TAKE(http));
		failed = fault_disarm();
		buf_close(&seen.body);
		assert_int_equal(mem_live(), 0);
		assert_int_equal(file_live(), 0);
		assert_int_equal(seen.begun, seen.done);
		if (!failed)
			assert_true(began && good == 4);
		assert_true(nth < 3000);
	}
}

static void
nothing_is_left_over_whatever_fails(void **state)
{
	(void)state;
	run_faults(fault_arm);
	run_faults(fault_arm_sticky);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_is_no_request_is_refused, set_up),
		cmocka_unit_test_setup(headers_are_bounded, set_up),
		cmocka_unit_test_setup(a_bomb_does_not_go_off, set_up),
		cmocka_unit_test_setup(time_is_bounded, set_up),
		cmocka_unit_test_setup(requests_are_bounded, set_up),
		cmocka_unit_test_setup(a_client_that_goes_takes_its_request_along, set_up),
		cmocka_unit_test_setup(a_drain_lets_requests_end, set_up),
		cmocka_unit_test_setup(nothing_is_left_over_whatever_fails, set_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
