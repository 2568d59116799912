// rig.h - a store over a directory of its own, with commits as the conductor makes them.

#pragma once

#include <sched.h>
#include <sys/stat.h>

#include "../temp_dir.h"
#include "os/thread.h"
#include "store/store.h"
#include "support.h"

typedef struct Rig {
	char dir[64];
	char path[160]; // of path_in
	Catalog *catalog;
	Budget *budget;
	Budget *hot; // cache.columns, of rig_add_cache; NULL: files are read as files
	BytesPool *pool;
	Duck *duck; // NULL: nothing is flushed
	DuckConn *conn;
	Store *store;
	uint64_t segment_bytes;
	uint32_t series_limit;
	uint64_t seq;
	bool verify_strict;
	bool in_memory;                                // the store has no directory
	Status (*replay)(struct Rig *rig, Error *err); // when it is opened; NULL: nothing
} Rig;

static inline const char *
path_in(Rig *rig, const char *name)
{
	snprintf(rig->path, sizeof(rig->path), "%s/%s", rig->dir, name);
	return rig->path;
}

// As the engine does it: a trusted instance of one thread that may write into the directory.
static inline void
rig_add_duck(Rig *rig)
{
	char temp[96], allowed[96];
	Error err = ERROR_INIT;
	snprintf(temp, sizeof(temp), "%s/tmp-sql", rig->dir);
	snprintf(allowed, sizeof(allowed), "%s/", rig->dir);
	ok(dir_make(temp, &err), &err);
	DuckOptions options = {.threads = 1,
						   .memory_bytes = 256 << 20,
						   .temp_dir = temp,
						   .allowed_dir = allowed,
						   .trusted = true};
	ok(duck_open(&options, &rig->duck, &err), &err);
	ok(duck_connect(rig->duck, &rig->conn, &err), &err);
}

static inline void
rig_new(Rig *rig)
{
	*rig = (Rig){.segment_bytes = 1 << 20, .series_limit = 1000000};
	temp_dir_make(rig->dir);
	Error err = ERROR_INIT;
	ok(budget_new("memtable.limit", UINT64_C(1) << 30, &rig->budget, &err), &err);
	ok(bytes_pool_new(16 << 20, &rig->pool, &err), &err);
}

// Before it is opened.
static inline void
rig_add_cache(Rig *rig, uint64_t bytes)
{
	Error err = ERROR_INIT;
	ok(budget_new("cache.columns", bytes, &rig->hot, &err), &err);
}

static inline Status
rig_try_store(Rig *rig, Error *err)
{
	StoreOptions options = {
		.dir = rig->in_memory ? NULL : rig->dir,
		.catalog = rig->catalog,
		.duck = rig->duck,
		.budget = rig->budget,
		.hot = rig->hot,
		.pool = rig->pool,
		.segment_bytes = rig->segment_bytes,
		.series_limit = rig->series_limit,
		.verify_strict = rig->verify_strict,
	};
	TRY(store_open(&options, &rig->store, err));
	Status st = store_begin_replay(rig->store, err);
	if (st == ST_OK && rig->replay != NULL)
		st = rig->replay(rig, err);
	if (st == ST_OK)
		st = store_end_replay(rig->store, err);
	if (st != ST_OK)
		store_close(TAKE(rig->store));
	return st;
}

static inline Status
rig_try_open(Rig *rig, Error *err)
{
	CatalogState state;
	char path[96];
	snprintf(path, sizeof(path), "%s/catalog.db", rig->dir);
	TRY(catalog_open(path, &rig->catalog, &state, err));
	Status st = rig_try_store(rig, err);
	if (st != ST_OK)
		catalog_close(TAKE(rig->catalog));
	return st;
}

static inline void
rig_open(Rig *rig)
{
	Error err = ERROR_INIT;
	ok(rig_try_open(rig, &err), &err);
	rig->seq =
		rig->seq > store_published_seq(rig->store) ? rig->seq : store_published_seq(rig->store);
}

// One with DuckDB and room for copies of files, of so many bytes.
static inline void
rig_open_cached(Rig *rig, uint64_t bytes)
{
	rig_new(rig);
	rig_add_duck(rig);
	rig_add_cache(rig, bytes);
	rig_open(rig);
}

static inline void
rig_shut(Rig *rig)
{
	store_close(TAKE(rig->store));
	catalog_close(TAKE(rig->catalog));
}

