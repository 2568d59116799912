// merge_rows.h - the rows of several files as one, by tags, time and the order of the files: what a
// merge writes. Without time: one file after the other. Of a table that replaces rows by key only
// the last row of each key is given; no input has a key twice.
//
// Threads  one owner.

#pragma once

#include "duck/parquet.h"
#include "store/merge_choice.h"
#include "store/merge_input.h"

typedef struct MergeRows {
	MergeInput inputs[MERGE_MOST_INPUTS];
	int32_t count;
	bool replaces;                    // only the last of equal keys
	bool open[MERGE_MOST_INPUTS];     // has rows left
	int32_t group[MERGE_MOST_INPUTS]; // inputs at the current series, in their order
	int32_t group_count;
	Batch **retired; // given since the last turn
	int32_t retired_count;
	int32_t retired_room;

	// Of all rows that were given.
	int64_t rows;
	int64_t min_time; // in the column's unit
	int64_t max_time;
} MergeRows;

void merge_rows_init(MergeRows *rows);
void merge_rows_close(MergeRows *rows);
// One after the other, the older first; then it begins.
Status merge_rows_add(MergeRows *rows, const MergeInputOptions *options, Error *err);
Status merge_rows_begin(MergeRows *rows, Error *err);
// As a RowSource has them.
Status merge_rows_next(MergeRows *rows, int64_t most, RowRun *out, Error *err);
void merge_rows_turn(MergeRows *rows);
