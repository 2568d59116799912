#include "support.h"

#include <float.h>
#include <math.h>

#include "base/number.h"

static void
double_is(double value, const char *wanted)
{
	char text[NUMBER_DOUBLE + 1] = "";
	text[number_write_double(value, text)] = '\0';
	assert_string_equal(text, wanted);
}

static void
float_is(float value, const char *wanted)
{
	char text[NUMBER_DOUBLE + 1] = "";
	text[number_write_float(value, text)] = '\0';
	assert_string_equal(text, wanted);
}

static void
integers_are_written_exactly(void **state)
{
	(void)state;
	static const int64_t values[] = {0, 1, -1, 9, 10, 99, 100, -100, 12345, INT64_MAX, INT64_MIN};
	for (size_t i = 0; i < COUNT_OF(values); i++) {
		char text[NUMBER_INTEGER + 1], wanted[32];
		text[number_write_int(values[i], text)] = '\0';
		snprintf(wanted, sizeof(wanted), "%lld", (long long)values[i]);
		assert_string_equal(text, wanted);
		int64_t again = 1;
		assert_true(number_read_int(slice_text(text), &again) && again == values[i]);
	}
	for (uint64_t v = 1; v != 0; v *= 3) {
		char text[NUMBER_INTEGER + 1], wanted[32];
		text[number_write_uint(v, text)] = '\0';
		snprintf(wanted, sizeof(wanted), "%llu", (unsigned long long)v);
		assert_string_equal(text, wanted);
		if (v > UINT64_MAX / 3)
			break;
	}
}

static void
what_is_no_integer_is_refused(void **state)
{
	(void)state;
	static const char *const wrong[] = {"",
										"-",
										"+",
										"1.0",
										"1e3",
										" 1",
										"1 ",
										"--1",
										"0x1",
										"9223372036854775808",
										"-9223372036854775809",
										"99999999999999999999999"};
	int64_t value = 42;
	for (size_t i = 0; i < COUNT_OF(wrong); i++)
		assert_false(number_read_int(slice_text(wrong[i]), &value));
	assert_int_equal(value, 42);
	uint64_t large = 0;
	assert_true(number_read_uint(slice_text("18446744073709551615"), &large));
	assert_true(large == UINT64_MAX);
	assert_false(number_read_uint(slice_text("18446744073709551616"), &large));
	assert_false(number_read_uint(slice_text("-1"), &large));
	assert_true(number_read_int(slice_text("+00000000000000000000000000007"), &value));
	assert_int_equal(value, 7);
}

static void
doubles_are_written_in_their_shortest_form(void **state)
{
	(void)state;
	double_is(0.0, "0.0");
	double_is(-0.0, "-0.0");
	double_is(1, "1.0");
	double_is(-3, "-3.0");
	double_is(0.1, "0.1");
	double_is(0.1 + 0.2, "0.30000000000000004");
	double_is(100, "100.0");
	double_is(93.1, "93.1");
	double_is(0.0001, "0.0001");
	double_is(0.00001, "1e-05");
	double_is(1.5e-7, "1.5e-07");
	double_is(1e15, "1000000000000000.0");
	double_is(1e16, "1e+16");
	double_is(1e22, "1e+22");
	double_is(1e23, "1e+23");
	double_is(9007199254740993.0, "9007199254740992.0");
	double_is(123456789012345680.0, "1.2345678901234568e+17");
	double_is(5e-324, "5e-324");
	double_is(DBL_MAX, "1.7976931348623157e+308");
	double_is(DBL_MIN, "2.2250738585072014e-308");
	double_is(9.5367431640625e-07, "9.5367431640625e-07");
	double_is(2.0e-44, "2e-44");
	double_is(5.684341886080801e-14, "5.684341886080801e-14");
	double_is(NAN, "NaN");
	double_is(-NAN, "NaN");
	double_is(INFINITY, "Infinity");
	double_is(-INFINITY, "-Infinity");
	float_is(0.1F, "0.1");
	float_is(16777216.0F, "16777216.0");
	float_is(3.4028235e38F, "3.4028235e+38");
	float_is(1e-45F, "1e-45");
	float_is(-0.3F, "-0.3");
	float_is(NAN, "NaN");
	float_is(-INFINITY, "-Infinity");
}

// The digits a text begins with, without point and zeros at the end.
static int
digits_of(const char *text)
{
	int count = 0, zeros = 0;
	for (; *text != '\0' && *text != 'e'; text++) {
		if (*text < '0' || *text > '9' || (count == 0 && *text == '0'))
			continue;
		count++;
		zeros = *text == '0' ? zeros + 1 : 0;
	}
	return count - zeros;
}

