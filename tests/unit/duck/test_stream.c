#include "os/clock.h"
#include "os/thread.h"
#include "support.h"

static Fixture fx;

static int
open_fixture(void **state)
{
	(void)state;
	fx = (Fixture){0};
	fixture_open(&fx, false, 2);
	return 0;
}

static int
close_fixture(void **state)
{
	(void)state;
	fixture_close(&fx);
	return 0;
}

// ---- types of the engine ----

static void
schema_is(const char *sql, const char *type)
{
	SCOPED(duck_statement_drop) DuckStatement *statement = NULL;
	SCOPED(schema_drop) Schema *schema = NULL;
	SCOPED(buf_close) Buf name = BUF_INIT;
	Error err = ERROR_INIT;
	ok(duck_prepare(fx.conn, sql, &statement, &err), &err);
	ok(duck_statement_schema(statement, &schema, &err), &err);
	assert_int_equal(schema_field_count(schema), 1);
	assert_true(schema_field(schema, 0)->nullable);
	field_type_name(schema_field(schema, 0), &name);
	assert_string_equal(buf_text(&name), type);
}

static void
every_type_of_the_engine_has_its_arrow_form(void **state)
{
	(void)state;
	static const struct {
		const char *sql;
		const char *type;
		const char *value;
	} cases[] = {
		{"SELECT NULL", "int32", "~\n"},
		{"SELECT sum(i) FROM range(4) r(i)", "int64", "6\n"},
		{"SELECT -9223372036854775808::HUGEINT", "int64", "-9223372036854775808\n"},
		{"SELECT 18446744073709551615::UHUGEINT", "uint64", "18446744073709551615\n"},
		{"SELECT sum(1.5::DECIMAL(4,1))", "decimal128(38, 1)",
		 "0000000000000000000000000000000f\n"},
		{"SELECT -0.01::DECIMAL(3,2)", "decimal128(3, 2)", "ffffffffffffffffffffffffffffffff\n"},
		{"SELECT 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::UUID", "string",
		 "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11\n"},
		{"SELECT '00000000-0000-0000-0000-000000000001'::UUID", "string",
		 "00000000-0000-0000-0000-000000000001\n"},
		{"SELECT unnest(['b', 'a', NULL]::ENUM('a', 'b')[])", "string", "b\na\n~\n"},
		{"SELECT '0110101'::BIT", "string", "0110101\n"},
		{"SELECT '1'::BIT", "string", "1\n"},
		{"SELECT '1011001110001111'::BIT", "string", "1011001110001111\n"},
		{"SELECT '12:34:56.5+05:30'::TIMETZ", "string", "12:34:56.5+05:30\n"},
		{"SELECT '01:02:03-01:02:03'::TIMETZ", "string", "01:02:03-01:02:03\n"},
		{"SELECT '23:59:59.999999+00'::TIMETZ", "string", "23:59:59.999999+00\n"},
		{"SELECT INTERVAL '1 month 2 days 3 microseconds'", "month_day_nano_interval",
		 "0000000000000bb80000000200000001\n"},
		{"SELECT TIMESTAMPTZ '1970-01-01 00:00:01+00'", "timestamp[us, tz=UTC]", "1000000\n"},
		{"SELECT TIMESTAMP_S '1969-12-31 23:59:59'", "timestamp[s]", "-1\n"},
		{"SELECT '00:00:00.000000007'::TIME_NS", "time64[ns]", "7\n"},
		{"SELECT TIME '00:00:01'", "time64[us]", "1000000\n"},
		{"SELECT DATE '1970-01-02'", "date32[day]", "1\n"},
		{"SELECT '\\x61\\x00'::BLOB = 'a\\x00'::BLOB", "bool", "true\n"},
		{"SELECT '{\"a\":1}'::JSON", "string", "{\"a\":1}\n"},
		{"SELECT [1, NULL]::UTINYINT[]", "list<item: uint8>", "[1 ~]\n"},
		{"SELECT [1.5, 2]::FLOAT[2]", "fixed_size_list<item: float>[2]", "[1.5 2]\n"},
		{"SELECT {'a': 1, 'b': 'x'}", "struct<a: int32, b: string>", "{1 x}\n"},
		{"SELECT MAP {'k': [1], 'l': []}", "map<string, list<item: int32>>", "[{k [1]} {l []}]\n"},
		{"SELECT [MAP {1: {'a': '1'::BIT}}, NULL]", "list<item: map<int32, struct<a: string>>>",
		 "[[{1 {1}}] ~]\n"},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		schema_is(cases[i].sql, cases[i].type);
		query_is(fx.conn, cases[i].sql, cases[i].value);
	}
}

