// merge_input.h - one file as a merge reads it: its rows in order, as runs of one series, under the
// table's definition of now, without those that are deleted or outside of a range of time.
//
// Threads  one owner.

#pragma once

#include "duck/duck.h"
#include "store/files.h"
#include "store/series_int.h"

typedef struct MergeInput {
	DataFile *file;   // borrowed
	const Mask *mask; // borrowed; NULL: nothing is deleted
	TableDef *def;    // borrowed: what the rows become
	Shape *shape;     // of them
	int64_t min_time; // in the column's unit, inclusive
	int64_t max_time;
	uint64_t batch_bytes;

	DuckConn *conn;
	DuckStatement *statement;
	DuckStream *stream;
	Builder *builder;
	bool ended;

	// Where it is: rows [row, end) of the batch are of one series, those before series_end too.
	Batch *batch;
	const int64_t *times; // NULL: a table without time
	int64_t first_row;    // of the batch, in the file
	int64_t row;
	int64_t end;
	int64_t series_end;
	TagReaders tags;
	Buf key;
	bool given; // rows of the batch were given since the last turn
} MergeInput;

typedef struct MergeInputOptions {
	Duck *duck;
	DataFile *file;
	const Mask *mask;
	TableDef *def;
	Shape *shape;
	int64_t min_time;
	int64_t max_time;
	uint64_t memory_bytes;
} MergeInputOptions;

Status merge_input_open(MergeInput *input, const MergeInputOptions *options, Error *err);
void merge_input_close(MergeInput *input);

// At the next rows, of this series or the following one; *end: there are none. A batch that rows
// were given of goes to `retire`, which takes it.
typedef Status MergeRetire(void *arg, Batch *batch, Error *err);
Status merge_input_next(MergeInput *input, MergeRetire *retire, void *arg, bool *end, Error *err);
// Of the rows it is at, the first of which is left: as many as belong before `time` (or at it, if
// `with`), are not deleted, and up to `most`. 0: the row it is at was deleted, and passed.
int64_t merge_input_take(MergeInput *input, bool bounded, int64_t time, bool with, int64_t most);

// Each of the file's times, in order of the file; n at a time.
Status merge_input_times(const MergeInputOptions *options,
						 void (*each)(void *arg, const int64_t *times, int64_t n), void *arg,
						 Error *err);
