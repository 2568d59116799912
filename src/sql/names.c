#include "sql/names.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/setting.h"
#include "sql/statement_int.h"

// ---- tables of the store ----

// Says that there is no such table, with the nearest name of the database.
static Status
report_unknown(Sql *sql, const SqlName *name, const char *database, Error *err)
{
	SCOPED(snapshot_drop) Snapshot *all = NULL;
	TRY(store_snapshot(sql->store, NULL, 0, &all, err));
	SCOPED(mem_drop)
	const char **names = mem_alloc_array((size_t)all->table_count + 1, sizeof(*names));
	if (names == NULL)
		return error_no_memory(err, "names of tables");
	size_t count = 0;
	for (int32_t i = 0; i < all->table_count; i++)
		if (strcmp(table_database(all->tables[i].def), database) == 0)
			names[count++] = table_name(all->tables[i].def);
	const char *near = setting_propose(name->text, names, count);
	if (near == NULL)
		return error_set_at(err, ST_NOT_FOUND, name->position,
							"there is no table \"%s\" in database \"%s\"; SHOW TABLES lists them",
							name->text, database);
	return error_set_at(err, ST_NOT_FOUND, name->position,
						"there is no table \"%s\" in database \"%s\"; did you mean \"%s\"?",
						name->text, database, near);
}

static Status
report_no_database(Sql *sql, const SqlName *name, Error *err)
{
	SCOPED(arena_close) Arena arena = ARENA_INIT;
	const char *const *names;
	int32_t count;
	TRY(store_databases(sql->store, &arena, &names, &count, err));
	const char *near = setting_propose(name->text, names, (size_t)count);
	return error_set_at(err, ST_NOT_FOUND, name->position,
						near != NULL ? "there is no database \"%s\"; did you mean \"%s\"?"
									 : "there is no database \"%s\"; SHOW DATABASES lists them",
						name->text, near);
}

// The database as it is called: the one that is written, else the session's.
static Status
find_database(Sql *sql, const SqlName *name, const char *session, char out[DATABASE_NAME_ROOM],
			  Error *err)
{
	bool ambiguous = false;
	if (name->text == NULL) {
		(void)snprintf(out, DATABASE_NAME_ROOM, "%s", session);
		return ST_OK;
	}
	if (store_find_database(sql->store, name->text, !name->quoted, out, &ambiguous))
		return ST_OK;
	if (ambiguous)
		return error_set_at(err, ST_INVALID, name->position,
							"\"%s\" fits several databases that differ in case; write the one you "
							"mean in double quotes",
							name->text);
	return report_no_database(sql, name, err);
}

static Status
find_in_store(Sql *sql, const SqlTableName *name, const char *session, Table **out, Error *err)
{
	bool ambiguous = false;
	char database[DATABASE_NAME_ROOM];
	TRY(find_database(sql, &name->database, session, database, err));
	Table *table =
		store_find(sql->store, database, name->table.text, !name->table.quoted, &ambiguous);
	if (ambiguous)
		return error_set_at(
			err, ST_INVALID, name->table.position,
			"\"%s\" fits several tables that differ in case; write the one you mean "
			"in double quotes",
			name->table.text);
	if (table == NULL)
		return report_unknown(sql, &name->table, database, err);
	*out = table;
	return ST_OK;
}

static bool
same_word(const SqlName *name, const char *word)
{
	return name->quoted ? strcmp(name->text, word) == 0 : strcasecmp(name->text, word) == 0;
}

static const SqlSource *
find_source(const Sql *sql, const SqlName *schema)
{
	for (int32_t i = 0; i < sql->source_count; i++)
		if (same_word(schema, sql->sources[i].schema))
			return &sql->sources[i].source;
	return NULL;
}

static Status
report_schema(Sql *sql, const SqlName *schema, Error *err)
{
	if (same_word(schema, "rtdb"))
		return error_set_at(err, ST_UNIMPLEMENTED, schema->position,
							"statements that change rtdb alone are not built yet; name htdb's "
							"table, of which it has the newest rows");
	if (store_has_database(sql->store, schema->text))
		return error_set_at(err, ST_INVALID, schema->position,
							"\"%s\" is a database; write %s.htdb.table", schema->text,
							schema->text);
	return error_set_at(err, ST_INVALID, schema->position,
						"there is no schema \"%s\"; tables are in htdb and rtdb, and system "
						"has its own",
						schema->text);
}

static const char *
session_database(const Sql *sql, const SqlSession *session)
{
	return session != NULL && session->database != NULL ? session->database : sql->database;
}

static Status
check_schema(Sql *sql, const SqlName *schema, Error *err)
{
	if (schema->text == NULL || same_word(schema, "htdb"))
		return ST_OK;
	if (find_source(sql, schema) != NULL)
		return error_set_at(err, ST_INVALID, schema->position,
							"tables of %s are read only and the server's own: SELECT and DESCRIBE "
							"them",
							schema->text);
	return report_schema(sql, schema, err);
}

