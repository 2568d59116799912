// time_part.c - parts of dates and timestamps, and timestamps cut to a part.

#include <string.h>
#include <strings.h>

#include "expr/time_int.h"

static const struct {
	const char *name;
	TimePart part;
} NAMES[] = {
	{"microseconds", PART_MICROSECONDS},
	{"microsecond", PART_MICROSECONDS},
	{"us", PART_MICROSECONDS},
	{"usec", PART_MICROSECONDS},
	{"usecs", PART_MICROSECONDS},
	{"usecond", PART_MICROSECONDS},
	{"useconds", PART_MICROSECONDS},
	{"milliseconds", PART_MILLISECONDS},
	{"millisecond", PART_MILLISECONDS},
	{"ms", PART_MILLISECONDS},
	{"msec", PART_MILLISECONDS},
	{"msecs", PART_MILLISECONDS},
	{"second", PART_SECOND},
	{"seconds", PART_SECOND},
	{"sec", PART_SECOND},
	{"secs", PART_SECOND},
	{"s", PART_SECOND},
	{"minute", PART_MINUTE},
	{"minutes", PART_MINUTE},
	{"min", PART_MINUTE},
	{"mins", PART_MINUTE},
	{"m", PART_MINUTE},
	{"hour", PART_HOUR},
	{"hours", PART_HOUR},
	{"hr", PART_HOUR},
	{"hrs", PART_HOUR},
	{"h", PART_HOUR},
	{"day", PART_DAY},
	{"days", PART_DAY},
	{"d", PART_DAY},
	{"dayofmonth", PART_DAY},
	{"week", PART_WEEK},
	{"weeks", PART_WEEK},
	{"w", PART_WEEK},
	{"weekofyear", PART_WEEK},
	{"month", PART_MONTH},
	{"months", PART_MONTH},
	{"mon", PART_MONTH},
	{"mons", PART_MONTH},
	{"quarter", PART_QUARTER},
	{"quarters", PART_QUARTER},
	{"year", PART_YEAR},
	{"years", PART_YEAR},
	{"yr", PART_YEAR},
	{"yrs", PART_YEAR},
	{"y", PART_YEAR},
	{"decade", PART_DECADE},
	{"decades", PART_DECADE},
	{"century", PART_CENTURY},
	{"centuries", PART_CENTURY},
	{"millennium", PART_MILLENNIUM},
	{"millennia", PART_MILLENNIUM},
	{"isoyear", PART_ISO_YEAR},
	{"dow", PART_WEEKDAY},
	{"dayofweek", PART_WEEKDAY},
	{"weekday", PART_WEEKDAY},
	{"isodow", PART_ISO_WEEKDAY},
	{"doy", PART_YEAR_DAY},
	{"dayofyear", PART_YEAR_DAY},
	{"yearweek", PART_YEAR_WEEK},
	{"epoch", PART_EPOCH},
};

bool
time_part(Slice name, TimePart *out)
{
	for (size_t i = 0; i < COUNT_OF(NAMES); i++) {
		if (strlen(NAMES[i].name) == name.len &&
			strncasecmp(NAMES[i].name, (const char *)name.data, name.len) == 0) {
			*out = NAMES[i].part;
			return true;
		}
	}
	return false;
}

// ---- weeks ----

// The Monday of the week that has January 4th.
static int64_t
first_monday(int64_t year)
{
	int64_t fourth = days_of_civil((Civil){year, 1, 4});
	return fourth - (day_of_week(fourth) + 6) % 7;
}

static int64_t
iso_year(int64_t days, int64_t *week)
{
	int64_t year = civil_of_days(days).year;
	if (days < first_monday(year))
		year--;
	else if (days >= first_monday(year + 1))
		year++;
	*week = (days - first_monday(year)) / 7 + 1;
	return year;
}

// ---- parts ----

// There is no century 0.
static int64_t
count_from_one(int64_t year, int64_t years)
{
	return year > 0 ? (year - 1) / years + 1 : year / years - 1;
}

static int64_t
part_of_day(TimePart part, int64_t days)
{
	Civil date = civil_of_days(days);
	int64_t week, weekday = day_of_week(days);
	switch (part) {
	case PART_DAY: return date.day;
	case PART_WEEK: return iso_year(days, &week), week;
	case PART_MONTH: return date.month;
	case PART_QUARTER: return (date.month - 1) / 3 + 1;
	case PART_YEAR: return date.year;
	case PART_DECADE: return date.year / 10;
	case PART_CENTURY: return count_from_one(date.year, 100);
	case PART_MILLENNIUM: return count_from_one(date.year, 1000);
	case PART_ISO_YEAR: return iso_year(days, &week);
	case PART_WEEKDAY: return weekday;
	case PART_ISO_WEEKDAY: return weekday == 0 ? 7 : weekday;
	case PART_YEAR_DAY: return days - days_of_civil((Civil){date.year, 1, 1}) + 1;
	case PART_YEAR_WEEK: {
		int64_t year = iso_year(days, &week);
		return year * 100 + (year > 0 ? week : -week);
	}
	default: return 0;
	}
}

