#include "store/mask.h"

#include <roaring/roaring.h>
#include <stdatomic.h>

#include "base/mem.h"
#include "base/reader.h"

enum { SOME = 1024 }; // rows looked at in one go

struct Mask {
	atomic_uint refs;
	uint64_t seq;
	int64_t count;
	roaring_bitmap_t *rows;
};

// ---- life ----

// Takes the bitmap.
static Status
wrap(roaring_bitmap_t *rows, Mask **out, Error *err)
{
	Mask *mask = rows != NULL ? mem_alloc(sizeof(*mask)) : NULL;
	if (mask == NULL) {
		if (rows != NULL)
			roaring_bitmap_free(rows);
		return error_no_memory(err, "a mask");
	}
	roaring_bitmap_run_optimize(rows);
	atomic_init(&mask->refs, 1);
	mask->rows = rows;
	mask->count = (int64_t)roaring_bitmap_get_cardinality(rows);
	*out = mask;
	return ST_OK;
}

Status
mask_new(const Mask *base, const uint32_t *rows, int64_t count, Mask **out, Error *err)
{
	roaring_bitmap_t *all =
		base != NULL ? roaring_bitmap_copy(base->rows) : roaring_bitmap_create();
	if (all != NULL && count > 0)
		roaring_bitmap_add_many(all, (size_t)count, rows);
	return wrap(all, out, err);
}

Status
mask_of_rows(const Buf *rows, Mask **out, Error *err)
{
	const uint32_t *numbers = (const uint32_t *)(const void *)rows->data;
	return mask_new(NULL, numbers, (int64_t)(rows->len / sizeof(*numbers)), out, err);
}

Status
mask_union(const Mask *a, const Mask *b, Mask **out, Error *err)
{
	return wrap(a != NULL ? roaring_bitmap_or(a->rows, b->rows) : roaring_bitmap_copy(b->rows), out,
				err);
}

void
mask_stamp(Mask *mask, uint64_t seq)
{
	mask->seq = seq;
}

Mask *
mask_ref(const Mask *mask)
{
	Mask *m = (Mask *)(uintptr_t)mask; // the count is no part of what const promises
	if (m != NULL)
		atomic_fetch_add_explicit(&m->refs, 1, memory_order_relaxed);
	return m;
}

void
mask_unref(Mask *mask)
{
	if (mask == NULL || atomic_fetch_sub_explicit(&mask->refs, 1, memory_order_acq_rel) > 1)
		return;
	roaring_bitmap_free(mask->rows);
	mem_free(mask);
}

// ---- looking ----

uint64_t
mask_seq(const Mask *mask)
{
	return mask->seq;
}

int64_t
mask_count(const Mask *mask)
{
	return mask != NULL ? mask->count : 0;
}

bool
mask_has(const Mask *mask, int64_t row)
{
	return row >= 0 && row <= UINT32_MAX && roaring_bitmap_contains(mask->rows, (uint32_t)row);
}

// Set to the first row ≥ from; false: there is none.
static bool
seek(const Mask *mask, int64_t from, roaring_uint32_iterator_t *at)
{
	if (from > UINT32_MAX)
		return false;
	roaring_init_iterator(mask->rows, at);
	return from <= 0 ? at->has_value
					 : roaring_move_uint32_iterator_equalorlarger(at, (uint32_t)from);
}

int64_t
mask_next(const Mask *mask, int64_t from)
{
	roaring_uint32_iterator_t at = {0};
	return seek(mask, from, &at) ? (int64_t)at.current_value : -1;
}

void
mask_dead_bits(const Mask *mask, int64_t first, int64_t count, uint64_t *bits)
{
	roaring_uint32_iterator_t at = {0};
	for (bool more = seek(mask, first, &at); more && at.current_value < first + count;
		 more = roaring_advance_uint32_iterator(&at)) {
		int64_t bit = at.current_value - first;
		bits[bit / 64] |= UINT64_C(1) << (bit % 64);
	}
}

