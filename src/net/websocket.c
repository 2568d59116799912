// What users of a WebSocket call. Every message out is a frame of its own; control frames go
// between messages, or before, when nothing is queued.

#include <string.h>

#include "base/mem.h"
#include "net/websocket_int.h"

enum { REASON_MAX = 123, HEAD_MAX = 10 };

static const int64_t CLOSE_NS = INT64_C(5000000000);

// ---- its life ----

WebSocket *
websocket_new(HttpRequest *req, const WebSocketHandler *handler, void *user)
{
	WebSocket *ws = mem_alloc(sizeof(*ws));
	if (ws == NULL)
		return NULL;
	atomic_init(&ws->refs, 1);
	ws->conn = conn_ref(req->conn);
	ws->server = http_server_ref(req->server);
	ws->handler = handler;
	ws->user = user;
	ws->peer_code = WEBSOCKET_ABNORMAL;
	ws->heard_ns = conn_now_ns(ws->conn);
	ws->ping_ns = ws->heard_ns + WEBSOCKET_PING_S * INT64_C(1000000000);
	ws->close_by_ns = INT64_MAX;
	ws_reader_init(&ws->reader, handler->max_message);
	flood_init(&ws->budget, ws->heard_ns);
	atomic_fetch_add_explicit(&ws->server->websockets_open, 1, memory_order_relaxed);
	return ws;
}

WebSocket *
websocket_ref(WebSocket *ws)
{
	atomic_fetch_add_explicit(&ws->refs, 1, memory_order_relaxed);
	return ws;
}

void
websocket_unref(WebSocket *ws)
{
	if (atomic_fetch_sub_explicit(&ws->refs, 1, memory_order_acq_rel) > 1)
		return;
	http_server_unref(ws->server);
	Conn *conn = ws->conn;
	mem_free(ws);
	conn_unref(conn);
}

void
websocket_let_go(WebSocket *ws)
{
	if (atomic_exchange_explicit(&ws->done, true, memory_order_acq_rel))
		return;
	queue_close(&ws->out);
	buf_close(&ws->lengths);
	buf_close(&ws->control);
	buf_close(&ws->held);
	ws->held_pos = 0;
	ws_reader_close(&ws->reader);
	atomic_fetch_sub_explicit(&ws->server->websockets_open, 1, memory_order_relaxed);
	if (ws->handler != NULL && ws->handler->done != NULL)
		ws->handler->done(ws);
}

void
websocket_gone(WebSocket *ws)
{
	websocket_let_go(ws);
	websocket_unref(ws);
}

// ---- frames out ----

static size_t
write_head(uint8_t head[HEAD_MAX], uint8_t opcode, uint64_t len)
{
	head[0] = (uint8_t)(WS_FINAL | opcode);
	size_t bytes = len <= WS_CONTROL_MAX ? 0 : len <= UINT16_MAX ? 2 : 8;
	head[1] = bytes == 0 ? (uint8_t)len : bytes == 2 ? 126 : 127;
	for (size_t i = 0; i < bytes; i++)
		head[2 + i] = (uint8_t)(len >> (8 * (bytes - 1 - i)));
	return 2 + bytes;
}

// As one frame behind what is queued.
static void
queue_frame(WebSocket *ws, uint8_t opcode, const Piece *pieces, size_t count)
{
	uint64_t len = 0;
	for (size_t i = 0; i < count; i++)
		len += pieces[i].len;
	uint8_t head[HEAD_MAX];
	size_t head_len = write_head(head, opcode, len);
	bool ok = queue_add(&ws->out, (Piece){head, head_len, NULL});
	for (size_t i = 0; i < count && ok; i++)
		ok = pieces[i].len == 0 || queue_add(&ws->out, pieces[i]);
	buf_add_u64(&ws->lengths, head_len + len);
	if (!ok || ws->lengths.failed)
		conn_break(ws->conn);
	conn_want_flush(ws->conn);
}

