#include "wal/wal_replay_int.h"

#include "base/mem.h"

enum { TELL_BYTES = 16 << 20 };

void
wal_replay_close(WalReplay *replay)
{
	wal_gather_close(&replay->gather);
}

// ---- a commit ----

static Status
deliver(WalReplay *replay, uint64_t seq, bool *valid, Error *err)
{
	int32_t count;
	TRY(wal_gather_finish(&replay->gather, &count, valid, err));
	if (!*valid || seq <= replay->after)
		return ST_OK;
	replay->report.commits++;
	return replay->reader->commit(replay->reader->arg, seq, replay->gather.records, count, err);
}

static Status
add_to_index(WalReplay *replay, Error *err)
{
	WalFile *file = replay->file;
	if (!wal_index_reserve(&file->index, (uint32_t)replay->gather.count))
		return error_no_memory(err, "the index of a log file");
	for (int32_t i = 0; i < replay->gather.count; i++) {
		const WalPending *one = &replay->gather.pending[i];
		if (one->head.kind != WAL_SCHEMA)
			wal_index_add(&file->index, file->header.number, one->offset, &one->head);
	}
	return ST_OK;
}

static Status
finish_commit(WalReplay *replay, uint64_t seq, bool *valid, Error *err)
{
	TRY(deliver(replay, seq, valid, err));
	if (!*valid)
		return ST_OK;
	TRY(add_to_index(replay, err));
	wal_gather_reset(&replay->gather);
	replay->last_seq = seq;
	if (replay->file->min_seq == 0)
		replay->file->min_seq = seq;
	if (replay->report.first_seq == 0)
		replay->report.first_seq = seq;
	return ST_OK;
}

// ---- a record ----

// Whether a record that verifies is one that may come here.
static bool
in_order(const WalReplay *replay, const WalHead *head, uint64_t at, uint32_t crc)
{
	if (head->prev_crc != crc)
		return false;
	if (head->kind == WAL_BEGIN)
		return at == WAL_HEADER_BYTES && replay->file->begun;
	return wal_gather_fits(&replay->gather, head, replay->last_seq);
}

static Status
take_entry(WalReplay *replay, WalCursor *cursor, uint64_t at, const WalHead *head, bool *valid,
		   Error *err)
{
	WalPending one = {.head = *head, .offset = at};
	if (head->seq > replay->after || head->kind == WAL_SCHEMA) {
		TRY(wal_cursor_payload(cursor, at, head, replay->wal->pool, &one.payload, err));
		*valid = one.payload != NULL;
		if (!*valid)
			return ST_OK;
	}
	Status st = wal_gather_add(&replay->gather, &one, err);
	if (st != ST_OK)
		bytes_unref(one.payload);
	if (st != ST_OK || (head->flags & WAL_LAST) == 0)
		return st;
	return finish_commit(replay, head->seq, valid, err);
}

static Status
take_record(WalReplay *replay, WalCursor *cursor, uint64_t at, const WalHead *head, bool *valid,
			Error *err)
{
	if (head->kind != WAL_BEGIN && head->kind != WAL_MARK)
		TRY(take_entry(replay, cursor, at, head, valid, err));
	if (!*valid)
		return ST_OK;
	replay->report.clean = head->kind == WAL_MARK && (head->flags & WAL_CLEAN) != 0;
	if (head->synced_seq > replay->synced_seq)
		replay->synced_seq = head->synced_seq;
	if (wal_head_size(head) > replay->file->told)
		replay->file->told = wal_head_size(head);
	return ST_OK;
}

// ---- a file ----

// Whether the next file says that this one ended here.
static bool
next_begins_at(const WalFile *file, uint64_t offset, uint32_t crc)
{
	const WalFile *next = file->next;
	if (next == NULL || !next->begun || next->header.number != file->header.number + 1)
		return false;
	const WalBegin *begin = &next->begin;
	return begin->previous.file == file->header.number && begin->previous.offset == offset &&
		   begin->previous_crc == crc;
}

// Whether the log goes on in the next file from here, where `here` (NULL: nothing) would come next
// in this one.
static bool
goes_on_in_next(const WalReplay *replay, const WalHead *here)
{
	const WalFile *file = replay->file;
	if (!next_begins_at(file, replay->offset, replay->crc) ||
		file->next->begin.last_seq < replay->last_seq)
		return false;
	return here == NULL || (file->next->head.flags & WAL_SETTLED) != 0 ||
		   file->next->head.attempt > here->attempt;
}

