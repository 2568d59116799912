// mobius.h: a database without a directory.

#include <fcntl.h>

#include "support.h"

static mobius *
memory_open(const char *const *settings)
{
	return db_open(":memory:", settings);
}

// A table as append_rows makes it, which keeps the last row of each time and host.
static void
create_keyed(mobius *db)
{
	assert_int_equal(number(db, "CREATE TABLE t (time TIMESTAMP_NS, host VARCHAR TAG, v BIGINT) "
								"WITH (dedup = 'last')"),
					 0);
}

static Status
no_entry(void *arg, const char *name, Error *err)
{
	(void)arg;
	return error_set(err, ST_EXISTS, "there is %s", name);
}

static void
a_database_in_memory_is_one_like_others_and_makes_no_file(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	int before = open(".", O_RDONLY | O_DIRECTORY);
	assert_int_equal(chdir(dir.path), 0);
	mobius *db = memory_open(NULL);
	assert_int_equal(append_rows(db, "t", 0, 1000), 2);
	assert_int_equal(number(db, "SELECT sum(v)::BIGINT FROM t"), 499500);
	assert_int_equal(number(db, "UPDATE t SET v = v + 1000 WHERE v < 10"), 10);
	assert_int_equal(number(db, "DELETE FROM t WHERE v >= 1000"), 10);
	assert_int_equal(number(db, "ALTER TABLE t ADD COLUMN w DOUBLE"), 0);
	assert_int_equal(number(db, "INSERT INTO t SELECT * FROM t"), 990);
	assert_int_equal(number(db, "CREATE DATABASE plant"), 0);
	append_rows(db, "plant.u", 0, 7);
	assert_int_equal(number(db, "SELECT count(*) FROM plant.htdb.u"), 7);
	assert_int_equal(number(db, "DROP DATABASE plant"), 0);
	assert_int_equal(number(db, "SELECT count(*) FROM system.tables"), 1);
	assert_int_equal(number(db, "SELECT count(*) FROM system.wal"), 0);
	assert_int_equal(number(db, "SELECT count(*) FROM system.offsets"), 0);
	assert_int_equal(number(db, "SELECT count(*) FROM system.compactions"), 0);
	assert_int_equal(number(db, "SELECT count(*) FROM t"), 1980);
	assert_true(mobius_health_now(db).ready);
	mobius_close(db);
	Error err = ERROR_INIT;
	ok(dir_list(".", no_entry, NULL, &err), &err);
	assert_int_equal(fchdir(before), 0);
	close(before);
}

static void
each_is_its_own_and_gone_when_it_is_closed(void **state)
{
	(void)state;
	mobius *a = memory_open(NULL), *b = memory_open(NULL);
	append_rows(a, "t", 0, 3);
	append_rows(b, "t", 0, 5);
	assert_int_equal(number(a, "SELECT count(*) FROM t"), 3);
	assert_int_equal(number(b, "SELECT count(*) FROM t"), 5);
	mobius_close(a);
	a = memory_open(NULL);
	assert_int_equal(number(a, "SELECT count(*) FROM system.tables"), 0);
	mobius_close(a);
	mobius_close(b);
}

static void
a_flush_seals_and_rows_stay(void **state)
{
	(void)state;
	SCOPED(db_drop) mobius *db = memory_open(NULL);
	append_rows(db, "t", 0, 100);
	assert_int_equal(number(db, "FLUSH t"), 0);
	append_rows(db, "t", 100, 100);
	assert_int_equal(number(db, "SELECT count(*) FROM system.segments WHERE status = 'SEALED'"), 1);
	assert_int_equal(number(db, "SELECT count(*) FROM system.segments WHERE status = 'GROWING'"),
					 1);
	assert_int_equal(number(db, "COMPACT"), 0);
	assert_int_equal(number(db, "SELECT count(DISTINCT v) FROM t"), 200);
	refused(db, "BACKUP TO 'b'", MOBIUS_INVALID, "in memory");
}

static void
wait_for_segments(mobius *db, int64_t count)
{
	int64_t until = clock_mono_ns() + 60 * SECOND;
	while (number(db, "SELECT count(*) FROM system.segments") != count)
		assert_true(clock_mono_ns() < until);
}

// That are stored.
static void
wait_for_rows(mobius *db, int64_t rows)
{
	int64_t until = clock_mono_ns() + 60 * SECOND;
	while (number(db, "SELECT sum(rows)::BIGINT FROM system.segments") != rows)
		assert_true(clock_mono_ns() < until);
}

