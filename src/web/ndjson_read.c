#include "web/ndjson_read.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "web/line_split.h"

struct NdjsonReader {
	LineSplit split;
	TextColumns columns;
	Buf name;
	Buf value; // a text without its escapes
};

Status
ndjson_reader_new(LinePrecision precision, uint64_t most_bytes, NdjsonReader **out, Error *err)
{
	NdjsonReader *reader = mem_alloc(sizeof(*reader));
	if (reader == NULL)
		return error_no_memory(err, "JSON");
	line_split_init(&reader->split, LINES_PLAIN);
	text_columns_init(&reader->columns, precision, most_bytes);
	*out = reader;
	return ST_OK;
}

void
ndjson_reader_free(NdjsonReader *reader)
{
	if (reader == NULL)
		return;
	line_split_close(&reader->split);
	text_columns_close(&reader->columns);
	buf_close(&reader->name);
	buf_close(&reader->value);
	mem_free(reader);
}

typedef struct Cursor {
	const uint8_t *p;
	const uint8_t *end;
} Cursor;

static void
skip_blanks(Cursor *c)
{
	while (c->p < c->end && (*c->p == ' ' || *c->p == '\t' || *c->p == '\r'))
		c->p++;
}

// Past `byte`, with the blanks before it.
static bool
accept(Cursor *c, uint8_t byte)
{
	skip_blanks(c);
	if (c->p == c->end || *c->p != byte)
		return false;
	c->p++;
	return true;
}

static Status
is_no_json(const Cursor *c, const char *wanted, Error *err)
{
	int left = c->end - c->p > 20 ? 20 : (int)(c->end - c->p);
	return error_set(err, ST_INVALID, "%s is expected before \"%.*s\"", wanted, left,
					 left == 0 ? "" : (const char *)c->p);
}

// ---- texts ----

static bool
read_hex(Cursor *c, uint32_t *out)
{
	*out = 0;
	if (c->end - c->p < 4)
		return false;
	for (int i = 0; i < 4; i++) {
		uint8_t digit = text_fold(*c->p++);
		bool letter = digit >= 'a' && digit <= 'f';
		if (!letter && (digit < '0' || digit > '9'))
			return false;
		*out = *out << 4 | (uint32_t)(letter ? digit - 'a' + 10 : digit - '0');
	}
	return true;
}

static void
add_utf8(Buf *out, uint32_t code)
{
	if (code < 0x80) {
		buf_add_byte(out, (uint8_t)code);
		return;
	}
	int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
	static const uint8_t leads[] = {0, 0xC0, 0xE0, 0xF0};
	buf_add_byte(out, (uint8_t)(leads[more] | code >> (6 * more)));
	while (more-- > 0)
		buf_add_byte(out, (uint8_t)(0x80 | (code >> (6 * more) & 0x3F)));
}

// Behind \u. What is above 16 bits comes as two, high and low.
static bool
read_code(Cursor *c, Buf *out)
{
	uint32_t code, low;
	if (!read_hex(c, &code))
		return false;
	if (code >= 0xD800 && code < 0xDC00) {
		if (c->end - c->p < 2 || c->p[0] != '\\' || c->p[1] != 'u')
			return false;
		c->p += 2;
		if (!read_hex(c, &low) || low < 0xDC00 || low > 0xDFFF)
			return false;
		code = 0x10000 + ((code & 0x3FF) << 10) + (low & 0x3FF);
	} else if (code >= 0xDC00 && code <= 0xDFFF) {
		return false;
	}
	add_utf8(out, code);
	return true;
}

static bool
read_escape(Cursor *c, Buf *out)
{
	static const char meanings[] = "\"\"\\\\//b\bf\fn\nr\rt\t"; // pairs: letter, byte
	if (c->p == c->end)
		return false;
	uint8_t letter = *c->p++;
	if (letter == 'u')
		return read_code(c, out);
	for (size_t i = 0; i + 1 < sizeof(meanings); i += 2) {
		if (letter == (uint8_t)meanings[i]) {
			buf_add_byte(out, (uint8_t)meanings[i + 1]);
			return true;
		}
	}
	return false;
}

