// Rows for an INSERT, tables by name, types by name; and everything under failing memory.

#include "support.h"

static Status
read_as(Fixture *fx, const char *source, Schema *schema, Buf *out, Error *err)
{
	SCOPED(sql_query_drop) SqlQuery *query = NULL;
	TRY(sql_query_open_as(fx->sql, source, NULL, schema, -1, &query, err));
	assert_ptr_equal(sql_query_schema(query), schema);
	return read_all(query, out, err);
}

// Rows of a source, and what a table keeps of them.
typedef struct Stored {
	const char *source, *expected;
} Stored;

static void
assert_stored(Fixture *fx, Schema *schema, const Stored *stored)
{
	Error err = ERROR_INIT;
	SCOPED(buf_close) Buf out = BUF_INIT;
	if (read_as(fx, stored->source, schema, &out, &err) != ST_OK)
		fail_msg("%s\n%s", stored->source, err.text);
	assert_string_equal(buf_text(&out), stored->expected);
}

static void
rows_of_a_source_become_columns_of_the_table(void **state)
{
	(void)state;
	static const Stored cases[] = {
		{"VALUES (1, 'x', '2016-01-01', 90), (NULL, NULL, NULL, NULL)",
		 "1|x|1451606400000000000|90\n~|~|~|~\n"},
		{"SELECT '7', 8, TIMESTAMP '2016-01-01 00:00:00.5', 2.6", "7|8|1451606400500000000|3\n"},
		{"(SELECT 1, 2, DATE '2016-01-01', 3)", "1|2|1451606400000000000|3\n"},
		{"WITH x AS (SELECT 1 AS a) SELECT a, a, NULL, a FROM x -- end", "1|1|~|1\n"},
		{"FROM src WHERE k > 1", "2|b|1451692800000000000|20\n"},
		{"TABLE src", "1|a|1451606400000000000|10\n2|b|1451692800000000000|20\n"},
		{"SELECT k, tag, time, took FROM src ORDER BY k DESC LIMIT 1",
		 "2|b|1451692800000000000|20\n"},
		{"SELECT * FROM src UNION ALL SELECT 3, 'c', NULL, 0 ORDER BY 1",
		 "1|a|1451606400000000000|10\n2|b|1451692800000000000|20\n3|c|~|0\n"},
	};
	const Field fields[] = {{.name = "a", .type = {.id = TYPE_INT32}, .nullable = true},
							{.name = "b", .type = {.id = TYPE_UTF8}, .nullable = true},
							{.name = "ts", .type = {.id = TYPE_TIMESTAMP, .unit = UNIT_NS}},
							{.name = "d", .type = {.id = TYPE_DURATION, .unit = UNIT_S}}};
	Error err = ERROR_INIT;
	SCOPED(schema_drop) Schema *schema = NULL;
	ok(schema_new(fields, COUNT_OF(fields), NULL, 0, &schema, &err), &err);
	Fixture fx;
	fixture_open(&fx);
	create_table(&fx, "CREATE TABLE src (k BIGINT, tag VARCHAR TAG, time TIMESTAMP, took BIGINT)");
	put_rows(&fx, "src", "VALUES (1, 'a', '2016-01-01', 10), (2, 'b', '2016-01-02', 20)");
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		assert_stored(&fx, schema, &cases[i]);
	fixture_close(&fx);
}

// Of several rows none changes what another one stores.
static void
each_cell_of_values_is_cast_by_itself(void **state)
{
	(void)state;
	static const Stored cases[] = {
		{"VALUES (9007199254740993, 1.5, 'a'), (1e0, 2, 1)", "9007199254740993|1.5|a\n1|2|1\n"},
		{"VALUES (1, 0.2183183879314553, 1.5), (2, 0.40195278220007813, 2)",
		 "1|0.2183183879314553|1.5\n2|0.40195278220007818|2\n"},
		{"(VALUES /* ( */ (1, NULL, 'x, (y'), ((SELECT max(k) FROM src), (1 + 1), [1, 2]) , -- )\n"
		 "(true, '5', $$a),($$), (NULL, 2.50, date '2016-01-01'))",
		 "1|~|x, (y\n2|2|[1, 2]\n1|5|a),(\n~|2.5|2016-01-01\n"},
		{"VALUES (1, 2, 2.50), (3, 4, 2.5) ORDER BY 1 DESC LIMIT 1", "3|4|2.5\n"},
		{"VALUES (-1, -0.5, -1), (2., 1e0, -1.50)", "-1|-0.5|-1\n2|1|-1.50\n"},
	};
	Error err = ERROR_INIT;
	SCOPED(schema_drop) Schema *schema = NULL;
	ok(schema_of(&schema, &err, 3, "i", TYPE_INT64, true, "x", TYPE_FLOAT64, true, "s", TYPE_UTF8,
				 true),
	   &err);
	Fixture fx;
	fixture_open(&fx);
	create_table(&fx, "CREATE TABLE src (k BIGINT, time TIMESTAMP)");
	put_rows(&fx, "src", "VALUES (1, '2016-01-01'), (2, '2016-01-02')");
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		assert_stored(&fx, schema, &cases[i]);
	fixture_close(&fx);
}