static inline void
rig_close(Rig *rig)
{
	rig_shut(rig);
	duck_disconnect(rig->conn);
	duck_close(rig->duck);
	assert_int_equal(budget_used(rig->budget), 0); // all memory was given back
	budget_free(rig->budget);
	if (rig->hot != NULL)
		assert_int_equal(budget_used(rig->hot), 0);
	budget_free(rig->hot);
	bytes_pool_free(rig->pool);
	temp_dir_remove(rig->dir);
	assert_int_equal(mem_live(), 0);
	assert_int_equal(file_live(), 0);
}

// ---- commits ----

static inline void
apply_define(Rig *rig, TableDef *def)
{
	StoreDefine *define = NULL;
	Error err = ERROR_INIT;
	ok(store_define_new(rig->store, def, &define, &err), &err);
	store_apply_define(rig->store, define, ++rig->seq);
	store_publish(rig->store, rig->seq);
}

static inline Table *
table_by_id(Rig *rig, uint32_t id)
{
	Table *table = store_find_id(rig->store, id);
	assert_non_null(table);
	return table;
}

// A table "t<id>" of a host table's columns.
static inline Table *
add_table(Rig *rig, uint32_t id)
{
	char name[16];
	snprintf(name, sizeof(name), "t%" PRIu32, id);
	TableDef *def = table_of(id, name, host_schema(), NULL);
	apply_define(rig, def);
	table_def_unref(def);
	return table_by_id(rig, id);
}

static inline Status
try_insert(Rig *rig, Table *table, Shape *shape, Batch *batch, SegmentInsert **out, Error *err)
{
	int64_t delay;
	uint64_t cost = batch_held_bytes(batch);
	assert_true(budget_reserve(rig->budget, cost, NULL, &delay));
	Status st = store_insert_new(rig->store, table, shape, batch, cost, out, err);
	if (st != ST_OK)
		budget_release(rig->budget, cost);
	return st;
}

// One commit, not published. Takes the batch.
static inline void
apply_batch(Rig *rig, Table *table, Shape *shape, Batch *batch)
{
	SegmentInsert *insert = NULL;
	Error err = ERROR_INIT;
	ok(try_insert(rig, table, shape, batch, &insert, &err), &err);
	store_apply_insert(rig->store, table, insert, ++rig->seq);
	batch_unref(batch);
}

static inline void
put_text(Rig *rig, Table *table, const char *rows)
{
	TableDef *def = table_current(table);
	Shape *shape = whole_shape(def);
	apply_batch(rig, table, shape, batch_of(table_schema(def), rows));
	store_publish(rig->store, rig->seq);
	shape_unref(shape);
	table_def_unref(def);
}

// Rows from … to-1 of a host table, in one commit.
static inline void
put_rows(Rig *rig, Table *table, int64_t from, int64_t to)
{
	TableDef *def = table_current(table);
	Shape *shape = whole_shape(def);
	apply_batch(rig, table, shape, host_batch(table_schema(def), from, to, 10));
	store_publish(rig->store, rig->seq);
	shape_unref(shape);
	table_def_unref(def);
}

static inline void
drop(Rig *rig, Table *table)
{
	TableDef *def = table_current(table);
	CatalogChange *change = NULL;
	Error err = ERROR_INIT;
	ok(catalog_change_drop(table_id(def), &change, &err), &err);
	store_apply_drop(rig->store, table, change, ++rig->seq);
	store_publish(rig->store, rig->seq);
	table_def_unref(def);
}

static inline void
flush_all(Rig *rig)
{
	Error err = ERROR_INIT;
	store_seal(rig->store, NULL, 0);
	for (bool did = true; did;) {
		int64_t rows;
		ok(store_flush_one(rig->store, rig->conn, &did, &rows, &err), &err);
	}
	assert_false(store_has_sealed(rig->store));
}

// ---- what is there ----

static inline Snapshot *
snapshot_of(Rig *rig, Table *table)
{
	Snapshot *snapshot = NULL;
	Error err = ERROR_INIT;
	ok(store_snapshot(rig->store, table != NULL ? &table : NULL, table != NULL, &snapshot, &err),
	   &err);
	return snapshot;
}

static inline int64_t
rows_of(Rig *rig, Table *table)
{
	Snapshot *snapshot = snapshot_of(rig, table);
	int64_t rows = view_rows(&snapshot->tables[0], snapshot->seq);
	snapshot_free(snapshot);
	return rows;
}

static inline int32_t
files_of(Rig *rig, Table *table)
{
	Snapshot *snapshot = snapshot_of(rig, table);
	int32_t count = file_set_count(snapshot->tables[0].files);
	snapshot_free(snapshot);
	return count;
}

