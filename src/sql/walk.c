// walk.c - SELECTs, CTEs and what stands in FROM.

#include <string.h>
#include <strings.h>

#include "sql/functions.h"
#include "sql/statement_int.h"
#include "sql/walk_int.h"

enum { MOST_REFS = 256 };

bool
shadow_find(const Shadow *shadow, const char *name)
{
	for (; shadow != NULL; shadow = shadow->next)
		if (strcasecmp(shadow->name, name) == 0)
			return true;
	return false;
}

int32_t
walk_token(const Walk *w, int32_t location)
{
	int32_t low = 0, high = w->token_count - 1;
	while (low < high) {
		int32_t middle = low + (high - low) / 2;
		if (w->tokens[middle].from < location)
			low = middle + 1;
		else
			high = middle;
	}
	return w->tokens[low].from == location && w->tokens[low].kind != TOKEN_END ? low : -1;
}

// ---- queries ----

static int32_t
add_scope(Walk *w, int32_t parent)
{
	Verdict *v = w->verdict;
	v->scopes = list_grow(&v->arena, v->scopes, v->scope_count, sizeof(*v->scopes));
	if (v->scopes == NULL)
		return -1;
	v->scopes[v->scope_count] = (Scope){.parent = parent};
	return v->scope_count++;
}

// A CTE sees those before it; itself only where it is recursive, which walk_node knows.
static Status
walk_ctes(Walk *w, const json_t *node, Place *place)
{
	const json_t *map = json_object_get(json_object_get(node, "cte_map"), "map");
	for (size_t i = 0; i < json_array_size(map); i++) {
		const json_t *entry = json_array_get(map, i);
		TRY(walk_value(w, json_object_get(entry, "value"), *place));
		Shadow *cte = arena_alloc(&w->verdict->arena, sizeof(*cte));
		TRY(arena_status(&w->verdict->arena, w->err, "a statement"));
		*cte = (Shadow){tree_text(entry, "key"), place->ctes};
		place->ctes = cte;
	}
	return ST_OK;
}

static Status
walk_select_list(Walk *w, const json_t *list, Place place, bool outermost)
{
	Verdict *v = w->verdict;
	for (size_t i = 0; i < json_array_size(list); i++) {
		SelectItem item;
		TRY(walk_selected(w, json_array_get(list, i), place, &item));
		if (!outermost)
			continue;
		v->select = list_grow(&v->arena, v->select, v->select_count, sizeof(*v->select));
		TRY(arena_status(&v->arena, w->err, "a statement"));
		v->select[v->select_count++] = item;
	}
	return ST_OK;
}

// Whether a node has no other parts than these.
static bool
has_only(const json_t *node, const char *const *keys, size_t count)
{
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)(uintptr_t)node, key, value)
	{
		bool known = false;
		for (size_t i = 0; i < count; i++)
			known |= strcmp(keys[i], key) == 0;
		if (!known)
			return false;
	}
	return true;
}

// SELECT columns FROM a table, and nothing else but WHERE.
static bool
is_rows(const Verdict *v, const json_t *node)
{
	static const char *const node_keys[] = {"type", "select_list", "from_table", "where_clause",
											"aggregate_handling"};
	static const char *const table_keys[] = {"type",        "alias",        "query_location",
											 "schema_name", "catalog_name", "table_name"};
	const json_t *from = json_object_get(node, "from_table");
	if (!has_only(node, node_keys, COUNT_OF(node_keys)) ||
		!has_only(from, table_keys, COUNT_OF(table_keys)) || !tree_is(from, "BASE_TABLE") ||
		strcmp(tree_text(node, "aggregate_handling"), "STANDARD_HANDLING") != 0 ||
		v->ref_count != 1 || v->item_count != 1 || v->body > 0)
		return false;
	for (int32_t i = 0; i < v->select_count; i++)
		if (v->select[i].kind != ITEM_STAR && v->select[i].kind != ITEM_COLUMN)
			return false;
	return true;
}

static int32_t
count_values(const json_t *node, const json_t *from)
{
	const json_t *row = json_array_get(json_object_get(from, "values"), 0);
	const json_t *star = json_array_get(json_object_get(node, "select_list"), 0);
	bool all =
		tree_is(from, "EXPRESSION_LIST") && tree_is_class(star, "STAR") && tree_location(star) < 0;
	return all ? (int32_t)json_array_size(row) : 0;
}

