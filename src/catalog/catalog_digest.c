// catalog_digest.c - whether the catalog still says what was written: SQLite does not look.
//
// The digest is the sum, modulo 2^128, of the XXH3-128 of every row but its own. Of a row are
// hashed the number of its table and, of each column, its type and then eight bytes of an integer,
// or length and bytes. A sum can follow each change of a row, which triggers tell; so that it holds
// for what is on disk, each transaction begins with the value that is stored.
//
// In SQL: digest_set(value), digest_add(sign, table, columns…), digest_value().

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "catalog/catalog_int.h"

// Tables and their columns, by the number that is hashed. NULL ends a list.
static const char *const CONTENT[][16] = {
	{"meta", "key", "value"},
	{"epoch", "id"},
	{"databases", "name"},
	{"tables", "id", "flushed_seq"},
	{"definitions", "table_id", "version", "definition"},
	{"files", "segment_id", "table_id", "table_version", "level", "rows", "bytes", "footer_bytes",
	 "hash", "min_time", "max_time", "min_seq", "max_seq", "created_ns", "sealed_ns"},
	{"masks", "segment_id", "seq", "rows"},
	{"forgotten", "table_id", "before_ns"},
	{"late", "segment_id", "min_time", "max_time"},
	{"ids", "table_id", "last"},
};

// ---- functions ----

typedef struct Digest {
	Hash128 sum;
	Buf row; // of one row, while it is added
} Digest;

static void
digest_free(void *arg)
{
	buf_close(&((Digest *)arg)->row);
	mem_free(arg);
}

static bool
add_value(Buf *row, sqlite3_value *value)
{
	int type = sqlite3_value_type(value);
	buf_add_byte(row, (uint8_t)type);
	if (type == SQLITE_INTEGER) {
		buf_add_u64(row, (uint64_t)sqlite3_value_int64(value));
		return true;
	}
	// In this order: asking for the bytes may convert the value.
	const void *bytes = sqlite3_value_blob(value);
	int len = sqlite3_value_bytes(value);
	if (bytes == NULL && len > 0)
		return false;
	buf_add_u32(row, (uint32_t)len);
	buf_add(row, bytes, (size_t)len);
	return true;
}

static bool
hash_row(Digest *digest, int count, sqlite3_value **values, Hash128 *out)
{
	Buf *row = &digest->row;
	buf_reset(row);
	for (int i = 0; i < count; i++)
		if (!add_value(row, values[i]))
			return false;
	*out = hash128(row->data, row->len);
	return !row->failed;
}

static void
digest_add(sqlite3_context *context, int count, sqlite3_value **values)
{
	Digest *digest = sqlite3_user_data(context);
	Hash128 *sum = &digest->sum, row;
	if (!hash_row(digest, count - 1, values + 1, &row)) {
		sqlite3_result_error_nomem(context);
		return;
	}
	if (sqlite3_value_int(values[0]) < 0) { // two's complement
		row.low = ~row.low + 1;
		row.high = ~row.high + (row.low == 0);
	}
	sum->high += row.high + __builtin_add_overflow(sum->low, row.low, &sum->low);
}

static void
digest_set(sqlite3_context *context, int count, sqlite3_value **values)
{
	(void)count;
	Hash128 *sum = &((Digest *)sqlite3_user_data(context))->sum;
	const void *bytes = sqlite3_value_blob(values[0]);
	*sum = (Hash128){0};
	if (bytes != NULL && sqlite3_value_bytes(values[0]) == sizeof(*sum))
		memcpy(sum, bytes, sizeof(*sum));
}

static void
digest_value(sqlite3_context *context, int count, sqlite3_value **values)
{
	(void)count;
	(void)values;
	const Digest *digest = sqlite3_user_data(context);
	sqlite3_result_blob(context, &digest->sum, sizeof(digest->sum), SQLITE_TRANSIENT);
}

