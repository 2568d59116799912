// describe.c - tables as FlightInfo and ListFlights show them.

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "engine/database_int.h"
#include "store/retention.h"

typedef mobius_status (*EachTable)(void *arg, const mobius_table_info *info);

// As its rows are announced when they are asked for: every column nullable.
static Status
announced_schema(const TableDef *def, Buf *out, Error *err)
{
	const Schema *own = table_schema(def);
	int32_t count = schema_field_count(own);
	SCOPED(mem_drop) Field *fields = mem_alloc_array((size_t)count + 1, sizeof(Field));
	if (fields == NULL)
		return error_no_memory(err, "a schema");
	for (int32_t i = 0; i < count; i++) {
		fields[i] = *schema_field(own, i);
		fields[i].nullable = true;
	}
	SCOPED(schema_drop) Schema *announced = NULL;
	TRY(schema_new(fields, count, NULL, 0, &announced, err));
	return ipc_schema_encode(announced, out, err);
}

// How many rows it has, of the schema it is shown in; -1: unknown.
static int64_t
known_rows(const TableView *view, const char *schema, uint64_t seq)
{
	bool chosen = view_is_cut(view) || view_has_late(view) || strcmp(schema, "rtdb") == 0;
	return chosen ? -1 : view_rows(view, seq);
}

static Status
roles_of(const TableDef *def, mobius_role **out, Error *err)
{
	static const mobius_role roles[] = {
		[ROLE_TIME] = MOBIUS_ROLE_TIME,
		[ROLE_TAG] = MOBIUS_ROLE_TAG,
		[ROLE_FIELD] = MOBIUS_ROLE_FIELD,
		[ROLE_KEY] = MOBIUS_ROLE_KEY,
	};
	int32_t count = schema_field_count(table_schema(def));
	*out = mem_alloc_array((size_t)count + 1, sizeof(**out));
	if (*out == NULL)
		return error_no_memory(err, "a schema");
	for (int32_t i = 0; i < count; i++)
		(*out)[i] = roles[table_column_role(def, i)];
	return ST_OK;
}

// In the schema htdb, or its newest rows, in rtdb.
static Status
show(const TableView *view, const char *in, uint64_t seq, EachTable each, void *arg, Error *err)
{
	SCOPED(buf_close) Buf schema = BUF_INIT;
	SCOPED(mem_drop) mobius_role *roles = NULL;
	TRY(announced_schema(view->def, &schema, err));
	TRY(roles_of(view->def, &roles, err));
	mobius_table_info info = {
		.database = table_database(view->def),
		.schema = in,
		.name = table_name(view->def),
		.in_default = strcmp(table_database(view->def), DEFAULT_DATABASE) == 0,
		.arrow_schema = slice_out(buf_slice(&schema)),
		.roles = roles,
		.rows = known_rows(view, in, seq),
		.bytes = -1,
	};
	if (each(arg, &info) != MOBIUS_OK)
		return error_set(err, ST_CANCELLED, "stopped");
	return ST_OK;
}

// Whether rtdb has it.
static bool
has_newest(const TableView *view)
{
	return table_order_column(view->def) >= 0;
}

// "db.pattern" chooses another database.
static Status
split_pattern(mobius_session *session, const char *pattern, char **database, const char **rest,
			  Error *err)
{
	const char *dot = strchr(pattern, '.');
	*rest = dot != NULL ? dot + 1 : pattern;
	*database =
		dot != NULL ? mem_strndup(pattern, (size_t)(dot - pattern)) : mem_strdup(session->database);
	return *database == NULL ? error_no_memory(err, "a list of tables") : ST_OK;
}

static bool
has_exact(const Snapshot *snapshot, const char *database, const char *name)
{
	for (int32_t i = 0; i < snapshot->table_count; i++)
		if (strcmp(table_database(snapshot->tables[i].def), database) == 0 &&
			strcmp(table_name(snapshot->tables[i].def), name) == 0)
			return true;
	return false;
}

// By database and name.
static Status
all_tables(mobius *db, Snapshot **out, Error *err)
{
	TRY(database_ready(db, err));
	TRY(store_snapshot(db->store, NULL, 0, out, err));
	snapshot_sort(*out);
	return ST_OK;
}

