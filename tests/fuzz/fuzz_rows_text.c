// Rows that come as text: line protocol, CSV, newline-delimited JSON. The first byte says which,
// the second how the body is cut into pieces. What comes out is sound, and the same wherever the
// pieces end.

#include <stdlib.h>
#include <string.h>

#include "arrow/json.h"
#include "base/mem.h"
#include "web/csv_read.h"
#include "web/line_protocol.h"
#include "web/ndjson_read.h"
#include "web/rows_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool holds)
{
	if (!holds)
		abort();
}

static void
add_batch(const Batch *batch, Buf *out)
{
	SCOPED(json_rows_drop) JsonRows *rows = NULL;
	Schema *schema = batch_schema(batch);
	json_schema_add(schema, out);
	for (int32_t i = 0; i < schema_field_count(schema); i++) {
		Column column = *batch_column(batch, i);
		check(column.length == batch_rows(batch));
		check(column_validate(schema_field(schema, i), &column, NULL) == ST_OK);
		check(column.null_count == batch_column(batch, i)->null_count);
	}
	check(json_rows_new(schema, JSON_ARRAYS, &rows, NULL) == ST_OK);
	for (int64_t i = 0; i < batch_rows(batch); i++)
		json_rows_add(rows, batch, i, out);
	csv_add_rows(batch, 0, batch_rows(batch), out);
}

static void
take_all(LineParser *parser, Buf *out)
{
	for (;;) {
		LineBatch taken;
		check(line_parser_take(parser, &taken, NULL) == ST_OK);
		if (taken.batch == NULL)
			return;
		buf_add_text(out, taken.measurement);
		add_batch(taken.batch, out);
		batch_unref(taken.batch);
	}
}

static Slice
cut(Slice text, size_t at, size_t piece_len, char **copy)
{
	size_t take = text.len - at < piece_len ? text.len - at : piece_len;
	*copy = mem_copy(text.data + at, take);
	check(*copy != NULL || take == 0);
	return slice_of(*copy, take);
}

static void
read_lines(Slice text, size_t piece_len, Buf *out)
{
	LineOptions options = {.precision = LINE_AUTO, .arrival_ns = 1};
	SCOPED(line_parser_drop) LineParser *parser = NULL;
	check(line_parser_new(&options, &parser, NULL) == ST_OK);
	for (size_t at = 0; at < text.len; at += piece_len) {
		SCOPED(mem_drop) char *copy = NULL;
		Slice piece = cut(text, at, piece_len, &copy);
		for (bool full = true; full || piece.len > 0;) {
			check(line_parser_add(parser, &piece, text.len - at <= piece_len, NULL) == ST_OK);
			full = line_parser_full(parser);
			if (full)
				take_all(parser, out);
		}
	}
	take_all(parser, out);
	size_t count;
	const LineError *errors = line_parser_errors(parser, &count);
	for (size_t i = 0; i < count; i++)
		buf_add_printf(out, "%lld %s\n", (long long)errors[i].line, errors[i].text);
}

static void
read_csv(Slice text, size_t piece_len, Buf *out)
{
	SCOPED(csv_reader_drop) CsvReader *reader = NULL;
	SCOPED(batch_drop) Batch *batch = NULL;
	Error err = ERROR_INIT;
	Status st = csv_reader_new(LINE_MS, 1 << 20, &reader, &err);
	for (size_t at = 0; st == ST_OK && at < text.len; at += piece_len) {
		SCOPED(mem_drop) char *copy = NULL;
		Slice piece = cut(text, at, piece_len, &copy);
		st = csv_reader_add(reader, piece, text.len - at <= piece_len, &err);
	}
	if (st == ST_OK)
		st = csv_reader_finish(reader, NULL, NULL, &batch, &err);
	check(st == ST_OK || st == ST_INVALID || st == ST_LIMIT);
	if (st == ST_OK)
		add_batch(batch, out);
	else
		buf_add_text(out, err.text);
}

static void
read_json(Slice text, size_t piece_len, Buf *out)
{
	SCOPED(ndjson_reader_drop) NdjsonReader *reader = NULL;
	SCOPED(batch_drop) Batch *batch = NULL;
	Error err = ERROR_INIT;
	Status st = ndjson_reader_new(LINE_MS, 1 << 20, &reader, &err);
	for (size_t at = 0; st == ST_OK && at < text.len; at += piece_len) {
		SCOPED(mem_drop) char *copy = NULL;
		Slice piece = cut(text, at, piece_len, &copy);
		st = ndjson_reader_add(reader, piece, text.len - at <= piece_len, &err);
	}
	if (st == ST_OK)
		st = ndjson_reader_finish(reader, NULL, NULL, &batch, &err);
	check(st == ST_OK || st == ST_INVALID || st == ST_LIMIT || st == ST_UNIMPLEMENTED);
	if (st == ST_OK)
		add_batch(batch, out);
	else
		buf_add_text(out, err.text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const readers[])(Slice, size_t, Buf *) = {read_lines, read_csv, read_json};
	if (size < 2)
		return 0;
	Slice text = slice_of(data + 2, size - 2);
	SCOPED(buf_close) Buf whole = BUF_INIT, pieces = BUF_INIT;
	readers[data[0] % COUNT_OF(readers)](text, size, &whole);
	readers[data[0] % COUNT_OF(readers)](text, (size_t)data[1] % 16 + 1, &pieces);
	check(slice_equal(buf_slice(&whole), buf_slice(&pieces)));
	return 0;
}
