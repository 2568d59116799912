// The union of types in a Field: a code, and a table of up to three numbers, as the forms say. A
// type of ours is a code together with some of these numbers.

#include <inttypes.h>
#include <string.h>

#include "arrow/ipc_int.h"

enum {
	CODE_NULL = 1,
	CODE_INT,
	CODE_FLOAT,
	CODE_BINARY,
	CODE_UTF8,
	CODE_BOOL,
	CODE_DECIMAL,
	CODE_DATE,
	CODE_TIME,
	CODE_TIMESTAMP,
	CODE_INTERVAL,
	CODE_LIST,
	CODE_STRUCT,
	CODE_UNION,
	CODE_FIXED_BINARY,
	CODE_FIXED_LIST,
	CODE_MAP,
	CODE_DURATION,
	CODE_LARGE_BINARY,
	CODE_LARGE_UTF8,
	CODE_LARGE_LIST,
	CODE_RUN_END_ENCODED,
	CODE_BINARY_VIEW,
	CODE_UTF8_VIEW,
	CODE_LIST_VIEW,
	CODE_LARGE_LIST_VIEW,
	CODE_COUNT,
};

enum { NUMBERS = 3, ANY = -1, TIMESTAMP_ZONE = 1 };

typedef struct TypeForm {
	uint8_t bytes[NUMBERS];
	int16_t absent[NUMBERS];
} TypeForm;

static const TypeForm forms[CODE_COUNT] = {
	[CODE_INT] = {.bytes = {4, 1}},                               // bits, signed
	[CODE_FLOAT] = {.bytes = {2}},                                // half, single, double
	[CODE_DECIMAL] = {.bytes = {4, 4, 4}, .absent = {0, 0, 128}}, // precision, scale, bits
	[CODE_DATE] = {.bytes = {2}, .absent = {1}},                  // day, millisecond
	[CODE_TIME] = {.bytes = {2, 4}, .absent = {1, 32}},           // unit, bits
	[CODE_TIMESTAMP] = {.bytes = {2}},                            // unit; then the zone
	[CODE_INTERVAL] = {.bytes = {2}},                             // months, day-time, all three
	[CODE_FIXED_BINARY] = {.bytes = {4}},
	[CODE_FIXED_LIST] = {.bytes = {4}},
	[CODE_MAP] = {.bytes = {1}}, // keys are sorted
	[CODE_DURATION] = {.bytes = {2}, .absent = {1}},
};

static const struct {
	uint8_t code;
	int16_t numbers[NUMBERS];
} kinds[TYPE_COUNT] = {
	[TYPE_NULL] = {CODE_NULL, {0}},
	[TYPE_BOOL] = {CODE_BOOL, {0}},
	[TYPE_INT8] = {CODE_INT, {8, 1}},
	[TYPE_INT16] = {CODE_INT, {16, 1}},
	[TYPE_INT32] = {CODE_INT, {32, 1}},
	[TYPE_INT64] = {CODE_INT, {64, 1}},
	[TYPE_UINT8] = {CODE_INT, {8, 0}},
	[TYPE_UINT16] = {CODE_INT, {16, 0}},
	[TYPE_UINT32] = {CODE_INT, {32, 0}},
	[TYPE_UINT64] = {CODE_INT, {64, 0}},
	[TYPE_FLOAT16] = {CODE_FLOAT, {0}},
	[TYPE_FLOAT32] = {CODE_FLOAT, {1}},
	[TYPE_FLOAT64] = {CODE_FLOAT, {2}},
	[TYPE_DECIMAL128] = {CODE_DECIMAL, {ANY, ANY, 128}},
	[TYPE_UTF8] = {CODE_UTF8, {0}},
	[TYPE_LARGE_UTF8] = {CODE_LARGE_UTF8, {0}},
	[TYPE_UTF8_VIEW] = {CODE_UTF8_VIEW, {0}},
	[TYPE_BINARY] = {CODE_BINARY, {0}},
	[TYPE_LARGE_BINARY] = {CODE_LARGE_BINARY, {0}},
	[TYPE_BINARY_VIEW] = {CODE_BINARY_VIEW, {0}},
	[TYPE_FIXED_BINARY] = {CODE_FIXED_BINARY, {ANY}},
	[TYPE_DATE32] = {CODE_DATE, {0}},
	[TYPE_DATE64] = {CODE_DATE, {1}},
	[TYPE_TIME32] = {CODE_TIME, {ANY, 32}},
	[TYPE_TIME64] = {CODE_TIME, {ANY, 64}},
	[TYPE_TIMESTAMP] = {CODE_TIMESTAMP, {ANY}},
	[TYPE_DURATION] = {CODE_DURATION, {ANY}},
	[TYPE_INTERVAL_MONTHS] = {CODE_INTERVAL, {0}},
	[TYPE_INTERVAL_DAY_TIME] = {CODE_INTERVAL, {1}},
	[TYPE_INTERVAL_MONTH_DAY_NANO] = {CODE_INTERVAL, {2}},
	[TYPE_LIST] = {CODE_LIST, {0}},
	[TYPE_LARGE_LIST] = {CODE_LARGE_LIST, {0}},
	[TYPE_FIXED_LIST] = {CODE_FIXED_LIST, {ANY}},
	[TYPE_STRUCT] = {CODE_STRUCT, {0}},
	[TYPE_MAP] = {CODE_MAP, {ANY}},
};

