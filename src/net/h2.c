// HTTP/2 as a protocol of a connection. Methods may do what they like within nghttp2's callbacks,
// but the session is flushed and closed outside only.

#include "net/h2_int.h"

#include "base/log.h"
#include "base/mem.h"
#include "net/call_int.h"

enum {
	QUEUED_FRAMES_MAX = 1000, // waiting for a socket that takes nothing: then nothing is read
};

static const int64_t SECOND_NS = INT64_C(1000000000);
static const int64_t HEADERS_NS = INT64_C(10000000000);

static const uint8_t DRAIN_PING[8] = "draining";

int64_t
h2_now_ns(const H2 *h2)
{
	return conn_now_ns(h2->conn);
}

void
h2_check(H2 *h2, int rv)
{
	if (nghttp2_is_fatal(rv))
		conn_break(h2->conn);
}

void
h2_cut(H2 *h2, uint32_t h2_error)
{
	log_debug("connection cut", "peer=%s error=%s", h2->conn->peer,
			  nghttp2_http2_strerror(h2_error));
	h2_check(h2, nghttp2_session_terminate_session(h2->session, h2_error));
	conn_want_flush(h2->conn);
}

// ---- bytes ----

static bool
input(void *session, Slice data)
{
	H2 *h2 = session;
	return nghttp2_session_mem_recv(h2->session, data.data, data.len) >= 0;
}

static bool
gather(void *session)
{
	H2 *h2 = session;
	return !nghttp2_is_fatal(nghttp2_session_send(h2->session));
}

static void
tell(void *session)
{
	call_tell_all(session);
}

// A peer that sends but does not read may not make us queue answers without end.
static bool
wants_input(const void *session)
{
	const H2 *h2 = session;
	return !h2->conn->blocked ||
		   nghttp2_session_get_outbound_queue_size(h2->session) <= QUEUED_FRAMES_MAX;
}

static bool
is_finished(const void *session)
{
	const H2 *h2 = session;
	return !nghttp2_session_want_read(h2->session) && !nghttp2_session_want_write(h2->session);
}

// ---- patience ----

static int64_t
due_ns(const void *session)
{
	const H2 *h2 = session;
	int64_t due = h2->preface_until_ns;
	if (h2->headers_since_ns != 0 && h2->headers_since_ns + HEADERS_NS < due)
		due = h2->headers_since_ns + HEADERS_NS;
	if (h2->drain == DRAIN_NOTICE && h2->drain_until_ns < due)
		due = h2->drain_until_ns;
	return due;
}

static bool
on_due(void *session)
{
	H2 *h2 = session;
	int64_t now = h2_now_ns(h2);
	if (now >= h2->preface_until_ns ||
		(h2->headers_since_ns != 0 && now >= h2->headers_since_ns + HEADERS_NS))
		return false;
	if (h2->drain == DRAIN_NOTICE && now >= h2->drain_until_ns)
		h2_end_drain(h2);
	return true;
}

// ---- the end ----

static void
begin_drain(void *session)
{
	H2 *h2 = session;
	if (h2->drain != DRAIN_NO)
		return;
	// The answer to the PING shows that the peer knows and opens no more streams.
	h2->drain = DRAIN_NOTICE;
	h2->drain_until_ns = h2_now_ns(h2) + SECOND_NS;
	h2_check(h2, nghttp2_submit_shutdown_notice(h2->session));
	h2_check(h2, nghttp2_submit_ping(h2->session, NGHTTP2_FLAG_NONE, DRAIN_PING));
	conn_due_changed(h2->conn);
	conn_want_flush(h2->conn);
}

void
h2_end_drain(H2 *h2)
{
	h2->drain = DRAIN_LAST;
	int32_t last = nghttp2_session_get_last_proc_stream_id(h2->session);
	h2_check(
		h2, nghttp2_submit_goaway(h2->session, NGHTTP2_FLAG_NONE, last, NGHTTP2_NO_ERROR, NULL, 0));
	conn_want_flush(h2->conn);
}

static void
stop(void *session)
{
	H2 *h2 = session;
	for (GrpcCall *call = h2->calls; call != NULL; call = call->next)
		call_abort(call, GRPC_UNAVAILABLE, "the server is stopping");
}

static void
end(void *session)
{
	// nghttp2 does not report the streams of a session that it deletes. Until all are closed their
	// methods may still send, in vain.
	H2 *h2 = session;
	while (h2->calls != NULL)
		call_close(h2->calls);
	call_tell_all(h2);
	nghttp2_session_del(TAKE(h2->session));
}

static void
h2_free(void *session)
{
	H2 *h2 = session;
	grpc_server_unref(h2->server);
	mem_free(h2);
}

const Protocol H2_PROTOCOL = {
	.input = input,
	.gather = gather,
	.tell = tell,
	.wants_input = wants_input,
	.is_finished = is_finished,
	.due_ns = due_ns,
	.on_due = on_due,
	.drain = begin_drain,
	.stop = stop,
	.end = end,
	.free = h2_free,
};

Status
h2_new(Conn *conn, GrpcServer *server, int64_t preface_until_ns, H2 **out, Error *err)
{
	H2 *h2 = mem_alloc(sizeof(*h2));
	if (h2 == NULL)
		return error_no_memory(err, "an HTTP/2 session");
	h2->conn = conn;
	h2->server = grpc_server_ref(server);
	h2->preface_until_ns = preface_until_ns;
	flood_init(&h2->budget, conn_now_ns(conn));
	Status st = session_open(h2, err);
	if (st != ST_OK) {
		nghttp2_session_del(TAKE(h2->session));
		h2_free(h2);
		return st;
	}
	*out = h2;
	return ST_OK;
}
