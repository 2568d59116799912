// Statements that change rows: one commit each, durable, exact among others, and nothing by halves.

#include "results.h"

static void
rows_are(mobius *db, const char *sql, const int64_t *expected, int64_t count)
{
	int64_t *values = NULL, got = 0;
	mobius_error err = {0};
	mobius_status st = ask(db, sql, &values, &got, &err);
	if (st != MOBIUS_OK)
		fail_msg("%s: %s", sql, err.text);
	assert_int_equal(got, count);
	for (int64_t i = 0; i < count; i++)
		assert_int_equal(values[i], expected[i]);
	free(values);
}

#define ROWS_ARE(db, sql, ...)                                                                     \
	rows_are(db, sql, (const int64_t[]){__VA_ARGS__},                                              \
			 (int64_t)COUNT_OF(((const int64_t[]){__VA_ARGS__})))

static void
a_change_answers_a_row_for_each_of_its_statements(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, NULL);
	append_rows(fx.db, "t", 0, 100);
	append_rows(fx.db, "u", 0, 10);
	ROWS_ARE(fx.db, "DELETE FROM t WHERE v < 30", 30);
	ROWS_ARE(fx.db, "UPDATE t SET v = v + 1000 WHERE v < 40", 10);
	ROWS_ARE(fx.db, "BEGIN; DELETE FROM t WHERE v < 50; INSERT INTO u SELECT * FROM u; COMMIT", 10,
			 10);
	ROWS_ARE(fx.db, "SELECT sum(v)::BIGINT FROM t", 50 * 149 / 2 + 10 * 1034 + 5);
	assert_int_equal(number(fx.db, "SELECT count(*) FROM u"), 20);
	ROWS_ARE(fx.db, "TRUNCATE u", 0);
	assert_int_equal(number(fx.db, "SELECT count(*) FROM u"), 0);
	append_rows(fx.db, "u", 0, 3);
	assert_int_equal(number(fx.db, "SELECT count(*) FROM u"), 3);
	fixture_close(&fx);
}

// Their plans are kept, and differ though the same is asked of the same rows.
static void
updates_of_different_columns_by_the_same_values_are_told_apart(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, NULL);
	append_rows(fx.db, "t", 0, 30);
	(void)number(fx.db, "ALTER TABLE t ADD COLUMN a BIGINT");
	(void)number(fx.db, "ALTER TABLE t ADD COLUMN b BIGINT");
	ROWS_ARE(fx.db, "UPDATE t SET a = v % 7 WHERE v % 3 = 1", 10);
	ROWS_ARE(fx.db, "UPDATE t SET b = v % 7 WHERE v % 3 = 1", 10);
	ROWS_ARE(fx.db, "SELECT count(*) FROM t WHERE a = v % 7 AND b = v % 7", 10);
	ROWS_ARE(fx.db, "UPDATE t SET a = 1, b = 2", 30);
	ROWS_ARE(fx.db, "UPDATE t SET b = 1, a = 2", 30);
	ROWS_ARE(fx.db, "SELECT count(*) FROM t WHERE a = 2 AND b = 1", 30);
	fixture_close(&fx);
}

static void
what_was_changed_is_so_after_a_start(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, NULL);
	append_rows(fx.db, "t", 0, 1000);
	append_rows(fx.db, "u", 0, 10);
	assert_int_equal(number(fx.db, "FLUSH t"), 0);
	append_rows(fx.db, "t", 1000, 1000);
	assert_int_equal(number(fx.db, "DELETE FROM t WHERE v % 10 = 3"), 200);
	ROWS_ARE(fx.db, "BEGIN; UPDATE t SET v = v + 10000 WHERE v % 10 = 4; TRUNCATE u; COMMIT", 200,
			 0);
	for (int turn = 0; turn < 3; turn++) {
		mobius_session_unref(fx.session);
		mobius_close(fx.db);
		fx.db = db_open(fx.dir.path, NULL);
		fx.session = session_of(fx.db);
		assert_int_equal(number(fx.db, "SELECT count(*) FROM t"), 1800);
		assert_int_equal(number(fx.db, "SELECT count(*) FROM t WHERE v % 10 = 3"), 0);
		assert_int_equal(number(fx.db, "SELECT count(*) FROM t WHERE v >= 10000"), 200);
		assert_int_equal(number(fx.db, "SELECT count(*) FROM u"), 0);
		if (turn == 1)
			assert_int_equal(number(fx.db, "FLUSH"), 0);
	}
	fixture_close(&fx);
}

// ---- among others ----

typedef struct Counter {
	mobius *db;
	int turns;
} Counter;

static void
count_up(void *arg)
{
	Counter *counter = arg;
	for (int i = 0; i < counter->turns; i++)
		assert_int_equal(number(counter->db, "UPDATE t SET v = v + 1"), 10);
}

static void
keep_flushing(void *arg)
{
	Counter *counter = arg;
	for (int i = 0; i < counter->turns; i++)
		(void)number(counter->db, "FLUSH t");
}

// Each is read from what the one before left, also when a flush took the rows away in between.
static void
updates_of_one_table_come_one_after_the_other(void **state)
{
	(void)state;
	enum { THREADS = 3 };
	Fixture fx;
	fixture_open(&fx, NULL);
	append_rows(fx.db, "t", 0, 10);
	Counter counters[THREADS + 1];
	Thread *threads[THREADS + 1];
	Error err = ERROR_INIT;
	for (int i = 0; i <= THREADS; i++) {
		counters[i] = (Counter){fx.db, i < THREADS ? 10 : 15};
		ok(thread_start(&(ThreadOptions){.name = "counter"}, i < THREADS ? count_up : keep_flushing,
						&counters[i], &threads[i], &err),
		   &err);
	}
	for (int i = 0; i <= THREADS; i++)
		thread_join(threads[i]);
	ROWS_ARE(fx.db, "SELECT v FROM t ORDER BY v", 30, 31, 32, 33, 34, 35, 36, 37, 38, 39);
	fixture_close(&fx);
}

