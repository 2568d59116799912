#include "wal/wal_plan_int.h"

#include <assert.h>

#include "base/mem.h"
#include "os/clock.h"

static const uint8_t zeros[WAL_PAD_MAX];
static const uint64_t not_there = UINT64_MAX; // the offset of a schema that was not written

void
wal_plan_free(WalPlan *plan)
{
	if (plan == NULL)
		return;
	mem_free(plan->slots);
	mem_free(plan->iov);
	buf_close(&plan->begin);
	mem_free(plan);
}

// ---- room ----

static void *
grow(void *array, size_t *cap, size_t wanted, size_t size)
{
	if (wanted <= *cap)
		return array;
	void *grown = mem_resize(array, (wanted + wanted / 2) * size);
	if (grown != NULL)
		*cap = wanted + wanted / 2;
	return grown;
}

static Status
reserve(WalPlan *plan, const WalCommit *commits, int32_t count, Error *err)
{
	size_t slots = 3; // a BEGIN, two marks
	size_t iovs = 6;  // of those, with the padding at the end of two files
	for (int32_t i = 0; i < count; i++) {
		for (int32_t j = 0; j < commits[i].count; j++) {
			slots += 2; // one for the schema
			iovs += 3 + (size_t)commits[i].entries[j].piece_count;
		}
	}
	WalSlot *grown_slots = grow(plan->slots, &plan->slot_cap, slots, sizeof(WalSlot));
	if (grown_slots != NULL)
		plan->slots = grown_slots;
	struct iovec *grown_iov = grow(plan->iov, &plan->iov_cap, iovs, sizeof(struct iovec));
	if (grown_iov != NULL)
		plan->iov = grown_iov;
	return grown_slots == NULL || grown_iov == NULL ? error_no_memory(err, "a write to the log")
													: ST_OK;
}

static void
part_init(WalPart *part, WalFile *file, const WalPart *before, uint64_t last_seq)
{
	*part = (WalPart){
		.file = file,
		.end = file->end,
		.end_crc = file->end_crc,
		.last_seq = last_seq,
		.min_seq = file->min_seq,
		.told = file->told,
	};
	if (before != NULL) {
		part->first_slot = before->first_slot + before->slot_count;
		part->first_iov = before->first_iov + before->iov_count;
	}
}

Status
wal_plan_begin(Wal *wal, WalFile *file, const WalCommit *commits, int32_t count,
			   uint64_t synced_seq, Error *err)
{
	if (wal->plan == NULL)
		wal->plan = mem_alloc(sizeof(*wal->plan));
	if (wal->plan == NULL)
		return error_no_memory(err, "a write to the log");
	WalPlan *plan = wal->plan;
	TRY(reserve(plan, commits, count, err));
	plan->part = &plan->parts[0];
	plan->parts[1] = (WalPart){0};
	// Seqs that a start has left out were never written: to name one would say that it is lost.
	plan->synced_seq = synced_seq < wal->start_seq ? wal->before_seq : synced_seq;
	plan->attempt = wal->attempt;
	part_init(plan->part, file, NULL, wal->last_seq);
	return ST_OK;
}

// ---- records ----

static void
add_iov(WalPlan *plan, const void *data, size_t len)
{
	WalPart *part = plan->part;
	if (len > 0)
		plan->iov[part->first_iov + part->iov_count++] =
			(struct iovec){.iov_base = (void *)(uintptr_t)data, .iov_len = len};
}

static void
add_record(WalPlan *plan, WalHead head, const Piece *pieces, int32_t count)
{
	WalPart *part = plan->part;
	WalSlot *slot = &plan->slots[part->first_slot + part->slot_count++];
	head.prev_crc = part->end_crc;
	head.synced_seq = plan->synced_seq < head.seq ? plan->synced_seq : head.seq;
	head.attempt = plan->attempt;
	memset(slot->bytes, 0, WAL_PAD_MAX);
	wal_head_encode(part->file->seed, part->end, &head, slot->bytes + WAL_PAD_MAX);
	slot->head = head;
	slot->offset = part->end;

	add_iov(plan, slot->bytes + WAL_PAD_MAX - part->pad, part->pad + WAL_HEAD_BYTES);
	for (int32_t i = 0; i < count; i++)
		add_iov(plan, pieces[i].data, pieces[i].len);
	part->pad = wal_record_bytes(head.length) - WAL_HEAD_BYTES - head.length;
	part->end += wal_record_bytes(head.length);
	part->end_crc = head.crc;
}

