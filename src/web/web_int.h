// web_int.h - what the files of the HTTP port share: calls, and what they are made of.

#pragma once

#include <stdatomic.h>

#include "arrow/batch.h"
#include "web/line_protocol.h"
#include "web/web.h"
#include "web/worker.h"

struct Web {
	WebOptions options;
	HttpServer *http;
	Worker *worker;
	char **hosts; // NULL ends them
};

// ---- calls ----

// Every kind of call begins with this. `look` comes in the request's thread after an event of the
// database (any thread) said to look again.
typedef struct WebCall {
	const struct WebCallKind *kind;
	HttpRequest *req;
	Web *web;
	LoopCall post;
	atomic_bool posted; // `post` is on its way: the call lives until it ran
	bool over;          // done came
} WebCall;

typedef struct WebCallKind {
	void (*body)(WebCall *call, Slice part); // NULL: the body is not looked at
	void (*end)(WebCall *call);              // NULL: nothing
	void (*look)(WebCall *call);
	void (*writable)(WebCall *call); // NULL: nothing
	void (*close)(WebCall *call);    // lets go of what the database lent; no event comes afterwards
} WebCallKind;

// A zeroed call of `size` bytes, or NULL after the request was answered with "no memory".
void *web_call_new(HttpRequest *req, const WebCallKind *kind, size_t size);
mobius_event web_call_event(WebCall *call); // to give to the database
void web_call_again(WebCall *call);         // `look` comes in a later turn
void web_call_fail(WebCall *call, const mobius_error *err);
void web_call_refuse(WebCall *call, Status status, const Error *err);

extern const char JSON_TYPE[];

// What requests of each path begin with. A request that is not authorised never gets here.
void serve_query(HttpRequest *req);
void serve_write(HttpRequest *req);    // our own path: what the body is, its type says
void serve_write_v1(HttpRequest *req); // the paths of line protocol's clients
void serve_write_v2(HttpRequest *req);
void serve_write_v3(HttpRequest *req);
void serve_action(HttpRequest *req);
void serve_metrics(HttpRequest *req);
void serve_health(HttpRequest *req);
void serve_ready(HttpRequest *req);
void serve_ping(HttpRequest *req);
void serve_openapi(HttpRequest *req);
void serve_subscribe(HttpRequest *req);

// The value of a query parameter as a text, in `arena`; NULL: it is not there, or empty.
const char *web_param(HttpRequest *req, const char *name, Arena *arena);
// The session of parameter `name`, or a new reference of the server's where it is not there.
Status web_session(Web *web, const char *database, mobius_session **out, Error *err);
DEFINE_DROP(mobius_session, web_session_drop, mobius_session_unref)
// A message as a stream has it, up to its body: marker, length, flatbuffer.
void web_add_encapsulated(Buf *out, const mobius_frame *frame);
// What a public error says, as one of ours.
Status web_error(const mobius_error *from, Error *err);

// ---- puts under way: of one call, all started together ----

typedef struct WebPuts {
	struct WebPut *list;
	int32_t count, cap;
	int32_t left;         // not finished
	mobius_put_state sum; // of what is acknowledged
	Error error;          // of the first that failed
	Status failed;        // ST_OK: none did
	Buf json;             // the newest PutResult
} WebPuts;

// Puts `batch` into a table of the session's database. Its schema's metadata is the put's.
Status web_puts_add(WebPuts *puts, WebCall *call, mobius_session *session, const char *table,
					const char *durability, Batch *batch, Error *err);
// After an event: true when all are finished. What they say is added to sum, and they are gone.
bool web_puts_look(WebPuts *puts);
void web_puts_close(WebPuts *puts);
