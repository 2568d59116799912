// Arrow fields and DuckDB's logical types.
//
//   field                           as queries see it        in our Parquet files, where different
//   null                            INTEGER, all NULL
//   timestamp s ms us ns            TIMESTAMP_S _MS  _NS     s: BIGINT (Parquet has no seconds)
//   timestamp s ms us with zone     TIMESTAMPTZ (us)
//   timestamp ns with zone          TIMESTAMP_NS
//   time64 us ns                    TIME, TIME_NS
//   duration                        BIGINT in its unit
//   month_day_nano                  INTERVAL (us)            STRUCT(months, days, micros)
//   fixed_size_list                 ARRAY                    read back as a LIST

#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "duck/duck_int.h"

enum { ARRAY_ITEMS_MAX = 100000 };

// ---- fields to DuckDB ----

static duckdb_type
timestamp_type(const Type *type, DuckForm form)
{
	if (type_has_zone(type))
		return type->unit == UNIT_NS ? DUCKDB_TYPE_TIMESTAMP_NS : DUCKDB_TYPE_TIMESTAMP_TZ;
	switch (type->unit) {
	case UNIT_S: return form == FORM_FILE ? DUCKDB_TYPE_BIGINT : DUCKDB_TYPE_TIMESTAMP_S;
	case UNIT_MS: return DUCKDB_TYPE_TIMESTAMP_MS;
	case UNIT_US: return DUCKDB_TYPE_TIMESTAMP;
	case UNIT_NS: return DUCKDB_TYPE_TIMESTAMP_NS;
	}
	return DUCKDB_TYPE_INVALID;
}

// Of types without parts; DUCKDB_TYPE_INVALID for others.
static duckdb_type
plain_type(const Type *type, DuckForm form)
{
	switch (type->id) {
	case TYPE_NULL: return DUCKDB_TYPE_INTEGER;
	case TYPE_BOOL: return DUCKDB_TYPE_BOOLEAN;
	case TYPE_INT8: return DUCKDB_TYPE_TINYINT;
	case TYPE_INT16: return DUCKDB_TYPE_SMALLINT;
	case TYPE_INT32: return DUCKDB_TYPE_INTEGER;
	case TYPE_INT64: return DUCKDB_TYPE_BIGINT;
	case TYPE_UINT8: return DUCKDB_TYPE_UTINYINT;
	case TYPE_UINT16: return DUCKDB_TYPE_USMALLINT;
	case TYPE_UINT32: return DUCKDB_TYPE_UINTEGER;
	case TYPE_UINT64: return DUCKDB_TYPE_UBIGINT;
	case TYPE_FLOAT32: return DUCKDB_TYPE_FLOAT;
	case TYPE_FLOAT64: return DUCKDB_TYPE_DOUBLE;
	case TYPE_UTF8: return DUCKDB_TYPE_VARCHAR;
	case TYPE_BINARY: return DUCKDB_TYPE_BLOB;
	case TYPE_DATE32: return DUCKDB_TYPE_DATE;
	case TYPE_TIME64: return type->unit == UNIT_NS ? DUCKDB_TYPE_TIME_NS : DUCKDB_TYPE_TIME;
	case TYPE_TIMESTAMP: return timestamp_type(type, form);
	case TYPE_DURATION: return DUCKDB_TYPE_BIGINT;
	case TYPE_INTERVAL_MONTH_DAY_NANO:
		return form == FORM_FILE ? DUCKDB_TYPE_INVALID : DUCKDB_TYPE_INTERVAL;
	default: return DUCKDB_TYPE_INVALID;
	}
}

static duckdb_logical_type
struct_of(duckdb_logical_type *types, const char **names, int32_t count)
{
	bool whole = true;
	for (int32_t i = 0; i < count; i++)
		whole &= types[i] != NULL;
	duckdb_logical_type made = whole ? duckdb_create_struct_type(types, names, (idx_t)count) : NULL;
	for (int32_t i = 0; i < count; i++)
		duckdb_destroy_logical_type(&types[i]);
	return made;
}

static duckdb_logical_type
struct_type(const Field *field, DuckForm form)
{
	SCOPED(arena_close) Arena arena = ARENA_INIT;
	size_t count = (size_t)field->child_count;
	duckdb_logical_type *types = arena_array(&arena, count, sizeof(duckdb_logical_type));
	const char **names = arena_array(&arena, count, sizeof(char *));
	if (types == NULL || names == NULL)
		return NULL;
	for (int32_t i = 0; i < field->child_count; i++) {
		names[i] = field->children[i].name;
		types[i] = duck_logical_type(&field->children[i], form);
	}
	return struct_of(types, names, field->child_count);
}

