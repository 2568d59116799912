// series.c
//
// A series' key is its tag values in column order, trailing NULLs left out, so that a table that
// gets a new tag keeps its keys. Each value is
//
//     u32 length, or NULL_TAG · bytes: text and binary as they are; numbers as eight bytes,
//     big-endian, the sign bit flipped
//
// so that keys compare value by value as bytes, whatever the width of an integer tag becomes.

#include "store/series.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/reader.h"

#define NULL_TAG  UINT32_MAX
#define NO_SERIES UINT32_MAX

enum {
	FIRST_SLOTS = 1024,
	FEW_SERIES = 100 * 1000, // below, a table keeps its ids whatever its rows are
	ROWS_PER_SERIES = 10,
};

typedef struct Key {
	const uint8_t *data;
	uint32_t len;
	uint32_t next; // the series that followed this one last time
	uint64_t hash;
} Key;

struct SeriesMap {
	pthread_mutex_t lock; // guards all below
	uint32_t limit;
	bool off;
	uint64_t rows;
	Arena bytes; // what keys lie in
	Key *keys;
	uint32_t count;
	uint32_t room;
	uint32_t *slots;     // id + 1 by hash; 0: empty
	uint32_t slot_count; // a power of two, at least twice the count
};

Status
series_new(uint32_t limit, SeriesMap **out, Error *err)
{
	SeriesMap *series = mem_alloc(sizeof(*series));
	if (series == NULL)
		return error_no_memory(err, "series");
	series->limit = limit;
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
	Key *keys = mem_resize(series->keys, room * sizeof(Key));
	if (keys == NULL)
		return error_no_memory(err, "series");
	series->keys = keys;
	series->room = room;
	return ST_OK;
}

static Status
find_or_add(SeriesMap *series, Slice key, uint32_t *out, Error *err)
{
	TRY(make_room(series, err));
	uint64_t hash = hash64(key.data, key.len);
	uint32_t at = (uint32_t)hash & (series->slot_count - 1);
	for (; series->slots[at] != 0; at = (at + 1) & (series->slot_count - 1)) {
		const Key *known = &series->keys[series->slots[at] - 1];
		if (known->hash == hash && known->len == key.len &&
			memcmp(known->data, key.data, key.len) == 0) {
			*out = series->slots[at] - 1;
			return ST_OK;
		}
	}
	uint8_t *copy = arena_alloc(&series->bytes, key.len + 1);
	TRY(arena_status(&series->bytes, err, "series"));
	memcpy(copy, key.data, key.len);
	series->keys[series->count] = (Key){copy, (uint32_t)key.len, NO_SERIES, hash};
	series->slots[at] = series->count + 1;
	*out = series->count++;
	return ST_OK;
}

// ---- keys of rows ----

typedef struct TagColumn {
	const Column *column; // NULL: the batch has none
	TypeId type;
} TagColumn;

static uint64_t
integer_at(const TagColumn *tag, int64_t row)
{
	const uint8_t *values = tag->column->values.data;
	switch (tag->type) {
	case TYPE_BOOL: return bit_get(values, row);
	case TYPE_INT8: return (uint64_t)(int64_t)(int8_t)values[row];
	case TYPE_UINT8: return values[row];
	case TYPE_INT16: {
		int16_t v;
		memcpy(&v, values + 2 * row, 2);
		return (uint64_t)(int64_t)v;
	}
	case TYPE_UINT16: {
		uint16_t v;
		memcpy(&v, values + 2 * row, 2);
		return v;
	}
	case TYPE_INT32:
	case TYPE_DATE32: {
		int32_t v;
		memcpy(&v, values + 4 * row, 4);
		return (uint64_t)(int64_t)v;
	}
	case TYPE_UINT32: {
		uint32_t v;
		memcpy(&v, values + 4 * row, 4);
		return v;
	}
	default: {
		uint64_t v;
		memcpy(&v, values + 8 * row, 8);
		return v;
	}
	}
}

