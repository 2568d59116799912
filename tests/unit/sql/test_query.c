// The life of a query: what it announces, what it sees, how it ends.

#include <pthread.h>

#include "os/clock.h"
#include "support.h"

static void
fill(Fixture *fx)
{
	create_table(fx,
				 "CREATE TABLE cpu (host VARCHAR TAG, time TIMESTAMP, usage DOUBLE, n INTEGER)");
	put_rows(fx, "cpu",
			 "VALUES ('a', TIMESTAMP '2016-01-01', 1.5, 1),"
			 "('b', TIMESTAMP '2016-01-01', NULL, 2)");
}

static SqlQuery *
open_query(Fixture *fx, const char *sql)
{
	Error err = ERROR_INIT;
	SqlQuery *query = NULL;
	ok(sql_query_open(fx->sql, sql, NULL, &query, &err), &err);
	return query;
}

static const char *
schema_text(const Schema *schema)
{
	static char text[1024];
	SCOPED(buf_close) Buf out = BUF_INIT;
	for (int32_t i = 0; i < schema_field_count(schema); i++) {
		const Field *field = schema_field(schema, i);
		buf_add_printf(&out, "%s%s: ", i > 0 ? ", " : "", field->name);
		field_type_name(field, &out);
		if (!field->nullable)
			buf_add_text(&out, " not null");
	}
	snprintf(text, sizeof(text), "%s", buf_text(&out));
	return text;
}

static void
announces(Fixture *fx, const char *sql, const char *expected)
{
	SCOPED(sql_query_drop) SqlQuery *query = open_query(fx, sql);
	assert_string_equal(schema_text(sql_query_schema(query)), expected);
	SCOPED(buf_close) Buf out = BUF_INIT;
	Error err = ERROR_INIT;
	ok(read_all(query, &out, &err), &err); // batches are of it
}

// ---- what it announces ----

static void
put_exotic(Fixture *fx)
{
	static const Field fields[] = {
		{.name = "ts", .type = {.id = TYPE_TIMESTAMP, .unit = UNIT_MS, .zone = "Europe/Berlin"}},
		{.name = "took", .type = {.id = TYPE_DURATION, .unit = UNIT_NS}, .nullable = true},
		{.name = "seen", .type = {.id = TYPE_TIMESTAMP, .unit = UNIT_NS}, .nullable = true},
		{.name = "none", .type = {.id = TYPE_NULL}, .nullable = true},
		{.name = "small", .type = {.id = TYPE_INT8}, .nullable = true},
	};
	Error err = ERROR_INIT;
	SCOPED(schema_drop) Schema *schema = NULL;
	SCOPED(builder_drop) Builder *builder = NULL;
	SCOPED(batch_drop) Batch *batch = NULL;
	ok(schema_new(fields, COUNT_OF(fields), NULL, 0, &schema, &err), &err);
	TableRequest request = {.database = "mobius", .name = "exotic", .schema = schema};
	SCOPED(table_def_drop) TableDef *def = NULL;
	ok(table_def_create(&request, NULL, 900, 1, duck_check_field, &def, &err), &err);
	StoreDefine *define = NULL;
	ok(store_define_new(fx->store, def, &define, &err), &err);
	store_apply_define(fx->store, define, ++fx->seq);
	ok(builder_new(table_schema(def), &builder, &err), &err);
	column_add_int(builder_column(builder, 0), 1451606400123);
	column_add_int(builder_column(builder, 1), 1500);
	column_add_int(builder_column(builder, 2), 1451606400123456789);
	column_add_null(builder_column(builder, 3));
	column_add_int(builder_column(builder, 4), -3);
	ok(builder_finish(builder, 1, &batch, &err), &err);
	put_batch(fx, "exotic", batch);
}