static duckdb_logical_type
stored_interval_type(void)
{
	const char *names[] = {"months", "days", "micros"};
	duckdb_logical_type types[] = {duckdb_create_logical_type(DUCKDB_TYPE_INTEGER),
								   duckdb_create_logical_type(DUCKDB_TYPE_INTEGER),
								   duckdb_create_logical_type(DUCKDB_TYPE_BIGINT)};
	return struct_of(types, names, COUNT_OF(names));
}

static duckdb_logical_type
map_type(const Field *entries, DuckForm form)
{
	SCOPED(duckdb_destroy_logical_type)
	duckdb_logical_type key = duck_logical_type(&entries->children[0], form);
	SCOPED(duckdb_destroy_logical_type)
	duckdb_logical_type value = duck_logical_type(&entries->children[1], form);
	return key == NULL || value == NULL ? NULL : duckdb_create_map_type(key, value);
}

static duckdb_logical_type
list_type(const Field *field, DuckForm form)
{
	SCOPED(duckdb_destroy_logical_type)
	duckdb_logical_type item = duck_logical_type(&field->children[0], form);
	if (item == NULL)
		return NULL;
	return field->type.id == TYPE_LIST ? duckdb_create_list_type(item)
									   : duckdb_create_array_type(item, (idx_t)field->type.width);
}

duckdb_logical_type
duck_logical_type(const Field *field, DuckForm form)
{
	switch (field->type.id) {
	case TYPE_DECIMAL128:
		return duckdb_create_decimal_type((uint8_t)field->type.precision,
										  (uint8_t)field->type.scale);
	case TYPE_LIST:
	case TYPE_FIXED_LIST: return list_type(field, form);
	case TYPE_STRUCT: return struct_type(field, form);
	case TYPE_MAP: return map_type(&field->children[0], form);
	case TYPE_INTERVAL_MONTH_DAY_NANO:
		if (form == FORM_FILE)
			return stored_interval_type();
		break;
	default: break;
	}
	return duckdb_create_logical_type(plain_type(&field->type, form));
}

// ---- which fields there can be ----

static const char *
struct_flaw(const Field *field)
{
	if (field->child_count == 0)
		return "a struct needs a field";
	for (int32_t i = 0; i < field->child_count; i++) {
		if (field->children[i].name[0] == '\0')
			return "each field of a struct needs a name";
		for (int32_t k = 0; k < i; k++) {
			if (strcasecmp(field->children[i].name, field->children[k].name) == 0)
				return "names of a struct's fields must differ in more than case";
		}
	}
	return NULL;
}

static const char *
own_flaw(const Field *field)
{
	const Type *type = &field->type;
	switch (type->id) {
	case TYPE_DECIMAL128:
		return type->scale < 0 || type->scale > type->precision
				   ? "a decimal's scale must be between 0 and its precision"
				   : NULL;
	case TYPE_FIXED_LIST:
		return type->width < 1 || type->width > ARRAY_ITEMS_MAX
				   ? "a list of fixed size has 1 to 100000 items"
				   : NULL;
	case TYPE_STRUCT: return struct_flaw(field);
	case TYPE_MAP:
		return field->children[0].children[0].type.id == TYPE_NULL ? "keys of a map need a type"
																   : NULL;
	case TYPE_LIST: return NULL;
	default:
		return plain_type(type, FORM_QUERY) == DUCKDB_TYPE_INVALID ? "tables keep no such type"
																   : NULL;
	}
}

static const char *
field_flaw(const Field *field)
{
	const char *flaw = own_flaw(field);
	for (int32_t i = 0; flaw == NULL && i < field->child_count; i++)
		flaw = field_flaw(&field->children[i]);
	return flaw;
}

Status
duck_check_field(const Field *field, Error *err)
{
	const char *flaw = field_flaw(field);
	if (flaw == NULL)
		return ST_OK;
	SCOPED(buf_close) Buf type = BUF_INIT;
	field_type_name(field, &type);
	return error_set(err, ST_UNIMPLEMENTED, "column '%s' of type %s: %s", field->name,
					 buf_text(&type), flaw);
}

// ---- which values there can be ----

