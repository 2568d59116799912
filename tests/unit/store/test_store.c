// Tables, their commits and their memory segments.

#include "rig.h"

// ---- names ----

static Table *
find(Rig *rig, const char *name, bool fold, bool *ambiguous)
{
	return store_find(rig->store, "mobius", name, fold, ambiguous);
}

static void
finds(Rig *rig, const char *name, bool fold, Table *expected, bool expected_ambiguous)
{
	bool ambiguous = !expected_ambiguous;
	Table *found = find(rig, name, fold, &ambiguous);
	assert_ptr_equal(found, expected);
	assert_int_equal(ambiguous, expected_ambiguous);
	table_unref(found);
}

static void
tables_are_found_by_name_and_by_folding(void **state)
{
	(void)state;
	Rig rig;
	rig_new(&rig);
	rig_open(&rig);
	static const char *const names[] = {"Foo", "foo", "Bar", "bAR"};
	Table *tables[4];
	for (uint32_t i = 0; i < 4; i++) {
		TableDef *def = table_of(i + 1, names[i], host_schema(), NULL);
		apply_define(&rig, def);
		table_def_unref(def);
		tables[i] = table_by_id(&rig, i + 1);
	}
	finds(&rig, "Foo", true, tables[0], false);
	finds(&rig, "foo", true, tables[1], false);
	finds(&rig, "FOO", true, NULL, true);
	finds(&rig, "FOO", false, NULL, false);
	finds(&rig, "baz", true, NULL, false);
	assert_null(store_find(rig.store, "other", "foo", true, &(bool){false}));
	assert_true(store_has_database(rig.store, "mobius"));
	assert_false(store_has_database(rig.store, "Mobius"));
	drop(&rig, tables[2]);
	finds(&rig, "BAR", true, tables[3], false);
	assert_null(store_find_id(rig.store, 3));
	for (int i = 0; i < 4; i++)
		table_unref(tables[i]);
	rig_close(&rig);
}

// ---- versions ----

static void
a_new_version_seals_what_was_written_under_the_old(void **state)
{
	(void)state;
	Rig rig;
	rig_new(&rig);
	rig_open(&rig);
	Table *table = add_table(&rig, 1);
	put_text(&rig, table, "1|a|1");
	TableDef *old = table_current(table);
	TableDef *next =
		grown(old, SCHEMA(time_of("time", UNIT_NS), field_of("more", TYPE_UTF8)), NULL);
	apply_define(&rig, next);
	assert_true(store_has_sealed(rig.store));
	put_text(&rig, table, "2|a|2|x");
	Snapshot *snapshot = snapshot_of(&rig, table);
	const TableView *view = &snapshot->tables[0];
	assert_int_equal(table_version(view->def), 2);
	assert_int_equal(view->segment_count, 2);
	assert_int_equal(segment_stats(view->segments[0]).status, SEGMENT_SEALED);
	assert_int_equal(segment_stats(view->segments[1]).status, SEGMENT_GROWING);
	assert_int_equal(view_rows(view, snapshot->seq), 2);
	snapshot_free(snapshot);
	table_def_unref(old);
	table_def_unref(next);
	table_unref(table);
	rig_close(&rig);
}

// The publishing thread must not fail for want of memory, and rows under the new version must not
// land in a segment of the old.
static void
a_new_version_seals_without_memory(void **state)
{
	(void)state;
	Rig rig;
	rig_new(&rig);
	rig_open(&rig);
	Table *table = add_table(&rig, 1);
	put_text(&rig, table, "1|a|1");
	TableDef *old = table_current(table);
	TableDef *next =
		grown(old, SCHEMA(time_of("time", UNIT_NS), field_of("more", TYPE_UTF8)), NULL);
	StoreDefine *define = NULL;
	Error err = ERROR_INIT;
	ok(store_define_new(rig.store, next, &define, &err), &err);
	fault_arm_sticky(0);
	store_apply_define(rig.store, define, ++rig.seq);
	store_publish(rig.store, rig.seq);
	fault_disarm();
	assert_true(store_has_sealed(rig.store));
	put_text(&rig, table, "2|a|2|x");
	assert_int_equal(rows_of(&rig, table), 2);
	table_def_unref(old);
	table_def_unref(next);
	table_unref(table);
	rig_close(&rig);
}

static void
a_version_of_a_dropped_table_is_nothing(void **state)
{
	(void)state;
	Rig rig;
	rig_new(&rig);
	rig_open(&rig);
	Table *table = add_table(&rig, 1);
	TableDef *old = table_current(table);
	TableDef *next =
		grown(old, SCHEMA(time_of("time", UNIT_NS), field_of("more", TYPE_UTF8)), NULL);
	StoreDefine *define = NULL;
	Error err = ERROR_INIT;
	ok(store_define_new(rig.store, next, &define, &err), &err);
	drop(&rig, table);
	store_apply_define(rig.store, define, ++rig.seq);
	assert_null(store_find_id(rig.store, 1));
	table_def_unref(old);
	table_def_unref(next);
	table_unref(table);
	rig_shut(&rig);
	rig_open(&rig);
	assert_null(store_find_id(rig.store, 1));
	rig_close(&rig);
}

