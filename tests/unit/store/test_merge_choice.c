// A model: files are lists of times with seqs; what is chosen is done, and what must hold is looked
// at after every step.

#include "store/merge_choice.h"
#include "support.h"

enum { MOST_FILES = 4096, ROW_BYTES = 100 };

typedef struct ModelRow {
	int64_t time;
	uint64_t seq;
} ModelRow;

typedef struct ModelFile {
	FileMeta meta;
	ModelRow *rows;
} ModelFile;

typedef struct Model {
	MergeRules rules;
	ModelFile files[MOST_FILES];
	int32_t count;
	uint64_t seq;
	uint64_t next_id;
	uint64_t flushed_bytes;
	uint64_t merged_bytes;
	uint64_t largest_merge;
	int32_t most_files;
} Model;

static MergeRules
small_rules(void)
{
	MergeRules rules = merge_rules(true, 4);
	rules.input_bytes = 1 << 20;
	rules.tiny_bytes = 4 << 10;
	rules.large_bytes = 256 << 10;
	return rules;
}

static void
model_close(Model *model)
{
	for (int32_t i = 0; i < model->count; i++)
		free(model->files[i].rows);
	free(model);
}

// Takes the rows.
static void
add_file(Model *model, ModelRow *rows, int64_t count, int32_t level)
{
	FileMeta meta = {.segment_id = ++model->next_id,
					 .level = level,
					 .rows = count,
					 .bytes = (uint64_t)count * ROW_BYTES + 500,
					 .min_time = INT64_MAX,
					 .max_time = INT64_MIN,
					 .late_min = 1, // none is
					 .min_seq = UINT64_MAX};
	for (int64_t i = 0; i < count; i++) {
		meta.min_time = rows[i].time < meta.min_time ? rows[i].time : meta.min_time;
		meta.max_time = rows[i].time > meta.max_time ? rows[i].time : meta.max_time;
		meta.min_seq = rows[i].seq < meta.min_seq ? rows[i].seq : meta.min_seq;
		meta.max_seq = rows[i].seq > meta.max_seq ? rows[i].seq : meta.max_seq;
	}
	assert_true(model->count < MOST_FILES);
	model->files[model->count++] = (ModelFile){meta, rows};
	if (level == 0)
		model->flushed_bytes += meta.bytes;
	else
		model->merged_bytes += meta.bytes;
}

static MergeList
list_of(Model *model)
{
	static const FileMeta *files[MOST_FILES];
	MergeList list;
	Error err = ERROR_INIT;
	for (int32_t i = 0; i < model->count; i++)
		files[i] = &model->files[i].meta;
	ok(merge_list_init(&list, &model->rules, files, model->count, &err), &err);
	return list;
}

static int32_t
place_of(const Model *model, const FileMeta *meta)
{
	for (int32_t i = 0; i < model->count; i++)
		if (model->files[i].meta.segment_id == meta->segment_id)
			return i;
	fail();
	return -1;
}

// No level but 0 overlaps itself, and at a time that two levels have the higher one is older.
static void
levels_are_in_order(Model *model)
{
	MergeList list = list_of(model);
	assert_true(merge_list_is_sound(&list, &model->rules));
	merge_list_close(&list);
	for (int32_t i = 0; i < model->count; i++) {
		for (int32_t j = 0; j < model->count; j++) {
			const ModelFile *a = &model->files[i], *b = &model->files[j];
			if (a->meta.level <= b->meta.level || a->meta.max_time < b->meta.min_time ||
				b->meta.max_time < a->meta.min_time)
				continue;
			// Rows are in order of time: like a merge.
			for (int64_t x = 0, y = 0; x < a->meta.rows && y < b->meta.rows;) {
				if (a->rows[x].time == b->rows[y].time)
					assert_true(a->rows[x].seq < b->rows[y].seq);
				if (a->rows[x].time < b->rows[y].time)
					x++;
				else
					y++;
			}
		}
	}
}