static void
bare_columns_keep_their_stored_types(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx);
	put_exotic(&fx);
	const char *all = "ts: timestamp[ms, tz=Europe/Berlin], took: duration[ns], "
					  "seen: timestamp[ns], none: null, small: int8";
	for (int pass = 0; pass < 2; pass++) {
		announces(&fx, "SELECT * FROM exotic", all);
		announces(&fx, "SELECT * FROM exotic WHERE small < 0", all);
		announces(&fx, "SELECT e.* FROM exotic e ORDER BY small", all);
		announces(&fx, "SELECT took AS x, 1 AS one, seen FROM exotic",
				  "x: duration[ns], one: int32, seen: timestamp[ns]");
		announces(&fx, "SELECT COLUMNS('^s.*'), took FROM exotic",
				  "seen: timestamp[ns], small: int8, took: duration[ns]");
		announces(&fx, "SELECT ts, max(took) AS m FROM exotic GROUP BY ts",
				  "ts: timestamp[ms, tz=Europe/Berlin], m: int64");
		announces(&fx, "SELECT a.took, b.* FROM exotic a JOIN exotic b ON a.small = b.small",
				  "took: duration[ns], ts: timestamp[ms, tz=Europe/Berlin], took: duration[ns], "
				  "seen: timestamp[ns], none: null, small: int8");
		announces(&fx, "SELECT took FROM exotic UNION ALL SELECT 1", "took: int64");
		answers(&fx, "SELECT * FROM exotic", "1451606400123|1500|1451606400123456789|~|-3\n");
		answers(&fx, "SELECT * FROM exotic WHERE took = 1500",
				"1451606400123|1500|1451606400123456789|~|-3\n");
		flush(&fx);
	}
	announces(&fx, "SELECT sum(small) AS s FROM exotic", "s: int64");
	announces(&fx, "SELECT 1, 1", "1: int32, 1: int32");
	fixture_close(&fx);
}

static void
columns_are_called_what_was_written(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx);
	create_table(&fx, "CREATE TABLE m (ts TIMESTAMP, n BIGINT)");
	put_rows(&fx, "m", "VALUES ('2016-01-01', 1)");
	flush(&fx);
	announces(&fx, "SELECT (SELECT max(n) FROM m), 1 FROM m",
			  "(SELECT max(n) FROM m): int64, 1: int32");
	announces(&fx, "SELECT ts > 5, n > 5 FROM m", "(ts > 5): bool, (n > 5): bool");
	announces(&fx, "SELECT max(time), n + 1, time AS t FROM m GROUP BY ALL",
			  "max(\"time\"): timestamp[us], (n + 1): int64, t: timestamp[us]");
	announces(&fx, "SELECT *, (SELECT 1 FROM m) FROM m",
			  "ts: timestamp[us], n: int64, (SELECT 1 FROM m): int32");
	announces(&fx, "SELECT (SELECT 1 FROM m) AS x FROM m", "x: int32");
	fixture_close(&fx);
}

// ---- what it sees ----

static void
the_snapshot_is_taken_by_the_first_next(void **state)
{
	(void)state;
	static const char *const texts[] = {"SELECT * FROM cpu", "SELECT n FROM cpu WHERE n > 0"};
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		Fixture fx;
		fixture_open(&fx);
		fill(&fx);
		SqlQuery *query = open_query(&fx, texts[i]);
		put_rows(&fx, "cpu", "VALUES ('c', TIMESTAMP '2016-01-02', 3, 3)");
		SCOPED(buf_close) Buf out = BUF_INIT;
		Error err = ERROR_INIT;
		Batch *batch = NULL;
		ok(sql_query_next(query, 1, 1, &batch, &err), &err);
		add_rows(batch, &out);
		batch_unref(batch);
		put_rows(&fx, "cpu", "VALUES ('d', TIMESTAMP '2016-01-02', 4, 4)");
		flush(&fx);
		ok(read_all(query, &out, &err), &err);
		sql_query_close(query);
		assert_null(strstr(buf_text(&out), "4\n"));
		assert_non_null(strstr(buf_text(&out), "3\n"));
		buf_close(&out);
		fixture_close(&fx);
	}
}

