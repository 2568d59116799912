// socket_int.h - a WebSocket of /subscribe and the subscriptions on it.
//
//     client  init, subscribe, credit, unsubscribe, ping        JSON texts
//     server  ready, subscribed, rows, snapshot_end, progress, gap, error, complete, pong
//
// Three forms: mobius.v1.json has rows as JSON arrays; mobius.v1.arrow has them, their schema and
// progress in binary messages; the plain one (?sql=…, no subprotocol) has one subscription, rows as
// objects, and nothing to say for the client.
//
// A binary message, little-endian, never compressed:
//
//      0 u8 kind: 1 schema, 2 rows, 3 progress · u8 flags: 1 of the snapshot, 4 last of its commit
//      2 u16 0
//      4 u32 the subscription's "n"
//      8 u64 seq
//     16 u64 0 (the commit's time, where it is known)
//     24 one encapsulated Arrow IPC message; none of progress
//
// Threads  the WebSocket's loop; events of subscriptions come from any.

#pragma once

#include <jansson.h>

#include "net/websocket.h"
#include "web/web_int.h"

enum {
	SOCKET_SUBSCRIPTIONS = 100,   // of one WebSocket
	SOCKET_MESSAGE_BYTES = 65536, // of one of the client's
};

// Close codes beside those of websocket.h.
enum {
	SOCKET_SLOW = 4010, // with a position: subscribe again behind it
	SOCKET_MALFORMED = 4400,
	SOCKET_NOT_BEGUN = 4401,
	SOCKET_TOO_LATE = 4408, // no init in 10 s
	SOCKET_SAME_ID = 4409,
	SOCKET_TOO_MANY = 4429,
};

typedef enum SocketForm { SOCKET_PLAIN, SOCKET_JSON, SOCKET_ARROW } SocketForm;

typedef struct SocketSub {
	struct SocketSub *next;
	mobius_subscription *sub;
	char *id;  // "" where the client named none
	bool told; // that it is subscribed
	uint32_t number;
} SocketSub;

typedef struct Socket {
	WebSocket *ws; // valid until `over`, or as long as a post is on its way
	Web *web;
	mobius_session *session;
	SocketForm form;
	char *client;        // as it calls itself; NULL: it did not
	bool over;           // done came
	bool begun;          // init came, or need not
	bool full;           // nothing is sent until it is writable
	LoopTimer *patience; // until init; NULL: it came
	SocketSub *first;    // served in turn
	SocketSub **last;
	uint32_t count;
	uint32_t next_number;
	LoopCall post;
	atomic_bool posted; // `post` is on its way: the socket lives until it ran
} Socket;

DEFINE_DROP(json_t, json_drop, json_decref)

extern const WebSocketHandler SOCKET_HANDLER;

// socket.c
Status socket_new(Web *web, SocketForm form, Socket **out, Error *err);
void socket_free(Socket *socket); // one that never began; NULL is allowed
// Its WebSocket is there, and keeps it from now on. The plain form need not say init.
void socket_begin(Socket *socket, WebSocket *ws);
void socket_init(Socket *socket); // the client has said it
// `request`: what mobius_subscription_open takes. What is wrong is told to the client.
void socket_subscribe(Socket *socket, const char *id, Slice request);
SocketSub *socket_find(const Socket *socket, const char *id); // NULL: none
SocketSub *socket_take_first(Socket *socket);    // out of the list; NULL: there is none
void socket_add(Socket *socket, SocketSub *sub); // behind the others
void socket_sub_free(SocketSub *sub);            // NULL is allowed

// socket_in.c
void socket_message(WebSocket *ws, WebSocketMessage *message);

// socket_out.c
void socket_send_text(Socket *socket, const Buf *text);
void socket_send_ready(Socket *socket);
void socket_send_complete(Socket *socket, const char *id);
void socket_send_error(Socket *socket, const char *id, const Error *err);
// Whatever its subscriptions have, in turn, until the client has enough for now.
void socket_serve(Socket *socket);
