// catalog_copy.c - the catalog as others see it: a copy of it while it runs, and a look at one that
// nobody has open.

#include <string.h>

#include "base/mem.h"
#include "catalog/catalog_int.h"

static void
close_db(sqlite3 **db)
{
	sqlite3_close(*db);
}

// ---- a copy ----

typedef struct Copy {
	const char *path;
	void (*copied)(void *arg, uint64_t applied_seq);
	const CatalogVisitor *visitor;
} Copy;

static Status
copy_pages(sqlite3 *from, sqlite3 *to, Error *err)
{
	sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");
	if (backup == NULL)
		return catalog_sql_error(to, "copying it", err);
	(void)sqlite3_backup_step(backup, -1); // finish tells as well
	return sqlite3_backup_finish(backup) == SQLITE_OK ? ST_OK
													  : catalog_sql_error(to, "copying it", err);
}

// In the catalog's thread: nothing changes between the copy and the visits.
static Status
run_copy(sqlite3 *db, void *arg, Error *err)
{
	const Copy *copy = arg;
	SCOPED(close_db) sqlite3 *to = NULL;
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
	if (sqlite3_open_v2(copy->path, &to, flags, NULL) != SQLITE_OK)
		return to == NULL ? error_no_memory(err, "a copy of the catalog")
						  : catalog_sql_error(to, copy->path, err);
	TRY(copy_pages(db, to, err));
	int64_t applied;
	TRY(catalog_get_meta(db, "applied_seq", &applied, err));
	CatalogVisitor visitor = *copy->visitor;
	copy->copied(visitor.arg, (uint64_t)applied);
	return catalog_load_all(db, &visitor, err);
}

Status
catalog_copy(Catalog *catalog, const char *path, void (*copied)(void *arg, uint64_t applied_seq),
			 const CatalogVisitor *visitor, Error *err)
{
	Copy copy = {path, copied, visitor};
	return catalog_call(catalog, CALL_LOOKS, run_copy, &copy, err);
}

// ---- a look ----

// Its journal stays as it is, and what is only there is seen.
static Status
open_to_look(const char *path, sqlite3 **db, Error *err)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
	if (sqlite3_open_v2(path, db, flags, NULL) != SQLITE_OK)
		return *db == NULL ? error_no_memory(err, "the catalog")
						   : catalog_sql_error(*db, path, err);
	int keep = 1;
	(void)sqlite3_db_config(*db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	(void)sqlite3_file_control(*db, "main", SQLITE_FCNTL_PERSIST_WAL, &keep);
	TRY(catalog_exec(*db, "PRAGMA locking_mode=EXCLUSIVE", err));
	return catalog_exec(*db, "PRAGMA temp_store=MEMORY", err);
}

static Status
read_integrity(void *arg, sqlite3_stmt *row, Error *err)
{
	(void)arg;
	const char *text = (const char *)sqlite3_column_text(row, 0);
	if (text != NULL && strcmp(text, "ok") == 0)
		return ST_OK;
	return error_set(err, ST_CORRUPT, "catalog.db is damaged: %s", text != NULL ? text : "");
}

static Status
read_tables(void *arg, sqlite3_stmt *row, Error *err)
{
	(void)arg;
	return sqlite3_column_int(row, 0) > 0
			   ? ST_OK
			   : error_set(err, ST_CORRUPT, "catalog.db is empty; restore a backup");
}

Status
catalog_look(const char *path, CatalogState *state, uint64_t *generation,
			 const CatalogVisitor *visitor, Error *err)
{
	SCOPED(close_db) sqlite3 *db = NULL;
	CatalogState found = {0};
	int64_t number;
	TRY(open_to_look(path, &db, err));
	TRY(catalog_each_row(db, "PRAGMA integrity_check(1)", read_integrity, NULL, err));
	TRY(catalog_each_row(db, "SELECT count(*) FROM sqlite_master", read_tables, NULL, err));
	// What a start would add to an older one is never committed.
	TRY(catalog_exec(db, "BEGIN", err));
	TRY(catalog_init(db, &found, err));
	TRY(catalog_get_meta(db, "generation", &number, err));
	CatalogVisitor copy = *visitor;
	TRY(catalog_load_all(db, &copy, err));
	*state = found;
	*generation = (uint64_t)number;
	return ST_OK;
}
