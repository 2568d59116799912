// mobius_writer: single rows, committed together.

#include "support.h"

static void
writer_drop(mobius_writer **writer)
{
	mobius_writer_close(*writer);
}

static void
collection_drop(mobius_collection **collection)
{
	mobius_collection_close(*collection);
}

#define COLUMNS                                                                                    \
	"time TIMESTAMP_MS, host VARCHAR TAG, v BIGINT, w DOUBLE, b BOOLEAN, n TINYINT, u UTINYINT, "  \
	"d "                                                                                           \
	"DATE"

static mobius_collection *
collection_of(mobius *db)
{
	mobius_database *database = NULL;
	mobius_collection *collection = NULL;
	mobius_error err = {0};
	assert_int_equal(number(db, "CREATE TABLE IF NOT EXISTS t (" COLUMNS ")"), 0);
	fine(mobius_database_open(db, "mobius", &database, &err), &err);
	fine(mobius_collection_open(database, "t", &collection, &err), &err);
	mobius_database_close(database);
	return collection;
}

static mobius_writer *
writer_of(mobius_collection *collection, int64_t rows, int64_t wait_ns)
{
	const mobius_writer_options options = {.rows = rows, .wait_ns = wait_ns};
	mobius_writer *writer = NULL;
	mobius_error err = {0};
	fine(mobius_writer_open(collection, &options, &writer, &err), &err);
	return writer;
}

static mobius_status
try_row(mobius_writer *writer, int64_t v, mobius_error *err)
{
	mobius_status st = mobius_writer_set(writer, 0, mobius_int(v * 1000000), err);
	if (st == MOBIUS_OK)
		st = mobius_writer_set(writer, 2, mobius_int(v), err);
	return st == MOBIUS_OK ? mobius_writer_end_row(writer, err) : st;
}

static void
write_row(mobius_writer *writer, int64_t v)
{
	mobius_error err = {0};
	fine(try_row(writer, v, &err), &err);
}

static void
what_was_flushed_is_stored_in_order(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	SCOPED(db_drop) mobius *db = db_open(dir.path, NULL);
	SCOPED(collection_drop) mobius_collection *t = collection_of(db);
	SCOPED(writer_drop) mobius_writer *writer = writer_of(t, 10, 3600 * SECOND);
	mobius_error err = {0};
	fine(mobius_writer_flush(writer, &err), &err); // of nothing
	for (int64_t v = 0; v < 2005; v++)
		write_row(writer, v);
	fine(mobius_writer_flush(writer, &err), &err);
	assert_int_equal(number(db, "SELECT count(DISTINCT v) FROM t"), 2005);
	int64_t *values = NULL, count = 0;
	fine(ask(db, "SELECT v FROM t", &values, &count, &err), &err);
	for (int64_t i = 0; i < count; i++)
		assert_int_equal(values[i], i);
	free(values);
	// One definition, 201 commits.
	assert_int_equal(number(db, "SELECT max(max_seq)::BIGINT FROM system.segments"), 202);
}

static void
values_are_stored_as_they_were_set(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	SCOPED(db_drop) mobius *db = db_open(dir.path, NULL);
	SCOPED(collection_drop) mobius_collection *t = collection_of(db);
	SCOPED(writer_drop) mobius_writer *writer = writer_of(t, 0, 0);
	mobius_error err = {0};
	const mobius_value row[] = {mobius_int(-1500000000), mobius_text("a'b"), mobius_int(INT64_MIN),
								mobius_double(-0.5),     mobius_bool(true),  mobius_int(-128),
								mobius_int(255)};
	for (size_t i = 0; i < COUNT_OF(row); i++)
		fine(mobius_writer_set(writer, (int32_t)i, row[i], &err), &err);
	fine(mobius_writer_end_row(writer, &err), &err);
	write_row(writer, 7); // nothing of the row before is left
	fine(mobius_writer_flush(writer, &err), &err);
	assert_int_equal(number(db, "SELECT count(*) FROM t WHERE time = '1969-12-31 23:59:58.5' AND "
								"host = 'a''b' AND v < -9223372036854775807 AND w = -0.5 AND b AND "
								"n = -128 AND u = 255 AND d IS NULL"),
					 1);
	assert_int_equal(number(db, "SELECT count(*) FROM t WHERE v = 7 AND host IS NULL AND w IS NULL "
								"AND b IS NULL AND n IS NULL"),
					 1);
	assert_int_equal(mobius_writer_column(writer, "w"), 3);
	assert_int_equal(mobius_writer_column(writer, "x"), -1);
}

