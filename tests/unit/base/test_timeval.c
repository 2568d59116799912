#include "support.h"

#include "base/timeval.h"

static const int64_t SECOND = 1000000000;

static void
parses_to(const char *text, int64_t wanted)
{
	int64_t ns = 42;
	Error err = ERROR_INIT;
	if (time_parse(slice_text(text), &ns, &err) != ST_OK)
		fail_msg("%s", err.text);
	if (ns != wanted)
		fail_msg("%s is %lld, not %lld", text, (long long)ns, (long long)wanted);
}

static void
iso_times_are_read(void **state)
{
	(void)state;
	parses_to("1970-01-01", 0);
	parses_to("1970-01-01T00:00:00Z", 0);
	parses_to("1970-01-01 00:01", 60 * SECOND);
	parses_to("1970-01-01t00:00:01z", SECOND);
	parses_to("2016-01-01T00:00:00.123Z", 1451606400123000000);
	parses_to("2016-02-29 12:34:56.123456789", 1456749296123456789);
	parses_to("2000-02-29", 951782400 * SECOND);
	parses_to("1969-12-31T23:59:59.999999999", -1);
	parses_to("1900-03-01", -2203891200 * SECOND);
}

static void
offsets_lead_to_utc(void **state)
{
	(void)state;
	parses_to("1970-01-01T01:00:00+01:00", 0);
	parses_to("1970-01-01T01:00:00+01", 0);
	parses_to("1969-12-31T18:30:00-05:30", 0);
	parses_to("1970-01-01T00:00-00:00", 0);
}

static void
times_beyond_the_range_saturate(void **state)
{
	(void)state;
	parses_to("2262-04-11T23:47:16.854775807Z", INT64_MAX);
	parses_to("2262-04-11T23:47:16.854775806Z", INT64_MAX - 1);
	parses_to("2262-04-11T23:47:16.854775808Z", INT64_MAX);
	parses_to("9999-12-31", INT64_MAX);
	parses_to("+123456-01-01", INT64_MAX);
	parses_to("1677-09-21T00:12:43.145224192Z", INT64_MIN);
	parses_to("1677-09-21T00:12:43.145224193Z", INT64_MIN + 1);
	parses_to("1677-09-21T00:12:43.145224191Z", INT64_MIN);
	parses_to("0000-01-01", INT64_MIN);
	parses_to("-0044-03-15", INT64_MIN);
}

static void
what_is_no_time_is_refused_with_its_reason(void **state)
{
	(void)state;
	static const char *const bad[][2] = {
		{"", "four digits"},
		{"now", "four digits"},
		{"216-01-01", "four digits"},
		{"2016-1-01", "month"},
		{"2016-13-01", "month"},
		{"2016-00-01", "month"},
		{"2016-01-00", "day"},
		{"2016-01-32", "day"},
		{"2015-02-29", "no such day"},
		{"1900-02-29", "no such day"},
		{"2016-04-31", "no such day"},
		{"20160101", "YYYY-MM-DD"},
		{"2016-01-01Z", "follow"},
		{"2016-01-01T", "hour"},
		{"2016-01-01T24:00", "hour"},
		{"2016-01-01T12", "HH:MM"},
		{"2016-01-01T12:60", "minute"},
		{"2016-01-01T12:00:60", "second"},
		{"2016-01-01T12:00:00.", "digits"},
		{"2016-01-01T12:00:00.1234567890", "9 fraction"},
		{"2016-01-01T12:00:00+", "offset"},
		{"2016-01-01T12:00:00+1", "offset"},
		{"2016-01-01T12:00:00+01:", "offset"},
		{"2016-01-01T12:00:00Zz", "follow"},
		{"2016-01-01  12:00:00", "hour"},
	};
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		int64_t ns = 42;
		Error err = ERROR_INIT;
		assert_int_equal(time_parse(slice_text(bad[i][0]), &ns, &err), ST_INVALID);
		assert_int_equal(ns, 42);
		says(&err, bad[i][1]);
	}
}

static void
every_truncation_is_a_time_or_refused(void **state)
{
	(void)state;
	static const char whole[] = "2016-02-29T12:34:56.123456789+01:30";
	for (size_t len = 0; len < sizeof(whole) - 1; len++) {
		char *copy = mem_copy(whole, len);
		int64_t ns;
		Status st = time_parse(slice_of(copy, len), &ns, NULL);
		assert_true(st == ST_OK || st == ST_INVALID);
		mem_free(copy);
	}
}