Status
sql_find_database(Sql *sql, const SqlTableName *name, const SqlSession *session,
				  char out[DATABASE_NAME_ROOM], Error *err)
{
	TRY(check_schema(sql, &name->schema, err));
	return find_database(sql, &name->database, session_database(sql, session), out, err);
}

Status
sql_find_table(Sql *sql, const SqlTableName *name, const SqlSession *session, Table **out,
			   Error *err)
{
	TRY(check_schema(sql, &name->schema, err));
	return find_in_store(sql, name, session_database(sql, session), out, err);
}

// ---- tables of sources ----

static Status
resolve_source(const SqlSource *source, const TableRef *ref, NamedRef *out, Error *err)
{
	const SqlName *name = &ref->name.table;
	size_t count = 0;
	while (source->names[count] != NULL) {
		if (same_word(name, source->names[count]))
			out->name = source->names[count];
		count++;
	}
	if (out->name == NULL) {
		const char *near = setting_propose(name->text, source->names, count);
		return error_set_at(err, ST_NOT_FOUND, name->position,
							near != NULL ? "there is no table %s.%s; did you mean %s.%s?"
										 : "there is no table %s.%s",
							ref->name.schema.text, name->text, ref->name.schema.text, near);
	}
	TRY(source->columns(source->ctx, out->name, &out->schema, err));
	out->source = source;
	out->table = -1;
	return ST_OK;
}

// ---- newest rows ----

// What rtdb says of a table. An entity has one row, which is its newest.
static Status
resolve_newest(const Sql *sql, const TableRef *ref, Table *table, NamedRef *out, Error *err)
{
	if (ref->name.schema.text == NULL || !same_word(&ref->name.schema, "rtdb"))
		return ST_OK;
	SCOPED(table_def_drop) TableDef *def = table_current(table);
	if (table_key_column(def) >= 0)
		return ST_OK;
	if (table_time_column(def) < 0)
		return error_set_at(err, ST_INVALID, ref->name.table.position,
							"table \"%s\" has no time column, so none of its rows is the newest; "
							"ask htdb.%s",
							table_name(def), table_name(def));
	out->newest = true;
	out->at_hand = sql->newest.lock != NULL && sql->newest.knows(sql->newest.ctx, table);
	return ST_OK;
}

// ---- all of a statement ----

// One entry for each table, however often it is named.
static Status
add_table(Names *names, Arena *arena, Table *table, int32_t *at, Error *err)
{
	for (*at = 0; *at < names->table_count; ++*at)
		if (names->tables[*at] == table) {
			table_unref(table);
			return ST_OK;
		}
	Table **tables = list_grow(arena, names->tables, names->table_count, sizeof(Table *));
	if (tables == NULL) {
		table_unref(table);
		return error_no_memory(err, "a statement");
	}
	names->tables = tables;
	names->tables[names->table_count++] = table;
	return ST_OK;
}

static Status
resolve_ref(Sql *sql, const TableRef *ref, const char *database, Arena *arena, Names *names,
			NamedRef *out, Error *err)
{
	const SqlName *schema = &ref->name.schema;
	bool stored = schema->text == NULL || same_word(schema, "htdb") || same_word(schema, "rtdb");
	if (!stored) {
		const SqlSource *source = find_source(sql, schema);
		if (source == NULL)
			return report_schema(sql, schema, err);
		char found[DATABASE_NAME_ROOM]; // each database shows the same tables
		TRY(find_database(sql, &ref->name.database, database, found, err));
		return resolve_source(source, ref, out, err);
	}
	Table *table = NULL;
	TRY(find_in_store(sql, &ref->name, database, &table, err));
	return add_table(names, arena, table, &out->table, err);
}

Status
names_resolve(Sql *sql, const Verdict *verdict, const char *database, Table *const *pinned,
			  Arena *arena, Names *out, Error *err)
{
	SCOPED(names_close) Names names = {0};
	names.refs = arena_array(arena, (size_t)verdict->ref_count, sizeof(*names.refs));
	TRY(arena_status(arena, err, "a statement"));
	for (int32_t i = 0; i < verdict->ref_count; i++) {
		NamedRef *ref = &names.refs[names.ref_count++];
		if (pinned != NULL && pinned[i] != NULL)
			TRY(add_table(&names, arena, table_ref(pinned[i]), &ref->table, err));
		else
			TRY(resolve_ref(sql, &verdict->refs[i], database, arena, &names, ref, err));
		if (ref->source == NULL)
			TRY(resolve_newest(sql, &verdict->refs[i], names.tables[ref->table], ref, err));
	}
	*out = names;
	names = (Names){0};
	return ST_OK;
}

void
names_close(Names *names)
{
	for (int32_t i = 0; i < names->table_count; i++)
		table_unref(names->tables[i]);
	for (int32_t i = 0; i < names->ref_count; i++)
		schema_unref(names->refs[i].schema);
	*names = (Names){0};
}
