#include "net/call_int.h"

#include <assert.h>

#include "base/mem.h"

enum { HEADERS_FIRST_BYTES = 512 };

GrpcCall *
call_new(H2 *h2, int32_t stream_id)
{
	GrpcCall *call = mem_alloc(sizeof(*call));
	if (call == NULL)
		return NULL;
	atomic_init(&call->refs, 1);
	call->h2 = h2;
	conn_ref(h2->conn);
	call->stream_id = stream_id;
	call->deadline_ns = INT64_MAX;
	buf_reserve(&call->headers.text, HEADERS_FIRST_BYTES);

	call->next = h2->calls;
	if (call->next != NULL)
		call->next->prev = call;
	h2->calls = call;
	atomic_fetch_add_explicit(&h2->calls_held, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&h2->server->calls_open, 1, memory_order_relaxed);
	return call;
}

GrpcCall *
grpc_call_ref(GrpcCall *call)
{
	atomic_fetch_add_explicit(&call->refs, 1, memory_order_relaxed);
	return call;
}

void
grpc_call_unref(GrpcCall *call)
{
	unsigned was = atomic_fetch_sub_explicit(&call->refs, 1, memory_order_acq_rel);
	assert(was > 0);
	if (was > 1)
		return;
	headers_close(&call->headers);
	headers_close(&call->reply_headers);
	headers_close(&call->trailers);
	buf_close(&call->message);

	H2 *h2 = call->h2;
	atomic_fetch_sub_explicit(&h2->calls_held, 1, memory_order_relaxed);
	atomic_fetch_sub_explicit(&h2->server->calls_open, 1, memory_order_relaxed);
	mem_free(call);
	conn_unref(h2->conn);
}

void
call_end(GrpcCall *call)
{
	if (atomic_exchange_explicit(&call->done, true, memory_order_acq_rel))
		return;
	loop_timer_free(TAKE(call->timer));
	reader_close(&call->reader);
	queue_close(&call->out);
	if (call->opened && call->method->done != NULL)
		call->method->done(call);
}

void
call_close(GrpcCall *call)
{
	call_end(call);
	if (call->prev != NULL)
		call->prev->next = call->next;
	else
		call->h2->calls = call->next;
	if (call->next != NULL)
		call->next->prev = call->prev;
	grpc_call_unref(call);
}

bool
call_takes_input(const GrpcCall *call)
{
	return call->opened && !call->finishing && !grpc_call_is_done(call);
}

void
call_tell(GrpcCall *call, unsigned news)
{
	if (call->news == 0) {
		grpc_call_ref(call);
		call->next_news = call->h2->news;
		call->h2->news = call;
	}
	call->news |= news;
}

static void
tell(GrpcCall *call, unsigned news)
{
	if (news & CALL_BROKEN)
		call_abort(call, GRPC_RESOURCE_EXHAUSTED, "no memory for the answer; ask again later");
	if (news & CALL_DONE)
		call_end(call);
	if ((news & CALL_WRITABLE) && call_takes_input(call)) {
		call->full = false;
		if (call->method->writable != NULL)
			call->method->writable(call);
	}
}

void
call_tell_all(H2 *h2)
{
	while (h2->news != NULL) {
		GrpcCall *call = h2->news;
		unsigned news = call->news;
		h2->news = TAKE(call->next_news);
		call->news = 0;
		tell(call, news);
		grpc_call_unref(call);
	}
}

void
call_abort(GrpcCall *call, GrpcStatus status, const char *text)
{
	if (grpc_call_is_done(call))
		return;
	if (call->opened && call->out.bytes == 0 && !(call->finishing && !call->finished)) {
		grpc_finish(call, status, text);
	} else {
		// What is half sent cannot be followed by trailers.
		uint32_t error =
			status == GRPC_RESOURCE_EXHAUSTED ? NGHTTP2_ENHANCE_YOUR_CALM : NGHTTP2_CANCEL;
		h2_check(call->h2, nghttp2_submit_rst_stream(call->h2->session, NGHTTP2_FLAG_NONE,
													 call->stream_id, error));
		conn_want_flush(call->h2->conn);
	}
	call_end(call);
}

static void
deadline_passed(void *arg)
{
	GrpcCall *call = grpc_call_ref(arg);
	call_abort(call, GRPC_DEADLINE_EXCEEDED, "the call's deadline passed");
	grpc_call_unref(call);
}

Status
call_set_deadline(GrpcCall *call, int64_t at_ns)
{
	TRY(loop_timer_new(call->h2->conn->net->loop, deadline_passed, call, &call->timer, NULL));
	loop_timer_set(call->timer, at_ns);
	call->deadline_ns = at_ns;
	return ST_OK;
}

void *
grpc_call_service(const GrpcCall *call)
{
	return call->h2->server->options.service;
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

const char *
grpc_call_peer(const GrpcCall *call)
{
	return call->h2->conn->peer;
}

int64_t
grpc_call_deadline_ns(const GrpcCall *call)
{
	return call->deadline_ns;
}

bool
grpc_call_is_done(const GrpcCall *call)
{
	return atomic_load_explicit(&call->done, memory_order_acquire);
}

bool
grpc_call_header(const GrpcCall *call, const char *name, size_t i, Slice *out)
{
	return headers_find(&call->headers, name, i, out);
}

bool
grpc_call_header_at(const GrpcCall *call, size_t i, Slice *name, Slice *value)
{
	size_t pos = 0;
	while (headers_next(&call->headers, &pos, name, value)) {
		if (i-- == 0)
			return true;
	}
	return false;
}

void
grpc_post(GrpcCall *call, LoopCall *post)
{
	loop_post(call->h2->conn->net->loop, post);
}
