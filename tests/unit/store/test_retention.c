// Which rows are too old, at any moment a clock may tell, and what goes of them.

#include "rig.h"
#include "store/retention.h"

enum { DAY = 100, NOW = 10000 }; // "ns" that are easy to read

static void
the_edge_is_where_ttl_says(void **state)
{
	(void)state;
	static const struct {
		int64_t ttl, dropped, now, from;
	} cases[] = {
		{0, VISIBLE_ALWAYS, NOW, VISIBLE_ALWAYS},
		{DAY, VISIBLE_ALWAYS, NOW, NOW - DAY},
		{DAY, NOW - DAY + 1, NOW, NOW - DAY + 1},
		{DAY, NOW - DAY - 1, NOW, NOW - DAY},
		{0, 77, NOW, 77},
		{INT64_MAX, VISIBLE_ALWAYS, NOW, NOW - INT64_MAX},
		{INT64_MAX, VISIBLE_ALWAYS, -2, VISIBLE_ALWAYS}, // beyond all times
		{DAY, VISIBLE_ALWAYS, INT64_MIN + 1, VISIBLE_ALWAYS},
		{1, 5, INT64_MIN, 5},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		int64_t from = retention_visible_from(cases[i].ttl, cases[i].dropped, cases[i].now);
		if (from != cases[i].from)
			fail_msg("case %zu: %" PRId64, i, from);
	}
}

static void
set_ttl(Rig *rig, Table *table, const char *ttl)
{
	SCOPED(table_def_drop) TableDef *def = table_current(table);
	SCOPED(table_def_drop) TableDef *next = NULL;
	Error err = ERROR_INIT;
	ok(table_def_set_options(def, &(TableOptions){.ttl = ttl}, &next, &err), &err);
	apply_define(rig, next);
}

static Table *
add_mortal(Rig *rig, uint32_t id, const char *ttl)
{
	Table *table = add_table(rig, id);
	set_ttl(rig, table, ttl);
	return table;
}

static int64_t
visible_from(Rig *rig, Table *table, int64_t now)
{
	SCOPED(snapshot_drop) Snapshot *snapshot = NULL;
	Error err = ERROR_INIT;
	ok(store_snapshot_at(rig->store, &table, 1, now, &snapshot, &err), &err);
	assert_true(snapshot->now_ns == now);
	assert_true(snapshot->tables[0].visible_from == table_visible_from(table, now));
	return snapshot->tables[0].visible_from;
}

static bool
is_cut(Rig *rig, Table *table, int64_t now)
{
	SCOPED(snapshot_drop) Snapshot *snapshot = NULL;
	Error err = ERROR_INIT;
	ok(store_snapshot_at(rig->store, &table, 1, now, &snapshot, &err), &err);
	return view_is_cut(&snapshot->tables[0]);
}

static int64_t
drop_expired(Rig *rig, int64_t now)
{
	int64_t files = -1;
	Error err = ERROR_INIT;
	ok(store_drop_unseen_files(rig->store, now, &files, &err), &err);
	return files;
}

static void
a_view_is_cut_while_some_of_its_rows_are_too_old(void **state)
{
	(void)state;
	Rig rig;
	rig_new(&rig);
	rig_add_duck(&rig);
	rig_open(&rig);
	Table *table = add_mortal(&rig, 1, "100ns");
	put_text(&rig, table, "1000|a|1");
	assert_false(is_cut(&rig, table, 1100)); // time ≥ now − ttl is seen
	assert_true(is_cut(&rig, table, 1101));
	flush_all(&rig);
	put_text(&rig, table, "1050|a|1");
	assert_false(is_cut(&rig, table, 1100));
	assert_true(is_cut(&rig, table, 1101));
	assert_int_equal(drop_expired(&rig, 1101), 1);
	assert_false(is_cut(&rig, table, 1101));
	assert_int_equal(rows_of(&rig, table), 1);
	table_unref(table);
	rig_close(&rig);
}

