// What gets through the gate, and what does not.

#include "support.h"

typedef struct Refused {
	const char *sql;
	Status status;
	const char *says;
} Refused;

static void
fill(Fixture *fx)
{
	create_table(fx, "CREATE TABLE cpu (host VARCHAR TAG, time TIMESTAMP, usage DOUBLE)");
	put_rows(fx, "cpu", "VALUES ('a', TIMESTAMP '2016-01-01', 1.5)");
}

static void
reads_of_every_form_pass(void **state)
{
	(void)state;
	static const char *const passing[] = {
		"SELECT avg(usage) FROM cpu WHERE host LIKE 'a%' GROUP BY host",
		"SELECT host FROM cpu WHERE usage > 1 ORDER BY time LIMIT 3",
		"WITH x AS (SELECT 1 AS a) SELECT sum(a + 1) FROM x",
		"SELECT time_bucket(INTERVAL '1 hour', time) AS b, avg(usage) FROM cpu GROUP BY b",
		"SELECT date_trunc('day', time), extract(year FROM time), time AT TIME ZONE 'UTC' FROM cpu",
		"SELECT host, row_number() OVER w, lag(usage) OVER w FROM cpu WINDOW w AS (ORDER BY time)",
		"SELECT * FROM cpu ASOF JOIN cpu b ON cpu.host = b.host AND cpu.time >= b.time",
		"SELECT [1, 2][1], {'a': 1}.a, MAP {'k': 1}['k'], list_transform([1], lambda x: x + 1)",
		"SELECT CASE WHEN usage > 1 THEN 'x' ELSE 'y' END, coalesce(usage, 0), usage::INT FROM cpu",
		"SELECT * EXCLUDE (host) REPLACE (usage + 1 AS usage) FROM cpu",
		"SELECT COLUMNS('u.*') FROM cpu",
		"SELECT '{\"a\": 1}'::JSON->>'a', json_extract('{\"a\": 1}', '$.a')",
		"SELECT count(*) FILTER (usage > 1), quantile_cont(usage, 0.5), arg_max(host, time) FROM "
		"cpu",
		"SELECT DISTINCT ON (host) * FROM cpu ORDER BY host, time DESC",
		"SELECT unnest([1, 2, 3]), upper('a'), 'x' || 'y', 1 BETWEEN 0 AND 2, 1 IN (1, 2)",
		"SELECT * FROM range(3), generate_series(1, 2), unnest([1])",
		"SELECT * FROM generate_series(TIMESTAMP '2016-01-01', TIMESTAMP '2016-01-02', INTERVAL 1 "
		"HOUR)",
		"SELECT range(10), generate_series(1, 2000, 2)",
		"SELECT unnest(generate_series(TIMESTAMP '2016-01-01', TIMESTAMP '2016-02-01', INTERVAL 1 "
		"HOUR))",
		"SELECT unnest(range(DATE '2016-01-01', DATE '2016-12-31', INTERVAL '1 day'))",
		"WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 3) SELECT * FROM "
		"t",
		"SELECT list_transform([usage], lambda x: x + usage::INT) FROM cpu",
		"SELECT list_filter([host], lambda x: x = host AND x IN ('a', host)) FROM cpu",
		"SELECT [x + usage FOR x IN [1, 2] IF x < usage] FROM cpu",
		"SELECT j -> host FROM (SELECT '{}'::JSON AS j, 'a' AS host)",
		"SELECT format('{:08.2f} {{x}}', 1.5), printf('%05d', 3), replace('a', 'a', 'b')",
		"SELECT * FROM cpu USING SAMPLE 10 ROWS",
		"SELECT host FROM cpu GROUP BY ALL HAVING count(*) > 0",
		"SELECT current_timestamp, now(), current_date, pi(), random() < 2",
		"(SELECT 1) UNION (SELECT 2) EXCEPT (SELECT 3)",
		"SELECT 1 WHERE EXISTS (SELECT 1 FROM cpu c WHERE c.usage = 1.5)",
		"SELECT (((((((((((((((1)))))))))))))))",
		"SELECT a.x, b.* FROM (SELECT 1 AS x) a, LATERAL (SELECT a.x + 1) b",
		"EXPLAIN SELECT 1",
		"EXPLAIN ANALYZE SELECT 1",
		"EXPLAIN (FORMAT json) SELECT 1",
		"EXPLAIN (SELECT 1)",
		"DESCRIBE cpu",
		"SUMMARIZE SELECT 1",
		"SELECT 'x;y' -- ; z",
		"SELECT 1;;",
		"SELECT \"ABS\"(-1), main.abs(-1)",
	};
	Fixture fx;
	fixture_open(&fx);
	fill(&fx);
	for (size_t i = 0; i < COUNT_OF(passing); i++) {
		for (int pass = 0; pass < 2; pass++) { // the second one from what is kept
			SCOPED(buf_close) Buf out = BUF_INIT;
			Error err = ERROR_INIT;
			if (try_query(&fx, passing[i], &out, &err) != ST_OK)
				fail_msg("%s\n%s", passing[i], err.text);
		}
	}
	fixture_close(&fx);
}