// The cell, and the column it is of.
static void
a_cell_that_cannot_be_cast_is_named(void **state)
{
	(void)state;
	static const struct {
		const char *source;
		int position;
		const char *column;
	} cases[] = {
		{"VALUES (1, 2), (2.5, 'wrong')", 21, "\"b\""},
		{"VALUES ('wrong', 2), (5, 7)", 8, "\"a\""},
		{"VALUES (1, 1e300), (5, 7), (5, 7)", 11, "\"b\""},
	};
	Error err = ERROR_INIT;
	SCOPED(schema_drop) Schema *schema = NULL;
	ok(schema_of(&schema, &err, 2, "a", TYPE_INT32, true, "b", TYPE_INT32, true), &err);
	Fixture fx;
	fixture_open(&fx);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		Buf out = BUF_INIT;
		err = (Error)ERROR_INIT;
		Status st = read_as(&fx, cases[i].source, schema, &out, &err);
		if (st != ST_INVALID || err.position != cases[i].position ||
			strstr(err.text, cases[i].column) == NULL)
			fail_msg("%s\n%s at %d: %s", cases[i].source, status_name(st), err.position, err.text);
		buf_close(&out);
	}
	fixture_close(&fx);
}

static void
a_source_that_does_not_fit_is_refused(void **state)
{
	(void)state;
	static const struct {
		const char *source;
		int position;
		const char *says;
	} cases[] = {
		{"VALUES (1)", -1, "1 column is given where the table has 2"},
		{"SELECT 1, 2, 3", -1, "3 columns are given where the table has 2"},
		{"SELECT * FROM range(3)", -1, "1 column is given"},
		{"VALUES (1, 2), (1)", -1, "VALUES"},
		{"SELECT wrong, 1", 7, "wrong"},
		{"VALUES ('x', 2)", -1, "'x'"},
		{"EXPLAIN SELECT 1, 2", 0, "EXPLAIN"},
		{"INSERT INTO x VALUES (1, 2)", -1, "not a SELECT"},
		{"SELECT repeat('x', 2), 1", 7, "repeat"},
		{"SELECT 1, 2) FROM (SELECT 1", 11, "syntax error"},
	};
	Error err = ERROR_INIT;
	SCOPED(schema_drop) Schema *schema = NULL;
	ok(schema_of(&schema, &err, 2, "a", TYPE_INT32, true, "b", TYPE_INT32, true), &err);
	Fixture fx;
	fixture_open(&fx);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		Buf out = BUF_INIT;
		err = (Error)ERROR_INIT;
		Status st = read_as(&fx, cases[i].source, schema, &out, &err);
		bool at = cases[i].position < 0 || cases[i].position == err.position;
		if (st != ST_INVALID || !at || strstr(err.text, cases[i].says) == NULL)
			fail_msg("%s\n%s at %d: %s", cases[i].source, status_name(st), err.position, err.text);
		buf_close(&out);
	}
	fixture_close(&fx);
}

static Status
find(Fixture *fx, const char *statement, const char *database, Error *err)
{
	SCOPED(sql_statement_drop) SqlStatement *s = NULL;
	SCOPED(table_drop_ref) Table *table = NULL;
	TRY(sql_parse(slice_text(statement), &s, err));
	SqlSession session = {.database = database};
	return sql_find_table(fx->sql, &s->table, &session, &table, err);
}

