// time_int.h - the operations on dates, timestamps and intervals. Timestamps come in microseconds
// where nothing else is said.

#pragma once

#include "expr/calendar_int.h"
#include "expr/kernel_int.h"

// Parts of a date or timestamp, or what it is cut to.
typedef enum TimePart {
	PART_MICROSECONDS,
	PART_MILLISECONDS,
	PART_SECOND,
	PART_MINUTE,
	PART_HOUR,
	PART_DAY,
	PART_WEEK,
	PART_MONTH,
	PART_QUARTER,
	PART_YEAR,
	PART_DECADE,
	PART_CENTURY,
	PART_MILLENNIUM,
	PART_ISO_YEAR,
	PART_WEEKDAY,
	PART_ISO_WEEKDAY,
	PART_YEAR_DAY,
	PART_YEAR_WEEK,
	PART_EPOCH,
	PART_COUNT,
} TimePart;
bool time_part(Slice name, TimePart *out);

void time_truncate(Call *c);    // `detail`: a TimePart; of timestamps
void time_part_of(Call *c);     // the same, of dates and timestamps: whole numbers
void time_epoch(Call *c);       // seconds as DOUBLE
void time_epoch_units(Call *c); // `detail`: units of a second; of timestamps of any kind
void time_from_units(Call *c);  // `detail`: microseconds of a unit

void date_add_days(Call *c);
void days_add_date(Call *c);
void date_subtract_days(Call *c);
void date_subtract_date(Call *c);
void stamp_subtract_stamp(Call *c);
void instant_subtract_instant(Call *c);
void stamp_add_span(Call *c); // also of dates
void span_add_stamp(Call *c);
void stamp_subtract_span(Call *c);
void span_add(Call *c);
void span_subtract(Call *c);
void span_negate(Call *c);
void span_times(Call *c); // INTERVAL * DOUBLE
void times_span(Call *c);
void span_times_whole(Call *c); // INTERVAL * BIGINT
void whole_times_span(Call *c);
void span_divide(Call *c);
void span_of_units(Call *c);      // `detail`: microseconds of a unit, BIGINT
void span_of_days(Call *c);       // `detail`: days of a unit, INTEGER
void span_of_months(Call *c);     // `detail`: months of a unit, INTEGER
void span_of_real_units(Call *c); // `detail`: microseconds of a unit, DOUBLE
