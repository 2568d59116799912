#include "catalog/table_def.h"

#include <string.h>

#include "base/mem.h"
#include "catalog/table_def_int.h"

uint32_t
table_id(const TableDef *def)
{
	return def->id;
}

uint32_t
table_version(const TableDef *def)
{
	return def->version;
}

const char *
table_database(const TableDef *def)
{
	return def->database;
}

const char *
table_name(const TableDef *def)
{
	return def->name;
}

TableKind
table_kind(const TableDef *def)
{
	return def->kind;
}

int64_t
table_created_ns(const TableDef *def)
{
	return def->created_ns;
}

bool
table_durable(const TableDef *def)
{
	return def->durable;
}

int64_t
table_ttl_ns(const TableDef *def)
{
	return def->ttl_ns;
}

bool
table_replaces(const TableDef *def)
{
	return def->replaces;
}

Schema *
table_schema(const TableDef *def)
{
	return def->schema;
}

int32_t
table_column_count(const TableDef *def)
{
	return schema_field_count(def->schema);
}

uint32_t
table_column_id(const TableDef *def, int32_t column)
{
	return def->column_ids[column];
}

ColumnRole
table_column_role(const TableDef *def, int32_t column)
{
	return def->roles[column];
}

int32_t
table_column_by_id(const TableDef *def, uint32_t id)
{
	for (int32_t i = 0; i < table_column_count(def); i++)
		if (def->column_ids[i] == id)
			return i;
	return -1;
}

int32_t
table_time_column(const TableDef *def)
{
	return def->time_column;
}

int32_t
table_key_column(const TableDef *def)
{
	return def->key_column;
}

int32_t
table_order_column(const TableDef *def)
{
	return def->key_column >= 0 ? def->key_column : def->time_column;
}

int64_t
table_order_unit_ns(const TableDef *def)
{
	int32_t time = def->time_column;
	return time < 0 ? 1 : time_unit_ns(schema_field(def->schema, time)->type.unit);
}

int32_t
table_tag_count(const TableDef *def)
{
	return def->tag_count;
}

int32_t
table_tag_column(const TableDef *def, int32_t tag)
{
	return def->tags[tag];
}

const char *
role_name(ColumnRole role)
{
	static const char *const names[] = {"field", "tag", "time", "key"};
	return names[role];
}

const char *
table_kind_name(TableKind kind)
{
	static const char *const names[] = {"series", "entity", "plain", "archive"};
	return names[kind];
}

// ---- life ----

TableDef *
table_def_ref(TableDef *def)
{
	atomic_fetch_add_explicit(&def->refs, 1, memory_order_relaxed);
	return def;
}

void
table_def_unref(TableDef *def)
{
	if (def == NULL || atomic_fetch_sub_explicit(&def->refs, 1, memory_order_acq_rel) > 1)
		return;
	schema_unref(def->schema);
	mem_free(def->database);
	mem_free(def->name);
	mem_free(def->column_ids);
	mem_free(def->roles);
	mem_free(def->tags);
	mem_free(def);
}

static void
note_roles(TableDef *def, int32_t columns)
{
	def->time_column = def->key_column = -1;
	for (int32_t i = 0; i < columns; i++) {
		if (def->roles[i] == ROLE_TIME)
			def->time_column = i;
		if (def->roles[i] == ROLE_KEY)
			def->key_column = i;
		if (def->roles[i] == ROLE_TAG)
			def->tags[def->tag_count++] = i;
	}
}

TableDef
table_def_next(const TableDef *def)
{
	return (TableDef){
		.id = def->id,
		.version = def->version + 1,
		.kind = def->kind,
		.durable = def->durable,
		.created_ns = def->created_ns,
		.ttl_ns = def->ttl_ns,
		.replaces = def->replaces,
		.next_column_id = def->next_column_id,
		.database = def->database,
		.name = def->name,
		.schema = def->schema,
		.column_ids = def->column_ids,
		.roles = def->roles,
	};
}

Status
table_def_build(const TableDef *parts, TableDef **out, Error *err)
{
	int32_t columns = schema_field_count(parts->schema);
	size_t count = (size_t)columns + 1;
	SCOPED(table_def_drop) TableDef *def = mem_alloc(sizeof(*def));
	if (def == NULL)
		return error_no_memory(err, "a table");
	atomic_init(&def->refs, 1);
	def->id = parts->id;
	def->version = parts->version;
	def->kind = parts->kind;
	def->durable = parts->durable;
	def->created_ns = parts->created_ns;
	def->ttl_ns = parts->ttl_ns;
	def->replaces = parts->replaces;
	def->next_column_id = parts->next_column_id;
	def->database = mem_strdup(parts->database);
	def->name = mem_strdup(parts->name);
	def->column_ids = mem_alloc_array(count, sizeof(*def->column_ids));
	def->roles = mem_alloc_array(count, sizeof(*def->roles));
	def->tags = mem_alloc_array(count, sizeof(*def->tags));
	if (def->database == NULL || def->name == NULL || def->column_ids == NULL ||
		def->roles == NULL || def->tags == NULL)
		return error_no_memory(err, "a table");
	def->schema = schema_ref(parts->schema);
	memcpy(def->column_ids, parts->column_ids, (size_t)columns * sizeof(*def->column_ids));
	memcpy(def->roles, parts->roles, (size_t)columns * sizeof(*def->roles));
	note_roles(def, columns);
	*out = TAKE(def);
	return ST_OK;
}
