// time_ops.c - arithmetic of dates, timestamps and intervals.

#include "expr/time_int.h"

#include <math.h>

static void
out_of_range(Call *c, int64_t i)
{
	char type[TYPE_TEXT];
	kernel_fail(c, i, "the result is out of the range of %s", type_text(c->node->type, type));
}

// ---- dates and days ----

static void
move_date(Call *c, int64_t i, int64_t date, int64_t days)
{
	c->out.ints[i] = date_finite(date) ? date + days : date;
	int64_t moved = c->out.ints[i];
	bool is_date = moved >= INT32_MIN && moved <= INT32_MAX && date_finite(moved);
	if (date_finite(date) && !is_date)
		out_of_range(c, i);
}

void
date_add_days(Call *c)
{
	EACH_ROW(c, i) move_date(c, i, c->in[0].ints[i], c->in[1].ints[i]);
}

void
days_add_date(Call *c)
{
	EACH_ROW(c, i) move_date(c, i, c->in[1].ints[i], c->in[0].ints[i]);
}

void
date_subtract_days(Call *c)
{
	EACH_ROW(c, i) move_date(c, i, c->in[0].ints[i], -c->in[1].ints[i]);
}

void
date_subtract_date(Call *c)
{
	EACH_ROW(c, i) c->out.ints[i] = c->in[0].ints[i] - c->in[1].ints[i];
}

// ---- timestamps and intervals ----

void
stamp_subtract_stamp(Call *c)
{
	EACH_ROW(c, i)
	{
		int64_t x = c->in[0].ints[i], y = c->in[1].ints[i], micros;
		if (!stamp_finite(x) || !stamp_finite(y) || __builtin_sub_overflow(x, y, &micros))
			kernel_fail(c, i, "the difference of the timestamps is out of range");
		else
			c->out.spans[i] =
				(Span){.days = (int32_t)(micros / DAY_MICROS), .micros = micros % DAY_MICROS};
	}
}

// The calendar with zones counts whole milliseconds and the microseconds behind them, each its own
// way before 1970; so do we, to answer alike. start ≤ end.
static Span
instants_apart(int64_t start, int64_t end)
{
	int64_t start_ms = floor_divide(start, 1000), start_us = floor_rest(start, 1000);
	int64_t end_us = end % 1000;
	if (end_us >= 0 && start_us > end_us) {
		end -= 1000;
		end_us += 1000;
	}
	int64_t apart = end / 1000 - start_ms, day = DAY_MICROS / 1000;
	return (Span){.days = (int32_t)(apart / day), .micros = apart % day * 1000 + end_us - start_us};
}

void
instant_subtract_instant(Call *c)
{
	EACH_ROW(c, i)
	{
		int64_t end = c->in[0].ints[i], start = c->in[1].ints[i];
		if (!stamp_finite(start) || !stamp_finite(end)) {
			kernel_fail(c, i, "the difference of infinite timestamps");
			continue;
		}
		Span span = start > end ? instants_apart(end, start) : instants_apart(start, end);
		bool back = start > end;
		c->out.spans[i] = (Span){.days = back ? -span.days : span.days,
								 .micros = back ? -span.micros : span.micros};
	}
}

// To the last day of the month at most.
static bool
add_months(int64_t *days, int64_t count)
{
	Civil date = civil_of_days(*days);
	int64_t months = date.year * 12 + date.month - 1 + count;
	date.year = floor_divide(months, 12);
	date.month = (int32_t)(months - date.year * 12) + 1;
	int32_t last = days_in_month(date.year, date.month);
	date.day = date.day < last ? date.day : last;
	return date_valid(date, days);
}

static void
add_clock(int64_t *days, int64_t *clock, int64_t micros)
{
	*days += micros / DAY_MICROS;
	*clock += micros % DAY_MICROS;
	*days += floor_divide(*clock, DAY_MICROS);
	*clock = floor_rest(*clock, DAY_MICROS);
}

