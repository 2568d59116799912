// Statements as text: how many there are, and what one SELECT looks like.

#include <string.h>

#include "base/mem.h"
#include "duck/duck_int.h"

static const char parse_sql[] = "SELECT json_serialize_sql($1::VARCHAR, skip_null := true, "
								"skip_empty := true, skip_default := true)";

Status
duck_count_statements(DuckConn *conn, const char *sql, int *out, Error *err)
{
	SCOPED(duckdb_destroy_extracted) duckdb_extracted_statements list = NULL;
	idx_t count = duckdb_extract_statements(conn->conn, sql, &list);
	const char *message = duckdb_extract_statements_error(list);
	if (message != NULL)
		return duck_error(conn->duck, message, err);
	*out = (int)count;
	return ST_OK;
}

// The text a prepared parser makes of `sql`.
static Status
serialize(DuckConn *conn, const char *sql, char **out, Error *err)
{
	if (conn->parser == NULL)
		TRY(duck_prepare_one(conn, parse_sql, &conn->parser, err));
	if (duckdb_bind_varchar(conn->parser, 1, sql) != DuckDBSuccess)
		return error_set(err, ST_INVALID, "the statement is not valid UTF-8");

	SCOPED(duckdb_destroy_result) duckdb_result result = {0};
	if (duckdb_execute_prepared(conn->parser, &result) != DuckDBSuccess)
		return duck_error(conn->duck, duckdb_result_error(&result), err);
	SCOPED(duckdb_destroy_data_chunk) duckdb_data_chunk chunk = duckdb_fetch_chunk(result);
	if (chunk == NULL)
		return duck_error(conn->duck, duckdb_result_error(&result), err);
	duckdb_string_t *text = duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 0));
	*out = mem_strndup(duckdb_string_t_data(text), duckdb_string_t_length(*text));
	return *out == NULL ? error_no_memory(err, "a parse tree") : ST_OK;
}

// Most texts show without another look that they are one statement.
static Status
check_single(DuckConn *conn, const char *sql, Error *err)
{
	if (strchr(sql, ';') == NULL)
		return ST_OK;
	int count = 0;
	TRY(duck_count_statements(conn, sql, &count, err));
	if (count > 1)
		return error_set(err, ST_INVALID, "%d statements in one text; send one at a time", count);
	return ST_OK;
}

Status
duck_parse(DuckConn *conn, const char *sql, char **out_json, Error *err)
{
	SCOPED(mem_drop) char *json = NULL;
	TRY(serialize(conn, sql, &json, err));
	if (strncmp(json, "{\"error\":true", strlen("{\"error\":true")) == 0)
		return duck_parse_error(conn->duck, json, err);
	if (strcmp(json, "{\"error\":false,\"statements\":[]}") == 0)
		return error_set(err, ST_INVALID, "there is no statement in the text");
	TRY(check_single(conn, sql, err));

	*out_json = TAKE(json);
	return ST_OK;
}
