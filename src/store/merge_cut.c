// merge_cut.c - where the result of a merge is cut: the times of all rows are counted first.

#include "base/mem.h"
#include "base/timeval.h"
#include "os/clock.h"
#include "store/merge_int.h"

#define DAY_NS INT64_C(86400000000000)

// ---- what there is ----

static Span
hull_of_inputs(const MergeJob *job)
{
	Span hull = {INT64_MAX, INT64_MIN};
	for (int32_t i = 0; i < job->choice.count; i++) {
		Span span = merge_span(&job->rules, job->choice.inputs[i]);
		hull.min = span.min < hull.min ? span.min : hull.min;
		hull.max = span.max > hull.max ? span.max : hull.max;
	}
	return hull;
}

static bool
is_input(const MergeJob *job, const FileMeta *file)
{
	for (int32_t i = 0; i < job->choice.count; i++)
		if (job->choice.inputs[i] == file)
			return true;
	return false;
}

// What the other files from level 1 on hold of the hull.
static Status
list_covered(const MergeJob *job, Span hull, Span **out, int32_t *count, Error *err)
{
	const MergeList *list = &job->list;
	Span *spans = mem_alloc_array((size_t)list->count, sizeof(Span));
	if (spans == NULL)
		return error_no_memory(err, "a merge");
	*count = 0;
	for (int32_t i = list->starts[1]; i < list->count; i++) {
		Span span = merge_span(&job->rules, list->files[i]);
		if (span.min <= hull.max && hull.min <= span.max && !is_input(job, list->files[i]))
			spans[(*count)++] = span;
	}
	*count = span_union(spans, *count);
	*out = spans;
	return ST_OK;
}

// A clock that is wrong by years must not make the table look slow.
static int64_t
window_of_table(const MergeJob *job)
{
	int64_t latest = clock_wall_ns() + DAY_NS;
	Span times = {INT64_MAX, INT64_MIN};
	uint64_t bytes = 0;
	for (int32_t i = 0; i < job->list.count; i++) {
		Span span = merge_span(&job->rules, job->list.files[i]);
		if (span.min > latest)
			continue;
		span.max = span.max < latest ? span.max : latest;
		times.min = span.min < times.min ? span.min : times.min;
		times.max = span.max > times.max ? span.max : times.max;
		bytes += job->list.files[i]->bytes;
	}
	return window_length(bytes, times, PIECE_BYTES);
}

// ---- counting ----

typedef struct Counting {
	TimeCounts counts;
	int64_t unit_ns;
} Counting;

static void
count_times(void *arg, const int64_t *times, int64_t n)
{
	Counting *counting = arg;
	for (int64_t i = 0; i < n; i++)
		time_counts_add(&counting->counts, time_scale_saturating(times[i], counting->unit_ns, 1),
						1);
}

static void
counting_close(Counting *counting)
{
	time_counts_close(&counting->counts);
}

static Status
count_inputs(MergeJob *job, Counting *counting, Error *err)
{
	for (int32_t i = 0; i < job->choice.count; i++) {
		MergeInputOptions input = merge_input_of(job, i);
		TRY(merge_input_times(&input, count_times, counting, err));
	}
	return ST_OK;
}

Status
merge_cut(MergeJob *job, Error *err)
{
	job->cut_count = 0;
	if (!job->rules.by_time || job->choice.kind == MERGE_GATHER)
		return ST_OK;
	Span hull = hull_of_inputs(job);
	SCOPED(mem_drop) Span *covered = NULL;
	int32_t covered_count = 0;
	TRY(list_covered(job, hull, &covered, &covered_count, err));
	SCOPED(counting_close) Counting counting = {.unit_ns = table_order_unit_ns(job->def)};
	TRY(time_counts_init(&counting.counts, hull, covered, covered_count, err));
	TRY(count_inputs(job, &counting, err));
	CutRules rules = {.bytes = job->choice.bytes,
					  .piece_bytes = PIECE_BYTES,
					  .window_ns = window_of_table(job),
					  .covered = covered,
					  .covered_count = covered_count};
	job->cut_count = window_cuts(&counting.counts, &rules, job->cuts);
	return ST_OK;
}
