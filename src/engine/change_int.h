// change_int.h - one statement of a change, from its text to entries of the commit.

#pragma once

#include "engine/change.h"
#include "engine/insert.h"

typedef struct Step {
	const SqlStatement *statement;
	Table *table; // a reference
	bool deletes; // rows of the table: it holds the table's locks

	// Of one attempt.
	SqlQuery *query;  // NULL: TRUNCATE, or read to its end
	Buf addresses;    // RowAddress of each row that goes
	Batch *rows;      // to be appended; NULL: none
	InsertPlan plan;  // how; shape NULL: not known yet
	Batch *converted; // they as they are stored
	int64_t changed;
} Step;

// What an attempt has made.
void step_reset(Step *step);
void step_close(Step *step);

// Names and columns become known; nothing is read.
Status step_open(const StatementCall *call, Step *step, Error *err);
Status step_read(const StatementCall *call, Step *step, Error *err);
// Rows as they are stored; *cost: what they will occupy in memory.
Status step_convert(mobius *db, Step *step, uint64_t *cost, Error *err);
// Adds up to two entries. What is reserved for the rows goes with theirs. ST_CONFLICT: a segment
// that was read is gone.
Status step_entries(mobius *db, Step *step, CommitEntry *entries, int32_t *count,
					uint64_t *reserved, Error *err);
