// walk_value.c - expressions.

#include <string.h>
#include <strings.h>

#include "sql/functions.h"
#include "sql/statement_int.h"
#include "sql/walk_int.h"

Status
walk_where(Walk *w, const json_t *value, Place place)
{
	if (tree_is(value, "CONJUNCTION_AND")) {
		const json_t *children = json_object_get(value, "children");
		for (size_t i = 0; i < json_array_size(children); i++)
			TRY(walk_where(w, json_array_get(children, i), place));
		return ST_OK;
	}
	bool compared;
	TRY(walk_compare(w, value, place, true, &compared));
	return compared ? ST_OK : walk_value(w, value, place);
}

Status
walk_parts(Walk *w, const json_t *node, Place place)
{
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)(uintptr_t)node, key, value)
	{
		TRY(walk_value(w, value, place));
	}
	return ST_OK;
}

// The parameters of `lambda x, y: …`: a column, or several in a row.
static Status
add_parameters(Walk *w, const json_t *lhs, Place *place)
{
	const json_t *children = json_object_get(lhs, "children");
	for (size_t i = 0; i < json_array_size(children); i++)
		TRY(add_parameters(w, json_array_get(children, i), place));
	const char *name = json_string_value(json_array_get(json_object_get(lhs, "column_names"), 0));
	if (name == NULL)
		return ST_OK;
	Shadow *shadow = arena_alloc(&w->verdict->arena, sizeof(*shadow));
	TRY(arena_status(&w->verdict->arena, w->err, "a statement"));
	*shadow = (Shadow){name, place->lambdas};
	place->lambdas = shadow;
	return ST_OK;
}

// `a -> b` looks the same, where b is a path and a anything.
static Status
walk_lambda(Walk *w, const json_t *node, Place place)
{
	const json_t *lhs = json_object_get(node, "lhs");
	Place inside = place;
	TRY(add_parameters(w, lhs, &inside));
	Place left = place;
	left.scope = -1;
	left.in_lambda = false;
	TRY(walk_value(w, lhs, left));
	return walk_value(w, json_object_get(node, "expr"), inside);
}

static Status
walk_call(Walk *w, const json_t *node, Place place)
{
	CallPlace call = {.in_lambda = place.in_lambda, .items = &w->list_items};
	TRY(function_check(node, &call, w->err));
	w->calls = true;
	place.in_arithmetic = function_is_arithmetic(node);
	if (!place.in_arithmetic) // an aggregate perhaps, which takes columns
		place.results = NULL;
	bool takes = function_takes_lambda(node);
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)(uintptr_t)node, key, value)
	{
		if (strcmp(key, "children") != 0)
			TRY(walk_value(w, value, place));
	}
	const json_t *children = json_object_get(node, "children");
	for (size_t i = 0; i < json_array_size(children); i++) {
		const json_t *child = json_array_get(children, i);
		Place inside = place;
		inside.in_lambda |= takes && tree_is_class(child, "LAMBDA");
		TRY(walk_value(w, child, inside));
	}
	return ST_OK;
}

// A list or a text from outside, once for each item of another, would be memory without measure,
// and work that hears no interrupt.
static Status
walk_column(Walk *w, const json_t *node, Place place)
{
	const char *name = json_string_value(json_array_get(json_object_get(node, "column_names"), 0));
	if (place.in_lambda && !place.in_arithmetic && !shadow_find(place.lambdas, name))
		return error_set_at(w->err, ST_INVALID, tree_location(node),
							"a lambda takes columns like %s in comparisons and arithmetic only; "
							"write FROM with unnest",
							name);
	int32_t column;
	return walk_add_column(w, node, place, &column);
}

