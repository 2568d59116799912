// embedded_database.c - databases of mobius.h, and the collections they have.

#include <string.h>

#include "base/mem.h"
#include "base/setting.h"
#include "engine/embedded_int.h"

static SqlName
exact_name(const char *text)
{
	return (SqlName){.text = text, .quoted = true, .position = -1};
}

// ---- create and drop ----

static Status
change_database(mobius *db, StatementKind kind, const char *name, Error *err)
{
	TRY(database_ready(db, err));
	const SqlStatement statement = {.kind = kind, .database = exact_name(name)};
	return define_database(db, &statement, err);
}

mobius_status
mobius_create_database(mobius *db, const char *name, mobius_error *err)
{
	Error e = ERROR_INIT;
	return error_out(change_database(db, STATEMENT_CREATE_DATABASE, name, &e), &e, err);
}

mobius_status
mobius_drop_database(mobius *db, const char *name, mobius_error *err)
{
	Error e = ERROR_INIT;
	return error_out(change_database(db, STATEMENT_DROP_DATABASE, name, &e), &e, err);
}

// ---- handles ----

static void
database_close(mobius_database **database)
{
	mobius_database_close(*database);
}

Status
embedded_database_check(const mobius_database *database, Error *err)
{
	const SqlTableName name = {.database = exact_name(database->name)};
	char found[DATABASE_NAME_ROOM];
	TRY(database_ready(database->db, err));
	return sql_find_database(database->db->sql, &name, NULL, found, err);
}

static Status
database_open(mobius *db, const char *name, mobius_database **out, Error *err)
{
	SCOPED(database_close) mobius_database *database = mem_alloc(sizeof(*database));
	if (database == NULL)
		return error_no_memory(err, "a database");
	database->db = db;
	database->name = mem_strdup(name);
	if (database->name == NULL)
		return error_no_memory(err, "a database");
	TRY(embedded_database_check(database, err));
	*out = TAKE(database);
	return ST_OK;
}

mobius_status
mobius_database_open(mobius *db, const char *name, mobius_database **out, mobius_error *err)
{
	Error e = ERROR_INIT;
	return error_out(database_open(db, name, out, &e), &e, err);
}

void
mobius_database_close(mobius_database *database)
{
	if (database == NULL)
		return;
	mem_free(database->name);
	mem_free(database);
}

const char *
mobius_database_name(const mobius_database *database)
{
	return database->name;
}

// ---- lists ----

static Status
show_name(mobius_each_name *each, void *arg, const char *name, Error *err)
{
	mobius_status st = each(arg, name);
	return st == MOBIUS_OK ? ST_OK : error_set(err, (Status)st, "the list was ended at %s", name);
}

static Status
each_database(mobius *db, mobius_each_name *each, void *arg, Error *err)
{
	TRY(database_ready(db, err));
	SCOPED(arena_close) Arena arena = ARENA_INIT;
	const char *const *names;
	int32_t count;
	TRY(store_databases(db->store, &arena, &names, &count, err));
	for (int32_t i = 0; i < count; i++)
		TRY(show_name(each, arg, names[i], err));
	return ST_OK;
}

mobius_status
mobius_databases(mobius *db, mobius_each_name *each, void *arg, mobius_error *err)
{
	Error e = ERROR_INIT;
	return error_out(each_database(db, each, arg, &e), &e, err);
}

static Status
each_collection(const mobius_database *database, mobius_each_name *each, void *arg, Error *err)
{
	TRY(embedded_database_check(database, err));
	SCOPED(snapshot_drop) Snapshot *snapshot = NULL;
	TRY(store_snapshot(database->db->store, NULL, 0, &snapshot, err));
	snapshot_sort(snapshot);
	for (int32_t i = 0; i < snapshot->table_count; i++) {
		const TableDef *def = snapshot->tables[i].def;
		if (strcmp(table_database(def), database->name) == 0)
			TRY(show_name(each, arg, table_name(def), err));
	}
	return ST_OK;
}

