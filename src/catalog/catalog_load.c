// catalog_load.c - reading the catalog back at start.

#include <string.h>

#include "catalog/catalog_int.h"

static Status
each_database(sqlite3 *db, const CatalogVisitor *visitor, Error *err)
{
	SCOPED(catalog_finalize) sqlite3_stmt *stmt = NULL;
	TRY(catalog_prepare(db, "SELECT name FROM databases ORDER BY name", &stmt, err));
	int rc;
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW)
		TRY(visitor->database(visitor->arg, (const char *)sqlite3_column_text(stmt, 0), err));
	return rc == SQLITE_DONE ? ST_OK : catalog_sql_error(db, "databases", err);
}

static Status
visit_table(sqlite3_stmt *stmt, const CatalogVisitor *visitor, Error *err)
{
	const void *bytes = sqlite3_column_blob(stmt, 1);
	int len = sqlite3_column_bytes(stmt, 1);
	SCOPED(table_def_drop) TableDef *def = NULL;
	Status st = table_def_decode(slice_of(bytes, (size_t)len), &def, err);
	if (st != ST_OK)
		return error_prefix(err, "catalog.db: table %lld", sqlite3_column_int64(stmt, 0));
	return visitor->table(visitor->arg, def, sqlite3_column_int(stmt, 2) != 0, err);
}

static Status
each_table(sqlite3 *db, const CatalogVisitor *visitor, Error *err)
{
	SCOPED(catalog_finalize) sqlite3_stmt *stmt = NULL;
	TRY(catalog_prepare(db,
						"SELECT table_id, definition,"
						" version = max(version) OVER (PARTITION BY table_id)"
						" FROM definitions ORDER BY table_id, version",
						&stmt, err));
	int rc;
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW)
		TRY(visit_table(stmt, visitor, err));
	return rc == SQLITE_DONE ? ST_OK : catalog_sql_error(db, "tables", err);
}

static Status
visit_file(sqlite3_stmt *stmt, const CatalogVisitor *visitor, Error *err)
{
	FileMeta meta = {
		.segment_id = (uint64_t)sqlite3_column_int64(stmt, 0),
		.table_id = (uint32_t)sqlite3_column_int64(stmt, 1),
		.table_version = (uint32_t)sqlite3_column_int64(stmt, 2),
		.level = sqlite3_column_int(stmt, 3),
		.rows = sqlite3_column_int64(stmt, 4),
		.bytes = (uint64_t)sqlite3_column_int64(stmt, 5),
		.footer_bytes = (uint64_t)sqlite3_column_int64(stmt, 6),
		.min_time = sqlite3_column_int64(stmt, 8),
		.max_time = sqlite3_column_int64(stmt, 9),
		.min_seq = (uint64_t)sqlite3_column_int64(stmt, 10),
		.max_seq = (uint64_t)sqlite3_column_int64(stmt, 11),
		.created_ns = sqlite3_column_int64(stmt, 12),
		.sealed_ns = sqlite3_column_int64(stmt, 13),
	};
	if (sqlite3_column_bytes(stmt, 7) != sizeof(meta.hash))
		return error_set(err, ST_CORRUPT, "catalog.db: file %lld has no hash",
						 sqlite3_column_int64(stmt, 0));
	memcpy(&meta.hash, sqlite3_column_blob(stmt, 7), sizeof(meta.hash));
	return visitor->file(visitor->arg, &meta, err);
}

static Status
each_file(sqlite3 *db, const CatalogVisitor *visitor, Error *err)
{
	SCOPED(catalog_finalize) sqlite3_stmt *stmt = NULL;
	TRY(catalog_prepare(db, "SELECT * FROM files ORDER BY table_id, min_seq, segment_id", &stmt,
						err));
	int rc;
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW)
		TRY(visit_file(stmt, visitor, err));
	return rc == SQLITE_DONE ? ST_OK : catalog_sql_error(db, "files", err);
}

static Status
each_flushed(sqlite3 *db, const CatalogVisitor *visitor, Error *err)
{
	SCOPED(catalog_finalize) sqlite3_stmt *stmt = NULL;
	TRY(catalog_prepare(db, "SELECT id, flushed_seq FROM tables", &stmt, err));
	int rc;
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW)
		TRY(visitor->flushed(visitor->arg, (uint32_t)sqlite3_column_int64(stmt, 0),
							 (uint64_t)sqlite3_column_int64(stmt, 1), err));
	return rc == SQLITE_DONE ? ST_OK : catalog_sql_error(db, "tables", err);
}

Status
catalog_load_all(sqlite3 *db, void *arg, Error *err)
{
	const CatalogVisitor *visitor = arg;
	TRY(each_database(db, visitor, err));
	TRY(each_table(db, visitor, err));
	TRY(each_file(db, visitor, err));
	return each_flushed(db, visitor, err);
}
