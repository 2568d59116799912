// Answers over memory, files and both equal those of DuckDB over the same rows of its own: the same
// statement is run where a CTE of the table's name makes them.

#include "support.h"

#define ROWS(from, to)                                                                             \
	"SELECT CASE WHEN i % 7 = 0 THEN NULL ELSE 'host_' || (i % 5) END AS host, "                   \
	"TIMESTAMP '2016-01-01' + to_minutes(i * 7 % 600) AS time, "                                   \
	"CASE WHEN i % 3 = 0 THEN NULL ELSE i * 0.5 END::DOUBLE AS usage, "                            \
	"CASE WHEN i % 11 = 0 THEN NULL ELSE i::INTEGER END AS n, "                                    \
	"CASE WHEN i % 13 = 0 THEN NULL ELSE i % 2 = 0 END AS flag, "                                  \
	"CASE WHEN i % 17 = 0 THEN NULL ELSE [i, NULL, i + 1] END AS items, "                          \
	"CASE WHEN i % 19 = 0 THEN NULL ELSE DATE '2016-01-01' + i::INTEGER END AS day, "              \
	"CASE WHEN i % 23 = 0 THEN NULL ELSE (i * 100)::DECIMAL(18, 2) / 8 END::DECIMAL(18, 2) AS p "  \
	"FROM range(" from ", " to ") r(i)"

static const char *const QUERIES[] = {
	"SELECT * FROM cpu ORDER BY n NULLS LAST, time",
	"SELECT count(*), count(usage), count(host), count(flag), count(items) FROM cpu",
	"SELECT host, avg(usage), min(n), max(time), sum(p) FROM cpu GROUP BY host ORDER BY host",
	"SELECT * FROM cpu WHERE time > '2016-01-01 03:00:00' AND time < '2016-01-01 04:00:00' ORDER "
	"BY "
	"time, n",
	"SELECT n FROM cpu WHERE time = '2016-01-01 03:30:00' ORDER BY n",
	"SELECT n FROM cpu WHERE time BETWEEN TIMESTAMP '2016-01-01 01:00:00' AND '2016-01-01 "
	"02:00:00' "
	"ORDER BY n",
	"SELECT n FROM cpu WHERE host IS NULL AND time >= '2016-01-01 05:00:00' ORDER BY n",
	"SELECT n FROM cpu WHERE host = 'host_3' AND usage IS NOT NULL ORDER BY n DESC LIMIT 7",
	"SELECT time_bucket(INTERVAL '1 hour', time) AS b, count(*), avg(usage) FROM cpu GROUP BY b "
	"ORDER "
	"BY b",
	"SELECT DISTINCT ON (host) host, time, n FROM cpu ORDER BY host, time DESC, n DESC",
	"SELECT n, lag(n) OVER (PARTITION BY host ORDER BY time, n) FROM cpu ORDER BY time, n LIMIT 50",
	"SELECT a.n, b.n FROM cpu a JOIN cpu b ON a.n = b.n + 1 WHERE a.time > '2016-01-01 08:00:00' "
	"ORDER BY 1",
	"SELECT a.n, b.n FROM cpu a LEFT JOIN cpu b ON a.n = b.n * 2 AND b.flag WHERE a.time < "
	"'2016-01-01 "
	"01:00:00' ORDER BY 1, 2",
	"SELECT count(*) FROM cpu a FULL JOIN cpu b ON a.n = b.n + 250 WHERE b.time > '2016-01-01 "
	"05:00:00'",
	"SELECT a.n, b.n FROM cpu a ASOF JOIN cpu b ON a.host = b.host AND a.time > b.time WHERE "
	"a.time > "
	"'2016-01-01 09:00:00' ORDER BY 1, 2",
	"SELECT count(*), max(b.n) FROM cpu a ASOF LEFT JOIN (SELECT * FROM cpu WHERE time < "
	"'2016-01-01 "
	"02:00:00') b ON a.host = b.host AND a.time > b.time",
	"SELECT n FROM cpu WHERE n IN (SELECT n * 2 FROM cpu WHERE time < '2016-01-01 01:00:00') ORDER "
	"BY "
	"n",
	"SELECT n FROM cpu o WHERE EXISTS (SELECT 1 FROM cpu i WHERE i.n = o.n + 1 AND i.time > "
	"o.time) "
	"ORDER BY n LIMIT 20",
	"SELECT (SELECT max(n) FROM cpu i WHERE i.time < o.time) FROM cpu o ORDER BY time, n LIMIT 20",
	"SELECT n FROM cpu WHERE time < '2016-01-01 00:30:00' UNION SELECT n FROM cpu WHERE time > "
	"'2016-01-01 09:30:00' ORDER BY 1",
	"WITH x AS (SELECT * FROM cpu WHERE flag), y AS (SELECT max(time) AS m FROM x) SELECT n FROM "
	"x, y "
	"WHERE time = m ORDER BY n",
	"SELECT sum(list_sum(items)), max(day), min(day) FROM cpu WHERE NOT flag",
	"SELECT unnest(items) AS u FROM cpu WHERE time > '2016-01-01 09:00:00' ORDER BY u",
	"SELECT host, flag, count(*) FROM cpu GROUP BY ROLLUP (host, flag) ORDER BY ALL",
	"SELECT quantile_cont(usage, 0.5), mode(flag), string_agg(host, ',' ORDER BY time, n) FROM cpu "
	"WHERE time < '2016-01-01 02:00:00'",
	"SELECT * EXCLUDE (items) FROM cpu WHERE NOT (time > '2016-01-01 01:00:00' OR n = 3) ORDER BY "
	"time, "
	"n",
	"SELECT max(n) FROM cpu WHERE time > '2016-01-01 02:00:00' AND time < '2016-01-01 01:00:00'",
	"SELECT n FROM cpu WHERE time > '2017-01-01'",
	"SELECT cpu.n, x.c FROM cpu JOIN (SELECT host, count(*) AS c FROM cpu GROUP BY host) x USING "
	"(host) "
	"ORDER BY n LIMIT 9",
	"FROM (FROM cpu WHERE time >= '2016-01-01 04:00:00') SELECT count(*), min(time)",
	"SELECT n, time FROM cpu ORDER BY time DESC, n LIMIT 10 OFFSET 5",
};

