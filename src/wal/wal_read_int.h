// wal_read_int.h - a log file read from front to back, through a window.
//
// The page cache is passed by: nobody else reads these bytes soon, and fresh pages for all of them
// cost more than the reading. Each payload has memory of its own, so that keeping one keeps nothing
// else.

#pragma once

#include "wal/wal_int.h"

typedef struct WalCursor {
	File *file;
	uint32_t seed;
	uint64_t size;   // of the file
	uint8_t *memory; // what the window lies in
	uint8_t *window; // aligned to FILE_BLOCK
	size_t capacity; // of the window
	uint64_t at;     // what it holds: from here
	size_t len;      // so much
} WalCursor;

enum { WAL_WINDOW_BYTES = 4 << 20, WAL_PEEK_BYTES = 1 << 13 };

// Opens <number>.wal, without asking what is in it.
Status wal_cursor_open(WalCursor *cursor, const Wal *wal, uint64_t number, size_t window,
					   Error *err);
// The same, for what others are likely to read as well: through the page cache.
Status wal_cursor_open_cached(WalCursor *cursor, const Wal *wal, uint64_t number, size_t window,
							  Error *err);
void wal_cursor_close(WalCursor *cursor);

// The file's header, in the window; NULL when the file is too short for one.
Status wal_cursor_header(WalCursor *cursor, const uint8_t **out, Error *err);
// The head of the record at `offset`; *valid false when there is none that is whole.
Status wal_cursor_head(WalCursor *cursor, uint64_t offset, WalHead *out, bool *valid, Error *err);
// Its payload; *out stays NULL when the checksum does not hold.
Status wal_cursor_payload(WalCursor *cursor, uint64_t offset, const WalHead *head, BytesPool *pool,
						  Bytes **out, Error *err);
// The first head at or after *offset with a seq above `above_seq` that verifies alone; its place
// goes to *offset. *found false when there is none.
Status wal_cursor_scan(WalCursor *cursor, uint64_t *offset, uint64_t above_seq, WalHead *out,
					   bool *found, Error *err);
