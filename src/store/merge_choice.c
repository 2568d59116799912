#include "store/merge_choice.h"

enum {
	TOP = MERGE_LEVELS - 1,
	MANY_TINY = 8,   // so many neighbours are gathered however small
	MANY_FILES = 32, // and so many if they are larger
	EVEN = 4,        // if the largest has at most a fourth of the bytes
	GATHERED = 2,    // times the bytes of a large file start it
	GATHERED_TO = 4, // what comes of it may be so many times less than a large file, and is large
	THIN_OVER_THIN = 4, // a push may rewrite so many times its bytes
	THIN_OVER_TOP = 16,
};

MergeRules
merge_rules(bool by_time, int32_t files)
{
	return (MergeRules){.by_time = by_time,
						.files = files,
						.input_bytes = 1 << 30,
						.tiny_bytes = 4 << 20,
						.large_bytes = 256 << 20};
}

bool
merge_is_small(const MergeRules *rules, const FileMeta *file)
{
	return file->bytes < rules->large_bytes / GATHERED_TO;
}

Span
merge_span(const MergeRules *rules, const FileMeta *file)
{
	if (rules->by_time)
		return (Span){file->min_time, file->max_time};
	return (Span){(int64_t)file->min_seq, (int64_t)file->max_seq};
}

// ---- runs of neighbours ----

typedef struct Run {
	int32_t from;
	int32_t to;
} Run;

typedef struct Choosing {
	const MergeList *list;
	const MergeRules *rules;
	MergeChoice *out;
	double gain; // of what was chosen
} Choosing;

static Span
span_at(const Choosing *c, int32_t i)
{
	return merge_span(c->rules, c->list->files[i]);
}

static Span
hull_of(Span a, Span b)
{
	return (Span){a.min < b.min ? a.min : b.min, a.max > b.max ? a.max : b.max};
}

// The files of a level (not 0) that overlap `span`: neighbours.
static Run
overlap(const Choosing *c, int32_t level, Span span)
{
	int32_t end = c->list->starts[level + 1];
	int32_t low = c->list->starts[level], high = end;
	while (low < high) {
		int32_t middle = low + (high - low) / 2;
		if (span_at(c, middle).max < span.min)
			low = middle + 1;
		else
			high = middle;
	}
	Run run = {low, low};
	while (run.to < end && span_at(c, run.to).min <= span.max)
		run.to++;
	return run;
}

static bool
run_is_empty(Run run)
{
	return run.from == run.to;
}

static uint64_t
run_bytes(const Choosing *c, Run run)
{
	uint64_t bytes = 0;
	for (int32_t i = run.from; i < run.to; i++)
		bytes += c->list->files[i]->bytes;
	return bytes;
}

static bool
fits(const Choosing *c, Run below, Run above)
{
	int32_t count = below.to - below.from + above.to - above.from;
	return count <= MERGE_MOST_INPUTS &&
		   run_bytes(c, below) + run_bytes(c, above) <= c->rules->input_bytes;
}

static void
take_run(Choosing *c, Run run)
{
	for (int32_t i = run.from; i < run.to; i++)
		c->out->inputs[c->out->count++] = c->list->files[i];
	c->out->bytes += run_bytes(c, run);
}

// `below` is of the higher level: its rows are older.
static void
choose(Choosing *c, MergeKind kind, int32_t level, Run below, Run above)
{
	*c->out = (MergeChoice){.kind = kind, .level = level};
	take_run(c, below);
	take_run(c, above);
}

// ---- moves ----

static int32_t
highest_free_level(const Choosing *c, int32_t level, Span span)
{
	while (level < TOP && run_is_empty(overlap(c, level + 1, span)))
		level++;
	return level;
}

// The oldest file of level 0 alone, if it is worth no merge.
static bool
may_leave(const Choosing *c, int32_t i)
{
	const MergeList *list = c->list;
	if (list->files[i]->level > 0)
		return true;
	if (i > 0 || list->files[i]->bytes < c->rules->large_bytes / 8)
		return false;
	Span span = span_at(c, i);
	for (int32_t other = 1; other < list->starts[1]; other++)
		if (span_at(c, other).min <= span.max && span.min <= span_at(c, other).max)
			return false;
	return true;
}

