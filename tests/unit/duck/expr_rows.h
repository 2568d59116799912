// expr_rows.h - random rows of every type that expressions know, with the edges of each.

#pragma once

#include <math.h>

#include "../check.h"
#include "arrow/builder.h"

typedef struct Rand {
	uint64_t state;
} Rand;

static inline uint64_t
rand_next(Rand *r)
{
	r->state += UINT64_C(0x9e3779b97f4a7c15);
	uint64_t z = r->state;
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static inline int64_t
rand_below(Rand *r, int64_t n)
{
	return (int64_t)(rand_next(r) % (uint64_t)n);
}

static inline Schema *
random_schema(void)
{
	static const struct {
		const char *names[2];
		Type type;
	} columns[] = {
		{{"ia", "ja"}, {.id = TYPE_INT8}},
		{{"ib", "jb"}, {.id = TYPE_INT16}},
		{{"ic", "jc"}, {.id = TYPE_INT32}},
		{{"id", "jd"}, {.id = TYPE_INT64}},
		{{"ua", "va"}, {.id = TYPE_UINT8}},
		{{"ub", "vb"}, {.id = TYPE_UINT16}},
		{{"uc", "vc"}, {.id = TYPE_UINT32}},
		{{"ud", "vd"}, {.id = TYPE_UINT64}},
		{{"fa", "ga"}, {.id = TYPE_FLOAT32}},
		{{"fb", "gb"}, {.id = TYPE_FLOAT64}},
		{{"da", "ea"}, {.id = TYPE_DECIMAL128, .precision = 9, .scale = 2}},
		{{"db", "eb"}, {.id = TYPE_DECIMAL128, .precision = 18, .scale = 4}},
		{{"dc", "ec"}, {.id = TYPE_DECIMAL128, .precision = 38, .scale = 10}},
		{{"ba", "bb"}, {.id = TYPE_BOOL}},
		{{"sa", "sb"}, {.id = TYPE_UTF8}},
		{{"sn", "sm"}, {.id = TYPE_UTF8}},
		{{"st", "su"}, {.id = TYPE_UTF8}},
		{{"la", "lb"}, {.id = TYPE_BINARY}},
		{{"day", "date"}, {.id = TYPE_DATE32}},
		{{"ts", "xs"}, {.id = TYPE_TIMESTAMP, .unit = UNIT_S}},
		{{"tm", "xm"}, {.id = TYPE_TIMESTAMP, .unit = UNIT_MS}},
		{{"tu", "xu"}, {.id = TYPE_TIMESTAMP, .unit = UNIT_US}},
		{{"tn", "xn"}, {.id = TYPE_TIMESTAMP, .unit = UNIT_NS}},
		{{"tz", "xz"}, {.id = TYPE_TIMESTAMP, .unit = UNIT_US, .zone = "UTC"}},
		{{"zs", "zm"}, {.id = TYPE_TIMESTAMP, .unit = UNIT_S, .zone = "Europe/Berlin"}},
		{{"iv", "iw"}, {.id = TYPE_INTERVAL_MONTH_DAY_NANO}},
	};
	Field fields[2 * COUNT_OF(columns)];
	for (size_t i = 0; i < COUNT_OF(fields); i++)
		fields[i] = (Field){
			.name = columns[i / 2].names[i % 2], .type = columns[i / 2].type, .nullable = true};
	Schema *schema = NULL;
	Error err = ERROR_INIT;
	ok(schema_new(fields, COUNT_OF(fields), NULL, 0, &schema, &err), &err);
	return schema;
}

// ---- numbers ----

static inline uint64_t
random_bits(Rand *r, int bits, bool with_sign, bool edges)
{
	uint64_t high = with_sign ? (UINT64_C(1) << (bits - 1)) - 1 : UINT64_MAX >> (64 - bits);
	uint64_t low = with_sign ? 0 - high - 1 : 0;
	switch (rand_below(r, edges ? 8 : 4)) {
	case 0:
	case 1: return (uint64_t)(rand_below(r, 23) - (with_sign ? 11 : 0));
	case 2: return (uint64_t)(rand_below(r, 120) - (with_sign ? 60 : 0));
	case 3: return low + (rand_next(r) & (UINT64_MAX >> (64 - bits))) / 16;
	case 4: return high - (uint64_t)rand_below(r, 3);
	case 5: return low + (uint64_t)rand_below(r, 3);
	default: return low + (rand_next(r) & (UINT64_MAX >> (64 - bits)));
	}
}

static inline double
random_real(Rand *r, bool edges)
{
	static const double special[] = {0.0,
									 -0.0,
									 1.0,
									 -1.0,
									 0.5,
									 -0.5,
									 2.5,
									 -2.5,
									 1e-5,
									 1e16,
									 127.5,
									 127.6,
									 -128.5,
									 255.5,
									 32767.5,
									 2147483647.5,
									 9007199254740993.0,
									 9223372036854775807.0,
									 1e38,
									 -1e38,
									 1e308,
									 -1e308,
									 4.9e-324,
									 3.4028235e38,
									 0.1,
									 1e22,
									 123456.789};
	switch (rand_below(r, edges ? 8 : 5)) {
	case 0: return (double)(rand_below(r, 41) - 20) / 4;
	case 1: return (double)(rand_below(r, 2000001) - 1000000) / 1000;
	case 2: return (double)(int64_t)rand_next(r) / (double)(1 + rand_below(r, 1 << 30));
	case 3: return special[rand_below(r, COUNT_OF(special))];
	case 4: return ldexp((double)(rand_next(r) >> 11), (int)rand_below(r, 120) - 110);
	case 5: return edges ? NAN : 0;
	case 6: return rand_below(r, 2) ? INFINITY : -INFINITY;
	default: return ldexp((double)((int64_t)rand_next(r) >> 11), (int)rand_below(r, 1900) - 1000);
	}
}

static inline __int128
random_decimal(Rand *r, int precision, bool edges)
{
	__int128 nines = 0, value = 0;
	int digits = 1 + (int)rand_below(r, precision);
	for (int i = 0; i < precision; i++)
		nines = nines * 10 + 9;
	for (int i = 0; i < digits; i++)
		value = value * 10 + rand_below(r, 10);
	if (edges && rand_below(r, 8) == 0)
		value = nines;
	if (rand_below(r, 16) == 0)
		value = value / 1000 * 1000 + 500;
	return rand_below(r, 2) ? value : -value;
}

// ---- texts ----

static inline void
random_word(Rand *r, char *out, size_t size)
{
	static const char *const pieces[] = {"a", "b", "ab", "abc", "A", "B", " ", "%", "_",  "\\",
										 "ä", "Ä", "ß",  "€",   "😀", "x", "",  "-", ".",  "aab",
										 "İ", "Σ", "ς",  "ǆ",   "Ǆ", "é", "1", "0", "\t", "ﬀ"};
	out[0] = '\0';
	for (int64_t n = rand_below(r, 7); n > 0; n--)
		strncat(out, pieces[rand_below(r, COUNT_OF(pieces))], size - strlen(out) - 1);
}

static inline void
random_number_text(Rand *r, char *out, size_t size, int digits, bool edges)
{
	static const char *const odd[] = {"",
									  " ",
									  "abc",
									  "1_000",
									  "1__0",
									  "0x1F",
									  "0b101",
									  "1e3",
									  "15e-1",
									  "1.5e2",
									  ".5",
									  "5.",
									  ".",
									  "-",
									  "+7",
									  "- 1",
									  "NaN",
									  "-inf",
									  "inf",
									  "1e400",
									  "1e-400",
									  "true",
									  "f",
									  "yes",
									  "t",
									  "1e",
									  " 12 ",
									  "12 x",
									  "-0",
									  "-0.4",
									  "255.5",
									  "255.4",
									  "1e19",
									  "1e18",
									  "0x",
									  "1.5_5",
									  "99999999999999999999",
									  "9223372036854775807.5",
									  "-9223372036854775808",
									  "1,5",
									  "00012",
									  "1e39",
									  "127.49999",
									  "-128.5",
									  "0.5e1",
									  "1.49e0",
									  "999.995",
									  "170141183460469231731687303715884105727"};
	switch (rand_below(r, edges ? 6 : 4)) {
	case 0: snprintf(out, size, "%lld", (long long)rand_below(r, 300) - 150); break;
	case 1: snprintf(out, size, "%.*f", (int)rand_below(r, 6), random_real(r, false)); break;
	case 2: snprintf(out, size, "%.*g", digits, random_real(r, false)); break;
	case 3:
		snprintf(out, size, "%lld.%lld", (long long)rand_below(r, 100000) - 50000,
				 (long long)rand_below(r, 100000));
		break;
	default: snprintf(out, size, "%s", odd[rand_below(r, COUNT_OF(odd))]); break;
	}
}

static inline void
random_time_text(Rand *r, char *out, size_t size, bool edges)
{
	static const char *const odd[] = {"",
									  "infinity",
									  "-infinity",
									  "epoch",
									  "inf",
									  "2020-02-30",
									  "2020-13-01",
									  "2020-1-2",
									  "2020/03/04",
									  "20200101",
									  "0001-01-01 (BC)",
									  "-0044-03-15",
									  "2020-01-01T01:02:03Z",
									  "2020-01-01 01:02",
									  "2020-01-01 24:00:00",
									  "2020-01-01 24:00:01",
									  "2020-01-01 00:00:60",
									  " 2020-01-01",
									  "2020-01-01 ",
									  "2020-01-01x",
									  "2020-01-01 01:02:03+05",
									  "2020-01-01 01:02:03-05:30",
									  "2020-01-01 01:02:03+0530",
									  "2020-01-01 01:02:03+5",
									  "2020-01-01 01:02:03 UTC",
									  "290309-12-22 (BC) 00:00:00",
									  "294247-01-10 04:00:54.775806",
									  "294247-01-10 04:00:54.775807",
									  "5881580-07-10",
									  "5881580-07-11",
									  "2020-01-01  00:00:00",
									  "2020-01-01 00:00:00 ",
									  "2020-01-01T",
									  "1 day",
									  "-2 months 3 days 01:02:03.5",
									  "1.5 days",
									  "3 weeks ago",
									  "1 year 2 months",
									  "12:34:56",
									  "90 minutes",
									  "5",
									  "1 quarter 2 decades",
									  "1 day 5",
									  "0.5 months",
									  "1.25 hours"};
	if (edges && rand_below(r, 2) == 0) {
		snprintf(out, size, "%s", odd[rand_below(r, COUNT_OF(odd))]);
		return;
	}
	int len = snprintf(out, size, "%04lld-%02lld-%02lld", (long long)rand_below(r, 3000),
					   (long long)rand_below(r, 12) + 1, (long long)rand_below(r, 29) + 1);
	if (rand_below(r, 3) == 0)
		return;
	len += snprintf(out + len, size - (size_t)len, " %02lld:%02lld:%02lld",
					(long long)rand_below(r, 24), (long long)rand_below(r, 60),
					(long long)rand_below(r, 60));
	if (rand_below(r, 2) == 0)
		snprintf(out + len, size - (size_t)len, ".%0*lld", 1 + (int)rand_below(r, 9),
				 (long long)rand_below(r, 10000));
}

// ---- times ----

static inline int64_t
random_time(Rand *r, int64_t second, bool edges)
{
	// Up to where the engine counts instants exactly; nanoseconds, up to where it
	// reads them.
	int64_t most =
		second == 1000000000 ? INT64_C(9223285632000000000) : INT64_C(8000000000000) * second;
	switch (rand_below(r, edges ? 7 : 4)) {
	case 0: return (rand_below(r, 4000000000) - 2000000000) * second;
	case 1: return (rand_below(r, 4000000000) - 2000000000) * second + rand_below(r, second);
	case 2: return rand_below(r, 20000) * 86400 * second - 10000 * 86400 * second;
	case 3: return rand_below(r, 2000) - 1000;
	case 4: return rand_below(r, 2) ? most : -most;
	case 5: return second >= 1000000 ? (rand_below(r, 2) ? INT64_MAX : -INT64_MAX) : 0;
	default: return (int64_t)(rand_next(r) % (uint64_t)most) * (rand_below(r, 2) ? 1 : -1);
	}
}

static inline int64_t
random_date(Rand *r, bool edges)
{
	switch (rand_below(r, edges ? 5 : 2)) {
	case 0: return rand_below(r, 40000) - 20000;
	case 1: return rand_below(r, 1000000) - 500000;
	case 2: return rand_below(r, 2) ? INT32_MAX : -(int64_t)INT32_MAX;
	case 3: return rand_below(r, 2) ? INT32_MAX - 1 : -(int64_t)INT32_MAX + 1;
	default: return (int32_t)(rand_next(r) >> 34) * (rand_below(r, 2) ? 1 : -1);
	}
}

static inline void
random_span(Rand *r, bool edges, ColumnBuilder *c)
{
	struct {
		int32_t months, days;
		int64_t ns;
	} span = {(int32_t)rand_below(r, 60) - 30, (int32_t)rand_below(r, 80) - 40,
			  (rand_below(r, 400000000000) - 200000000000) * 1000};
	if (rand_below(r, 2) == 0)
		span.months = 0;
	if (rand_below(r, 3) == 0)
		span.ns = span.ns / 1000000000 * 1000000000;
	if (edges && rand_below(r, 8) == 0)
		span.days = rand_below(r, 2) ? INT32_MAX : INT32_MIN;
	if (edges && rand_below(r, 8) == 0)
		span.months = rand_below(r, 2) ? INT32_MAX : INT32_MIN;
	if (edges && rand_below(r, 8) == 0)
		span.ns = (rand_below(r, 2) ? INT64_MAX : INT64_MIN) / 1000 * 1000;
	column_add_bytes(c, slice_of(&span, sizeof(span)));
}

// ---- rows ----

static inline void
add_random_text(ColumnBuilder *c, Rand *r, bool edges)
{
	char text[128];
	switch (c->field->name[1]) {
	case 'n': random_number_text(r, text, sizeof(text), 5, edges); break;
	case 'm': random_number_text(r, text, sizeof(text), 17, edges); break;
	case 't':
	case 'u': random_time_text(r, text, sizeof(text), edges); break;
	default: random_word(r, text, sizeof(text)); break;
	}
	column_add_text(c, text);
}

static inline void
add_random(ColumnBuilder *c, Rand *r, bool edges)
{
	const Type *type = &c->field->type;
	if (rand_below(r, 12) == 0) {
		column_add_null(c);
		return;
	}
	switch (type->id) {
	case TYPE_INT8: column_add_uint(c, random_bits(r, 8, true, edges)); break;
	case TYPE_INT16: column_add_uint(c, random_bits(r, 16, true, edges)); break;
	case TYPE_INT32: column_add_uint(c, random_bits(r, 32, true, edges)); break;
	case TYPE_INT64: column_add_uint(c, random_bits(r, 64, true, edges)); break;
	case TYPE_UINT8: column_add_uint(c, random_bits(r, 8, false, edges)); break;
	case TYPE_UINT16: column_add_uint(c, random_bits(r, 16, false, edges)); break;
	case TYPE_UINT32: column_add_uint(c, random_bits(r, 32, false, edges)); break;
	case TYPE_UINT64: column_add_uint(c, random_bits(r, 64, false, edges)); break;
	case TYPE_FLOAT32:
	case TYPE_FLOAT64: column_add_double(c, random_real(r, edges)); break;
	case TYPE_DECIMAL128: {
		__int128 value = random_decimal(r, type->precision, edges);
		column_add_bytes(c, slice_of(&value, sizeof(value)));
		break;
	}
	case TYPE_BOOL: column_add_bool(c, rand_below(r, 2) == 0); break;
	case TYPE_UTF8: add_random_text(c, r, edges); break;
	case TYPE_BINARY: {
		uint64_t bytes = rand_next(r) & UINT64_C(0x7f7f417f22000041);
		column_add_bytes(c, slice_of(&bytes, (size_t)rand_below(r, 9)));
		break;
	}
	case TYPE_DATE32: column_add_int(c, random_date(r, edges)); break;
	case TYPE_TIMESTAMP:
		column_add_int(c, random_time(r, INT64_C(1000000000) / time_unit_ns(type->unit), edges));
		break;
	default: random_span(r, edges, c); break;
	}
}

static inline Batch *
random_batch(Schema *schema, Rand *r, int64_t rows, bool edges)
{
	Builder *builder = NULL;
	Batch *batch = NULL;
	Error err = ERROR_INIT;
	ok(builder_new(schema, &builder, &err), &err);
	for (int64_t row = 0; row < rows; row++)
		for (int32_t i = 0; i < schema_field_count(schema); i++)
			add_random(builder_column(builder, i), r, edges);
	ok(builder_finish(builder, 0, &batch, &err), &err);
	builder_free(builder);
	return batch;
}
