// put.c - one stream of batches into one table.
//
// Its life: opening (the definer finds, makes or grows the table) → ready → ended or failed.
// Messages are dealt with in the caller's thread: checked, converted, paid for, submitted. While
// the table is not there yet, or memory is short, they queue; what may queue is bounded by the
// sender's credit, which comes back when a message is acknowledged.
//
// Threads  push, end, poll, close: one at a time, the caller's. Commits are acknowledged by the
// conductor, memory by whoever frees it: both only change what `lock` guards and raise the event,
// under the lock, so that none comes after close.

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "engine/define.h"
#include "engine/put_int.h"

void
put_unref(mobius_put *put)
{
	if (put == NULL || atomic_fetch_sub(&put->refs, 1) > 1)
		return;
	ipc_reader_free(put->reader);
	insert_plan_close(&put->plan);
	batch_unref(put->converted);
	mem_free(put->client);
	mem_free(put->acked.client);
	mem_free(put->database);
	mem_free(put->table_name);
	mem_free(put->producer_name);
	pthread_mutex_destroy(&put->lock);
	mobius_session_unref(put->session);
	mem_free(put);
}

static void
put_drop(mobius_put **put)
{
	put_unref(*put);
}

void
put_raise_event(mobius_put *put) // under the lock
{
	if (put->event.fn != NULL)
		put->event.fn(put->event.arg);
}

// A schema alone makes a table, so one whose first batch is refused stays without rows.
static void
tell_of_empty_table(mobius_put *put)
{
	char *text = put->state.error.text;
	size_t len = strlen(text), room = sizeof(put->state.error.text) - len;
	if (put->opened && put->made && put->in_flight == 0 && put->acked.batches == 0)
		(void)snprintf(text + len, room, "; table \"%s\" was made from the schema and stays, empty",
					   put->table_name);
}

void
put_fail_locked(mobius_put *put, Status status, const Error *err)
{
	if (!put->state.failed) {
		put->state.failed = true;
		(void)error_out(status, err, &put->state.error);
		tell_of_empty_table(put);
	}
	put_raise_event(put);
}

void
put_fail(mobius_put *put, Status status, const Error *err)
{
	pthread_mutex_lock(&put->lock);
	put_fail_locked(put, status, err);
	pthread_mutex_unlock(&put->lock);
}

void
mobius_put_end(mobius_put *put)
{
	put->ended = true;
}

void
mobius_put_poll(mobius_put *put, mobius_put_state *out)
{
	put_go_on(put);
	put_producer_poll(put);
	pthread_mutex_lock(&put->lock);
	if (put->acked.client != NULL) {
		mem_free(put->client);
		put->client = TAKE(put->acked.client);
	}
	*out = put->state;
	out->rows = put->acked.rows;
	out->expired = put->acked.expired;
	out->batches = put->acked.batches;
	out->consumed_bytes = put->acked.wire_bytes;
	// What came before the failure is acknowledged first.
	bool settled = put->in_flight == 0;
	out->ready = put->opened && !put->state.failed;
	out->failed = put->state.failed && settled;
	out->finished =
		put->ended && settled && (put->state.failed || (put->opened && put->pending == NULL));
	out->durability = put->async ? "async" : "durable";
	out->duplicate = put->acked.duplicate;
	put->acked.duplicate = false;
	out->first_id = put->acked.first_id;
	pthread_mutex_unlock(&put->lock);
	out->durable_seq = conductor_synced_seq(put->db->conductor);
	out->client = (mobius_slice){0};
	if (put->client != NULL)
		out->client = (mobius_slice){(const uint8_t *)put->client, strlen(put->client)};
}

// ---- waiting ----

static void
wake_put(void *arg)
{
	mobius_put *put = arg;
	pthread_mutex_lock(&put->lock);
	put->woken = true;
	put_raise_event(put);
	pthread_mutex_unlock(&put->lock);
}

