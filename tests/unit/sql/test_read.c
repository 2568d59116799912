// Reads over memory, files and both, and what they answer.

#include "support.h"

// Rows with NULLs in memory and files: `host` tag, `time`, fields.
static void
fill(Fixture *fx)
{
	create_table(fx,
				 "CREATE TABLE cpu (host VARCHAR TAG, time TIMESTAMP, usage DOUBLE, n INTEGER)");
	put_rows(fx, "cpu",
			 "VALUES ('a', TIMESTAMP '2016-01-01', 1.5, 1),"
			 "('b', TIMESTAMP '2016-01-01', NULL, 2),"
			 "('a', TIMESTAMP '2016-01-02', 2.5, NULL)");
}

static const char *const ALL = "a|1451606400000000|1.5|1\n"
							   "b|1451606400000000|~|2\n"
							   "a|1451692800000000|2.5|~\n";

static void
a_select_without_tables_works(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx);
	answers(&fx, "SELECT 1 AS x, 'a' AS y", "1|a\n");
	answers(&fx, "SELECT 1;", "1\n");
	answers(&fx, "VALUES (1, 2), (3, 4)", "1|2\n3|4\n");
	answers(&fx, "SELECT sum(x) FROM range(10) r(x)", "45\n");
	fixture_close(&fx);
}

static void
names_of_a_table_are_all_the_same(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx);
	fill(&fx);
	answers(&fx, "SELECT * FROM cpu", ALL);
	answers(&fx, "SELECT * FROM 'cpu'", ALL);
	answers(&fx, "SELECT * FROM \"cpu\"", ALL);
	answers(&fx, "SELECT * FROM htdb.cpu", ALL);
	answers(&fx, "SELECT * FROM mobius.htdb.cpu", ALL);
	answers(&fx, "FROM cpu", ALL);
	answers(&fx, "TABLE cpu", ALL);
	answers(&fx, "SELECT htdb.cpu.n FROM htdb.cpu WHERE mobius.htdb.cpu.n = 2", "2\n");
	fixture_close(&fx);
}

static void
time_is_compared_with_texts_numbers_and_now(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx);
	fill(&fx);
	for (int pass = 0; pass < 2; pass++) {
		answers(&fx, "select * from 'cpu' where time > '2016-01-01' and time < '2016-01-03'",
				"a|1451692800000000|2.5|~\n");
		answers(&fx, "SELECT n FROM cpu WHERE time = 1451606400000000000 ORDER BY n", "1\n2\n");
		answers(&fx, "SELECT n FROM cpu WHERE time > 1451606400000000000", "~\n");
		answers(&fx, "SELECT n FROM cpu WHERE time > 1451606399999999999 AND n > 0 ORDER BY 1",
				"1\n2\n");
		answers(&fx, "SELECT count(*) FROM cpu WHERE time >= 1451606400000000001", "1\n");
		answers(&fx, "SELECT count(*) FROM cpu WHERE time = 1451606400000000001", "0\n");
		answers(&fx, "SELECT count(*) FROM cpu WHERE time <> 1451606400000000001", "3\n");
		answers(&fx, "SELECT count(*) FROM cpu WHERE time IN (1451606400000000000, 5)", "2\n");
		answers(&fx, "SELECT count(*) FROM cpu WHERE time BETWEEN -5 AND 1451606400000000000",
				"2\n");
		answers(&fx, "SELECT count(*) FROM cpu WHERE 1451606400000000000 < time", "1\n");
		answers(&fx, "SELECT count(*) FROM cpu WHERE time < 99999999999999999999", "3\n");
		answers(&fx, "SELECT count(*) FROM cpu c WHERE NOT c.time > 1451606400000000000", "2\n");
		answers(&fx, "SELECT count(*) FROM cpu WHERE time > '2016-01-02T01:00:00+02:00'", "1\n");
		answers(&fx, "SELECT count(*) FROM cpu WHERE time > '2016-01-01T23:00:00-02:00'", "0\n");
		answers(&fx, "SELECT count(*) FROM cpu WHERE time < now() - INTERVAL 1 HOUR", "3\n");
		answers(&fx, "SELECT count(*) FROM cpu WHERE time > now() - INTERVAL '1 hour'", "0\n");
		answers(&fx, "SELECT count(*) FROM cpu WHERE time > DATE '2016-01-01'", "1\n");
		flush(&fx);
	}
	fixture_close(&fx);
}