// Months first, then days, then the clock; back in time, the clock of instants with a zone is
// first.
static bool
move_stamp(int64_t stamp, Span by, bool zoned, int64_t *out)
{
	int64_t days = floor_divide(stamp, DAY_MICROS), clock = floor_rest(stamp, DAY_MICROS);
	bool clock_first = zoned && (by.months < 0 || by.days < 0 || by.micros < 0);
	if (clock_first)
		add_clock(&days, &clock, by.micros);
	if (by.months != 0 && !add_months(&days, by.months))
		return false;
	days += by.days;
	if (!clock_first)
		add_clock(&days, &clock, by.micros);
	return stamp_of(days, clock, out);
}

// A date stands for its midnight.
static void
add_to(Call *c, int64_t i, const Node *node, int64_t value, Span by)
{
	bool date = node->type.kind == KIND_DATE;
	bool finite = date ? date_finite(value) : stamp_finite(value);
	int64_t stamp = value;
	if (!finite)
		c->out.ints[i] = value > 0 ? STAMP_INFINITY : -STAMP_INFINITY;
	else if ((date && !stamp_of(value, 0, &stamp)) ||
			 !move_stamp(stamp, by, node->type.kind == KIND_INSTANT, &c->out.ints[i]))
		out_of_range(c, i);
}

void
stamp_add_span(Call *c)
{
	EACH_ROW(c, i) add_to(c, i, c->node->children[0], c->in[0].ints[i], c->in[1].spans[i]);
}

void
span_add_stamp(Call *c)
{
	EACH_ROW(c, i) add_to(c, i, c->node->children[1], c->in[1].ints[i], c->in[0].spans[i]);
}

// Parts that cannot be negated stay as they wrap, as in queries.
static Span
inverted(Span span)
{
	return (Span){.months = (int32_t)(0 - (uint32_t)span.months),
				  .days = (int32_t)(0 - (uint32_t)span.days),
				  .micros = (int64_t)(0 - (uint64_t)span.micros)};
}

void
stamp_subtract_span(Call *c)
{
	EACH_ROW(c, i)
	add_to(c, i, c->node->children[0], c->in[0].ints[i], inverted(c->in[1].spans[i]));
}

// ---- intervals ----

void
span_add(Call *c)
{
	EACH_ROW(c, i)
	{
		Span x = c->in[0].spans[i], y = c->in[1].spans[i], *out = &c->out.spans[i];
		if (__builtin_add_overflow(x.months, y.months, &out->months) ||
			__builtin_add_overflow(x.days, y.days, &out->days) ||
			__builtin_add_overflow(x.micros, y.micros, &out->micros))
			out_of_range(c, i);
	}
}

void
span_subtract(Call *c)
{
	EACH_ROW(c, i)
	{
		Span x = c->in[0].spans[i], y = c->in[1].spans[i], *out = &c->out.spans[i];
		if (__builtin_sub_overflow(x.months, y.months, &out->months) ||
			__builtin_sub_overflow(x.days, y.days, &out->days) ||
			__builtin_sub_overflow(x.micros, y.micros, &out->micros))
			out_of_range(c, i);
	}
}

void
span_negate(Call *c)
{
	EACH_ROW(c, i)
	{
		Span x = c->in[0].spans[i];
		c->out.spans[i] = inverted(x);
		if (x.months == INT32_MIN || x.days == INT32_MIN || x.micros == INT64_MIN)
			out_of_range(c, i);
	}
}

static bool
scale_whole(Span span, int64_t by, Span *out)
{
	return by >= INT32_MIN && by <= INT32_MAX &&
		   !__builtin_mul_overflow(span.months, (int32_t)by, &out->months) &&
		   !__builtin_mul_overflow(span.days, (int32_t)by, &out->days) &&
		   !__builtin_mul_overflow(span.micros, by, &out->micros);
}

void
span_times_whole(Call *c)
{
	EACH_ROW(c, i)
	if (!scale_whole(c->in[0].spans[i], c->in[1].ints[i], &c->out.spans[i]))
		out_of_range(c, i);
}