static void
a_definition_that_is_not_applied_leaves_nothing(void **state)
{
	(void)state;
	Rig rig;
	rig_new(&rig);
	rig_open(&rig);
	TableDef *def = table_of(1, "t", host_schema(), NULL);
	StoreDefine *define = NULL;
	Error err = ERROR_INIT;
	ok(store_define_new(rig.store, def, &define, &err), &err);
	store_define_free(define);
	store_define_free(NULL);
	assert_null(store_find_id(rig.store, 1));
	table_def_unref(def);
	rig_close(&rig);
}

// ---- drops ----

static void
a_dropped_table_lives_for_who_holds_it(void **state)
{
	(void)state;
	Rig rig;
	rig_new(&rig);
	rig_open(&rig);
	Table *table = add_table(&rig, 1);
	put_text(&rig, table, "1|a|1\n2|b|2");
	Snapshot *snapshot = snapshot_of(&rig, table);
	TableDef *def = table_current(table);
	Shape *shape = whole_shape(def);
	SegmentInsert *late = NULL;
	Error err = ERROR_INIT;
	Batch *batch = batch_of(table_schema(def), "3|c|3");
	ok(try_insert(&rig, table, shape, batch, &late, &err), &err);

	drop(&rig, table);
	assert_true(table_dropped(table));
	assert_int_equal(view_rows(&snapshot->tables[0], snapshot->seq), 2);
	store_apply_insert(rig.store, table, late, ++rig.seq); // in the same breath
	store_publish(rig.store, rig.seq);
	assert_int_equal(rows_of(&rig, table), 0);
	drop(&rig, table); // again
	Snapshot *all = snapshot_of(&rig, NULL);
	assert_int_equal(all->table_count, 0);
	snapshot_free(all);
	snapshot_free(snapshot);
	assert_int_equal(budget_used(rig.budget), 0);
	batch_unref(batch);
	shape_unref(shape);
	table_def_unref(def);
	table_unref(table);
	// Its name may come again.
	TableDef *again = table_of(2, "t1", host_schema(), NULL);
	apply_define(&rig, again);
	table_unref(table_by_id(&rig, 2));
	table_def_unref(again);
	rig_close(&rig);
}

// ---- sealing ----

static void
count_call(void *arg)
{
	(*(int *)arg)++;
}

static void
a_full_segment_is_sealed_when_its_commit_is_published(void **state)
{
	(void)state;
	Rig rig;
	rig_new(&rig);
	rig.segment_bytes = 100000;
	rig_open(&rig);
	int told = 0;
	store_on_sealed(rig.store, count_call, &told);
	Table *table = add_table(&rig, 1);
	TableDef *def = table_current(table);
	Shape *shape = whole_shape(def);
	for (int64_t i = 0; i < 3; i++) // more than full, in one group of commits
		apply_batch(&rig, table, shape,
					host_batch(table_schema(def), 3000 * i, 3000 * i + 3000, 10));
	assert_false(store_has_sealed(rig.store));
	assert_int_equal(told, 0);
	assert_int_equal(rows_of(&rig, table), 0);
	store_publish(rig.store, rig.seq);
	assert_true(store_has_sealed(rig.store));
	assert_int_equal(told, 1);
	assert_int_equal(rows_of(&rig, table), 9000);
	Snapshot *snapshot = snapshot_of(&rig, table);
	assert_int_equal(snapshot->tables[0].segment_count, 1);
	snapshot_free(snapshot);
	put_text(&rig, table, "1|a|1");
	assert_int_equal(rows_of(&rig, table), 9001);
	store_on_sealed(rig.store, NULL, NULL);
	shape_unref(shape);
	table_def_unref(def);
	table_unref(table);
	rig_close(&rig);
}

// What is sealed by a definition in the middle of a group is not for files yet.
static void
what_is_not_published_is_not_flushed(void **state)
{
	(void)state;
	Rig rig;
	rig_new(&rig);
	rig_open(&rig);
	Table *table = add_table(&rig, 1);
	TableDef *def = table_current(table);
	Shape *shape = whole_shape(def);
	TableDef *next =
		grown(def, SCHEMA(time_of("time", UNIT_NS), field_of("more", TYPE_UTF8)), NULL);
	StoreDefine *define = NULL;
	Error err = ERROR_INIT;
	ok(store_define_new(rig.store, next, &define, &err), &err);
	int told = 0;
	store_on_sealed(rig.store, count_call, &told);
	apply_batch(&rig, table, shape, batch_of(table_schema(def), "1|a|1"));
	store_apply_define(rig.store, define, ++rig.seq);
	assert_false(store_has_sealed(rig.store));
	assert_int_equal(told, 0);
	store_publish(rig.store, rig.seq);
	assert_true(store_has_sealed(rig.store));
	assert_int_equal(told, 1);
	store_on_sealed(rig.store, NULL, NULL);
	shape_unref(shape);
	table_def_unref(next);
	table_def_unref(def);
	table_unref(table);
	rig_close(&rig);
}

