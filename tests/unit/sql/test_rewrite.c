// What a statement's text becomes, and the way back for positions.

#include "sql/gate.h"
#include "sql/rewrite.h"
#include "support.h"

// Tables t and u have a time column `ts` of microseconds, n of nanoseconds `time`.
typedef struct Setup {
	Duck *duck;
	DuckConn *conn;
	Schema *us;
	Schema *ns;
} Setup;

static void
setup_open(Setup *s)
{
	Error err = ERROR_INIT;
	DuckOptions options = {.threads = 1, .memory_bytes = UINT64_C(128) << 20};
	ok(duck_open(&options, &s->duck, &err), &err);
	ok(duck_connect(s->duck, &s->conn, &err), &err);
	const Field us[] = {{.name = "v", .type = {.id = TYPE_INT64}},
						{.name = "ts", .type = {.id = TYPE_TIMESTAMP, .unit = UNIT_US}}};
	const Field ns[] = {{.name = "time", .type = {.id = TYPE_TIMESTAMP, .unit = UNIT_NS}},
						{.name = "w", .type = {.id = TYPE_INT64}}};
	ok(schema_new(us, 2, NULL, 0, &s->us, &err), &err);
	ok(schema_new(ns, 2, NULL, 0, &s->ns, &err), &err);
}

static void
setup_close(Setup *s)
{
	schema_unref(s->us);
	schema_unref(s->ns);
	duck_disconnect(s->conn);
	duck_close(s->duck);
	assert_int_equal(mem_live(), 0);
}

static Verdict *
judge(Setup *s, const char *sql)
{
	Error err = ERROR_INIT;
	Verdict *verdict = NULL;
	Status st = gate_judge(s->conn, slice_text(sql), &verdict, &err);
	if (st != ST_OK)
		fail_msg("%s\n%s", sql, err.text);
	return verdict;
}

static void
columns_of(Setup *s, const Verdict *v, RefColumns *out)
{
	for (int32_t i = 0; i < v->ref_count; i++) {
		bool ns = v->refs[i].name.table.text[0] == 'n';
		out[i] = ns ? (RefColumns){s->ns, 0, -1} : (RefColumns){s->us, 1, -1};
	}
}

static void
rewrite(Setup *s, const Verdict *v, bool time_alias, Arena *arena, Rewrite *out)
{
	static const char *const tables[] = {"scan(0)", "scan(1)", "scan(2)", "scan(3)"};
	RefColumns columns[4];
	columns_of(s, v, columns);
	RewriteInput input = {
		.verdict = v, .columns = columns, .tables = tables, .time_alias = time_alias};
	Error err = ERROR_INIT;
	ok(rewrite_make(&input, arena, out, &err), &err);
}

static void
becomes(Setup *s, const char *sql, bool time_alias, const char *expected)
{
	SCOPED(verdict_drop) Verdict *v = judge(s, sql);
	SCOPED(arena_close) Arena arena = ARENA_INIT;
	Rewrite out;
	rewrite(s, v, time_alias, &arena, &out);
	assert_string_equal(out.text, expected);
}

static void
tables_are_replaced_where_they_stand(void **state)
{
	(void)state;
	Setup s;
	setup_open(&s);
	becomes(&s, "SELECT * FROM t", false, "SELECT * FROM scan(0) AS \"t\"");
	becomes(&s, "SELECT * FROM 't' WHERE t.v = 1", false,
			"SELECT * FROM scan(0) AS \"t\" WHERE t.v = 1");
	becomes(&s, "SELECT * FROM t AS x, db.htdb.u y", false,
			"SELECT * FROM scan(0) AS x, scan(1) y");
	becomes(&s, "FROM x: t", false, "FROM x: scan(0)");
	becomes(&s, "TABLE t", false, "FROM scan(0) AS \"t\"");
	becomes(&s, "DESCRIBE t", false, "DESCRIBE FROM scan(0) AS \"t\"");
	becomes(&s, "DESCRIBE TABLE t", false, "DESCRIBE FROM scan(0) AS \"t\"");
	becomes(&s, "EXPLAIN SELECT * FROM t -- c", false, "EXPLAIN SELECT * FROM scan(0) AS \"t\"");
	becomes(&s, "SELECT htdb.t.v, d.htdb.t.v FROM htdb.t", false,
			"SELECT t.v, t.v FROM scan(0) AS \"t\"");
	becomes(&s, "WITH t AS (SELECT * FROM t) SELECT * FROM t, htdb.t h", false,
			"WITH t AS (SELECT * FROM scan(0) AS \"t\") SELECT * FROM t, scan(1) h");
	becomes(&s, "SELECT 'é', 1\u00a0FROM\u00a0t", false, "SELECT 'é', 1  FROM  scan(0) AS \"t\"");
	setup_close(&s);
}

