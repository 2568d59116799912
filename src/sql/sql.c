#include "sql/sql.h"

#include <string.h>

#include "base/mem.h"
#include "duck/scan.h"
#include "sql/lexer.h"
#include "sql/sql_int.h"

DEFINE_DROP(Sql, sql_drop, sql_close)

Status
sql_open(const SqlOptions *options, Sql **out, Error *err)
{
	SCOPED(sql_drop) Sql *sql = mem_alloc(sizeof(*sql));
	if (sql == NULL)
		return error_no_memory(err, "SQL");
	sql->store = options->store;
	if (options->newest != NULL)
		sql->newest = *options->newest;
	sql->database = mem_strdup(options->database);
	if (sql->database == NULL)
		return error_no_memory(err, "SQL");
	TRY(verdicts_new(&sql->verdicts, err));
	DuckOptions duck = {.threads = options->threads,
						.memory_bytes = options->memory_bytes,
						.temp_dir = options->temp_dir,
						.allowed_dir = options->files_dir};
	duck.later = true; // it differs from the other one in its threads
	TRY(pool_open(&duck, &sql->pool, err));
	duck.later = false;
	duck.threads = 1;
	TRY(pool_open(&duck, &sql->narrow, err));
	*out = TAKE(sql);
	return ST_OK;
}

void
sql_close(Sql *sql)
{
	if (sql == NULL)
		return;
	pool_close(sql->narrow);
	pool_close(sql->pool);
	verdicts_free(sql->verdicts);
	mem_free(sql->database);
	mem_free(sql);
}

Status
sql_register(Sql *sql, const char *schema, const SqlSource *source, Error *err)
{
	if (sql->source_count == MOST_SOURCES)
		return error_set(err, ST_INTERNAL, "there are %d sources already", MOST_SOURCES);
	sql->sources[sql->source_count++] = (NamedSource){schema, *source};
	return ST_OK;
}

bool
sql_is_known_constant(Sql *sql, const char *text)
{
	SCOPED(verdict_drop) Verdict *verdict = verdicts_find(sql->verdicts, slice_text(text));
	return verdict != NULL && verdict->constant && pool_has_idle(sql->narrow);
}

// 'duration[us]': what Arrow calls it, for types that the engine has no name for.
static Status
quoted_type(const char *text, Buf *out, bool *is, Error *err)
{
	Slice whole = slice_text(text);
	Lexer lexer = lexer_at(whole, 0);
	Token token;
	*is = lexer_next(&lexer, &token, NULL) == ST_OK && token.kind == TOKEN_STRING &&
		  (size_t)token.to == whole.len;
	if (*is)
		token_value(whole, token, out);
	return buf_status(out, err, "a type");
}

Status
sql_field_of_type(Sql *sql, const char *name, const char *type_text, bool nullable, Field *out,
				  Arena *arena, Error *err)
{
	SCOPED(buf_close) Buf quoted = BUF_INIT;
	bool is_quoted;
	TRY(quoted_type(type_text, &quoted, &is_quoted, err));
	Field field = {0};
	if (is_quoted) {
		TRY(field_of_type_name(name, buf_text(&quoted), arena, &field, err));
	} else {
		Conn *conn = NULL;
		TRY(pool_acquire(sql->pool, NULL, 0, &conn, err));
		Status st = duck_field_of_type(conn->duck, name, type_text, &field, arena, err);
		pool_release(conn);
		TRY(st);
	}
	*out = field;
	out->nullable = nullable;
	return ST_OK;
}
