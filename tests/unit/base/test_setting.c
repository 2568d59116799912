#include "support.h"

#include "base/setting.h"

static void
sizes_are_read_in_binary_and_decimal_units(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint64_t bytes;
	} cases[] = {
		{"0", 0},
		{"4096", 4096},
		{"17B", 17},
		{"10KB", 10000},
		{"64MiB", 64 << 20},
		{"64mib", 64 << 20},
		{"1 GiB", 1 << 30},
		{"3GB", 3000000000},
		{"2TiB", 2ull << 40},
		{"18446744073709551615", UINT64_MAX},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		uint64_t bytes = 1;
		assert_int_equal(setting_parse_size(cases[i].text, &bytes, NULL), ST_OK);
		assert_true(bytes == cases[i].bytes);
	}
}

static void
what_is_no_size_is_refused_with_a_proposal(void **state)
{
	(void)state;
	static const char *const bad[] = {"",
									  "MiB",
									  "-1",
									  "64M",
									  "1.5GiB",
									  "1GiB ",
									  "1GiBx",
									  "1GiB 1MiB",
									  "0x10",
									  "99999999999999999999",
									  "18446744073709551616"};
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		uint64_t bytes = 7;
		Error err = ERROR_INIT;
		assert_int_equal(setting_parse_size(bad[i], &bytes, &err), ST_INVALID);
		assert_int_equal(bytes, 7);
		says(&err, "iB");
	}
	uint64_t bytes;
	Error err = ERROR_INIT;
	assert_int_equal(setting_parse_size("99999999TiB", &bytes, &err), ST_INVALID);
	says(&err, "64 bits");
}

static void
durations_are_sums_of_numbers_with_units(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t ns;
	} cases[] = {
		{"0s", 0},
		{"5ns", 5},
		{"5us", 5000},
		{"500ms", 500000000},
		{"10s", 10000000000},
		{"1h30m", 5400000000000},
		{"1d", 86400000000000},
		{"2w1d", 15 * 86400000000000},
		{"1s1s", 2000000000},
		{"9223372036854775807ns", INT64_MAX},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		int64_t ns = 1;
		assert_int_equal(setting_parse_duration(cases[i].text, &ns, NULL), ST_OK);
		assert_true(ns == cases[i].ns);
	}
}

static void
a_duration_is_written_as_it_is_read(void **state)
{
	(void)state;
	static const char *const texts[] = {"1ns",   "30d",   "2w",
										"1h30m", "1d12h", "500ms",
										"1d1ns", "8d",    "15250w1d23h47m16s854ms775us807ns"};
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		int64_t ns = 0, again = 0;
		char text[DURATION_TEXT];
		assert_int_equal(setting_parse_duration(texts[i], &ns, NULL), ST_OK);
		setting_format_duration(ns, text);
		if (i + 1 < COUNT_OF(texts)) // the longest there is has no weeks
			assert_string_equal(text, texts[i]);
		assert_int_equal(setting_parse_duration(text, &again, NULL), ST_OK);
		assert_true(again == ns);
	}
}

static void
a_slip_in_a_duration_is_told_from_others(void **state)
{
	(void)state;
	static const char *const cases[][2] = {
		{"30 days", "has a blank"}, {"1.5h", "has a fraction"}, {"30", "needs a unit"}};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		int64_t ns;
		Error err = ERROR_INIT;
		assert_int_equal(setting_parse_duration(cases[i][0], &ns, &err), ST_INVALID);
		assert_non_null(strstr(err.text, cases[i][1]));
	}
}

static void
what_is_no_duration_is_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {"",
									  "s",
									  "10",
									  "-1s",
									  "10 s",
									  "1.5s",
									  "1h30",
									  "1S",
									  "10sec",
									  "1h 30m",
									  "16000w",
									  "9223372036854775808ns",
									  "99999999999999999999s"};
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		int64_t ns = 7;
		Error err = ERROR_INIT;
		assert_int_equal(setting_parse_duration(bad[i], &ns, &err), ST_INVALID);
		assert_int_equal(ns, 7);
		says(&err, bad[i]);
	}
}

static void
booleans_are_words_people_use(void **state)
{
	(void)state;
	static const char *const pairs[][2] = {
		{"on", "off"}, {"true", "false"}, {"YES", "No"}, {"1", "0"}};
	for (size_t i = 0; i < COUNT_OF(pairs); i++) {
		bool value = false;
		assert_int_equal(setting_parse_bool(pairs[i][0], &value, NULL), ST_OK);
		assert_true(value);
		assert_int_equal(setting_parse_bool(pairs[i][1], &value, NULL), ST_OK);
		assert_false(value);
	}
	Error err = ERROR_INIT;
	bool value = true;
	assert_int_equal(setting_parse_bool("maybe", &value, &err), ST_INVALID);
	says(&err, "on or off");
	assert_int_equal(setting_parse_bool("", &value, &err), ST_INVALID);
}

static void
integers_are_exact_to_their_ends(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t value;
	} cases[] = {{"0", 0},
				 {"-0", 0},
				 {"+7", 7},
				 {"9223372036854775807", INT64_MAX},
				 {"-9223372036854775808", INT64_MIN}};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		int64_t value = 1;
		assert_int_equal(setting_parse_int(cases[i].text, &value, NULL), ST_OK);
		assert_true(value == cases[i].value);
	}
	static const char *const bad[] = {
		"", "-", "1x", " 1", "1.0", "9223372036854775808", "-9223372036854775809"};
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		int64_t value = 7;
		Error err = ERROR_INIT;
		assert_int_equal(setting_parse_int(bad[i], &value, &err), ST_INVALID);
		assert_int_equal(value, 7);
		says(&err, "whole number");
	}
}

static void
a_near_name_is_proposed_and_a_far_one_is_not(void **state)
{
	(void)state;
	static const char *const names[] = {"query.timeout", "query.threads", "ttl", "log.level"};
	const size_t count = COUNT_OF(names);
	assert_string_equal(setting_propose("query.timout", names, count), "query.timeout");
	assert_string_equal(setting_propose("QUERY.THREAD", names, count), "query.threads");
	assert_string_equal(setting_propose("tll", names, count), "ttl");
	assert_string_equal(setting_propose("loglevel", names, count), "log.level");
	assert_null(setting_propose("colour", names, count));
	assert_null(setting_propose("", names, count));
	assert_null(setting_propose("x", names, 0));
	char endless[200] = "";
	memset(endless, 'x', sizeof(endless) - 1);
	assert_null(setting_propose(endless, names, count));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_are_read_in_binary_and_decimal_units),
		cmocka_unit_test(what_is_no_size_is_refused_with_a_proposal),
		cmocka_unit_test(durations_are_sums_of_numbers_with_units),
		cmocka_unit_test(a_duration_is_written_as_it_is_read),
		cmocka_unit_test(a_slip_in_a_duration_is_told_from_others),
		cmocka_unit_test(what_is_no_duration_is_refused),
		cmocka_unit_test(booleans_are_words_people_use),
		cmocka_unit_test(integers_are_exact_to_their_ends),
		cmocka_unit_test(a_near_name_is_proposed_and_a_far_one_is_not),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