static Status
walk_select(Walk *w, const json_t *node, Place place, bool outermost)
{
	place.scope = add_scope(w, place.scope);
	TRY(arena_status(&w->verdict->arena, w->err, "a statement"));
	const json_t *from = json_object_get(node, "from_table");
	if (outermost) {
		w->verdict->root = place.scope;
		w->verdict->values = count_values(node, from);
	}
	bool sampled = json_object_get(node, "sample") != NULL;
	TRY(walk_from(w, from, place, !sampled));
	TRY(walk_select_list(w, json_object_get(node, "select_list"), place, outermost));
	TRY(walk_where(w, json_object_get(node, "where_clause"), place));

	const char *key;
	json_t *value;
	json_object_foreach((json_t *)(uintptr_t)node, key, value)
	{
		if (strcmp(key, "cte_map") != 0 && strcmp(key, "from_table") != 0 &&
			strcmp(key, "select_list") != 0 && strcmp(key, "where_clause") != 0 &&
			strcmp(key, "modifiers") != 0 && strcmp(key, "having") != 0)
			TRY(walk_value(w, value, place));
	}
	TRY(walk_result(w, node, place));
	w->verdict->rows = outermost && is_rows(w->verdict, node);
	w->verdict->plain = w->verdict->rows && json_object_get(node, "where_clause") == NULL;
	return ST_OK;
}

Status
walk_node(Walk *w, const json_t *node, Place place, bool outermost)
{
	Place inside = place;
	inside.results = NULL;
	TRY(walk_ctes(w, node, &inside));
	if (tree_is(node, "SELECT_NODE"))
		return walk_select(w, node, inside, outermost);

	// UNION and its like. Of a recursive one what begins it does not see it: a table or a file of
	// that name would be read there.
	Shadow self = {tree_text(node, "cte_name"), inside.ctes};
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)(uintptr_t)node, key, value)
	{
		Place part = inside;
		if (self.name[0] != '\0' && strcmp(key, "left") != 0)
			part.ctes = &self;
		if (strcmp(key, "modifiers") == 0)
			part.scope = -1; // ORDER BY names columns of the result
		if (strcmp(key, "cte_map") != 0)
			TRY(walk_value(w, value, part));
	}
	return ST_OK;
}

// ---- FROM ----

static Status
add_item(Walk *w, FromItem item)
{
	Verdict *v = w->verdict;
	v->items = list_grow(&v->arena, v->items, v->item_count, sizeof(*v->items));
	item.alias =
		item.alias != NULL && item.alias[0] != '\0' ? arena_strdup(&v->arena, item.alias) : NULL;
	TRY(arena_status(&v->arena, w->err, "a statement"));
	v->items[v->item_count++] = item;
	return ST_OK;
}

static Status
read_part(const Walk *w, Token token, SqlName *out)
{
	SCOPED(buf_close) Buf value = BUF_INIT;
	token_value(w->text, token, &value);
	TRY(buf_status(&value, w->err, "a statement"));
	out->text = arena_strndup(&w->verdict->arena, (const char *)value.data, value.len);
	out->quoted = token.kind != TOKEN_NAME;
	out->position = token.from;
	return arena_status(&w->verdict->arena, w->err, "a statement");
}

static bool
is_name(Token token)
{
	return token.kind == TOKEN_NAME || token.kind == TOKEN_QUOTED || token.kind == TOKEN_STRING;
}

// The written name at `location`: [[database.]schema.]table. *parts 0: there is none.
static Status
read_name(const Walk *w, int32_t location, TableRef *ref, int *parts)
{
	SqlName names[3] = {0};
	int32_t at = walk_token(w, location);
	*parts = 0;
	while (at >= 0 && *parts < 3 && is_name(w->tokens[at])) {
		TRY(read_part(w, w->tokens[at], &names[(*parts)++]));
		ref->to = w->tokens[at].to;
		bool more = token_is_sign(w->text, w->tokens[at + 1], '.');
		at = more ? at + 2 : -1;
	}
	if (*parts == 0)
		return ST_OK;
	ref->from = location;
	ref->name.table = names[*parts - 1];
	if (*parts >= 2)
		ref->name.schema = names[*parts - 2];
	if (*parts == 3)
		ref->name.database = names[0];
	return ST_OK;
}

// TABLE t, DESCRIBE t, DESCRIBE TABLE t: the words before the name.
static void
find_place(const Walk *w, TableRef *ref)
{
	static const char *const words[] = {"DESCRIBE", "DESC", "SUMMARIZE", "SHOW"};
	int32_t at = walk_token(w, ref->from);
	if (at > 0 && token_is_word(w->text, w->tokens[at - 1], "TABLE")) {
		ref->place = PLACE_TABLE_WORD;
		ref->from = w->tokens[at - 1].from;
		return;
	}
	for (size_t i = 0; at > 0 && i < COUNT_OF(words); i++)
		if (token_is_word(w->text, w->tokens[at - 1], words[i]))
			ref->place = PLACE_DESCRIBE;
}

