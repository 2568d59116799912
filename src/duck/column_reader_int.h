// column_reader_int.h - a result column's vectors into the column of a builder.

#pragma once

#include "arrow/builder.h"
#include "duck/duck_int.h"

typedef struct ColumnReader ColumnReader;

// Rows [from, from + rows) of a flat vector.
typedef struct VectorPart {
	duckdb_vector vector;
	int64_t from;
	int64_t rows;
} VectorPart;

// A validity mask of DuckDB; NULL: all valid.
static inline bool
row_valid(const uint64_t *mask, int64_t row)
{
	return mask == NULL || (mask[row / 64] >> (row % 64) & 1) != 0;
}

// Adds the validity of a part to a column whose values are in it.
void column_reader_add_validity(VectorPart part, ColumnBuilder *out);

struct ColumnReader {
	Status (*read)(const ColumnReader *reader, VectorPart part, ColumnBuilder *out, Error *err);
	// Of types that become text: one value of the vector's data as text.
	void (*format)(const ColumnReader *reader, const void *data, int64_t row, Buf *out);
	const char *name; // of the result column
	size_t width;     // bytes of DuckDB's value; items of an array
	int64_t divisor;  // of an instant that is wanted in a coarser unit
	Slice *words;     // of an ENUM
	int32_t child_count;
	ColumnReader *children;
};

// `own` is the engine's field of a column of this type, `as` the one that is wanted. What the
// reader refers to lives in arena. ST_INTERNAL where the values of `own` are not those of `as`.
Status column_reader_init(ColumnReader *reader, duckdb_logical_type type, const Field *own,
						  const Field *as, Arena *arena, Error *err);
