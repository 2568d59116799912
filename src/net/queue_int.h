// queue_int.h - what a call has to send: pieces in order, small ones copied together, large ones
// referred to.
//
// After an append that found no memory the queue holds part of a message: the call must end.
// Threads  one owner.

#pragma once

#include "base/bytes.h"

typedef struct PieceQueue {
	Piece *items; // items[first] to items[first + count - 1] wait
	size_t first;
	size_t count;
	size_t cap;
	size_t bytes;
	Bytes *block; // where copies go, while it has room
	size_t block_used;
} PieceQueue;

void queue_close(PieceQueue *queue); // empty and usable again

// Refers to large owned pieces, copies others. False: no memory.
bool queue_add(PieceQueue *queue, Piece piece);

// How many bytes, at most max_bytes, the first max_pieces pieces hold.
size_t queue_measure(const PieceQueue *queue, size_t max_bytes, size_t max_pieces);

// Leaves the first `bytes` only; the rest is dropped.
void queue_truncate(PieceQueue *queue, size_t bytes);

// Takes up to max_bytes off the front; the caller owns a reference of the result's owner. The queue
// is not empty.
Piece queue_take(PieceQueue *queue, size_t max_bytes);