static int
compare_rows(const void *a, const void *b)
{
	const ModelRow *x = a, *y = b;
	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static int32_t
cut_rows(Model *model, const MergeList *list, const MergeChoice *choice, const ModelRow *rows,
		 int64_t count, int64_t *cuts)
{
	if (choice->kind == MERGE_GATHER)
		return 0;
	Span covered[MOST_FILES], hull = {rows[0].time, rows[count - 1].time};
	int32_t covered_count = 0;
	uint64_t bytes = 0;
	Span all = {INT64_MAX, INT64_MIN};
	for (int32_t i = 0; i < list->count; i++) {
		const FileMeta *file = list->files[i];
		bool input = false;
		for (int32_t k = 0; k < choice->count; k++)
			input |= choice->inputs[k] == file;
		if (!input && file->level > 0)
			covered[covered_count++] = merge_span(&model->rules, file);
		bytes += file->bytes;
		all.min = file->min_time < all.min ? file->min_time : all.min;
		all.max = file->max_time > all.max ? file->max_time : all.max;
	}
	covered_count = span_union(covered, covered_count);
	TimeCounts counts;
	Error err = ERROR_INIT;
	ok(time_counts_init(&counts, hull, covered, covered_count, &err), &err);
	for (int64_t i = 0; i < count; i++)
		time_counts_add(&counts, rows[i].time, 1);
	uint64_t piece = model->rules.large_bytes / 8;
	CutRules rules = {choice->bytes, piece, window_length(bytes, all, piece), covered,
					  covered_count};
	int32_t made = window_cuts(&counts, &rules, cuts);
	time_counts_close(&counts);
	return made;
}

static void
replace(Model *model, const MergeList *list, const MergeChoice *choice)
{
	int64_t total = 0, cuts[MOST_CUTS];
	for (int32_t i = 0; i < choice->count; i++)
		total += choice->inputs[i]->rows;
	ModelRow *rows = calloc((size_t)total, sizeof(ModelRow));
	int64_t at = 0;
	for (int32_t i = 0; i < choice->count; i++) {
		const ModelFile *file = &model->files[place_of(model, choice->inputs[i])];
		memcpy(rows + at, file->rows, (size_t)file->meta.rows * sizeof(ModelRow));
		at += file->meta.rows;
	}
	qsort(rows, (size_t)total, sizeof(ModelRow), compare_rows);
	int32_t count = cut_rows(model, list, choice, rows, total, cuts);
	int32_t old = model->count;
	uint64_t ids[MERGE_MOST_INPUTS];
	for (int32_t i = 0; i < choice->count; i++)
		ids[i] = choice->inputs[i]->segment_id;
	int64_t from = 0;
	for (int32_t p = 0; p <= count; p++) {
		int64_t to = from;
		while (to < total && (p == count || rows[to].time < cuts[p]))
			to++;
		assert_true(to > from);
		Span span = {rows[from].time, rows[to - 1].time};
		int32_t level = merge_highest_level(list, &model->rules, choice->level, span);
		ModelRow *piece = calloc((size_t)(to - from), sizeof(ModelRow));
		memcpy(piece, rows + from, (size_t)(to - from) * sizeof(ModelRow));
		add_file(model, piece, to - from, level);
		from = to;
	}
	free(rows);
	(void)old;
	for (int32_t i = 0; i < choice->count; i++) {
		FileMeta gone = {.segment_id = ids[i]};
		int32_t place = place_of(model, &gone);
		free(model->files[place].rows);
		memmove(&model->files[place], &model->files[place + 1],
				(size_t)(model->count - place - 1) * sizeof(ModelFile));
		model->count--;
	}
}

static bool
merge_step(Model *model)
{
	MergeChoice choice;
	MergeList list = list_of(model);
	merge_choose(&list, &model->rules, &choice);
	assert_true(choice.count <= MERGE_MOST_INPUTS);
	if (choice.kind == MERGE_MOVE) {
		for (int32_t i = 0; i < choice.count; i++)
			model->files[place_of(model, choice.inputs[i])].meta.level = choice.levels[i];
	} else if (choice.kind != MERGE_NOTHING) {
		if (choice.bytes > model->largest_merge)
			model->largest_merge = choice.bytes;
		replace(model, &list, &choice);
	}
	merge_list_close(&list);
	return choice.kind != MERGE_NOTHING;
}

static void
merge_until_done(Model *model, bool look)
{
	for (int steps = 0; merge_step(model); steps++) {
		if (look)
			levels_are_in_order(model);
		assert_true(steps < 10000); // it ends
	}
	model->most_files = model->count > model->most_files ? model->count : model->most_files;
}

static uint64_t
next_random(uint64_t *random)
{
	*random ^= *random << 13, *random ^= *random >> 7, *random ^= *random << 17;
	return *random;
}

// Which time row number i has when it arrives.
typedef int64_t ArrivalTime(uint64_t *random, int64_t i);

static void
flush_some(Model *model, ArrivalTime *arrive, uint64_t *random, int64_t from, int64_t count)
{
	ModelRow *rows = calloc((size_t)count, sizeof(ModelRow));
	for (int64_t i = 0; i < count; i++)
		rows[i] = (ModelRow){arrive(random, from + i), ++model->seq};
	qsort(rows, (size_t)count, sizeof(ModelRow), compare_rows);
	add_file(model, rows, count, 0);
}

static Model *
run_model(ArrivalTime *arrive, int flushes, int64_t rows, bool look)
{
	Model *model = calloc(1, sizeof(*model));
	model->rules = small_rules();
	uint64_t random = 88172645463325252;
	for (int i = 0; i < flushes; i++) {
		flush_some(model, arrive, &random, i * rows, rows);
		merge_until_done(model, look);
	}
	return model;
}

static double
amplification(const Model *model)
{
	return (double)(model->flushed_bytes + model->merged_bytes) / (double)model->flushed_bytes;
}

static void
holds_all(const Model *model)
{
	int64_t rows = 0;
	for (int32_t i = 0; i < model->count; i++)
		rows += model->files[i].meta.rows;
	assert_int_equal(rows, model->seq);
}

#define TICK INT64_C(1000000000)

static int64_t
in_order(uint64_t *random, int64_t i)
{
	(void)random;
	return i / 7 * TICK; // rows of one tick lie on both sides of a flush
}

// As the generator makes it: 5 % late by up to 360 ticks, 1 % by up to 8640.
static int64_t
disordered(uint64_t *random, int64_t i)
{
	uint64_t chance = next_random(random) % 1000;
	int64_t late = 0;
	if (chance < 50)
		late = 1 + (int64_t)(next_random(random) % 360);
	else if (chance < 60)
		late = 360 + (int64_t)(next_random(random) % 8280);
	return (i / 2 - late) * 10 * TICK;
}

static int64_t
anywhere_in_a_year(uint64_t *random, int64_t i)
{
	(void)i;
	return (int64_t)(next_random(random) % 31536000) * TICK;
}

// New rows, and beside them a year from its begin on.
static int64_t
with_backfill(uint64_t *random, int64_t i)
{
	(void)random;
	return i % 2 == 0 ? (i / 2 * 600 - 31536000) * TICK : i * TICK;
}

static void
rows_in_order_are_written_three_times_at_most(void **state)
{
	(void)state;
	Model *model = run_model(in_order, 600, 30, false); // 3.5 KB each; large: 256 KB
	holds_all(model);
	assert_true(amplification(model) <= 3.3);
	model_close(model);
	// With flushes of a usual size.
	model = run_model(in_order, 2000, 60, false);
	holds_all(model);
	assert_true(amplification(model) <= 3.05);
	assert_true(model->most_files < 110);
	model_close(model);
}

// Two files over a small one: gathered with it, or pushed at once where rows replace others.
static void
what_rides_waits_unless_it_replaces_rows(void **state)
{
	(void)state;
	for (int late = 0; late < 2; late++) {
		Model *model = calloc(1, sizeof(*model));
		model->rules = small_rules();
		uint64_t random = 1;
		flush_some(model, in_order, &random, 0, 70);
		flush_some(model, in_order, &random, 35, 70);
		model->files[0].meta.level = 4;
		model->files[1].meta.level = 3;
		model->files[1].meta.late_min = late ? 0 : 1;
		merge_until_done(model, false);
		assert_int_equal(model->count, late ? 1 : 2);
		model->rules.all = true;
		merge_until_done(model, false);
		assert_int_equal(model->count, 1);
		model_close(model);
	}
}

static void
disorder_costs_five_times_at_most(void **state)
{
	(void)state;
	Model *model = run_model(disordered, 1000, 320, false);
	holds_all(model);
	assert_true(amplification(model) <= 5);
	assert_true(model->largest_merge <= model->rules.input_bytes);
	model_close(model);
}

static void
a_backfill_makes_no_flood_of_files(void **state)
{
	(void)state;
	Model *model = run_model(with_backfill, 500, 100, false);
	holds_all(model);
	assert_true(model->most_files < 150);
	assert_true(amplification(model) <= 5);
	model_close(model);
	model = run_model(anywhere_in_a_year, 500, 100, false);
	holds_all(model);
	assert_true(model->most_files < 150);
	model_close(model);
}

static void
a_slow_table_has_few_files(void **state)
{
	(void)state;
	Model *model = run_model(in_order, 1000, 1, false);
	holds_all(model);
	assert_true(model->most_files < 40);
	model_close(model);
}

static void
levels_stay_in_order_whatever_comes(void **state)
{
	(void)state;
	static ArrivalTime *const arrivals[] = {in_order, disordered, anywhere_in_a_year,
											with_backfill};
	for (int a = 0; a < 4; a++) {
		Model *model = run_model(arrivals[a], 120, 37, true);
		holds_all(model);
		levels_are_in_order(model);
		// And everything at once, for COMPACT.
		model->rules.all = true;
		merge_until_done(model, true);
		holds_all(model);
		assert_true(model->count <= 4); // none is small
		model_close(model);
	}
}

static void
without_time_seqs_stand_for_it(void **state)
{
	(void)state;
	Model *model = calloc(1, sizeof(*model));
	model->rules = small_rules();
	model->rules.by_time = false;
	uint64_t random = 1;
	for (int i = 0; i < 100; i++) {
		flush_some(model, anywhere_in_a_year, &random, i * 10, 10);
		MergeChoice choice;
		do {
			MergeList list = list_of(model);
			assert_true(merge_list_is_sound(&list, &model->rules));
			merge_choose(&list, &model->rules, &choice);
			for (int32_t k = 1; k < choice.count; k++) // neighbours, oldest first
				assert_true(choice.inputs[k - 1]->max_seq < choice.inputs[k]->min_seq);
			if (choice.kind == MERGE_MOVE)
				for (int32_t k = 0; k < choice.count; k++)
					model->files[place_of(model, choice.inputs[k])].meta.level = choice.levels[k];
			else if (choice.kind != MERGE_NOTHING) {
				MergeChoice uncut = choice;
				uncut.kind = MERGE_GATHER;
				replace(model, &list, &uncut);
			}
			merge_list_close(&list);
		} while (choice.kind != MERGE_NOTHING);
	}
	holds_all(model);
	assert_true(model->count < 40);
	model_close(model);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_in_order_are_written_three_times_at_most),
		cmocka_unit_test(what_rides_waits_unless_it_replaces_rows),
		cmocka_unit_test(disorder_costs_five_times_at_most),
		cmocka_unit_test(a_backfill_makes_no_flood_of_files),
		cmocka_unit_test(a_slow_table_has_few_files),
		cmocka_unit_test(levels_stay_in_order_whatever_comes),
		cmocka_unit_test(without_time_seqs_stand_for_it),
	};
	return RUN(tests);
}
