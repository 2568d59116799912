// HTTP/2 as nghttp2 speaks it, translated into calls. What nghttp2 leaves to its user is here as
// well: the size of header lists, floods of frames that carry nothing, windows.

#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "net/call_int.h"

enum {
	HEADER_LIST_MAX = 16 << 10,  // announced; more refuses the call
	HEADER_BLOCK_MAX = 64 << 10, // more, as sent or as decoded, ends the connection
	MAX_FRAME_BYTES = 1 << 20,   // announced
	FRAME_BYTES = 128 << 10,     // sent
	RESET_BURST = 100000,        // honest clients cancel a lot; what resets may cost is
	RESETS_PER_SECOND = 10000,   // bounded by the calls that may be handled at once
	EARNED_BY_ANSWER = 4,
};

// ---- the heap ----

static void *
heap_alloc(size_t size, void *arg)
{
	(void)arg;
	return mem_resize(NULL, size); // not zeroed
}

static void
heap_free(void *ptr, void *arg)
{
	(void)arg;
	mem_free(ptr);
}

static void *
heap_calloc(size_t n, size_t size, void *arg)
{
	(void)arg;
	return mem_alloc_array(n, size);
}

static void *
heap_realloc(void *ptr, size_t size, void *arg)
{
	(void)arg;
	return mem_resize(ptr, size);
}

// ---- what comes ----

static GrpcCall *
call_of(nghttp2_session *session, int32_t stream_id)
{
	return stream_id == 0 ? NULL : nghttp2_session_get_stream_user_data(session, stream_id);
}

static bool
is_request(const nghttp2_frame *frame)
{
	return frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST;
}

static void
pay_for_empty_frame(H2 *h2)
{
	if (!flood_spend(&h2->budget, h2_now_ns(h2)))
		h2_cut(h2, NGHTTP2_ENHANCE_YOUR_CALM);
}

static int
on_begin_frame(nghttp2_session *session, const nghttp2_frame_hd *head, void *arg)
{
	(void)session;
	H2 *h2 = arg;
	if (head->type != NGHTTP2_CONTINUATION)
		h2->headers_since_ns = 0; // also of a block that nghttp2 ignored
	switch (head->type) {
	case NGHTTP2_HEADERS: h2->header_block_bytes = head->length; break;
	case NGHTTP2_CONTINUATION: h2->header_block_bytes += head->length; break;
	case NGHTTP2_RST_STREAM: break; // nghttp2 counts them
	case NGHTTP2_DATA:
		if (head->length > 0 || (head->flags & NGHTTP2_FLAG_END_STREAM))
			break;
		__attribute__((fallthrough));
	default: pay_for_empty_frame(h2);
	}
	return h2->header_block_bytes > HEADER_BLOCK_MAX ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

static int
on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	H2 *h2 = arg;
	h2->headers_since_ns = h2_now_ns(h2);
	if (!is_request(frame))
		return 0;
	GrpcCall *call = call_new(h2, frame->hd.stream_id);
	if (call == NULL)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	return nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, call);
}

static int
on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
		  size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags, void *arg)
{
	(void)flags, (void)arg;
	GrpcCall *call = call_of(session, frame->hd.stream_id);
	if (call == NULL || !is_request(frame))
		return 0; // a client's trailers say nothing to us
	request_header(call, slice_of(name, name_len), slice_of(value, value_len));
	return call->header_bytes > HEADER_BLOCK_MAX ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

static int
on_data(nghttp2_session *session, uint8_t flags, int32_t stream_id, const uint8_t *data, size_t len,
		void *arg)
{
	(void)flags;
	H2 *h2 = arg;
	// The connection's window is given back at once: one stalled stream must not stall others.
	h2_check(h2, nghttp2_session_consume_connection(session, len));
	GrpcCall *call = call_of(session, stream_id);
	if (call != NULL)
		request_data(call, slice_of(data, len));
	return 0;
}

static void
on_stream_frame(H2 *h2, GrpcCall *call, const nghttp2_frame *frame)
{
	bool ends = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
	bool all_padding = frame->hd.type == NGHTTP2_DATA && frame->data.padlen > 0 &&
					   frame->hd.length == frame->data.padlen;
	if (all_padding && !ends)
		pay_for_empty_frame(h2);
	if (call == NULL)
		return;
	if (is_request(frame))
		request_begin(call);
	if (ends)
		request_end(call);
}

static int
on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	H2 *h2 = arg;
	switch (frame->hd.type) {
	case NGHTTP2_SETTINGS: h2->preface_until_ns = INT64_MAX; break;
	case NGHTTP2_PING:
		if ((frame->hd.flags & NGHTTP2_FLAG_ACK) && h2->drain == DRAIN_NOTICE)
			h2_end_drain(h2);
		break;
	case NGHTTP2_HEADERS: h2->headers_since_ns = 0; __attribute__((fallthrough));
	case NGHTTP2_DATA: on_stream_frame(h2, call_of(session, frame->hd.stream_id), frame); break;
	default: break;
	}
	return 0;
}

static int
on_invalid_frame(nghttp2_session *session, const nghttp2_frame *frame, int error, void *arg)
{
	(void)session, (void)frame, (void)error;
	H2 *h2 = arg;
	h2->headers_since_ns = 0;
	pay_for_empty_frame(h2);
	return 0;
}

