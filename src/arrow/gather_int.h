// gather_int.h - columns of rows picked from other columns.

#pragma once

#include "arrow/convert.h"

typedef struct Gather {
	const RowRef *order;
	int64_t rows;
	uint32_t sources; // the batches order names are 0 to sources - 1
	BytesPool *pool;
	Owners *owners;
	Error *err;
} Gather;

// sources: one column of `field` each. What *out is made of is new, but for the data of views,
// which the caller keeps alive.
Status column_gather(const Gather *gather, const Field *field, const Column *const *sources,
					 Column *out);
