#include "net/queue_int.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"

enum {
	COPY_BELOW = 512, // a reference and an entry of a gathered write cost more than such a copy
	BLOCK_BYTES = 1024,
	ITEMS_FIRST = 4,
};

void
queue_close(PieceQueue *queue)
{
	for (size_t i = 0; i < queue->count; i++)
		bytes_unref(queue->items[queue->first + i].owner);
	bytes_unref(queue->block);
	mem_free(queue->items);
	*queue = (PieceQueue){0};
}

// Room for one item behind the last.
static bool
make_room(PieceQueue *queue)
{
	if (queue->first + queue->count < queue->cap)
		return true;
	if (queue->first > queue->cap / 2) {
		memmove(queue->items, queue->items + queue->first, queue->count * sizeof(Piece));
		queue->first = 0;
		return true;
	}
	size_t cap = queue->cap == 0 ? ITEMS_FIRST : 2 * queue->cap;
	Piece *items = mem_resize(queue->items, cap * sizeof(Piece));
	if (items == NULL)
		return false;
	queue->items = items;
	queue->cap = cap;
	return true;
}

// Takes a reference of piece.owner, or lengthens the last item when the piece follows it in memory.
static bool
append(PieceQueue *queue, Piece piece)
{
	if (queue->count > 0) {
		Piece *last = &queue->items[queue->first + queue->count - 1];
		if (last->owner == piece.owner && last->data + last->len == piece.data) {
			last->len += piece.len;
			queue->bytes += piece.len;
			return true;
		}
	}
	if (!make_room(queue))
		return false;
	bytes_ref(piece.owner);
	queue->items[queue->first + queue->count++] = piece;
	queue->bytes += piece.len;
	return true;
}

static bool
append_copy(PieceQueue *queue, const uint8_t *data, size_t len)
{
	if (queue->block == NULL || bytes_len(queue->block) - queue->block_used < len) {
		Bytes *block = bytes_new(NULL, len < BLOCK_BYTES ? BLOCK_BYTES : len);
		if (block == NULL)
			return false;
		bytes_unref(queue->block);
		queue->block = block;
		queue->block_used = 0;
	}
	uint8_t *at = bytes_data(queue->block) + queue->block_used;
	memcpy(at, data, len);
	queue->block_used += len;
	return append(queue, (Piece){at, len, queue->block});
}

bool
queue_add(PieceQueue *queue, Piece piece)
{
	if (piece.len == 0)
		return true;
	if (piece.owner == NULL || piece.len < COPY_BELOW)
		return append_copy(queue, piece.data, piece.len);
	return append(queue, piece);
}

size_t
queue_measure(const PieceQueue *queue, size_t max_bytes, size_t max_pieces)
{
	if (queue->count <= max_pieces)
		return queue->bytes < max_bytes ? queue->bytes : max_bytes;
	size_t bytes = 0;
	for (size_t i = 0; i < max_pieces && bytes < max_bytes; i++)
		bytes += queue->items[queue->first + i].len;
	return bytes < max_bytes ? bytes : max_bytes;
}

Piece
queue_take(PieceQueue *queue, size_t max_bytes)
{
	assert(queue->count > 0);
	Piece *front = &queue->items[queue->first];
	Piece taken = *front;
	if (taken.len > max_bytes) {
		taken.len = max_bytes;
		bytes_ref(taken.owner);
		front->data += max_bytes;
		front->len -= max_bytes;
	} else {
		queue->first++; // its reference goes to the caller
		queue->count--;
		if (queue->count == 0)
			queue->first = 0;
	}
	queue->bytes -= taken.len;
	return taken;
}

void
queue_truncate(PieceQueue *queue, size_t bytes)
{
	while (queue->bytes > bytes) {
		Piece *last = &queue->items[queue->first + queue->count - 1];
		size_t over = queue->bytes - bytes;
		if (over < last->len) {
			last->len -= over;
			queue->bytes = bytes;
			return;
		}
		queue->bytes -= last->len;
		queue->count--;
		bytes_unref(last->owner);
	}
}
