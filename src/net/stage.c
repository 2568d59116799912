#include "net/stage_int.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "os/sock.h"

enum {
	PIECES = 256,
	FRAME_PIECES = 64,      // that a frame may have
	SMALL_BYTES = 16 << 10, // copied bytes
	COPY_BELOW = 256,       // payload that is copied rather than referred to
	FRAME_HEAD = 9,         // bytes of a frame's header
	FRAME_MAX = 128 << 10,  // larger frames gain nothing
	FRAME_WORTH = 16 << 10, // a remainder below this waits for the next write
};

struct Stage {
	size_t limit_bytes;
	size_t first; // pieces first to count - 1 wait
	size_t count;
	size_t bytes; // of them
	size_t small_used;
	struct iovec iov[PIECES];
	Bytes *owner[PIECES];
	uint8_t small[SMALL_BYTES];
};

Stage *
stage_new(size_t limit_bytes)
{
	Stage *stage = mem_alloc(sizeof(*stage));
	if (stage != NULL)
		stage->limit_bytes = limit_bytes;
	return stage;
}

void
stage_free(Stage *stage)
{
	if (stage == NULL)
		return;
	for (size_t i = stage->first; i < stage->count; i++)
		bytes_unref(stage->owner[i]);
	mem_free(stage);
}

bool
stage_is_empty(const Stage *stage)
{
	return stage->first == stage->count;
}

size_t
stage_frame_room(const Stage *stage)
{
	// Each piece of the queue adds at most one here, and the header one.
	if (stage->bytes + FRAME_HEAD >= stage->limit_bytes ||
		stage->count + FRAME_PIECES + 1 > PIECES ||
		stage->small_used + FRAME_HEAD + COPY_BELOW > SMALL_BYTES)
		return 0;
	size_t room = stage->limit_bytes - stage->bytes - FRAME_HEAD;
	if (room < FRAME_WORTH && stage->count > 0)
		return 0;
	return room < FRAME_MAX ? room : FRAME_MAX;
}

size_t
stage_measure(const PieceQueue *queue, size_t max_bytes)
{
	return queue_measure(queue, max_bytes, FRAME_PIECES);
}

// Takes over the owner's reference.
static void
add_piece(Stage *stage, Piece piece)
{
	assert(stage->count < PIECES);
	stage->iov[stage->count] = (struct iovec){(void *)(uintptr_t)piece.data, piece.len};
	stage->owner[stage->count] = piece.owner;
	stage->count++;
	stage->bytes += piece.len;
}

size_t
stage_copy(Stage *stage, const uint8_t *data, size_t len)
{
	size_t room = SMALL_BYTES - stage->small_used;
	if (stage->bytes >= stage->limit_bytes || stage->count == PIECES)
		return 0;
	if (len > room)
		len = room;
	if (len == 0)
		return 0;
	uint8_t *at = stage->small + stage->small_used;
	memcpy(at, data, len);
	stage->small_used += len;

	// What follows the last copy goes with it.
	struct iovec *last = stage_is_empty(stage) ? NULL : &stage->iov[stage->count - 1];
	if (last != NULL && (uint8_t *)last->iov_base + last->iov_len == at) {
		last->iov_len += len;
		stage->bytes += len;
	} else {
		add_piece(stage, (Piece){at, len, NULL});
	}
	return len;
}

void
stage_frame(Stage *stage, const uint8_t *head, size_t head_len, PieceQueue *queue, size_t len)
{
	size_t copied = stage_copy(stage, head, head_len);
	assert(copied == head_len);
	(void)copied;
	while (len > 0) {
		Piece piece = queue_take(queue, len);
		len -= piece.len;
		if (piece.len >= COPY_BELOW || stage->small_used + piece.len > SMALL_BYTES) {
			add_piece(stage, piece);
			continue;
		}
		size_t taken = stage_copy(stage, piece.data, piece.len);
		assert(taken == piece.len);
		(void)taken;
		bytes_unref(piece.owner);
	}
}

static void
drop_sent(Stage *stage, size_t sent)
{
	assert(sent <= stage->bytes);
	stage->bytes -= sent;
	while (!stage_is_empty(stage) && sent >= stage->iov[stage->first].iov_len) {
		sent -= stage->iov[stage->first].iov_len;
		bytes_unref(stage->owner[stage->first++]);
	}
	if (stage_is_empty(stage)) {
		stage->first = stage->count = stage->small_used = 0;
		return;
	}
	struct iovec *front = &stage->iov[stage->first];
	front->iov_base = (uint8_t *)front->iov_base + sent;
	front->iov_len -= sent;
}

size_t
stage_join(Stage *stage, uint8_t *to, size_t max)
{
	size_t len = 0;
	for (size_t i = stage->first; i < stage->count && len < max; i++) {
		size_t left = max - len;
		size_t n = stage->iov[i].iov_len < left ? stage->iov[i].iov_len : left;
		memcpy(to + len, stage->iov[i].iov_base, n);
		len += n;
	}
	drop_sent(stage, len);
	return len;
}

Status
stage_write(Stage *stage, int fd, size_t *sent, bool *blocked, Error *err)
{
	size_t written = 0;
	*blocked = false;
	TRY(sock_writev(fd, stage->iov + stage->first, stage->count - stage->first, &written, blocked,
					err));
	drop_sent(stage, written);
	*sent += written;
	return ST_OK;
}
