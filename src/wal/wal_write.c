// A write is planned, then made with one call per file, and only when all of it is written does
// anybody see it. What fails leaves the log as it was: `end` did not move, the first head of what
// was written is wiped, and `attempt` keeps the rest of it from ever fitting in
// (wal_format_int.h).

#include <assert.h>

#include "base/hash.h"
#include "wal/wal_plan_int.h"

uint32_t
wal_payload_crc(const Piece *pieces, int32_t count)
{
	uint32_t crc = 0;
	for (int32_t i = 0; i < count; i++)
		crc = crc32c(crc, pieces[i].data, pieces[i].len);
	return crc;
}

static void
publish_part(const WalPlan *plan, const WalPart *part)
{
	WalFile *file = part->file;
	file->end = part->end;
	file->end_crc = part->end_crc;
	file->last_seq = part->last_seq;
	file->min_seq = part->min_seq;
	file->told = part->told;
	if (part->begun_ns != 0)
		file->begun_ns = part->begun_ns;
	for (size_t i = 0; i < part->slot_count; i++) {
		const WalSlot *slot = &plan->slots[part->first_slot + i];
		uint8_t kind = slot->head.kind;
		if (kind != WAL_SCHEMA && kind != WAL_MARK && kind != WAL_BEGIN)
			wal_index_add(&file->index, file->header.number, slot->offset, &slot->head);
	}
}

static void
publish(Wal *wal)
{
	const WalPlan *plan = wal->plan;
	WalFile *before = wal->active;
	File *done = NULL;
	pthread_mutex_lock(&wal->lock);
	publish_part(plan, &plan->parts[0]);
	if (plan->parts[1].file != NULL)
		publish_part(plan, &plan->parts[1]);
	wal->active = plan->part->file;
	if (wal->active == wal->ready)
		wal->ready = wal->active->next;
	if (before != NULL)
		done = wal_file_done(wal, before);
	pthread_mutex_unlock(&wal->lock);
	wal->last_seq = plan->part->last_seq;
	file_close(done);
}

static void
fill_group(const Wal *wal, WalGroup *group)
{
	*group = (WalGroup){.last_seq = wal->last_seq};
	int32_t files = 0;
	for (size_t i = 0; i < COUNT_OF(wal->plan->parts); i++) {
		const WalPart *part = &wal->plan->parts[i];
		if (part->slot_count == 0)
			continue;
		group->file_numbers[files++] = part->file->header.number;
		group->bytes += part->end - wal->plan->slots[part->first_slot].offset;
	}
}

// After a write that failed, in `tried` of the parts.
static void
undo(Wal *wal, size_t tried)
{
	static const uint8_t zeros[WAL_HEAD_BYTES];
	wal_plan_undo(wal->plan);
	for (size_t i = 0; i < tried; i++) {
		// If this fails too, the commits may come back with the next start: they were neither
		// acknowledged nor can they be denied.
		const WalPart *part = &wal->plan->parts[i];
		Status ignored = part->slot_count == 0 ? ST_OK
											   : file_write(part->file->file, part->file->end,
															zeros, sizeof(zeros), NULL);
		(void)ignored;
	}
	if (tried > 0)
		wal->attempt++;
}

// Makes the write, unless planning it failed already.
static Status
make_write(Wal *wal, Status planned, WalGroup *group, Error *err)
{
	WalPlan *plan = wal->plan;
	Status st = planned;
	size_t tried = 0;
	if (st == ST_OK)
		wal_plan_end(plan);
	while (st == ST_OK && tried < COUNT_OF(plan->parts)) {
		WalPart *part = &plan->parts[tried++];
		if (part->slot_count > 0)
			st = file_writev(part->file->file, part->file->end, plan->iov + part->first_iov,
							 part->iov_count, err);
	}
	if (st != ST_OK) {
		undo(wal, tried);
		return st;
	}
	publish(wal);
	fill_group(wal, group);
	return ST_OK;
}

static Status
plan_commits(Wal *wal, const WalCommit *commits, int32_t count, int32_t *planned, Error *err)
{
	bool fits = true;
	for (*planned = 0; *planned < count; ++*planned) {
		TRY(wal_plan_commit(wal, &commits[*planned], &fits, err));
		if (!fits)
			break;
	}
	return ST_OK;
}

static Status
check_running(const Wal *wal, Error *err)
{
	assert(wal->active != NULL);
	if (wal_failed(wal))
		return error_set(err, ST_UNAVAILABLE,
						 "%s: a sync failed, so nothing more is written; restart to recover",
						 wal->dir);
	return ST_OK;
}

Status
wal_write(Wal *wal, const WalCommit *commits, int32_t count, uint64_t synced_seq, WalGroup *group,
		  int32_t *written, Error *err)
{
	if (wal->dir == NULL) {
		*group = (WalGroup){.last_seq = commits[count - 1].seq};
		*written = count;
		return ST_OK;
	}
	TRY(check_running(wal, err));
	TRY(wal_plan_begin(wal, wal->active, commits, count, synced_seq, err));
	int32_t planned;
	Status st = plan_commits(wal, commits, count, &planned, err);
	TRY(make_write(wal, st, group, err));
	*written = planned;
	return ST_OK;
}

Status
wal_mark(Wal *wal, uint64_t seq, uint64_t synced_seq, bool clean, WalGroup *group, Error *err)
{
	if (wal->dir == NULL) {
		*group = (WalGroup){.last_seq = seq};
		return ST_OK;
	}
	TRY(check_running(wal, err));
	if (clean)
		wal_leave(wal);
	TRY(wal_plan_begin(wal, wal->active, NULL, 0, synced_seq, err));
	return make_write(wal, wal_plan_mark(wal, seq, clean, err), group, err);
}

Status
wal_begin_settled(Wal *wal, Error *err)
{
	WalFile *file = wal->ready;
	WalFile *last = wal->first == file ? NULL : wal->first;
	while (last != NULL && last->next != file)
		last = last->next;
	WalPart before = {.file = last};
	if (last != NULL) {
		before.end = last->end;
		before.end_crc = last->end_crc;
	}
	WalGroup group;
	TRY(wal_plan_begin(wal, file, NULL, 0, wal->last_seq, err));
	TRY(make_write(wal, wal_plan_first(wal, &before, WAL_SETTLED, err), &group, err));
	return wal_sync(wal, &group, err);
}
