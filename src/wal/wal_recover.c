// Where the log does not go on, everything behind is searched for proof that more had been synced:
//     a record that verifies alone and names a synced_seq beyond the last good commit,
//     a SETTLED BEGIN, a file without a good header, a file that is missing.
// Without proof it is a tail that was never synced, and ends here. With proof, acknowledged data is
// damaged.

#include "wal/wal_replay_int.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"

// What lies behind a place where the log does not go on.
typedef struct Trace {
	const char *proof; // of damage; NULL: none
	uint64_t file;     // where the proof is
	uint64_t synced_seq;
	uint64_t bytes; // of records
} Trace;

typedef struct Recovery {
	WalReplay replay;
	WalRecovery mode;
	WalHole *accepted; // by an earlier salvage
	uint32_t accepted_count;
	WalHole *holes; // of this one
	uint32_t hole_count;
	bool damaged; // and the log ends there
} Recovery;

static void
recovery_close(Recovery *recovery)
{
	wal_replay_close(&recovery->replay);
	mem_free(recovery->accepted);
	mem_free(recovery->holes);
}

static WalPlace
place_of(const WalReplay *replay)
{
	return (WalPlace){replay->file == NULL ? 0 : replay->file->header.number, replay->offset};
}

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

static Status
accept_holes(Recovery *recovery, const WalFile *file, Error *err)
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

static const WalHole *
find_accepted(const Recovery *recovery, WalPlace from)
{
	for (uint32_t i = 0; i < recovery->accepted_count; i++) {
		const WalHole *hole = &recovery->accepted[i];
		if (hole->from.file == from.file && hole->from.offset == from.offset)
			return hole;
	}
	return NULL;
}

// ---- going on behind damage ----

static void
note_lost(Recovery *recovery, uint64_t first, uint64_t last)
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
}

static bool
can_resume_at(const WalFile *file, uint64_t offset, const WalHead *head)
{
	if (head->kind == WAL_BEGIN)
		return file->begun && offset == WAL_HEADER_BYTES;
	return (head->flags & WAL_FIRST) != 0;
}

// Over a hole that was accepted before; *resumed false when there is none here.
static Status
resume_accepted(Recovery *recovery, bool *resumed, Error *err)
{
	WalReplay *replay = &recovery->replay;
	const WalHole *hole = find_accepted(recovery, place_of(replay));
	if (hole == NULL)
		return ST_OK;
	WalFile *file = replay->file == NULL ? replay->wal->first : replay->file;
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
		if (!*found || can_resume_at(file, *offset, head))
			return ST_OK;
	}
}

static Status
salvage(Recovery *recovery, const Trace *trace, bool *resumed, Error *err)
{
	WalReplay *replay = &recovery->replay;
	WalPlace from = place_of(replay);
	WalFile *file = replay->file == NULL ? replay->wal->first : replay->file;
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
	uint64_t last = trace->synced_seq > replay->last_seq ? trace->synced_seq : replay->last_seq + 1;
	note_lost(recovery, replay->last_seq + 1, last);
	recovery->damaged = true;
	return ST_OK;
}

// ---- proof ----

