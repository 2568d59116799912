// Merges of real files: what they hold afterwards, failures, crashes, drops, deletions meanwhile.

#include "rig.h"
#include "store/merge.h"

static MergeOptions
options_of(Rig *rig)
{
	return (MergeOptions){.duck = rig->duck, .files = 4, .memory_bytes = 64 << 20};
}

static Status
merge(Rig *rig, const MergeOptions *options, bool *did, MergeReport *report, Error *err)
{
	return store_merge_one(rig->store, options, did, report, err);
}

// Until there is nothing to do.
static int
merge_all(Rig *rig, bool all)
{
	Error err = ERROR_INIT;
	MergeOptions options = options_of(rig);
	options.all = all;
	int merges = 0;
	for (bool did = true; did;) {
		MergeReport report;
		ok(merge(rig, &options, &did, &report, &err), &err);
		merges += did;
		assert_true(merges < 1000);
	}
	return merges;
}

static void
flush_rows(Rig *rig, Table *table, const char *rows)
{
	put_text(rig, table, rows);
	flush_all(rig);
}

static int32_t
level_of(Rig *rig, Table *table, int32_t i)
{
	Snapshot *snapshot = snapshot_of(rig, table);
	int32_t level = data_file_level(file_set_at(snapshot->tables[0].files, i));
	snapshot_free(snapshot);
	return level;
}

static void
open_rig(Rig *rig)
{
	rig_new(rig);
	rig_add_duck(rig);
	rig_open(rig);
}

// ---- what files hold afterwards ----

static void
a_few_files_of_level_0_become_one(void **state)
{
	(void)state;
	Rig rig;
	open_rig(&rig);
	Table *table = add_table(&rig, 1);
	flush_rows(&rig, table, "1|b|1\n2|a|2");
	flush_rows(&rig, table, "3|a|3\n4|b|4");
	flush_rows(&rig, table, "5|c|5");
	bool did;
	Error err = ERROR_INIT;
	MergeReport report;
	MergeOptions options = options_of(&rig);
	ok(merge(&rig, &options, &did, &report, &err), &err);
	assert_false(did); // one more is waited for
	flush_rows(&rig, table, "6|a|6");
	ok(merge(&rig, &options, &did, &report, &err), &err);
	assert_true(did);
	assert_int_equal(report.inputs, 4);
	assert_int_equal(report.outputs, 1);
	assert_int_equal(report.rows, 6);
	assert_int_equal(report.status, ST_OK);
	assert_string_equal(report.table, "t1");
	assert_true(report.bytes_in > 0 && report.bytes_out > 0 && report.duration_ns > 0);
	files_hold(&rig, table, "2|a|2 3|a|3 6|a|6 1|b|1 4|b|4 5|c|5");
	assert_int_equal(level_of(&rig, table, 0), 4); // nothing is there that it overlaps
	assert_int_equal(rows_of(&rig, table), 6);
	table_unref(table);
	rig_shut(&rig);
	rig_open(&rig);
	table = table_by_id(&rig, 1);
	files_hold(&rig, table, "2|a|2 3|a|3 6|a|6 1|b|1 4|b|4 5|c|5");
	assert_int_equal(level_of(&rig, table, 0), 4);
	table_unref(table);
	rig_close(&rig);
}

static void
rows_of_one_key_keep_their_order(void **state)
{
	(void)state;
	Rig rig;
	open_rig(&rig);
	Table *table = add_table(&rig, 1);
	flush_rows(&rig, table, "5|a|1\n5|a|2\n7|a|3");
	flush_rows(&rig, table, "5|a|4\n6|a|5");
	flush_rows(&rig, table, "5|a|6\n5|~|7");
	flush_rows(&rig, table, "7|a|8\n5|a|9");
	merge_all(&rig, true);
	files_hold(&rig, table, "5|~|7 5|a|1 5|a|2 5|a|4 5|a|6 5|a|9 6|a|5 7|a|3 7|a|8");
	// What comes later for the same keys stays behind it.
	flush_rows(&rig, table, "5|a|10");
	merge_all(&rig, true);
	files_hold(&rig, table, "5|~|7 5|a|1 5|a|2 5|a|4 5|a|6 5|a|9 5|a|10 6|a|5 7|a|3 7|a|8");
	table_unref(table);
	rig_close(&rig);
}

