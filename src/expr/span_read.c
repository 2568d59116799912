// span_read.c - from text to intervals, as casts of queries read them.
//
//   number unit …, [-]hour:minute:second, all at once or one after the other; ago turns all round
//
// What is behind the point of a number goes to smaller units.

#include <math.h>

#include "expr/calendar_int.h"
#include "expr/number_text_int.h"
#include "expr/scan_int.h"

static const struct {
	const char *names[6];
	int64_t months;
	int64_t days;
	int64_t micros;
} UNITS[] = {
	{{"millennium", "millennia", "millenium", "mil", "mils"}, 12000, 0, 0},
	{{"century", "centuries", "cent", "c"}, 1200, 0, 0},
	{{"decade", "decades", "dec", "decs"}, 120, 0, 0},
	{{"year", "years", "yr", "yrs", "y"}, 12, 0, 0},
	{{"quarter", "quarters"}, 3, 0, 0},
	{{"month", "months", "mon", "mons"}, 1, 0, 0},
	{{"week", "weeks", "w"}, 0, 7, 0},
	{{"day", "days", "dayofmonth", "d"}, 0, 1, 0},
	{{"hour", "hours", "hr", "hrs", "h"}, 0, 0, INT64_C(3600000000)},
	{{"minute", "minutes", "min", "mins", "m"}, 0, 0, 60000000},
	{{"second", "seconds", "sec", "secs", "s"}, 0, 0, 1000000},
	{{"millisecond", "milliseconds", "msec", "msecs", "ms"}, 0, 0, 1000},
	{{"microsecond", "microseconds", "usec", "usecs", "us"}, 0, 0, 1},
};

static bool
add_parts(Span *span, int64_t number, int64_t months, int64_t days, int64_t micros)
{
	return !__builtin_mul_overflow(number, months, &months) &&
		   !__builtin_add_overflow(span->months, months, &span->months) &&
		   !__builtin_mul_overflow(number, days, &days) &&
		   !__builtin_add_overflow(span->days, days, &span->days) &&
		   !__builtin_mul_overflow(number, micros, &micros) &&
		   !__builtin_add_overflow(span->micros, micros, &span->micros);
}

// The part behind the point goes to smaller units where this one is not cut further.
static bool
add_fraction(Span *span, double fraction, size_t unit)
{
	int64_t months = UNITS[unit].months, days = UNITS[unit].days, micros = UNITS[unit].micros;
	if (fabs(fraction) <= 1e-10)
		return true;
	if (months == 3) {
		int64_t whole = (int64_t)(fraction * 3);
		int64_t rest = (int64_t)round((fraction * 3 - (double)whole) * 30);
		return add_parts(span, 1, whole, rest, 0);
	}
	if (months > 1)
		return add_parts(span, (int64_t)round(fraction * (double)months), 1, 0, 0);
	double in_days = months == 1 ? fraction * 30 : fraction * (double)days;
	if (months == 0 && days == 0)
		return micros == 1 || add_parts(span, (int64_t)round(fraction * (double)micros), 0, 0, 1);
	int64_t whole = days == 1 ? 0 : (int64_t)in_days;
	return add_parts(span, whole, 0, 1, 0) &&
		   add_parts(span, (int64_t)round((in_days - (double)whole) * (double)DAY_MICROS), 0, 0, 1);
}

static bool
find_unit(Slice name, size_t *out)
{
	for (size_t i = 0; i < COUNT_OF(UNITS); i++) {
		for (size_t k = 0; k < COUNT_OF(UNITS[i].names) && UNITS[i].names[k] != NULL; k++) {
			const char *word = UNITS[i].names[k];
			if (strlen(word) == name.len &&
				strncasecmp(word, (const char *)name.data, name.len) == 0) {
				*out = i;
				return true;
			}
		}
	}
	return false;
}

// [-]number[.fraction] unit
static bool
scan_part(Scan *s, bool negative, bool some, Span *span)
{
	size_t from = s->at, unit;
	Wide number;
	while (at_digit(s))
		s->at++;
	if (!read_whole(slice_of(s->text.data + from, s->at - from), type_of(KIND_INT64), &number))
		return false;
	double fraction = 0;
	from = s->at;
	if (skip_byte(s, '.')) {
		while (at_digit(s))
			s->at++;
		if (s->at > from + 1)
			(void)read_double(slice_of(s->text.data + from, s->at - from), &fraction);
	}
	skip_blanks(s);
	from = s->at;
	while (isalpha(peek(s)))
		s->at++;
	Slice name = slice_of(s->text.data + from, s->at - from);
	if (name.len == 0) {
		skip_blanks(s);
		if (some || !at_end(s)) // only alone it means seconds
			return false;
		name = slice_text("second");
	}
	if (!find_unit(name, &unit))
		return false;
	return add_parts(span, (int64_t)(negative ? -number : number), UNITS[unit].months,
					 UNITS[unit].days, UNITS[unit].micros) &&
		   add_fraction(span, negative ? -fraction : fraction, unit);
}

static bool
scan_time(Scan *s, bool negative, Span *span)
{
	int64_t ns;
	if (!scan_clock(s, &ns) || __builtin_add_overflow(span->micros, ns / 1000, &span->micros))
		return false;
	span->micros = negative ? -span->micros : span->micros;
	skip_blanks(s);
	return at_end(s);
}

static bool
is_time(const Scan *s)
{
	Scan ahead = *s;
	while (at_digit(&ahead))
		ahead.at++;
	return peek(&ahead) == ':';
}

bool
read_span(Slice text, Span *out)
{
	Scan s = {.text = text};
	bool some = false;
	*out = (Span){0};
	(void)skip_byte(&s, '@');
	for (skip_blanks(&s); !at_end(&s); skip_blanks(&s)) {
		if (some && skip_word(&s, "ago")) {
			*out = (Span){-out->months, -out->days, -out->micros};
			skip_blanks(&s);
			return at_end(&s);
		}
		bool negative = skip_byte(&s, '-');
		if (!at_digit(&s) ||
			!(is_time(&s) ? scan_time(&s, negative, out) : scan_part(&s, negative, some, out)))
			return false;
		some = true;
	}
	return some;
}
