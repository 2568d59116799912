// put_bulk.c - a put's batch that is too large for the log: written to files by a thread that may
// wait, while the stream holds still.

#include <stddef.h>

#include "base/mem.h"
#include "engine/put_int.h"

static void
run_bulk(Job *job)
{
	mobius_put *put = (mobius_put *)((char *)job - offsetof(mobius_put, bulk.job));
	PutBulk *bulk = &put->bulk;
	Error err = ERROR_INIT;
	uint64_t seq = 0;
	Status st = bulk_commit(put->db, &put->plan, bulk->converted, &bulk->from, &seq, &err);
	batch_unref(TAKE(bulk->converted));
	if (bulk->from.producer != NULL)
		producer_settle(bulk->from.producer);
	pthread_mutex_lock(&put->lock);
	put->in_flight--;
	put->bulk_running = false;
	if (st == ST_OK) {
		put->state.seq = seq;
		put_add_part(&bulk->part, &put->acked);
		put_raise_event(put);
	} else {
		mem_free(TAKE(bulk->part.client));
		put->commit_failed = true;
		put_fail_locked(put, st, &err);
	}
	pthread_mutex_unlock(&put->lock);
	put_unref(put);
}

// Acknowledgements come in the order of batches, and nothing is stored behind what was not: so it
// begins when all before it has ended, which raises the event.
Status
put_bulk(mobius_put *put, Pending *pending, bool *done)
{
	pthread_mutex_lock(&put->lock);
	*done = put->in_flight == 0;
	if (*done) {
		put->in_flight++;
		put->bulk_running = true;
	}
	pthread_mutex_unlock(&put->lock);
	if (!*done)
		return ST_OK;
	put->bulk = (PutBulk){
		.job = {.run = run_bulk},
		.from = {.producer = pending->offered ? put->producer : NULL,
				 .producer_seq = pending->metadata.producer_seq},
		.part = put_part_of(put, pending),
	};
	pending->offered = false; // the job settles it
	put->bulk.converted = TAKE(put->converted);
	atomic_fetch_add(&put->refs, 1);
	workers_submit(put->db->waiters, &put->bulk.job);
	return ST_OK;
}