static void
a_table_without_time_keeps_the_order_of_arrival(void **state)
{
	(void)state;
	Rig rig;
	open_rig(&rig);
	TableDef *def = table_of(1, "t1", SCHEMA(field_of("n", TYPE_INT64)), NULL);
	apply_define(&rig, def);
	table_def_unref(def);
	Table *table = table_by_id(&rig, 1);
	for (int i = 0; i < 9; i++) {
		char rows[64];
		snprintf(rows, sizeof(rows), "%d\n%d", 100 - i, i);
		flush_rows(&rig, table, rows);
		if (i % 3 == 2)
			merge_all(&rig, false);
	}
	merge_all(&rig, true);
	assert_int_equal(files_of(&rig, table), 1);
	Snapshot *snapshot = snapshot_of(&rig, table);
	char sql[256], *rows = NULL;
	Error err = ERROR_INIT;
	snprintf(sql, sizeof(sql),
			 "SELECT string_agg(n, ' ' ORDER BY file_row_number) FROM read_parquet('%s', "
			 "file_row_number = true)",
			 data_file_path(file_set_at(snapshot->tables[0].files, 0)));
	ok(duck_query_text(rig.conn, sql, NULL, 0, &rows, &err), &err);
	assert_string_equal(rows, "100 0 99 1 98 2 97 3 96 4 95 5 94 6 93 7 92 8");
	mem_free(rows);
	snapshot_free(snapshot);
	table_unref(table);
	rig_close(&rig);
}

static void
files_of_older_versions_are_written_under_the_newest(void **state)
{
	(void)state;
	Rig rig;
	open_rig(&rig);
	TableDef *def = table_of(
		1, "t1",
		SCHEMA(time_of("time", UNIT_MS), field_of("host", TYPE_UTF8), field_of("n", TYPE_INT16)),
		NULL);
	apply_define(&rig, def);
	Table *table = table_by_id(&rig, 1);
	flush_rows(&rig, table, "1|b|1\n2|a|2");
	flush_rows(&rig, table, "3|a|3");
	TableDef *wider = grown(
		def, SCHEMA(time_of("time", UNIT_NS), field_of("n", TYPE_INT64), field_of("x", TYPE_UTF8)),
		NULL);
	apply_define(&rig, wider);
	Shape *shape = whole_shape(wider);
	apply_batch(&rig, table, shape,
				batch_of(table_schema(wider), "2000000|a|70000|new\n1000000|a|8|~"));
	store_publish(rig.store, rig.seq);
	flush_all(&rig);
	merge_all(&rig, true);
	assert_int_equal(files_of(&rig, table), 1);
	files_hold(&rig, table, "1000000|a|8 2000000|a|2 2000000|a|70000 3000000|a|3 1000000|b|1");
	Snapshot *snapshot = snapshot_of(&rig, table);
	const DataFile *file = file_set_at(snapshot->tables[0].files, 0);
	assert_int_equal(data_file_meta(file)->table_version, 2);
	assert_int_equal(data_file_meta(file)->min_time, 1000000);
	assert_int_equal(data_file_meta(file)->max_time, 3000000);
	snapshot_free(snapshot);
	shape_unref(shape);
	table_def_unref(wider);
	table_def_unref(def);
	table_unref(table);
	rig_close(&rig);
}

static Status
count_entry(void *arg, const char *name, Error *err)
{
	(void)name;
	(void)err;
	++*(int *)arg;
	return ST_OK;
}

