// sorted.h - a sealed segment's rows as batches of its table's columns, in the order files have:
// tags, time, arrival. Rows that are deleted by now are left out, and of a table that replaces rows
// by key all but the last of each key.

#pragma once

#include "store/segment.h"
#include "store/series.h"

typedef struct SortedRows SortedRows;

enum { SORTED_CHUNK_ROWS = 2048 }; // a batch has a multiple of it, but for the last one

// Rows of every commit in `seg`, under `def`. A table without time keeps the order of arrival. What
// a part does not have takes no memory before its rows are asked for.
Status sorted_rows_new(const Segment *seg, TableDef *def, SeriesMap *series, BytesPool *pool,
					   SortedRows **out, Error *err);
void sorted_rows_free(SortedRows *rows); // NULL is allowed
DEFINE_DROP(SortedRows, sorted_rows_drop, sorted_rows_free)
int64_t sorted_rows_count(const SortedRows *rows);
// The next ones, of about as many bytes as a batch should have. *out NULL: there are none left.
Status sorted_rows_next(SortedRows *rows, Batch **out, Error *err);
// [i] is where row i is in the segment; the caller frees it (mem_free).
uint32_t *sorted_rows_take_positions(SortedRows *rows);