static void
every_unit_of_time_is_compared_alike(void **state)
{
	(void)state;
	static const char *const types[] = {"TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP", "TIMESTAMP_NS",
										"TIMESTAMPTZ"};
	Fixture fx;
	fixture_open(&fx);
	for (size_t i = 0; i < COUNT_OF(types); i++) {
		char text[256], name[16];
		snprintf(name, sizeof(name), "t%zu", i);
		snprintf(text, sizeof(text), "CREATE TABLE %s (ts %s, v INTEGER)", name, types[i]);
		create_table(&fx, text);
		put_rows(&fx, name, "VALUES ('2016-01-01 00:00:00', 1), ('2016-01-01 00:00:01', 2)");
		for (int pass = 0; pass < 2; pass++) {
			static const struct {
				const char *where, *expected;
			} cases[] = {
				{"ts > 1451606400000000000", "2\n"},
				{"ts > 1451606399999999999", "1\n2\n"},
				{"ts < 1451606400000000001", "1\n"},
				{"ts <= 1451606400999999999", "1\n"},
				{"ts >= 1451606400000000001", "2\n"},
				{"ts = 1451606401000000000", "2\n"},
				{"ts = 1451606401000000001", ""},
				{"ts >= '2016-01-01T02:00:01+02:00'", "2\n"},
				{"ts BETWEEN '2016-01-01' AND '2016-01-01 00:00:00'", "1\n"},
				{"ts < '3000-01-01'", "1\n2\n"},
				{"ts > -9999999999999999999", "1\n2\n"},
				{"ts > 9999999999999999999", ""},
				{"ts < now()", "1\n2\n"},
				{"time = 1451606401000000000", "2\n"},
			};
			for (size_t c = 0; c < COUNT_OF(cases); c++) {
				snprintf(text, sizeof(text), "SELECT v FROM %s WHERE %s ORDER BY v", name,
						 cases[c].where);
				answers(&fx, text, cases[c].expected);
			}
			flush(&fx);
		}
	}
	fixture_close(&fx);
}

static void
time_is_an_alias_where_no_column_has_this_name(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx);
	create_table(&fx, "CREATE TABLE m (tag VARCHAR TAG, ts TIMESTAMP, v BIGINT)");
	put_rows(&fx, "m", "VALUES ('a', '2016-01-01', 1), ('b', '2016-01-02', 2)");
	for (int pass = 0; pass < 2; pass++) {
		answers(&fx, "select * from 'm' where time > '2016-01-01' and time < '2016-01-03'",
				"b|1451692800000000|2\n");
		answers(&fx, "SELECT time FROM m ORDER BY time DESC LIMIT 1", "1451692800000000\n");
		answers(&fx, "SELECT time, count(*) FROM m GROUP BY time ORDER BY 1",
				"1451606400000000|1\n1451692800000000|1\n");
		answers(&fx, "SELECT x.time FROM m x WHERE x.v = 1", "1451606400000000\n");
		answers(&fx, "SELECT max(\"time\") FROM m", "1451692800000000\n");
		answers(&fx, "SELECT v AS time FROM m WHERE time > 1", "2\n"); // bound as written
		answers(&fx, "WITH c AS (SELECT time, v FROM m) SELECT time FROM c WHERE v = 1",
				"1451606400000000\n");
		answers(&fx, "SELECT count(*) FROM m a JOIN m b ON a.time = b.time", "2\n");
		flush(&fx);
	}
	SCOPED(sql_query_drop) SqlQuery *query = NULL;
	Error err = ERROR_INIT;
	ok(sql_query_open(fx.sql, "SELECT time FROM m", NULL, &query, &err), &err);
	assert_string_equal(schema_field(sql_query_schema(query), 0)->name, "time");
	sql_query_close(query);
	query = NULL;
	refuses(&fx, "SELECT timee FROM m", ST_INVALID, "timee");
	refuses(&fx, "SELECT m.time, wrong FROM m", ST_INVALID, "wrong");
	fixture_close(&fx);
}

static void
files_and_memory_are_read_together(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx);
	fill(&fx);
	flush(&fx);
	put_rows(&fx, "cpu", "VALUES ('c', TIMESTAMP '2016-01-05', 9, 9)");
	answers(&fx, "SELECT * FROM cpu ORDER BY time, host",
			"a|1451606400000000|1.5|1\nb|1451606400000000|~|2\na|1451692800000000|2.5|~\n"
			"c|1451952000000000|9|9\n");
	answers(&fx, "SELECT n FROM cpu WHERE time > '2016-01-03'", "9\n");
	answers(&fx, "SELECT sum(n), count(*), count(usage) FROM cpu", "12|4|3\n");
	flush(&fx);
	answers(&fx, "SELECT sum(n), count(*), count(usage) FROM cpu", "12|4|3\n");
	answers(&fx, "SELECT count(*) FROM cpu WHERE time < '2016-01-01'", "0\n");
	fixture_close(&fx);
}

