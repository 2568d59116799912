// fake_grpc.h - the calls of net/grpc.h without a network: a test plays the client, in one thread,
// and looks at what was sent.

#pragma once

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "net/grpc.h"

enum { FAKE_MAX = 8 };

struct GrpcServer {
	GrpcOptions options;
};

typedef struct FakeHeader {
	const char *name;
	const char *value;
} FakeHeader;

struct GrpcCall {
	GrpcServer *server;
	const GrpcMethod *method;
	void *user;
	int refs;
	const FakeHeader *headers; // ends with a NULL name; NULL: none

	bool headers_sent;
	bool finished;
	bool done;
	GrpcStatus status;
	char text[512];
	char trailer[64]; // "name=value" of the last one
	Buf sent[FAKE_MAX];
	int sent_count;
	Bytes *owners[FAKE_MAX]; // of the last message's pieces; not referenced
	bool full;               // what grpc_send answers
	size_t consumed;
	LoopCall *posted;
};

Status
grpc_server_new(const GrpcOptions *options, GrpcServer **out, Error *err)
{
	GrpcServer *server = mem_alloc(sizeof(*server));
	if (server == NULL)
		return error_no_memory(err, "a server");
	server->options = *options;
	*out = server;
	return ST_OK;
}

void
grpc_server_free(GrpcServer *server)
{
	mem_free(server);
}

GrpcStatus
grpc_status_of(Status status)
{
	switch (status) {
	case ST_OK: return GRPC_OK;
	case ST_INVALID: return GRPC_INVALID_ARGUMENT;
	case ST_UNAUTHENTICATED: return GRPC_UNAUTHENTICATED;
	case ST_NOT_FOUND: return GRPC_NOT_FOUND;
	case ST_UNIMPLEMENTED: return GRPC_UNIMPLEMENTED;
	case ST_NO_MEMORY:
	case ST_LIMIT: return GRPC_RESOURCE_EXHAUSTED;
	default: return GRPC_UNKNOWN;
	}
}

void
grpc_message_close(GrpcMessage *message)
{
	bytes_unref(message->head);
	bytes_unref(message->body);
	*message = (GrpcMessage){0};
}

void *
grpc_call_service(const GrpcCall *call)
{
	return call->server->options.service;
}

const GrpcMethod *
grpc_call_method(const GrpcCall *call)
{
	return call->method;
}

void
grpc_call_set_user(GrpcCall *call, void *user)
{
	call->user = user;
}

void *
grpc_call_user(const GrpcCall *call)
{
	return call->user;
}

bool
grpc_call_header(const GrpcCall *call, const char *name, size_t i, Slice *out)
{
	for (const FakeHeader *h = call->headers; h != NULL && h->name != NULL; h++) {
		if (strcmp(h->name, name) == 0 && i-- == 0) {
			*out = slice_text(h->value);
			return true;
		}
	}
	return false;
}

void
grpc_add_header(GrpcCall *call, const char *name, Slice value)
{
	(void)call, (void)name, (void)value;
}

void
grpc_add_trailer(GrpcCall *call, const char *name, Slice value)
{
	snprintf(call->trailer, sizeof(call->trailer), "%s=%.*s", name, (int)value.len,
			 (const char *)value.data);
}

void
grpc_send_headers(GrpcCall *call)
{
	call->headers_sent = true;
}

bool
grpc_send(GrpcCall *call, const Piece *pieces, size_t count)
{
	assert_false(call->finished || call->done);
	assert_in_range(call->sent_count, 0, FAKE_MAX - 1);
	Buf *sent = &call->sent[call->sent_count++];
	for (size_t i = 0; i < count; i++) {
		call->owners[i < FAKE_MAX ? i : FAKE_MAX - 1] = pieces[i].owner;
		buf_add(sent, pieces[i].data, pieces[i].len);
	}
	return !call->full;
}

void
grpc_consume(GrpcCall *call, size_t wire_bytes)
{
	call->consumed += wire_bytes;
}

void
grpc_finish(GrpcCall *call, GrpcStatus status, const char *text)
{
	if (call->finished)
		return;
	call->finished = true;
	call->status = status;
	snprintf(call->text, sizeof(call->text), "%s", text);
}

GrpcCall *
grpc_call_ref(GrpcCall *call)
{
	call->refs++;
	return call;
}

void
grpc_call_unref(GrpcCall *call)
{
	if (--call->refs > 0)
		return;
	for (int i = 0; i < FAKE_MAX; i++)
		buf_close(&call->sent[i]);
	mem_free(call);
}

void
grpc_post(GrpcCall *call, LoopCall *post)
{
	assert_null(call->posted);
	call->posted = post;
}

// ---- the client's side ----

static inline GrpcCall *
fake_open(GrpcServer *server, const char *path, const FakeHeader *headers)
{
	GrpcCall *call = mem_alloc(sizeof(*call));
	assert_non_null(call);
	call->server = server;
	call->refs = 1;
	call->headers = headers;
	for (size_t i = 0; i < server->options.method_count; i++) {
		if (strcmp(server->options.methods[i].path, path) == 0)
			call->method = &server->options.methods[i];
	}
	assert_non_null(call->method);
	call->method->open(call);
	return call;
}

static inline void
fake_message(GrpcCall *call, Slice head, const char *body)
{
	assert_true(body == NULL || call->method->body_field != 0);
	GrpcMessage message = {
		.head = bytes_copy(NULL, head),
		.body = body == NULL ? NULL : bytes_copy(NULL, slice_text(body)),
		.wire_bytes = head.len + (body == NULL ? 0 : strlen(body)),
	};
	assert_non_null(message.head);
	call->method->message(call, &message);
	grpc_message_close(&message);
}

static inline void
fake_half_close(GrpcCall *call)
{
	if (call->method->half_close != NULL)
		call->method->half_close(call);
}

static inline void
fake_writable(GrpcCall *call)
{
	if (call->method->writable != NULL)
		call->method->writable(call);
}

static inline void
fake_run_posted(GrpcCall *call)
{
	assert_non_null(call->posted);
	LoopCall *post = call->posted;
	call->posted = NULL;
	post->fn(post->arg);
}

// The stream is gone; `call` stays readable until fake_free.
static inline void
fake_done(GrpcCall *call)
{
	assert_false(call->done);
	call->done = true;
	if (call->method->done != NULL)
		call->method->done(call);
}

static inline void
fake_free(GrpcCall *call)
{
	if (!call->done)
		fake_done(call);
	assert_int_equal(call->refs, 1);
	grpc_call_unref(call);
}
