#include "store/producers.h"

#include <pthread.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/reader.h"

// Saved: u32 count; for each: u32 length · name · i64 sequence.

enum {
	BUCKETS = 1024,
	MOST_PRODUCERS = 100 * 1000,
	MOST_NAME_BYTES = 255,
};

struct Producer {
	Producers *of;
	Producer *next; // in its bucket
	bool stored;    // `last` is something
	int64_t last;

	ProducerHold *hold; // the newest; NULL: none
	int32_t holders;    // who have not let go yet, also of those that lost it
	uint64_t pending;   // the number of the hold whose commits are under way
	int64_t in_flight;  // how many those are
	int64_t offered;    // the highest of them
	size_t name_len;
	uint8_t name[];
};

struct Producers {
	pthread_mutex_t lock; // guards all
	Producer *buckets[BUCKETS];
	uint32_t count;
	uint64_t holds; // so far
};

Status
producers_new(Producers **out, Error *err)
{
	Producers *producers = mem_alloc(sizeof(*producers));
	if (producers == NULL)
		return error_no_memory(err, "producers");
	pthread_mutex_init(&producers->lock, NULL);
	*out = producers;
	return ST_OK;
}

void
producers_free(Producers *producers)
{
	if (producers == NULL)
		return;
	for (int i = 0; i < BUCKETS; i++) {
		for (Producer *next; producers->buckets[i] != NULL; producers->buckets[i] = next) {
			next = producers->buckets[i]->next;
			mem_free(producers->buckets[i]);
		}
	}
	pthread_mutex_destroy(&producers->lock);
	mem_free(producers);
}

// ---- names ----

static Producer **
find_place(Producers *producers, Slice name)
{
	Producer **at = &producers->buckets[hash64(name.data, name.len) % BUCKETS];
	while (*at != NULL && !slice_equal(slice_of((*at)->name, (*at)->name_len), name))
		at = &(*at)->next;
	return at;
}

static Status
check_name(Slice name, Error *err)
{
	if (name.len == 0)
		return error_set(err, ST_INVALID, "a producer needs a name");
	if (name.len > MOST_NAME_BYTES)
		return error_set(err, ST_INVALID, "a producer's name has %zu bytes; at most %d are allowed",
						 name.len, MOST_NAME_BYTES);
	return ST_OK;
}

static Status
find_or_make(Producers *producers, Slice name, Producer **out, Error *err) // under the lock
{
	Producer **place = find_place(producers, name);
	if (*place == NULL) {
		if (producers->count == MOST_PRODUCERS)
			return error_set(err, ST_LIMIT, "the table has %d producers already; use fewer names",
							 MOST_PRODUCERS);
		Producer *producer = mem_alloc(sizeof(*producer) + name.len);
		if (producer == NULL)
			return error_no_memory(err, "a producer");
		producer->of = producers;
		producer->name_len = name.len;
		memcpy(producer->name, name.data, name.len);
		*place = producer;
		producers->count++;
	}
	*out = *place;
	return ST_OK;
}

// ---- holding ----

Status
producer_hold(Producers *producers, Slice name, ProducerHold *hold, Producer **out, Error *err)
{
	TRY(check_name(name, err));
	pthread_mutex_lock(&producers->lock);
	Status st = find_or_make(producers, name, out, err);
	if (st == ST_OK) {
		ProducerHold *before = (*out)->hold;
		hold->number = ++producers->holds;
		(*out)->holders++;
		(*out)->hold = hold;
		if (before != NULL && before != hold)
			before->lost(before->arg);
	}
	pthread_mutex_unlock(&producers->lock);
	return st;
}

// A name under which nothing was stored is nobody's once it is let go: it must not count.
static void
forget_unused(Producer *producer) // under the lock
{
	if (producer->stored || producer->holders > 0 || producer->in_flight > 0)
		return;
	*find_place(producer->of, producer_name(producer)) = producer->next;
	producer->of->count--;
	mem_free(producer);
}

void
producer_let_go(Producer *producer, ProducerHold *hold)
{
	Producers *producers = producer->of;
	pthread_mutex_lock(&producers->lock);
	if (producer->hold == hold)
		producer->hold = NULL;
	producer->holders--;
	forget_unused(producer);
	pthread_mutex_unlock(&producers->lock);
}

static bool
is_busy(const Producer *producer, const ProducerHold *hold) // under the lock
{
	return producer->in_flight > 0 && producer->pending != hold->number;
}