static void
statements_find_tables_by_name(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx);
	create_table(&fx, "CREATE TABLE Power (time TIMESTAMP, v BIGINT)");
	StoreDatabase *other = NULL;
	Error err = ERROR_INIT;
	ok(store_database_new(fx.store, "other", false, &other, &err), &err);
	store_apply_database(fx.store, other, ++fx.seq);
	create_table(&fx, "CREATE TABLE other.htdb.far (time TIMESTAMP, v BIGINT)");
	ok(find(&fx, "DROP TABLE power", NULL, &err), &err);
	ok(find(&fx, "FLUSH htdb.POWER", NULL, &err), &err);
	ok(find(&fx, "FLUSH other.htdb.far", NULL, &err), &err);
	ok(find(&fx, "FLUSH far", "other", &err), &err);
	assert_int_equal(find(&fx, "FLUSH 'power'", NULL, &err), ST_NOT_FOUND);
	says(&err, "did you mean \"Power\"?");
	assert_int_equal(err.position, 6);
	assert_int_equal(find(&fx, "FLUSH far", NULL, &err), ST_NOT_FOUND);
	assert_int_equal(find(&fx, "FLUSH other.far", NULL, &err), ST_INVALID);
	says(&err, "\"other\"");
	ok(find(&fx, "FLUSH OTHER.htdb.FAR", NULL, &err), &err);
	assert_int_equal(find(&fx, "FLUSH \"Other\".htdb.far", NULL, &err), ST_NOT_FOUND);
	says(&err, "did you mean \"other\"?");
	assert_int_equal(err.position, 6);
	assert_int_equal(find(&fx, "FLUSH rtdb.power", NULL, &err), ST_UNIMPLEMENTED);
	SCOPED(sql_query_drop) SqlQuery *query = NULL;
	SqlSession session = {.database = "other"};
	ok(sql_query_open(fx.sql, "SELECT v FROM far", &session, &query, &err), &err);
	sql_query_close(TAKE(query));
	assert_int_equal(sql_query_open(fx.sql, "SELECT v FROM far", NULL, &query, &err), ST_NOT_FOUND);
	fixture_close(&fx);
}

static void
types_are_found_by_the_engines_names(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx);
	Arena arena = ARENA_INIT;
	Field field;
	Error err = ERROR_INIT;
	ok(sql_field_of_type(fx.sql, "c", "DOUBLE PRECISION", false, &field, &arena, &err), &err);
	assert_int_equal(field.type.id, TYPE_FLOAT64);
	assert_false(field.nullable);
	ok(sql_field_of_type(fx.sql, "c", "VARCHAR[]", true, &field, &arena, &err), &err);
	assert_int_equal(field.type.id, TYPE_LIST);
	assert_int_equal(sql_field_of_type(fx.sql, "c", "NONSENSE", true, &field, &arena, &err),
					 ST_INVALID);
	arena_close(&arena);
	fixture_close(&fx);
}

// One read from text to rows, over memory and a file.
static Status
one_read(Fixture *fx, Buf *out, Error *err)
{
	buf_reset(out);
	return try_query(fx, "SELECT cpu.ts, n FROM cpu WHERE ts > 5 ORDER BY n", out, err);
}

static void
a_read_undoes_itself_on_every_fault(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx);
	create_table(&fx, "CREATE TABLE cpu (ts TIMESTAMP, n BIGINT)");
	put_rows(&fx, "cpu", "VALUES ('2016-01-01', 1)");
	flush(&fx);
	put_rows(&fx, "cpu", "VALUES ('2016-01-02', 2)");
	Buf out = BUF_INIT;
	for (long nth = 0;; nth++) {
		Error err = ERROR_INIT;
		fault_arm(nth);
		Status st = one_read(&fx, &out, &err);
		bool happened = fault_disarm();
		if (st == ST_OK)
			assert_string_equal(buf_text(&out), "1451606400000000|1\n1451692800000000|2\n");
		else if (st != ST_NO_MEMORY && st != ST_IO)
			fail_msg("fault %ld: %s: %s", nth, status_name(st), err.text);
		if (!happened)
			break;
		// What was kept on the way is dropped, so that the next round makes it again.
		sql_close(fx.sql);
		SqlOptions sql = {.store = fx.store,
						  .threads = 1,
						  .memory_bytes = UINT64_C(128) << 20,
						  .temp_dir = path_in(&fx, "queries"),
						  .files_dir = path_in(&fx, "files/"),
						  .database = "mobius"};
		ok(sql_open(&sql, &fx.sql, &err), &err);
	}
	buf_close(&out);
	fixture_close(&fx);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_of_a_source_become_columns_of_the_table),
		cmocka_unit_test(each_cell_of_values_is_cast_by_itself),
		cmocka_unit_test(a_cell_that_cannot_be_cast_is_named),
		cmocka_unit_test(a_source_that_does_not_fit_is_refused),
		cmocka_unit_test(statements_find_tables_by_name),
		cmocka_unit_test(types_are_found_by_the_engines_names),
		cmocka_unit_test(a_read_undoes_itself_on_every_fault),
	};
	return RUN(tests);
}