static void
files_go_whole_and_only_when_all_of_them_has_expired(void **state)
{
	(void)state;
	Rig rig;
	rig_new(&rig);
	rig_add_duck(&rig);
	rig_open(&rig);
	Table *mortal = add_mortal(&rig, 1, "100ns");
	Table *lasting = add_table(&rig, 2);
	for (int64_t from = 0; from < 300; from += 100) {
		put_rows(&rig, mortal, from, from + 100);
		put_rows(&rig, lasting, from, from + 100);
		flush_all(&rig);
	}
	put_text(&rig, mortal, "50|a|1\n900|a|1"); // a time far ahead keeps what is beside it
	flush_all(&rig);
	assert_int_equal(drop_expired(&rig, 199), 0); // 99 is seen at 199
	assert_int_equal(drop_expired(&rig, 200), 1);
	assert_int_equal(drop_expired(&rig, 200), 0);
	assert_int_equal(files_of(&rig, mortal), 3);
	assert_int_equal(drop_expired(&rig, 1000), 2);
	assert_int_equal(files_of(&rig, mortal), 1);
	assert_int_equal(files_of(&rig, lasting), 3);
	assert_int_equal(visible_from(&rig, mortal, 350), 300); // behind what went
	assert_int_equal(visible_from(&rig, mortal, 450), 350);
	table_unref(mortal);
	table_unref(lasting);
	rig_close(&rig);
}

static void
a_snapshot_keeps_its_files_and_they_leave_the_disk_after_it(void **state)
{
	(void)state;
	Rig rig;
	rig_new(&rig);
	rig_add_duck(&rig);
	rig_open(&rig);
	Table *table = add_mortal(&rig, 1, "100ns");
	put_rows(&rig, table, 0, 10);
	flush_all(&rig);
	Snapshot *snapshot = snapshot_of(&rig, table);
	char path[200];
	snprintf(path, sizeof(path), "%s", data_file_path(file_set_at(snapshot->tables[0].files, 0)));
	assert_int_equal(drop_expired(&rig, 5000), 1);
	assert_int_equal(files_of(&rig, table), 0);
	assert_true(exists(path));
	snapshot_free(snapshot);
	assert_false(exists(path));
	table_unref(table);
	rig_close(&rig);
}

static void
delete_first(Rig *rig, Table *table, int64_t rows)
{
	Snapshot *snapshot = snapshot_of(rig, table);
	uint64_t id = data_file_meta(file_set_at(snapshot->tables[0].files, 0))->segment_id;
	snapshot_free(snapshot);
	RowAddress at[16];
	assert_true(rows <= (int64_t)COUNT_OF(at));
	for (int64_t i = 0; i < rows; i++)
		at[i] = (RowAddress){id, i, true};
	StoreDelete *del = NULL;
	Error err = ERROR_INIT;
	table_rewrite_lock(table);
	ok(store_delete_new(rig->store, table, at, rows, &del, &err), &err);
	store_apply_delete(rig->store, del, ++rig->seq);
	store_publish(rig->store, rig->seq);
	table_rewrite_unlock(table);
}

static void
a_file_of_which_all_rows_were_deleted_goes_without_a_merge(void **state)
{
	(void)state;
	Rig rig;
	rig_new(&rig);
	rig_add_duck(&rig);
	rig_open(&rig);
	Table *table = add_table(&rig, 1); // rows last for ever
	for (int64_t from = 0; from < 20; from += 10) {
		put_rows(&rig, table, from, from + 10);
		flush_all(&rig);
	}
	Snapshot *snapshot = snapshot_of(&rig, table);
	char path[200];
	snprintf(path, sizeof(path), "%s", data_file_path(file_set_at(snapshot->tables[0].files, 0)));
	delete_first(&rig, table, 9);
	assert_int_equal(drop_expired(&rig, 5000), 0);
	delete_first(&rig, table, 10);
	assert_int_equal(drop_expired(&rig, 5000), 1);
	assert_int_equal(drop_expired(&rig, 5000), 0);
	assert_int_equal(files_of(&rig, table), 1);
	assert_int_equal(rows_of(&rig, table), 10);
	assert_int_equal(view_rows(&snapshot->tables[0], snapshot->seq), 20); // of who began before
	assert_true(exists(path));
	snapshot_free(snapshot);
	assert_false(exists(path));
	assert_int_equal(visible_from(&rig, table, 5000), VISIBLE_ALWAYS);
	table_unref(table);
	rig_shut(&rig);
	rig_open(&rig);
	table = table_by_id(&rig, 1);
	assert_int_equal(rows_of(&rig, table), 10);
	assert_int_equal(files_of(&rig, table), 1);
	table_unref(table);
	rig_close(&rig);
}