static void
tick_put(void *arg, int64_t now_ns)
{
	mobius_put *put = arg;
	pthread_mutex_lock(&put->lock);
	if (put->resume_ns != 0 && now_ns >= put->resume_ns) {
		put->resume_ns = 0;
		put_raise_event(put);
	}
	if (put->parked && !put->state.failed &&
		now_ns - put->parked_ns > put->db->settings.ingest_wait_ns) {
		Error err = ERROR_INIT;
		budget_note_wait(put->db->memtable, now_ns - put->parked_ns);
		Status st = error_set(
			&err, ST_LIMIT,
			"no memory within ingest.wait: memtable.limit is used up; send slower, or raise it");
		put_fail_locked(put, st, &err);
	}
	pthread_mutex_unlock(&put->lock);
}

// ---- opening ----

static Status
open_target(mobius_put *put, bool *durable, Error *err)
{
	PutTarget target = {
		.database = put->database,
		.table = put->table_name,
		.wire = ipc_reader_wire_schema(put->reader),
		.decoded = ipc_reader_schema(put->reader),
		.mode = put->mode,
		.made = &put->made,
	};
	SCOPED(table_drop_ref) Table *table = NULL;
	SCOPED(shape_drop) Shape *shape = NULL;
	TRY(define_for_put(put->db, &target, &table, &shape, err));
	insert_plan_init(&put->plan, table, shape, target.decoded);
	SCOPED(table_def_drop) TableDef *def = table_current(table);
	*durable = table_durable(def);
	return put_producer_hold(put, err);
}

static void
run_open(Job *job)
{
	mobius_put *put = (mobius_put *)((char *)job - offsetof(mobius_put, job));
	Error err = ERROR_INIT;
	bool durable = true;
	Status st = open_target(put, &durable, &err);
	pthread_mutex_lock(&put->lock);
	bool closed = put->closed;
	if (st == ST_OK) {
		put->opened = true;
		if (put->async_by_table && put->producer == NULL)
			put->async = !durable;
		put_raise_event(put);
	} else {
		put_fail_locked(put, st, &err);
	}
	pthread_mutex_unlock(&put->lock);
	if (closed && put->producer != NULL) // close came first, and left it to us
		producer_let_go(put->producer, &put->hold);
	put_unref(put);
}

static Status
put_names(mobius_put *put, const mobius_put_options *options, Error *err)
{
	const char *database = options->database != NULL ? options->database : put->session->database;
	put->database = mem_strdup(database);
	Slice named;
	if (options->table != NULL)
		put->table_name = mem_strdup(options->table);
	else if (schema_metadata_get(ipc_reader_schema(put->reader), "table", &named))
		put->table_name = mem_strndup((const char *)named.data, named.len);
	else
		return error_set(
			err, ST_INVALID,
			"no table: name it in the descriptor's path, or in schema metadata key \"table\"");
	if (put->database == NULL || put->table_name == NULL)
		return error_no_memory(err, "a put");
	if (options->schema != NULL && strcmp(options->schema, "rtdb") == 0)
		return error_set(err, ST_UNIMPLEMENTED, "puts to rtdb are not built yet; put to htdb");
	if (options->schema != NULL && strcmp(options->schema, "htdb") != 0)
		return error_set(
			err, ST_INVALID,
			"\"%s\" is no schema that takes puts; write [\"%s\", \"htdb\", table] if it "
			"is a database, else [\"htdb\", table]",
			options->schema, options->schema);
	return name_check("table", put->table_name, err);
}

static Status
put_durability(mobius_put *put, const mobius_put_options *options, Error *err)
{
	Slice given = slice_text(options->durability != NULL ? options->durability : "durable");
	bool in_schema =
		schema_metadata_get(ipc_reader_schema(put->reader), "mobius.durability", &given);
	put->async_by_table = options->durability == NULL && !in_schema;
	if (!slice_is(given, "durable") && !slice_is(given, "async"))
		return error_set(err, ST_INVALID, "durability is durable or async, not \"%.*s\"",
						 (int)given.len, (const char *)given.data);
	put->async = slice_is(given, "async");
	return ST_OK;
}

