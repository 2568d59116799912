// query.c - one read: opened (judged, named, bound), started with a snapshot, streamed.
//
// What it is bound to is what was there when it was opened; when the snapshot of its start differs
// in files or definitions it is bound again, and must announce the same.

#include "base/mem.h"
#include "sql/query_int.h"

// ---- opening ----

static Status
judge(SqlQuery *query, const char *text, Error *err)
{
	Sql *sql = query->sql;
	Slice slice = slice_text(text);
	query->verdict = verdicts_find(sql->verdicts, slice);
	if (query->verdict != NULL)
		return ST_OK;
	TRY(query_ensure_conn(query, query->sql->narrow, NULL, 0, err));
	TRY(gate_judge(query->conn->duck, slice, &query->verdict, err));
	verdicts_add(sql->verdicts, slice, query->verdict);
	return ST_OK;
}

// The schema that the statement has for this snapshot; bound by the engine unless its batches can
// be passed on.
static Status
announce(SqlQuery *query, const Snapshot *snapshot, Error *err)
{
	SCOPED(schema_drop) Schema *schema = NULL;
	TRY(passing_schema(query, snapshot, &schema, err));
	if (schema == NULL) {
		TRY(query_bind_to(query, snapshot, err));
		schema = schema_ref(query->plan->schema);
	}
	schema_unref(query->schema);
	query->schema = TAKE(schema);
	return ST_OK;
}

static Status
query_new(Sql *sql, SqlQuery **out, Error *err)
{
	SqlQuery *query = mem_alloc(sizeof(*query));
	if (query == NULL)
		return error_no_memory(err, "a statement");
	query->sql = sql;
	pthread_mutex_init(&query->lock, NULL);
	atomic_init(&query->cancelled, false);
	*out = query;
	return ST_OK;
}

static Status
query_resolve(SqlQuery *query, const char *text, const SqlSession *session, Error *err)
{
	TRY(judge(query, text, err));
	const char *database =
		session != NULL && session->database != NULL ? session->database : query->sql->database;
	if (session != NULL && session->pin != NULL)
		query->pin = sql_pin_ref(session->pin);
	Table *const *pinned = query->pin != NULL ? query->pin->tables : NULL;
	return names_resolve(query->sql, query->verdict, database, pinned, &query->arena, &query->names,
						 err);
}

Status
query_open(Sql *sql, const char *text, const SqlSession *session, SqlQuery **out, Error *err)
{
	SCOPED(sql_query_drop) SqlQuery *query = NULL;
	TRY(query_new(sql, &query, err));
	TRY(query_resolve(query, text, session, err));
	*out = TAKE(query);
	return ST_OK;
}

static Status
query_bind(SqlQuery *query, Error *err)
{
	SCOPED(snapshot_drop) Snapshot *snapshot = NULL;
	if (query->pin != NULL) {
		pin_tell(query->pin, &query->names);
		return announce(query, query->pin->snapshot, err);
	}
	TRY(snapshot_of_names(query->sql, &query->names, &snapshot, err));
	return announce(query, snapshot, err);
}

Status
sql_query_open(Sql *sql, const char *text, const SqlSession *session, SqlQuery **out, Error *err)
{
	SCOPED(sql_query_drop) SqlQuery *query = NULL;
	TRY(query_open(sql, text, session, &query, err));
	TRY(query_bind(query, err));
	*out = TAKE(query);
	return ST_OK;
}

// ---- opening for INSERT ----

// How many columns the source has: by its text if that says so, else by binding it.
static Status
source_width(SqlQuery *query, int32_t *out, Error *err)
{
	const Verdict *v = query->verdict;
	bool counted = v->select_count > 0;
	for (int32_t i = 0; i < v->select_count; i++)
		counted &= v->select[i].kind == ITEM_COLUMN || v->select[i].kind == ITEM_ONE;
	*out = v->values > 0 ? v->values : v->select_count;
	if (v->values > 0 || counted)
		return ST_OK;
	TRY(query_bind(query, err));
	*out = schema_field_count(query->schema);
	return ST_OK;
}

Status
sql_query_open_as(Sql *sql, const char *text, const SqlSession *session, Schema *schema,
				  int32_t key, SqlQuery **out, Error *err)
{
	SCOPED(sql_query_drop) SqlQuery *query = NULL;
	int32_t width, wanted = schema_field_count(schema);
	TRY(query_open(sql, text, session, &query, err));
	if (query->verdict->body > 0)
		return error_set_at(err, ST_INVALID, 0, "EXPLAIN gives no rows to insert");
	TRY(source_width(query, &width, err));
	if (width != wanted)
		return error_set(err, ST_INVALID, "%d column%s given where the table has %d to fill", width,
						 width == 1 ? " is" : "s are", wanted);
	query->as = schema_ref(schema);
	query->as_key = key;
	schema_unref(query->schema);
	query->schema = schema_ref(schema);
	// It is bound when it starts: others of its commit may come before.
	query_release_conn(query);
	*out = TAKE(query);
	return ST_OK;
}

// ---- starting ----

