// store.h - tables, their memory segments and files; snapshots over them; flush; checkpoint.
//
// The store has one lock, held for pointer swaps only: it guards the names, and of each table its
// definition, its file set and its chain of memory segments, and the published seq. A snapshot
// takes all it needs under that lock in one step, so seq, files and memory agree.
//
// Threads  store_apply_* and store_seal belong to the publishing thread (the syncer; recovery
// before it). Flushing to the keeper thread. Everything else: any.

#pragma once

#include "arrow/batch.h"
#include "base/arena.h"
#include "catalog/catalog.h"
#include "duck/duck.h"
#include "store/budget.h"
#include "store/files.h"
#include "store/producers.h"
#include "store/segment.h"
#include "store/series.h"
#include "store/shape.h"

typedef struct Store Store;
typedef struct Table Table; // counted; lives on after a drop while somebody holds it

// What a room to the right keeps with tables, as a checkpoint saves it: pieces of bytes.
typedef struct StoreKept {
	void *ctx;
	void (*lock)(void *ctx); // around the snapshot and what is taken with it
	void (*unlock)(void *ctx);
	Status (*take)(void *ctx, Table *table, void **kept, Error *err); // NULL: nothing
	void (*let)(void *kept);
	// The next piece; none: it has no more. *at begins as 0.
	Status (*save)(void *kept, uint32_t *at, Buf *out, Error *err);
	// At the start, of a table whose series are there: each piece, then that it was all.
	Status (*load)(void *ctx, Table *table, Slice piece, Error *err); // ST_CORRUPT
	Status (*loaded)(void *ctx, Table *table, Error *err);
	uint64_t (*bytes)(void *ctx); // about what all of it is
} StoreKept;

typedef struct StoreOptions {
	const char *dir;  // the data directory: files/, tmp/, checkpoint/ are in it. NULL: a store in
					  // memory, which makes no file
	Catalog *catalog; // borrowed
	Duck *duck;       // borrowed: the trusted instance
	Budget *budget;   // borrowed: memtable.limit
	Budget *hot;      // borrowed: cache.columns; NULL or of limit 0: files are read as files
	const StoreKept *kept; // copied; NULL: nothing
	BytesPool *pool;
	uint64_t segment_bytes; // memtable.segment_size; above 1 GiB it counts as that
	uint32_t series_limit;
	bool verify_strict; // a file is read whole before its first use
} StoreOptions;

// Loads what the catalog knows: tables, versions, files; loads the newest checkpoint. Files that
// nobody knows are removed at the end of the replay. ST_CORRUPT: catalog or checkpoint are damaged,
// and nothing is removed then. A Parquet file that is missing or of another size is quarantined
// (quarantine.h).
Status store_open(const StoreOptions *options, Store **out, Error *err);
void store_close(Store *store);                    // NULL is allowed
uint64_t store_checkpoint_seq(const Store *store); // series of commits ≤ this are loaded
uint64_t store_flushed_seq(const Table *table);    // replay skips this table's commits ≤ it

// Commits ≤ it need not be replayed: their rows are in files, their schema changes in the catalog,
// their series in the checkpoint.
uint64_t store_flushed_floor(Store *store);

// ---- tables ----

Table *store_find(
	Store *store, const char *database, const char *name, bool fold,
	bool *ambiguous); // a reference, or NULL. fold: an exact match wins, else one by ASCII case
Table *store_find_id(Store *store, uint32_t table_id); // a reference, or NULL
// The exact name of a database, borrowed by `out`. fold: else one by ASCII case.
enum { DATABASE_NAME_ROOM = 128 };
bool store_find_database(Store *store, const char *name, bool fold, char out[DATABASE_NAME_ROOM],
						 bool *ambiguous);
bool store_has_database(Store *store, const char *name);
// All of them, by name; the texts lie in `arena`.
Status store_databases(Store *store, Arena *arena, const char *const **out, int32_t *count,
					   Error *err);
Table *table_ref(Table *table);
void table_unref(Table *table); // NULL is allowed
DEFINE_DROP(Table, table_drop_ref, table_unref)
TableDef *table_current(Table *table); // a reference of the definition now
bool table_is_empty(Table *table);     // no rows in memory, no files; of the publishing thread
// What a room to the right keeps with a table, from whenever it first does until the table itself
// goes, with `free`. NULL: nothing yet.
void *table_attached(const Table *table);
bool table_attach(Table *table, void *what, void (*free)(void *what)); // false: there is something
bool table_dropped(const Table *table);
SeriesMap *table_series(Table *table);
Producers *table_producers(Table *table);

// Asked by who numbers commits, of each batch and of files that come, in order, right before it
// gets `seq`. False: the table replaces rows by key, the batch was made of what was seen at
// `read_seq` (0: it was not), and one that has been numbered since may hold the same keys, which it
// would undo.
bool table_may_follow(Table *table, uint64_t seq, uint64_t read_seq, int64_t min_time,
					  int64_t max_time);

