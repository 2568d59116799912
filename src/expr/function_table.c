// function_table.c - the functions there are, by their overloads.

#include "expr/function_int.h"
#include "expr/text_int.h"
#include "expr/time_int.h"

#define EACH ARG_EACH

enum {
	BIT_DOUBLE = UINT32_C(1) << KIND_DOUBLE,
	KINDS_TEXTS = (UINT32_C(1) << KIND_TEXT),
	KINDS_ROUNDED = KINDS_REAL | KINDS_DECIMAL,
	KINDS_DIVIDED = KINDS_INTEGER | KINDS_REAL,
};

#define MICROS_OF_SECOND INT64_C(1000000)

#define TWO(name, kinds, table, rule)                                                              \
	{                                                                                              \
		name, kinds, 2, {EACH, EACH}, EACH, &table, NULL, 0, rule                                  \
	}
#define ONE(name, kinds, table, rule)                                                              \
	{                                                                                              \
		name, kinds, 1, {EACH}, EACH, &table, NULL, 0, rule                                        \
	}
#define REAL(name, table)                                                                          \
	{                                                                                              \
		name, 0, 1, {KIND_DOUBLE}, KIND_DOUBLE, &table, NULL, 0, NULL                              \
	}
#define FIXED(name, x, y, result, kernel)                                                          \
	{                                                                                              \
		name, 0, 2, {x, y}, result, NULL, kernel, 0, NULL                                          \
	}
#define FIXED_1(name, x, result, kernel, detail)                                                   \
	{                                                                                              \
		name, 0, 1, {x}, result, NULL, kernel, detail, NULL                                        \
	}
#define TEXTS(name, result, kernel, detail)                                                        \
	{                                                                                              \
		name, 0, 2, {KIND_TEXT, KIND_TEXT}, result, NULL, kernel, detail, NULL                     \
	}
#define TEXTS_3(name, result, kernel, detail)                                                      \
	{                                                                                              \
		name, 0, 3, {KIND_TEXT, KIND_TEXT, KIND_TEXT}, result, NULL, kernel, detail, NULL          \
	}
#define UNITS(name, kernel, kind, detail) FIXED_1(name, kind, KIND_SPAN, kernel, detail)

