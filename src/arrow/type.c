#include <string.h>

#include "arrow/schema.h"

static bool
zone_equal(const char *a, const char *b)
{
	return strcmp(a == NULL ? "" : a, b == NULL ? "" : b) == 0;
}

bool
type_equal(const Type *a, const Type *b)
{
	if (a->id != b->id)
		return false;
	switch (a->id) {
	case TYPE_DECIMAL128: return a->precision == b->precision && a->scale == b->scale;
	case TYPE_FIXED_BINARY:
	case TYPE_FIXED_LIST: return a->width == b->width;
	case TYPE_TIME32:
	case TYPE_TIME64:
	case TYPE_DURATION: return a->unit == b->unit;
	case TYPE_TIMESTAMP: return a->unit == b->unit && zone_equal(a->zone, b->zone);
	case TYPE_MAP: return a->keys_sorted == b->keys_sorted;
	default: return true;
	}
}

// The names of a struct's children are part of its type; those of a list's or a map's are not.
static bool
children_equal(const Field *a, const Field *b, bool nullability)
{
	if (a->child_count != b->child_count)
		return false;
	for (int32_t i = 0; i < a->child_count; i++) {
		const Field *x = &a->children[i];
		const Field *y = &b->children[i];
		if (a->type.id == TYPE_STRUCT && strcmp(x->name, y->name) != 0)
			return false;
		if (nullability && x->nullable != y->nullable)
			return false;
		if (!type_equal(&x->type, &y->type) || !children_equal(x, y, nullability))
			return false;
	}
	return true;
}

bool
field_equal(const Field *a, const Field *b, bool names_and_nullability)
{
	if (names_and_nullability && (strcmp(a->name, b->name) != 0 || a->nullable != b->nullable))
		return false;
	return type_equal(&a->type, &b->type) && children_equal(a, b, names_and_nullability);
}

bool
schema_equal(const Schema *a, const Schema *b)
{
	if (a == b)
		return true;
	if (schema_field_count(a) != schema_field_count(b))
		return false;
	for (int32_t i = 0; i < schema_field_count(a); i++) {
		if (!field_equal(schema_field(a, i), schema_field(b, i), true))
			return false;
	}
	return true;
}

int64_t
time_unit_ns(TimeUnit unit)
{
	static const int64_t ns[] = {1000000000, 1000000, 1000, 1};
	return ns[unit];
}

static int32_t
value_bits(const Type *type)
{
	switch (type->id) {
	case TYPE_BOOL: return 1;
	case TYPE_INT8:
	case TYPE_UINT8: return 8;
	case TYPE_INT16:
	case TYPE_UINT16:
	case TYPE_FLOAT16: return 16;
	case TYPE_INT32:
	case TYPE_UINT32:
	case TYPE_FLOAT32:
	case TYPE_DATE32:
	case TYPE_TIME32:
	case TYPE_INTERVAL_MONTHS: return 32;
	case TYPE_INT64:
	case TYPE_UINT64:
	case TYPE_FLOAT64:
	case TYPE_DATE64:
	case TYPE_TIME64:
	case TYPE_TIMESTAMP:
	case TYPE_DURATION:
	case TYPE_INTERVAL_DAY_TIME: return 64;
	case TYPE_DECIMAL128:
	case TYPE_UTF8_VIEW:
	case TYPE_BINARY_VIEW:
	case TYPE_INTERVAL_MONTH_DAY_NANO: return 128;
	case TYPE_FIXED_BINARY: return type->width * 8;
	default: return 0;
	}
}

TypeLayout
type_layout(const Type *type)
{
	TypeLayout layout = {.validity = true, .value_bits = value_bits(type)};
	switch (type->id) {
	case TYPE_NULL: layout.validity = false; break;
	case TYPE_UTF8:
	case TYPE_BINARY:
		layout.offset_bytes = 4;
		layout.values = true;
		break;
	case TYPE_LARGE_UTF8:
	case TYPE_LARGE_BINARY:
		layout.offset_bytes = 8;
		layout.values = true;
		break;
	case TYPE_LIST:
	case TYPE_MAP: layout.offset_bytes = 4; break;
	case TYPE_LARGE_LIST: layout.offset_bytes = 8; break;
	case TYPE_FIXED_LIST:
	case TYPE_STRUCT: break;
	default: layout.values = true; break;
	}
	return layout;
}

uint64_t
field_row_bytes(const Field *field)
{
	TypeLayout layout = type_layout(&field->type);
	uint64_t bytes = ((uint64_t)layout.value_bits + 7) / 8 + layout.offset_bytes;
	for (int32_t i = 0; layout.offset_bytes == 0 && i < field->child_count; i++)
		bytes += field_row_bytes(&field->children[i]);
	if (field->type.id == TYPE_FIXED_LIST)
		bytes *= (uint64_t)field->type.width;
	return bytes < UINT32_MAX ? bytes : UINT32_MAX;
}

uint64_t
schema_row_bytes(const Schema *schema)
{
	uint64_t bytes = 0;
	for (int32_t i = 0; i < schema_field_count(schema); i++)
		bytes += field_row_bytes(schema_field(schema, i));
	return bytes;
}
