// A copy of what a replay needs, made while the log is written. Files are copied up to where they
// end, the last one up to the end of one commit: what is before that is synced, so it stays as it
// is. The header says what size the copy has.

#include <inttypes.h>

#include "base/mem.h"
#include "wal/wal_int.h"
#include "wal/wal_read_int.h"

enum { COPY_BYTES = 1 << 20 };

// One file to copy.
typedef struct Extract {
	WalHeader header;
	uint64_t bytes; // to copy; 0: the file has no good header
	uint64_t grown; // to this size, as its records say; 0: it has not
	uint32_t seed;
	bool whole; // no commit behind the last one asked for is in it
} Extract;

// The files that hold the commits after `after` up to `last`, in order. The first one says that the
// log begins in it; the last one may hold no commit, but tells how far the log had come.
static Status
choose(Wal *wal, uint64_t after, uint64_t last, Buf *out, Error *err)
{
	uint64_t before = 0; // the last seq before the file
	pthread_mutex_lock(&wal->lock);
	for (const WalFile *file = wal->first; file != wal->ready; file = file->next) {
		if (out->len > 0 && before > last)
			break;
		if (before <= after)
			buf_reset(out);
		Extract one = {
			.header = file->header,
			.bytes = file->end,
			.grown = file->size > file->header.size ? file->size : 0,
			.seed = file->seed,
			.whole = file->last_seq <= last,
		};
		buf_add(out, &one, sizeof(one));
		before = file->last_seq;
	}
	pthread_mutex_unlock(&wal->lock);
	return buf_status(out, err, "the list of log files");
}

// Where the records up to commit `last` end.
static Status
find_cut(const Wal *wal, Extract *one, uint64_t last, Error *err)
{
	SCOPED(wal_cursor_close) WalCursor cursor = {.seed = one->seed};
	TRY(wal_cursor_open(&cursor, wal, one->header.number, WAL_WINDOW_BYTES, err));
	uint64_t at = WAL_HEADER_BYTES;
	while (at < one->bytes) {
		WalHead head;
		bool valid;
		TRY(wal_cursor_head(&cursor, at, &head, &valid, err));
		if (!valid || (head.kind != WAL_BEGIN && head.seq > last))
			break;
		at += wal_record_bytes(head.length);
	}
	one->bytes = at;
	return ST_OK;
}

static Status
copy_bytes(File *from, File *to, const Extract *one, Error *err)
{
	SCOPED(mem_drop) uint8_t *buffer = mem_alloc_aligned(COPY_BYTES);
	if (buffer == NULL)
		return error_no_memory(err, "a copy of the log");
	WalHeader header = one->header;
	header.size = one->bytes;
	wal_header_encode(&header, buffer);
	TRY(file_write(to, 0, buffer, WAL_HEADER_BYTES, err));
	for (uint64_t at = WAL_HEADER_BYTES; at < one->bytes; at += COPY_BYTES) {
		uint64_t left = one->bytes - at;
		size_t len = left < COPY_BYTES ? (size_t)left : COPY_BYTES;
		TRY(file_read(from, at, buffer, len, err));
		TRY(file_write(to, at, buffer, len, err));
	}
	return one->grown > 0 ? file_truncate(to, one->grown, err) : ST_OK;
}

static Status
copy_file(const Wal *wal, const Extract *one, const char *dir, Error *err)
{
	uint64_t number = one->header.number;
	SCOPED(mem_drop) char *from_path = NULL;
	SCOPED(mem_drop) char *to_path = mem_printf("%s/%08" PRIu64 ".wal", dir, number);
	TRY(wal_path(wal, number, ".wal", &from_path, err));
	if (to_path == NULL)
		return error_no_memory(err, "the name of a log file");
	SCOPED(file_drop) File *from = NULL;
	SCOPED(file_drop) File *to = NULL;
	TRY(file_open(from_path, FILE_READ, &from, err));
	TRY(file_open(to_path, FILE_CREATE_NEW, &to, err));
	if (one->bytes > 0)
		TRY(copy_bytes(from, to, one, err));
	return file_sync(to, err);
}

Status
wal_copy(Wal *wal, uint64_t after, uint64_t last, const char *dir, Error *err)
{
	SCOPED(buf_close) Buf list = BUF_INIT;
	TRY(choose(wal, after, last, &list, err));
	size_t count = list.len / sizeof(Extract);
	for (size_t i = 0; i < count; i++) {
		Extract *one = (Extract *)(void *)list.data + i;
		if (!one->whole)
			TRY(find_cut(wal, one, last, err));
		TRY(copy_file(wal, one, dir, err));
	}
	return dir_sync(dir, err);
}
