// SEALED → FLUSHED.

#include "base/hash.h"
#include "rig.h"

static Status
flush(Rig *rig, bool *did, Error *err)
{
	int64_t rows;
	return store_flush_one(rig->store, rig->conn, did, &rows, err);
}

static void
nothing_is_flushed_that_is_not_sealed(void **state)
{
	(void)state;
	Rig rig;
	rig_new(&rig);
	rig_add_duck(&rig);
	rig_open(&rig);
	Table *table = add_table(&rig, 1);
	bool did = true;
	Error err = ERROR_INIT;
	ok(flush(&rig, &did, &err), &err);
	assert_false(did);
	put_text(&rig, table, "1|a|1");
	ok(flush(&rig, &did, &err), &err);
	assert_false(did);
	assert_int_equal(store_unflushed_seq(rig.store), 2);
	table_unref(table);
	rig_close(&rig);
}

static Hash128
hash_of(const char *path, uint64_t size)
{
	FILE *file = fopen(path, "rb");
	assert_non_null(file);
	uint8_t *bytes = malloc(size + 1);
	assert_int_equal(fread(bytes, 1, size + 1, file), size);
	fclose(file);
	Hasher128 *hasher = hasher128_new();
	hasher128_add(hasher, bytes, size);
	Hash128 hash = hasher128_end(hasher);
	hasher128_free(hasher);
	free(bytes);
	return hash;
}

static void
a_file_has_the_rows_in_order_and_says_what_they_are(void **state)
{
	(void)state;
	Rig rig;
	rig_new(&rig);
	rig_add_duck(&rig);
	rig_open(&rig);
	Table *table = add_table(&rig, 1);
	put_text(&rig, table, "5|b|1\n3|a|2");
	put_text(&rig, table, "4|b|~\n-7|~|3\n3|a|4");
	store_seal(rig.store, table, 0);
	put_text(&rig, table, "9|c|9"); // goes on in the next one
	int64_t rows = 0;
	bool did = false;
	Error err = ERROR_INIT;
	ok(store_flush_one(rig.store, rig.conn, &did, &rows, &err), &err);
	assert_true(did);
	assert_int_equal(rows, 5);
	files_hold(&rig, table, "-7|~|3 3|a|2 3|a|4 4|b|~ 5|b|1");
	assert_int_equal(rows_of(&rig, table), 6);
	assert_int_equal(store_flushed_seq(table), 3);
	assert_int_equal(store_unflushed_seq(rig.store), 4);

	Snapshot *snapshot = snapshot_of(&rig, table);
	DataFile *file = file_set_at(snapshot->tables[0].files, 0);
	const FileMeta *meta = data_file_meta(file);
	assert_int_equal(meta->table_id, 1);
	assert_int_equal(meta->table_version, 1);
	assert_int_equal(meta->level, 0);
	assert_int_equal(meta->rows, 5);
	assert_int_equal(meta->min_time, -7);
	assert_int_equal(meta->max_time, 5);
	assert_int_equal(meta->min_seq, 2);
	assert_int_equal(meta->max_seq, 3);
	assert_true(meta->sealed_ns > 0 && meta->created_ns >= meta->sealed_ns);
	struct stat info;
	assert_int_equal(stat(data_file_path(file), &info), 0);
	assert_int_equal(meta->bytes, info.st_size);
	assert_in_range(meta->footer_bytes, 1, meta->bytes - 8);
	Hash128 hash = hash_of(data_file_path(file), meta->bytes);
	assert_true(hash.low == meta->hash.low && hash.high == meta->hash.high);
	snapshot_free(snapshot);
	assert_false(exists(path_in(&rig, "tmp/1.parquet")));
	table_unref(table);
	rig_close(&rig);
}

