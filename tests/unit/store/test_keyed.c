// Tables that replace rows by key: what is late, what flushes and merges leave behind, and that it
// is known after a start.

#include "keyed.h"

static void
open_rig(Rig *rig)
{
	rig_new(rig);
	rig_add_duck(rig);
	rig_open(rig);
}

static Table *
reopen(Rig *rig, Table *table)
{
	table_unref(table);
	rig_shut(rig);
	rig_open(rig);
	return table_by_id(rig, 1);
}

static void
flush_rows(Rig *rig, Table *table, const char *rows)
{
	put_text(rig, table, rows);
	flush_all(rig);
}

static bool
has_late(Rig *rig, Table *table)
{
	Snapshot *snapshot = snapshot_of(rig, table);
	bool late = view_has_late(&snapshot->tables[0]);
	snapshot_free(snapshot);
	return late;
}

static void
rows_in_order_are_never_late(void **state)
{
	(void)state;
	Rig rig;
	open_rig(&rig);
	Table *table = add_keyed(&rig);
	put_text(&rig, table, "1|a|1\n1|b|2\n2|a|3");
	put_text(&rig, table, "2|b|4\n3|a|5");
	assert_false(has_late(&rig, table));
	late_is(&rig, table, "-");
	flush_all(&rig);
	put_text(&rig, table, "4|a|6\n1|c|7");
	late_is(&rig, table, "- -");
	table_unref(table);
	rig_close(&rig);
}

static void
a_flush_keeps_the_last_of_each_key(void **state)
{
	(void)state;
	Rig rig;
	open_rig(&rig);
	Table *table = add_keyed(&rig);
	put_text(&rig, table, "1|a|1\n2|a|2\n2|a|3\n5|b|4");
	put_text(&rig, table, "1|a|5\n7|~|6\n7|~|7");
	assert_true(has_late(&rig, table));
	late_is(&rig, table, "1..7");
	flush_all(&rig);
	files_hold(&rig, table, "7|~|7 1|a|5 2|a|3 5|b|4");
	late_is(&rig, table, "-"); // there is nothing older
	assert_int_equal(rows_of(&rig, table), 4);
	table_unref(table);
	rig_close(&rig);
}

static void
late_rows_of_a_file_matter_where_an_older_one_lies(void **state)
{
	(void)state;
	Rig rig;
	open_rig(&rig);
	Table *table = add_keyed(&rig);
	flush_rows(&rig, table, "10|a|1\n20|a|2");
	flush_rows(&rig, table, "30|a|3\n5|a|4\n30|a|5");
	late_is(&rig, table, "- 5..30"); // 20 lies between
	flush_rows(&rig, table, "40|a|6\n40|a|7");
	late_is(&rig, table, "- 5..30 -");
	table = reopen(&rig, table);
	late_is(&rig, table, "- 5..30 -");
	assert_true(has_late(&rig, table));
	// What is behind all files cannot be twice.
	put_text(&rig, table, "41|a|8\n40|b|9\n42|b|10");
	late_is(&rig, table, "- 5..30 - 40..40");
	table_unref(table);
	rig_close(&rig);
}

static void
a_merge_keeps_the_last_of_each_key(void **state)
{
	(void)state;
	Rig rig;
	open_rig(&rig);
	Table *table = add_keyed(&rig);
	flush_rows(&rig, table, "1|a|1\n5|a|2\n5|b|3\n9|~|4");
	flush_rows(&rig, table, "5|a|5\n6|a|6\n9|~|7");
	flush_rows(&rig, table, "2|a|8\n5|a|9\n7|b|10");
	flush_rows(&rig, table, "1|a|11\n2|a|12\n5|a|13");
	merge_all(&rig);
	files_hold(&rig, table, "9|~|7 1|a|11 2|a|12 5|a|13 6|a|6 5|b|3 7|b|10");
	late_is(&rig, table, "-");
	flush_rows(&rig, table, "5|a|14");
	late_is(&rig, table, "- 5..5");
	merge_all(&rig);
	files_hold(&rig, table, "9|~|7 1|a|11 2|a|12 5|a|14 6|a|6 5|b|3 7|b|10");
	table = reopen(&rig, table);
	late_is(&rig, table, "-");
	assert_int_equal(rows_of(&rig, table), 7);
	table_unref(table);
	rig_close(&rig);
}

static void
a_flush_that_fails_leaves_every_version(void **state)
{
	(void)state;
	Rig rig;
	open_rig(&rig);
	Table *table = add_keyed(&rig);
	put_text(&rig, table, "1|a|1\n1|a|2\n2|b|3");
	store_seal(rig.store, table, 0);
	for (long nth = 0;; nth++) {
		bool did;
		int64_t rows;
		Error err = ERROR_INIT;
		fault_arm(nth);
		Status st = store_flush_one(rig.store, rig.conn, &did, &rows, &err);
		bool hit = fault_disarm();
		if (st == ST_OK)
			break;
		assert_true(hit);
		assert_int_equal(rows_of(&rig, table), 3);
		late_is(&rig, table, "1..1");
	}
	files_hold(&rig, table, "1|a|2 2|b|3");
	table_unref(table);
	rig_close(&rig);
}

// ---- entities ----

static void
entities_are_replaced_by_id(void **state)
{
	(void)state;
	Rig rig;
	open_rig(&rig);
	Table *table = add_entities(&rig);
	put_text(&rig, table, "3|~|1\n1|a|2\n2|~|3\n2|b|4");
	late_is(&rig, table, "1..2");
	flush_all(&rig);
	files_hold(&rig, table, "1|a|2 2|b|4 3|~|1");
	late_is(&rig, table, "-");
	flush_rows(&rig, table, "5|a|5\n4|a|6\n2|~|7");
	late_is(&rig, table, "- 2..4");
	merge_all(&rig);
	files_hold(&rig, table, "1|a|2 2|~|7 3|~|1 4|a|6 5|a|5");
	late_is(&rig, table, "-");
	table_unref(table);
	rig_close(&rig);
}

static void
ids_are_given_once_whatever_was_known_of_them(void **state)
{
	(void)state;
	Rig rig;
	open_rig(&rig);
	Table *table = add_entities(&rig);
	int64_t first;
	Error err = ERROR_INIT;
	ok(table_take_ids(table, 3, &first, &err), &err);
	assert_int_equal(first, 1);
	put_text(&rig, table, "9|a|1\n5|b|2");
	ok(table_take_ids(table, 2, &first, &err), &err);
	assert_int_equal(first, 10);
	table_know_id(table, 4);
	assert_int_equal(table_last_id(table), 11);
	flush_all(&rig);
	table = reopen(&rig, table);
	assert_int_equal(table_last_id(table), 11);
	table_know_id(table, INT64_MAX - 1);
	assert_int_equal(table_take_ids(table, 2, &first, &err), ST_LIMIT);
	says(&err, "no ids left in table \"");
	ok(table_take_ids(table, 1, &first, &err), &err);
	assert_int_equal(first, INT64_MAX);
	table_unref(table);
	rig_close(&rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_in_order_are_never_late),
		cmocka_unit_test(a_flush_keeps_the_last_of_each_key),
		cmocka_unit_test(late_rows_of_a_file_matter_where_an_older_one_lies),
		cmocka_unit_test(a_merge_keeps_the_last_of_each_key),
		cmocka_unit_test(a_flush_that_fails_leaves_every_version),
		cmocka_unit_test(entities_are_replaced_by_id),
		cmocka_unit_test(ids_are_given_once_whatever_was_known_of_them),
	};
	return RUN(tests);
}
