// call_int.h - one call: a stream of a connection and what its method has to do with it.
//
// Threads  all but refs and done belong to the connection's loop.

#pragma once

#include "net/h2_int.h"
#include "net/message_int.h"
#include "net/metadata_int.h"
#include "net/queue_int.h"

struct GrpcCall {
	atomic_uint refs; // the stream has one until it is closed
	H2 *h2;
	GrpcCall *prev; // of the connection's open streams
	GrpcCall *next;
	GrpcCall *next_news;
	unsigned news; // CALL_* to be told; in the connection's list (which has a reference) when not 0
	int32_t stream_id;
	const GrpcMethod *method; // NULL: not a call of ours, or not yet known
	void *user;
	LoopTimer *timer; // NULL: no deadline
	int64_t deadline_ns;

	// What came.
	HeaderList headers;
	size_t header_bytes;
	bool bad_header;  // a -bin value is not base64
	bool half_closed; // the client sent its last
	bool opened;      // the method was told
	uint64_t messages;
	MessageReader reader;
	size_t unconsumed; // wire bytes of messages given to the method and not given back
	size_t advanced;   // of these, or of the message being read, what the peer has back already

	// What goes.
	PieceQueue out;
	HeaderList reply_headers;
	HeaderList trailers;
	Buf message; // percent-encoded
	GrpcStatus status;
	int http_status; // of an answer that is not gRPC; 0: it is
	bool answered;   // response headers were submitted
	bool finishing;  // grpc_finish was called
	bool finished;   // trailers were submitted
	bool deferred;   // nghttp2 waits to be told that there is data
	bool full;       // the method waits for `writable`
	atomic_bool done;
};

// ---- call.c ----

GrpcCall *call_new(H2 *h2, int32_t stream_id); // NULL: no memory
// The stream is gone: done, if it was not, and the stream's reference is dropped.
void call_close(GrpcCall *call);
void call_end(GrpcCall *call);                 // done, exactly once
void call_tell(GrpcCall *call, unsigned news); // after nghttp2 returned
void call_tell_all(H2 *h2);                    // what is to be told
bool call_takes_input(const GrpcCall *call);   // neither finished nor done
// Ends a call from outside of its method: trailers if nothing is half sent, a reset otherwise.
void call_abort(GrpcCall *call, GrpcStatus status, const char *text);
Status call_set_deadline(GrpcCall *call, int64_t at_ns);

// ---- request.c ----

void request_header(GrpcCall *call, Slice name, Slice value);
void request_begin(GrpcCall *call); // the header list is complete
void request_data(GrpcCall *call, Slice data);
void request_end(GrpcCall *call);    // half-close
void request_credit(GrpcCall *call); // room for the rest of a message larger than the window

// ---- reply.c ----

void reply_plain(GrpcCall *call); // http_status and a line of text
ssize_t reply_read(nghttp2_session *session, int32_t stream_id, uint8_t *buf, size_t length,
				   uint32_t *flags, nghttp2_data_source *source, void *user_data);
int reply_write(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *head, size_t length,
				nghttp2_data_source *source, void *user_data);
