// catalog.h - what exists on disk: tables with every version, files, counters. SQLite behind it,
// one thread.
//
// The log is the commit point of every change of schema; the catalog follows, in commit order, with
// the seq it has applied in the same transaction, so a start replays what is newer. Files are the
// other way round: a file exists once the catalog says so.
//
// Threads  all functions may be called from any thread; the work is done by the catalog's own, in
// order.

#pragma once

#include "base/hash.h"
#include "catalog/table_def.h"

typedef struct Catalog Catalog;

typedef struct CatalogState {
	uint8_t epoch[16];
	uint64_t applied_seq;     // schema changes up to here are in
	uint32_t next_table_id;   // never reused
	uint64_t next_segment_id; // never reused
	uint32_t next_schema_id;
	bool created; // this open made it
} CatalogState;

// One Parquet file.
typedef struct FileMeta {
	uint64_t segment_id;
	uint32_t table_id;
	uint32_t table_version; // the definition it was written under
	int32_t level;
	int64_t rows;
	uint64_t bytes;
	uint64_t footer_bytes;
	Hash128 hash;        // of all bytes
	Hash128 footer_hash; // of the last footer_bytes + 8: the footer, its length and "PAR1". Zeros:
						 // not known
	int64_t min_time;    // nanoseconds; min > max: none
	int64_t max_time;
	uint64_t min_seq;
	uint64_t max_seq;
	int64_t created_ns;
	int64_t sealed_ns;
	// Of a table that replaces rows by key: of its rows that older files or memory may hold other
	// versions of. Nanoseconds; min > max: none.
	int64_t late_min;
	int64_t late_max;
} FileMeta;

// Opens or creates `path`. A fresh one gets a random epoch. ST_CORRUPT: damaged, or no catalog;
// ST_CONFLICT: another process has it.
Status catalog_open(const char *path, Catalog **out, CatalogState *state, Error *err);
void catalog_close(Catalog *catalog); // finishes what was queued; NULL is allowed
// Rises with every durable change, also over restarts: who has noted it can tell a catalog that
// went back in time.
uint64_t catalog_generation(const Catalog *catalog);

// Which rows of a file are deleted, by whose newest commit; `rows` as the store writes them.
typedef struct CatalogMask {
	uint64_t segment_id;
	uint64_t seq;
	Slice rows;
} CatalogMask;

typedef struct CatalogFlushed {
	uint32_t table_id;
	uint64_t flushed_seq; // commits ≤ this are in files
	int64_t last_id;      // of entities: the greatest that was given; 0: none. It only rises
} CatalogFlushed;

// At start, before anything is queued: databases, tables (every version, oldest first, the current
// one last), files with their masks. But for `file`, NULL: what it would be told is only checked.
typedef struct CatalogVisitor {
	Status (*database)(void *arg, const char *name, Error *err);
	Status (*table)(void *arg, TableDef *def, bool current, Error *err); // borrowed
	Status (*file)(void *arg, const FileMeta *file, const CatalogMask *mask,
				   Error *err); // mask NULL: nothing is deleted
	Status (*flushed)(void *arg, const CatalogFlushed *flushed, Error *err);
	void *arg;
} CatalogVisitor;
Status catalog_load(Catalog *catalog, const CatalogVisitor *visitor, Error *err);

// Copies it to `path`, which must not exist, and visits what the copy holds; until the last visit
// has ended nothing changes, and every file it names is on disk. Before the first, and in the same
// thread as all, copied(visitor->arg, applied_seq) tells up to where changes of schema are in the
// copy. Not synced: that is the caller's.
Status catalog_copy(Catalog *catalog, const char *path,
					void (*copied)(void *arg, uint64_t applied_seq), const CatalogVisitor *visitor,
					Error *err);
// Reads one that nobody has open, and changes nothing. ST_CORRUPT: damaged, or no catalog.
Status catalog_look(const char *path, CatalogState *state, uint64_t *generation,
					const CatalogVisitor *visitor, Error *err);

// Queued, in commit order; idempotent. If SQLite refuses, the catalog keeps them and tries again;
// catalog_applied_seq stays behind, and with it the log is kept. They cannot fail: the caller gives
// the node, made before the commit.
typedef struct CatalogChange CatalogChange;
Status catalog_change_define(TableDef *def, CatalogChange **out, Error *err);
Status catalog_change_drop(uint32_t table_id, CatalogChange **out, Error *err);
// Commits ≤ the seq it is applied with are in no file of the table any more, and count as flushed.
Status catalog_change_truncate(uint32_t table_id, CatalogChange **out, Error *err);
// Files that were written before the commit which they hold the rows of: its seq is theirs.
Status catalog_change_adopt(uint32_t table_id, const FileMeta *files, int32_t count,
							CatalogChange **out, Error *err);
// Of a truncation or of files, before catalog_apply: as in CatalogFlushed.
void catalog_change_last_id(CatalogChange *change, int64_t id);
Status catalog_change_database(const char *name, CatalogChange **out, Error *err);
// The database goes, and these tables, which are all it has.
Status catalog_change_drop_database(const char *name, const uint32_t *table_ids, int32_t count,
									CatalogChange **out, Error *err);
// then(arg, true) is called by the catalog's thread once the change is durable, or then(arg, false)
// when it is freed or given up at close. Set before catalog_apply.
void catalog_change_then(CatalogChange *change, void (*then)(void *arg, bool durable), void *arg);
void catalog_change_free(CatalogChange *change); // never applied; NULL is allowed
void catalog_apply(Catalog *catalog, CatalogChange *change, uint64_t seq); // takes the node
uint64_t catalog_applied_seq(const Catalog *catalog);
// While something is queued: the seq before the first of it. Otherwise `otherwise` (the newest
// published seq).
uint64_t catalog_needed_after(const Catalog *catalog, uint64_t otherwise);

// What changes with files, all at once: in this order files are added (or replaced, if there is one
// of that segment), segments removed together with their masks, masks set where the file is known
// and has no newer one, flushed seqs raised.
typedef struct CatalogEdit {
	const FileMeta *files;
	int32_t file_count;
	const uint64_t *removed; // segment ids
	int32_t removed_count;
	const CatalogMask *masks;
	int32_t mask_count;
	const CatalogFlushed *flushed;
	int32_t flushed_count;
} CatalogEdit;
Status catalog_publish(Catalog *catalog, const CatalogEdit *edit, Error *err); // durable on return

// What retention gave up of a table: nothing with a time (ns) below `before` is seen any more. It
// only rises; a drop of the table forgets it. Durable on return.
Status catalog_forget_before(Catalog *catalog, uint32_t table_id, int64_t before, Error *err);
// At start, with catalog_load.
Status catalog_load_forgotten(Catalog *catalog,
							  Status (*each)(void *arg, uint32_t table_id, int64_t before,
											 Error *err),
							  void *arg, Error *err);

// A new epoch (after a recovery that lost something), durable on return.
Status catalog_new_epoch(Catalog *catalog, uint8_t out_epoch[16], Error *err);

// Ids that are never given twice, also across crashes (handed out from blocks that are reserved
// durably).
// Segment ids are wanted by threads that must not wait for the disk: reserves the next block while
// there are some left.
Status catalog_keep_ids(Catalog *catalog, Error *err);
Status catalog_next_table_id(Catalog *catalog, uint32_t *out, Error *err);
Status catalog_next_segment_id(Catalog *catalog, uint64_t *out, Error *err);
// False: it was never given, in this run or before.
bool catalog_may_have_given(Catalog *catalog, uint64_t segment_id);
Status catalog_next_schema_id(Catalog *catalog, uint32_t *out, Error *err);
