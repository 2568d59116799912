// merge_write.c - the files of a merge, one for each piece of time.

#include <inttypes.h>

#include "base/mem.h"
#include "os/clock.h"
#include "os/file.h"
#include "store/merge_int.h"
#include "store/quarantine.h"
#include "store/retention.h"

enum {
	FEW_SAVE = 20,   // part of the bytes that few words must save
	TRIAL_EVERY = 8, // merges of a table that are large enough for it
};

static Status
check_inputs(const MergeJob *job, Error *err)
{
	for (int32_t i = 0; i < job->choice.count; i++) {
		TRY(merge_check_stop(job, err));
		TRY(data_file_verify(file_set_at(job->files, job->inputs[i]), VERIFY_WHOLE, NULL, err));
	}
	return ST_OK;
}

static int64_t
input_rows(const MergeJob *job)
{
	int64_t rows = 0;
	for (int32_t i = 0; i < job->choice.count; i++)
		rows += job->choice.inputs[i]->rows;
	return rows;
}

// Enough for the tags of the series in a row group: a fourth more than there are in the mean.
static int32_t
few_words(const MergeJob *job)
{
	double series = (double)series_count(job->table->series);
	double words = 1.25 * PARQUET_GROUP_ROWS * series / (double)(input_rows(job) + 1);
	if (words > PARQUET_MANY_WORDS)
		return PARQUET_MANY_WORDS;
	return words < PARQUET_FEW_WORDS ? PARQUET_FEW_WORDS : (int32_t)words;
}

static Status
choose_words(MergeJob *job, Shape *shape, Error *err)
{
	Table *table = job->table;
	int64_t from = job->options->trial_rows;
	if (from > 0 && input_rows(job) >= from && table->untried++ % TRIAL_EVERY == 0) {
		uint64_t few, many;
		TRY(merge_piece_try(job, shape, few_words(job), &few, err));
		TRY(merge_piece_try(job, shape, PARQUET_MANY_WORDS, &many, err));
		table->few_words = few < many - many / FEW_SAVE;
	}
	job->words = table->few_words ? few_words(job) : PARQUET_MANY_WORDS;
	return ST_OK;
}

static Status
write_pieces(MergeJob *job, Error *err)
{
	SCOPED(shape_drop) Shape *shape = NULL;
	TRY(shape_new(0, job->def, table_schema(job->def), &shape, err));
	TRY(choose_words(job, shape, err));
	for (int32_t i = 0; i <= job->cut_count; i++) {
		Span span = {i == 0 ? INT64_MIN : job->cuts[i - 1],
					 i == job->cut_count ? INT64_MAX : job->cuts[i] - 1};
		TRY(merge_piece_write(job, shape, span, err));
	}
	return ST_OK;
}

// Files that are read from memory are so when they were merged, unless it is much of it: for the
// time of the merge it is there twice.
static uint64_t
hot_bytes_of_inputs(const MergeJob *job)
{
	const Budget *budget = job->store->options.hot;
	uint64_t bytes = 0;
	for (int32_t i = 0; i < job->choice.count; i++) {
		const Hot *hot = file_set_hot(job->files, job->inputs[i]);
		if (hot == NULL)
			return 0;
		bytes += hot_bytes(hot);
	}
	// Integers of a piece may need more bytes than those of its inputs' parts.
	return bytes <= budget_limit(budget) / 4 ? bytes * 2 : 0;
}

Status
merge_write(MergeJob *job, Error *err)
{
	Store *store = job->store;
	job->hot_bytes = hot_bytes_of_inputs(job);
	TRY(check_inputs(job, err));
	// A longer ttl must not show what is left out now, nor what is left of it elsewhere.
	job->visible_from = table_visible_from(job->table, clock_wall_ns());
	if (job->visible_from != VISIBLE_ALWAYS)
		TRY(table_forget_before(job->table, job->visible_from, err));
	TRY(merge_cut(job, err));
	job->dir = mem_printf("%s/%" PRIu32, store->files_dir, job->table->id);
	if (job->dir == NULL)
		return error_no_memory(err, "a merge");
	TRY(write_pieces(job, err));
	return job->output_count > 0 ? dir_sync(job->dir, err) : ST_OK;
}
