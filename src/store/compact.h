// compact.h - what a store in memory does in place of flushing and merging: the memory of rows that
// nobody will see again is given back. Those are rows that were deleted, have expired, or were
// replaced by key.
//
// Sealed segments that have many of them give way to smaller ones without them, neighbours to one;
// rows stay in the order in which they came. The new segment is built beside the old ones, and
// published with what was deleted meanwhile: every snapshot sees either those or it, and one that
// was taken before keeps what it sees until it goes.
//
// Threads  store_compact_memory: the keeper's. store_seal_wasteful: the publishing one.

#pragma once

#include "store/store.h"

typedef struct CompactReport {
	int64_t segments; // that went
	int64_t rows;     // that are not kept any more
} CompactReport;

// Looks at the tables that may have much to give back; `hard`: or a little, since memory is short.
// A failure leaves its table for the next time.
Status store_compact_memory(Store *store, int64_t now_ns, bool hard, CompactReport *out,
							Error *err);
// Seals the growing segments that have at least `least_bytes` and may have something to give back.
void store_seal_wasteful(Store *store, uint64_t least_bytes, int64_t now_ns);
