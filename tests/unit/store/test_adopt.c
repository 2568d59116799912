// Files that a commit adopts: they are the table's with the commit and not before, come back from
// its record, and go where it never was.

#include "keyed.h"
#include "store/adopt.h"
#include "store/merge.h"

static void
open_rig(Rig *rig)
{
	rig_new(rig);
	rig_add_duck(rig);
	rig_open(rig);
}

static Status
try_bulk(Rig *rig, Table *table, const char *rows, Bulk **out, Error *err)
{
	Bulk *bulk = NULL;
	TRY(bulk_new(rig->store, table, rig->conn, &bulk, err));
	TableDef *def = table_current(table);
	Shape *shape = whole_shape(def);
	Batch *batch = batch_of(table_schema(def), rows);
	uint64_t cost = batch_held_bytes(batch);
	budget_charge(rig->budget, cost);
	Status st = bulk_add(bulk, shape, batch, cost, err);
	if (st != ST_OK)
		budget_release(rig->budget, cost);
	if (st == ST_OK)
		st = bulk_write(bulk, 0, err);
	batch_unref(batch);
	shape_unref(shape);
	table_def_unref(def);
	if (st != ST_OK) {
		bulk_free(bulk);
		return st;
	}
	*out = bulk;
	return ST_OK;
}

static Bulk *
bulk_of(Rig *rig, Table *table, const char *rows)
{
	Bulk *bulk = NULL;
	Error err = ERROR_INIT;
	ok(try_bulk(rig, table, rows, &bulk, &err), &err);
	return bulk;
}

static StoreAdopt *
adopt_of(Rig *rig, Table *table, const char *rows)
{
	StoreAdopt *adopt = NULL;
	Bulk *bulk = bulk_of(rig, table, rows);
	Error err = ERROR_INIT;
	ok(store_adopt_new(rig->store, table, &bulk, 1, NULL, &adopt, &err), &err);
	bulk_free(bulk);
	return adopt;
}

static void
adopt_rows(Rig *rig, Table *table, const char *rows)
{
	store_apply_adopt(rig->store, adopt_of(rig, table, rows), ++rig->seq);
	store_publish(rig->store, rig->seq);
}

// What is in files/1.
static Status
count_entry(void *arg, const char *name, Error *err)
{
	(void)name;
	(void)err;
	++*(int *)arg;
	return ST_OK;
}

static int
files_on_disk(Rig *rig)
{
	int count = 0;
	Error err = ERROR_INIT;
	ok(dir_list(path_in(rig, "files/1"), count_entry, &count, &err), &err);
	return count;
}

// ---- with the commit ----

static void
rows_appear_with_their_commit(void **state)
{
	(void)state;
	Rig rig;
	open_rig(&rig);
	Table *table = add_table(&rig, 1);
	put_text(&rig, table, "1|a|1");
	StoreAdopt *adopt = adopt_of(&rig, table, "3|b|3\n2|a|2");
	assert_int_equal(store_adopt_rows(adopt), 2);
	int64_t min, max;
	assert_true(store_adopt_times(adopt, &min, &max));
	assert_int_equal(min, 2);
	assert_int_equal(max, 3);
	assert_int_equal(rows_of(&rig, table), 1);
	store_apply_adopt(rig.store, adopt, ++rig.seq);
	assert_int_equal(rows_of(&rig, table), 1);
	store_publish(rig.store, rig.seq);
	assert_int_equal(rows_of(&rig, table), 3);
	files_hold(&rig, table, "2|a|2 3|b|3");
	put_text(&rig, table, "4|a|4");
	assert_int_equal(rows_of(&rig, table), 4);
	table_unref(table);
	rig_shut(&rig); // rows in memory were in the log
	rig_open(&rig);
	table = table_by_id(&rig, 1);
	files_hold(&rig, table, "2|a|2 3|b|3");
	table_unref(table);
	rig_close(&rig);
}