static void
what_could_harm_is_refused(void **state)
{
	(void)state;
	static const Refused cases[] = {
		{"SELECT 1; DROP TABLE cpu", ST_INVALID, "second statement"},
		{"DROP TABLE cpu", ST_INVALID, "not a SELECT"},
		{"COPY cpu TO 'x.parquet'", ST_INVALID, "not a SELECT"},
		{"WITH x AS (SELECT 1) INSERT INTO cpu SELECT 1", ST_INVALID, "not a SELECT"},
		{"EXPLAIN DROP TABLE cpu", ST_INVALID, "not a SELECT"},
		{"EXPLAIN ANALYZE COPY cpu TO 'x'", ST_INVALID, "not a SELECT"},
		{"EXPLAIN EXPLAIN SELECT 1", ST_INVALID, ""},
		{"SELEC 1", ST_INVALID, "SELEC"},
		{"", ST_INVALID, "no statement"},
		{"PRAGMA version", ST_INVALID, ""},
		{"SET threads = 4", ST_INVALID, "not a SELECT"},
		{"PIVOT cpu ON host USING sum(usage)", ST_INVALID, ""},
		{"SELECT * FROM enable_logging('QueryLog', storage := 'file')", ST_INVALID,
		 "enable_logging"},
		{"SELECT * FROM query('SELECT 1')", ST_INVALID, "query"},
		{"SELECT * FROM query_table('cpu')", ST_INVALID, "query_table"},
		{"SELECT (SELECT a FROM (SELECT repeat('x', 3) AS a))", ST_INVALID, "repeat"},
		{"SELECT system.main.repeat('x', 3)", ST_INVALID, "repeat"},
		{"SELECT system.main.abs(1)", ST_INVALID, "schema"},
		{"SELECT \"REPEAT\"('x', 3)", ST_INVALID, "repeat"},
		{"SELECT host.repeat(3) FROM cpu", ST_INVALID, "repeat"},
		{"SELECT lpad('x', 1000000000, 'y')", ST_INVALID, "lpad"},
		{"SELECT rpad('x', 1000000000, 'y')", ST_INVALID, "rpad"},
		{"SELECT bitstring('1', 1000000000)", ST_INVALID, "bitstring"},
		{"SELECT list_resize([1], 1000000000)", ST_INVALID, "list_resize"},
		{"SELECT range(1000000000)", ST_INVALID, "FROM"},
		{"SELECT range(0, 1000000000, 1)", ST_INVALID, "FROM"},
		{"SELECT generate_series(1, usage::INT) FROM cpu", ST_INVALID, "FROM"},
		{"SELECT * FROM unnest(range(1000000000))", ST_INVALID, "FROM"},
		{"SELECT unnest(generate_series(TIMESTAMP '2016-01-01', TIMESTAMP '2026-01-01', INTERVAL 1 "
		 "SECOND))",
		 ST_INVALID, "FROM range"},
		{"SELECT flatten(list_transform(range(1000), lambda x: range(1000)))", ST_INVALID,
		 "lambda"},
		{"SELECT list_transform([1], lambda x: equi_width_bins(0, x, 1000, true))", ST_INVALID,
		 "lambda"},
		{"SELECT [range(3) FOR x IN [1]]", ST_INVALID, "lambda"},
		{"SELECT list_transform(range(1000), lambda x: list_transform(range(1000), lambda y: x))",
		 ST_INVALID, "lambda"},
		{"SELECT list_zip(range(4000), range(4000), range(4000)) FROM range(2000)", ST_INVALID,
		 "FROM range"},
		{"SELECT list_transform(l, lambda x: l) FROM (SELECT list(usage) AS l FROM cpu)",
		 ST_INVALID, "unnest"},
		{"SELECT list_transform(l, lambda x: x || host) FROM (SELECT [host] AS l, host FROM cpu)",
		 ST_INVALID, "unnest"},
		{"SELECT list_filter(l, lambda x: list_contains(l, x)) FROM (SELECT [1] AS l)", ST_INVALID,
		 "unnest"},
		{"SELECT equi_width_bins(0, 1000000, 1000000, true)", ST_INVALID, "equi_width_bins"},
		{"SELECT * FROM range(3 ORDER BY current_setting('threads'))", ST_INVALID,
		 "current_setting"},
		{"WITH RECURSIVE \"/tmp/x.csv\" AS (SELECT * FROM \"/tmp/x.csv\" UNION ALL SELECT 1, 2 "
		 "WHERE false) SELECT * FROM \"/tmp/x.csv\"",
		 ST_NOT_FOUND, "x.csv"},
		{"SELECT printf('%1000000000d', 1)", ST_INVALID, "printf"},
		{"SELECT printf('%*d', 1000000000, 1)", ST_INVALID, "printf"},
		{"SELECT format('{:>1000000000}', 'x')", ST_INVALID, "format"},
		{"SELECT format('{:{}}', 'x', 1000000000)", ST_INVALID, "format"},
		{"SELECT format(host, 1) FROM cpu", ST_INVALID, "format"},
		{"SELECT replace('aaaa', 'a', host) FROM cpu", ST_INVALID, "replace"},
		{"SELECT list_reduce(range(40), lambda a, b: a || a)", ST_INVALID, "list_reduce"},
		{"SELECT host FROM cpu, LATERAL (SELECT read_text('/etc/passwd'))", ST_INVALID,
		 "read_text"},
		{"SELECT host FROM cpu ORDER BY getenv('HOME')", ST_INVALID, "getenv"},
		{"SELECT current_setting('threads')", ST_INVALID, "current_setting"},
		{"SELECT getvariable('x')", ST_INVALID, "getvariable"},
		{"SELECT 1 + TRY(coalesce(usage, host::DOUBLE)) FROM cpu", ST_INVALID, "TRY_CAST"},
		{"SELECT sleep_ms(100000)", ST_INVALID, "sleep_ms"},
		{"SELECT pg_sleep(100)", ST_INVALID, "pg_sleep"},
		{"SELECT nextval('x')", ST_INVALID, "nextval"},
		{"SELECT setseed(0.5)", ST_INVALID, "setseed"},
		{"SELECT write_log('x')", ST_INVALID, "write_log"},
		{"SELECT json_serialize_sql('SELECT 1')", ST_INVALID, "json_serialize_sql"},
		{"SELECT json_execute_serialized_sql('x')", ST_INVALID, "json_execute"},
		{"SELECT mobius_seconds(1)", ST_INVALID, "mobius_seconds"},
		{"SELECT * FROM mobius_scan(1)", ST_INVALID, "mobius_scan"},
		{"SELECT * FROM read_parquet('x')", ST_INVALID, "read_parquet"},
		{"SELECT * FROM read_csv_auto('/etc/passwd')", ST_INVALID, "read_csv_auto"},
		{"SELECT * FROM read_json('x')", ST_INVALID, "read_json"},
		{"SELECT * FROM read_blob('x')", ST_INVALID, "read_blob"},
		{"SELECT * FROM parquet_metadata('x')", ST_INVALID, "parquet_metadata"},
		{"SELECT * FROM glob('*')", ST_INVALID, "glob"},
		{"SELECT * FROM sniff_csv('x')", ST_INVALID, "sniff_csv"},
		{"SELECT * FROM duckdb_settings()", ST_INVALID, "duckdb_settings"},
		{"SELECT * FROM duckdb_tables()", ST_INVALID, "duckdb_tables"},
		{"SELECT * FROM pragma_version()", ST_INVALID, "pragma_version"},
		{"SELECT * FROM checkpoint()", ST_INVALID, "checkpoint"},
		{"SELECT * FROM repeat('x', 3)", ST_INVALID, "repeat"},
		{"SELECT * FROM test_all_types()", ST_INVALID, "test_all_types"},
		{"SELECT * FROM which_secret('x', 'y')", ST_INVALID, "which_secret"},
		{"SELECT * FROM 'x.parquet'", ST_NOT_FOUND, "x.parquet"},
		{"SELECT * FROM '/etc/passwd'", ST_NOT_FOUND, "passwd"},
		{"SELECT * FROM 'https://example.org/x.csv'", ST_NOT_FOUND, "https"},
		{"SELECT * FROM \"read.csv\"", ST_NOT_FOUND, "read.csv"},
		{"WITH a AS (FROM '/etc/passwd') SELECT * FROM a", ST_NOT_FOUND, "passwd"},
		{"SELECT 1 WHERE 1 IN (SELECT x FROM sqlite_master)", ST_NOT_FOUND, "sqlite_master"},
		{"SELECT * FROM pg_catalog.pg_tables", ST_INVALID, "pg_catalog"},
		{"SELECT * FROM system.main.duckdb_tables", ST_INVALID, "main"},
		{"SELECT ?", ST_INVALID, "parameters"},
		{"SELECT $1", ST_INVALID, "parameters"},
		{"SELECT $name", ST_INVALID, "parameters"},
		{"SELECT * FROM cpu AT (VERSION => 1)", ST_UNIMPLEMENTED, "AT"},
		{"SHOW TABLES", ST_UNIMPLEMENTED, "SHOW"},
		{"SELECT * FROM (SHOW ALL TABLES)", ST_UNIMPLEMENTED, "SHOW"},
		{"SELECT ((((((((((((((((((1))))))))))))))))))", ST_LIMIT, "nested"},
		{"SELECT [[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]", ST_LIMIT, "nested"},
	};
	Fixture fx;
	fixture_open(&fx);
	fill(&fx);
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		refuses(&fx, cases[i].sql, cases[i].status, cases[i].says);
	answers(&fx, "SELECT count(*) FROM cpu", "1\n"); // and it still works
	fixture_close(&fx);
}

