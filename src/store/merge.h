// merge.h - fewer and larger files: one merge of one table, from its choice to its publication.
//
// In this order, each step durable before the next: the inputs are checked against their hashes;
// files under tmp/, their bytes synced, renamed into files/, the directory synced; one commit of
// the catalog; only then readers get the new files, and the old ones go with their last reader. A
// crash in between leaves files that the catalog does not know, which the next start removes.
//
// Rows that were deleted are left out. A deletion that comes while a merge runs makes its result
// void: it is thrown away, and after the second time the next one lets no deletion in meanwhile,
// and keeps to no rate or share.
//
// A file whose bytes are wrong stays as it is: its table is merged no more, the rest goes on.
//
// Threads  one at a time.

#pragma once

#include <stdatomic.h>

#include "store/merge_choice.h"
#include "store/store.h"

typedef struct MergeOptions {
	Duck *duck;              // trusted, of one thread
	int32_t files;           // compaction.files
	uint64_t memory_bytes;   // compaction.memory, of which rows that are read take half
	uint64_t rate;           // compaction.rate, bytes a second; 0: as fast as it goes
	const atomic_int *share; // percent of a processor, where others want it too; NULL: all of it
	int64_t trial_rows;      // with so many, what makes smaller files is tried at times; 0: never
	const atomic_bool *stop;
	Table *table; // only this one; NULL: the one that needs it most
	bool all;     // whatever it costs
} MergeOptions;

// What was done; texts are its own.
typedef struct MergeReport {
	int64_t started_ns; // wall
	int64_t duration_ns;
	char database[128];
	char table[128];
	MergeKind kind;
	int32_t level;
	int32_t inputs;
	int32_t outputs;
	int64_t rows;
	uint64_t bytes_in;
	uint64_t bytes_out;
	Status status; // ST_CONFLICT: void
} MergeReport;

// Does the most urgent thing, if there is one (*did; report is filled then).
Status store_merge_one(Store *store, const MergeOptions *options, bool *did, MergeReport *report,
					   Error *err);

// The most files that wait in level 0 of a table to be merged. Those of tables that cannot be
// merged just now do not count.
int32_t store_files_waiting(Store *store);

typedef struct MergeFigures {
	uint64_t debt_bytes;    // of the merges that would be done now
	int32_t behind_files;   // most files in level 0 of a table
	uint64_t flushed_bytes; // since the start: files of first flushes
	uint64_t merged_bytes;  // since the start: files of merges
} MergeFigures;
Status store_merge_figures(Store *store, int32_t files, MergeFigures *out, Error *err);
