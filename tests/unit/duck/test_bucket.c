// time_bucket as queries see it, against the engine's own, which stays where a beginning is given.

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

// How many of the times have another bucket with `width` than that which begins at `origin`.
static void
equals(const char *width, const char *origin, const char *times)
{
	char sql[512];
	snprintf(sql, sizeof(sql),
			 "SELECT count(*), count(*) FILTER (time_bucket(INTERVAL '%s', t) IS DISTINCT FROM "
			 "time_bucket(INTERVAL '%s', t, TIMESTAMP '%s')) FROM (SELECT %s AS t FROM "
			 "range(20000) r(i))",
			 width, width, origin, times);
	query_is(fx.conn, sql, "20000|0\n");
}

static void
buckets_are_those_of_the_engine(void **state)
{
	(void)state;
	static const char *const spans[] = {"1 microsecond", "7 milliseconds", "1 second",
										"60 seconds",    "7 minutes",      "1 hour",
										"5 hours",       "1 day",          "7 days",
										"1 day 5 hours", "1000 days",      "-1 day 30 hours"};
	static const char *const months[] = {"1 month", "3 months", "5 months",
										 "1 year",  "7 years",  "100 years"};
	static const char *const times[] = {
		"TIMESTAMP '1999-12-31 23:00:00' + to_microseconds(i * 977)",
		"TIMESTAMP '2016-01-01' + to_seconds(i * 10)",
		"TIMESTAMP '2016-01-01' - to_hours(i)",
		"TIMESTAMP '1970-01-01' + to_days((i - 10000)::INT)",
		"make_timestamp((hash(i) % 8000000000000000)::BIGINT - 4000000000000000)",
		"make_timestamp((hash(i) % 16000000000000000000 // 2)::BIGINT - 4000000000000000000)",
		"CASE WHEN i % 3 > 0 THEN make_timestamp((hash(i) % 8000000000000000)::BIGINT) END",
	};
	for (size_t t = 0; t < COUNT_OF(times); t++) {
		for (size_t i = 0; i < COUNT_OF(spans); i++)
			equals(spans[i], "2000-01-03", times[t]);
		for (size_t i = 0; i < COUNT_OF(months); i++)
			equals(months[i], "2000-01-01", times[t]);
	}
}

static void
widths_may_differ_from_row_to_row(void **state)
{
	(void)state;
	query_is(fx.conn,
			 "SELECT count(*) FROM (SELECT CASE WHEN i % 5 > 0 THEN to_minutes(i % 3 + 1) END AS "
			 "w, TIMESTAMP '2016-01-01' + to_seconds(i) AS t FROM range(10000) r(i)) WHERE "
			 "time_bucket(w, t) IS DISTINCT FROM time_bucket(w, t, TIMESTAMP '2000-01-03')",
			 "0\n");
	query_is(fx.conn, "SELECT time_bucket(NULL, TIMESTAMP '2016-01-01')", "~\n");
	query_is(fx.conn, "SELECT time_bucket(INTERVAL '1 day', NULL::TIMESTAMP)", "~\n");
}

static void
infinite_times_are_their_own_buckets(void **state)
{
	(void)state;
	query_is(fx.conn,
			 "SELECT count(*) FROM (VALUES (TIMESTAMP 'infinity'), ('-infinity')) v(t) WHERE "
			 "time_bucket(INTERVAL '1 day', t) = t AND time_bucket(INTERVAL '1 month', t) = t",
			 "2\n");
	query_fails(fx.conn, "SELECT time_bucket(INTERVAL '-1 day', TIMESTAMP 'infinity')", ST_INVALID,
				"greater than 0");
}

static void
the_first_day_there_is_has_buckets(void **state)
{
	(void)state;
	query_is(fx.conn,
			 "SELECT list(time_bucket(w, t) = TIMESTAMP '290309-12-22 (BC)') FROM (VALUES "
			 "(INTERVAL '1 day'), ('1 hour'), ('1 microsecond')) v(w), (VALUES "
			 "(TIMESTAMP '290309-12-22 (BC)'), ('290309-12-22 (BC) 00:00:00')) u(t)",
			 "[true true true true true true]\n");
	query_fails(fx.conn, "SELECT time_bucket(INTERVAL '7 days', TIMESTAMP '290309-12-22 (BC)')",
				ST_INVALID, "too far");
}