// Two locks of a table for statements that change rows, always in this order and before any other.
// `change`: UPDATE, DELETE, TRUNCATE and ALTER, from the first read to the end of the commit, so
// that they come one after the other. `rewrite`: who deletes holds it from making the StoreDelete
// until the commit was published or failed; who replaces segments (flush, merge) while it looks for
// late deletions, writes the catalog and swaps. So a StoreDelete names what is there when it is
// applied. Who replaces segments looks first whether they are still the table's (TRUNCATE, DROP).
// Nobody waits for memory with it: the flush that would give some back needs the lock. Who deletes
// may read for long with it, so who looks after all tables only tries, and comes back.
void table_change_lock(Table *table);
void table_change_unlock(Table *table);
void table_rewrite_lock(Table *table);
bool table_rewrite_try(Table *table); // false: it is held, and the caller goes on without
void table_rewrite_unlock(Table *table);

// ---- the commit path: made by handlers (may fail), applied by the publishing thread (cannot) ----

// A table that will exist, or the next version of one.
typedef struct StoreDefine StoreDefine;
Status store_define_new(Store *store, TableDef *def, StoreDefine **out, Error *err);
TableDef *store_define_def(const StoreDefine *define); // borrowed
void store_define_free(StoreDefine *define);           // never applied; NULL is allowed

// A database that will exist, or one that goes with all the tables it has: in one step, so that a
// crash leaves all of it or nothing. Until it is applied no table of it may be made or dropped.
// In the log: WAL_DEFINE or WAL_DROP of table 0, the payload of which is
// u32 format (1) · u32 length · name.
typedef struct StoreDatabase StoreDatabase;
Status store_database_new(Store *store, const char *name, bool drop, StoreDatabase **out,
						  Error *err); // ST_EXISTS, ST_NOT_FOUND
Status store_database_encode(const StoreDatabase *database, Buf *out, Error *err);
// The name in such a payload. ST_CORRUPT.
Status store_database_decode(Slice payload, char out[DATABASE_NAME_ROOM], Error *err);
void store_database_free(StoreDatabase *database); // never applied; NULL is allowed
void store_apply_database(Store *store, StoreDatabase *database, uint64_t seq);
// From the log, at start; applied already is nothing. ST_CORRUPT.
Status store_replay_database(Store *store, bool drop, Slice payload, uint64_t seq, Error *err);

// Ids of entities: consecutive new ones, above all that are known (ST_LIMIT); an id that is given.
// New ones lie above what was given, so of all numbers only the lower half may be given: the upper
// half is left for new ones, and no single id uses them up.
#define TABLE_MOST_GIVEN_ID ((int64_t)1 << 62)
Status table_take_ids(Table *table, int64_t count, int64_t *first, Error *err);
void table_know_id(Table *table, int64_t id);
int64_t table_last_id(const Table *table); // the greatest that is known; 0: none

// Series, time range, nodes and the spare segment are made here. Takes over `reserved` bytes of the
// budget on ST_OK.
Status store_insert_new(Store *store, Table *table, Shape *shape, Batch *batch, uint64_t reserved,
						SegmentInsert **out, Error *err);

// A segment that is full then is sealed by store_publish. Where the rows lie; batch NULL: nowhere.
SegmentSpot store_apply_insert(Store *store, Table *table, SegmentInsert *insert, uint64_t seq);
void store_apply_define(Store *store, StoreDefine *define,
						uint64_t seq); // queues the catalog change too

// Rows that will be deleted, by addresses; or all rows.
//
// In memory a row is addressed by its place; in the log, a row that is in no file yet by its commit
// and its number among that commit's rows of the table, so that a replay finds it again. The
// payload of a WAL_DELETE record (one for each table and commit; wal.table_id names the table),
// little-endian:
//
//     u8 format (1) · u8 flags (1: all rows the table has; 2: none is the newest of its series) ·
//     u16 0 · u32 groups
//     for each: u8 kind (0: rows of a commit, 1: rows of a file) · u8 0 · u16 0 · u32 length
//               u64 seq or segment id · `length` bytes: row numbers, as mask.h has them
typedef struct RowAddress {
	uint64_t segment_id;
	int64_t row;  // its number in the file, or its position in the memory segment
	bool in_file; // a flushed segment keeps its id, and its rows change places
} RowAddress;

typedef struct StoreDelete StoreDelete;
// The caller holds the table's rewrite lock from before until the commit was published or failed.
// Addresses may come in any order and more than once. Everything is made here: masks, file sets,
// what memory needs. ST_CONFLICT: a segment is not the table's any more; nothing has changed, take
// a new snapshot. ST_NOT_FOUND: the table was dropped. (ST_INVALID: there is no such row.)
Status store_delete_new(Store *store, Table *table, const RowAddress *rows, int64_t count,
						StoreDelete **out, Error *err);
Status store_truncate_new(Store *store, Table *table, StoreDelete **out,
						  Error *err); // every row there is when it is applied
