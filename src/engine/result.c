// result.c - one statement on its way.
//
// A worker runs it slice by slice: it produces frames until MOBIUS_RESULT_QUEUE bytes wait, then
// the statement is parked and the worker goes on with others; taking frames submits it again. The
// ticker ends what works or stalls too long.
//
// Threads  next, close: the caller's. The worker that runs the current slice owns `query`; cancel
// reaches it under the lock.

#include "engine/result.h"

#include <assert.h>
#include <string.h>

#include "arrow/builder.h"
#include "base/mem.h"
#include "engine/statements.h"
#include "engine/ticker.h"
#include "os/clock.h"

enum {
	FRAME_ROWS = 64 << 10,
	FRAME_BYTES = 2 << 20, // several clients refuse messages of 4 MiB
	MOST_WAITING = 256,
};

typedef struct Frame {
	IpcMessage message;
	Batch *batch; // NULL: the schema
	int64_t rows;
	struct Frame *next;
} Frame;

typedef enum Work { WORK_QUEUED, WORK_RUNNING, WORK_PARKED, WORK_ENDED } Work;

struct mobius_result {
	atomic_uint refs; // the caller's, and the workers'
	mobius_session *session;
	mobius *db;
	SqlStatement *statement;
	Ticket *ticket;
	mobius_want want;
	int64_t timeout_ns;
	Job job;
	Frame *current; // the caller's: the last one it was shown
	mobius_error shown_error;

	pthread_mutex_t lock; // guards all below
	mobius_event event;   // fn NULL after close
	SqlQuery *query;
	Work work;
	bool waiting; // the caller was told to wait
	bool closed;
	bool failed;
	Status status;
	Error error;
	Frame *frames;
	Frame **frames_tail;
	uint64_t queued_bytes;
	Buf schema; // encapsulated
	int64_t changed;
	int64_t worked_ns; // in earlier slices
	int64_t since_ns;  // of the current slice, or since it is parked
	Tick tick;
};

static void
frame_free(Frame *frame)
{
	if (frame == NULL)
		return;
	ipc_message_close(&frame->message);
	batch_unref(frame->batch);
	mem_free(frame);
}

static void
result_unref(mobius_result *result)
{
	if (result == NULL || atomic_fetch_sub(&result->refs, 1) > 1)
		return;
	frame_free(result->current);
	for (Frame *next; result->frames != NULL; result->frames = next) {
		next = result->frames->next;
		frame_free(result->frames);
	}
	sql_query_close(result->query);
	sql_statement_free(result->statement);
	ticket_unref(result->ticket);
	buf_close(&result->schema);
	pthread_mutex_destroy(&result->lock);
	mobius_session_unref(result->session);
	mem_free(result);
}

static void
result_drop(mobius_result **result)
{
	result_unref(*result);
}

static void
tell(mobius_result *result) // under the lock
{
	if (result->waiting && result->event.fn != NULL) {
		result->waiting = false;
		result->event.fn(result->event.arg);
	}
}

static void
fail(mobius_result *result, Status status, const Error *err)
{
	pthread_mutex_lock(&result->lock);
	if (!result->failed) {
		result->failed = true;
		result->status = status;
		result->error = *err;
		result->error.code = status;
	}
	pthread_mutex_unlock(&result->lock);
}

// ---- frames: the worker ----

static Status
add_frame(mobius_result *result, Frame *frame)
{
	pthread_mutex_lock(&result->lock);
	*result->frames_tail = frame;
	result->frames_tail = &frame->next;
	result->queued_bytes += frame->message.body_len + frame->message.metadata.len;
	tell(result);
	pthread_mutex_unlock(&result->lock);
	return ST_OK;
}

static Status
add_schema(mobius_result *result, const Schema *schema, Error *err)
{
	SCOPED(buf_close) Buf encapsulated = BUF_INIT;
	TRY(ipc_schema_encode(schema, &encapsulated, err));
	pthread_mutex_lock(&result->lock);
	result->schema = encapsulated;
	pthread_mutex_unlock(&result->lock);
	encapsulated = (Buf){0};
	if (result->want == MOBIUS_SCHEMA)
		return ST_OK;

	Frame *frame = mem_alloc(sizeof(*frame));
	if (frame == NULL)
		return error_no_memory(err, "a result");
	Status st = ipc_write_schema(schema, &frame->message.metadata, err);
	if (st != ST_OK) {
		frame_free(frame);
		return st;
	}
	return add_frame(result, frame);
}