static void
each_version_has_files_of_its_own(void **state)
{
	(void)state;
	Rig rig;
	rig_new(&rig);
	rig_add_duck(&rig);
	rig_open(&rig);
	Table *table = add_table(&rig, 1);
	put_text(&rig, table, "1|a|1");
	TableDef *def = table_current(table);
	TableDef *next =
		grown(def, SCHEMA(time_of("time", UNIT_NS), field_of("room", TYPE_UTF8)), "room");
	Shape *old = whole_shape(def);
	apply_define(&rig, next);
	// A stream that began before goes on as it is.
	apply_batch(&rig, table, old, batch_of(table_schema(def), "2|b|2"));
	put_text(&rig, table, "2|b|3|x");
	flush_all(&rig);
	Snapshot *snapshot = snapshot_of(&rig, table);
	FileSet *files = snapshot->tables[0].files;
	assert_int_equal(file_set_count(files), 2);
	for (int32_t i = 0; i < 2; i++) {
		assert_int_equal(data_file_meta(file_set_at(files, i))->table_version, i + 1);
		assert_int_equal(table_version(data_file_def(file_set_at(files, i))), i + 1);
	}
	snapshot_free(snapshot);
	files_hold(&rig, table, "1|a|1 / 2|b|2 2|b|3");
	shape_unref(old);
	table_def_unref(def);
	table_def_unref(next);
	table_unref(table);
	rig_close(&rig);
}

static void
the_oldest_rows_go_first(void **state)
{
	(void)state;
	Rig rig;
	rig_new(&rig);
	rig_add_duck(&rig);
	rig_open(&rig);
	Table *one = add_table(&rig, 1), *two = add_table(&rig, 2);
	put_text(&rig, two, "1|a|1");
	put_text(&rig, one, "2|a|2");
	store_seal(rig.store, one, 0);
	store_seal(rig.store, two, 0);
	put_text(&rig, two, "3|a|3");
	store_seal(rig.store, two, 0);
	bool did;
	Error err = ERROR_INIT;
	static const int32_t counts[][2] = {{0, 1}, {1, 1}, {1, 2}};
	for (int i = 0; i < 3; i++) {
		ok(flush(&rig, &did, &err), &err);
		assert_true(did);
		assert_int_equal(files_of(&rig, one), counts[i][0]);
		assert_int_equal(files_of(&rig, two), counts[i][1]);
	}
	ok(flush(&rig, &did, &err), &err);
	assert_false(did);
	assert_int_equal(store_unflushed_seq(rig.store), UINT64_MAX);
	table_unref(one);
	table_unref(two);
	rig_close(&rig);
}

// ---- failures ----

static void
a_failure_changes_nothing_and_can_be_tried_again(void **state)
{
	(void)state;
	Rig rig;
	rig_new(&rig);
	rig_add_duck(&rig);
	rig_open(&rig);
	Table *table = add_table(&rig, 1);
	put_text(&rig, table, "2|b|2\n1|a|1");
	store_seal(rig.store, table, 0);
	settle(&rig);
	bool failed = true;
	long nth = 0;
	for (; failed; nth++) {
		bool did = false;
		Error err = ERROR_INIT;
		fault_arm(nth);
		Status st = flush(&rig, &did, &err);
		failed = fault_disarm();
		if (!failed) {
			ok(st, &err);
			break;
		}
		if (st == ST_OK) // a fault of no consequence
			break;
		assert_true(did && err.text[0] != '\0');
		assert_int_equal(rows_of(&rig, table), 2);
		assert_int_equal(files_of(&rig, table), 0);
		assert_int_equal(store_flushed_seq(table), 0);
		assert_true(store_has_sealed(rig.store));
		assert_int_equal(file_live(), 0);
	}
	assert_true(nth > 30);
	files_hold(&rig, table, "1|a|1 2|b|2");
	assert_int_equal(rows_of(&rig, table), 2);
	assert_int_equal(budget_used(rig.budget), 0);
	table_unref(table);
	// And it is all there after a restart.
	rig_shut(&rig);
	rig_open(&rig);
	table = table_by_id(&rig, 1);
	assert_int_equal(rows_of(&rig, table), 2);
	files_hold(&rig, table, "1|a|1 2|b|2");
	table_unref(table);
	rig_close(&rig);
}