Status store_delete_encode(const StoreDelete *del, Buf *out, Error *err); // appends the payload
void store_delete_free(StoreDelete *del); // never applied; NULL is allowed
// Which rows a deletion, or the payload of one, is about.
typedef enum DeleteReach {
	DELETE_SOME,
	DELETE_OLDER, // than the newest of their series, as somebody has said
	DELETE_ALL,
} DeleteReach;
void store_delete_is_older(StoreDelete *del); // before it is encoded
DeleteReach store_delete_reach(const StoreDelete *del);
DeleteReach store_delete_payload_reach(Slice payload);
// Rows in memory are marked at once, for readers at `seq` and later; files change their masks in
// the step that makes `seq` visible (store_publish).
void store_apply_delete(Store *store, StoreDelete *del, uint64_t seq);
// Between these the log is replayed: what flushes make meanwhile reaches the catalog at the end,
// with the deletions that come later in the log.
Status store_begin_replay(Store *store, Error *err);
Status store_end_replay(Store *store, Error *err);
// From the log, at start: what is in files and catalog already is left out, so it may be applied
// any number of times. ST_CORRUPT: no payload of ours, or rows that never were.
Status store_replay_delete(Store *store, Table *table, Slice payload, uint64_t seq, Error *err);

void store_apply_drop(Store *store, Table *table, CatalogChange *change, uint64_t seq);
void store_publish(Store *store, uint64_t seq); // commits ≤ seq are visible from now on
// That in two steps: what makes them visible, and what follows from it.
void store_show(Store *store, uint64_t seq);
void store_settle(Store *store);
uint64_t store_published_seq(const Store *store);

// Seals the growing segment if it has rows (table NULL: of every table; min_age_ns > 0: only those
// older and worth it).
void store_seal(Store *store, Table *table, int64_t min_age_ns);
// Those of every table that have rows of commits up to `seq`.
void store_seal_behind(Store *store, uint64_t seq);
// The same of one table, where rows that come must not share it: ST_NO_MEMORY if they would.
Status store_end_segment(Store *store, Table *table, Error *err);

// ---- snapshots ----

typedef struct TableView {
	Table *table;
	TableDef *def;
	FileSet *files;       // may be NULL
	int64_t visible_from; // rows with an older time (ns) are not seen: retention.h
	Segment **segments;   // oldest first
	int32_t segment_count;
} TableView;

typedef struct Snapshot {
	uint64_t seq;
	int64_t now_ns; // the server's clock when it was taken
	TableView *tables;
	int32_t table_count;
	Segment **room; // where the views' segments lie
} Snapshot;

// The given tables (references are taken) at one moment, in the same order; tables NULL: every
// table.
Status store_snapshot(Store *store, Table *const *tables, int32_t count, Snapshot **out,
					  Error *err);
// `count` of its tables, from the from-th on, at the same moment.
Status snapshot_part(const Snapshot *whole, int32_t from, int32_t count, Snapshot **out,
					 Error *err);
Status store_snapshot_at(Store *store, Table *const *tables, int32_t count, int64_t now_ns,
						 Snapshot **out, Error *err); // as if the clock said so
void snapshot_sort(Snapshot *snapshot);               // its tables by database and name
void snapshot_free(Snapshot *snapshot);               // NULL is allowed
DEFINE_DROP(Snapshot, snapshot_drop, snapshot_free)
int64_t view_rows(const TableView *view, uint64_t seq); // exact, but for view_has_late
// Whether some of its rows may have been replaced by key: they are stored and not seen, and a
// reader has to look at keys.
bool view_has_late(const TableView *view);
int64_t view_deleted_rows(const TableView *view, uint64_t seq); // in its segments, not seen

// ---- keeping: one thread ----

// Flushes the oldest sealed segment, if there is one: sorts by (tags, time), writes, syncs,
// renames, publishes. *did says whether there was one. On ST_OK its memory is free once readers are
// gone. After a failure nothing has changed and it can be tried again. The file of a table whose
// rewrite lock is held waits, published by a later call, and the next table has its turn.
Status store_flush_one(Store *store, DuckConn *conn, bool *did, int64_t *rows, Error *err);
uint64_t table_flush_failures(const Table *table); // how many of its flushes failed. Any thread
bool store_flush_waits(const Store *store);        // for such a lock; of the thread that flushes
bool store_has_sealed(Store *store);
// After a sync of the log failed: a commit that nobody was told of may be found in it again, and
// must not meet files that were made meanwhile. Every flush and merge fails with ST_UNAVAILABLE
// from now on.
void store_freeze(Store *store);
// Writes the masks to the catalog that it lacks. Until then replay needs their deletions, and
// store_flushed_floor stays below them.
Status store_keep_masks(Store *store, Error *err);
void store_on_sealed(Store *store, void (*wake)(void *arg),
					 void *arg); // called when a segment was sealed
// The lowest seq whose rows are in memory only (UINT64_MAX: none).
uint64_t store_unflushed_seq(Store *store);
Status store_write_checkpoint(Store *store, Error *err); // series tables as of the published seq
uint64_t store_checkpoint_bytes(Store *store);           // about what one takes on the disk
