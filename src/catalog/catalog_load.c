// catalog_load.c - reading the catalog back at start.

#include <string.h>

#include "base/mem.h"
#include "catalog/catalog_int.h"

static Status
visit_database(void *arg, sqlite3_stmt *row, Error *err)
{
	const CatalogVisitor *visitor = arg;
	Slice bytes;
	TRY(catalog_bytes(row, 0, "a database", &bytes, err));
	SCOPED(mem_drop) char *name = mem_strndup((const char *)bytes.data, bytes.len);
	if (name == NULL)
		return error_no_memory(err, "a database");
	return visitor->database != NULL ? visitor->database(visitor->arg, name, err) : ST_OK;
}

static Status
visit_table(void *arg, sqlite3_stmt *row, Error *err)
{
	const CatalogVisitor *visitor = arg;
	int64_t id = sqlite3_column_int64(row, 0), version = sqlite3_column_int64(row, 1);
	Slice bytes;
	TRY(catalog_bytes(row, 2, "a table", &bytes, err));
	SCOPED(table_def_drop) TableDef *def = NULL;
	Status st = table_def_decode(bytes, &def, err);
	if (st != ST_OK) {
		(void)error_prefix(err, "catalog.db: table %lld", (long long)id);
		return st;
	}
	if (table_id(def) != id || table_version(def) != version)
		return error_set(err, ST_CORRUPT, "catalog.db: table %lld has the definition of another",
						 (long long)id);
	return visitor->table != NULL
			   ? visitor->table(visitor->arg, def, sqlite3_column_int(row, 3) != 0, err)
			   : ST_OK;
}

static Status
visit_file(void *arg, sqlite3_stmt *row, Error *err)
{
	const CatalogVisitor *visitor = arg;
	FileMeta meta = {
		.segment_id = (uint64_t)sqlite3_column_int64(row, 0),
		.table_id = (uint32_t)sqlite3_column_int64(row, 1),
		.table_version = (uint32_t)sqlite3_column_int64(row, 2),
		.level = sqlite3_column_int(row, 3),
		.rows = sqlite3_column_int64(row, 4),
		.bytes = (uint64_t)sqlite3_column_int64(row, 5),
		.footer_bytes = (uint64_t)sqlite3_column_int64(row, 6),
		.min_time = sqlite3_column_int64(row, 8),
		.max_time = sqlite3_column_int64(row, 9),
		.min_seq = (uint64_t)sqlite3_column_int64(row, 10),
		.max_seq = (uint64_t)sqlite3_column_int64(row, 11),
		.created_ns = sqlite3_column_int64(row, 12),
		.sealed_ns = sqlite3_column_int64(row, 13),
	};
	TRY(catalog_blob(row, 7, "the hash of a file", &meta.hash, sizeof(meta.hash), err));
	Slice footer;
	TRY(catalog_bytes(row, 14, "the hash of a footer", &footer, err));
	if (footer.len == sizeof(meta.footer_hash))
		memcpy(&meta.footer_hash, footer.data, footer.len);
	bool late = sqlite3_column_type(row, 17) != SQLITE_NULL;
	meta.late_min = late ? sqlite3_column_int64(row, 17) : 1;
	meta.late_max = late ? sqlite3_column_int64(row, 18) : 0;
	if (sqlite3_column_type(row, 15) == SQLITE_NULL)
		return visitor->file(visitor->arg, &meta, NULL, err);
	CatalogMask mask = {.segment_id = meta.segment_id,
						.seq = (uint64_t)sqlite3_column_int64(row, 15)};
	TRY(catalog_bytes(row, 16, "a mask", &mask.rows, err));
	return visitor->file(visitor->arg, &meta, &mask, err);
}

static Status
visit_flushed(void *arg, sqlite3_stmt *row, Error *err)
{
	const CatalogVisitor *visitor = arg;
	if (visitor->flushed == NULL)
		return ST_OK;
	CatalogFlushed flushed = {.table_id = (uint32_t)sqlite3_column_int64(row, 0),
							  .flushed_seq = (uint64_t)sqlite3_column_int64(row, 1),
							  .last_id = sqlite3_column_int64(row, 2)}; // NULL is 0
	return visitor->flushed(visitor->arg, &flushed, err);
}

Status
catalog_load_all(sqlite3 *db, void *arg, Error *err)
{
	TRY(catalog_each_row(db, "SELECT name FROM databases ORDER BY name", visit_database, arg, err));
	TRY(catalog_each_row(db,
						 "SELECT table_id, version, definition,"
						 " version = max(version) OVER (PARTITION BY table_id)"
						 " FROM definitions ORDER BY table_id, version",
						 visit_table, arg, err));
	TRY(catalog_each_row(db,
						 "SELECT files.*, masks.seq, masks.rows, late.min_time, late.max_time"
						 " FROM files LEFT JOIN masks ON masks.segment_id=files.segment_id"
						 " LEFT JOIN late ON late.segment_id=files.segment_id"
						 " ORDER BY table_id, min_seq, files.segment_id",
						 visit_file, arg, err));
	return catalog_each_row(
		db, "SELECT id, flushed_seq, last FROM tables LEFT JOIN ids ON ids.table_id=tables.id",
		visit_flushed, arg, err);
}