// From the middle of the chain, too.
static void
sealed_segments_without_rows_go(void **state)
{
	(void)state;
	SCOPED(db_drop) mobius *db = memory_open(NULL);
	for (int64_t i = 0; i < 3; i++) {
		append_rows(db, "t", i * 100, 100);
		assert_int_equal(number(db, "FLUSH t"), 0);
	}
	assert_int_equal(number(db, "DELETE FROM t WHERE v BETWEEN 100 AND 199"), 100);
	wait_for_segments(db, 2);
	assert_int_equal(number(db, "DELETE FROM t WHERE v >= 200"), 100);
	wait_for_segments(db, 1);
	append_rows(db, "t", 300, 100);
	assert_int_equal(number(db, "SELECT sum(v)::BIGINT FROM t"), 4950 + 34950);
	// The rows are of 1970.
	assert_int_equal(number(db, "FLUSH t"), 0);
	assert_int_equal(number(db, "ALTER TABLE t SET (ttl = '1h')"), 0);
	wait_for_segments(db, 0);
	assert_int_equal(number(db, "ALTER TABLE t SET (ttl = 'none')"), 0);
	assert_int_equal(number(db, "SELECT count(*) FROM t"), 0);
}

// Versions of a key lie in several segments, of which the middle one goes.
static void
rows_are_replaced_by_key_and_do_not_come_back(void **state)
{
	(void)state;
	SCOPED(db_drop) mobius *db = memory_open(NULL);
	create_keyed(db);
	for (int i = 0; i < 3; i++) {
		append_rows(db, "t", 0, 10); // h0 … h6, three times the same keys
		assert_int_equal(number(db, "FLUSH t"), 0);
	}
	assert_int_equal(number(db, "SELECT count(*) FROM t"), 10);
	assert_int_equal(number(db, "UPDATE t SET v = 100 WHERE v = 3"), 1);
	assert_int_equal(number(db, "FLUSH t"), 0);
	assert_int_equal(number(db, "SELECT sum(v)::BIGINT FROM t"), 142);
	assert_int_equal(number(db, "DELETE FROM t WHERE v <> 100"), 9);
	wait_for_segments(db, 1); // where every version was deleted
	assert_int_equal(number(db, "SELECT sum(v)::BIGINT FROM t"), 100);
}

// A table of 1,000 keys, far more often than there is room for.
static void
keys_are_written_over_and_over(void **state)
{
	(void)state;
	SCOPED(db_drop)
	mobius *db = memory_open(SETTINGS("memtable.limit=2MiB", "memtable.segment_size=256KiB"));
	create_keyed(db);
	assert_int_equal(number(db, "CREATE TABLE e (v BIGINT) WITH (key = 'id')"), 0);
	for (int i = 0; i < 300; i++) {
		append_rows(db, "t", 0, 1000);
		assert_int_equal(number(db, "INSERT INTO e (id, v) SELECT range + 1, 7 FROM range(1000)"),
						 1000);
	}
	assert_int_equal(number(db, "SELECT count(*) FROM t"), 1000);
	assert_int_equal(number(db, "SELECT sum(v)::BIGINT FROM t"), 499500);
	assert_int_equal(number(db, "SELECT count(DISTINCT id) + count(*) FROM e"), 2000);
}

// Rows of several versions of a table move together, each value to where it belongs.
static void
rows_move_from_older_versions_of_a_table(void **state)
{
	(void)state;
	SCOPED(db_drop) mobius *db = memory_open(NULL);
	create_keyed(db);
	for (int i = 0; i < 3; i++)
		append_rows(db, "t", 0, 100);
	assert_int_equal(number(db, "ALTER TABLE t ADD COLUMN w BIGINT"), 0);
	assert_int_equal(number(db, "UPDATE t SET w = v WHERE v < 40"), 40);
	assert_int_equal(number(db, "ALTER TABLE t DROP COLUMN v"), 0);
	assert_int_equal(number(db, "ALTER TABLE t ADD COLUMN v BIGINT"), 0);
	assert_int_equal(number(db, "UPDATE t SET v = 7 WHERE w < 40"), 40);
	assert_int_equal(number(db, "FLUSH t"), 0);
	wait_for_rows(db, 100);
	assert_int_equal(number(db, "SELECT count(*) FROM t"), 100);
	assert_int_equal(number(db, "SELECT sum(w)::BIGINT FROM t"), 780);
	assert_int_equal(number(db, "SELECT sum(v)::BIGINT FROM t"), 280);
}

