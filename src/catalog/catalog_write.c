// catalog_write.c - the changes, inside a transaction.

#include "base/buf.h"
#include "catalog/catalog_int.h"

Status
catalog_write_define(sqlite3 *db, const TableDef *def, Error *err)
{
	SCOPED(buf_close) Buf bytes = BUF_INIT;
	TRY(table_def_encode(def, &bytes, err));
	SCOPED(catalog_finalize) sqlite3_stmt *table = NULL;
	TRY(catalog_prepare(db, "INSERT OR IGNORE INTO tables(id) VALUES(?1)", &table, err));
	sqlite3_bind_int64(table, 1, table_id(def));
	TRY(catalog_step_done(db, table, err));
	SCOPED(catalog_finalize) sqlite3_stmt *definition = NULL;
	TRY(catalog_prepare(db, "INSERT OR REPLACE INTO definitions VALUES(?1,?2,?3)", &definition,
						err));
	sqlite3_bind_int64(definition, 1, table_id(def));
	sqlite3_bind_int64(definition, 2, table_version(def));
	sqlite3_bind_blob64(definition, 3, bytes.data, bytes.len, SQLITE_STATIC);
	return catalog_step_done(db, definition, err);
}

// Runs a statement of the parameters ?1 and, where it has it, ?2.
static Status
run_with(sqlite3 *db, const char *sql, int64_t first, int64_t second, Error *err)
{
	SCOPED(catalog_finalize) sqlite3_stmt *stmt = NULL;
	TRY(catalog_prepare(db, sql, &stmt, err));
	sqlite3_bind_int64(stmt, 1, first);
	if (sqlite3_bind_parameter_count(stmt) > 1)
		sqlite3_bind_int64(stmt, 2, second);
	return catalog_step_done(db, stmt, err);
}

// The files of a table whose rows are of commits ≤ seq, and what is said of them.
static Status
remove_files(sqlite3 *db, uint32_t table_id, int64_t seq, Error *err)
{
	static const char *const sql[] = {
		"DELETE FROM masks WHERE segment_id IN"
		" (SELECT segment_id FROM files WHERE table_id=?1 AND max_seq<=?2)",
		"DELETE FROM late WHERE segment_id IN"
		" (SELECT segment_id FROM files WHERE table_id=?1 AND max_seq<=?2)",
		"DELETE FROM files WHERE table_id=?1 AND max_seq<=?2",
	};
	for (size_t i = 0; i < COUNT_OF(sql); i++)
		TRY(run_with(db, sql[i], table_id, seq, err));
	return ST_OK;
}

Status
catalog_write_drop(sqlite3 *db, uint32_t table_id, Error *err)
{
	static const char *const sql[] = {
		"DELETE FROM forgotten WHERE table_id=?1",
		"DELETE FROM ids WHERE table_id=?1",
		"DELETE FROM definitions WHERE table_id=?1",
		"DELETE FROM tables WHERE id=?1",
	};
	TRY(remove_files(db, table_id, INT64_MAX, err));
	for (size_t i = 0; i < COUNT_OF(sql); i++)
		TRY(run_with(db, sql[i], table_id, 0, err));
	return ST_OK;
}

Status
catalog_write_truncate(sqlite3 *db, const CatalogFlushed *flushed, Error *err)
{
	TRY(remove_files(db, flushed->table_id, (int64_t)flushed->flushed_seq, err));
	return catalog_write_flushed(db, flushed, err);
}

static Status
write_late(sqlite3 *db, const FileMeta *file, Error *err)
{
	TRY(run_with(db, "DELETE FROM late WHERE segment_id=?1", (int64_t)file->segment_id, 0, err));
	if (file->late_min > file->late_max)
		return ST_OK;
	SCOPED(catalog_finalize) sqlite3_stmt *stmt = NULL;
	TRY(catalog_prepare(db,
						"INSERT INTO late SELECT ?1,?2,?3"
						" WHERE EXISTS(SELECT 1 FROM files WHERE segment_id=?1)",
						&stmt, err));
	sqlite3_bind_int64(stmt, 1, (int64_t)file->segment_id);
	sqlite3_bind_int64(stmt, 2, file->late_min);
	sqlite3_bind_int64(stmt, 3, file->late_max);
	return catalog_step_done(db, stmt, err);
}

