#include "arrow/schema.h"

#include <assert.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/mem.h"
#include "base/text.h"

#define DEPTH_LIMIT 64

struct Schema {
	atomic_uint refs;
	int32_t count;
	int32_t metadata_count;
	Field *fields;
	KeyValue *metadata;
	bool has_dictionary; // in any field, at any depth
	Arena arena;         // of all the parts
};

int32_t
schema_field_count(const Schema *schema)
{
	return schema->count;
}

const Field *
schema_field(const Schema *schema, int32_t i)
{
	assert(i >= 0 && i < schema->count);
	return &schema->fields[i];
}

int32_t
schema_find(const Schema *schema, const char *name)
{
	for (int32_t i = 0; i < schema->count; i++) {
		if (strcmp(schema->fields[i].name, name) == 0)
			return i;
	}
	return -1;
}

int32_t
schema_find_folded(const Schema *schema, const char *name)
{
	for (int32_t i = 0; i < schema->count; i++) {
		if (strcasecmp(schema->fields[i].name, name) == 0)
			return i;
	}
	return -1;
}

int32_t
schema_metadata_count(const Schema *schema)
{
	return schema->metadata_count;
}

const KeyValue *
schema_metadata(const Schema *schema, int32_t i)
{
	assert(i >= 0 && i < schema->metadata_count);
	return &schema->metadata[i];
}

bool
schema_metadata_get(const Schema *schema, const char *key, Slice *out)
{
	for (int32_t i = 0; i < schema->metadata_count; i++) {
		if (slice_is(schema->metadata[i].key, key)) {
			*out = schema->metadata[i].value;
			return true;
		}
	}
	return false;
}

Schema *
schema_ref(Schema *schema)
{
	atomic_fetch_add_explicit(&schema->refs, 1, memory_order_relaxed);
	return schema;
}

void
schema_unref(Schema *schema)
{
	if (schema == NULL)
		return;
	unsigned was = atomic_fetch_sub_explicit(&schema->refs, 1, memory_order_acq_rel);
	assert(was > 0);
	if (was > 1)
		return;
	arena_close(&schema->arena);
	mem_free(schema);
}

// What a type's parameters must be, so that everybody else may rely on them.
static const char *
type_fault(const Type *type)
{
	switch (type->id) {
	case TYPE_DECIMAL128:
		if (type->precision < 1 || type->precision > 38)
			return "a decimal128 has a precision from 1 to 38";
		break;
	case TYPE_FIXED_BINARY:
		if (type->width < 0 || type->width > INT32_MAX / 8)
			return "a fixed_size_binary is 0 to 268435455 bytes wide";
		break;
	case TYPE_FIXED_LIST:
		if (type->width < 0)
			return "a fixed_size_list has no negative size";
		break;
	case TYPE_TIME32:
		if (type->unit != UNIT_S && type->unit != UNIT_MS)
			return "a time32 is in s or ms";
		break;
	case TYPE_TIME64:
		if (type->unit != UNIT_US && type->unit != UNIT_NS)
			return "a time64 is in us or ns";
		break;
	case TYPE_TIMESTAMP:
	case TYPE_DURATION:
		if ((unsigned)type->unit > UNIT_NS)
			return "a time unit is s, ms, us or ns";
		if (type->zone != NULL && !utf8_valid((const uint8_t *)type->zone, strlen(type->zone)))
			return "the time zone is not valid UTF-8";
		break;
	default:
		if ((unsigned)type->id >= TYPE_COUNT)
			return "there is no such type";
		break;
	}
	return NULL;
}

static const char *
children_fault(const Field *field)
{
	if (field->child_count < 0 || (field->child_count > 0 && field->children == NULL))
		return "its children are missing";
	switch (field->type.id) {
	case TYPE_LIST:
	case TYPE_LARGE_LIST:
	case TYPE_FIXED_LIST: return field->child_count == 1 ? NULL : "a list has one child, its item";
	case TYPE_MAP:
		if (field->child_count != 1 || field->children[0].type.id != TYPE_STRUCT ||
			field->children[0].child_count != 2)
			return "a map has one child, a struct of key and value";
		return NULL;
	case TYPE_STRUCT: return NULL;
	default: return field->child_count == 0 ? NULL : "only lists, maps and structs have children";
	}
}

