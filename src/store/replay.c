// replay.c - deletions that are read back from the log.
//
// A deletion names rows that were in memory by their commit. Where replay itself has flushed them
// meanwhile, the file was made without it: so what flushes make while the log is replayed is kept
// from the catalog until its end, and where each row went is known until then. A crash in between
// finds the catalog as it was.

#include <stdlib.h>

#include "base/mem.h"
#include "store/store_int.h"

// One segment that was flushed during the replay.
struct Replayed {
	uint64_t segment_id;
	SegmentCommit *commits; // in order
	int32_t commit_count;
	uint32_t *file_rows; // by position; LEFT_OUT: it is in no file
	struct Replayed *next;
};

enum { FEW_COMMITS = 64 };
#define LEFT_OUT UINT32_MAX

// ---- what flushes made ----

void
replayed_free(Replayed *all)
{
	for (Replayed *next; all != NULL; all = next) {
		next = all->next;
		mem_free(all->commits);
		mem_free(all->file_rows);
		mem_free(all);
	}
}

static void
replayed_drop(Replayed **replayed)
{
	replayed_free(*replayed);
}

static Status
list_commits(const Segment *seg, int64_t rows, Replayed *to, Error *err)
{
	SegmentPlace place = {0};
	int32_t room = 0;
	for (int64_t row = 0; row < rows; to->commit_count++) {
		if (to->commit_count == room) {
			room = room == 0 ? FEW_COMMITS : room * 2;
			SegmentCommit *more = mem_resize(to->commits, (size_t)room * sizeof(*more));
			if (more == NULL)
				return error_no_memory(err, "replay");
			to->commits = more;
		}
		SegmentCommit *commit = &to->commits[to->commit_count];
		bool found = segment_commit_of(seg, &place, row, commit);
		must(found);
		row = commit->first_row + commit->rows;
	}
	return ST_OK;
}

Status
replayed_new(const Segment *seg, const uint32_t *positions, int64_t file_rows, Replayed **out,
			 Error *err)
{
	SegmentStats stats = segment_stats(seg);
	SCOPED(replayed_drop) Replayed *replayed = mem_alloc(sizeof(*replayed));
	if (replayed == NULL)
		return error_no_memory(err, "replay");
	replayed->segment_id = stats.id;
	replayed->file_rows = mem_alloc_array((size_t)stats.rows + 1, sizeof(uint32_t));
	if (replayed->file_rows == NULL)
		return error_no_memory(err, "replay");
	for (int64_t i = 0; i < stats.rows; i++)
		replayed->file_rows[i] = LEFT_OUT;
	for (int64_t i = 0; i < file_rows; i++)
		replayed->file_rows[positions[i]] = (uint32_t)i;
	TRY(list_commits(seg, stats.rows, replayed, err));
	*out = TAKE(replayed);
	return ST_OK;
}

void
replayed_add(Table *table, Replayed *replayed)
{
	Replayed **at = &table->replayed;
	while (*at != NULL)
		at = &(*at)->next;
	*at = replayed;
}

static const SegmentCommit *
find_commit(const Replayed *replayed, uint64_t seq)
{
	int32_t low = 0, high = replayed->commit_count;
	while (low < high) {
		int32_t middle = low + (high - low) / 2;
		if (replayed->commits[middle].seq < seq)
			low = middle + 1;
		else
			high = middle;
	}
	bool found = low < replayed->commit_count && replayed->commits[low].seq == seq;
	return found ? &replayed->commits[low] : NULL;
}

const Replayed *
replayed_find(const Table *table, uint64_t seq, SegmentCommit *out)
{
	for (const Replayed *r = table->replayed; r != NULL; r = r->next) {
		const SegmentCommit *commit = find_commit(r, seq);
		if (commit == NULL)
			continue;
		*out = *commit;
		return r;
	}
	return NULL;
}

uint64_t
replayed_segment(const Replayed *replayed)
{
	return replayed->segment_id;
}

bool
replayed_row(const Replayed *replayed, int64_t position, uint32_t *file_row)
{
	*file_row = replayed->file_rows[position];
	return *file_row != LEFT_OUT;
}

// ---- the replay ----

