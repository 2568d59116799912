#include "expr/kind_int.h"

#include <stdio.h>

#include "base/bytes.h"

static const struct {
	const char *name;
	Shape shape;
	Type arrow;
} KINDS[KIND_COUNT] = {
	[KIND_NULL] = {"\"NULL\"", SHAPE_INT, {.id = TYPE_INT32}},
	[KIND_BOOL] = {"BOOLEAN", SHAPE_BOOL, {.id = TYPE_BOOL}},
	[KIND_INT8] = {"TINYINT", SHAPE_INT, {.id = TYPE_INT8}},
	[KIND_INT16] = {"SMALLINT", SHAPE_INT, {.id = TYPE_INT16}},
	[KIND_INT32] = {"INTEGER", SHAPE_INT, {.id = TYPE_INT32}},
	[KIND_INT64] = {"BIGINT", SHAPE_INT, {.id = TYPE_INT64}},
	[KIND_HUGE] = {"HUGEINT", SHAPE_WIDE, {.id = TYPE_INT64}},
	[KIND_UINT8] = {"UTINYINT", SHAPE_INT, {.id = TYPE_UINT8}},
	[KIND_UINT16] = {"USMALLINT", SHAPE_INT, {.id = TYPE_UINT16}},
	[KIND_UINT32] = {"UINTEGER", SHAPE_INT, {.id = TYPE_UINT32}},
	[KIND_UINT64] = {"UBIGINT", SHAPE_WIDE, {.id = TYPE_UINT64}},
	[KIND_FLOAT] = {"FLOAT", SHAPE_FLOAT, {.id = TYPE_FLOAT32}},
	[KIND_DOUBLE] = {"DOUBLE", SHAPE_DOUBLE, {.id = TYPE_FLOAT64}},
	[KIND_DECIMAL] = {"DECIMAL", SHAPE_WIDE, {.id = TYPE_DECIMAL128}},
	[KIND_TEXT] = {"VARCHAR", SHAPE_TEXT, {.id = TYPE_UTF8}},
	[KIND_BLOB] = {"BLOB", SHAPE_TEXT, {.id = TYPE_BINARY}},
	[KIND_DATE] = {"DATE", SHAPE_INT, {.id = TYPE_DATE32}},
	[KIND_SECONDS] = {"TIMESTAMP_S", SHAPE_INT, {.id = TYPE_TIMESTAMP, .unit = UNIT_S}},
	[KIND_MILLIS] = {"TIMESTAMP_MS", SHAPE_INT, {.id = TYPE_TIMESTAMP, .unit = UNIT_MS}},
	[KIND_MICROS] = {"TIMESTAMP", SHAPE_INT, {.id = TYPE_TIMESTAMP, .unit = UNIT_US}},
	[KIND_NANOS] = {"TIMESTAMP_NS", SHAPE_INT, {.id = TYPE_TIMESTAMP, .unit = UNIT_NS}},
	[KIND_INSTANT] = {"TIMESTAMP WITH TIME ZONE",
					  SHAPE_INT,
					  {.id = TYPE_TIMESTAMP, .unit = UNIT_US, .zone = "UTC"}},
	[KIND_SPAN] = {"INTERVAL", SHAPE_SPAN, {.id = TYPE_INTERVAL_MONTH_DAY_NANO}},
	[KIND_OTHER] = {"a nested type", SHAPE_INT, {.id = TYPE_NULL}},
};

Shape
kind_shape(Kind kind)
{
	return KINDS[kind].shape;
}

size_t
shape_bytes(Shape shape)
{
	static const size_t bytes[SHAPE_COUNT] = {
		[SHAPE_BOOL] = 1,   [SHAPE_INT] = 8,   [SHAPE_WIDE] = 16, [SHAPE_FLOAT] = 4,
		[SHAPE_DOUBLE] = 8, [SHAPE_TEXT] = 16, [SHAPE_SPAN] = 16,
	};
	return bytes[shape];
}

Wide
power_of_ten(int exponent)
{
	Wide power = 1;
	for (int i = 0; i < exponent; i++)
		power *= 10;
	return power;
}

