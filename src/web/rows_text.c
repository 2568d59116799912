#include "web/rows_text.h"

#include <string.h>

#include "base/text.h"

static bool
needs_quotes(Slice text)
{
	static const bool special[256] = {['"'] = true, [','] = true, ['\r'] = true, ['\n'] = true};
	for (size_t i = 0; i < text.len; i++)
		if (special[text.data[i]])
			return true;
	return text.len == 0 || text.data[0] == ' ' || text.data[text.len - 1] == ' ';
}

void
csv_add_header(const Schema *schema, Buf *out)
{
	for (int32_t i = 0; i < schema_field_count(schema); i++) {
		Slice name = slice_text(schema_field(schema, i)->name);
		if (i > 0)
			buf_add_byte(out, ',');
		if (needs_quotes(name))
			text_quote(out, name, '"');
		else
			buf_add_slice(out, name);
	}
	buf_add(out, "\r\n", 2);
}

// Texts and what is nested may hold anything; other values hold nothing special.
static bool
may_need_quotes(TypeId id)
{
	switch (id) {
	case TYPE_UTF8:
	case TYPE_LARGE_UTF8:
	case TYPE_UTF8_VIEW:
	case TYPE_LIST:
	case TYPE_LARGE_LIST:
	case TYPE_FIXED_LIST:
	case TYPE_STRUCT:
	case TYPE_MAP: return true;
	default: return false;
	}
}

static void
add_value(const Field *field, const Column *column, int64_t row, Buf *out)
{
	size_t from = out->len;
	value_text_add(field, column, row, out);
	if (out->failed || !may_need_quotes(field->type.id) || !column_valid(column, row))
		return;
	Slice text = out->len == from ? (Slice){0} : slice_of(out->data + from, out->len - from);
	if (!needs_quotes(text))
		return;
	SCOPED(buf_close) Buf bare = BUF_INIT;
	buf_add_slice(&bare, text);
	out->len = from;
	out->failed |= bare.failed;
	text_quote(out, buf_slice(&bare), '"');
}

void
csv_add_rows(const Batch *batch, int64_t from, int64_t to, Buf *out)
{
	const Schema *schema = batch_schema(batch);
	for (int64_t row = from; row < to; row++) {
		for (int32_t i = 0; i < schema_field_count(schema); i++) {
			if (i > 0)
				buf_add_byte(out, ',');
			add_value(schema_field(schema, i), batch_column(batch, i), row, out);
		}
		buf_add(out, "\r\n", 2);
	}
}

void
ndjson_add_rows(const JsonRows *objects, const Batch *batch, int64_t from, int64_t to, Buf *out)
{
	for (int64_t row = from; row < to; row++) {
		json_rows_add(objects, batch, row, out);
		buf_add_byte(out, '\n');
	}
}
