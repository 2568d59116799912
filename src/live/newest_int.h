// newest_int.h - the parts of newest rows, shared by their files.

#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "live/newest_rows.h"

enum { PAGE_SLOTS = 1024 };

// What a view may still look at when nobody else does: freed once all views are gone that were
// there when it was retired.
typedef struct Retired {
	struct Retired *next;
	uint64_t before; // views of an older version may look at it
	bool is_source;
} Retired;

// A batch that slots point into. What is counted for the keeper is the keeper's.
typedef struct NewestSource {
	Retired retired;
	Batch *batch;
	Shape *shape;
	uint64_t seq;       // of the last rows that were entered; guarded by the lock
	bool gathered;      // it holds newest rows only, and is counted in rtdb.limit
	bool due;           // the keeper's, like used: its rows are to be gathered
	int64_t used;       // slots that point into it
	const void *gather; // the last one it was part of, and its number there
	uint32_t number;
	struct NewestSource *next;
} NewestSource;

typedef struct NewestSlot {
	int64_t time;         // ns
	NewestSource *source; // NULL: no row
	uint32_t row;
} NewestSlot;

typedef struct NewestPage {
	Retired retired;
	uint64_t version; // it was made, or copied, while this was being built
	uint64_t epoch;   // of another epoch than the table's: all of its slots are empty
	NewestSlot slots[PAGE_SLOTS];
} NewestPage;

typedef enum NewestState { NEWEST_DOUBT, NEWEST_KNOWN, NEWEST_OFF } NewestState;

// Of one table. What is not said to be another's is guarded by the lock.
typedef struct NewestTable {
	NewestRows *all;
	Table *table; // whose it is: not a reference
	bool begun;   // the publishing thread's: it has seen a change
	NewestState state;
	atomic_bool off;         // read without the lock, too
	const char *why;         // it is off
	uint64_t gathered_bytes; // of sources that are its own
	bool wanted;             // somebody asked while it was in doubt
	uint64_t generation;     // of the doubt
	uint64_t version;        // that is being built: above those of all views
	uint64_t epoch;          // raised to empty all slots
	NewestPage **pages;
	_Atomic uint32_t page_count; // read without the lock, too
	uint32_t page_room;
	NewestSource *sources;
	NewestHits *hits;   // that were entered and not worked out yet; then only readers are in doubt
	NewestHits *over;   // that nobody needs any more: the keeper's to free
	NewestSource *last; // that rows were entered of
	NewestView *oldest; // of the views, in order of their versions
	NewestView *newest;
	Retired *retired;
} NewestTable;

static inline bool
newest_is_known_locked(const NewestTable *t)
{
	return t->state == NEWEST_KNOWN && t->hits == NULL;
}

struct NewestView {
	NewestTable *of;
	Table *table; // a reference
	uint64_t version;
	uint64_t epoch;
	uint64_t generation;
	bool broken; // guarded by the lock
	uint64_t source_bytes;
	NewestView *before;
	NewestView *after;
	uint32_t page_count;
	NewestPage *pages[];
};

struct NewestRows {
	pthread_mutex_t lock;
	pthread_cond_t settled; // CLOCK_MONOTONIC; with the lock: hits of some table are over
	uint64_t limit;
	_Atomic uint64_t bytes; // of pages and gathered batches
	void (*wake)(void *arg);
	void *arg;
};

// newest_rows.c
NewestTable *newest_table_find(const Table *table); // NULL: nothing yet
Status newest_table_make(NewestRows *all, Table *table, NewestTable **out, Error *err);
// For series with ids below `count`. ST_LIMIT: rtdb.limit.
Status newest_table_make_room(NewestTable *t, uint32_t count, Error *err);
void newest_turn_off_locked(NewestTable *t, const char *why);
// The slot of a series, which may be changed then: its page is not a view's.
NewestSlot *newest_slot_locked(NewestTable *t, uint32_t series);
void newest_retire_locked(NewestTable *t, Retired *retired);
Retired *newest_collect_locked(NewestTable *t); // those nobody can look at any more
void newest_free_retired(NewestRows *all, Retired *list);
bool newest_charge(NewestRows *all, uint64_t bytes); // false: past the limit; nothing is charged
void newest_release(NewestRows *all, uint64_t bytes);

Status newest_source_new(Shape *shape, NewestSource **out, Error *err);
// newest_keep.c. One that holds newest rows only; what it occupies was charged.
Status newest_source_gathered(Shape *shape, Batch *batch, NewestSource **out, Error *err);
// Of each row, in nanoseconds.
Status newest_times_of(const TableDef *def, const Shape *shape, const Batch *batch, int64_t *out,
					   Error *err);
void newest_source_free(NewestRows *all, NewestSource *source); // NULL is allowed

// newest_hits.c
void newest_hits_enter_locked(NewestTable *t, NewestHits *hits); // takes them
void newest_hits_end_locked(NewestTable *t);                     // all are over
NewestHits *newest_hits_take_over_locked(NewestTable *t);        // to be freed, as a list
void newest_hits_add_where_locked(const NewestTable *t, Buf *out);
void newest_hits_free_all(NewestHits *list);

// newest_view.c. Of a table in any state.
Status newest_view_new_locked(NewestTable *t, NewestView **out, Error *err);