static Status
add_batch(mobius_result *result, Batch *batch, Error *err)
{
	Frame *frame = mem_alloc(sizeof(*frame));
	if (frame == NULL)
		return error_no_memory(err, "a result");
	frame->rows = batch_rows(batch);
	frame->batch = batch_ref(batch);
	Status st = ipc_write_batch(batch, &frame->message, err);
	if (st != ST_OK) {
		frame_free(frame);
		return st;
	}
	return add_frame(result, frame);
}

// ---- slices: the worker ----

static Status
open_query(mobius_result *result, const char *text, Error *err)
{
	SCOPED(sql_query_drop) SqlQuery *query = NULL;
	SqlSession session = {.database = result->session->database};
	TRY(sql_query_open(result->db->sql, text, &session, &query, err));
	if (result->ticket != NULL)
		TRY(ticket_pin(result->ticket, query, err));
	TRY(add_schema(result, sql_query_schema(query), err));
	pthread_mutex_lock(&result->lock);
	result->query = TAKE(query);
	pthread_mutex_unlock(&result->lock);
	return ST_OK;
}

static bool
should_stop(mobius_result *result, bool *full)
{
	pthread_mutex_lock(&result->lock);
	bool stop = result->closed || result->failed;
	*full = result->queued_bytes >= MOBIUS_RESULT_QUEUE;
	pthread_mutex_unlock(&result->lock);
	return stop || *full;
}

static Status
produce(mobius_result *result, const char *text, bool *end, Error *err)
{
	if (result->query == NULL)
		TRY(open_query(result, text, err));
	*end = result->want == MOBIUS_SCHEMA;
	for (bool full = false; !*end && !should_stop(result, &full);) {
		SCOPED(batch_drop) Batch *batch = NULL;
		TRY(sql_query_next(result->query, FRAME_ROWS, FRAME_BYTES, &batch, err));
		*end = batch == NULL;
		if (batch != NULL && batch_rows(batch) > 0)
			TRY(add_batch(result, batch, err));
	}
	return ST_OK;
}

// One row, column rows: what a statement that changes something answers.
static Status
answer_changed(mobius_result *result, Error *err)
{
	SCOPED(schema_drop) Schema *schema = NULL;
	TRY(schema_of(&schema, err, 1, "rows", TYPE_INT64, false));
	TRY(add_schema(result, schema, err));
	if (result->want == MOBIUS_SCHEMA)
		return ST_OK;
	SCOPED(builder_drop) Builder *builder = NULL;
	TRY(builder_new(schema, &builder, err));
	column_add_int(builder_column(builder, 0), result->changed);
	SCOPED(batch_drop) Batch *batch = NULL;
	TRY(builder_finish(builder, 1, &batch, err));
	return add_batch(result, batch, err);
}

static Status
run_change(mobius_result *result, Error *err)
{
	int64_t changed = 0;
	bool ran = result->ticket != NULL && ticket_changed(result->ticket, &changed);
	if (!ran && result->want != MOBIUS_SCHEMA)
		TRY(statement_run(result->db, result->statement, result->session->database, &changed, err));
	pthread_mutex_lock(&result->lock);
	result->changed = changed;
	pthread_mutex_unlock(&result->lock);
	return answer_changed(result, err);
}

// Ends the slice: parked, ended, or on again because frames were taken meanwhile.
static void
end_slice(mobius_result *result, bool end)
{
	SqlQuery *query = NULL;
	bool again = false;
	pthread_mutex_lock(&result->lock);
	int64_t now = clock_mono_ns();
	result->worked_ns += now - result->since_ns;
	result->since_ns = now;
	if (end || result->failed || result->closed) {
		result->work = WORK_ENDED;
		query = TAKE(result->query);
	} else {
		again = result->queued_bytes < MOBIUS_RESULT_QUEUE / 2;
		result->work = again ? WORK_QUEUED : WORK_PARKED;
	}
	tell(result);
	pthread_mutex_unlock(&result->lock);
	sql_query_close(query);
	if (again)
		workers_submit(result->db->readers, &result->job);
	else
		result_unref(result);
}

