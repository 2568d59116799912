// show.c - statements that read, and the reads that SHOW stands for.

#include <string.h>

#include "base/setting.h"
#include "duck/scan.h"
#include "engine/statements.h"
#include "sql/rewrite.h"

bool
statement_is_read(const SqlStatement *statement)
{
	switch (statement->kind) {
	case STATEMENT_READ:
	case STATEMENT_SHOW_TABLES:
	case STATEMENT_SHOW_DATABASES:
	case STATEMENT_SHOW_CREATE_TABLE:
	case STATEMENT_DESCRIBE: return true;
	default: return false;
	}
}

// ---- SHOW CREATE TABLE ----

// The engine's name of the type; Arrow's in quotes where that would make another one, as of
// durations.
static Status
add_type(mobius *db, const Field *field, Buf *out, Error *err)
{
	SCOPED(arena_close) Arena arena = ARENA_INIT;
	SCOPED(buf_close) Buf sql = BUF_INIT;
	SCOPED(buf_close) Buf again = BUF_INIT;
	SCOPED(buf_close) Buf arrow = BUF_INIT;
	Field made = {0};
	TRY(duck_sql_type(field, &sql, err));
	TRY(sql_field_of_type(db->sql, field->name, buf_text(&sql), true, &made, &arena, err));
	field_type_name(&made, &again);
	field_type_name(field, &arrow);
	TRY(buf_status(&again, err, "a type"));
	TRY(buf_status(&arrow, err, "a type"));
	if (strcmp(buf_text(&again), buf_text(&arrow)) == 0)
		buf_add_slice(out, buf_slice(&sql));
	else
		sql_add_text(out, buf_text(&arrow));
	return ST_OK;
}

static Status
add_columns(mobius *db, const TableDef *def, Buf *out, Error *err)
{
	for (int32_t i = 0; i < table_column_count(def); i++) {
		const Field *field = schema_field(table_schema(def), i);
		buf_add_text(out, i > 0 ? ", " : "");
		sql_add_name(out, field->name);
		buf_add_byte(out, ' ');
		TRY(add_type(db, field, out, err));
		ColumnRole role = table_column_role(def, i);
		buf_add_text(out, role == ROLE_TAG ? " TAG" : role == ROLE_TIME ? " NOT NULL" : "");
	}
	return ST_OK;
}

static void
add_option(Buf *out, int *count, const char *key, const char *value)
{
	buf_add_printf(out, "%s%s = ", *count > 0 ? ", " : " WITH (", key);
	sql_add_text(out, value);
	++*count;
}

static bool
has_timestamps(const TableDef *def)
{
	for (int32_t i = 0; i < table_column_count(def); i++)
		if (schema_field(table_schema(def), i)->type.id == TYPE_TIMESTAMP)
			return true;
	return false;
}

static void
add_options(const TableDef *def, Buf *out)
{
	int count = 0;
	int32_t time = table_time_column(def);
	if (table_order_column(def) < 0 && has_timestamps(def))
		add_option(out, &count, "time", "");
	if (time >= 0)
		add_option(out, &count, "time", schema_field(table_schema(def), time)->name);
	if (time >= 0 && table_tag_count(def) == 0)
		add_option(out, &count, "tags", "");
	if (table_key_column(def) >= 0)
		add_option(out, &count, "key",
				   schema_field(table_schema(def), table_key_column(def))->name);
	else if (table_replaces(def))
		add_option(out, &count, "dedup", "last");
	if (!table_durable(def))
		add_option(out, &count, "durability", "async");
	if (table_ttl_ns(def) > 0) {
		char ttl[DURATION_TEXT];
		setting_format_duration(table_ttl_ns(def), ttl);
		add_option(out, &count, "ttl", ttl);
	}
	buf_add_text(out, count > 0 ? ")" : "");
}

