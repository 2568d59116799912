// Commits that are too large for the log: whole or not at all, like the others, whatever they come
// by.

#include "images.h"
#include "results.h"

enum { ROWS = 20000 }; // some 600 KiB

static const char *const *
small_log(void)
{
	static const char *const all[] = {"commit.max_bytes=64KiB", "memtable.segment_size=256KiB",
									  "stop.flush=0s", NULL};
	return all;
}

static int64_t
bulk_files(const char *dir)
{
	int64_t count = 0;
	for (int table = 1; table < 20; table++) {
		char folder[128];
		snprintf(folder, sizeof(folder), "%s/files/%d", dir, table);
		for (int segment = 1; segment < 3000; segment++) {
			char path[160];
			snprintf(path, sizeof(path), "%s/%d.parquet", folder, segment);
			count += access(path, F_OK) == 0;
		}
	}
	return count;
}

static void
holds(mobius *db, const char *table, int64_t from, int64_t count)
{
	char sql[160];
	snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s WHERE v >= %" PRId64, table, from);
	assert_int_equal(number(db, sql), count);
	snprintf(sql, sizeof(sql), "SELECT coalesce(sum(v), 0)::BIGINT FROM %s WHERE v >= %" PRId64,
			 table, from);
	assert_int_equal(number(db, sql), count * from + count * (count - 1) / 2);
}

static void
no_damage(void *arg, bool damage, const char *text)
{
	(void)arg;
	if (damage)
		fail_msg("%s", text);
}

// A copy taken now is what a kill would leave.
static void
holds_after_a_kill(const Dir *dir, const char *table, int64_t from, int64_t count)
{
	SCOPED(dir_drop) Dir copy = dir_copy(dir);
	mobius_checked checked = {0};
	mobius_error err = {0};
	fine(mobius_check(copy.path, &(mobius_findings){no_damage, NULL}, &checked, &err), &err);
	for (int turn = 0; turn < 2; turn++) {
		SCOPED(db_drop) mobius *db = db_open(copy.path, small_log());
		holds(db, table, from, count);
		assert_int_equal(number(db, "SELECT series FROM system.tables LIMIT 1"), 7);
	}
}

static void
a_large_insert_is_one_commit(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, small_log());
	append_rows(fx.db, "t", 0, 10);
	uint64_t before = append_rows(fx.db, "t", 10, 10);
	assert_int_equal(number(fx.db, "INSERT INTO t SELECT make_timestamp_ns(range * 1000), "
								   "'h' || (range % 7), range FROM range(1000, 21000)"),
					 ROWS);
	uint64_t after = append_rows(fx.db, "t", 20, 10);
	assert_int_equal(after, before + 2);
	holds(fx.db, "t", 1000, ROWS);
	assert_true(number(fx.db, "SELECT count(*) FROM system.segments WHERE status = 'FLUSHED' AND "
							  "min_seq = max_seq AND level = 0") > 1);
	holds_after_a_kill(&fx.dir, "t", 1000, ROWS);
	// Rows around it, before and after, are in the log.
	SCOPED(dir_drop) Dir copy = dir_copy(&fx.dir);
	SCOPED(db_drop) mobius *db = db_open(copy.path, small_log());
	assert_int_equal(number(db, "SELECT count(*) FROM t WHERE v < 1000"), 30);
	fixture_close(&fx);
}

static void
an_append_of_any_size_is_stored(void **state)
{
	(void)state;
	static const char *const settings[][2] = {{"commit.max_bytes=64KiB", "memtable.limit=64MiB"},
											  {"commit.max_bytes=256MiB", "memtable.limit=1MiB"}};
	for (size_t i = 0; i < COUNT_OF(settings); i++) {
		Fixture fx;
		fixture_open(&fx, SETTINGS(settings[i][0], settings[i][1], "stop.flush=0s"));
		append_rows(fx.db, "t", 0, 5);
		append_rows(fx.db, "t", 1000, 4 * ROWS);
		append_rows(fx.db, "t", 5, 5);
		holds(fx.db, "t", 1000, 4 * ROWS);
		holds_after_a_kill(&fx.dir, "t", 1000, 4 * ROWS);
		fixture_close(&fx);
	}
}

static void
a_large_update_takes_rows_away_and_gives_others(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, small_log());
	append_rows(fx.db, "t", 1000, ROWS);
	append_rows(fx.db, "t", 1000 + ROWS, 50); // in memory
	assert_int_equal(number(fx.db, "UPDATE t SET v = v + 100000"), ROWS + 50);
	holds(fx.db, "t", 101000, ROWS + 50);
	assert_int_equal(number(fx.db, "SELECT count(*) FROM t"), ROWS + 50);
	holds_after_a_kill(&fx.dir, "t", 101000, ROWS + 50);
	assert_int_equal(number(fx.db, "DELETE FROM t WHERE v % 2 = 0"), ROWS / 2 + 25);
	SCOPED(dir_drop) Dir copy = dir_copy(&fx.dir);
	SCOPED(db_drop) mobius *db = db_open(copy.path, small_log());
	assert_int_equal(number(db, "SELECT count(*) FROM t"), ROWS / 2 + 25);
	fixture_close(&fx);
}

