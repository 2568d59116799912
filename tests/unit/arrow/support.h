// support.h - what the tests of this room share: cmocka, fault loops and small columns.

#pragma once

#include "../check.h"
#include "arrow/batch.h"
#include "arrow/builder.h"
#include "arrow/convert.h"

#define FAULT_LOOP(st, ...) FAULTS_IN_TURN(mem_live(), st == ST_NO_MEMORY, st, __VA_ARGS__)
#define SLICE(array)        slice_of(array, sizeof(array))

static inline Field
field_of(const char *name, TypeId id)
{
	return (Field){.name = name, .type.id = id, .nullable = true};
}

static inline Field
parent_of(const char *name, TypeId id, Field *children, int32_t count)
{
	return (Field){
		.name = name, .type.id = id, .nullable = true, .children = children, .child_count = count};
}

static inline Schema *
schema_one(Field field)
{
	Schema *schema = NULL;
	Error err = ERROR_INIT;
	ok(schema_new(&field, 1, NULL, 0, &schema, &err), &err);
	return schema;
}

static inline int64_t
int64_at(const Column *c, int64_t i)
{
	return ((const int64_t *)(const void *)c->values.data)[i];
}

static inline int32_t
int32_at(const Column *c, int64_t i)
{
	return ((const int32_t *)(const void *)c->values.data)[i];
}

// A value of utf8 or binary.
static inline Slice
bytes_at(const Column *c, int64_t i)
{
	const int32_t *offsets = (const void *)c->offsets.data;
	return slice_of(c->values.data + offsets[i], (size_t)(offsets[i + 1] - offsets[i]));
}

static inline void
text_is(const Column *c, int64_t i, const char *text)
{
	Slice value = bytes_at(c, i);
	if (!slice_is(value, text))
		fail_msg("row %d is '%.*s' and not '%s'", (int)i, (int)value.len, value.data, text);
}

// A field "x" of any type, with what its type asks for; lists have item, structs and maps entries.
static inline Field
any_field(TypeId id, Field *item, Field *entries)
{
	Field field = field_of("x", id);
	if (id == TYPE_STRUCT)
		field = *entries;
	else if (id == TYPE_MAP)
		field = parent_of("x", id, entries, 1);
	else if (id == TYPE_LIST || id == TYPE_LARGE_LIST || id == TYPE_FIXED_LIST)
		field = parent_of("x", id, item, 1);
	field.type.width = 3;
	field.type.precision = 10;
	field.type.unit = id == TYPE_TIME64 ? UNIT_NS : UNIT_S;
	return field;
}

// A row that depends on `value` alone.
static inline void
add_any(ColumnBuilder *c, int value)
{
	TypeLayout layout = type_layout(&c->field->type);
	uint8_t bytes[16] = {(uint8_t)value, (uint8_t)(value * 3)};
	if (value % 4 == 3 || !layout.validity) {
		column_add_null(c);
	} else if (c->field->type.id == TYPE_BOOL) {
		column_add_bool(c, value % 2 == 0);
	} else if (layout.values && layout.offset_bytes == 0) {
		column_add_bytes(c, slice_of(bytes, (size_t)layout.value_bits / 8));
	} else if (layout.values) {
		column_add_bytes(c, slice_of("abcdefgh", (size_t)(value % 8)));
	} else if (layout.offset_bytes > 0) {
		ColumnBuilder *item = &c->children[0];
		for (int i = 0; i < value % 5; i++) {
			if (c->field->type.id == TYPE_MAP) {
				column_add_int(&item->children[0], i);
				column_add_text(&item->children[1], "v");
				column_add_validity(item, NULL, 1);
			} else {
				add_any(item, value + i);
			}
		}
		column_end_list(c);
	} else {
		int items = c->field->type.id == TYPE_FIXED_LIST ? c->field->type.width : 1;
		for (int32_t i = 0; i < c->child_count; i++) {
			for (int n = 0; n < items; n++)
				add_any(&c->children[i], value + n);
		}
		column_add_validity(c, NULL, 1);
	}
}

// Rows first, first + step, ...: not for types with views.
static inline Batch *
any_batch(Field field, int first, int rows, int step)
{
	Schema *schema = schema_one(field);
	Builder *builder = NULL;
	Batch *batch = NULL;
	Error err = ERROR_INIT;
	ok(builder_new(schema, &builder, &err), &err);
	for (int i = 0; i < rows; i++)
		add_any(builder_column(builder, 0), first + step * i);
	ok(builder_finish(builder, 0, &batch, &err), &err);
	builder_free(builder);
	schema_unref(schema);
	return batch;
}

// Row by row the same, however it lies.
static inline void
same_columns(const Field *field, const Column *a, const Column *b)
{
	assert_int_equal(a->length, b->length);
	assert_int_equal(a->null_count, b->null_count);
	TypeLayout layout = type_layout(&field->type);
	for (int64_t i = 0; i < a->length; i++)
		assert_int_equal(column_valid(a, i), column_valid(b, i));
	assert_int_equal(a->offsets.len, b->offsets.len);
	if (a->offsets.len > 0)
		assert_memory_equal(a->offsets.data, b->offsets.data, a->offsets.len);
	assert_int_equal(a->values.len, b->values.len);
	if (layout.values && a->values.len > 0)
		assert_memory_equal(a->values.data, b->values.data, a->values.len);
	assert_int_equal(a->child_count, b->child_count);
	for (int32_t i = 0; i < a->child_count; i++)
		same_columns(&field->children[i], &a->children[i], &b->children[i]);
}