// The statement that would make the table as it is, for who is in this database.
static Status
add_create(mobius *db, const TableDef *def, const char *database, Buf *out, Error *err)
{
	buf_add_text(out, "CREATE TABLE ");
	if (strcmp(table_database(def), database) != 0) {
		sql_add_name(out, table_database(def));
		buf_add_text(out, ".htdb.");
	}
	sql_add_name(out, table_name(def));
	buf_add_text(out, " (");
	TRY(add_columns(db, def, out, err));
	buf_add_byte(out, ')');
	add_options(def, out);
	return buf_status(out, err, "a statement");
}

static Status
show_create(mobius *db, const char *database, const SqlStatement *statement, Buf *out, Error *err)
{
	SCOPED(table_drop_ref) Table *table = NULL;
	TRY(sql_find_table(db->sql, &statement->table, &(SqlSession){.database = database}, &table,
					   err));
	SCOPED(table_def_drop) TableDef *def = table_current(table);
	SCOPED(buf_close) Buf create = BUF_INIT;
	TRY(add_create(db, def, database, &create, err));
	buf_add_text(out, "SELECT ");
	sql_add_text(out, table_name(def));
	buf_add_text(out, " AS name, ");
	sql_add_text(out, buf_text(&create));
	buf_add_text(out, " AS sql");
	return buf_status(out, err, "a statement");
}

// ---- DESCRIBE ----

// As the engine answers it of a query, but that columns which cannot be NULL say so.
static Status
add_description(const TableDef *def, Buf *out, Error *err)
{
	buf_add_text(out, "SELECT * FROM (VALUES ");
	for (int32_t i = 0; i < table_column_count(def); i++) {
		const Field *field = schema_field(table_schema(def), i);
		SCOPED(buf_close) Buf type = BUF_INIT;
		TRY(duck_sql_type(field, &type, err));
		buf_add_text(out, i > 0 ? ", (" : "(");
		sql_add_text(out, field->name);
		buf_add_text(out, ", ");
		sql_add_text(out, buf_text(&type));
		buf_add_text(out, field->nullable ? ", 'YES'" : ", 'NO'");
		buf_add_text(out, ", NULL::VARCHAR, NULL::VARCHAR, NULL::VARCHAR)");
	}
	buf_add_text(out,
				 ") AS described(column_name, column_type, \"null\", \"key\", \"default\", extra)");
	return buf_status(out, err, "a statement");
}

// What is no table of ours, or none at all, the engine describes, or says why not.
static Status
describe(mobius *db, const char *database, const SqlStatement *statement, Buf *out, Error *err)
{
	SCOPED(table_drop_ref) Table *table = NULL;
	Status st = sql_find_table(db->sql, &statement->table, &(SqlSession){.database = database},
							   &table, NULL);
	if (st == ST_NO_MEMORY)
		return error_no_memory(err, "a statement");
	if (st != ST_OK) {
		buf_add_text(out, statement->text);
		return buf_status(out, err, "a statement");
	}
	SCOPED(table_def_drop) TableDef *def = table_current(table);
	return add_description(def, out, err);
}

// ---- all ----

Status
statement_read_text(mobius *db, const char *database, SqlStatement *statement, const char **out,
					Error *err)
{
	SCOPED(buf_close) Buf text = BUF_INIT;
	switch (statement->kind) {
	case STATEMENT_SHOW_TABLES:
		*out = "SELECT database, name, kind, rows FROM system.tables ORDER BY database, name";
		return ST_OK;
	case STATEMENT_SHOW_DATABASES:
		*out = "SELECT name, tables FROM system.databases ORDER BY name";
		return ST_OK;
	case STATEMENT_SHOW_CREATE_TABLE:
	case STATEMENT_DESCRIBE:
		if (statement->kind == STATEMENT_DESCRIBE)
			TRY(describe(db, database, statement, &text, err));
		else
			TRY(show_create(db, database, statement, &text, err));
		*out = arena_strndup(&statement->arena, (const char *)text.data, text.len);
		return arena_status(&statement->arena, err, "a statement");
	default: *out = statement->text; return ST_OK;
	}
}