// Each value as itself, beside a constant and picked out of order, in nested form.
static void
constants_and_picked_values_come_out_row_by_row(void **state)
{
	(void)state;
	SCOPED(buf_close) Buf want = BUF_INIT;
	SCOPED(buf_close) Buf have = BUF_INIT;
	Error err = ERROR_INIT;
	for (int i = 0; i < 5000; i++) {
		if (i % 3 == 0)
			buf_add_printf(&want, "{7 %d text %d of more than twelve [c %d]}|[x ~ %d]|[{%d c}]\n",
						   i, i, i, i, i);
	}
	ok(query_text(fx.conn,
				  "SELECT {'a': 7, 'b': i, 'c': 'text ' || i || ' of more than twelve', 'd': ['c', "
				  "i::VARCHAR]}, ['x', NULL, i::VARCHAR], MAP {i: 'c'} FROM range(5000) r(i) "
				  "WHERE i % 3 = 0",
				  NULL, &have, &err),
	   &err);
	assert_string_equal(buf_text(&have), buf_text(&want));

	buf_reset(&want);
	buf_reset(&have);
	for (int i = 0; i < 5000; i++)
		buf_add_printf(&want, i % 7 == 0 ? "~|{~}|~\n" : "%d|{%d}|[%d %d]\n", i, i, i, i);
	ok(query_text(
		   fx.conn,
		   "SELECT v, {'a': v}, (CASE WHEN v IS NULL THEN NULL ELSE [v, v] END)::INTEGER[2] "
		   "FROM (SELECT CASE WHEN i % 7 <> 0 THEN i::INTEGER END AS v FROM range(5000) r(i))",
		   NULL, &have, &err),
	   &err);
	assert_string_equal(buf_text(&have), buf_text(&want));
}

static void
values_that_do_not_fit_end_the_statement_with_a_proposal(void **state)
{
	(void)state;
	query_fails(fx.conn, "SELECT sum(9223372036854775807) FROM range(2)", ST_INVALID,
				"sum(c)::DECIMAL(38,0)");
	query_fails(fx.conn, "SELECT [-9223372036854775809::HUGEINT]", ST_INVALID, "DECIMAL(38,0)");
	query_fails(fx.conn, "SELECT 18446744073709551616::UHUGEINT AS big", ST_INVALID, "'big'");
	query_fails(fx.conn, "SELECT to_years(1) + to_microseconds(9223372036854775807)", ST_INVALID,
				"interval");
	query_is(fx.conn, "SELECT sum(9223372036854775807)::DECIMAL(38,0) FROM range(2)",
			 "0000000000000000fffffffffffffffe\n");
}

static void
types_that_results_do_not_carry_are_named(void **state)
{
	(void)state;
	query_fails(fx.conn, "SELECT union_value(a := 1) AS u", ST_UNIMPLEMENTED, "u::VARCHAR");
	query_fails(fx.conn, "SELECT [1::BIGNUM] AS b", ST_UNIMPLEMENTED, "VARCHAR");
	query_fails(fx.conn, "SELECT 1::VARIANT AS v", ST_UNIMPLEMENTED, "VARCHAR");
}

// ---- labels ----

