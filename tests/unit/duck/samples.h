// samples.h - columns of every type a table keeps, with extremes, NULLs and nesting.

#pragma once

#include <math.h>

#include "support.h"

enum { SAMPLE_ROWS = 23 };

// The k-th sample of a type with values of fixed width, as its bytes in the low end.
static inline uint64_t
sample_bits(const Type *type, int k)
{
	static const int64_t samples[] = {0,
									  1,
									  -1,
									  INT64_MAX,
									  INT64_MIN,
									  -INT64_MAX,
									  1700000000123456789,
									  -1700000000123456789,
									  86399999999,
									  42};
	int64_t value = samples[(size_t)k % COUNT_OF(samples)];
	// What microseconds cannot hold is refused at put.
	bool scaled = type->id == TYPE_TIMESTAMP && type->unit < UNIT_US &&
				  (type->unit == UNIT_MS || (type->zone != NULL && type->zone[0] != '\0'));
	if (scaled)
		value /= type->unit == UNIT_MS ? 1000 : 1000000;
	if (type->id == TYPE_TIME64)
		value = (int64_t)((uint64_t)value % 86400000000);
	return (uint64_t)value;
}

static inline void
add_sample_number(ColumnBuilder *c, int k)
{
	const Type *type = &c->field->type;
	static const double doubles[] = {0.0, 1.5, -1e300, 1e-300, 3.4e38, -7.25, NAN, -INFINITY};
	uint64_t words[2];
	switch (type->id) {
	case TYPE_BOOL: column_add_bool(c, k % 3 == 1); break;
	case TYPE_FLOAT32:
	case TYPE_FLOAT64: column_add_double(c, doubles[(size_t)k % COUNT_OF(doubles)]); break;
	case TYPE_DECIMAL128: {
		// All nines, their negative, and little ones.
		__int128 nines = 0;
		for (int i = 0; i < type->precision; i++)
			nines = nines * 10 + 9;
		__int128 value = k % 4 == 0 ? nines : k % 4 == 1 ? -nines : (__int128)(k % 10);
		column_add_bytes(c, slice_of(&value, 16));
		break;
	}
	case TYPE_INTERVAL_MONTH_DAY_NANO: {
		static const int32_t days[] = {0, INT32_MAX, INT32_MIN, -5};
		int32_t parts[2] = {days[k % 4], days[(k + 1) % 4]};
		memcpy(words, parts, 8);
		words[1] = (uint64_t)((int64_t)sample_bits(&(Type){.id = TYPE_INT64}, k) / 1000 * 1000);
		column_add_bytes(c, slice_of(words, 16));
		break;
	}
	default: column_add_uint(c, sample_bits(type, k)); break;
	}
}

static inline void add_sample(ColumnBuilder *c, int k);

static inline void
add_sample_nested(ColumnBuilder *c, int k)
{
	switch (c->field->type.id) {
	case TYPE_LIST:
		for (int i = 0; i < (k % 7 == 6 ? 400 : k % 4); i++) // more than one vector in all
			add_sample(&c->children[0], k + i);
		column_end_list(c);
		break;
	case TYPE_MAP:
		for (int i = 0; i < k % 3; i++) {
			ColumnBuilder *entries = &c->children[0];
			char key[16];
			snprintf(key, sizeof(key), "key %d", i);
			column_add_text(&entries->children[0], key);
			add_sample(&entries->children[1], k + i);
			column_add_validity(entries, NULL, 1);
		}
		column_end_list(c);
		break;
	case TYPE_FIXED_LIST:
		for (int i = 0; i < c->field->type.width; i++)
			add_sample(&c->children[0], k + i);
		column_add_validity(c, NULL, 1);
		break;
	default:
		for (int32_t i = 0; i < c->child_count; i++)
			add_sample(&c->children[i], k + i);
		column_add_validity(c, NULL, 1);
		break;
	}
}

static inline void
add_sample(ColumnBuilder *c, int k)
{
	static const char *const texts[] = {"",
										"a",
										"eight by",
										"twelve bytes",
										"thirteen byte",
										"Gr\xC3\xBCn wie das Tal der langen Worte"};
	TypeId id = c->field->type.id;
	if (id == TYPE_NULL || (c->field->nullable && k % 5 == 3))
		column_add_null(c);
	else if (id == TYPE_UTF8 || id == TYPE_BINARY)
		column_add_text(c, texts[(size_t)k % COUNT_OF(texts)]);
	else if (c->child_count > 0)
		add_sample_nested(c, k);
	else
		add_sample_number(c, k);
}

// `rows` samples from the first-th on.
static inline Batch *
sample_batch(Schema *schema, int first, int rows)
{
	Builder *builder = NULL;
	Batch *batch = NULL;
	Error err = ERROR_INIT;
	ok(builder_new(schema, &builder, &err), &err);
	for (int k = first; k < first + rows; k++) {
		for (int32_t i = 0; i < schema_field_count(schema); i++)
			add_sample(builder_column(builder, i), k);
	}
	ok(builder_finish(builder, 0, &batch, &err), &err);
	builder_free(builder);
	return batch;
}

static inline Schema *
schema_one(Field field)
{
	Schema *schema = NULL;
	Error err = ERROR_INIT;
	ok(schema_new(&field, 1, NULL, 0, &schema, &err), &err);
	return schema;
}

