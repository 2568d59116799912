// line_read.c - one line of line protocol, taken apart.
//
// A backslash takes the meaning from the byte behind it; it stays itself unless that byte is one
// that has a meaning there. A text is the only thing in quotes: elsewhere they are letters.

#include <string.h>

#include "base/number.h"
#include "base/text.h"
#include "web/line_int.h"

typedef struct Cursor {
	const uint8_t *p;
	const uint8_t *end;
	int32_t position; // of the key among the line's keys
} Cursor;

enum { STOP_COMMA = 1, STOP_BLANK = 2, STOP_EQUALS = 4, STOP_ESCAPE = 8, STOP_QUOTE = 16 };

static const uint8_t STOPS[256] = {
	[','] = STOP_COMMA,   [' '] = STOP_BLANK, ['='] = STOP_EQUALS,
	['\\'] = STOP_ESCAPE, ['"'] = STOP_QUOTE,
};

// Up to the first byte that has one of the meanings, backslashes passed over.
static Slice
read_until(Cursor *c, uint8_t stops, bool *escaped)
{
	const uint8_t *from = c->p, *p = from;
	uint8_t all = stops | STOP_ESCAPE;
	for (;;) {
		while (p < c->end && (STOPS[*p] & all) == 0)
			p++;
		if (p == c->end || (STOPS[*p] & STOP_ESCAPE) == 0)
			break;
		*escaped = true;
		p += c->end - p > 1 ? 2 : 1;
	}
	c->p = p;
	return slice_of(from, (size_t)(p - from));
}

static bool
at(const Cursor *c, uint8_t byte)
{
	return c->p < c->end && *c->p == byte;
}

static void
skip_blanks(Cursor *c)
{
	while (at(c, ' '))
		c->p++;
}

// ---- keys ----

// The column of the key at the cursor, and past the equals sign behind it.
static Status
read_key(LineParser *parser, LineTable *table, Cursor *c, bool tag, LineColumn **out, Error *err)
{
	LineColumn *guess = c->position < table->order_count ? table->order[c->position] : NULL;
	if (guess != NULL && guess->tag == tag && (size_t)(c->end - c->p) > guess->raw.len &&
		c->p[guess->raw.len] == '=' && memcmp(c->p, guess->raw.data, guess->raw.len) == 0) {
		c->p += guess->raw.len + 1;
		*out = guess;
	} else {
		bool escaped = false;
		Slice raw = read_until(c, STOP_COMMA | STOP_BLANK | STOP_EQUALS, &escaped);
		if (!at(c, '='))
			return error_set(err, ST_INVALID, "%s \"%.*s\" has no value", tag ? "tag" : "field",
							 raw.len > 200 ? 200 : (int)raw.len, (const char *)raw.data);
		c->p++;
		TRY(line_column_of(parser, table, raw, tag, out, err));
		if (!line_make_room((void **)&table->order, c->position, &table->order_cap, sizeof(*out)))
			return error_no_memory(err, "a line");
		table->order[c->position] = *out;
		if (c->position >= table->order_count)
			table->order_count = c->position + 1;
	}
	c->position++;
	if ((*out)->touched == parser->line)
		return error_set(err, ST_INVALID, "\"%s\" is there twice", (*out)->field.name);
	(*out)->touched = parser->line;
	return ST_OK;
}

static Status
next_item(LineParser *parser, LineColumn *column, LineItem **out, Error *err)
{
	if (!line_make_room((void **)&parser->items, parser->item_count, &parser->item_cap,
						sizeof(LineItem)))
		return error_no_memory(err, "a line");
	*out = &parser->items[parser->item_count++];
	(*out)->column = column;
	(*out)->escaped = false;
	return ST_OK;
}

// ---- tags ----

static Status
read_tag(LineParser *parser, LineTable *table, Cursor *c, Error *err)
{
	LineColumn *column = NULL;
	LineItem *item = NULL;
	TRY(read_key(parser, table, c, true, &column, err));
	TRY(next_item(parser, column, &item, err));
	item->type = TYPE_UTF8;
	item->text = read_until(c, STOP_COMMA | STOP_BLANK | STOP_EQUALS, &item->escaped);
	if (item->text.len == 0)
		return error_set(err, ST_INVALID, "tag \"%s\" has no value", column->field.name);
	if (at(c, '='))
		return error_set(
			err, ST_INVALID,
			"the value of tag \"%s\" holds an equals sign; write it as \\=", column->field.name);
	return ST_OK;
}

// ---- fields ----

// What is between quotes; the cursor is behind the first one.
static Status
read_text(Cursor *c, LineItem *item, Error *err)
{
	item->type = TYPE_UTF8;
	item->text = read_until(c, STOP_QUOTE, &item->escaped);
	if (!at(c, '"'))
		return error_set(err, ST_INVALID, "the text of field \"%s\" does not end",
						 item->column->field.name);
	c->p++;
	return ST_OK;
}

static bool
is_one_of(Slice text, const char *const *words)
{
	for (; *words != NULL; words++)
		if (slice_is(text, *words))
			return true;
	return false;
}

