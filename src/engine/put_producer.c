// put_producer.c - a put's producer: whose batches these are, so that each is stored exactly once.

#include <string.h>

#include "base/mem.h"
#include "engine/put_int.h"

// ---- what the producers tell: any thread, under their table's lock ----

static void
producer_ready(void *arg)
{
	mobius_put *put = arg;
	pthread_mutex_lock(&put->lock);
	put->producer_busy = false;
	put_raise_event(put);
	pthread_mutex_unlock(&put->lock);
}

static void
producer_lost(void *arg)
{
	mobius_put *put = arg;
	Error err = ERROR_INIT;
	pthread_mutex_lock(&put->lock);
	Status st = error_set(&err, ST_CANCELLED, "a newer stream of the same producer took over");
	put->producer_busy = false;
	put_fail_locked(put, st, &err);
	pthread_mutex_unlock(&put->lock);
}

// ---- the stream's ----

static Status
set_name(mobius_put *put, Slice name, Error *err)
{
	pthread_mutex_lock(&put->lock);
	bool refused = put->async && !put->async_by_table;
	put->async = put->async && refused;
	pthread_mutex_unlock(&put->lock);
	if (refused)
		return error_set(err, ST_INVALID,
						 "a producer's batches are durable: leave out durability async, or the "
						 "producer");
	put->producer_name = mem_strndup((const char *)name.data, name.len);
	return put->producer_name == NULL ? error_no_memory(err, "a producer") : ST_OK;
}

Status
put_producer_open(mobius_put *put, Error *err)
{
	put->hold = (ProducerHold){.ready = producer_ready, .lost = producer_lost, .arg = put};
	Slice name;
	if (!schema_metadata_get(ipc_reader_schema(put->reader), "mobius.producer", &name))
		return ST_OK;
	if (name.len == 0)
		return error_set(err, ST_INVALID, "mobius.producer is empty; name the producer");
	put->told_of_producer = true;
	return set_name(put, name, err);
}

Status
put_producer_hold(mobius_put *put, Error *err)
{
	if (put->producer_name == NULL)
		return ST_OK;
	Producers *producers = table_producers(put->plan.table);
	return producer_hold(producers, slice_text(put->producer_name), &put->hold, &put->producer,
						 err);
}

// From a batch's own metadata; one stream is of one producer.
static Status
name_by_batch(mobius_put *put, const Pending *pending, Error *err)
{
	const char *name = pending->metadata.producer;
	if (put->producer_name == NULL) {
		TRY(set_name(put, slice_text(name), err));
		return put_producer_hold(put, err);
	}
	if (strcmp(put->producer_name, name) != 0)
		return error_set(err, ST_INVALID,
						 "a stream is of one producer: this one is of \"%s\", the batch of \"%s\"; "
						 "open a stream for each",
						 put->producer_name, name);
	return ST_OK;
}

// Nothing may come between the answer and the wait, so the wait is set before the question.
static void
set_busy(mobius_put *put, bool busy)
{
	pthread_mutex_lock(&put->lock);
	put->producer_busy = busy;
	pthread_mutex_unlock(&put->lock);
}

Status
put_producer_offer(mobius_put *put, Pending *pending, bool *duplicate, bool *done, Error *err)
{
	TRY(name_by_batch(put, pending, err));
	set_busy(put, true);
	ProducerAnswer answer =
		producer_offer(put->producer, &put->hold, pending->metadata.producer_seq);
	if (answer != PRODUCER_BUSY)
		set_busy(put, false);
	*done = answer != PRODUCER_BUSY;
	*duplicate = answer == PRODUCER_STORED || answer == PRODUCER_PENDING;
	pending->offered = answer == PRODUCER_NEW;
	if (answer == PRODUCER_LOST)
		return error_set(err, ST_CANCELLED, "a newer stream of the same producer took over");
	return ST_OK;
}

void
put_producer_withdraw(mobius_put *put, Pending *pending)
{
	if (pending->offered)
		producer_settle(put->producer);
	pending->offered = false;
}

// Told once no commit of an earlier stream can change it any more.
void
put_producer_poll(mobius_put *put)
{
	pthread_mutex_lock(&put->lock);
	bool held = put->opened && put->producer != NULL && !put->state.failed;
	pthread_mutex_unlock(&put->lock);
	if (!held || !put->told_of_producer || put->state.has_producer)
		return;
	int64_t last;
	bool busy;
	set_busy(put, true);
	bool stored = producer_last(put->producer, &put->hold, &last, &busy);
	if (busy)
		return;
	set_busy(put, false);
	pthread_mutex_lock(&put->lock);
	put->state.has_producer = true;
	put->state.producer_stored = stored;
	put->state.producer_seq = last;
	pthread_mutex_unlock(&put->lock);
}