int64_t
mask_live(const Mask *mask, int64_t first, int64_t count, uint32_t *rows)
{
	roaring_uint32_iterator_t at = {0};
	bool more = seek(mask, first, &at);
	int64_t live = 0;
	for (int64_t row = first, end = first + count; row < end;) {
		int64_t dead = more && at.current_value < end ? at.current_value : end;
		for (; row < dead; row++)
			rows[live++] = (uint32_t)(row - first);
		row++; // the deleted one
		if (more && dead < end)
			more = roaring_advance_uint32_iterator(&at);
	}
	return live;
}

// ---- bytes ----

static void
put_varint(Buf *out, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		buf_add_byte(out, (uint8_t)(value | 0x80));
	buf_add_byte(out, (uint8_t)value);
}

// What a row number cannot need fails.
static uint64_t
get_varint(Reader *r)
{
	uint64_t value = 0;
	for (unsigned shift = 0; shift < 35; shift += 7) {
		uint8_t byte = reader_u8(r);
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return value;
	}
	r->failed = true;
	return 0;
}

void
row_runs_end(RowRuns *runs)
{
	if (runs->end == runs->first)
		return;
	put_varint(runs->out, runs->first - runs->before);
	put_varint(runs->out, runs->end - runs->first - 1);
	runs->before = runs->end;
	runs->first = runs->end;
}

void
row_runs_add(RowRuns *runs, uint32_t row)
{
	if (row != runs->end || runs->end == runs->first) {
		row_runs_end(runs);
		runs->first = row;
	}
	runs->end = (uint64_t)row + 1;
}

Status
mask_encode(const Mask *mask, Buf *out, Error *err)
{
	RowRuns runs = {.out = out};
	uint32_t some[SOME];
	roaring_uint32_iterator_t at;
	roaring_init_iterator(mask->rows, &at);
	for (uint32_t got; (got = roaring_read_uint32_iterator(&at, some, SOME)) > 0;)
		for (uint32_t i = 0; i < got; i++)
			row_runs_add(&runs, some[i]);
	row_runs_end(&runs);
	return buf_status(out, err, "a mask");
}

// The next run, [*first, *end); false: there is none, or the reader failed.
static bool
next_run(Reader *r, uint64_t rows, uint64_t *first, uint64_t *end)
{
	if (reader_left(r) == 0 || r->failed)
		return false;
	*first = *end + get_varint(r);
	*end = *first + get_varint(r) + 1;
	r->failed |= *end > rows;
	return !r->failed;
}

static Status
no_runs(const Reader *r, Error *err)
{
	return r->failed ? error_set(err, ST_CORRUPT, "its row numbers are damaged") : ST_OK;
}

static void
bitmap_drop(roaring_bitmap_t **rows)
{
	if (*rows != NULL)
		roaring_bitmap_free(*rows);
}

static uint64_t
most_rows(int64_t rows)
{
	return rows < 0 ? 0 : rows > UINT32_MAX ? UINT32_MAX : (uint64_t)rows;
}

Status
mask_decode(Slice bytes, int64_t rows, Mask **out, Error *err)
{
	SCOPED(bitmap_drop) roaring_bitmap_t *all = roaring_bitmap_create();
	if (all == NULL)
		return error_no_memory(err, "a mask");
	Reader r = reader_of(bytes);
	for (uint64_t first, end = 0; next_run(&r, most_rows(rows), &first, &end);)
		roaring_bitmap_add_range_closed(all, (uint32_t)first, (uint32_t)(end - 1));
	TRY(no_runs(&r, err));
	return wrap(TAKE(all), out, err);
}

Status
rows_decode(Slice bytes, int64_t rows, Buf *out, Error *err)
{
	Reader r = reader_of(bytes);
	for (uint64_t first, end = 0; next_run(&r, most_rows(rows), &first, &end);) {
		uint32_t *to = buf_extend(out, (end - first) * sizeof(*to));
		for (uint64_t row = first; to != NULL && row < end; row++)
			to[row - first] = (uint32_t)row;
	}
	TRY(no_runs(&r, err));
	return buf_status(out, err, "row numbers");
}