static void
what_never_was_committed_goes(void **state)
{
	(void)state;
	Rig rig;
	open_rig(&rig);
	Table *table = add_table(&rig, 1);
	bulk_free(bulk_of(&rig, table, "1|a|1"));
	assert_int_equal(files_on_disk(&rig), 0);
	store_adopt_free(adopt_of(&rig, table, "1|a|1"));
	assert_int_equal(files_on_disk(&rig), 0);
	StoreAdopt *adopt = adopt_of(&rig, table, "1|a|1");
	store_freeze(rig.store); // the log may have it
	store_adopt_free(adopt);
	assert_int_equal(files_on_disk(&rig), 1);
	table_unref(table);
	rig_shut(&rig);
	rig_open(&rig);
	assert_int_equal(files_on_disk(&rig), 0);
	rig_close(&rig);
}

static void
a_table_that_changed_or_went_takes_no_files(void **state)
{
	(void)state;
	Rig rig;
	open_rig(&rig);
	Table *table = add_table(&rig, 1);
	Bulk *bulk = bulk_of(&rig, table, "1|a|1");
	TableDef *def = table_current(table), *next = NULL;
	Field column = {.name = "more", .type = {.id = TYPE_INT64}, .nullable = true};
	Error err = ERROR_INIT;
	ok(table_def_add_column(def, &column, false, any_field, &next, &err), &err);
	apply_define(&rig, next);
	StoreAdopt *adopt = NULL;
	assert_int_equal(store_adopt_new(rig.store, table, &bulk, 1, NULL, &adopt, &err), ST_CONFLICT);
	bulk_free(bulk);
	table_def_unref(def);
	table_def_unref(next);
	bulk = bulk_of(&rig, table, "1|a|1|5");
	ok(store_adopt_new(rig.store, table, &bulk, 1, NULL, &adopt, &err), &err);
	bulk_free(bulk);
	drop(&rig, table);
	store_apply_adopt(rig.store, adopt, ++rig.seq);
	store_publish(rig.store, rig.seq);
	assert_int_equal(files_on_disk(&rig), 0);
	table_unref(table);
	rig_close(&rig);
}

static CatalogChange *
change_drop(Table *table)
{
	CatalogChange *change = NULL;
	TableDef *def = table_current(table);
	Error err = ERROR_INIT;
	ok(catalog_change_drop(table_id(def), &change, &err), &err);
	table_def_unref(def);
	return change;
}

static void
drop_database(Rig *rig)
{
	StoreDatabase *database = NULL;
	Error err = ERROR_INIT;
	ok(store_database_new(rig->store, "mobius", true, &database, &err), &err);
	store_apply_database(rig->store, database, ++rig->seq);
}

// A commit of rows that go and files that come, and the drop before it was visible.
static void
files_go_with_a_table_that_is_dropped_in_the_same_breath(void **state)
{
	(void)state;
	for (int with_database = 0; with_database < 2; with_database++) {
		Rig rig;
		open_rig(&rig);
		Table *table = add_table(&rig, 1);
		put_text(&rig, table, "1|a|1\n2|a|2");
		flush_all(&rig);
		Snapshot *snapshot = snapshot_of(&rig, table);
		FileSet *files = snapshot->tables[0].files;
		RowAddress first = {data_file_meta(file_set_at(files, 0))->segment_id, 0, true};
		snapshot_free(snapshot);
		Bulk *bulk = bulk_of(&rig, table, "3|a|3");
		StoreDelete *del = NULL;
		StoreAdopt *adopt = NULL;
		Error err = ERROR_INIT;
		table_rewrite_lock(table);
		ok(store_delete_new(rig.store, table, &first, 1, &del, &err), &err);
		ok(store_adopt_new(rig.store, table, &bulk, 1, del, &adopt, &err), &err);
		bulk_free(bulk);
		store_apply_delete(rig.store, del, ++rig.seq);
		store_apply_adopt(rig.store, adopt, rig.seq);
		assert_int_equal(files_on_disk(&rig), 2);
		if (with_database)
			drop_database(&rig);
		else
			store_apply_drop(rig.store, table, change_drop(table), ++rig.seq);
		store_publish(rig.store, rig.seq);
		table_rewrite_unlock(table);
		settle(&rig);
		assert_int_equal(files_on_disk(&rig), 0);
		table_unref(table);
		rig_close(&rig);
	}
}