static bool
is_unsigned(TypeId type)
{
	return type == TYPE_BOOL || (type >= TYPE_UINT8 && type <= TYPE_UINT64);
}

// A tag's value; number is where eight bytes of a number are put.
static Slice
value_at(const TagColumn *tag, int64_t row, uint8_t number[8])
{
	if (tag->type == TYPE_UTF8 || tag->type == TYPE_BINARY) {
		int32_t ends[2];
		memcpy(ends, tag->column->offsets.data + 4 * row, 8);
		return slice_of(tag->column->values.data + ends[0], (size_t)(ends[1] - ends[0]));
	}
	uint64_t v = integer_at(tag, row);
	if (!is_unsigned(tag->type))
		v ^= UINT64_C(1) << 63;
	for (int i = 0; i < 8; i++)
		number[i] = (uint8_t)(v >> (56 - 8 * i));
	return slice_of(number, 8);
}

static bool
tag_is_null(const TagColumn *tag, int64_t row)
{
	return tag->column == NULL || !column_valid(tag->column, row);
}

static void
encode_key(const TagColumn *tags, int32_t count, int64_t row, Buf *out)
{
	buf_reset(out);
	size_t end = 0;
	for (int32_t i = 0; i < count; i++) {
		if (tag_is_null(&tags[i], row)) {
			buf_add_u32(out, NULL_TAG);
			continue;
		}
		uint8_t number[8];
		Slice value = value_at(&tags[i], row, number);
		buf_add_u32(out, (uint32_t)value.len);
		buf_add_slice(out, value);
		end = out->len;
	}
	if (!out->failed)
		out->len = end;
}

static bool
key_is_row(const Key *key, const TagColumn *tags, int32_t count, int64_t row)
{
	const uint8_t *p = key->data, *end = key->data + key->len;
	for (int32_t i = 0; i < count; i++) {
		uint32_t len = NULL_TAG;
		if (p < end) {
			memcpy(&len, p, 4);
			p += 4;
		}
		if (tag_is_null(&tags[i], row) != (len == NULL_TAG))
			return false;
		if (len == NULL_TAG)
			continue;
		uint8_t number[8];
		Slice value = value_at(&tags[i], row, number);
		if (value.len != len || memcmp(value.data, p, len) != 0)
			return false;
		p += len;
	}
	return p == end;
}

static TagColumn *
find_tags(const TableDef *def, const Shape *shape, const Batch *batch)
{
	int32_t count = table_tag_count(def);
	TagColumn *tags = mem_alloc_array((size_t)count + 1, sizeof(*tags));
	for (int32_t i = 0; tags != NULL && i < count; i++) {
		uint32_t id = table_column_id(def, table_tag_column(def, i));
		for (int32_t c = 0; c < schema_field_count(shape_schema(shape)); c++)
			if (shape_column_id(shape, c) == id)
				tags[i] = (TagColumn){batch_column(batch, c),
									  schema_field(shape_schema(shape), c)->type.id};
	}
	return tags;
}

static Status
map_rows(SeriesMap *series, const TagColumn *tags, int32_t count, int64_t rows, uint32_t *ids,
		 Error *err)
{
	SCOPED(buf_close) Buf scratch = BUF_INIT;
	uint32_t before = NO_SERIES, guess = NO_SERIES;
	for (int64_t row = 0; row < rows; row++) {
		if (guess == NO_SERIES || !key_is_row(&series->keys[guess], tags, count, row)) {
			encode_key(tags, count, row, &scratch);
			TRY(buf_status(&scratch, err, "series"));
			TRY(find_or_add(series, buf_slice(&scratch), &guess, err));
			if (before != NO_SERIES)
				series->keys[before].next = guess;
		}
		ids[row] = guess;
		before = guess;
		guess = series->keys[guess].next;
	}
	series->rows += (uint64_t)rows;
	return ST_OK;
}

