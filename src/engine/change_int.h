// change_int.h - one statement of a change, from its text to entries of the commit.

#pragma once

#include "engine/bulk.h"
#include "engine/change.h"

typedef struct Step {
	const SqlStatement *statement;
	Table *table;        // a reference
	bool deletes;        // rows of the table: it holds the table's locks
	bool no_wait;        // for memory: it holds the rewrite locks, and so what gives some back
	struct Step *before; // the last one before it of the same table; NULL: none

	// Of one attempt.
	SqlQuery *query;  // NULL: TRUNCATE, or read to its end
	Buf addresses;    // RowAddress of each row that goes
	Buf keys;         // NewestKey of those
	Batch *rows;      // to be appended; NULL: none
	InsertPlan plan;  // how; shape NULL: not known yet
	Batch *converted; // they as they are stored
	BulkRows bulk;    // begun: the rows before those are in files
	int64_t changed;
	uint64_t read_seq; // of the snapshot it was read at
} Step;

// What an attempt has made.
void step_reset(Step *step);
void step_close(Step *step);

// Names and columns become known; nothing is read.
Status step_open(const StatementCall *call, Step *step, Error *err);
Status step_read(const StatementCall *call, Step *step, Error *err);
// Rows as they are stored; *cost: what they will occupy in memory.
Status step_convert(mobius *db, Step *step, uint64_t *cost, Error *err);
// Its rows go into files, with those that went before, and after those of the steps before.
Status step_spill(mobius *db, Step *step, Error *err);
// It has no more, and if there are files its last rows go into one.
Status step_end_files(mobius *db, Step *step, Error *err);
// The entry of its rows; what is reserved for them goes with it. Of kind 0: there are none.
Status step_rows(mobius *db, Step *step, CommitEntry *out, uint64_t *reserved, Error *err);
// The entry of what it deletes; kind 0: nothing. ST_CONFLICT: a segment that was read is gone.
Status step_deletion(mobius *db, const Step *step, CommitEntry *out, Error *err);
