#include "store/sorted_int.h"

#include <string.h>

#include "arrow/convert.h"
#include "arrow/sort.h"
#include "base/mem.h"

void
sorting_close(Sorting *s)
{
	for (int32_t i = 0; i < s->count; i++)
		batch_unref(s->batches[i]);
	mem_free(s->batches);
	mem_free(s->parts);
	mem_free(s->replaced);
}

// ---- parts as the table has its columns ----

static Status
make_room(Sorting *s, Error *err)
{
	if (s->count < s->room)
		return ST_OK;
	int32_t room = s->room == 0 ? 64 : s->room * 2;
	Batch **batches = mem_resize(s->batches, (size_t)room * sizeof(*batches));
	if (batches == NULL)
		return error_no_memory(err, "a flush");
	s->batches = batches;
	SegmentPart *parts = mem_resize(s->parts, (size_t)room * sizeof(*parts));
	if (parts == NULL)
		return error_no_memory(err, "a flush");
	s->parts = parts;
	s->room = room;
	return ST_OK;
}

static Status
add_part(void *arg, const SegmentPart *part, Error *err)
{
	Sorting *s = arg;
	TRY(make_room(s, err));
	SCOPED(batch_drop) Batch *head = NULL;
	TRY(batch_head(part->batch, part->rows, &head, err));
	must(s->first_row + part->first_row == s->rows); // so that rows are numbered by position
	// As for who reads them in memory: a flush must not fail for a value.
	TRY(shape_to_sparse(part->shape, s->def, head, s->pool, &s->batches[s->count], err));
	s->parts[s->count++] = *part;
	s->rows += part->rows;
	s->with_ids &= part->ids != NULL;
	return ST_OK;
}

Status
sorting_add(Sorting *s, const Segment *seg, Error *err)
{
	s->first_row = s->rows;
	return segment_each(seg, UINT64_MAX, INT64_MIN, INT64_MAX, add_part, s, err);
}

// ---- order ----

typedef struct Keys {
	uint32_t *rank;
	int64_t *time;
	uint32_t ranks;
} Keys;

static void
keys_close(Keys *keys)
{
	mem_free(keys->rank);
	mem_free(keys->time);
}

// Numbers the segment's series densely, in `rank`, and lists them.
static uint32_t
number_series(const Sorting *s, uint32_t *dense, uint32_t *rank, uint32_t *listed)
{
	uint32_t count = 0;
	int64_t at = 0;
	for (int32_t b = 0; b < s->count; b++) {
		for (int64_t row = 0; row < batch_rows(s->batches[b]); row++) {
			uint32_t id = s->parts[b].ids[row];
			if (dense[id] == 0) {
				listed[count] = id;
				dense[id] = ++count;
			}
			rank[at++] = dense[id] - 1;
		}
	}
	return count;
}

static Status
rank_rows(const Sorting *s, Keys *keys, Error *err)
{
	SCOPED(mem_drop)
	uint32_t *dense = mem_alloc_array((size_t)series_count(s->series) + 1, sizeof(uint32_t));
	SCOPED(mem_drop) uint32_t *listed = mem_alloc_array((size_t)s->rows, sizeof(uint32_t));
	SCOPED(mem_drop) uint32_t *ranks = mem_alloc_array((size_t)s->rows, sizeof(uint32_t));
	keys->rank = mem_alloc_array((size_t)s->rows, sizeof(uint32_t));
	if (dense == NULL || listed == NULL || ranks == NULL || keys->rank == NULL)
		return error_no_memory(err, "a flush");
	keys->ranks = number_series(s, dense, keys->rank, listed);
	TRY(series_rank(s->series, listed, keys->ranks, ranks, err));
	for (int64_t i = 0; i < s->rows; i++)
		keys->rank[i] = ranks[keys->rank[i]];
	return ST_OK;
}

static Status
list_times(const Sorting *s, Keys *keys, Error *err)
{
	keys->time = mem_alloc_array((size_t)s->rows, sizeof(int64_t));
	if (keys->time == NULL)
		return error_no_memory(err, "a flush");
	int32_t time = table_order_column(s->def);
	int64_t at = 0;
	for (int32_t b = 0; b < s->count; b++) {
		memcpy(keys->time + at, batch_column(s->batches[b], time)->values.data,
			   (size_t)batch_rows(s->batches[b]) * sizeof(int64_t));
		at += batch_rows(s->batches[b]);
	}
	return ST_OK;
}

static void
note_replaced_ids(Sorting *s, const Keys *keys, const uint32_t *order)
{
	for (int64_t i = 0; s->replaced != NULL && i + 1 < s->rows; i++)
		s->replaced[i] = keys->rank[order[i]] == keys->rank[order[i + 1]] &&
						 keys->time[order[i]] == keys->time[order[i + 1]];
}

static Status
order_by_ids(Sorting *s, uint32_t *order, Error *err)
{
	SCOPED(keys_close) Keys keys = {0};
	TRY(rank_rows(s, &keys, err));
	TRY(list_times(s, &keys, err));
	TRY(sort_by_rank_and_time(keys.rank, keys.ranks, keys.time, (uint32_t)s->rows, order, err));
	note_replaced_ids(s, &keys, order);
	return ST_OK;
}

