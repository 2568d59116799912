#include "store/window.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/search.h"

#define SECOND INT64_C(1000000000)
#define HOUR   (3600 * SECOND)
#define DAY    (24 * HOUR)

enum {
	GRID_CELLS = 1024,
	GOOD_PART = 4,    // a quarter of the rows is worth a cut
	CLUSTER_GAIN = 5, // two pieces are, where together they cover a fifth
};

// ---- windows ----

int64_t
window_length(uint64_t bytes, Span times, uint64_t piece_bytes)
{
	static const int64_t lengths[] = {HOUR, DAY, 7 * DAY, 30 * DAY};
	if (times.min > times.max)
		return 0;
	double span = (double)times.max - (double)times.min + 1;
	for (size_t i = 0; i < COUNT_OF(lengths); i++)
		if ((double)bytes / span * (double)lengths[i] >= (double)piece_bytes)
			return lengths[i];
	return 0;
}

// ---- spans ----

static int
compare_spans(const void *a, const void *b)
{
	int64_t x = ((const Span *)a)->min, y = ((const Span *)b)->min;
	return (x > y) - (x < y);
}

int32_t
span_union(Span *spans, int32_t count)
{
	int32_t kept = 0;
	if (count > 1)
		qsort(spans, (size_t)count, sizeof(*spans), compare_spans);
	for (int32_t i = 0; i < count; i++) {
		Span *last = kept > 0 ? &spans[kept - 1] : NULL;
		if (last == NULL || spans[i].min > last->max)
			spans[kept++] = spans[i];
		else if (spans[i].max > last->max)
			last->max = spans[i].max;
	}
	return kept;
}

// ---- counting ----

static uint64_t
width_of(Span span)
{
	return (uint64_t)span.max - (uint64_t)span.min;
}

static int64_t
grid_step(Span hull)
{
	static const int64_t steps[] = {SECOND / 1000, SECOND / 100, SECOND / 10, SECOND,   10 * SECOND,
									60 * SECOND,   HOUR / 6,     HOUR,        6 * HOUR, DAY,
									7 * DAY,       30 * DAY,     360 * DAY};
	for (size_t i = 0; i < COUNT_OF(steps); i++)
		if (width_of(hull) / (uint64_t)steps[i] <= GRID_CELLS)
			return steps[i];
	return steps[COUNT_OF(steps) - 1];
}

static void
add_border(TimeCounts *counts, int64_t border)
{
	if (border > counts->hull.min && border <= counts->hull.max)
		counts->borders[counts->count++] = border;
}

static void
add_grid(TimeCounts *counts)
{
	int64_t step = grid_step(counts->hull);
	int64_t border = counts->hull.min - counts->hull.min % step;
	while (border <= counts->hull.max) {
		add_border(counts, border);
		if (__builtin_add_overflow(border, step, &border))
			return;
	}
}