static Status
field_check(const Field *field, int depth, Error *err)
{
	const char *name = field->name == NULL ? "" : field->name;
	if (depth > DEPTH_LIMIT)
		return error_set(err, ST_INVALID, "column '%s': types nest deeper than %d", name,
						 DEPTH_LIMIT);
	if (!utf8_valid((const uint8_t *)name, strlen(name)))
		return error_set(err, ST_INVALID, "a column name is not valid UTF-8");
	const char *fault = type_fault(&field->type);
	if (fault == NULL)
		fault = children_fault(field);
	if (fault == NULL && field->dictionary &&
		(field->index_type < TYPE_INT8 || field->index_type > TYPE_UINT64))
		fault = "a dictionary's indexes are integers";
	if (fault != NULL)
		return error_set(err, ST_INVALID, "column '%s': %s", name, fault);
	for (int32_t i = 0; i < field->child_count; i++) {
		Status st = field_check(&field->children[i], depth + 1, err);
		if (st != ST_OK) {
			if (depth == 0)
				(void)error_prefix(err, "in column '%s'", name);
			return st;
		}
	}
	return ST_OK;
}

static Slice
copy_slice(Arena *arena, Slice src)
{
	const char *data = arena_strndup(arena, src.len > 0 ? (const char *)src.data : "", src.len);
	return slice_of(data, src.len);
}

static KeyValue *
copy_metadata(Arena *arena, const KeyValue *metadata, int32_t count)
{
	if (count == 0)
		return NULL;
	KeyValue *copy = arena_array(arena, (size_t)count, sizeof(*copy));
	for (int32_t i = 0; copy != NULL && i < count; i++) {
		copy[i].key = copy_slice(arena, metadata[i].key);
		copy[i].value = copy_slice(arena, metadata[i].value);
	}
	return copy;
}

static Field *
copy_fields(Arena *arena, const Field *fields, int32_t count, bool *dictionary)
{
	if (count == 0)
		return NULL;
	Field *copy = arena_array(arena, (size_t)count, sizeof(*copy));
	for (int32_t i = 0; copy != NULL && i < count; i++) {
		const Field *from = &fields[i];
		Field *to = &copy[i];
		*to = *from;
		to->name = arena_strdup(arena, from->name == NULL ? "" : from->name);
		bool zoned = from->type.zone != NULL && from->type.zone[0] != '\0';
		to->type.zone = zoned ? arena_strdup(arena, from->type.zone) : NULL;
		to->children = copy_fields(arena, from->children, from->child_count, dictionary);
		to->metadata = copy_metadata(arena, from->metadata, from->metadata_count);
		*dictionary |= from->dictionary;
	}
	return copy;
}

Status
schema_new(const Field *fields, int32_t count, const KeyValue *metadata, int32_t metadata_count,
		   Schema **out, Error *err)
{
	for (int32_t i = 0; i < count; i++)
		TRY(field_check(&fields[i], 0, err));
	SCOPED(schema_drop) Schema *schema = mem_alloc(sizeof(*schema));
	if (schema == NULL)
		return error_no_memory(err, "a schema");
	atomic_init(&schema->refs, 1);
	schema->count = count;
	schema->metadata_count = metadata_count;
	schema->fields = copy_fields(&schema->arena, fields, count, &schema->has_dictionary);
	schema->metadata = copy_metadata(&schema->arena, metadata, metadata_count);
	TRY(arena_status(&schema->arena, err, "a schema"));

	*out = TAKE(schema);
	return ST_OK;
}

static void
clear_dictionaries(Field *fields, int32_t count)
{
	for (int32_t i = 0; i < count; i++) {
		fields[i].dictionary = false;
		fields[i].dictionary_id = 0;
		fields[i].index_type = TYPE_NULL;
		clear_dictionaries(fields[i].children, fields[i].child_count);
	}
}

Status
schema_decoded(Schema *schema, Schema **out, Error *err)
{
	if (!schema->has_dictionary) {
		*out = schema_ref(schema);
		return ST_OK;
	}
	TRY(schema_new(schema->fields, schema->count, schema->metadata, schema->metadata_count, out,
				   err));
	clear_dictionaries((*out)->fields, (*out)->count);
	(*out)->has_dictionary = false;
	return ST_OK;
}

Status
schema_of(Schema **out, Error *err, int count, ...)
{
	SCOPED(mem_drop) Field *fields = mem_alloc_array((size_t)count + 1, sizeof(*fields));
	if (fields == NULL)
		return error_no_memory(err, "a schema");
	va_list args;
	va_start(args, count);
	for (int i = 0; i < count; i++) {
		fields[i].name = va_arg(args, const char *);
		fields[i].type.id = va_arg(args, TypeId);
		fields[i].type.unit = fields[i].type.id == TYPE_TIME32 ? UNIT_MS : UNIT_NS;
		fields[i].nullable = va_arg(args, int) != 0;
	}
	va_end(args);
	return schema_new(fields, count, NULL, 0, out, err);
}
