// convert_int.h - the rules of conversion, for the files that convert.

#pragma once

#include "arrow/convert.h"

Type type_canonical(const Type *type);

// How many of the finer unit one of the coarser has.
static inline int64_t
unit_factor(TimeUnit coarse, TimeUnit fine)
{
	int64_t factor = 1;
	for (unsigned unit = coarse; unit < fine; unit++)
		factor *= 1000;
	return factor;
}

#define MS_PER_DAY INT64_C(86400000)

static inline int64_t
day_of_ms(int64_t ms)
{
	return ms / MS_PER_DAY - (ms % MS_PER_DAY < 0 ? 1 : 0);
}

typedef struct MonthDayNano {
	int32_t months;
	int32_t days;
	int64_t nanos;
} MonthDayNano;

typedef struct DayTime {
	int32_t days;
	int32_t ms;
} DayTime;