static Status
refuse(int64_t code, const int64_t *numbers, Error *err)
{
	switch (code) {
	case CODE_UNION: return error_set(err, ST_UNIMPLEMENTED, "unions are not read");
	case CODE_RUN_END_ENCODED:
		return error_set(err, ST_UNIMPLEMENTED, "run-end encoding is not read, send plain values");
	case CODE_LIST_VIEW:
	case CODE_LARGE_LIST_VIEW:
		return error_set(err, ST_UNIMPLEMENTED, "list views are not read, send a list");
	case CODE_DECIMAL:
		return error_set(err, ST_UNIMPLEMENTED, "decimal%" PRId64 " is not read, send a decimal128",
						 numbers[2]);
	case CODE_INT: return error_set(err, ST_INVALID, "an integer of %" PRId64 " bits", numbers[0]);
	case CODE_TIME: return error_set(err, ST_INVALID, "a time of %" PRId64 " bits", numbers[1]);
	default: return error_set(err, ST_INVALID, "there is no type with code %" PRId64, code);
	}
}

static bool
find_kind(int64_t code, const int64_t *numbers, TypeId *out)
{
	for (TypeId id = 0; id < TYPE_COUNT; id++) {
		bool match = kinds[id].code == code;
		for (int i = 0; match && i < NUMBERS; i++)
			match = kinds[id].numbers[i] == ANY || kinds[id].numbers[i] == numbers[i];
		if (match) {
			*out = id;
			return true;
		}
	}
	return false;
}

static Status
set_unit(Type *type, int64_t unit, Error *err)
{
	if (unit < UNIT_S || unit > UNIT_NS)
		return error_set(err, ST_INVALID, "there is no time unit %" PRId64, unit);
	type->unit = (TimeUnit)unit;
	return ST_OK;
}

static Status
set_numbers(Type *type, const int64_t *numbers, Error *err)
{
	switch (type->id) {
	case TYPE_DECIMAL128:
		if (numbers[1] < INT8_MIN || numbers[1] > INT8_MAX)
			return error_set(err, ST_INVALID, "a decimal of scale %" PRId64, numbers[1]);
		type->precision = (int32_t)numbers[0];
		type->scale = (int32_t)numbers[1];
		return ST_OK;
	case TYPE_FIXED_BINARY:
	case TYPE_FIXED_LIST: type->width = (int32_t)numbers[0]; return ST_OK;
	case TYPE_MAP: type->keys_sorted = numbers[0] != 0; return ST_OK;
	case TYPE_TIME32:
	case TYPE_TIME64:
	case TYPE_TIMESTAMP:
	case TYPE_DURATION: return set_unit(type, numbers[0], err);
	default: return ST_OK;
	}
}

static void
get_numbers(const Type *type, int64_t *numbers)
{
	for (int i = 0; i < NUMBERS; i++)
		numbers[i] = kinds[type->id].numbers[i];
	switch (type->id) {
	case TYPE_DECIMAL128:
		numbers[0] = type->precision;
		numbers[1] = type->scale;
		break;
	case TYPE_FIXED_BINARY:
	case TYPE_FIXED_LIST: numbers[0] = type->width; break;
	case TYPE_MAP: numbers[0] = type->keys_sorted; break;
	case TYPE_TIME32:
	case TYPE_TIME64:
	case TYPE_TIMESTAMP:
	case TYPE_DURATION: numbers[0] = type->unit; break;
	default: break;
	}
}

static Status
read_type(FbReader *r, int64_t code, const FbTable *table, Type *out, Error *err)
{
	if (code < 0 || code >= CODE_COUNT)
		return refuse(code, NULL, err);
	int64_t numbers[NUMBERS] = {0};
	for (int i = 0; i < NUMBERS && forms[code].bytes[i] > 0; i++)
		numbers[i] = fb_int(r, table, i, forms[code].bytes[i], forms[code].absent[i]);
	Slice zone = {0};
	if (code == CODE_TIMESTAMP)
		zone = fb_string(r, table, TIMESTAMP_ZONE);
	if (r->failed)
		return ipc_damaged(err);
	if (zone.len > 0 && memchr(zone.data, '\0', zone.len) != NULL)
		return error_set(err, ST_INVALID, "a time zone with a NUL in it");

	*out = (Type){.zone = (const char *)zone.data};
	if (!find_kind(code, numbers, &out->id))
		return refuse(code, numbers, err);
	return set_numbers(out, numbers, err);
}

Status
ipc_type_read(FbReader *r, const FbTable *field, Type *out, Error *err)
{
	int64_t code = fb_int(r, field, FIELD_TYPE_CODE, 1, 0);
	FbTable table = fb_table(r, field, FIELD_TYPE);
	return read_type(r, code, &table, out, err);
}

Status
ipc_index_type_read(FbReader *r, const FbTable *encoding, TypeId *out, Error *err)
{
	FbTable table = fb_table(r, encoding, ENCODING_INDEX_TYPE);
	if (table.pos == 0 && !r->failed) {
		*out = TYPE_INT32;
		return ST_OK;
	}
	Type type;
	TRY(read_type(r, CODE_INT, &table, &type, err));
	*out = type.id;
	return ST_OK;
}

uint8_t
ipc_type_code(TypeId id)
{
	return kinds[id].code;
}

void
ipc_type_write(FbWriter *w, size_t link, const Type *type)
{
	static const uint8_t zoned[] = {2, 4};
	if (type->id == TYPE_TIMESTAMP && type->zone != NULL) {
		FbNew table = fb_put_table(w, link, zoned, COUNT_OF(zoned));
		fb_put_int(w, &table, 0, type->unit);
		fb_put_string(w, fb_link(&table, TIMESTAMP_ZONE), slice_text(type->zone));
		return;
	}
	int64_t numbers[NUMBERS];
	get_numbers(type, numbers);
	const TypeForm *form = &forms[ipc_type_code(type->id)];
	FbNew table = fb_put_table(w, link, form->bytes, NUMBERS);
	for (int i = 0; i < NUMBERS; i++)
		fb_put_int(w, &table, i, numbers[i]);
}