static Status
walk_table(Walk *w, const json_t *node, Place place, bool prunable)
{
	Verdict *v = w->verdict;
	const char *table = tree_text(node, "table_name"), *alias = tree_text(node, "alias");
	bool qualified =
		tree_text(node, "schema_name")[0] != '\0' || tree_text(node, "catalog_name")[0] != '\0';
	if (!qualified && shadow_find(place.ctes, table))
		return add_item(w, (FromItem){place.scope, -1, alias[0] != '\0' ? alias : table});

	int32_t location = tree_location(node);
	if (json_object_get(node, "at_clause") != NULL)
		return error_set_at(w->err, ST_UNIMPLEMENTED, location, "AT of a table is not built yet");
	if (v->ref_count == MOST_REFS)
		return error_set_at(w->err, ST_LIMIT, location,
							"the statement names tables more than %d times", MOST_REFS);
	TableRef ref = {.scope = place.scope, .aliased = alias[0] != '\0', .prunable = prunable};
	int parts;
	TRY(read_name(w, location, &ref, &parts));
	if (parts == 0 || strcasecmp(ref.name.table.text, table) != 0)
		return error_set_at(w->err, ST_INVALID, location,
							"table \"%s\" stands where a table cannot be read", table);
	find_place(w, &ref);
	if (json_object_get(node, "sample") != NULL)
		ref.prunable = false;
	ref.alias = arena_strdup(&v->arena, ref.aliased ? alias : table);
	v->refs = list_grow(&v->arena, v->refs, v->ref_count, sizeof(*v->refs));
	TRY(arena_status(&v->arena, w->err, "a statement"));
	v->refs[v->ref_count++] = ref;
	bool renamed = json_object_get(node, "column_name_alias") != NULL;
	v->wide |= renamed;
	return add_item(w, (FromItem){place.scope, renamed ? -1 : v->ref_count - 1, ref.alias});
}

// Whose rows may be left out: of an ASOF join the left side's (which row of the right one is the
// nearest depends on all of them), of a POSITIONAL one nobody's.
static Status
walk_join(Walk *w, const json_t *node, Place place, bool prunable)
{
	const char *kind = tree_text(node, "ref_type"), *type = tree_text(node, "join_type");
	bool asof = strcmp(kind, "ASOF") == 0, positional = strcmp(kind, "POSITIONAL") == 0;
	bool merges = json_object_get(node, "using_columns") != NULL || strcmp(kind, "NATURAL") == 0 ||
				  strcmp(type, "SEMI") == 0 || strcmp(type, "ANTI") == 0;
	w->verdict->asof |= asof;
	w->verdict->wide |= merges;
	if (merges && place.scope >= 0)
		w->verdict->scopes[place.scope].merges = true;
	TRY(walk_from(w, json_object_get(node, "left"), place, prunable && !positional));
	TRY(walk_from(w, json_object_get(node, "right"), place, prunable && !positional && !asof));
	return walk_value(w, json_object_get(node, "condition"), place);
}

// DESCRIBE and SUMMARIZE hold a query; SHOW of something does not.
static Status
walk_show(Walk *w, const json_t *node, Place place)
{
	const json_t *query = json_object_get(node, "query");
	const char *type = tree_text(node, "show_type");
	if (query == NULL || (strcmp(type, "DESCRIBE") != 0 && strcmp(type, "SUMMARY") != 0))
		return error_set(w->err, ST_UNIMPLEMENTED,
						 "SHOW of this is not built yet; SHOW TABLES and DESCRIBE are");
	TRY(add_item(w, (FromItem){place.scope, -1, NULL}));
	return walk_node(w, query, place, false);
}

// The table under a PIVOT is not visible outside of it.
static Status
walk_pivot(Walk *w, const json_t *node, Place place)
{
	TRY(add_item(w, (FromItem){place.scope, -1, tree_text(node, "alias")}));
	place.scope = add_scope(w, -1);
	w->verdict->wide = true;
	TRY(arena_status(&w->verdict->arena, w->err, "a statement"));
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)(uintptr_t)node, key, value)
	{
		if (strcmp(key, "source") == 0)
			TRY(walk_from(w, value, place, false));
		else
			TRY(walk_value(w, value, place));
	}
	return ST_OK;
}

Status
walk_from(Walk *w, const json_t *ref, Place place, bool prunable)
{
	if (ref == NULL || tree_is(ref, "EMPTY"))
		return ST_OK;
	if (tree_is(ref, "BASE_TABLE"))
		return walk_table(w, ref, place, prunable);
	if (tree_is(ref, "JOIN"))
		return walk_join(w, ref, place, prunable);
	if (tree_is(ref, "SHOW_REF"))
		return walk_show(w, ref, place);
	if (tree_is(ref, "PIVOT"))
		return walk_pivot(w, ref, place);

	const json_t *function = json_object_get(ref, "function");
	const char *alias = tree_text(ref, "alias");
	if (function != NULL && alias[0] == '\0')
		alias = tree_text(function, "function_name");
	TRY(add_item(w, (FromItem){place.scope, -1, alias}));
	if (tree_is(ref, "TABLE_FUNCTION")) {
		CallPlace call = {.in_from = true, .items = &w->list_items};
		TRY(function_check(function, &call, w->err));
		return walk_parts(w, function, place);
	}
	if (tree_is(ref, "SUBQUERY"))
		return walk_value(w, json_object_get(ref, "subquery"), place);
	if (tree_is(ref, "EXPRESSION_LIST"))
		return walk_value(w, json_object_get(ref, "values"), place);
	return error_set_at(w->err, ST_INVALID, tree_location(ref), "%s is not allowed in FROM",
						tree_text(ref, "type"));
}
