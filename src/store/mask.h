// mask.h - which rows of a file are deleted: one immutable version.
//
// Rows are numbered from 0 in the order of the file and fit into 32 bits. What was visible to a
// snapshot stays: a deletion makes the next version, from the one before it and more rows.
//
// The bytes of a mask (for the catalog, and of the rows in a WAL_DELETE record) are rising runs:
// varint gap to the end of the run before · varint length − 1, LEB128 each.
//
// Threads  immutable once it was given to others, and counted. The bitmap's own memory is
// libroaring's, not mem_*.

#pragma once

#include "base/buf.h"
#include "base/status.h"

typedef struct Mask Mask;

// The rows of `base` (NULL: none) and `rows`, in any order.
Status mask_new(const Mask *base, const uint32_t *rows, int64_t count, Mask **out, Error *err);
Status mask_of_rows(const Buf *rows, Mask **out, Error *err); // uint32_t each, in any order
// The rows of both.
Status mask_union(const Mask *a, const Mask *b, Mask **out, Error *err); // a NULL: a copy of b
// Until it is given to others: the seq of its newest deletion (0 at first).
void mask_stamp(Mask *mask, uint64_t seq);
Mask *mask_ref(const Mask *mask); // NULL is allowed
void mask_unref(Mask *mask);      // NULL is allowed
DEFINE_DROP(Mask, mask_drop, mask_unref)

uint64_t mask_seq(const Mask *mask);
int64_t mask_count(const Mask *mask); // deleted rows; NULL: 0
bool mask_has(const Mask *mask, int64_t row);
int64_t mask_next(const Mask *mask, int64_t from); // the first deleted row ≥ from; -1: none
// Sets bit i of `bits` (0 before) where row first + i is deleted, of `count` rows.
void mask_dead_bits(const Mask *mask, int64_t first, int64_t count, uint64_t *bits);
// Of [first, first + count), the rows that are left, relative to `first`; how many.
int64_t mask_live(const Mask *mask, int64_t first, int64_t count, uint32_t *rows);

Status mask_encode(const Mask *mask, Buf *out, Error *err);
// Untrusted: ST_CORRUPT if it is no mask of a file with so many rows.
Status mask_decode(Slice bytes, int64_t rows, Mask **out, Error *err);

// The same bytes for rising rows that come one by one. Begins as {.out = …}.
typedef struct RowRuns {
	Buf *out;
	uint64_t before; // the end of the last run that was written
	uint64_t first;
	uint64_t end; // == first: none is under way
} RowRuns;
void row_runs_add(RowRuns *runs, uint32_t row);
void row_runs_end(RowRuns *runs);
// Appends them to `out` as uint32_t. ST_CORRUPT: not all of `bytes` is runs, or a row is ≥ `rows`.
Status rows_decode(Slice bytes, int64_t rows, Buf *out, Error *err);