static int
entries_in(Rig *rig, const char *dir)
{
	int count = 0;
	Error err = ERROR_INIT;
	ok(dir_list(path_in(rig, dir), count_entry, &count, &err), &err);
	return count;
}

static int64_t
scattered(uint64_t n)
{
	for (int i = 0; i < 3; i++)
		n = (n ^ n >> 23) * 0x5bd1e995 + 12345;
	return (int64_t)(n % 1000000000000000);
}

// A thousand rows of three series; their numbers are a hundred that lie far apart, or a walk.
static void
flush_numbers(Rig *rig, Table *table, int64_t from, bool again)
{
	Buf rows = BUF_INIT;
	uint64_t random = 88172645463325252 + (uint64_t)from;
	for (int64_t i = from; i < from + 1000; i++) {
		random ^= random << 13, random ^= random >> 7, random ^= random << 17;
		buf_add_printf(&rows, "%s%" PRId64 "|h%d|%" PRId64, i > from ? "\n" : "", i, (int)(i % 3),
					   again ? scattered(random % 100) : i + (int64_t)(random % 5));
	}
	flush_rows(rig, table, buf_text(&rows));
	buf_close(&rows);
}

static void
numbers_are_stored_as(Rig *rig, Table *table, int32_t file, const char *expected)
{
	char sql[512], *encoding = NULL;
	Error err = ERROR_INIT;
	Snapshot *snapshot = snapshot_of(rig, table);
	snprintf(sql, sizeof(sql),
			 "SELECT encodings FROM parquet_metadata('%s') WHERE path_in_schema = 'n'",
			 data_file_path(file_set_at(snapshot->tables[0].files, file)));
	ok(duck_query_text(rig->conn, sql, NULL, 0, &encoding, &err), &err);
	assert_string_equal(encoding, expected);
	mem_free(encoding);
	snapshot_free(snapshot);
}

static void
what_makes_smaller_files_is_tried(void **state)
{
	(void)state;
	Rig rig;
	open_rig(&rig);
	bool did;
	Error err = ERROR_INIT;
	MergeReport report;
	MergeOptions options = options_of(&rig);
	options.trial_rows = 4000;
	for (uint32_t id = 1; id <= 2; id++) {
		const char *best = id == 1 ? "RLE_DICTIONARY" : "DELTA_BINARY_PACKED";
		Table *table = add_table(&rig, id);
		for (int64_t i = 0; i < 4; i++)
			flush_numbers(&rig, table, i * 1000, id == 1);
		numbers_are_stored_as(&rig, table, 0, "RLE_DICTIONARY");
		ok(merge(&rig, &options, &did, &report, &err), &err);
		assert_true(did);
		assert_int_equal(files_of(&rig, table), 1);
		numbers_are_stored_as(&rig, table, 0, best);
		table_unref(table);
	}
	assert_int_equal(entries_in(&rig, "tmp"), 0);
	rig_close(&rig);
}

// Many rows at random: the files hold what a stable sort of all rows gives.
static void
random_rows_are_those_of_a_stable_sort(void **state)
{
	(void)state;
	Rig rig;
	open_rig(&rig);
	Table *table = add_table(&rig, 1);
	uint64_t random = 88172645463325252;
	Error err = ERROR_INIT;
	int64_t n = 0;
	for (int f = 0; f < 23; f++) {
		Buf rows = BUF_INIT;
		for (int i = 0; i < 700; i++) {
			random ^= random << 13, random ^= random >> 7, random ^= random << 17;
			int64_t time = f * 20 + (int64_t)(random % (random % 10 == 0 ? 400 : 40));
			buf_add_printf(&rows, "%s%" PRId64 "|h%d|%" PRId64, i > 0 ? "\n" : "", time,
						   (int)(random >> 40) % 7, n++);
		}
		flush_rows(&rig, table, buf_text(&rows));
		buf_close(&rows);
		if (f % 5 == 4)
			merge_all(&rig, false);
	}
	assert_true(files_of(&rig, table) < 10);
	merge_all(&rig, true);
	assert_int_equal(files_of(&rig, table), 1);
	Snapshot *snapshot = snapshot_of(&rig, table);
	char sql[512], *bad = NULL;
	snprintf(sql, sizeof(sql),
			 "SELECT count(*) || ' ' || count(*) FILTER (WHERE r <> file_row_number) || ' ' || "
			 "count(DISTINCT n) FROM (SELECT n, file_row_number, row_number() OVER (ORDER BY host, "
			 "time, n) - 1 AS r FROM read_parquet('%s', file_row_number = true))",
			 data_file_path(file_set_at(snapshot->tables[0].files, 0)));
	ok(duck_query_text(rig.conn, sql, NULL, 0, &bad, &err), &err);
	assert_string_equal(bad, "16100 0 16100");
	mem_free(bad);
	snapshot_free(snapshot);
	table_unref(table);
	rig_close(&rig);
}

