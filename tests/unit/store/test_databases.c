// Databases: made, found, and gone with their tables, all at once.

#include "rig.h"

static Status
try_database(Rig *rig, const char *name, bool drop, Error *err)
{
	StoreDatabase *database = NULL;
	TRY(store_database_new(rig->store, name, drop, &database, err));
	store_apply_database(rig->store, database, ++rig->seq);
	store_publish(rig->store, rig->seq);
	return ST_OK;
}

static void
change_database(Rig *rig, const char *name, bool drop)
{
	Error err = ERROR_INIT;
	ok(try_database(rig, name, drop, &err), &err);
}

static Table *
add_table_in(Rig *rig, const char *database, uint32_t id)
{
	SCOPED(schema_drop) Schema *schema = host_schema();
	TableRequest request = {.database = database, .name = "t", .schema = schema};
	SCOPED(table_def_drop) TableDef *def = NULL;
	Error err = ERROR_INIT;
	ok(table_def_create(&request, NULL, id, 1000, any_field, &def, &err), &err);
	apply_define(rig, def);
	return table_by_id(rig, id);
}

static void
names_are(Rig *rig, const char *names)
{
	SCOPED(arena_close) Arena arena = ARENA_INIT;
	SCOPED(buf_close) Buf text = BUF_INIT;
	const char *const *list;
	int32_t count;
	Error err = ERROR_INIT;
	ok(store_databases(rig->store, &arena, &list, &count, &err), &err);
	for (int32_t i = 0; i < count; i++)
		buf_add_printf(&text, "%s%s", i > 0 ? " " : "", list[i]);
	assert_string_equal(buf_text(&text), names);
}

static void
databases_are_found_by_name_and_listed_in_order(void **state)
{
	(void)state;
	Rig rig;
	rig_new(&rig);
	rig_open(&rig);
	change_database(&rig, "plant", false);
	change_database(&rig, "Plant", false);
	change_database(&rig, "Other", false);
	names_are(&rig, "Other Plant mobius plant");
	char found[DATABASE_NAME_ROOM];
	bool ambiguous;
	assert_true(store_find_database(rig.store, "plant", true, found, &ambiguous));
	assert_string_equal(found, "plant");
	assert_true(store_find_database(rig.store, "OTHER", true, found, &ambiguous));
	assert_string_equal(found, "Other");
	assert_false(store_find_database(rig.store, "OTHER", false, found, &ambiguous));
	assert_false(ambiguous);
	assert_false(store_find_database(rig.store, "PLANT", true, found, &ambiguous));
	assert_true(ambiguous);
	Error err = ERROR_INIT;
	assert_int_equal(try_database(&rig, "plant", false, &err), ST_EXISTS);
	assert_int_equal(try_database(&rig, "plnt", true, &err), ST_NOT_FOUND);
	settle(&rig);
	rig_shut(&rig);
	rig_open(&rig);
	names_are(&rig, "Other Plant mobius plant");
	rig_close(&rig);
}

static void
a_database_goes_with_its_tables_and_files_in_one_step(void **state)
{
	(void)state;
	Rig rig;
	rig_new(&rig);
	rig_add_duck(&rig);
	rig_open(&rig);
	change_database(&rig, "d", false);
	Table *tables[] = {add_table_in(&rig, "d", 1), add_table(&rig, 2),
					   add_table_in(&rig, "d", 4097)};
	put_rows(&rig, tables[0], 0, 10);
	put_rows(&rig, tables[1], 0, 10);
	flush_all(&rig);
	put_rows(&rig, tables[0], 10, 20);
	Snapshot *before = snapshot_of(&rig, NULL);
	assert_int_equal(before->table_count, 3);
	change_database(&rig, "d", true);
	assert_true(table_dropped(tables[0]) && table_dropped(tables[2]) && !table_dropped(tables[1]));
	names_are(&rig, "mobius");
	Snapshot *after = snapshot_of(&rig, NULL);
	assert_int_equal(after->table_count, 1);
	snapshot_free(after);
	// Who looked before goes on, and then the files go.
	settle(&rig);
	assert_true(exists(path_in(&rig, "files/1/1.parquet")) ||
				file_set_count(before->tables[0].files) + file_set_count(before->tables[1].files) +
						file_set_count(before->tables[2].files) ==
					2);
	snapshot_free(before);
	// The name is free at once.
	change_database(&rig, "d", false);
	Table *again = add_table_in(&rig, "d", 5);
	assert_int_equal(rows_of(&rig, again), 0);
	table_unref(again);
	for (int i = 0; i < COUNT(tables); i++)
		table_unref(tables[i]);
	settle(&rig);
	rig_shut(&rig);
	rig_open(&rig);
	names_are(&rig, "d mobius");
	assert_null(store_find_id(rig.store, 1));
	assert_null(store_find_id(rig.store, 4097));
	table_unref(table_by_id(&rig, 5));
	rig_close(&rig);
}

