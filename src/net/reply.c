// What a call sends: response headers, messages, trailers. nghttp2 asks for data when the peer's
// windows and the stage have room.

#include "net/call_int.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"

enum {
	PREFIX_BYTES = 5,
	FRAME_HEAD = 9,
	FIXED_FIELDS = 4,
	CONTROL_EARNED = 4,
	BYTES_PER_TOKEN = 512
};

static const char PLAIN_TEXT[] =
	"This is a gRPC server: POST with content-type application/grpc.\n";

static void
add_metadata(GrpcCall *call, HeaderList *list, const char *name, Slice value)
{
	if (!metadata_add_sent(list, slice_text(name), value))
		log_warn("header left out", "peer=%s header=%s reason=\"no valid HTTP field\"",
				 call->h2->conn->peer, name);
}

void
grpc_add_header(GrpcCall *call, const char *name, Slice value)
{
	if (!call->answered)
		add_metadata(call, &call->reply_headers, name, value);
}

void
grpc_add_trailer(GrpcCall *call, const char *name, Slice value)
{
	if (!call->finishing)
		add_metadata(call, &call->trailers, name, value);
}

// ---- header lists for nghttp2, which copies them ----

typedef struct FieldArray {
	nghttp2_nv *fields; // NULL: no memory
	size_t count;
} FieldArray;

static FieldArray
fields_new(const HeaderList *a, const HeaderList *b)
{
	size_t count = FIXED_FIELDS + (a == NULL ? 0 : a->count) + (b == NULL ? 0 : b->count);
	return (FieldArray){.fields = mem_alloc_array(count, sizeof(nghttp2_nv))};
}

static void
fields_add(FieldArray *array, Slice name, Slice value)
{
	array->fields[array->count++] = (nghttp2_nv){
		.name = (uint8_t *)(uintptr_t)name.data,
		.value = (uint8_t *)(uintptr_t)value.data,
		.namelen = name.len,
		.valuelen = value.len,
	};
}

static void
fields_add_list(FieldArray *array, const HeaderList *list)
{
	Slice name;
	Slice value;
	for (size_t pos = 0; headers_next(list, &pos, &name, &value);)
		fields_add(array, name, value);
}

static void
fields_add_status(FieldArray *array, const GrpcCall *call, char text[12])
{
	snprintf(text, 12, "%d", (int)call->status);
	fields_add(array, slice_text("grpc-status"), slice_text(text));
	if (call->message.len > 0)
		fields_add(array, slice_text("grpc-message"), buf_slice(&call->message));
	fields_add_list(array, &call->trailers);
}

// ---- frames ----

static void
reset(GrpcCall *call, uint32_t error)
{
	H2 *h2 = call->h2;
	h2_check(h2, nghttp2_submit_rst_stream(h2->session, NGHTTP2_FLAG_NONE, call->stream_id, error));
}

// Response headers; `last`: with the trailers in them, and nothing behind.
static void
submit_headers(GrpcCall *call, bool last)
{
	call->answered = true;
	char status[12];
	FieldArray array = fields_new(&call->reply_headers, last ? &call->trailers : NULL);
	int rv = NGHTTP2_ERR_NOMEM;
	if (array.fields != NULL && !call->reply_headers.text.failed && !call->trailers.text.failed) {
		fields_add(&array, slice_text(":status"), slice_text("200"));
		fields_add(&array, slice_text("content-type"), slice_text("application/grpc"));
		fields_add_list(&array, &call->reply_headers);
		if (last)
			fields_add_status(&array, call, status);
		nghttp2_data_provider data = {.source.ptr = call, .read_callback = reply_read};
		rv = nghttp2_submit_response(call->h2->session, call->stream_id, array.fields, array.count,
									 last ? NULL : &data);
	}
	mem_free(array.fields);
	if (rv != 0)
		reset(call, NGHTTP2_INTERNAL_ERROR);
	conn_want_flush(call->h2->conn);
}

static void
submit_trailers(GrpcCall *call)
{
	call->finished = true;
	char status[12];
	FieldArray array = fields_new(&call->trailers, NULL);
	int rv = NGHTTP2_ERR_NOMEM;
	if (array.fields != NULL && !call->trailers.text.failed) {
		fields_add_status(&array, call, status);
		rv = nghttp2_submit_trailer(call->h2->session, call->stream_id, array.fields, array.count);
	}
	mem_free(array.fields);
	if (rv != 0)
		reset(call, NGHTTP2_INTERNAL_ERROR);
	conn_want_flush(call->h2->conn);
}

static void
resume(GrpcCall *call)
{
	if (call->deferred) {
		call->deferred = false;
		h2_check(call->h2, nghttp2_session_resume_data(call->h2->session, call->stream_id));
	}
	conn_want_flush(call->h2->conn);
}

// ---- what a method calls ----

static bool
may_send(const GrpcCall *call)
{
	return !call->finishing && !(call->news & CALL_BROKEN) && !grpc_call_is_done(call);
}

void
grpc_send_headers(GrpcCall *call)
{
	if (may_send(call) && !call->answered)
		submit_headers(call, false);
}

