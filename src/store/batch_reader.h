// batch_reader.h - WAL_BATCH records back to rows: what a start replays and what the feed reads.
//
// Consecutive records mostly share a shape, so what was learned of the last ones is kept.
//
// Threads  one at a time.

#pragma once

#include "store/batch_record.h"
#include "store/shape.h"
#include "wal/wal.h"

typedef struct BatchReader BatchReader;

Status batch_reader_new(BytesPool *pool, BatchReader **out, Error *err);
void batch_reader_free(BatchReader *reader); // NULL is allowed
DEFINE_DROP(BatchReader, batch_reader_drop, batch_reader_free)

// The rows, which refer to the record's bytes; NULL: there are none. The shape is borrowed until
// the next call. ST_CORRUPT, ST_INVALID or ST_UNIMPLEMENTED: they cannot be read.
Status batch_reader_read(BatchReader *reader, const WalRecord *record, const BatchRecord *parts,
						 Batch **out, Shape **shape, Error *err);
