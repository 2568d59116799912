// define_alter.c - what statements change of tables that exist, and of databases.

#include <string.h>

#include "base/mem.h"
#include "duck/scan.h"
#include "engine/define_int.h"
#include "sql/names.h"

// ---- ALTER TABLE ----

static Status
find_column(const TableDef *def, const SqlName *name, int32_t *out, Error *err)
{
	int32_t at = schema_find_named(table_schema(def), name);
	if (at < 0)
		return report_no_column(def, name, ST_NOT_FOUND, err);
	*out = at;
	return ST_OK;
}

// The next version; `def` itself where nothing is to be done.
static Status
next_version(TableDef *def, const SqlStatement *statement, const Field *added, TableDef **out,
			 Error *err)
{
	int32_t at = 0;
	Status st;
	switch (statement->alter) {
	case ALTER_ADD_COLUMN:
		st =
			table_def_add_column(def, added, statement->columns[0].tag, duck_check_field, out, err);
		if (st == ST_EXISTS && statement->if_column)
			break;
		return st;
	case ALTER_DROP_COLUMN:
		st = find_column(def, &statement->column, &at, err);
		if (st == ST_NOT_FOUND && statement->if_column)
			break;
		TRY(st);
		return table_def_drop_column(def, at, out, err);
	case ALTER_RENAME_COLUMN:
		TRY(find_column(def, &statement->column, &at, err));
		if (strcmp(schema_field(table_schema(def), at)->name, statement->renamed.text) == 0)
			break;
		return table_def_rename_column(def, at, statement->renamed.text, out, err);
	case ALTER_SET: {
		TableOptions options = {.durability = sql_option_value(statement, "durability"),
								.ttl = sql_option_value(statement, "ttl")};
		return table_def_set_options(def, &options, out, err);
	}
	}
	*out = table_def_ref(def);
	return ST_OK;
}

static Status
alter_locked(mobius *db, Table *table, const SqlStatement *statement, const Field *added,
			 Error *err)
{
	SCOPED(table_def_drop) TableDef *def = table_current(table);
	SCOPED(table_def_drop) TableDef *next = NULL;
	if (table_dropped(table))
		return error_set(err, ST_NOT_FOUND, "there is no table \"%s\" any more", table_name(def));
	TRY(next_version(def, statement, added, &next, err));
	return next == def ? ST_OK : define_commit(db, next, err);
}

Status
define_alter(mobius *db, Table *table, const SqlStatement *statement, const Field *added,
			 Error *err)
{
	table_change_lock(table);
	definer_lock(db);
	Status st = alter_locked(db, table, statement, added, err);
	definer_unlock(db);
	table_change_unlock(table);
	return st;
}

// ---- databases ----

static Status
commit_database(mobius *db, const char *name, bool drop, Error *err)
{
	SCOPED(commit_entry_close)
	CommitEntry entry = {.wal = {.kind = drop ? WAL_DROP : WAL_DEFINE}};
	TRY(store_database_new(db->store, name, drop, &entry.database, err));
	TRY(store_database_encode(entry.database, &entry.head, err));
	TRY(commit_entry_seal(&entry, err));
	return conductor_commit(db->conductor, &entry, false, NULL, err);
}

static Status
create_locked(mobius *db, const SqlStatement *statement, Error *err)
{
	const SqlName *name = &statement->database;
	Status st = database_name_check(name->text, err);
	if (st == ST_OK) {
		st = commit_database(db, name->text, false, err);
		if (st == ST_EXISTS && statement->if_exists)
			return ST_OK;
	}
	if (st != ST_OK && err != NULL)
		err->position = name->position;
	return st;
}

static Status
drop_locked(mobius *db, const SqlStatement *statement, Error *err)
{
	SqlTableName name = {.database = statement->database};
	char found[DATABASE_NAME_ROOM];
	Status st = sql_find_database(db->sql, &name, NULL, found, err);
	if (st == ST_NOT_FOUND && statement->if_exists)
		return ST_OK;
	TRY(st);
	if (strcmp(found, DEFAULT_DATABASE) == 0)
		return error_set_at(err, ST_INVALID, name.database.position,
							"database \"%s\" is the default one and stays; drop its tables instead",
							found);
	return commit_database(db, found, true, err);
}

Status
define_database(mobius *db, const SqlStatement *statement, Error *err)
{
	definer_lock(db);
	Status st = statement->kind == STATEMENT_CREATE_DATABASE ? create_locked(db, statement, err)
															 : drop_locked(db, statement, err);
	definer_unlock(db);
	return st;
}
