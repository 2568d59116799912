// HTTP/1.1 as a protocol of a connection: one request at a time is read, handled and answered; what
// comes ahead of its turn is held back.

#include "net/http_int.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "net/websocket_int.h"

enum {
	HELD_MAX = 64 << 10,   // while a request is handled; then nothing is read
	PACKED_STEP = 4 << 10, // of a packed body, between two looks whether the handler pauses
	SLOW_BYTES = 1 << 10,  // of a body, at least, for each second
};

static const int64_t NS_PER_SECOND = INT64_C(1000000000);

static bool
takes_input(const H1 *h1)
{
	return !h1->deaf && (h1->req == NULL || !(h1->req->paused || h1->req->read));
}

// ---- the end of a request ----

// The connection's reference goes.
static void
let_go(HttpRequest *req)
{
	atomic_store_explicit(&req->done, true, memory_order_release);
	if (req->begun && req->handler->done != NULL)
		req->handler->done(req);
	http_unref(req);
}

static void
end_request(H1 *h1)
{
	h1->deaf = h1->deaf || !h1->keep_alive;
	h1->idle_since_ns = conn_now_ns(h1->conn);
	let_go(TAKE(h1->req));
}

// What follows cannot be understood, or is not waited for.
static void
give_up(H1 *h1, H1Problem problem)
{
	h1->deaf = true;
	h1->keep_alive = false;
	if (h1->req == NULL) // http-parser finds fault before it finds a request
		h1->req = request_new(h1);
	if (h1->req == NULL)
		conn_break(h1->conn);
	else if (!h1->req->finished)
		answer_problem(h1->req, problem.status, problem.code, problem.text, -1);
}

// ---- bytes ----

// How many were taken.
static size_t
feed(H1 *h1, Slice data)
{
	size_t taken = 0;
	bool idle = false; // a pause may be taken back at once: nothing was taken, and something will
	while (taken < data.len && takes_input(h1)) {
		size_t n = data.len - taken;
		if (h1->req != NULL && h1->req->gunzip != NULL && n > PACKED_STEP)
			n = PACKED_STEP;
		h1_parser_resume(h1->parser);
		size_t pushed = h1_parser_push(h1->parser, slice_of(data.data + taken, n));
		taken += pushed;
		H1Problem problem = h1_parser_problem(h1->parser);
		if (problem.status == 0 && pushed == 0 && idle)
			problem = (H1Problem){400, ST_INVALID, "the request is not HTTP/1.1"};
		if (problem.status != 0) {
			give_up(h1, problem);
			return data.len;
		}
		idle = pushed == 0;
	}
	return h1->deaf ? data.len : taken;
}

static bool
input(void *session, Slice data)
{
	H1 *h1 = session;
	if (h1->held_pos == h1->held.len && takes_input(h1)) {
		size_t taken = feed(h1, data);
		data = slice_of(data.data + taken, data.len - taken);
	}
	if (!h1->deaf)
		buf_add_slice(&h1->held, data);
	return !h1->held.failed;
}

// Reads of what was held back; false: nothing.
static bool
pump(H1 *h1)
{
	if (h1->held_pos == h1->held.len || !takes_input(h1))
		return false;
	size_t taken = feed(h1, slice_of(h1->held.data + h1->held_pos, h1->held.len - h1->held_pos));
	h1->held_pos += taken;
	if (h1->held_pos == h1->held.len) {
		buf_close(&h1->held);
		h1->held_pos = 0;
	}
	return taken > 0;
}

void
stage_queue(Stage *stage, PieceQueue *queue)
{
	size_t room;
	while (queue->bytes > 0 && (room = stage_frame_room(stage)) > 0)
		stage_frame(stage, NULL, 0, queue, stage_measure(queue, room));
}

static bool
gather(void *session)
{
	H1 *h1 = session;
	HttpRequest *req = h1->req;
	size_t before = h1->out.bytes;
	stage_queue(h1->conn->stage, &h1->out);
	if (req != NULL && req->full && h1->out.bytes < before &&
		h1->out.bytes <= req->server->options.send_high_water / 2) {
		req->full = false;
		req->writable_due = true;
	}
	return true;
}

static void
drop(H1 *h1)
{
	queue_close(&h1->out);
	buf_close(&h1->held);
	h1_parser_free(TAKE(h1->parser));
}

