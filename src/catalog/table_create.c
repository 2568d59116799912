// table_create.c - the rules by which a schema becomes a table.

#include <string.h>
#include <strings.h>

#include "arrow/convert.h"
#include "base/mem.h"
#include "catalog/table_def_int.h"

static Status
check_columns(const Schema *schema, FieldCheck *check, Error *err)
{
	int32_t count = schema_field_count(schema);
	if (count == 0)
		return error_set(err, ST_INVALID, "a table needs at least one column");
	TRY(table_check_size(schema_field(schema, 0), count, err));
	for (int32_t i = 0; i < count; i++) {
		const Field *field = schema_field(schema, i);
		TRY(table_check_column(field, check, err));
		for (int32_t j = 0; j < i; j++)
			if (strcasecmp(schema_field(schema, j)->name, field->name) == 0)
				return error_set(err, ST_INVALID,
								 "columns \"%s\" and \"%s\" differ at most in case; rename one",
								 schema_field(schema, j)->name, field->name);
	}
	return ST_OK;
}

// ---- time ----

static Status
find_named_time(const Schema *schema, const char *name, int32_t *out, Error *err)
{
	int32_t at = schema_find(schema, name);
	if (at < 0)
		return error_set(err, ST_INVALID, "time column \"%s\" is not among the columns", name);
	if (schema_field(schema, at)->type.id != TYPE_TIMESTAMP) {
		SCOPED(buf_close) Buf type = BUF_INIT;
		field_type_name(schema_field(schema, at), &type);
		return error_set(err, ST_INVALID, "time column \"%s\" must be a timestamp and is %s", name,
						 buf_text(&type));
	}
	*out = at;
	return ST_OK;
}

static int32_t
find_usual_time(const Schema *schema)
{
	static const char *const usual[] = {"time", "ts", "timestamp"};
	for (size_t i = 0; i < COUNT_OF(usual); i++) {
		int32_t at = schema_find(schema, usual[i]);
		if (at >= 0 && schema_field(schema, at)->type.id == TYPE_TIMESTAMP)
			return at;
	}
	for (int32_t i = 0; i < schema_field_count(schema); i++)
		if (schema_field(schema, i)->type.id == TYPE_TIMESTAMP)
			return i;
	return -1;
}

// ---- tags ----

// Documents tell no series apart, and what is of a type of its own was not meant to.
static bool
is_plain_text(const Field *field)
{
	if (field->type.id != TYPE_UTF8)
		return false;
	for (int32_t i = 0; i < field->metadata_count; i++)
		if (slice_is(field->metadata[i].key, "ARROW:extension:name") &&
			(slice_is(field->metadata[i].value, "arrow.json") ||
			 slice_is(field->metadata[i].value, "arrow.opaque")))
			return false;
	return true;
}

static void
mark_usual_tags(const Schema *schema, const Schema *wire, ColumnRole *roles)
{
	bool dictionaries = false;
	for (int32_t i = 0; wire != NULL && i < schema_field_count(wire); i++)
		dictionaries |= schema_field(wire, i)->dictionary;
	for (int32_t i = 0; i < schema_field_count(schema); i++) {
		const Field *field = schema_field(schema, i);
		bool tag = dictionaries ? schema_field(wire, i)->dictionary && field_can_be_tag(field)
								: is_plain_text(field);
		if (tag && roles[i] == ROLE_FIELD)
			roles[i] = ROLE_TAG;
	}
}

static Status
mark_asked_tags(const TableRequest *request, const Schema *schema, ColumnRole *roles, Error *err)
{
	if (request->tags != NULL)
		return table_mark_tags(schema, request->tags, roles, err);
	for (int32_t i = 0; i < schema_field_count(schema); i++)
		if (request->tag_marks[i])
			TRY(table_mark_tag(schema, slice_text(schema_field(schema, i)->name), roles, err));
	return ST_OK;
}

static Status
mark_roles(const TableRequest *request, const Schema *schema, const Schema *wire, ColumnRole *roles,
		   Error *err)
{
	int32_t time = -1;
	if (request->key != NULL) {
		roles[schema_find(schema, request->key)] = ROLE_KEY;
		return ST_OK;
	}
	if (request->time == NULL)
		time = find_usual_time(schema);
	else if (request->time[0] != '\0')
		TRY(find_named_time(schema, request->time, &time, err));
	if (time >= 0)
		roles[time] = ROLE_TIME;
	if (request->tags != NULL || request->tag_marks != NULL)
		return mark_asked_tags(request, schema, roles, err);
	if (time >= 0)
		mark_usual_tags(schema, wire, roles);
	return ST_OK;
}

// A table without time is plain, and has no series that tags could name.
static Status
kind_of(const char *name, const ColumnRole *roles, int32_t count, TableKind *out, Error *err)
{
	bool time = false, tags = false, key = false;
	for (int32_t i = 0; i < count; i++) {
		time |= roles[i] == ROLE_TIME;
		tags |= roles[i] == ROLE_TAG;
		key |= roles[i] == ROLE_KEY;
	}
	if (tags && !time)
		return error_set(
			err, ST_INVALID,
			"table \"%s\" has tags but no column of a timestamp type, so it is no time "
			"series; add one, or leave the tags out",
			name);
	*out = key ? TABLE_ENTITY : time ? TABLE_SERIES : TABLE_PLAIN;
	return ST_OK;
}

// ---- entities ----