static void
constants_are_written_as_the_column_needs_them(void **state)
{
	(void)state;
	Setup s;
	setup_open(&s);
	becomes(&s, "SELECT 1 FROM t WHERE ts > 1451606400000000001", false,
			"SELECT 1 FROM scan(0) AS \"t\" WHERE ts > TIMESTAMP '2016-01-01T00:00:00.000000'");
	becomes(&s, "SELECT 1 FROM t WHERE ts >= 1451606400000000001 AND v > 5", false,
			"SELECT 1 FROM scan(0) AS \"t\" WHERE ts >= TIMESTAMP '2016-01-01T00:00:00.000001' "
			"AND v > 5");
	becomes(&s, "SELECT 1 FROM t WHERE ts = 1", false,
			"SELECT 1 FROM scan(0) AS \"t\" WHERE ts = TIMESTAMP_NS "
			"'1970-01-01T00:00:00.000000001'");
	becomes(&s, "SELECT 1 FROM t x WHERE x.ts IN (- 1000, 0)", false,
			"SELECT 1 FROM scan(0) x WHERE x.ts IN (TIMESTAMP '1969-12-31T23:59:59.999999', "
			"TIMESTAMP '1970-01-01T00:00:00.000000')");
	becomes(&s, "SELECT 1 FROM n WHERE time < 99999999999999999999", false,
			"SELECT 1 FROM scan(0) AS \"n\" WHERE time < TIMESTAMP_NS 'infinity'");
	becomes(&s, "SELECT 1 FROM n WHERE time < '9999-01-01'", false,
			"SELECT 1 FROM scan(0) AS \"n\" WHERE time < TIMESTAMP_NS 'infinity'");
	becomes(&s, "SELECT 1 FROM t WHERE ts < '9999-01-01' AND ts > '2016-01-01'", false,
			"SELECT 1 FROM scan(0) AS \"t\" WHERE ts < '9999-01-01' AND ts > '2016-01-01'");
	becomes(&s, "SELECT 1 FROM t WHERE ts > '2016-01-01T01:00:00+01:00'", false,
			"SELECT 1 FROM scan(0) AS \"t\" WHERE ts > TIMESTAMP '2016-01-01T00:00:00.000000'");
	// Not what it is compared with, or nobody knows whose it is.
	becomes(&s, "SELECT list_filter([1], lambda ts: ts > 5) FROM t", false,
			"SELECT list_filter([1], lambda ts: ts > 5) FROM scan(0) AS \"t\"");
	becomes(&s, "SELECT 1 FROM t, (SELECT 1 AS ts) o WHERE ts > 5", false,
			"SELECT 1 FROM scan(0) AS \"t\", (SELECT 1 AS ts) o WHERE ts > 5");
	becomes(&s, "SELECT 1 FROM t, u WHERE ts > 5", false,
			"SELECT 1 FROM scan(0) AS \"t\", scan(1) AS \"u\" WHERE ts > 5");
	becomes(&s, "SELECT (SELECT 1 FROM (SELECT 1 AS ts) t WHERE t.ts > 5) FROM t", false,
			"SELECT (SELECT 1 FROM (SELECT 1 AS ts) t WHERE t.ts > 5) FROM scan(0) AS \"t\"");
	// Of the SELECT around it.
	becomes(&s, "SELECT (SELECT max(w) FROM n WHERE t.ts > 0) FROM t", false,
			"SELECT (SELECT max(w) FROM scan(1) AS \"n\" WHERE t.ts > TIMESTAMP "
			"'1970-01-01T00:00:00.000000') FROM scan(0) AS \"t\"");
	setup_close(&s);
}