static void
the_logs_record_says_it_again(void **state)
{
	(void)state;
	Rig rig;
	rig_new(&rig);
	rig_open(&rig);
	StoreDatabase *database = NULL;
	Buf record = BUF_INIT;
	Error err = ERROR_INIT;
	ok(store_database_new(rig.store, "d", false, &database, &err), &err);
	ok(store_database_encode(database, &record, &err), &err);
	store_database_free(database);
	names_are(&rig, "mobius");
	for (int i = 0; i < 2; i++) // applied already is nothing
		ok(store_replay_database(rig.store, false, buf_slice(&record), ++rig.seq, &err), &err);
	names_are(&rig, "d mobius");
	Table *table = add_table_in(&rig, "d", 1);
	for (int i = 0; i < 2; i++)
		ok(store_replay_database(rig.store, true, buf_slice(&record), ++rig.seq, &err), &err);
	names_are(&rig, "mobius");
	assert_true(table_dropped(table));
	table_unref(table);

	for (size_t len = 0; len < record.len; len++) {
		SCOPED(mem_drop) void *cut = mem_copy(record.data, len + 1);
		assert_int_equal(store_replay_database(rig.store, false, slice_of(cut, len), 9, &err),
						 ST_CORRUPT);
	}
	static const char *const bad[] = {"a b", "system", ""};
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		SCOPED(buf_close) Buf other = BUF_INIT;
		buf_add_u32(&other, 1);
		buf_add_u32(&other, (uint32_t)strlen(bad[i]));
		buf_add_text(&other, bad[i]);
		assert_int_equal(store_replay_database(rig.store, false, buf_slice(&other), 9, &err),
						 ST_CORRUPT);
	}
	names_are(&rig, "mobius");
	buf_close(&record);
	rig_close(&rig);
}

static void
making_and_dropping_undo_themselves_on_every_fault(void **state)
{
	(void)state;
	Rig rig;
	rig_new(&rig);
	rig_open(&rig);
	change_database(&rig, "d", false);
	table_unref(add_table_in(&rig, "d", 1));
	settle(&rig);
	const struct {
		const char *name;
		bool drop;
		const char *names;
	} steps[] = {{"e", false, "d mobius"}, {"d", true, "d e mobius"}};
	for (size_t i = 0; i < COUNT_OF(steps); i++) {
		for (long nth = 0;; nth++) {
			StoreDatabase *database = NULL;
			Error err = ERROR_INIT;
			long live = mem_live();
			fault_arm(nth);
			Status st =
				store_database_new(rig.store, steps[i].name, steps[i].drop, &database, &err);
			bool hit = fault_disarm();
			if (!hit) {
				ok(st, &err);
				store_apply_database(rig.store, database, ++rig.seq);
				settle(&rig);
				break;
			}
			assert_int_equal(st, ST_NO_MEMORY);
			assert_int_equal(mem_live(), live);
			names_are(&rig, steps[i].names);
		}
	}
	names_are(&rig, "e mobius");
	rig_close(&rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(databases_are_found_by_name_and_listed_in_order),
		cmocka_unit_test(a_database_goes_with_its_tables_and_files_in_one_step),
		cmocka_unit_test(the_logs_record_says_it_again),
		cmocka_unit_test(making_and_dropping_undo_themselves_on_every_fault),
	};
	return RUN(tests);
}