Status
sql_query_pin(SqlQuery *query, SqlPin **pin, Error *err)
{
	if (*pin != NULL) {
		sql_pin_unref(query->pin);
		query->pin = sql_pin_ref(*pin);
	} else {
		SCOPED(sql_pin_drop) SqlPin *taken = NULL;
		TRY(pin_take(query->sql, &query->names, &taken, err));
		sql_pin_unref(query->pin);
		query->pin = sql_pin_ref(taken);
		*pin = TAKE(taken);
	}
	// The definitions may be others than those it was bound to; nobody has relied on them yet.
	if (query->pin->snapshot->table_count != query->names.table_count)
		return error_set(err, ST_CONFLICT, "the tables of this statement have changed; ask again");
	return announce(query, query->pin->snapshot, err);
}

// What it was opened for is what the snapshot has.
static Status
check_announced(const SqlQuery *query, Error *err)
{
	const Match *match = query->match;
	const Snapshot *snapshot = query->pin->snapshot;
	if (schema_equal(query->plan->schema, query->schema) &&
		(match == NULL || table_version(snapshot->tables[0].def) == match->version))
		return ST_OK;
	return error_set(err, ST_CONFLICT,
					 "a table's columns changed while the statement was opened; ask again");
}

static Status
failed_reading(const SqlQuery *query, Status st, Error *err)
{
	if (err != NULL)
		st = plan_locate(query->verdict, query->match == NULL ? query->as : NULL,
						 &query->plan->rewrite, err);
	return atomic_load(&query->cancelled) ? st : views_doubt(&query->views, st, err);
}

static Status
open_stream(SqlQuery *query, Error *err)
{
	const SqlPin *pin = query->pin;
	TRY(query_bind_to(query, pin->snapshot, err));
	TRY(check_announced(query, err));
	Views *views = &query->views;
	TRY(query_views(query, pin->snapshot, query->time_alias, views, err));
	if (query->match != NULL)
		TRY(match_check(query, views, err));
	TRY(views_ready(views, err));
	PlanRows rows = {pin->snapshot->seq, pin->batches, pin->newest, &pin->from};
	TRY(plan_set_rows(query->plan, query->verdict, views, &rows, err));
	TRY(builder_new(query->schema, &query->builder, err));
	Status st = duck_stream_open(query->plan->statement, query->schema, &query->stream, err);
	return st == ST_OK ? ST_OK : failed_reading(query, st, err);
}

static Status
start(SqlQuery *query, Error *err)
{
	query->started = true;
	if (query->pin == NULL)
		TRY(pin_take(query->sql, &query->names, &query->pin, err));
	pin_tell(query->pin, &query->names);
	TRY(passing_open(query, &query->passing, err));
	return query->passing != NULL ? ST_OK : open_stream(query, err);
}

// ---- streaming ----

static Status
next_of_stream(SqlQuery *query, int64_t max_rows, uint64_t max_bytes, Batch **out, Error *err)
{
	bool end = false;
	Status st = duck_stream_fill(query->stream, query->builder, max_rows, max_bytes, &end, err);
	if (st != ST_OK)
		return failed_reading(query, st, err);
	if (builder_rows(query->builder) > 0)
		TRY(builder_finish(query->builder, builder_rows(query->builder), out, err));
	query->ended = end;
	return ST_OK;
}

static Status
next(SqlQuery *query, int64_t max_rows, uint64_t max_bytes, Batch **out, Error *err)
{
	if (atomic_load(&query->cancelled))
		return error_set(err, ST_CANCELLED, "the statement was cancelled");
	if (!query->started)
		TRY(start(query, err));
	if (query->passing == NULL)
		return next_of_stream(query, max_rows, max_bytes, out, err);
	TRY(passing_next(query->passing, query->schema, out, err));
	query->ended = *out == NULL;
	return ST_OK;
}

// Lets go what an execution holds, as soon as it is over.
static void
finish(SqlQuery *query)
{
	query_release_conn(query);
	passing_close(TAKE(query->passing));
	builder_free(TAKE(query->builder));
	sql_pin_unref(TAKE(query->pin));
}

Status
sql_query_next(SqlQuery *query, int64_t max_rows, uint64_t max_bytes, Batch **out, Error *err)
{
	*out = NULL;
	if (query->failed)
		return error_set(err, ST_INTERNAL, "a statement that failed was asked again");
	if (query->ended)
		return ST_OK;
	Status st = next(query, max_rows, max_bytes, out, err);
	query->failed = st != ST_OK;
	if (st != ST_OK && st != ST_CANCELLED && atomic_load(&query->cancelled))
		st = error_set(err, ST_CANCELLED, "the statement was cancelled");
	if (query->ended || query->failed)
		finish(query);
	return st;
}

bool
sql_query_ended(const SqlQuery *query)
{
	return query->ended;
}

Schema *
sql_query_schema(const SqlQuery *query)
{
	return query->schema;
}

void
sql_query_cancel(SqlQuery *query)
{
	atomic_store(&query->cancelled, true);
	pthread_mutex_lock(&query->lock);
	if (query->conn != NULL)
		duck_interrupt(query->conn->duck);
	pthread_mutex_unlock(&query->lock);
}

void
sql_query_close(SqlQuery *query)
{
	if (query == NULL)
		return;
	finish(query);
	names_close(&query->names);
	verdict_unref(query->verdict);
	schema_unref(query->as);
	schema_unref(query->schema);
	arena_close(&query->arena);
	pthread_mutex_destroy(&query->lock);
	mem_free(query);
}
