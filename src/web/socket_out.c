// socket_out.c - what the server says over a WebSocket: a piece of the subscription's own, then
// what it shares with others.

#include <inttypes.h>

#include "base/text.h"
#include "web/socket_int.h"

enum {
	TURN_MESSAGES = 16, // then other subscriptions have their turn
	MOST_PIECES = 256,  // of an Arrow message
};

typedef enum BinaryKind { BINARY_SCHEMA = 1, BINARY_ROWS = 2, BINARY_PROGRESS = 3 } BinaryKind;

enum { BINARY_SNAPSHOT = 1, BINARY_LAST = 4 }; // flags

static void
send_pieces(Socket *socket, bool text, const Piece *pieces, size_t count)
{
	socket->full = !websocket_send(socket->ws, text, pieces, count);
}

// ---- messages of the socket itself ----

void
socket_send_text(Socket *socket, const Buf *text)
{
	if (text->failed) {
		websocket_close(socket->ws, WEBSOCKET_OVERLOADED, "no memory for a message");
		return;
	}
	send_pieces(socket, true, &(Piece){text->data, text->len, NULL}, 1);
}

void
socket_send_ready(Socket *socket)
{
	mobius_position at;
	mobius_error e = {0};
	if (mobius_position_now(socket->web->options.db, &at, &e) != MOBIUS_OK) {
		websocket_close(socket->ws, WEBSOCKET_OVERLOADED, e.text);
		return;
	}
	SCOPED(buf_close) Buf text = BUF_INIT;
	buf_add_printf(&text,
				   "{\"type\":\"ready\",\"epoch\":\"%s\",\"seq\":%" PRIu64
				   ",\"durable_seq\":%" PRIu64
				   ",\"limits\":{\"subs\":%d,\"msg_bytes\":%d},\"heartbeat_ms\":15000}",
				   at.epoch, at.seq, at.seq, SOCKET_SUBSCRIPTIONS, SOCKET_MESSAGE_BYTES);
	socket_send_text(socket, &text);
}

static void
add_begin(const char *type, const char *id, Buf *out)
{
	buf_add_printf(out, "{\"type\":\"%s\"", type);
	if (id[0] != '\0') {
		buf_add_text(out, ",\"id\":");
		text_json_string(out, slice_text(id));
	}
}

void
socket_send_complete(Socket *socket, const char *id)
{
	SCOPED(buf_close) Buf text = BUF_INIT;
	add_begin("complete", id, &text);
	buf_add_byte(&text, '}');
	socket_send_text(socket, &text);
}

void
socket_send_error(Socket *socket, const char *id, const Error *err)
{
	SCOPED(buf_close) Buf text = BUF_INIT;
	add_begin("error", id, &text);
	buf_add_printf(&text, ",\"code\":\"%s\",\"message\":", status_name(err->code));
	text_json_string(&text, slice_text(err->text));
	if (err->position >= 0)
		buf_add_printf(&text, ",\"position\":%" PRId32, err->position);
	buf_add_byte(&text, '}');
	socket_send_text(socket, &text);
}

// ---- messages of a subscription ----

static void
add_head(BinaryKind kind, const SocketSub *sub, const mobius_message *message, Buf *out)
{
	bool rows = kind == BINARY_ROWS;
	buf_add_byte(out, (uint8_t)kind);
	buf_add_byte(out, (uint8_t)((message->snapshot ? BINARY_SNAPSHOT : 0) |
								(rows && !message->more && !message->snapshot ? BINARY_LAST : 0)));
	buf_add_zeros(out, 2);
	buf_add_u32(out, sub->number);
	buf_add_u64(out, message->seq);
	buf_add_u64(out, 0);
}

