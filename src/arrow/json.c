#include "arrow/json.h"

#include "base/mem.h"
#include "base/text.h"

struct JsonRows {
	Schema *schema;
	int32_t count;
	char close;
	Buf texts;    // what stands before each value, behind each other
	size_t *ends; // of each of them in `texts`
};

void
json_schema_add(const Schema *schema, Buf *out)
{
	SCOPED(buf_close) Buf type = BUF_INIT;
	buf_add_byte(out, '[');
	for (int32_t i = 0; i < schema_field_count(schema); i++) {
		const Field *field = schema_field(schema, i);
		buf_reset(&type);
		field_type_name(field, &type);
		buf_add_text(out, i > 0 ? ",{\"name\":" : "{\"name\":");
		text_json_string(out, slice_text(field->name));
		buf_add_text(out, ",\"type\":");
		text_json_string(out, buf_slice(&type));
		buf_add_byte(out, '}');
		out->failed |= type.failed;
	}
	buf_add_byte(out, ']');
}

Status
json_rows_new(Schema *schema, JsonForm form, JsonRows **out, Error *err)
{
	SCOPED(json_rows_drop) JsonRows *rows = mem_alloc(sizeof(*rows));
	if (rows == NULL)
		return error_no_memory(err, "rows as JSON");
	rows->schema = schema_ref(schema);
	rows->count = schema_field_count(schema);
	rows->close = form == JSON_OBJECTS ? '}' : ']';
	rows->ends = mem_alloc_array((size_t)rows->count + 1, sizeof(*rows->ends));
	if (rows->ends == NULL)
		return error_no_memory(err, "rows as JSON");
	buf_add_byte(&rows->texts, form == JSON_OBJECTS ? '{' : '[');
	for (int32_t i = 0; i < rows->count; i++) {
		if (i > 0)
			buf_add_byte(&rows->texts, ',');
		if (form == JSON_OBJECTS) {
			text_json_string(&rows->texts, slice_text(schema_field(schema, i)->name));
			buf_add_byte(&rows->texts, ':');
		}
		rows->ends[i] = rows->texts.len;
	}
	TRY(buf_status(&rows->texts, err, "rows as JSON"));
	*out = TAKE(rows);
	return ST_OK;
}

void
json_rows_free(JsonRows *rows)
{
	if (rows == NULL)
		return;
	schema_unref(rows->schema);
	buf_close(&rows->texts);
	mem_free(rows->ends);
	mem_free(rows);
}

void
json_rows_add(const JsonRows *rows, const Batch *batch, int64_t row, Buf *out)
{
	size_t from = 0;
	for (int32_t i = 0; i < rows->count; i++) {
		buf_add(out, rows->texts.data + from, rows->ends[i] - from);
		from = rows->ends[i];
		value_json_add(schema_field(rows->schema, i), batch_column(batch, i), row, out);
	}
	if (rows->count == 0)
		buf_add_slice(out, buf_slice(&rows->texts));
	buf_add_byte(out, (uint8_t)rows->close);
}
