// time_bucket(width, time) in place of the engine's own, which divides for every row.
//
// Rows that follow each other mostly have the same bucket, so it is found once and only looked for
// again where a time lies outside of it. What comes out is the same, also where buckets begin: of
// spans of days and less at 2000-01-03, a Monday, of months at 2000-01-01. The engine's functions
// for other types of time and for other beginnings stay.

#include <assert.h>
#include <string.h>

#include "base/timeval.h"
#include "duck/duck_int.h"

#define DAY_US INT64_C(86400000000)

static const int64_t FIRST_DAY = 10959; // 2000-01-03
static const int64_t FIRST_MONTH = 360; // 2000-01

// [from, from + length), in microseconds.
typedef struct Bucket {
	int64_t from;
	uint64_t length; // 0: holds nothing
} Bucket;

static int64_t
floor_to(int64_t value, int64_t step)
{
	int64_t over = value % step;
	return value - (over < 0 ? over + step : over);
}

static const char too_far[] = "time_bucket: a time is too far from 2000 for buckets";

// NULL, or what is wrong.
static const char *
find_by_span(int64_t width, int64_t time, Bucket *out)
{
	int64_t first = FIRST_DAY * DAY_US % width, since;
	if (__builtin_sub_overflow(time, first, &since))
		return too_far;
	int64_t over = since % width, from = since - over;
	if ((over < 0 && __builtin_sub_overflow(from, width, &from)) ||
		__builtin_add_overflow(from, first, &from))
		return too_far;
	*out = (Bucket){from, (uint64_t)width};
	return NULL;
}

static const char *
find_by_months(int32_t width, int64_t time, Bucket *out)
{
	if (time < INT64_MIN + DAY_US)
		return too_far;
	int64_t first = FIRST_MONTH % width, from;
	int64_t month = time_month_of_day(floor_to(time, DAY_US) / DAY_US);
	int64_t begins = floor_to(month - first, width) + first;
	if (__builtin_mul_overflow(time_day_of_month(begins), DAY_US, &from))
		return too_far;
	int64_t days = time_day_of_month(begins + width) - time_day_of_month(begins);
	*out = (Bucket){from, (uint64_t)days * (uint64_t)DAY_US};
	return NULL;
}

// *span: of days and less, in microseconds.
static const char *
check_width(const duckdb_interval *width, int64_t *span)
{
	bool fits = !__builtin_mul_overflow(width->days, DAY_US, span) &&
				!__builtin_add_overflow(*span, width->micros, span);
	if (width->months != 0 && (width->days != 0 || width->micros != 0))
		return "time_bucket: a width of months can have no days or less beside them";
	if (!fits || width->months < 0 || (width->months == 0 && *span <= 0))
		return "time_bucket: the width must be greater than 0";
	return NULL;
}

static const char *
find_bucket(const duckdb_interval *width, int64_t span, int64_t time, Bucket *out)
{
	return width->months > 0 ? find_by_months(width->months, time, out)
							 : find_by_span(span, time, out);
}

// ---- rows ----

typedef struct Rows {
	const duckdb_interval *widths;
	const int64_t *times;
	int64_t *out;
	idx_t count;
	const uint64_t *valid[2]; // of widths and times; NULL: all
} Rows;

static bool
has_row(const uint64_t *valid, idx_t row)
{
	return valid == NULL || (valid[row / 64] >> (row % 64) & 1) != 0;
}

static bool
same_width(const duckdb_interval *a, const duckdb_interval *b)
{
	return a->months == b->months && a->days == b->days && a->micros == b->micros;
}

// Mostly it is a constant that was written out for every row.
static bool
one_width(const Rows *rows)
{
	static_assert(sizeof(duckdb_interval) == 16, "no bytes between the parts");
	return rows->count < 2 ||
		   memcmp(rows->widths, rows->widths + 1, (rows->count - 1) * sizeof(*rows->widths)) == 0;
}

// Of a row that is there, with its time as it is held. Infinity is its own bucket, and what it
// would be in microseconds is nobody's.
static const char *
find_of_row(const Rows *rows, idx_t i, int64_t unit, Bucket *out)
{
	int64_t held = rows->times[i], last = INT64_MAX / unit, span;
	const char *wrong = check_width(&rows->widths[i], &span);
	if (wrong != NULL)
		return wrong;
	if (held == INT64_MAX || held == -INT64_MAX) {
		*out = (Bucket){held, 0};
		return NULL;
	}
	wrong = find_bucket(&rows->widths[i], span, held / unit, out);
	if ((uint64_t)last - (uint64_t)out->from < out->length ||
		(uint64_t)-last - (uint64_t)out->from < out->length)
		out->length = 0;
	return wrong;
}

