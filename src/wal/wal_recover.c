// Where the log does not go on, everything behind is searched for proof that more had been synced.
// Without proof it is a tail that was never synced, and ends here. With proof, acknowledged data is
// damaged.

#include "wal/wal_recover_int.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"

static void
recovery_close(WalRecovering *recovery)
{
	wal_replay_close(&recovery->replay);
	mem_free(recovery->accepted);
	mem_free(recovery->holes);
}

WalPlace
wal_stopped_at(const WalReplay *replay)
{
	return (WalPlace){replay->file == NULL ? 0 : replay->file->header.number, replay->offset};
}

WalFile *
wal_file_behind(const WalReplay *replay)
{
	return replay->file == NULL ? replay->wal->first : replay->file;
}

static Status
refuse(const WalReplay *replay, const WalTrace *trace, Error *err)
{
	char lost[48] = "on may be lost";
	if (trace->synced_seq > replay->last_seq)
		snprintf(lost, sizeof(lost), "to %" PRIu64 " cannot be read", trace->synced_seq);
	return error_set(
		err, ST_CORRUPT,
		"%s/%08" PRIu64 ".wal is damaged at byte %" PRIu64
		": acknowledged commits from seq %" PRIu64 " %s (file %08" PRIu64
		".wal %s). Restore a backup, or start with --wal-recovery=point-in-time to stop there or "
		"--wal-recovery=salvage to skip what is lost",
		replay->wal->dir, wal_file_behind(replay)->header.number, replay->offset,
		replay->last_seq + 1, lost, trace->file, trace->proof);
}

// The log does not go on. Sets *resumed when reading is to go on behind.
static Status
on_break(WalRecovering *recovery, bool *resumed, Error *err)
{
	WalReplay *replay = &recovery->replay;
	*resumed = false;
	TRY(wal_resume_accepted(recovery, resumed, err));
	if (*resumed)
		return ST_OK;
	// A salvage may come here often.
	WalTrace trace = {.brief = recovery->mode == WAL_SALVAGE};
	TRY(wal_trace(replay, &trace, err));
	if (trace.proven && recovery->mode == WAL_STRICT)
		return refuse(replay, &trace, err);
	if (!trace.proven || recovery->mode == WAL_POINT_IN_TIME)
		replay->report.cut_bytes = trace.bytes;
	if (!trace.proven)
		return ST_OK;
	replay->report.damaged = true;
	WalPlace place = wal_stopped_at(replay);
	log_error("wal damaged",
			  "file=%" PRIu64 " offset=%" PRIu64 " after_seq=%" PRIu64 " proof=\"file %" PRIu64
			  " %s\"",
			  place.file, place.offset, replay->last_seq, trace.file, trace.proof);
	if (recovery->mode == WAL_SALVAGE)
		return wal_salvage(recovery, resumed, err);
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
read_all(WalRecovering *recovery, Error *err)
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
check_end(WalRecovering *recovery, Error *err)
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
	replay->report.damaged = true;
	replay->last_seq = replay->after;
	return ST_OK;
}

// Divides the list where the log ended, and leaves the rest to wal_start.
static void
leave_to_start(WalRecovering *recovery)
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
	if (wal->dir == NULL) {
		*report = (WalReport){0};
		wal->recovered = true;
		return ST_OK;
	}
	SCOPED(recovery_close) WalRecovering recovery = {.mode = mode};
	WalReplay *replay = &recovery.replay;
	replay->wal = wal;
	replay->after = after;
	replay->reader = reader;
	TRY(wal_files_load(wal, err));
	for (const WalFile *file = wal->first; file != NULL; file = file->next) {
		replay->total_bytes += file->size;
		TRY(wal_accept_holes(&recovery, file, err));
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
