#include "arrow/batch.h"

#include <assert.h>
#include <stdatomic.h>

#include "arrow/bits.h"
#include "arrow/column_int.h"
#include "base/mem.h"

// One block holds it all: the batch, its owners, all columns with their children, and the slices of
// view types. Batches are made for every message.
struct Batch {
	atomic_uint refs;
	int32_t count;
	int32_t owner_count;
	Schema *schema;
	int64_t rows;
	uint64_t bytes;
	uint64_t held_bytes;
	Column *columns;
	Bytes *owners[];
};

Schema *
batch_schema(const Batch *batch)
{
	return batch->schema;
}

int64_t
batch_rows(const Batch *batch)
{
	return batch->rows;
}

const Column *
batch_column(const Batch *batch, int32_t i)
{
	assert(i >= 0 && i < batch->count);
	return &batch->columns[i];
}

uint64_t
batch_bytes(const Batch *batch)
{
	return batch->bytes;
}

uint64_t
batch_held_bytes(const Batch *batch)
{
	return batch->held_bytes;
}

Bytes *const *
batch_owners(const Batch *batch, int32_t *count)
{
	*count = batch->owner_count;
	return batch->owners;
}

Batch *
batch_ref(Batch *batch)
{
	atomic_fetch_add_explicit(&batch->refs, 1, memory_order_relaxed);
	return batch;
}

void
batch_unref(Batch *batch)
{
	if (batch == NULL)
		return;
	unsigned was = atomic_fetch_sub_explicit(&batch->refs, 1, memory_order_acq_rel);
	assert(was > 0);
	if (was > 1)
		return;
	for (int32_t i = 0; i < batch->owner_count; i++)
		bytes_unref(batch->owners[i]);
	schema_unref(batch->schema);
	mem_free(batch);
}

typedef struct Extent {
	size_t columns;
	size_t slices;
	uint64_t bytes;
} Extent;

static void
measure(const Column *columns, int32_t count, Extent *extent)
{
	extent->columns += (size_t)count;
	for (int32_t i = 0; i < count; i++) {
		const Column *c = &columns[i];
		extent->bytes += c->validity.len + c->offsets.len + c->values.len;
		extent->slices += (size_t)c->variadic_count;
		for (int32_t v = 0; v < c->variadic_count; v++)
			extent->bytes += c->variadic[v].len;
		measure(c->children, c->child_count, extent);
	}
}

// Copies siblings side by side, then each one's descendants behind them.
static Column *
place(const Column *columns, int32_t count, Column **next_column, Slice **next_slice)
{
	Column *placed = *next_column;
	*next_column += count;
	for (int32_t i = 0; i < count; i++) {
		placed[i] = columns[i];
		placed[i].variadic = *next_slice;
		for (int32_t v = 0; v < columns[i].variadic_count; v++)
			*(*next_slice)++ = columns[i].variadic[v];
		placed[i].children =
			place(columns[i].children, columns[i].child_count, next_column, next_slice);
	}
	return placed;
}

Status
batch_new(Schema *schema, int64_t rows, const Column *columns, Bytes *const *owners,
		  int32_t owner_count, Batch **out, Error *err)
{
	int32_t count = schema_field_count(schema);
	Extent extent = {0};
	measure(columns, count, &extent);
	size_t head = sizeof(Batch) + (size_t)owner_count * sizeof(Bytes *);
	size_t size = head + extent.columns * sizeof(Column) + extent.slices * sizeof(Slice);
	Batch *batch = mem_alloc(size);
	if (batch == NULL)
		return error_no_memory(err, "a batch");

	atomic_init(&batch->refs, 1);
	batch->count = count;
	batch->schema = schema_ref(schema);
	batch->rows = rows;
	batch->bytes = extent.bytes;
	batch->held_bytes = size;
	batch->owner_count = owner_count;
	for (int32_t i = 0; i < owner_count; i++) {
		batch->owners[i] = bytes_ref(owners[i]);
		batch->held_bytes += owners[i] == NULL ? 0 : bytes_size(owners[i]);
	}
	Column *next_column = (void *)((uint8_t *)batch + head);
	Slice *next_slice = (void *)(next_column + extent.columns);
	batch->columns = place(columns, count, &next_column, &next_slice);

	*out = batch;
	return ST_OK;
}

void
column_cut(const Field *field, Column *c, int64_t rows)
{
	if (rows == c->length)
		return;
	TypeLayout layout = type_layout(&field->type);
	c->length = rows;
	if (!layout.validity)
		c->null_count = rows;
	if (c->validity.data != NULL) {
		c->validity.len = bits_bytes(rows);
		c->null_count = rows - bits_count(c->validity.data, rows);
	}
	int64_t end = rows; // of bytes or items
	if (layout.offset_bytes > 0) {
		c->offsets.len = (size_t)(rows + 1) * layout.offset_bytes;
		end = column_offset(c, layout.offset_bytes, rows);
	}
	if (layout.values)
		c->values.len = layout.value_bits > 0 ? values_bytes(&layout, rows) : (size_t)end;
	if (field->type.id == TYPE_FIXED_LIST)
		end = rows * field->type.width;
	for (int32_t i = 0; i < c->child_count; i++)
		column_cut(&field->children[i], &c->children[i], end);
}

Status
batch_head(Batch *batch, int64_t rows, Batch **out, Error *err)
{
	assert(rows >= 0);
	if (rows >= batch->rows) {
		*out = batch_ref(batch);
		return ST_OK;
	}
	TRY(batch_new(batch->schema, rows, batch->columns, batch->owners, batch->owner_count, out,
				  err));
	Batch *head = *out;
	for (int32_t i = 0; i < head->count; i++)
		column_cut(schema_field(head->schema, i), &head->columns[i], rows);
	Extent extent = {0};
	measure(head->columns, head->count, &extent);
	head->bytes = extent.bytes;
	return ST_OK;
}

Status
batch_select(Batch *batch, const int32_t *columns, int32_t count, Schema *schema, Batch **out,
			 Error *err)
{
	assert(schema_field_count(schema) == count);
	SCOPED(mem_drop) Column *selected = mem_alloc_array((size_t)count + 1, sizeof(*selected));
	if (selected == NULL)
		return error_no_memory(err, "a selection of columns");
	for (int32_t i = 0; i < count; i++)
		selected[i] = *batch_column(batch, columns[i]);
	return batch_new(schema, batch->rows, selected, batch->owners, batch->owner_count, out, err);
}
