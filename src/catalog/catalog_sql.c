// catalog_sql.c - the catalog in SQLite.
//
//     meta(key, value)      numbers: format, generation (transactions so far), applied_seq,
//                           next_table_id, next_segment_id, next_schema_id
//     epoch(id)             one row, 16 bytes
//     digest(value)         one row, 16 bytes, over all other rows: catalog_digest.c
//     databases(name)
//     tables(id, flushed_seq)                         what exists
//     definitions(table_id, version, definition)      every version, as table_codec.c has it
//     files(segment_id, table_id, …)                  Parquet files
//     masks(segment_id, seq, rows)                    rows of theirs that are deleted
//     forgotten(table_id, before_ns)                  what retention gave up: catalog_database.c
//     late(segment_id, min_time, max_time)            of files that have late rows: their times
//     ids(table_id, last)                             of entities: the greatest id that was given
//
// masks, forgotten, late, ids and files.footer_hash came later: a catalog without them gets them
// when it is opened. footer_hash is not in the digest: where it is wrong, all of the file is read,
// and its hash holds.

#include <string.h>

#include "catalog/catalog_int.h"

enum { FORMAT = 1 };

static const char FOOTERS_SQL[] =
	"SELECT count(*) FROM pragma_table_info('files') WHERE name='footer_hash'";

static const char SCHEMA_SQL[] =
	"CREATE TABLE meta(key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE epoch(id BLOB NOT NULL);"
	"CREATE TABLE digest(value BLOB NOT NULL);"
	"CREATE TABLE databases(name TEXT PRIMARY KEY) WITHOUT ROWID;"
	"CREATE TABLE tables(id INTEGER PRIMARY KEY, flushed_seq INTEGER NOT NULL DEFAULT 0);"
	"CREATE TABLE definitions(table_id INTEGER NOT NULL, version INTEGER NOT NULL,"
	" definition BLOB NOT NULL, PRIMARY KEY(table_id, version)) WITHOUT ROWID;"
	"CREATE TABLE files(segment_id INTEGER PRIMARY KEY, table_id INTEGER NOT NULL,"
	" table_version INTEGER NOT NULL, level INTEGER NOT NULL, rows INTEGER NOT NULL,"
	" bytes INTEGER NOT NULL, footer_bytes INTEGER NOT NULL, hash BLOB NOT NULL,"
	" min_time INTEGER NOT NULL, max_time INTEGER NOT NULL, min_seq INTEGER NOT NULL,"
	" max_seq INTEGER NOT NULL, created_ns INTEGER NOT NULL, sealed_ns INTEGER NOT NULL, "
	"footer_hash BLOB);"
	"INSERT INTO databases VALUES('" DEFAULT_DATABASE "');"
	"INSERT INTO meta VALUES('format',1),('generation',1),('applied_seq',0),('next_table_id',1),"
	"('next_segment_id',1),('next_schema_id',1);";

// Without rows they change no digest.
static const char LATER_SQL[] = "CREATE TABLE IF NOT EXISTS masks(segment_id INTEGER PRIMARY KEY,"
								" seq INTEGER NOT NULL, rows BLOB NOT NULL);"
								"CREATE TABLE IF NOT EXISTS forgotten(table_id INTEGER PRIMARY KEY,"
								" before_ns INTEGER NOT NULL);"
								"CREATE TABLE IF NOT EXISTS late(segment_id INTEGER PRIMARY KEY,"
								" min_time INTEGER NOT NULL, max_time INTEGER NOT NULL);"
								"CREATE TABLE IF NOT EXISTS ids(table_id INTEGER PRIMARY KEY,"
								" last INTEGER NOT NULL);";

// ---- statements ----

Status
catalog_sql_error(sqlite3 *db, const char *what, Error *err)
{
	int code = sqlite3_errcode(db) & 0xff;
	const char *text = sqlite3_errmsg(db);
	switch (code) {
	case SQLITE_NOMEM: return error_no_memory(err, "the catalog");
	case SQLITE_FULL:
		return error_set(err, ST_DISK_FULL, "catalog.db: %s: %s; free space", what, text);
	case SQLITE_BUSY:
		return error_set(err, ST_CONFLICT, "catalog.db is in use by another process: %s", text);
	// Our statements are right, so it is the file that has other tables than ours.
	case SQLITE_ERROR:
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return error_set(err, ST_CORRUPT, "catalog.db is damaged: %s: %s; restore a backup", what,
						 text);
	default: return error_set(err, ST_IO, "catalog.db: %s: %s", what, text);
	}
}