// ---- every type ----

typedef struct FieldList {
	Field fields[96];
	Field parts[160]; // children
	int count;
	int part_count;
} FieldList;

static inline Field
field_as(const char *name, Type type)
{
	return (Field){.name = name, .type = type, .nullable = true};
}

static inline Field *
keep_parts(FieldList *list, int count)
{
	Field *parts = &list->parts[list->part_count];
	list->part_count += count;
	assert_true((size_t)list->part_count <= COUNT_OF(list->parts));
	return parts;
}

static inline Field
list_of(FieldList *list, Type type, Field item)
{
	Field *parts = keep_parts(list, 1);
	parts[0] = item;
	parts[0].name = "item";
	Field field = field_as("c", type);
	field.children = parts;
	field.child_count = 1;
	return field;
}

static inline Field
struct_of_two(FieldList *list, Field a, Field b)
{
	Field *parts = keep_parts(list, 2);
	parts[0] = a;
	parts[0].name = "a \"b\" 'c'";
	parts[1] = b;
	parts[1].name = "b";
	Field field = field_as("c", (Type){.id = TYPE_STRUCT});
	field.children = parts;
	field.child_count = 2;
	return field;
}

static inline Field
map_of(FieldList *list, Field value)
{
	Field *parts = keep_parts(list, 3);
	parts[1] = (Field){.name = "key", .type = {.id = TYPE_UTF8}};
	parts[2] = value;
	parts[2].name = "value";
	parts[0] = (Field){
		.name = "entries", .type = {.id = TYPE_STRUCT}, .children = &parts[1], .child_count = 2};
	Field field = field_as("c", (Type){.id = TYPE_MAP});
	field.children = parts;
	field.child_count = 1;
	return field;
}

static inline void
add_plain_fields(FieldList *list)
{
	static const TypeId plain[] = {
		TYPE_NULL,   TYPE_BOOL,   TYPE_INT8,    TYPE_INT16,
		TYPE_INT32,  TYPE_INT64,  TYPE_UINT8,   TYPE_UINT16,
		TYPE_UINT32, TYPE_UINT64, TYPE_FLOAT32, TYPE_FLOAT64,
		TYPE_UTF8,   TYPE_BINARY, TYPE_DATE32,  TYPE_INTERVAL_MONTH_DAY_NANO};
	for (size_t i = 0; i < COUNT_OF(plain); i++)
		list->fields[list->count++] = field_as("c", (Type){.id = plain[i]});
	static const int digits[][2] = {{1, 0},  {4, 4},   {5, 2},  {9, 0},
									{10, 3}, {18, 18}, {19, 1}, {38, 10}};
	for (size_t i = 0; i < COUNT_OF(digits); i++)
		list->fields[list->count++] = field_as(
			"c", (Type){.id = TYPE_DECIMAL128, .precision = digits[i][0], .scale = digits[i][1]});
	for (TimeUnit unit = UNIT_S; unit <= UNIT_NS; unit++) {
		Type time = {.id = TYPE_TIMESTAMP, .unit = unit};
		Type zoned = {.id = TYPE_TIMESTAMP, .unit = unit, .zone = "Europe/Berlin"};
		list->fields[list->count++] = field_as("c", time);
		list->fields[list->count++] = field_as("c", zoned);
		list->fields[list->count++] = field_as("c", (Type){.id = TYPE_DURATION, .unit = unit});
		if (unit >= UNIT_US)
			list->fields[list->count++] = field_as("c", (Type){.id = TYPE_TIME64, .unit = unit});
	}
}

// Each plain type in each kind of parent, and parents in parents.
static inline void
fields_of_every_type(FieldList *list)
{
	add_plain_fields(list);
	int plain = list->count;
	for (int i = 0; i < plain; i++) {
		Field item = list->fields[i];
		Field nested = i % 4 == 0   ? list_of(list, (Type){.id = TYPE_LIST}, item)
					   : i % 4 == 1 ? list_of(list, (Type){.id = TYPE_FIXED_LIST, .width = 3}, item)
					   : i % 4 == 2 ? struct_of_two(list, item, list->fields[i - 1])
									: map_of(list, item);
		list->fields[list->count++] = nested;
	}
	const Field *seconds = &list->fields[24];
	assert_int_equal(seconds->type.id, TYPE_TIMESTAMP);
	Field array = list_of(list, (Type){.id = TYPE_FIXED_LIST, .width = 2}, *seconds);
	Field text_list = list_of(list, (Type){.id = TYPE_LIST}, list->fields[12]);
	Field deep = list_of(list, (Type){.id = TYPE_LIST}, text_list);
	Field interval_map = map_of(list, list->fields[15]);
	Field both = struct_of_two(list, array, interval_map);
	list->fields[list->count++] = deep;
	list->fields[list->count++] = both;
	list->fields[list->count++] = list_of(list, (Type){.id = TYPE_FIXED_LIST, .width = 2}, both);
	list->fields[list->count++] = list_of(list, (Type){.id = TYPE_LIST}, both);
	list->fields[list->count++] = list_of(list, (Type){.id = TYPE_LIST}, array);
	assert_true((size_t)list->count <= COUNT_OF(list->fields));
}
