// catalog_int.h - the catalog's parts: the SQLite side, used by its one thread, and the queue
// before it.

#pragma once

#include <sqlite3.h>

#include "catalog/catalog.h"

// One row of a statement: parameters are bound by position, from 1.
Status catalog_sql_error(sqlite3 *db, const char *what, Error *err);
Status catalog_exec(sqlite3 *db, const char *sql, Error *err);
Status catalog_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **out, Error *err);
Status catalog_step_done(sqlite3 *db, sqlite3_stmt *stmt,
						 Error *err);       // runs it to the end and resets it
void catalog_finalize(sqlite3_stmt **stmt); // for SCOPED

// Makes the tables of a new file; ST_CORRUPT for a file that is no catalog.
Status catalog_schema_init(sqlite3 *db, CatalogState *state, Error *err);
Status catalog_read_state(sqlite3 *db, CatalogState *state, Error *err);
Status catalog_set_meta(sqlite3 *db, const char *key, int64_t value, Error *err);

// The changes, inside a transaction that the caller begins and ends.
Status catalog_write_define(sqlite3 *db, const TableDef *def, Error *err);
Status catalog_write_drop(sqlite3 *db, uint32_t table_id, Error *err);
Status catalog_write_file(sqlite3 *db, const FileMeta *file, Error *err);
Status catalog_remove_file(sqlite3 *db, uint64_t segment_id, Error *err);
Status catalog_write_flushed(sqlite3 *db, const CatalogFlushed *flushed, Error *err);
Status catalog_write_epoch(sqlite3 *db, const uint8_t epoch[16], Error *err);

// Visits everything: `arg` is a CatalogVisitor.
Status catalog_load_all(sqlite3 *db, void *arg, Error *err);
