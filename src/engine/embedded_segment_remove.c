// embedded_segment_remove.c - a segment of mobius.h goes with the rows it has: one deletion.

#include <inttypes.h>

#include "base/mem.h"
#include "engine/embedded_int.h"

// ---- which rows ----

typedef struct Rows {
	uint64_t segment_id;
	Buf addresses; // RowAddress
} Rows;

static void
rows_close(Rows *rows)
{
	buf_close(&rows->addresses);
}

static void
add_row(Rows *rows, int64_t row, bool in_file)
{
	const RowAddress address = {.segment_id = rows->segment_id, .row = row, .in_file = in_file};
	buf_add(&rows->addresses, &address, sizeof(address));
}

static void
add_file(Rows *rows, const FileSet *files, int32_t i)
{
	const Mask *mask = file_set_mask(files, i);
	int64_t count = data_file_meta(file_set_at(files, i))->rows;
	for (int64_t row = 0; row < count; row++)
		if (mask == NULL || !mask_has(mask, row))
			add_row(rows, row, true);
}

static Status
add_part(void *arg, const SegmentPart *part, Error *err)
{
	(void)err;
	for (int64_t row = 0; row < part->rows; row++)
		if (part_is_live(part, row))
			add_row(arg, part->first_row + row, false);
	return ST_OK;
}

static Status
find_rows(const mobius_segment *segment, const Snapshot *snapshot, Rows *rows, Error *err)
{
	const TableView *view = &snapshot->tables[0];
	rows->segment_id = segment->id;
	int32_t file = file_set_find(view->files, segment->id);
	bool found = file >= 0;
	if (found)
		add_file(rows, view->files, file);
	for (int32_t i = 0; !found && i < view->segment_count; i++) {
		found = segment_stats(view->segments[i]).id == segment->id;
		if (found)
			TRY(segment_each(view->segments[i], snapshot->seq, INT64_MIN, INT64_MAX, add_part, rows,
							 err));
	}
	if (!found)
		return error_set(err, ST_NOT_FOUND, "segment %" PRIu64 " was dropped", segment->id);
	return buf_status(&rows->addresses, err, "the rows of a segment");
}

// ---- the commit ----

static Status
commit_deletion(const mobius_collection *collection, const Rows *rows, Error *err)
{
	int64_t count = (int64_t)(rows->addresses.len / sizeof(RowAddress));
	if (count == 0)
		return ST_OK;
	SCOPED(commit_entry_close)
	CommitEntry entry = {
		.wal = {.kind = WAL_DELETE, .table_id = table_id(collection->made), .min_time = 1},
		.table = table_ref(collection->table),
	};
	TRY(store_delete_new(collection->db->store, collection->table,
						 (const RowAddress *)(const void *)rows->addresses.data, count, &entry.del,
						 err));
	TRY(store_delete_encode(entry.del, &entry.head, err));
	TRY(commit_entry_seal(&entry, err));
	return conductor_commit(collection->db->conductor, &entry, false, NULL, err);
}

static Status
remove_locked(const mobius_segment *segment, Error *err)
{
	SCOPED(snapshot_drop) Snapshot *snapshot = NULL;
	SCOPED(rows_close) Rows rows = {.addresses = BUF_INIT};
	TRY(embedded_collection_snapshot(segment->collection, &snapshot, err));
	TRY(find_rows(segment, snapshot, &rows, err));
	return commit_deletion(segment->collection, &rows, err);
}

// Sealed, it gets no more rows, and those it has are seen; with both locks they stay where they
// are.
static Status
segment_remove(mobius_segment *segment, Error *err)
{
	Table *table = segment->collection->table;
	TRY(embedded_collection_check(segment->collection, err));
	// Older versions of its keys, in other segments, would come back.
	if (table_replaces(segment->collection->made))
		return error_set(err, ST_UNIMPLEMENTED,
						 "removing a segment of a collection with dedup = 'last' is not built yet; "
						 "delete its rows");
	Status st = embedded_segment_seal(segment, err);
	if (st != ST_OK && st != ST_SEALED)
		return st;
	table_change_lock(table);
	table_rewrite_lock(table);
	st = remove_locked(segment, err);
	table_rewrite_unlock(table);
	table_change_unlock(table);
	return st;
}

mobius_status
mobius_segment_remove(mobius_segment *segment, mobius_error *err)
{
	Error e = ERROR_INIT;
	return error_out(segment_remove(segment, &e), &e, err);
}
