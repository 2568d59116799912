// walk_result.c - the parts of a SELECT that see the names its list gives: ORDER BY, DISTINCT ON
// and HAVING.
//
// There such a name comes before a column of the tables: in ORDER BY and DISTINCT ON where it
// stands alone, in HAVING outside of aggregates unless its rows are grouped by that column. In
// WHERE, GROUP BY, QUALIFY and inside of expressions to order by the columns come first.

#include <strings.h>

#include "sql/walk_int.h"

static bool
is_column(const json_t *node)
{
	return tree_is_class(node, "COLUMN_REF");
}

static const char *
last_name(const json_t *column)
{
	const json_t *names = json_object_get(column, "column_names");
	size_t count = json_array_size(names);
	const char *name = count > 0 ? json_string_value(json_array_get(names, count - 1)) : NULL;
	return name != NULL ? name : "";
}

// What an item is called otherwise than by the plain name of a column; "": by that, or by the
// engine.
static const char *
given_name(const json_t *item)
{
	const char *alias = tree_text(item, "alias");
	bool qualified = is_column(item) && json_array_size(json_object_get(item, "column_names")) > 1;
	return alias[0] == '\0' && qualified ? last_name(item) : alias;
}

static Status
list_names(Walk *w, const json_t *list, const Shadow **out)
{
	const Shadow *names = NULL;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *name = given_name(json_array_get(list, i));
		if (name[0] == '\0')
			continue;
		Shadow *shadow = arena_alloc(&w->verdict->arena, sizeof(*shadow));
		TRY(arena_status(&w->verdict->arena, w->err, "a statement"));
		*shadow = (Shadow){name, names};
		names = shadow;
	}
	*out = names;
	return ST_OK;
}

// ---- ORDER BY, DISTINCT ON ----

static Status
walk_alone(Walk *w, const json_t *expression, Place place, const Shadow *results)
{
	place.results = is_column(expression) ? results : NULL;
	return walk_value(w, expression, place);
}

static Status
walk_modifier(Walk *w, const json_t *modifier, Place place, const Shadow *results)
{
	const json_t *orders = json_object_get(modifier, "orders");
	const json_t *targets = json_object_get(modifier, "distinct_on_targets");
	for (size_t i = 0; i < json_array_size(orders); i++)
		TRY(walk_alone(w, json_object_get(json_array_get(orders, i), "expression"), place,
					   results));
	for (size_t i = 0; i < json_array_size(targets); i++)
		TRY(walk_alone(w, json_array_get(targets, i), place, results));
	return orders == NULL && targets == NULL ? walk_value(w, modifier, place) : ST_OK;
}

// ---- HAVING ----

// The names that HAVING sees: none of a column that the rows are grouped by.
static Status
having_names(Walk *w, const json_t *node, const Shadow *results, const Shadow **out)
{
	const json_t *groups = json_object_get(node, "group_expressions");
	*out = NULL;
	for (; results != NULL; results = results->next) {
		bool grouped = false;
		for (size_t i = 0; i < json_array_size(groups); i++) {
			const json_t *group = json_array_get(groups, i);
			grouped |= is_column(group) && strcasecmp(last_name(group), results->name) == 0;
		}
		if (grouped)
			continue;
		Shadow *shadow = arena_alloc(&w->verdict->arena, sizeof(*shadow));
		TRY(arena_status(&w->verdict->arena, w->err, "a statement"));
		*shadow = (Shadow){results->name, *out};
		*out = shadow;
	}
	return ST_OK;
}

Status
walk_result(Walk *w, const json_t *node, Place place)
{
	const Shadow *results;
	TRY(list_names(w, json_object_get(node, "select_list"), &results));
	const json_t *modifiers = json_object_get(node, "modifiers");
	for (size_t i = 0; i < json_array_size(modifiers); i++)
		TRY(walk_modifier(w, json_array_get(modifiers, i), place, results));
	TRY(having_names(w, node, results, &place.results));
	return walk_value(w, json_object_get(node, "having"), place);
}
