#include "sql/hot_scan.h"

#include <string.h>

#include "base/timeval.h"

// Rows between two ranges that are given as well: a part of its own costs as much.
enum { SMALL_GAP = 64 };

typedef struct Bounds {
	int64_t min;
	int64_t max;
} Bounds;

// A condition on an integer that each row has.
typedef struct RowTest {
	const Column *column;
	TypeId type;
	Bounds bounds;
} RowTest;

// What leaves rows of a part out.
typedef struct HotMask {
	const Mask *mask; // deleted; NULL: none
	int64_t first_row;
	RowTest *tests;
	int32_t test_count;
} HotMask;

// One file.
typedef struct HotFile {
	const HotScan *scan;
	const Hot *hot;
	const Mask *mask;
	const int32_t *map;
	Bounds times; // in the file's unit
	bool all_times;
	int32_t time; // among the rows' columns; -1: none
} HotFile;

static bool
is_signed(TypeId type)
{
	return type == TYPE_INT8 || type == TYPE_INT16 || type == TYPE_INT32 || type == TYPE_INT64;
}

// ---- conditions on tags ----

static int
compare_text(const Column *column, int64_t row, const char *text)
{
	const int32_t *offsets = (const int32_t *)(const void *)column->offsets.data + row;
	size_t len = (size_t)(offsets[1] - offsets[0]), text_len = strlen(text);
	size_t common = len < text_len ? len : text_len;
	int order = common == 0 ? 0 : memcmp(column->values.data + offsets[0], text, common);
	return order != 0 ? order : (len > text_len) - (len < text_len);
}

static bool
holds(CompareOp op, int order)
{
	switch (op) {
	case OP_GT: return order > 0;
	case OP_GE: return order >= 0;
	case OP_LT: return order < 0;
	case OP_LE: return order <= 0;
	case OP_EQ: return order == 0;
	default: return true;
	}
}

// True where nobody knows.
static bool
text_fulfils(const Condition *c, const Column *column, int64_t row)
{
	for (int32_t i = 0; i < c->count; i++) {
		const Operand *operand = &c->constants[i].operand;
		if (operand->kind != OPERAND_TEXT || holds(c->op, compare_text(column, row, operand->text)))
			return true;
	}
	return false;
}

static bool
run_fulfils(const HotFile *file, const HotPart *part, int64_t run)
{
	const RefView *view = file->scan->view;
	for (int32_t i = 0; i < view->condition_count; i++) {
		const Condition *c = &view->conditions[i];
		int32_t place = MAP_TAG - file->map[c->column];
		if (file->map[c->column] > MAP_TAG ||
			schema_field(batch_schema(part->tags), place)->type.id != TYPE_UTF8)
			continue;
		const Column *column = batch_column(part->tags, place);
		if (!column_valid(column, run) || !text_fulfils(c, column, run))
			return false;
	}
	return true;
}

// ---- conditions on rows ----

static Bounds
bounds_of(CompareOp op, int64_t value)
{
	switch (op) {
	case OP_GT: return (Bounds){value < INT64_MAX ? value + 1 : value, INT64_MAX};
	case OP_GE: return (Bounds){value, INT64_MAX};
	case OP_LT: return (Bounds){INT64_MIN, value > INT64_MIN ? value - 1 : value};
	case OP_LE: return (Bounds){INT64_MIN, value};
	case OP_EQ: return (Bounds){value, value};
	default: return (Bounds){INT64_MIN, INT64_MAX};
	}
}

// What holds all its constants. False: they are no integers.
static bool
condition_bounds(const Condition *c, Bounds *out)
{
	*out = (Bounds){INT64_MAX, INT64_MIN};
	for (int32_t i = 0; i < c->count; i++) {
		const Operand *operand = &c->constants[i].operand;
		if (operand->kind != OPERAND_INTEGER)
			return false;
		Bounds one = bounds_of(c->op, operand->value);
		out->min = one.min < out->min ? one.min : out->min;
		out->max = one.max > out->max ? one.max : out->max;
	}
	return true;
}

// The bit of each of the n rows (64 at most) that is outside.
#define OUTSIDE(T)                                                                                 \
	({                                                                                             \
		const T *v_ = (const T *)(const void *)test->column->values.data + row;                    \
		uint64_t word_ = 0;                                                                        \
		for (int64_t i_ = 0; i_ < n; i_++)                                                         \
			word_ |= (uint64_t)(v_[i_] < min || v_[i_] > max) << i_;                               \
		word_;                                                                                     \
	})

