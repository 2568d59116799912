// sorted.h - a sealed segment's rows as one batch of its table's columns, in the order files have:
// tags, time, arrival. Rows that are deleted by now are left out, and of a table that replaces rows
// by key all but the last of each key.

#pragma once

#include "store/segment.h"
#include "store/series.h"

// Rows of every commit in `seg`, under `def`. A table without time keeps the order of arrival.
// (*positions)[i] is where row i of the batch is in the segment; the caller frees it (mem_free).
Status segment_sorted(const Segment *seg, TableDef *def, SeriesMap *series, BytesPool *pool,
					  Batch **out, uint32_t **positions, Error *err);
