// embedded_segment_remove.c - a segment of mobius.h goes with the rows it has: one deletion.
//
// Where rows replace others by key, the keys of those that a query would see go as with a DELETE:
// nothing older comes back. Rows of the segment that were replaced by another's hide nothing.

#include <inttypes.h>

#include "engine/change.h"
#include "engine/embedded_int.h"
#include "engine/workers.h"
#include "sql/rewrite.h"

enum {
	ROWS_AT_ONCE = 1 << 20,
	BYTES_AT_ONCE = 64 << 20,
	TRIES = 4, // on new definitions of the table
};

// ---- which rows ----

typedef struct Rows {
	uint64_t segment_id;
	int64_t min_time; // of the segment, ns; min > max: none
	int64_t max_time;
	Buf addresses; // RowAddress
} Rows;

static void
rows_close(Rows *rows)
{
	buf_close(&rows->addresses);
}

static void
add_row(Rows *rows, uint64_t segment_id, int64_t row, bool in_file)
{
	const RowAddress address = {.segment_id = segment_id, .row = row, .in_file = in_file};
	buf_add(&rows->addresses, &address, sizeof(address));
}

// As a statement, and for the same reason.
static Status
check_count(const Rows *rows, int64_t more, Error *err)
{
	int64_t count = (int64_t)(rows->addresses.len / sizeof(RowAddress));
	if (count + more <= CHANGE_MOST_ROWS)
		return ST_OK;
	return error_set(err, ST_LIMIT,
					 "segment %" PRIu64
					 " has more than %d rows to delete; delete them in parts, by "
					 "DELETE … WHERE with ranges of time",
					 rows->segment_id, CHANGE_MOST_ROWS);
}

static Status
add_file(Rows *rows, const FileSet *files, int32_t i, Error *err)
{
	const Mask *mask = file_set_mask(files, i);
	const FileMeta *meta = data_file_meta(file_set_at(files, i));
	rows->min_time = meta->min_time;
	rows->max_time = meta->max_time;
	TRY(check_count(rows, meta->rows - mask_count(mask), err));
	for (int64_t row = 0; row < meta->rows; row++)
		if (mask == NULL || !mask_has(mask, row))
			add_row(rows, rows->segment_id, row, true);
	return ST_OK;
}

static Status
add_part(void *arg, const SegmentPart *part, Error *err)
{
	Rows *rows = arg;
	for (int64_t row = 0; row < part->rows; row++)
		if (part_is_live(part, row))
			add_row(rows, rows->segment_id, part->first_row + row, false);
	return check_count(rows, 0, err);
}

static Status
add_memory(Rows *rows, const Segment *segment, uint64_t seq, Error *err)
{
	SegmentStats stats = segment_stats(segment);
	rows->min_time = stats.min_time;
	rows->max_time = stats.max_time;
	return segment_each(segment, seq, INT64_MIN, INT64_MAX, add_part, rows, err);
}

static Status
find_rows(const mobius_segment *segment, const Snapshot *snapshot, Rows *rows, Error *err)
{
	const TableView *view = &snapshot->tables[0];
	rows->segment_id = segment->id;
	int32_t file = file_set_find(view->files, segment->id);
	bool found = file >= 0;
	if (found)
		TRY(add_file(rows, view->files, file, err));
	for (int32_t i = 0; !found && i < view->segment_count; i++) {
		found = segment_stats(view->segments[i]).id == segment->id;
		if (found)
			TRY(add_memory(rows, view->segments[i], snapshot->seq, err));
	}
	if (!found)
		return error_set(err, ST_NOT_FOUND, "segment %" PRIu64 " was dropped", segment->id);
	return buf_status(&rows->addresses, err, "the rows of a segment");
}

// ---- other versions of their keys ----

static void
add_versions(Rows *rows, const Batch *batch, int64_t row)
{
	const Column *segments = batch_column(batch, 2), *places = batch_column(batch, 3);
	if (!column_valid(segments, row))
		return;
	const int32_t *ends = (const void *)segments->offsets.data;
	const uint64_t *ids = (const void *)segments->children[0].values.data;
	const int64_t *at = (const void *)places->children[0].values.data;
	for (int32_t i = ends[row]; i < ends[row + 1]; i++)
		add_row(rows, ids[i], at[i] >= 0 ? at[i] : -1 - at[i], at[i] >= 0);
}