static int
compare_times(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

Status
time_counts_init(TimeCounts *counts, Span hull, const Span *covered, int32_t covered_count,
				 Error *err)
{
	size_t most = GRID_CELLS + 4 + 2 * (size_t)covered_count;
	*counts = (TimeCounts){.hull = hull};
	counts->borders = mem_alloc_array(most, sizeof(int64_t));
	counts->rows = mem_alloc_array(most, sizeof(int64_t));
	if (counts->borders == NULL || counts->rows == NULL) {
		time_counts_close(counts);
		return error_no_memory(err, "a merge");
	}
	counts->borders[counts->count++] = hull.min;
	add_grid(counts);
	for (int32_t i = 0; i < covered_count; i++) {
		add_border(counts, covered[i].min);
		if (covered[i].max < INT64_MAX)
			add_border(counts, covered[i].max + 1);
	}
	qsort(counts->borders, (size_t)counts->count, sizeof(int64_t), compare_times);
	int32_t kept = 1;
	for (int32_t i = 1; i < counts->count; i++)
		if (counts->borders[i] != counts->borders[kept - 1])
			counts->borders[kept++] = counts->borders[i];
	counts->count = kept;
	return ST_OK;
}

void
time_counts_close(TimeCounts *counts)
{
	mem_free(counts->borders);
	mem_free(counts->rows);
	*counts = (TimeCounts){0};
}

void
time_counts_add(TimeCounts *counts, int64_t time, int64_t rows)
{
	// Rows of one series follow each other in time.
	int32_t at = counts->at;
	bool here = counts->borders[at] <= time;
	if (here && at + 1 < counts->count && counts->borders[at + 1] <= time) {
		at++;
		here = at + 1 == counts->count || time < counts->borders[at + 1];
	}
	counts->at = here ? at : (int32_t)search_last(counts->borders, counts->count, time);
	counts->rows[counts->at] += rows;
}

// ---- cutting ----

// Cuts under way: cells where a piece begins, rising.
typedef struct Cuts {
	const TimeCounts *counts;
	const CutRules *rules;
	int64_t rows; // of all
	int32_t cells[MOST_CUTS];
	int32_t count;
} Cuts;

static int64_t
rows_between(const TimeCounts *counts, int32_t from, int32_t to)
{
	int64_t rows = 0;
	for (int32_t i = from; i < to; i++)
		rows += counts->rows[i];
	return rows;
}

static bool
is_good_part(const Cuts *cuts, int64_t rows)
{
	return rows > 0 && rows >= cuts->rows / GOOD_PART;
}

// Keeps the order. No piece is without rows.
static void
cut_at(Cuts *cuts, int32_t cell)
{
	int32_t at = cuts->count;
	while (at > 0 && cuts->cells[at - 1] > cell)
		at--;
	int32_t from = at > 0 ? cuts->cells[at - 1] : 0;
	int32_t to = at < cuts->count ? cuts->cells[at] : cuts->counts->count;
	if (cuts->count == MOST_CUTS || rows_between(cuts->counts, from, cell) == 0 ||
		rows_between(cuts->counts, cell, to) == 0)
		return;
	for (int32_t i = cuts->count++; i > at; i--)
		cuts->cells[i] = cuts->cells[i - 1];
	cuts->cells[at] = cell;
}

static bool
is_covered(const CutRules *rules, int64_t time)
{
	int32_t low = 0, high = rules->covered_count;
	while (low < high) {
		int32_t middle = low + (high - low) / 2;
		if (rules->covered[middle].max < time)
			low = middle + 1;
		else
			high = middle;
	}
	return low < rules->covered_count && rules->covered[low].min <= time;
}

// What lies beyond all other files, if it is much.
static void
cut_at_gaps(Cuts *cuts)
{
	const TimeCounts *counts = cuts->counts;
	for (int32_t from = 0, to; from < counts->count; from = to) {
		bool covered = is_covered(cuts->rules, counts->borders[from]);
		to = from + 1;
		while (to < counts->count && is_covered(cuts->rules, counts->borders[to]) == covered)
			to++;
		if (covered || !is_good_part(cuts, rows_between(counts, from, to)))
			continue;
		cut_at(cuts, from);
		cut_at(cuts, to);
	}
}

static double
width_between(const TimeCounts *counts, int32_t from, int32_t to)
{
	int64_t end = to < counts->count ? counts->borders[to] : counts->hull.max;
	return (double)end - (double)counts->borders[from] + 1;
}

// The cell of [from, to) where two clusters part best; `to`: they are not far from each other.
static int32_t
cluster_border(const Cuts *cuts, int32_t from, int32_t to)
{
	const TimeCounts *counts = cuts->counts;
	int64_t all = rows_between(counts, from, to), left = 0;
	double best = (double)all * width_between(counts, from, to) / CLUSTER_GAIN;
	int32_t border = to;
	for (int32_t i = from; i < to;) {
		left += counts->rows[i++];
		int32_t next = i;
		while (next < to && counts->rows[next] == 0)
			next++;
		if (next == to || !is_good_part(cuts, left) || !is_good_part(cuts, all - left))
			continue;
		double cost = (double)left * width_between(counts, from, i) +
					  (double)(all - left) * width_between(counts, next, to);
		if (cost < best) {
			best = cost;
			border = next;
		}
	}
	return border;
}

static void
cut_clusters(Cuts *cuts, int32_t from, int32_t to)
{
	while (from < to && cuts->counts->rows[from] == 0)
		from++;
	while (from < to && cuts->counts->rows[to - 1] == 0)
		to--;
	int32_t border = cluster_border(cuts, from, to);
	if (border == to)
		return;
	cut_at(cuts, border);
	cut_clusters(cuts, from, border); // each part has a quarter of all, so this ends soon
	cut_clusters(cuts, border, to);
}

static void
cut_windows(Cuts *cuts, int32_t from, int32_t to)
{
	const TimeCounts *counts = cuts->counts;
	double row_bytes = (double)cuts->rules->bytes / (double)cuts->rows;
	int64_t piece = (int64_t)((double)cuts->rules->piece_bytes / row_bytes) + 1;
	int64_t done = 0, left = rows_between(counts, from, to);
	for (int32_t i = from; i < to; i++) {
		bool border = counts->borders[i] % cuts->rules->window_ns == 0;
		if (border && done >= piece && left >= piece) {
			cut_at(cuts, i);
			done = 0;
		}
		done += counts->rows[i];
		left -= counts->rows[i];
	}
}

typedef void CutPiece(Cuts *cuts, int32_t from, int32_t to);

static void
each_piece(Cuts *cuts, CutPiece *cut)
{
	Cuts before = *cuts;
	for (int32_t i = 0; i <= before.count; i++)
		cut(cuts, i == 0 ? 0 : before.cells[i - 1],
			i == before.count ? cuts->counts->count : before.cells[i]);
}

int32_t
window_cuts(const TimeCounts *counts, const CutRules *rules, int64_t *cuts)
{
	Cuts made = {.counts = counts, .rules = rules, .rows = rows_between(counts, 0, counts->count)};
	if (made.rows == 0)
		return 0;
	cut_at_gaps(&made);
	each_piece(&made, cut_clusters);
	if (rules->window_ns > 0)
		each_piece(&made, cut_windows);
	for (int32_t i = 0; i < made.count; i++)
		cuts[i] = counts->borders[made.cells[i]];
	return made.count;
}