static void
without_memory_a_full_segment_is_sealed_later(void **state)
{
	(void)state;
	Rig rig;
	rig_new(&rig);
	rig.segment_bytes = 100000;
	rig_open(&rig);
	Table *table = add_table(&rig, 1);
	TableDef *def = table_current(table);
	Shape *shape = whole_shape(def);
	apply_batch(&rig, table, shape, host_batch(table_schema(def), 0, 5000, 10));
	fault_arm_sticky(0);
	store_publish(rig.store, rig.seq);
	fault_disarm();
	assert_false(store_has_sealed(rig.store));
	assert_int_equal(rows_of(&rig, table), 5000);
	put_text(&rig, table, "1|a|1");
	assert_true(store_has_sealed(rig.store));
	assert_int_equal(rows_of(&rig, table), 5001);
	shape_unref(shape);
	table_def_unref(def);
	table_unref(table);
	rig_close(&rig);
}

static void
sealing_by_age_spares_small_segments(void **state)
{
	(void)state;
	Rig rig;
	rig_new(&rig);
	rig.segment_bytes = 1 << 30;
	rig_open(&rig);
	Table *small = add_table(&rig, 1), *large = add_table(&rig, 2), *empty = add_table(&rig, 3);
	put_rows(&rig, small, 0, 100);
	put_rows(&rig, large, 0, 400000);
	store_seal(rig.store, NULL, INT64_MAX);
	assert_false(store_has_sealed(rig.store)); // not old
	store_seal(rig.store, NULL, 1);
	Snapshot *snapshot = snapshot_of(&rig, small);
	assert_int_equal(segment_stats(snapshot->tables[0].segments[0]).status, SEGMENT_GROWING);
	snapshot_free(snapshot);
	snapshot = snapshot_of(&rig, large);
	assert_int_equal(segment_stats(snapshot->tables[0].segments[0]).status, SEGMENT_SEALED);
	snapshot_free(snapshot);
	store_seal(rig.store, small, 0);
	snapshot = snapshot_of(&rig, small);
	assert_int_equal(segment_stats(snapshot->tables[0].segments[0]).status, SEGMENT_SEALED);
	snapshot_free(snapshot);
	store_seal(rig.store, empty, 0);
	assert_int_equal(store_unflushed_seq(rig.store), 4); // after three definitions
	table_unref(small);
	table_unref(large);
	table_unref(empty);
	rig_close(&rig);
}

// A segment that was made beforehand must not look old when it begins.
static void
a_segment_is_as_old_as_its_first_row(void **state)
{
	(void)state;
	Rig rig;
	rig_new(&rig);
	rig_open(&rig);
	Table *table = add_table(&rig, 1);
	put_text(&rig, table, "1|a|1");
	store_seal(rig.store, table, 0);
	Snapshot *first = snapshot_of(&rig, table);
	put_text(&rig, table, "2|a|2");
	Snapshot *second = snapshot_of(&rig, table);
	SegmentStats old = segment_stats(first->tables[0].segments[0]);
	SegmentStats young = segment_stats(second->tables[0].segments[1]);
	assert_true(young.created_ns >= old.sealed_ns);
	assert_int_not_equal(old.id, young.id);
	snapshot_free(first);
	snapshot_free(second);
	table_unref(table);
	rig_close(&rig);
}

// ---- snapshots ----

static void
a_snapshot_does_not_change(void **state)
{
	(void)state;
	Rig rig;
	rig_new(&rig);
	rig_open(&rig);
	Table *one = add_table(&rig, 1), *two = add_table(&rig, 2);
	put_text(&rig, one, "1|a|1");
	Table *both[] = {two, one};
	Snapshot *snapshot = NULL;
	Error err = ERROR_INIT;
	ok(store_snapshot(rig.store, both, 2, &snapshot, &err), &err);
	put_text(&rig, one, "2|a|2");
	put_text(&rig, two, "3|a|3");
	assert_ptr_equal(snapshot->tables[0].table, two); // in the order asked for
	assert_int_equal(view_rows(&snapshot->tables[0], snapshot->seq), 0);
	assert_int_equal(view_rows(&snapshot->tables[1], snapshot->seq), 1);
	assert_int_equal(snapshot->seq, 3);
	snapshot_free(snapshot);
	for (int i = 0; i < 60; i++) { // more segments than there was room for at first
		put_text(&rig, one, "2|a|2");
		store_seal(rig.store, one, 0);
	}
	assert_int_equal(rows_of(&rig, one), 62);
	Snapshot *all = snapshot_of(&rig, NULL);
	assert_int_equal(all->table_count, 2);
	snapshot_free(all);
	table_unref(one);
	table_unref(two);
	rig_close(&rig);
}

