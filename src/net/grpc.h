// grpc.h - a gRPC service over HTTP/2: bytes in, calls out. Knows nothing of databases or Flight.
//
// A connection lives on one I/O loop and so does each of its calls: every callback of a call runs
// in that loop's thread, and every grpc_* function of a call must be called there, but
// grpc_call_ref, grpc_call_unref, grpc_call_is_done and grpc_post. Work elsewhere keeps a reference
// and posts back.
//
// A call's life: open, then any of message / half_close / writable in wire order, then done exactly
// once: after the trailers were handed to the connection, or when the client cancelled, the
// deadline passed or the connection went. Between grpc_finish and done there is nothing more, and
// no grpc_* function calls done before it returns. After done, sends are ignored (grpc_send says
// full); the GrpcCall stays valid until its last unref, also when the server is freed before.
//
// Flow control, both ways, end to end: a received message's bytes are given back to the peer only
// by grpc_consume (stream window); the connection's window is given back on receipt, so that one
// stalled stream does not starve others; what a stalled stream can hold is its window, or one
// message where that is larger. A method sends until grpc_send says "full" and goes on in
// `writable`.
//
// Memory  a call's queue is what the method puts there.

#pragma once

#include "base/bytes.h"
#include "base/status.h"
#include "os/loop.h"

typedef struct GrpcServer GrpcServer;
typedef struct GrpcCall GrpcCall;

// The codes of the gRPC specification.
typedef enum GrpcStatus {
	GRPC_OK = 0,
	GRPC_CANCELLED = 1,
	GRPC_UNKNOWN = 2,
	GRPC_INVALID_ARGUMENT = 3,
	GRPC_DEADLINE_EXCEEDED = 4,
	GRPC_NOT_FOUND = 5,
	GRPC_ALREADY_EXISTS = 6,
	GRPC_PERMISSION_DENIED = 7,
	GRPC_RESOURCE_EXHAUSTED = 8,
	GRPC_FAILED_PRECONDITION = 9,
	GRPC_UNIMPLEMENTED = 12,
	GRPC_INTERNAL = 13,
	GRPC_UNAVAILABLE = 14,
	GRPC_DATA_LOSS = 15,
	GRPC_UNAUTHENTICATED = 16,
} GrpcStatus;

GrpcStatus grpc_status_of(Status status); // the one table ST_* → code

// One received message. `head` is the protobuf text without the method's body field; `body` that
// field's value (the last one's, if repeated), 64-byte aligned, NULL when absent. Who gets a
// message owns it: grpc_message_close.
typedef struct GrpcMessage {
	Bytes *head; // never NULL
	Bytes *body;
	size_t wire_bytes; // what to grpc_consume when it was dealt with
} GrpcMessage;
void grpc_message_close(GrpcMessage *message);

// A method, or the fallback for unknown paths. Callbacks get `service` through grpc_call_service.
typedef struct GrpcMethod {
	const char *path;    // "/package.Service/Method"; NULL, the last one only: any other path
	uint32_t body_field; // a top-level bytes field that is kept out of `head`; 0: none
	bool unary_in;       // exactly one request message: fewer or more end the call INTERNAL
	void (*open)(GrpcCall *call);
	void (*message)(GrpcCall *call,
					GrpcMessage *message); // moves: takes what it keeps out of *message
	void (*half_close)(GrpcCall *call);    // NULL: nothing
	void (*writable)(GrpcCall *call);      // NULL: nothing; the queue fell below the low-water mark
	void (*done)(GrpcCall *call);          // NULL: nothing
} GrpcMethod;

typedef struct GrpcOptions {
	const GrpcMethod *methods; // static or outliving the server
	size_t method_count;
	void *service;
	BytesPool *pool;
	size_t max_message; // bytes; a larger declared message ends the call RESOURCE_EXHAUSTED at once
	size_t stream_window;          // bytes a stream may have unconsumed (its receive window)
	size_t connection_window;      //
	size_t send_high_water;        // grpc_send says full above this many queued bytes per call
	uint32_t max_streams;          // concurrent streams per connection
	uint32_t max_calls_connection; // handlers in flight, also cancelled ones not yet done with
								   // their references
	uint32_t max_calls_total;
	// Memory for messages being assembled, taken as bytes arrive: false refuses the message
	// (RESOURCE_EXHAUSTED). NULL: no limit.
	bool (*reserve)(void *service, size_t bytes);
	void (*release)(void *service,
					size_t bytes); // called when an assembled message was handed over or dropped
} GrpcOptions;
// Sets every limit to its default.
void grpc_options_init(GrpcOptions *options);

// A service for the ports of a NetServer (net/server.h), which is freed before it.
Status grpc_server_new(const GrpcOptions *options, GrpcServer **out, Error *err);
void grpc_server_free(GrpcServer *server); // NULL is allowed; calls may be referred to still
typedef struct GrpcCounts {
	uint64_t calls_open, calls_total;
} GrpcCounts;
GrpcCounts grpc_server_counts(const GrpcServer *server);

// ---- of a call ----

void *grpc_call_service(const GrpcCall *call);
const GrpcMethod *grpc_call_method(const GrpcCall *call);
void grpc_call_set_user(GrpcCall *call, void *user); // the method's own state
void *grpc_call_user(const GrpcCall *call);
const char *grpc_call_peer(const GrpcCall *call);    // "127.0.0.1:40112"
int64_t grpc_call_deadline_ns(const GrpcCall *call); // mono; INT64_MAX: none
bool grpc_call_is_done(const GrpcCall *call);

// The i-th value of a request header (lower-case name; -bin values decoded). False when there are
// no more.
bool grpc_call_header(const GrpcCall *call, const char *name, size_t i, Slice *out);
// Goes through all request headers in order; false at the end.
bool grpc_call_header_at(const GrpcCall *call, size_t i, Slice *name, Slice *value);

// Response metadata. Initial headers go with the first message or grpc_send_headers; trailers with
// the end. -bin values are encoded.
void grpc_add_header(GrpcCall *call, const char *name, Slice value);
void grpc_add_trailer(GrpcCall *call, const char *name, Slice value);
void grpc_send_headers(
	GrpcCall *call); // bidirectional methods answer headers at once: some clients wait for them

// Queues one message made of pieces; takes a reference of each owner (bytes without owner are
// copied). False when the queue is above its high-water mark now: stop, `writable` will come. The
// message is queued in any case.
bool grpc_send(GrpcCall *call, const Piece *pieces, size_t count);
size_t grpc_send_queued(const GrpcCall *call); // bytes not yet taken by the connection
// Asks for `writable` once some of the queue was taken, though it is not full. Nothing queued: no
// call.
void grpc_want_writable(GrpcCall *call);

void grpc_consume(GrpcCall *call, size_t wire_bytes);

// Ends the call: queued messages leave first, then trailers. If the client has not half-closed,
// RST_STREAM(NO_ERROR) follows. An end before any message or header is Trailers-Only. Text is cut
// at 1 KiB. The second call is ignored.
void grpc_finish(GrpcCall *call, GrpcStatus status, const char *text);

GrpcCall *grpc_call_ref(GrpcCall *call);
void grpc_call_unref(GrpcCall *call);
// Any thread: runs post->fn(post->arg) in the call's loop. The poster holds a reference of the call
// until fn ran.
void grpc_post(GrpcCall *call, LoopCall *post);
