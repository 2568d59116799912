// WebSocket as a protocol of a connection: frames in, what waits out, pings, and both handshakes'
// end.

#include <string.h>

#include "base/log.h"
#include "net/websocket_int.h"

enum { HELD_MAX = 64 << 10 }; // while paused; then nothing is read

static const int64_t PING_NS = WEBSOCKET_PING_S * INT64_C(1000000000);
static const int64_t DEAD_NS = INT64_C(45000000000);
static const int64_t CLOSE_NS = INT64_C(5000000000);

// ---- frames in ----

// The peer did what it may not: it is told, and not listened to any more.
static void
refuse(WebSocket *ws, int code, const char *problem)
{
	log_debug("websocket closed", "peer=%s code=%d reason=\"%s\"", ws->conn->peer, code, problem);
	websocket_cut(ws, code, problem);
	ws->deaf = true;
}

static void
take_close(WebSocket *ws, Slice payload)
{
	int refusal = 0;
	int code = ws_close_code(payload, &refusal);
	if (code == 0) {
		refuse(ws, refusal, "the close frame may not be so");
		return;
	}
	ws->peer_closed = ws->deaf = true;
	ws->peer_code = code;
	if (!ws->closing)
		websocket_send_close(ws, code, NULL);
}

static void
take_control(WebSocket *ws)
{
	Slice payload = buf_slice(&ws->reader.control);
	if (ws->reader.opcode == WS_CLOSE)
		take_close(ws, payload);
	else if (ws->reader.opcode == WS_PING && !ws->closing)
		websocket_send_control(ws, WS_PONG, payload);
}

static bool
takes_input(const WebSocket *ws)
{
	return !ws->paused && !ws->deaf;
}

static void
take_message(WebSocket *ws, WebSocketMessage *message)
{
	if (!ws->closing)
		ws->handler->message(ws, message);
	bytes_unref(TAKE(message->data));
}

// False: no memory.
static bool
take(WebSocket *ws, Slice *in)
{
	WebSocketMessage message = {0};
	WsNext next = ws_reader_next(&ws->reader, in, &message);
	bool paid =
		next == WS_MORE || next == WS_MESSAGE || flood_spend(&ws->budget, conn_now_ns(ws->conn));
	if (next == WS_MESSAGE)
		take_message(ws, &message);
	else if (next == WS_REFUSED)
		refuse(ws, ws->reader.close_code, ws->reader.problem);
	else if (!paid)
		refuse(ws, WEBSOCKET_POLICY, "too many frames that are no messages");
	else if (next == WS_CONTROL)
		take_control(ws);
	return next != WS_NO_SPACE;
}

// How many bytes were taken; false: no memory.
static bool
feed(WebSocket *ws, Slice data, size_t *taken)
{
	Slice rest = data;
	bool ok = true;
	while (rest.len > 0 && takes_input(ws) && ok)
		ok = take(ws, &rest);
	*taken = ws->deaf ? data.len : data.len - rest.len;
	return ok;
}

static bool
input(void *session, Slice data)
{
	WebSocket *ws = session;
	size_t taken = 0;
	ws->heard_ns = conn_now_ns(ws->conn);
	if (ws->held_pos == ws->held.len && !feed(ws, data, &taken))
		return false;
	if (!ws->deaf && taken < data.len)
		buf_add(&ws->held, data.data + taken, data.len - taken);
	return !ws->held.failed;
}

// Reads of what was held back; false: nothing.
static bool
pump(WebSocket *ws)
{
	if (ws->held_pos == ws->held.len || !takes_input(ws))
		return false;
	size_t taken;
	if (!feed(ws, slice_of(ws->held.data + ws->held_pos, ws->held.len - ws->held_pos), &taken))
		conn_break(ws->conn);
	ws->held_pos += taken;
	if (ws->held_pos == ws->held.len) {
		buf_close(&ws->held);
		ws->held_pos = 0;
	}
	return taken > 0 && !ws->conn->broken;
}

// ---- output ----

static bool
send_control_buffer(WebSocket *ws)
{
	size_t left = ws->control.len - ws->control_pos;
	if (left == 0)
		return true;
	ws->control_pos += stage_copy(ws->conn->stage, ws->control.data + ws->control_pos, left);
	if (ws->control_pos < ws->control.len)
		return false;
	buf_close(&ws->control);
	ws->control_pos = 0;
	return true;
}

