// http_int.h - HTTP/1.1 on a connection: its parser, the request at hand, and what is being sent.
//
// Threads  of a request all but refs, done and post belongs to the connection's loop; counters are
//          atomic.

#pragma once

#include <stdatomic.h>

#include "net/conn_int.h"
#include "net/gunzip_int.h"
#include "net/h1_parser_int.h"
#include "net/http.h"
#include "net/metadata_int.h"
#include "net/queue_int.h"

struct HttpServer {
	atomic_uint refs; // the owner's, and one per connection and request
	HttpOptions options;
	atomic_uint_fast64_t requests_open;
	atomic_uint_fast64_t requests_total;
	atomic_uint_fast64_t websockets_open;
};

HttpServer *http_server_ref(HttpServer *server);
void http_server_unref(HttpServer *server);

typedef struct H1 {
	Conn *conn;
	HttpServer *server; // counted
	H1Parser *parser;
	HttpRequest *req; // being read or answered; NULL: none
	PieceQueue out;
	Buf held; // came, and waits until it can be read
	size_t held_pos;
	uint32_t requests;     // begun so far
	bool keep_alive;       // another request may follow the one at hand
	bool deaf;             // nothing more of the peer can be understood
	bool draining;         // no more requests
	int64_t idle_since_ns; // no request is at hand; at first, since the connection came
} H1;

struct HttpRequest {
	atomic_uint refs; // the connection has one until it is done
	atomic_bool done;
	Conn *conn;         // counted
	HttpServer *server; // counted
	H1 *h1;             // while not done
	const HttpHandler *handler;
	void *user;
	bool begun; // the handler was told

	// What was asked.
	int64_t began_ns;
	const char *method;
	HeaderList fields;
	size_t host_count;
	Buf path;
	HeaderList params; // of the query, decoded
	bool is_1_0;
	bool is_upgrade;
	bool chunked_in;
	int64_t content_length; // -1: not told
	bool head_read;
	bool read; // to its end
	bool paused;
	bool continues; // the client waits for 100
	size_t max_body;
	size_t body_bytes; // unpacked
	size_t raw_bytes;  // as they came
	size_t slow_bytes; // of them, at slow_since_ns
	int64_t slow_since_ns;
	Gunzip *gunzip; // NULL: the body is not packed

	// What is answered.
	Buf head; // fields that the handler adds
	bool answered;
	bool has_body; // the answer's, on the wire
	bool chunked;
	uint64_t left; // of the length that was told
	bool finished;
	bool full;                   // the handler waits for `writable`
	bool writable_due;           // and is to be told
	struct WebSocket *websocket; // whose connection this is from now on; a reference
};

extern const Protocol H1_PROTOCOL;

// Speaks HTTP/1.1 on the connection.
Status h1_new(Conn *conn, HttpServer *server, H1 **out, Error *err);
// Puts the front of a queue into the stage, as far as there is room.
void stage_queue(Stage *stage, PieceQueue *queue);

// ---- h1_read.c ----

extern const H1Events H1_EVENTS; // of a H1

// ---- http_request.c ----

HttpRequest *request_new(H1 *h1); // NULL: no memory
// Path and parameters. ST_INVALID, ST_NO_MEMORY.
Status request_set_target(HttpRequest *req, Slice target, Error *err);
bool request_expects_continue(const HttpRequest *req);

// ---- http_answer.c ----

// {"error":…} with any HTTP status; when an answer began already it is broken off.
void answer_problem(HttpRequest *req, int status, Status code, const char *text, int32_t position);
void answer_continue(HttpRequest *req); // 100, if the client waits for it
// Whether the answer was handed to the connection, and nothing more of the request is waited for.
bool answer_is_over(const HttpRequest *req);
const char *http_reason(int status);