static void
run_slice(Job *job)
{
	mobius_result *result = (mobius_result *)((char *)job - offsetof(mobius_result, job));
	pthread_mutex_lock(&result->lock);
	result->work = WORK_RUNNING;
	result->since_ns = clock_mono_ns();
	bool stop = result->closed || result->failed;
	pthread_mutex_unlock(&result->lock);

	Error err = ERROR_INIT;
	bool end = true;
	const char *text = statement_read_text(result->statement);
	Status st = stop           ? ST_OK
				: text != NULL ? produce(result, text, &end, &err)
							   : run_change(result, &err);
	if (st != ST_OK)
		fail(result, st, &err);
	end_slice(result, end);
}

// ---- the clock ----

static void
give_up(mobius_result *result, Status status, const char *text) // under the lock
{
	result->failed = true;
	result->status = error_set(&result->error, status, "%s", text);
	if (result->query != NULL)
		sql_query_cancel(result->query);
	tell(result);
}

static void
tick_result(void *arg, int64_t now_ns)
{
	mobius_result *result = arg;
	pthread_mutex_lock(&result->lock);
	int64_t spent = now_ns - result->since_ns;
	if (!result->failed && !result->closed) {
		if (result->work == WORK_RUNNING && result->worked_ns + spent > result->timeout_ns)
			give_up(
				result, ST_DEADLINE,
				"the statement was at work longer than query.timeout; ask for less, or raise it");
		else if (result->work == WORK_PARKED && spent > result->db->settings.query_stall_ns)
			give_up(result, ST_CANCELLED, "the client took nothing of the result for query.stall");
	}
	pthread_mutex_unlock(&result->lock);
}

// ---- the caller ----

static Status
parse(const ResultOptions *options, SqlStatement **out, Error *err)
{
	const char *text = options->ticket != NULL ? ticket_text(options->ticket) : options->text;
	size_t len = options->ticket != NULL ? strlen(text) : options->len;
	return sql_parse(slice_of(text, len), out, err);
}

Status
result_open(mobius_session *session, const ResultOptions *options, mobius_result **out, Error *err)
{
	mobius *db = session->db;
	TRY(database_ready(db, err));
	SCOPED(result_drop) mobius_result *result = mem_alloc(sizeof(*result));
	if (result == NULL)
		return error_no_memory(err, "a statement");
	atomic_init(&result->refs, 1);
	pthread_mutex_init(&result->lock, NULL);
	result->session = mobius_session_ref(session);
	result->db = db;
	result->want = options->want;
	result->event = options->event;
	result->timeout_ns =
		options->timeout_ns > 0 ? options->timeout_ns : db->settings.query_timeout_ns;
	result->frames_tail = &result->frames;
	result->job.run = run_slice;
	result->tick = (Tick){.fn = tick_result, .arg = result};
	result->waiting = true;
	result->ticket = options->ticket != NULL ? ticket_ref(options->ticket) : NULL;
	TRY(parse(options, &result->statement, err));
	bool read = statement_read_text(result->statement) != NULL;
	if (read && workers_waiting(db->readers) >= MOST_WAITING)
		return error_set(err, ST_LIMIT, "%d statements wait already; try again later",
						 MOST_WAITING);

	atomic_fetch_add(&result->refs, 1);
	ticker_add(db->ticker, &result->tick);
	workers_submit(read ? db->readers : db->waiters, &result->job);
	*out = TAKE(result);
	return ST_OK;
}

mobius_status
mobius_result_open(mobius_session *session, const char *sql, size_t len, mobius_want want,
				   int64_t timeout_ns, mobius_event event, mobius_result **out, mobius_error *err)
{
	ResultOptions options = {
		.text = sql, .len = len, .want = want, .timeout_ns = timeout_ns, .event = event};
	Error e = ERROR_INIT;
	return error_out(result_open(session, &options, out, &e), &e, err);
}