static void
time_stands_for_the_time_column(void **state)
{
	(void)state;
	Setup s;
	setup_open(&s);
	becomes(&s, "SELECT time, t.time AS x, max(time) FROM t WHERE time > 0 ORDER BY TIME", true,
			"SELECT \"ts\" AS \"time\", t.\"ts\" AS x, max(\"ts\") FROM scan(0) AS \"t\" WHERE "
			"\"ts\" > TIMESTAMP '1970-01-01T00:00:00.000000' ORDER BY \"ts\"");
	// Names that the list gives come first where DuckDB says so.
	becomes(
		&s, "SELECT hour(time) AS time FROM t WHERE time > '2016' ORDER BY time, time + v", true,
		"SELECT hour(\"ts\") AS time FROM scan(0) AS \"t\" WHERE \"ts\" > '2016' ORDER BY time, "
		"\"ts\" + v");
	becomes(&s, "SELECT DISTINCT ON (time) v AS Time FROM t ORDER BY t.time", true,
			"SELECT DISTINCT ON (time) v AS Time FROM scan(0) AS \"t\" ORDER BY t.\"ts\"");
	becomes(&s, "SELECT v AS time FROM t GROUP BY v HAVING time > 5 AND max(time) > '2016'", true,
			"SELECT v AS time FROM scan(0) AS \"t\" GROUP BY v HAVING time > 5 AND max(\"ts\") > "
			"'2016'");
	becomes(&s, "SELECT v AS time FROM t GROUP BY time, v HAVING time > '2016'", true,
			"SELECT v AS time FROM scan(0) AS \"t\" GROUP BY \"ts\", v HAVING \"ts\" > '2016'");
	becomes(&s, "SELECT s.time FROM t, n s ORDER BY time", true,
			"SELECT s.time FROM scan(0) AS \"t\", scan(1) s ORDER BY time");
	becomes(&s, "SELECT time FROM n", true, "SELECT time FROM scan(0) AS \"n\"");
	becomes(&s, "SELECT sum(v) OVER w, max(v) OVER w FROM t WINDOW w AS (ORDER BY time)", true,
			"SELECT sum(v) OVER w, max(v) OVER w FROM scan(0) AS \"t\" WINDOW w AS (ORDER BY "
			"\"ts\")");
	setup_close(&s);
}

static void
positions_come_back(void **state)
{
	(void)state;
	static const char sql[] = "SELECT a FROM htdb.t WHERE ts > 5 AND oops";
	Setup s;
	setup_open(&s);
	SCOPED(verdict_drop) Verdict *v = judge(&s, sql);
	Arena arena = ARENA_INIT;
	Rewrite out;
	rewrite(&s, v, false, &arena, &out);
	static const char *const marks[] = {"SELECT", "a FROM", "WHERE", "AND", "oops"};
	for (size_t i = 0; i < COUNT_OF(marks); i++)
		assert_int_equal(rewrite_position(&out, (int32_t)(strstr(out.text, marks[i]) - out.text)),
						 strstr(sql, marks[i]) - sql);
	int32_t inside = (int32_t)(strstr(out.text, "can(0)") - out.text);
	assert_int_equal(rewrite_position(&out, inside), strstr(sql, "htdb") - sql);
	assert_int_equal(rewrite_position(&out, -1), -1);
	assert_int_equal(rewrite_position(&out, (int32_t)strlen(out.text)), (int)strlen(sql));
	arena_close(&arena);
	verdict_unref(TAKE(v));
	setup_close(&s);
}

