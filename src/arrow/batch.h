// batch.h - rows of one schema in columns: immutable, counted, without offsets.
//
// A column's buffers are borrowed from Bytes the batch holds references of. Sizes are those of the
// buffers a batch really holds. Values lie as Arrow lays them out; offsets always start a column
// at index 0 of its own buffers (a sliced array is compacted when it is imported).
//
// Threads  any.

#pragma once

#include "arrow/schema.h"
#include "base/bytes.h"

typedef struct Column {
	int64_t length;
	int64_t null_count; // exact
	Slice validity;     // data NULL: all valid
	Slice offsets;      // length + 1 of them, int32 or int64 by type; from 0 or more, never falling
	Slice values;       // fixed-width values, bits, bytes, or 16-byte views
	Slice *variadic;    // data buffers of view types
	int32_t variadic_count;
	int32_t child_count;
	struct Column *children; // list: one; fixed_size_list: one; struct: n; map: one struct of two
} Column;

typedef struct Batch Batch;

Schema *batch_schema(const Batch *batch); // borrowed
int64_t batch_rows(const Batch *batch);
const Column *batch_column(const Batch *batch, int32_t i);
uint64_t batch_bytes(const Batch *batch);      // sum of its buffers' lengths
uint64_t batch_held_bytes(const Batch *batch); // what its Bytes occupy: what memory limits count

Batch *batch_ref(Batch *batch);
void batch_unref(Batch *batch); // NULL is allowed
DEFINE_DROP(Batch, batch_drop, batch_unref)

// What keeps its buffers alive, for a batch made of this one's columns. Borrowed.
Bytes *const *batch_owners(const Batch *batch, int32_t *count);

// Takes new references of schema and of each owner; copies `columns` (one per field, deep) but not
// the buffers, which must lie in the owners (or be static). No validation: see batch_validate.
Status batch_new(Schema *schema, int64_t rows, const Column *columns, Bytes *const *owners,
				 int32_t owner_count, Batch **out, Error *err);

// Full validation of buffers against the type: lengths, alignment (values by their width up to 8
// bytes), offsets monotonic and inside, UTF-8, decimals and times of day in range, map keys not
// NULL. Corrected, so columns are not const: a wrong null count; a missing offsets buffer where
// there are no rows; children longer than their parent needs. Values behind a NULL may be anything
// that is inside. ST_INVALID names column and row.
Status column_validate(const Field *field, Column *column, Error *err);

// The first `rows` rows of a batch, or a subset of its columns: views, no copy of buffers.
Status batch_head(Batch *batch, int64_t rows, Batch **out, Error *err);
Status batch_select(Batch *batch, const int32_t *columns, int32_t count, Schema *schema,
					Batch **out, Error *err);

// Rows in another order and from several batches of one schema: order[i] names batch and row, which
// must exist. The buffers are new, but views share the data they point into. ST_LIMIT where a
// column would pass the 2 GiB of 32-bit offsets. A batch may have a column of type null where
// `schema` has another one: it is NULL in each of its rows.
typedef struct RowRef {
	uint32_t batch;
	uint32_t row;
} RowRef;
Status batch_gather(Batch *const *batches, const RowRef *order, int64_t rows, Schema *schema,
					BytesPool *pool, Batch **out, Error *err);

// The same for some of the columns: `columns` of the batches' schema. Signed integers without NULLs
// come in as few bytes as hold them, as the result's schema says; see values_widen. Buffers are of
// the size they need.
Status batch_gather_narrow(Batch *const *batches, const RowRef *order, int64_t rows,
						   const int32_t *columns, int32_t count, Batch **out, Error *err);

static inline bool
bit_get(const uint8_t *bits, int64_t i)
{
	return bits[i >> 3] >> (i & 7) & 1;
}
static inline bool
column_valid(const Column *column, int64_t i)
{
	return column->validity.data == NULL || bit_get(column->validity.data, i);
}
