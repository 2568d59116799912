#include "web/csv_read.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "web/line_split.h"

struct CsvReader {
	LineSplit split;
	TextColumns columns;
	bool begun; // the header is read
	Buf value;  // of a value whose quotes are doubled
};

Status
csv_reader_new(LinePrecision precision, uint64_t most_bytes, CsvReader **out, Error *err)
{
	CsvReader *reader = mem_alloc(sizeof(*reader));
	if (reader == NULL)
		return error_no_memory(err, "CSV");
	line_split_init(&reader->split, LINES_CSV);
	text_columns_init(&reader->columns, precision, most_bytes);
	*out = reader;
	return ST_OK;
}

void
csv_reader_free(CsvReader *reader)
{
	if (reader == NULL)
		return;
	line_split_close(&reader->split);
	text_columns_close(&reader->columns);
	buf_close(&reader->value);
	mem_free(reader);
}

// ---- values ----

typedef struct Value {
	Slice text;
	bool quoted;
} Value;

// The value between quotes that begins at *rest, without them.
static Status
read_quoted(CsvReader *reader, Slice *rest, Value *out, Error *err)
{
	buf_reset(&reader->value);
	const uint8_t *p = rest->data + 1, *end = rest->data + rest->len;
	out->quoted = true;
	for (;;) {
		const uint8_t *quote = memchr(p, '"', (size_t)(end - p));
		if (quote == NULL)
			return error_set(err, ST_INVALID, "a quoted value does not end");
		bool doubled = end - quote > 1 && quote[1] == '"';
		if (!doubled && reader->value.len == 0) {
			out->text = slice_of(p, (size_t)(quote - p)); // nothing to change in it
		} else {
			buf_add(&reader->value, p, (size_t)(quote - p) + doubled);
			out->text = buf_slice(&reader->value);
		}
		p = quote + 1 + doubled;
		if (!doubled)
			break;
	}
	if (p < end && *p != ',')
		return error_set(err, ST_INVALID, "something follows the closing quote of a value");
	*rest = slice_of(p, (size_t)(end - p));
	return buf_status(&reader->value, err, "a value");
}

static Status
read_bare(Slice *rest, Value *out, Error *err)
{
	const uint8_t *comma = rest->len == 0 ? NULL : memchr(rest->data, ',', rest->len);
	size_t len = comma == NULL ? rest->len : (size_t)(comma - rest->data);
	out->text = slice_of(rest->data, len);
	out->quoted = false;
	if (len > 0 && memchr(rest->data, '"', len) != NULL)
		return error_set(err, ST_INVALID,
						 "a quote stands within a value; put the value in quotes and double it");
	if (len > 0)
		*rest = slice_of(rest->data + len, rest->len - len);
	return ST_OK;
}

// The value at *rest; *more: a comma followed it, and *rest is behind that.
static Status
read_value(CsvReader *reader, Slice *rest, Value *out, bool *more, Error *err)
{
	if (rest->len > 0 && rest->data[0] == '"')
		TRY(read_quoted(reader, rest, out, err));
	else
		TRY(read_bare(rest, out, err));
	*more = rest->len > 0;
	if (*more)
		*rest = slice_of(rest->data + 1, rest->len - 1);
	return ST_OK;
}

// ---- lines ----

static Status
read_header(CsvReader *reader, Slice line, Error *err)
{
	bool more = true;
	if (line.len >= 3 && memcmp(line.data, "\xEF\xBB\xBF", 3) == 0)
		line = slice_of(line.data + 3, line.len - 3);
	while (more) {
		Value name;
		int32_t at, before = reader->columns.count;
		TRY(read_value(reader, &line, &name, &more, err));
		TRY(text_columns_find(&reader->columns, name.text, &at, err));
		if (reader->columns.count == before)
			return error_set(err, ST_INVALID, "the header has the column \"%.*s\" twice",
							 (int)name.text.len, (const char *)name.text.data);
	}
	reader->begun = true;
	return ST_OK;
}

static Status
read_row(CsvReader *reader, Slice line, int64_t number, Error *err)
{
	int32_t count = 0, columns = reader->columns.count;
	if (!utf8_valid(line.data, line.len))
		return error_set(err, ST_INVALID, "it is not UTF-8");
	for (bool more = true; more; count++) {
		Value value;
		TRY(read_value(reader, &line, &value, &more, err));
		if (count < columns && (value.text.len > 0 || value.quoted))
			TRY(text_columns_set(&reader->columns, count, value.text, CELL_BARE, err));
	}
	if (count != columns)
		return error_set(err, ST_INVALID, "it has %d values, and the header %d columns", count,
						 columns);
	return text_columns_end_row(&reader->columns, number, err);
}

static Status
read_line(CsvReader *reader, const Line *line, Error *err)
{
	Status st = ST_OK;
	if (line->too_long)
		st = error_set(err, ST_INVALID, "it is longer than %d bytes", LINE_MOST);
	else if (line->text.len > 0)
		st = reader->begun ? read_row(reader, line->text, line->number, err)
						   : read_header(reader, line->text, err);
	return st == ST_OK ? ST_OK : error_prefix(err, "line %lld", (long long)line->number);
}

Status
csv_reader_add(CsvReader *reader, Slice piece, bool last, Error *err)
{
	Line line;
	while (line_split_next(&reader->split, &piece, last, &line))
		TRY(read_line(reader, &line, err));
	return line_split_status(&reader->split, err);
}

Status
csv_reader_finish(CsvReader *reader, const Schema *table, BytesPool *pool, Batch **out, Error *err)
{
	if (!reader->begun)
		return error_set(err, ST_INVALID, "the CSV is empty: its first line names the columns");
	return text_columns_finish(&reader->columns, table, pool, out, err);
}
