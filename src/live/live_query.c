#include "live/live_query.h"

#include <stdatomic.h>
#include <string.h>

#include "base/mem.h"

struct LiveQuery {
	atomic_uint refs;
	SqlFollowed followed;
	TableDef *def;
	Projection *projection;
	JsonRows *json[2];
};

LiveQuery *
live_query_ref(LiveQuery *query)
{
	atomic_fetch_add_explicit(&query->refs, 1, memory_order_relaxed);
	return query;
}

void
live_query_unref(LiveQuery *query)
{
	if (query == NULL || atomic_fetch_sub_explicit(&query->refs, 1, memory_order_acq_rel) > 1)
		return;
	for (size_t i = 0; i < COUNT_OF(query->json); i++)
		json_rows_free(query->json[i]);
	sql_followed_close(&query->followed);
	table_def_unref(query->def);
	projection_free(query->projection);
	mem_free(query);
}

const char *
live_query_text(const LiveQuery *query)
{
	return query->followed.text;
}

const char *
live_query_newest(const LiveQuery *query)
{
	return query->followed.newest;
}

Table *
live_query_table(const LiveQuery *query)
{
	return query->followed.table;
}

TableDef *
live_query_def(const LiveQuery *query)
{
	return query->def;
}

Schema *
live_query_schema(const LiveQuery *query)
{
	return projection_schema(query->projection);
}

const JsonRows *
live_query_json(const LiveQuery *query, JsonForm form)
{
	return query->json[form];
}

Status
live_query_check(const LiveQuery *query, const Schema *answer, Error *err)
{
	Schema *schema = projection_schema(query->projection);
	int32_t count = schema_field_count(schema);
	bool same = schema_field_count(answer) == count;
	for (int32_t i = 0; same && i < count; i++)
		same = type_equal(&schema_field(schema, i)->type, &schema_field(answer, i)->type);
	return same ? ST_OK
				: error_set(err, ST_CONFLICT, "the table changed meanwhile; subscribe again");
}

// ---- binding ----

// Its columns are called as the engine calls them, and are of the types that it answers.
static Status
bind_projection(LiveQuery *query, Error *err)
{
	const SqlFollowed *followed = &query->followed;
	int32_t count = schema_field_count(followed->schema);
	SCOPED(mem_drop) const char **names = mem_alloc_array((size_t)count + 1, sizeof(*names));
	if (names == NULL)
		return error_no_memory(err, "a subscription");
	for (int32_t i = 0; i < count; i++)
		names[i] = schema_field(followed->schema, i)->name;
	ExprScope scope = {.schema = table_schema(query->def),
					   .table = followed->name,
					   .time = table_time_column(query->def)};
	TRY(projection_compile(&scope, followed->select_list, followed->where, names, count,
						   &query->projection, err));
	return live_query_check(query, followed->schema, err);
}

Status
live_query_new(Sql *sql, Slice text, const json_t *params, const SqlSession *session,
			   LiveQuery **out, Error *err)
{
	SCOPED(live_query_drop) LiveQuery *query = mem_alloc(sizeof(*query));
	if (query == NULL)
		return error_no_memory(err, "a subscription");
	atomic_init(&query->refs, 1);
	TRY(sql_followed_open(sql, text, params, session, &query->followed, err));
	query->def = table_current(query->followed.table);
	TRY(bind_projection(query, err));
	Schema *schema = projection_schema(query->projection);
	TRY(json_rows_new(schema, JSON_ARRAYS, &query->json[JSON_ARRAYS], err));
	TRY(json_rows_new(schema, JSON_OBJECTS, &query->json[JSON_OBJECTS], err));
	*out = TAKE(query);
	return ST_OK;
}

// ---- rows ----

Status
live_query_run(const LiveQuery *query, const FeedEntry *entry, const LiveWork *work, Batch **out,
			   Error *err)
{
	SCOPED(batch_drop) Batch *batch = NULL;
	TRY(shape_to_table(entry->shape, query->def, entry->batch, work->pool, &batch, err));
	return projection_run(query->projection, batch, work->expr, work->pool, out, err);
}

bool
live_query_ends_with(const LiveQuery *query, const TableDef *def)
{
	return table_version(def) > table_version(query->def) &&
		   !schema_equal(table_schema(def), table_schema(query->def));
}