typedef struct Appender {
	mobius *db;
	atomic_bool stop;
	int64_t batches;
} Appender;

static void
keep_appending(void *arg)
{
	Appender *appender = arg;
	while (!atomic_load(&appender->stop))
		append_rows(appender->db, "t", 100 * appender->batches++, 100);
}

// A batch is there whole or not at all, and what came behind a DELETE stays.
static void
a_delete_sees_one_moment_and_later_rows_survive_it(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, NULL);
	append_rows(fx.db, "t", 0, 100);
	Appender appender = {.db = fx.db, .batches = 1};
	Thread *thread;
	Error err = ERROR_INIT;
	ok(thread_start(&(ThreadOptions){.name = "appender"}, keep_appending, &appender, &thread, &err),
	   &err);
	int64_t gone = 0;
	for (int turn = 0; turn < 10; turn++) {
		int64_t deleted = number(fx.db, "DELETE FROM t");
		assert_int_equal(deleted % 100, 0);
		gone += deleted;
		assert_int_equal(number(fx.db, "SELECT count(*) FROM t") % 100, 0);
		if (turn % 3 == 0)
			(void)number(fx.db, "FLUSH t");
	}
	atomic_store(&appender.stop, true);
	thread_join(thread);
	assert_int_equal(gone + number(fx.db, "SELECT count(*) FROM t"), 100 * appender.batches);
	fixture_close(&fx);
}

// ---- nothing by halves ----

static void
a_change_that_was_given_up_changes_nothing(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, NULL);
	append_rows(fx.db, "t", 0, 100);
	static const char slow[] = "DELETE FROM t WHERE v >= (SELECT min(a.range + b.range) FROM "
							   "range(10000000) a, range(10000000) b)";
	Result r;
	result_start(&fx, &r, slow);
	mobius_result_cancel(r.result);
	result_fails(&r, MOBIUS_CANCELLED, "cancelled");
	result_stop(&r);
	mobius_error err = {0};
	fine(try_result(&fx, &r, slow, MOBIUS_ROWS, SECOND / 5, &err), &err);
	result_fails(&r, MOBIUS_DEADLINE, "query.timeout");
	result_stop(&r);
	assert_int_equal(number(fx.db, "SELECT count(*) FROM t"), 100);
	fixture_close(&fx);
}

// A failed sync makes it read-only; then a start decides what there is.
static void
open_again_if_need_be(Fixture *fx)
{
	int64_t count;
	mobius_error err = {0};
	if (ask(fx->db, "INSERT INTO w SELECT * FROM w LIMIT 1", NULL, &count, &err) == MOBIUS_OK)
		return;
	mobius_session_unref(fx->session);
	mobius_close(fx->db);
	fx->db = db_open(fx->dir.path, NULL);
	fx->session = session_of(fx->db);
}

static void
a_change_is_whole_or_nothing_whatever_fails(void **state)
{
	(void)state;
	static const char text[] =
		"BEGIN; DELETE FROM t WHERE v < 4; INSERT INTO u SELECT * FROM u LIMIT 1; "
		"UPDATE y SET v = v + 1; TRUNCATE x; COMMIT";
	Fixture fx;
	fixture_open(&fx, NULL);
	append_rows(fx.db, "t", 0, 1);
	append_rows(fx.db, "u", 0, 1);
	append_rows(fx.db, "w", 0, 1);
	append_rows(fx.db, "x", 0, 1);
	append_rows(fx.db, "y", 0, 1);
	for (long nth = 0, failed = 1; failed; nth += 1 + nth / 40) {
		(void)number(fx.db, "DELETE FROM t WHERE v >= 0");
		append_rows(fx.db, "t", 0, 10);
		(void)number(fx.db, "DELETE FROM x WHERE v >= 0");
		append_rows(fx.db, "x", 0, 3);
		int64_t count, before = number(fx.db, "SELECT count(*) FROM u");
		int64_t sum = number(fx.db, "SELECT sum(v)::BIGINT FROM y");
		mobius_error err = {0};
		fault_arm(nth);
		mobius_status st = ask(fx.db, text, NULL, &count, &err);
		failed = fault_disarm();
		open_again_if_need_be(&fx);
		int64_t t = number(fx.db, "SELECT count(*) FROM t");
		if (t != (st == MOBIUS_OK ? 6 : t == 6 ? 6 : 10))
			fail_msg("fault %ld: %s, and t has %" PRId64 " rows", nth, err.text, t);
		assert_int_equal(number(fx.db, "SELECT count(*) FROM u") - before, t == 6 ? 1 : 0);
		assert_int_equal(number(fx.db, "SELECT sum(v)::BIGINT FROM y") - sum, t == 6 ? 1 : 0);
		assert_int_equal(number(fx.db, "SELECT count(*) FROM x"), t == 6 ? 0 : 3);
		assert_true(nth < 100000);
	}
	fixture_close(&fx);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_change_answers_a_row_for_each_of_its_statements),
		TEST(updates_of_different_columns_by_the_same_values_are_told_apart),
		TEST(what_was_changed_is_so_after_a_start),
		TEST(updates_of_one_table_come_one_after_the_other),
		TEST(a_delete_sees_one_moment_and_later_rows_survive_it),
		TEST(a_change_that_was_given_up_changes_nothing),
		TEST(a_change_is_whole_or_nothing_whatever_fails),
	};
	return RUN(tests);
}