static bool
enqueue(GrpcCall *call, const Piece *pieces, size_t count)
{
	size_t len = 0;
	for (size_t i = 0; i < count; i++)
		len += pieces[i].len;
	if (len > UINT32_MAX)
		return false;
	const uint8_t prefix[PREFIX_BYTES] = {0, (uint8_t)(len >> 24), (uint8_t)(len >> 16),
										  (uint8_t)(len >> 8), (uint8_t)len};
	bool ok = queue_add(&call->out, (Piece){prefix, sizeof(prefix), NULL});
	for (size_t i = 0; i < count && ok; i++)
		ok = queue_add(&call->out, pieces[i]);
	return ok;
}

bool
grpc_send(GrpcCall *call, const Piece *pieces, size_t count)
{
	if (!may_send(call))
		return false;
	if (!enqueue(call, pieces, count)) {
		call_tell(call, CALL_BROKEN);
		conn_want_flush(call->h2->conn);
		return false;
	}
	grpc_send_headers(call);
	resume(call);
	call->full = call->out.bytes > call->h2->server->options.send_high_water;
	return !call->full;
}

void
grpc_want_writable(GrpcCall *call)
{
	call->full = call->out.bytes > 0;
}

size_t
grpc_send_queued(const GrpcCall *call)
{
	return call->out.bytes;
}

void
grpc_finish(GrpcCall *call, GrpcStatus status, const char *text)
{
	if (!may_send(call))
		return;
	call->finishing = true;
	call->status = status;
	if (text != NULL)
		metadata_add_message(&call->message, text);
	if (!call->answered)
		submit_headers(call, true);
	else if (call->out.bytes == 0)
		submit_trailers(call); // they need no window, so they do not wait for one
	else
		resume(call);
}

void
reply_plain(GrpcCall *call)
{
	Slice method = {0};
	headers_find(&call->headers, ":method", 0, &method);
	bool has_body = !slice_is(method, "HEAD");
	char status[12];
	snprintf(status, sizeof(status), "%d", call->http_status);
	FieldArray array = fields_new(NULL, NULL);
	int rv = NGHTTP2_ERR_NOMEM;
	call->finishing = true;
	if (array.fields != NULL &&
		queue_add(&call->out, (Piece){(const uint8_t *)PLAIN_TEXT, sizeof(PLAIN_TEXT) - 1, NULL})) {
		fields_add(&array, slice_text(":status"), slice_text(status));
		fields_add(&array, slice_text("content-type"), slice_text("text/plain"));
		if (call->http_status == 405)
			fields_add(&array, slice_text("allow"), slice_text("POST"));
		nghttp2_data_provider data = {.source.ptr = call, .read_callback = reply_read};
		rv = nghttp2_submit_response(call->h2->session, call->stream_id, array.fields, array.count,
									 has_body ? &data : NULL);
	}
	mem_free(array.fields);
	if (rv != 0)
		reset(call, NGHTTP2_INTERNAL_ERROR);
	conn_want_flush(call->h2->conn);
}

// ---- what nghttp2 calls ----

// The end of the queue ends the stream: with trailers, or when the answer is plain HTTP, at once.
static void
set_end(GrpcCall *call, uint32_t *flags)
{
	*flags |= NGHTTP2_DATA_FLAG_EOF;
	if (call->http_status != 0)
		return;
	*flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
	submit_trailers(call);
}

// How much the next DATA frame has. reply_write follows at once with the same number.
ssize_t
reply_read(nghttp2_session *session, int32_t stream_id, uint8_t *buf, size_t length,
		   uint32_t *flags, nghttp2_data_source *source, void *user_data)
{
	(void)session, (void)stream_id, (void)buf;
	GrpcCall *call = source->ptr;
	H2 *h2 = user_data;
	size_t room = stage_frame_room(h2->conn->stage);
	if (room == 0)
		return NGHTTP2_ERR_PAUSE;
	size_t n = stage_measure(&call->out, length < room ? length : room);
	bool ends = call->finishing && !call->finished && n == call->out.bytes;
	if (n == 0 && !ends) {
		call->deferred = true;
		return NGHTTP2_ERR_DEFERRED;
	}
	*flags |= NGHTTP2_DATA_FLAG_NO_COPY;
	if (ends)
		set_end(call, flags);
	return (ssize_t)n;
}

int
reply_write(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *head, size_t length,
			nghttp2_data_source *source, void *user_data)
{
	(void)session, (void)frame;
	GrpcCall *call = source->ptr;
	H2 *h2 = user_data;
	assert(frame->data.padlen == 0 && length <= call->out.bytes);
	stage_frame(h2->conn->stage, head, FRAME_HEAD, &call->out, length);
	flood_earn(&h2->budget, CONTROL_EARNED + (int64_t)(length / BYTES_PER_TOKEN));

	size_t low_water = h2->server->options.send_high_water / 2;
	if (call->full && call->out.bytes <= low_water)
		call_tell(call, CALL_WRITABLE);
	return 0;
}