static int64_t
first_beyond(const Column *column, int64_t limit)
{
	const int64_t *values = (const int64_t *)(const void *)column->values.data;
	for (int64_t i = 0; i < column->length; i++) {
		if ((values[i] > limit || values[i] < -limit) && column_valid(column, i))
			return i;
	}
	return -1;
}

Status
duck_check_values(const Field *field, const Column *column, Error *err)
{
	for (int32_t i = 0; i < column->child_count; i++)
		TRY(duck_check_values(&field->children[i], &column->children[i], err));
	if (field->type.id != TYPE_TIMESTAMP || field->type.unit > UNIT_MS)
		return ST_OK;
	int64_t row = first_beyond(column, INT64_MAX / (field->type.unit == UNIT_S ? 1000000 : 1000));
	if (row < 0)
		return ST_OK;
	return error_set(err, ST_INVALID,
					 "column '%s': row %lld is an instant that microseconds do not reach; correct "
					 "it, or send NULL",
					 field->name, (long long)row);
}

// ---- DuckDB to fields ----

static Field *
add_children(Field *out, Arena *arena, int32_t count)
{
	out->children = arena_array(arena, (size_t)count, sizeof(Field));
	out->child_count = out->children == NULL ? 0 : count;
	return out->children;
}

static Status
list_field(duckdb_logical_type item, Arena *arena, Field *out, Error *err)
{
	if (add_children(out, arena, 1) == NULL)
		return error_no_memory(err, "a type");
	return duck_result_field(item, "item", arena, &out->children[0], err);
}

static Status
map_field(duckdb_logical_type type, Arena *arena, Field *out, Error *err)
{
	SCOPED(duckdb_destroy_logical_type) duckdb_logical_type key = duckdb_map_type_key_type(type);
	SCOPED(duckdb_destroy_logical_type)
	duckdb_logical_type value = duckdb_map_type_value_type(type);
	Field *entries = add_children(out, arena, 1);
	if (entries == NULL || add_children(entries, arena, 2) == NULL)
		return error_no_memory(err, "a type");
	entries->name = "entries";
	entries->type.id = TYPE_STRUCT;
	TRY(duck_result_field(key, "key", arena, &entries->children[0], err));
	entries->children[0].nullable = false;
	return duck_result_field(value, "value", arena, &entries->children[1], err);
}

static Status
struct_field(duckdb_logical_type type, Arena *arena, Field *out, Error *err)
{
	idx_t count = duckdb_struct_type_child_count(type);
	if (add_children(out, arena, (int32_t)count) == NULL)
		return error_no_memory(err, "a type");
	for (idx_t i = 0; i < count; i++) {
		char *name = duckdb_struct_type_child_name(type, i);
		char *kept = name == NULL ? NULL : arena_strdup(arena, name);
		duckdb_free(name);
		if (kept == NULL)
			return error_no_memory(err, "a type");
		SCOPED(duckdb_destroy_logical_type)
		duckdb_logical_type child = duckdb_struct_type_child_type(type, i);
		TRY(duck_result_field(child, kept, arena, &out->children[i], err));
	}
	return ST_OK;
}

static Status
nested_field(duckdb_logical_type type, Arena *arena, Field *out, Error *err)
{
	switch (out->type.id) {
	case TYPE_LIST: {
		SCOPED(duckdb_destroy_logical_type)
		duckdb_logical_type item = duckdb_list_type_child_type(type);
		return list_field(item, arena, out, err);
	}
	case TYPE_FIXED_LIST: {
		SCOPED(duckdb_destroy_logical_type)
		duckdb_logical_type item = duckdb_array_type_child_type(type);
		out->type.width = (int32_t)duckdb_array_type_array_size(type);
		return list_field(item, arena, out, err);
	}
	case TYPE_STRUCT: return struct_field(type, arena, out, err);
	case TYPE_MAP: return map_field(type, arena, out, err);
	default: return ST_OK;
	}
}

