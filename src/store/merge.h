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
// Threads  one at a time, but for urgent ones while let_urgent is called.

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
	// Called now and then while files are written: what waits in level 0 of tables need not wait
	// for a merge that takes long. It may call store_merge_one with `urgent`, and `busy` as it is
	// told. NULL: nothing is.
	void (*let_urgent)(void *arg, Table *busy);
	void *arg;
	bool urgent; // only what waits in level 0, into level 1
	Table *busy; // whose levels 0 and 1 the merge that waits is about; NULL: no table's
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

// What waits, of the table that has most of it. Tables that cannot be merged just now do not count.
typedef struct MergeBacklog {
	int32_t fresh; // files in level 0
	int32_t small; // small files in higher levels, to be gathered once they are enough
} MergeBacklog;
MergeBacklog store_merge_backlog(Store *store);

typedef struct MergeFigures {
	uint64_t debt_bytes;    // of the merges that would be done now
	int32_t behind_files;   // most files in level 0 of a table
	uint64_t flushed_bytes; // since the start: files of first flushes
	uint64_t merged_bytes;  // since the start: files of merges
} MergeFigures;
Status store_merge_figures(Store *store, int32_t files, MergeFigures *out, Error *err);
