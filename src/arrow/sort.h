// sort.h - the order of rows by one or more columns.
//
// Stable; NULLs first in either direction; floats order NaN above all numbers, −0 = 0; text by its
// bytes; intervals with months of 30 days and days of 24 hours. Integers and times of mostly
// ordered input are cheap.

#pragma once

#include "arrow/batch.h"

typedef struct SortKey {
	int32_t column;
	bool descending;
} SortKey;

// Writes a permutation of 0 … rows-1 to order. ST_UNIMPLEMENTED for a nested key column, by name.
Status batch_sort_order(const Batch *batch, const SortKey *keys, int32_t count, uint32_t *order,
						Error *err);

// A batch in that order: the same one when it is in order already.
Status batch_sort(Batch *batch, const SortKey *keys, int32_t count, BytesPool *pool, Batch **out,
				  Error *err);

// The stable order of rows by (rank, time), the flush's own sort: a counting sort on rank, then
// each rank's rows by time only where they are not in order already. order has `rows` entries.
Status sort_by_rank_and_time(const uint32_t *rank, uint32_t rank_count, const int64_t *time,
							 uint32_t rows, uint32_t *order, Error *err);
