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

static void
keep_hot(Flush *flush, Batch *sorted)
{
	Store *store = flush->store;
	HotBuilder *builder = NULL;
	hot_keep_begin(store, flush->def, UINT64_MAX, &builder);
	if (builder == NULL)
		return;
	hot_builder_add(builder, sorted, 0, batch_rows(sorted));
	flush->hot = hot_keep_end(store, flush->table, flush->stats.id, builder, &flush->hot_entry);
	hot_builder_free(builder);
}

static Status
write_file(Flush *flush, DuckConn *conn, Error *err)
{
	Store *store = flush->store;
	SCOPED(batch_drop) Batch *sorted = NULL;
	TRY(segment_sorted(flush->segment, flush->def, flush->table->series, store->options.pool,
					   &sorted, &flush->positions, err));
	if (batch_rows(sorted) == 0)
		return ST_OK;
	TRY(file_unlink_if_there(flush->tmp_path, err)); // left by an attempt that failed
	ParquetFile written = {0};
	TRY(duck_write_parquet(conn, table_schema(flush->def), &sorted, 1, PARQUET_MANY_WORDS,
						   flush->tmp_path, &written, err));
	if (written.rows != batch_rows(sorted))
		return error_set(err, ST_INTERNAL, "%s has %" PRId64 " rows instead of %" PRId64,
						 flush->tmp_path, written.rows, batch_rows(sorted));
	flush->meta.rows = written.rows;
	flush->meta.bytes = written.bytes;
	flush->meta.footer_bytes = written.footer_bytes;
	keep_hot(flush, sorted);
	return ST_OK;
}

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