static void
seqs_never_go_back(void **state)
{
	(void)state;
	Rig rig;
	rig_new(&rig);
	rig_open(&rig);
	store_publish(rig.store, 10);
	store_publish(rig.store, 7); // a replay
	assert_int_equal(store_published_seq(rig.store), 10);
	rig_close(&rig);
}

// ---- faults ----

static void
what_handlers_make_undoes_itself_on_every_fault(void **state)
{
	(void)state;
	Rig rig;
	rig_new(&rig);
	rig_open(&rig);
	Table *table = add_table(&rig, 1);
	TableDef *def = table_current(table);
	Shape *shape = whole_shape(def);
	TableDef *next =
		grown(def, SCHEMA(time_of("time", UNIT_NS), field_of("more", TYPE_UTF8)), NULL);
	TableDef *new = table_of(2, "new", host_schema(), NULL);
	Batch *batch = batch_of(table_schema(def), "1|a|1");
	settle(&rig); // so that faults hit what is made, not what the catalog has to do
	for (int what = 0; what < 4; what++) {
		bool failed = true;
		for (long nth = 0; failed; nth++) {
			SegmentInsert *insert = NULL;
			StoreDefine *define = NULL;
			Snapshot *snapshot = NULL;
			Error err = ERROR_INIT;
			Status st = ST_OK;
			fault_arm(nth);
			switch (what) {
			case 0: st = try_insert(&rig, table, shape, batch, &insert, &err); break;
			case 1: st = store_define_new(rig.store, next, &define, &err); break;
			case 2: st = store_define_new(rig.store, new, &define, &err); break;
			default: st = store_snapshot(rig.store, &table, 1, &snapshot, &err); break;
			}
			failed = fault_disarm();
			assert_int_equal(st, failed ? ST_NO_MEMORY : ST_OK);
			segment_insert_free(insert);
			store_define_free(define);
			snapshot_free(snapshot);
			assert_int_equal(budget_used(rig.budget), 0);
		}
	}
	put_text(&rig, table, "2|b|2");
	assert_int_equal(rows_of(&rig, table), 1);
	batch_unref(batch);
	table_def_unref(new);
	table_def_unref(next);
	shape_unref(shape);
	table_def_unref(def);
	table_unref(table);
	rig_close(&rig); // which counts what is left
}

static void
rows_that_do_not_fit_a_table_are_refused(void **state)
{
	(void)state;
	Rig rig;
	rig_new(&rig);
	rig_open(&rig);
	Table *one = add_table(&rig, 1), *two = add_table(&rig, 2);
	TableDef *def = table_current(two);
	Shape *shape = whole_shape(def);
	Batch *batch = batch_of(table_schema(def), "1|a|1");
	SegmentInsert *insert = NULL;
	Error err = ERROR_INIT;
	assert_int_equal(try_insert(&rig, one, shape, batch, &insert, &err), ST_CORRUPT);
	says(&err, "table 2");
	batch_unref(batch);
	shape_unref(shape);
	table_def_unref(def);
	table_unref(one);
	table_unref(two);
	rig_close(&rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_are_found_by_name_and_by_folding),
		cmocka_unit_test(a_new_version_seals_what_was_written_under_the_old),
		cmocka_unit_test(a_new_version_seals_without_memory),
		cmocka_unit_test(a_version_of_a_dropped_table_is_nothing),
		cmocka_unit_test(a_definition_that_is_not_applied_leaves_nothing),
		cmocka_unit_test(a_dropped_table_lives_for_who_holds_it),
		cmocka_unit_test(a_full_segment_is_sealed_when_its_commit_is_published),
		cmocka_unit_test(what_is_not_published_is_not_flushed),
		cmocka_unit_test(without_memory_a_full_segment_is_sealed_later),
		cmocka_unit_test(sealing_by_age_spares_small_segments),
		cmocka_unit_test(a_segment_is_as_old_as_its_first_row),
		cmocka_unit_test(a_snapshot_does_not_change),
		cmocka_unit_test(seqs_never_go_back),
		cmocka_unit_test(what_handlers_make_undoes_itself_on_every_fault),
		cmocka_unit_test(rows_that_do_not_fit_a_table_are_refused),
	};
	return RUN(tests);
}