// An idle WebSocket has no queue, and a ping is no reason to make one.
void
websocket_send_control(WebSocket *ws, uint8_t opcode, Slice payload)
{
	Piece piece = {payload.data, payload.len, NULL};
	if (ws->out.bytes > 0) {
		queue_frame(ws, opcode, &piece, 1);
		return;
	}
	uint8_t head[HEAD_MAX];
	buf_add(&ws->control, head, write_head(head, opcode, payload.len));
	buf_add_slice(&ws->control, payload);
	if (ws->control.failed)
		conn_break(ws->conn);
	conn_want_flush(ws->conn);
}

bool
websocket_send(WebSocket *ws, bool text, const Piece *pieces, size_t count)
{
	if (websocket_is_done(ws) || ws->closing)
		return false;
	queue_frame(ws, text ? WS_TEXT : WS_BINARY, pieces, count);
	ws->full = ws->out.bytes > ws->handler->send_high_water;
	return !ws->full;
}

size_t
websocket_queued(const WebSocket *ws)
{
	return ws->out.bytes;
}

void
websocket_want_writable(WebSocket *ws)
{
	ws->full = ws->out.bytes > 0;
}

// ---- closing ----

void
websocket_send_close(WebSocket *ws, int code, const char *reason)
{
	size_t len = reason == NULL ? 0 : strnlen(reason, REASON_MAX + 1);
	if (len > REASON_MAX) {
		len = REASON_MAX;
		while (len > 0 && ((uint8_t)reason[len] & 0xC0) == 0x80)
			len--; // not inside a character
	}
	uint8_t payload[2 + REASON_MAX] = {(uint8_t)(code >> 8), (uint8_t)code};
	if (len > 0)
		memcpy(payload + 2, reason, len);
	ws->closing = true;
	ws->paused = false; // the peer's close frame is waited for
	websocket_send_control(ws, WS_CLOSE,
						   slice_of(payload, code == WEBSOCKET_NO_CODE ? 0 : 2 + len));
}

void
websocket_close(WebSocket *ws, int code, const char *reason)
{
	if (!websocket_is_done(ws) && !ws->closing)
		websocket_send_close(ws, code, reason);
}

// What is queued goes, but for the rest of a message that has begun to leave.
static void
drop_queue(WebSocket *ws)
{
	uint64_t rest = 0;
	if (ws->front_sent > 0) {
		memcpy(&rest, ws->lengths.data + ws->lengths_pos, sizeof(rest));
		rest -= ws->front_sent;
		ws->lengths.len = ws->lengths_pos + sizeof(rest);
	} else {
		ws->lengths.len = ws->lengths_pos;
	}
	queue_truncate(&ws->out, (size_t)rest);
}

void
websocket_cut(WebSocket *ws, int code, const char *reason)
{
	if (websocket_is_done(ws) || ws->closing)
		return;
	if (ws->begun) // before, the handshake is the first in the queue
		drop_queue(ws);
	websocket_send_close(ws, code, reason);
	ws->close_by_ns = conn_now_ns(ws->conn) + CLOSE_NS;
	conn_due_changed(ws->conn);
}

// ---- what is asked ----

void *
websocket_user(const WebSocket *ws)
{
	return ws->user;
}

void
websocket_set_user(WebSocket *ws, void *user)
{
	ws->user = user;
}

void *
websocket_service(const WebSocket *ws)
{
	return ws->server->options.service;
}

const char *
websocket_peer(const WebSocket *ws)
{
	return ws->conn->peer;
}

bool
websocket_is_closing(const WebSocket *ws)
{
	return ws->closing || ws->peer_closed || websocket_is_done(ws);
}

int
websocket_peer_code(const WebSocket *ws)
{
	return ws->peer_code;
}

bool
websocket_is_done(const WebSocket *ws)
{
	return atomic_load_explicit(&ws->done, memory_order_acquire);
}

void
websocket_post(WebSocket *ws, LoopCall *post)
{
	loop_post(ws->conn->net->loop, post);
}

Loop *
websocket_loop(const WebSocket *ws)
{
	return ws->conn->net->loop;
}

void
websocket_pause(WebSocket *ws)
{
	if (!ws->closing)
		ws->paused = true;
}

void
websocket_resume(WebSocket *ws)
{
	if (websocket_is_done(ws) || !ws->paused)
		return;
	ws->paused = false;
	ws->heard_ns = conn_now_ns(ws->conn);
	conn_want_flush(ws->conn); // what waits is read there
}