// It is not sealed before, since it is smaller than a segment.
static void
what_grows_gives_memory_back_where_there_is_none(void **state)
{
	(void)state;
	SCOPED(db_drop) mobius *db = memory_open(SETTINGS("memtable.limit=1MiB"));
	create_keyed(db);
	for (int i = 0; i < 100; i++)
		append_rows(db, "t", 0, 1000);
	assert_int_equal(number(db, "SELECT count(*) FROM t"), 1000);
	assert_int_equal(number(db, "DELETE FROM t"), 1000);
	for (int i = 0; i < 100; i++) { // a plain one
		append_rows(db, "u", i * 1000, 1000);
		assert_int_equal(number(db, "DELETE FROM u"), 1000);
	}
	append_rows(db, "u", 0, 1000);
	assert_int_equal(number(db, "SELECT count(*) FROM u"), 1000);
}

static void
write_over(void *arg)
{
	for (int i = 0; i < 60; i++)
		append_rows(arg, "t", 0, 1000);
}

static void
delete_some(void *arg)
{
	for (int i = 0; i < 30; i++)
		assert_true(number(arg, "DELETE FROM t WHERE v % 10 = 3") >= 0);
}

static void
writers_beside_each_other_are_never_refused(void **state)
{
	(void)state;
	SCOPED(db_drop)
	mobius *db = memory_open(SETTINGS("memtable.limit=2MiB", "memtable.segment_size=256KiB"));
	create_keyed(db);
	void (*const runs[])(void *) = {write_over, write_over, write_over, delete_some};
	Thread *threads[COUNT_OF(runs)];
	Error err = ERROR_INIT;
	for (size_t i = 0; i < COUNT_OF(runs); i++)
		ok(thread_start(&(ThreadOptions){.name = "test", .stack_bytes = 8 << 20}, runs[i], db,
						&threads[i], &err),
		   &err);
	for (size_t i = 0; i < COUNT_OF(runs); i++)
		thread_join(threads[i]);
	append_rows(db, "t", 0, 1000);
	assert_int_equal(number(db, "SELECT sum(v)::BIGINT FROM t"), 499500);
}

// What a stream sees stays until it is released.
static void
a_reader_keeps_what_it_sees_while_rows_are_replaced(void **state)
{
	(void)state;
	SCOPED(db_drop)
	mobius *db = memory_open(SETTINGS("memtable.limit=2MiB", "memtable.segment_size=64KiB"));
	assert_int_equal(number(db, "CREATE TABLE e (v BIGINT) WITH (key = 'id')"), 0);
	assert_int_equal(number(db, "INSERT INTO e (id, v) SELECT range + 1, 1 FROM range(3000)"),
					 3000);
	struct ArrowArrayStream stream = {0};
	mobius_error err = {0};
	fine(mobius_query(db, "SELECT v FROM e", &stream, &err), &err);
	for (int i = 0; i < 100; i++)
		assert_int_equal(number(db, "INSERT INTO e (id, v) SELECT range + 1, 2 FROM range(1000)"),
						 1000);
	int64_t rows = 0;
	for (struct ArrowArray array;; array.release(&array)) {
		assert_int_equal(stream.get_next(&stream, &array), 0);
		if (array.release == NULL)
			break;
		const int64_t *values = array.children[0]->buffers[1];
		for (int64_t i = 0; i < array.length; i++)
			assert_int_equal(values[array.children[0]->offset + i], 1);
		rows += array.length;
	}
	stream.release(&stream);
	assert_int_equal(rows, 3000);
	assert_int_equal(number(db, "SELECT sum(v)::BIGINT FROM e"), 4000);
}

static void
a_full_one_says_so_and_takes_rows_again_when_there_is_room(void **state)
{
	(void)state;
	SCOPED(db_drop)
	mobius *db = memory_open(SETTINGS("memtable.limit=1MiB", "memtable.segment_size=64KiB"));
	SCOPED(schema_drop) Schema *schema = rows_schema(false);
	SCOPED(batch_drop) Batch *batch = rows_batch(schema, 0, 1000);
	mobius_error err = {0};
	mobius_status st = MOBIUS_OK;
	int64_t rows = 0;
	while ((st = append_batch(db, "t", schema, batch, NULL, &err)) == MOBIUS_OK)
		rows += 1000;
	assert_int_equal(st, MOBIUS_LIMIT);
	says(err.text, "memtable.limit");
	assert_int_equal(number(db, "SELECT count(*) FROM t"), rows);
	assert_int_equal(number(db, "TRUNCATE t"), 0);
	append_rows(db, "t", 0, 1000);
}

