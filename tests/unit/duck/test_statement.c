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

static void
errors_have_a_code_a_place_and_a_text_without_decoration(void **state)
{
	(void)state;
	static const struct {
		const char *sql;
		Status code;
		int32_t position;
		const char *text;
	} cases[] = {
		{"SELECT x", ST_INVALID, 7, "column \"x\""},
		{"SELEC 1", ST_INVALID, 0, "syntax error at or near \"SELEC\""},
		{"SELECT 'a\xC3\xA9' ,\n\n  y FROM range(3)", ST_INVALID, 18, "\"y\""},
		{"SELECT * FROM nothere", ST_INVALID, 14, "nothere"},
		{"SELECT nofunction(1)", ST_INVALID, 7, "nofunction"},
		{"SELECT 'a'::INTEGER", ST_INVALID, 10, "Could not convert string 'a'"},
		{"SELECT 9223372036854775807 + i FROM range(1, 3) r(i)", ST_INVALID, -2, "Overflow"},
		{"SELECT error('by \"us\"\\ \t!')", ST_INVALID, -1, "by \"us\"\\ \t!"},
		{"SELECT 1; SELECT 2", ST_INVALID, -1, "multiple statements"},
		{"", ST_INVALID, -1, "No statement"},
		{"SELECT * FROM mobius_scan(4711)", ST_INVALID, -2, "there is no scan 4711"},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		Buf out = BUF_INIT;
		Error err = ERROR_INIT;
		Status st = query_text(fx.conn, cases[i].sql, NULL, &out, &err);
		if (st != cases[i].code)
			fail_msg("%s: %s: %s", cases[i].sql, status_name(st), err.text);
		says(&err, cases[i].text);
		if (cases[i].position != -2 && err.position != cases[i].position)
			fail_msg("%s: at %d and not %d", cases[i].sql, err.position, cases[i].position);
		assert_null(strstr(err.text, "LINE 1"));
		assert_null(strstr(err.text, "Error:"));
		assert_null(strstr(err.text, "exception"));
		buf_close(&out);
	}
	assert_false(duck_conn_poisoned(fx.conn));
}

static void
a_parse_tree_is_that_of_one_select(void **state)
{
	(void)state;
	char *json = NULL;
	Error err = ERROR_INIT;
	const char *fine[] = {"SELECT 1",   "SELECT ';';",  "  WITH a AS (SELECT 1) FROM a ; ",
						  "VALUES (1)", "SELECT $1, ?", "DESCRIBE SELECT 1"};
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < COUNT_OF(fine); i++) {
			ok(duck_parse(fx.conn, fine[i], &json, &err), &err);
			assert_non_null(strstr(json, "\"statements\":[{"));
			mem_free(json);
		}
	}
	static const struct {
		const char *sql;
		int32_t position;
		const char *text;
	} bad[] = {
		{"SELECT 1 +", 10, "syntax error"},
		{"SELECT 'open", 7, "unterminated"},
		{"DROP TABLE t", -1, "not a SELECT"},
		{"EXPLAIN SELECT 1", -1, "not a SELECT"},
		{"PIVOT t ON a USING sum(b)", -1, "not a SELECT"},
		{"SELECT 1; SELECT 2", -1, "2 statements"},
		{"SELECT 1; DROP TABLE t", -1, "not a SELECT"},
		{" ; ", -1, "no statement"},
		{"", -1, "no statement"},
		{"SELECT '\xFF'", -1, "UTF-8"},
	};
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		assert_int_equal(duck_parse(fx.conn, bad[i].sql, &json, &err), ST_INVALID);
		says(&err, bad[i].text);
		assert_int_equal(err.position, bad[i].position);
	}
}

static void
statements_are_counted(void **state)
{
	(void)state;
	static const struct {
		const char *sql;
		int count;
	} cases[] = {{"", 0}, {";", 0}, {"SELECT ';'", 1}, {"SELECT 1; DROP TABLE t;", 2}};
	Error err = ERROR_INIT;
	int count = -1;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		ok(duck_count_statements(fx.conn, cases[i].sql, &count, &err), &err);
		assert_int_equal(count, cases[i].count);
	}
	assert_int_equal(duck_count_statements(fx.conn, "SELEC", &count, &err), ST_INVALID);
	assert_int_equal(err.position, 0);
}

static void
a_text_comes_back_for_parameters(void **state)
{
	(void)state;
	Error err = ERROR_INIT;
	char *text = NULL;
	const char *params[] = {"it's", NULL};
	ok(duck_query_text(fx.conn, "SELECT $1::VARCHAR || coalesce($2, '?')", params, 2, &text, &err),
	   &err);
	assert_string_equal(text, "it's?");
	mem_free(text);
	ok(duck_query_text(fx.conn, "SELECT 2.50::DECIMAL(4,2), 7", NULL, 0, &text, &err), &err);
	assert_string_equal(text, "2.50");
	mem_free(text);
	ok(duck_query_text(fx.conn, "SELECT NULL::VARCHAR", NULL, 0, &text, &err), &err);
	assert_null(text);
	ok(duck_query_text(fx.conn, "SELECT 1 WHERE false", NULL, 0, &text, &err), &err);
	assert_null(text);
	assert_int_equal(duck_query_text(fx.conn, "SELECT $1::INTEGER", params, 1, &text, &err),
					 ST_INVALID);
}

