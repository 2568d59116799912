#include "sql/followed.h"

#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "expr/tree.h"
#include "sql/lexer.h"
#include "sql/names.h"
#include "sql/sql_int.h"

void
sql_followed_close(SqlFollowed *followed)
{
	mem_free(followed->text);
	mem_free(followed->newest);
	json_decref(followed->tree);
	table_unref(followed->table);
	schema_unref(followed->schema);
	*followed = (SqlFollowed){0};
}

// ---- parameters ----

static Status
add_constant(const json_t *value, Token token, Buf *out, Error *err)
{
	switch (json_typeof(value)) {
	case JSON_STRING:
		text_quote(out, slice_of(json_string_value(value), json_string_length(value)), '\'');
		return ST_OK;
	case JSON_INTEGER:
		buf_add_printf(out, "(%" PRId64 ")", (int64_t)json_integer_value(value));
		return ST_OK;
	case JSON_REAL: buf_add_printf(out, "(%.17ge0)", json_real_value(value)); return ST_OK;
	case JSON_TRUE: buf_add_text(out, "true"); return ST_OK;
	case JSON_FALSE: buf_add_text(out, "false"); return ST_OK;
	case JSON_NULL: buf_add_text(out, "NULL"); return ST_OK;
	default: break;
	}
	return error_set_at(err, ST_INVALID, token.from,
						"a parameter is a text, a number, true, false or null");
}

// Which one a token means; the next one for each `?`.
static Status
find_param(const json_t *params, Slice text, Token token, size_t *next, const json_t **out,
		   Error *err)
{
	char digits[12] = {0};
	size_t len = (size_t)(token.to - token.from), at = *next;
	if (len > 1 && len < sizeof(digits)) {
		memcpy(digits, text.data + token.from + 1, len - 1);
		at = strspn(digits, "0123456789") == len - 1 ? strtoul(digits, NULL, 10) - 1 : SIZE_MAX;
	} else {
		++*next;
	}
	*out = json_array_get(params, at);
	if (*out == NULL)
		return error_set_at(err, ST_INVALID, token.from,
							"there is no value for this parameter; \"params\" has %zu",
							json_array_size(params));
	return ST_OK;
}

static Status
put_in_params(Slice text, const json_t *params, Buf *out, Error *err)
{
	Lexer lexer = lexer_at(text, 0);
	Token token = {.kind = TOKEN_SIGN};
	size_t next = 0;
	int32_t done = 0;
	while (token.kind != TOKEN_END) {
		TRY(lexer_next(&lexer, &token, err));
		if (token.kind != TOKEN_PARAM)
			continue;
		const json_t *value;
		TRY(find_param(params, text, token, &next, &value, err));
		buf_add(out, text.data + done, (size_t)(token.from - done));
		TRY(add_constant(value, token, out, err));
		done = token.to;
	}
	buf_add(out, text.data + done, text.len - (size_t)done);
	return buf_status(out, err, "a statement");
}

// ---- the tree ----

static Status
refuse(const json_t *node, const char *what, Error *err)
{
	return error_set_at(err, ST_INVALID, tree_location(node),
						"a subscription is SELECT columns and expressions FROM one table WHERE "
						"condition, without %s",
						what);
}

// What a SELECT has besides, by its key in the tree.
static Status
check_parts(const json_t *select, Error *err)
{
	static const char *const others[][2] = {
		{"modifiers", "ORDER BY, LIMIT or DISTINCT"},
		{"group_expressions", "GROUP BY"},
		{"group_sets", "GROUP BY"},
		{"having", "HAVING"},
		{"qualify", "QUALIFY"},
		{"sample", "a sample"},
		{"cte_map", "WITH"},
	};
	for (size_t i = 0; i < COUNT_OF(others); i++) {
		const json_t *part = json_object_get(select, others[i][0]);
		const json_t *map = json_object_get(part, "map");
		bool empty = part == NULL || json_is_null(part) ||
					 (json_is_array(part) && json_array_size(part) == 0) ||
					 (json_is_object(part) && map != NULL && json_array_size(map) == 0) ||
					 (json_is_object(part) && json_object_size(part) == 0);
		if (!empty)
			return refuse(NULL, others[i][1], err);
	}
	return ST_OK;
}

static Status
take_apart(SqlFollowed *followed, const json_t **from, Error *err)
{
	const json_t *statement = json_array_get(json_object_get(followed->tree, "statements"), 0);
	const json_t *select = json_object_get(statement, "node");
	if (!tree_is(select, "SELECT_NODE"))
		return refuse(NULL, "UNION and the like", err);
	TRY(check_parts(select, err));
	*from = json_object_get(select, "from_table");
	if (!tree_is(*from, "BASE_TABLE"))
		return refuse(*from, "joins, subqueries or functions in FROM", err);
	followed->select_list = json_object_get(select, "select_list");
	followed->where = json_object_get(select, "where_clause");
	const char *alias = tree_text(*from, "alias");
	followed->name = alias[0] != '\0' ? alias : tree_text(*from, "table_name");
	return ST_OK;
}

