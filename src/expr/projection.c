#include "expr/projection.h"

#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "expr/bind_int.h"

struct Projection {
	Schema *schema;
	Expr *condition; // NULL: none
	Expr **items;
	int32_t count;
	int32_t columns; // of them that are columns by themselves
	int32_t *bare;   // which columns those are, in order
	Schema *bare_schema;
	Schema *made_schema; // of the other items
};

void
projection_free(Projection *projection)
{
	if (projection == NULL)
		return;
	for (int32_t i = 0; i < projection->count; i++)
		expr_free(projection->items[i]);
	expr_free(projection->condition);
	schema_unref(projection->schema);
	schema_unref(projection->bare_schema);
	schema_unref(projection->made_schema);
	mem_free(projection->items);
	mem_free(projection->bare);
	mem_free(projection);
}

Schema *
projection_schema(const Projection *projection)
{
	return projection->schema;
}

const Expr *
projection_condition(const Projection *projection)
{
	return projection->condition;
}

int32_t
projection_column(const Projection *projection, int32_t i)
{
	return expr_column(projection->items[i]);
}

// ---- compilation ----

static Status
check_star(const ExprScope *scope, const json_t *star, Error *err)
{
	static const char *const more[] = {"exclude_list",           "replace_list", "rename_list",
									   "qualified_exclude_list", "columns",      "expr"};
	int32_t position = tree_location(star);
	for (size_t i = 0; i < COUNT_OF(more); i++)
		if (json_object_get(star, more[i]) != NULL)
			return error_set_at(
				err, ST_UNIMPLEMENTED, position,
				"EXCLUDE, REPLACE, RENAME and COLUMNS are not built for expressions "
				"on rows as they come; name the columns");
	const char *relation = tree_text(star, "relation_name");
	if (relation[0] != '\0' && (scope->table == NULL || strcasecmp(relation, scope->table) != 0))
		return error_set_at(err, ST_INVALID, position, "there is no table \"%s\" here", relation);
	return ST_OK;
}

static Status
add_column(Projection *p, const ExprScope *scope, int32_t column, Error *err)
{
	json_t *tree = json_pack("{s:s, s:[s]}", "class", "COLUMN_REF", "column_names",
							 schema_field(scope->schema, column)->name);
	if (tree == NULL)
		return error_no_memory(err, "an expression");
	Status st = expr_compile(scope, tree, &p->items[p->count], err);
	json_decref(tree);
	if (st == ST_OK)
		p->count++;
	return st;
}

static Status
add_items(Projection *p, const ExprScope *scope, const json_t *list, Error *err)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *item = json_array_get(list, i);
		if (!tree_is_class(item, "STAR")) {
			TRY(expr_compile(scope, item, &p->items[p->count], err));
			p->count++;
			continue;
		}
		TRY(check_star(scope, item, err));
		for (int32_t k = 0; k < schema_field_count(scope->schema); k++)
			TRY(add_column(p, scope, k, err));
	}
	return ST_OK;
}

static size_t
count_items(const ExprScope *scope, const json_t *list)
{
	size_t count = 0;
	for (size_t i = 0; i < json_array_size(list); i++)
		count += tree_is_class(json_array_get(list, i), "STAR")
					 ? (size_t)schema_field_count(scope->schema)
					 : 1;
	return count;
}

// Schemas of all items, of the columns among them and of the others.
static Status
make_schemas(Projection *p, const char *const *names, int32_t name_count, Error *err)
{
	SCOPED(mem_drop) Field *all = mem_alloc_array((size_t)p->count + 1, sizeof(Field));
	SCOPED(mem_drop) Field *bare = mem_alloc_array((size_t)p->count + 1, sizeof(Field));
	SCOPED(mem_drop) Field *made = mem_alloc_array((size_t)p->count + 1, sizeof(Field));
	p->bare = mem_alloc_array((size_t)p->count + 1, sizeof(*p->bare));
	if (all == NULL || bare == NULL || made == NULL || p->bare == NULL)
		return error_no_memory(err, "a projection");
	int32_t made_count = 0;
	for (int32_t i = 0; i < p->count; i++) {
		all[i] = *expr_field(p->items[i]);
		if (i < name_count && names[i] != NULL)
			all[i].name = names[i];
		if (expr_column(p->items[i]) < 0) {
			made[made_count++] = all[i];
			continue;
		}
		bare[p->columns] = all[i];
		p->bare[p->columns++] = expr_column(p->items[i]);
	}
	TRY(schema_new(all, p->count, NULL, 0, &p->schema, err));
	TRY(schema_new(bare, p->columns, NULL, 0, &p->bare_schema, err));
	return schema_new(made, made_count, NULL, 0, &p->made_schema, err);
}

