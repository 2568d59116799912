// Each way to the disk, with one call after another failing on it: what it does happened whole or
// not at all, the next starts agree on which, and no id is given twice.
//
// What the n-th call is differs from run to run (test_fault.c), so the steps grow, and faults that
// happen once take turns with those that stay. MOBIUS_EVERY_FAULT=1 takes every call, both ways.

#include "images.h"

typedef struct Path {
	const char *sql;   // NULL: a start
	const char *probe; // a number that tells whether it happened
	bool silent;       // it changes no answer
} Path;

#define SUM_OF(table) "SELECT coalesce(sum(v), 0)::BIGINT FROM " table
#define COLUMNS       "SELECT count(*) FROM system.columns"
#define TABLES_THERE  "SELECT count(*) FROM system.tables"
#define GREATEST_ID   "SELECT coalesce(max(id), 0)::BIGINT FROM e"

// 4000 rows and more are too many for the log: they come in files.
static const Path PATHS[] = {
	{NULL, SUM_OF("k"), true},
	{"INSERT INTO k SELECT make_timestamp_ns(range * 1000), 'h' || (range % 7), range + 5000 FROM "
	 "range(4000)",
	 SUM_OF("k"), false},
	{"INSERT INTO e SELECT CASE WHEN range < 50 THEN range + 1 END, range FROM range(8000)",
	 SUM_OF("e"), false},
	{"UPDATE b SET v = v + 1", SUM_OF("b"), false},
	{"UPDATE k SET v = v + 1 WHERE v % 3 = 0", SUM_OF("k"), false},
	{"DELETE FROM k WHERE v % 2 = 0", SUM_OF("k"), false},
	{"DELETE FROM e WHERE v % 2 = 0", SUM_OF("e"), false},
	{"TRUNCATE e", SUM_OF("e"), false},
	{"BEGIN; INSERT INTO e (v) SELECT range FROM range(8000); DELETE FROM k WHERE v % 2 = 0; "
	 "COMMIT",
	 "SELECT (SELECT sum(v) FROM e)::BIGINT * 1000000 + (SELECT sum(v) FROM k)::BIGINT", false},
	{"FLUSH", "SELECT (SELECT sum(v) FROM e)::BIGINT * 1000000 + (SELECT sum(v) FROM k)::BIGINT",
	 true},
	{"COMPACT", "SELECT (SELECT sum(v) FROM e)::BIGINT * 1000000 + (SELECT sum(v) FROM k)::BIGINT",
	 true},
	{"ALTER TABLE k ADD COLUMN w DOUBLE", COLUMNS, false},
	{"ALTER TABLE b DROP COLUMN v", COLUMNS, false},
	{"ALTER TABLE e RENAME COLUMN v TO w", COLUMNS " WHERE name = 'w'", false},
	{"ALTER TABLE b SET (ttl = '1h')", "SELECT count(*) FROM b", false},
	{"CREATE TABLE f (v BIGINT) WITH (key = 'id')", COLUMNS, false},
	{"DROP TABLE b", TABLES_THERE, false},
	{"CREATE DATABASE f", "SELECT count(*) FROM system.databases", false},
	{"DROP DATABASE d", TABLES_THERE, false},
};

static const char *const *
settings(void)
{
	static const char *const all[] = {"query.running=1", "commit.max_bytes=64KiB",
									  "wal.segment_size=64KiB", "stop.flush=0s", NULL};
	return all;
}

static void
demand(mobius *db, const char *sql)
{
	int64_t count;
	mobius_error err = {0};
	mobius_status st = ask(db, sql, NULL, &count, &err);
	if (st != MOBIUS_OK)
		fail_msg("%s: %s", sql, err.text);
}

// Rows of each kind of table in memory, in files and in files of a commit, some of them replaced
// and deleted.
static void
fill(mobius *db)
{
	static const char *const statements[] = {
		"CREATE TABLE k (time TIMESTAMP_NS, host VARCHAR, v BIGINT) WITH (dedup = 'last')",
		"CREATE TABLE e (v BIGINT) WITH (key = 'id')",
		"CREATE TABLE b (time TIMESTAMP_NS, host VARCHAR, v BIGINT)",
		"CREATE DATABASE d",
		"CREATE TABLE d.htdb.b (v BIGINT)",
		"INSERT INTO d.htdb.b SELECT range FROM range(10)",
		"INSERT INTO b SELECT make_timestamp_ns(range * 1000), 'h', range FROM range(4000)",
		"INSERT INTO k SELECT make_timestamp_ns(range * 1000), 'h' || (range % 7), range FROM "
		"range(100)",
		"INSERT INTO e (v) SELECT range FROM range(100)",
		"FLUSH",
		"INSERT INTO k SELECT make_timestamp_ns(range * 1000), 'h' || (range % 7), range + 900 "
		"FROM range(50)",
		"INSERT INTO e VALUES (3, 700), (NULL, 800), (70, 900)",
		"DELETE FROM e WHERE v % 10 = 5",
		"DELETE FROM k WHERE v % 10 = 5",
		"DELETE FROM b WHERE v % 10 = 5",
	};
	for (size_t i = 0; i < COUNT_OF(statements); i++)
		demand(db, statements[i]);
}

static Dir
make_ready(void)
{
	SCOPED(dir_drop) Dir dir = dir_new();
	SCOPED(db_drop) mobius *db = db_open(dir.path, settings());
	fill(db);
	Dir copy = dir_copy(&dir);
	char ballast[120];
	snprintf(ballast, sizeof(ballast), "%s/ballast", copy.path);
	(void)remove(ballast); // a start makes it again, and quicker than it is copied
	return copy;
}

