// put.c - one stream of batches into one table.
//
// Its life: opening (the definer finds, makes or grows the table) → ready → ended or failed.
// Messages are dealt with in the caller's thread: checked, converted, paid for, submitted. While
// the table is not there yet, or memory is short, they queue; what may queue is bounded by the
// sender's credit, which comes back when a message is acknowledged.
//
// Threads  push, end, poll, close: one at a time, the caller's. Commits are acknowledged by the
// conductor, memory by whoever frees it: both only change what
//          `lock` guards and raise the event, under the lock, so that none comes after close.

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "engine/define.h"
#include "engine/insert.h"
#include "engine/put_metadata.h"
#include "engine/ticker.h"
#include "os/clock.h"

enum { METADATA_BYTES = 1 << 20 }; // of one IPC message

// A message that waits.
typedef struct Pending {
	Buf message;
	Bytes *body;
	PutMetadata metadata;
	size_t wire_bytes;
	struct Pending *next;
} Pending;

// A batch that was submitted.
typedef struct PutCommit {
	Commit commit; // first
	mobius_put *put;
	int64_t rows;
	size_t wire_bytes;
	char *client;
} PutCommit;

struct mobius_put {
	atomic_uint refs; // the caller's, and one for each commit under way and the opening job
	mobius_session *session;
	mobius *db;
	char *database;
	char *table_name;
	bool async;

	// The caller's thread, after opening.
	IpcReader *reader;
	InsertPlan plan;
	Pending *pending;
	Pending **pending_tail;
	bool ended;
	Batch *converted; // of the first pending message, while it waits for memory
	bool converted_plain;
	char *client; // what the last poll showed

	Job job; // the definer's

	pthread_mutex_t lock; // guards all below
	mobius_event event;   // fn NULL after close
	mobius_put_state state;
	char *acked_client;
	bool opened; // the definer is done
	bool parked; // waits for memory
	bool woken;
	int64_t parked_ns; // since when; 0: not
	int64_t resume_ns; // held back until then; 0: not
	uint64_t in_flight;
	BudgetWaiter waiter;
	Tick tick;
};

static void
put_unref(mobius_put *put)
{
	if (put == NULL || atomic_fetch_sub(&put->refs, 1) > 1)
		return;
	ipc_reader_free(put->reader);
	insert_plan_close(&put->plan);
	batch_unref(put->converted);
	mem_free(put->client);
	mem_free(put->acked_client);
	mem_free(put->database);
	mem_free(put->table_name);
	pthread_mutex_destroy(&put->lock);
	mobius_session_unref(put->session);
	mem_free(put);
}

static void
put_drop(mobius_put **put)
{
	put_unref(*put);
}

static void
raise_event(mobius_put *put) // under the lock
{
	if (put->event.fn != NULL)
		put->event.fn(put->event.arg);
}

static void
put_fail(mobius_put *put, Status status, const Error *err)
{
	pthread_mutex_lock(&put->lock);
	if (!put->state.failed) {
		put->state.failed = true;
		(void)error_out(status, err, &put->state.error);
	}
	raise_event(put);
	pthread_mutex_unlock(&put->lock);
}

// ---- acknowledgement: the conductor's threads ----

static void
commit_done(Commit *commit, Status status, const Error *err)
{
	PutCommit *pc = (PutCommit *)commit;
	mobius_put *put = pc->put;
	if (status != ST_OK) {
		pthread_mutex_lock(&put->lock);
		put->in_flight--;
		pthread_mutex_unlock(&put->lock);
		put_fail(put, status, err);
		return;
	}
	pthread_mutex_lock(&put->lock);
	put->state.seq = commit->seq;
	put->state.rows += (uint64_t)pc->rows;
	put->state.batches++;
	put->state.consumed_bytes += pc->wire_bytes;
	if (pc->client != NULL) {
		mem_free(put->acked_client);
		put->acked_client = TAKE(pc->client);
	}
	put->in_flight--;
	raise_event(put);
	pthread_mutex_unlock(&put->lock);
}

static void
commit_release(Commit *commit)
{
	PutCommit *pc = (PutCommit *)commit;
	commit_entry_close(&commit->entry);
	mem_free(pc->client);
	put_unref(pc->put);
	mem_free(pc);
}

// ---- messages: the caller's thread ----

static void
pending_free(Pending *pending)
{
	if (pending == NULL)
		return;
	buf_close(&pending->message);
	bytes_unref(pending->body);
	put_metadata_close(&pending->metadata);
	mem_free(pending);
}

static void
pending_drop(Pending **pending)
{
	pending_free(*pending);
}

// A batch without rows makes no commit but counts; it is acknowledged with those before it.
static void
count_empty(mobius_put *put, size_t wire_bytes)
{
	pthread_mutex_lock(&put->lock);
	put->state.batches++;
	put->state.consumed_bytes += wire_bytes;
	raise_event(put);
	pthread_mutex_unlock(&put->lock);
}