static void
a_column_takes_another_label_over_the_same_values(void **state)
{
	(void)state;
	Field fields[] = {
		{.name = "a", .type = {.id = TYPE_TIMESTAMP, .unit = UNIT_S, .zone = "Asia/Tokyo"}},
		{.name = "b", .type = {.id = TYPE_TIMESTAMP, .unit = UNIT_MS, .zone = "UTC"}},
		{.name = "c", .type = {.id = TYPE_TIMESTAMP, .unit = UNIT_NS, .zone = "UTC"}},
		{.name = "d", .type = {.id = TYPE_DURATION, .unit = UNIT_MS}},
		{.name = "e", .type = {.id = TYPE_NULL}, .nullable = true},
	};
	Schema *as = NULL;
	Error err = ERROR_INIT;
	ok(schema_new(fields, COUNT_OF(fields), NULL, 0, &as, &err), &err);
	Buf out = BUF_INIT;
	ok(query_text(fx.conn,
				  "SELECT TIMESTAMPTZ '1970-01-01 00:00:07Z', TIMESTAMPTZ '1969-12-31 23:59:59Z', "
				  "TIMESTAMP_NS '1970-01-01 00:00:00.000000009', 42::BIGINT, NULL",
				  as, &out, &err),
	   &err);
	assert_string_equal(buf_text(&out), "7|-1000|9|42|~\n");
	buf_close(&out);

	assert_int_equal(query_text(fx.conn, "SELECT 1, 2, 3, 4, 5", as, &out, &err), ST_INTERNAL);
	says(&err, "'1' of type int32 cannot be labelled timestamp[s, tz=Asia/Tokyo]");
	assert_int_equal(query_text(fx.conn, "SELECT 1", as, &out, &err), ST_INTERNAL);
	schema_unref(as);
}

// ---- batches ----

static void
a_fill_stops_at_its_limits_and_goes_on_there(void **state)
{
	(void)state;
	SCOPED(duck_statement_drop) DuckStatement *statement = NULL;
	SCOPED(duck_stream_drop) DuckStream *stream = NULL;
	SCOPED(schema_drop) Schema *schema = NULL;
	SCOPED(builder_drop) Builder *builder = NULL;
	Error err = ERROR_INIT;
	ok(duck_prepare(fx.conn, "SELECT i, repeat('x', 1000) AS s FROM range(10000) r(i)", &statement,
					&err),
	   &err);
	ok(duck_statement_schema(statement, &schema, &err), &err);
	ok(builder_new(schema, &builder, &err), &err);
	ok(duck_stream_open(statement, NULL, &stream, &err), &err);
	int64_t next = 0;
	for (bool end = false; !end;) {
		bool by_rows = next < 3000;
		Batch *batch = NULL;
		ok(duck_stream_fill(stream, builder, by_rows ? 777 : 100000, by_rows ? 1 << 30 : 100000,
							&end, &err),
		   &err);
		ok(builder_finish(builder, 0, &batch, &err), &err);
		int64_t rows = batch_rows(batch);
		if (by_rows)
			assert_int_equal(rows, 777);
		else
			assert_true(rows <= 1024 && (rows >= 99 || end)); // a slice more than asked for
		const int64_t *numbers = (const void *)batch_column(batch, 0)->values.data;
		for (int64_t i = 0; i < rows; i++)
			assert_int_equal(numbers[i], next + i);
		next += rows;
		batch_unref(batch);
	}
	assert_int_equal(next, 10000);
	bool end = false;
	ok(duck_stream_fill(stream, builder, 10, 10, &end, &err), &err);
	assert_true(end);
}

static void
a_result_without_rows_is_at_its_end(void **state)
{
	(void)state;
	query_is(fx.conn, "SELECT 1 WHERE false", "");
	query_is(fx.conn, "CREATE TEMP TABLE IF NOT EXISTS nothing AS SELECT 1 WHERE false", "0\n");
}

static void
an_error_on_the_way_ends_the_stream(void **state)
{
	(void)state;
	query_fails(fx.conn,
				"SELECT CASE WHEN i = 90000 THEN error('late') ELSE i END FROM range(100000) r(i)",
				ST_INVALID, "late");
	query_is(fx.conn, "SELECT 1", "1\n");
}

// ---- many at once, cancelled, given up ----

enum { PARKED = 24 };

typedef struct Parked {
	DuckConn *conn;
	DuckStatement *statement;
	DuckStream *stream;
	Builder *builder;
	int64_t rows;
} Parked;

