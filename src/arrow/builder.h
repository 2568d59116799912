// builder.h - builds a batch value by value, or a column in bulk.
//
// Sticky failure: append freely; builder_finish reports. Used for results, system tables and small
// rows. Threads  one owner.

#pragma once

#include "arrow/batch.h"

// One column under construction. In bulk: append to the Bufs directly and keep length, null_count
// and validity in step.
typedef struct ColumnBuilder {
	const Field *field;
	int64_t length;
	int64_t null_count;
	Buf validity; // empty while null_count is 0; bits for `length` rows once there is a NULL
	Buf offsets;  // starts with one 0
	Buf values;
	int32_t child_count;
	struct ColumnBuilder *children;
} ColumnBuilder;

typedef struct Builder Builder;

Status builder_new(Schema *schema, Builder **out, Error *err); // types with views: ST_UNIMPLEMENTED
void builder_free(Builder *builder);                           // NULL is allowed
// Where finished batches take their memory from; without one, from the heap.
void builder_use_pool(Builder *builder, BytesPool *pool);
ColumnBuilder *builder_column(Builder *builder, int32_t i);
int64_t builder_rows(const Builder *builder);   // of column 0
uint64_t builder_bytes(const Builder *builder); // buffers so far
// The batch of what was appended, in one block; the builder is then empty and usable, also after a
// failure. `rows` for schemas without columns. ST_LIMIT where a column passed the 2 GiB of its
// offsets; ST_INTERNAL where columns are not of one length.
Status builder_finish(Builder *builder, int64_t rows, Batch **out, Error *err);
DEFINE_DROP(Builder, builder_drop, builder_free)

// Validity in bulk: n rows, valid where bit i of mask (64 rows a word) is set; mask NULL: all
// valid. Counts NULLs and length.
void column_add_validity(ColumnBuilder *c, const uint64_t *mask, int64_t n);

void column_add_null(ColumnBuilder *c); // any type
void column_add_int(
	ColumnBuilder *c,
	int64_t value); // integers, dates, times, timestamps, durations: stored in the type's width
void column_add_uint(ColumnBuilder *c, uint64_t value);
void column_add_double(ColumnBuilder *c, double value); // float32, float64
void column_add_bool(ColumnBuilder *c, bool value);
// utf8, binary and their large forms; one value of any fixed width as it lies in memory.
void column_add_bytes(ColumnBuilder *c, Slice value);
void column_add_text(ColumnBuilder *c, const char *text); // NULL: a NULL
void column_end_list(ColumnBuilder *c); // closes a list whose items were added to children[0]
// A row of a struct or fixed_size_list: its children, and column_add_validity(c, NULL, 1).
