// segment_int.h - a segment's parts, shared by its files.

#pragma once

#include <stdatomic.h>

#include "store/chunk.h"
#include "store/segment.h"

// Room is made by who is about to delete (under the table's rewrite lock), rows are marked by the
// publishing thread, anybody looks.
struct DeadRows {
	int64_t room;
	_Atomic uint64_t newest; // of the deletions; raised before their rows are marked
	_Atomic int64_t count;   // raised after
	_Atomic uint64_t seqs[]; // of each row: the commit that deleted it, 0: none; then its bits
};

static inline size_t
dead_rows_bytes(int64_t room)
{
	return sizeof(DeadRows) + (size_t)(room + (room + 63) / 64) * sizeof(uint64_t);
}

// A bit for each row, set once it was deleted by anybody: readers look at few bytes first.
static inline _Atomic uint64_t *
dead_bits(DeadRows *dead)
{
	return dead->seqs + dead->room;
}

// Part of a segment: one received batch, or a chunk of small ones. Linked once, then only its
// `next` and `dead` change (and, of a chunk, its rows and time range, which only widen).
typedef struct Node {
	Batch *batch; // NULL: a chunk
	Chunk *chunk;
	Shape *shape;
	uint32_t *ids;
	uint64_t seq;         // of the batch, or of a chunk's first
	int64_t first_row;    // its position in the segment
	int64_t commit_first; // where the rows of the commit begin that its first row is of
	_Atomic int64_t min_time;
	_Atomic int64_t max_time;
	uint64_t reserved; // bytes of the budget
	_Atomic(DeadRows *) dead;
	_Atomic(struct Node *) next;
} Node;

typedef struct SegmentIds SegmentIds;

struct Segment {
	atomic_uint refs;
	uint64_t id;
	Budget *budget;
	BytesPool *pool;
	int64_t created_ns;
	_Atomic(Node *) first;

	// The appender's.
	Node *last;
	int32_t alike; // small batches of the last one's shape, after each other
	uint64_t alike_bytes;
	int64_t next_row;    // position of the next row
	uint64_t commit_seq; // the newest, and where its rows begin
	int64_t commit_first;

	SegmentIds *ids; // NULL: nobody asked for one so far. Of who looks for ids, one at a time

	_Atomic int status;
	_Atomic int64_t sealed_ns;
	_Atomic int64_t rows;
	_Atomic uint64_t bytes;
	_Atomic int64_t min_time;
	_Atomic int64_t max_time;
	_Atomic uint64_t min_seq;
	_Atomic uint64_t max_seq;
	_Atomic int64_t late_min;
	_Atomic int64_t late_max;
	atomic_bool left;
};

static inline Node *
first_node(const Segment *seg)
{
	return atomic_load_explicit(&seg->first, memory_order_acquire);
}

static inline Node *
next_node(const Node *node)
{
	return atomic_load_explicit(&node->next, memory_order_acquire);
}

// What a reader at `seq` sees of it. False: nothing.
bool node_part(const Node *node, uint64_t seq, SegmentPart *part);

// segment_ids.c
void segment_ids_free(SegmentIds *ids, Budget *budget); // NULL is allowed
