// insert.h - from a validated batch to a commit entry: converted to its shape, numbered, paid for,
// encoded for the log.

#pragma once

#include "engine/database_int.h"

// How one source of batches goes into one table.
typedef struct InsertPlan {
	Table *table;     // a reference
	Shape *shape;     // a reference
	Schema *from;     // what batches come in; a reference
	bool same;        // they come as the shape has them
	uint32_t version; // of the table's definition that it was last seen to fit; 0: none
	bool wider;       // that has columns of wider types than the shape
} InsertPlan;

void insert_plan_init(InsertPlan *plan, Table *table, Shape *shape, Schema *from); // new references
void insert_plan_close(InsertPlan *plan);

// `batch` as the shape has it (a new reference; itself where nothing is to be done). A NULL time is
// ST_INVALID and names the row. Of entities, rows without an id get the next ones: *first_id is the
// first of them, 0: none was given.
Status insert_convert(mobius *db, const InsertPlan *plan, Batch *batch, Batch **out,
					  int64_t *first_id, Error *err);
// insert_ids.c: that part of it.
Status insert_ids(mobius *db, const InsertPlan *plan, Batch **batch, int64_t *first_id, Error *err);

// Leaves out the rows that are past the table's ttl already: *batch becomes one without them (NULL:
// none is left), *expired is how many they were.
Status insert_expire(mobius *db, const InsertPlan *plan, Batch **batch, int64_t *expired,
					 Error *err);

// Whether it can go in at all: the table is there and still has its columns, and its values fit
// them. *cost: what it costs in memory, if that is where it goes (bulk.h).
Status insert_check(mobius *db, InsertPlan *plan, const Batch *converted, uint64_t *cost,
					Error *err);

// Takes bytes of the memtable budget; waits for them, ingest.wait at most, and as long as senders
// are to be held back; not if `wait` is false. ST_LIMIT.
Status insert_reserve(mobius *db, uint64_t cost, bool wait, Error *err);

// Where a batch comes from.
typedef struct InsertSource {
	Slice message; // as it was received; empty: it has to be encoded anew for the log
	Bytes *body;
	Producer *producer; // NULL: nobody
	int64_t producer_seq;
	uint64_t read_seq; // of what its rows were made, as in CommitEntry; 0: of nothing
} InsertSource;

// The entry of one batch; takes over `reserved` bytes of the memtable budget on ST_OK.
Status insert_entry(mobius *db, const InsertPlan *plan, Batch *converted, const InsertSource *from,
					uint64_t reserved, CommitEntry *out, Error *err);

// Converts, pays for and commits one batch, and waits for it: for callers that may wait. `seq` and
// `first_id` (as of insert_convert) may be NULL.
Status insert_batch(mobius *db, InsertPlan *plan, Batch *batch, const InsertSource *from,
					uint64_t *seq, int64_t *first_id, Error *err);