static mobius_next
show_failure(mobius_result *result) // under the lock
{
	if (result->work == WORK_RUNNING) {
		result->waiting = true; // its worker is about to let go
		return MOBIUS_NEXT_WAIT;
	}
	(void)error_out(result->status, &result->error, &result->shown_error);
	return MOBIUS_NEXT_FAILED;
}

// Takes the first frame; the statement goes on when half of what may wait is gone.
static Frame *
take_frame(mobius_result *result, bool *resume) // under the lock
{
	Frame *frame = result->frames;
	result->frames = frame->next;
	if (result->frames == NULL)
		result->frames_tail = &result->frames;
	result->queued_bytes -= frame->message.body_len + frame->message.metadata.len;
	*resume = result->work == WORK_PARKED && result->queued_bytes < MOBIUS_RESULT_QUEUE / 2;
	if (*resume) {
		result->work = WORK_QUEUED;
		atomic_fetch_add(&result->refs, 1);
	} else if (result->work == WORK_PARKED) {
		result->since_ns = clock_mono_ns();
	}
	return frame;
}

static mobius_next
next_state(mobius_result *result, Frame **frame, bool *resume) // under the lock
{
	if (result->failed)
		return show_failure(result);
	if (result->frames != NULL) {
		*frame = take_frame(result, resume);
		return MOBIUS_NEXT_FRAME;
	}
	if (result->work == WORK_ENDED)
		return MOBIUS_NEXT_END;
	result->waiting = true;
	return MOBIUS_NEXT_WAIT;
}

mobius_next
mobius_result_next(mobius_result *result, mobius_frame *out)
{
	frame_free(TAKE(result->current));
	bool resume = false;
	pthread_mutex_lock(&result->lock);
	mobius_next next = next_state(result, &result->current, &resume);
	pthread_mutex_unlock(&result->lock);
	if (resume)
		workers_submit(result->db->readers, &result->job);
	if (next != MOBIUS_NEXT_FRAME)
		return next;
	const IpcMessage *message = &result->current->message;
	static_assert(sizeof(mobius_piece) == sizeof(Piece) &&
					  offsetof(mobius_piece, owner) == offsetof(Piece, owner),
				  "a piece is shown as it is");
	*out = (mobius_frame){
		.header = slice_out(buf_slice(&message->metadata)),
		.body = (const mobius_piece *)message->body,
		.pieces = (size_t)message->body_count,
		.body_len = message->body_len,
		.rows = result->current->rows,
	};
	return next;
}

Batch *
result_batch(const mobius_result *result)
{
	return result->current->batch;
}

mobius_slice
mobius_result_schema(mobius_result *result)
{
	pthread_mutex_lock(&result->lock);
	mobius_slice schema = slice_out(buf_slice(&result->schema));
	pthread_mutex_unlock(&result->lock);
	return schema;
}

bool
mobius_result_is_read(const mobius_result *result)
{
	return statement_read_text(result->statement) != NULL;
}

int64_t
mobius_result_changed(const mobius_result *result)
{
	return result->changed;
}

const mobius_error *
mobius_result_error(const mobius_result *result)
{
	return &result->shown_error;
}

void
mobius_result_cancel(mobius_result *result)
{
	pthread_mutex_lock(&result->lock);
	if (!result->failed && result->work != WORK_ENDED)
		give_up(result, ST_CANCELLED, "the statement was cancelled");
	pthread_mutex_unlock(&result->lock);
}

void
mobius_result_close(mobius_result *result)
{
	if (result == NULL)
		return;
	ticker_remove(result->db->ticker, &result->tick);
	pthread_mutex_lock(&result->lock);
	result->event = (mobius_event){0};
	result->closed = true;
	if (result->query != NULL)
		sql_query_cancel(result->query);
	// What it holds is let go by a worker: ending a query may take a while.
	bool parked = result->work == WORK_PARKED;
	if (parked) {
		result->work = WORK_QUEUED;
		atomic_fetch_add(&result->refs, 1);
	}
	pthread_mutex_unlock(&result->lock);
	if (parked)
		workers_submit(result->db->readers, &result->job);
	result_unref(result);
}
