// What waits in level 0 goes before a merge that takes long.

#include "rig.h"
#include "store/merge.h"

enum {
	FILES = 8, // tiny neighbours: they are gathered
	FILE_ROWS = 12000,
	FRESH_ROWS = 100,
};

typedef struct Waiting {
	Rig *rig;
	Table *table;     // gets fresh files while another merge is written
	int64_t from;     // their first row
	atomic_bool stop; // what goes before is stopped
	Table *busy;      // as it was told
	int calls;
	Status st;
	Error err;
	bool did;
	MergeReport report;
} Waiting;

static MergeOptions
options_of(Rig *rig)
{
	return (MergeOptions){.duck = rig->duck, .files = 4, .memory_bytes = 64 << 20};
}

// Four files, over the last of which lies a late row.
static void
flush_fresh(Waiting *w)
{
	for (int64_t i = 0; i < 4; i++) {
		int64_t from = w->from + i * FRESH_ROWS;
		put_rows(w->rig, w->table, from, from + FRESH_ROWS);
		if (i == 3)
			put_text(w->rig, w->table, "5|late|1");
		flush_all(w->rig);
	}
}

static void
let_urgent(void *arg, Table *busy)
{
	Waiting *w = arg;
	if (w->calls++ > 0)
		return;
	w->busy = busy;
	flush_fresh(w);
	assert_true(store_merge_backlog(w->rig->store).fresh >= 4);
	MergeOptions options = options_of(w->rig);
	options.urgent = true;
	options.busy = busy;
	options.stop = &w->stop;
	w->st = store_merge_one(w->rig->store, &options, &w->did, &w->report, &w->err);
}

static void
merge(Rig *rig, MergeOptions options, MergeReport *report)
{
	Error err = ERROR_INIT;
	bool did;
	ok(store_merge_one(rig->store, &options, &did, report, &err), &err);
	assert_true(did);
	assert_int_equal(report->status, ST_OK);
}

// Files of the top level, each by a merge of its own.
static void
add_tiny_files(Rig *rig, Table *table)
{
	for (int64_t i = 0; i < FILES; i++) {
		put_rows(rig, table, i * FILE_ROWS, (i + 1) * FILE_ROWS);
		flush_all(rig);
		MergeOptions options = options_of(rig);
		options.files = 1;
		MergeReport report;
		merge(rig, options, &report);
	}
}

static int32_t
files_in_level(Rig *rig, Table *table, int32_t level)
{
	Snapshot *snapshot = snapshot_of(rig, table);
	const FileSet *files = snapshot->tables[0].files;
	int32_t count = 0;
	for (int32_t i = 0; i < file_set_count(files); i++)
		count += data_file_level(file_set_at(files, i)) == level;
	snapshot_free(snapshot);
	return count;
}

// All in one file, in the order of a stable sort.
static void
file_is_sorted(Rig *rig, Table *table, int64_t rows)
{
	Error err = ERROR_INIT;
	MergeOptions options = options_of(rig);
	options.all = true;
	for (bool did = true; did;) {
		MergeReport report;
		ok(store_merge_one(rig->store, &options, &did, &report, &err), &err);
	}
	assert_int_equal(files_of(rig, table), 1);
	Snapshot *snapshot = snapshot_of(rig, table);
	char sql[512], expected[64], *found = NULL;
	snprintf(sql, sizeof(sql),
			 "SELECT count(*) || ' ' || count(*) FILTER (WHERE r <> file_row_number) FROM (SELECT "
			 "file_row_number, row_number() OVER (ORDER BY host, time) - 1 AS r FROM "
			 "read_parquet('%s', file_row_number = true))",
			 data_file_path(file_set_at(snapshot->tables[0].files, 0)));
	ok(duck_query_text(rig->conn, sql, NULL, 0, &found, &err), &err);
	snprintf(expected, sizeof(expected), "%" PRId64 " 0", rows);
	assert_string_equal(found, expected);
	mem_free(found);
	snapshot_free(snapshot);
}

