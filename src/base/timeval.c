#include "base/timeval.h"

#include <assert.h>
#include <string.h>

typedef __int128 Wide; // holds any year we read, in nanoseconds

enum { SECONDS_PER_DAY = 86400, NS_DIGITS = 9, YEAR_DIGITS_MAX = 6 };
static const int64_t NS_PER_SECOND = 1000000000;

static int64_t
saturate(Wide v)
{
	return v > INT64_MAX ? INT64_MAX : v < INT64_MIN ? INT64_MIN : (int64_t)v;
}

// Days since 1970 in the proleptic Gregorian calendar. Years begin in March here, so that the leap
// day is the last of its year; 400 years are one period of 146097 days.
static int64_t
days_from_civil(int64_t year, int64_t month, int64_t day)
{
	year -= month <= 2;
	int64_t era = (year >= 0 ? year : year - 399) / 400;
	int64_t year_of_era = year - era * 400;
	int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
	return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
		   719468;
}

static void
civil_from_days(int64_t days, int64_t *year, int *month, int *day)
{
	days += 719468;
	int64_t era = (days >= 0 ? days : days - 146096) / 146097;
	int64_t day_of_era = days - era * 146097;
	int64_t year_of_era =
		(day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t march_month = (5 * day_of_year + 2) / 153;
	*day = (int)(day_of_year - (153 * march_month + 2) / 5 + 1);
	*month = (int)(march_month < 10 ? march_month + 3 : march_month - 9);
	*year = year_of_era + era * 400 + (*month <= 2);
}

int64_t
time_month_of_day(int64_t days)
{
	int64_t year;
	int month, day;
	civil_from_days(days, &year, &month, &day);
	return (year - 1970) * 12 + month - 1;
}

int64_t
time_day_of_month(int64_t months)
{
	int64_t years = (months >= 0 ? months : months - 11) / 12;
	return days_from_civil(1970 + years, months - years * 12 + 1, 1);
}

static int
days_in_month(int64_t year, int64_t month)
{
	static const int8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	return month == 2 && leap ? 29 : days[month - 1];
}

// A cursor over the text; the first thing that does not fit is remembered as what was expected.
typedef struct Scan {
	Slice text;
	size_t pos;
	const char *wrong; // NULL: all fine
} Scan;

static int
peek(const Scan *s)
{
	return s->pos < s->text.len ? s->text.data[s->pos] : -1;
}

static bool
accept(Scan *s, char c)
{
	if (peek(s) != c)
		return false;
	s->pos++;
	return true;
}

static void
expect(Scan *s, bool holds, const char *wrong)
{
	if (!holds && s->wrong == NULL)
		s->wrong = wrong;
}

static bool
at_digit(const Scan *s)
{
	return peek(s) >= '0' && peek(s) <= '9';
}

// Reads up to `most` digits and counts them.
static int64_t
digits(Scan *s, int most, int *count)
{
	int64_t v = 0;
	for (*count = 0; *count < most && at_digit(s); ++*count)
		v = v * 10 + (s->text.data[s->pos++] - '0');
	return v;
}

static int64_t
two_digits(Scan *s, int64_t min, int64_t max, const char *wrong)
{
	int count;
	int64_t v = digits(s, 2, &count);
	expect(s, count == 2 && v >= min && v <= max, wrong);
	return v;
}

static int64_t
scan_date(Scan *s)
{
	bool before_zero = accept(s, '-');
	if (!before_zero)
		accept(s, '+');
	int count;
	int64_t year = digits(s, YEAR_DIGITS_MAX, &count);
	expect(s, count >= 4, "the year needs four digits");
	if (before_zero)
		year = -year;
	expect(s, accept(s, '-'), "a date is YYYY-MM-DD");
	int64_t month = two_digits(s, 1, 12, "the month must be 01 to 12");
	expect(s, accept(s, '-'), "a date is YYYY-MM-DD");
	int64_t day = two_digits(s, 1, 31, "the day must be 01 to 31");
	if (s->wrong != NULL)
		return 0;
	expect(s, day <= days_in_month(year, month), "the month has no such day");
	return days_from_civil(year, month, day);
}

static int64_t
scan_fraction(Scan *s)
{
	int count;
	int64_t ns = digits(s, NS_DIGITS, &count);
	expect(s, count > 0, "digits must follow the point");
	expect(s, !at_digit(s), "a second has at most 9 fraction digits");
	for (; count < NS_DIGITS; count++)
		ns *= 10;
	return ns;
}

// Nanoseconds of the day.
static int64_t
scan_clock(Scan *s)
{
	int64_t hour = two_digits(s, 0, 23, "the hour must be 00 to 23");
	expect(s, accept(s, ':'), "a time is HH:MM or HH:MM:SS");
	int64_t minute = two_digits(s, 0, 59, "the minute must be 00 to 59");
	int64_t second = 0;
	int64_t ns = 0;
	if (accept(s, ':')) {
		second = two_digits(s, 0, 59, "the second must be 00 to 59");
		if (accept(s, '.'))
			ns = scan_fraction(s);
	}
	return (hour * 3600 + minute * 60 + second) * NS_PER_SECOND + ns;
}

// Seconds east of UTC.
static int64_t
scan_offset(Scan *s)
{
	if (accept(s, 'Z') || accept(s, 'z'))
		return 0;
	bool west = peek(s) == '-';
	if (!accept(s, '-') && !accept(s, '+'))
		return 0;
	int64_t hours = two_digits(s, 0, 23, "an offset is +hh or +hh:mm");
	int64_t minutes = 0;
	if (accept(s, ':'))
		minutes = two_digits(s, 0, 59, "an offset is +hh or +hh:mm");
	int64_t seconds = hours * 3600 + minutes * 60;
	return west ? -seconds : seconds;
}

Status
time_parse(Slice text, int64_t *out_ns, Error *err)
{
	Scan s = {.text = text};
	Wide seconds = (Wide)scan_date(&s) * SECONDS_PER_DAY;
	int64_t ns_of_day = 0;
	if (accept(&s, 'T') || accept(&s, 't') || accept(&s, ' ')) {
		ns_of_day = scan_clock(&s);
		seconds -= scan_offset(&s);
	}
	expect(&s, s.pos == text.len, "nothing may follow");
	if (s.wrong != NULL) {
		int shown = text.len > 64 ? 64 : (int)text.len;
		return error_set(err, ST_INVALID,
						 "time '%.*s': %s; write it like 2016-01-31T12:00:00.5Z or 2016-01-31",
						 shown, text.len == 0 ? "" : (const char *)text.data, s.wrong);
	}
	*out_ns = saturate(seconds * NS_PER_SECOND + ns_of_day);
	return ST_OK;
}

// ---- writing ----

// `value` in `width` digits at least.
static char *
put_digits(char *out, int64_t value, int width)
{
	char text[20];
	int at = sizeof(text);
	for (; value > 0 || width > 0; value /= 10, width--)
		text[--at] = (char)('0' + value % 10);
	memcpy(out, text + at, sizeof(text) - (size_t)at);
	return out + sizeof(text) - at;
}

static char *
put_date(char *out, int64_t days)
{
	int64_t year;
	int month, day;
	civil_from_days(days, &year, &month, &day);
	if (year < 0)
		*out++ = '-';
	out = put_digits(out, year < 0 ? -year : year, 4);
	*out++ = '-';
	out = put_digits(out, month, 2);
	*out++ = '-';
	return put_digits(out, day, 2);
}

// Seconds since midnight; hours are as many as there are.
static char *
put_clock(char *out, int64_t seconds, int64_t fraction, int64_t per_second)
{
	out = put_digits(out, seconds / 3600, 2);
	*out++ = ':';
	out = put_digits(out, seconds / 60 % 60, 2);
	*out++ = ':';
	out = put_digits(out, seconds % 60, 2);
	if (per_second == 1)
		return out;
	*out++ = '.';
	return put_digits(out, fraction, per_second == 1000 ? 3 : per_second == 1000000 ? 6 : 9);
}

size_t
time_write(int64_t value, int64_t per_second, bool zulu, char out[TIME_TEXT])
{
	int64_t fraction = value % per_second;
	int64_t seconds = value / per_second - (fraction < 0);
	fraction += fraction < 0 ? per_second : 0;
	int64_t second_of_day = seconds % SECONDS_PER_DAY;
	int64_t days = seconds / SECONDS_PER_DAY - (second_of_day < 0);
	second_of_day += second_of_day < 0 ? SECONDS_PER_DAY : 0;

	char *end = put_date(out, days);
	*end++ = 'T';
	end = put_clock(end, second_of_day, fraction, per_second);
	if (zulu)
		*end++ = 'Z';
	return (size_t)(end - out);
}

size_t
time_write_date(int64_t days, char out[TIME_TEXT])
{
	return (size_t)(put_date(out, days) - out);
}

size_t
time_write_clock(int64_t value, int64_t per_second, char out[TIME_TEXT])
{
	char *end = out;
	uint64_t size = value < 0 ? -(uint64_t)value : (uint64_t)value;
	if (value < 0)
		*end++ = '-';
	uint64_t seconds = size / (uint64_t)per_second;
	end = put_clock(end, (int64_t)seconds, (int64_t)(size % (uint64_t)per_second), per_second);
	return (size_t)(end - out);
}

void
time_format(int64_t ns, int digits_shown, bool zulu, char out[TIME_TEXT])
{
	int64_t per_second = digits_shown <= 0   ? 1
						 : digits_shown <= 3 ? 1000
						 : digits_shown <= 6 ? 1000000
											 : NS_PER_SECOND;
	int64_t value = time_scale_saturating(ns, per_second, NS_PER_SECOND);
	out[time_write(value, per_second, zulu, out)] = '\0';
}

int64_t
time_scale_saturating(int64_t value, int64_t numerator, int64_t denominator)
{
	assert(denominator > 0);
	Wide product = (Wide)value * numerator;
	Wide quotient = product / denominator;
	return saturate(quotient - (product % denominator < 0));
}

int64_t
time_round_up(int64_t ns, int64_t unit_ns)
{
	return time_scale_saturating(ns, 1, unit_ns) + (ns % unit_ns != 0);
}
