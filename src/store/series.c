// series.c - the map from tag values to numbers. Keys: series_int.h.

#include "store/series.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/reader.h"
#include "store/series_int.h"

enum {
	FIRST_SLOTS = 1024,
	FEW_SERIES = 100 * 1000, // below, a table keeps its ids whatever its rows are
	ROWS_PER_SERIES = 10,
	MOST_SERIES = 1 << 30,
	SAVE_AT_ONCE = 4096, // keys, so that handlers wait for a short while only
};

typedef struct Key {
	const uint8_t *data; // stays where it is
	uint32_t len;
	uint32_t next; // the series that followed this one last time
	uint64_t hash;
} Key;

struct SeriesMap {
	pthread_mutex_t lock; // guards all below
	uint32_t limit;
	bool off;
	uint64_t rows;
	_Atomic uint64_t saved_bytes; // of the keys in a checkpoint; read without the lock
	Arena bytes;                  // what keys lie in
	Key *keys;
	uint32_t count;
	uint32_t room;
	uint32_t last;       // the series of the row mapped last
	uint32_t *slots;     // id + 1 by hash; 0: empty
	uint32_t slot_count; // a power of two, at least twice the count
};

Status
series_new(uint32_t limit, SeriesMap **out, Error *err)
{
	SeriesMap *series = mem_alloc(sizeof(*series));
	if (series == NULL)
		return error_no_memory(err, "series");
	series->limit = limit < MOST_SERIES ? limit : MOST_SERIES;
	series->last = NO_SERIES;
	pthread_mutex_init(&series->lock, NULL);
	*out = series;
	return ST_OK;
}

void
series_free(SeriesMap *series)
{
	if (series == NULL)
		return;
	arena_close(&series->bytes);
	mem_free(series->keys);
	mem_free(series->slots);
	pthread_mutex_destroy(&series->lock);
	mem_free(series);
}

uint32_t
series_count(const SeriesMap *series)
{
	SeriesMap *s = (SeriesMap *)(uintptr_t)series; // the lock is no part of what const promises
	pthread_mutex_lock(&s->lock);
	uint32_t count = s->count;
	pthread_mutex_unlock(&s->lock);
	return count;
}

// ---- the table ----

static Status
grow_slots(SeriesMap *series, Error *err)
{
	uint32_t count = series->slot_count == 0 ? FIRST_SLOTS : series->slot_count * 2;
	uint32_t *slots = mem_alloc_array(count, sizeof(*slots));
	if (slots == NULL)
		return error_no_memory(err, "series");
	for (uint32_t id = 0; id < series->count; id++) {
		uint32_t at = (uint32_t)series->keys[id].hash & (count - 1);
		while (slots[at] != 0)
			at = (at + 1) & (count - 1);
		slots[at] = id + 1;
	}
	mem_free(series->slots);
	series->slots = slots;
	series->slot_count = count;
	return ST_OK;
}

static Status
make_room(SeriesMap *series, Error *err)
{
	if (series->count * 2 >= series->slot_count)
		TRY(grow_slots(series, err));
	if (series->count < series->room)
		return ST_OK;
	uint32_t room = series->room == 0 ? FIRST_SLOTS / 2 : series->room * 2;
	Key *keys = mem_resize(series->keys, (size_t)room * sizeof(Key));
	if (keys == NULL)
		return error_no_memory(err, "series");
	series->keys = keys;
	series->room = room;
	return ST_OK;
}

static Slice
key_slice(const Key *key)
{
	return slice_of(key->data, key->len);
}

// Where the key is, or would be. There are slots.
static uint32_t
find_slot(const SeriesMap *series, Slice key, uint64_t hash)
{
	uint32_t at = (uint32_t)hash & (series->slot_count - 1);
	for (; series->slots[at] != 0; at = (at + 1) & (series->slot_count - 1)) {
		const Key *known = &series->keys[series->slots[at] - 1];
		if (known->hash == hash && slice_equal(key_slice(known), key))
			break;
	}
	return at;
}

static Status
find_or_add(SeriesMap *series, Slice key, uint32_t *out, Error *err)
{
	TRY(make_room(series, err));
	uint64_t hash = hash64(key.data, key.len);
	uint32_t at = find_slot(series, key, hash);
	if (series->slots[at] != 0) {
		*out = series->slots[at] - 1;
		return ST_OK;
	}
	uint8_t *copy = arena_alloc(&series->bytes, key.len + 1); // an empty key has an address too
	if (copy == NULL) {
		series->bytes.failed = false; // memory may come back
		return error_no_memory(err, "series");
	}
	if (key.len > 0)
		memcpy(copy, key.data, key.len);
	series->keys[series->count] = (Key){copy, (uint32_t)key.len, NO_SERIES, hash};
	series->slots[at] = series->count + 1;
	atomic_fetch_add(&series->saved_bytes, 4 + key.len);
	*out = series->count++;
	return ST_OK;
}

// ---- batches ----

static Status
map_rows(SeriesMap *series, const TagReaders *tags, int64_t rows, uint32_t *ids, Error *err)
{
	SCOPED(buf_close) Buf scratch = BUF_INIT;
	uint32_t before = series->last;
	for (int64_t row = 0; row < rows; row++) {
		uint32_t id = before == NO_SERIES ? NO_SERIES : series->keys[before].next;
		if (id == NO_SERIES || !series_key_is_row(key_slice(&series->keys[id]), tags, row)) {
			series_key_encode(tags, row, &scratch);
			TRY(buf_status(&scratch, err, "series"));
			TRY(find_or_add(series, buf_slice(&scratch), &id, err));
			if (series->count > series->limit)
				break;
			if (before != NO_SERIES)
				series->keys[before].next = id;
		}
		ids[row] = id;
		before = id;
	}
	series->last = before;
	series->rows += (uint64_t)rows;
	return ST_OK;
}

