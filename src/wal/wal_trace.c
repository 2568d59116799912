// Proof is a record that verifies alone and names a synced_seq beyond the last good commit, a
// SETTLED BEGIN, a file without a good header, a file that is missing.

#include "wal/wal_recover_int.h"

static Status
trace_file(const WalReplay *replay, const WalFile *file, uint64_t offset, WalTrace *trace,
		   Error *err)
{
	SCOPED(wal_cursor_close) WalCursor cursor = {.seed = file->seed};
	TRY(wal_cursor_open(&cursor, replay->wal, file->header.number, WAL_WINDOW_BYTES, err));
	while (trace->proof == NULL || !trace->brief) {
		WalHead head;
		bool found;
		TRY(wal_cursor_scan(&cursor, &offset, replay->last_seq, &head, &found, err));
		if (!found)
			return ST_OK;
		if (head.synced_seq > trace->synced_seq)
			trace->synced_seq = head.synced_seq;
		// A BEGIN whose payload is torn may never have been synced itself.
		bool settled = file->begun && offset == WAL_HEADER_BYTES && (head.flags & WAL_SETTLED) != 0;
		if (trace->proof == NULL && (settled || head.synced_seq > replay->last_seq)) {
			trace->proof = "has a record written after those were synced";
			trace->file = file->header.number;
		}
		uint64_t bytes = wal_record_bytes(head.length);
		trace->bytes += bytes < cursor.size - offset ? bytes : cursor.size - offset;
		offset += bytes;
	}
	return ST_OK;
}

static void
prove(WalTrace *trace, const char *proof, uint64_t file)
{
	if (trace->proof != NULL)
		return;
	trace->proof = proof;
	trace->file = file;
}

Status
wal_trace(const WalReplay *replay, WalTrace *trace, Error *err)
{
	const WalFile *file = replay->file == NULL ? replay->wal->first : replay->file;
	uint64_t offset = replay->file == NULL ? WAL_HEADER_BYTES : replay->offset;
	if (replay->file == NULL && file != NULL && file->begun)
		prove(trace, "begins after commits that are in no file", file->header.number);
	for (; file != NULL; file = file->next, offset = WAL_HEADER_BYTES) {
		if (file->readable)
			TRY(trace_file(replay, file, offset, trace, err));
		else
			prove(trace, "has no good header", file->header.number);
		if (file->next != NULL && file->next->header.number != file->header.number + 1)
			prove(trace, "is missing", file->header.number + 1);
	}
	return ST_OK;
}