const Overload overloads[] = {
	// arithmetic
	TWO("+", KINDS_NUMERIC, ADD, adjust_sum),
	ONE("+", KINDS_NUMERIC, SAME_VALUE, adjust_same),
	FIXED("+", KIND_DATE, KIND_INT32, KIND_DATE, date_add_days),
	FIXED("+", KIND_INT32, KIND_DATE, KIND_DATE, days_add_date),
	FIXED("+", KIND_SPAN, KIND_SPAN, KIND_SPAN, span_add),
	FIXED("+", KIND_DATE, KIND_SPAN, KIND_MICROS, stamp_add_span),
	FIXED("+", KIND_SPAN, KIND_DATE, KIND_MICROS, span_add_stamp),
	FIXED("+", KIND_MICROS, KIND_SPAN, KIND_MICROS, stamp_add_span),
	FIXED("+", KIND_SPAN, KIND_MICROS, KIND_MICROS, span_add_stamp),
	FIXED("+", KIND_INSTANT, KIND_SPAN, KIND_INSTANT, stamp_add_span),
	FIXED("+", KIND_SPAN, KIND_INSTANT, KIND_INSTANT, span_add_stamp),
	TWO("-", KINDS_NUMERIC, SUBTRACT, adjust_sum),
	ONE("-", KINDS_NUMERIC, NEGATE, adjust_same),
	FIXED_1("-", KIND_SPAN, KIND_SPAN, span_negate, 0),
	FIXED("-", KIND_DATE, KIND_DATE, KIND_INT64, date_subtract_date),
	FIXED("-", KIND_DATE, KIND_INT32, KIND_DATE, date_subtract_days),
	FIXED("-", KIND_MICROS, KIND_MICROS, KIND_SPAN, stamp_subtract_stamp),
	FIXED("-", KIND_INSTANT, KIND_INSTANT, KIND_SPAN, instant_subtract_instant),
	FIXED("-", KIND_SPAN, KIND_SPAN, KIND_SPAN, span_subtract),
	FIXED("-", KIND_DATE, KIND_SPAN, KIND_MICROS, stamp_subtract_span),
	FIXED("-", KIND_MICROS, KIND_SPAN, KIND_MICROS, stamp_subtract_span),
	FIXED("-", KIND_INSTANT, KIND_SPAN, KIND_INSTANT, stamp_subtract_span),
	TWO("*", KINDS_NUMERIC, MULTIPLY, adjust_product),
	FIXED("*", KIND_SPAN, KIND_DOUBLE, KIND_SPAN, span_times),
	FIXED("*", KIND_DOUBLE, KIND_SPAN, KIND_SPAN, times_span),
	FIXED("*", KIND_INT64, KIND_SPAN, KIND_SPAN, whole_times_span),
	FIXED("*", KIND_SPAN, KIND_INT64, KIND_SPAN, span_times_whole),
	TWO("/", KINDS_REAL, DIVIDE, NULL),
	FIXED("/", KIND_SPAN, KIND_DOUBLE, KIND_SPAN, span_divide),
	TWO("//", KINDS_DIVIDED, WHOLE_DIVIDE, NULL),
	TWO("%", KINDS_NUMERIC, MODULO, adjust_modulo),
	TWO("mod", KINDS_NUMERIC, MODULO, adjust_modulo),

	// numbers
	ONE("abs", KINDS_NUMERIC, ABSOLUTE, adjust_same),
	ONE("@", KINDS_NUMERIC, ABSOLUTE, adjust_same),
	{"sign", KINDS_NUMERIC, 1, {EACH}, KIND_INT8, &SIGN, NULL, 0, adjust_same},
	ONE("ceil", KINDS_ROUNDED, CEILING, adjust_whole),
	ONE("ceiling", KINDS_ROUNDED, CEILING, adjust_whole),
	ONE("floor", KINDS_ROUNDED, FLOOR, adjust_whole),
	ONE("trunc", KINDS_NUMERIC, TRUNCATE, adjust_whole),
	ONE("round", KINDS_ROUNDED | KINDS_SIGNED, ROUND, adjust_whole),
	{"round",
	 KINDS_ROUNDED | KINDS_SIGNED,
	 2,
	 {EACH, KIND_INT32},
	 EACH,
	 &ROUND_TO,
	 NULL,
	 0,
	 adjust_round},
	REAL("sqrt", SQUARE_ROOT),
	REAL("cbrt", CUBE_ROOT),
	REAL("exp", EXPONENTIAL),
	REAL("ln", LOGARITHM),
	REAL("log", LOGARITHM_10),
	REAL("log10", LOGARITHM_10),
	REAL("log2", LOGARITHM_2),
	REAL("sin", SINE),
	REAL("cos", COSINE),
	REAL("tan", TANGENT),
	{"pow", 0, 2, {KIND_DOUBLE, KIND_DOUBLE}, KIND_DOUBLE, &POWER, NULL, 0, NULL},
	{"power", 0, 2, {KIND_DOUBLE, KIND_DOUBLE}, KIND_DOUBLE, &POWER, NULL, 0, NULL},
	{"**", 0, 2, {KIND_DOUBLE, KIND_DOUBLE}, KIND_DOUBLE, &POWER, NULL, 0, NULL},
	{"^", 0, 2, {KIND_DOUBLE, KIND_DOUBLE}, KIND_DOUBLE, &POWER, NULL, 0, NULL},
	{"isnan", KINDS_REAL, 1, {EACH}, KIND_BOOL, &IS_NAN, NULL, 0, NULL},
	{"isinf", KINDS_REAL, 1, {EACH}, KIND_BOOL, &IS_INFINITE, NULL, 0, NULL},
	{"isfinite", KINDS_REAL, 1, {EACH}, KIND_BOOL, &IS_FINITE, NULL, 0, NULL},

	// text
	TEXTS("~~", KIND_BOOL, text_matches, 0),
	TEXTS("!~~", KIND_BOOL, text_matches, LIKE_NOT),
	TEXTS("~~*", KIND_BOOL, text_matches, LIKE_FOLD),
	TEXTS("!~~*", KIND_BOOL, text_matches, LIKE_NOT | LIKE_FOLD),
	TEXTS_3("like_escape", KIND_BOOL, text_matches, 0),
	TEXTS_3("not_like_escape", KIND_BOOL, text_matches, LIKE_NOT),
	TEXTS_3("ilike_escape", KIND_BOOL, text_matches, LIKE_FOLD),
	TEXTS_3("not_ilike_escape", KIND_BOOL, text_matches, LIKE_NOT | LIKE_FOLD),
	TEXTS("contains", KIND_BOOL, text_contains, 0),
	TEXTS("starts_with", KIND_BOOL, text_starts_with, 0),
	TEXTS("^@", KIND_BOOL, text_starts_with, 0),
	TEXTS("prefix", KIND_BOOL, text_starts_with, 0),
	TEXTS("ends_with", KIND_BOOL, text_ends_with, 0),
	TEXTS("suffix", KIND_BOOL, text_ends_with, 0),
	TEXTS("strpos", KIND_INT64, text_position, 0),
	TEXTS("instr", KIND_INT64, text_position, 0),
	TEXTS("position", KIND_INT64, text_position, 0),
	FIXED_1("lower", KIND_TEXT, KIND_TEXT, text_lower, 0),
	FIXED_1("lcase", KIND_TEXT, KIND_TEXT, text_lower, 0),
	FIXED_1("upper", KIND_TEXT, KIND_TEXT, text_upper, 0),
	FIXED_1("ucase", KIND_TEXT, KIND_TEXT, text_upper, 0),
	FIXED_1("length", KIND_TEXT, KIND_INT64, text_length, 0),
	FIXED_1("len", KIND_TEXT, KIND_INT64, text_length, 0),
	FIXED_1("char_length", KIND_TEXT, KIND_INT64, text_length, 0),
	FIXED_1("character_length", KIND_TEXT, KIND_INT64, text_length, 0),
	FIXED_1("strlen", KIND_TEXT, KIND_INT64, text_bytes, 0),
	FIXED_1("octet_length", KIND_BLOB, KIND_INT64, text_bytes, 0),
	FIXED("substring", KIND_TEXT, KIND_INT64, KIND_TEXT, text_substring),
	FIXED("substr", KIND_TEXT, KIND_INT64, KIND_TEXT, text_substring),
	{"substring",
	 0,
	 3,
	 {KIND_TEXT, KIND_INT64, KIND_INT64},
	 KIND_TEXT,
	 NULL,
	 text_substring,
	 0,
	 NULL},
	{"substr", 0, 3, {KIND_TEXT, KIND_INT64, KIND_INT64}, KIND_TEXT, NULL, text_substring, 0, NULL},
	FIXED("left", KIND_TEXT, KIND_INT64, KIND_TEXT, text_left),
	FIXED("right", KIND_TEXT, KIND_INT64, KIND_TEXT, text_right),
	FIXED_1("trim", KIND_TEXT, KIND_TEXT, text_trim, TRIM_LEFT | TRIM_RIGHT),
	FIXED_1("ltrim", KIND_TEXT, KIND_TEXT, text_trim, TRIM_LEFT),
	FIXED_1("rtrim", KIND_TEXT, KIND_TEXT, text_trim, TRIM_RIGHT),
	TEXTS("trim", KIND_TEXT, text_trim, TRIM_LEFT | TRIM_RIGHT),
	TEXTS("ltrim", KIND_TEXT, text_trim, TRIM_LEFT),
	TEXTS("rtrim", KIND_TEXT, text_trim, TRIM_RIGHT),
	TEXTS_3("replace", KIND_TEXT, text_replace, 0),

	// time
	UNITS("to_microseconds", span_of_units, KIND_INT64, 1),
	UNITS("to_milliseconds", span_of_real_units, KIND_DOUBLE, 1000),
	UNITS("to_seconds", span_of_real_units, KIND_DOUBLE, MICROS_OF_SECOND),
	UNITS("to_minutes", span_of_units, KIND_INT64, 60 * MICROS_OF_SECOND),
	UNITS("to_hours", span_of_units, KIND_INT64, 3600 * MICROS_OF_SECOND),
	UNITS("to_days", span_of_days, KIND_INT64, 1),
	UNITS("to_weeks", span_of_days, KIND_INT64, 7),
	UNITS("to_months", span_of_months, KIND_INT64, 1),
	UNITS("to_quarters", span_of_months, KIND_INT64, 3),
	UNITS("to_years", span_of_months, KIND_INT64, 12),
	UNITS("to_decades", span_of_months, KIND_INT64, 120),
	UNITS("to_centuries", span_of_months, KIND_INT64, 1200),
	UNITS("to_millennia", span_of_months, KIND_INT64, 12000),
	FIXED_1("make_timestamp", KIND_INT64, KIND_MICROS, time_from_units, 1),
	FIXED_1("make_timestamp_ns", KIND_INT64, KIND_NANOS, time_from_units, 1),
};
const size_t overload_count = COUNT_OF(overloads);