Status
series_map_batch(SeriesMap *series, const TableDef *def, const Shape *shape, const Batch *batch,
				 uint32_t *ids, bool *on, Error *err)
{
	SCOPED(tag_readers_close) TagReaders tags = {0};
	TRY(tag_readers_init(&tags, def, shape, batch, err));
	pthread_mutex_lock(&series->lock);
	Status st = ST_OK;
	if (!series->off)
		st = map_rows(series, &tags, batch_rows(batch), ids, err);
	bool unusual =
		series->count > FEW_SERIES && (uint64_t)series->count * ROWS_PER_SERIES > series->rows;
	series->off |= st == ST_OK && (series->count > series->limit || unusual);
	if (st == ST_OK)
		*on = !series->off;
	pthread_mutex_unlock(&series->lock);
	return st;
}

Status
series_meet_batch(SeriesMap *series, const TableDef *def, const Shape *shape, const Batch *batch,
				  Error *err)
{
	SCOPED(mem_drop) uint32_t *ids = mem_alloc_array((size_t)batch_rows(batch) + 1, sizeof(*ids));
	if (ids == NULL)
		return error_no_memory(err, "series");
	bool on;
	return series_map_batch(series, def, shape, batch, ids, &on, err);
}

static Status
find_rows(SeriesMap *series, const TagReaders *tags, int64_t rows, uint32_t *ids, Error *err)
{
	SCOPED(buf_close) Buf key = BUF_INIT;
	for (int64_t row = 0; row < rows; row++) {
		series_key_encode(tags, row, &key);
		TRY(buf_status(&key, err, "series"));
		ids[row] = NO_SERIES;
		if (series->count == 0)
			continue;
		uint32_t at = find_slot(series, buf_slice(&key), hash64(key.data, key.len));
		if (series->slots[at] != 0)
			ids[row] = series->slots[at] - 1;
	}
	return ST_OK;
}

Status
series_find_batch(SeriesMap *series, const TableDef *def, const Shape *shape, const Batch *batch,
				  uint32_t *ids, Error *err)
{
	SCOPED(tag_readers_close) TagReaders tags = {0};
	TRY(tag_readers_init(&tags, def, shape, batch, err));
	pthread_mutex_lock(&series->lock);
	Status st = find_rows(series, &tags, batch_rows(batch), ids, err);
	pthread_mutex_unlock(&series->lock);
	return st;
}

// ---- ranks ----

static int
compare_ranked(const void *a, const void *b, void *keys)
{
	const Key *x = (const Key *)keys + *(const uint32_t *)a;
	const Key *y = (const Key *)keys + *(const uint32_t *)b;
	return series_key_compare(key_slice(x), key_slice(y));
}

Status
series_rank(SeriesMap *series, const uint32_t *ids, uint32_t count, uint32_t *rank, Error *err)
{
	SCOPED(mem_drop) uint32_t *order = mem_alloc_array(count, sizeof(*order));
	SCOPED(mem_drop) Key *keys = mem_alloc_array(count, sizeof(*keys));
	if (order == NULL || keys == NULL)
		return error_no_memory(err, "sorting series");
	// Sorting takes a while. What keys point to never moves, so a copy of them is enough.
	pthread_mutex_lock(&series->lock);
	for (uint32_t i = 0; i < count; i++)
		keys[i] = series->keys[ids[i]];
	pthread_mutex_unlock(&series->lock);
	for (uint32_t i = 0; i < count; i++)
		order[i] = i;
	qsort_r(order, count, sizeof(*order), compare_ranked, keys);
	for (uint32_t i = 0; i < count; i++)
		rank[order[i]] = i;
	return ST_OK;
}

// ---- checkpoints ----
//
//     u32 off · u64 rows · u32 count · the keys in order of their ids, each counted by a u32

uint64_t
series_saved_bytes(const SeriesMap *series)
{
	return 16 + atomic_load(&series->saved_bytes);
}

Status
series_save(SeriesMap *series, Buf *out, Error *err)
{
	pthread_mutex_lock(&series->lock);
	uint32_t count = series->count;
	buf_add_u32(out, series->off);
	buf_add_u64(out, series->rows);
	buf_add_u32(out, count);
	for (uint32_t i = 0; i < count; i++) {
		if (i % SAVE_AT_ONCE == SAVE_AT_ONCE - 1) {
			pthread_mutex_unlock(&series->lock);
			pthread_mutex_lock(&series->lock);
		}
		buf_add_u32(out, series->keys[i].len);
		buf_add_slice(out, key_slice(&series->keys[i]));
	}
	pthread_mutex_unlock(&series->lock);
	return buf_status(out, err, "a checkpoint");
}

static Status
load_keys(SeriesMap *series, Reader *r, Error *err)
{
	series->off = reader_u32(r) != 0;
	series->rows = reader_u64(r);
	uint32_t count = reader_u32(r);
	bool sound = count <= MOST_SERIES;
	for (uint32_t i = 0; i < count && sound; i++) {
		uint32_t id;
		Slice key = reader_counted(r);
		sound = !r->failed && series_key_is_sound(key);
		if (sound)
			TRY(find_or_add(series, key, &id, err));
	}
	if (!sound || r->failed || reader_left(r) != 0 || series->count != count)
		return error_set(err, ST_CORRUPT, "the series of a checkpoint are damaged");
	return ST_OK;
}

Status
series_load(SeriesMap *series, Slice saved, Error *err)
{
	Reader r = reader_of(saved);
	pthread_mutex_lock(&series->lock);
	Status st = load_keys(series, &r, err);
	pthread_mutex_unlock(&series->lock);
	return st;
}