// Which messages left with so many bytes.
static void
count_sent(WebSocket *ws, uint64_t sent)
{
	while (sent > 0) {
		uint64_t len;
		memcpy(&len, ws->lengths.data + ws->lengths_pos, sizeof(len));
		uint64_t rest = len - ws->front_sent;
		if (sent < rest) {
			ws->front_sent += sent;
			break;
		}
		sent -= rest;
		ws->front_sent = 0;
		ws->lengths_pos += sizeof(len);
	}
	if (ws->lengths_pos == ws->lengths.len) {
		buf_reset(&ws->lengths);
		ws->lengths_pos = 0;
	} else if (ws->lengths_pos > ws->lengths.len / 2) {
		ws->lengths.len -= ws->lengths_pos;
		memmove(ws->lengths.data, ws->lengths.data + ws->lengths_pos, ws->lengths.len);
		ws->lengths_pos = 0;
	}
}

// An idle WebSocket is small.
static void
release_queue(WebSocket *ws)
{
	queue_close(&ws->out);
	buf_close(&ws->lengths);
	ws->lengths_pos = 0;
}

static bool
gather(void *session)
{
	WebSocket *ws = session;
	if (websocket_is_done(ws) || !send_control_buffer(ws))
		return true;
	size_t before = ws->out.bytes;
	stage_queue(ws->conn->stage, &ws->out);
	count_sent(ws, before - ws->out.bytes);
	if (ws->full && ws->out.bytes < before && ws->out.bytes <= ws->handler->send_low_water) {
		ws->full = false;
		ws->writable_due = true;
	}
	if (ws->out.bytes == 0 && !ws->shaken)
		release_queue(ws);
	ws->shaken = true;
	if (ws->closing && ws->out.bytes == 0 && ws->close_by_ns == INT64_MAX)
		ws->close_by_ns = conn_now_ns(ws->conn) + CLOSE_NS;
	return true;
}

static bool
is_finished(const void *session)
{
	const WebSocket *ws = session;
	return websocket_is_done(ws) ||
		   (ws->closing && ws->deaf && ws->out.bytes == 0 && ws->control.len == 0);
}

static void
tell(void *session)
{
	WebSocket *ws = session;
	for (bool any = true; any;) {
		if (ws->writable_due) {
			ws->writable_due = false;
			if (!ws->closing && ws->handler->writable != NULL)
				ws->handler->writable(ws);
		} else {
			any = pump(ws);
		}
	}
	if (is_finished(ws))
		websocket_let_go(ws);
}

static bool
wants_input(const void *session)
{
	const WebSocket *ws = session;
	return ws->deaf || !ws->paused || ws->held.len - ws->held_pos < HELD_MAX;
}

// ---- patience ----

static int64_t
due_ns(const void *session)
{
	const WebSocket *ws = session;
	return ws->close_by_ns < ws->ping_ns ? ws->close_by_ns : ws->ping_ns;
}

static bool
on_due(void *session)
{
	WebSocket *ws = session;
	int64_t now = conn_now_ns(ws->conn);
	if (now >= ws->close_by_ns || (now >= ws->heard_ns + DEAD_NS && !ws->paused))
		return false;
	if (now >= ws->ping_ns) {
		ws->ping_ns = now + PING_NS;
		if (ws->out.bytes == 0)
			release_queue(ws);
		if (!ws->closing)
			websocket_send_control(ws, WS_PING, slice_text(""));
	}
	return true;
}

// ---- the end ----

static void
drain(void *session)
{
	websocket_close(session, WEBSOCKET_RESTART, "the server is stopping");
}

static void
stop(void *session)
{
	websocket_cut(session, WEBSOCKET_RESTART, "the server is stopping");
}

static void
end(void *session)
{
	WebSocket *ws = session;
	ws->conn->session = NULL;
	websocket_gone(ws);
}

const Protocol WEBSOCKET_PROTOCOL = {
	.input = input,
	.gather = gather,
	.tell = tell,
	.wants_input = wants_input,
	.is_finished = is_finished,
	.due_ns = due_ns,
	.on_due = on_due,
	.drain = drain,
	.stop = stop,
	.end = end,
};

void
websocket_begin(WebSocket *ws, Slice rest)
{
	Conn *conn = ws->conn;
	conn->protocol = &WEBSOCKET_PROTOCOL;
	conn->session = ws;
	ws->begun = true;
	if (ws->handler->send_buffer > 0)
		sock_limit_output(conn->fd, ws->handler->send_buffer);
	buf_add_slice(&ws->held, rest);
	if (ws->held.failed)
		conn_break(conn);
	if (atomic_load(&conn->server->draining))
		drain(ws);
	conn_want_flush(conn);
}