static void
send_binary(Socket *socket, const SocketSub *sub, BinaryKind kind, const mobius_message *message)
{
	SCOPED(buf_close) Buf head = BUF_INIT;
	const mobius_frame *frame = &message->frame;
	add_head(kind, sub, message, &head);
	if (kind != BINARY_PROGRESS)
		web_add_encapsulated(&head, frame);
	size_t body = kind == BINARY_ROWS ? frame->pieces : 0;
	Piece pieces[MOST_PIECES + 1];
	if (head.failed || body > MOST_PIECES) {
		websocket_close(socket->ws, WEBSOCKET_OVERLOADED, "no memory for a message");
		return;
	}
	pieces[0] = (Piece){head.data, head.len, NULL};
	for (size_t i = 0; i < body; i++)
		pieces[i + 1] = (Piece){frame->body[i].data, frame->body[i].len, frame->body[i].owner};
	send_pieces(socket, false, pieces, body + 1);
}

static void
send_message(Socket *socket, SocketSub *sub, const mobius_message *message)
{
	bool arrow = socket->form == SOCKET_ARROW;
	if (arrow && message->kind == MOBIUS_MESSAGE_ROWS) {
		send_binary(socket, sub, BINARY_ROWS, message);
		return;
	}
	if (arrow && message->kind == MOBIUS_MESSAGE_PROGRESS) {
		send_binary(socket, sub, BINARY_PROGRESS, message);
		return;
	}
	send_pieces(socket, true, (const Piece *)message->text, message->text_pieces);
	if (arrow && message->kind == MOBIUS_MESSAGE_SUBSCRIBED)
		send_binary(socket, sub, BINARY_SCHEMA, message);
	sub->told |= message->kind == MOBIUS_MESSAGE_SUBSCRIBED;
}

// ---- in turn ----

typedef enum Served { SERVED_SOME, SERVED_NOTHING, SERVED_LAST } Served;

// After the error itself was sent.
static void
close_for(Socket *socket, const SocketSub *sub, const mobius_error *err)
{
	if (sub->told && err->code == MOBIUS_LIMIT)
		websocket_close(socket->ws, SOCKET_SLOW, err->text);
	else if (socket->form == SOCKET_PLAIN)
		websocket_close(socket->ws, sub->told ? WEBSOCKET_GOING_AWAY : SOCKET_MALFORMED, err->text);
}

static Served
serve(Socket *socket, SocketSub *sub)
{
	mobius_message message;
	for (int i = 0; i < TURN_MESSAGES && !socket->full; i++) {
		switch (mobius_subscription_next(sub->sub, &message)) {
		case MOBIUS_NEXT_FRAME: break;
		case MOBIUS_NEXT_WAIT: return i == 0 ? SERVED_NOTHING : SERVED_SOME;
		case MOBIUS_NEXT_END:
			if (socket->form == SOCKET_PLAIN)
				websocket_close(socket->ws, WEBSOCKET_NORMAL, "");
			return SERVED_LAST;
		case MOBIUS_NEXT_FAILED:
			websocket_close(socket->ws, WEBSOCKET_OVERLOADED, "no memory for a message");
			return SERVED_LAST;
		}
		send_message(socket, sub, &message);
		if (message.kind == MOBIUS_MESSAGE_ERROR)
			close_for(socket, sub, message.error);
	}
	return SERVED_SOME;
}

// A client that takes nothing is not told by what waits behind that.
static void
look_for_slow(Socket *socket)
{
	for (SocketSub *sub = socket->first; sub != NULL; sub = sub->next) {
		const mobius_error *err = mobius_subscription_error(sub->sub);
		if (err != NULL && err->code == MOBIUS_LIMIT) {
			websocket_cut(socket->ws, SOCKET_SLOW, err->text);
			return;
		}
	}
}

void
socket_serve(Socket *socket)
{
	if (socket->full) {
		look_for_slow(socket);
		return;
	}
	uint32_t idle = 0;
	while (idle < socket->count && !socket->full) {
		SocketSub *sub = socket_take_first(socket);
		Served served = serve(socket, sub);
		if (served == SERVED_LAST)
			socket_sub_free(sub);
		else
			socket_add(socket, sub);
		idle = served == SERVED_NOTHING ? idle + 1 : 0;
	}
}