// ---- from the log ----

static Buf record = BUF_INIT;
static uint64_t record_seq;

static Status
replay_record(Rig *rig, Error *err)
{
	Table *table = table_by_id(rig, 1);
	Status st = store_replay_adopt(rig->store, table, buf_slice(&record), record_seq, err);
	if (st == ST_OK)
		st = store_replay_adopted_series(rig->store, table, record_seq, err);
	store_publish(rig->store, record_seq);
	table_unref(table);
	return st;
}

static void
the_record_brings_them_back(void **state)
{
	(void)state;
	Rig rig;
	open_rig(&rig);
	Table *table = add_table(&rig, 1);
	StoreAdopt *adopt = adopt_of(&rig, table, "1|a|1\n2|b|2\n3|~|3");
	Error err = ERROR_INIT;
	ok(store_adopt_encode(adopt, &record, &err), &err);
	record_seq = rig.seq + 1;
	store_freeze(rig.store); // killed before it was applied
	store_adopt_free(adopt);
	table_unref(table);
	rig_shut(&rig);
	rig.replay = replay_record;
	rig_open(&rig);
	rig.replay = NULL;
	for (int turn = 0; turn < 2; turn++) {
		table = table_by_id(&rig, 1);
		files_hold(&rig, table, "3|~|3 1|a|1 2|b|2");
		assert_int_equal(store_published_seq(rig.store), record_seq);
		if (turn == 0)
			assert_int_equal(series_count(table_series(table)), 3);
		table_unref(table);
		rig_shut(&rig);
		rig_open(&rig);
	}
	buf_close(&record);
	rig_close(&rig);
}

static void
a_record_that_is_none_is_refused(void **state)
{
	(void)state;
	Rig rig;
	open_rig(&rig);
	Table *table = add_table(&rig, 1);
	StoreAdopt *adopt = adopt_of(&rig, table, "1|a|1");
	Buf whole = BUF_INIT;
	Error err = ERROR_INIT;
	ok(store_adopt_encode(adopt, &whole, &err), &err);
	store_adopt_free(adopt);
	AdoptedFiles files;
	for (size_t len = 0; len < whole.len; len++)
		assert_int_equal(adopted_files_read(slice_of(whole.data, len), 7, &files, &err),
						 ST_CORRUPT);
	ok(adopted_files_read(buf_slice(&whole), 7, &files, &err), &err);
	assert_int_equal(files.count, 1);
	assert_int_equal(files.metas[0].rows, 1);
	assert_int_equal(files.metas[0].max_seq, 7);
	adopted_files_close(&files);
	buf_close(&whole);
	table_unref(table);
	rig_close(&rig);
}

// ---- where copies of files are kept in memory ----

// Who writes them may hold the table's rewrite lock, which an older copy needs to go.
static void
they_take_no_room_from_copies(void **state)
{
	(void)state;
	enum { ROWS = 1000, ROOM = 16 << 10 };
	Rig rig;
	rig_open_cached(&rig, ROOM);
	Table *table = add_table(&rig, 1);
	put_rows(&rig, table, 0, ROWS);
	flush_all(&rig);
	uint64_t used = budget_used(rig.hot);
	assert_in_range(used, ROOM / 2 + 1, ROOM); // a second one of as many rows has no room
	Buf rows = BUF_INIT;
	for (int n = 0; n < ROWS; n++)
		buf_add_printf(&rows, "%s%d|host%d|%d", n > 0 ? "\n" : "", n, n % 10, n);
	table_rewrite_lock(table);
	Bulk *bulk = bulk_of(&rig, table, buf_text(&rows));
	table_rewrite_unlock(table);
	assert_int_equal(budget_used(rig.hot), used);
	Snapshot *snapshot = snapshot_of(&rig, table);
	assert_non_null(file_set_hot(snapshot->tables[0].files, 0));
	snapshot_free(snapshot);
	bulk_free(bulk);
	buf_close(&rows);
	table_unref(table);
	rig_close(&rig);
}