static Status
each_table(mobius_session *session, const char *pattern, EachTable each, void *arg, Error *err)
{
	SCOPED(mem_drop) char *database = NULL;
	const char *rest;
	TRY(split_pattern(session, pattern == NULL ? "" : pattern, &database, &rest, err));
	SCOPED(snapshot_drop) Snapshot *snapshot = NULL;
	TRY(all_tables(session->db, &snapshot, err));
	bool all = rest[0] == '\0', exact = has_exact(snapshot, database, rest);
	for (int32_t i = 0; i < snapshot->table_count; i++) {
		const TableView *view = &snapshot->tables[i];
		const char *name = table_name(view->def);
		bool match = all || (exact ? strcmp(name, rest) == 0
								   : text_like(slice_text(name), slice_text(rest)));
		if (match && strcmp(table_database(view->def), database) == 0)
			TRY(show(view, "htdb", snapshot->seq, each, arg, err));
	}
	return ST_OK;
}

mobius_status
mobius_tables_each(mobius_session *session, const char *pattern, EachTable each, void *arg,
				   mobius_error *err)
{
	Error e = ERROR_INIT;
	return error_out(each_table(session, pattern, each, arg, &e), &e, err);
}

static Status
each_of_all(mobius *db, EachTable each, void *arg, Error *err)
{
	SCOPED(snapshot_drop) Snapshot *snapshot = NULL;
	TRY(all_tables(db, &snapshot, err));
	for (int32_t from = 0, to; from < snapshot->table_count; from = to) {
		const char *database = table_database(snapshot->tables[from].def);
		for (to = from; to < snapshot->table_count &&
						strcmp(table_database(snapshot->tables[to].def), database) == 0;
			 to++)
			TRY(show(&snapshot->tables[to], "htdb", snapshot->seq, each, arg, err));
		for (int32_t i = from; i < to; i++)
			if (has_newest(&snapshot->tables[i]))
				TRY(show(&snapshot->tables[i], "rtdb", snapshot->seq, each, arg, err));
	}
	return ST_OK;
}

mobius_status
mobius_tables_of_all(mobius *db, EachTable each, void *arg, mobius_error *err)
{
	Error e = ERROR_INIT;
	return error_out(each_of_all(db, each, arg, &e), &e, err);
}

// ---- one, by path ----

static Status
path_part(mobius_slice part, char **out, Error *err)
{
	if (part.len == 0 || memchr(part.data, 0, part.len) != NULL)
		return error_set(err, ST_INVALID, "a part of the path is empty or holds a NUL");
	*out = mem_strndup((const char *)part.data, part.len);
	return *out == NULL ? error_no_memory(err, "a path") : ST_OK;
}

static Status
describe(mobius_session *session, const mobius_slice *path, size_t count, EachTable each, void *arg,
		 Error *err)
{
	TRY(database_ready(session->db, err));
	if (count < 1 || count > 3)
		return error_set(err, ST_INVALID,
						 "a path is [table], [schema, table] or [database, schema, table]");
	SCOPED(mem_drop) char *database = NULL, *schema = NULL, *table = NULL;
	TRY(path_part(path[count - 1], &table, err));
	if (count >= 2)
		TRY(path_part(path[count - 2], &schema, err));
	if (count == 3)
		TRY(path_part(path[0], &database, err));
	bool newest = schema != NULL && strcmp(schema, "rtdb") == 0;
	if (schema != NULL && !newest && strcmp(schema, "htdb") != 0)
		return error_set(
			err, ST_INVALID,
			"\"%s\" is no schema of tables; write [\"%s\", \"htdb\", table] if it is a "
			"database, else [\"htdb\", table]",
			schema, schema);
	SqlTableName name = {
		.database = {.text = database, .quoted = true, .position = -1},
		.table = {.text = table, .quoted = true, .position = -1},
	};
	SCOPED(table_drop_ref) Table *found = NULL;
	TRY(sql_find_table(session->db->sql, &name, &(SqlSession){.database = session->database},
					   &found, err));
	SCOPED(snapshot_drop) Snapshot *snapshot = NULL;
	TRY(store_snapshot(session->db->store, &found, 1, &snapshot, err));
	const TableView *view = &snapshot->tables[0];
	if (newest && !has_newest(view))
		return error_set(err, ST_INVALID,
						 "table \"%s\" has no time column, so none of its rows is the newest; ask "
						 "htdb",
						 table);
	return show(view, newest ? "rtdb" : "htdb", snapshot->seq, each, arg, err);
}

mobius_status
mobius_table_describe(mobius_session *session, const mobius_slice *path, size_t count,
					  EachTable each, void *arg, mobius_error *err)
{
	Error e = ERROR_INIT;
	return error_out(describe(session, path, count, each, arg, &e), &e, err);
}