static Status
walk_expression(Walk *w, const json_t *node, Place place)
{
	if (walk_is_column(node))
		return walk_column(w, node, place);
	w->verdict->wide |= tree_is_class(node, "STAR") || tree_is_class(node, "POSITIONAL_REFERENCE");
	if (tree_is_class(node, "STAR") && place.scope >= 0)
		w->verdict->scopes[place.scope].stars = true;
	if (tree_is_class(node, "FUNCTION") || tree_is_class(node, "WINDOW"))
		return walk_call(w, node, place);
	if (tree_is_class(node, "PARAMETER"))
		return error_set(w->err, ST_INVALID,
						 "parameters are not built yet; write the values into the statement, or "
						 "send rows by a put or bulk ingest");
	if (tree_is_class(node, "LAMBDA"))
		return walk_lambda(w, node, place);
	// Row by row, as it runs after a failure, COALESCE writes behind its vectors.
	if (tree_is(node, "OPERATOR_TRY"))
		return error_set_at(w->err, ST_INVALID, tree_location(node),
							"TRY is not allowed; write TRY_CAST, or CASE WHEN");

	Place operand = place;
	operand.in_arithmetic = true;
	bool compared;
	TRY(walk_compare(w, node, operand, false, &compared));
	if (compared)
		return ST_OK;
	place.in_arithmetic &= tree_is_class(node, "CAST");
	return walk_parts(w, node, place);
}

static bool
is_node(const json_t *value)
{
	const char *type = tree_text(value, "type");
	size_t len = strlen(type);
	return len > 5 && strcmp(type + len - 5, "_NODE") == 0;
}

// Things of FROM, where nothing is known of what is around them.
static bool
is_from(const json_t *value)
{
	static const char *const types[] = {"BASE_TABLE", "TABLE_FUNCTION", "JOIN", "SHOW_REF",
										"PIVOT"};
	for (size_t i = 0; i < COUNT_OF(types); i++)
		if (tree_is(value, types[i]))
			return true;
	return false;
}

Status
walk_value(Walk *w, const json_t *value, Place place)
{
	if (json_is_array(value)) {
		for (size_t i = 0; i < json_array_size(value); i++)
			TRY(walk_value(w, json_array_get(value, i), place));
		return ST_OK;
	}
	if (!json_is_object(value) || tree_is_class(value, "CONSTANT"))
		return ST_OK;
	if (json_object_get(value, "class") != NULL)
		return walk_expression(w, value, place);
	if (is_node(value))
		return walk_node(w, value, place, false);
	if (is_from(value)) {
		place.scope = -1;
		return walk_from(w, value, place, false);
	}
	return walk_parts(w, value, place);
}

// ---- SELECT lists ----

// Whether one item can become several columns: a star inside, or unnest of a struct.
static bool
may_be_many(const json_t *value)
{
	if (tree_is_class(value, "STAR") ||
		strcasecmp(tree_text(value, "function_name"), "unnest") == 0)
		return true;
	if (json_is_array(value)) {
		for (size_t i = 0; i < json_array_size(value); i++)
			if (may_be_many(json_array_get(value, i)))
				return true;
		return false;
	}
	const char *key;
	json_t *part;
	json_object_foreach((json_t *)(uintptr_t)value, key, part)
	{
		if (may_be_many(part))
			return true;
	}
	return false;
}

// A star without EXCLUDE, REPLACE, COLUMNS(…) and the like.
static bool
is_bare_star(const json_t *item)
{
	size_t known = 2; // class, type
	known += json_object_get(item, "query_location") != NULL;
	known += json_object_get(item, "relation_name") != NULL;
	return tree_is_class(item, "STAR") && json_object_size(item) == known;
}

Status
walk_selected(Walk *w, const json_t *item, Place place, SelectItem *out)
{
	Verdict *v = w->verdict;
	const char *alias = tree_text(item, "alias"), *relation = tree_text(item, "relation_name");
	*out = (SelectItem){.kind = may_be_many(item) ? ITEM_MANY : ITEM_ONE};
	if (walk_is_column(item)) {
		out->kind = ITEM_COLUMN;
		TRY(walk_add_column(w, item, place, &out->column));
		v->columns[out->column].selected = alias[0] == '\0';
		out->alias = alias[0] != '\0' ? arena_strdup(&v->arena, alias) : NULL;
		return arena_status(&v->arena, w->err, "a statement");
	}
	if (is_bare_star(item)) {
		out->kind = ITEM_STAR;
		out->relation = relation[0] != '\0' ? arena_strdup(&v->arena, relation) : NULL;
	}
	out->refs.from = v->ref_count;
	out->columns.from = v->column_count;
	out->comparisons.from = v->comparison_count;
	TRY(walk_value(w, item, place));
	if (out->kind != ITEM_ONE || alias[0] != '\0')
		return ST_OK;
	out->refs.to = v->ref_count;
	out->columns.to = v->column_count;
	out->comparisons.to = v->comparison_count;
	return ST_OK;
}