static void
rows_that_are_flushed_between_open_and_next_are_there_once(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx);
	fill(&fx);
	SqlQuery *passing = open_query(&fx, "SELECT * FROM cpu");
	SqlQuery *scanning = open_query(&fx, "SELECT * FROM cpu WHERE n > 0");
	flush(&fx);
	put_rows(&fx, "cpu", "VALUES ('c', TIMESTAMP '2016-01-02', 3, 3)");
	SqlQuery *const queries[] = {passing, scanning};
	for (size_t i = 0; i < COUNT_OF(queries); i++) {
		SCOPED(buf_close) Buf out = BUF_INIT;
		Error err = ERROR_INIT;
		ok(read_all(queries[i], &out, &err), &err);
		assert_string_equal(buf_text(&out), "a|1451606400000000|1.5|1\nb|1451606400000000|~|2\n"
											"c|1451692800000000|3|3\n");
		sql_query_close(queries[i]);
	}
	fixture_close(&fx);
}

static void
a_pin_shows_the_same_again(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx);
	fill(&fx);
	Error err = ERROR_INIT;
	SqlPin *pin = NULL;
	SqlQuery *first = open_query(&fx, "SELECT count(*) FROM cpu");
	ok(sql_query_pin(first, &pin, &err), &err);
	put_rows(&fx, "cpu", "VALUES ('c', TIMESTAMP '2016-01-02', 3, 3)");
	flush(&fx);
	assert_true(sql_pin_bytes(pin) > 0);
	SqlQuery *second = open_query(&fx, "SELECT count(*) FROM cpu");
	ok(sql_query_pin(second, &pin, &err), &err);
	SqlQuery *const queries[] = {first, second};
	for (size_t i = 0; i < COUNT_OF(queries); i++) {
		SCOPED(buf_close) Buf out = BUF_INIT;
		ok(read_all(queries[i], &out, &err), &err);
		assert_string_equal(buf_text(&out), "2\n");
		sql_query_close(queries[i]);
	}
	sql_pin_unref(pin);
	answers(&fx, "SELECT count(*) FROM cpu", "3\n");
	fixture_close(&fx);
}

static void
a_table_that_grew_since_open_is_a_conflict(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx);
	fill(&fx);
	SqlQuery *star = open_query(&fx, "SELECT * FROM cpu");
	SqlQuery *column = open_query(&fx, "SELECT host FROM cpu WHERE n = 1");
	Error err = ERROR_INIT;
	Schema *wider = NULL;
	ok(schema_new((Field[]){{.name = "time", .type = {.id = TYPE_TIMESTAMP, .unit = UNIT_US}},
							{.name = "extra", .type = {.id = TYPE_UTF8}}},
				  2, NULL, 0, &wider, &err),
	   &err);
	grow_table(&fx, "cpu", wider);
	schema_unref(wider);
	Batch *batch = NULL;
	assert_int_equal(sql_query_next(star, 10, 1 << 20, &batch, &err), ST_CONFLICT);
	ok(sql_query_next(column, 10, 1 << 20, &batch, &err), &err);
	assert_int_equal(batch_rows(batch), 1);
	batch_unref(batch);
	sql_query_close(star);
	sql_query_close(column);
	fixture_close(&fx);
}

static void
a_dropped_table_lives_on_for_who_reads_it(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx);
	fill(&fx);
	flush(&fx);
	SqlQuery *query = open_query(&fx, "SELECT n FROM cpu ORDER BY n");
	SqlPin *pin = NULL;
	Error err = ERROR_INIT;
	ok(sql_query_pin(query, &pin, &err), &err);
	Table *table = find_table(&fx, "cpu");
	TableDef *def = table_current(table);
	CatalogChange *change = NULL;
	ok(catalog_change_drop(table_id(def), &change, &err), &err);
	store_apply_drop(fx.store, table, change, ++fx.seq);
	publish(&fx);
	table_unref(table);
	table_def_unref(def);
	refuses(&fx, "SELECT * FROM cpu", ST_NOT_FOUND, "cpu");
	Buf out = BUF_INIT;
	ok(read_all(query, &out, &err), &err);
	assert_string_equal(buf_text(&out), "1\n2\n");
	buf_close(&out);
	sql_query_close(query);
	sql_pin_unref(pin);
	fixture_close(&fx);
}

// ---- how it ends ----