static void
what_a_statement_is_can_be_asked(void **state)
{
	(void)state;
	static const struct {
		const char *sql;
		bool select;
		int params;
	} cases[] = {{"SELECT 1", true, 0},
				 {"EXPLAIN SELECT 1", true, 0},
				 {"SELECT $1::INTEGER + $2", true, 2},
				 {"CREATE TEMP TABLE t (a INTEGER)", false, 0}};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		SCOPED(duck_statement_drop) DuckStatement *statement = NULL;
		Error err = ERROR_INIT;
		ok(duck_prepare(fx.conn, cases[i].sql, &statement, &err), &err);
		assert_int_equal(duck_statement_is_select(statement), cases[i].select);
		assert_int_equal(duck_statement_param_count(statement), cases[i].params);
	}
}

static void
types_that_depend_on_parameters_are_asked_for(void **state)
{
	(void)state;
	SCOPED(duck_statement_drop) DuckStatement *statement = NULL;
	Error err = ERROR_INIT;
	Schema *schema = NULL;
	ok(duck_prepare(fx.conn, "SELECT $1", &statement, &err), &err);
	assert_int_equal(duck_statement_schema(statement, &schema, &err), ST_INVALID);
	says(&err, "$1::BIGINT");
	DuckStream *stream = NULL;
	assert_int_equal(duck_stream_open(statement, NULL, &stream, &err), ST_INVALID);
}

static void
statements_undo_themselves_when_memory_is_short(void **state)
{
	(void)state;
	long live = mem_live();
	const char *params[] = {"x"};
	for (long nth = 0;; nth++) {
		char *json = NULL;
		char *text = NULL;
		Buf out = BUF_INIT;
		fault_arm(nth);
		Status st = duck_parse(fx.conn, "SELECT a FROM t", &json, NULL);
		if (st == ST_OK)
			st = duck_query_text(fx.conn, "SELECT $1 || 'y'", params, 1, &text, NULL);
		if (st == ST_OK)
			st = query_text(fx.conn,
							"SELECT 1 a, 'x' || i b, [i, i] c, {'a': i} d, MAP {i: 'z'} e, "
							"'a'::ENUM('a', 'b') f FROM range(3000) r(i)",
							NULL, &out, NULL);
		bool failed = fault_disarm();
		mem_free(json);
		mem_free(text);
		buf_close(&out);
		assert_int_equal(mem_live(), live);
		if (!failed) {
			assert_int_equal(st, ST_OK);
			break;
		}
		assert_true(st == ST_NO_MEMORY || st == ST_OK); // the text under test may be what fails
		assert_true(nth < 10000);
	}
}

static void
a_database_that_breaks_is_told_and_opened_again(void **state)
{
	(void)state;
	Duck *duck = NULL;
	DuckConn *conn = NULL;
	DuckConn *other = NULL;
	Error err = ERROR_INIT;
	DuckOptions options = {.threads = 1, .memory_bytes = 64 << 20};
	ok(duck_open(&options, &duck, &err), &err);
	ok(duck_connect(duck, &conn, &err), &err);
	ok(duck_connect(duck, &other, &err), &err);
	assert_false(duck_conn_poisoned(conn));
	// A tree that no parser makes is a way into an internal error.
	char *tree = NULL;
	ok(duck_query_text(
		   conn,
		   "SELECT replace(json_serialize_sql('SELECT a FROM (SELECT 1) t(a)')::VARCHAR, "
		   "'\"column_names\":[\"a\"]', '\"column_names\":[]')",
		   NULL, 0, &tree, &err),
	   &err);
	char *sql = mem_printf("SELECT * FROM json_execute_serialized_sql('%s')", tree);
	assert_int_equal(duck_run(conn, sql, &err), ST_INTERNAL);
	mem_free(sql);
	assert_null(strstr(err.text, "tack"));
	assert_true(duck_conn_poisoned(conn));
	assert_true(duck_conn_poisoned(other));
	mem_free(tree);
	// It is opened again for the first who connects after the last has gone.
	duck_disconnect(conn);
	ok(duck_connect(duck, &conn, &err), &err);
	assert_true(duck_conn_poisoned(conn));
	duck_disconnect(conn);
	duck_disconnect(other);
	ok(duck_connect(duck, &conn, &err), &err);
	assert_false(duck_conn_poisoned(conn));
	ok(duck_run(conn, "SELECT 1", &err), &err);
	duck_disconnect(conn);
	duck_close(duck);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(errors_have_a_code_a_place_and_a_text_without_decoration),
		cmocka_unit_test(a_parse_tree_is_that_of_one_select),
		cmocka_unit_test(statements_are_counted),
		cmocka_unit_test(a_text_comes_back_for_parameters),
		cmocka_unit_test(what_a_statement_is_can_be_asked),
		cmocka_unit_test(types_that_depend_on_parameters_are_asked_for),
		cmocka_unit_test(statements_undo_themselves_when_memory_is_short),
		cmocka_unit_test(a_database_that_breaks_is_told_and_opened_again),
	};
	return cmocka_run_group_tests(tests, open_fixture, close_fixture);
}