static void
open_rig(Rig *rig)
{
	rig_new(rig);
	rig_add_duck(rig);
	rig_open(rig);
}

static void
fresh_files_of_the_same_table_go_before_a_gathering(void **state)
{
	(void)state;
	Rig rig;
	open_rig(&rig);
	Table *table = add_table(&rig, 1);
	add_tiny_files(&rig, table);
	assert_int_equal(files_in_level(&rig, table, 4), FILES);
	Waiting w = {.rig = &rig, .table = table, .from = (int64_t)FILES * FILE_ROWS};
	MergeOptions options = options_of(&rig);
	options.let_urgent = let_urgent;
	options.arg = &w;
	MergeReport report;
	merge(&rig, options, &report);
	assert_int_equal(report.kind, MERGE_GATHER);
	assert_int_equal(report.inputs, FILES);

	assert_true(w.calls > 0);
	assert_null(w.busy);
	ok(w.st, &w.err);
	assert_true(w.did);
	assert_int_equal(w.report.kind, MERGE_PREFIX);
	assert_int_equal(w.report.level, 1);
	assert_int_equal(w.report.rows, 4 * FRESH_ROWS + 1);
	assert_int_equal(files_in_level(&rig, table, 0), 0);
	assert_int_equal(files_in_level(&rig, table, 1), w.report.outputs);
	assert_int_equal(files_in_level(&rig, table, 4), 1);
	int64_t rows = (int64_t)FILES * FILE_ROWS + 4 * FRESH_ROWS + 1;
	assert_int_equal(rows_of(&rig, table), rows);
	file_is_sorted(&rig, table, rows);
	table_unref(table);
	rig_close(&rig);
}

static void
a_merge_of_level_0_lets_those_of_other_tables_go_before_only(void **state)
{
	(void)state;
	Rig rig;
	open_rig(&rig);
	Table *table = add_table(&rig, 1), *other = add_table(&rig, 2);
	for (int64_t i = 0; i < 4; i++) {
		put_rows(&rig, table, i * 25000, (i + 1) * 25000);
		flush_all(&rig);
	}
	for (int turn = 0; turn < 2; turn++) {
		Waiting w = {.rig = &rig, .table = turn == 0 ? table : other, .from = 100000};
		MergeOptions options = options_of(&rig);
		options.let_urgent = let_urgent;
		options.arg = &w;
		MergeReport report;
		merge(&rig, options, &report);
		assert_int_equal(report.kind, MERGE_PREFIX);
		ok(w.st, &w.err);
		assert_ptr_equal(w.busy, table);
		assert_int_equal(w.did, turn == 1);
		// So that the next turn is about it again.
		for (int64_t i = 0; turn == 0 && i < 4; i++) {
			put_rows(&rig, table, 200000 + i * 25000, 225000 + i * 25000);
			flush_all(&rig);
		}
	}
	table_unref(table);
	table_unref(other);
	rig_close(&rig);
}

static void
what_fails_before_a_gathering_is_no_failure_of_it(void **state)
{
	(void)state;
	Rig rig;
	open_rig(&rig);
	Table *table = add_table(&rig, 1);
	add_tiny_files(&rig, table);
	Waiting w = {.rig = &rig, .table = table, .from = (int64_t)FILES * FILE_ROWS, .stop = true};
	MergeOptions options = options_of(&rig);
	options.let_urgent = let_urgent;
	options.arg = &w;
	MergeReport report;
	merge(&rig, options, &report);
	assert_int_equal(w.st, ST_CANCELLED);
	assert_int_equal(files_in_level(&rig, table, 0), 4);
	assert_int_equal(files_in_level(&rig, table, 4), 1);
	assert_int_equal(rows_of(&rig, table), (int64_t)FILES * FILE_ROWS + 4 * FRESH_ROWS + 1);
	table_unref(table);
	rig_close(&rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fresh_files_of_the_same_table_go_before_a_gathering),
		cmocka_unit_test(a_merge_of_level_0_lets_those_of_other_tables_go_before_only),
		cmocka_unit_test(what_fails_before_a_gathering_is_no_failure_of_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