// Nothing shorter reads back as it, and this does, by the C library's word and by ours.
static void
check_double(double value)
{
	char text[NUMBER_DOUBLE + 1], other[64];
	text[number_write_double(value, text)] = '\0';
	double read = 0;
	if (strtod(text, NULL) != value || !number_read_double(slice_text(text), &read) ||
		read != value)
		fail_msg("%s is not %.17g", text, value);
	int digits = digits_of(text);
	for (int precision = 0; precision < digits - 1; precision++) {
		snprintf(other, sizeof(other), "%.*e", precision, value);
		if (strtod(other, NULL) == value)
			fail_msg("%s could be %s", text, other);
	}
	// Of the same length none is nearer.
	snprintf(other, sizeof(other), "%.*e", digits - 1, value);
	if (strtod(other, NULL) == value && strtod(other, NULL) != strtod(text, NULL))
		fail_msg("%s is not the nearest: %s", text, other);
}

// The double so many steps away.
static double
beside(double value, int64_t steps)
{
	int64_t bits;
	memcpy(&bits, &value, sizeof(bits));
	bits += steps;
	memcpy(&value, &bits, sizeof(value));
	return value;
}

static uint64_t
next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static void
any_double_comes_back_and_is_no_longer_than_needed(void **state)
{
	(void)state;
	uint64_t seed = 0x9E3779B97F4A7C15;
	for (int i = 0; i < 20000; i++) {
		uint64_t bits = next_random(&seed);
		double value;
		memcpy(&value, &bits, sizeof(value));
		if (isfinite(value))
			check_double(value);
		check_double((double)(bits >> 20) / 1000);
		check_double((double)(int64_t)bits);
		check_double(ldexp((double)(bits >> 60) + 1, (int)(bits % 300) - 150));
	}
	for (int exponent = -1074; exponent < 1024; exponent++) {
		check_double(ldexp(1, exponent));
		check_double(beside(ldexp(1, exponent), -1));
		check_double(beside(ldexp(1, exponent), 1));
	}
}

static void
any_float_comes_back(void **state)
{
	(void)state;
	uint64_t seed = 88172645463325252;
	for (int i = 0; i < 200000; i++) {
		uint32_t bits = (uint32_t)next_random(&seed);
		float value;
		memcpy(&value, &bits, sizeof(value));
		if (!isfinite(value))
			continue;
		char text[NUMBER_DOUBLE + 1], other[64];
		text[number_write_float(value, text)] = '\0';
		if (strtof(text, NULL) != value)
			fail_msg("%s is not %.9g", text, (double)value);
		int digits = digits_of(text);
		if (digits > 1) {
			snprintf(other, sizeof(other), "%.*e", digits - 2, (double)value);
			if (strtof(other, NULL) == value)
				fail_msg("%s could be %s", text, other);
		}
	}
}

static void
reads_as_the_library_does(const char *text)
{
	double value = 42;
	if (!number_read_double(slice_text(text), &value))
		fail_msg("%s is refused", text);
	double wanted = strtod(text, NULL);
	if (memcmp(&value, &wanted, sizeof(value)) != 0)
		fail_msg("%s is %.17g and not %.17g", text, value, wanted);
}

static void
doubles_are_read_to_the_nearest(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"0",
		"-0",
		"1",
		"-1.5",
		"+2.5",
		".5",
		"5.",
		"1e5",
		"1E+5",
		"1e-5",
		"0.1",
		"1e22",
		"1e23",
		"9007199254740993",
		"9007199254740992.9999999",
		"1.7976931348623157e308",
		"5e-324",
		"2.4703282292062328e-324",
		"1e-400",
		"0e999",
		"123456789012345678901234567890",
		"0.000000000000000000000000000000000000012345678901234567890123",
		"9007199254740993.00000000000000000000000000000000001",
		"18014398509481986",
		"18014398509481982",
		"3.14159265358979323846264338327950288",
		"8.5e-1",
		"0.10000000000000000000000000000000000000000000000000000000000001",
		"100000000000000000000"};
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		reads_as_the_library_does(texts[i]);
	uint64_t seed = 42;
	for (int i = 0; i < 200000; i++) {
		char text[64];
		snprintf(text, sizeof(text), "%llu.%llue%d", (unsigned long long)(next_random(&seed) >> 40),
				 (unsigned long long)(next_random(&seed) >> (i % 40)), i % 40 - 20);
		reads_as_the_library_does(text);
	}
}

static void
what_is_no_number_is_refused(void **state)
{
	(void)state;
	static const char *const wrong[] = {"",      "-",   "+",    ".",     "e5",    "1e",  "1e+",
										"1.2.3", "1 ",  " 1",   "nan",   "NaN",   "inf", "0x1",
										"1,5",   "--1", "1e5x", "1e999", "-1e999"};
	double value = 42;
	for (size_t i = 0; i < COUNT_OF(wrong); i++)
		if (number_read_double(slice_text(wrong[i]), &value))
			fail_msg("'%s' is taken", wrong[i]);
	assert_true(value == 42);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(integers_are_written_exactly),
		cmocka_unit_test(what_is_no_integer_is_refused),
		cmocka_unit_test(doubles_are_written_in_their_shortest_form),
		cmocka_unit_test(any_double_comes_back_and_is_no_longer_than_needed),
		cmocka_unit_test(any_float_comes_back),
		cmocka_unit_test(doubles_are_read_to_the_nearest),
		cmocka_unit_test(what_is_no_number_is_refused),
	};
	return RUN(tests);
}
