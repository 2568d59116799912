// A salvage goes on behind damage. The place is written into the BEGIN of the file that the next
// start makes, so that later recoveries go over it without asking.

#include <inttypes.h>

#include "base/log.h"
#include "base/mem.h"
#include "wal/wal_recover_int.h"

// ---- holes ----

static Status
add_hole(WalHole **holes, uint32_t *count, WalHole hole, Error *err)
{
	WalHole *grown = mem_resize(*holes, ((size_t)*count + 1) * sizeof(hole));
	if (grown == NULL)
		return error_no_memory(err, "the holes of the log");
	grown[(*count)++] = hole;
	*holes = grown;
	return ST_OK;
}

Status
wal_accept_holes(WalRecovering *recovery, const WalFile *file, Error *err)
{
	if (!file->begun || file->begin.hole_count == 0)
		return ST_OK;
	Wal *wal = recovery->replay.wal;
	SCOPED(wal_cursor_close) WalCursor cursor = {.seed = file->seed};
	SCOPED(bytes_drop) Bytes *payload = NULL;
	TRY(wal_cursor_open(&cursor, wal, file->header.number, WAL_PEEK_BYTES, err));
	TRY(wal_cursor_payload(&cursor, WAL_HEADER_BYTES, &file->head, wal->pool, &payload, err));
	for (uint32_t i = 0; payload != NULL && i < file->begin.hole_count; i++)
		TRY(add_hole(&recovery->accepted, &recovery->accepted_count,
					 wal_begin_hole(bytes_slice(payload), i), err));
	return ST_OK;
}

// The newest, if there are several.
static const WalHole *
find_accepted(const WalRecovering *recovery, WalPlace from)
{
	for (uint32_t i = recovery->accepted_count; i > 0; i--) {
		const WalHole *hole = &recovery->accepted[i - 1];
		if (hole->from.file == from.file && hole->from.offset == from.offset)
			return hole;
	}
	return NULL;
}

// ---- going on behind damage ----

static void
note_lost(WalRecovering *recovery, uint64_t first, uint64_t last)
{
	if (first > last)
		return;
	recovery->replay.report.lost_ranges++;
	log_error("wal commits lost", "first_seq=%" PRIu64 " last_seq=%" PRIu64, first, last);
}

// The last seq that should have come before the record `head` of `file`.
static uint64_t
seq_before(const WalFile *file, const WalHead *head)
{
	return head->kind == WAL_BEGIN ? file->begin.last_seq : head->seq - 1;
}

static void
resume(WalReplay *replay, WalFile *file, uint64_t offset, const WalHead *head)
{
	uint64_t before = seq_before(file, head);
	if (before > replay->last_seq)
		replay->last_seq = before;
	replay->file = file;
	replay->offset = offset;
	replay->crc = head->prev_crc;
	replay->report.clean = false; // wherever that was
}

static bool
can_resume_at(const WalFile *file, uint64_t offset, const WalHead *head)
{
	if (head->kind == WAL_BEGIN)
		return file->begun && offset == WAL_HEADER_BYTES;
	return (head->flags & WAL_FIRST) != 0;
}

Status
wal_resume_accepted(WalRecovering *recovery, bool *resumed, Error *err)
{
	WalReplay *replay = &recovery->replay;
	const WalHole *hole = find_accepted(recovery, wal_stopped_at(replay));
	if (hole == NULL)
		return ST_OK;
	WalFile *file = wal_file_behind(replay);
	while (file != NULL && file->header.number != hole->to.file)
		file = file->next;
	// Holes lead on, or a bad one would lead around for ever.
	if (file == NULL || (file == replay->file && hole->to.offset <= replay->offset))
		return ST_OK;

	SCOPED(wal_cursor_close) WalCursor cursor = {.seed = file->seed};
	WalHead head;
	bool valid;
	TRY(wal_cursor_open(&cursor, replay->wal, file->header.number, WAL_PEEK_BYTES, err));
	TRY(wal_cursor_head(&cursor, hole->to.offset, &head, &valid, err));
	*resumed = valid && can_resume_at(file, hole->to.offset, &head);
	if (*resumed)
		resume(replay, file, hole->to.offset, &head);
	return ST_OK;
}

// Where a later start has cut the file: what is behind was given up then.
static uint64_t
cut_of(const WalFile *file)
{
	const WalFile *next = file->next;
	bool cut = next != NULL && next->begun && (next->head.flags & WAL_SETTLED) != 0 &&
			   next->begin.previous.file == file->header.number;
	return cut ? next->begin.previous.offset : UINT64_MAX;
}

// The first place in `file` from `offset` on where a commit begins.
static Status
find_commit(const WalReplay *replay, WalFile *file, uint64_t *offset, WalHead *head, bool *found,
			Error *err)
{
	*found = false;
	if (!file->readable)
		return ST_OK;
	SCOPED(wal_cursor_close) WalCursor cursor = {.seed = file->seed};
	TRY(wal_cursor_open(&cursor, replay->wal, file->header.number, WAL_WINDOW_BYTES, err));
	for (;; *offset += WAL_HEAD_BYTES) {
		TRY(wal_cursor_scan(&cursor, offset, replay->last_seq, head, found, err));
		*found = *found && *offset < cut_of(file);
		if (!*found || can_resume_at(file, *offset, head))
			return ST_OK;
	}
}

Status
wal_salvage(WalRecovering *recovery, bool *resumed, Error *err)
{
	WalReplay *replay = &recovery->replay;
	WalPlace from = wal_stopped_at(replay);
	WalFile *file = wal_file_behind(replay);
	uint64_t offset = replay->file == NULL ? WAL_HEADER_BYTES : replay->offset + 8;
	for (; file != NULL; file = file->next, offset = WAL_HEADER_BYTES) {
		WalHead head;
		TRY(find_commit(replay, file, &offset, &head, resumed, err));
		if (!*resumed)
			continue;
		WalHole hole = {from, {file->header.number, offset}};
		note_lost(recovery, replay->last_seq + 1, seq_before(file, &head));
		resume(replay, file, offset, &head);
		return add_hole(&recovery->holes, &recovery->hole_count, hole, err);
	}
	WalTrace trace = {0};
	TRY(wal_trace(replay, &trace, err));
	uint64_t last = trace.synced_seq > replay->last_seq ? trace.synced_seq : replay->last_seq + 1;
	note_lost(recovery, replay->last_seq + 1, last);
	recovery->damaged = true;
	return ST_OK;
}