static void
a_constant_reads_and_calls_nothing(void **state)
{
	(void)state;
	static const struct {
		const char *sql;
		bool constant;
	} cases[] = {
		{"SELECT 1", true},
		{"SELECT 1 AS one, 'x', NULL, TIMESTAMP '2016-01-01', CAST('1' AS INT)", true},
		{"SELECT CASE WHEN true THEN 1 ELSE 2 END", true},
		{"SELECT 1 + 1", false}, // a call
		{"SELECT random()", false},
		{"SELECT now()", false},
		{"SELECT current_timestamp", false},
		{"SELECT count(*) OVER ()", false},
		{"SELECT (SELECT 1)", false},
		{"SELECT 1 WHERE EXISTS (SELECT 1)", false},
		{"SELECT 1 FROM range(3)", false},
		{"SELECT 1 FROM t", false},
		{"SELECT * FROM (VALUES (1))", false},
		{"VALUES (1)", false},
		{"SELECT 1 UNION ALL SELECT 2", false},
		{"WITH a AS (SELECT 1) SELECT 2", false},
		{"EXPLAIN SELECT 1", false},
	};
	Setup s;
	setup_open(&s);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		SCOPED(verdict_drop) Verdict *v = judge(&s, cases[i].sql);
		if (v->constant != cases[i].constant)
			fail_msg("%s", cases[i].sql);
	}
	char sql[400];
	snprintf(sql, sizeof(sql), "SELECT 1 AS %0300d", 0);
	memcpy(sql + 12, "a", 1);
	SCOPED(verdict_drop) Verdict *v = judge(&s, sql);
	assert_false(v->constant);
	verdict_unref(TAKE(v));
	setup_close(&s);
}

// ---- ranges ----

static void
ranges(Setup *s, const char *sql, int ref, int64_t min, int64_t max)
{
	static const int64_t second = 1000000000;
	SCOPED(verdict_drop) Verdict *v = judge(s, sql);
	RefColumns columns[4];
	TimeRange out[4];
	columns_of(s, v, columns);
	constraint_ranges(v, columns, false, 1000 * second, out);
	int64_t low = min == INT64_MIN ? min : min * second - 1000;
	int64_t high = max == INT64_MAX ? max : max * second + 1000;
	if (out[ref].min != low || out[ref].max != high)
		fail_msg("%s\n[%lld, %lld]", sql, (long long)out[ref].min, (long long)out[ref].max);
}

static void
only_what_where_requires_narrows_a_table(void **state)
{
	(void)state;
	const int64_t low = INT64_MIN, high = INT64_MAX;
	Setup s;
	setup_open(&s);
	ranges(&s, "FROM t WHERE ts > 5000000000 AND ts < 9000000000", 0, 5, 9);
	ranges(&s, "FROM t WHERE ts BETWEEN '1970-01-01 00:00:05' AND TIMESTAMP '1970-01-01 00:00:09'",
		   0, 5, 9);
	ranges(&s, "FROM t WHERE '1970-01-01 00:00:05' <= ts AND (ts < 9000000000 AND v > 0)", 0, 5, 9);
	ranges(&s, "FROM t WHERE ts = 5000000000", 0, 5, 5);
	ranges(&s, "FROM t WHERE ts > now() - INTERVAL 100 SECOND", 0, 1000 - 100 - 60, high);
	ranges(&s, "FROM t WHERE ts > now() - INTERVAL '2 minutes'", 0, 1000 - 120 - 60, high);
	ranges(&s, "FROM t WHERE ts > 5000000000 OR v = 1", 0, low, high);
	ranges(&s, "FROM t WHERE NOT ts > 5000000000", 0, low, 5);
	ranges(&s, "FROM t WHERE ts <> 5000000000", 0, low, high);
	ranges(&s, "FROM t WHERE v > 5000000000", 0, low, high);
	ranges(&s, "SELECT ts > 5000000000 FROM t", 0, low, high);
	ranges(&s, "FROM t GROUP BY ALL HAVING ts > 5000000000", 0, low, high);
	ranges(&s, "FROM t TABLESAMPLE 10% WHERE ts > 5000000000", 0, low, high);
	ranges(&s, "FROM t WHERE ts > 5000000000 USING SAMPLE 3", 0, low, high);
	// Of several tables, the one that the column is of.
	ranges(&s, "FROM t JOIN u ON true WHERE t.ts > 5000000000", 0, 5, high);
	ranges(&s, "FROM t JOIN u ON true WHERE t.ts > 5000000000", 1, low, high);
	ranges(&s, "FROM t LEFT JOIN u ON t.v = u.v WHERE u.ts > 5000000000", 1, 5, high);
	ranges(&s, "FROM t JOIN n ON true WHERE ts > 5000000000", 0, 5, high);
	ranges(&s, "FROM t JOIN u ON t.ts > 5000000000", 0, low, high);
	ranges(&s, "FROM t ASOF JOIN u ON t.ts >= u.ts WHERE u.ts > 5000000000", 1, low, high);
	ranges(&s, "FROM t ASOF JOIN u ON t.ts >= u.ts WHERE t.ts > 5000000000", 0, 5, high);
	ranges(&s, "FROM t POSITIONAL JOIN u WHERE t.ts > 5000000000", 0, low, high);
	// Each SELECT for its own.
	ranges(&s, "FROM t WHERE ts > 5000000000 AND v IN (SELECT v FROM u WHERE ts < 9000000000)", 0,
		   5, high);
	ranges(&s, "FROM t WHERE EXISTS (SELECT 1 FROM u WHERE t.ts > 5000000000)", 0, low, high);
	ranges(&s, "FROM t WHERE EXISTS (SELECT 1 FROM u WHERE ts > 5000000000)", 1, 5, high);
	ranges(&s, "FROM (FROM t) WHERE ts > 5000000000", 0, low, high);
	ranges(&s, "FROM t PIVOT (sum(v) FOR v IN (1)) WHERE ts > 5000000000", 0, low, high);
	setup_close(&s);
}

