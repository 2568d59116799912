// time_read.c - from text to dates and timestamps, as casts of queries read them.
//
//   date       blanks [-]year sep month sep day [ (BC)] anything but a digit, sep: - / \ or a
//              blank; infinity, epoch
//   timestamp  date [blank or T] hour:minute[:second[.fraction]] [Z, ±hh[:mm[:ss]], UTC]
//
// Digits behind microseconds (nanoseconds, where the type has them) are cut off; coarser units are
// rounded to.

#include "expr/calendar_int.h"
#include "expr/scan_int.h"

// ---- dates ----

static bool
read_special(Scan *s, bool negative, int64_t *out_days)
{
	if (skip_word(s, "infinity") || skip_word(s, "inf"))
		*out_days = negative ? -(int64_t)DATE_INFINITY : DATE_INFINITY;
	else if (skip_word(s, "epoch"))
		*out_days = 0;
	else
		return false;
	skip_blanks(s);
	return at_end(s);
}

static bool
scan_civil(Scan *s, bool negative, Civil *out)
{
	int64_t year = 0;
	while (at_digit(s)) {
		if (year >= 100000000)
			return false;
		year = year * 10 + (s->text.data[s->at++] - '0');
	}
	out->year = negative ? -year : year;
	uint8_t separator = peek(s);
	if (at_end(s) || strchr(" -/\\", separator) == NULL)
		return false;
	s->at++;
	if (!read_two(s, &out->month) || !skip_byte(s, separator) || !read_two(s, &out->day))
		return false;
	Scan era = *s;
	if (!at_end(&era) && isspace(peek(&era)) && (era.at++, skip_word(&era, "(bc)"))) {
		if (negative || year == 0)
			return false;
		out->year = 1 - year;
		*s = era;
	}
	return true;
}

// Up to what follows the date. *special: nothing may follow.
static bool
scan_date(Scan *s, int64_t *out_days, bool *special)
{
	Civil date;
	skip_blanks(s);
	bool negative = skip_byte(s, '-');
	*special = !at_digit(s);
	if (at_end(s))
		return false;
	if (*special)
		return read_special(s, negative, out_days);
	return scan_civil(s, negative, &date) && !at_digit(s) && date_valid(date, out_days);
}

bool
read_date(Slice text, int64_t *out_days)
{
	Scan s = {.text = text};
	bool special;
	return scan_date(&s, out_days, &special);
}

// ---- times of day ----

// Nanoseconds.
bool
scan_clock(Scan *s, int64_t *out_ns)
{
	int64_t hours = 0, fraction = 0, place = 100000000;
	int32_t minutes = 0, seconds = 0;
	if (!at_digit(s))
		return false;
	for (int digits = 0; at_digit(s); digits++) {
		if (digits == 9)
			return false;
		hours = hours * 10 + (s->text.data[s->at++] - '0');
	}
	if (!skip_byte(s, ':') || (!at_end(s) && !read_two(s, &minutes)) || minutes >= 60)
		return false;
	if (skip_byte(s, ':') && !at_end(s) && (!read_two(s, &seconds) || seconds >= 60))
		return false;
	if (skip_byte(s, '.'))
		for (; at_digit(s); place /= 10)
			fraction += (s->text.data[s->at++] - '0') * place;
	*out_ns = ((hours * 60 + minutes) * 60 + seconds) * 1000000000 + fraction;
	return true;
}

// ±hh[:mm[:ss]]
static bool
scan_offset(Scan *s, int64_t *out_seconds)
{
	int32_t hours, minutes = 0, seconds = 0;
	bool negative = peek(s) == '-';
	s->at++;
	Scan before = *s;
	if (!read_two(s, &hours) || s->at - before.at != 2)
		return false;
	bool colon = skip_byte(s, ':');
	before = *s;
	if (at_digit(s) && (!read_two(s, &minutes) || s->at - before.at != 2))
		return false;
	if (colon && s->at == before.at)
		return false;
	if (colon && skip_byte(s, ':')) {
		before = *s;
		if (!read_two(s, &seconds) || s->at - before.at != 2)
			return false;
	}
	*out_seconds = (hours * 60 + minutes) * 60 + seconds;
	*out_seconds = negative ? -*out_seconds : *out_seconds;
	return true;
}

// What may follow the time: an offset, of which most kinds take no notice.
static bool
scan_zone(Scan *s, int64_t *out_seconds)
{
	*out_seconds = 0;
	if (at_end(s) || skip_byte(s, 'Z')) {
		skip_blanks(s);
		return at_end(s);
	}
	if (peek(s) == '+' || peek(s) == '-') {
		if (!scan_offset(s, out_seconds))
			return false;
		skip_blanks(s);
		return at_end(s);
	}
	if (!skip_byte(s, ' '))
		return false;
	skip_blanks(s);
	(void)skip_word(s, "utc");
	skip_blanks(s);
	return at_end(s);
}

// ---- timestamps ----

static bool
in_unit(int64_t micros, int64_t ns, Kind kind, int64_t *out)
{
	switch (kind) {
	case KIND_SECONDS: *out = stamp_round(micros, 1000000); return true;
	case KIND_MILLIS: *out = stamp_round(micros, 1000); return true;
	case KIND_NANOS:
		return !__builtin_mul_overflow(micros, 1000, out) &&
			   !__builtin_add_overflow(*out, ns, out) && stamp_finite(*out);
	default: *out = micros; return true;
	}
}

static bool
read_infinity(int64_t days, int64_t *out)
{
	*out = days > 0 ? STAMP_INFINITY : -STAMP_INFINITY;
	return true;
}

bool
read_stamp(Slice text, Kind kind, int64_t *out)
{
	Scan s = {.text = text};
	int64_t days, clock = 0, offset = 0, micros;
	bool special;
	if (!scan_date(&s, &days, &special))
		return false;
	if (special && !date_finite(days))
		return read_infinity(days, out);
	if (!at_end(&s)) {
		if (peek(&s) == ' ' || peek(&s) == 'T')
			s.at++;
		skip_blanks(&s);
		if (!scan_clock(&s, &clock) || !scan_zone(&s, &offset) || clock / 1000 > DAY_MICROS)
			return false;
	}
	if (!stamp_of(days, clock / 1000, &micros))
		return false;
	bool moved = kind == KIND_INSTANT || kind == KIND_NANOS;
	if (moved && __builtin_sub_overflow(micros, offset * 1000000, &micros))
		return false;
	if (kind == KIND_INSTANT && !instant_valid(micros))
		return false;
	return in_unit(micros, clock % 1000, kind, out);
}
