// support.h - what the tests of this room share: tables of a few columns, rows of them, and results
// as text.

#pragma once

#include "../check.h"
#include "arrow/builder.h"
#include "arrow/convert.h"
#include "catalog/table_def.h"
#include "store/shape.h"
#include <inttypes.h>

#define COUNT(array) ((int32_t)COUNT_OF(array))

// ---- schemas and tables ----

static inline Field
field_of(const char *name, TypeId id)
{
	return (Field){
		.name = name, .type = {.id = id, .unit = UNIT_NS, .precision = 10}, .nullable = true};
}

static inline Field
time_of(const char *name, TimeUnit unit)
{
	Field field = field_of(name, TYPE_TIMESTAMP);
	field.type.unit = unit;
	return field;
}

static inline Schema *
schema_from(const Field *fields, int32_t count)
{
	Schema *schema = NULL;
	Error err = ERROR_INIT;
	ok(schema_new(fields, count, NULL, 0, &schema, &err), &err);
	return schema;
}

#define SCHEMA(...) schema_from((Field[]){__VA_ARGS__}, (int32_t)COUNT_OF(((Field[]){__VA_ARGS__})))

static inline Status
any_field(const Field *field, Error *err)
{
	(void)field;
	(void)err;
	return ST_OK;
}

// Takes the schema.
static inline TableDef *
table_of(uint32_t id, const char *name, Schema *schema, const char *tags)
{
	TableRequest request = {.database = "mobius", .name = name, .schema = schema, .tags = tags};
	TableDef *def = NULL;
	Error err = ERROR_INIT;
	ok(table_def_create(&request, NULL, id, 1000, any_field, &def, &err), &err);
	schema_unref(schema);
	return def;
}

// Takes the schema.
static inline TableDef *
grown(TableDef *def, Schema *incoming, const char *tags)
{
	TableDef *next = NULL;
	Error err = ERROR_INIT;
	ok(table_def_grow(def, incoming, tags, any_field, &next, &err), &err);
	schema_unref(incoming);
	return next;
}

// time, host (a tag), n
static inline Schema *
host_schema(void)
{
	return SCHEMA(time_of("time", UNIT_NS), field_of("host", TYPE_UTF8), field_of("n", TYPE_INT64));
}

static inline TableDef *
host_table(void)
{
	return table_of(1, "t", host_schema(), NULL);
}

// Takes the schema.
static inline Shape *
shape_of(uint32_t id, TableDef *def, Schema *schema)
{
	Shape *shape = NULL;
	Error err = ERROR_INIT;
	ok(shape_new(id, def, schema, &shape, &err), &err);
	schema_unref(schema);
	return shape;
}

static inline Shape *
whole_shape(TableDef *def)
{
	return shape_of(1, def, schema_ref(table_schema(def)));
}

// ---- rows from text ----
//
// Columns are divided by '|', rows by '\n'; "~" is NULL.

static inline void
add_value(ColumnBuilder *c, const char *text)
{
	if (strcmp(text, "~") == 0) {
		column_add_null(c);
		return;
	}
	switch (c->field->type.id) {
	case TYPE_UTF8:
	case TYPE_BINARY: column_add_text(c, text); break;
	case TYPE_FLOAT32:
	case TYPE_FLOAT64: column_add_double(c, strtod(text, NULL)); break;
	case TYPE_BOOL: column_add_bool(c, strcmp(text, "true") == 0); break;
	case TYPE_UINT64: column_add_uint(c, strtoull(text, NULL, 10)); break;
	default: column_add_int(c, strtoll(text, NULL, 10)); break;
	}
}

static inline Batch *
batch_of(Schema *schema, const char *text)
{
	Builder *builder = NULL;
	Batch *batch = NULL;
	Error err = ERROR_INIT;
	char *copy = strdup(text), *row_end = NULL;
	ok(builder_new(schema, &builder, &err), &err);
	for (char *row = strtok_r(copy, "\n", &row_end); row != NULL;
		 row = strtok_r(NULL, "\n", &row_end)) {
		for (int32_t i = 0; i < schema_field_count(schema); i++) {
			char *value = strsep(&row, "|");
			assert_non_null(value);
			add_value(builder_column(builder, i), value);
		}
	}
	ok(builder_finish(builder, 0, &batch, &err), &err);
	builder_free(builder);
	free(copy);
	return batch;
}