Status
series_map_batch(SeriesMap *series, const TableDef *def, const Shape *shape, const Batch *batch,
				 uint32_t *ids, bool *on, Error *err)
{
	SCOPED(mem_drop) TagColumn *tags = find_tags(def, shape, batch);
	if (tags == NULL)
		return error_no_memory(err, "series");
	pthread_mutex_lock(&series->lock);
	Status st = ST_OK;
	if (!series->off)
		st = map_rows(series, tags, table_tag_count(def), batch_rows(batch), ids, err);
	bool unusual =
		series->count > FEW_SERIES && (uint64_t)series->count * ROWS_PER_SERIES > series->rows;
	series->off |= series->count > series->limit || unusual;
	*on = !series->off;
	pthread_mutex_unlock(&series->lock);
	return st;
}

// ---- ranks ----

static int
compare_keys(const Key *a, const Key *b)
{
	const uint8_t *p = a->data, *p_end = a->data + a->len;
	const uint8_t *q = b->data, *q_end = b->data + b->len;
	while (p < p_end || q < q_end) {
		uint32_t m = NULL_TAG, n = NULL_TAG;
		if (p < p_end)
			memcpy(&m, p, 4), p += 4;
		if (q < q_end)
			memcpy(&n, q, 4), q += 4;
		if (m == NULL_TAG || n == NULL_TAG) {
			if (m != n)
				return m == NULL_TAG ? -1 : 1;
			continue;
		}
		int order = memcmp(p, q, m < n ? m : n);
		if (order != 0)
			return order;
		if (m != n)
			return m < n ? -1 : 1;
		p += m;
		q += n;
	}
	return 0;
}

typedef struct Ranking {
	const Key *keys;
	const uint32_t *ids;
} Ranking;

static int
compare_ranked(const void *a, const void *b, void *arg)
{
	const Ranking *r = arg;
	return compare_keys(&r->keys[r->ids[*(const uint32_t *)a]],
						&r->keys[r->ids[*(const uint32_t *)b]]);
}

Status
series_rank(SeriesMap *series, const uint32_t *ids, uint32_t count, uint32_t *rank, Error *err)
{
	SCOPED(mem_drop) uint32_t *order = mem_alloc_array((size_t)count + 1, sizeof(*order));
	SCOPED(mem_drop) Key *keys = NULL;
	// Sorting takes a while: keys never move nor change but for `next`, so a copy of the records is
	// enough.
	pthread_mutex_lock(&series->lock);
	keys = mem_copy(series->keys, (size_t)series->count * sizeof(Key) + 1 - (series->count > 0));
	pthread_mutex_unlock(&series->lock);
	if (order == NULL || keys == NULL)
		return error_no_memory(err, "sorting series");
	for (uint32_t i = 0; i < count; i++)
		order[i] = i;
	qsort_r(order, count, sizeof(*order), compare_ranked, &(Ranking){keys, ids});
	for (uint32_t i = 0; i < count; i++)
		rank[order[i]] = i;
	return ST_OK;
}

// ---- checkpoints ----

Status
series_save(SeriesMap *series, Buf *out, Error *err)
{
	pthread_mutex_lock(&series->lock);
	buf_add_u32(out, series->off);
	buf_add_u64(out, series->rows);
	buf_add_u32(out, series->count);
	for (uint32_t i = 0; i < series->count; i++) {
		buf_add_u32(out, series->keys[i].len);
		buf_add(out, series->keys[i].data, series->keys[i].len);
	}
	pthread_mutex_unlock(&series->lock);
	return buf_status(out, err, "a checkpoint");
}

Status
series_load(SeriesMap *series, Slice saved, Error *err)
{
	Reader r = reader_of(saved);
	series->off = reader_u32(&r) != 0;
	series->rows = reader_u64(&r);
	uint32_t count = reader_u32(&r);
	for (uint32_t i = 0; i < count && !r.failed; i++) {
		uint32_t id;
		Slice key = reader_counted(&r);
		if (!r.failed)
			TRY(find_or_add(series, key, &id, err));
	}
	if (r.failed || reader_left(&r) != 0 || series->count != count)
		return error_set(err, ST_CORRUPT, "the series of a checkpoint are damaged");
	return ST_OK;
}
