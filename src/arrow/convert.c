// Which type becomes which: the rules. The values follow in convert_column.c.

#include "arrow/convert.h"

#include <string.h>

#include "arrow/convert_int.h"
#include "base/arena.h"

#define FIXED_LIST_LIMIT 100000 // DuckDB's

Type
type_canonical(const Type *type)
{
	Type to = *type;
	switch (type->id) {
	case TYPE_FLOAT16: to.id = TYPE_FLOAT32; break;
	case TYPE_LARGE_UTF8:
	case TYPE_UTF8_VIEW: to.id = TYPE_UTF8; break;
	case TYPE_LARGE_BINARY:
	case TYPE_BINARY_VIEW:
	case TYPE_FIXED_BINARY: to = (Type){.id = TYPE_BINARY}; break;
	case TYPE_DATE64: to.id = TYPE_DATE32; break;
	case TYPE_TIME32: to = (Type){.id = TYPE_TIME64, .unit = UNIT_US}; break;
	case TYPE_INTERVAL_MONTHS:
	case TYPE_INTERVAL_DAY_TIME: to.id = TYPE_INTERVAL_MONTH_DAY_NANO; break;
	case TYPE_LARGE_LIST: to.id = TYPE_LIST; break;
	default: break;
	}
	return to;
}

static const char *
canonical_fault(const Field *field)
{
	const Type *type = &field->type;
	switch (type->id) {
	case TYPE_DECIMAL128:
		return type->scale < 0 || type->scale > type->precision
				   ? "tables keep decimals with a scale from 0 to the precision"
				   : NULL;
	case TYPE_STRUCT:
		return field->child_count == 0 ? "tables keep structs with at least one field" : NULL;
	case TYPE_FIXED_LIST:
		return type->width < 1 || type->width > FIXED_LIST_LIMIT
				   ? "tables keep fixed_size_list of 1 to 100000 items; use a list"
				   : NULL;
	default: return NULL;
	}
}

static Status
canonical_fields(Arena *arena, const Field *fields, int32_t count, Field **out, Error *err)
{
	Field *canonical = arena_array(arena, (size_t)count, sizeof(*canonical));
	if (canonical == NULL)
		return error_no_memory(err, "a schema");
	for (int32_t i = 0; i < count; i++) {
		const char *fault = canonical_fault(&fields[i]);
		if (fault != NULL) {
			SCOPED(buf_close) Buf name = BUF_INIT;
			field_type_name(&fields[i], &name);
			return error_set(err, ST_UNIMPLEMENTED, "column '%s': %s: %s", fields[i].name,
							 buf_text(&name), fault);
		}
		canonical[i] = fields[i];
		canonical[i].type = type_canonical(&fields[i].type);
		canonical[i].dictionary = false;
		TRY(canonical_fields(arena, fields[i].children, fields[i].child_count,
							 &canonical[i].children, err));
	}
	*out = canonical;
	return ST_OK;
}

Status
schema_canonical(const Schema *schema, Schema **out, Error *err)
{
	SCOPED(arena_close) Arena arena = ARENA_INIT;
	int32_t count = schema_field_count(schema);
	int32_t metadata_count = schema_metadata_count(schema);
	const Field *fields = count > 0 ? schema_field(schema, 0) : NULL;
	const KeyValue *metadata = metadata_count > 0 ? schema_metadata(schema, 0) : NULL;
	Field *canonical = NULL;
	TRY(canonical_fields(&arena, fields, count, &canonical, err));
	return schema_new(canonical, count, metadata, metadata_count, out, err);
}

static bool
between(TypeId id, TypeId first, TypeId last)
{
	return id >= first && id <= last;
}

static bool
wider_number(TypeId from, TypeId to)
{
	if (between(from, TYPE_INT8, TYPE_INT64))
		return from < to && to <= TYPE_INT64;
	if (between(from, TYPE_UINT8, TYPE_UINT64))
		return from < to && to <= TYPE_UINT64;
	return from == TYPE_FLOAT32 && to == TYPE_FLOAT64;
}

static bool
type_widens(const Type *from, const Type *to)
{
	if (from->id != to->id)
		return wider_number(from->id, to->id);
	switch (from->id) {
	case TYPE_DECIMAL128: return from->scale == to->scale && from->precision <= to->precision;
	case TYPE_TIMESTAMP:
		return from->unit <= to->unit && (from->zone == NULL) == (to->zone == NULL);
	case TYPE_DURATION:
	case TYPE_TIME64: return from->unit <= to->unit;
	case TYPE_FIXED_LIST: return from->width == to->width;
	default: return true;
	}
}

bool
field_widens(const Field *from, const Field *to)
{
	if (from->type.id == TYPE_NULL)
		return true;
	Type a = type_canonical(&from->type);
	Type b = type_canonical(&to->type);
	if (!type_widens(&a, &b) || from->child_count != to->child_count)
		return false;
	for (int32_t i = 0; i < from->child_count; i++) {
		const Field *x = &from->children[i];
		const Field *y = &to->children[i];
		if (a.id == TYPE_STRUCT && strcmp(x->name, y->name) != 0)
			return false;
		if (!field_widens(x, y))
			return false;
	}
	return true;
}

bool
field_common(const Field *a, const Field *b, Field *out)
{
	const Field *wider = field_widens(a, b) ? b : a;
	if (wider == a && !field_widens(b, a))
		return false;
	*out = *a;
	out->nullable = a->nullable || b->nullable;
	out->type = wider->type;
	out->children = wider->children;
	out->child_count = wider->child_count;
	if (a->type.id == TYPE_TIMESTAMP)
		out->type.zone = a->type.zone;
	return true;
}
