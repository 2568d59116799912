// put_message.c - a put's messages: checked, converted, paid for, submitted; acknowledged by the
// conductor.

#include "base/mem.h"
#include "engine/keeper.h"
#include "engine/put_int.h"
#include "os/clock.h"

enum { METADATA_BYTES = 1 << 20 }; // of one IPC message

// ---- acknowledgement: the conductor's threads ----

// Moves `from` into what is acknowledged, or into a part that will be.
void
put_add_part(PutPart *from, PutPart *to)
{
	to->rows += from->rows;
	to->expired += from->expired;
	to->batches += from->batches;
	to->wire_bytes += from->wire_bytes;
	to->duplicate |= from->duplicate;
	to->first_id = from->first_id != 0 ? from->first_id : to->first_id;
	if (from->client != NULL) {
		mem_free(to->client);
		to->client = TAKE(from->client);
	}
}

static void
commit_done(Commit *commit, Status status, const Error *err)
{
	PutCommit *pc = (PutCommit *)commit;
	mobius_put *put = pc->put;
	if (commit->entry.producer != NULL)
		producer_settle(commit->entry.producer);
	pthread_mutex_lock(&put->lock);
	put->in_flight--;
	if (put->newest == pc)
		put->newest = NULL;
	if (status == ST_OK) {
		put->state.seq = commit->seq;
		put_add_part(&pc->part, &put->acked);
		put_raise_event(put);
	} else {
		put->commit_failed = true;
		put_fail_locked(put, status, err);
	}
	pthread_mutex_unlock(&put->lock);
}

// Nothing of a stream is stored after a batch of it that was not: who resumes would not know.
static bool
commit_admit(Commit *commit)
{
	mobius_put *put = ((PutCommit *)commit)->put;
	pthread_mutex_lock(&put->lock);
	bool admit = !put->commit_failed;
	pthread_mutex_unlock(&put->lock);
	return admit;
}

static void
commit_release(Commit *commit)
{
	PutCommit *pc = (PutCommit *)commit;
	commit_entry_close(&commit->entry);
	mem_free(pc->part.client);
	put_unref(pc->put);
	mem_free(pc);
}

// ---- messages: the caller's thread ----

void
put_pending_free(Pending *pending)
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
	put_pending_free(*pending);
}

// What makes no commit (a batch of which no row is stored, a dictionary, a repetition) is
// acknowledged with the batch before.
static void
count_uncommitted(mobius_put *put, Pending *pending, uint64_t batches, uint64_t expired,
				  bool duplicate)
{
	PutPart part = {.rows = expired,
					.expired = expired,
					.batches = batches,
					.duplicate = duplicate,
					.wire_bytes = pending->wire_bytes,
					.client = TAKE(pending->metadata.client)};
	uint64_t synced = conductor_synced_seq(put->db->conductor);
	pthread_mutex_lock(&put->lock);
	if (duplicate && put->newest == NULL && put->state.seq < synced)
		put->state.seq = synced; // what it repeats is not above
	put_add_part(&part, put->newest != NULL ? &put->newest->part : &put->acked);
	put_raise_event(put);
	pthread_mutex_unlock(&put->lock);
}

PutPart
put_part_of(const mobius_put *put, Pending *pending)
{
	uint64_t expired = (uint64_t)put->converted_expired;
	return (PutPart){.rows = (uint64_t)batch_rows(put->converted) + expired,
					 .expired = expired,
					 .batches = 1,
					 .first_id = put->converted_first_id,
					 .wire_bytes = pending->wire_bytes,
					 .client = TAKE(pending->metadata.client)};
}

// *done false: it has to wait.
static Status
submit(mobius_put *put, Pending *pending, uint64_t reserved, bool *done, Error *err)
{
	PutCommit *pc = mem_alloc(sizeof(*pc));
	InsertSource from = {
		.message = put->converted_plain ? buf_slice(&pending->message) : (Slice){0},
		.body = pending->body,
		.producer = pending->offered ? put->producer : NULL,
		.producer_seq = pending->metadata.producer_seq,
	};
	Status st = pc == NULL ? error_no_memory(err, "a commit")
						   : insert_entry(put->db, &put->plan, put->converted, &from, reserved,
										  &pc->commit.entry, err);
	if (st != ST_OK) {
		budget_release(put->db->memtable, reserved);
		mem_free(pc);
		return st;
	}
	if (bulk_is_needed(put->db, pc->commit.entry.wal.length, 0)) {
		commit_entry_close(&pc->commit.entry);
		mem_free(pc);
		return put_bulk(put, pending, done);
	}
	pending->offered = false; // the commit settles it
	pc->put = put;
	pc->part = put_part_of(put, pending);
	pc->commit.admit = commit_admit;
	pc->commit.done = commit_done;
	pc->commit.release = commit_release;
	atomic_fetch_add(&put->refs, 1);
	pthread_mutex_lock(&put->lock);
	put->in_flight++;
	put->newest = pc;
	pc->commit.async = put->async;
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
		count_uncommitted(put, pending, batch != NULL, 0, false);
		return ST_OK;
	}
	TRY(insert_convert(put->db, &put->plan, batch, &put->converted, &put->converted_first_id, err));
	TRY(insert_expire(put->db, &put->plan, &put->converted, &put->converted_expired, err));
	put->converted_plain =
		plain && put->plan.same && put->converted_expired == 0 && put->converted_first_id == 0;
	if (put->converted == NULL)
		count_uncommitted(put, pending, 1, (uint64_t)put->converted_expired, false);
	return ST_OK;
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
	if (got && put->parked_ns != 0)
		budget_note_wait(put->db->memtable, now - put->parked_ns);
	if (got)
		put->parked_ns = 0;
	put->resume_ns = got && delay_ns > 0 ? now + delay_ns : 0;
	pthread_mutex_unlock(&put->lock);
	if (!got)
		keeper_need_memory(put->db->keeper);
	return !got;
}

static bool
held_back(mobius_put *put)
{
	pthread_mutex_lock(&put->lock);
	bool held = !put->opened || put->state.failed || (put->parked && !put->woken) ||
				put->resume_ns != 0 || put->producer_busy || put->bulk_running;
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
	bool duplicate = false;
	if (pending->metadata.producer != NULL && !pending->offered)
		TRY(put_producer_offer(put, pending, &duplicate, done, err));
	if (duplicate) {
		batch_unref(TAKE(put->converted));
		count_uncommitted(put, pending, 1, 0, true);
	}
	if (duplicate || !*done)
		return ST_OK;
	uint64_t cost;
	TRY(insert_check(put->db, &put->plan, put->converted, &cost, err));
	if (bulk_is_needed(put->db, 0, cost))
		return put_bulk(put, pending, done);
	if (must_wait(put, cost)) {
		*done = false;
		return ST_OK;
	}
	return submit(put, pending, cost, done, err);
}

void
put_go_on(mobius_put *put)
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
		put_pending_free(first);
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
	put_go_on(put);
}