bool
producer_last(Producer *producer, const ProducerHold *hold, int64_t *seq, bool *busy)
{
	pthread_mutex_lock(&producer->of->lock);
	bool stored = producer->stored;
	*seq = producer->last;
	*busy = is_busy(producer, hold);
	pthread_mutex_unlock(&producer->of->lock);
	return stored;
}

bool
producers_find(Producers *producers, Slice name, int64_t *seq)
{
	pthread_mutex_lock(&producers->lock);
	const Producer *producer = *find_place(producers, name);
	bool stored = producer != NULL && producer->stored;
	if (stored)
		*seq = producer->last;
	pthread_mutex_unlock(&producers->lock);
	return stored;
}

// ---- batches ----

Slice
producer_name(const Producer *producer)
{
	return slice_of(producer->name, producer->name_len);
}

static ProducerAnswer
offer_locked(Producer *producer, const ProducerHold *hold, int64_t seq)
{
	if (producer->hold != hold)
		return PRODUCER_LOST;
	if (is_busy(producer, hold))
		return PRODUCER_BUSY;
	if (producer->stored && seq <= producer->last)
		return PRODUCER_STORED;
	if (producer->in_flight > 0 && seq <= producer->offered)
		return PRODUCER_PENDING;
	producer->pending = hold->number;
	producer->in_flight++;
	producer->offered = seq;
	return PRODUCER_NEW;
}

ProducerAnswer
producer_offer(Producer *producer, const ProducerHold *hold, int64_t seq)
{
	pthread_mutex_lock(&producer->of->lock);
	ProducerAnswer answer = offer_locked(producer, hold, seq);
	pthread_mutex_unlock(&producer->of->lock);
	return answer;
}

static void
note_stored(Producer *producer, int64_t seq) // under the lock
{
	if (!producer->stored || seq > producer->last)
		producer->last = seq;
	producer->stored = true;
}

void
producer_store(Producer *producer, int64_t seq)
{
	pthread_mutex_lock(&producer->of->lock);
	note_stored(producer, seq);
	pthread_mutex_unlock(&producer->of->lock);
}

void
producer_settle(Producer *producer)
{
	Producers *producers = producer->of;
	pthread_mutex_lock(&producers->lock);
	ProducerHold *hold = producer->hold;
	if (--producer->in_flight == 0 && hold != NULL && hold->number != producer->pending)
		hold->ready(hold->arg);
	forget_unused(producer);
	pthread_mutex_unlock(&producers->lock);
}

// ---- keeping ----

Status
producers_replay(Producers *producers, Slice name, int64_t seq, Error *err)
{
	Producer *producer = NULL;
	TRY(check_name(name, err));
	pthread_mutex_lock(&producers->lock);
	Status st = find_or_make(producers, name, &producer, err);
	if (st == ST_OK)
		note_stored(producer, seq);
	pthread_mutex_unlock(&producers->lock);
	return st;
}

Status
producers_save(Producers *producers, Buf *out, Error *err)
{
	uint32_t count = 0;
	size_t count_at = out->len;
	buf_add_u32(out, 0);
	pthread_mutex_lock(&producers->lock);
	for (int i = 0; i < BUCKETS; i++) {
		for (const Producer *p = producers->buckets[i]; p != NULL; p = p->next) {
			if (!p->stored)
				continue;
			buf_add_u32(out, (uint32_t)p->name_len);
			buf_add(out, p->name, p->name_len);
			buf_add_u64(out, (uint64_t)p->last);
			count++;
		}
	}
	pthread_mutex_unlock(&producers->lock);
	TRY(buf_status(out, err, "producers"));
	memcpy(out->data + count_at, &count, sizeof(count));
	return ST_OK;
}

Status
producers_load(Producers *producers, Slice saved, Error *err)
{
	Reader r = reader_of(saved);
	uint32_t count = reader_u32(&r);
	for (uint32_t i = 0; i < count && !r.failed; i++) {
		Slice name = reader_counted(&r);
		int64_t seq = (int64_t)reader_u64(&r);
		r.failed |= name.len == 0 || name.len > MOST_NAME_BYTES;
		if (!r.failed)
			TRY(producers_replay(producers, name, seq, err));
	}
	if (r.failed || reader_left(&r) != 0)
		return error_set(err, ST_CORRUPT, "saved producers cannot be read");
	return ST_OK;
}
