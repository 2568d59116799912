// text_columns.h - rows whose values came as text, until all of them are there: then their columns
// get types, and become one batch.
//
// A column of a table that is there has that table's type; another one that of its values: int64,
// double, bool, timestamp[ns] (all of them ISO 8601 times; or integers in a column named time, ts
// or timestamp), else utf8. A column that is NULL in all rows is left out.
//
// Threads  one owner.

#pragma once

#include "arrow/builder.h"
#include "web/line_protocol.h"
#include "web/name_index.h"

enum { TEXT_COLUMNS = 4096 };

// What a value was written as.
typedef enum CellKind {
	CELL_BARE = 1, // it may be anything
	CELL_TEXT = 2,
	CELL_NUMBER = 4,
	CELL_BOOL = 8,
} CellKind;

typedef struct TextColumns {
	LinePrecision precision; // of integers that are times
	uint64_t most_bytes;     // of all of it
	Arena arena;
	struct TextColumn *columns;
	int32_t count;
	int32_t cap;
	NameIndex index;
	Buf lines; // of each row the number of its line
	int64_t rows;
	uint64_t bytes;
} TextColumns;

void text_columns_init(TextColumns *columns, LinePrecision precision, uint64_t most_bytes);
void text_columns_close(TextColumns *columns);

// The column's number, made where it is not. ST_INVALID: too many, or no name.
Status text_columns_find(TextColumns *columns, Slice name, int32_t *out, Error *err);

// A value of the row being made; those that get none are NULL. ST_INVALID: it has one already.
Status text_columns_set(TextColumns *columns, int32_t column, Slice text, CellKind kind,
						Error *err);
// ST_LIMIT: all of it is more than most_bytes.
Status text_columns_end_row(TextColumns *columns, int64_t line, Error *err);

// All rows, in the types of `table` (NULL: there is none) where it has the column. ST_INVALID names
// line and column.
Status text_columns_finish(TextColumns *columns, const Schema *table, BytesPool *pool, Batch **out,
						   Error *err);