static bool
read_bool(Slice text, LineItem *item)
{
	static const char *const yes[] = {"t", "T", "true", "True", "TRUE", NULL};
	static const char *const no[] = {"f", "F", "false", "False", "FALSE", NULL};
	item->type = TYPE_BOOL;
	item->truth = is_one_of(text, yes);
	return item->truth || is_one_of(text, no);
}

static bool
read_number(Slice text, LineItem *item)
{
	Slice digits = slice_of(text.data, text.len - 1);
	switch (text.data[digits.len]) {
	case 'i': item->type = TYPE_INT64; return number_read_int(digits, &item->integer);
	case 'u': item->type = TYPE_UINT64; return number_read_uint(digits, (uint64_t *)&item->integer);
	default: item->type = TYPE_FLOAT64; return number_read_double(text, &item->number);
	}
}

static Status
check_type(const LineItem *item, Error *err)
{
	const LineColumn *column = item->column;
	if (!column->typed || column->field.type.id == item->type)
		return ST_OK;
	return error_set(err, ST_INVALID, "field \"%s\" is %s, and not %s", column->field.name,
					 line_type_name(column->field.type.id), line_type_name(item->type));
}

static Status
read_field(LineParser *parser, LineTable *table, Cursor *c, Error *err)
{
	LineColumn *column = NULL;
	LineItem *item = NULL;
	TRY(read_key(parser, table, c, false, &column, err));
	TRY(next_item(parser, column, &item, err));
	if (at(c, '"')) {
		c->p++;
		TRY(read_text(c, item, err));
		return check_type(item, err);
	}
	bool escaped = false;
	Slice text = read_until(c, STOP_COMMA | STOP_BLANK, &escaped);
	bool word = text.len > 0 && text_fold(text.data[0]) >= 'a';
	if (text.len == 0 || !(word ? read_bool(text, item) : read_number(text, item)))
		return error_set(
			err, ST_INVALID,
			"\"%.*s\" is no value for field \"%s\": write 1i, 1u, 1.5, true or \"text\"",
			text.len > 100 ? 100 : (int)text.len, (const char *)text.data, column->field.name);
	return check_type(item, err);
}

// ---- lines ----

static Status
read_time(const LineParser *parser, Cursor *c, int64_t *out, Error *err)
{
	skip_blanks(c);
	if (c->p == c->end) {
		*out = parser->options.arrival_ns;
		return ST_OK;
	}
	const uint8_t *from = c->p;
	while (c->p < c->end && *c->p != ' ')
		c->p++;
	Slice text = slice_of(from, (size_t)(c->p - from));
	skip_blanks(c);
	int64_t value;
	int shown = text.len > 100 ? 100 : (int)text.len;
	if (!number_read_int(text, &value))
		return error_set(err, ST_INVALID, "\"%.*s\" is no time: write an integer", shown,
						 (const char *)text.data);
	if (c->p < c->end)
		return error_set(err, ST_INVALID, "something follows the time %.*s", shown,
						 (const char *)text.data);
	if (!line_time(parser->options.precision, value, out))
		return error_set(err, ST_INVALID, "time %.*s is beyond what nanoseconds reach", shown,
						 (const char *)text.data);
	return ST_OK;
}

static Status
find_table(LineParser *parser, Cursor *c, LineTable **out, Error *err)
{
	LineTable *guess = parser->latest;
	if (guess != NULL && (size_t)(c->end - c->p) > guess->raw.len &&
		(STOPS[c->p[guess->raw.len]] & (STOP_COMMA | STOP_BLANK)) != 0 &&
		memcmp(c->p, guess->raw.data, guess->raw.len) == 0) {
		c->p += guess->raw.len;
		*out = guess;
		return ST_OK;
	}
	bool escaped = false;
	Slice raw = read_until(c, STOP_COMMA | STOP_BLANK, &escaped);
	TRY(line_table_of(parser, raw, out, err));
	parser->latest = *out;
	return ST_OK;
}

Status
line_read(LineParser *parser, Slice line, LineTable **table, int64_t *time_ns, Error *err)
{
	Cursor c = {.p = line.data, .end = line.data + line.len};
	if (!utf8_valid(line.data, line.len))
		return error_set(err, ST_INVALID, "the line is not UTF-8");
	parser->item_count = 0;
	TRY(find_table(parser, &c, table, err));
	while (at(&c, ',')) {
		c.p++;
		TRY(read_tag(parser, *table, &c, err));
	}
	skip_blanks(&c);
	if (c.p == c.end)
		return error_set(err, ST_INVALID, "the line has no fields");
	TRY(read_field(parser, *table, &c, err));
	while (at(&c, ',')) {
		c.p++;
		TRY(read_field(parser, *table, &c, err));
	}
	if (c.p < c.end && *c.p != ' ')
		return error_set(err, ST_INVALID, "something follows the text of field \"%s\"",
						 parser->items[parser->item_count - 1].column->field.name);
	return read_time(parser, &c, time_ns, err);
}