// As after a crash at each of these points: the next start finds the old or the new state.
static void
a_crash_at_any_point_loses_nothing_that_was_flushed(void **state)
{
	(void)state;
	Rig rig;
	rig_new(&rig);
	rig_add_duck(&rig);
	rig_open(&rig);
	Table *table = add_table(&rig, 1);
	put_text(&rig, table, "1|a|1");
	flush_all(&rig);
	settle(&rig);
	int64_t flushed = 1;
	for (long nth = 0; flushed == 1; nth++) {
		put_text(&rig, table, "2|b|2"); // is lost with the process; the log has it
		store_seal(rig.store, table, 0);
		bool did;
		Error err = ERROR_INIT;
		fault_arm_sticky(nth);
		Status st = flush(&rig, &did, &err);
		fault_disarm();
		table_unref(table);
		rig_shut(&rig);
		rig_open(&rig);
		table = table_by_id(&rig, 1);
		flushed = rows_of(&rig, table);
		assert_int_equal(files_of(&rig, table), flushed);
		assert_true(st != ST_OK || flushed == 2);
		assert_int_equal(store_flushed_seq(table), flushed == 2 ? rig.seq : 2);
	}
	files_hold(&rig, table, "1|a|1 / 2|b|2");
	table_unref(table);
	rig_close(&rig);
}

static void
a_table_that_fails_does_not_hold_up_others(void **state)
{
	(void)state;
	Rig rig;
	rig_new(&rig);
	rig_add_duck(&rig);
	rig_open(&rig);
	Table *one = add_table(&rig, 1), *two = add_table(&rig, 2);
	FILE *file = fopen(path_in(&rig, "files/1"), "w"); // where a folder should be
	assert_non_null(file);
	fclose(file);
	put_text(&rig, one, "1|a|1");
	put_text(&rig, two, "2|a|2");
	store_seal(rig.store, NULL, 0);
	bool did;
	Error err = ERROR_INIT;
	assert_int_equal(flush(&rig, &did, &err), ST_EXISTS);
	says(&err, "files/1");
	ok(flush(&rig, &did, &err), &err);
	assert_int_equal(files_of(&rig, two), 1);
	assert_int_equal(flush(&rig, &did, &err), ST_EXISTS);
	assert_int_equal(remove(path_in(&rig, "files/1")), 0);
	ok(flush(&rig, &did, &err), &err);
	assert_int_equal(files_of(&rig, one), 1);
	table_unref(one);
	table_unref(two);
	rig_close(&rig);
}

// ---- drops ----

static void
files_of_a_dropped_table_go_with_their_last_reader(void **state)
{
	(void)state;
	Rig rig;
	rig_new(&rig);
	rig_add_duck(&rig);
	rig_open(&rig);
	Table *table = add_table(&rig, 1);
	put_text(&rig, table, "1|a|1");
	flush_all(&rig);
	Snapshot *snapshot = snapshot_of(&rig, table);
	char path[160];
	snprintf(path, sizeof(path), "%s", data_file_path(file_set_at(snapshot->tables[0].files, 0)));
	drop(&rig, table);
	settle(&rig);
	assert_true(exists(path));
	assert_int_equal(view_rows(&snapshot->tables[0], snapshot->seq), 1);
	snapshot_free(snapshot);
	assert_false(exists(path));
	table_unref(table);
	rig_close(&rig);
}

// A start that misses a file which the catalog knows is refused, so the file must not go first.
static void
files_of_a_dropped_table_go_after_the_catalog_forgot_them(void **state)
{
	(void)state;
	Rig rig;
	rig_new(&rig);
	rig_add_duck(&rig);
	rig_open(&rig);
	Table *table = add_table(&rig, 1);
	put_text(&rig, table, "1|a|1");
	flush_all(&rig);
	Snapshot *snapshot = snapshot_of(&rig, table);
	char path[160];
	snprintf(path, sizeof(path), "%s", data_file_path(file_set_at(snapshot->tables[0].files, 0)));
	snapshot_free(snapshot);

	Gate gate;
	gate_hold(&gate, &rig);
	drop(&rig, table);
	table_unref(table);
	assert_true(exists(path));
	gate_open(&gate);
	settle(&rig);
	assert_false(exists(path));
	rig_close(&rig);
}

typedef struct Race {
	Rig *rig;
	Status st;
	Error err;
} Race;

