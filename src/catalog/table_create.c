// table_create.c - the rules by which a schema becomes a table, and by which a table grows.

#include <string.h>
#include <strings.h>

#include "arrow/convert.h"
#include "base/mem.h"
#include "base/text.h"
#include "catalog/table_def_int.h"

enum { COLUMN_NAME_BYTES = 255 };

static Status
check_column_name(const char *name, Error *err)
{
	size_t len = strlen(name);
	if (len == 0 || len > COLUMN_NAME_BYTES)
		return error_set(err, ST_INVALID,
						 "column name \"%.60s\" has %zu bytes; 1 to %d are allowed", name, len,
						 COLUMN_NAME_BYTES);
	if (!utf8_valid((const uint8_t *)name, len))
		return error_set(err, ST_INVALID, "a column name is not UTF-8");
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)name[i] < 0x20 || name[i] == 0x7f)
			return error_set(err, ST_INVALID, "column name \"%.60s\" has a control character",
							 name);
	return ST_OK;
}

static Status
check_columns(const Schema *schema, Status (*check)(const Field *field, Error *err), Error *err)
{
	int32_t count = schema_field_count(schema);
	if (count == 0)
		return error_set(err, ST_INVALID, "a table needs at least one column");
	for (int32_t i = 0; i < count; i++) {
		const Field *field = schema_field(schema, i);
		TRY(check_column_name(field->name, err));
		TRY(check(field, err));
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
	if (schema_field(schema, at)->type.id != TYPE_TIMESTAMP)
		return error_set(err, ST_INVALID, "time column \"%s\" must be a timestamp", name);
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

static bool
can_be_tag(const Field *field)
{
	switch (field->type.id) {
	case TYPE_UTF8:
	case TYPE_BINARY:
	case TYPE_BOOL:
	case TYPE_INT8:
	case TYPE_INT16:
	case TYPE_INT32:
	case TYPE_INT64:
	case TYPE_UINT8:
	case TYPE_UINT16:
	case TYPE_UINT32:
	case TYPE_UINT64:
	case TYPE_DATE32: return true;
	default: return false;
	}
}

static Status
mark_tag(const Schema *schema, const char *name, size_t len, ColumnRole *roles, Error *err)
{
	for (int32_t i = 0; i < schema_field_count(schema); i++) {
		const Field *field = schema_field(schema, i);
		if (strlen(field->name) != len || memcmp(field->name, name, len) != 0)
			continue;
		if (roles[i] == ROLE_TIME)
			return error_set(err, ST_INVALID,
							 "column \"%s\" is the time column and cannot be a tag too",
							 field->name);
		if (!can_be_tag(field))
			return error_set(
				err, ST_INVALID,
				"column \"%s\" cannot be a tag: tags are text, integers, bool or dates",
				field->name);
		roles[i] = ROLE_TAG;
		return ST_OK;
	}
	return error_set(err, ST_INVALID, "tag \"%.*s\" is not among the columns", (int)len, name);
}

// "a, b": every name must be a column. An empty list is none.
static Status
mark_listed_tags(const Schema *schema, const char *tags, ColumnRole *roles, Error *err)
{
	for (const char *p = tags; *p != '\0';) {
		size_t len = strcspn(p, ",");
		const char *from = p, *to = p + len;
		while (from < to && *from == ' ')
			from++;
		while (to > from && to[-1] == ' ')
			to--;
		if (to > from)
			TRY(mark_tag(schema, from, (size_t)(to - from), roles, err));
		p += len + (p[len] == ',');
	}
	return ST_OK;
}

static void
mark_usual_tags(const Schema *schema, const Schema *wire, ColumnRole *roles)
{
	bool dictionaries = false;
	for (int32_t i = 0; wire != NULL && i < schema_field_count(wire); i++)
		dictionaries |= schema_field(wire, i)->dictionary;
	for (int32_t i = 0; i < schema_field_count(schema); i++) {
		const Field *field = schema_field(schema, i);
		bool tag = dictionaries ? schema_field(wire, i)->dictionary && can_be_tag(field)
								: field->type.id == TYPE_UTF8;
		if (tag && roles[i] == ROLE_FIELD)
			roles[i] = ROLE_TAG;
	}
}

static Status
mark_roles(const TableRequest *request, const Schema *schema, const Schema *wire, ColumnRole *roles,
		   Error *err)
{
	int32_t time = -1;
	if (request->time != NULL)
		TRY(find_named_time(schema, request->time, &time, err));
	else
		time = find_usual_time(schema);
	if (time >= 0)
		roles[time] = ROLE_TIME;
	if (request->tags != NULL)
		return mark_listed_tags(schema, request->tags, roles, err);
	if (request->tag_marks != NULL) {
		for (int32_t i = 0; i < schema_field_count(schema); i++)
			if (request->tag_marks[i])
				TRY(mark_tag(schema, schema_field(schema, i)->name,
							 strlen(schema_field(schema, i)->name), roles, err));
		return ST_OK;
	}
	if (time >= 0)
		mark_usual_tags(schema, wire, roles);
	return ST_OK;
}

// ---- creation ----

static Status
check_options(const TableRequest *request, bool *durable, Error *err)
{
	if (request->dedup != NULL && strcmp(request->dedup, "none") != 0)
		return error_set(err, ST_UNIMPLEMENTED, "dedup is not built yet; leave it out");
	if (request->ttl != NULL && strcmp(request->ttl, "none") != 0)
		return error_set(err, ST_UNIMPLEMENTED, "ttl is not built yet; leave it out");
	if (request->key != NULL)
		return error_set(err, ST_UNIMPLEMENTED, "key (entities) is not built yet; leave it out");
	const char *durability = request->durability != NULL ? request->durability : "durable";
	*durable = strcmp(durability, "durable") == 0;
	if (!*durable && strcmp(durability, "async") != 0)
		return error_set(err, ST_INVALID, "durability is durable or async, not \"%s\"", durability);
	return ST_OK;
}

// Everything but time may be NULL, whatever the sender said.
static Status
table_fields(const Schema *schema, const ColumnRole *roles, Schema **out, Error *err)
{
	int32_t count = schema_field_count(schema);
	SCOPED(mem_drop) Field *fields = mem_alloc_array((size_t)count + 1, sizeof(Field));
	if (fields == NULL)
		return error_no_memory(err, "a table");
	for (int32_t i = 0; i < count; i++) {
		fields[i] = *schema_field(schema, i);
		fields[i].nullable = roles[i] != ROLE_TIME;
		fields[i].metadata_count = 0;
	}
	return schema_new(fields, count, NULL, 0, out, err);
}

Status
table_def_create(const TableRequest *request, const Schema *wire, uint32_t id, int64_t now_ns,
				 Status (*check)(const Field *field, Error *err), TableDef **out, Error *err)
{
	TableDef parts = {.id = id, .version = 1, .created_ns = now_ns};
	TRY(name_check("table", request->name, err));
	TRY(check_options(request, &parts.durable, err));
	SCOPED(schema_drop) Schema *canonical = NULL;
	TRY(schema_canonical(request->schema, &canonical, err));
	TRY(check_columns(canonical, check, err));

	int32_t count = schema_field_count(canonical);
	SCOPED(mem_drop) ColumnRole *roles = mem_alloc_array((size_t)count, sizeof(*roles));
	SCOPED(mem_drop) uint32_t *ids = mem_alloc_array((size_t)count, sizeof(*ids));
	if (roles == NULL || ids == NULL)
		return error_no_memory(err, "a table");
	for (int32_t i = 0; i < count; i++)
		ids[i] = (uint32_t)i + 1;
	TRY(mark_roles(request, canonical, wire, roles, err));
	SCOPED(schema_drop) Schema *schema = NULL;
	TRY(table_fields(canonical, roles, &schema, err));

	parts.kind = TABLE_PLAIN;
	for (int32_t i = 0; i < count; i++)
		if (roles[i] == ROLE_TIME)
			parts.kind = TABLE_SERIES;
	parts.next_column_id = (uint32_t)count + 1;
	parts.database = (char *)(uintptr_t)request->database; // copied by table_def_build
	parts.name = (char *)(uintptr_t)request->name;
	parts.schema = schema;
	parts.column_ids = ids;
	parts.roles = roles;
	return table_def_build(&parts, out, err);
}

// ---- growth ----

typedef struct Growth {
	Field *fields;
	uint32_t *ids;
	ColumnRole *roles;
	int32_t count;
	bool changed;
} Growth;

static void
growth_close(Growth *growth)
{
	mem_free(growth->fields);
	mem_free(growth->ids);
	mem_free(growth->roles);
}

static Status
conflict(const Field *have, const Field *sent, Error *err)
{
	SCOPED(buf_close) Buf old = BUF_INIT;
	SCOPED(buf_close) Buf new = BUF_INIT;
	field_type_name(have, &old);
	field_type_name(sent, &new);
	return error_set(err, ST_INVALID,
					 "column \"%s\" is %s in the table and %s in the data, which do not fit; "
					 "convert it before sending",
					 have->name, buf_text(&old), buf_text(&new));
}

static Status
grow_column(Growth *growth, int32_t at, const Field *sent, Error *err)
{
	Field *have = &growth->fields[at];
	if (field_widens(sent, have))
		return ST_OK;
	Field wider;
	if (!field_common(have, sent, &wider))
		return conflict(have, sent, err);
	const char *name = have->name;
	bool nullable = have->nullable;
	*have = wider;
	have->name = name;
	have->nullable = nullable;
	growth->changed = true;
	return ST_OK;
}

static Status
add_column(Growth *growth, const TableDef *def, const Field *sent,
		   Status (*check)(const Field *field, Error *err), Error *err)
{
	TRY(check_column_name(sent->name, err));
	TRY(check(sent, err));
	for (int32_t i = 0; i < growth->count; i++)
		if (strcasecmp(growth->fields[i].name, sent->name) == 0)
			return error_set(
				err, ST_INVALID,
				"column \"%s\" differs only in case from \"%s\", which the table has; rename it",
				sent->name, growth->fields[i].name);
	int32_t at = growth->count++;
	growth->fields[at] = *sent;
	growth->fields[at].nullable = true;
	growth->fields[at].metadata_count = 0;
	growth->ids[at] = def->next_column_id + (uint32_t)(at - table_column_count(def));
	growth->roles[at] = ROLE_FIELD;
	growth->changed = true;
	return ST_OK;
}

static Status
growth_init(Growth *growth, const TableDef *def, int32_t more, Error *err)
{
	int32_t count = table_column_count(def);
	size_t room = (size_t)count + (size_t)more + 1;
	growth->fields = mem_alloc_array(room, sizeof(Field));
	growth->ids = mem_alloc_array(room, sizeof(uint32_t));
	growth->roles = mem_alloc_array(room, sizeof(ColumnRole));
	if (growth->fields == NULL || growth->ids == NULL || growth->roles == NULL)
		return error_no_memory(err, "a table");
	growth->count = count;
	for (int32_t i = 0; i < count; i++) {
		growth->fields[i] = *schema_field(def->schema, i);
		growth->ids[i] = def->column_ids[i];
		growth->roles[i] = def->roles[i];
	}
	return ST_OK;
}

static Status
check_no_duplicates(const Schema *incoming, Error *err)
{
	for (int32_t i = 0; i < schema_field_count(incoming); i++)
		for (int32_t j = 0; j < i; j++)
			if (strcmp(schema_field(incoming, i)->name, schema_field(incoming, j)->name) == 0)
				return error_set(err, ST_INVALID, "column \"%s\" comes twice",
								 schema_field(incoming, i)->name);
	return ST_OK;
}

static Status
check_has_time(const TableDef *def, const Schema *incoming, Error *err)
{
	if (def->time_column < 0)
		return ST_OK;
	const char *time = schema_field(def->schema, def->time_column)->name;
	if (schema_find(incoming, time) >= 0)
		return ST_OK;
	return error_set(
		err, ST_INVALID,
		"time column \"%s\" of table \"%s\" is missing in the data; every row needs a time", time,
		def->name);
}

// New columns that the message's list of tags names become tags; columns the table has keep their
// role.
static Status
mark_new_tags(Growth *growth, const TableDef *def, const Schema *schema, const char *tags,
			  Error *err)
{
	if (tags == NULL)
		return ST_OK;
	SCOPED(mem_drop) ColumnRole *asked = mem_alloc_array((size_t)growth->count, sizeof(*asked));
	if (asked == NULL)
		return error_no_memory(err, "a table");
	if (def->time_column >= 0)
		asked[def->time_column] = ROLE_TIME;
	TRY(mark_listed_tags(schema, tags, asked, err));
	for (int32_t i = table_column_count(def); i < growth->count; i++)
		growth->roles[i] = asked[i];
	return ST_OK;
}

Status
table_def_grow(TableDef *def, Schema *incoming, const char *tags,
			   Status (*check)(const Field *field, Error *err), TableDef **out, Error *err)
{
	TRY(check_no_duplicates(incoming, err));
	TRY(check_has_time(def, incoming, err));
	SCOPED(growth_close) Growth growth = {0};
	TRY(growth_init(&growth, def, schema_field_count(incoming), err));
	for (int32_t i = 0; i < schema_field_count(incoming); i++) {
		const Field *sent = schema_field(incoming, i);
		int32_t at = schema_find(def->schema, sent->name);
		if (at >= 0)
			TRY(grow_column(&growth, at, sent, err));
		else
			TRY(add_column(&growth, def, sent, check, err));
	}
	if (!growth.changed) {
		*out = table_def_ref(def);
		return ST_OK;
	}
	SCOPED(schema_drop) Schema *schema = NULL;
	TRY(schema_new(growth.fields, growth.count, NULL, 0, &schema, err));
	TRY(mark_new_tags(&growth, def, schema, tags, err));
	TableDef parts = {
		.id = def->id,
		.version = def->version + 1,
		.kind = def->kind,
		.durable = def->durable,
		.created_ns = def->created_ns,
		.next_column_id = def->next_column_id + (uint32_t)(growth.count - table_column_count(def)),
		.database = def->database,
		.name = def->name,
		.schema = schema,
		.column_ids = growth.ids,
		.roles = growth.roles,
	};
	return table_def_build(&parts, out, err);
}