static void
compare_all(Fixture *fx, const char *rows, const char *where)
{
	char sql[4096];
	for (size_t i = 0; i < COUNT_OF(QUERIES); i++) {
		bool with = strncmp(QUERIES[i], "WITH ", 5) == 0;
		snprintf(sql, sizeof(sql), "WITH cpu AS (%s)%s %s", rows, with ? "," : "",
				 QUERIES[i] + (with ? 5 : 0));
		const char *expected = answer(fx, sql);
		const char *got = answer(fx, QUERIES[i]);
		size_t same = 0;
		while (got[same] != '\0' && got[same] == expected[same])
			same++;
		if (strcmp(got, expected) != 0)
			fail_msg("%s\n%s\ngave\n%.200s\nnot\n%.200s\nfrom byte %zu", where, QUERIES[i],
					 got + same, expected + same, same);
		assert_null(strstr(got, "invalid_argument"));
	}
}

static void
answers_equal_those_of_plain_tables(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx);
	create_table(&fx,
				 "CREATE TABLE cpu (host VARCHAR TAG, time TIMESTAMP, usage DOUBLE, n INTEGER, "
				 "flag BOOLEAN, items BIGINT[], day DATE, p DECIMAL(18, 2))");
	compare_all(&fx, ROWS("0", "0"), "empty");
	put_rows(&fx, "cpu", ROWS("0", "40"));
	put_rows(&fx, "cpu", ROWS("40", "150"));
	put_rows(&fx, "cpu", ROWS("150", "151"));
	compare_all(&fx, ROWS("0", "151"), "in memory");
	flush(&fx);
	compare_all(&fx, ROWS("0", "151"), "in a file");
	put_rows(&fx, "cpu", ROWS("151", "300"));
	compare_all(&fx, ROWS("0", "300"), "in a file and in memory");
	flush(&fx);
	put_rows(&fx, "cpu", ROWS("300", "500"));
	compare_all(&fx, ROWS("0", "500"), "in files and in memory");
	fixture_close(&fx);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_equal_those_of_plain_tables),
	};
	return RUN(tests);
}