static Status
open_put(mobius_session *session, const mobius_put_options *options, mobius_put **out, Error *err)
{
	TRY(database_ready(session->db, err));
	SCOPED(put_drop) mobius_put *put = mem_alloc(sizeof(*put));
	if (put == NULL)
		return error_no_memory(err, "a put");
	atomic_init(&put->refs, 1);
	pthread_mutex_init(&put->lock, NULL);
	put->session = mobius_session_ref(session);
	put->db = session->db;
	put->pending_tail = &put->pending;
	put->event = options->event;
	put->mode = options->mode;
	put->waiter = (BudgetWaiter){.wake = wake_put, .arg = put};
	put->tick = (Tick){.fn = tick_put, .arg = put};
	put->job.run = run_open;
	IpcLimits limits = IPC_LIMITS_DEFAULT;
	TRY(ipc_reader_new(slice_in(options->message), limits, put->db->pool, &put->reader, err));
	TRY(put_names(put, options, err));
	TRY(put_durability(put, options, err));
	TRY(put_producer_open(put, err));

	ticker_add(put->db->ticker, &put->tick);
	atomic_fetch_add(&put->refs, 1);
	definer_submit(put->db->definer, &put->job);
	*out = TAKE(put);
	return ST_OK;
}

mobius_status
mobius_put_open(mobius_session *session, const mobius_put_options *options, mobius_put **out,
				mobius_error *err)
{
	Error e = ERROR_INIT;
	return error_out(open_put(session, options, out, &e), &e, err);
}

void
mobius_put_close(mobius_put *put)
{
	if (put == NULL)
		return;
	ticker_remove(put->db->ticker, &put->tick);
	budget_cancel(put->db->memtable, &put->waiter);
	pthread_mutex_lock(&put->lock);
	put->event = (mobius_event){0};
	put->closed = true;
	bool opened = put->opened;
	pthread_mutex_unlock(&put->lock);
	while (put->pending != NULL) {
		Pending *first = put->pending;
		put->pending = first->next;
		put_producer_withdraw(put, first);
		put_pending_free(first);
	}
	if (opened && put->producer != NULL)
		producer_let_go(put->producer, &put->hold);
	put_unref(put);
}

size_t
mobius_put_result_json(mobius_put *put, const mobius_put_state *state, char *out, size_t cap)
{
	SCOPED(buf_close) Buf json = BUF_INIT;
	buf_add_text(&json, "{\"epoch\":\"");
	text_hex(&json, slice_of(put->db->epoch, sizeof(put->db->epoch)));
	buf_add_printf(&json,
				   "\",\"seq\":%" PRIu64 ",\"durable_seq\":%" PRIu64 ",\"rows\":%" PRIu64
				   ",\"batches\":%" PRIu64,
				   state->seq, state->durable_seq, state->rows, state->batches);
	buf_add_printf(&json, ",\"durability\":\"%s\"", state->durability);
	if (state->expired > 0)
		buf_add_printf(&json, ",\"expired\":%" PRIu64, state->expired);
	if (state->first_id > 0)
		buf_add_printf(&json, ",\"first_id\":%" PRId64, state->first_id);
	if (state->duplicate)
		buf_add_text(&json, ",\"duplicate\":true");
	if (state->has_producer && state->producer_stored)
		buf_add_printf(&json, ",\"last_producer_seq\":%" PRId64, state->producer_seq);
	else if (state->has_producer)
		buf_add_text(&json, ",\"last_producer_seq\":null");
	if (state->client.len > 0)
		buf_add_printf(&json, ",\"client\":%.*s", (int)state->client.len,
					   (const char *)state->client.data);
	buf_add_text(&json, "}");
	if (!json.failed && json.len <= cap)
		memcpy(out, json.data, json.len);
	return json.failed ? 0 : json.len;
}
