// Input is handed to the protocol as it is read; output is gathered and written once a turn. What a
// protocol serves may do as it likes within callbacks, but it is flushed and closed outside only.

#include "net/conn_int.h"

#include <assert.h>
#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "net/h2_int.h"
#include "net/http_int.h"

enum {
	READS_PER_TURN = 4,   // of INPUT_BYTES, before other connections have their turn
	WRITES_PER_TURN = 16, // of a stage
};

static const int64_t PREFACE_NS = INT64_C(10000000000);
static const int64_t LINGER_NS = INT64_C(1000000000);
// A client library that reads only while its program asks still reads every few seconds.
static const int64_t STALL_NS = INT64_C(30000000000);

static void flush_rounds(Conn *conn);

Conn *
conn_ref(Conn *conn)
{
	atomic_fetch_add_explicit(&conn->refs, 1, memory_order_relaxed);
	return conn;
}

void
conn_unref(Conn *conn)
{
	unsigned was = atomic_fetch_sub_explicit(&conn->refs, 1, memory_order_acq_rel);
	assert(was > 0);
	if (was > 1)
		return;
	if (conn->session != NULL)
		conn->protocol->free(conn->session);
	net_server_unref(conn->server);
	mem_free(conn);
}

int64_t
conn_now_ns(const Conn *conn)
{
	return loop_now_ns(conn->net->loop);
}

// ---- the end ----

static void
leave_loop(Conn *conn)
{
	if (conn->prev != NULL)
		conn->prev->next = conn->next;
	else if (conn->net->conns == conn)
		conn->net->conns = conn->next;
	if (conn->next != NULL)
		conn->next->prev = conn->prev;
	conn->prev = conn->next = NULL;
}

void
conn_close(Conn *conn)
{
	if (conn->fd < 0)
		return;
	loop_unwatch(TAKE(conn->watch));
	loop_timer_free(TAKE(conn->timer));
	sock_close(conn->fd);
	conn->fd = -1;
	if (conn->session != NULL)
		conn->protocol->end(conn->session);
	tls_free(TAKE(conn->tls));
	stage_free(TAKE(conn->stage));
	leave_loop(conn);
	atomic_fetch_sub_explicit(&conn->server->connections, 1, memory_order_relaxed);
	conn_unref(conn);
}

void
conn_break(Conn *conn)
{
	conn->broken = true;
	conn_want_flush(conn);
}

// ---- patience ----

static void
wake_at(Conn *conn, int64_t at_ns)
{
	if (at_ns >= conn->timer_at_ns)
		return;
	conn->timer_at_ns = at_ns;
	loop_timer_set(conn->timer, at_ns);
}

static bool
is_out_of_patience(const Conn *conn)
{
	int64_t now = conn_now_ns(conn);
	return now >= conn->ended_until_ns || (conn->blocked && now >= conn->sent_ns + STALL_NS);
}

static bool
protocol_is_due(const Conn *conn)
{
	return !conn->ended && conn_now_ns(conn) >= conn->protocol->due_ns(conn->session);
}

void
conn_due_changed(Conn *conn)
{
	if (conn->fd < 0)
		return;
	wake_at(conn, conn->ended ? conn->ended_until_ns : conn->protocol->due_ns(conn->session));
	if (conn->blocked)
		wake_at(conn, conn->sent_ns + STALL_NS);
}

static void
on_timer(void *arg)
{
	Conn *conn = arg;
	conn->timer_at_ns = INT64_MAX;
	if (is_out_of_patience(conn) ||
		(protocol_is_due(conn) && !conn->protocol->on_due(conn->session))) {
		if (!conn->ended)
			log_debug("connection closed", "peer=%s reason=\"it was too slow\"", conn->peer);
		conn_close(conn);
		return;
	}
	conn_due_changed(conn);
}

// ---- draining ----

void
conn_drain(Conn *conn)
{
	if (!conn->ended)
		conn->protocol->drain(conn->session);
}

