// A port that speaks both: what a client sends first tells which it wants. HTTP/2 begins with PRI,
// which HTTP/1.1 has no method of.

#include "net/conn_int.h"

#include <string.h>

#include "base/mem.h"

static const char PREFACE[] = "PRI";
enum { PREFACE_BYTES = sizeof(PREFACE) - 1 };

typedef struct First {
	Conn *conn;
	int64_t until_ns;
	size_t seen; // bytes of the preface
	bool draining;
} First;

bool
first_become(Conn *conn, bool h2)
{
	First *first = conn->session;
	bool draining = first->draining;
	if (conn_speak(conn, h2, NULL) != ST_OK)
		return false;
	mem_free(first);
	if (draining)
		conn->protocol->drain(conn->session);
	return true;
}

static bool
input(void *session, Slice data)
{
	First *first = session;
	Conn *conn = first->conn;
	size_t seen = first->seen;
	size_t at = 0;
	while (at < data.len && seen + at < PREFACE_BYTES && data.data[at] == PREFACE[seen + at])
		at++;
	if (at == data.len && seen + at < PREFACE_BYTES) {
		first->seen += at;
		return true;
	}
	// What was seen was the preface's first bytes.
	return first_become(conn, seen + at == PREFACE_BYTES) &&
		   conn->protocol->input(conn->session, slice_of(PREFACE, seen)) &&
		   conn->protocol->input(conn->session, data);
}

static bool
gather(void *session)
{
	(void)session;
	return true;
}

static void
tell(void *session)
{
	(void)session;
}

static bool
wants_input(const void *session)
{
	(void)session;
	return true;
}

static bool
is_finished(const void *session)
{
	const First *first = session;
	return first->draining && first->seen == 0;
}

static int64_t
due_ns(const void *session)
{
	return ((const First *)session)->until_ns;
}

static bool
on_due(void *session)
{
	(void)session;
	return false;
}

static void
drain(void *session)
{
	First *first = session;
	first->draining = true;
	conn_want_flush(first->conn);
}

const Protocol FIRST_PROTOCOL = {
	.input = input,
	.gather = gather,
	.tell = tell,
	.wants_input = wants_input,
	.is_finished = is_finished,
	.due_ns = due_ns,
	.on_due = on_due,
	.drain = drain,
	.stop = tell,
	.end = tell,
	.free = mem_free,
};

Status
first_new(Conn *conn, int64_t until_ns, void **out, Error *err)
{
	First *first = mem_alloc(sizeof(*first));
	if (first == NULL)
		return error_no_memory(err, "a connection");
	first->conn = conn;
	first->until_ns = until_ns;
	*out = first;
	return ST_OK;
}