// Rows that come late are cut off: the new ones are not written again for them.
static void
late_rows_have_a_file_of_their_own(void **state)
{
	(void)state;
	Rig rig;
	open_rig(&rig);
	Table *table = add_table(&rig, 1);
	for (int64_t i = 0; i < 4; i++) {
		put_rows(&rig, table, i * 10000, i * 10000 + 10000);
		flush_all(&rig);
	}
	merge_all(&rig, false);
	put_text(&rig, table, "5|late|1\n25000|late|2");
	for (int64_t i = 4; i < 8; i++) {
		put_rows(&rig, table, i * 10000, i * 10000 + 10000);
		flush_all(&rig);
	}
	bool did;
	Error err = ERROR_INIT;
	MergeReport report;
	MergeOptions options = options_of(&rig);
	ok(merge(&rig, &options, &did, &report, &err), &err);
	assert_int_equal(report.outputs, 2);
	assert_int_equal(files_of(&rig, table), 3);
	assert_int_equal(level_of(&rig, table, 0), 4);
	assert_int_equal(level_of(&rig, table, 1), 4);
	assert_int_equal(level_of(&rig, table, 2), 3);
	assert_int_equal(rows_of(&rig, table), 80002);
	merge_all(&rig, true);
	assert_int_equal(files_of(&rig, table), 1);
	assert_int_equal(rows_of(&rig, table), 80002);
	table_unref(table);
	rig_close(&rig);
}

static void
inputs_stay_for_who_reads_them(void **state)
{
	(void)state;
	Rig rig;
	open_rig(&rig);
	Table *table = add_table(&rig, 1);
	for (int i = 1; i <= 4; i++)
		flush_rows(&rig, table, "1|a|1");
	Snapshot *snapshot = snapshot_of(&rig, table);
	char path[160];
	snprintf(path, sizeof(path), "%s", data_file_path(file_set_at(snapshot->tables[0].files, 0)));
	merge_all(&rig, false);
	assert_true(exists(path));
	assert_int_equal(view_rows(&snapshot->tables[0], snapshot->seq), 4);
	snapshot_free(snapshot);
	assert_false(exists(path));
	assert_int_equal(files_of(&rig, table), 1);
	table_unref(table);
	rig_close(&rig);
}

// ---- damage ----