Status
catalog_exec(sqlite3 *db, const char *sql, Error *err)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		return catalog_sql_error(db, sql, err);
	return ST_OK;
}

Status
catalog_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **out, Error *err)
{
	if (sqlite3_prepare_v2(db, sql, -1, out, NULL) != SQLITE_OK)
		return catalog_sql_error(db, "a statement", err);
	return ST_OK;
}

Status
catalog_step_done(sqlite3 *db, sqlite3_stmt *stmt, Error *err)
{
	int rc = sqlite3_step(stmt);
	while (rc == SQLITE_ROW)
		rc = sqlite3_step(stmt);
	Status st = rc == SQLITE_DONE ? ST_OK : catalog_sql_error(db, "a change", err);
	sqlite3_reset(stmt);
	return st;
}

void
catalog_finalize(sqlite3_stmt **stmt)
{
	sqlite3_finalize(*stmt);
}

Status
catalog_each_row(sqlite3 *db, const char *sql,
				 Status (*each)(void *arg, sqlite3_stmt *row, Error *err), void *arg, Error *err)
{
	SCOPED(catalog_finalize) sqlite3_stmt *stmt = NULL;
	TRY(catalog_prepare(db, sql, &stmt, err));
	int rc;
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW)
		TRY(each(arg, stmt, err));
	return rc == SQLITE_DONE ? ST_OK : catalog_sql_error(db, "reading", err);
}

Status
catalog_bytes(sqlite3_stmt *row, int column, const char *what, Slice *out, Error *err)
{
	// In this order: asking for the bytes may convert the value.
	const void *bytes = sqlite3_column_blob(row, column);
	int len = sqlite3_column_bytes(row, column);
	if (bytes == NULL && len > 0)
		return error_no_memory(err, what);
	*out = slice_of(bytes, (size_t)len);
	return ST_OK;
}

Status
catalog_blob(sqlite3_stmt *row, int column, const char *what, void *out, size_t len, Error *err)
{
	Slice bytes = {0};
	TRY(catalog_bytes(row, column, what, &bytes, err));
	if (bytes.len != len)
		return error_set(err, ST_CORRUPT, "catalog.db is damaged: %s has %zu bytes instead of %zu",
						 what, bytes.len, len);
	memcpy(out, bytes.data, len);
	return ST_OK;
}

// ---- meta ----

Status
catalog_set_meta(sqlite3 *db, const char *key, int64_t value, Error *err)
{
	SCOPED(catalog_finalize) sqlite3_stmt *stmt = NULL;
	TRY(catalog_prepare(db, "UPDATE meta SET value=?2 WHERE key=?1", &stmt, err));
	sqlite3_bind_text(stmt, 1, key, -1, SQLITE_STATIC);
	sqlite3_bind_int64(stmt, 2, value);
	return catalog_step_done(db, stmt, err);
}

Status
catalog_get_meta(sqlite3 *db, const char *key, int64_t *out, Error *err)
{
	SCOPED(catalog_finalize) sqlite3_stmt *stmt = NULL;
	TRY(catalog_prepare(db, "SELECT value FROM meta WHERE key=?1", &stmt, err));
	sqlite3_bind_text(stmt, 1, key, -1, SQLITE_STATIC);
	int rc = sqlite3_step(stmt);
	if (rc == SQLITE_DONE)
		return error_set(err, ST_CORRUPT, "catalog.db is damaged: %s is missing", key);
	if (rc != SQLITE_ROW)
		return catalog_sql_error(db, "reading", err);
	*out = sqlite3_column_int64(stmt, 0);
	return ST_OK;
}

Status
catalog_write_epoch(sqlite3 *db, const uint8_t epoch[16], Error *err)
{
	TRY(catalog_exec(db, "DELETE FROM epoch", err));
	SCOPED(catalog_finalize) sqlite3_stmt *stmt = NULL;
	TRY(catalog_prepare(db, "INSERT INTO epoch VALUES(?1)", &stmt, err));
	sqlite3_bind_blob(stmt, 1, epoch, 16, SQLITE_STATIC);
	return catalog_step_done(db, stmt, err);
}