static void
park(Parked *parked, const char *sql)
{
	Error err = ERROR_INIT;
	Schema *schema = NULL;
	bool end = false;
	*parked = (Parked){0};
	ok(duck_connect(fx.duck, &parked->conn, &err), &err);
	ok(duck_prepare(parked->conn, sql, &parked->statement, &err), &err);
	ok(duck_statement_schema(parked->statement, &schema, &err), &err);
	ok(builder_new(schema, &parked->builder, &err), &err);
	schema_unref(schema);
	ok(duck_stream_open(parked->statement, NULL, &parked->stream, &err), &err);
	ok(duck_stream_fill(parked->stream, parked->builder, 100, 1 << 20, &end, &err), &err);
	assert_false(end);
	parked->rows = 100;
}

static void
unpark(Parked *parked)
{
	duck_stream_close(parked->stream);
	builder_free(parked->builder);
	duck_statement_free(parked->statement);
	duck_disconnect(parked->conn);
}

static void
many_streams_are_parked_and_go_on(void **state)
{
	(void)state;
	int released = 0;
	ScanSlot *slot = number_slot(fx.duck, 4, 30000, &released);
	char sql[128];
	SCAN_SQL(sql, slot, "SELECT i, s, d FROM mobius_scan(%llu)");
	Parked parked[PARKED];
	for (int i = 0; i < PARKED; i++)
		park(&parked[i], sql);

	// Half of them go on in turn, the others are given up.
	bool end = false;
	Error err = ERROR_INIT;
	for (int round = 0; round < 40; round++) {
		for (int i = 0; i < PARKED; i += 2) {
			Batch *batch = NULL;
			ok(duck_stream_fill(parked[i].stream, parked[i].builder, 4096, 1 << 20, &end, &err),
			   &err);
			ok(builder_finish(parked[i].builder, 0, &batch, &err), &err);
			parked[i].rows += batch_rows(batch) - (round == 0 ? 100 : 0);
			batch_unref(batch);
		}
	}
	assert_true(end);
	for (int i = 0; i < PARKED; i += 2)
		assert_int_equal(parked[i].rows, 120000);
	ok(duck_slot_set(slot, NULL, &err), &err);
	assert_int_equal(released, 0);
	for (int i = 0; i < PARKED; i++) {
		duck_stream_close(parked[i].stream);
		parked[i].stream = NULL;
	}
	assert_int_equal(released, 1); // closing lets go, before connections and statements do
	for (int i = 0; i < PARKED; i++)
		unpark(&parked[i]);
	duck_slot_free(slot);
}

static void
a_parked_stream_is_cancelled_and_its_connection_lives(void **state)
{
	(void)state;
	Parked parked;
	park(&parked, "SELECT i FROM range(10000000) r(i)");
	duck_interrupt(parked.conn);
	bool end = false;
	Error err = ERROR_INIT;
	Status st = ST_OK;
	while (st == ST_OK && !end) {
		Batch *batch = NULL;
		st = duck_stream_fill(parked.stream, parked.builder, 65536, 1 << 20, &end, &err);
		ok(builder_finish(parked.builder, 0, &batch, NULL), NULL);
		batch_unref(batch);
	}
	assert_int_equal(st, ST_CANCELLED);
	duck_stream_close(parked.stream);
	parked.stream = NULL;
	duck_interrupt(parked.conn); // idle: harmless
	query_is(parked.conn, "SELECT 42", "42\n");
	unpark(&parked);
}

static void
a_failed_stream_lets_go_what_it_read(void **state)
{
	(void)state;
	int released = 0;
	ScanSlot *slot = number_slot(fx.duck, 4, 30000, &released);
	char sql[160];
	SCAN_SQL(sql, slot,
			 "SELECT CASE WHEN i = 100000 THEN error('late') ELSE i END FROM "
			 "mobius_scan(%llu)");
	DuckStatement *statement = NULL;
	Buf out = BUF_INIT;
	Error err = ERROR_INIT;
	ok(duck_prepare(fx.conn, sql, &statement, &err), &err);
	assert_int_equal(statement_text(statement, NULL, 65536, &out, &err), ST_INVALID);
	ok(duck_slot_set(slot, NULL, &err), &err);
	assert_int_equal(released, 1);
	duck_statement_free(statement);
	duck_slot_free(slot);
	buf_close(&out);
}