static int
kind_bits(Kind kind)
{
	switch (kind) {
	case KIND_INT8:
	case KIND_UINT8: return 8;
	case KIND_INT16:
	case KIND_UINT16: return 16;
	case KIND_INT32:
	case KIND_UINT32: return 32;
	case KIND_HUGE: return 128;
	default: return 64;
	}
}

Wide
type_high(ExprType type)
{
	if (type.kind == KIND_DECIMAL)
		return power_of_ten(type.width) - 1;
	bool with_sign = !kind_in(type.kind, KINDS_UNSIGNED);
	return (Wide)(((WideBits)1 << (kind_bits(type.kind) - (with_sign ? 1 : 0))) - 1);
}

Wide
type_low(ExprType type)
{
	if (kind_in(type.kind, KINDS_UNSIGNED))
		return 0;
	return type.kind == KIND_DECIMAL ? -type_high(type) : -type_high(type) - 1;
}

bool
type_digits(ExprType type, int *width, int *scale)
{
	static const uint8_t digits[KIND_COUNT] = {
		[KIND_INT8] = 3,   [KIND_INT16] = 5,   [KIND_INT32] = 10,
		[KIND_INT64] = 19, [KIND_HUGE] = 38,   [KIND_UINT8] = 3,
		[KIND_UINT16] = 5, [KIND_UINT32] = 10, [KIND_UINT64] = 20,
	};
	bool decimal = type.kind == KIND_DECIMAL;
	*width = decimal ? type.width : digits[type.kind];
	*scale = decimal ? type.scale : 0;
	return *width > 0 || type.kind == KIND_NULL;
}

static Kind
kind_of_timestamp(const Type *type)
{
	bool zoned = type->zone != NULL && type->zone[0] != '\0';
	switch (type->unit) {
	case UNIT_S: return zoned ? KIND_INSTANT : KIND_SECONDS;
	case UNIT_MS: return zoned ? KIND_INSTANT : KIND_MILLIS;
	case UNIT_US: return zoned ? KIND_INSTANT : KIND_MICROS;
	case UNIT_NS: return KIND_NANOS;
	}
	return KIND_OTHER;
}

ExprType
type_of_field(const Field *field)
{
	const Type *type = &field->type;
	switch (type->id) {
	case TYPE_NULL: return type_of(KIND_INT32);
	case TYPE_BOOL: return type_of(KIND_BOOL);
	case TYPE_INT8: return type_of(KIND_INT8);
	case TYPE_INT16: return type_of(KIND_INT16);
	case TYPE_INT32: return type_of(KIND_INT32);
	case TYPE_DURATION:
	case TYPE_INT64: return type_of(KIND_INT64);
	case TYPE_UINT8: return type_of(KIND_UINT8);
	case TYPE_UINT16: return type_of(KIND_UINT16);
	case TYPE_UINT32: return type_of(KIND_UINT32);
	case TYPE_UINT64: return type_of(KIND_UINT64);
	case TYPE_FLOAT32: return type_of(KIND_FLOAT);
	case TYPE_FLOAT64: return type_of(KIND_DOUBLE);
	case TYPE_DECIMAL128:
		return type->scale < 0 || type->scale > type->precision
				   ? type_of(KIND_OTHER)
				   : type_decimal(type->precision, type->scale);
	case TYPE_UTF8: return type_of(KIND_TEXT);
	case TYPE_BINARY: return type_of(KIND_BLOB);
	case TYPE_DATE32: return type_of(KIND_DATE);
	case TYPE_TIMESTAMP: return type_of(kind_of_timestamp(type));
	case TYPE_INTERVAL_MONTH_DAY_NANO: return type_of(KIND_SPAN);
	default: return type_of(KIND_OTHER);
	}
}

Type
type_to_arrow(ExprType type)
{
	Type arrow = KINDS[type.kind].arrow;
	arrow.precision = type.width;
	arrow.scale = type.scale;
	return arrow;
}

const char *
type_text(ExprType type, char out[TYPE_TEXT])
{
	if (type.kind == KIND_DECIMAL)
		(void)snprintf(out, TYPE_TEXT, "DECIMAL(%d,%d)", type.width, type.scale);
	else
		(void)snprintf(out, TYPE_TEXT, "%s", KINDS[type.kind].name);
	return out;
}