// ---- what is there ----

typedef struct Known {
	int64_t before; // what the probe says
	int64_t after;
	int64_t greatest_id; // that was given before
} Known;

static Known
known_of(const Dir *ready, const Path *path)
{
	SCOPED(dir_drop) Dir dir = dir_copy(ready);
	SCOPED(db_drop) mobius *db = db_open(dir.path, settings());
	Known known = {.before = number(db, path->probe), .greatest_id = number(db, GREATEST_ID)};
	if (path->sql != NULL)
		demand(db, path->sql);
	known.after = number(db, path->probe);
	assert_int_equal(known.before == known.after, path->silent);
	return known;
}

// Its column may have been renamed.
static void
takes_a_new_id(mobius *db, const Known *known)
{
	int64_t greatest = number(db, GREATEST_ID);
	demand(db, "INSERT INTO e (id) VALUES (NULL)");
	int64_t given = number(db, GREATEST_ID);
	assert_true(given > greatest && given > known->greatest_id);
}

static void
check(const Dir *dir, const Path *path, long nth, mobius_status st, const Known *known)
{
	int64_t first = 0;
	for (int turn = 0; turn < 2; turn++) {
		SCOPED(db_drop) mobius *db = db_open(dir->path, settings());
		int64_t found = number(db, path->probe);
		if (found != known->after && (st == MOBIUS_OK || found != known->before))
			fail_msg("%s: call %ld failed (%s), and %s says %" PRId64, path->sql, nth,
					 status_name((Status)st), path->probe, found);
		if (turn == 1)
			assert_int_equal(found, first);
		first = found;
		if (turn == 1)
			takes_a_new_id(db, known);
	}
}

// ---- loops ----

static bool
is_cause(mobius_status st)
{
	return st == MOBIUS_OK || st == MOBIUS_NO_MEMORY || st == MOBIUS_IO || st == MOBIUS_DISK_FULL ||
		   st == MOBIUS_UNAVAILABLE || st == MOBIUS_LIMIT;
}

static bool
survives(const Dir *ready, const Path *path, void (*arm)(long nth), long nth, const Known *known)
{
	SCOPED(dir_drop) Dir dir = dir_copy(ready);
	long blocks = mem_live(), files = file_live();
	mobius *db = path->sql != NULL ? db_open(dir.path, settings()) : NULL;
	mobius_error err = {0};
	int64_t count;
	arm(nth);
	mobius_status st = path->sql != NULL ? ask(db, path->sql, NULL, &count, &err)
										 : try_open(dir.path, settings(), &db, &err);
	mobius_close(db);
	bool hit = fault_disarm();
	if (!is_cause(st))
		fail_msg("%s: call %ld failed: %s: %s", path->sql, nth, status_name((Status)st), err.text);
	if (mem_live() != blocks || file_live() != files)
		fail_msg("%s: call %ld failed: %ld blocks, %ld files are left", path->sql, nth,
				 mem_live() - blocks, file_live() - files);
	check(&dir, path, nth, st, known);
	return hit;
}

static long
next_call(long nth)
{
	return getenv("MOBIUS_EVERY_FAULT") != NULL ? nth + 1 : 3 * nth + 1;
}

static void
fail_in_turn(const Dir *ready, const Path *path)
{
	void (*const arms[])(long nth) = {fault_arm, fault_arm_sticky};
	bool every = getenv("MOBIUS_EVERY_FAULT") != NULL, hit = true;
	Known known = known_of(ready, path);
	int turn = 0;
	for (long nth = 0; hit; nth = next_call(nth), turn++) {
		hit = survives(ready, path, arms[turn % 2], nth, &known);
		if (every)
			hit |= survives(ready, path, arms[(turn + 1) % 2], nth, &known);
	}
}

static void
each_way_to_the_disk_is_gone_whole_or_not_at_all(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir ready = make_ready();
	for (size_t i = 0; i < COUNT_OF(PATHS); i++)
		fail_in_turn(&ready, &PATHS[i]);
}

// ---- a restore ----

static bool
restores(const char *backup, void (*arm)(long nth), long nth, const Known *known)
{
	SCOPED(dir_drop) Dir dir = dir_new();
	mobius_error err = {0};
	mobius *db = NULL;
	arm(nth);
	mobius_status st = mobius_restore(backup, dir.path, &err);
	bool hit = fault_disarm();
	if (st == MOBIUS_OK) {
		check(&dir, &PATHS[0], nth, st, known);
	} else if (try_open(dir.path, settings(), &db, &err) == MOBIUS_OK) {
		// Nothing was begun, or all but the last sync was done.
		if (number(db, TABLES_THERE) > 0)
			assert_int_equal(number(db, PATHS[0].probe), known->before);
	} else {
		says(err.text, "restore");
	}
	mobius_close(db);
	return hit;
}

static void
a_restore_of_every_kind_of_table_is_whole_or_never_opened(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir ready = make_ready();
	Known known = known_of(&ready, &PATHS[0]);
	SCOPED(db_drop) mobius *db = db_open(ready.path, settings());
	demand(db, "BACKUP TO 'one'");
	char backup[160];
	snprintf(backup, sizeof(backup), "%s/backup/one", ready.path);
	bool hit = true;
	for (long nth = 0; hit; nth = next_call(nth)) {
		hit = restores(backup, fault_arm, nth, &known);
		hit |= restores(backup, fault_arm_sticky, nth, &known);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_way_to_the_disk_is_gone_whole_or_not_at_all),
		TEST(a_restore_of_every_kind_of_table_is_whole_or_never_opened),
	};
	return RUN(tests);
}