RowRef *
sorting_refs(const Sorting *s)
{
	RowRef *all = mem_alloc_array((size_t)s->rows + 1, sizeof(RowRef));
	int64_t at = 0;
	for (int32_t b = 0; all != NULL && b < s->count; b++)
		for (int64_t row = 0; row < batch_rows(s->batches[b]); row++)
			all[at++] = (RowRef){(uint32_t)b, (uint32_t)row};
	return all;
}

Status
sorting_ask_replaced(Sorting *s, Error *err)
{
	s->replaced = mem_alloc((size_t)s->rows + 1);
	return s->replaced != NULL ? ST_OK : error_no_memory(err, "a flush");
}

Status
sorting_order(Sorting *s, uint32_t *order, Error *err)
{
	if (table_order_column(s->def) >= 0)
		return s->with_ids ? order_by_ids(s, order, err) : sorting_order_by_values(s, order, err);
	for (int64_t i = 0; i < s->rows; i++)
		order[i] = (uint32_t)i;
	return ST_OK;
}

// ---- the rows in that order ----

// A batch: large enough that what each costs by itself is little.
enum { PIECE_BYTES = 64 << 20, PIECE_MOST_ROWS = 32 * SORTED_CHUNK_ROWS };

struct SortedRows {
	Sorting sorting;
	uint32_t *positions;
	RowRef *refs;
	int64_t count;
	int64_t next;
	int64_t piece_rows;
};

void
sorted_rows_free(SortedRows *rows)
{
	if (rows == NULL)
		return;
	sorting_close(&rows->sorting);
	mem_free(rows->positions);
	mem_free(rows->refs);
	mem_free(rows);
}

// Leaves the rows in `positions` that are not deleted or replaced, and lists them. Each is looked
// at once: who compares later finds every deletion either here or there. Who deletes the last row
// of a key deletes those before it too, so the last one alone is looked at.
static Status
list_live(SortedRows *rows, Error *err)
{
	const Sorting *s = &rows->sorting;
	SCOPED(mem_drop) RowRef *all = sorting_refs(s);
	rows->refs = mem_alloc_array((size_t)s->rows + 1, sizeof(RowRef));
	if (all == NULL || rows->refs == NULL)
		return error_no_memory(err, "a flush");
	for (int64_t i = 0; i < s->rows; i++) {
		RowRef ref = all[rows->positions[i]];
		bool replaced = s->replaced != NULL && s->replaced[i];
		if (replaced || !part_is_live(&s->parts[ref.batch], ref.row))
			continue;
		rows->positions[rows->count] = rows->positions[i];
		rows->refs[rows->count++] = ref;
	}
	return ST_OK;
}

// In whole chunks, at least one.
static int64_t
rows_of_piece(const TableDef *def)
{
	uint64_t rows = PIECE_BYTES / (schema_row_bytes(table_schema(def)) + 1);
	if (rows >= PIECE_MOST_ROWS)
		return PIECE_MOST_ROWS;
	rows -= rows % SORTED_CHUNK_ROWS;
	return rows > 0 ? (int64_t)rows : SORTED_CHUNK_ROWS;
}

static Status
sort_rows(SortedRows *rows, Error *err)
{
	Sorting *s = &rows->sorting;
	if (s->rows > UINT32_MAX)
		return error_set(err, ST_LIMIT, "a segment of more than %u rows", UINT32_MAX);
	rows->positions = mem_alloc_array((size_t)s->rows + 1, sizeof(uint32_t));
	if (rows->positions == NULL)
		return error_no_memory(err, "a flush");
	if (table_replaces(s->def))
		TRY(sorting_ask_replaced(s, err));
	TRY(sorting_order(s, rows->positions, err));
	return list_live(rows, err);
}

Status
sorted_rows_new(const Segment *seg, TableDef *def, SeriesMap *series, BytesPool *pool,
				SortedRows **out, Error *err)
{
	SCOPED(sorted_rows_drop) SortedRows *rows = mem_alloc(sizeof(*rows));
	if (rows == NULL)
		return error_no_memory(err, "a flush");
	rows->sorting = (Sorting){.def = def, .series = series, .pool = pool, .with_ids = true};
	rows->piece_rows = rows_of_piece(def);
	TRY(sorting_add(&rows->sorting, seg, err));
	TRY(sort_rows(rows, err));
	*out = TAKE(rows);
	return ST_OK;
}

int64_t
sorted_rows_count(const SortedRows *rows)
{
	return rows->count;
}

uint32_t *
sorted_rows_take_positions(SortedRows *rows)
{
	return TAKE(rows->positions);
}

Status
sorted_rows_next(SortedRows *rows, Batch **out, Error *err)
{
	const Sorting *s = &rows->sorting;
	int64_t left = rows->count - rows->next;
	int64_t n = left < rows->piece_rows ? left : rows->piece_rows;
	*out = NULL;
	if (n == 0)
		return ST_OK;
	TRY(batch_gather(s->batches, rows->refs + rows->next, n, table_schema(s->def), s->pool, out,
					 err));
	rows->next += n;
	return ST_OK;
}
