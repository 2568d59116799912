// binding.c - a query's connection, and what was prepared on it for a snapshot's definitions and
// files.

#include <string.h>
#include <strings.h>

#include "base/hash.h"
#include "sql/query_int.h"

enum { FEW_ROWS = 100 * 1000 };

Status
query_ensure_conn(SqlQuery *query, Pool *pool, const uint64_t *hashes, int count, Error *err)
{
	if (query->conn != NULL && (query->conn->pool == pool || query->plan != NULL))
		return ST_OK;
	query_release_conn(query);
	Conn *conn = NULL;
	TRY(pool_acquire(pool, hashes, count, &conn, err));
	pthread_mutex_lock(&query->lock);
	query->conn = conn;
	pthread_mutex_unlock(&query->lock);
	return ST_OK;
}

void
query_release_conn(SqlQuery *query)
{
	duck_stream_close(TAKE(query->stream));
	if (query->plan != NULL)
		plan_clear_rows(query->plan);
	query->plan = NULL;
	pthread_mutex_lock(&query->lock);
	Conn *conn = TAKE(query->conn);
	pthread_mutex_unlock(&query->lock);
	pool_release(conn);
}

// ---- binding ----

static bool
is_time(const ColumnUse *use)
{
	return use->parts >= 1 && use->parts <= COLUMN_PARTS &&
		   strcasecmp(use->names[use->parts - 1], "time") == 0;
}

static bool
uses_time(const Verdict *v)
{
	for (int32_t i = 0; i < v->column_count; i++)
		if (is_time(&v->columns[i]))
			return true;
	return false;
}

static bool
quotes(const char *text, const char *name)
{
	size_t len = strlen(name);
	for (const char *at = text; (at = strcasestr(at, name)) != NULL; at++)
		if (at > text && at[-1] == '"' && at[len] == '"')
			return true;
	return false;
}

// The engine's error for a column "time" that no table has. It takes t.time for a field of a column
// t where there is one, and then its error may be about "t".
static bool
lacks_time(const SqlQuery *query, Status st, const Error *err)
{
	const Verdict *v = query->verdict;
	for (int32_t i = 0; i < v->column_count && st == ST_INVALID; i++) {
		const ColumnUse *use = &v->columns[i];
		if (is_time(use) && (quotes(err->text, "time") ||
							 (use->parts > 1 && quotes(err->text, use->names[use->parts - 2]))))
			return true;
	}
	return false;
}

Status
query_views(SqlQuery *query, const Snapshot *snapshot, bool time_alias, Views *out, Error *err)
{
	return views_make(query->verdict, &query->names, snapshot, time_alias, query->match != NULL,
					  &query->arena, out, err);
}

static PlanInput
plan_input(const SqlQuery *query, const Views *views)
{
	return (PlanInput){query->verdict, views, query->as, query->as_key, query->match};
}

// One way of reading the statement, with what it is kept under.
typedef struct Binding {
	Views views;
	Buf key;
} Binding;

static void
binding_close(Binding *binding)
{
	buf_close(&binding->key);
}

static Status
binding_init(SqlQuery *query, const Snapshot *snapshot, bool time_alias, Binding *out, Error *err)
{
	TRY(query_views(query, snapshot, time_alias, &out->views, err));
	PlanInput input = plan_input(query, &out->views);
	return plan_key(&input, &out->key, err);
}

static Status
make_plan(SqlQuery *query, const Binding *binding, Error *err)
{
	PlanInput input = plan_input(query, &binding->views);
	TRY(views_ready(&binding->views, err));
	Status st = plan_make(query->conn, &input, &binding->key, &query->plan, err);
	if (st == ST_IO || st == ST_INTERNAL)
		st = views_doubt(&binding->views, st, err);
	TRY(st);
	query->time_alias = binding->views.time_alias;
	return ST_OK;
}

// The same, where a file cannot be read. Names are bound without any, and as written nothing bounds
// the time, so a file may be in the way that is not asked for.
static bool
names_lack_time(SqlQuery *query, const Binding *written)
{
	SCOPED(binding_close) Binding names = {.views = written->views};
	size_t count = (size_t)names.views.count;
	names.views.refs = arena_array(&query->arena, count, sizeof(RefView));
	if (names.views.refs == NULL)
		return false;
	for (size_t i = 0; i < count; i++) {
		names.views.refs[i] = written->views.refs[i];
		names.views.refs[i].file_count = 0;
		names.views.refs[i].hot_count = 0;
	}
	Error err = ERROR_INIT;
	PlanInput input = plan_input(query, &names.views);
	Status st = plan_key(&input, &names.key, &err);
	if (st == ST_OK)
		st = make_plan(query, &names, &err);
	return st != ST_OK && lacks_time(query, st, &err);
}

// As written; where no table has a column "time", with that as the time columns' alias.
static Status
bind_anew(SqlQuery *query, const Binding *written, const Binding *aliased, Error *err)
{
	Error first = ERROR_INIT;
	Status st = make_plan(query, written, &first);
	if (st == ST_OK)
		return ST_OK;
	bool lacks = st == ST_CORRUPT && aliased != NULL ? names_lack_time(query, written)
													 : lacks_time(query, st, &first);
	if (aliased == NULL || !lacks) {
		if (err != NULL)
			*err = first;
		return st;
	}
	return make_plan(query, aliased, err);
}

static bool
find_plan(SqlQuery *query, const Binding *binding)
{
	Plan *plan = plans_find(query->conn, &binding->key);
	if (plan == NULL)
		return false;
	query->plan = plan;
	query->time_alias = binding->views.time_alias;
	return true;
}

// A second thread costs more to wake than it helps with few rows. Rows of memory that are passed on
// are read by one thread in any case, so that they stay in order: it need not be another one.
static Pool *
fitting_pool(const Sql *sql, const Verdict *verdict, const Views *views)
{
	int64_t rows = 0;
	if (verdict->rows && views->count == 1 && views->refs[0].file_count == 0)
		return sql->narrow;
	for (int32_t i = 0; i < views->count; i++) {
		const RefView *view = &views->refs[i];
		rows += view->memory_rows;
		for (int32_t f = 0; f < view->file_count; f++)
			rows += data_file_meta(view_file(view, f))->rows;
	}
	return rows <= FEW_ROWS ? sql->narrow : sql->pool;
}

Status
query_bind_to(SqlQuery *query, const Snapshot *snapshot, Error *err)
{
	SCOPED(binding_close) Binding written = {0};
	SCOPED(binding_close) Binding aliased = {0};
	bool maybe_aliased = uses_time(query->verdict);
	TRY(binding_init(query, snapshot, false, &written, err));
	uint64_t hashes[2] = {hash64(written.key.data, written.key.len)};
	if (maybe_aliased) {
		TRY(binding_init(query, snapshot, true, &aliased, err));
		hashes[1] = hash64(aliased.key.data, aliased.key.len);
	}
	Pool *pool = fitting_pool(query->sql, query->verdict, &written.views);
	TRY(query_ensure_conn(query, pool, hashes, maybe_aliased ? 2 : 1, err));
	if (find_plan(query, &written) || (maybe_aliased && find_plan(query, &aliased)))
		return ST_OK;
	return bind_anew(query, &written, maybe_aliased ? &aliased : NULL, err);
}
