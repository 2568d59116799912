#include "expr/calendar_int.h"

#include <stdio.h>
#include <string.h>

int64_t
floor_divide(int64_t value, int64_t by)
{
	return value / by - (value % by < 0 ? 1 : 0);
}

int64_t
floor_rest(int64_t value, int64_t by)
{
	int64_t rest = value % by;
	return rest < 0 ? rest + by : rest;
}

// Years that begin in March, so that the day of a leap year is the last; eras of 400 years.
Civil
civil_of_days(int64_t days)
{
	days += 719468;
	int64_t era = floor_divide(days, 146097), day = days - era * 146097;
	int64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
	int64_t of_year = day - (365 * year + year / 4 - year / 100);
	int64_t month = (5 * of_year + 2) / 153;
	Civil date = {.year = year + era * 400,
				  .month = (int32_t)(month < 10 ? month + 3 : month - 9),
				  .day = (int32_t)(of_year - (153 * month + 2) / 5 + 1)};
	date.year += date.month <= 2;
	return date;
}

int64_t
days_of_civil(Civil date)
{
	int64_t year = date.year - (date.month <= 2), era = floor_divide(year, 400);
	int64_t of_era = year - era * 400, month = date.month > 2 ? date.month - 3 : date.month + 9;
	int64_t of_year = (153 * month + 2) / 5 + date.day - 1;
	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

int32_t
days_in_month(int64_t year, int32_t month)
{
	static const int8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
	return days[month - 1] + (month == 2 && leap ? 1 : 0);
}

int32_t
day_of_week(int64_t days)
{
	int64_t day = (days + 4) % 7; // 1970-01-01 was a Thursday
	return (int32_t)(day < 0 ? day + 7 : day);
}

// Dates reach from 5877642-06-25 BC to 5881580-07-10.
bool
date_valid(Civil date, int64_t *out_days)
{
	if (date.month < 1 || date.month > 12 || date.day < 1 || date.year < -6000000 ||
		date.year > 6000000 || date.day > days_in_month(date.year, date.month))
		return false;
	*out_days = days_of_civil(date);
	return *out_days >= -INT64_C(2147483646) && *out_days <= INT64_C(2147483646);
}

bool
stamp_of(int64_t days, int64_t micros, int64_t *out)
{
	int64_t value;
	if (__builtin_mul_overflow(days, DAY_MICROS, &value) ||
		__builtin_add_overflow(value, micros, &value) || !stamp_finite(value))
		return false;
	*out = value;
	return true;
}

bool
instant_valid(int64_t micros)
{
	return !stamp_finite(micros) ||
		   (micros >= -INT64_C(9223372022400000000) && micros <= INT64_C(9223372036854774999));
}

int64_t
stamp_round(int64_t micros, int64_t unit_micros)
{
	int64_t rest = micros % unit_micros, half = unit_micros / 2;
	return micros / unit_micros + (rest >= half ? 1 : rest <= -half ? -1 : 0);
}

int64_t
stamp_second(Kind kind)
{
	switch (kind) {
	case KIND_SECONDS: return 1;
	case KIND_MILLIS: return 1000;
	case KIND_NANOS: return 1000000000;
	default: return 1000000;
	}
}

// ---- writing ----

size_t
write_date(int64_t days, char out[TIME_TEXT])
{
	if (!date_finite(days))
		return (size_t)snprintf(out, TIME_TEXT, "%s", days > 0 ? "infinity" : "-infinity");
	Civil date = civil_of_days(days);
	bool before = date.year <= 0;
	int64_t year = before ? 1 - date.year : date.year;
	return (size_t)snprintf(out, TIME_TEXT, "%04lld-%02d-%02d%s", (long long)year, date.month,
							date.day, before ? " (BC)" : "");
}

// Digits behind the point, without zeros at the end.
static size_t
write_fraction(int64_t fraction, int64_t second, char *out)
{
	size_t len = 0;
	if (fraction == 0)
		return 0;
	out[len++] = '.';
	while (fraction > 0) {
		second /= 10;
		out[len++] = (char)('0' + fraction / second);
		fraction %= second;
	}
	return len;
}

size_t
write_stamp(int64_t value, Kind kind, char out[TIME_TEXT])
{
	if (!stamp_finite(value))
		return (size_t)snprintf(out, TIME_TEXT, "%s", value > 0 ? "infinity" : "-infinity");
	int64_t second = stamp_second(kind), seconds = floor_divide(value, second);
	int64_t fraction = floor_rest(value, second), days = floor_divide(seconds, 86400);
	int clock = (int)(seconds - days * 86400);
	size_t len = write_date(days, out);
	len += (size_t)snprintf(out + len, TIME_TEXT - len, " %02d:%02d:%02d", clock / 3600,
							clock / 60 % 60, clock % 60);
	len += write_fraction(fraction, second, out + len);
	if (kind == KIND_INSTANT) {
		memcpy(out + len, "+00", 3);
		len += 3;
	}
	return len;
}

static size_t
write_count(int64_t count, const char *unit, size_t len, char out[TIME_TEXT])
{
	if (count == 0)
		return len;
	bool one = count == 1 || count == -1;
	return len + (size_t)snprintf(out + len, TIME_TEXT - len, "%s%lld %s%s", len > 0 ? " " : "",
								  (long long)count, unit, one ? "" : "s");
}

size_t
write_span(Span span, char out[TIME_TEXT])
{
	size_t len = write_count(span.months / 12, "year", 0, out);
	len = write_count(span.months % 12, "month", len, out);
	len = write_count(span.days, "day", len, out);
	if (span.micros == 0 && len > 0)
		return len;
	uint64_t micros = span.micros < 0 ? 0 - (uint64_t)span.micros : (uint64_t)span.micros;
	uint64_t seconds = micros / 1000000;
	len += (size_t)snprintf(out + len, TIME_TEXT - len, "%s%s%02llu:%02d:%02d", len > 0 ? " " : "",
							span.micros < 0 ? "-" : "", (unsigned long long)(seconds / 3600),
							(int)(seconds / 60 % 60), (int)(seconds % 60));
	return len + write_fraction((int64_t)(micros % 1000000), 1000000, out + len);
}
