#include "sql/sql.h"

#include <string.h>

#include "base/mem.h"
#include "duck/scan.h"
#include "sql/sql_int.h"

DEFINE_DROP(Sql, sql_drop, sql_close)

Status
sql_open(const SqlOptions *options, Sql **out, Error *err)
{
	SCOPED(sql_drop) Sql *sql = mem_alloc(sizeof(*sql));
	if (sql == NULL)
		return error_no_memory(err, "SQL");
	sql->store = options->store;
	sql->database = mem_strdup(options->database);
	if (sql->database == NULL)
		return error_no_memory(err, "SQL");
	TRY(verdicts_new(&sql->verdicts, err));
	DuckOptions duck = {.threads = options->threads,
						.memory_bytes = options->memory_bytes,
						.temp_dir = options->temp_dir,
						.allowed_dir = options->files_dir};
	TRY(pool_open(&duck, &sql->pool, err));
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

Status
sql_field_of_type(Sql *sql, const char *name, const char *type_text, bool nullable, Field *out,
				  Arena *arena, Error *err)
{
	Conn *conn = NULL;
	TRY(pool_acquire(sql->pool, NULL, 0, &conn, err));
	Status st = duck_field_of_type(conn->duck, name, type_text, out, arena, err);
	pool_release(conn);
	if (st == ST_OK)
		out->nullable = nullable;
	return st;
}
