#include <string.h>

#include "arrow/cdata_int.h"
#include "base/arena.h"

enum {
	DEPTH_LIMIT = 64,
	COUNT_LIMIT = 1 << 20, // of children, and of metadata pairs
};

static int32_t
read_int32(const char **at)
{
	int32_t value;
	memcpy(&value, *at, sizeof(value));
	*at += sizeof(value);
	return value;
}

static bool
read_text(const char **at, Slice *out)
{
	int32_t len = read_int32(at);
	if (len < 0)
		return false;
	*out = slice_of(*at, (size_t)len);
	*at += len;
	return true;
}

static Status
read_metadata(Arena *arena, const char *metadata, KeyValue **out, int32_t *out_count, Error *err)
{
	if (metadata == NULL)
		return ST_OK;
	int32_t count = read_int32(&metadata);
	if (count < 0 || count > COUNT_LIMIT)
		return error_set(err, ST_INVALID, "metadata cannot have %d entries", count);
	KeyValue *pairs = arena_array(arena, (size_t)count, sizeof(*pairs));
	if (pairs == NULL)
		return error_no_memory(err, "a schema");
	for (int32_t i = 0; i < count; i++) {
		if (!read_text(&metadata, &pairs[i].key) || !read_text(&metadata, &pairs[i].value))
			return error_set(err, ST_INVALID, "metadata has a negative length");
	}
	*out = pairs;
	*out_count = count;
	return ST_OK;
}

static Status
check_schema(const struct ArrowSchema *schema, int depth, Error *err)
{
	if (schema == NULL || schema->release == NULL || schema->format == NULL)
		return error_set(err, ST_INVALID, "a schema is missing or was moved away");
	if (depth > DEPTH_LIMIT)
		return error_set(err, ST_INVALID, "types nest deeper than %d", DEPTH_LIMIT);
	if (schema->n_children < 0 || schema->n_children > COUNT_LIMIT ||
		(schema->n_children > 0 && schema->children == NULL))
		return error_set(err, ST_INVALID, "a type cannot have %lld children",
						 (long long)schema->n_children);
	return ST_OK;
}

static Status import_field(Arena *arena, const struct ArrowSchema *schema, int depth, Field *out,
						   Error *err);

static Status
import_children(Arena *arena, const struct ArrowSchema *schema, int depth, Field *out, Error *err)
{
	int32_t count = (int32_t)schema->n_children;
	Field *children = arena_array(arena, (size_t)count, sizeof(*children));
	if (children == NULL)
		return error_no_memory(err, "a schema");
	for (int32_t i = 0; i < count; i++)
		TRY(import_field(arena, schema->children[i], depth + 1, &children[i], err));
	out->children = children;
	out->child_count = count;
	return ST_OK;
}

// The type is the values'; the schema's own format is then that of the indexes.
static Status
import_dictionary(Arena *arena, const struct ArrowSchema *schema, int depth, Field *out, Error *err)
{
	Field value = {0};
	TypeId index_type = out->type.id;
	TRY(import_field(arena, schema->dictionary, depth + 1, &value, err));
	if (value.dictionary)
		return error_set(err, ST_UNIMPLEMENTED, "dictionaries of dictionaries are not read");
	out->type = value.type;
	out->children = value.children;
	out->child_count = value.child_count;
	out->dictionary = true;
	out->index_type = index_type;
	return ST_OK;
}

static Status
import_parts(Arena *arena, const struct ArrowSchema *schema, int depth, Field *out, Error *err)
{
	TRY(cdata_format_parse(schema->format, &out->type, err));
	out->type.keys_sorted =
		out->type.id == TYPE_MAP && (schema->flags & ARROW_FLAG_MAP_KEYS_SORTED) != 0;
	TRY(read_metadata(arena, schema->metadata, &out->metadata, &out->metadata_count, err));
	TRY(import_children(arena, schema, depth, out, err));
	return schema->dictionary == NULL ? ST_OK : import_dictionary(arena, schema, depth, out, err);
}

static Status
import_field(Arena *arena, const struct ArrowSchema *schema, int depth, Field *out, Error *err)
{
	TRY(check_schema(schema, depth, err));
	out->name = schema->name == NULL ? "" : schema->name;
	out->nullable = (schema->flags & ARROW_FLAG_NULLABLE) != 0;
	Status st = import_parts(arena, schema, depth, out, err);
	if (st != ST_OK && depth == 1)
		(void)error_prefix(err, "column '%s'", out->name);
	return st;
}

Status
cdata_import_schema(const struct ArrowSchema *schema, Schema **out, Error *err)
{
	SCOPED(arena_close) Arena arena = ARENA_INIT;
	Field top = {0};
	TRY(import_field(&arena, schema, 0, &top, err));
	if (top.type.id != TYPE_STRUCT || top.dictionary)
		return error_set(err, ST_INVALID, "the schema of batches is a struct, not '%s'",
						 schema->format);
	return schema_new(top.children, top.child_count, top.metadata, top.metadata_count, out, err);
}