void
conn_stop(Conn *conn)
{
	conn_ref(conn);
	if (!conn->ended)
		conn->protocol->stop(conn->session);
	flush_rounds(conn); // as far as the socket takes it
	conn_close(conn);
	conn_unref(conn);
}

// ---- output ----

static void
flush_now(void *arg)
{
	Conn *conn = arg;
	conn->flush_asked = false;
	if (conn->fd >= 0)
		flush_rounds(conn);
	conn_unref(conn);
}

void
conn_want_flush(Conn *conn)
{
	if (conn->flush_asked || conn->flushing || conn->ended || conn->fd < 0)
		return;
	conn->flush_asked = true;
	conn_ref(conn);
	loop_at_turn_end(conn->net->loop, &conn->flush);
}

static void
watch(Conn *conn, uint32_t events)
{
	if (events != conn->watched)
		loop_watch_change(conn->watch, events);
	conn->watched = events;
}

// Fills the stage. False when there is nothing to send or the protocol failed.
static bool
gather(Conn *conn)
{
	if (conn_tls_waits(conn))
		return true; // it goes first
	if (conn->stage == NULL)
		conn->stage = net_loop_take_stage(conn->net);
	if (conn->stage == NULL || !conn->protocol->gather(conn->session))
		conn->broken = true;
	return !conn->broken && !stage_is_empty(conn->stage);
}

static void
send_stage(Conn *conn)
{
	size_t sent = 0;
	Status st = conn->tls != NULL ? conn_tls_send(conn, &sent, &conn->blocked, NULL)
								  : stage_write(conn->stage, conn->fd, &sent, &conn->blocked, NULL);
	if (st != ST_OK)
		conn->broken = true;
	if (sent > 0 || !conn->blocked)
		conn->sent_ns = conn_now_ns(conn);
	// A socket that took less than everything takes no more now; no need to ask.
	bool all = (conn->stage == NULL || stage_is_empty(conn->stage)) && !conn_tls_waits(conn);
	conn->blocked = conn->blocked || !all;
	atomic_fetch_add_explicit(&conn->server->bytes_out, sent, memory_order_relaxed);
}

// A socket that is closed while something of the peer's waits unread is reset, and the peer may
// then never see our last words: they are read out of the way until the peer closes, too.
static void
linger(Conn *conn)
{
	conn->ended = true;
	conn->ended_until_ns = conn_now_ns(conn) + LINGER_NS;
	conn_tls_end(conn);
	sock_end_writing(conn->fd);
	watch(conn, LOOP_READABLE);
	conn_due_changed(conn);
}

// What is left of the stage waits for the socket; an empty one serves others.
static void
end_flush(Conn *conn, bool more)
{
	if (conn->stage != NULL && stage_is_empty(conn->stage))
		net_loop_give_stage(conn->net, TAKE(conn->stage));
	if (conn->broken) {
		conn_close(conn);
		return;
	}
	if (!more && !conn->blocked && conn->protocol->is_finished(conn->session)) {
		linger(conn);
		return;
	}
	bool reads = conn->protocol->wants_input(conn->session);
	watch(conn, (reads ? LOOP_READABLE : 0) | (conn->blocked || more ? LOOP_WRITABLE : 0));
	conn_due_changed(conn);
}

static void
flush_rounds(Conn *conn)
{
	conn->flushing = true;
	bool more = true;
	for (int i = 0; i < WRITES_PER_TURN && more; i++) {
		conn->protocol->tell(conn->session);
		more = !conn->blocked && gather(conn);
		if (more)
			send_stage(conn);
		more = more && !conn->broken;
	}
	conn->protocol->tell(conn->session);
	conn->flushing = false;
	end_flush(conn, more);
}

// ---- input ----

// False: as of Protocol.input.
static bool
take_input(Conn *conn, size_t len)
{
	return conn->tls != NULL
			   ? conn_tls_input(conn, len)
			   : conn->protocol->input(conn->session, slice_of(conn->net->input, len));
}