static uint64_t
rows_outside(const RowTest *test, int64_t row, int64_t n)
{
	int64_t min = test->bounds.min, max = test->bounds.max;
	switch (test->type) {
	case TYPE_INT8: return OUTSIDE(int8_t);
	case TYPE_INT16: return OUTSIDE(int16_t);
	case TYPE_INT32: return OUTSIDE(int32_t);
	default: return OUTSIDE(int64_t);
	}
}

// Where most rows fulfil the conditions, picking them costs more than giving them all.
static void
add_outside(const HotMask *mask, int64_t first, int64_t count, uint64_t *bits)
{
	uint64_t outside[SCAN_MASK_ROWS / 64];
	int64_t left_out = 0;
	for (int64_t at = 0; at < count; at += 64) {
		uint64_t word = 0;
		int64_t n = count - at < 64 ? count - at : 64;
		for (int32_t t = 0; t < mask->test_count; t++)
			word |= rows_outside(&mask->tests[t], first + at, n);
		outside[at / 64] = word;
		left_out += __builtin_popcountll(word);
	}
	for (int64_t at = 0; at < count && left_out > count / 2; at += 64)
		bits[at / 64] |= outside[at / 64];
}

static void
hot_dead(const void *rows, int64_t first, int64_t count, uint64_t *bits)
{
	const HotMask *mask = rows;
	if (mask->mask != NULL)
		mask_dead_bits(mask->mask, mask->first_row + first, count, bits);
	if (mask->test_count > 0)
		add_outside(mask, first, count, bits);
}

static void
find_tests(const HotFile *file, const HotPart *part, HotMask *mask)
{
	const RefView *view = file->scan->view;
	Schema *rows = batch_schema(part->rows), *table = table_schema(view->table->def);
	for (int32_t i = 0; i < view->condition_count; i++) {
		const Condition *c = &view->conditions[i];
		int32_t place = file->map[c->column];
		if (place < 0 || !is_signed(schema_field(table, c->column)->type.id))
			continue;
		RowTest test = {batch_column(part->rows, place), schema_field(rows, place)->type.id, {0}};
		if (is_signed(test.type) && condition_bounds(c, &test.bounds))
			mask->tests[mask->test_count++] = test;
	}
}

// NULL: every row is given.
static Status
mask_part(const HotFile *file, const HotPart *part, const RowMask **out, Error *err)
{
	Arena *arena = file->scan->arena;
	HotMask *mask = arena_alloc(arena, sizeof(*mask));
	RowMask *rows = arena_alloc(arena, sizeof(*rows));
	size_t most = (size_t)file->scan->view->condition_count + 1;
	RowTest *tests = arena_array(arena, most, sizeof(*tests));
	TRY(arena_status(arena, err, "a scan"));
	*mask = (HotMask){.mask = file->mask, .first_row = part->first_row, .tests = tests};
	find_tests(file, part, mask);
	*rows = (RowMask){hot_dead, mask};
	*out = mask->mask != NULL || mask->test_count > 0 ? rows : NULL;
	return ST_OK;
}

// ---- ranges of rows ----