static void
formats_to(int64_t ns, int digits, bool zulu, const char *wanted)
{
	char text[48];
	time_format(ns, digits, zulu, text);
	assert_string_equal(text, wanted);
}

static void
times_are_written_with_the_digits_asked_for(void **state)
{
	(void)state;
	formats_to(0, 0, true, "1970-01-01T00:00:00Z");
	formats_to(1451606400123456789, 0, false, "2016-01-01T00:00:00");
	formats_to(1451606400123456789, 3, true, "2016-01-01T00:00:00.123Z");
	formats_to(1451606400123456789, 6, true, "2016-01-01T00:00:00.123456Z");
	formats_to(1451606400123456789, 9, false, "2016-01-01T00:00:00.123456789");
	formats_to(-1, 9, true, "1969-12-31T23:59:59.999999999Z");
	formats_to(-1, 0, true, "1969-12-31T23:59:59Z");
	formats_to(INT64_MAX, 9, true, "2262-04-11T23:47:16.854775807Z");
	formats_to(INT64_MIN, 9, true, "1677-09-21T00:12:43.145224192Z");
	formats_to(0, 99, true, "1970-01-01T00:00:00.000000000Z");
}

static void
what_is_written_is_read_back(void **state)
{
	(void)state;
	// Steps of a prime number of seconds visit every day of year and hour over the whole range.
	for (int64_t s = -9223372036; s < 9223372036; s += 1000003) {
		int64_t ns = s * SECOND + 123456789;
		char text[48];
		time_format(ns, 9, true, text);
		parses_to(text, ns);
	}
}

static void
scaling_saturates_and_rounds_down(void **state)
{
	(void)state;
	assert_true(time_scale_saturating(5, 1000, 1) == 5000);
	assert_true(time_scale_saturating(5999, 1, 1000) == 5);
	assert_true(time_scale_saturating(-1, 1, 1000) == -1);
	assert_true(time_scale_saturating(-1000, 1, 1000) == -1);
	assert_true(time_scale_saturating(INT64_MAX, SECOND, 1) == INT64_MAX);
	assert_true(time_scale_saturating(INT64_MIN, SECOND, 1) == INT64_MIN);
	assert_true(time_scale_saturating(INT64_MAX, SECOND, SECOND) == INT64_MAX);
	assert_true(time_scale_saturating(INT64_MIN, -1, 1) == INT64_MAX);
}

static void
days_and_months_lead_to_each_other(void **state)
{
	(void)state;
	assert_true(time_day_of_month(0) == 0 && time_month_of_day(0) == 0);
	assert_true(time_day_of_month(360) == 10957 && time_month_of_day(10956) == 359);
	assert_true(time_day_of_month(-1) == -31 && time_month_of_day(-1) == -1);
	for (int64_t month = -24000 * 12; month < 24000 * 12; month++) {
		int64_t first = time_day_of_month(month);
		assert_true(time_month_of_day(first) == month);
		assert_true(time_month_of_day(first - 1) == month - 1);
	}
}

static void
rounding_up_finds_the_first_that_is_not_before(void **state)
{
	(void)state;
	assert_true(time_round_up(5000, 1000) == 5);
	assert_true(time_round_up(5001, 1000) == 6);
	assert_true(time_round_up(-1, 1000) == 0);
	assert_true(time_round_up(-1000, 1000) == -1);
	assert_true(time_round_up(-1001, 1000) == -1);
	assert_true(time_round_up(INT64_MAX, 1) == INT64_MAX);
	assert_true(time_round_up(INT64_MIN, 1) == INT64_MIN);
	assert_true(time_round_up(INT64_MAX, SECOND) == INT64_MAX / SECOND + 1);
	assert_true(time_round_up(INT64_MIN, SECOND) == INT64_MIN / SECOND);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(iso_times_are_read),
		cmocka_unit_test(offsets_lead_to_utc),
		cmocka_unit_test(times_beyond_the_range_saturate),
		cmocka_unit_test(what_is_no_time_is_refused_with_its_reason),
		cmocka_unit_test(every_truncation_is_a_time_or_refused),
		cmocka_unit_test(times_are_written_with_the_digits_asked_for),
		cmocka_unit_test(what_is_written_is_read_back),
		cmocka_unit_test(scaling_saturates_and_rounds_down),
		cmocka_unit_test(days_and_months_lead_to_each_other),
		cmocka_unit_test(rounding_up_finds_the_first_that_is_not_before),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