// False: no more now.
static bool
read_once(Conn *conn)
{
	size_t len = 0;
	bool would_block = false;
	uint8_t *input = conn->tls != NULL ? conn->net->cipher : conn->net->input;
	if (sock_read(conn->fd, input, INPUT_BYTES, &len, &would_block, NULL) != ST_OK) {
		conn->broken = true;
		return false;
	}
	atomic_fetch_add_explicit(&conn->server->bytes_in, len, memory_order_relaxed);
	if (len > 0 && !conn->ended && !take_input(conn, len))
		conn->broken = true;
	return len == INPUT_BYTES && !conn->broken;
}

static void
on_ready(void *arg, uint32_t events)
{
	Conn *conn = conn_ref(arg);
	if (events & LOOP_WRITABLE)
		conn->blocked = false;
	if (events & (LOOP_READABLE | LOOP_HANGUP)) {
		bool more = true;
		for (int i = 0; i < READS_PER_TURN && more; i++)
			more = read_once(conn) && conn->protocol->wants_input(conn->session);
	}
	if (conn->broken)
		conn_close(conn);
	else
		conn_want_flush(conn);
	conn_unref(conn);
}

// ---- the beginning ----

static void
set_protocol(Conn *conn, const Protocol *protocol, void *session)
{
	conn->protocol = protocol;
	conn->session = session;
}

Status
conn_speak(Conn *conn, bool h2, Error *err)
{
	if (h2) {
		H2 *session;
		TRY(h2_new(conn, conn->port.grpc, conn_now_ns(conn) + PREFACE_NS, &session, err));
		set_protocol(conn, &H2_PROTOCOL, session);
	} else {
		H1 *session;
		TRY(h1_new(conn, conn->port.http, &session, err));
		set_protocol(conn, &H1_PROTOCOL, session);
	}
	return ST_OK;
}

static Status
open_protocol(Conn *conn, Error *err)
{
	if (conn->port.tls != NULL)
		TRY(conn_tls_open(conn, err));
	else if (conn->port.grpc == NULL || conn->port.http == NULL)
		return conn_speak(conn, conn->port.grpc != NULL, err);
	void *session;
	TRY(first_new(conn, conn_now_ns(conn) + PREFACE_NS, &session, err));
	set_protocol(conn, &FIRST_PROTOCOL, session);
	return ST_OK;
}

static Status
open_conn(Conn *conn, Error *err)
{
	Loop *loop = conn->net->loop;
	TRY(open_protocol(conn, err));
	TRY(loop_timer_new(loop, on_timer, conn, &conn->timer, err));
	TRY(loop_watch(loop, conn->fd, LOOP_READABLE, on_ready, conn, &conn->watch, err));
	conn->watched = LOOP_READABLE;
	return ST_OK;
}

static void
start(void *arg)
{
	Conn *conn = arg;
	conn->sent_ns = conn_now_ns(conn);
	if (conn->net->closed || open_conn(conn, NULL) != ST_OK) {
		conn_close(conn);
		return;
	}
	conn->next = conn->net->conns;
	if (conn->next != NULL)
		conn->next->prev = conn;
	conn->net->conns = conn;
	if (atomic_load(&conn->server->draining))
		conn_drain(conn);
	conn_want_flush(conn);
}

void
conn_new(NetLoop *net, int fd, const NetPort *port, const SockAddress *peer)
{
	Conn *conn = mem_alloc(sizeof(*conn));
	if (conn == NULL) {
		sock_close(fd);
		return;
	}
	atomic_init(&conn->refs, 1);
	conn->server = net_server_ref(net->server);
	conn->net = net;
	conn->port = *port;
	conn->fd = fd;
	conn->timer_at_ns = conn->ended_until_ns = INT64_MAX;
	snprintf(conn->peer, sizeof(conn->peer), "%s", peer->text);
	conn->start = (LoopCall){.fn = start, .arg = conn};
	conn->flush = (LoopCall){.fn = flush_now, .arg = conn};
	sock_tune(fd, peer->loopback);
	atomic_fetch_add_explicit(&net->server->connections, 1, memory_order_relaxed);
	loop_post(net->loop, &conn->start);
}
