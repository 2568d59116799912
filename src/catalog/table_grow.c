// table_grow.c - the rules by which a table takes columns it does not have yet, and wider types.

#include <string.h>

#include "arrow/convert.h"
#include "base/mem.h"
#include "catalog/table_def_int.h"

// The columns of the next version.
typedef struct Growth {
	const TableDef *def;
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
growth_init(Growth *growth, const TableDef *def, int32_t more, Error *err)
{
	int32_t count = table_column_count(def);
	size_t room = (size_t)count + (size_t)more;
	growth->def = def;
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

// ---- columns ----

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
grow_column(Growth *growth, int32_t at, const Field *sent, FieldCheck *check, Error *err)
{
	Field *have = &growth->fields[at];
	if (field_widens(sent, have))
		return ST_OK;
	Field wider;
	if (!field_common(have, sent, &wider))
		return conflict(have, sent, err);
	TRY(check(&wider, err));
	wider.nullable = have->nullable;
	*have = wider;
	growth->changed = true;
	return ST_OK;
}

static Status
add_column(Growth *growth, const Field *sent, FieldCheck *check, Error *err)
{
	TRY(table_check_column(sent, check, err));
	TRY(table_check_new_name(growth->fields, growth->count, -1, sent->name, err));
	int32_t at = growth->count++;
	growth->fields[at] = *sent;
	growth->fields[at].nullable = true;
	growth->fields[at].metadata_count = 0;
	growth->ids[at] = growth->ids[at - 1] + 1;
	if (at == table_column_count(growth->def))
		growth->ids[at] = growth->def->next_column_id;
	growth->roles[at] = ROLE_FIELD;
	growth->changed = true;
	return ST_OK;
}

static Status
grow_columns(Growth *growth, const Schema *incoming, FieldCheck *check, Error *err)
{
	for (int32_t i = 0; i < schema_field_count(incoming); i++) {
		const Field *sent = schema_field(incoming, i);
		int32_t at = schema_find(growth->def->schema, sent->name);
		if (at >= 0)
			TRY(grow_column(growth, at, sent, check, err));
		else
			TRY(add_column(growth, sent, check, err));
	}
	return table_check_size(growth->fields, growth->count, err);
}

// ---- what the data must have ----

static Status
check_no_duplicates(const Schema *incoming, Error *err)
{
	for (int32_t i = 0; i < schema_field_count(incoming); i++)
		for (int32_t j = 0; j < i; j++)
			if (strcmp(schema_field(incoming, i)->name, schema_field(incoming, j)->name) == 0)
				return error_set(err, ST_INVALID, "column \"%s\" comes twice; rename one",
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

// A list in which a new column is named tells of new ones only; one without tells of all.
static bool
names_new(const Growth *growth, const ColumnRole *asked)
{
	for (int32_t i = table_column_count(growth->def); i < growth->count; i++)
		if (asked[i] == ROLE_TAG)
			return true;
	return false;
}

// Columns the table has keep their role: whoever asks for another one is told.
static Status
check_old_tags(const Growth *growth, const Schema *incoming, const ColumnRole *asked, Error *err)
{
	const TableDef *def = growth->def;
	bool all = !names_new(growth, asked);
	for (int32_t i = 0; i < table_column_count(def); i++) {
		const char *name = growth->fields[i].name;
		bool tag = def->roles[i] == ROLE_TAG;
		if (asked[i] == ROLE_TAG && !tag)
			return error_set(err, ST_INVALID,
							 "column \"%s\" is a %s of table \"%s\", but mobius.tags of the "
							 "schema names it: it stays as the table was made; leave it out of "
							 "mobius.tags, or put to a new table",
							 name, role_name(def->roles[i]), def->name);
		if (asked[i] != ROLE_TAG && tag && all && schema_find(incoming, name) >= 0)
			return error_set(err, ST_INVALID,
							 "column \"%s\" is a tag of table \"%s\", but mobius.tags of the "
							 "schema does not name it: it stays as the table was made; name it, or "
							 "leave mobius.tags out",
							 name, def->name);
	}
	return ST_OK;
}

// New columns that the message's list of tags names become tags.
static Status
mark_new_tags(Growth *growth, const Schema *schema, const Schema *incoming, const char *tags,
			  Error *err)
{
	const TableDef *def = growth->def;
	if (tags == NULL)
		return ST_OK;
	SCOPED(mem_drop) ColumnRole *asked = mem_alloc_array((size_t)growth->count, sizeof(*asked));
	if (asked == NULL)
		return error_no_memory(err, "a table");
	if (def->time_column >= 0)
		asked[def->time_column] = ROLE_TIME;
	TRY(table_mark_tags(schema, tags, asked, err));
	TRY(check_old_tags(growth, incoming, asked, err));
	for (int32_t i = table_column_count(def); i < growth->count; i++) {
		if (asked[i] == ROLE_TAG && def->time_column < 0)
			return error_set(err, ST_INVALID,
							 "column \"%s\" cannot be a tag: table \"%s\" is no time series",
							 growth->fields[i].name, def->name);
		growth->roles[i] = asked[i];
	}
	return ST_OK;
}

// ---- growth ----

Status
table_def_grow(TableDef *def, Schema *incoming, const char *tags,
			   Status (*check)(const Field *field, Error *err), TableDef **out, Error *err)
{
	TRY(check_no_duplicates(incoming, err));
	TRY(check_has_time(def, incoming, err));
	SCOPED(growth_close) Growth growth = {0};
	TRY(growth_init(&growth, def, schema_field_count(incoming), err));
	TRY(grow_columns(&growth, incoming, check, err));
	if (!growth.changed) {
		TRY(mark_new_tags(&growth, def->schema, incoming, tags, err));
		*out = table_def_ref(def);
		return ST_OK;
	}
	SCOPED(schema_drop) Schema *schema = NULL;
	TRY(schema_new(growth.fields, growth.count, NULL, 0, &schema, err));
	TRY(mark_new_tags(&growth, schema, incoming, tags, err));
	TableDef parts = table_def_next(def);
	parts.next_column_id += (uint32_t)(growth.count - table_column_count(def));
	parts.schema = schema;
	parts.column_ids = growth.ids;
	parts.roles = growth.roles;
	return table_def_build(&parts, out, err);
}