// Nanoseconds would not hold them.
static void
seconds_and_milliseconds_have_buckets_in_all_their_years(void **state)
{
	(void)state;
	static const char *const types[] = {"TIMESTAMP_S", "TIMESTAMP_MS"};
	char sql[512];
	for (size_t i = 0; i < COUNT_OF(types); i++) {
		snprintf(sql, sizeof(sql),
				 "SELECT count(*), count(b), count(*) FILTER (b IS DISTINCT FROM "
				 "time_bucket(INTERVAL '1 day', t::TIMESTAMP, TIMESTAMP '2000-01-03')) FROM "
				 "(SELECT t, time_bucket(INTERVAL '1 day', t) AS b FROM (SELECT CASE WHEN i %% 4 > "
				 "0 THEN (TIMESTAMP '0001-01-01' + to_hours(i * 1777)) END::%s AS t FROM "
				 "range(20000) r(i)))",
				 types[i]);
		query_is(fx.conn, sql, "20000|15000|0\n");
		snprintf(sql, sizeof(sql),
				 "SELECT typeof(time_bucket(INTERVAL '1 month', %s '3000-01-05')), "
				 "isinf(time_bucket(INTERVAL '1 month', '-infinity'::%s))",
				 types[i], types[i]);
		query_is(fx.conn, sql, "TIMESTAMP|true\n");
	}
}

static void
types_of_time_keep_their_buckets(void **state)
{
	(void)state;
	query_is(fx.conn,
			 "SELECT typeof(time_bucket(INTERVAL '1 day', t::DATE)), typeof(time_bucket(INTERVAL "
			 "'1 day', t)), typeof(time_bucket(INTERVAL '1 day', t::TIMESTAMPTZ)), "
			 "typeof(time_bucket(INTERVAL '1 day', t::TIMESTAMP_NS)) FROM (SELECT TIMESTAMP "
			 "'2016-01-01 05:00:00' AS t)",
			 "DATE|TIMESTAMP|TIMESTAMP WITH TIME ZONE|TIMESTAMP\n");
	query_is(fx.conn,
			 "SELECT time_bucket(INTERVAL '1 hour', TIMESTAMP '2016-01-01 05:17:00', INTERVAL '5 "
			 "minutes') = TIMESTAMP '2016-01-01 05:05:00'",
			 "true\n");
}

static void
nanoseconds_have_the_buckets_of_their_microseconds(void **state)
{
	(void)state;
	query_is(fx.conn,
			 "SELECT count(*), count(*) FILTER (time_bucket(w, t) IS DISTINCT FROM time_bucket(w, "
			 "t::TIMESTAMP)) FROM (SELECT to_microseconds(i % 3 + 1) AS w, "
			 "make_timestamp_ns(i * 77 - 700000) AS t FROM range(20000) r(i))",
			 "20000|0\n");
	query_is(fx.conn,
			 "SELECT list(isinf(time_bucket(INTERVAL '1 day', t))) FROM (VALUES "
			 "(make_timestamp_ns(9223372036854775806)), ('infinity'::TIMESTAMP_NS), "
			 "(make_timestamp_ns(9223372036854775806)), ('-infinity')) v(t)",
			 "[false true false true]\n");
}

static void
widths_that_are_none_are_refused_where_they_are_used(void **state)
{
	(void)state;
	static const char *const none[] = {"0 seconds", "-1 hour", "-1 month"};
	char sql[256];
	for (size_t i = 0; i < COUNT_OF(none); i++) {
		snprintf(sql, sizeof(sql), "SELECT time_bucket(INTERVAL '%s', TIMESTAMP '2016-01-01')",
				 none[i]);
		query_fails(fx.conn, sql, ST_INVALID, "greater than 0");
	}
	query_fails(fx.conn, "SELECT time_bucket(INTERVAL '1 month 1 day', TIMESTAMP '2016-01-01')",
				ST_INVALID, "months");
	query_fails(fx.conn, "SELECT time_bucket(INTERVAL '250000 years', TIMESTAMP '-260000-01-01')",
				ST_INVALID, "too far");
	query_is(fx.conn, "SELECT time_bucket(INTERVAL '0 seconds', NULL::TIMESTAMP)", "~\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(buckets_are_those_of_the_engine, open_fixture,
										close_fixture),
		cmocka_unit_test_setup_teardown(widths_may_differ_from_row_to_row, open_fixture,
										close_fixture),
		cmocka_unit_test_setup_teardown(infinite_times_are_their_own_buckets, open_fixture,
										close_fixture),
		cmocka_unit_test_setup_teardown(the_first_day_there_is_has_buckets, open_fixture,
										close_fixture),
		cmocka_unit_test_setup_teardown(seconds_and_milliseconds_have_buckets_in_all_their_years,
										open_fixture, close_fixture),
		cmocka_unit_test_setup_teardown(types_of_time_keep_their_buckets, open_fixture,
										close_fixture),
		cmocka_unit_test_setup_teardown(nanoseconds_have_the_buckets_of_their_microseconds,
										open_fixture, close_fixture),
		cmocka_unit_test_setup_teardown(widths_that_are_none_are_refused_where_they_are_used,
										open_fixture, close_fixture),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
