// Files are written by COPY on an instance of our own: it reads a scan in file form, in order, with
// one thread.

#include "duck/parquet.h"

#include <inttypes.h>

#include "base/mem.h"
#include "base/reader.h"
#include "base/text.h"
#include "duck/scan_int.h"
#include "os/file.h"

enum { GROUP_BYTES = 256 << 20, CHUNK_ROWS = 2048 };

// ---- the batches as rows of a scan ----

typedef struct WriteRows {
	int64_t count;
	BatchPart *parts;
	int32_t *map;
} WriteRows;

static void
rows_free(void *ptr)
{
	WriteRows *rows = ptr;
	if (rows == NULL)
		return;
	for (int64_t i = 0; i < rows->count; i++)
		batch_unref(rows->parts[i].batch);
	mem_free(rows->parts);
	mem_free(rows->map);
	mem_free(rows);
}

static void
rows_drop(WriteRows **rows)
{
	rows_free(*rows);
}

static Status
rows_new(int32_t columns, Batch *const *batches, int64_t count, WriteRows **out, Error *err)
{
	SCOPED(rows_drop) WriteRows *rows = mem_alloc(sizeof(*rows));
	if (rows == NULL)
		return error_no_memory(err, "a file's rows");
	rows->parts = mem_alloc_array((size_t)count, sizeof(BatchPart));
	rows->map = mem_alloc_array((size_t)columns, sizeof(int32_t));
	if (rows->parts == NULL || rows->map == NULL)
		return error_no_memory(err, "a file's rows");
	for (int32_t i = 0; i < columns; i++)
		rows->map[i] = i;
	for (int64_t i = 0; i < count; i++) {
		rows->parts[i] = (BatchPart){
			.batch = batch_ref(batches[i]), .rows = batch_rows(batches[i]), .map = rows->map};
		rows->count++;
	}
	*out = TAKE(rows);
	return ST_OK;
}

static int64_t
total_rows(Batch *const *batches, int64_t count)
{
	int64_t rows = 0;
	for (int64_t i = 0; i < count; i++)
		rows += batch_rows(batches[i]);
	return rows;
}

static Status
fill_slot(ScanSlot *slot, Schema *schema, Batch *const *batches, int64_t count, Error *err)
{
	SCOPED(rows_drop) WriteRows *rows = NULL;
	TRY(rows_new(schema_field_count(schema), batches, count, &rows, err));
	BatchScan scan = {.parts = rows->parts,
					  .part_count = count,
					  .rows = total_rows(batches, count),
					  .release = rows_free,
					  .owner = rows};
	TRY(duck_slot_set(slot, &scan, err));
	(void)TAKE(rows);
	return ST_OK;
}

// ---- the file ----

static Status
read_count(Duck *duck, duckdb_result *result, int64_t *out, Error *err)
{
	SCOPED(duckdb_destroy_data_chunk) duckdb_data_chunk chunk = duckdb_fetch_chunk(*result);
	if (chunk == NULL)
		return duck_error(duck, duckdb_result_error(result), err);
	*out = *(int64_t *)duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 0));
	return ST_OK;
}

// A file ends with its footer, the footer's length and "PAR1". (COPY would tell sizes too, but with
// extremes as text, and refuses instants that have none.)
static Status
read_sizes(const char *path, ParquetFile *out, Error *err)
{
	SCOPED(file_drop) File *file = NULL;
	uint8_t tail[8];
	uint64_t size;
	TRY(file_open(path, FILE_READ, &file, err));
	TRY(file_size(file, &size, err));
	if (size < sizeof(tail))
		return error_set(err, ST_CORRUPT, "%s: too short for a Parquet file", path);
	TRY(file_read(file, size - sizeof(tail), tail, sizeof(tail), err));
	Reader reader = reader_of(slice_of(tail, sizeof(tail)));
	out->bytes = size;
	out->footer_bytes = reader_u32(&reader);
	return ST_OK;
}