// There is no disk for what is too large.
static void
a_commit_over_a_limit_is_refused(void **state)
{
	(void)state;
	SCOPED(db_drop) mobius *db = memory_open(SETTINGS("commit.max_bytes=64KiB"));
	append_rows(db, "t", 0, 10);
	refused(db, "INSERT INTO t SELECT make_timestamp_ns(range), 'a', range FROM range(100000)",
			MOBIUS_LIMIT, "commit.max_bytes");
	assert_int_equal(number(db, "SELECT count(*) FROM t"), 10);
}

static void
every_call_of_an_open_may_fail_and_leaves_nothing(void **state)
{
	(void)state;
	bool hit = true;
	for (long nth = 0; hit; nth += 1 + nth / 8) {
		mobius *db = NULL;
		mobius_error err = {0};
		fault_arm(nth);
		mobius_status st = try_open(":memory:", SETTINGS("query.running=1"), &db, &err);
		hit = fault_disarm();
		if (st != MOBIUS_OK && err.text[0] == '\0')
			fail_msg("call %ld: %s without a text", nth, status_name((Status)st));
		mobius_close(db);
	}
}

static mobius_status
use_it(mobius *db, mobius_error *err)
{
	static const char *const statements[] = {
		"INSERT INTO t (time, host, v) VALUES ('1970-01-01', 'a', 3), ('1970-01-02', 'b', 9)",
		"INSERT INTO e (v, id) VALUES (1, NULL), (2, 1), (3, NULL)",
		"INSERT INTO e (v) VALUES (4)",
		"UPDATE t SET v = v + 1 WHERE v = 3",
		"FLUSH t",
		"DELETE FROM t WHERE v < 5",
		"ALTER TABLE t ADD COLUMN IF NOT EXISTS w DOUBLE",
		"COMPACT",
		"TRUNCATE t",
		"SELECT count(*) FROM system.segments",
	};
	int64_t count;
	mobius_status st = MOBIUS_OK;
	for (size_t i = 0; i < COUNT_OF(statements) && st == MOBIUS_OK; i++)
		st = ask(db, statements[i], NULL, &count, err);
	return st;
}

// There is no sync, so nothing is final.
static void
every_call_of_a_use_may_fail_and_the_next_is_fine(void **state)
{
	(void)state;
	SCOPED(db_drop) mobius *db = memory_open(SETTINGS("query.running=1"));
	append_rows(db, "t", 0, 10);
	assert_int_equal(number(db, "CREATE TABLE e (v BIGINT) WITH (key = 'id')"), 0);
	bool hit = true;
	for (long nth = 0; hit; nth += 1 + nth / 16) {
		mobius_error err = {0};
		fault_arm(nth);
		mobius_status st = use_it(db, &err);
		hit = fault_disarm();
		if (st != MOBIUS_OK && err.text[0] == '\0')
			fail_msg("call %ld: %s without a text", nth, status_name((Status)st));
		fine(use_it(db, &err), &err);
	}
	assert_int_equal(number(db, "SELECT count(*) - count(DISTINCT id) FROM e"), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_database_in_memory_is_one_like_others_and_makes_no_file),
		TEST(each_is_its_own_and_gone_when_it_is_closed),
		TEST(a_flush_seals_and_rows_stay),
		TEST(sealed_segments_without_rows_go),
		TEST(rows_are_replaced_by_key_and_do_not_come_back),
		TEST(keys_are_written_over_and_over),
		TEST(rows_move_from_older_versions_of_a_table),
		TEST(what_grows_gives_memory_back_where_there_is_none),
		TEST(writers_beside_each_other_are_never_refused),
		TEST(a_reader_keeps_what_it_sees_while_rows_are_replaced),
		TEST(a_full_one_says_so_and_takes_rows_again_when_there_is_room),
		TEST(a_commit_over_a_limit_is_refused),
		TEST(every_call_of_an_open_may_fail_and_leaves_nothing),
		TEST(every_call_of_a_use_may_fail_and_the_next_is_fine),
	};
	return RUN(tests);
}
