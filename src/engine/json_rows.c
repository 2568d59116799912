#include "engine/json_rows.h"

#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "base/timeval.h"

static Slice
text_at(const Column *column, int64_t row)
{
	int32_t from, to;
	memcpy(&from, column->offsets.data + 4 * row, 4);
	memcpy(&to, column->offsets.data + 4 * (row + 1), 4);
	return slice_of(column->values.data + from, (size_t)(to - from));
}

static int64_t
int64_at(const Column *column, int64_t row)
{
	int64_t v;
	memcpy(&v, column->values.data + 8 * row, 8);
	return v;
}

static void
add_timestamp(const Type *type, int64_t value, Buf *out)
{
	static const int digits[] = {0, 3, 6, 9};
	char text[48];
	time_format(time_scale_saturating(value, time_unit_ns(type->unit), 1), digits[type->unit],
				type->zone != NULL, text);
	buf_add_printf(out, "\"%s\"", text);
}

static Status json_value(const Field *field, const Column *column, int64_t row, Buf *out,
						 Error *err);

static Status
add_list(const Field *field, const Column *column, int64_t row, Buf *out, Error *err)
{
	int32_t from, to;
	memcpy(&from, column->offsets.data + 4 * row, 4);
	memcpy(&to, column->offsets.data + 4 * (row + 1), 4);
	buf_add_byte(out, '[');
	for (int32_t i = from; i < to; i++) {
		if (i > from)
			buf_add_byte(out, ',');
		TRY(json_value(&field->children[0], &column->children[0], i, out, err));
	}
	buf_add_byte(out, ']');
	return ST_OK;
}

static Status
json_value(const Field *field, const Column *column, int64_t row, Buf *out, Error *err)
{
	if (!column_valid(column, row)) {
		buf_add_text(out, "null");
		return ST_OK;
	}
	switch (field->type.id) {
	case TYPE_BOOL:
		buf_add_text(out, bit_get(column->values.data, row) ? "true" : "false");
		return ST_OK;
	case TYPE_INT32: {
		int32_t v;
		memcpy(&v, column->values.data + 4 * row, 4);
		buf_add_printf(out, "%" PRId32, v);
		return ST_OK;
	}
	case TYPE_INT64: buf_add_printf(out, "%" PRId64, int64_at(column, row)); return ST_OK;
	case TYPE_UINT64:
		buf_add_printf(out, "%" PRIu64, (uint64_t)int64_at(column, row));
		return ST_OK;
	case TYPE_UTF8: text_json_string(out, text_at(column, row)); return ST_OK;
	case TYPE_TIMESTAMP: add_timestamp(&field->type, int64_at(column, row), out); return ST_OK;
	case TYPE_LIST: return add_list(field, column, row, out, err);
	default:
		return error_set(err, ST_UNIMPLEMENTED,
						 "column \"%s\" has a type that is not written as JSON here", field->name);
	}
}

Status
json_row(const Batch *batch, int64_t row, Buf *out, Error *err)
{
	const Schema *schema = batch_schema(batch);
	buf_add_byte(out, '{');
	for (int32_t i = 0; i < schema_field_count(schema); i++) {
		const Field *field = schema_field(schema, i);
		if (i > 0)
			buf_add_byte(out, ',');
		text_json_string(out, slice_text(field->name));
		buf_add_byte(out, ':');
		TRY(json_value(field, batch_column(batch, i), row, out, err));
	}
	buf_add_byte(out, '}');
	return buf_status(out, err, "a reply");
}