// By DuckDB's number; TYPE_NULL: results do not carry it.
static Type
result_type(duckdb_type id)
{
	switch (id) {
	case DUCKDB_TYPE_BOOLEAN: return (Type){.id = TYPE_BOOL};
	case DUCKDB_TYPE_TINYINT: return (Type){.id = TYPE_INT8};
	case DUCKDB_TYPE_SMALLINT: return (Type){.id = TYPE_INT16};
	case DUCKDB_TYPE_SQLNULL:
	case DUCKDB_TYPE_INTEGER: return (Type){.id = TYPE_INT32};
	case DUCKDB_TYPE_HUGEINT:
	case DUCKDB_TYPE_BIGINT: return (Type){.id = TYPE_INT64};
	case DUCKDB_TYPE_UTINYINT: return (Type){.id = TYPE_UINT8};
	case DUCKDB_TYPE_USMALLINT: return (Type){.id = TYPE_UINT16};
	case DUCKDB_TYPE_UINTEGER: return (Type){.id = TYPE_UINT32};
	case DUCKDB_TYPE_UHUGEINT:
	case DUCKDB_TYPE_UBIGINT: return (Type){.id = TYPE_UINT64};
	case DUCKDB_TYPE_FLOAT: return (Type){.id = TYPE_FLOAT32};
	case DUCKDB_TYPE_DOUBLE: return (Type){.id = TYPE_FLOAT64};
	case DUCKDB_TYPE_DECIMAL: return (Type){.id = TYPE_DECIMAL128};
	case DUCKDB_TYPE_VARCHAR:
	case DUCKDB_TYPE_UUID:
	case DUCKDB_TYPE_ENUM:
	case DUCKDB_TYPE_BIT:
	case DUCKDB_TYPE_TIME_TZ: return (Type){.id = TYPE_UTF8};
	case DUCKDB_TYPE_BLOB: return (Type){.id = TYPE_BINARY};
	case DUCKDB_TYPE_DATE: return (Type){.id = TYPE_DATE32};
	case DUCKDB_TYPE_TIME: return (Type){.id = TYPE_TIME64, .unit = UNIT_US};
	case DUCKDB_TYPE_TIME_NS: return (Type){.id = TYPE_TIME64, .unit = UNIT_NS};
	case DUCKDB_TYPE_TIMESTAMP_S: return (Type){.id = TYPE_TIMESTAMP, .unit = UNIT_S};
	case DUCKDB_TYPE_TIMESTAMP_MS: return (Type){.id = TYPE_TIMESTAMP, .unit = UNIT_MS};
	case DUCKDB_TYPE_TIMESTAMP: return (Type){.id = TYPE_TIMESTAMP, .unit = UNIT_US};
	case DUCKDB_TYPE_TIMESTAMP_NS: return (Type){.id = TYPE_TIMESTAMP, .unit = UNIT_NS};
	case DUCKDB_TYPE_TIMESTAMP_TZ:
		return (Type){.id = TYPE_TIMESTAMP, .unit = UNIT_US, .zone = "UTC"};
	case DUCKDB_TYPE_INTERVAL: return (Type){.id = TYPE_INTERVAL_MONTH_DAY_NANO};
	case DUCKDB_TYPE_LIST: return (Type){.id = TYPE_LIST};
	case DUCKDB_TYPE_ARRAY: return (Type){.id = TYPE_FIXED_LIST};
	case DUCKDB_TYPE_STRUCT: return (Type){.id = TYPE_STRUCT};
	case DUCKDB_TYPE_MAP: return (Type){.id = TYPE_MAP};
	default: return (Type){.id = TYPE_NULL};
	}
}

Status
duck_result_field(duckdb_logical_type type, const char *name, Arena *arena, Field *out, Error *err)
{
	duckdb_type id = type == NULL ? DUCKDB_TYPE_INVALID : duckdb_get_type_id(type);
	out->type = result_type(id);
	out->name = arena_strdup(arena, name);
	out->nullable = true;
	if (out->name == NULL)
		return error_no_memory(err, "a type");
	if (out->type.id == TYPE_NULL && (id == DUCKDB_TYPE_INVALID || id == DUCKDB_TYPE_ANY))
		return error_set(
			err, ST_INVALID,
			"column '%s': its type depends on a parameter; say which, as in $1::BIGINT", name);
	if (out->type.id == TYPE_NULL)
		return error_set(err, ST_UNIMPLEMENTED,
						 "column '%s': results do not carry its type (%s); cast it, as in "
						 "%s::VARCHAR",
						 name,
						 id == DUCKDB_TYPE_UNION    ? "UNION"
						 : id == DUCKDB_TYPE_BIGNUM ? "BIGNUM"
													: "no Arrow type fits",
						 name);
	if (out->type.id == TYPE_DECIMAL128) {
		out->type.precision = duckdb_decimal_width(type);
		out->type.scale = duckdb_decimal_scale(type);
	}
	return nested_field(type, arena, out, err);
}
