// chunk.h - small batches gathered: columns of fixed capacity that one writer fills and any reader
// looks at.
//
// Rows appear by a release store of their number, after their bytes were written; a bitmap's byte
// that is shared with rows still to come is written with relaxed atomics, and read so by scans.
//
// Threads  one appender; any readers.

#pragma once

#include "arrow/batch.h"
#include "store/shape.h"

typedef struct Chunk Chunk;

bool chunk_can_hold(const Schema *schema); // flat columns only
// Room for about `bytes` of rows like those of `like` (which has some), and for `like` itself.
// NULL: no memory.
Chunk *chunk_new(Schema *schema, const Batch *like, uint64_t bytes, bool with_ids, BytesPool *pool);
void chunk_free(Chunk *chunk); // NULL is allowed

// False when they do not fit; nothing has changed then. ids are NULL if, and only if, it was made
// without. Seqs never fall.
bool chunk_append(Chunk *chunk, const Batch *batch, const uint32_t *ids, uint64_t seq);
uint64_t chunk_bytes(const Chunk *chunk); // allocated
int64_t chunk_capacity(const Chunk *chunk);
// A view of more rows than it will ever have: only the first chunk_rows count. Borrowed.
Batch *chunk_batch(const Chunk *chunk);
const uint32_t *chunk_ids(const Chunk *chunk); // NULL: made without
// Rows of commits ≤ seq, and the highest of those seqs.
int64_t chunk_rows(const Chunk *chunk, uint64_t seq, uint64_t *max_seq);

// The rows of each chunk_append, in order. Runs beside each other may be of one commit.
typedef struct ChunkRun {
	uint64_t seq;
	int64_t end_row; // it begins where the one before it ends
} ChunkRun;
int32_t chunk_run_count(const Chunk *chunk);
ChunkRun chunk_run(const Chunk *chunk, int32_t i);