static void
several_statements_are_one_commit(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, small_log());
	append_rows(fx.db, "s", 1000, ROWS);
	append_rows(fx.db, "t", 0, 7);
	append_rows(fx.db, "u", 0, 7);
	append_rows(fx.db, "w", 0, 7);
	int64_t count;
	mobius_error err = {0};
	fine(ask(fx.db,
			 "BEGIN; INSERT INTO t SELECT * FROM s WHERE v < 1100; INSERT INTO t SELECT * FROM s "
			 "WHERE v >= 1100; INSERT INTO u SELECT * FROM s WHERE v < 2000; DELETE FROM w WHERE v "
			 "< 3; COMMIT",
			 NULL, &count, &err),
		 &err);
	assert_int_equal(count, 4);
	holds(fx.db, "t", 1000, ROWS);
	holds(fx.db, "u", 1000, 1000);
	assert_int_equal(number(fx.db, "SELECT count(*) FROM w"), 4);
	assert_int_equal(number(fx.db, "SELECT count(DISTINCT max_seq) FROM system.segments WHERE "
								   "rows > 7 AND \"table\" IN ('t', 'u') AND status = 'FLUSHED'"),
					 1);
	holds_after_a_kill(&fx.dir, "t", 1000, ROWS);
	fixture_close(&fx);
}

static void
what_was_adopted_lives_on_like_other_rows(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, small_log());
	append_rows(fx.db, "t", 0, 10);
	append_rows(fx.db, "t", 1000, ROWS);
	append_rows(fx.db, "t", 10, 10);
	mobius_error err = {0};
	int64_t count;
	for (int64_t from = 100; from < 800; from += 100)
		append_rows(fx.db, "t", from, 10);
	assert_int_equal(number(fx.db, "FLUSH t"), 0);
	while (number(fx.db, "SELECT count(*) FROM system.compactions WHERE inputs > 1") == 0)
		clock_sleep_ns(SECOND / 100);
	holds(fx.db, "t", 1000, ROWS);
	assert_int_equal(number(fx.db, "SELECT count(*) FROM t"), ROWS + 90);
	fine(ask(fx.db, "ALTER TABLE t ADD COLUMN w DOUBLE", NULL, &count, &err), &err);
	append_rows(fx.db, "t", 100000, ROWS);
	fine(ask(fx.db, "TRUNCATE t", NULL, &count, &err), &err);
	append_rows(fx.db, "t", 1000, ROWS);
	holds_after_a_kill(&fx.dir, "t", 1000, ROWS);
	fine(ask(fx.db, "DROP TABLE t", NULL, &count, &err), &err);
	SCOPED(dir_drop) Dir copy = dir_copy(&fx.dir);
	SCOPED(db_drop) mobius *db = db_open(copy.path, small_log());
	assert_int_equal(number(db, "SELECT count(*) FROM system.tables"), 0);
	assert_int_equal(bulk_files(copy.path), 0);
	fixture_close(&fx);
}

// ---- a call that fails ----

typedef struct Attempt {
	struct ArrowSchema schema;
	struct ArrowArray array;
} Attempt;

static Attempt
attempt_make(int64_t from)
{
	Attempt a = {0};
	SCOPED(schema_drop) Schema *schema = rows_schema(false);
	SCOPED(batch_drop) Batch *batch = rows_batch(schema, from, 4000);
	Error err = ERROR_INIT;
	ok(cdata_export_schema(schema, &a.schema, &err), &err);
	ok(cdata_export_batch(batch, &a.array, &err), &err);
	return a;
}

// Whatever happens, all of it is there afterwards or nothing, and what is left over goes with the
// next start.
static bool
survives(const Dir *ready, void (*arm)(long nth), long nth)
{
	SCOPED(dir_drop) Dir dir = dir_copy(ready);
	Attempt a = attempt_make(1000);
	mobius_error err = {0};
	mobius *db = db_open(dir.path, small_log());
	arm(nth);
	mobius_status st = mobius_append(db, "t", &a.schema, &a.array, NULL, &err);
	mobius_close(db);
	bool hit = fault_disarm();
	for (int turn = 0; turn < 2; turn++) {
		SCOPED(db_drop) mobius *again = db_open(dir.path, small_log());
		int64_t rows = number(again, "SELECT count(*) FROM t WHERE v >= 1000");
		if (rows != 4000 && (rows != 0 || st == MOBIUS_OK))
			fail_msg("call %ld failed (%s), and %" PRId64 " rows are there", nth, err.text, rows);
		assert_int_equal(number(again, "SELECT count(*) FROM t WHERE v < 1000"), 10);
		if (turn == 1)
			assert_int_equal(bulk_files(dir.path),
							 number(again, "SELECT count(*) FROM system.segments WHERE status = "
										   "'FLUSHED'"));
	}
	return hit;
}

static void
a_call_that_fails_leaves_all_or_nothing(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	mobius *db = db_open(dir.path, small_log());
	append_rows(db, "t", 0, 10);
	SCOPED(dir_drop) Dir ready = dir_copy(&dir);
	mobius_close(db);
	void (*const arms[])(long nth) = {fault_arm, fault_arm_sticky};
	bool every = getenv("MOBIUS_EVERY_FAULT") != NULL;
	for (size_t i = 0; i < COUNT_OF(arms); i++)
		for (long nth = 0; survives(&ready, arms[i], nth);)
			nth += every ? 1 : nth / 3 + 1;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_large_insert_is_one_commit),
		TEST(an_append_of_any_size_is_stored),
		TEST(a_large_update_takes_rows_away_and_gives_others),
		TEST(several_statements_are_one_commit),
		TEST(what_was_adopted_lives_on_like_other_rows),
		TEST(a_call_that_fails_leaves_all_or_nothing),
	};
	return RUN(tests);
}