static void
a_row_waits_no_longer_than_asked(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	SCOPED(db_drop) mobius *db = db_open(dir.path, NULL);
	SCOPED(collection_drop) mobius_collection *t = collection_of(db);
	SCOPED(writer_drop) mobius_writer *writer = writer_of(t, 0, 0);
	int64_t until = clock_mono_ns() + 60 * SECOND;
	for (int64_t v = 0; v < 3; v++) {
		write_row(writer, v);
		int64_t rows = 0;
		mobius_error err = {0};
		while (rows <= v && clock_mono_ns() < until)
			fine(mobius_collection_size(t, &rows, &err), &err);
		assert_int_equal(rows, v + 1);
	}
}

static void
closing_commits_what_is_left(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	SCOPED(db_drop) mobius *db = db_open(dir.path, NULL);
	SCOPED(collection_drop) mobius_collection *t = collection_of(db);
	mobius_writer *writer = writer_of(t, 1000, 3600 * SECOND);
	write_row(writer, 1);
	mobius_error err = {0};
	fine(mobius_writer_set(writer, 2, mobius_int(2), &err), &err); // never ended
	mobius_writer_close(writer);
	mobius_writer_close(NULL);
	assert_int_equal(number(db, "SELECT count(*) FROM t"), 1);
}

static void
what_a_column_does_not_take_is_refused_by_name(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	SCOPED(db_drop) mobius *db = db_open(dir.path, NULL);
	SCOPED(collection_drop) mobius_collection *t = collection_of(db);
	SCOPED(writer_drop) mobius_writer *writer = writer_of(t, 0, 0);
	const struct {
		int32_t column;
		mobius_value value;
		const char *says;
	} cases[] = {
		{-1, mobius_int(1), "no column -1"},
		{8, mobius_int(1), "0 to 7"},
		{0, mobius_int(1), "\"time\""},
		{0, mobius_double(1), "\"time\""},
		{1, mobius_int(1), "\"host\" (string) takes no integer"},
		{1, mobius_text("\xff"), "UTF-8"},
		{1, {.type = MOBIUS_VALUE_TEXT}, "no text"},
		{2, mobius_text("1"), "\"v\" (int64) takes no text"},
		{3, mobius_int(1), "\"w\""},
		{4, mobius_int(1), "\"b\""},
		{2, mobius_bool(true), "takes no bool"},
		{5, mobius_int(128), "\"n\" (int8) does not hold"},
		{5, mobius_int(-129), "\"n\""},
		{6, mobius_int(256), "\"u\""},
		{6, mobius_int(-1), "\"u\""},
		{7, mobius_int(1), "\"d\""},
		{2, {.type = (mobius_value_type)9}, "\"v\""},
	};
	mobius_error err = {0};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		assert_int_equal(mobius_writer_set(writer, cases[i].column, cases[i].value, &err),
						 MOBIUS_INVALID);
		says(err.text, cases[i].says);
	}
	fine(mobius_writer_set(writer, 2, mobius_int(5), &err), &err);
	assert_int_equal(mobius_writer_end_row(writer, &err), MOBIUS_INVALID);
	says(err.text, "\"time\"");
	write_row(writer, 6);
	fine(mobius_writer_flush(writer, &err), &err);
	assert_int_equal(number(db, "SELECT sum(v)::BIGINT FROM t"), 6);
	mobius_writer *none = NULL;
	assert_int_equal(mobius_writer_open(t, &(mobius_writer_options){.rows = -1}, &none, &err),
					 MOBIUS_INVALID);
	assert_null(none);
}