// Whether the mark of a clean stop comes behind what the index tells of: it was written after it.
// A later start may have cut the file before that: once the next file has begun, it knows.
static Status
ends_clean(const WalReplay *replay, const WalFile *file, bool *out, Error *err)
{
	SCOPED(wal_cursor_close) WalCursor cursor = {.seed = file->seed};
	WalHead head = {0};
	bool valid;
	TRY(wal_cursor_open(&cursor, replay->wal, file->header.number, WAL_PEEK_BYTES, err));
	TRY(wal_cursor_head(&cursor, file->end, &head, &valid, err));
	*out = valid && head.prev_crc == file->end_crc && head.kind == WAL_MARK &&
		   (head.flags & WAL_CLEAN) != 0;
	if (*out && file->next != NULL && file->next->begun)
		*out = next_begins_at(file, file->end + WAL_HEAD_BYTES, head.crc);
	return ST_OK;
}

// Whether nothing of the file must be read but what is behind its index.
static Status
index_is_enough(const WalReplay *replay, const WalFile *file, bool *out, Error *err)
{
	*out = false;
	if (file->last_seq > replay->after || file->end > file->size)
		return ST_OK;
	*out = next_begins_at(file, file->end, file->end_crc);
	return *out ? ST_OK : ends_clean(replay, file, out, err);
}

// Goes to the file's end if its index says that nothing in it is asked for.
static Status
skip_by_index(WalReplay *replay, WalFile *file, Error *err)
{
	SCOPED(mem_drop) char *path = NULL;
	TRY(wal_path(replay->wal, file->header.number, ".idx", &path, err));
	Status st = wal_index_load(file, path, NULL);
	if (st == ST_NO_MEMORY)
		return error_no_memory(err, "the index of a log file");
	bool enough = false;
	if (st == ST_OK)
		TRY(index_is_enough(replay, file, &enough, err));
	if (!enough) {
		wal_index_close(&file->index); // reading makes it again
		file->min_seq = 0;
		return ST_OK;
	}
	file->indexed = true;
	replay->offset = file->end;
	replay->crc = file->end_crc;
	replay->last_seq = file->last_seq;
	if (replay->report.first_seq == 0)
		replay->report.first_seq = file->min_seq;
	return ST_OK;
}

Status
wal_replay_enter(WalReplay *replay, WalFile *file, Error *err)
{
	if (file->begin.last_seq > replay->last_seq)
		replay->last_seq = file->begin.last_seq;
	if (file->begin.start_seq > replay->report.start_seq)
		replay->report.start_seq = file->begin.start_seq;
	replay->file = file;
	replay->offset = WAL_HEADER_BYTES;
	replay->crc = file->seed;
	replay->report.clean = false; // that was the file before
	return skip_by_index(replay, file, err);
}

static void
tell_progress(WalReplay *replay, uint64_t at)
{
	uint64_t done = replay->done_bytes + at;
	if (replay->reader->progress == NULL || done - replay->told_bytes < TELL_BYTES)
		return;
	replay->told_bytes = done;
	replay->reader->progress(replay->reader->arg, done, replay->total_bytes);
}

static Status
read_records(WalReplay *replay, WalCursor *cursor, bool *goes_on, Error *err)
{
	uint64_t at = replay->offset;
	uint32_t crc = replay->crc;
	for (;;) {
		WalHead head;
		bool valid;
		TRY(wal_cursor_head(cursor, at, &head, &valid, err));
		valid = valid && in_order(replay, &head, at, crc);
		*goes_on = replay->gather.count == 0 && goes_on_in_next(replay, valid ? &head : NULL);
		if (valid && !*goes_on)
			TRY(take_record(replay, cursor, at, &head, &valid, err));
		if (!valid || *goes_on)
			return ST_OK;

		at += wal_record_bytes(head.length);
		crc = head.crc;
		if (replay->gather.count > 0)
			continue;
		replay->offset = at;
		replay->crc = crc;
		tell_progress(replay, at);
	}
}

Status
wal_replay_file(WalReplay *replay, bool *goes_on, Error *err)
{
	WalFile *file = replay->file;
	SCOPED(wal_cursor_close) WalCursor cursor = {.seed = file->seed};
	size_t window = file->indexed ? WAL_PEEK_BYTES : WAL_WINDOW_BYTES;
	TRY(wal_cursor_open(&cursor, replay->wal, file->header.number, window, err));
	uint64_t from = replay->offset;
	TRY(read_records(replay, &cursor, goes_on, err));

	wal_gather_reset(&replay->gather); // of a torn commit: it is dropped whole
	file->end = replay->offset;
	file->end_crc = replay->crc;
	file->last_seq = replay->last_seq;
	file->synced_end = replay->offset;
	replay->done_bytes += file->size;
	replay->report.bytes_read += replay->offset - from;
	return ST_OK;
}
