// websocket.h - WebSocket (RFC 6455) on a connection of http.h: messages in and out. No
// extensions; version 13.
//
// Threads as of a request: all callbacks in the connection's loop, every function there, but
// websocket_ref, websocket_unref, websocket_is_done, websocket_loop and websocket_post.
//
// Life: a GET handler calls websocket_accept in `begin` or later. From then on the HttpRequest is
// over (its `done` comes) and the WebSocket is there: any of message / writable, then done exactly
// once: after the closing handshake, or when the connection went. No websocket_* function calls
// back before it returns. After done everything sent is ignored; the WebSocket stays valid until
// its last unref.
//
// What is no WebSocket is refused with the close code that fits: 1002 (unmasked or badly fragmented
// frames, reserved bits), 1007 (text that is not UTF-8), 1009 (too large), 1008 (floods). Pings are
// answered; a ping goes out every 15 s, and a peer that said nothing for 45 s is given up.
//
// Memory: less than 1 KiB in this process while idle. Messages out are pieces: large shared ones
// are referred to, small ones copied together; all that waits leaves in one system call.

#pragma once

#include "net/http.h"

typedef struct WebSocket WebSocket;

// One whole message, fragments put together, text checked to be UTF-8. Who gets a message owns its
// data: bytes_unref.
typedef struct WebSocketMessage {
	bool text;   // else binary
	Bytes *data; // never NULL; may be empty
} WebSocketMessage;

typedef struct WebSocketHandler {
	size_t max_message;     // bytes that a client's message may have: 1009
	size_t send_high_water; // websocket_send says full above this many queued bytes
	size_t send_low_water;  // `writable` comes at or below this many
	int send_buffer;        // bytes the system may hold back for a peer that does not read; 0: as
							// the system likes
	// Moves: takes what it keeps out of *message.
	void (*message)(WebSocket *ws, WebSocketMessage *message);
	void (*writable)(WebSocket *ws); // NULL: nothing
	void (*done)(WebSocket *ws);     // NULL: nothing
} WebSocketHandler;

// Close codes; 4000 to 4999 are the application's.
enum {
	WEBSOCKET_NORMAL = 1000,
	WEBSOCKET_GOING_AWAY = 1001,
	WEBSOCKET_PROTOCOL_ERROR = 1002,
	WEBSOCKET_NO_CODE = 1005,  // never sent: the peer's close had none
	WEBSOCKET_ABNORMAL = 1006, // never sent: there was no close
	WEBSOCKET_BAD_TEXT = 1007,
	WEBSOCKET_POLICY = 1008,
	WEBSOCKET_TOO_LARGE = 1009,
	WEBSOCKET_INTERNAL = 1011,
	WEBSOCKET_RESTART = 1012,
	WEBSOCKET_OVERLOADED = 1013,
};

// ---- the handshake ----

// Whether the request asks for a WebSocket (Upgrade: websocket), soundly or not.
bool websocket_is_asked(const HttpRequest *req);
// The first of `ours` (NULL ends them) that the client offers; NULL: none of them.
const char *websocket_subprotocol(const HttpRequest *req, const char *const *ours);
// Whether the client offers any subprotocol.
bool websocket_offers_subprotocol(const HttpRequest *req);

// Answers 101 and makes the WebSocket, which the caller does not own: `done` tells its end, and who
// wants it longer takes a reference. `subprotocol` NULL: none. `handler` is static or outlives it.
//   ST_INVALID    the handshake is wrong; *out is untouched and the request was answered: 400, or
//                 426 with Sec-WebSocket-Version: 13
//   ST_NO_MEMORY  answered with 503
Status websocket_accept(HttpRequest *req, const WebSocketHandler *handler, const char *subprotocol,
						void *user, WebSocket **out, Error *err);

// ---- of a WebSocket ----

void *websocket_user(const WebSocket *ws);
void websocket_set_user(WebSocket *ws, void *user);
void *websocket_service(const WebSocket *ws);    // of the HttpServer
const char *websocket_peer(const WebSocket *ws); // "127.0.0.1:40112"

// Queues one message made of pieces (its own small head, the shared payload); takes a reference of
// each owner (bytes without owner are copied). False when more than the high-water mark is queued
// now: `writable` comes once the low-water mark is reached. The message is queued in any case.
bool websocket_send(WebSocket *ws, bool text, const Piece *pieces, size_t count);
size_t websocket_queued(const WebSocket *ws); // bytes not yet taken by the system
// Asks for `writable` at the low-water mark though the queue is not full. Nothing queued: no call.
void websocket_want_writable(WebSocket *ws);

// Stops and starts reading from this client: what it sends waits in the network.
void websocket_pause(WebSocket *ws);
void websocket_resume(WebSocket *ws);

// Ends it: what is queued leaves first, then the close frame; then the peer has 5 s for its own.
// The reason is cut at 123 bytes. The second call is ignored.
void websocket_close(WebSocket *ws, int code, const char *reason);
// At once, without what is queued: of what is queued only a message already begun is finished.
void websocket_cut(WebSocket *ws, int code, const char *reason);
bool websocket_is_closing(const WebSocket *ws); // by either side
// In `done`: what the peer's close said; WEBSOCKET_NO_CODE, WEBSOCKET_ABNORMAL.
int websocket_peer_code(const WebSocket *ws);

bool websocket_is_done(const WebSocket *ws);
WebSocket *websocket_ref(WebSocket *ws);
void websocket_unref(WebSocket *ws);

// Any thread: runs post->fn(post->arg) in the WebSocket's loop. The poster holds a reference until
// fn ran. Who has something for many posts once to each loop: that of two WebSockets is the same
// when websocket_loop says so.
void websocket_post(WebSocket *ws, LoopCall *post);
Loop *websocket_loop(const WebSocket *ws);
