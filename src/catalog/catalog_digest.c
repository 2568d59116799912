// catalog_digest.c - whether the catalog still says what was written.
//
// The digest, XXH3-128, is over every row of every table in the order of its key, but for the
// digest itself: of each column its type, then eight bytes of an integer, or length and bytes.
// Catalogs are small beside what they describe, so that it is worked out anew each time.

#include <string.h>

#include "base/buf.h"
#include "catalog/catalog_int.h"

static const char *const CONTENT[] = {
	"SELECT key, value FROM meta ORDER BY key",
	"SELECT id FROM epoch",
	"SELECT name FROM databases ORDER BY name",
	"SELECT id, flushed_seq FROM tables ORDER BY id",
	"SELECT table_id, version, definition FROM definitions ORDER BY table_id, version",
	"SELECT * FROM files ORDER BY segment_id",
};

typedef struct Digest {
	Hasher128 *hasher;
	Buf row;
} Digest;

static void
digest_close(Digest *digest)
{
	hasher128_free(digest->hasher);
	buf_close(&digest->row);
}

static Status
add_row(void *arg, sqlite3_stmt *row, Error *err)
{
	Digest *digest = arg;
	buf_reset(&digest->row);
	for (int i = 0; i < sqlite3_column_count(row); i++) {
		int type = sqlite3_column_type(row, i);
		buf_add_byte(&digest->row, (uint8_t)type);
		if (type == SQLITE_INTEGER) {
			buf_add_u64(&digest->row, (uint64_t)sqlite3_column_int64(row, i));
			continue;
		}
		Slice bytes;
		TRY(catalog_bytes(row, i, "a row", &bytes, err));
		buf_add_u32(&digest->row, (uint32_t)bytes.len);
		buf_add_slice(&digest->row, bytes);
	}
	TRY(buf_status(&digest->row, err, "the catalog"));
	hasher128_add(digest->hasher, digest->row.data, digest->row.len);
	return ST_OK;
}

static Status
compute(sqlite3 *db, Hash128 *out, Error *err)
{
	SCOPED(digest_close) Digest digest = {.hasher = hasher128_new()};
	if (digest.hasher == NULL)
		return error_no_memory(err, "the catalog");
	for (size_t i = 0; i < COUNT_OF(CONTENT); i++)
		TRY(catalog_each_row(db, CONTENT[i], add_row, &digest, err));
	*out = hasher128_end(digest.hasher);
	return ST_OK;
}

Status
catalog_write_digest(sqlite3 *db, Error *err)
{
	Hash128 digest;
	TRY(compute(db, &digest, err));
	SCOPED(catalog_finalize) sqlite3_stmt *stmt = NULL;
	TRY(catalog_prepare(db, "UPDATE digest SET value=?1", &stmt, err));
	sqlite3_bind_blob(stmt, 1, &digest, sizeof(digest), SQLITE_STATIC);
	return catalog_step_done(db, stmt, err);
}

static Status
read_digest(void *arg, sqlite3_stmt *row, Error *err)
{
	return catalog_blob(row, 0, "its digest", arg, sizeof(Hash128), err);
}

Status
catalog_check_digest(sqlite3 *db, Error *err)
{
	Hash128 is, said = {0};
	TRY(catalog_each_row(db, "SELECT value FROM digest", read_digest, &said, err));
	TRY(compute(db, &is, err));
	if (is.low == said.low && is.high == said.high)
		return ST_OK;
	return error_set(err, ST_CORRUPT,
					 "catalog.db is damaged: its rows are not those that were written; restore a "
					 "backup");
}