Status
projection_compile(const ExprScope *scope, const json_t *select_list, const json_t *where,
				   const char *const *names, int32_t name_count, Projection **out, Error *err)
{
	SCOPED(projection_drop) Projection *p = mem_alloc(sizeof(*p));
	if (p == NULL)
		return error_no_memory(err, "a projection");
	size_t count = count_items(scope, select_list);
	if (count > MOST_PARTS)
		return error_set(err, ST_LIMIT, "a SELECT list has at most %d items here", MOST_PARTS);
	p->items = mem_alloc_array(count + 1, sizeof(Expr *));
	if (p->items == NULL)
		return error_no_memory(err, "a projection");
	TRY(add_items(p, scope, select_list, err));
	if (where != NULL)
		TRY(expr_compile_condition(scope, where, &p->condition, err));
	TRY(make_schemas(p, names, name_count, err));
	*out = TAKE(p);
	return ST_OK;
}

// ---- running ----

static Status
take_columns(const Projection *p, Batch *batch, const int32_t *rows, int64_t count, BytesPool *pool,
			 Batch **out, Error *err)
{
	SCOPED(batch_drop) Batch *all = NULL;
	TRY(batch_select(batch, p->bare, p->columns, p->bare_schema, &all, err));
	if (rows == NULL)
		return batch_head(all, count, out, err);
	SCOPED(mem_drop) RowRef *order = mem_alloc_array((size_t)count + 1, sizeof(*order));
	if (order == NULL)
		return error_no_memory(err, "rows");
	for (int64_t i = 0; i < count; i++)
		order[i] = (RowRef){.row = (uint32_t)rows[i]};
	return batch_gather(&all, order, count, p->bare_schema, pool, out, err);
}

static Status
make_columns(const Projection *p, Batch *batch, const int32_t *rows, int64_t count, ExprWork *work,
			 BytesPool *pool, Batch **out, Error *err)
{
	SCOPED(builder_drop) Builder *builder = NULL;
	TRY(builder_new(p->made_schema, &builder, err));
	builder_use_pool(builder, pool);
	int32_t made = 0;
	for (int32_t i = 0; i < p->count; i++)
		if (expr_column(p->items[i]) < 0)
			TRY(expr_append(p->items[i], batch, rows, count, work, builder_column(builder, made++),
							err));
	return builder_finish(builder, count, out, err);
}

// The columns of both in the order of the items.
static Status
join_columns(const Projection *p, Batch *bare, Batch *made, int64_t count, Batch **out, Error *err)
{
	int32_t bare_owners, made_owners;
	Bytes *const *a = batch_owners(bare, &bare_owners), *const *b =
															batch_owners(made, &made_owners);
	SCOPED(mem_drop) Column *columns = mem_alloc_array((size_t)p->count + 1, sizeof(Column));
	SCOPED(mem_drop)
	Bytes **owners = mem_alloc_array((size_t)(bare_owners + made_owners) + 1, sizeof(Bytes *));
	if (columns == NULL || owners == NULL)
		return error_no_memory(err, "rows");
	for (int32_t i = 0; i < bare_owners; i++)
		owners[i] = a[i];
	for (int32_t i = 0; i < made_owners; i++)
		owners[bare_owners + i] = b[i];
	int32_t from_bare = 0, from_made = 0;
	for (int32_t i = 0; i < p->count; i++)
		columns[i] = expr_column(p->items[i]) >= 0 ? *batch_column(bare, from_bare++)
												   : *batch_column(made, from_made++);
	return batch_new(p->schema, count, columns, owners, bare_owners + made_owners, out, err);
}

Status
projection_take(const Projection *p, Batch *batch, const int32_t *rows, int64_t count,
				ExprWork *work, BytesPool *pool, Batch **out, Error *err)
{
	SCOPED(batch_drop) Batch *bare = NULL;
	SCOPED(batch_drop) Batch *made = NULL;
	if (p->columns == p->count)
		return take_columns(p, batch, rows, count, pool, out, err);
	TRY(make_columns(p, batch, rows, count, work, pool, &made, err));
	if (p->columns == 0) {
		*out = TAKE(made);
		return ST_OK;
	}
	TRY(take_columns(p, batch, rows, count, pool, &bare, err));
	return join_columns(p, bare, made, count, out, err);
}

Status
projection_run(const Projection *p, Batch *batch, ExprWork *work, BytesPool *pool, Batch **out,
			   Error *err)
{
	int64_t total = batch_rows(batch), count = total;
	SCOPED(mem_drop) int32_t *rows = NULL;
	if (p->condition != NULL) {
		rows = mem_alloc_array((size_t)total + 1, sizeof(*rows));
		if (rows == NULL)
			return error_no_memory(err, "rows");
		TRY(expr_select(p->condition, batch, work, rows, &count, err));
	}
	if (count == 0) {
		*out = NULL;
		return ST_OK;
	}
	return projection_take(p, batch, count == total ? NULL : rows, count, work, pool, out, err);
}