static Status
set_replaying(Store *store, Status (*each)(Table *table, Error *err), Error *err)
{
	SCOPED(snapshot_drop) Snapshot *snapshot = NULL;
	TRY(store_snapshot(store, NULL, 0, &snapshot, err));
	for (int32_t i = 0; i < snapshot->table_count; i++) {
		Table *table = snapshot->tables[i].table;
		table_rewrite_lock(table);
		Status st = each(table, err);
		table_rewrite_unlock(table);
		TRY(st);
	}
	return ST_OK;
}

static Status
begin_table(Table *table, Error *err)
{
	(void)err;
	table->replaying = true;
	return ST_OK;
}

Status
store_begin_replay(Store *store, Error *err)
{
	store->replaying = true;
	return set_replaying(store, begin_table, err);
}

typedef struct Ending {
	FileMeta *files;
	CatalogMask *masks;
	Buf *rows; // of the masks
	CatalogEdit edit;
} Ending;

static void
ending_close(Ending *e)
{
	for (int32_t i = 0; i < e->edit.mask_count; i++)
		buf_close(&e->rows[i]);
	mem_free(e->files);
	mem_free(e->masks);
	mem_free(e->rows);
}

static Status
add_file(Ending *e, const FileSet *files, int32_t at, Error *err)
{
	const Mask *mask = file_set_mask(files, at);
	e->files[e->edit.file_count] = *data_file_meta(file_set_at(files, at));
	uint64_t id = e->files[e->edit.file_count++].segment_id;
	if (mask == NULL)
		return ST_OK;
	Buf *rows = &e->rows[e->edit.mask_count];
	e->edit.mask_count++;
	TRY(mask_encode(mask, rows, err));
	e->masks[e->edit.mask_count - 1] = (CatalogMask){id, mask_seq(mask), buf_slice(rows)};
	return ST_OK;
}

static Status
end_table(Table *table, Error *err)
{
	SCOPED(ending_close) Ending e = {0};
	size_t most = 1;
	for (const Replayed *r = table->replayed; r != NULL; r = r->next)
		most++;
	e.files = mem_alloc_array(most, sizeof(FileMeta));
	e.masks = mem_alloc_array(most, sizeof(CatalogMask));
	e.rows = mem_alloc_array(most, sizeof(Buf));
	if (e.files == NULL || e.masks == NULL || e.rows == NULL)
		return error_no_memory(err, "replay");
	for (const Replayed *r = table->replayed; r != NULL; r = r->next) {
		int32_t at = file_set_find(table->files, r->segment_id);
		if (at >= 0) // else it was truncated since, or had no rows
			TRY(add_file(&e, table->files, at, err));
	}
	CatalogFlushed flushed = {table->id, store_flushed_seq(table), table_last_id(table)};
	e.edit.files = e.files;
	e.edit.masks = e.masks;
	e.edit.flushed = &flushed;
	e.edit.flushed_count = 1;
	if (table->replayed != NULL)
		TRY(catalog_publish(table->store->options.catalog, &e.edit, err));
	replayed_free(TAKE(table->replayed));
	table->replaying = false;
	return ST_OK;
}

Status
store_end_replay(Store *store, Error *err)
{
	store->replaying = false;
	TRY(set_replaying(store, end_table, err));
	return store_sweep(store, err);
}

// ---- one deletion ----

static Status
replay(Store *store, Table *table, Slice payload, uint64_t seq, Error *err)
{
	SCOPED(snapshot_drop) Snapshot *snapshot = NULL;
	TRY(store_snapshot(store, &table, 1, &snapshot, err));
	const TableView *view = &snapshot->tables[0];
	SCOPED(delete_drop) StoreDelete *del = NULL;
	TRY(delete_decode(payload, view, &del, err));
	TRY(del->all ? truncate_prepare(del, view, seq, err) : delete_prepare(del, view->files, err));
	delete_apply(del, seq);
	pthread_mutex_lock(&store->lock);
	delete_swap_locked(del);
	pthread_mutex_unlock(&store->lock);
	return ST_OK;
}

Status
store_replay_delete(Store *store, Table *table, Slice payload, uint64_t seq, Error *err)
{
	table_rewrite_lock(table); // files are flushed meanwhile
	Status st = replay(store, table, payload, seq, err);
	table_rewrite_unlock(table);
	return st;
}