// `unit`: of the times, in microseconds' parts. A constant, so that there is a loop for each.
static inline __attribute__((always_inline)) const char *
fill_buckets(const Rows *rows, int64_t unit)
{
	bool one = one_width(rows);
	Bucket bucket = {0};
	for (idx_t i = 0; i < rows->count; i++) {
		int64_t time = rows->times[i] / unit;
		bool inside = (uint64_t)time - (uint64_t)bucket.from < bucket.length;
		if (!inside || (!one && i > 0 && !same_width(&rows->widths[i], &rows->widths[i - 1]))) {
			if (!has_row(rows->valid[0], i) || !has_row(rows->valid[1], i)) {
				bucket.length = 0; // nothing is known of what stands under a NULL
				continue;
			}
			const char *wrong = find_of_row(rows, i, unit, &bucket);
			if (wrong != NULL)
				return wrong;
		}
		rows->out[i] = bucket.from;
	}
	return NULL;
}

static void
copy_nulls(const Rows *rows, duckdb_vector output)
{
	if (rows->valid[0] == NULL && rows->valid[1] == NULL)
		return;
	duckdb_vector_ensure_validity_writable(output);
	uint64_t *valid = duckdb_vector_get_validity(output);
	for (idx_t i = 0; i < (rows->count + 63) / 64; i++)
		valid[i] = (rows->valid[0] != NULL ? rows->valid[0][i] : UINT64_MAX) &
				   (rows->valid[1] != NULL ? rows->valid[1][i] : UINT64_MAX);
}

static Rows
rows_of(duckdb_data_chunk input, duckdb_vector output)
{
	duckdb_vector widths = duckdb_data_chunk_get_vector(input, 0);
	duckdb_vector times = duckdb_data_chunk_get_vector(input, 1);
	return (Rows){
		.widths = duckdb_vector_get_data(widths),
		.times = duckdb_vector_get_data(times),
		.out = duckdb_vector_get_data(output),
		.count = duckdb_data_chunk_get_size(input),
		.valid = {duckdb_vector_get_validity(widths), duckdb_vector_get_validity(times)},
	};
}

static inline __attribute__((always_inline)) void
run_bucket(duckdb_function_info info, const Rows *rows, duckdb_vector output, int64_t unit)
{
	const char *wrong = fill_buckets(rows, unit);
	if (wrong != NULL)
		duckdb_scalar_function_set_error(info, wrong);
	else
		copy_nulls(rows, output);
}

static void
run_us(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output)
{
	Rows rows = rows_of(input, output);
	run_bucket(info, &rows, output, 1);
}

static void
run_ns(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output)
{
	Rows rows = rows_of(input, output);
	run_bucket(info, &rows, output, 1000);
}

// Where the buckets will be, the times in microseconds are before: each row is read before it is
// written. False: one is too far for them.
static bool
widen_times(Rows *rows, int64_t factor)
{
	bool fit = true;
	for (idx_t i = 0; i < rows->count; i++) {
		int64_t held = rows->times[i];
		bool infinite = held == INT64_MAX || held == -INT64_MAX;
		bool over = __builtin_mul_overflow(held, infinite ? 1 : factor, &rows->out[i]);
		fit &= !over || !has_row(rows->valid[1], i);
	}
	rows->times = rows->out;
	return fit;
}

static void
run_coarse(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output, int64_t factor)
{
	Rows rows = rows_of(input, output);
	if (widen_times(&rows, factor))
		run_bucket(info, &rows, output, 1);
	else
		duckdb_scalar_function_set_error(info, too_far);
}

static void
run_ms(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output)
{
	run_coarse(info, input, output, 1000);
}

static void
run_s(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output)
{
	run_coarse(info, input, output, 1000000);
}

static Status
register_for(duckdb_connection conn, duckdb_type of, duckdb_scalar_function_t run, Error *err)
{
	SCOPED(duckdb_destroy_logical_type)
	duckdb_logical_type width = duckdb_create_logical_type(DUCKDB_TYPE_INTERVAL);
	SCOPED(duckdb_destroy_logical_type)
	duckdb_logical_type time = duckdb_create_logical_type(of);
	SCOPED(duckdb_destroy_logical_type)
	duckdb_logical_type bucket = duckdb_create_logical_type(DUCKDB_TYPE_TIMESTAMP);
	SCOPED(duckdb_destroy_scalar_function)
	duckdb_scalar_function function = duckdb_create_scalar_function();
	duckdb_scalar_function_set_name(function, "time_bucket");
	duckdb_scalar_function_add_parameter(function, width);
	duckdb_scalar_function_add_parameter(function, time);
	duckdb_scalar_function_set_return_type(function, bucket);
	duckdb_scalar_function_set_function(function, run);
	duckdb_scalar_function_set_special_handling(function);
	if (duckdb_register_scalar_function(conn, function) != DuckDBSuccess)
		return error_set(err, ST_INTERNAL, "DuckDB does not take the function time_bucket");
	return ST_OK;
}

Status
duck_register_bucket(duckdb_connection conn, Error *err)
{
	TRY(register_for(conn, DUCKDB_TYPE_TIMESTAMP_S, run_s, err));
	TRY(register_for(conn, DUCKDB_TYPE_TIMESTAMP_MS, run_ms, err));
	TRY(register_for(conn, DUCKDB_TYPE_TIMESTAMP, run_us, err));
	return register_for(conn, DUCKDB_TYPE_TIMESTAMP_NS, run_ns, err);
}
