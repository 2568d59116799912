// sorted_int.h - the rows of sealed segments of one table while they are looked at together: in
// which order files have them, and which of them a later one of the same key replaces.

#pragma once

#include "store/sorted.h"

// Begins with the first three and with_ids. Rows are numbered over all segments, in the order in
// which those are added.
typedef struct Sorting {
	TableDef *def;
	SeriesMap *series;
	BytesPool *pool;
	bool with_ids;   // every part has series ids
	Batch **batches; // as the table has its columns
	SegmentPart *parts;
	int32_t count;
	int32_t room;
	int64_t rows;
	int64_t first_row; // of the segment that was added last
	bool *replaced;    // by place in the order: the next row is of the same key; NULL: nobody asks
} Sorting;

void sorting_close(Sorting *s);
// The rows of every commit in `seg`, with those that are deleted.
Status sorting_add(Sorting *s, const Segment *seg, Error *err);
// `order` has room for all rows. A table without time keeps the order of arrival.
Status sorting_order(Sorting *s, uint32_t *order, Error *err);
// Asks for `replaced`: before the order.
Status sorting_ask_replaced(Sorting *s, Error *err);
// Row numbers over all batches as batch and row; NULL: no memory.
RowRef *sorting_refs(const Sorting *s);
// sorted_values.c: the same order, of rows without series ids.
Status sorting_order_by_values(Sorting *s, uint32_t *order, Error *err);
