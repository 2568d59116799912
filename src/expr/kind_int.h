// kind_int.h - the types of expressions: those of the engine behind queries, and how their values
// lie in vectors.

#pragma once

#include "arrow/schema.h"

typedef __int128 Wide;
typedef unsigned __int128 WideBits;

typedef enum Kind {
	KIND_NULL, // of a NULL that nobody cast
	KIND_BOOL,
	KIND_INT8,
	KIND_INT16,
	KIND_INT32,
	KIND_INT64,
	KIND_HUGE, // 128 bits
	KIND_UINT8,
	KIND_UINT16,
	KIND_UINT32,
	KIND_UINT64,
	KIND_FLOAT,
	KIND_DOUBLE,
	KIND_DECIMAL,
	KIND_TEXT,
	KIND_BLOB,
	KIND_DATE,    // days
	KIND_SECONDS, // timestamps without a zone
	KIND_MILLIS,
	KIND_MICROS,
	KIND_NANOS,
	KIND_INSTANT, // microseconds, with a zone
	KIND_SPAN,    // interval
	KIND_OTHER,   // a column that can only be passed on
	KIND_COUNT,
} Kind;

typedef struct ExprType {
	uint8_t kind;
	uint8_t width; // of decimals
	uint8_t scale;
} ExprType;

// How values lie in a vector.
typedef enum Shape {
	SHAPE_BOOL,   // uint8_t, 0 or 1
	SHAPE_INT,    // int64_t: integers of up to 64 bits with a sign, dates, timestamps
	SHAPE_WIDE,   // Wide: UBIGINT, HUGEINT, decimals
	SHAPE_FLOAT,  // float
	SHAPE_DOUBLE, // double
	SHAPE_TEXT,   // Slice: text, blobs
	SHAPE_SPAN,   // Span
	SHAPE_COUNT,
} Shape;

typedef struct Span {
	int32_t months;
	int32_t days;
	int64_t micros;
} Span;

static inline ExprType
type_of(Kind kind)
{
	return (ExprType){.kind = (uint8_t)kind};
}
static inline ExprType
type_decimal(int width, int scale)
{
	return (ExprType){KIND_DECIMAL, (uint8_t)width, (uint8_t)scale};
}
static inline bool
type_same(ExprType a, ExprType b)
{
	return a.kind == b.kind && a.width == b.width && a.scale == b.scale;
}

static inline uint32_t
kind_bit(Kind kind)
{
	return UINT32_C(1) << kind;
}
enum {
	KINDS_SIGNED = 0x7c,    // INT8 … HUGE
	KINDS_UNSIGNED = 0x780, // UINT8 … UINT64
	KINDS_INTEGER = KINDS_SIGNED | KINDS_UNSIGNED,
	KINDS_REAL = 0x1800, // FLOAT, DOUBLE
	KINDS_DECIMAL = 0x2000,
	KINDS_NUMERIC = KINDS_INTEGER | KINDS_REAL | KINDS_DECIMAL,
	KINDS_STAMP = 0x1e0000, // SECONDS … NANOS
};
static inline bool
kind_in(Kind kind, uint32_t kinds)
{
	return (kind_bit(kind) & kinds) != 0;
}

Shape kind_shape(Kind kind); // KIND_NULL: that of INT32, as which it is answered
size_t shape_bytes(Shape shape);

// Of integers and decimals: the least and the greatest value.
Wide type_low(ExprType type);
Wide type_high(ExprType type);
Wide power_of_ten(int exponent); // 0 … 38

// Digits and scale of integers and decimals (of NULL 0); false: it is no such type.
bool type_digits(ExprType type, int *width, int *scale);

// As queries see a column; KIND_OTHER where expressions do not know its type.
ExprType type_of_field(const Field *field);
// As results carry it, without a name.
Type type_to_arrow(ExprType type);

// "DECIMAL(10,2)", "TIMESTAMP_NS": as SQL writes it.
enum { TYPE_TEXT = 32 };
const char *type_text(ExprType type, char out[TYPE_TEXT]);
