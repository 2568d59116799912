// late.c - where a key may have several versions: the late rows (newest.h) of what a statement
// reads.

#include <stdlib.h>

#include "sql/views.h"

// Ranges are rounded to this, and to an eighth of their length where that is more.
static const int64_t LEAST_GRID = INT64_C(1) << 32;
static const int64_t LEAST_GRID_OF_IDS = INT64_C(1) << 16;
enum { GRIDS = 8 };

static bool
overlaps(TimeRange span, int64_t min, int64_t max)
{
	return min <= span.max && max >= span.min;
}

// ---- rounding ----

static int64_t
grid_of(TimeRange span, int64_t least)
{
	uint64_t length = (uint64_t)span.max - (uint64_t)span.min;
	int64_t grid = least;
	while ((uint64_t)grid * GRIDS < length && grid < INT64_MAX / 4 / GRIDS)
		grid *= 2;
	return grid;
}

static TimeRange
rounded(TimeRange span, int64_t least)
{
	int64_t grid = grid_of(span, least);
	int64_t over = span.min % grid + (span.min % grid < 0 ? grid : 0);
	int64_t left = grid - 1 - (span.max % grid + (span.max % grid < 0 ? grid : 0));
	int64_t min, max;
	if (__builtin_sub_overflow(span.min, over, &min))
		min = INT64_MIN;
	if (__builtin_add_overflow(span.max, left, &max))
		max = INT64_MAX;
	return (TimeRange){min, max};
}

// ---- the ranges ----

typedef struct LateSpans {
	const RefView *view;
	TimeRange *spans;
	int32_t count;
} LateSpans;

static void
add_late(LateSpans *late, int64_t min, int64_t max)
{
	const TimeRange *range = &late->view->range;
	bool ids = table_key_column(late->view->table->def) >= 0;
	if (min <= max && min <= range->max && max >= range->min)
		late->spans[late->count++] =
			rounded((TimeRange){min, max}, ids ? LEAST_GRID_OF_IDS : LEAST_GRID);
}

static int
by_min(const void *a, const void *b)
{
	const TimeRange *x = a, *y = b;
	return (x->min > y->min) - (x->min < y->min);
}

// Makes one of those that overlap; how many are left.
static int32_t
join_overlapping(TimeRange *spans, int32_t count)
{
	int32_t kept = 0;
	if (count > 0)
		qsort(spans, (size_t)count, sizeof(TimeRange), by_min);
	for (int32_t i = 0; i < count; i++) {
		if (kept == 0 || spans[i].min > spans[kept - 1].max)
			spans[kept++] = spans[i];
		else if (spans[i].max > spans[kept - 1].max)
			spans[kept - 1].max = spans[i].max;
	}
	return kept;
}

// The two with the least between them become one.
static void
join_nearest(TimeRange *spans, int32_t *count)
{
	int32_t at = 1;
	uint64_t least = UINT64_MAX;
	for (int32_t i = 1; i < *count; i++) {
		uint64_t gap = (uint64_t)spans[i].min - (uint64_t)spans[i - 1].max;
		if (gap < least) {
			least = gap;
			at = i;
		}
	}
	spans[at - 1].max = spans[at].max;
	for (int32_t i = at + 1; i < *count; i++)
		spans[i - 1] = spans[i];
	--*count;
}

static Lateness
lateness_of(const RefView *view, int64_t min, int64_t max)
{
	Lateness found = LATE_NOT;
	for (int32_t i = 0; i < view->late_count; i++) {
		if (min >= view->late[i].min && max <= view->late[i].max)
			return LATE_WHOLLY;
		if (overlaps(view->late[i], min, max))
			found = LATE_PARTLY;
	}
	return found;
}

Lateness
view_lateness(const RefView *view, int32_t i)
{
	if (view->late_count == 0)
		return LATE_NOT;
	const FileMeta *meta = data_file_meta(view_file(view, i));
	return lateness_of(view, meta->min_time, meta->max_time);
}

// ---- orders ----

enum { ROW_BITS = 32 }; // the rest tells the place among all files, or between two

int64_t
view_file_order(const RefView *view, int32_t i)
{
	return (2 * (int64_t)view->files[i] + 1) << ROW_BITS;
}

// Mostly it is behind all files, but some may have come with a commit since.
int64_t
view_memory_order(const RefView *view, int32_t segment)
{
	const FileSet *files = view->table->files;
	uint64_t seq = segment_stats(view->table->segments[segment]).min_seq;
	int64_t older = file_set_count(files);
	while (older > 0 && data_file_meta(file_set_at(files, (int32_t)older - 1))->min_seq > seq)
		older--;
	return (2 * older) << ROW_BITS;
}

static void
find_memory(RefView *view)
{
	for (int32_t i = 0; i < view->table->segment_count; i++) {
		SegmentStats stats = segment_stats(view->table->segments[i]);
		if (stats.rows == 0)
			continue;
		Lateness lateness = lateness_of(view, stats.min_time, stats.max_time);
		view->memory_late |= lateness != LATE_NOT;
		view->memory_clean |= lateness != LATE_WHOLLY;
	}
}

Status
view_find_late(RefView *view, Arena *arena, Error *err)
{
	const TableView *table = view->table;
	if (!table_replaces(table->def))
		return ST_OK;
	size_t most = (size_t)file_set_count(table->files) + (size_t)table->segment_count;
	LateSpans late = {.view = view, .spans = arena_array(arena, most + 1, sizeof(TimeRange))};
	TRY(arena_status(arena, err, "a statement"));
	for (int32_t i = 0; i < file_set_count(table->files); i++) {
		const FileMeta *meta = data_file_meta(file_set_at(table->files, i));
		add_late(&late, meta->late_min, meta->late_max);
	}
	for (int32_t i = 0; i < table->segment_count; i++) {
		SegmentStats stats = segment_stats(table->segments[i]);
		add_late(&late, stats.late_min, stats.late_max);
	}
	int32_t count = join_overlapping(late.spans, late.count);
	while (count > MOST_LATE)
		join_nearest(late.spans, &count);
	for (int32_t i = 0; i < count; i++)
		view->late[i] = late.spans[i];
	view->late_count = count;
	find_memory(view);
	return ST_OK;
}
