#include "store/merge_rows.h"

#include "base/mem.h"

void
merge_rows_init(MergeRows *rows)
{
	*rows = (MergeRows){.min_time = INT64_MAX, .max_time = INT64_MIN};
}

void
merge_rows_turn(MergeRows *rows)
{
	for (int32_t i = 0; i < rows->retired_count; i++)
		batch_unref(rows->retired[i]);
	rows->retired_count = 0;
	// What was given of batches that are still read stays as long as they do.
	for (int32_t i = 0; i < rows->count; i++)
		rows->inputs[i].given = false;
}

void
merge_rows_close(MergeRows *rows)
{
	merge_rows_turn(rows);
	mem_free(rows->retired);
	for (int32_t i = 0; i < rows->count; i++)
		merge_input_close(&rows->inputs[i]);
	*rows = (MergeRows){0};
}

Status
merge_rows_add(MergeRows *rows, const MergeInputOptions *options, Error *err)
{
	must(rows->count < MERGE_MOST_INPUTS);
	TRY(merge_input_open(&rows->inputs[rows->count], options, err));
	rows->replaces = table_replaces(options->def);
	rows->open[rows->count++] = true;
	return ST_OK;
}

// DuckDB still reads what was given of it.
static Status
retire(void *arg, Batch *batch, Error *err)
{
	MergeRows *rows = arg;
	if (rows->retired_count == rows->retired_room) {
		int32_t room = rows->retired_room == 0 ? 16 : rows->retired_room * 2;
		Batch **more = mem_resize(rows->retired, (size_t)room * sizeof(Batch *));
		if (more == NULL) {
			batch_unref(batch);
			return error_no_memory(err, "a merge");
		}
		rows->retired = more;
		rows->retired_room = room;
	}
	rows->retired[rows->retired_count++] = batch;
	return ST_OK;
}

// ---- series ----

static int
compare_inputs(const MergeRows *rows, int32_t a, int32_t b)
{
	return series_key_compare(buf_slice(&rows->inputs[a].key), buf_slice(&rows->inputs[b].key));
}

static Status
advance(MergeRows *rows, int32_t i, Error *err)
{
	bool end;
	TRY(merge_input_next(&rows->inputs[i], retire, rows, &end, err));
	rows->open[i] = !end;
	return ST_OK;
}

// The inputs that are at the least key.
static void
form_group(MergeRows *rows)
{
	rows->group_count = 0;
	for (int32_t i = 0; i < rows->count; i++) {
		if (!rows->open[i])
			continue;
		int order = rows->group_count == 0 ? -1 : compare_inputs(rows, i, rows->group[0]);
		if (order > 0)
			continue;
		if (order < 0)
			rows->group_count = 0;
		rows->group[rows->group_count++] = i;
	}
}

static void
leave_group(MergeRows *rows, int32_t place)
{
	for (int32_t i = place + 1; i < rows->group_count; i++)
		rows->group[i - 1] = rows->group[i];
	rows->group_count--;
}

// The rows of this batch and series are given: what follows is of the same series, from the next
// batch, or of a later one.
static Status
step(MergeRows *rows, int32_t place, Error *err)
{
	int32_t i = rows->group[place];
	MergeInput *input = &rows->inputs[i];
	SCOPED(buf_close) Buf before = BUF_INIT;
	buf_add_slice(&before, buf_slice(&input->key));
	TRY(buf_status(&before, err, "a merge"));
	TRY(advance(rows, i, err));
	int order = !rows->open[i] ? 1 : series_key_compare(buf_slice(&input->key), buf_slice(&before));
	if (order < 0)
		return error_set(err, ST_CORRUPT, "%s: its rows are not in order",
						 data_file_path(input->file));
	if (order > 0)
		leave_group(rows, place);
	return ST_OK;
}

Status
merge_rows_begin(MergeRows *rows, Error *err)
{
	for (int32_t i = 0; i < rows->count; i++)
		TRY(advance(rows, i, err));
	return ST_OK;
}

// ---- times ----

// The one of the group whose row comes first, and the one that follows it (-1: it is alone).
static void
find_first(const MergeRows *rows, int32_t *first, int32_t *second)
{
	int64_t least = 0, next = 0;
	*first = *second = -1;
	for (int32_t p = 0; p < rows->group_count; p++) {
		const MergeInput *input = &rows->inputs[rows->group[p]];
		int64_t time = input->times == NULL ? rows->group[p] : input->times[input->row];
		if (*first < 0 || time < least) {
			*second = *first;
			next = least;
			*first = p;
			least = time;
		} else if (*second < 0 || time < next) {
			*second = p;
			next = time;
		}
	}
}

static void
note_given(MergeRows *rows, const MergeInput *input, int64_t from, int64_t count)
{
	rows->rows += count;
	if (input->times == NULL)
		return;
	int64_t min = input->times[from], max = input->times[from + count - 1];
	rows->min_time = min < rows->min_time ? min : rows->min_time;
	rows->max_time = max > rows->max_time ? max : rows->max_time;
}

static int64_t
give(MergeRows *rows, int64_t most, RowRun *out)
{
	int32_t first, second;
	find_first(rows, &first, &second);
	MergeInput *input = &rows->inputs[rows->group[first]];
	const MergeInput *other = second < 0 ? NULL : &rows->inputs[rows->group[second]];
	bool bounded = other != NULL && other->times != NULL;
	int64_t from = input->row;
	// The first of those at the same time is of the oldest file.
	if (rows->replaces && bounded && input->times[from] == other->times[other->row]) {
		input->row++;
		return 0;
	}
	int64_t count = merge_input_take(input, bounded, bounded ? other->times[other->row] : 0,
									 first < second && !rows->replaces, most);
	if (count > 0)
		note_given(rows, input, from, count);
	*out = (RowRun){input->batch, from, count};
	return count;
}

Status
merge_rows_next(MergeRows *rows, int64_t most, RowRun *out, Error *err)
{
	*out = (RowRun){0};
	for (;;) {
		for (int32_t p = rows->group_count - 1; p >= 0; p--)
			if (rows->inputs[rows->group[p]].row == rows->inputs[rows->group[p]].end)
				TRY(step(rows, p, err));
		if (rows->group_count == 0)
			form_group(rows);
		if (rows->group_count == 0)
			return ST_OK;
		if (give(rows, most, out) > 0)
			return ST_OK;
	}
}