static inline void
render_value(const Field *field, const Column *c, int64_t row, Buf *out)
{
	if (!column_valid(c, row) || field->type.id == TYPE_NULL) {
		buf_add_text(out, "~");
		return;
	}
	uint8_t bytes[8] = {0};
	int32_t ends[2];
	size_t width = (size_t)type_layout(&field->type).value_bits / 8;
	switch (field->type.id) {
	case TYPE_BOOL: buf_add_text(out, bit_get(c->values.data, row) ? "true" : "false"); return;
	case TYPE_UTF8:
	case TYPE_BINARY:
		memcpy(ends, c->offsets.data + 4 * row, sizeof(ends));
		buf_add(out, c->values.data + ends[0], (size_t)(ends[1] - ends[0]));
		return;
	default: break;
	}
	memcpy(bytes, c->values.data + (size_t)row * width, width);
	int64_t number;
	double real;
	memcpy(&number, bytes, 8);
	memcpy(&real, bytes, 8);
	if (field->type.id == TYPE_FLOAT64)
		buf_add_printf(out, "%g", real);
	else if (width == 1)
		buf_add_printf(out, "%d", (int8_t)number);
	else if (width == 2)
		buf_add_printf(out, "%d", (int16_t)number);
	else if (width == 4)
		buf_add_printf(out, "%d", (int32_t)number);
	else
		buf_add_printf(out, "%" PRId64, number);
}

// The first `rows` rows of a batch.
static inline void
render_rows(const Batch *batch, int64_t rows, Buf *out)
{
	Schema *schema = batch_schema(batch);
	for (int64_t row = 0; row < rows; row++) {
		for (int32_t i = 0; i < schema_field_count(schema); i++) {
			buf_add_text(out, i > 0 ? "|" : "");
			render_value(schema_field(schema, i), batch_column(batch, i), row, out);
		}
		buf_add_text(out, "\n");
	}
}

static inline void
batch_is(const Batch *batch, const char *text)
{
	Buf out = BUF_INIT;
	render_rows(batch, batch_rows(batch), &out);
	assert_string_equal(buf_text(&out), text);
	buf_close(&out);
}

// Lengths, offsets and counts are what a batch says they are.
static inline void
batch_is_sound(const Batch *batch)
{
	for (int32_t i = 0; i < schema_field_count(batch_schema(batch)); i++) {
		Column column = *batch_column(batch, i);
		Error err = ERROR_INIT;
		ok(column_validate(schema_field(batch_schema(batch), i), &column, &err), &err);
		assert_int_equal(column.null_count, batch_column(batch, i)->null_count);
		assert_int_equal(column.length, batch_rows(batch));
	}
}

// Rows from … to-1 of a host table: time i, host "host_<i % hosts>", n i.
static inline Batch *
host_batch(Schema *schema, int64_t from, int64_t to, int64_t hosts)
{
	Builder *builder = NULL;
	Batch *batch = NULL;
	Error err = ERROR_INIT;
	ok(builder_new(schema, &builder, &err), &err);
	for (int64_t i = from; i < to; i++) {
		char host[32];
		snprintf(host, sizeof(host), "host_%" PRId64, i % hosts);
		column_add_int(builder_column(builder, 0), i);
		column_add_text(builder_column(builder, 1), host);
		column_add_int(builder_column(builder, 2), i);
	}
	ok(builder_finish(builder, 0, &batch, &err), &err);
	builder_free(builder);
	return batch;
}

static inline int64_t
int64_at(const Column *c, int64_t row)
{
	int64_t v;
	memcpy(&v, c->values.data + 8 * row, sizeof(v));
	return v;
}