Status
catalog_digest_open(sqlite3 *db, Error *err)
{
	Digest *digest = mem_alloc(sizeof(*digest));
	if (digest == NULL)
		return error_no_memory(err, "the catalog");
	// The first one has it, also if it fails.
	if (sqlite3_create_function_v2(db, "digest_add", -1, SQLITE_UTF8, digest, digest_add, NULL,
								   NULL, digest_free) != SQLITE_OK ||
		sqlite3_create_function_v2(db, "digest_set", 1, SQLITE_UTF8, digest, digest_set, NULL, NULL,
								   NULL) != SQLITE_OK ||
		sqlite3_create_function_v2(db, "digest_value", 0, SQLITE_UTF8, digest, digest_value, NULL,
								   NULL, NULL) != SQLITE_OK)
		return catalog_sql_error(db, "its functions", err);
	return ST_OK;
}

// ---- triggers ----

// "digest_add(1,5,NEW.segment_id,NEW.table_id,…)"
static void
put_call(Buf *sql, size_t table, int sign, const char *row)
{
	buf_add_printf(sql, "digest_add(%d,%zu", sign, table);
	for (const char *const *column = &CONTENT[table][1]; *column != NULL; column++)
		buf_add_printf(sql, ",%s%s", row, *column);
	buf_add_text(sql, ")");
}

static void
put_trigger(Buf *sql, size_t table, const char *event, const char *old, const char *new)
{
	const char *name = CONTENT[table][0];
	buf_add_printf(sql, "CREATE TEMP TRIGGER digest_%s_%s AFTER %s ON main.%s BEGIN SELECT ", name,
				   event, event, name);
	if (old != NULL)
		put_call(sql, table, -1, old);
	buf_add_text(sql, old != NULL && new != NULL ? "," : "");
	if (new != NULL)
		put_call(sql, table, 1, new);
	buf_add_text(sql, "; END;");
}

Status
catalog_digest_follow(sqlite3 *db, Error *err)
{
	SCOPED(buf_close) Buf sql = BUF_INIT;
	// A row that is replaced tells as well.
	buf_add_text(&sql, "PRAGMA recursive_triggers=ON;");
	for (size_t i = 0; i < COUNT_OF(CONTENT); i++) {
		put_trigger(&sql, i, "INSERT", NULL, "NEW.");
		put_trigger(&sql, i, "DELETE", "OLD.", NULL);
		put_trigger(&sql, i, "UPDATE", "OLD.", "NEW.");
	}
	buf_add_byte(&sql, '\0');
	TRY(buf_status(&sql, err, "the catalog"));
	return catalog_exec(db, (const char *)sql.data, err);
}

// ---- the digest ----

static Status
compute(sqlite3 *db, Error *err)
{
	TRY(catalog_exec(db, "SELECT digest_set(NULL)", err));
	SCOPED(buf_close) Buf sql = BUF_INIT;
	for (size_t i = 0; i < COUNT_OF(CONTENT); i++) {
		buf_add_text(&sql, "SELECT ");
		put_call(&sql, i, 1, "");
		buf_add_printf(&sql, " FROM main.%s;", CONTENT[i][0]);
	}
	buf_add_byte(&sql, '\0');
	TRY(buf_status(&sql, err, "the catalog"));
	return catalog_exec(db, (const char *)sql.data, err);
}

Status
catalog_digest_make(sqlite3 *db, Error *err)
{
	TRY(compute(db, err));
	return catalog_exec(db, "INSERT INTO digest VALUES(digest_value())", err);
}

static Status
read_verdict(void *arg, sqlite3_stmt *row, Error *err)
{
	(void)err;
	*(bool *)arg = sqlite3_column_int(row, 0) != 0;
	return ST_OK;
}

Status
catalog_digest_check(sqlite3 *db, Error *err)
{
	bool right = false;
	TRY(compute(db, err));
	TRY(catalog_each_row(db, "SELECT value=digest_value() FROM digest", read_verdict, &right, err));
	if (right)
		return ST_OK;
	return error_set(err, ST_CORRUPT,
					 "catalog.db is damaged: its rows are not those that were written; restore a "
					 "backup");
}

Status
catalog_digest_begin(sqlite3 *db, Error *err)
{
	return catalog_exec(db, "SELECT digest_set(value) FROM digest", err);
}

Status
catalog_digest_end(sqlite3 *db, Error *err)
{
	return catalog_exec(db, "UPDATE digest SET value=digest_value()", err);
}