static int64_t
part_of(TimePart part, int64_t days, int64_t clock)
{
	switch (part) {
	case PART_MICROSECONDS: return clock % 60000000;
	case PART_MILLISECONDS: return clock % 60000000 / 1000;
	case PART_SECOND: return clock / 1000000 % 60;
	case PART_MINUTE: return clock / 60000000 % 60;
	case PART_HOUR: return clock / INT64_C(3600000000);
	default: return part_of_day(part, days);
	}
}

// Of what is infinite there is none: NULL.
static bool
split(const Call *c, int64_t i, int64_t *days, int64_t *clock)
{
	int64_t value = c->in[0].ints[i];
	bool date = c->node->children[0]->type.kind == KIND_DATE;
	*days = date ? value : floor_divide(value, DAY_MICROS);
	*clock = date ? 0 : floor_rest(value, DAY_MICROS);
	c->out.ok[i] = date ? date_finite(value) : stamp_finite(value);
	return c->out.ok[i] != 0;
}

void
time_part_of(Call *c)
{
	TimePart part = (TimePart)c->node->detail;
	int64_t days, clock;
	EACH_ROW(c, i)
	if (split(c, i, &days, &clock))
		c->out.ints[i] = part_of(part, days, clock);
}

void
time_epoch(Call *c)
{
	int64_t days, clock;
	EACH_ROW(c, i)
	{
		if (!split(c, i, &days, &clock))
			continue;
		Kind kind = c->node->children[0]->type.kind;
		int64_t micros = c->in[0].ints[i], millis = floor_divide(micros, 1000);
		if (kind == KIND_DATE)
			c->out.doubles[i] = (double)(days * 86400);
		else if (kind == KIND_INSTANT) // in two steps, as the calendar with zones does it
			c->out.doubles[i] = (double)millis / 1e3 + (double)floor_rest(micros, 1000) / 1e6;
		else
			c->out.doubles[i] = (double)c->in[0].ints[i] / 1e6;
	}
}

void
time_epoch_units(Call *c)
{
	int64_t to = c->node->detail, from = stamp_second(c->node->children[0]->type.kind);
	EACH_ROW(c, i)
	{
		int64_t value = c->in[0].ints[i];
		if (from == to && from == 1000000000)
			c->out.ints[i] = value;
		else if (!stamp_finite(value))
			c->out.ok[i] = 0;
		else if (from >= to)
			c->out.ints[i] = value / (from / to);
		else if (__builtin_mul_overflow(value, to / from, &c->out.ints[i]) ||
				 !stamp_finite(c->out.ints[i]))
			kernel_fail(c, i, "the timestamp is out of range");
	}
}

void
time_from_units(Call *c)
{
	EACH_ROW(c, i)
	if (__builtin_mul_overflow(c->in[0].ints[i], c->node->detail, &c->out.ints[i]) ||
		!stamp_finite(c->out.ints[i]))
		kernel_fail(c, i, "the timestamp is out of range");
}

// ---- truncation ----

static Civil
cut_date(TimePart part, Civil date)
{
	int64_t years = part == PART_DECADE       ? 10
					: part == PART_CENTURY    ? 100
					: part == PART_MILLENNIUM ? 1000
											  : 1;
	if (part == PART_MONTH)
		return (Civil){date.year, date.month, 1};
	if (part == PART_QUARTER)
		return (Civil){date.year, (date.month - 1) / 3 * 3 + 1, 1};
	return (Civil){date.year / years * years, 1, 1};
}

static int64_t
cut_days(TimePart part, int64_t days)
{
	int64_t week;
	switch (part) {
	case PART_WEEK:
	case PART_YEAR_WEEK: return days - (day_of_week(days) + 6) % 7;
	case PART_ISO_YEAR: return first_monday(iso_year(days, &week));
	case PART_DAY:
	case PART_WEEKDAY:
	case PART_ISO_WEEKDAY:
	case PART_YEAR_DAY: return days;
	default: return days_of_civil(cut_date(part, civil_of_days(days)));
	}
}

// Of parts of the clock; 0: it is none.
static int64_t
clock_unit(TimePart part)
{
	switch (part) {
	case PART_MICROSECONDS: return 1;
	case PART_MILLISECONDS: return 1000;
	case PART_EPOCH:
	case PART_SECOND: return 1000000;
	case PART_MINUTE: return 60000000;
	case PART_HOUR: return INT64_C(3600000000);
	default: return 0;
	}
}

void
time_truncate(Call *c)
{
	TimePart part = (TimePart)c->node->detail;
	int64_t unit = clock_unit(part);
	EACH_ROW(c, i)
	{
		int64_t value = c->in[0].ints[i], days = floor_divide(value, DAY_MICROS);
		int64_t clock = floor_rest(value, DAY_MICROS);
		if (!stamp_finite(value))
			c->out.ints[i] = value;
		else if (unit > 0 ? __builtin_sub_overflow(value, clock % unit, &c->out.ints[i])
						  : !stamp_of(cut_days(part, days), 0, &c->out.ints[i]))
			kernel_fail(c, i, "the timestamp is out of range");
	}
}
