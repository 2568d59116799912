// show.c - statements that read, and the reads that SHOW stands for.

#include <string.h>

#include "base/mem.h"
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
	case STATEMENT_SHOW_CREATE_TABLE: return true;
	default: return false;
	}
}

// ---- SHOW CREATE TABLE ----

static Status
add_columns(const TableDef *def, Buf *out, Error *err)
{
	for (int32_t i = 0; i < table_column_count(def); i++) {
		const Field *field = schema_field(table_schema(def), i);
		buf_add_text(out, i > 0 ? ", " : "");
		sql_add_name(out, field->name);
		buf_add_byte(out, ' ');
		TRY(duck_sql_type(field, out, err));
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

static void
add_options(const TableDef *def, Buf *out)
{
	int count = 0;
	int32_t time = table_time_column(def);
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
add_create(const TableDef *def, const char *database, Buf *out, Error *err)
{
	buf_add_text(out, "CREATE TABLE ");
	if (strcmp(table_database(def), database) != 0) {
		sql_add_name(out, table_database(def));
		buf_add_text(out, ".htdb.");
	}
	sql_add_name(out, table_name(def));
	buf_add_text(out, " (");
	TRY(add_columns(def, out, err));
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
	TRY(add_create(def, database, &create, err));
	buf_add_text(out, "SELECT ");
	sql_add_text(out, table_name(def));
	buf_add_text(out, " AS name, ");
	sql_add_text(out, buf_text(&create));
	buf_add_text(out, " AS sql");
	return buf_status(out, err, "a statement");
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
		TRY(show_create(db, database, statement, &text, err));
		*out = arena_strndup(&statement->arena, (const char *)text.data, text.len);
		return arena_status(&statement->arena, err, "a statement");
	default: *out = statement->text; return ST_OK;
	}
}
