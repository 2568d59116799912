// file_direct.c - writes past the page cache, for files that are appended to and rarely read.
//
// The system takes only whole, aligned blocks this way. Bytes are gathered in a stage; the last
// block of a write is kept, so that the next write, which begins in it, can write it again with
// what it held.

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "os/file_int.h"

enum {
	BLOCK = FILE_BLOCK,
	STAGE_BYTES = 64 << 10,
	STAGE_BYTES_MAX = 1 << 20,
};

struct Direct {
	uint8_t *memory; // what the stage lies in
	uint8_t *stage;  // aligned
	size_t room;     // of the stage: whole blocks
	uint64_t tail_off;
	bool has_tail;
	uint8_t tail[BLOCK]; // the last block written
};

uint8_t *
file_block_align(uint8_t *memory)
{
	return memory + (FILE_BLOCK - (uintptr_t)memory % FILE_BLOCK) % FILE_BLOCK;
}

static bool
make_stage(Direct *direct, size_t room)
{
	uint8_t *memory = mem_alloc_aligned(room + BLOCK);
	if (memory == NULL)
		return false;
	mem_free(direct->memory);
	direct->memory = memory;
	direct->stage = file_block_align(memory);
	direct->room = room;
	return true;
}

// What a write takes goes in one call, if there is memory for it.
static void
grow_stage(Direct *direct, size_t used, const struct iovec *iov, size_t count)
{
	size_t wanted = used;
	for (size_t i = 0; i < count && wanted < STAGE_BYTES_MAX; i++)
		wanted += iov[i].iov_len < STAGE_BYTES_MAX ? iov[i].iov_len : STAGE_BYTES_MAX;
	size_t room = direct->room;
	while (room < wanted && room < STAGE_BYTES_MAX)
		room *= 2;
	if (room > direct->room)
		(void)make_stage(direct, room);
}

Status
file_append_direct(File *file, Error *err)
{
	if (file->hold != NULL || file->direct != NULL)
		return ST_OK;
	Direct *direct = mem_alloc(sizeof(*direct));
	if (direct == NULL || !make_stage(direct, STAGE_BYTES)) {
		mem_free(direct);
		return error_set(err, ST_NO_MEMORY, "%s: no memory to write to it", file->path);
	}
	// Some file systems cannot; then the page cache does as well.
	int flags = fcntl(file->fd, F_GETFL);
	if (flags < 0 || fcntl(file->fd, F_SETFL, flags | O_DIRECT) != 0) {
		direct_free(direct);
		return ST_OK;
	}
	file->direct = direct;
	return ST_OK;
}

void
direct_free(Direct *direct)
{
	if (direct == NULL)
		return;
	mem_free(direct->memory);
	mem_free(direct);
}

// Copies up to `room` bytes out of the pieces and moves them on.
static size_t
take_bytes(struct iovec **iov, size_t *count, uint8_t *to, size_t room)
{
	size_t taken = 0;
	while (*count > 0 && taken < room) {
		struct iovec *piece = *iov;
		size_t len = piece->iov_len < room - taken ? piece->iov_len : room - taken;
		memcpy(to + taken, piece->iov_base, len);
		taken += len;
		piece->iov_base = (char *)piece->iov_base + len;
		piece->iov_len -= len;
		if (piece->iov_len == 0) {
			++*iov;
			--*count;
		}
	}
	return taken;
}

// The begin of the block that a write starts inside.
static Status
load_block(File *file, uint64_t block, size_t used, Error *err)
{
	Direct *direct = file->direct;
	if (used == 0)
		return ST_OK;
	if (direct->has_tail && direct->tail_off == block) {
		memcpy(direct->stage, direct->tail, used);
		return ST_OK;
	}
	size_t got;
	memset(direct->stage, 0, BLOCK);
	return file_do_read_some(file, block, direct->stage, BLOCK, &got, err);
}

static void
keep_tail(Direct *direct, uint64_t off, size_t len)
{
	direct->has_tail = true;
	direct->tail_off = off + len - BLOCK;
	memcpy(direct->tail, direct->stage + len - BLOCK, BLOCK);
}

Status
direct_writev(File *file, uint64_t off, struct iovec *iov, size_t count, Error *err)
{
	Direct *direct = file->direct;
	uint64_t block = off & ~(uint64_t)(BLOCK - 1);
	size_t used = (size_t)(off - block);
	grow_stage(direct, used, iov, count);
	TRY(load_block(file, block, used, err));
	for (;;) {
		size_t taken = take_bytes(&iov, &count, direct->stage + used, direct->room - used);
		if (taken == 0)
			return ST_OK;
		size_t len = used + taken;
		size_t whole = (len + BLOCK - 1) & ~(size_t)(BLOCK - 1);
		memset(direct->stage + len, 0, whole - len);
		struct iovec piece = {.iov_base = direct->stage, .iov_len = whole};
		direct->has_tail = false; // unless this write gets through
		TRY(file_do_writev(file, block, &piece, 1, err));
		keep_tail(direct, block, whole);
		block += whole;
		used = 0;
	}
}
