// What a client sends: headers make a call, data makes messages, its end is the half-close.

#include "net/call_int.h"

#include <stdio.h>
#include <string.h>

enum {
	HEADER_LIST_MAX = 16 << 10, // as SETTINGS announce it
	FIELD_OVERHEAD = 32,        // what HTTP/2 counts for a field besides its text
};

void
request_header(GrpcCall *call, Slice name, Slice value)
{
	call->header_bytes += name.len + value.len + FIELD_OVERHEAD;
	if (call->header_bytes > HEADER_LIST_MAX)
		return;
	if (!metadata_add_received(&call->headers, name, value))
		call->bad_header = true;
}

static Slice
header(const GrpcCall *call, const char *name)
{
	Slice value = {0};
	headers_find(&call->headers, name, 0, &value);
	return value;
}

// 0: it is gRPC.
static int
plain_status(const GrpcCall *call)
{
	if (!slice_is(header(call, ":method"), "POST"))
		return 405;
	return metadata_is_grpc(header(call, "content-type")) ? 0 : 415;
}

static bool
refuse(GrpcCall *call, GrpcStatus status, const char *text)
{
	grpc_finish(call, status, text);
	return false;
}

static bool
within_limits(GrpcCall *call)
{
	const GrpcServer *server = call->h2->server;
	if (call->header_bytes > HEADER_LIST_MAX)
		return refuse(call, GRPC_RESOURCE_EXHAUSTED,
					  "the call's headers are above 16 KiB; send fewer or shorter ones");
	if (call->headers.text.failed)
		return refuse(call, GRPC_RESOURCE_EXHAUSTED, "no memory for the call; ask again later");
	if (atomic_load_explicit(&call->h2->calls_held, memory_order_relaxed) >
		server->options.max_calls_connection)
		return refuse(call, GRPC_RESOURCE_EXHAUSTED,
					  "too many calls of this connection are still being handled; ask again later");
	if (atomic_load_explicit(&server->calls_open, memory_order_relaxed) >
		server->options.max_calls_total)
		return refuse(call, GRPC_RESOURCE_EXHAUSTED,
					  "too many calls are still being handled; ask again later");
	return true;
}

static bool
find_method(GrpcCall *call)
{
	const GrpcOptions *options = &call->h2->server->options;
	Slice path = header(call, ":path");
	for (size_t i = 0; i < options->method_count; i++) {
		const GrpcMethod *method = &options->methods[i];
		if (method->path == NULL || slice_is(path, method->path)) {
			call->method = method;
			return true;
		}
	}
	char text[128];
	snprintf(text, sizeof(text), "there is no method %.*s", (int)path.len, path.data);
	return refuse(call, GRPC_UNIMPLEMENTED, text);
}

static bool
understand(GrpcCall *call)
{
	Slice encoding = header(call, "grpc-encoding");
	bool gzip = slice_is(encoding, "gzip");
	if (encoding.len > 0 && !gzip && !slice_is(encoding, "identity")) {
		grpc_add_header(call, "grpc-accept-encoding", slice_text("identity,gzip"));
		return refuse(call, GRPC_UNIMPLEMENTED,
					  "messages may be compressed with gzip or not at all");
	}
	if (call->bad_header)
		return refuse(call, GRPC_INTERNAL, "a header ending in -bin is not base64");

	Slice timeout;
	if (headers_find(&call->headers, "grpc-timeout", 0, &timeout)) {
		int64_t after_ns;
		int64_t at_ns;
		if (!metadata_parse_timeout(timeout, &after_ns))
			return refuse(call, GRPC_INTERNAL, "grpc-timeout is not up to 8 digits and a unit");
		if (!__builtin_add_overflow(loop_now_ns(call->h2->conn->net->loop), after_ns, &at_ns) &&
			call_set_deadline(call, at_ns) != ST_OK)
			return refuse(call, GRPC_RESOURCE_EXHAUSTED, "no memory for the call; ask again later");
	}
	reader_init(&call->reader, &call->h2->server->options, call->method->body_field, gzip);
	return true;
}

void
request_begin(GrpcCall *call)
{
	// Plain HTTP is answered when the request has ended.
	if (call->header_bytes <= HEADER_LIST_MAX && !call->headers.text.failed)
		call->http_status = plain_status(call);
	if (call->http_status != 0)
		return;
	if (!within_limits(call) || !find_method(call) || !understand(call))
		return;
	atomic_fetch_add_explicit(&call->h2->server->calls_total, 1, memory_order_relaxed);
	call->opened = true;
	call->method->open(call);
}

static void
give_back(GrpcCall *call, size_t bytes)
{
	H2 *h2 = call->h2;
	h2_check(h2, nghttp2_session_consume_stream(h2->session, call->stream_id, bytes));
	conn_want_flush(h2->conn);
}

// The peer learns of freed room only when half the window is free, so a message above that might
// wait for ever. Its bytes are given back as they come, once everything before it was consumed: a
// stream holds a window or one message.
void
request_credit(GrpcCall *call)
{
	size_t window = call->h2->server->options.stream_window;
	if (call->unconsumed > 0 || reader_message_bytes(&call->reader) <= window / 2)
		return;
	size_t ahead = reader_message_read(&call->reader);
	if (ahead > call->advanced)
		give_back(call, ahead - call->advanced);
	call->advanced = ahead;
}

void
grpc_consume(GrpcCall *call, size_t wire_bytes)
{
	if (grpc_call_is_done(call))
		return;
	if (wire_bytes > call->unconsumed)
		wire_bytes = call->unconsumed;
	call->unconsumed -= wire_bytes;
	size_t advanced = wire_bytes < call->advanced ? wire_bytes : call->advanced;
	call->advanced -= advanced;
	if (wire_bytes > advanced)
		give_back(call, wire_bytes - advanced);
	request_credit(call);
}

static void
deliver(GrpcCall *call, GrpcMessage *message)
{
	call->unconsumed += message->wire_bytes;
	if (call->method->unary_in && call->messages > 0)
		grpc_finish(call, GRPC_INTERNAL, "the method takes one message, and more came");
	else if (call->method->message != NULL)
		call->method->message(call, message);
	call->messages++;
	grpc_message_close(message);
}

void
request_data(GrpcCall *call, Slice data)
{
	if (call->http_status != 0)
		give_back(call, data.len);
	while (data.len > 0 && call_takes_input(call)) {
		GrpcMessage message = {0};
		Error err = ERROR_INIT;
		GrpcStatus status = reader_push(&call->reader, &data, &message, &err);
		if (status != GRPC_OK)
			grpc_finish(call, status, err.text);
		else if (message.head != NULL)
			deliver(call, &message);
	}
	if (call_takes_input(call))
		request_credit(call);
}

void
request_end(GrpcCall *call)
{
	if (call->half_closed)
		return;
	call->half_closed = true;
	if (call->http_status != 0)
		reply_plain(call);
	if (!call_takes_input(call))
		return;
	if (!reader_is_between(&call->reader))
		grpc_finish(call, GRPC_INTERNAL, "the stream ended inside a message");
	else if (call->method->unary_in && call->messages == 0)
		grpc_finish(call, GRPC_INTERNAL, "the method takes one message, and none came");
	else if (call->method->half_close != NULL)
		call->method->half_close(call);
}
