// adopt_series.c - a start meets the series of rows that never were in the log.

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "duck/duck.h"
#include "store/adopt.h"
#include "store/file_text.h"
#include "store/quarantine.h"
#include "store/store_int.h"

enum { BATCH_ROWS = 16384, BATCH_BYTES = 1 << 20 };

// The tags of a table as columns.
static Status
tag_schema(const TableDef *def, Schema **out, Error *err)
{
	int32_t count = table_tag_count(def);
	SCOPED(mem_drop) Field *fields = mem_alloc_array((size_t)count + 1, sizeof(Field));
	if (fields == NULL)
		return error_no_memory(err, "series");
	for (int32_t i = 0; i < count; i++)
		fields[i] = *schema_field(table_schema(def), table_tag_column(def, i));
	return schema_new(fields, count, NULL, 0, out, err);
}

static Status
select_text(const TableDef *def, const DataFile *file, Buf *out, Error *err)
{
	buf_add_text(out, "SELECT DISTINCT ");
	for (int32_t i = 0; i < table_tag_count(def); i++) {
		buf_add_text(out, i > 0 ? "," : "");
		text_quote(out, slice_text(schema_field(table_schema(def), table_tag_column(def, i))->name),
				   '"');
	}
	buf_add_text(out, " FROM (SELECT ");
	TRY(file_columns_text(data_file_def(file), def, out, err));
	buf_add_text(out, " FROM read_parquet([");
	text_quote(out, slice_text(data_file_path(file)), '\'');
	buf_add_text(out, "], hive_partitioning = false))");
	return buf_status(out, err, "series");
}

// What reads a file's series, in the order in which it is closed.
typedef struct Reading {
	DuckConn *conn;
	DuckStatement *statement;
	DuckStream *stream;
	Builder *builder;
} Reading;

static void
reading_close(Reading *r)
{
	builder_free(r->builder);
	duck_stream_close(r->stream);
	duck_statement_free(r->statement);
	duck_disconnect(r->conn);
}

static Status
open_reading(Reading *r, const TableDef *def, const DataFile *file, Schema *tags, Duck *duck,
			 Error *err)
{
	SCOPED(buf_close) Buf sql = BUF_INIT;
	TRY(select_text(def, file, &sql, err));
	TRY(duck_connect(duck, &r->conn, err));
	TRY(duck_prepare(r->conn, buf_text(&sql), &r->statement, err));
	TRY(duck_stream_open(r->statement, tags, &r->stream, err));
	return builder_new(tags, &r->builder, err);
}

static Status
read_file(Store *store, Table *table, TableDef *def, const DataFile *file, Error *err)
{
	SCOPED(schema_drop) Schema *tags = NULL;
	SCOPED(shape_drop) Shape *shape = NULL;
	SCOPED(reading_close) Reading r = {0};
	TRY(tag_schema(def, &tags, err));
	TRY(shape_new(0, def, tags, &shape, err));
	TRY(open_reading(&r, def, file, tags, store->options.duck, err));
	for (bool end = false; !end;) {
		TRY(duck_stream_fill(r.stream, r.builder, BATCH_ROWS, BATCH_BYTES, &end, err));
		SCOPED(batch_drop) Batch *batch = NULL;
		if (builder_rows(r.builder) == 0)
			continue;
		TRY(builder_finish(r.builder, builder_rows(r.builder), &batch, err));
		TRY(series_meet_batch(table->series, def, shape, batch, err));
	}
	return ST_OK;
}

Status
store_replay_adopted_series(Store *store, Table *table, uint64_t seq, Error *err)
{
	SCOPED(snapshot_drop) Snapshot *snapshot = NULL;
	TRY(store_snapshot(store, &table, 1, &snapshot, err));
	const TableView *view = &snapshot->tables[0];
	for (int32_t i = 0; table_tag_count(view->def) > 0 && i < file_set_count(view->files); i++) {
		DataFile *file = file_set_at(view->files, i);
		const FileMeta *meta = data_file_meta(file);
		if (meta->min_seq > seq || meta->max_seq < seq || data_file_quarantined(file))
			continue;
		Status st = read_file(store, table, view->def, file, err);
		if (st == ST_CORRUPT || st == ST_INVALID || st == ST_INTERNAL)
			log_warn("series not read", "file=%s error=\"%s\"", data_file_path(file), err->text);
		else // a damaged file is no reason not to start
			TRY(st);
	}
	return ST_OK;
}
