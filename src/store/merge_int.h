// merge_int.h - a merge under way, shared by its files.

#pragma once

#include "store/hot_keep.h"
#include "store/merge.h"
#include "store/merge_rows.h"
#include "store/store_int.h"

enum { PIECE_BYTES = 32 << 20 };

typedef struct MergeJob {
	Store *store;
	const MergeOptions *options;
	DuckConn *conn;
	Table *table;   // a reference
	TableDef *def;  // as it was when it began
	FileSet *files; // the same
	FileMeta *now;  // of all of them, with their levels
	MergeRules rules;
	MergeList list;
	MergeChoice choice;
	int32_t inputs[MERGE_MOST_INPUTS]; // places in `files` of those chosen
	bool alone;                        // holds the table's change lock

	int64_t visible_from; // what is older has expired, and is left out
	int32_t words;        // of the new files, as duck_write_rows has them
	char *dir;
	int64_t cuts[MOST_CUTS];
	int32_t cut_count;
	FileMeta metas[MOST_CUTS + 1]; // of the new files
	DataFile *outputs[MOST_CUTS + 1];
	Hot *hots[MOST_CUTS + 1]; // of the new files; NULL: none
	HotEntry *hot_entries[MOST_CUTS + 1];
	int32_t output_count;
	uint64_t hot_bytes; // that the new files may have in memory; 0: not all the inputs are there
	int64_t rows;
} MergeJob;

// merge_pick.c: the table that needs it most, and what is to be done. False: nothing is.
Status merge_pick(MergeJob *job, bool *found, Error *err);
bool merge_keeps_deletions_out(const Table *table); // its next merge, since results were void
void merge_job_close(MergeJob *job);                // new files that nobody knows are removed

// merge_cut.c: where the result is cut.
Status merge_cut(MergeJob *job, Error *err);

// merge_write.c: checks the inputs, writes and places the new files.
Status merge_write(MergeJob *job, Error *err);

// merge_piece.c: one of them. With job->words set; none where all of the piece was deleted.
Status merge_piece_write(MergeJob *job, Shape *shape, Span span, Error *err);
// How many bytes the first rows take with so many words, as a file of their own.
Status merge_piece_try(MergeJob *job, Shape *shape, int32_t words, uint64_t *bytes, Error *err);
MergeInputOptions merge_input_of(const MergeJob *job, int32_t input);
Status merge_check_stop(const MergeJob *job, Error *err); // ST_CANCELLED: it is to end
