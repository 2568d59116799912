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

static const char *const type_names[TYPE_COUNT] = {
	[TYPE_NULL] = "null",
	[TYPE_BOOL] = "bool",
	[TYPE_INT8] = "int8",
	[TYPE_INT16] = "int16",
	[TYPE_INT32] = "int32",
	[TYPE_INT64] = "int64",
	[TYPE_UINT8] = "uint8",
	[TYPE_UINT16] = "uint16",
	[TYPE_UINT32] = "uint32",
	[TYPE_UINT64] = "uint64",
	[TYPE_FLOAT16] = "halffloat",
	[TYPE_FLOAT32] = "float",
	[TYPE_FLOAT64] = "double",
	[TYPE_DECIMAL128] = "decimal128",
	[TYPE_UTF8] = "string",
	[TYPE_LARGE_UTF8] = "large_string",
	[TYPE_UTF8_VIEW] = "string_view",
	[TYPE_BINARY] = "binary",
	[TYPE_LARGE_BINARY] = "large_binary",
	[TYPE_BINARY_VIEW] = "binary_view",
	[TYPE_FIXED_BINARY] = "fixed_size_binary",
	[TYPE_DATE32] = "date32[day]",
	[TYPE_DATE64] = "date64[ms]",
	[TYPE_TIME32] = "time32",
	[TYPE_TIME64] = "time64",
	[TYPE_TIMESTAMP] = "timestamp",
	[TYPE_DURATION] = "duration",
	[TYPE_INTERVAL_MONTHS] = "month_interval",
	[TYPE_INTERVAL_DAY_TIME] = "day_time_interval",
	[TYPE_INTERVAL_MONTH_DAY_NANO] = "month_day_nano_interval",
	[TYPE_LIST] = "list",
	[TYPE_LARGE_LIST] = "large_list",
	[TYPE_FIXED_LIST] = "fixed_size_list",
	[TYPE_STRUCT] = "struct",
	[TYPE_MAP] = "map",
};

static const char *
unit_name(TimeUnit unit)
{
	static const char *const names[] = {"s", "ms", "us", "ns"};
	return (unsigned)unit < COUNT_OF(names) ? names[unit] : "?";
}

static void
children_name(const Field *field, Buf *out)
{
	for (int32_t i = 0; i < field->child_count; i++) {
		const Field *child = &field->children[i];
		buf_add_printf(out, "%s%s: ", i > 0 ? ", " : "", child->name);
		field_type_name(child, out);
		if (!child->nullable)
			buf_add_text(out, " not null");
	}
}

static void
value_type_name(const Field *field, Buf *out)
{
	const Type *type = &field->type;
	buf_add_text(out, (unsigned)type->id < TYPE_COUNT ? type_names[type->id] : "unknown");
	switch (type->id) {
	case TYPE_DECIMAL128: buf_add_printf(out, "(%d, %d)", type->precision, type->scale); break;
	case TYPE_FIXED_BINARY: buf_add_printf(out, "[%d]", type->width); break;
	case TYPE_TIME32:
	case TYPE_TIME64:
	case TYPE_DURATION: buf_add_printf(out, "[%s]", unit_name(type->unit)); break;
	case TYPE_TIMESTAMP:
		buf_add_printf(out, "[%s", unit_name(type->unit));
		if (type->zone != NULL && type->zone[0] != '\0')
			buf_add_printf(out, ", tz=%s", type->zone);
		buf_add_text(out, "]");
		break;
	case TYPE_LIST:
	case TYPE_LARGE_LIST:
	case TYPE_FIXED_LIST:
	case TYPE_STRUCT:
		buf_add_text(out, "<");
		children_name(field, out);
		buf_add_text(out, ">");
		if (type->id == TYPE_FIXED_LIST)
			buf_add_printf(out, "[%d]", type->width);
		break;
	case TYPE_MAP:
		buf_add_text(out, "<");
		field_type_name(&field->children[0].children[0], out);
		buf_add_text(out, ", ");
		field_type_name(&field->children[0].children[1], out);
		buf_add_text(out, type->keys_sorted ? ", keys_sorted>" : ">");
		break;
	default: break;
	}
}

void
field_type_name(const Field *field, Buf *out)
{
	if (!field->dictionary) {
		value_type_name(field, out);
		return;
	}
	buf_add_text(out, "dictionary<values=");
	value_type_name(field, out);
	buf_add_printf(out, ", indices=%s, ordered=0>", type_names[field->index_type]);
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
