#include "store/chunk.h"

#include <stdatomic.h>
#include <string.h>

#include "base/mem.h"

enum {
	MOST_ROWS = 64 << 10,
	MOST_RUNS = 4096,
	ALIGNMENT = 64,
	SPARE_TEXT = 256, // bytes a text column has beyond what rows like the first ones need
};

// Where a column's buffers lie in the chunk's memory.
typedef struct ChunkColumn {
	uint8_t *validity;
	uint8_t *offsets; // NULL: not of text
	uint8_t *values;
	int32_t value_bits;
	size_t validity_len;
	size_t offsets_len; // 0: not of text
	size_t values_len;
} ChunkColumn;

struct Chunk {
	Batch *view;
	Bytes *memory; // of all columns: one block is cheaper to get than many
	ChunkColumn *columns;
	int32_t column_count;
	int64_t capacity;
	int64_t rows; // the appender's
	uint32_t *ids;
	ChunkRun *runs;
	int32_t run_capacity;
	_Atomic int32_t run_count; // release: what the runs name is written
	uint64_t bytes;
};

bool
chunk_can_hold(const Schema *schema)
{
	for (int32_t i = 0; i < schema_field_count(schema); i++) {
		const Field *field = schema_field(schema, i);
		TypeLayout layout = type_layout(&field->type);
		bool view = field->type.id == TYPE_UTF8_VIEW || field->type.id == TYPE_BINARY_VIEW;
		if (field->child_count > 0 || !layout.values || layout.offset_bytes == 8 || view)
			return false;
	}
	return schema_field_count(schema) > 0;
}

// ---- making ----

static int64_t
rows_for(const Batch *like, uint64_t bytes)
{
	uint64_t each = batch_bytes(like) / (uint64_t)batch_rows(like) + 1;
	int64_t rows = (int64_t)(bytes / each), most = MOST_RUNS * batch_rows(like);
	most = most < MOST_ROWS ? most : MOST_ROWS;
	rows = rows < most ? rows : most;
	return rows < batch_rows(like) ? batch_rows(like) : rows;
}

