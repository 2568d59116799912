// result_work.c - a statement at work: slice by slice, frames until enough of them wait.

#include <string.h>

#include "arrow/builder.h"
#include "base/mem.h"
#include "engine/result_int.h"
#include "engine/statements.h"
#include "os/clock.h"

enum {
	FRAME_ROWS = 64 << 10,
	FRAME_BYTES = 2 << 20, // several clients refuse messages of 4 MiB
};

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

// Who takes it is told by whoever adds the last one that is at hand: waking costs more than a small
// frame.
static Status
add_frame(mobius_result *result, Frame *frame)
{
	pthread_mutex_lock(&result->lock);
	*result->frames_tail = frame;
	result->frames_tail = &frame->next;
	result->queued_bytes += frame->message.body_len + frame->message.metadata.len;
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
open_query(mobius_result *result, Error *err)
{
	const char *text;
	TRY(statement_read_text(result->db, result->session->database, result->statement, &text, err));
	SCOPED(sql_query_drop) SqlQuery *query = NULL;
	SCOPED(sql_pin_drop) SqlPin *pin = NULL;
	if (result->ticket != NULL)
		TRY(ticket_pinned(result->ticket, &pin, err));
	SqlSession session = {.database = result->session->database, .pin = pin};
	TRY(sql_query_open(result->db->sql, text, &session, &query, err));
	if (result->ticket != NULL && pin == NULL)
		TRY(ticket_pin(result->ticket, query, err));
	TRY(add_schema(result, sql_query_schema(query), err));
	pthread_mutex_lock(&result->lock);
	result->query = TAKE(query);
	pthread_mutex_unlock(&result->lock);
	return ST_OK;
}

// Shows rows that were added, before the next ones are worked for.
static bool
should_stop(mobius_result *result, bool added)
{
	pthread_mutex_lock(&result->lock);
	bool stop = result->closed || result->failed;
	bool full = result->queued_bytes >= MOBIUS_RESULT_QUEUE;
	if (added)
		tell(result);
	pthread_mutex_unlock(&result->lock);
	return stop || full;
}

static Status
produce(mobius_result *result, bool *end, Error *err)
{
	if (result->query == NULL)
		TRY(open_query(result, err));
	*end = result->want == MOBIUS_SCHEMA;
	for (bool added = false; !*end && !should_stop(result, added);) {
		SCOPED(batch_drop) Batch *batch = NULL;
		TRY(sql_query_next(result->query, FRAME_ROWS, FRAME_BYTES, &batch, err));
		*end = sql_query_ended(result->query);
		added = batch != NULL && batch_rows(batch) > 0;
		if (added)
			TRY(add_batch(result, batch, err));
	}
	return ST_OK;
}

// Column rows: what a statement that changes something answers, a row for each statement of it.
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
	for (int32_t i = 0; i < result->changes.count; i++)
		column_add_int(builder_column(builder, 0), result->changes.rows[i]);
	SCOPED(batch_drop) Batch *batch = NULL;
	TRY(builder_finish(builder, result->changes.count, &batch, err));
	return add_batch(result, batch, err);
}

// What a change reads with can be cancelled as any query can.
static bool
set_reading(void *arg, SqlQuery *query)
{
	mobius_result *result = arg;
	pthread_mutex_lock(&result->lock);
	result->query = query;
	bool wanted = !result->failed && !result->closed;
	pthread_mutex_unlock(&result->lock);
	return wanted;
}

static Status
run_change(mobius_result *result, Error *err)
{
	StatementCall call = {result->db, result->session->database, set_reading, result};
	Changes changes = {0};
	bool ran = false;
	if (result->ticket != NULL)
		TRY(ticket_changed(result->ticket, &ran, &changes, err));
	if (!ran && result->want != MOBIUS_SCHEMA)
		TRY(statement_run(&call, result->statement, &changes, err));
	pthread_mutex_lock(&result->lock);
	result->changes = changes;
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
	bool abandoned = result->closed;
	tell(result);
	pthread_mutex_unlock(&result->lock);
	sql_query_close(query);
	if (abandoned)
		ticker_remove(result->db->ticker, &result->tick);
	if (again)
		workers_submit(result->db->readers, &result->job);
	else
		result_unref(result);
}

void
result_run_slice(Job *job)
{
	mobius_result *result = (mobius_result *)((char *)job - offsetof(mobius_result, job));
	pthread_mutex_lock(&result->lock);
	result->work = WORK_RUNNING;
	result->since_ns = clock_mono_ns();
	bool stop = result->closed || result->failed;
	pthread_mutex_unlock(&result->lock);

	Error err = ERROR_INIT;
	bool end = true;
	Status st = stop           ? ST_OK
				: result->read ? produce(result, &end, &err)
							   : run_change(result, &err);
	if (st != ST_OK)
		fail(result, st, &err);
	end_slice(result, end);
}

// ---- ending it from outside ----

// What it holds is let go by a worker: ending a query may take a while.
static void
let_go(mobius_result *result) // under the lock
{
	if (result->query != NULL)
		sql_query_cancel(result->query);
	if (result->work != WORK_PARKED)
		return;
	result->work = WORK_QUEUED;
	atomic_fetch_add(&result->refs, 1);
	workers_submit(result->db->readers, &result->job);
}

void
result_give_up(mobius_result *result, Status status, const char *text) // under the lock
{
	result->failed = true;
	result->status = error_set(&result->error, status, "%s", text);
	let_go(result);
	result->waiting = true; // also who has frames to take is told
	tell(result);
}

bool
result_abandon(mobius_result *result) // under the lock
{
	result->event = (mobius_event){0};
	result->closed = true;
	let_go(result);
	return result->work != WORK_ENDED;
}

static void
end_late(mobius_result *result, int64_t spent_ns) // under the lock
{
	if (result->work == WORK_RUNNING && result->worked_ns + spent_ns > result->timeout_ns)
		result_give_up(
			result, ST_DEADLINE,
			"the statement was at work longer than query.timeout; ask for less, or raise it");
	else if (result->work == WORK_PARKED && spent_ns > result->db->settings.query_stall_ns)
		result_give_up(result, ST_CANCELLED,
					   "the client took nothing of the result for query.stall");
}

// A query that was about to start when it was cancelled may not have heard it: it is told again.
void
result_tick(void *arg, int64_t now_ns)
{
	mobius_result *result = arg;
	pthread_mutex_lock(&result->lock);
	if (!result->failed && !result->closed)
		end_late(result, now_ns - result->since_ns);
	else if (result->work == WORK_RUNNING && result->query != NULL)
		sql_query_cancel(result->query);
	pthread_mutex_unlock(&result->lock);
}
