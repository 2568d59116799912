// calendar_int.h - days, months and years of the Gregorian calendar without end, and times as text.

#pragma once

#include "base/bytes.h"

#include "expr/kind_int.h"

#define DAY_MICROS INT64_C(86400000000)

// The infinities that dates and timestamps have.
#define DATE_INFINITY  INT32_MAX
#define STAMP_INFINITY INT64_MAX
static inline bool
stamp_finite(int64_t value)
{
	return value != STAMP_INFINITY && value != -STAMP_INFINITY;
}
static inline bool
date_finite(int64_t days)
{
	return days != DATE_INFINITY && days != -DATE_INFINITY;
}

typedef struct Civil {
	int64_t year; // 0 is 1 BC
	int32_t month;
	int32_t day;
} Civil;

Civil civil_of_days(int64_t days);
int64_t days_of_civil(Civil date);
int32_t days_in_month(int64_t year, int32_t month);
int32_t day_of_week(int64_t days); // 0: Sunday
int64_t floor_divide(int64_t value, int64_t by);
int64_t floor_rest(int64_t value, int64_t by); // what is above that many times `by`

// Of days and microseconds since midnight; false: beyond what microseconds reach, or a date.
bool stamp_of(int64_t days, int64_t micros, int64_t *out);
bool date_valid(Civil date, int64_t *out_days);

// Whether there is such an instant with a zone.
bool instant_valid(int64_t micros);

// Microseconds in a coarser unit, to the nearest; halves go away from zero.
int64_t stamp_round(int64_t micros, int64_t unit_micros);

// What one second has in units of a timestamp's kind.
int64_t stamp_second(Kind kind);

// Text to values as casts of queries read it. False: it is none, or out of range.
bool read_date(Slice text, int64_t *out_days);
bool read_stamp(Slice text, Kind kind, int64_t *out);
bool read_span(Slice text, Span *out);

enum { TIME_TEXT = 96 };
size_t write_date(int64_t days, char out[TIME_TEXT]);
size_t write_stamp(int64_t value, Kind kind, char out[TIME_TEXT]);
size_t write_span(Span span, char out[TIME_TEXT]);