// A record of the log itself.
static void
add_own(WalPlan *plan, WalHead head, Slice payload)
{
	Piece piece = {.data = payload.data, .len = payload.len};
	head.length = (uint32_t)payload.len;
	head.payload_crc = wal_payload_crc(&piece, 1);
	head.min_time = INT64_MAX;
	head.max_time = INT64_MIN;
	add_record(plan, head, &piece, 1);
}

void
wal_plan_end(WalPlan *plan)
{
	add_iov(plan, zeros, plan->part->pad);
	plan->part->pad = 0;
}

// ---- files ----

static bool
fits(const WalPart *part, uint64_t bytes)
{
	return part->end + bytes <= part->file->size;
}

// Makes the file larger for what does not fit into an empty one. That is on disk before the file
// says so.
static Status
make_fit(Wal *wal, const WalPart *part, uint64_t bytes, Error *err)
{
	if (fits(part, bytes))
		return ST_OK;
	uint64_t size = (part->end + bytes + WAL_ALIGNMENT - 1) & ~(uint64_t)(WAL_ALIGNMENT - 1);
	TRY(file_allocate(part->file->file, size, err));
	TRY(wal_file_sync(wal, part->file, err));
	pthread_mutex_lock(&wal->lock);
	part->file->size = size;
	pthread_mutex_unlock(&wal->lock);
	return ST_OK;
}

// A BEGIN or a mark.
static void
add_sized(WalPlan *plan, WalHead head, Slice payload)
{
	WalPart *part = plan->part;
	const WalFile *file = part->file;
	head.rows = file->size > file->header.size ? (int64_t)file->size : 0;
	add_own(plan, head, payload);
	part->told = file->size;
}

Status
wal_plan_first(Wal *wal, const WalPart *before, uint8_t flags, Error *err)
{
	WalPlan *plan = wal->plan;
	WalBegin begin = {
		.last_seq = plan->part->last_seq,
		.start_seq = wal->start_seq,
		.begun_ns = clock_wall_ns(),
		.hole_count = (flags & WAL_SETTLED) != 0 ? wal->hole_count : 0,
	};
	if (before->file != NULL) {
		begin.previous = (WalPlace){before->file->header.number, before->end};
		begin.previous_crc = before->end_crc;
	}
	buf_reset(&plan->begin);
	wal_begin_encode(&begin, wal->holes, &plan->begin);
	TRY(buf_status(&plan->begin, err, "a write to the log"));
	TRY(make_fit(wal, plan->part, wal_record_bytes((uint32_t)plan->begin.len), err));
	plan->part->begun_ns = begin.begun_ns;
	add_sized(plan, (WalHead){.kind = WAL_BEGIN, .flags = flags, .seq = begin.last_seq + 1},
			  buf_slice(&plan->begin));
	return ST_OK;
}

// Goes on in the next file.
static Status
roll(Wal *wal, Error *err)
{
	WalPlan *plan = wal->plan;
	TRY(wal_files_make_ready(wal, 1, err));
	pthread_mutex_lock(&wal->lock);
	WalFile *next = wal->ready;
	pthread_mutex_unlock(&wal->lock);

	wal_plan_end(plan);
	part_init(&plan->parts[1], next, &plan->parts[0], plan->parts[0].last_seq);
	plan->part = &plan->parts[1];
	return wal_plan_first(wal, &plan->parts[0], 0, err);
}

// ---- commits ----

static bool
has_schema(const WalFile *file, uint32_t schema_id)
{
	const uint64_t *offset = wal_map_find(&file->schemas, schema_id);
	return offset != NULL && *offset != not_there;
}

// At most: a schema that is new in this file and used twice is counted twice.
static uint64_t
commit_bytes(const WalFile *file, const WalCommit *commit)
{
	uint64_t bytes = 0;
	for (int32_t i = 0; i < commit->count; i++) {
		const WalEntry *entry = &commit->entries[i];
		bytes += wal_record_bytes(entry->length);
		if (entry->kind == WAL_BATCH && !has_schema(file, entry->schema_id))
			bytes += wal_record_bytes((uint32_t)entry->schema.len);
	}
	return bytes;
}

