// schema.h - what columns are: types, fields, schemas.
//
// A Schema is immutable and counted; all its parts live in it. Types follow Arrow's own words.
//
// Threads  any: ref and unref are atomic.

#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/status.h"

typedef enum TypeId {
	TYPE_NULL,
	TYPE_BOOL,
	TYPE_INT8,
	TYPE_INT16,
	TYPE_INT32,
	TYPE_INT64,
	TYPE_UINT8,
	TYPE_UINT16,
	TYPE_UINT32,
	TYPE_UINT64,
	TYPE_FLOAT16,
	TYPE_FLOAT32,
	TYPE_FLOAT64,
	TYPE_DECIMAL128,
	TYPE_UTF8,
	TYPE_LARGE_UTF8,
	TYPE_UTF8_VIEW,
	TYPE_BINARY,
	TYPE_LARGE_BINARY,
	TYPE_BINARY_VIEW,
	TYPE_FIXED_BINARY,            // width bytes each
	TYPE_DATE32,                  // days
	TYPE_DATE64,                  // milliseconds
	TYPE_TIME32,                  // unit s or ms
	TYPE_TIME64,                  // unit us or ns
	TYPE_TIMESTAMP,               // unit, zone
	TYPE_DURATION,                // unit
	TYPE_INTERVAL_MONTHS,         // int32
	TYPE_INTERVAL_DAY_TIME,       // int32 days, int32 milliseconds
	TYPE_INTERVAL_MONTH_DAY_NANO, // int32 months, int32 days, int64 nanoseconds
	TYPE_LIST,
	TYPE_LARGE_LIST,
	TYPE_FIXED_LIST, // width items each
	TYPE_STRUCT,
	TYPE_MAP, // one child: struct of key, value
	TYPE_COUNT,
} TypeId;

typedef enum TimeUnit { UNIT_S, UNIT_MS, UNIT_US, UNIT_NS } TimeUnit;
int64_t time_unit_ns(TimeUnit unit);

typedef struct Type {
	TypeId id;
	TimeUnit unit;
	int32_t precision; // decimal128
	int32_t scale;     // decimal128
	int32_t width;     // fixed_size_binary: bytes; fixed_size_list: items
	bool keys_sorted;  // map
	const char *zone;  // timestamp; NULL: none
} Type;

typedef struct KeyValue {
	Slice key;
	Slice value;
} KeyValue;

typedef struct Field {
	const char *name; // UTF-8, NUL-terminated
	Type type;        // of the values, also where they come dictionary-encoded
	bool nullable;
	int32_t child_count;
	struct Field *children;
	KeyValue *metadata;
	int32_t metadata_count;
	// How the wire carries it; never set in a schema of decoded batches.
	bool dictionary;
	int64_t dictionary_id;
	TypeId index_type;
} Field;

typedef struct Schema Schema;

int32_t schema_field_count(const Schema *schema);
const Field *schema_field(const Schema *schema, int32_t i);
int32_t schema_find(const Schema *schema, const char *name);        // exact; -1: none
int32_t schema_find_folded(const Schema *schema, const char *name); // without case of ASCII
int32_t schema_metadata_count(const Schema *schema);
const KeyValue *schema_metadata(const Schema *schema, int32_t i);
bool schema_metadata_get(const Schema *schema, const char *key, Slice *out);

Schema *schema_ref(Schema *schema);
void schema_unref(Schema *schema); // NULL is allowed
DEFINE_DROP(Schema, schema_drop, schema_unref)

// A deep copy of borrowed fields and metadata. What it makes is well formed, so that nobody checks
// it again: parameters in range, lists with one child, maps with a struct of two, names in UTF-8,
// at most 64 levels. Else ST_INVALID names the column.
Status schema_new(const Field *fields, int32_t count, const KeyValue *metadata,
				  int32_t metadata_count, Schema **out, Error *err);

// The shortest way for flat schemas of our own: schema_of(&out, err, 2, "ts", TYPE_INT64, false,
// "host", TYPE_UTF8, true). time32 is in ms, other times are in ns without a zone.
Status schema_of(Schema **out, Error *err, int count, ...);

// The schema of its decoded batches: no field is marked as dictionary-encoded. A new reference.
Status schema_decoded(Schema *schema, Schema **out, Error *err);

bool type_equal(const Type *a, const Type *b);
// Children always by type, to which the names of a struct's children belong (those of lists and
// maps do not); by nullability where asked for.
bool field_equal(const Field *a, const Field *b, bool names_and_nullability);
// Names, types, nullability, children; not metadata, nor how the wire carries it.
bool schema_equal(const Schema *a, const Schema *b);

// "timestamp[us, tz=UTC]", "decimal128(10, 2)", "list<item: double>", "struct<a: int64>": as Arrow
// writes types.
void field_type_name(const Field *field, Buf *out);
// The field that such a text means, nullable, its parts in `arena`. Dictionary marks are not read.
// ST_INVALID: it is none.
Status field_of_type_name(const char *name, const char *text, Arena *arena, Field *out, Error *err);

// How many validity, offsets and values buffers and children a column of this type has, and how
// wide a value is.
typedef struct TypeLayout {
	bool validity;        // false only for null
	uint8_t offset_bytes; // 0, 4 or 8
	bool values;          // a values buffer (fixed-width values, bits, bytes, or views)
	int32_t value_bits;   // of fixed-width values, of views 128; 0: of variable length, or none
} TypeLayout;
TypeLayout type_layout(const Type *type);

// What the buffers of a row take whatever is in it, NULL too: without bytes and items of any
// number.
uint64_t field_row_bytes(const Field *field);
uint64_t schema_row_bytes(const Schema *schema);
