// A statement that runs, chunk by chunk.
//
// A chunk's rows are appended in slices, so that wide values do not carry a batch far past its
// limit; the rest of a chunk waits for the next call.

#include "base/mem.h"
#include "duck/column_reader_int.h"

enum { SLICE_ROWS = 512 };

struct DuckStream {
	DuckConn *conn;
	duckdb_pending_result pending;
	duckdb_result result;
	Arena arena; // of the readers
	int32_t column_count;
	ColumnReader *columns;
	Schema *as; // the readers refer to it
	Schema *own;
	duckdb_data_chunk chunk; // NULL: the next one is to be fetched
	int64_t chunk_rows;
	int64_t chunk_at;
	bool ended;
};

static Status
init_readers(DuckStream *stream, duckdb_prepared_statement prepared, Error *err)
{
	int32_t count = schema_field_count(stream->own);
	if (schema_field_count(stream->as) != count)
		return error_set(err, ST_INTERNAL, "a result of %d columns cannot be one of %d", count,
						 schema_field_count(stream->as));
	stream->columns = arena_array(&stream->arena, (size_t)count, sizeof(ColumnReader));
	TRY(arena_status(&stream->arena, err, "a result"));
	stream->column_count = count;
	for (int32_t i = 0; i < count; i++) {
		SCOPED(duckdb_destroy_logical_type)
		duckdb_logical_type type =
			duckdb_prepared_statement_column_logical_type(prepared, (idx_t)i);
		TRY(column_reader_init(&stream->columns[i], type, schema_field(stream->own, i),
							   schema_field(stream->as, i), &stream->arena, err));
	}
	return ST_OK;
}

static Status
start(DuckStream *stream, duckdb_prepared_statement prepared, Error *err)
{
	Duck *duck = stream->conn->duck;
	// Deprecated without a successor: the only way to a result that is not collected first.
	if (duckdb_pending_prepared_streaming(prepared, &stream->pending) != DuckDBSuccess)
		return duck_error(duck, duckdb_pending_error(stream->pending), err);
	if (duckdb_execute_pending(stream->pending, &stream->result) != DuckDBSuccess)
		return duck_error(duck, duckdb_result_error(&stream->result), err);
	return ST_OK;
}

Status
duck_stream_open(DuckStatement *statement, Schema *as, DuckStream **out, Error *err)
{
	SCOPED(duck_stream_drop) DuckStream *stream = mem_alloc(sizeof(*stream));
	if (stream == NULL)
		return error_no_memory(err, "a result");
	stream->conn = statement->conn;
	TRY(duck_statement_schema(statement, &stream->own, err));
	stream->as = schema_ref(as != NULL ? as : stream->own);
	TRY(init_readers(stream, statement->prepared, err));
	TRY(start(stream, statement->prepared, err));

	*out = TAKE(stream);
	return ST_OK;
}

static Status
fetch(DuckStream *stream, Error *err)
{
	stream->chunk = duckdb_fetch_chunk(stream->result);
	stream->chunk_at = 0;
	if (stream->chunk != NULL) {
		stream->chunk_rows = (int64_t)duckdb_data_chunk_get_size(stream->chunk);
		return ST_OK;
	}
	// No chunk is the end or an error.
	const char *message = duckdb_result_error(&stream->result);
	if (message != NULL && message[0] != '\0')
		return duck_error(stream->conn->duck, message, err);
	stream->ended = true;
	return ST_OK;
}

static Status
read_slice(DuckStream *stream, Builder *builder, int64_t rows, Error *err)
{
	for (int32_t i = 0; i < stream->column_count; i++) {
		const ColumnReader *reader = &stream->columns[i];
		VectorPart part = {.vector = duckdb_data_chunk_get_vector(stream->chunk, (idx_t)i),
						   .from = stream->chunk_at,
						   .rows = rows};
		TRY(reader->read(reader, part, builder_column(builder, i), err));
	}
	stream->chunk_at += rows;
	if (stream->chunk_at == stream->chunk_rows)
		duckdb_destroy_data_chunk(&stream->chunk);
	return ST_OK;
}

Status
duck_stream_fill(DuckStream *stream, Builder *builder, int64_t max_rows, uint64_t max_bytes,
				 bool *end, Error *err)
{
	while (!stream->ended && builder_rows(builder) < max_rows &&
		   builder_bytes(builder) < max_bytes) {
		if (stream->chunk == NULL) {
			TRY(fetch(stream, err));
			continue;
		}
		int64_t rows = stream->chunk_rows - stream->chunk_at;
		int64_t room = max_rows - builder_rows(builder);
		rows = rows < room ? rows : room;
		TRY(read_slice(stream, builder, rows < SLICE_ROWS ? rows : SLICE_ROWS, err));
	}
	*end = stream->ended;
	return ST_OK;
}

void
duck_stream_close(DuckStream *stream)
{
	if (stream == NULL)
		return;
	duckdb_destroy_data_chunk(&stream->chunk);
	duckdb_destroy_result(&stream->result);
	duckdb_destroy_pending(&stream->pending);
	if (!stream->ended) {
		// What was given up keeps its scans until the connection is used again: so it is, by a
		// text without a statement.
		duckdb_result nothing = {0};
		(void)duckdb_query(stream->conn->conn, "", &nothing);
		duckdb_destroy_result(&nothing);
	}
	arena_close(&stream->arena);
	schema_unref(stream->as);
	schema_unref(stream->own);
	mem_free(stream);
}