static Status
trace_file(const WalReplay *replay, const WalFile *file, uint64_t offset, Trace *trace, Error *err)
{
	SCOPED(wal_cursor_close) WalCursor cursor = {.seed = file->seed};
	TRY(wal_cursor_open(&cursor, replay->wal, file->header.number, WAL_WINDOW_BYTES, err));
	for (;;) {
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
}

static void
prove(Trace *trace, const char *proof, uint64_t file)
{
	if (trace->proof != NULL)
		return;
	trace->proof = proof;
	trace->file = file;
}

static Status
trace_behind(const WalReplay *replay, Trace *trace, Error *err)
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

static Status
refuse(const WalReplay *replay, const Trace *trace, Error *err)
{
	WalPlace place = place_of(replay);
	char to[24] = "an unknown one";
	if (trace->synced_seq > replay->last_seq)
		snprintf(to, sizeof(to), "%" PRIu64, trace->synced_seq);
	return error_set(
		err, ST_CORRUPT,
		"%s/%08" PRIu64 ".wal is damaged at byte %" PRIu64
		": acknowledged commits from seq %" PRIu64 " to %s cannot be read (file %08" PRIu64
		".wal %s). Restore a backup, or start with --wal-recovery=point-in-time to stop there or "
		"--wal-recovery=salvage to skip what is lost",
		replay->wal->dir, place.file == 0 ? replay->wal->first->header.number : place.file,
		place.offset, replay->last_seq + 1, to, trace->file, trace->proof);
}

// The log does not go on. Sets *resumed when reading is to go on behind.
static Status
on_break(Recovery *recovery, bool *resumed, Error *err)
{
	WalReplay *replay = &recovery->replay;
	*resumed = false;
	TRY(resume_accepted(recovery, resumed, err));
	if (*resumed)
		return ST_OK;
	Trace trace = {0};
	TRY(trace_behind(replay, &trace, err));
	if (trace.proof == NULL) {
		replay->report.cut_bytes = trace.bytes;
		return ST_OK;
	}
	if (recovery->mode == WAL_STRICT)
		return refuse(replay, &trace, err);
	WalPlace place = place_of(replay);
	log_error("wal damaged", "file=%" PRIu64 " offset=%" PRIu64 " after_seq=%" PRIu64, place.file,
			  place.offset, replay->last_seq);
	if (recovery->mode == WAL_SALVAGE)
		return salvage(recovery, &trace, resumed, err);
	recovery->damaged = true;
	return ST_OK;
}

// ---- all files ----

// Goes into the first file; *entered false when the log does not begin in it.
static Status
enter_first(WalReplay *replay, bool *entered, Error *err)
{
	WalFile *first = replay->wal->first;
	*entered = first != NULL && first->begun && first->begin.last_seq <= replay->after;
	if (*entered)
		return wal_replay_enter(replay, first, err);
	if (first != NULL && first->begun)
		replay->last_seq = replay->after; // what is missing comes after
	return ST_OK;
}

static Status
read_all(Recovery *recovery, Error *err)
{
	WalReplay *replay = &recovery->replay;
	bool going;
	TRY(enter_first(replay, &going, err));
	for (;;) {
		if (!going)
			TRY(on_break(recovery, &going, err));
		if (!going)
			return ST_OK;
		bool goes_on;
		TRY(wal_replay_file(replay, &goes_on, err));
		if (goes_on)
			TRY(wal_replay_enter(replay, replay->file->next, err));
		going = goes_on;
	}
}

// What a checkpoint holds was on disk here: a log that ends before it has lost its newest files.
static Status
check_end(Recovery *recovery, Error *err)
{
	WalReplay *replay = &recovery->replay;
	if (replay->last_seq >= replay->after)
		return ST_OK;
	if (recovery->mode == WAL_STRICT)
		return error_set(err, ST_CORRUPT,
						 "%s: the log ends at seq %" PRIu64 ", but the checkpoint has seq %" PRIu64
						 ": its newest files are missing. Restore a backup, or start with "
						 "--wal-recovery=point-in-time",
						 replay->wal->dir, replay->last_seq, replay->after);
	log_error("wal ends early", "last_seq=%" PRIu64 " checkpoint_seq=%" PRIu64, replay->last_seq,
			  replay->after);
	replay->last_seq = replay->after;
	return ST_OK;
}

// Divides the list where the log ended, and leaves the rest to wal_start.
static void
leave_to_start(Recovery *recovery)
{
	WalReplay *replay = &recovery->replay;
	Wal *wal = replay->wal;
	WalFile *end = replay->file;
	wal->tail = end == NULL ? wal->first : end->next;
	wal->last = end;
	if (end == NULL) {
		wal->first = NULL;
	} else {
		end->next = NULL;
		wal->next_number = end->header.number + 1;
	}
	wal->damaged = recovery->damaged;
	wal->last_seq = replay->last_seq;
	wal->synced_seq = replay->synced_seq > replay->after ? replay->synced_seq : replay->after;
	wal->hole_count = recovery->hole_count;
	wal->holes = TAKE(recovery->holes);
	wal->recovered = true;
}

Status
wal_recover(Wal *wal, WalRecovery mode, uint64_t after, const WalReader *reader, WalReport *report,
			Error *err)
{
	assert(!wal->recovered && wal->first == NULL);
	SCOPED(recovery_close) Recovery recovery = {.mode = mode};
	WalReplay *replay = &recovery.replay;
	replay->wal = wal;
	replay->after = after;
	replay->reader = reader;
	TRY(wal_files_load(wal, err));
	for (const WalFile *file = wal->first; file != NULL; file = file->next) {
		replay->total_bytes += file->size;
		TRY(accept_holes(&recovery, file, err));
	}

	TRY(read_all(&recovery, err));
	TRY(check_end(&recovery, err));
	replay->report.last_seq = replay->last_seq;
	if (reader->progress != NULL)
		reader->progress(reader->arg, replay->total_bytes, replay->total_bytes);
	*report = replay->report;
	leave_to_start(&recovery);
	return ST_OK;
}
