// websocket_int.h - a WebSocket: what follows HTTP/1.1 on a connection that was upgraded.
//
// Threads  all but refs, done and post belongs to the connection's loop.

#pragma once

#include "net/flood_int.h"
#include "net/http_int.h"
#include "net/ws_reader_int.h"

struct WebSocket {
	atomic_uint refs; // the connection has one until it is closed
	atomic_bool done;
	Conn *conn;         // counted
	HttpServer *server; // counted
	const WebSocketHandler *handler;
	void *user;

	// What comes.
	WsReader reader;
	FloodBudget budget; // for frames that are no messages
	Buf held;           // came, and waits until it can be read
	size_t held_pos;
	int64_t heard_ns; // when something last came
	bool begun;       // it has the connection
	bool shaken;      // the handshake was sent
	bool paused;
	bool deaf;        // nothing more of the peer is looked at
	bool peer_closed; // its close frame came
	int peer_code;

	// What goes.
	PieceQueue out;
	Buf lengths; // of the messages in it, u64 each, from lengths_pos
	size_t lengths_pos;
	uint64_t front_sent; // of the first of them
	Buf control;         // frames that go before the queue, which was empty
	size_t control_pos;
	bool full; // the user waits for `writable`
	bool writable_due;
	bool closing;        // a close frame is queued
	int64_t ping_ns;     // when the next one goes
	int64_t close_by_ns; // then the closing handshake is given up; INT64_MAX: not begun
};

extern const Protocol WEBSOCKET_PROTOCOL;
enum { WEBSOCKET_PING_S = 15 };

WebSocket *websocket_new(HttpRequest *req, const WebSocketHandler *handler, void *user); // or NULL
// Takes the connection over, with what came behind the handshake, and the caller's reference.
void websocket_begin(WebSocket *ws, Slice rest);
void websocket_let_go(WebSocket *ws); // done, if it was not
void websocket_send_control(WebSocket *ws, uint8_t opcode, Slice payload);
void websocket_send_close(WebSocket *ws, int code, const char *reason); // the first of ours
// The connection went: done, and the caller's reference goes.
void websocket_gone(WebSocket *ws);