// One commit that deletes a row of a file.
static inline void
delete_row(Rig *rig, Table *table, int32_t file, int64_t row)
{
	Snapshot *snapshot = snapshot_of(rig, table);
	FileSet *files = snapshot->tables[0].files;
	RowAddress address = {.segment_id = data_file_meta(file_set_at(files, file))->segment_id,
						  .row = row,
						  .in_file = true};
	StoreDelete *del = NULL;
	Error err = ERROR_INIT;
	table_rewrite_lock(table);
	ok(store_delete_new(rig->store, table, &address, 1, &del, &err), &err);
	store_apply_delete(rig->store, del, ++rig->seq);
	store_publish(rig->store, rig->seq);
	table_rewrite_unlock(table);
	snapshot_free(snapshot);
}

static inline bool
exists(const char *path)
{
	struct stat info;
	return stat(path, &info) == 0;
}

static inline Status
no_database(void *arg, const char *name, Error *err)
{
	(void)arg;
	(void)name;
	(void)err;
	return ST_OK;
}

static inline Status
no_table(void *arg, TableDef *def, bool current, Error *err)
{
	(void)arg;
	(void)def;
	(void)current;
	(void)err;
	return ST_OK;
}

static inline Status
no_file(void *arg, const FileMeta *file, const CatalogMask *mask, Error *err)
{
	(void)arg;
	(void)mask;
	(void)file;
	(void)err;
	return ST_OK;
}

static inline Status
no_flushed(void *arg, const CatalogFlushed *flushed, Error *err)
{
	(void)arg;
	(void)flushed;
	(void)err;
	return ST_OK;
}

// The catalog has done all that was queued.
static inline void
settle(Rig *rig)
{
	CatalogVisitor visitor = {no_database, no_table, no_file, no_flushed, NULL};
	Error err = ERROR_INIT;
	ok(catalog_load(rig->catalog, &visitor, &err), &err);
}

// ---- a catalog that is busy ----

typedef struct Gate {
	Signal entered;
	Signal open;
	Catalog *catalog;
	Thread *thread;
} Gate;

static inline Status
gate_wait(void *arg, const char *name, Error *err)
{
	(void)name;
	(void)err;
	Gate *gate = arg;
	signal_raise(&gate->entered);
	(void)signal_wait(&gate->open, INT64_MAX);
	return ST_OK;
}

static inline void
gate_run(void *arg)
{
	Gate *gate = arg;
	CatalogVisitor visitor = {gate_wait, no_table, no_file, no_flushed, gate};
	Error err = ERROR_INIT;
	ok(catalog_load(gate->catalog, &visitor, &err), &err);
}

static inline void
gate_hold(Gate *gate, Rig *rig)
{
	Error err = ERROR_INIT;
	gate->catalog = rig->catalog;
	signal_init(&gate->entered);
	signal_init(&gate->open);
	ok(thread_start(&(ThreadOptions){.name = "gate"}, gate_run, gate, &gate->thread, &err), &err);
	(void)signal_wait(&gate->entered, INT64_MAX);
}

static inline void
gate_open(Gate *gate)
{
	signal_raise(&gate->open);
	thread_join(gate->thread);
	signal_close(&gate->entered);
	signal_close(&gate->open);
}

// ---- what is in files ----

// A text of all rows in the table's files, by a query over each: time|host|n.
static inline char *
rows_in_files(Rig *rig, Table *table)
{
	Snapshot *snapshot = snapshot_of(rig, table);
	Buf text = BUF_INIT;
	FileSet *files = snapshot->tables[0].files;
	bool ids = table_key_column(snapshot->tables[0].def) >= 0;
	for (int32_t i = 0; i < file_set_count(files); i++) {
		Buf sql = BUF_INIT;
		char *rows = NULL;
		Error err = ERROR_INIT;
		buf_add_printf(&sql,
					   "SELECT string_agg(%s || '|' || coalesce(host, '~') || '|' || "
					   "coalesce(n::VARCHAR, '~'), ' ' ORDER BY file_row_number) FROM "
					   "read_parquet('%s', file_row_number=true)",
					   ids ? "time" : "epoch_ns(time)", data_file_path(file_set_at(files, i)));
		ok(duck_query_text(rig->conn, buf_text(&sql), NULL, 0, &rows, &err), &err);
		buf_add_printf(&text, "%s%s", i > 0 ? " / " : "", rows);
		mem_free(rows);
		buf_close(&sql);
	}
	snapshot_free(snapshot);
	char *copy = strdup(buf_text(&text));
	buf_close(&text);
	return copy;
}

static inline void
files_hold(Rig *rig, Table *table, const char *expected)
{
	char *rows = rows_in_files(rig, table);
	assert_string_equal(rows, expected);
	free(rows);
}
