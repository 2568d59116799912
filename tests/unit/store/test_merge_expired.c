// Merges of files with rows that have expired or were deleted: those are left out by a whole merge
// only.

#include "os/clock.h"
#include "rig.h"
#include "store/merge.h"
#include "store/retention.h"

static MergeOptions
options_of(Rig *rig, Table *table)
{
	return (MergeOptions){.duck = rig->duck, .files = 4, .memory_bytes = 64 << 20, .table = table};
}

// A table of four files, in each of which one row has expired and one has not: from `now` on.
static Table *
mortal_files(Rig *rig, int64_t now)
{
	Schema *schema = host_schema();
	TableRequest request = {
		.database = "mobius", .name = "t1", .schema = schema, .tags = "host", .ttl = "1h"};
	TableDef *def = NULL;
	Error err = ERROR_INIT;
	ok(table_def_create(&request, NULL, 1, 1000, any_field, &def, &err), &err);
	schema_unref(schema);
	apply_define(rig, def);
	table_def_unref(def);
	Table *table = table_by_id(rig, 1);
	for (int i = 0; i < 4; i++) {
		char rows[128];
		snprintf(rows, sizeof(rows), "%" PRId64 "|a|%d\n%" PRId64 "|a|%d",
				 now - (INT64_C(7200) + i) * 1000000000, i, now - i, 10 + i);
		put_text(rig, table, rows);
		flush_all(rig);
	}
	return table;
}

// The only file there is, of the rows that are neither deleted nor expired.
static void
holds_rows(Rig *rig, Table *table, int64_t count, int64_t min_time)
{
	Snapshot *snapshot = snapshot_of(rig, table);
	assert_int_equal(file_set_count(snapshot->tables[0].files), 1);
	const FileMeta *meta = data_file_meta(file_set_at(snapshot->tables[0].files, 0));
	assert_int_equal(meta->rows, count);
	assert_int_equal(meta->min_time, min_time);
	snapshot_free(snapshot);
}

// What has expired is left out for good: a longer ttl does not show it again.
static void
expired_rows_are_left_out(void **state)
{
	(void)state;
	Rig rig;
	rig_new(&rig);
	rig_add_duck(&rig);
	rig_open(&rig);
	int64_t now = clock_wall_ns();
	Table *table = mortal_files(&rig, now);
	bool did = false;
	Error err = ERROR_INIT;
	MergeReport report;
	MergeOptions options = options_of(&rig, table);
	ok(store_merge_one(rig.store, &options, &did, &report, &err), &err);
	assert_true(did);
	holds_rows(&rig, table, 4, now - 3);
	assert_true(table_visible_from(table, 0) > now - INT64_C(3700) * 1000000000);
	table_unref(table);
	rig_close(&rig);
}

static void
rows_are_left_out_by_a_whole_merge_only(void **state)
{
	(void)state;
	Rig rig;
	rig_new(&rig);
	rig_add_duck(&rig);
	rig_open(&rig);
	int64_t now = clock_wall_ns();
	Table *table = mortal_files(&rig, now);
	delete_row(&rig, table, 3, 1); // the earliest of those that have not expired
	settle(&rig);
	int64_t rows = rows_of(&rig, table);
	MergeOptions options = options_of(&rig, table);
	for (long nth = 0;; nth++) {
		bool did = false;
		Error err = ERROR_INIT;
		MergeReport report;
		fault_arm(nth);
		Status st = store_merge_one(rig.store, &options, &did, &report, &err);
		bool failed = fault_disarm();
		assert_int_equal(file_live(), 0);
		if (st == ST_OK)
			break;
		assert_true(failed && err.text[0] != '\0');
		assert_int_equal(files_of(&rig, table), 4);
		assert_int_equal(rows_of(&rig, table), rows);
	}
	for (int i = 0; i < 2; i++) {
		holds_rows(&rig, table, 3, now - 2);
		table_unref(table);
		rig_shut(&rig);
		rig_open(&rig);
		table = table_by_id(&rig, 1);
	}
	table_unref(table);
	rig_close(&rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(expired_rows_are_left_out),
		cmocka_unit_test(rows_are_left_out_by_a_whole_merge_only),
	};
	return RUN(tests);
}
