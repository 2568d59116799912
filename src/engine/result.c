// result.c - one statement on its way.
//
// A worker runs it slice by slice: it produces frames until MOBIUS_RESULT_QUEUE bytes wait, then
// the statement is parked and the worker goes on with others; taking frames submits it again. The
// ticker ends what works or stalls too long.
//
// Threads  next, close: the caller's. The worker that runs the current slice owns `query`; cancel
// reaches it under the lock.

#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "engine/result_int.h"
#include "engine/statements.h"
#include "os/clock.h"

void
frame_free(Frame *frame)
{
	if (frame == NULL)
		return;
	ipc_message_close(&frame->message);
	batch_unref(frame->batch);
	mem_free(frame);
}

void
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
	changes_close(&result->changes);
	pthread_mutex_destroy(&result->lock);
	mobius_session_unref(result->session);
	mem_free(result);
}

static void
result_drop(mobius_result **result)
{
	result_unref(*result);
}

// ---- the caller ----

static Status
parse(mobius_result *result, const ResultOptions *options, Error *err)
{
	Slice text = slice_of(options->text, options->len);
	if (result->ticket != NULL && ticket_text(result->ticket) == NULL)
		return ST_OK;
	if (result->ticket != NULL)
		text = slice_text(ticket_text(result->ticket));
	TRY(sql_parse(text, &result->statement, err));
	result->read = statement_is_read(result->statement);
	return ST_OK;
}

// On the caller's thread, which is told when no lock is held.
static void
run_at_once(mobius_result *result)
{
	const mobius_event event = result->event;
	result->waiting = false;
	atomic_fetch_add(&result->refs, 1);
	result_run_slice(&result->job);
	if (event.fn != NULL)
		event.fn(event.arg);
}

// Queues it. What is sooner over than a worker is awake is run at once.
static Status
start(mobius_result *result, Error *err)
{
	mobius *db = result->db;
	const SqlStatement *statement = result->statement;
	if (result->read && statement->kind == STATEMENT_READ &&
		sql_is_known_constant(db->sql, statement->text)) {
		run_at_once(result);
		return ST_OK;
	}
	Workers *workers = result->read ? db->readers : db->waiters;
	TRY(workers_check_room(workers, err));
	atomic_fetch_add(&result->refs, 1);
	ticker_add(db->ticker, &result->tick);
	workers_submit(workers, &result->job);
	return ST_OK;
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
	result->timeout_ns = db->settings.query_timeout_ns;
	if (options->timeout_ns > 0 && options->timeout_ns < result->timeout_ns)
		result->timeout_ns = options->timeout_ns;
	result->frames_tail = &result->frames;
	result->job.run = result_run_slice;
	result->tick = (Tick){.fn = result_tick, .arg = result};
	result->waiting = true;
	result->ticket = options->ticket != NULL ? ticket_ref(options->ticket) : NULL;
	TRY(parse(result, options, err));
	TRY(start(result, err));
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
	return result->read;
}

int64_t
mobius_result_changed(const mobius_result *result)
{
	return changes_total(&result->changes);
}

const int64_t *
mobius_result_changes(const mobius_result *result, size_t *count)
{
	*count = (size_t)result->changes.count;
	return result->changes.rows;
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
		result_give_up(result, ST_CANCELLED, "the statement was cancelled");
	pthread_mutex_unlock(&result->lock);
}

void
mobius_result_close(mobius_result *result)
{
	if (result == NULL)
		return;
	pthread_mutex_lock(&result->lock);
	bool at_work = result_abandon(result);
	pthread_mutex_unlock(&result->lock);
	if (!at_work)
		ticker_remove(result->db->ticker, &result->tick);
	result_unref(result);
}