mobius_status
mobius_collections(mobius_database *database, mobius_each_name *each, void *arg, mobius_error *err)
{
	Error e = ERROR_INIT;
	return error_out(each_collection(database, each, arg, &e), &e, err);
}

// ---- collections by name ----

static Status
find_table(const mobius_database *database, const char *name, Table **out, Error *err)
{
	TRY(embedded_database_check(database, err));
	const SqlTableName full = {.database = exact_name(database->name), .table = exact_name(name)};
	return sql_find_table(database->db->sql, &full, &(SqlSession){.database = database->name}, out,
						  err);
}

static Status
collection_open(const mobius_database *database, const char *name, mobius_collection **out,
				Error *err)
{
	SCOPED(table_drop_ref) Table *table = NULL;
	TRY(find_table(database, name, &table, err));
	return embedded_collection_new(database->db, table, out, err);
}

mobius_status
mobius_collection_open(mobius_database *database, const char *name, mobius_collection **out,
					   mobius_error *err)
{
	Error e = ERROR_INIT;
	return error_out(collection_open(database, name, out, &e), &e, err);
}

static Status
collection_drop(const mobius_database *database, const char *name, Error *err)
{
	SCOPED(table_drop_ref) Table *table = NULL;
	TRY(find_table(database, name, &table, err));
	return define_drop(database->db, table, err);
}

mobius_status
mobius_drop_collection(mobius_database *database, const char *name, mobius_error *err)
{
	Error e = ERROR_INIT;
	return error_out(collection_drop(database, name, &e), &e, err);
}

// ---- collections made ----

// "key=value" into what a request has.
static Status
take_option(const char *option, TableRequest *request, Arena *arena, Error *err)
{
	static const char *const keys[] = {"time", "tags", "durability", "dedup", "ttl", "key"};
	const char **places[] = {&request->time,  &request->tags, &request->durability,
							 &request->dedup, &request->ttl,  &request->key};
	const char *sign = strchr(option, '=');
	if (sign == NULL)
		return error_set(err, ST_INVALID, "option \"%s\" has no value; write key=value", option);
	char *key = arena_strndup(arena, option, (size_t)(sign - option));
	TRY(arena_status(arena, err, "an option"));
	for (size_t i = 0; i < COUNT_OF(keys); i++)
		if (strcmp(keys[i], key) == 0) {
			if (*places[i] != NULL)
				return error_set(err, ST_INVALID, "option %s is given twice", key);
			*places[i] = sign + 1;
			return ST_OK;
		}
	const char *near = setting_propose(key, keys, COUNT_OF(keys));
	return error_set(err, ST_INVALID,
					 near != NULL
						 ? "there is no option %s; did you mean %s?"
						 : "there is no option %s; there are time, tags, durability, dedup, "
						   "ttl and key",
					 key, near);
}

static Status
collection_make(const mobius_database *database, const char *name, const struct ArrowSchema *schema,
				const char *const *options, mobius_collection **out, Error *err)
{
	TRY(embedded_database_check(database, err));
	SCOPED(schema_drop) Schema *sent = NULL;
	TRY(cdata_import_schema(schema, &sent, err));
	SCOPED(schema_drop) Schema *decoded = NULL;
	TRY(schema_decoded(sent, &decoded, err));
	SCOPED(arena_close) Arena arena = ARENA_INIT;
	TableRequest request = {.database = database->name, .name = name, .schema = decoded};
	for (; options != NULL && *options != NULL; options++)
		TRY(take_option(*options, &request, &arena, err));
	bool created;
	TRY(define_create(database->db, &request, sent, false, &created, err));
	return collection_open(database, name, out, err);
}

mobius_status
mobius_create_collection(mobius_database *database, const char *name, struct ArrowSchema *schema,
						 const char *const *options, mobius_collection **out, mobius_error *err)
{
	Error e = ERROR_INIT;
	Status st = collection_make(database, name, schema, options, out, &e);
	embedded_release(schema, NULL);
	return error_out(st, &e, err);
}