static void
a_damaged_input_is_named_and_left_as_it_is(void **state)
{
	(void)state;
	Rig rig;
	open_rig(&rig);
	Table *table = add_table(&rig, 1), *other = add_table(&rig, 2);
	for (int i = 1; i <= 4; i++) {
		flush_rows(&rig, table, "1|a|1");
		flush_rows(&rig, other, "1|a|1");
	}
	Snapshot *snapshot = snapshot_of(&rig, table);
	char path[160];
	snprintf(path, sizeof(path), "%s", data_file_path(file_set_at(snapshot->tables[0].files, 2)));
	snapshot_free(snapshot);
	FILE *file = fopen(path, "r+");
	assert_non_null(file);
	fseek(file, 20, SEEK_SET);
	int byte = fgetc(file);
	fseek(file, 20, SEEK_SET);
	fputc(byte ^ 1, file);
	fclose(file);

	MergeOptions options = options_of(&rig);
	int good = 0, bad = 0;
	for (bool did = true; did;) {
		Error err = ERROR_INIT;
		MergeReport report;
		Status st = merge(&rig, &options, &did, &report, &err);
		good += did && st == ST_OK;
		bad += st == ST_CORRUPT;
		if (st == ST_CORRUPT)
			says(&err, path);
	}
	assert_int_equal(bad, 1); // and no second time
	assert_int_equal(good, 1);
	assert_int_equal(files_of(&rig, table), 4);
	assert_int_equal(files_of(&rig, other), 1);
	assert_true(exists(path));
	table_unref(table);
	table_unref(other);
	rig_close(&rig);
}

// ---- failures and crashes ----

enum { FAULT_ROWS = 9 };
#define FAULT_TEXT "1|a|1 1|a|2 1|a|3 1|a|4 2|a|1 2|a|2 3|b|1 3|b|3 3|b|4"

static Table *
four_files(Rig *rig)
{
	Table *table = add_table(rig, 1);
	flush_rows(rig, table, "1|a|1\n2|a|1\n3|b|1");
	flush_rows(rig, table, "1|a|2\n2|a|2");
	flush_rows(rig, table, "1|a|3\n3|b|3");
	flush_rows(rig, table, "1|a|4\n3|b|4");
	settle(rig);
	return table;
}

static void
a_failure_changes_nothing_and_leaves_nothing(void **state)
{
	(void)state;
	Rig rig;
	open_rig(&rig);
	Table *table = four_files(&rig);
	MergeOptions options = options_of(&rig);
	options.table = table; // whatever failed before
	options.trial_rows = 1;
	long nth = 0;
	for (bool failed = true; failed; nth++) {
		bool did = false;
		Error err = ERROR_INIT;
		MergeReport report;
		fault_arm(nth);
		Status st = merge(&rig, &options, &did, &report, &err);
		failed = fault_disarm();
		assert_int_equal(rows_of(&rig, table), FAULT_ROWS);
		assert_int_equal(file_live(), 0);
		if (st == ST_OK)
			break;
		assert_true(err.text[0] != '\0');
		assert_int_equal(files_of(&rig, table), 4);
	}
	assert_true(nth > 100);
	assert_int_equal(files_of(&rig, table), 1);
	assert_int_equal(entries_in(&rig, "tmp"), 0);
	files_hold(&rig, table, FAULT_TEXT);
	table_unref(table);
	rig_shut(&rig);
	rig_open(&rig);
	table = table_by_id(&rig, 1);
	files_hold(&rig, table, FAULT_TEXT);
	assert_int_equal(entries_in(&rig, "files/1"), 1);
	table_unref(table);
	rig_close(&rig);
}

static void
a_crash_at_any_point_leaves_the_old_or_the_new_files(void **state)
{
	(void)state;
	Rig rig;
	open_rig(&rig);
	Table *table = four_files(&rig);
	int32_t files = 4;
	for (long nth = 0; files == 4; nth++) {
		bool did;
		Error err = ERROR_INIT;
		MergeReport report;
		MergeOptions options = options_of(&rig);
		fault_arm_sticky(nth);
		Status st = merge(&rig, &options, &did, &report, &err);
		fault_disarm();
		table_unref(table);
		rig_shut(&rig);
		rig_open(&rig);
		table = table_by_id(&rig, 1);
		files = files_of(&rig, table);
		assert_true(files == 4 || files == 1);
		assert_true(st != ST_OK || files == 1);
		assert_int_equal(rows_of(&rig, table), FAULT_ROWS);
		assert_int_equal(entries_in(&rig, "files/1"), files);
	}
	files_hold(&rig, table, FAULT_TEXT);
	table_unref(table);
	rig_close(&rig);
}

