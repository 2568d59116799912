// sorted.h - a sealed segment's rows as one batch of its table's columns, in the order files have:
// tags, time, arrival.

#pragma once

#include "store/segment.h"
#include "store/series.h"

// Rows of every commit in `seg`, under `def`. A table without time keeps the order of arrival.
Status segment_sorted(const Segment *seg, TableDef *def, SeriesMap *series, BytesPool *pool,
					  Batch **out, Error *err);
