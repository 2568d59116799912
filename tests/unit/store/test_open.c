// What a start finds, and what it refuses.

#include "rig.h"
#include "store/quarantine.h"

// A store with a table of one file; it is shut again.
static void
rig_with_file(Rig *rig)
{
	rig_new(rig);
	rig_add_duck(rig);
	rig_open(rig);
	Table *table = add_table(rig, 1);
	put_text(rig, table, "1|a|1\n2|b|2");
	flush_all(rig);
	table_unref(table);
	rig_shut(rig);
}

static void
write_file(const char *path, const void *bytes, size_t len)
{
	FILE *file = fopen(path, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	fclose(file);
}

static size_t
read_file(const char *path, uint8_t *bytes, size_t room)
{
	FILE *file = fopen(path, "rb");
	assert_non_null(file);
	size_t len = fread(bytes, 1, room, file);
	assert_true(len < room);
	fclose(file);
	return len;
}

static void
refuses(Rig *rig, Status code, const char *name, const char *why)
{
	Error err = ERROR_INIT;
	assert_int_equal(rig_try_open(rig, &err), code);
	says(&err, name);
	says(&err, why);
	assert_null(rig->store);
}

static void
the_only_file(Rig *rig, char path[160])
{
	rig_open(rig);
	Table *table = table_by_id(rig, 1);
	Snapshot *snapshot = snapshot_of(rig, table);
	snprintf(path, 160, "%s", data_file_path(file_set_at(snapshot->tables[0].files, 0)));
	snapshot_free(snapshot);
	table_unref(table);
	rig_shut(rig);
}

// ---- tables and files ----

static void
what_was_flushed_is_there_after_a_restart(void **state)
{
	(void)state;
	Rig rig;
	rig_new(&rig);
	rig_add_duck(&rig);
	rig_open(&rig);
	Table *table = add_table(&rig, 1), *other = add_table(&rig, 2);
	put_text(&rig, table, "1|a|1");
	flush_all(&rig);
	put_text(&rig, table, "2|b|2\n3|c|3");
	flush_all(&rig);
	put_text(&rig, other, "4|d|4"); // in the log only
	uint64_t flushed = store_flushed_seq(table);
	assert_int_equal(flushed, 4);
	TableDef *def = table_current(other);
	TableDef *next = grown(def, SCHEMA(time_of("time", UNIT_NS), field_of("x", TYPE_INT8)), NULL);
	apply_define(&rig, next);
	table_unref(table);
	table_unref(other);
	rig_shut(&rig);

	rig_open(&rig);
	table = table_by_id(&rig, 1);
	other = table_by_id(&rig, 2);
	assert_int_equal(rows_of(&rig, table), 3);
	assert_int_equal(files_of(&rig, table), 2);
	assert_int_equal(store_flushed_seq(table), flushed);
	assert_int_equal(store_flushed_seq(other), 0);
	assert_int_equal(store_published_seq(rig.store), flushed);
	assert_int_equal(rows_of(&rig, other), 0);
	files_hold(&rig, table, "1|a|1 / 2|b|2 3|c|3");
	TableDef *read = table_current(other);
	assert_int_equal(table_version(read), 2);
	assert_true(schema_equal(table_schema(read), table_schema(next)));
	assert_true(store_has_database(rig.store, "mobius"));
	table_def_unref(read);
	table_def_unref(def);
	table_def_unref(next);
	table_unref(table);
	table_unref(other);
	rig_close(&rig);
}

static void
many_files_keep_the_order_of_their_rows(void **state)
{
	(void)state;
	Rig rig;
	rig_new(&rig);
	rig_open(&rig);
	enum { TABLES = 3, FILES = 150 };
	for (uint32_t t = 1; t <= TABLES; t++)
		table_unref(add_table(&rig, t));
	Error err = ERROR_INIT;
	for (uint64_t i = 0; i < FILES; i++) {
		FileMeta meta = {.segment_id = 1000 + i,
						 .table_id = 1 + (uint32_t)(i % TABLES),
						 .table_version = 1,
						 .rows = 1,
						 .bytes = 5,
						 .min_seq = 1 + i * 77 % FILES, // all different, in no order
						 .max_seq = 1 + i * 77 % FILES};
		char name[64];
		snprintf(name, sizeof(name), "files/%" PRIu32, meta.table_id);
		ok(dir_make(path_in(&rig, name), &err), &err);
		snprintf(name, sizeof(name), "files/%" PRIu32 "/%" PRIu64 ".parquet", meta.table_id,
				 meta.segment_id);
		write_file(path_in(&rig, name), "12345", 5);
		CatalogEdit edit = {.files = &meta, .file_count = 1};
		ok(catalog_publish(rig.catalog, &edit, &err), &err);
	}
	rig_shut(&rig);
	rig_open(&rig);
	for (uint32_t t = 1; t <= TABLES; t++) {
		Table *table = table_by_id(&rig, t);
		Snapshot *snapshot = snapshot_of(&rig, table);
		FileSet *files = snapshot->tables[0].files;
		assert_int_equal(file_set_count(files), FILES / TABLES);
		uint64_t before = 0;
		for (int32_t i = 0; i < file_set_count(files); i++) {
			const FileMeta *meta = data_file_meta(file_set_at(files, i));
			assert_int_equal(meta->table_id, t);
			assert_true(meta->min_seq > before);
			before = meta->min_seq;
		}
		snapshot_free(snapshot);
		table_unref(table);
	}
	assert_int_equal(store_published_seq(rig.store), FILES);
	rig_close(&rig);
}

static void
unknown_files_are_removed(void **state)
{
	(void)state;
	Rig rig;
	char known[160];
	rig_with_file(&rig);
	the_only_file(&rig, known);
	Error err = ERROR_INIT;
	ok(dir_make(path_in(&rig, "files/99"), &err), &err);
	ok(dir_make(path_in(&rig, "files/01"), &err), &err);
	static const char *const strays[] = {"files/1/4242.parquet", "files/99/1.parquet",
										 "files/01/1.parquet",   "files/1/x",
										 "files/stray",          "tmp/7.parquet"};
	for (size_t i = 0; i < COUNT_OF(strays); i++)
		write_file(path_in(&rig, strays[i]), "stray", 5);
	// The known one's number, but not its name.
	char twin[160];
	snprintf(twin, sizeof(twin), "%s/files/1/0%s", rig.dir, strrchr(known, '/') + 1);
	write_file(twin, "stray", 5);
	rig_open(&rig);
	for (size_t i = 0; i < COUNT_OF(strays); i++)
		assert_false(exists(path_in(&rig, strays[i])));
	assert_false(exists(twin));
	assert_false(exists(path_in(&rig, "files/99")));
	assert_true(exists(known));
	rig_close(&rig);
}

// The start is good, and who would read the file hears its name.
static void
quarantines(Rig *rig, const char *path, const char *why)
{
	rig_open(rig);
	Table *table = table_by_id(rig, 1);
	Snapshot *snapshot = snapshot_of(rig, table);
	DataFile *file = file_set_at(snapshot->tables[0].files, 0);
	assert_true(data_file_quarantined(file));
	for (int i = 0; i < 2; i++) {
		Error err = ERROR_INIT;
		assert_int_equal(table_file_ready(table, file, &err), ST_CORRUPT);
		says(&err, path);
		says(&err, why);
	}
	snapshot_free(snapshot);
	table_unref(table);
	rig_shut(rig);
}

static void
a_missing_or_cut_file_is_named(void **state)
{
	(void)state;
	Rig rig;
	char path[160], hidden[160];
	rig_with_file(&rig);
	the_only_file(&rig, path);
	snprintf(hidden, sizeof(hidden), "%s/hidden", rig.dir);
	assert_int_equal(rename(path, hidden), 0);
	quarantines(&rig, path, "is missing");
	assert_int_equal(rename(hidden, path), 0);

	struct stat info;
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(truncate(path, info.st_size - 1), 0);
	quarantines(&rig, path, "bytes; the catalog says");
	rig_close(&rig);
}

// An empty catalog would have every file removed.
static void
files_without_their_catalog_are_not_removed(void **state)
{
	(void)state;
	Rig rig;
	char path[160], db[160];
	rig_with_file(&rig);
	the_only_file(&rig, path);
	snprintf(db, sizeof(db), "%s/catalog.db", rig.dir);
	assert_int_equal(remove(db), 0);
	for (int i = 0; i < 2; i++) // a service is started again and again
		refuses(&rig, ST_CORRUPT, "catalog.db is new", "files");
	assert_true(exists(path));
	rig_close(&rig);
}

static void
a_catalog_older_than_the_checkpoint_is_refused(void **state)
{
	(void)state;
	Rig rig;
	char path[160], db[160];
	static uint8_t old[1 << 20];
	rig_with_file(&rig);
	the_only_file(&rig, path);
	snprintf(db, sizeof(db), "%s/catalog.db", rig.dir);
	size_t len = read_file(db, old, sizeof(old));
	rig_open(&rig);
	Table *table = table_by_id(&rig, 1);
	put_text(&rig, table, "3|c|3");
	flush_all(&rig);
	Error err = ERROR_INIT;
	ok(store_write_checkpoint(rig.store, &err), &err);
	table_unref(table);
	rig_shut(&rig);
	write_file(db, old, len);
	refuses(&rig, ST_CORRUPT, "checkpoint/", "catalog.db is older");
	assert_true(exists(path));
	rig_close(&rig);
}

// ---- checkpoints ----

static uint32_t
series_of_host(Table *table, const char *host)
{
	TableDef *def = table_current(table);
	Shape *shape = whole_shape(def);
	char row[64];
	snprintf(row, sizeof(row), "1|%s|1", host);
	Batch *batch = batch_of(table_schema(def), row);
	uint32_t id = UINT32_MAX;
	bool on;
	Error err = ERROR_INIT;
	ok(series_map_batch(table_series(table), def, shape, batch, &id, &on, &err), &err);
	batch_unref(batch);
	shape_unref(shape);
	table_def_unref(def);
	return id;
}

static void
a_checkpoint_keeps_series_and_says_where_the_log_is_needed(void **state)
{
	(void)state;
	Rig rig;
	rig_new(&rig);
	rig_add_duck(&rig);
	rig_open(&rig);
	assert_int_equal(store_checkpoint_seq(rig.store), 0);
	assert_int_equal(store_flushed_floor(rig.store), 0);
	Table *one = add_table(&rig, 1), *two = add_table(&rig, 2);
	put_text(&rig, one, "1|z|1\n1|y|1\n1|x|1"); // seq 3
	put_text(&rig, two, "1|p|1");               // 4
	store_seal(rig.store, one, 0);
	int64_t rows;
	bool did;
	Error err = ERROR_INIT;
	ok(store_flush_one(rig.store, rig.conn, &did, &rows, &err), &err);
	settle(&rig);
	write_file(path_in(&rig, "checkpoint/notes"), "x", 1);
	ok(store_write_checkpoint(rig.store, &err), &err);
	assert_int_equal(store_checkpoint_seq(rig.store), 4);
	assert_int_equal(store_flushed_floor(rig.store), 3); // 4 is in memory only
	assert_true(exists(path_in(&rig, "checkpoint/4")));

	put_text(&rig, one, "1|w|1"); // 5
	flush_all(&rig);
	drop(&rig, two); // 6
	settle(&rig);
	ok(store_write_checkpoint(rig.store, &err), &err);
	assert_int_equal(store_flushed_floor(rig.store), 6);
	assert_false(exists(path_in(&rig, "checkpoint/4")));
	assert_true(exists(path_in(&rig, "checkpoint/notes")));
	table_unref(one);
	table_unref(two);
	rig_shut(&rig);

	rig_open(&rig);
	one = table_by_id(&rig, 1);
	assert_int_equal(store_checkpoint_seq(rig.store), 6);
	assert_int_equal(store_flushed_floor(rig.store), 6);
	assert_int_equal(store_published_seq(rig.store), 6);
	assert_int_equal(series_count(table_series(one)), 4);
	assert_int_equal(series_of_host(one, "w"), 3);
	assert_int_equal(series_of_host(one, "z"), 0);
	assert_int_equal(series_of_host(one, "new"), 4);
	table_unref(one);
	rig_close(&rig);
}

// Not from the last change that is in: that may be long ago, and the log before it gone.
static void
what_the_catalog_lacks_is_needed_from_the_log(void **state)
{
	(void)state;
	Rig rig;
	rig_new(&rig);
	rig_open(&rig);
	Table *table = add_table(&rig, 1);
	settle(&rig);
	store_publish(rig.store, rig.seq = 1000);
	Gate gate;
	Error err = ERROR_INIT;
	gate_hold(&gate, &rig);
	TableDef *def = table_of(2, "second", host_schema(), NULL);
	apply_define(&rig, def);
	store_publish(rig.store, rig.seq = 1005);
	ok(store_write_checkpoint(rig.store, &err), &err);
	assert_int_equal(store_flushed_floor(rig.store), 1000);
	gate_open(&gate);
	settle(&rig);
	ok(store_write_checkpoint(rig.store, &err), &err);
	assert_int_equal(store_flushed_floor(rig.store), 1005);
	table_def_unref(def);
	table_unref(table);
	rig_close(&rig);
}

static void
a_damaged_checkpoint_is_named(void **state)
{
	(void)state;
	Rig rig;
	rig_new(&rig);
	rig_open(&rig);
	Table *table = add_table(&rig, 1);
	put_text(&rig, table, "1|host one|1\n2|host two|2\n3|~|3");
	Error err = ERROR_INIT;
	ok(store_write_checkpoint(rig.store, &err), &err);
	table_unref(table);
	rig_shut(&rig);
	static uint8_t bytes[4096];
	size_t len = read_file(path_in(&rig, "checkpoint/2"), bytes, sizeof(bytes));
	for (size_t cut = 0; cut < len; cut++) {
		write_file(path_in(&rig, "checkpoint/2"), bytes, cut);
		refuses(&rig, ST_CORRUPT, "checkpoint/2", "cannot be used");
	}
	for (size_t bit = 0; bit < 8 * len; bit += 3) {
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		write_file(path_in(&rig, "checkpoint/2"), bytes, len);
		refuses(&rig, ST_CORRUPT, "checkpoint/2", "checksum");
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	// Another one's name.
	write_file(path_in(&rig, "checkpoint/2"), bytes, len);
	write_file(path_in(&rig, "checkpoint/5"), bytes, len);
	refuses(&rig, ST_CORRUPT, "checkpoint/5", "of another seq");
	assert_int_equal(remove(path_in(&rig, "checkpoint/5")), 0);
	rig_open(&rig);
	assert_int_equal(store_checkpoint_seq(rig.store), 2);
	rig_close(&rig);
}

// ---- faults ----

static void
a_checkpoint_is_whole_or_not_at_all(void **state)
{
	(void)state;
	Rig rig;
	rig_new(&rig);
	rig_open(&rig);
	Table *table = add_table(&rig, 1);
	put_text(&rig, table, "1|a|1\n2|b|2");
	Error err = ERROR_INIT;
	ok(store_write_checkpoint(rig.store, &err), &err); // checkpoint/2
	put_text(&rig, table, "3|c|3");
	settle(&rig);
	bool failed = true;
	for (long nth = 0; failed; nth++) {
		fault_arm(nth);
		Status st = store_write_checkpoint(rig.store, &err);
		failed = fault_disarm();
		assert_int_equal(file_live(), 0);
		bool renamed = exists(path_in(&rig, "checkpoint/3"));
		assert_true(st != ST_OK || renamed);
		assert_int_equal(store_checkpoint_seq(rig.store), st == ST_OK ? 3 : 2);
		if (st == ST_OK)
			break; // a fault while the old one is removed is of no consequence
	}
	ok(store_write_checkpoint(rig.store, &err), &err);
	assert_false(exists(path_in(&rig, "checkpoint/2")));
	table_unref(table);
	rig_shut(&rig);
	rig_open(&rig);
	table = table_by_id(&rig, 1);
	assert_int_equal(series_count(table_series(table)), 3);
	table_unref(table);
	rig_close(&rig);
}

static void
opening_undoes_itself_on_every_fault(void **state)
{
	(void)state;
	Rig rig;
	rig_with_file(&rig);
	rig_open(&rig);
	Table *table = table_by_id(&rig, 1);
	put_text(&rig, table, "3|c|3");
	Error err = ERROR_INIT;
	ok(store_write_checkpoint(rig.store, &err), &err);
	table_unref(table);
	rig_shut(&rig);

	CatalogState found;
	ok(catalog_open(path_in(&rig, "catalog.db"), &rig.catalog, &found, &err), &err);
	long live = mem_live();
	bool failed = true;
	for (long nth = 0; failed; nth++) {
		fault_arm(nth);
		Status st = rig_try_store(&rig, &err);
		failed = fault_disarm();
		assert_int_equal(st == ST_OK, !failed);
		if (failed) {
			assert_true(st == ST_NO_MEMORY || st == ST_IO);
			assert_null(rig.store);
			assert_int_equal(mem_live(), live);
			assert_int_equal(file_live(), 0);
		}
	}
	table = table_by_id(&rig, 1);
	assert_int_equal(rows_of(&rig, table), 2);
	assert_int_equal(series_count(table_series(table)), 1); // those of the last run
	table_unref(table);
	rig_close(&rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_flushed_is_there_after_a_restart),
		cmocka_unit_test(many_files_keep_the_order_of_their_rows),
		cmocka_unit_test(unknown_files_are_removed),
		cmocka_unit_test(a_missing_or_cut_file_is_named),
		cmocka_unit_test(files_without_their_catalog_are_not_removed),
		cmocka_unit_test(a_catalog_older_than_the_checkpoint_is_refused),
		cmocka_unit_test(a_checkpoint_keeps_series_and_says_where_the_log_is_needed),
		cmocka_unit_test(what_the_catalog_lacks_is_needed_from_the_log),
		cmocka_unit_test(a_damaged_checkpoint_is_named),
		cmocka_unit_test(a_checkpoint_is_whole_or_not_at_all),
		cmocka_unit_test(opening_undoes_itself_on_every_fault),
	};
	return RUN(tests);
}