// ---- among others ----

static bool
merge(Rig *rig)
{
	MergeOptions options = {.duck = rig->duck, .files = 4, .memory_bytes = 64 << 20};
	MergeReport report;
	Error err = ERROR_INIT;
	bool did;
	ok(store_merge_one(rig->store, &options, &did, &report, &err), &err);
	return did;
}

// Rows of one key stay in the order of their commits, whatever becomes a file first.
static void
they_wait_for_older_rows_in_memory(void **state)
{
	(void)state;
	Rig rig;
	open_rig(&rig);
	Table *table = add_table(&rig, 1);
	put_text(&rig, table, "5|a|1");
	adopt_rows(&rig, table, "5|a|2");
	put_text(&rig, table, "5|a|3");
	for (int n = 4; n < 9; n++) {
		char row[16];
		snprintf(row, sizeof(row), "5|a|%d", n);
		adopt_rows(&rig, table, row);
	}
	assert_false(merge(&rig));
	files_hold(&rig, table, "5|a|2 / 5|a|4 / 5|a|5 / 5|a|6 / 5|a|7 / 5|a|8");
	flush_all(&rig);
	files_hold(&rig, table, "5|a|1 / 5|a|2 / 5|a|3 / 5|a|4 / 5|a|5 / 5|a|6 / 5|a|7 / 5|a|8");
	assert_true(merge(&rig));
	files_hold(&rig, table, "5|a|1 5|a|2 5|a|3 5|a|4 5|a|5 5|a|6 5|a|7 5|a|8");
	table_unref(table);
	rig_close(&rig);
}

// ---- where rows are replaced by key ----

static void
they_are_late_and_so_are_rows_up_to_their_times(void **state)
{
	(void)state;
	Rig rig;
	open_rig(&rig);
	Table *table = add_keyed(&rig);
	put_text(&rig, table, "1|a|1");
	StoreAdopt *adopt = adopt_of(&rig, table, "4|b|2\n3|a|3\n3|a|4");
	assert_int_equal(store_adopt_rows(adopt), 2);
	store_apply_adopt(rig.store, adopt, ++rig.seq);
	put_text(&rig, table, "4|c|5\n5|c|6"); // of a series nobody knew
	late_is(&rig, table, "3..4 - 4..4");
	files_hold(&rig, table, "3|a|4 4|b|2");
	table_unref(table);
	rig_shut(&rig); // rows in memory were in the log
	rig_open(&rig);
	table = table_by_id(&rig, 1);
	put_text(&rig, table, "2|d|7\n5|d|8");
	late_is(&rig, table, "3..4 2..2");
	table_unref(table);
	rig_close(&rig);
}

static void
their_record_brings_back_what_is_late(void **state)
{
	(void)state;
	Rig rig;
	open_rig(&rig);
	Table *table = add_keyed(&rig);
	StoreAdopt *adopt = adopt_of(&rig, table, "1|a|1\n9|b|2");
	Error err = ERROR_INIT;
	ok(store_adopt_encode(adopt, &record, &err), &err);
	record_seq = rig.seq + 1;
	store_freeze(rig.store); // killed before it was applied
	store_adopt_free(adopt);
	table_unref(table);
	rig_shut(&rig);
	rig.replay = replay_record;
	rig_open(&rig);
	rig.replay = NULL;
	rig.seq = record_seq;
	table = table_by_id(&rig, 1);
	put_text(&rig, table, "5|c|3\n10|c|4");
	late_is(&rig, table, "1..9 5..5");
	table_unref(table);
	rig_shut(&rig);
	rig_open(&rig);
	table = table_by_id(&rig, 1);
	late_is(&rig, table, "1..9");
	table_unref(table);
	buf_close(&record);
	rig_close(&rig);
}