// ---- the table ----

// The names behind FROM, by their tokens: whether they were quoted matters.
static Status
read_table_name(const char *text, const json_t *from, SqlTableName *out, Token *first, Token *last,
				Arena *arena, Error *err)
{
	Slice whole = slice_text(text);
	Lexer lexer = lexer_at(whole, tree_location(from));
	SqlName names[3] = {0};
	int count = 0;
	for (;;) {
		Token token, dot;
		SCOPED(buf_close) Buf value = BUF_INIT;
		TRY(lexer_next(&lexer, &token, err));
		if (count == 3 || (token.kind != TOKEN_NAME && token.kind != TOKEN_QUOTED))
			return refuse(from, "anything but a table's name in FROM", err);
		token_value(whole, token, &value);
		if (count == 0)
			*first = token;
		*last = token;
		names[count++] = (SqlName){arena_strndup(arena, (const char *)value.data, value.len),
								   token.kind == TOKEN_QUOTED, token.from};
		TRY(arena_status(arena, err, "a statement"));
		TRY(lexer_next(&lexer, &dot, err));
		if (!token_is_sign(whole, dot, '.'))
			break;
	}
	out->table = names[count - 1];
	if (count == 3) {
		out->database = names[0];
		out->schema = names[1];
	} else if (count == 2) {
		out->schema = names[0];
	}
	return ST_OK;
}

// The text with rtdb in place of htdb.
static Status
name_newest(SqlFollowed *followed, Token first, Token last, Error *err)
{
	SCOPED(buf_close) Buf out = BUF_INIT;
	SCOPED(table_def_drop) TableDef *def = table_current(followed->table);
	buf_add(&out, followed->text, (size_t)first.from);
	text_quote(&out, slice_text(table_database(def)), '"');
	buf_add_text(&out, ".rtdb.");
	buf_add(&out, followed->text + last.from, (size_t)(last.to - last.from));
	buf_add_text(&out, followed->text + last.to);
	TRY(buf_status(&out, err, "a statement"));
	followed->newest = buf_take_text(&out);
	return followed->newest != NULL ? ST_OK : error_no_memory(err, "a statement");
}

static Status
find_table(Sql *sql, SqlFollowed *followed, const json_t *from, const SqlSession *session,
		   Error *err)
{
	SCOPED(arena_close) Arena arena = ARENA_INIT;
	SqlTableName name = {0};
	Token first = {0}, last = {0};
	TRY(read_table_name(followed->text, from, &name, &first, &last, &arena, err));
	TRY(sql_find_table(sql, &name, session, &followed->table, err));
	return name_newest(followed, first, last, err);
}

// ---- the whole ----

static Status
parse_tree(Sql *sql, SqlFollowed *followed, Error *err)
{
	Conn *conn = NULL;
	TRY(pool_acquire(sql->narrow, NULL, 0, &conn, err));
	Status st = gate_tree(conn->duck, slice_text(followed->text), &followed->tree, err);
	pool_release(conn);
	return st;
}

// The engine's own opinion of names and types.
static Status
bind(Sql *sql, SqlFollowed *followed, const SqlSession *session, Error *err)
{
	SCOPED(sql_query_drop) SqlQuery *query = NULL;
	TRY(sql_query_open(sql, followed->text, session, &query, err));
	followed->schema = schema_ref(sql_query_schema(query));
	return ST_OK;
}

Status
sql_followed_open(Sql *sql, Slice text, const json_t *params, const SqlSession *session,
				  SqlFollowed *out, Error *err)
{
	SCOPED(sql_followed_close) SqlFollowed followed = {0};
	SCOPED(buf_close) Buf filled = BUF_INIT;
	SCOPED(sql_statement_drop) SqlStatement *statement = NULL;
	const json_t *from = NULL;
	TRY(put_in_params(text, params, &filled, err));
	TRY(sql_parse(buf_slice(&filled), &statement, err));
	if (statement->kind != STATEMENT_READ)
		return refuse(NULL, "other statements", err);
	followed.text = mem_strdup(statement->text);
	if (followed.text == NULL)
		return error_no_memory(err, "a statement");
	TRY(bind(sql, &followed, session, err));
	TRY(parse_tree(sql, &followed, err));
	TRY(take_apart(&followed, &from, err));
	TRY(find_table(sql, &followed, from, session, err));
	*out = followed;
	followed = (SqlFollowed){0};
	return ST_OK;
}