static void
who_stops_it_is_heard(void **state)
{
	(void)state;
	Rig rig;
	open_rig(&rig);
	Table *table = four_files(&rig);
	atomic_bool stop = true;
	MergeOptions options = options_of(&rig);
	options.stop = &stop;
	bool did;
	Error err = ERROR_INIT;
	MergeReport report;
	assert_int_equal(merge(&rig, &options, &did, &report, &err), ST_CANCELLED);
	assert_int_equal(files_of(&rig, table), 4);
	table_unref(table);
	rig_close(&rig);
}

// ---- drops and deletions meanwhile ----

typedef struct Race {
	Rig *rig;
	Status st;
	Error err;
} Race;

static void
run_merge(void *arg)
{
	Race *race = arg;
	bool did;
	MergeReport report;
	MergeOptions options = options_of(race->rig);
	race->st = merge(race->rig, &options, &did, &report, &race->err);
}

static void
a_drop_while_it_is_merged_leaves_nothing(void **state)
{
	(void)state;
	Rig rig;
	open_rig(&rig);
	for (uint32_t id = 1; id <= 25; id++) {
		Table *table = add_table(&rig, id);
		for (int i = 0; i < 4; i++) {
			put_rows(&rig, table, 0, 1 + 100 * (int64_t)id);
			flush_all(&rig);
		}
		Race race = {.rig = &rig, .err = ERROR_INIT};
		Thread *thread;
		ok(thread_start(&(ThreadOptions){.name = "merge", .stack_bytes = 8 << 20}, run_merge, &race,
						&thread, &race.err),
		   &race.err);
		while (id % 2 == 0 && entries_in(&rig, "tmp") == 0 && files_of(&rig, table) == 4)
			sched_yield();
		drop(&rig, table);
		thread_join(thread);
		ok(race.st, &race.err);
		table_unref(table);
	}
	settle(&rig);
	for (uint32_t id = 1; id <= 25; id++) {
		char dir[32];
		snprintf(dir, sizeof(dir), "files/%" PRIu32, id);
		assert_int_equal(entries_in(&rig, dir), 0);
	}
	rig_shut(&rig);
	rig_open(&rig);
	Snapshot *all = snapshot_of(&rig, NULL);
	assert_int_equal(all->table_count, 0);
	snapshot_free(all);
	rig_close(&rig);
}

static void
deleted_rows_are_left_out(void **state)
{
	(void)state;
	Rig rig;
	open_rig(&rig);
	Table *table = four_files(&rig);
	delete_row(&rig, table, 0, 0); // 1|a|1
	delete_row(&rig, table, 1, 1); // 2|a|2
	delete_row(&rig, table, 3, 0); // 1|a|4
	delete_row(&rig, table, 3, 1); // 3|b|4
	assert_int_equal(rows_of(&rig, table), 5);
	merge_all(&rig, false);
	assert_int_equal(rows_of(&rig, table), 5);
	files_hold(&rig, table, "1|a|2 1|a|3 2|a|1 3|b|1 3|b|3");
	table_unref(table);
	rig_close(&rig);
}

static void
files_without_rows_left_make_none(void **state)
{
	(void)state;
	Rig rig;
	open_rig(&rig);
	Table *table = add_table(&rig, 1);
	for (int i = 0; i < 4; i++) {
		flush_rows(&rig, table, "1|a|1");
		delete_row(&rig, table, i, 0);
	}
	merge_all(&rig, false);
	assert_int_equal(files_of(&rig, table), 0);
	assert_int_equal(rows_of(&rig, table), 0);
	assert_int_equal(entries_in(&rig, "files/1"), 0);
	assert_int_equal(entries_in(&rig, "tmp"), 0);
	table_unref(table);
	rig_close(&rig);
}

// Deletes one row after the other while files are merged: none comes back, none is lost.
typedef struct Deleting {
	Rig *rig;
	Table *table;
	atomic_bool stop;
	int64_t deleted;
} Deleting;