static Status
submit(mobius_put *put, Pending *pending, uint64_t reserved, Error *err)
{
	PutCommit *pc = mem_alloc(sizeof(*pc));
	Status st = pc == NULL
					? error_no_memory(err, "a commit")
					: insert_entry(put->db, &put->plan, put->converted,
								   put->converted_plain ? buf_slice(&pending->message) : (Slice){0},
								   pending->body, reserved, &pc->commit.entry, err);
	if (st != ST_OK) {
		budget_release(put->db->memtable, reserved);
		mem_free(pc);
		return st;
	}
	pc->put = put;
	pc->rows = batch_rows(put->converted);
	pc->wire_bytes = pending->wire_bytes;
	pc->client = TAKE(pending->metadata.client);
	pc->commit.async = put->async;
	pc->commit.done = commit_done;
	pc->commit.release = commit_release;
	atomic_fetch_add(&put->refs, 1);
	pthread_mutex_lock(&put->lock);
	put->in_flight++;
	pthread_mutex_unlock(&put->lock);
	batch_unref(TAKE(put->converted));
	conductor_submit(put->db->conductor, &pc->commit);
	return ST_OK;
}

// Reads and converts the first pending message; put->converted stays NULL for one that has no rows.
static Status
read_message(mobius_put *put, Pending *pending, Error *err)
{
	SCOPED(batch_drop) Batch *batch = NULL;
	bool plain = false;
	Slice body = pending->body != NULL ? bytes_slice(pending->body) : (Slice){0};
	TRY(ipc_reader_message(put->reader, buf_slice(&pending->message), body, pending->body, &batch,
						   &plain, err));
	if (batch == NULL || batch_rows(batch) == 0) {
		if (batch != NULL)
			count_empty(put, pending->wire_bytes);
		return ST_OK;
	}
	put->converted_plain = plain && put->plan.same;
	return insert_convert(put->db, &put->plan, batch, &put->converted, err);
}

// True when the reservation has to be waited for.
static bool
must_wait(mobius_put *put, uint64_t cost)
{
	int64_t delay_ns = 0;
	bool got = budget_reserve(put->db->memtable, cost, &put->waiter, &delay_ns);
	int64_t now = clock_mono_ns();
	pthread_mutex_lock(&put->lock);
	put->parked = !got;
	if (!got && put->parked_ns == 0)
		put->parked_ns = now;
	if (got)
		put->parked_ns = 0;
	put->resume_ns = got && delay_ns > 0 ? now + delay_ns : 0;
	pthread_mutex_unlock(&put->lock);
	return !got;
}

static bool
held_back(mobius_put *put)
{
	pthread_mutex_lock(&put->lock);
	bool held =
		!put->opened || put->state.failed || (put->parked && !put->woken) || put->resume_ns != 0;
	put->woken = false;
	pthread_mutex_unlock(&put->lock);
	return held;
}

// One pending message. *done is false when it has to wait.
static Status
take_message(mobius_put *put, Pending *pending, bool *done, Error *err)
{
	if (put->converted == NULL)
		TRY(read_message(put, pending, err));
	*done = true;
	if (put->converted == NULL)
		return ST_OK;
	uint64_t cost = insert_cost(put->converted);
	if (cost > budget_limit(put->db->memtable))
		return error_set(
			err, ST_LIMIT,
			"a batch of %" PRIu64 " bytes is over memtable.limit; send smaller batches", cost);
	if (must_wait(put, cost)) {
		*done = false;
		return ST_OK;
	}
	return submit(put, pending, cost, err);
}

static void
go_on(mobius_put *put)
{
	while (put->pending != NULL && !held_back(put)) {
		Error err = ERROR_INIT;
		bool done = true;
		Status st = take_message(put, put->pending, &done, &err);
		if (st != ST_OK)
			put_fail(put, st, &err);
		if (!done || st != ST_OK)
			return;
		Pending *first = put->pending;
		put->pending = first->next;
		if (put->pending == NULL)
			put->pending_tail = &put->pending;
		pending_free(first);
	}
}

static Status
new_pending(mobius_slice message, mobius_bytes *body, mobius_slice app_metadata, size_t wire_bytes,
			Pending **out, Error *err)
{
	SCOPED(pending_drop) Pending *pending = mem_alloc(sizeof(*pending));
	if (pending == NULL) {
		bytes_unref(body);
		return error_no_memory(err, "a message");
	}
	pending->body = body;
	pending->wire_bytes = wire_bytes;
	if (message.len > METADATA_BYTES)
		return error_set(err, ST_INVALID,
						 "the metadata of a message has %zu bytes; at most %d are allowed",
						 message.len, METADATA_BYTES);
	buf_add_slice(&pending->message, slice_in(message));
	TRY(buf_status(&pending->message, err, "a message"));
	TRY(put_metadata_parse(slice_in(app_metadata), &pending->metadata, err));
	*out = TAKE(pending);
	return ST_OK;
}

