// http.h - an HTTP/1.1 server: requests in, calls out. Knows nothing of databases.
//
// A connection lives on one I/O loop (net/server.h) and so does each of its requests: every
// callback of a request runs in that loop's thread, and every http_* function of a request must be
// called there, but http_ref, http_unref, http_is_done and http_post. Work elsewhere keeps a
// reference and posts back. Requests of a connection are handled one at a time; what a client sends
// ahead waits.
//
// A request's life: begin, then any of body / end / writable, then done exactly once: after the
// answer was handed to the connection and the request was read to its end, or when the connection
// went; a client that has closed its sending side is gone. The answer may start at any time, also
// before the request has ended: what is still to come of the request is then given to `body` as
// before, or, after http_finish, read past (if that would be much, the connection is closed
// instead). No http_* function calls back before it returns. After done everything sent is ignored;
// the HttpRequest stays valid until its last unref.
//
// What cannot be a request, or not here, never reaches a handler: it is answered with 400, 404,
// 405, 408, 413, 414, 415, 417, 431, 501, 503 or 505 and `{"error":{"code":…,"message":…}}`.
//
// Flow control: a handler that has enough for now calls http_pause; nothing more is read from that
// client until http_resume. A body that came with Content-Encoding: gzip is unpacked before (up to
// 4 MiB of it may still come after http_pause). A method sends until http_send says "full" and goes
// on in `writable`.

#pragma once

#include "base/buf.h"
#include "base/bytes.h"
#include "base/status.h"
#include "os/loop.h"

typedef struct HttpServer HttpServer;
typedef struct HttpRequest HttpRequest;

// Who answers what. The first handler whose path fits is taken; if there is none of that method but
// one of another, the answer is 405. A GET handler gets HEAD as well: it answers as if to GET, and
// the body is left out.
typedef struct HttpHandler {
	const char *method; // "GET", "POST", …; NULL: any
	const char *path;   // "/api/v1/query"; "/api/v1/action/*": all that begin so; NULL: any
	size_t max_body;    // bytes, unpacked; 0: HttpOptions.max_body. More: 413
	void (*begin)(HttpRequest *req);
	// Part of the body, unpacked; lent until the callback returns. NULL: not looked at.
	void (*body)(HttpRequest *req, Slice part);
	void (*end)(HttpRequest *req);      // NULL: nothing; the whole request came, and was sound
	void (*writable)(HttpRequest *req); // NULL: nothing; the queue fell below the low-water mark
	void (*done)(HttpRequest *req);     // NULL: nothing
} HttpHandler;

typedef struct HttpOptions {
	const HttpHandler *handlers; // static or outliving the server
	size_t handler_count;
	void *service;                    // the handlers' own: http_service
	size_t max_target;                // bytes of the request line's target: 414
	size_t max_header;                // bytes of all header fields, trailers too: 431
	size_t max_body;                  // bytes, unpacked, unless a handler says otherwise: 413
	size_t send_high_water;           // http_send says full above this many queued bytes
	uint32_t max_requests_connection; // then it is closed after the answer
	uint32_t max_requests_total;      // handled at once: 503
	int64_t header_ns;                // from a request's first byte to its body's: 408
	int64_t idle_ns;                  // between two requests: closed
	int64_t body_ns; // without 1 KiB of the body for each second of it, while it is read: 408
} HttpOptions;
// Sets every limit to its default.
void http_options_init(HttpOptions *options);

Status http_server_new(const HttpOptions *options, HttpServer **out, Error *err);
void http_server_free(HttpServer *server); // after net_server_free; NULL is allowed
typedef struct HttpCounts {
	uint64_t requests_open, requests_total, websockets_open;
} HttpCounts;
HttpCounts http_server_counts(const HttpServer *server);

// ---- what was asked ----

void *http_service(const HttpRequest *req);
const HttpHandler *http_handler(const HttpRequest *req);
void http_set_user(HttpRequest *req, void *user); // the handler's own state
void *http_user(const HttpRequest *req);
const char *http_peer(const HttpRequest *req); // "127.0.0.1:40112"
bool http_is_tls(const HttpRequest *req);

// All are lent until the last unref.
Slice http_method(const HttpRequest *req); // "GET"; of HEAD too "HEAD"
Slice http_path(const HttpRequest *req);   // without query, percent-decoded; UTF-8, no NUL
// The i-th value of a query parameter, decoded; false when there are no more. Both are UTF-8
// without NUL.
bool http_query(const HttpRequest *req, const char *name, size_t i, Slice *out);
// All parameters in order, false at the end.
bool http_query_at(const HttpRequest *req, size_t i, Slice *name, Slice *value);
// The i-th field of that name (in lower case here); false when there are no more.
bool http_header(const HttpRequest *req, const char *name, size_t i, Slice *out);
// Goes through all fields in order; false at the end.
bool http_header_at(const HttpRequest *req, size_t i, Slice *name, Slice *value);
// Whether a list field (Accept, Connection) has that element, whatever its parameters.
bool http_header_has(const HttpRequest *req, const char *name, const char *element);

// Browsers: the Host is an IP literal, localhost or one of `hosts` (each without port; NULL ends
// them), so that no page elsewhere can reach this server by a name of its own.
bool http_host_is_ours(const HttpRequest *req, const char *const *hosts);
// There is no Origin, or its host and port are those of Host, or it is one of `origins`
// ("https://a.example"; NULL ends them).
bool http_origin_is_ours(const HttpRequest *req, const char *const *origins);

void http_pause(HttpRequest *req);
void http_resume(HttpRequest *req);

// ---- what is answered ----

// Before http_answer. False, and nothing added, when HTTP cannot carry it, or for fields that are
// not the handler's (Content-Length, Transfer-Encoding, Connection, Date).
bool http_add_header(HttpRequest *req, const char *name, Slice value);

enum { HTTP_STREAMED = -1 }; // the length is not known: chunked (to HTTP/1.0, until the close)

// Starts the answer: status line and header. Called once; a second call is ignored.
void http_answer(HttpRequest *req, int status, int64_t length);

// Queues part of the answer's body; takes a reference of each owner (bytes without owner are
// copied). False when more than the high-water mark is queued now: stop, `writable` will come. The
// part is queued in any case. More than the length that was told is cut off.
bool http_send(HttpRequest *req, const Piece *pieces, size_t count);
size_t http_send_queued(const HttpRequest *req); // bytes not yet taken by the connection
void http_want_writable(HttpRequest *req);       // asks for it though the queue is not full

// The end of the answer. When less came than the length that was told, it is broken off.
void http_finish(HttpRequest *req);
// Something went wrong after the answer began: the connection is closed behind what is queued, the
// body's end is missing, and the client knows that it is not whole.
void http_break(HttpRequest *req);

// The whole answer in one: with Content-Type (NULL: none) and a body, which is copied.
void http_reply(HttpRequest *req, int status, const char *content_type, Slice body);
// {"error":{"code":…,"message":…,"position":…}}, with the code's name and HTTP status. A negative
// position is left out. After an answer began: http_break.
void http_reply_error(HttpRequest *req, Status code, const char *message, int32_t position);
int http_status_of(Status code); // the one table ST_* → HTTP status

bool http_is_answered(const HttpRequest *req); // http_answer was called
bool http_is_done(const HttpRequest *req);

HttpRequest *http_ref(HttpRequest *req);
void http_unref(HttpRequest *req);
// Any thread: runs post->fn(post->arg) in the request's loop. The poster holds a reference of the
// request until fn ran.
void http_post(HttpRequest *req, LoopCall *post);
