// Proof is a record that verifies alone and names a synced_seq beyond the last good commit, a
// SETTLED BEGIN, a file without a good header, one that is shorter than it says, one that is
// missing.

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "wal/wal_recover_int.h"

// The first proof counts.
static void __attribute__((format(printf, 3, 4)))
prove(WalTrace *trace, uint64_t file, const char *fmt, ...)
{
	if (trace->proven)
		return;
	va_list args;
	va_start(args, fmt);
	vsnprintf(trace->proof, sizeof(trace->proof), fmt, args);
	va_end(args);
	trace->proven = true;
	trace->file = file;
}

// Whether it has all that it had where a start has settled its end: what is behind was given back.
static bool
is_shortened(const WalFile *file)
{
	const WalFile *next = file->next;
	return next != NULL && next->begun && (next->head.flags & WAL_SETTLED) != 0 &&
		   next->begin.previous.file == file->header.number &&
		   next->begin.previous.offset <= file->size;
}

static void
compare_size(const WalFile *file, uint64_t told, WalTrace *trace)
{
	if (file->size < told && !is_shortened(file))
		prove(trace, file->header.number,
			  "has %" PRIu64 " bytes, and was made with %" PRIu64 ": it was cut", file->size, told);
}

static void
look_at_head(const WalReplay *replay, const WalFile *file, uint64_t offset, const WalHead *head,
			 WalTrace *trace)
{
	if (head->synced_seq > trace->synced_seq)
		trace->synced_seq = head->synced_seq;
	compare_size(file, wal_head_size(head), trace);
	// A BEGIN whose payload is torn may never have been synced itself.
	bool settled = file->begun && offset == WAL_HEADER_BYTES && (head->flags & WAL_SETTLED) != 0;
	if (settled || head->synced_seq > replay->last_seq)
		prove(trace, file->header.number, "has a record written after those were synced");
}

static Status
trace_file(const WalReplay *replay, const WalFile *file, uint64_t offset, WalTrace *trace,
		   Error *err)
{
	SCOPED(wal_cursor_close) WalCursor cursor = {.seed = file->seed};
	TRY(wal_cursor_open(&cursor, replay->wal, file->header.number, WAL_WINDOW_BYTES, err));
	while (!trace->proven || !trace->brief) {
		WalHead head;
		bool found;
		TRY(wal_cursor_scan(&cursor, &offset, replay->last_seq, &head, &found, err));
		if (!found)
			return ST_OK;
		look_at_head(replay, file, offset, &head, trace);
		uint64_t bytes = wal_record_bytes(head.length);
		trace->bytes += bytes < cursor.size - offset ? bytes : cursor.size - offset;
		offset += bytes;
	}
	return ST_OK;
}

Status
wal_trace(const WalReplay *replay, WalTrace *trace, Error *err)
{
	const WalFile *file = wal_file_behind(replay);
	uint64_t offset = replay->file == NULL ? WAL_HEADER_BYTES : replay->offset;
	if (replay->file == NULL && file != NULL && file->begun)
		prove(trace, file->header.number, "begins after commits that are in no file");
	for (; file != NULL; file = file->next, offset = WAL_HEADER_BYTES) {
		compare_size(file, file->told, trace);
		// A clean stop writes nothing behind its mark.
		bool ended = file == replay->file && replay->report.clean;
		if (file->readable && !ended)
			TRY(trace_file(replay, file, offset, trace, err));
		else if (!file->readable)
			prove(trace, file->header.number, "has no good header");
		if (file->next != NULL && file->next->header.number != file->header.number + 1)
			prove(trace, file->header.number + 1, "is missing");
	}
	return ST_OK;
}
