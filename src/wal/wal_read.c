#include "wal/wal_read_int.h"

#include "base/hash.h"
#include "base/mem.h"

Status
wal_cursor_open_cached(WalCursor *cursor, const Wal *wal, uint64_t number, size_t window,
					   Error *err)
{
	SCOPED(mem_drop) char *path = NULL;
	TRY(wal_path(wal, number, ".wal", &path, err));
	TRY(file_open(path, FILE_READ, &cursor->file, err));
	TRY(file_size(cursor->file, &cursor->size, err));
	size_t whole = (size_t)(cursor->size / FILE_BLOCK + 2) * FILE_BLOCK; // more is never read
	cursor->capacity = whole < window ? whole : window;
	cursor->memory = mem_alloc_aligned(cursor->capacity + FILE_BLOCK);
	if (cursor->memory == NULL)
		return error_no_memory(err, "reading a log file");
	cursor->window = file_block_align(cursor->memory);
	return ST_OK;
}

Status
wal_cursor_open(WalCursor *cursor, const Wal *wal, uint64_t number, size_t window, Error *err)
{
	TRY(wal_cursor_open_cached(cursor, wal, number, window, err));
	file_read_direct(cursor->file);
	return ST_OK;
}

void
wal_cursor_close(WalCursor *cursor)
{
	file_close(cursor->file);
	mem_free(cursor->memory);
	*cursor = (WalCursor){0};
}

// An offset before the window wraps around and is beyond it as well.
static bool
in_window(const WalCursor *cursor, uint64_t offset, size_t len)
{
	return offset - cursor->at <= cursor->len && len <= cursor->len - (offset - cursor->at);
}

// Makes the window hold `len` bytes at `offset`, or what is there before the end of the file. `len`
// is a block less than the window at most.
static Status
move_window(WalCursor *cursor, uint64_t offset, size_t len, Error *err)
{
	if (in_window(cursor, offset, len))
		return ST_OK;
	cursor->len = 0;
	cursor->at = offset - offset % FILE_BLOCK;
	return file_read_some(cursor->file, cursor->at, cursor->window, cursor->capacity, &cursor->len,
						  err);
}

Status
wal_cursor_header(WalCursor *cursor, const uint8_t **out, Error *err)
{
	TRY(move_window(cursor, 0, WAL_HEADER_BYTES, err));
	*out = in_window(cursor, 0, WAL_HEADER_BYTES) ? cursor->window : NULL;
	return ST_OK;
}

Status
wal_cursor_head(WalCursor *cursor, uint64_t offset, WalHead *out, bool *valid, Error *err)
{
	*valid = false;
	if (cursor->size < WAL_HEAD_BYTES || offset > cursor->size - WAL_HEAD_BYTES)
		return ST_OK;
	TRY(move_window(cursor, offset, WAL_HEAD_BYTES, err));
	WalHead head;
	*valid = in_window(cursor, offset, WAL_HEAD_BYTES) &&
			 wal_head_decode(cursor->seed, offset, cursor->window + (offset - cursor->at), &head) &&
			 head.length <= cursor->size - offset - WAL_HEAD_BYTES;
	if (*valid)
		*out = head;
	return ST_OK;
}

static Status
copy_out(WalCursor *cursor, uint64_t offset, uint8_t *out, size_t len, Error *err)
{
	while (len > 0) {
		TRY(move_window(cursor, offset, 1, err));
		if (!in_window(cursor, offset, 1))
			return error_set(err, ST_CORRUPT, "%s: became shorter while it was read",
							 file_path(cursor->file));
		size_t have = cursor->len - (size_t)(offset - cursor->at);
		have = have < len ? have : len;
		memcpy(out, cursor->window + (offset - cursor->at), have);
		offset += have;
		out += have;
		len -= have;
	}
	return ST_OK;
}

Status
wal_cursor_payload(WalCursor *cursor, uint64_t offset, const WalHead *head, BytesPool *pool,
				   Bytes **out, Error *err)
{
	SCOPED(bytes_drop) Bytes *payload = bytes_new(pool, head->length);
	if (payload == NULL)
		return error_no_memory(err, "a record of the log");
	TRY(copy_out(cursor, offset + WAL_HEAD_BYTES, bytes_data(payload), head->length, err));
	if (crc32c(0, bytes_data(payload), head->length) == head->payload_crc)
		*out = TAKE(payload);
	return ST_OK;
}

Status
wal_cursor_scan(WalCursor *cursor, uint64_t *offset, uint64_t above_seq, WalHead *out, bool *found,
				Error *err)
{
	*found = false;
	for (uint64_t at = (*offset + 7) & ~(uint64_t)7;;) {
		TRY(move_window(cursor, at, WAL_HEAD_BYTES, err));
		if (!in_window(cursor, at, WAL_HEAD_BYTES))
			return ST_OK;
		uint64_t last = cursor->at + cursor->len - WAL_HEAD_BYTES;
		for (; at <= last; at += 8) {
			const uint8_t *head = cursor->window + (at - cursor->at);
			if (!wal_head_plausible(head, above_seq) ||
				!wal_head_decode(cursor->seed, at, head, out))
				continue;
			*offset = at;
			*found = true;
			return ST_OK;
		}
	}
}
