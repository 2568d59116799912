// table_alter.c - the rules by which a statement changes a table.

#include <string.h>

#include "arrow/convert.h"
#include "base/mem.h"
#include "catalog/table_def_int.h"

// The columns of the next version, with room for one more.
typedef struct Columns {
	Field *fields;
	uint32_t *ids;
	ColumnRole *roles;
	int32_t count;
} Columns;

static void
columns_close(Columns *columns)
{
	mem_free(columns->fields);
	mem_free(columns->ids);
	mem_free(columns->roles);
}

static Status
columns_init(Columns *columns, const TableDef *def, Error *err)
{
	columns->count = table_column_count(def);
	size_t room = (size_t)columns->count + 1;
	columns->fields = mem_alloc_array(room, sizeof(Field));
	columns->ids = mem_alloc_array(room, sizeof(uint32_t));
	columns->roles = mem_alloc_array(room, sizeof(ColumnRole));
	if (columns->fields == NULL || columns->ids == NULL || columns->roles == NULL)
		return error_no_memory(err, "a table");
	for (int32_t i = 0; i < columns->count; i++) {
		columns->fields[i] = *schema_field(def->schema, i);
		columns->ids[i] = def->column_ids[i];
		columns->roles[i] = def->roles[i];
	}
	return ST_OK;
}

static Status
columns_build(const Columns *columns, TableDef *parts, TableDef **out, Error *err)
{
	SCOPED(schema_drop) Schema *schema = NULL;
	TRY(schema_new(columns->fields, columns->count, NULL, 0, &schema, err));
	parts->schema = schema;
	parts->column_ids = columns->ids;
	parts->roles = columns->roles;
	return table_def_build(parts, out, err);
}

// ---- ADD COLUMN ----

static Status
check_tag(const TableDef *def, const Field *column, Error *err)
{
	if (def->time_column < 0)
		return error_set(err, ST_INVALID,
						 "column \"%s\" cannot be a tag: table \"%s\" is no time "
						 "series",
						 column->name, def->name);
	if (!field_can_be_tag(column))
		return error_set(
			err, ST_INVALID,
			"column \"%s\" cannot be a tag: tags are text, binary, integers, bool or dates",
			column->name);
	return ST_OK;
}

static Status
add_column(Columns *columns, const TableDef *def, const Field *column, bool tag, FieldCheck *check,
		   Error *err)
{
	TRY(table_check_column(column, check, err));
	TRY(table_check_new_name(columns->fields, columns->count, -1, column->name, err));
	if (tag)
		TRY(check_tag(def, column, err));
	int32_t at = columns->count++;
	columns->fields[at] = *column;
	columns->fields[at].nullable = true;
	columns->fields[at].metadata_count = 0;
	columns->ids[at] = def->next_column_id;
	columns->roles[at] = tag ? ROLE_TAG : ROLE_FIELD;
	return table_check_size(columns->fields, columns->count, err);
}

Status
table_def_add_column(TableDef *def, const Field *column, bool tag,
					 Status (*check)(const Field *field, Error *err), TableDef **out, Error *err)
{
	SCOPED(schema_drop) Schema *sent = NULL;
	SCOPED(schema_drop) Schema *canonical = NULL;
	TRY(schema_new(column, 1, NULL, 0, &sent, err));
	TRY(schema_canonical(sent, &canonical, err));
	SCOPED(columns_close) Columns columns = {0};
	TRY(columns_init(&columns, def, err));
	TRY(add_column(&columns, def, schema_field(canonical, 0), tag, check, err));
	TableDef parts = table_def_next(def);
	parts.next_column_id++;
	return columns_build(&columns, &parts, out, err);
}

// ---- DROP COLUMN ----

static Status
check_drop(const TableDef *def, int32_t column, Error *err)
{
	const char *name = schema_field(def->schema, column)->name;
	if (def->roles[column] != ROLE_FIELD)
		return error_set(err, ST_INVALID,
						 "column \"%s\" is a %s column of table \"%s\" and cannot be dropped: rows "
						 "are told apart by it",
						 name, role_name(def->roles[column]), def->name);
	if (table_column_count(def) == 1)
		return error_set(err, ST_INVALID,
						 "column \"%s\" is the only one of table \"%s\"; drop the table instead",
						 name, def->name);
	return ST_OK;
}

Status
table_def_drop_column(TableDef *def, int32_t column, TableDef **out, Error *err)
{
	TRY(check_drop(def, column, err));
	SCOPED(columns_close) Columns columns = {0};
	TRY(columns_init(&columns, def, err));
	size_t behind = (size_t)(--columns.count - column);
	memmove(&columns.fields[column], &columns.fields[column + 1], behind * sizeof(Field));
	memmove(&columns.ids[column], &columns.ids[column + 1], behind * sizeof(uint32_t));
	memmove(&columns.roles[column], &columns.roles[column + 1], behind * sizeof(ColumnRole));
	TableDef parts = table_def_next(def);
	return columns_build(&columns, &parts, out, err);
}

// ---- RENAME COLUMN ----

Status
table_def_rename_column(TableDef *def, int32_t column, const char *name, TableDef **out, Error *err)
{
	SCOPED(columns_close) Columns columns = {0};
	TRY(columns_init(&columns, def, err));
	TRY(table_check_new_name(columns.fields, columns.count, column, name, err));
	columns.fields[column].name = name;
	TableDef parts = table_def_next(def);
	return columns_build(&columns, &parts, out, err);
}

// ---- SET ----

Status
table_def_set_options(TableDef *def, const TableOptions *options, TableDef **out, Error *err)
{
	TableDef parts = table_def_next(def);
	TRY(table_parse_durability(options->durability, &parts.durable, err));
	TRY(table_parse_ttl(options->ttl, &parts.ttl_ns, err));
	TRY(table_check_options(&parts, err));
	return table_def_build(&parts, out, err);
}