static void
batches_keep_to_their_limits(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx);
	SqlQuery *query = open_query(&fx, "SELECT * FROM range(10000)");
	Error err = ERROR_INIT;
	int64_t rows = 0;
	for (Batch *batch = NULL;; batch_unref(batch)) {
		ok(sql_query_next(query, 100, 1 << 20, &batch, &err), &err);
		if (batch == NULL)
			break;
		assert_true(batch_rows(batch) > 0 && batch_rows(batch) <= 100);
		rows += batch_rows(batch);
	}
	assert_int_equal(rows, 10000);
	Batch *again = (Batch *)&rows;
	ok(sql_query_next(query, 100, 1 << 20, &again, &err), &err);
	assert_null(again);
	sql_query_close(query);
	query = open_query(&fx, "SELECT * FROM range(100000)");
	Batch *all = NULL;
	ok(sql_query_next(query, INT64_MAX, 1 << 30, &all, &err), &err);
	assert_int_equal(batch_rows(all), 100000);
	batch_unref(all);
	sql_query_close(query);
	fixture_close(&fx);
}

static void
statements_that_are_left_or_parked_do_not_disturb_others(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx);
	fill(&fx);
	SqlQuery *parked[40];
	Error err = ERROR_INIT;
	for (size_t i = 0; i < COUNT_OF(parked); i++) {
		Batch *batch = NULL;
		parked[i] = open_query(&fx, "SELECT a.n + r.range FROM cpu a, range(100000) r");
		ok(sql_query_next(parked[i], 10, 1 << 20, &batch, &err), &err);
		batch_unref(batch);
	}
	answers(&fx, "SELECT sum(n) FROM cpu", "3\n");
	for (size_t i = 0; i < COUNT_OF(parked); i++) {
		Batch *batch = NULL;
		ok(sql_query_next(parked[i], 10, 1 << 20, &batch, &err), &err);
		assert_int_equal(batch_rows(batch), 10);
		batch_unref(batch);
		sql_query_close(parked[i]);
	}
	answers(&fx, "SELECT sum(n) FROM cpu", "3\n");
	fixture_close(&fx);
}

static void *
cancel_soon(void *arg)
{
	clock_sleep_ns(50000000); // until it is at work; what holds, holds for any moment
	sql_query_cancel(arg);
	return NULL;
}

static void
a_cancelled_statement_ends(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx);
	Error err = ERROR_INIT;
	SqlQuery *query =
		open_query(&fx, "SELECT sum(a.range * b.range) FROM range(1000000) a, range(1000000) b");
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, cancel_soon, query), 0);
	Batch *batch = NULL;
	assert_int_equal(sql_query_next(query, 10, 1 << 20, &batch, &err), ST_CANCELLED);
	pthread_join(thread, NULL);
	sql_query_close(query);

	query = open_query(&fx, "SELECT 1");
	sql_query_cancel(query);
	assert_int_equal(sql_query_next(query, 10, 1 << 20, &batch, &err), ST_CANCELLED);
	sql_query_close(query);
	answers(&fx, "SELECT 1", "1\n"); // the connection is good for others
	fixture_close(&fx);
}

static void
an_error_on_the_way_ends_the_statement_only(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx);
	for (int i = 0; i < 3; i++) {
		refuses(&fx, "SELECT CASE WHEN range = 50000 THEN 'x' ELSE '1' END::INT FROM range(100000)",
				ST_INVALID, "'x'");
		answers(&fx, "SELECT 1 / 0", "~\n");
	}
	refuses(&fx, "SELECT sum(x::HUGEINT * 9223372036854775807) FROM range(5) r(x)", ST_INVALID, "");
	fixture_close(&fx);
}

static void *
ask_often(void *arg)
{
	Fixture *fx = arg;
	for (int i = 0; i < 60; i++) {
		Buf out = BUF_INIT;
		Error err = ERROR_INIT;
		ok(try_query(fx, i % 3 == 0 ? "SELECT * FROM cpu" : "SELECT sum(n) FROM cpu WHERE n > 0",
					 &out, &err),
		   &err);
		buf_close(&out);
	}
	return NULL;
}