static void
choose_moves(Choosing *c)
{
	const MergeList *list = c->list;
	MergeChoice *out = c->out;
	for (int32_t i = 0; i < list->starts[TOP] && out->count < MERGE_MOST_INPUTS; i++) {
		const FileMeta *file = list->files[i];
		int32_t level =
			may_leave(c, i) ? highest_free_level(c, file->level, span_at(c, i)) : file->level;
		if (level == file->level)
			continue;
		out->kind = MERGE_MOVE;
		out->inputs[out->count] = file;
		out->levels[out->count++] = level;
	}
}

// ---- pushes ----

// With them go neighbours that overlap nothing else in the next level.
static Run
with_neighbours(const Choosing *c, int32_t level, int32_t i, Run below)
{
	Run run = {i, i + 1};
	for (; run.from > c->list->starts[level]; run.from--) {
		Run other = overlap(c, level + 1, span_at(c, run.from - 1));
		if (run_is_empty(other) || other.from < below.from ||
			!fits(c, below, (Run){run.from - 1, run.to}))
			break;
	}
	for (; run.to < c->list->starts[level + 1]; run.to++) {
		Run other = overlap(c, level + 1, span_at(c, run.to));
		if (run_is_empty(other) || other.to > below.to ||
			!fits(c, below, (Run){run.from, run.to + 1}))
			break;
	}
	return run;
}

// What lies over small files of the top is gathered with them, and so written once, as long as it
// is little and stands in nobody's way. Rows that replace others are not kept waiting: they cost
// every query.
static bool
may_ride(const Choosing *c, int32_t level, int32_t i, Run below)
{
	const MergeList *list = c->list;
	Run all = {list->starts[level], list->starts[level + 1]};
	bool replaces = list->files[i]->late_min <= list->files[i]->late_max;
	if (level + 1 < TOP || c->rules->all || replaces || all.to - all.from > MANY_FILES ||
		run_bytes(c, all) > c->rules->large_bytes)
		return false;
	for (int32_t b = below.from; b < below.to; b++)
		if (!merge_is_small(c->rules, c->list->files[b]))
			return false;
	return true;
}

static void
consider_push(Choosing *c, int32_t level, int32_t i)
{
	Run below = overlap(c, level + 1, span_at(c, i));
	if (run_is_empty(below) || !fits(c, below, (Run){i, i + 1}) || may_ride(c, level, i, below))
		return;
	Run above = with_neighbours(c, level, i, below);
	double worth = level + 1 == TOP ? THIN_OVER_TOP : THIN_OVER_THIN;
	double gain = worth * (double)run_bytes(c, above) / (double)(run_bytes(c, below) + 1);
	if ((gain < 1 && !c->rules->all) || gain <= c->gain)
		return;
	c->gain = gain;
	choose(c, MERGE_PUSH, level + 1, below, above);
}

static void
choose_push(Choosing *c)
{
	for (int32_t level = TOP - 1; level > 0; level--)
		for (int32_t i = c->list->starts[level]; i < c->list->starts[level + 1]; i++)
			consider_push(c, level, i);
}

// ---- the oldest of level 0 ----

// What is too much to be merged with its level 0 goes up before, whatever it costs: the largest
// that can. If none can, what is above the largest goes first.
static bool
make_way(Choosing *c, int32_t level, Run run)
{
	if (level == TOP || run_is_empty(run))
		return false;
	int32_t largest = run.from, can = -1;
	for (int32_t i = run.from; i < run.to; i++) {
		uint64_t bytes = c->list->files[i]->bytes;
		largest = bytes > c->list->files[largest]->bytes ? i : largest;
		if (fits(c, overlap(c, level + 1, span_at(c, i)), (Run){i, i + 1}) &&
			(can < 0 || bytes > c->list->files[can]->bytes))
			can = i;
	}
	if (can < 0)
		return make_way(c, level + 1, overlap(c, level + 1, span_at(c, largest)));
	choose(c, MERGE_PUSH, level + 1, overlap(c, level + 1, span_at(c, can)), (Run){can, can + 1});
	return true;
}

