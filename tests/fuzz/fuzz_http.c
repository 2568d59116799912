// What a client of HTTP/1.1 may send, in reads of any size, and a WebSocket behind it. Nothing is
// left over, and every request that was begun is done once.
//
// Input: byte 0 the size of reads, byte 1 how much of the output the socket takes at a time, byte 2
// what comes first: nothing, or the handshake of a WebSocket; the rest is what is sent.

#include "../unit/net/fake_os.h"
#include "net/server.h"
#include "net/websocket.h"

static int begun;
static int done;

static void
check(bool holds)
{
	if (!holds)
		abort();
}

static void
on_done(HttpRequest *req)
{
	(void)req;
	done++;
}

static void
on_message(WebSocket *ws, WebSocketMessage *message)
{
	Slice data = bytes_slice(message->data);
	websocket_send(ws, message->text, &(Piece){data.data, data.len, message->data}, 1);
}

static void
on_ws_done(WebSocket *ws)
{
	(void)ws;
	done++;
}

static const WebSocketHandler WEBSOCKET = {
	.max_message = 1000, .send_high_water = 2000, .message = on_message, .done = on_ws_done};

static void
ask(HttpRequest *req)
{
	Slice name;
	Slice value;
	for (size_t i = 0; http_query_at(req, i, &name, &value); i++)
		check(http_add_header(req, "X", name) || name.len > 0);
	http_host_is_ours(req, NULL);
	http_origin_is_ours(req, NULL);
}

static void
stream_begin(HttpRequest *req)
{
	begun++;
	ask(req);
	http_answer(req, 200, HTTP_STREAMED);
}

static void
stream_body(HttpRequest *req, Slice part)
{
	if (!http_send(req, &(Piece){part.data, part.len, NULL}, 1))
		http_pause(req);
}

static void
stream_end(HttpRequest *req)
{
	http_finish(req);
}

static void
reply_begin(HttpRequest *req)
{
	begun++;
	ask(req);
	http_reply(req, 200, "text/plain", http_path(req));
}

static void
upgrade_begin(HttpRequest *req)
{
	WebSocket *ws;
	begun++;
	if (websocket_accept(req, &WEBSOCKET, NULL, NULL, &ws, NULL) == ST_OK)
		begun++;
}

static const HttpHandler HANDLERS[] = {
	{.path = "/s",
	 .begin = stream_begin,
	 .body = stream_body,
	 .end = stream_end,
	 .writable = http_resume,
	 .done = on_done},
	{.path = "/w", .begin = upgrade_begin, .done = on_done},
	{.method = "GET", .begin = reply_begin, .done = on_done},
};

static void
play(const uint8_t *data, size_t size, size_t read_max, size_t write_max, bool websocket)
{
	static const char handshake[] =
		"GET /w HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
	FakeSock *sock = fake_connect();
	sock->take_max = write_max;
	if (websocket)
		fake_put(&sock->to_server, handshake, sizeof(handshake) - 1);
	for (size_t at = 0; at < size; at += read_max) {
		size_t left = size - at;
		fake_put(&sock->to_server, data + at, left < read_max ? left : read_max);
		fake_run();
		sock->take_max = write_max;
	}
	fake_advance(INT64_C(20000000000));
	sock->ended = true;
	fake_run();
	fake_forget(sock);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 3)
		return 0;
	HttpOptions options;
	HttpServer *http = NULL;
	NetOptions net_options;
	NetServer *net = NULL;
	net_options_init(&net_options);
	net_options.loops = 1;
	net_options.stage_bytes = 2000;
	http_options_init(&options);
	options.handlers = HANDLERS;
	options.handler_count = COUNT_OF(HANDLERS);
	options.max_body = 5000;
	options.max_header = 1000;
	options.max_target = 200;
	options.send_high_water = 500;
	begun = done = 0;
	check(http_server_new(&options, &http, NULL) == ST_OK);
	check(net_server_new(&net_options, &net, NULL) == ST_OK);
	check(net_server_listen(net, FAKE_LISTENER, &(NetPort){.http = http}, NULL) == ST_OK);
	play(data + 3, size - 3, (size_t)data[0] * 4 + 1, data[1] == 0 ? SIZE_MAX : (size_t)data[1] * 8,
		 data[2] & 1);
	net_server_free(net);
	check(begun == done);
	check(http_server_counts(http).requests_open == 0);
	check(http_server_counts(http).websockets_open == 0);
	http_server_free(http);
	check(mem_live() == 0);
	return 0;
}
