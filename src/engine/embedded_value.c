// embedded_value.c - single values of mobius.h: which column takes which.

#include "base/text.h"
#include "engine/embedded_int.h"

Status
embedded_value_refuse(const Field *field, const char *why, Error *err)
{
	SCOPED(buf_close) Buf type = BUF_INIT;
	field_type_name(field, &type);
	return error_set(err, ST_INVALID, "column \"%s\" (%s) %s", field->name, buf_text(&type), why);
}

static bool
is_integer(const Type *type)
{
	return type->id >= TYPE_INT8 && type->id <= TYPE_UINT64;
}

static bool
integer_fits(const Type *type, int64_t value)
{
	int bits = type_layout(type).value_bits;
	if (type->id >= TYPE_UINT8)
		return value >= 0 && (bits == 64 || value >> bits == 0);
	return bits == 64 || (value >> (bits - 1)) == (value < 0 ? -1 : 0);
}

static Status
check_int(const Field *field, mobius_value *value, Error *err)
{
	const Type *type = &field->type;
	if (type->id == TYPE_TIMESTAMP) {
		int64_t unit = time_unit_ns(type->unit);
		if (value->as.number % unit != 0)
			return embedded_value_refuse(
				field, "does not hold parts of its unit; round the nanoseconds", err);
		value->as.number /= unit;
		return ST_OK;
	}
	if (!is_integer(type))
		return embedded_value_refuse(field, "takes no integer", err);
	return integer_fits(type, value->as.number)
			   ? ST_OK
			   : embedded_value_refuse(field, "does not hold that number", err);
}

Status
embedded_value_check(const Field *field, mobius_value *value, Error *err)
{
	TypeId id = field->type.id;
	switch (value->type) {
	case MOBIUS_VALUE_NULL: return ST_OK;
	case MOBIUS_VALUE_INT: return check_int(field, value, err);
	case MOBIUS_VALUE_DOUBLE:
		return id == TYPE_FLOAT64 || id == TYPE_FLOAT32
				   ? ST_OK
				   : embedded_value_refuse(field, "takes no double", err);
	case MOBIUS_VALUE_BOOL:
		return id == TYPE_BOOL ? ST_OK : embedded_value_refuse(field, "takes no bool", err);
	case MOBIUS_VALUE_TEXT:
		if (id != TYPE_UTF8 && id != TYPE_LARGE_UTF8)
			return embedded_value_refuse(field, "takes no text", err);
		if (value->as.text == NULL)
			return embedded_value_refuse(field, "was given no text; MOBIUS_VALUE_NULL means NULL",
										 err);
		Slice text = slice_text(value->as.text);
		return utf8_valid(text.data, text.len)
				   ? ST_OK
				   : embedded_value_refuse(field, "takes UTF-8 only", err);
	}
	return embedded_value_refuse(field, "takes no value of a type that there is not", err);
}

void
embedded_value_add(const mobius_value *value, ColumnBuilder *column)
{
	switch (value->type) {
	case MOBIUS_VALUE_NULL: column_add_null(column); break;
	case MOBIUS_VALUE_INT: column_add_int(column, value->as.number); break;
	case MOBIUS_VALUE_DOUBLE: column_add_double(column, value->as.real); break;
	case MOBIUS_VALUE_BOOL: column_add_bool(column, value->as.truth); break;
	case MOBIUS_VALUE_TEXT: column_add_text(column, value->as.text); break;
	}
}