// ---- transactions ----

static Status
in_transaction(sqlite3 *db, CatalogRun *run, void *arg, Error *err)
{
	TRY(catalog_exec(db, "BEGIN IMMEDIATE", err));
	Status st = run(db, arg, err);
	if (st == ST_OK)
		st = catalog_exec(db, "COMMIT", err);
	if (st != ST_OK)
		(void)catalog_exec(db, "ROLLBACK", NULL);
	return st;
}

typedef struct Change {
	CatalogRun *run;
	void *arg;
} Change;

static Status
run_followed(sqlite3 *db, void *arg, Error *err)
{
	const Change *change = arg;
	TRY(catalog_digest_begin(db, err));
	TRY(change->run(db, change->arg, err));
	TRY(catalog_exec(db, "UPDATE meta SET value=value+1 WHERE key='generation'", err));
	return catalog_digest_end(db, err);
}

Status
catalog_transaction(sqlite3 *db, CatalogRun *run, void *arg, Error *err)
{
	return in_transaction(db, run_followed, &(Change){run, arg}, err);
}

// ---- the start ----

static Status
make_tables(sqlite3 *db, void *arg, Error *err)
{
	// The last page has rows then: that it was cut is noticed.
	TRY(catalog_exec(db, LATER_SQL, err));
	TRY(catalog_exec(db, SCHEMA_SQL, err));
	TRY(catalog_write_epoch(db, arg, err));
	return catalog_digest_make(db, err);
}

static Status
read_count(void *arg, sqlite3_stmt *row, Error *err)
{
	(void)err;
	*(int64_t *)arg = sqlite3_column_int64(row, 0);
	return ST_OK;
}

// What came later than the first catalogs.
static Status
add_missing(sqlite3 *db, Error *err)
{
	int64_t footers = 0;
	TRY(catalog_exec(db, LATER_SQL, err));
	TRY(catalog_each_row(db, FOOTERS_SQL, read_count, &footers, err));
	return footers > 0 ? ST_OK
					   : catalog_exec(db, "ALTER TABLE files ADD COLUMN footer_hash BLOB", err);
}

static Status
read_epoch(void *arg, sqlite3_stmt *row, Error *err)
{
	return catalog_blob(row, 0, "its epoch", arg, 16, err);
}

static Status
read_state(sqlite3 *db, CatalogState *state, Error *err)
{
	int64_t applied, table, segment, schema;
	TRY(catalog_get_meta(db, "applied_seq", &applied, err));
	TRY(catalog_get_meta(db, "next_table_id", &table, err));
	TRY(catalog_get_meta(db, "next_segment_id", &segment, err));
	TRY(catalog_get_meta(db, "next_schema_id", &schema, err));
	if (table < 1 || table > UINT32_MAX || schema < 1 || schema > UINT32_MAX || segment < 1)
		return error_set(err, ST_CORRUPT, "catalog.db is damaged: an id is out of range");
	TRY(catalog_each_row(db, "SELECT id FROM epoch", read_epoch, state->epoch, err));
	state->applied_seq = (uint64_t)applied;
	state->next_table_id = (uint32_t)table;
	state->next_segment_id = (uint64_t)segment;
	state->next_schema_id = (uint32_t)schema;
	return ST_OK;
}

Status
catalog_init(sqlite3 *db, CatalogState *state, Error *err)
{
	int64_t tables = 0, format;
	TRY(catalog_each_row(db, "SELECT count(*) FROM sqlite_master", read_count, &tables, err));
	state->created = tables == 0;
	TRY(catalog_digest_open(db, err));
	if (state->created)
		TRY(in_transaction(db, make_tables, state->epoch, err));
	TRY(catalog_get_meta(db, "format", &format, err));
	if (format != FORMAT)
		return error_set(err, ST_CORRUPT,
						 "catalog.db has format %lld and this version reads %d; use a newer one",
						 (long long)format, FORMAT);
	TRY(add_missing(db, err));
	TRY(catalog_digest_check(db, err));
	TRY(catalog_digest_follow(db, err));
	return read_state(db, state, err);
}
