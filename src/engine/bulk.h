// bulk.h - commits that are too large for the log: their rows become files, which one small record
// then adopts (store/adopt.h).
//
// Threads  who may wait: files are written and synced here.

#pragma once

#include "engine/insert.h"

// Rows of one statement, or one batch, on their way into files of one table.
typedef struct BulkRows {
	mobius *db;
	DuckConn *conn;
	Bulk *bulk;   // NULL: not begun
	bool no_wait; // for memory
} BulkRows;

// no_wait: its maker holds what gives memory back, and fails instead.
Status bulk_rows_open(mobius *db, Table *table, bool no_wait, BulkRows *out, Error *err);
void bulk_rows_close(BulkRows *rows); // also of one that was not begun
// Pays for the rows, part by part, and writes files as there are enough.
Status bulk_rows_add(BulkRows *rows, const InsertPlan *plan, Batch *converted, Error *err);
Status bulk_rows_end(BulkRows *rows, Error *err);

// One after the other files are adopted, and none while a backup looks where it ends: from before
// the rewrite locks to the end of the commit.
void bulk_lock(mobius *db);
void bulk_unlock(mobius *db);

// The entry that adopts the files of all these rows of `table`. With the locks. `from`: the
// producer, if there is one.
Status bulk_entry(mobius *db, Table *table, Bulk *const *bulks, int32_t count,
				  const StoreDelete *del, const InsertSource *from, CommitEntry *out, Error *err);

// Whether it is over the log's limit, or was over that of memory.
bool bulk_is_needed(const mobius *db, uint64_t log_bytes, uint64_t memory_bytes);
// All of it for one batch; waits for the commit.
Status bulk_commit(mobius *db, const InsertPlan *plan, Batch *converted, const InsertSource *from,
				   uint64_t *seq, Error *err);