void
whole_times_span(Call *c)
{
	EACH_ROW(c, i)
	if (!scale_whole(c->in[1].spans[i], c->in[0].ints[i], &c->out.spans[i]))
		out_of_range(c, i);
}

static double
round_micros(double seconds)
{
	return nearbyint(seconds * 1e6) / 1e6;
}

static bool
in_days(double days)
{
	return days >= INT32_MIN && days <= INT32_MAX; // NaN is not
}

// What is left of months goes to days of 30, what is left of days to seconds.
static bool
scale_real(Span span, double by, Span *out)
{
	double months = span.months * by, days = span.days * by;
	if (!in_days(months) || !in_days(days))
		return false;
	out->months = (int32_t)months;
	out->days = (int32_t)days;
	double rest = round_micros((months - out->months) * 30);
	int32_t whole = (int32_t)rest;
	double seconds = round_micros((days - out->days + rest - whole) * 86400);
	if (fabs(seconds) >= 86400) {
		int32_t more = (int32_t)(seconds / 86400);
		out->days = (int32_t)((uint32_t)out->days + (uint32_t)more);
		seconds -= more * 86400;
	}
	out->days = (int32_t)((uint32_t)out->days + (uint32_t)whole);
	double micros = nearbyint((double)span.micros * by + seconds * 1e6);
	if (!(micros >= -0x1p63 && micros < 0x1p63))
		return false;
	out->micros = (int64_t)micros;
	return true;
}

void
span_times(Call *c)
{
	EACH_ROW(c, i)
	if (!scale_real(c->in[0].spans[i], c->in[1].doubles[i], &c->out.spans[i]))
		out_of_range(c, i);
}

void
times_span(Call *c)
{
	EACH_ROW(c, i)
	if (!scale_real(c->in[1].spans[i], c->in[0].doubles[i], &c->out.spans[i]))
		out_of_range(c, i);
}

void
span_divide(Call *c)
{
	EACH_ROW(c, i)
	{
		double by = c->in[1].doubles[i];
		if (by == 0)
			call_zero(c, i);
		else if (!scale_real(c->in[0].spans[i], 1.0 / by, &c->out.spans[i]))
			out_of_range(c, i);
	}
}

// ---- intervals of so many units ----

void
span_of_units(Call *c)
{
	EACH_ROW(c, i)
	{
		c->out.spans[i] = (Span){0};
		if (__builtin_mul_overflow(c->in[0].ints[i], c->node->detail, &c->out.spans[i].micros))
			out_of_range(c, i);
	}
}

void
span_of_real_units(Call *c)
{
	EACH_ROW(c, i)
	{
		double micros = c->in[0].doubles[i] * (double)c->node->detail;
		c->out.spans[i] = (Span){0};
		if (micros >= -0x1p63 && micros < 0x1p63)
			c->out.spans[i].micros = (int64_t)nearbyint(micros);
		else
			out_of_range(c, i);
	}
}

static bool
scale_count(int64_t count, int64_t by, int32_t *out)
{
	int64_t scaled;
	bool fits = count >= INT32_MIN && count <= INT32_MAX &&
				!__builtin_mul_overflow(count, by, &scaled) && scaled >= INT32_MIN &&
				scaled <= INT32_MAX;
	*out = fits ? (int32_t)scaled : 0;
	return fits;
}

void
span_of_days(Call *c)
{
	EACH_ROW(c, i)
	{
		c->out.spans[i] = (Span){0};
		if (!scale_count(c->in[0].ints[i], c->node->detail, &c->out.spans[i].days))
			out_of_range(c, i);
	}
}

void
span_of_months(Call *c)
{
	EACH_ROW(c, i)
	{
		c->out.spans[i] = (Span){0};
		if (!scale_count(c->in[0].ints[i], c->node->detail, &c->out.spans[i].months))
			out_of_range(c, i);
	}
}
