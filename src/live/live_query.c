#include "live/live_query.h"

#include <stdatomic.h>
#include <string.h>

#include "base/mem.h"
#include "expr/tree.h"
#include "sql/names.h"

struct LiveQuery {
	atomic_uint refs;
	SqlFollowed followed;
	TableDef *def;
	int32_t *columns; // of the table, one for each of the schema
	int32_t count;
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
	mem_free(query->columns);
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
	return query->followed.schema;
}

const JsonRows *
live_query_json(const LiveQuery *query, JsonForm form)
{
	return query->json[form];
}

// ---- binding ----

static Status
add_column(LiveQuery *query, int32_t column, Error *err)
{
	int32_t *columns = mem_resize(query->columns, ((size_t)query->count + 1) * sizeof(*columns));
	if (columns == NULL)
		return error_no_memory(err, "a subscription");
	query->columns = columns;
	columns[query->count++] = column;
	return ST_OK;
}

// The binder has found it: exactly or without case, or as `time`, the table's time column.
static int32_t
find_column(const LiveQuery *query, const char *name)
{
	Schema *schema = table_schema(query->def);
	int32_t column = schema_find_folded(schema, name);
	return column < 0 && strcasecmp(name, "time") == 0 ? table_time_column(query->def) : column;
}

static Status
add_item(LiveQuery *query, const json_t *item, Error *err)
{
	if (tree_is(item, "STAR")) {
		bool plain = json_object_get(item, "exclude_list") == NULL &&
					 json_object_get(item, "replace_list") == NULL &&
					 json_object_get(item, "expr") == NULL;
		if (!plain)
			return error_set_at(err, ST_UNIMPLEMENTED, tree_location(item),
								"* with EXCLUDE or REPLACE in a subscription is not built; name "
								"the columns");
		for (int32_t i = 0; i < table_column_count(query->def); i++)
			TRY(add_column(query, i, err));
		return ST_OK;
	}
	const json_t *names = json_object_get(item, "column_names");
	const char *name = json_string_value(json_array_get(names, json_array_size(names) - 1));
	int32_t column = name != NULL ? find_column(query, name) : -1;
	if (!tree_is(item, "COLUMN_REF") || column < 0)
		return error_set_at(err, ST_UNIMPLEMENTED, tree_location(item),
							"expressions in a subscription are not built; ask for columns");
	return add_column(query, column, err);
}

static Status
bind_items(LiveQuery *query, Error *err)
{
	const SqlFollowed *followed = &query->followed;
	if (followed->where != NULL)
		return error_set_at(err, ST_UNIMPLEMENTED, tree_location(followed->where),
							"WHERE in a subscription is not built");
	for (size_t i = 0; i < json_array_size(followed->select_list); i++)
		TRY(add_item(query, json_array_get(followed->select_list, i), err));
	Schema *answer = followed->schema, *stored = table_schema(query->def);
	bool same = query->count == schema_field_count(answer);
	for (int32_t i = 0; same && i < query->count; i++)
		same = type_equal(&schema_field(answer, i)->type,
						  &schema_field(stored, query->columns[i])->type);
	return same ? ST_OK
				: error_set(err, ST_CONFLICT, "the table changed meanwhile; subscribe again");
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
	TRY(bind_items(query, err));
	TRY(json_rows_new(query->followed.schema, JSON_ARRAYS, &query->json[JSON_ARRAYS], err));
	TRY(json_rows_new(query->followed.schema, JSON_OBJECTS, &query->json[JSON_OBJECTS], err));
	*out = TAKE(query);
	return ST_OK;
}

// ---- rows ----

Status
live_query_run(const LiveQuery *query, const FeedEntry *entry, BytesPool *pool, Batch **out,
			   Error *err)
{
	SCOPED(batch_drop) Batch *batch = NULL;
	TRY(shape_to_table(entry->shape, query->def, entry->batch, pool, &batch, err));
	return batch_select(batch, query->columns, query->count, query->followed.schema, out, err);
}

bool
live_query_ends_with(const LiveQuery *query, const TableDef *def)
{
	return table_version(def) > table_version(query->def) &&
		   !schema_equal(table_schema(def), table_schema(query->def));
}
