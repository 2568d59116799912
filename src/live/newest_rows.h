// newest_rows.h - the newest row of each series of every table, in memory: what rtdb answers from.
//
// A table has a slot for each series: the time of its newest row, and where in memory that row
// lies: a batch that a memory segment holds anyway, or, once such a segment was flushed, one that
// its newest rows were gathered into. So a put costs a comparison for each of its series, and no
// copy.
//
// What is here and what the store shows are of one moment: who publishes holds the lock while it
// enters a group's rows and raises the published seq; who reads holds it while it takes the store's
// snapshot and its NewestView. Slots lie in pages, which are copied before they are changed where a
// view has them.
//
// A table is *known* when each of its series has its newest row here. It is in doubt after a start,
// after a deletion and after rows that came in files, until somebody asks and a keeper works the
// rows out from history, beside what goes on: rows that are put meanwhile are entered as ever, and
// the newer of the two stays. While it is in doubt readers are told so and choose from history
// themselves. A table of more series than are numbered, or whose rows would pass rtdb.limit, is
// *off*, which is the same for good.
//
// Threads  puts are made by any thread; entering rows belongs to the publishing thread; settling
// and tidying to one keeper; views to anybody.

#pragma once

#include "store/store.h"

typedef struct NewestRows NewestRows;

typedef struct NewestOptions {
	uint64_t limit;          // rtdb.limit
	void (*wake)(void *arg); // there is something to settle; short, any thread
	void *arg;
} NewestOptions;

Status newest_rows_new(const NewestOptions *options, NewestRows **out, Error *err);
void newest_rows_free(NewestRows *all); // after the store was closed; NULL is allowed

void newest_rows_lock(NewestRows *all); // before the store's own lock
void newest_rows_unlock(NewestRows *all);

// ---- rows that come ----

// The series whose newest rows a deletion may take: a few of them.
typedef struct NewestHits NewestHits;
// Of rows that are about to be deleted, the greatest time (ns) of some that follow each other.
typedef struct NewestKey {
	uint32_t series;
	int64_t time;
} NewestKey;
// What such rows can be: older ones only (true, *out NULL), also newest ones of few series (true),
// or nobody knows (false). Rows that come meanwhile are not deleted, and no other deletion comes.
// While the keeper works out what others have hit, this waits, but not for long.
bool newest_hits_find(NewestRows *all, Table *table, const NewestKey *keys, int64_t count,
					  NewestHits **out);
void newest_hits_free(NewestHits *hits); // NULL is allowed

// What one batch can change: of each of its series the newest row. Made by the handler, so that
// entering it can neither fail nor wait. *out NULL: the table has no newest rows.
typedef struct NewestPut NewestPut;
Status newest_put_new(NewestRows *all, Table *table, const SegmentInsert *insert, NewestPut **out,
					  Error *err);
void newest_put_free(NewestPut *put); // entered or not; not with the lock; NULL is allowed

// Before a change of the table's rows is applied to the store: of the first one it notes whether
// the table was empty. `put` NULL: a deletion, or rows in files.
void newest_put_begin(NewestRows *all, Table *table, NewestPut *put);
void newest_put_place(NewestPut *put, SegmentSpot spot); // behind it: where the rows lie now
void newest_put_enter(NewestPut *put, uint64_t seq);     // with the lock, in order of commits
// With the lock: newest rows may have come, or gone, by another way.
void newest_rows_doubt(NewestRows *all, Table *table);
// The same of a deletion. With hits, which it takes from where they are, only those series are in
// doubt, until the keeper has asked history for them.
void newest_rows_delete(NewestRows *all, Table *table, DeleteReach reach, NewestHits **hits);

// ---- reading ----

typedef struct NewestView NewestView;
// With the lock. *out NULL: in doubt; the keeper is woken if it can do something about it.
Status newest_view_acquire(NewestRows *all, Table *table, NewestView **out, Error *err);
void newest_view_release(NewestView *view); // not with the lock; NULL is allowed
bool newest_rows_know(NewestRows *all, Table *table);
uint64_t newest_view_bytes(const NewestView *view); // that it may keep from being freed

// One newest row.
typedef struct NewestRow {
	Batch *batch; // borrowed of the view
	Shape *shape;
	uint32_t row;
	int64_t time; // nanoseconds
} NewestRow;
Table *newest_view_table(const NewestView *view);                             // borrowed
uint32_t newest_view_series(const NewestView *view);                          // ids below
bool newest_view_at(const NewestView *view, uint32_t series, NewestRow *out); // false: it has none
// After the last look: ST_NO_MEMORY if it was changed meanwhile, for want of memory for a copy.
Status newest_view_check(const NewestView *view, Error *err);

// ---- across a restart ----

// Known tables are saved with each checkpoint, and are known again when it was loaded, as of its
// seq; commits behind it are entered by the replay.
StoreKept newest_rows_kept(NewestRows *all);

// ---- keeping ----

// "on", "in doubt" or "off: why"; of a table nobody has put to or asked for, "in doubt".
void newest_rows_state(NewestRows *all, Table *table, Buf *out);

// Somebody asked for it while it was in doubt, or series of it were hit. `generation` names the
// doubt; `where` becomes the condition for the rows that are to be worked out, nothing for all.
bool newest_rows_wanted(NewestRows *all, Table *table, uint64_t *generation, Buf *where);
// Rows worked out from a snapshot that was taken after `generation` was told: of each series at
// most one. Entered where no newer one is. The first call of a generation comes after the last one
// of another.
Status newest_rows_settle(NewestRows *all, Table *table, uint64_t generation, Shape *shape,
						  Batch *batch, Error *err);
// That was all of them. False: more happened meanwhile, and it is to be begun again.
bool newest_rows_settled(NewestRows *all, Table *table, uint64_t generation);
// Rows that lie in batches no segment has any more, or in batches of which few rows are newest, are
// gathered into batches of their own.
Status newest_rows_tidy(NewestRows *all, Table *table, Error *err);