// A list of tags that is empty says nothing else than that there are none.
static Status
check_key(const TableRequest *request, Error *err)
{
	const char *name = request->name;
	bool replaces = true;
	if (request->key == NULL)
		return ST_OK;
	TRY(table_check_column_name(request->key, err));
	TRY(table_parse_dedup(request->dedup, &replaces, err));
	if (!replaces)
		return error_set(err, ST_INVALID,
						 "table \"%s\" has a key, so its rows are replaced by it: leave dedup out",
						 name);
	if (request->time != NULL && request->time[0] != '\0')
		return error_set(err, ST_INVALID,
						 "table \"%s\" has a key and is no time series: leave time out; columns of "
						 "times are fields like others",
						 name);
	if (request->tag_marks != NULL || (request->tags != NULL && request->tags[0] != '\0'))
		return error_set(err, ST_INVALID,
						 "table \"%s\" has a key and is no time series: leave tags out", name);
	return ST_OK;
}

static bool
is_integer(TypeId id)
{
	return id == TYPE_INT8 || id == TYPE_INT16 || id == TYPE_INT32 || id == TYPE_INT64;
}

// The schema with the key as int64: where it is, or before all others.
static Status
with_key(const char *key, Schema **schema, Error *err)
{
	int32_t count = schema_field_count(*schema), at = schema_find(*schema, key);
	if (at < 0)
		TRY(table_check_new_name(count > 0 ? schema_field(*schema, 0) : NULL, count, -1, key, err));
	if (at >= 0 && !is_integer(schema_field(*schema, at)->type.id))
		return error_set(err, ST_INVALID,
						 "key \"%s\" must be a signed integer: ids are numbers from 1 upward", key);
	SCOPED(mem_drop) Field *fields = mem_alloc_array((size_t)count + 1, sizeof(Field));
	if (fields == NULL)
		return error_no_memory(err, "a table");
	int32_t first = at < 0;
	for (int32_t i = 0; i < count; i++)
		fields[i + first] = *schema_field(*schema, i);
	fields[at < 0 ? 0 : at] = (Field){.name = key, .type = {.id = TYPE_INT64}};
	Schema *made = NULL;
	TRY(schema_new(fields, count + first, NULL, 0, &made, err));
	schema_unref(*schema);
	*schema = made;
	return ST_OK;
}

// ---- creation ----

static Status
take_options(const TableRequest *request, TableDef *parts, Error *err)
{
	parts->durable = true;
	TRY(table_parse_durability(request->durability, &parts->durable, err));
	TRY(table_parse_dedup(request->dedup, &parts->replaces, err));
	parts->replaces |= request->key != NULL;
	return table_parse_ttl(request->ttl, &parts->ttl_ns, err);
}

// Everything but time and id may be NULL, whatever the sender said.
static Status
table_fields(const Schema *schema, const ColumnRole *roles, Schema **out, Error *err)
{
	int32_t count = schema_field_count(schema);
	SCOPED(mem_drop) Field *fields = mem_alloc_array((size_t)count, sizeof(Field));
	if (fields == NULL)
		return error_no_memory(err, "a table");
	for (int32_t i = 0; i < count; i++) {
		fields[i] = *schema_field(schema, i);
		fields[i].nullable = roles[i] != ROLE_TIME && roles[i] != ROLE_KEY;
		fields[i].metadata_count = 0;
	}
	return schema_new(fields, count, NULL, 0, out, err);
}

// A promise of the user's that no write would be held to.
static Status
check_not_null(const Schema *schema, const ColumnRole *roles, Error *err)
{
	for (int32_t i = 0; i < schema_field_count(schema); i++)
		if (!schema_field(schema, i)->nullable && roles[i] != ROLE_TIME && roles[i] != ROLE_KEY)
			return error_set(err, ST_INVALID,
							 "NOT NULL of column \"%s\" is not kept in tables, but for the time "
							 "column and the key: leave it out, and ask WHERE for what is NULL",
							 schema_field(schema, i)->name);
	return ST_OK;
}

Status
table_def_create(const TableRequest *request, const Schema *wire, uint32_t id, int64_t now_ns,
				 Status (*check)(const Field *field, Error *err), TableDef **out, Error *err)
{
	TableDef parts = {.id = id, .version = 1, .created_ns = now_ns};
	TRY(name_check("table", request->name, err));
	TRY(take_options(request, &parts, err));
	SCOPED(schema_drop) Schema *canonical = NULL;
	TRY(schema_canonical(request->schema, &canonical, err));
	TRY(check_columns(canonical, check, err));
	TRY(check_key(request, err));
	if (request->key != NULL)
		TRY(with_key(request->key, &canonical, err));

	int32_t count = schema_field_count(canonical);
	SCOPED(mem_drop) ColumnRole *roles = mem_alloc_array((size_t)count, sizeof(*roles));
	SCOPED(mem_drop) uint32_t *ids = mem_alloc_array((size_t)count, sizeof(*ids));
	if (roles == NULL || ids == NULL)
		return error_no_memory(err, "a table");
	for (int32_t i = 0; i < count; i++)
		ids[i] = (uint32_t)i + 1;
	TRY(mark_roles(request, canonical, wire, roles, err));
	TRY(kind_of(request->name, roles, count, &parts.kind, err));
	if (request->strict)
		TRY(check_not_null(canonical, roles, err));
	SCOPED(schema_drop) Schema *schema = NULL;
	TRY(table_fields(canonical, roles, &schema, err));

	parts.next_column_id = (uint32_t)count + 1;
	parts.database = (char *)(uintptr_t)request->database; // copied by table_def_build
	parts.name = (char *)(uintptr_t)request->name;
	parts.schema = schema;
	parts.column_ids = ids;
	parts.roles = roles;
	TRY(table_check_options(&parts, err));
	return table_def_build(&parts, out, err);
}