static void
choose_prefix(Choosing *c)
{
	int32_t count = c->list->starts[1];
	Run above = {0, 0}, below = {0, 0};
	Span hull = {INT64_MAX, INT64_MIN};
	while (above.to < count) {
		hull = hull_of(hull, span_at(c, above.to));
		Run next = overlap(c, 1, hull);
		if (above.to > 0 && !fits(c, next, (Run){0, above.to + 1}))
			break;
		below = next;
		above.to++;
	}
	if (fits(c, below, above) || !make_way(c, 1, below)) {
		if (below.to - below.from + above.to <= MERGE_MOST_INPUTS)
			choose(c, MERGE_PREFIX, 1, below, above);
	}
}

// ---- gathering ----

// Of the level before, what overlaps the run and nothing else of its level: it costs nothing more.
static Run
riders(const Choosing *c, int32_t level, Run run)
{
	Run none = {0, 0};
	if (level < 2 || !c->rules->by_time)
		return none;
	Span hull = hull_of(span_at(c, run.from), span_at(c, run.to - 1));
	Run over = overlap(c, level - 1, hull);
	while (!run_is_empty(over) && overlap(c, level, span_at(c, over.from)).from < run.from)
		over.from++;
	while (!run_is_empty(over) && overlap(c, level, span_at(c, over.to - 1)).to > run.to)
		over.to--;
	while (!run_is_empty(over) && !fits(c, run, over))
		over.to--;
	return over;
}

static bool
is_worth_gathering(const Choosing *c, Run run, uint64_t bytes, uint64_t largest)
{
	const MergeRules *rules = c->rules;
	int32_t count = run.to - run.from;
	bool even = largest <= bytes / EVEN;
	if (count < 2)
		return false;
	if (bytes >= GATHERED * rules->large_bytes || (count >= MANY_FILES && even) || rules->all)
		return true;
	return count >= MANY_TINY && even && largest < rules->tiny_bytes;
}

// From `from` on, neighbours until it is worth it.
static bool
gather_from(Choosing *c, int32_t level, int32_t from)
{
	const MergeRules *rules = c->rules;
	uint64_t bytes = 0, largest = 0;
	Run best = {from, from};
	for (int32_t i = from; i < c->list->starts[level + 1] && i - from < MERGE_MOST_INPUTS; i++) {
		uint64_t size = c->list->files[i]->bytes;
		if (!merge_is_small(rules, c->list->files[i]) || bytes >= GATHERED * rules->large_bytes)
			break;
		bytes += size;
		largest = size > largest ? size : largest;
		if (is_worth_gathering(c, (Run){from, i + 1}, bytes, largest))
			best = (Run){from, i + 1};
	}
	if (run_is_empty(best))
		return false;
	choose(c, MERGE_GATHER, level, best, riders(c, level, best));
	return true;
}

static void
choose_gathering(Choosing *c)
{
	for (int32_t level = TOP; level > 0; level--)
		for (int32_t i = c->list->starts[level]; i < c->list->starts[level + 1]; i++)
			if (gather_from(c, level, i))
				return;
}

int32_t
merge_highest_level(const MergeList *list, const MergeRules *rules, int32_t level, Span span)
{
	Choosing c = {.list = list, .rules = rules};
	return rules->urgent ? level : highest_free_level(&c, level, span);
}

void
merge_choose(const MergeList *list, const MergeRules *rules, MergeChoice *out)
{
	Choosing c = {.list = list, .rules = rules, .out = out};
	*out = (MergeChoice){.kind = MERGE_NOTHING};
	int32_t fresh = list->starts[1];
	if (!rules->urgent)
		choose_moves(&c);
	if (out->kind == MERGE_NOTHING && fresh >= (rules->all ? 1 : rules->files))
		choose_prefix(&c);
	if (rules->urgent) {
		if (out->kind != MERGE_PREFIX)
			*out = (MergeChoice){.kind = MERGE_NOTHING};
		return;
	}
	if (out->kind == MERGE_NOTHING)
		choose_push(&c);
	if (out->kind == MERGE_NOTHING)
		choose_gathering(&c);
}