// As a DELETE would find them, at the times that the segment has.
static Status
write_statement(const TableDef *def, const Rows *rows, Buf *sql, Error *err)
{
	buf_add_text(sql, "DELETE FROM ");
	sql_add_name(sql, table_database(def));
	buf_add_text(sql, ".htdb.");
	sql_add_name(sql, table_name(def));
	buf_add_text(sql, " WHERE ");
	sql_add_name(sql, schema_field(table_schema(def), table_order_column(def))->name);
	buf_add_printf(sql, " BETWEEN %" PRId64 " AND %" PRId64, rows->min_time, rows->max_time);
	return buf_status(sql, err, "the rows of a segment");
}

static Status
read_versions(SqlQuery *query, Rows *rows, Error *err)
{
	for (;;) {
		SCOPED(batch_drop) Batch *batch = NULL;
		TRY(sql_query_next(query, ROWS_AT_ONCE, BYTES_AT_ONCE, &batch, err));
		if (batch == NULL)
			return buf_status(&rows->addresses, err, "the rows of a segment");
		const uint64_t *ids = (const void *)batch_column(batch, 0)->values.data;
		for (int64_t row = 0; row < batch_rows(batch); row++)
			if (ids[row] == rows->segment_id)
				add_versions(rows, batch, row);
		TRY(check_count(rows, 0, err));
	}
}

// ST_CONFLICT: the table has grown meanwhile.
static Status
find_versions(const mobius_collection *collection, Rows *rows, Error *err)
{
	SCOPED(table_def_drop) TableDef *def = table_current(collection->table);
	SCOPED(buf_close) Buf text = BUF_INIT;
	SCOPED(sql_statement_drop) SqlStatement *statement = NULL;
	SCOPED(sql_query_drop) SqlQuery *query = NULL;
	if (!table_replaces(def) || rows->min_time > rows->max_time)
		return ST_OK;
	SqlSession session = {.database = table_database(def)};
	TRY(write_statement(def, rows, &text, err));
	TRY(sql_parse(buf_slice(&text), &statement, err));
	TRY(sql_query_open_match(collection->db->sql, &(SqlMatch){statement, def, NULL}, &session,
							 &query, err));
	if (!sql_query_reads(query, collection->table))
		return embedded_collection_check(collection, err);
	return read_versions(query, rows, err);
}

// ---- the commit ----

static Status
commit_deletion(const mobius_collection *collection, const Rows *rows, Error *err)
{
	int64_t count = (int64_t)(rows->addresses.len / sizeof(RowAddress));
	if (count == 0)
		return ST_OK;
	StoreDelete *del = NULL;
	TRY(store_delete_new(collection->db->store, collection->table,
						 (const RowAddress *)(const void *)rows->addresses.data, count, &del, err));
	SCOPED(commit_entry_close) CommitEntry entry = {0};
	TRY(commit_entry_of_deletion(collection->table, del, &entry, err));
	return conductor_commit(collection->db->conductor, &entry, false, NULL, err);
}

static Status
remove_locked(const mobius_segment *segment, Error *err)
{
	SCOPED(snapshot_drop) Snapshot *snapshot = NULL;
	SCOPED(rows_close) Rows rows = {.addresses = BUF_INIT};
	TRY(embedded_collection_snapshot(segment->collection, &snapshot, err));
	TRY(find_rows(segment, snapshot, &rows, err));
	TRY(find_versions(segment->collection, &rows, err));
	return commit_deletion(segment->collection, &rows, err);
}

// Sealed, it gets no more rows, and those it has are seen; with both locks they stay where they
// are.
static Status
segment_remove(mobius_segment *segment, Error *err)
{
	Table *table = segment->collection->table;
	TRY(embedded_collection_check(segment->collection, err));
	Status st = embedded_segment_seal(segment, err);
	if (st != ST_OK && st != ST_SEALED)
		return st;
	table_change_lock(table);
	table_rewrite_lock(table);
	st = ST_CONFLICT;
	for (int try = 1; st == ST_CONFLICT && try <= TRIES; try++)
		st = remove_locked(segment, err);
	table_rewrite_unlock(table);
	table_change_unlock(table);
	return st;
}

// ---- on a stack that a query fits on ----

typedef struct Removal {
	mobius_segment *segment;
	Status status;
	Error error;
} Removal;

static void
run_removal(void *arg)
{
	Removal *removal = arg;
	removal->status = segment_remove(removal->segment, &removal->error);
}

mobius_status
mobius_segment_remove(mobius_segment *segment, mobius_error *err)
{
	mobius *db = segment->collection->db;
	Removal removal = {.segment = segment, .error = ERROR_INIT};
	removal.status = database_ready(db, &removal.error);
	if (removal.status == ST_OK)
		workers_run(db->waiters, run_removal, &removal);
	return error_out(removal.status, &removal.error, err);
}