Status
catalog_write_file(sqlite3 *db, const FileMeta *file, Error *err)
{
	SCOPED(catalog_finalize) sqlite3_stmt *stmt = NULL;
	// A table that was dropped meanwhile takes no file: nobody would ever remove it.
	TRY(catalog_prepare(db,
						"INSERT OR REPLACE INTO files"
						" SELECT ?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15"
						" WHERE EXISTS(SELECT 1 FROM tables WHERE id=?2)",
						&stmt, err));
	const int64_t numbers[] = {
		(int64_t)file->segment_id,
		file->table_id,
		file->table_version,
		file->level,
		file->rows,
		(int64_t)file->bytes,
		(int64_t)file->footer_bytes,
	};
	for (size_t i = 0; i < COUNT_OF(numbers); i++)
		sqlite3_bind_int64(stmt, (int)i + 1, numbers[i]);
	sqlite3_bind_blob(stmt, 8, &file->hash, sizeof(file->hash), SQLITE_STATIC);
	const int64_t more[] = {
		file->min_time,         file->max_time,   (int64_t)file->min_seq,
		(int64_t)file->max_seq, file->created_ns, file->sealed_ns,
	};
	for (size_t i = 0; i < COUNT_OF(more); i++)
		sqlite3_bind_int64(stmt, (int)i + 9, more[i]);
	sqlite3_bind_blob(stmt, 15, &file->footer_hash, sizeof(file->footer_hash), SQLITE_STATIC);
	TRY(catalog_step_done(db, stmt, err));
	return write_late(db, file, err);
}

Status
catalog_remove_file(sqlite3 *db, uint64_t segment_id, Error *err)
{
	TRY(run_with(db, "DELETE FROM masks WHERE segment_id=?1", (int64_t)segment_id, 0, err));
	TRY(run_with(db, "DELETE FROM late WHERE segment_id=?1", (int64_t)segment_id, 0, err));
	return run_with(db, "DELETE FROM files WHERE segment_id=?1", (int64_t)segment_id, 0, err);
}

Status
catalog_write_mask(sqlite3 *db, const CatalogMask *mask, Error *err)
{
	SCOPED(catalog_finalize) sqlite3_stmt *stmt = NULL;
	// The file may have gone meanwhile, and a mask that comes late is no reason to forget a newer.
	TRY(catalog_prepare(db,
						"INSERT OR REPLACE INTO masks SELECT ?1,?2,?3"
						" WHERE EXISTS(SELECT 1 FROM files WHERE segment_id=?1)"
						" AND NOT EXISTS(SELECT 1 FROM masks WHERE segment_id=?1 AND seq>?2)",
						&stmt, err));
	sqlite3_bind_int64(stmt, 1, (int64_t)mask->segment_id);
	sqlite3_bind_int64(stmt, 2, (int64_t)mask->seq);
	sqlite3_bind_blob64(stmt, 3, mask->rows.data, mask->rows.len, SQLITE_STATIC);
	return catalog_step_done(db, stmt, err);
}

Status
catalog_write_last_id(sqlite3 *db, uint32_t table_id, int64_t id, Error *err)
{
	if (id == 0)
		return ST_OK;
	return run_with(db,
					"INSERT INTO ids SELECT ?1, ?2 WHERE EXISTS(SELECT 1 FROM tables WHERE id=?1)"
					" ON CONFLICT(table_id) DO UPDATE SET last=max(last, excluded.last)",
					table_id, id, err);
}

Status
catalog_write_flushed(sqlite3 *db, const CatalogFlushed *flushed, Error *err)
{
	TRY(run_with(db, "UPDATE tables SET flushed_seq=max(flushed_seq, ?2) WHERE id=?1",
				 flushed->table_id, (int64_t)flushed->flushed_seq, err));
	return catalog_write_last_id(db, flushed->table_id, flushed->last_id, err);
}