static size_t
aligned(size_t len)
{
	return (len + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

// What a column needs; returns how much that is.
static size_t
measure_column(const Chunk *chunk, ChunkColumn *column, const Field *field, const Column *like)
{
	TypeLayout layout = type_layout(&field->type);
	size_t rows = (size_t)chunk->capacity + 1; // the view has one more
	column->value_bits = layout.value_bits;
	column->validity_len = (rows + 7) / 8;
	if (layout.offset_bytes == 4) {
		column->offsets_len = 4 * (rows + 1);
		column->values_len =
			like->values.len / (size_t)like->length * rows * 5 / 4 + like->values.len + SPARE_TEXT;
	} else {
		column->values_len = (rows * (size_t)layout.value_bits + 7) / 8;
	}
	return aligned(column->validity_len) + aligned(column->offsets_len) +
		   aligned(column->values_len);
}

static uint8_t *
place_column(ChunkColumn *column, uint8_t *at)
{
	column->validity = at;
	at += aligned(column->validity_len);
	column->offsets = column->offsets_len > 0 ? at : NULL;
	at += aligned(column->offsets_len);
	column->values = at;
	// What is set bit by bit begins as zeros, and text at 0; the rest is written before it is read.
	memset(column->validity, 0, column->validity_len);
	if (column->offsets != NULL)
		memset(column->offsets, 0, 4);
	if (column->value_bits == 1)
		memset(column->values, 0, column->values_len);
	return at + aligned(column->values_len);
}

static bool
make_columns(Chunk *chunk, const Schema *schema, const Batch *like, BytesPool *pool)
{
	size_t size = 0;
	for (int32_t i = 0; i < chunk->column_count; i++)
		size += measure_column(chunk, &chunk->columns[i], schema_field(schema, i),
							   batch_column(like, i));
	chunk->memory = bytes_new(pool, size);
	if (chunk->memory == NULL)
		return false;
	uint8_t *at = bytes_data(chunk->memory);
	for (int32_t i = 0; i < chunk->column_count; i++)
		at = place_column(&chunk->columns[i], at);
	chunk->bytes += bytes_size(chunk->memory);
	return true;
}

// The view has a row that never counts, so that batch_head always cuts it, and counts its NULLs.
static bool
make_view(Chunk *chunk, Schema *schema)
{
	int64_t rows = chunk->capacity + 1;
	size_t count = (size_t)chunk->column_count;
	SCOPED(mem_drop) Column *columns = mem_alloc_array(count, sizeof(Column));
	if (columns == NULL)
		return false;
	for (size_t i = 0; i < count; i++) {
		const ChunkColumn *c = &chunk->columns[i];
		columns[i] = (Column){
			.length = rows,
			.null_count = rows, // not known: the bitmap tells
			.validity = slice_of(c->validity, c->validity_len),
			.offsets = slice_of(c->offsets, c->offsets_len),
			.values = slice_of(c->values, c->values_len),
		};
	}
	return batch_new(schema, rows, columns, &chunk->memory, 1, &chunk->view, NULL) == ST_OK;
}

static void
chunk_drop(Chunk **chunk)
{
	chunk_free(*chunk);
}

Chunk *
chunk_new(Schema *schema, const Batch *like, uint64_t bytes, bool with_ids, BytesPool *pool)
{
	SCOPED(chunk_drop) Chunk *chunk = mem_alloc(sizeof(*chunk));
	if (chunk == NULL)
		return NULL;
	chunk->capacity = rows_for(like, bytes);
	chunk->run_capacity = chunk->capacity < MOST_RUNS ? (int32_t)chunk->capacity : MOST_RUNS;
	chunk->column_count = schema_field_count(schema);
	chunk->columns = mem_alloc_array((size_t)chunk->column_count, sizeof(ChunkColumn));
	chunk->runs = mem_alloc_array((size_t)chunk->run_capacity, sizeof(ChunkRun));
	if (with_ids)
		chunk->ids = mem_alloc_array((size_t)chunk->capacity, sizeof(uint32_t));
	if (chunk->columns == NULL || chunk->runs == NULL || (with_ids && chunk->ids == NULL))
		return NULL;
	chunk->bytes = (uint64_t)chunk->capacity * (with_ids ? 4 : 0) +
				   (uint64_t)chunk->run_capacity * sizeof(ChunkRun) + 512;
	return make_columns(chunk, schema, like, pool) && make_view(chunk, schema) ? TAKE(chunk) : NULL;
}

void
chunk_free(Chunk *chunk)
{
	if (chunk == NULL)
		return;
	batch_unref(chunk->view);
	bytes_unref(chunk->memory);
	mem_free(chunk->columns);
	mem_free(chunk->ids);
	mem_free(chunk->runs);
	mem_free(chunk);
}

// ---- appending ----

static int32_t
offset_at(const uint8_t *offsets, int64_t row)
{
	int32_t v;
	memcpy(&v, offsets + 4 * row, 4);
	return v;
}

static bool
fits(const Chunk *chunk, const Batch *batch)
{
	if (chunk->rows + batch_rows(batch) > chunk->capacity ||
		atomic_load(&chunk->run_count) == chunk->run_capacity)
		return false;
	for (int32_t i = 0; i < chunk->column_count; i++) {
		const ChunkColumn *c = &chunk->columns[i];
		const Column *from = batch_column(batch, i);
		if (c->offsets == NULL)
			continue;
		size_t used = (size_t)offset_at(c->offsets, chunk->rows);
		size_t more = (size_t)(offset_at(from->offsets.data, from->length) -
							   offset_at(from->offsets.data, 0));
		if (used + more > c->values_len)
			return false;
	}
	return true;
}

// One writer, so that loading and storing may be two steps.
static void
set_bits(uint8_t *byte, unsigned bits)
{
	__atomic_store_n(byte, (uint8_t)(__atomic_load_n(byte, __ATOMIC_RELAXED) | bits),
					 __ATOMIC_RELAXED);
}

static void
append_ones(uint8_t *to, int64_t at, int64_t rows)
{
	for (int64_t end = at + rows; at < end;) {
		int64_t first = at & 7, some = 8 - first < end - at ? 8 - first : end - at;
		set_bits(&to[at >> 3], ((1u << some) - 1) << first);
		at += some;
	}
}

static void
append_bits(uint8_t *to, int64_t at, const uint8_t *from, int64_t rows)
{
	for (int64_t i = 0; i < rows; i++)
		if (bit_get(from, i))
			set_bits(&to[(at + i) >> 3], 1u << ((at + i) & 7));
}

static void
append_text(const ChunkColumn *to, int64_t at, const Column *from)
{
	uint8_t *offsets = to->offsets;
	int32_t used = offset_at(offsets, at), first = offset_at(from->offsets.data, 0);
	int32_t last = offset_at(from->offsets.data, from->length);
	if (last > first)
		memcpy(to->values + used, from->values.data + first, (size_t)(last - first));
	for (int64_t i = 1; i <= from->length; i++) {
		int32_t end = used + offset_at(from->offsets.data, i) - first;
		memcpy(offsets + 4 * (at + i), &end, 4);
	}
}

static void
append_column(const ChunkColumn *to, int64_t at, const Column *from)
{
	if (from->validity.data == NULL)
		append_ones(to->validity, at, from->length);
	else
		append_bits(to->validity, at, from->validity.data, from->length);
	if (to->offsets != NULL)
		append_text(to, at, from);
	else if (to->value_bits == 1)
		append_bits(to->values, at, from->values.data, from->length);
	else
		memcpy(to->values + at * (to->value_bits / 8), from->values.data,
			   (size_t)from->length * (size_t)to->value_bits / 8);
}

bool
chunk_append(Chunk *chunk, const Batch *batch, const uint32_t *ids, uint64_t seq)
{
	if (!fits(chunk, batch) || (ids == NULL) != (chunk->ids == NULL))
		return false;
	for (int32_t i = 0; i < chunk->column_count; i++)
		append_column(&chunk->columns[i], chunk->rows, batch_column(batch, i));
	if (ids != NULL)
		memcpy(chunk->ids + chunk->rows, ids, (size_t)batch_rows(batch) * sizeof(*ids));
	chunk->rows += batch_rows(batch);
	int32_t run = atomic_load_explicit(&chunk->run_count, memory_order_relaxed);
	chunk->runs[run] = (ChunkRun){seq, chunk->rows};
	atomic_store_explicit(&chunk->run_count, run + 1, memory_order_release);
	return true;
}

// ---- looking ----

uint64_t
chunk_bytes(const Chunk *chunk)
{
	return chunk->bytes;
}

int64_t
chunk_capacity(const Chunk *chunk)
{
	return chunk->capacity;
}

int32_t
chunk_run_count(const Chunk *chunk)
{
	return atomic_load_explicit(&chunk->run_count, memory_order_acquire);
}

ChunkRun
chunk_run(const Chunk *chunk, int32_t i)
{
	return chunk->runs[i];
}

Batch *
chunk_batch(const Chunk *chunk)
{
	return chunk->view;
}

const uint32_t *
chunk_ids(const Chunk *chunk)
{
	return chunk->ids;
}

int64_t
chunk_rows(const Chunk *chunk, uint64_t seq, uint64_t *max_seq)
{
	int32_t low = 0, high = atomic_load_explicit(&chunk->run_count, memory_order_acquire);
	while (low < high) {
		int32_t middle = low + (high - low) / 2;
		if (chunk->runs[middle].seq <= seq)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return 0;
	*max_seq = chunk->runs[low - 1].seq;
	return chunk->runs[low - 1].end_row;
}