// The first row of [from, to) whose time is not below `time`.
static int64_t
first_at(const int64_t *times, int64_t from, int64_t to, int64_t time)
{
	while (from < to) {
		int64_t middle = from + (to - from) / 2;
		if (times[middle] < time)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

static Bounds
rows_of_run(const HotFile *file, const HotPart *part, int64_t run)
{
	Bounds rows = {part->starts[run], part->starts[run + 1]};
	if (file->time < 0 || file->all_times)
		return rows;
	const void *values = batch_column(part->rows, file->time)->values.data;
	const int64_t *times = values;
	rows.min = first_at(times, rows.min, rows.max, file->times.min);
	if (file->times.max < INT64_MAX)
		rows.max = first_at(times, rows.min, rows.max, file->times.max + 1);
	return rows;
}

static Status
give(const HotFile *file, BatchPart *part, Bounds rows, Error *err)
{
	part->from = rows.min;
	part->rows = rows.max - rows.min;
	return part->rows > 0 ? file->scan->add(file->scan->arg, part, err) : ST_OK;
}

static Status
scan_part(const HotFile *file, const HotPart *from, Error *err)
{
	Arena *arena = file->scan->arena;
	BatchPart part = {.batch = from->rows, .map = file->map};
	TRY(mask_part(file, from, &part.mask, err));
	if (from->tags != NULL) {
		TagRuns *runs = arena_alloc(arena, sizeof(*runs));
		TRY(arena_status(arena, err, "a scan"));
		*runs = (TagRuns){from->tags, from->starts, from->run_count};
		part.runs = runs;
	}
	Bounds open = {0, 0};
	for (int64_t run = 0; run < from->run_count; run++) {
		if (!run_fulfils(file, from, run))
			continue;
		Bounds rows = rows_of_run(file, from, run);
		if (rows.min == rows.max)
			continue;
		if (rows.min - open.max >= SMALL_GAP) {
			TRY(give(file, &part, open, err));
			open.min = rows.min;
		}
		open.max = rows.max;
	}
	return give(file, &part, open, err);
}

// ---- one file ----

// Each column of the table among those of the copy.
static Status
map_columns(HotFile *file, const TableDef *from, Error *err)
{
	const TableDef *def = file->scan->view->table->def;
	int32_t count = table_column_count(def);
	int32_t *map = arena_array(file->scan->arena, (size_t)count, sizeof(*map));
	TRY(arena_status(file->scan->arena, err, "a scan"));
	for (int32_t c = 0; c < count; c++) {
		bool tag = false;
		int32_t column = table_column_by_id(from, table_column_id(def, c));
		int32_t place = column < 0 ? MAP_NULL : hot_column(file->hot, column, &tag);
		map[c] = tag ? MAP_TAG - place : place;
	}
	file->map = map;
	return ST_OK;
}

static void
find_times(HotFile *file, const FileMeta *meta, const TableDef *from)
{
	const TimeRange *range = &file->scan->view->range;
	int32_t time = table_time_column(from); // ids are kept smaller, and tested like other numbers
	bool tag;
	file->time = time < 0 ? -1 : hot_column(file->hot, time, &tag);
	file->all_times = meta->min_time > meta->max_time ||
					  (meta->min_time >= range->min && meta->max_time <= range->max);
	if (time < 0)
		return;
	int64_t unit = table_order_unit_ns(from);
	file->times.min = range->min == INT64_MIN ? INT64_MIN : time_round_up(range->min, unit);
	file->times.max =
		range->max == INT64_MAX ? INT64_MAX : time_scale_saturating(range->max, 1, unit);
}

Status
hot_scan(const HotScan *scan, Error *err)
{
	const FileSet *files = scan->view->table->files;
	DataFile *data = file_set_at(files, scan->file);
	HotFile file = {.scan = scan,
					.hot = file_set_hot(files, scan->file),
					.mask = file_set_mask(files, scan->file)};
	TRY(map_columns(&file, data_file_def(data), err));
	find_times(&file, data_file_meta(data), data_file_def(data));
	for (int32_t i = 0; i < hot_part_count(file.hot); i++)
		TRY(scan_part(&file, hot_part(file.hot, i), err));
	return ST_OK;
}

// ---- about how many ----

static double
share_of_time(TimeRange range, const FileMeta *meta)
{
	if (meta->min_time >= meta->max_time)
		return 1;
	int64_t min = range.min > meta->min_time ? range.min : meta->min_time;
	int64_t max = range.max < meta->max_time ? range.max : meta->max_time;
	return ((double)max - (double)min) / ((double)meta->max_time - (double)meta->min_time);
}

int64_t
hot_estimate(const RefView *view, int32_t file)
{
	const FileSet *files = view->table->files;
	const FileMeta *meta = data_file_meta(file_set_at(files, file));
	const Hot *hot = file_set_hot(files, file);
	double share = share_of_time(view->range, meta);
	int64_t runs = 0;
	for (int32_t i = 0; i < hot_part_count(hot); i++)
		runs += hot_part(hot, i)->run_count;
	for (int32_t i = 0; i < view->condition_count; i++) {
		const Condition *c = &view->conditions[i];
		if (c->op == OP_EQ && table_column_role(view->table->def, c->column) == ROLE_TAG)
			share *= (double)c->count / (double)(runs > c->count ? runs : c->count);
	}
	return (int64_t)((double)meta->rows * share) + 1;
}
