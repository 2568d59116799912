// line_batch.c - rows of a measurement, column by column.

#include <string.h>

#include "base/mem.h"
#include "web/line_int.h"

// ---- a row ----

// NULLs up to the row that is being stored.
static void
fill(LineColumn *column, int64_t rows)
{
	while (column->values.length < rows)
		column_add_null(&column->values);
}

// Of 8 bytes: most values are, and most columns have no NULL.
static void
add_wide(ColumnBuilder *c, uint64_t value)
{
	if (c->validity.len > 0 || c->values.cap - c->values.len < sizeof(value)) {
		column_add_uint(c, value);
		return;
	}
	memcpy(c->values.data + c->values.len, &value, sizeof(value));
	c->values.len += sizeof(value);
	c->length++;
}

// The same of a text.
static void
add_bytes(ColumnBuilder *c, Slice text)
{
	uint32_t end = (uint32_t)(c->values.len + text.len);
	if (c->validity.len > 0 || c->values.cap - c->values.len <= text.len ||
		c->offsets.cap - c->offsets.len < sizeof(end)) {
		column_add_bytes(c, text);
		return;
	}
	memcpy(c->values.data + c->values.len, text.data, text.len);
	memcpy(c->offsets.data + c->offsets.len, &end, sizeof(end));
	c->values.len += text.len;
	c->offsets.len += sizeof(end);
	c->length++;
}

static void
add_text(LineParser *parser, const LineItem *item)
{
	Slice text = item->text;
	if (item->escaped) {
		buf_reset(&parser->name);
		line_unescape(text, item->column->tag ? ",= " : "\"\\", &parser->name);
		text = buf_slice(&parser->name);
		item->column->values.values.failed |= parser->name.failed;
	}
	add_bytes(&item->column->values, text);
	parser->bytes += text.len;
}

static void
add_item(LineParser *parser, LineTable *table, const LineItem *item)
{
	LineColumn *column = item->column;
	if (column->values.length == 0) { // the first of it in this batch
		if (!column->typed)
			column->field.type.id = item->type;
		column->typed = true;
		TypeLayout layout = type_layout(&column->field.type);
		table->row_bytes += field_row_bytes(&column->field) + 1;
		parser->bytes += (field_row_bytes(&column->field) + 1) * (uint64_t)table->rows;
		buf_reset(&column->values.offsets);
		buf_add_zeros(&column->values.offsets, layout.offset_bytes);
	}
	fill(column, table->rows);
	switch (item->type) {
	case TYPE_BOOL: column_add_bool(&column->values, item->truth); break;
	case TYPE_UTF8: add_text(parser, item); break;
	case TYPE_FLOAT64: {
		uint64_t bits;
		memcpy(&bits, &item->number, sizeof(bits));
		add_wide(&column->values, bits);
		break;
	}
	default: add_wide(&column->values, (uint64_t)item->integer); break;
	}
}

static bool
has_failed(const LineColumn *column)
{
	const ColumnBuilder *c = &column->values;
	return c->values.failed || c->validity.failed || c->offsets.failed;
}

uint64_t
line_cost(const LineParser *parser, const LineTable *table)
{
	uint64_t columns = 0;
	for (int32_t i = 0; i < parser->item_count; i++)
		columns += parser->items[i].column->values.length == 0;
	return columns * (sizeof(uint64_t) + 1) * (uint64_t)table->rows;
}

Status
line_store(LineParser *parser, LineTable *table, int64_t time_ns, Error *err)
{
	bool failed = false;
	for (int32_t i = 0; i < parser->item_count; i++) {
		add_item(parser, table, &parser->items[i]);
		failed |= has_failed(parser->items[i].column);
	}
	add_wide(&table->time.values, (uint64_t)time_ns);
	if (failed || has_failed(&table->time))
		return error_no_memory(err, "rows");
	table->rows++;
	parser->rows++;
	parser->bytes += table->row_bytes;
	return ST_OK;
}

// ---- a batch ----

typedef struct Parts {
	LineColumn **columns; // the time first
	Field *fields;
	int32_t count;
} Parts;

static Status
collect(LineTable *table, Arena *arena, Parts *out, Error *err)
{
	out->columns = arena_array(arena, (size_t)table->count + 1, sizeof(*out->columns));
	out->fields = arena_array(arena, (size_t)table->count + 1, sizeof(*out->fields));
	TRY(arena_status(arena, err, "rows"));
	out->columns[out->count++] = &table->time;
	for (int32_t i = 0; i < table->count; i++) {
		if (table->columns[i]->values.length == 0)
			continue;
		fill(table->columns[i], table->rows);
		out->columns[out->count++] = table->columns[i];
	}
	for (int32_t i = 0; i < out->count; i++)
		out->fields[i] = out->columns[i]->field;
	return ST_OK;
}

static Status
make_schema(const Parts *parts, Schema **out, Error *err)
{
	SCOPED(buf_close) Buf tags = BUF_INIT;
	for (int32_t i = 0; i < parts->count; i++) {
		if (!parts->columns[i]->tag)
			continue;
		buf_add_text(&tags, tags.len > 0 ? "," : "");
		buf_add_text(&tags, parts->fields[i].name);
	}
	TRY(buf_status(&tags, err, "tags"));
	KeyValue metadata[] = {
		{slice_text("mobius.time"), slice_text(parts->fields[0].name)},
		{slice_text("mobius.tags"), buf_slice(&tags)},
	};
	return schema_new(parts->fields, parts->count, metadata, COUNT_OF(metadata), out, err);
}

// What was appended here becomes what was appended there; twice is as it was.
static void
swap_values(ColumnBuilder *a, ColumnBuilder *b)
{
	ColumnBuilder was = *a;
	const Field *field_of_b = b->field;
	*a = *b;
	a->field = was.field;
	*b = was;
	b->field = field_of_b;
}

static Status
make_batch(const Parts *parts, int64_t rows, BytesPool *pool, Batch **out, Error *err)
{
	SCOPED(schema_drop) Schema *schema = NULL;
	SCOPED(builder_drop) Builder *builder = NULL;
	TRY(make_schema(parts, &schema, err));
	TRY(builder_new(schema, &builder, err));
	builder_use_pool(builder, pool);
	for (int32_t i = 0; i < parts->count; i++)
		TRY(buf_status(&builder_column(builder, i)->offsets, err, "rows"));
	for (int32_t i = 0; i < parts->count; i++)
		swap_values(builder_column(builder, i), &parts->columns[i]->values);
	Status st = builder_finish(builder, rows, out, err);
	for (int32_t i = 0; i < parts->count; i++)
		swap_values(builder_column(builder, i), &parts->columns[i]->values);
	return st;
}

static Status
take_table(LineParser *parser, LineTable *table, Batch **out, Error *err)
{
	SCOPED(arena_close) Arena arena = ARENA_INIT;
	Parts parts = {0};
	TRY(collect(table, &arena, &parts, err));
	TRY(make_batch(&parts, table->rows, parser->options.pool, out, err));
	table->rows = 0;
	table->row_bytes = sizeof(int64_t);
	return ST_OK;
}

Status
line_parser_take(LineParser *parser, LineBatch *out, Error *err)
{
	for (; parser->next < parser->table_count; parser->next++) {
		LineTable *table = parser->tables[parser->next];
		if (table->rows == 0)
			continue;
		Batch *batch = NULL;
		TRY(take_table(parser, table, &batch, err));
		*out = (LineBatch){table->name, batch};
		return ST_OK;
	}
	parser->next = 0;
	parser->bytes = 0;
	*out = (LineBatch){0};
	return ST_OK;
}
