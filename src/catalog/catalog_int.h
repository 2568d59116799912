// catalog_int.h - the catalog's parts: the SQLite side, used by its one thread, and the queue
// before it.

#pragma once

#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>

#include "catalog/catalog.h"
#include "os/thread.h"

// ---- SQLite (catalog_sql.c) ----

Status catalog_sql_error(sqlite3 *db, const char *what, Error *err);
Status catalog_exec(sqlite3 *db, const char *sql, Error *err);
Status catalog_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **out, Error *err);
// Runs it to its end, and resets it.
Status catalog_step_done(sqlite3 *db, sqlite3_stmt *stmt, Error *err);
void catalog_finalize(sqlite3_stmt **stmt); // for SCOPED
// Calls each(arg, stmt) for every row.
Status catalog_each_row(sqlite3 *db, const char *sql,
						Status (*each)(void *arg, sqlite3_stmt *row, Error *err), void *arg,
						Error *err);
// A column that must hold exactly `len` bytes, or any number; ST_CORRUPT names `what`.
Status catalog_blob(sqlite3_stmt *row, int column, const char *what, void *out, size_t len,
					Error *err);
Status catalog_bytes(sqlite3_stmt *row, int column, const char *what, Slice *out, Error *err);

// Runs `run` in a transaction; all or nothing. Every change passes here: the generation and the
// digest follow.
typedef Status CatalogRun(sqlite3 *db, void *arg, Error *err);
Status catalog_transaction(sqlite3 *db, CatalogRun *run, void *arg, Error *err);

// Makes the tables of a new file; ST_CORRUPT for one that is no catalog, or a damaged one.
Status catalog_init(sqlite3 *db, CatalogState *state, Error *err);
Status catalog_set_meta(sqlite3 *db, const char *key, int64_t value, Error *err);
Status catalog_get_meta(sqlite3 *db, const char *key, int64_t *out, Error *err);

// The changes, inside a transaction (catalog_write.c).
Status catalog_write_define(sqlite3 *db, const TableDef *def, Error *err);
Status catalog_write_drop(sqlite3 *db, uint32_t table_id, Error *err);
// catalog_database.c
Status catalog_write_database(sqlite3 *db, const char *name, Error *err);
Status catalog_remove_database(sqlite3 *db, const char *name, Error *err);
Status catalog_write_file(sqlite3 *db, const FileMeta *file, Error *err);
Status catalog_remove_file(sqlite3 *db, uint64_t segment_id, Error *err);
Status catalog_write_mask(sqlite3 *db, const CatalogMask *mask, Error *err);
Status catalog_write_truncate(sqlite3 *db, const CatalogFlushed *flushed, Error *err);
Status catalog_write_last_id(sqlite3 *db, uint32_t table_id, int64_t id, Error *err); // 0: nothing
Status catalog_write_flushed(sqlite3 *db, const CatalogFlushed *flushed, Error *err);
Status catalog_write_epoch(sqlite3 *db, const uint8_t epoch[16], Error *err);

// The digest of all rows (catalog_digest.c). open: once for each connection; make: in the
// transaction that makes the tables; check: ST_CORRUPT where it is wrong; follow: from now on
// changes are taken in, between begin and end of each transaction.
Status catalog_digest_open(sqlite3 *db, Error *err);
Status catalog_digest_make(sqlite3 *db, Error *err);
Status catalog_digest_check(sqlite3 *db, Error *err);
Status catalog_digest_follow(sqlite3 *db, Error *err);
Status catalog_digest_begin(sqlite3 *db, Error *err);
Status catalog_digest_end(sqlite3 *db, Error *err);

// Visits everything: `arg` is a CatalogVisitor.
Status catalog_load_all(sqlite3 *db, void *arg, Error *err);

// ---- the queue and the thread (catalog_thread.c) ----

typedef enum ChangeKind {
	CHANGE_DEFINE,
	CHANGE_DROP,
	CHANGE_TRUNCATE,
	CHANGE_ADOPT,
	CHANGE_DATABASE,
	CHANGE_DROP_DATABASE,
} ChangeKind;

struct CatalogChange {
	ChangeKind kind;
	TableDef *define; // CHANGE_DEFINE
	char *database;   // of a database: its name
	FileMeta *files;  // CHANGE_ADOPT
	int32_t file_count;
	uint64_t seq;
	int64_t last_id; // CHANGE_TRUNCATE, CHANGE_ADOPT
	void (*then)(void *arg, bool durable);
	void *arg;
	CatalogChange *next;
	int32_t table_count;
	uint32_t tables[]; // the one, or all of a database that goes
};

// Work that is waited for.
typedef enum CallKind { CALL_LOOKS, CALL_CHANGES } CallKind;
typedef struct CatalogCall {
	CallKind kind;
	CatalogRun *run;
	void *arg;
	Error *err;
	Status status;
	Signal done;
	struct CatalogCall *next;
} CatalogCall;

// Ids that were reserved durably and not yet given.
typedef struct IdBlock {
	const char *key;
	uint64_t next;
	uint64_t end;
	uint64_t most; // the highest id there may be
} IdBlock;

struct Catalog {
	sqlite3 *db; // the thread's, once that runs
	Thread *thread;
	Signal wake;

	pthread_mutex_t lock; // guards all up to stopping
	CatalogChange *changes;
	CatalogChange **changes_tail;
	uint64_t first_seq; // of the first change that is not in yet, queued or under way; 0: none
	CatalogCall *calls;
	CatalogCall **calls_tail;
	bool stopping;

	pthread_mutex_t id_lock; // guards the blocks; held while one is reserved
	IdBlock tables, segments, schemas;
	_Atomic uint64_t applied_seq;
	_Atomic uint64_t generation;
};

void catalog_run(void *catalog); // until it is stopping and nothing is left to do
Status catalog_call(Catalog *catalog, CallKind kind, CatalogRun *run, void *arg, Error *err);
void catalog_free_changes(CatalogChange *first, bool durable);
