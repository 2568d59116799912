#include <string.h>

#include "base/mem.h"
#include "duck/duck_int.h"

// Our own statements set up an instance of users; none of them may write or attach a file.
static bool
type_allowed(const Duck *duck, duckdb_statement_type type)
{
	switch (type) {
	case DUCKDB_STATEMENT_TYPE_COPY:
	case DUCKDB_STATEMENT_TYPE_EXPORT:
	case DUCKDB_STATEMENT_TYPE_ATTACH:
	case DUCKDB_STATEMENT_TYPE_DETACH:
	case DUCKDB_STATEMENT_TYPE_LOAD:
	case DUCKDB_STATEMENT_TYPE_EXTENSION:
	case DUCKDB_STATEMENT_TYPE_MULTI: return duck->trusted;
	default: return true;
	}
}

Status
duck_prepare_one(DuckConn *conn, const char *sql, duckdb_prepared_statement *out, Error *err)
{
	SCOPED(duckdb_destroy_prepare) duckdb_prepared_statement prepared = NULL;
	if (duckdb_prepare(conn->conn, sql, &prepared) != DuckDBSuccess)
		return duck_error(conn->duck, duckdb_prepare_error(prepared), err);
	if (!type_allowed(conn->duck, duckdb_prepared_statement_type(prepared)))
		return error_set(err, ST_DENIED, "statements that write or attach files are not run here");

	*out = TAKE(prepared);
	return ST_OK;
}

Status
duck_run(DuckConn *conn, const char *sql, Error *err)
{
	SCOPED(duckdb_destroy_prepare) duckdb_prepared_statement prepared = NULL;
	TRY(duck_prepare_one(conn, sql, &prepared, err));
	SCOPED(duckdb_destroy_result) duckdb_result result = {0};
	if (duckdb_execute_prepared(prepared, &result) != DuckDBSuccess)
		return duck_error(conn->duck, duckdb_result_error(&result), err);
	return ST_OK;
}

// The first value of a result whose rows were not fetched.
static Status
first_value(duckdb_result *result, char **out, Error *err)
{
	*out = NULL;
	if (duckdb_row_count(result) == 0 || duckdb_value_is_null(result, 0, 0))
		return ST_OK;
	char *value = duckdb_value_varchar(result, 0, 0);
	*out = value == NULL ? NULL : mem_strdup(value);
	duckdb_free(value);
	return *out == NULL ? error_no_memory(err, "a value") : ST_OK;
}

Status
duck_query_text(DuckConn *conn, const char *sql, const char *const *params, int count, char **out,
				Error *err)
{
	SCOPED(duckdb_destroy_prepare) duckdb_prepared_statement prepared = NULL;
	TRY(duck_prepare_one(conn, sql, &prepared, err));
	for (int i = 0; i < count; i++) {
		idx_t at = (idx_t)i + 1;
		duckdb_state state = params[i] == NULL ? duckdb_bind_null(prepared, at)
											   : duckdb_bind_varchar(prepared, at, params[i]);
		if (state != DuckDBSuccess)
			return error_set(err, ST_INVALID, "parameter $%d is not taken", i + 1);
	}
	SCOPED(duckdb_destroy_result) duckdb_result result = {0};
	if (duckdb_execute_prepared(prepared, &result) != DuckDBSuccess)
		return duck_error(conn->duck, duckdb_result_error(&result), err);
	return first_value(&result, out, err);
}

// ---- statements that are kept ----

static Status
result_schema(duckdb_prepared_statement prepared, Schema **out, Error *err)
{
	SCOPED(arena_close) Arena arena = ARENA_INIT;
	idx_t count = duckdb_prepared_statement_column_count(prepared);
	Field *fields = arena_array(&arena, count, sizeof(*fields));
	for (idx_t i = 0; fields != NULL && i < count; i++) {
		SCOPED(duckdb_destroy_logical_type)
		duckdb_logical_type type = duckdb_prepared_statement_column_logical_type(prepared, i);
		const char *name = duckdb_prepared_statement_column_name(prepared, i);
		Status st = duck_result_field(type, name != NULL ? name : "", &arena, &fields[i], err);
		duckdb_free((void *)(uintptr_t)name);
		TRY(st);
	}
	TRY(arena_status(&arena, err, "a result's schema"));
	return schema_new(fields, (int32_t)count, NULL, 0, out, err);
}

Status
duck_prepare(DuckConn *conn, const char *sql, DuckStatement **out, Error *err)
{
	SCOPED(duck_statement_drop) DuckStatement *statement = mem_alloc(sizeof(*statement));
	if (statement == NULL)
		return error_no_memory(err, "a statement");
	statement->conn = conn;
	TRY(duck_prepare_one(conn, sql, &statement->prepared, err));
	statement->type = duckdb_prepared_statement_type(statement->prepared);

	// Types that depend on parameters are unknown; that matters only to who asks for them.
	Status st = result_schema(statement->prepared, &statement->schema, &statement->why);
	if (st == ST_NO_MEMORY)
		return error_no_memory(err, "a result's schema");

	*out = TAKE(statement);
	return ST_OK;
}

void
duck_statement_free(DuckStatement *statement)
{
	if (statement == NULL)
		return;
	duckdb_destroy_prepare(&statement->prepared);
	schema_unref(statement->schema);
	mem_free(statement);
}

bool
duck_statement_is_select(const DuckStatement *statement)
{
	return statement->type == DUCKDB_STATEMENT_TYPE_SELECT ||
		   statement->type == DUCKDB_STATEMENT_TYPE_EXPLAIN;
}

Status
duck_statement_schema(const DuckStatement *statement, Schema **out, Error *err)
{
	if (statement->schema == NULL)
		return error_set_at(err, statement->why.code, statement->why.position, "%s",
							statement->why.text);
	*out = schema_ref(statement->schema);
	return ST_OK;
}

int
duck_statement_param_count(const DuckStatement *statement)
{
	return (int)duckdb_nparams(statement->prepared);
}