static void
a_writer_whose_collection_was_dropped_says_so_from_then_on(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	SCOPED(db_drop) mobius *db = db_open(dir.path, NULL);
	SCOPED(collection_drop) mobius_collection *t = collection_of(db);
	SCOPED(writer_drop) mobius_writer *writer = writer_of(t, 1000, 3600 * SECOND);
	write_row(writer, 1);
	assert_int_equal(number(db, "DROP TABLE t"), 0);
	mobius_collection_close(collection_of(db)); // another one
	mobius_error err = {0};
	for (int i = 0; i < 3; i++) {
		err.text[0] = '\0';
		assert_int_equal(mobius_writer_flush(writer, &err), MOBIUS_NOT_FOUND);
		says(err.text, "dropped");
		assert_int_equal(try_row(writer, 2, &err), MOBIUS_NOT_FOUND);
	}
	assert_int_equal(number(db, "SELECT count(*) FROM t"), 0);
	mobius_writer *none = NULL;
	assert_int_equal(mobius_writer_open(t, NULL, &none, &err), MOBIUS_NOT_FOUND);
}

static mobius_status
use_writer(mobius_collection *t, int64_t *flushed, mobius_error *err)
{
	SCOPED(writer_drop) mobius_writer *writer = NULL;
	const mobius_writer_options options = {.rows = 2, .wait_ns = 3600 * SECOND};
	mobius_status st = mobius_writer_open(t, &options, &writer, err);
	for (int64_t v = 0; st == MOBIUS_OK && v < 5; v++)
		st = try_row(writer, v, err);
	if (st == MOBIUS_OK)
		st = mobius_writer_flush(writer, err);
	*flushed += st == MOBIUS_OK ? 5 : 0;
	return st;
}

// What was flushed is there; of what was not, no row that comes after one that is missing.
static void
each_call_may_fail_and_no_flushed_row_is_lost(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	mobius *db = db_open(dir.path, SETTINGS("query.running=1"));
	mobius_collection *t = collection_of(db);
	int64_t flushed = 0, tried = 0;
	bool hit = true;
	for (long nth = 0; hit; nth++, tried++) {
		mobius_error err = {0};
		fault_arm(nth);
		mobius_status st = use_writer(t, &flushed, &err);
		hit = fault_disarm();
		if (st != MOBIUS_OK && (!hit || err.code != st || err.text[0] == '\0'))
			fail_msg("call %ld: %s: %s", nth, status_name((Status)st), err.text);
		if (st != MOBIUS_UNAVAILABLE)
			continue;
		mobius_collection_close(t); // a sync that failed is final
		mobius_close(db);
		db = db_open(dir.path, SETTINGS("query.running=1"));
		t = collection_of(db);
	}
	assert_true(tried > 20);
	assert_true(number(db, "SELECT count(*) FROM t") >= flushed);
	assert_int_equal(number(db, "SELECT count(*) FROM t WHERE v = 4") <= tried, 1);
	assert_true(number(db, "SELECT count(*) FILTER (v = 0) - count(*) FILTER (v = 4) FROM t") >= 0);
	mobius_collection_close(t);
	mobius_close(db);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_was_flushed_is_stored_in_order),
		TEST(values_are_stored_as_they_were_set),
		TEST(a_row_waits_no_longer_than_asked),
		TEST(closing_commits_what_is_left),
		TEST(what_a_column_does_not_take_is_refused_by_name),
		TEST(a_writer_whose_collection_was_dropped_says_so_from_then_on),
		TEST(each_call_may_fail_and_no_flushed_row_is_lost),
	};
	return RUN(tests);
}