static void
many_threads_ask_while_rows_come(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx);
	fill(&fx);
	pthread_attr_t attributes;
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 8 << 20);
	pthread_t threads[4];
	for (size_t i = 0; i < COUNT_OF(threads); i++)
		assert_int_equal(pthread_create(&threads[i], &attributes, ask_often, &fx), 0);
	for (int i = 0; i < 20; i++) {
		put_rows(&fx, "cpu", "VALUES ('c', TIMESTAMP '2016-01-02', 3, 3)");
		if (i % 8 == 7)
			flush(&fx);
	}
	for (size_t i = 0; i < COUNT_OF(threads); i++)
		pthread_join(threads[i], NULL);
	pthread_attr_destroy(&attributes);
	answers(&fx, "SELECT count(*), sum(n) FROM cpu", "22|63\n");
	fixture_close(&fx);
}

// ---- sources ----

typedef struct Counter {
	int asked;
} Counter;

static Status
counter_columns(void *ctx, const char *name, Schema **out, Error *err)
{
	(void)ctx;
	(void)name;
	return schema_of(out, err, 2, "name", TYPE_UTF8, false, "asked", TYPE_INT64, false);
}

static Status
counter_rows(void *ctx, const char *name, const Snapshot *snapshot, Batch **out, Error *err)
{
	assert_non_null(snapshot);
	SCOPED(schema_drop) Schema *schema = NULL;
	SCOPED(builder_drop) Builder *builder = NULL;
	TRY(counter_columns(ctx, name, &schema, err));
	TRY(builder_new(schema, &builder, err));
	column_add_text(builder_column(builder, 0), name);
	column_add_int(builder_column(builder, 1), ++((Counter *)ctx)->asked);
	return builder_finish(builder, 1, out, err);
}

static void
sources_give_rows_of_now(void **state)
{
	(void)state;
	static const char *const names[] = {"tables", "queries", NULL};
	Counter counter = {0};
	Fixture fx;
	fixture_open(&fx);
	fill(&fx);
	Error err = ERROR_INIT;
	SqlSource source = {counter_columns, counter_rows, names, &counter};
	ok(sql_register(fx.sql, "system", &source, &err), &err);
	answers(&fx, "SELECT * FROM system.tables", "tables|1\n");
	answers(&fx, "SELECT * FROM system.tables", "tables|2\n");
	answers(&fx, "SELECT t.asked FROM SYSTEM.Tables t JOIN cpu ON true ORDER BY 1", "3\n3\n");
	answers(&fx, "SELECT system.queries.name FROM system.queries", "queries\n");
	answers(&fx, "DESCRIBE system.queries", "name|VARCHAR|YES|~|~|~\nasked|BIGINT|YES|~|~|~\n");
	refuses(&fx, "SELECT * FROM system.table", ST_NOT_FOUND, "did you mean system.tables?");
	SqlTableName name = {.schema = {.text = "system"}, .table = {.text = "tables"}};
	Table *table = NULL;
	assert_int_equal(sql_find_table(fx.sql, &name, NULL, &table, &err), ST_INVALID);
	says(&err, "read only");
	fixture_close(&fx);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bare_columns_keep_their_stored_types),
		cmocka_unit_test(columns_are_called_what_was_written),
		cmocka_unit_test(the_snapshot_is_taken_by_the_first_next),
		cmocka_unit_test(rows_that_are_flushed_between_open_and_next_are_there_once),
		cmocka_unit_test(a_pin_shows_the_same_again),
		cmocka_unit_test(a_table_that_grew_since_open_is_a_conflict),
		cmocka_unit_test(a_dropped_table_lives_on_for_who_reads_it),
		cmocka_unit_test(batches_keep_to_their_limits),
		cmocka_unit_test(statements_that_are_left_or_parked_do_not_disturb_others),
		cmocka_unit_test(a_cancelled_statement_ends),
		cmocka_unit_test(an_error_on_the_way_ends_the_statement_only),
		cmocka_unit_test(many_threads_ask_while_rows_come),
		cmocka_unit_test(sources_give_rows_of_now),
	};
	return RUN(tests);
}