static void
of_one_commit_the_later_file_wins(void **state)
{
	(void)state;
	Rig rig;
	open_rig(&rig);
	Table *table = add_keyed(&rig);
	put_text(&rig, table, "5|a|1");
	Bulk *bulks[] = {bulk_of(&rig, table, "5|a|2\n6|a|2"), bulk_of(&rig, table, "5|a|3"),
					 bulk_of(&rig, table, "5|a|4\n7|b|4")};
	StoreAdopt *adopt = NULL;
	Error err = ERROR_INIT;
	ok(store_adopt_new(rig.store, table, bulks, 3, NULL, &adopt, &err), &err);
	for (int i = 0; i < 3; i++)
		bulk_free(bulks[i]);
	store_apply_adopt(rig.store, adopt, ++rig.seq);
	store_publish(rig.store, rig.seq);
	adopt_rows(&rig, table, "8|b|5");
	flush_all(&rig);
	for (int turn = 0; turn < 2; turn++) {
		files_hold(&rig, table, "5|a|1 / 5|a|2 6|a|2 / 5|a|3 / 5|a|4 7|b|4 / 8|b|5");
		table_unref(table);
		rig_shut(&rig);
		rig_open(&rig);
		table = table_by_id(&rig, 1);
	}
	assert_true(merge(&rig));
	files_hold(&rig, table, "5|a|4 6|a|2 7|b|4 8|b|5");
	late_is(&rig, table, "-");
	table_unref(table);
	rig_close(&rig);
}

static void
fault_loop(Rig *rig, Table *table)
{
	adopt_rows(rig, table, "1|a|1");
	settle(rig);
	bool hit = true;
	for (long nth = 0; hit; nth++) {
		Bulk *bulk = NULL;
		StoreAdopt *adopt = NULL;
		Error err = ERROR_INIT;
		long blocks = mem_live();
		fault_arm(nth);
		Status st = bulk_new(rig->store, table, rig->conn, &bulk, &err);
		hit = fault_disarm();
		bulk_free(bulk);
		bulk = bulk_of(rig, table, "2|a|2");
		fault_arm(nth);
		if (st == ST_OK)
			st = store_adopt_new(rig->store, table, &bulk, 1, NULL, &adopt, &err);
		hit |= fault_disarm();
		bulk_free(bulk);
		store_adopt_free(adopt);
		assert_true(hit || st == ST_OK);
		assert_int_equal(mem_live(), blocks);
		assert_int_equal(files_on_disk(rig), 1);
	}
}

static void
a_fault_leaves_nothing(void **state)
{
	(void)state;
	for (int keyed = 0; keyed < 2; keyed++) {
		Rig rig;
		open_rig(&rig);
		Table *table = keyed ? add_keyed(&rig) : add_table(&rig, 1);
		fault_loop(&rig, table);
		table_unref(table);
		rig_close(&rig);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_appear_with_their_commit),
		cmocka_unit_test(what_never_was_committed_goes),
		cmocka_unit_test(a_table_that_changed_or_went_takes_no_files),
		cmocka_unit_test(files_go_with_a_table_that_is_dropped_in_the_same_breath),
		cmocka_unit_test(the_record_brings_them_back),
		cmocka_unit_test(a_record_that_is_none_is_refused),
		cmocka_unit_test(they_take_no_room_from_copies),
		cmocka_unit_test(they_wait_for_older_rows_in_memory),
		cmocka_unit_test(they_are_late_and_so_are_rows_up_to_their_times),
		cmocka_unit_test(their_record_brings_back_what_is_late),
		cmocka_unit_test(of_one_commit_the_later_file_wins),
		cmocka_unit_test(a_fault_leaves_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
