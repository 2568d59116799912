// catalog_database.c - databases and what retention gave up, as rows of the catalog.

#include "catalog/catalog_int.h"

// ---- databases ----

static Status
run_with_name(sqlite3 *db, const char *sql, const char *name, Error *err)
{
	SCOPED(catalog_finalize) sqlite3_stmt *stmt = NULL;
	TRY(catalog_prepare(db, sql, &stmt, err));
	sqlite3_bind_text(stmt, 1, name, -1, SQLITE_STATIC);
	return catalog_step_done(db, stmt, err);
}

Status
catalog_write_database(sqlite3 *db, const char *name, Error *err)
{
	return run_with_name(db, "INSERT OR IGNORE INTO databases VALUES(?1)", name, err);
}

Status
catalog_remove_database(sqlite3 *db, const char *name, Error *err)
{
	return run_with_name(db, "DELETE FROM databases WHERE name=?1", name, err);
}

// ---- what retention gave up ----

typedef struct Forgotten {
	uint32_t table_id;
	int64_t before;
} Forgotten;

// Of a table that was dropped meanwhile nothing is kept.
static Status
write_forgotten(sqlite3 *db, void *arg, Error *err)
{
	const Forgotten *forgotten = arg;
	SCOPED(catalog_finalize) sqlite3_stmt *stmt = NULL;
	TRY(catalog_prepare(db,
						"INSERT INTO forgotten SELECT ?1, ?2"
						" WHERE EXISTS(SELECT 1 FROM tables WHERE id=?1)"
						" ON CONFLICT(table_id) DO UPDATE SET before_ns="
						"max(before_ns, excluded.before_ns)",
						&stmt, err));
	sqlite3_bind_int64(stmt, 1, forgotten->table_id);
	sqlite3_bind_int64(stmt, 2, forgotten->before);
	return catalog_step_done(db, stmt, err);
}

Status
catalog_forget_before(Catalog *catalog, uint32_t table_id, int64_t before, Error *err)
{
	Forgotten forgotten = {table_id, before};
	return catalog_call(catalog, CALL_CHANGES, write_forgotten, &forgotten, err);
}

typedef struct Reading {
	Status (*each)(void *arg, uint32_t table_id, int64_t before, Error *err);
	void *arg;
} Reading;

static Status
visit_forgotten(void *arg, sqlite3_stmt *row, Error *err)
{
	const Reading *reading = arg;
	return reading->each(reading->arg, (uint32_t)sqlite3_column_int64(row, 0),
						 sqlite3_column_int64(row, 1), err);
}

static Status
read_forgotten(sqlite3 *db, void *arg, Error *err)
{
	return catalog_each_row(db, "SELECT table_id, before_ns FROM forgotten", visit_forgotten, arg,
							err);
}

Status
catalog_load_forgotten(Catalog *catalog,
					   Status (*each)(void *arg, uint32_t table_id, int64_t before, Error *err),
					   void *arg, Error *err)
{
	Reading reading = {each, arg};
	return catalog_call(catalog, CALL_LOOKS, read_forgotten, &reading, err);
}
