// define_statement.c - the statements that change what there is: tables, columns, databases.

#include <string.h>

#include "base/arena.h"
#include "base/mem.h"
#include "engine/define.h"

// ---- CREATE TABLE ----

static Status
column_schema(mobius *db, const SqlStatement *statement, Schema **out, Error *err)
{
	SCOPED(arena_close) Arena arena = ARENA_INIT;
	Field *fields = arena_array(&arena, (size_t)statement->column_count + 1, sizeof(Field));
	TRY(arena_status(&arena, err, "a table"));
	for (int32_t i = 0; i < statement->column_count; i++) {
		const SqlColumnDef *column = &statement->columns[i];
		TRY(sql_field_of_type(db->sql, column->name.text, column->type, !column->not_null,
							  &fields[i], &arena, err));
	}
	return schema_new(fields, statement->column_count, NULL, 0, out, err);
}

static Status
run_create(const StatementCall *call, const SqlStatement *statement, Error *err)
{
	SCOPED(schema_drop) Schema *schema = NULL;
	TRY(column_schema(call->db, statement, &schema, err));
	SCOPED(mem_drop)
	bool *marks = mem_alloc_array((size_t)statement->column_count + 1, sizeof(bool));
	if (marks == NULL)
		return error_no_memory(err, "a table");
	bool any = false;
	for (int32_t i = 0; i < statement->column_count; i++)
		any |= marks[i] = statement->columns[i].tag;
	char database[DATABASE_NAME_ROOM];
	TRY(sql_find_database(call->db->sql, &statement->table,
						  &(SqlSession){.database = call->database}, database, err));
	TableRequest request = {
		.database = database,
		.name = statement->table.table.text,
		.schema = schema,
		.time = sql_option_value(statement, "time"),
		.tags = sql_option_value(statement, "tags"),
		.tag_marks = any ? marks : NULL,
		.durability = sql_option_value(statement, "durability"),
		.dedup = sql_option_value(statement, "dedup"),
		.ttl = sql_option_value(statement, "ttl"),
		.key = sql_option_value(statement, "key"),
		.strict = true,
	};
	bool created;
	return define_create(call->db, &request, NULL, statement->if_exists, &created, err);
}

// ---- DROP TABLE, ALTER TABLE ----

static Status
run_drop(const StatementCall *call, const SqlStatement *statement, Error *err)
{
	SCOPED(table_drop_ref) Table *table = NULL;
	Status st = statement_table(call, statement, &table, err);
	if (st == ST_NOT_FOUND && statement->if_exists)
		return ST_OK;
	TRY(st);
	return define_drop(call->db, table, err);
}

static Status
run_alter(const StatementCall *call, const SqlStatement *statement, Error *err)
{
	SCOPED(table_drop_ref) Table *table = NULL;
	Status st = statement_table(call, statement, &table, err);
	if (st == ST_NOT_FOUND && statement->if_exists)
		return ST_OK;
	TRY(st);
	SCOPED(schema_drop) Schema *added = NULL;
	if (statement->alter == ALTER_ADD_COLUMN)
		TRY(column_schema(call->db, statement, &added, err));
	return define_alter(call->db, table, statement, added != NULL ? schema_field(added, 0) : NULL,
						err);
}

Status
define_statement(const StatementCall *call, const SqlStatement *statement, Error *err)
{
	switch (statement->kind) {
	case STATEMENT_CREATE_TABLE: return run_create(call, statement, err);
	case STATEMENT_DROP_TABLE: return run_drop(call, statement, err);
	case STATEMENT_ALTER_TABLE: return run_alter(call, statement, err);
	default: return define_database(call->db, statement, err);
	}
}
