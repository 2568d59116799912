// timeval.h - instants and spans as numbers and as text. Instants are int64_t nanoseconds UTC since
// 1970.

#pragma once

#include "base/bytes.h"

// Reads ISO 8601: a date, or date and time ('T' or blank between) with up to 9 fraction digits
// and an optional 'Z' or +hh[:mm]; without an offset it is UTC. Years outside what int64
// nanoseconds hold saturate. ST_INVALID says what is wrong.
Status time_parse(Slice text, int64_t *out_ns, Error *err);

enum { TIME_TEXT = 48 }; // room for any of these texts

// "2016-01-01T00:00:00.123Z" with as many fraction digits (0, 3, 6 or 9) as `digits` says.
void time_format(int64_t ns, int digits, bool zulu, char out[TIME_TEXT]);

// The same of a value in parts of a second (1, 1000, 1000000 or 1000000000 of them), in any year,
// with the fraction digits of that unit, and without a NUL: the length is returned.
size_t time_write(int64_t value, int64_t per_second, bool zulu, char out[TIME_TEXT]);
size_t time_write_date(int64_t days, char out[TIME_TEXT]);                       // "2016-01-01"
size_t time_write_clock(int64_t value, int64_t per_second, char out[TIME_TEXT]); // "00:00:00.123"

// ns per unit of a time value: "s" 1e9, "ms" 1e6, "us" 1e3, "ns" 1. Multiplication and division by
// these saturate rather than wrap: a bound outside the column's range means "all" or "nothing".
// Rounds down, also below zero; denominator > 0.
int64_t time_scale_saturating(int64_t value, int64_t numerator, int64_t denominator);
// In units, the first that is not before `ns`.
int64_t time_round_up(int64_t ns, int64_t unit_ns);

// Days and months since 1970-01-01: the month that a day is in, and the first day of a month.
int64_t time_month_of_day(int64_t days);
int64_t time_day_of_month(int64_t months);
