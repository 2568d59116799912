// http_support.h - an HTTP server over fake_os.h whose handlers write down what happens to them,
// and a client that is a string.

#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "fake_os.h"
#include "net/server.h"
#include "net/websocket.h"

enum { KIB = 1024, MIB = 1024 * 1024 };
static const int64_t SECOND = INT64_C(1000000000);

// What the handlers saw.
static struct HttpSeen {
	int begun;
	int ended;
	int writable;
	int done;
	Buf body;         // of the last request
	HttpRequest *req; // the last one of /hold; referenced
} seen;

static inline void
forget_request(void)
{
	if (seen.req != NULL)
		http_unref(TAKE(seen.req));
}

static inline void
on_begin(HttpRequest *req)
{
	(void)req;
	seen.begun++;
	buf_reset(&seen.body);
}

static inline void
on_body(HttpRequest *req, Slice part)
{
	(void)req;
	buf_add_slice(&seen.body, part);
}

static inline void
on_done(HttpRequest *req)
{
	assert_true(http_is_done(req));
	seen.done++;
}

static inline void
hello_begin(HttpRequest *req)
{
	on_begin(req);
	http_reply(req, 200, "text/plain", slice_text("hello"));
}

static inline void
echo_end(HttpRequest *req)
{
	seen.ended++;
	http_reply(req, 200, "text/plain", buf_slice(&seen.body));
}

static inline void
hold_begin(HttpRequest *req)
{
	on_begin(req);
	forget_request();
	seen.req = http_ref(req);
}

static inline void
hold_end(HttpRequest *req)
{
	(void)req;
	seen.ended++;
}

static inline void
hold_writable(HttpRequest *req)
{
	(void)req;
	seen.writable++;
}

// Tells method, path and parameters.
static inline void
tell_begin(HttpRequest *req)
{
	on_begin(req);
	SCOPED(buf_close) Buf text = BUF_INIT;
	Slice name;
	Slice value;
	buf_add_slice(&text, http_method(req));
	buf_add_text(&text, " ");
	buf_add_slice(&text, http_path(req));
	for (size_t i = 0; http_query_at(req, i, &name, &value); i++) {
		buf_add_text(&text, "|");
		buf_add_slice(&text, name);
		buf_add_text(&text, "=");
		buf_add_slice(&text, value);
	}
	static const char *const hosts[] = {"db.example", NULL};
	static const char *const origins[] = {"https://graph.example", NULL};
	buf_add_text(&text, http_host_is_ours(req, hosts) ? " host" : "");
	buf_add_text(&text, http_origin_is_ours(req, origins) ? " origin" : "");
	http_reply(req, 200, NULL, buf_slice(&text));
}

static const WebSocketHandler *websocket_handler; // of /ws; NULL: none

static inline void
websocket_request(HttpRequest *req)
{
	static const char *const protocols[] = {"mobius.v1.json", NULL};
	on_begin(req);
	WebSocket *ws;
	Error err = ERROR_INIT;
	if (websocket_accept(req, websocket_handler, websocket_subprotocol(req, protocols), NULL, &ws,
						 &err) != ST_OK)
		assert_true(err.text[0] != '\0');
}

static const HttpHandler HTTP_HANDLERS[] = {
	{.method = "GET", .path = "/hello", .begin = hello_begin, .done = on_done},
	{.method = "POST",
	 .path = "/echo",
	 .begin = on_begin,
	 .body = on_body,
	 .end = echo_end,
	 .done = on_done},
	{.method = "POST",
	 .path = "/small",
	 .max_body = 10,
	 .begin = on_begin,
	 .body = on_body,
	 .end = echo_end,
	 .done = on_done},
	{.path = "/hold",
	 .begin = hold_begin,
	 .body = on_body,
	 .end = hold_end,
	 .writable = hold_writable,
	 .done = on_done},
	{.path = "/ws", .begin = websocket_request, .done = on_done},
	{.path = "/tell/*", .begin = tell_begin, .done = on_done},
};

static HttpOptions options; // of the next server
static NetServer *net;
static HttpServer *http;
static NetPort port; // of the next server, but for http

static inline int
set_up(void **state)
{
	(void)state;
	seen = (struct HttpSeen){0};
	port = (NetPort){0};
	http_options_init(&options);
	options.handlers = HTTP_HANDLERS;
	options.handler_count = COUNT_OF(HTTP_HANDLERS);
	return 0;
}

static inline Status
server_try(void)
{
	NetOptions net_options;
	net_options_init(&net_options);
	net_options.loops = 1;
	TRY(http_server_new(&options, &http, NULL));
	TRY(net_server_new(&net_options, &net, NULL));
	return net_server_listen(net, FAKE_LISTENER, &(NetPort){port.grpc, http, port.tls}, NULL);
}

static inline void
server_free(void)
{
	forget_request();
	net_server_free(TAKE(net));
	if (http != NULL)
		assert_int_equal(http_server_counts(http).requests_open, 0);
	http_server_free(TAKE(http));
	buf_close(&seen.body);
	assert_int_equal(seen.begun, seen.done);
	assert_int_equal(mem_live(), 0);
}

static inline FakeSock *
start(void)
{
	assert_int_equal(server_try(), ST_OK);
	FakeSock *sock = fake_connect();
	fake_run();
	return sock;
}

static inline void
leave(FakeSock *sock)
{
	sock->ended = true;
	if (os.loop != NULL)
		fake_run();
	fake_forget(sock);
}

static inline void
stop(FakeSock *sock)
{
	leave(sock);
	server_free();
}

static inline void
put(FakeSock *sock, const char *text)
{
	fake_put(&sock->to_server, text, strlen(text));
	fake_run();
}

// All that came since the last time, without the dates. Good until the next call.
static inline const char *
got(FakeSock *sock)
{
	static char text[MIB];
	size_t len = fake_get(&sock->to_client, text, sizeof(text) - 1);
	text[len] = '\0';
	for (char *date; (date = strstr(text, "Date: ")) != NULL;) {
		char *end = strstr(date, "\r\n") + 2;
		memmove(date, end, strlen(end) + 1);
	}
	return text;
}

static inline void
assert_got(FakeSock *sock, const char *expected)
{
	assert_string_equal(got(sock), expected);
}

static inline void
assert_status(FakeSock *sock, int status, const char *part)
{
	const char *text = got(sock);
	char line[32];
	snprintf(line, sizeof(line), "HTTP/1.1 %d ", status);
	if (strncmp(text, line, strlen(line)) != 0 || strstr(text, part) == NULL)
		fail_msg("'%s' is not %d with '%s'", text, status, part);
}