static void
h1_free(void *session)
{
	H1 *h1 = session;
	drop(h1);
	http_server_unref(h1->server);
	mem_free(h1);
}

// From here on the connection has another protocol, and another session.
static void
become_websocket(H1 *h1)
{
	HttpRequest *req = TAKE(h1->req);
	Slice rest = buf_slice(&h1->held);
	if (h1->held_pos > 0)
		rest = slice_of(rest.data + h1->held_pos, rest.len - h1->held_pos);
	websocket_begin(TAKE(req->websocket), rest);
	let_go(req);
	h1_free(h1);
}

static void
tell_writable(HttpRequest *req)
{
	req->writable_due = false;
	if (!req->finished && req->handler->writable != NULL)
		req->handler->writable(req);
}

static void
tell(void *session)
{
	H1 *h1 = session;
	for (bool any = true; any;) {
		HttpRequest *req = h1->req;
		bool upgraded = req != NULL && req->websocket != NULL;
		if (upgraded && req->read) {
			become_websocket(h1);
			return;
		}
		if (req != NULL && !upgraded && answer_is_over(req))
			end_request(h1);
		else if (req != NULL && req->writable_due)
			tell_writable(req);
		else
			any = pump(h1);
	}
}

static bool
wants_input(const void *session)
{
	const H1 *h1 = session;
	return h1->deaf ||
		   (!(h1->req != NULL && h1->req->paused) && h1->held.len - h1->held_pos < HELD_MAX);
}

static bool
is_finished(const void *session)
{
	const H1 *h1 = session;
	return h1->req == NULL && h1->out.bytes == 0 && (h1->deaf || h1->draining);
}

// ---- patience ----

static int64_t
due_ns(const void *session)
{
	const H1 *h1 = session;
	const HttpOptions *options = &h1->server->options;
	const HttpRequest *req = h1->req;
	if (h1->deaf)
		return INT64_MAX;
	if (req == NULL)
		return h1->idle_since_ns + (h1->requests == 0 ? options->header_ns : options->idle_ns);
	if (!req->head_read)
		return req->began_ns + options->header_ns;
	return req->read || req->paused ? INT64_MAX : req->slow_since_ns + options->body_ns;
}

static bool
on_due(void *session)
{
	H1 *h1 = session;
	HttpRequest *req = h1->req;
	if (req == NULL)
		return false;
	size_t seconds = (size_t)(h1->server->options.body_ns / NS_PER_SECOND);
	if (req->head_read && req->raw_bytes - req->slow_bytes >= seconds * SLOW_BYTES) {
		req->slow_bytes = req->raw_bytes;
		req->slow_since_ns = conn_now_ns(h1->conn);
		return true;
	}
	give_up(h1, (H1Problem){408, ST_DEADLINE, "the request came too slowly"});
	conn_want_flush(h1->conn);
	return true;
}

// ---- the end ----

static void
begin_drain(void *session)
{
	H1 *h1 = session;
	h1->draining = true;
	h1->keep_alive = h1->keep_alive && h1->req == NULL;
	conn_want_flush(h1->conn);
}

static void
stop(void *session)
{
	H1 *h1 = session;
	h1->draining = true;
	if (h1->req != NULL)
		give_up(h1, (H1Problem){503, ST_UNAVAILABLE, "the server is stopping"});
}

static void
end(void *session)
{
	H1 *h1 = session;
	HttpRequest *req = TAKE(h1->req);
	if (req != NULL && req->websocket != NULL)
		websocket_gone(TAKE(req->websocket));
	if (req != NULL)
		let_go(req);
	drop(h1);
}

const Protocol H1_PROTOCOL = {
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
	.free = h1_free,
};

Status
h1_new(Conn *conn, HttpServer *server, H1 **out, Error *err)
{
	H1 *h1 = mem_alloc(sizeof(*h1));
	if (h1 == NULL)
		return error_no_memory(err, "an HTTP/1.1 connection");
	Status st = h1_parser_new(&H1_EVENTS, h1, server->options.max_target,
							  server->options.max_header, &h1->parser, err);
	if (st != ST_OK) {
		mem_free(h1);
		return st;
	}
	h1->conn = conn;
	h1->server = http_server_ref(server);
	h1->idle_since_ns = conn_now_ns(conn);
	*out = h1;
	return ST_OK;
}