static void
plans_are_shown_and_measured(void **state)
{
	(void)state;
	const char *texts[] = {"EXPLAIN SELECT count(*) FROM range(10)",
						   "EXPLAIN ANALYZE SELECT count(*) FROM range(10)"};
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		Buf out = BUF_INIT;
		Error err = ERROR_INIT;
		ok(query_text(fx.conn, texts[i], NULL, &out, &err), &err);
		assert_non_null(strstr(buf_text(&out), "AGGREGATE"));
		buf_close(&out);
	}
}

static void
interrupt_until_told(void *arg)
{
	Signal *done = ((void **)arg)[0];
	DuckConn *conn = ((void **)arg)[1];
	do {
		duck_interrupt(conn);
	} while (!signal_wait(done, clock_mono_ns() + 1000000));
}

static void
a_running_statement_is_cancelled_from_another_thread(void **state)
{
	(void)state;
	Signal done;
	signal_init(&done);
	void *args[] = {&done, fx.conn};
	Thread *thread = NULL;
	Error err = ERROR_INIT;
	ok(thread_start(&(ThreadOptions){.name = "interrupter"}, interrupt_until_told, args, &thread,
					&err),
	   &err);
	query_fails(fx.conn,
				"SELECT count(*) FROM range(1000000) a(i), range(1000000) b(j) WHERE i * j = 7",
				ST_CANCELLED, "cancelled");
	signal_raise(&done);
	thread_join(thread);
	signal_close(&done);
	query_is(fx.conn, "SELECT 42", "42\n");
}

static void
a_stream_undoes_itself_when_memory_is_short(void **state)
{
	(void)state;
	DuckStatement *statement = NULL;
	Error err = ERROR_INIT;
	ok(duck_prepare(
		   fx.conn,
		   "SELECT i, i::VARCHAR || ' and more than that' s, [i] l, {'a': [i]} t, MAP {i: i} "
		   "m, 'b'::ENUM('a', 'b') e FROM range(5000) r(i)",
		   &statement, &err),
	   &err);
	long live = mem_live();
	for (long nth = 0;; nth++) {
		Schema *schema = NULL;
		Builder *builder = NULL;
		DuckStream *stream = NULL;
		Batch *batch = NULL;
		ok(duck_statement_schema(statement, &schema, &err), &err);
		fault_arm(nth);
		Status st = builder_new(schema, &builder, &err);
		if (st == ST_OK)
			st = duck_stream_open(statement, NULL, &stream, &err);
		for (bool end = false; st == ST_OK && !end;) {
			st = duck_stream_fill(stream, builder, 4000, 1 << 20, &end, &err);
			if (st == ST_OK)
				st = builder_finish(builder, 0, &batch, &err);
			if (st == ST_OK)
				batch_unref(TAKE(batch));
		}
		bool failed = fault_disarm();
		duck_stream_close(stream);
		builder_free(builder);
		schema_unref(schema);
		assert_int_equal(mem_live(), live);
		assert_int_equal(st, failed ? ST_NO_MEMORY : ST_OK);
		if (!failed)
			break;
		assert_true(nth < 1000);
	}
	duck_statement_free(statement);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_of_the_engine_has_its_arrow_form),
		cmocka_unit_test(constants_and_picked_values_come_out_row_by_row),
		cmocka_unit_test(values_that_do_not_fit_end_the_statement_with_a_proposal),
		cmocka_unit_test(types_that_results_do_not_carry_are_named),
		cmocka_unit_test(a_column_takes_another_label_over_the_same_values),
		cmocka_unit_test(a_fill_stops_at_its_limits_and_goes_on_there),
		cmocka_unit_test(a_result_without_rows_is_at_its_end),
		cmocka_unit_test(an_error_on_the_way_ends_the_stream),
		cmocka_unit_test(many_streams_are_parked_and_go_on),
		cmocka_unit_test(a_parked_stream_is_cancelled_and_its_connection_lives),
		cmocka_unit_test(a_failed_stream_lets_go_what_it_read),
		cmocka_unit_test(plans_are_shown_and_measured),
		cmocka_unit_test(a_running_statement_is_cancelled_from_another_thread),
		cmocka_unit_test(a_stream_undoes_itself_when_memory_is_short),
	};
	return cmocka_run_group_tests(tests, open_fixture, close_fixture);
}