static bool
try_delete(Deleting *d)
{
	Snapshot *snapshot = snapshot_of(d->rig, d->table);
	FileSet *files = snapshot->tables[0].files;
	int32_t at = (int32_t)(d->deleted % file_set_count(files));
	int64_t row = mask_count(file_set_mask(files, at)); // from the begin
	bool left = row < data_file_meta(file_set_at(files, at))->rows;
	RowAddress address = {data_file_meta(file_set_at(files, at))->segment_id, row, true};
	StoreDelete *del = NULL;
	table_change_lock(d->table);
	table_rewrite_lock(d->table);
	Status st =
		left ? store_delete_new(d->rig->store, d->table, &address, 1, &del, NULL) : ST_NOT_FOUND;
	if (st == ST_OK) {
		store_apply_delete(d->rig->store, del, ++d->rig->seq);
		store_publish(d->rig->store, d->rig->seq);
	}
	table_rewrite_unlock(d->table);
	table_change_unlock(d->table);
	snapshot_free(snapshot);
	return st == ST_OK;
}

static void
run_deletes(void *arg)
{
	Deleting *d = arg;
	while (!atomic_load(&d->stop)) {
		d->deleted += try_delete(d);
		sched_yield();
	}
}

static void
deletions_meanwhile_are_kept(void **state)
{
	(void)state;
	Rig rig;
	open_rig(&rig);
	Table *table = add_table(&rig, 1);
	for (int64_t i = 0; i < 8; i++) {
		put_rows(&rig, table, i * 3000, i * 3000 + 5000);
		flush_all(&rig);
	}
	Deleting deleting = {.rig = &rig, .table = table};
	Thread *thread;
	Error err = ERROR_INIT;
	ok(thread_start(&(ThreadOptions){.name = "delete", .stack_bytes = 1 << 20}, run_deletes,
					&deleting, &thread, &err),
	   &err);
	MergeOptions options = options_of(&rig);
	options.all = true;
	int lost = 0;
	for (bool did = true; did;) { // ends: after two that were void nobody deletes meanwhile
		MergeReport report;
		ok(merge(&rig, &options, &did, &report, &err), &err);
		lost += did && report.status == ST_CONFLICT;
		assert_true(lost < 100);
	}
	atomic_store(&deleting.stop, true);
	thread_join(thread);
	assert_true(deleting.deleted > 0);
	assert_int_equal(rows_of(&rig, table), 40000 - deleting.deleted);
	merge_all(&rig, true);
	// A quick deleter leaves none.
	assert_int_equal(files_of(&rig, table), deleting.deleted < 40000);
	assert_int_equal(rows_of(&rig, table), 40000 - deleting.deleted);
	table_unref(table);
	rig_close(&rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_few_files_of_level_0_become_one),
		cmocka_unit_test(rows_of_one_key_keep_their_order),
		cmocka_unit_test(a_table_without_time_keeps_the_order_of_arrival),
		cmocka_unit_test(files_of_older_versions_are_written_under_the_newest),
		cmocka_unit_test(what_makes_smaller_files_is_tried),
		cmocka_unit_test(random_rows_are_those_of_a_stable_sort),
		cmocka_unit_test(late_rows_have_a_file_of_their_own),
		cmocka_unit_test(inputs_stay_for_who_reads_them),
		cmocka_unit_test(a_damaged_input_is_named_and_left_as_it_is),
		cmocka_unit_test(a_failure_changes_nothing_and_leaves_nothing),
		cmocka_unit_test(a_crash_at_any_point_leaves_the_old_or_the_new_files),
		cmocka_unit_test(who_stops_it_is_heard),
		cmocka_unit_test(a_drop_while_it_is_merged_leaves_nothing),
		cmocka_unit_test(deleted_rows_are_left_out),
		cmocka_unit_test(files_without_rows_left_make_none),
		cmocka_unit_test(deletions_meanwhile_are_kept),
	};
	return RUN(tests);
}