static void
run_flush(void *arg)
{
	Race *race = arg;
	bool did;
	race->st = flush(race->rig, &did, &race->err);
}

// Whoever is first: at the end there is neither a table nor a file.
static void
a_drop_while_its_rows_are_flushed_leaves_nothing(void **state)
{
	(void)state;
	Rig rig;
	rig_new(&rig);
	rig_add_duck(&rig);
	rig_open(&rig);
	for (uint32_t id = 1; id <= 25; id++) {
		Table *table = add_table(&rig, id);
		put_rows(&rig, table, 0, 1 + 400 * (int64_t)id);
		store_seal(rig.store, table, 0);
		Race race = {.rig = &rig, .err = ERROR_INIT};
		Thread *thread;
		ok(thread_start(&(ThreadOptions){.name = "flush", .stack_bytes = 8 << 20}, run_flush, &race,
						&thread, &race.err),
		   &race.err);
		// Somewhere on its way.
		char path[32];
		snprintf(path, sizeof(path), "files/%" PRIu32, id);
		while (id % 2 == 0 && !exists(path_in(&rig, path)))
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
		if (exists(path_in(&rig, dir)))
			assert_int_equal(rmdir(rig.path), 0); // which takes empty ones only
	}
	assert_int_equal(budget_used(rig.budget), 0);
	rig_shut(&rig);
	rig_open(&rig);
	Snapshot *all = snapshot_of(&rig, NULL);
	assert_int_equal(all->table_count, 0);
	snapshot_free(all);
	rig_close(&rig);
}

static int32_t
copies_of(Rig *rig, Table *table)
{
	int32_t copies = 0;
	Snapshot *snapshot = snapshot_of(rig, table);
	const FileSet *files = snapshot->tables[0].files;
	for (int32_t i = 0; i < file_set_count(files); i++)
		copies += file_set_hot(files, i) != NULL;
	snapshot_free(snapshot);
	return copies;
}

// Who holds the table may read for long.
static void
a_copy_of_a_table_that_is_held_makes_no_room(void **state)
{
	(void)state;
	enum { ROWS = 1000, ROOM = 16 << 10 };
	Rig rig;
	rig_open_cached(&rig, ROOM);
	Table *held = add_table(&rig, 1), *other = add_table(&rig, 2);
	put_rows(&rig, held, 0, ROWS);
	flush_all(&rig);
	uint64_t used = budget_used(rig.hot);
	assert_in_range(used, ROOM / 2 + 1, ROOM); // a second one of as many rows has no room
	table_rewrite_lock(held);
	put_rows(&rig, other, 0, ROWS);
	flush_all(&rig);
	table_rewrite_unlock(held);
	assert_int_equal(copies_of(&rig, held), 1);
	assert_int_equal(copies_of(&rig, other), 0);
	assert_int_equal(budget_used(rig.hot), used);
	put_rows(&rig, other, 0, ROWS);
	flush_all(&rig);
	assert_int_equal(copies_of(&rig, held), 0);
	assert_int_equal(copies_of(&rig, other), 1);
	assert_in_range(budget_used(rig.hot), 1, ROOM);
	table_unref(held);
	table_unref(other);
	rig_close(&rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_flushed_that_is_not_sealed),
		cmocka_unit_test(a_file_has_the_rows_in_order_and_says_what_they_are),
		cmocka_unit_test(each_version_has_files_of_its_own),
		cmocka_unit_test(the_oldest_rows_go_first),
		cmocka_unit_test(a_failure_changes_nothing_and_can_be_tried_again),
		cmocka_unit_test(a_crash_at_any_point_loses_nothing_that_was_flushed),
		cmocka_unit_test(a_table_that_fails_does_not_hold_up_others),
		cmocka_unit_test(files_of_a_dropped_table_go_with_their_last_reader),
		cmocka_unit_test(files_of_a_dropped_table_go_after_the_catalog_forgot_them),
		cmocka_unit_test(a_drop_while_its_rows_are_flushed_leaves_nothing),
		cmocka_unit_test(a_copy_of_a_table_that_is_held_makes_no_room),
	};
	return RUN(tests);
}