void
mobius_put_push(mobius_put *put, mobius_slice message, mobius_bytes *body,
				mobius_slice app_metadata, size_t wire_bytes)
{
	Error err = ERROR_INIT;
	Pending *pending = NULL;
	Status st = new_pending(message, body, app_metadata, wire_bytes, &pending, &err);
	if (st != ST_OK) {
		put_fail(put, st, &err);
		return;
	}
	*put->pending_tail = pending;
	put->pending_tail = &pending->next;
	go_on(put);
}

void
mobius_put_end(mobius_put *put)
{
	put->ended = true;
}

void
mobius_put_poll(mobius_put *put, mobius_put_state *out)
{
	go_on(put);
	pthread_mutex_lock(&put->lock);
	if (put->acked_client != NULL) {
		mem_free(put->client);
		put->client = TAKE(put->acked_client);
	}
	*out = put->state;
	// What came before the failure is acknowledged first.
	bool settled = put->in_flight == 0;
	out->ready = put->opened && !put->state.failed;
	out->failed = put->state.failed && settled;
	out->finished =
		put->ended && settled && (put->state.failed || (put->opened && put->pending == NULL));
	pthread_mutex_unlock(&put->lock);
	uint64_t synced = conductor_synced_seq(put->db->conductor);
	out->durable_seq = synced;
	out->durability = put->async ? "async" : "durable";
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
	raise_event(put);
	pthread_mutex_unlock(&put->lock);
}

static void
tick_put(void *arg, int64_t now_ns)
{
	mobius_put *put = arg;
	pthread_mutex_lock(&put->lock);
	if (put->resume_ns != 0 && now_ns >= put->resume_ns) {
		put->resume_ns = 0;
		raise_event(put);
	}
	if (put->parked && !put->state.failed &&
		now_ns - put->parked_ns > put->db->settings.ingest_wait_ns) {
		put->state.failed = true;
		Error err = ERROR_INIT;
		Status st = error_set(
			&err, ST_LIMIT,
			"no memory within ingest.wait: memtable.limit is used up; send slower, or raise it");
		(void)error_out(st, &err, &put->state.error);
		raise_event(put);
	}
	pthread_mutex_unlock(&put->lock);
}

// ---- opening ----

static Status
open_target(mobius_put *put, Error *err)
{
	PutTarget target = {
		.database = put->database,
		.table = put->table_name,
		.wire = ipc_reader_wire_schema(put->reader),
		.decoded = ipc_reader_schema(put->reader),
	};
	SCOPED(table_drop_ref) Table *table = NULL;
	SCOPED(shape_drop) Shape *shape = NULL;
	TRY(define_for_put(put->db, &target, &table, &shape, err));
	insert_plan_init(&put->plan, table, shape, target.decoded);
	return ST_OK;
}

static void
run_open(Job *job)
{
	mobius_put *put = (mobius_put *)((char *)job - offsetof(mobius_put, job));
	Error err = ERROR_INIT;
	Status st = open_target(put, &err);
	if (st != ST_OK) {
		put_fail(put, st, &err);
	} else {
		pthread_mutex_lock(&put->lock);
		put->opened = true;
		raise_event(put);
		pthread_mutex_unlock(&put->lock);
	}
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
		return error_set(err, ST_INVALID, "schema \"%s\" takes no puts; use htdb", options->schema);
	return name_check("table", put->table_name, err);
}

static Status
put_durability(mobius_put *put, const mobius_put_options *options, Error *err)
{
	Slice given = slice_text(options->durability != NULL ? options->durability : "durable");
	(void)schema_metadata_get(ipc_reader_schema(put->reader), "mobius.durability", &given);
	if (!slice_is(given, "durable") && !slice_is(given, "async"))
		return error_set(err, ST_INVALID, "durability is durable or async, not \"%.*s\"",
						 (int)given.len, (const char *)given.data);
	put->async = slice_is(given, "async");
	Slice producer;
	if (schema_metadata_get(ipc_reader_schema(put->reader), "mobius.producer", &producer))
		return error_set(err, ST_UNIMPLEMENTED,
						 "exactly-once producers are not built yet; leave out mobius.producer");
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
	put->waiter = (BudgetWaiter){.wake = wake_put, .arg = put};
	put->tick = (Tick){.fn = tick_put, .arg = put};
	put->job.run = run_open;
	IpcLimits limits = IPC_LIMITS_DEFAULT;
	TRY(ipc_reader_new(slice_in(options->message), limits, put->db->pool, &put->reader, err));
	TRY(put_names(put, options, err));
	TRY(put_durability(put, options, err));

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
	pthread_mutex_unlock(&put->lock);
	while (put->pending != NULL) {
		Pending *first = put->pending;
		put->pending = first->next;
		pending_free(first);
	}
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
	if (state->client.len > 0)
		buf_add_printf(&json, ",\"client\":%.*s", (int)state->client.len,
					   (const char *)state->client.data);
	buf_add_text(&json, "}");
	if (!json.failed && json.len <= cap)
		memcpy(out, json.data, json.len);
	return json.failed ? 0 : json.len;
}
