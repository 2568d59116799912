// flush_file.c - a memory segment as a Parquet file: written, synced, read back, put in its place.

#include <inttypes.h>

#include "base/mem.h"
#include "os/clock.h"
#include "os/file.h"
#include "store/flush_int.h"
#include "store/quarantine.h"
#include "store/sorted.h"

void
flush_close(Flush *flush)
{
	table_unref(flush->table);
	segment_unref(flush->segment);
	table_def_unref(flush->def);
	mem_free(flush->tmp_path);
	mem_free(flush->dir);
	mem_free(flush->path);
	mem_free(flush->positions);
	hot_unref(flush->hot);
	hot_entry_free(flush->hot_entry);
}

static Status
make_paths(Flush *flush, Error *err)
{
	Store *store = flush->store;
	flush->tmp_path = mem_printf("%s/%" PRIu64 ".parquet", store->tmp_dir, flush->stats.id);
	flush->dir = mem_printf("%s/%" PRIu32, store->files_dir, flush->table->id);
	flush->path = store_file_path(store, flush->table->id, flush->stats.id);
	if (flush->tmp_path == NULL || flush->dir == NULL || flush->path == NULL)
		return error_no_memory(err, "a flush");
	return ST_OK;
}

// ---- rows ----

// Its sorted rows, piece by piece: into the file, and to the copy in memory.
typedef struct FlushRows {
	SortedRows *sorted;
	HotBuilder *hot; // NULL: none
	Batch *piece;    // NULL: none
	int64_t row;     // of the piece, the next
	bool given;      // rows of the piece, since the last turn
} FlushRows;

static void
rows_close(FlushRows *rows)
{
	batch_unref(rows->piece);
	sorted_rows_free(rows->sorted);
	hot_builder_free(rows->hot);
}

static Status
next_piece(FlushRows *rows, Error *err)
{
	batch_unref(TAKE(rows->piece));
	rows->row = 0;
	TRY(sorted_rows_next(rows->sorted, &rows->piece, err));
	if (rows->hot != NULL && rows->piece != NULL)
		hot_builder_add(rows->hot, rows->piece, 0, batch_rows(rows->piece));
	return ST_OK;
}

static Status
next_rows(void *arg, int64_t most, RowRun *out, Error *err)
{
	FlushRows *rows = arg;
	bool used_up = rows->piece == NULL || rows->row == batch_rows(rows->piece);
	if (used_up && rows->given) // what was given is still needed
		return ST_OK;
	if (used_up)
		TRY(next_piece(rows, err));
	if (rows->piece == NULL)
		return ST_OK;
	int64_t left = batch_rows(rows->piece) - rows->row;
	*out = (RowRun){.batch = rows->piece, .row = rows->row, .rows = left < most ? left : most};
	rows->row += out->rows;
	rows->given = true;
	return ST_OK;
}

static Status
next_turn(void *arg, Error *err)
{
	(void)err;
	((FlushRows *)arg)->given = false;
	return ST_OK;
}

static Status
write_file(Flush *flush, DuckConn *conn, Error *err)
{
	Store *store = flush->store;
	SCOPED(rows_close) FlushRows rows = {0};
	TRY(sorted_rows_new(flush->segment, flush->def, flush->table->series, store->options.pool,
						&rows.sorted, err));
	int64_t count = sorted_rows_count(rows.sorted);
	flush->positions = sorted_rows_take_positions(rows.sorted);
	if (count == 0)
		return ST_OK;
	TRY(file_unlink_if_there(flush->tmp_path, err)); // left by an attempt that failed
	if (flush->cached)
		hot_keep_begin(store, flush->def, UINT64_MAX, &rows.hot);
	RowSource source = {next_rows, next_turn, &rows};
	ParquetFile written = {0};
	TRY(duck_write_rows(conn, table_schema(flush->def), &source, PARQUET_MANY_WORDS,
						flush->tmp_path, &written, err));
	if (written.rows != count)
		return error_set(err, ST_INTERNAL, "%s has %" PRId64 " rows instead of %" PRId64,
						 flush->tmp_path, written.rows, count);
	flush->meta.rows = written.rows;
	flush->meta.bytes = written.bytes;
	flush->meta.footer_bytes = written.footer_bytes;
	flush->hot = hot_keep_end(store, flush->table, flush->stats.id, rows.hot, &flush->hot_entry);
	return ST_OK;
}

// ---- the file ----

static Status
place_file(Flush *flush, Error *err)
{
	SCOPED(file_drop) File *file = NULL;
	TRY(file_open(flush->tmp_path, FILE_WRITE, &file, err));
	TRY(file_sync(file, err));
	// Read back: what is hashed is what the disk's cache holds, not what was meant.
	TRY(verify_take_hashes(file, &flush->meta, err));
	TRY(dir_make(flush->dir, err));
	TRY(dir_sync(flush->store->files_dir, err));
	TRY(file_rename(flush->tmp_path, flush->path, err));
	return dir_sync(flush->dir, err);
}

static void
describe(Flush *flush)
{
	FileMeta *meta = &flush->meta;
	meta->segment_id = flush->stats.id;
	meta->table_id = flush->table->id;
	meta->table_version = table_version(flush->def);
	meta->min_time = flush->stats.min_time;
	meta->max_time = flush->stats.max_time;
	meta->min_seq = flush->stats.min_seq;
	meta->max_seq = flush->stats.max_seq;
	meta->created_ns = clock_wall_ns();
	meta->sealed_ns = flush->stats.sealed_ns;
	meta->late_min = 1; // none: describe_late
	meta->late_max = 0;
}

Status
flush_write(Flush *flush, DuckConn *conn, Error *err)
{
	TRY(store_check_thawed(flush->store, err)); // for nothing, else
	TRY(make_paths(flush, err));
	TRY(write_file(flush, conn, err));
	if (flush->meta.rows > 0)
		TRY(place_file(flush, err));
	describe(flush);
	return ST_OK;
}

Status
segment_to_file(Store *store, Table *table, Segment *seg, TableDef *def, DuckConn *conn,
				DataFile **out, Error *err)
{
	SCOPED(flush_close)
	Flush flush = {.store = store,
				   .table = table_ref(table),
				   .segment = segment_ref(seg),
				   .def = table_def_ref(def),
				   .stats = segment_stats(seg)};
	TRY(flush_write(&flush, conn, err));
	file_meta_come_late(&flush.meta, def);
	Status st = data_file_new(&flush.meta, def, flush.path, out, err);
	if (st == ST_OK)
		data_file_written(*out);
	else
		(void)file_unlink(flush.path, NULL);
	return st;
}