// A file that has grown says so before the commit that it has grown for.
static Status
make_commit_fit(Wal *wal, const WalCommit *commit, Error *err)
{
	WalPart *part = wal->plan->part;
	uint64_t bytes = commit_bytes(part->file, commit);
	bool grown = part->told < part->file->size; // for a write that failed
	if (fits(part, bytes) && !grown)
		return ST_OK;
	TRY(make_fit(wal, part, bytes + WAL_HEAD_BYTES, err));
	add_sized(wal->plan, (WalHead){.kind = WAL_MARK, .seq = commit->seq}, slice_of(NULL, 0));
	return ST_OK;
}

// What the publication of this commit needs, so that it cannot fail.
static Status
reserve_commit(Wal *wal, WalPart *part, const WalCommit *commit, Error *err)
{
	part->entries += (uint32_t)commit->count;
	pthread_mutex_lock(&wal->lock);
	bool room = wal_index_reserve(&part->file->index, part->entries);
	pthread_mutex_unlock(&wal->lock);
	if (!room || !wal_map_reserve(&part->file->schemas, (uint32_t)commit->count))
		return error_no_memory(err, "the index of a log file");
	return ST_OK;
}

static void
add_entry(WalPlan *plan, const WalCommit *commit, int32_t at)
{
	const WalEntry *entry = &commit->entries[at];
	WalFile *file = plan->part->file;
	WalHead head = {
		.seq = commit->seq,
		.flags = at == 0 ? WAL_FIRST : 0,
		.table_id = entry->table_id,
		.schema_id = entry->schema_id,
	};
	if (entry->kind == WAL_BATCH && !has_schema(file, entry->schema_id)) {
		*wal_map_put(&file->schemas, entry->schema_id, 0) = plan->part->end;
		head.kind = WAL_SCHEMA;
		add_own(plan, head, entry->schema);
		head.flags = 0;
	}
	head.kind = (uint8_t)entry->kind;
	head.flags |= at == commit->count - 1 ? WAL_LAST : 0;
	head.length = entry->length;
	head.payload_crc = entry->payload_crc;
	head.rows = entry->rows;
	head.min_time = entry->min_time;
	head.max_time = entry->max_time;
	add_record(plan, head, entry->pieces, entry->piece_count);
}

Status
wal_plan_commit(Wal *wal, const WalCommit *commit, bool *fitting, Error *err)
{
	WalPlan *plan = wal->plan;
	must(commit->count > 0 && commit->seq > plan->part->last_seq);
	bool empty = plan->part->min_seq == 0;
	*fitting = fits(plan->part, commit_bytes(plan->part->file, commit));
	if (!*fitting && !empty && plan->part == &plan->parts[1])
		return ST_OK;
	if (!*fitting && !empty)
		TRY(roll(wal, err));
	TRY(make_commit_fit(wal, commit, err));
	TRY(reserve_commit(wal, plan->part, commit, err));
	for (int32_t i = 0; i < commit->count; i++)
		add_entry(plan, commit, i);
	plan->part->last_seq = commit->seq;
	if (plan->part->min_seq == 0)
		plan->part->min_seq = commit->seq;
	*fitting = true;
	return ST_OK;
}

Status
wal_plan_mark(Wal *wal, uint64_t seq, bool clean, Error *err)
{
	WalPlan *plan = wal->plan;
	if (!fits(plan->part, WAL_HEAD_BYTES))
		TRY(roll(wal, err));
	TRY(make_fit(wal, plan->part, WAL_HEAD_BYTES, err));
	uint8_t flags = clean ? WAL_CLEAN : 0;
	add_sized(plan, (WalHead){.kind = WAL_MARK, .flags = flags, .seq = seq}, slice_of(NULL, 0));
	return ST_OK;
}

void
wal_plan_undo(WalPlan *plan)
{
	for (size_t i = 0; i < COUNT_OF(plan->parts); i++) {
		WalFile *file = plan->parts[i].file;
		for (uint32_t j = 0; file != NULL && j < file->schemas.cap; j++) {
			if (file->schemas.slots[j].value >= file->end)
				file->schemas.slots[j].value = not_there;
		}
	}
}
