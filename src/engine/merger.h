// merger.h - the thread that makes fewer and larger files, and what is known of its work. How much
// it leaves to others: pace.h.
//
// Threads  compact: any but those of the database's parts. The rest: any.

#pragma once

#include "engine/database_int.h"
#include "engine/keeper.h"
#include "store/merge.h"

Status merger_start(mobius *db, Merger **out, Error *err); // after recovery
// Flushes the table (NULL: every one) and merges its files as far as they go; waits. *out: the
// segments that were merged and the rows that were written anew. ST_CONFLICT: a file of it is
// damaged. The merger's error when it cannot. In memory it only flushes.
Status merger_compact(mobius *db, Table *table, KeeperFlushed *out, Error *err);

// The last ones, oldest first: each(arg, report) is called while nothing is added.
void merger_reports(Merger *merger, void (*each)(void *arg, const MergeReport *report), void *arg);

typedef struct MergerFigures {
	MergeFigures store;
	double write_amplification; // files written ÷ files of first flushes, since the start
	int64_t merges;
	int64_t void_merges; // thrown away, because rows were deleted meanwhile
	int64_t failures;
	int64_t busy_ns;
} MergerFigures;
Status merger_figures(Merger *merger, MergerFigures *out, Error *err);

// What is under way is given up, and who waits for it is told so. NULL is allowed, below too.
void merger_give_up(Merger *merger);
void merger_stop(Merger *merger); // nobody waits any more