static int
on_stream_close(nghttp2_session *session, int32_t stream_id, uint32_t error, void *arg)
{
	(void)error, (void)arg;
	GrpcCall *call = call_of(session, stream_id);
	if (call != NULL) {
		nghttp2_session_set_stream_user_data(session, stream_id, NULL);
		call_close(call);
	}
	return 0;
}

// ---- what goes ----

static ssize_t
on_send(nghttp2_session *session, const uint8_t *data, size_t len, int flags, void *arg)
{
	(void)session, (void)flags;
	H2 *h2 = arg;
	size_t taken = stage_copy(h2->conn->stage, data, len);
	return taken == 0 ? NGHTTP2_ERR_WOULDBLOCK : (ssize_t)taken;
}

static int
on_frame_sent(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	H2 *h2 = arg;
	bool ends = (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
				(frame->hd.flags & NGHTTP2_FLAG_END_STREAM);
	if (!ends)
		return 0;
	flood_earn(&h2->budget, EARNED_BY_ANSWER);
	int32_t stream_id = frame->hd.stream_id;
	GrpcCall *call = call_of(session, stream_id);
	if (call != NULL)
		call_tell(call, CALL_DONE);
	// A client that is still sending is told to stop, after the trailers: before, they were lost.
	if (nghttp2_session_get_stream_remote_close(session, stream_id) == 0)
		h2_check(
			h2, nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, stream_id, NGHTTP2_NO_ERROR));
	return 0;
}

// Headers too large to be sent: the stream cannot go on.
static int
on_frame_not_sent(nghttp2_session *session, const nghttp2_frame *frame, int error, void *arg)
{
	if (frame->hd.type == NGHTTP2_HEADERS && error != NGHTTP2_ERR_STREAM_CLOSED &&
		error != NGHTTP2_ERR_STREAM_CLOSING)
		h2_check(arg, nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id,
												NGHTTP2_INTERNAL_ERROR));
	return 0;
}

static ssize_t
frame_length(nghttp2_session *session, uint8_t type, int32_t stream_id, int32_t connection_window,
			 int32_t stream_window, uint32_t max_frame_size, void *arg)
{
	(void)session, (void)type, (void)stream_id, (void)connection_window, (void)stream_window;
	(void)arg; // nghttp2 takes the windows into account itself
	return max_frame_size < FRAME_BYTES ? (ssize_t)max_frame_size : FRAME_BYTES;
}

// ---- sessions ----

Status
session_setup(GrpcServer *server, Error *err)
{
	if (nghttp2_session_callbacks_new(&server->callbacks) != 0 ||
		nghttp2_option_new(&server->session_options) != 0)
		return error_no_memory(err, "an HTTP/2 server");

	nghttp2_session_callbacks *cb = server->callbacks;
	nghttp2_session_callbacks_set_on_begin_frame_callback(cb, on_begin_frame);
	nghttp2_session_callbacks_set_on_begin_headers_callback(cb, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
	nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame);
	nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(cb, on_invalid_frame);
	nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_stream_close);
	nghttp2_session_callbacks_set_send_callback(cb, on_send);
	nghttp2_session_callbacks_set_send_data_callback(cb, reply_write);
	nghttp2_session_callbacks_set_on_frame_send_callback(cb, on_frame_sent);
	nghttp2_session_callbacks_set_on_frame_not_send_callback(cb, on_frame_not_sent);
	nghttp2_session_callbacks_set_data_source_read_length_callback(cb, frame_length);

	nghttp2_option_set_no_auto_window_update(server->session_options, 1);
	nghttp2_option_set_stream_reset_rate_limit(server->session_options, RESET_BURST,
											   RESETS_PER_SECOND);
	return ST_OK;
}

void
session_teardown(GrpcServer *server)
{
	nghttp2_session_callbacks_del(TAKE(server->callbacks));
	nghttp2_option_del(TAKE(server->session_options));
}

Status
session_open(H2 *h2, Error *err)
{
	const GrpcOptions *options = &h2->server->options;
	nghttp2_mem heap = {NULL, heap_alloc, heap_free, heap_calloc, heap_realloc};
	if (nghttp2_session_server_new3(&h2->session, h2->server->callbacks, h2,
									h2->server->session_options, &heap) != 0)
		return error_no_memory(err, "an HTTP/2 session");

	// The very first frame: some clients wait for it before they send anything.
	const nghttp2_settings_entry settings[] = {
		{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, options->max_streams},
		{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, (uint32_t)options->stream_window},
		{NGHTTP2_SETTINGS_MAX_FRAME_SIZE, MAX_FRAME_BYTES},
		{NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, HEADER_LIST_MAX},
	};
	int rv = nghttp2_submit_settings(h2->session, NGHTTP2_FLAG_NONE, settings, COUNT_OF(settings));
	if (rv == 0)
		rv = nghttp2_session_set_local_window_size(h2->session, NGHTTP2_FLAG_NONE, 0,
												   (int32_t)options->connection_window);
	return rv == 0 ? ST_OK : error_no_memory(err, "an HTTP/2 session");
}