static void
add_times(Buf *out, const char *part, int times)
{
	for (int i = 0; i < times; i++)
		buf_add_text(out, part);
}

static void
texts_without_measure_are_refused(void **state)
{
	(void)state;
	SCOPED(buf_close) Buf sum = BUF_INIT;
	SCOPED(buf_close) Buf big = BUF_INIT;
	buf_add_text(&sum, "SELECT 1");
	add_times(&sum, "+1", 5000);
	buf_add_text(&big, "SELECT '");
	add_times(&big, "x", 1 << 20);
	buf_add_text(&big, "'");
	const char *sum_text = buf_text(&sum), *big_text = buf_text(&big);
	Fixture fx;
	fixture_open(&fx);
	refuses(&fx, sum_text, ST_INVALID, "depth");
	refuses(&fx, big_text, ST_LIMIT, "bytes");
	fixture_close(&fx);
}

static void
verdicts_are_kept_and_dropped_by_use(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx);
	char sql[64], expected[32];
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 1100; i++) {
			snprintf(sql, sizeof(sql), "SELECT %d", i);
			snprintf(expected, sizeof(expected), "%d\n", i);
			answers(&fx, sql, expected);
		}
	}
	fixture_close(&fx);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_of_every_form_pass),
		cmocka_unit_test(what_could_harm_is_refused),
		cmocka_unit_test(texts_without_measure_are_refused),
		cmocka_unit_test(verdicts_are_kept_and_dropped_by_use),
	};
	return RUN(tests);
}