// A constant of a coarser type than the column's is rounded to it.
static void
a_constant_of_a_coarser_type_narrows_by_its_own_unit(void **state)
{
	(void)state;
	static const struct {
		const char *type;
		int64_t unit_ns;
	} types[] = {{"TIMESTAMP_S", 1000000000}, {"TIMESTAMP(0)", 1000000000},
				 {"TIMESTAMP_MS", 1000000},   {"TIMESTAMP(3)", 1000000},
				 {"TIMESTAMP", 1000},         {"TIMESTAMP_NS", 1000}};
	static const char *const forms[][2] = {
		{"ts = ", " '1970-01-01 00:00:05.5'"},
		{"ts = CAST('1970-01-01 00:00:05.5' AS ", ")"},
		{"ts = '1970-01-01 00:00:05.5'::", ""},
	};
	Setup s;
	setup_open(&s);
	for (size_t i = 0; i < COUNT_OF(types) * COUNT_OF(forms); i++) {
		char sql[160];
		TimeRange out[4];
		RefColumns columns[4];
		int64_t unit_ns = types[i / COUNT_OF(forms)].unit_ns, at = INT64_C(5500000000);
		const char *const *form = forms[i % COUNT_OF(forms)];
		snprintf(sql, sizeof(sql), "FROM t WHERE %s%s%s", form[0], types[i / COUNT_OF(forms)].type,
				 form[1]);
		SCOPED(verdict_drop) Verdict *v = judge(&s, sql);
		columns_of(&s, v, columns);
		constraint_ranges(v, columns, false, 0, out);
		if (out[0].min != at - unit_ns || out[0].max != at + unit_ns)
			fail_msg("%s\n[%lld, %lld]", sql, (long long)out[0].min, (long long)out[0].max);
	}
	setup_close(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_are_replaced_where_they_stand),
		cmocka_unit_test(constants_are_written_as_the_column_needs_them),
		cmocka_unit_test(time_stands_for_the_time_column),
		cmocka_unit_test(positions_come_back),
		cmocka_unit_test(a_constant_reads_and_calls_nothing),
		cmocka_unit_test(only_what_where_requires_narrows_a_table),
		cmocka_unit_test(a_constant_of_a_coarser_type_narrows_by_its_own_unit),
	};
	return RUN(tests);
}