// Behind the opening quote.
static Status
read_text(Cursor *c, Buf *out, Error *err)
{
	buf_reset(out);
	for (;;) {
		const uint8_t *from = c->p;
		while (c->p < c->end && *c->p != '"' && *c->p != '\\' && *c->p >= ' ')
			c->p++;
		buf_add(out, from, (size_t)(c->p - from));
		if (c->p == c->end || *c->p < ' ')
			return is_no_json(c, "a closing quote", err);
		if (*c->p++ == '"')
			return buf_status(out, err, "a text");
		if (!read_escape(c, out))
			return error_set(err, ST_INVALID, "a text has an escape that is none");
	}
}

// ---- values ----

// A number as JSON writes it; what it is worth is read later.
static bool
is_number(Slice text)
{
	size_t at = text.data[0] == '-';
	if (at == text.len || text.data[at] < '0' || text.data[at] > '9')
		return false;
	if (text.data[at] == '0' && at + 1 < text.len && text.data[at + 1] >= '0' &&
		text.data[at + 1] <= '9')
		return false;
	for (; at < text.len; at++)
		if (strchr("0123456789.eE+-", text.data[at]) == NULL)
			return false;
	return true;
}

static Status
read_word(Cursor *c, Slice *text, CellKind *kind, Error *err)
{
	const uint8_t *from = c->p;
	while (c->p < c->end && strchr(",} \t\r", *c->p) == NULL)
		c->p++;
	*text = slice_of(from, (size_t)(c->p - from));
	*kind = CELL_NUMBER;
	if (slice_is(*text, "true") || slice_is(*text, "false"))
		*kind = CELL_BOOL;
	else if (slice_is(*text, "null"))
		*kind = 0;
	else if (text->len == 0 || !is_number(*text)) {
		c->p = from;
		return is_no_json(c, "a value", err);
	}
	return ST_OK;
}

// *kind 0: null.
static Status
read_value(NdjsonReader *reader, Cursor *c, Slice *text, CellKind *kind, Error *err)
{
	skip_blanks(c);
	if (c->p < c->end && (*c->p == '{' || *c->p == '['))
		return error_set(err, ST_UNIMPLEMENTED,
						 "lists and objects as values are not read from JSON yet; send them as an "
						 "Arrow stream");
	if (!accept(c, '"'))
		return read_word(c, text, kind, err);
	TRY(read_text(c, &reader->value, err));
	*text = buf_slice(&reader->value);
	*kind = CELL_TEXT;
	return ST_OK;
}

static Status
read_member(NdjsonReader *reader, Cursor *c, Error *err)
{
	Slice text;
	CellKind kind = 0;
	int32_t column;
	if (!accept(c, '"'))
		return is_no_json(c, "a name in quotes", err);
	TRY(read_text(c, &reader->name, err));
	if (!accept(c, ':'))
		return is_no_json(c, "a colon", err);
	TRY(text_columns_find(&reader->columns, buf_slice(&reader->name), &column, err));
	TRY(read_value(reader, c, &text, &kind, err));
	return kind == 0 ? ST_OK : text_columns_set(&reader->columns, column, text, kind, err);
}

static Status
read_object(NdjsonReader *reader, const Line *line, Error *err)
{
	Cursor c = {line->text.data, line->text.data + line->text.len};
	skip_blanks(&c);
	if (c.p == c.end)
		return ST_OK;
	if (!utf8_valid(line->text.data, line->text.len))
		return error_set(err, ST_INVALID, "it is not UTF-8");
	if (!accept(&c, '{'))
		return is_no_json(&c, "an object", err);
	if (!accept(&c, '}')) {
		do
			TRY(read_member(reader, &c, err));
		while (accept(&c, ','));
		if (!accept(&c, '}'))
			return is_no_json(&c, "a comma or a closing brace", err);
	}
	skip_blanks(&c);
	if (c.p < c.end)
		return is_no_json(&c, "the end of the line", err);
	return text_columns_end_row(&reader->columns, line->number, err);
}

Status
ndjson_reader_add(NdjsonReader *reader, Slice piece, bool last, Error *err)
{
	Line line;
	while (line_split_next(&reader->split, &piece, last, &line)) {
		Status st = line.too_long
						? error_set(err, ST_INVALID, "it is longer than %d bytes", LINE_MOST)
						: read_object(reader, &line, err);
		if (st != ST_OK)
			return error_prefix(err, "line %lld", (long long)line.number);
	}
	return line_split_status(&reader->split, err);
}

Status
ndjson_reader_finish(NdjsonReader *reader, const Schema *table, BytesPool *pool, Batch **out,
					 Error *err)
{
	return text_columns_finish(&reader->columns, table, pool, out, err);
}