static void
grow_with_extra(Fixture *fx)
{
	SCOPED(schema_drop) Schema *wider = NULL;
	Error err = ERROR_INIT;
	ok(schema_new((Field[]){{.name = "time", .type = {.id = TYPE_TIMESTAMP, .unit = UNIT_US}},
							{.name = "n", .type = {.id = TYPE_INT64}},
							{.name = "extra", .type = {.id = TYPE_UTF8}}},
				  3, NULL, 0, &wider, &err),
	   &err);
	grow_table(fx, "cpu", wider);
}

static void
a_table_that_grew_reads_old_rows_too(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx);
	fill(&fx);
	flush(&fx);
	put_rows(&fx, "cpu", "VALUES ('c', TIMESTAMP '2016-01-05', 9, 9)");
	grow_with_extra(&fx);
	put_rows(&fx, "cpu", "VALUES ('d', TIMESTAMP '2016-01-06', 10, 5000000000, 'x')");
	for (int pass = 0; pass < 2; pass++) {
		answers(&fx, "SELECT host, n, extra FROM cpu ORDER BY time, host",
				"a|1|~\nb|2|~\na|~|~\nc|9|~\nd|5000000000|x\n");
		answers(&fx, "SELECT host FROM cpu WHERE extra = 'x' AND n > 5", "d\n");
		flush(&fx);
	}
	fixture_close(&fx);
}

static void
names_of_ctes_and_aliases_stay(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx);
	fill(&fx);
	answers(&fx, "WITH cpu AS (SELECT 7 AS n) SELECT n FROM cpu", "7\n");
	answers(&fx, "WITH cpu AS (SELECT * FROM cpu WHERE n = 1) SELECT n FROM cpu", "1\n");
	answers(&fx, "WITH x AS (SELECT 1 AS n), y AS (SELECT n + 1 AS n FROM x) SELECT n FROM y",
			"2\n");
	answers(&fx, "SELECT (SELECT max(n) FROM cpu) FROM (SELECT 1) AS cpu", "2\n");
	answers(&fx,
			"SELECT * FROM (WITH cpu AS (SELECT 3) SELECT * FROM cpu), (SELECT max(n) FROM cpu)",
			"3|2\n");
	answers(&fx,
			"WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 3) "
			"SELECT max(n) FROM r",
			"3\n");
	answers(&fx, "SELECT a.n FROM cpu a JOIN cpu b ON a.n = b.n WHERE b.n = 2", "2\n");
	answers(&fx, "SELECT cpu.n FROM cpu WHERE cpu.n = 2", "2\n");
	answers(&fx, "SELECT x FROM cpu AS t(h, tm, u, x) WHERE x = 2", "2\n");
	answers(&fx, "SELECT c.n FROM c: cpu WHERE c.n = 2", "2\n");
	answers(&fx, "SELECT n FROM cpu WHERE n IN (SELECT n FROM cpu WHERE n > 1)", "2\n");
	answers(&fx, "SELECT host FROM cpu o WHERE EXISTS (SELECT 1 FROM cpu i WHERE i.n = o.n + 1)",
			"a\n");
	answers(&fx, "SELECT n FROM cpu WHERE n = 1 UNION ALL SELECT n FROM cpu WHERE n = 2", "1\n2\n");
	answers(
		&fx, "SELECT 1 FROM cpu WHERE n IN (TABLE cpu2)",
		"not_found@36: there is no table \"cpu2\" in database \"mobius\"; did you mean \"cpu\"?");
	fixture_close(&fx);
}

static void
describe_summarize_and_explain_answer(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx);
	fill(&fx);
	const char *columns = "host|VARCHAR|YES|~|~|~\ntime|TIMESTAMP|YES|~|~|~\n"
						  "usage|DOUBLE|YES|~|~|~\nn|INTEGER|YES|~|~|~\n";
	answers(&fx, "DESCRIBE cpu", columns);
	answers(&fx, "DESC cpu", columns);
	answers(&fx, "DESCRIBE TABLE 'cpu'", columns);
	answers(&fx, "DESCRIBE SELECT * FROM cpu", columns);
	answers(&fx, "SELECT column_name FROM (DESCRIBE cpu) LIMIT 1", "host\n");
	answers(&fx, "SELECT column_name FROM (SUMMARIZE cpu) LIMIT 1", "host\n");
	assert_non_null(strstr(answer(&fx, "SUMMARIZE cpu"), "usage|DOUBLE|1.5|2.5"));
	assert_non_null(strstr(answer(&fx, "EXPLAIN SELECT * FROM cpu"), "MOBIUS_SCAN"));
	assert_non_null(strstr(answer(&fx, "EXPLAIN ANALYZE SELECT * FROM cpu"), "Total Time"));
	assert_non_null(strstr(answer(&fx, "EXPLAIN (FORMAT json) SELECT * FROM cpu"), "\"name\""));
	answers(&fx, "UNPIVOT (SELECT n, n AS m FROM cpu WHERE n = 2) ON n, m", "n|2\nm|2\n");
	answers(&fx, "SELECT * FROM cpu PIVOT (sum(n) FOR host IN ('a', 'b')) WHERE usage = 1.5",
			"1451606400000000|1.5|1|~\n");
	fixture_close(&fx);
}