// A group is in memory until it is whole, so rows of wide lists of fixed size make smaller ones.
static int
group_rows(const Schema *schema)
{
	uint64_t rows = GROUP_BYTES / (schema_row_bytes(schema) + 1);
	return rows >= PARQUET_GROUP_ROWS ? PARQUET_GROUP_ROWS
		   : rows > CHUNK_ROWS        ? (int)(rows - rows % CHUNK_ROWS)
									  : CHUNK_ROWS;
}

// Without bloom filters: those of DuckDB 1.5.6 deny binary values that are no ASCII
// text, and the order of rows prunes better.
static Status
copy_to_file(DuckConn *conn, const ScanSlot *slot, int32_t words, const char *path, int64_t *rows,
			 Error *err)
{
	const char *function = slot->feed != NULL ? "mobius_rows" : "mobius_scan";
	SCOPED(buf_close) Buf sql = BUF_INIT;
	buf_add_printf(&sql, "COPY (FROM %s(%" PRIu64 ")) TO ", function, slot->number);
	text_quote(&sql, slice_text(path), '\'');
	buf_add_printf(&sql,
				   " (FORMAT parquet, PARQUET_VERSION v2, COMPRESSION zstd, COMPRESSION_LEVEL 3, "
				   "ROW_GROUP_SIZE %d, DICTIONARY_SIZE_LIMIT %d, WRITE_BLOOM_FILTER false)",
				   group_rows(slot->schema), words);
	TRY(buf_status(&sql, err, "a file"));

	SCOPED(duckdb_destroy_prepare) duckdb_prepared_statement prepared = NULL;
	TRY(duck_prepare_one(conn, buf_text(&sql), &prepared, err));
	SCOPED(duckdb_destroy_result) duckdb_result result = {0};
	if (duckdb_execute_prepared(prepared, &result) != DuckDBSuccess)
		return duck_error(conn->duck, duckdb_result_error(&result), err);
	return read_count(conn->duck, &result, rows, err);
}

static void
slot_drop(ScanSlot **slot)
{
	duck_slot_free(*slot);
}

static Status
check_absent(const char *path, Error *err)
{
	uint64_t size;
	Status st = file_stat_size(path, &size, err);
	if (st == ST_OK)
		return error_set(err, ST_EXISTS, "%s: there is a file already", path);
	return st == ST_NOT_FOUND ? ST_OK : st;
}

static Status
write_slot(DuckConn *conn, const ScanSlot *slot, int32_t words, const char *path, ParquetFile *out,
		   Error *err)
{
	ParquetFile file = {0};
	Status st = copy_to_file(conn, slot, words, path, &file.rows, err);
	if (st == ST_OK)
		st = read_sizes(path, &file, err);
	if (st != ST_OK) {
		(void)file_unlink(path, NULL); // an interrupted COPY leaves an empty one
		return st;
	}
	*out = file;
	return ST_OK;
}

Status
duck_write_parquet(DuckConn *conn, Schema *schema, Batch *const *batches, int64_t count,
				   int32_t words, const char *path, ParquetFile *out, Error *err)
{
	TRY(check_absent(path, err));
	SCOPED(slot_drop) ScanSlot *slot = NULL;
	TRY(scan_slot_new(conn->duck, schema, FORM_FILE, total_rows(batches, count), &slot, err));
	TRY(fill_slot(slot, schema, batches, count, err));
	return write_slot(conn, slot, words, path, out, err);
}

Status
duck_write_rows(DuckConn *conn, Schema *schema, const RowSource *source, int32_t words,
				const char *path, ParquetFile *out, Error *err)
{
	TRY(check_absent(path, err));
	RowFeed feed = {.source = *source, .error = ERROR_INIT};
	SCOPED(slot_drop) ScanSlot *slot = NULL;
	TRY(scan_slot_new(conn->duck, schema, FORM_FILE, 0, &slot, err));
	slot->feed = &feed;
	Status st = write_slot(conn, slot, words, path, out, err);
	// What the source said is more than what DuckDB makes of it.
	if (st != ST_OK && feed.error.code != ST_OK && err != NULL)
		*err = feed.error;
	return st != ST_OK && feed.error.code != ST_OK ? feed.error.code : st;
}