static void
what_was_given_up_is_not_seen_after_a_start_or_a_longer_ttl(void **state)
{
	(void)state;
	Rig rig;
	rig_new(&rig);
	rig_add_duck(&rig);
	rig_open(&rig);
	Table *table = add_mortal(&rig, 1, "100ns");
	put_rows(&rig, table, 0, 10);
	flush_all(&rig);
	assert_int_equal(drop_expired(&rig, 110), 1);
	Error err = ERROR_INIT;
	ok(table_forget_before(table, 5, &err), &err); // never less
	set_ttl(&rig, table, "none");
	assert_int_equal(visible_from(&rig, table, 110), 10);
	table_unref(table);
	settle(&rig);
	rig_shut(&rig);

	rig_open(&rig);
	table = table_by_id(&rig, 1);
	assert_int_equal(visible_from(&rig, table, 110), 10);
	assert_int_equal(files_of(&rig, table), 0);
	// A table of the same name begins anew.
	drop(&rig, table);
	table_unref(table);
	table = add_table(&rig, 2);
	assert_true(visible_from(&rig, table, 110) == VISIBLE_ALWAYS);
	ok(table_forget_before(table, 42, &err), &err);
	assert_int_equal(visible_from(&rig, table, 0), 42);
	table_unref(table);
	rig_close(&rig);
}

static void
dropping_files_undoes_itself_on_every_fault(void **state)
{
	(void)state;
	Rig rig;
	rig_new(&rig);
	rig_add_duck(&rig);
	rig_open(&rig);
	Table *table = add_mortal(&rig, 1, "100ns");
	put_rows(&rig, table, 0, 10);
	flush_all(&rig);
	put_rows(&rig, table, 500, 510);
	flush_all(&rig);
	settle(&rig);
	for (long nth = 0;; nth++) {
		int64_t files = 0;
		Error err = ERROR_INIT;
		fault_arm(nth);
		Status st = store_drop_unseen_files(rig.store, 200, &files, &err);
		bool hit = fault_disarm();
		if (!hit) {
			ok(st, &err);
			break;
		}
		if (st == ST_OK)
			break; // a fault behind the last step
		assert_int_equal(files_of(&rig, table), 2);
	}
	assert_int_equal(files_of(&rig, table), 1);
	table_unref(table);
	settle(&rig);
	rig_shut(&rig);
	rig_open(&rig);
	table = table_by_id(&rig, 1);
	assert_int_equal(files_of(&rig, table), 1);
	table_unref(table);
	rig_close(&rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_edge_is_where_ttl_says),
		cmocka_unit_test(a_view_is_cut_while_some_of_its_rows_are_too_old),
		cmocka_unit_test(files_go_whole_and_only_when_all_of_them_has_expired),
		cmocka_unit_test(a_snapshot_keeps_its_files_and_they_leave_the_disk_after_it),
		cmocka_unit_test(a_file_of_which_all_rows_were_deleted_goes_without_a_merge),
		cmocka_unit_test(what_was_given_up_is_not_seen_after_a_start_or_a_longer_ttl),
		cmocka_unit_test(dropping_files_undoes_itself_on_every_fault),
	};
	return RUN(tests);
}