static void
unknown_and_ambiguous_names_say_what_there_is(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx);
	fill(&fx);
	create_table(&fx, "CREATE TABLE \"Load\" (time TIMESTAMP, v BIGINT)");
	create_table(&fx, "CREATE TABLE \"LOAD\" (time TIMESTAMP, v BIGINT)");
	create_table(&fx, "CREATE TABLE \"Mixed\" (time TIMESTAMP, v BIGINT)");
	answers(&fx, "SELECT count(*) FROM CPU", "3\n");
	answers(&fx, "SELECT count(*) FROM mixed", "0\n");
	answers(&fx, "SELECT count(*) FROM LOAD", "0\n");
	refuses(&fx, "SELECT * FROM load", ST_INVALID, "differ in case");
	refuses(&fx, "SELECT * FROM \"CPU\"", ST_NOT_FOUND, "\"CPU\"");
	refuses(&fx, "SELECT * FROM cpuu", ST_NOT_FOUND, "did you mean \"cpu\"?");
	refuses(&fx, "SELECT * FROM other.cpu", ST_INVALID, "no schema \"other\"");
	refuses(&fx, "SELECT * FROM mobius.cpu", ST_INVALID, "mobius.htdb");
	refuses(&fx, "SELECT * FROM rtdb.cpuu", ST_NOT_FOUND, "did you mean \"cpu\"?");
	refuses(&fx, "SELECT * FROM nowhere.htdb.cpu", ST_NOT_FOUND, "database \"nowhere\"");
	refuses(&fx, "SELECT * FROM duckdb_tables", ST_NOT_FOUND, "duckdb_tables");
	refuses(&fx, "SELECT * FROM information_schema.tables", ST_INVALID, "information_schema");
	fixture_close(&fx);
}

static void
errors_point_into_the_text_as_it_was_written(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx);
	fill(&fx);
	flush(&fx);
	put_rows(&fx, "cpu", "VALUES ('c', TIMESTAMP '2016-01-05', 9, 9)");
	static const struct {
		const char *sql, *mark;
	} cases[] = {
		{"SELECT 1 FROM cpu a JOIN cpu b ON a.n = b.n WHERE b.wrong = 1", "b.wrong"},
		{"SELECT wrong FROM cpu", "wrong"},
		{"SELECT 1 FROM cpu WHERE time > 5 AND nothing = 1", "nothing"},
		{"EXPLAIN SELECT oops FROM cpu", "oops"},
		{"SELECT n FROM cpu WHERE n = 'text'", "'text'"},
		{"SELECT FROM cpu WHERE", NULL},
		{"SELECT 1 FROM nope", "nope"},
		{"SELECT read_text('x')", "read_text"},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		SCOPED(buf_close) Buf out = BUF_INIT;
		Error err = ERROR_INIT;
		assert_int_not_equal(try_query(&fx, cases[i].sql, &out, &err), ST_OK);
		int expected = cases[i].mark != NULL
						   ? (int)(strstr(cases[i].sql, cases[i].mark) - cases[i].sql)
						   : err.position;
		if (err.position != expected)
			fail_msg("%s\n%s\nat %d, not %d", cases[i].sql, err.text, err.position, expected);
	}
	fixture_close(&fx);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_select_without_tables_works),
		cmocka_unit_test(names_of_a_table_are_all_the_same),
		cmocka_unit_test(time_is_compared_with_texts_numbers_and_now),
		cmocka_unit_test(every_unit_of_time_is_compared_alike),
		cmocka_unit_test(time_is_an_alias_where_no_column_has_this_name),
		cmocka_unit_test(files_and_memory_are_read_together),
		cmocka_unit_test(a_table_that_grew_reads_old_rows_too),
		cmocka_unit_test(names_of_ctes_and_aliases_stay),
		cmocka_unit_test(describe_summarize_and_explain_answer),
		cmocka_unit_test(unknown_and_ambiguous_names_say_what_there_is),
		cmocka_unit_test(errors_point_into_the_text_as_it_was_written),
	};
	return RUN(tests);
}
