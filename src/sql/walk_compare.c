// walk_compare.c - columns, and what they are compared with.

#include <string.h>

#include "sql/statement_int.h"
#include "sql/walk_int.h"

// ---- columns ----

Status
walk_add_column(Walk *w, const json_t *node, Place place, int32_t *out)
{
	Verdict *v = w->verdict;
	const json_t *names = json_object_get(node, "column_names");
	ColumnUse use = {.scope = place.scope, .from = tree_location(node)};
	use.parts = (int32_t)json_array_size(names);
	if (use.parts > COLUMN_PARTS ||
		shadow_find(place.lambdas, json_string_value(json_array_get(names, 0))))
		use.scope = -1;
	if (use.parts == 1 && shadow_find(place.results, json_string_value(json_array_get(names, 0))))
		use.scope = -1;
	for (int32_t i = 0; i < use.parts && i < COLUMN_PARTS; i++) {
		const char *name = json_string_value(json_array_get(names, (size_t)i));
		use.names[i] = arena_strdup(&v->arena, name != NULL ? name : "");
	}
	v->columns = list_grow(&v->arena, v->columns, v->column_count, sizeof(*v->columns));
	TRY(arena_status(&v->arena, w->err, "a statement"));
	*out = v->column_count;
	v->columns[v->column_count++] = use;
	return ST_OK;
}

bool
walk_is_column(const json_t *node)
{
	return tree_is_class(node, "COLUMN_REF");
}

// ---- comparisons ----

static CompareOp
op_of(const json_t *node)
{
	static const struct {
		const char *type;
		CompareOp op;
	} ops[] = {
		{"COMPARE_GREATERTHAN", OP_GT}, {"COMPARE_GREATERTHANOREQUALTO", OP_GE},
		{"COMPARE_LESSTHAN", OP_LT},    {"COMPARE_LESSTHANOREQUALTO", OP_LE},
		{"COMPARE_EQUAL", OP_EQ},
	};
	for (size_t i = 0; i < COUNT_OF(ops); i++)
		if (tree_is(node, ops[i].type))
			return ops[i].op;
	return OP_OTHER;
}

static CompareOp
turned(CompareOp op)
{
	switch (op) {
	case OP_GT: return OP_LT;
	case OP_GE: return OP_LE;
	case OP_LT: return OP_GT;
	case OP_LE: return OP_GE;
	default: return op;
	}
}

// Column against constant, if it is that. The column was added already.
static Status
add_comparison(Walk *w, int32_t column, CompareOp op, const json_t *constant, bool required)
{
	Verdict *v = w->verdict;
	Comparison c = {.column = column, .op = op, .required = required && op != OP_OTHER};
	if (!operand_read(w, constant, &c.operand))
		return ST_OK;
	v->comparisons =
		list_grow(&v->arena, v->comparisons, v->comparison_count, sizeof(*v->comparisons));
	TRY(arena_status(&v->arena, w->err, "a statement"));
	v->comparisons[v->comparison_count++] = c;
	return ST_OK;
}

static Status
walk_comparison(Walk *w, const json_t *node, Place place, bool required)
{
	const json_t *left = json_object_get(node, "left"), *right = json_object_get(node, "right");
	CompareOp op = op_of(node);
	bool distinct =
		tree_is(node, "COMPARE_DISTINCT_FROM") || tree_is(node, "COMPARE_NOT_DISTINCT_FROM");
	w->verdict->distinct |= distinct && !required;
	int32_t column;
	if (walk_is_column(left) && !walk_is_column(right)) {
		TRY(walk_add_column(w, left, place, &column));
		TRY(add_comparison(w, column, op, right, required));
		return walk_value(w, right, place);
	}
	if (walk_is_column(right) && !walk_is_column(left)) {
		TRY(walk_add_column(w, right, place, &column));
		TRY(add_comparison(w, column, turned(op), left, required));
		return walk_value(w, left, place);
	}
	TRY(walk_value(w, left, place));
	return walk_value(w, right, place);
}

static Status
walk_between(Walk *w, const json_t *node, Place place, bool required)
{
	const json_t *input = json_object_get(node, "input");
	const json_t *lower = json_object_get(node, "lower"), *upper = json_object_get(node, "upper");
	if (walk_is_column(input)) {
		int32_t column;
		TRY(walk_add_column(w, input, place, &column));
		TRY(add_comparison(w, column, OP_GE, lower, required));
		TRY(add_comparison(w, column, OP_LE, upper, required));
	} else {
		TRY(walk_value(w, input, place));
	}
	TRY(walk_value(w, lower, place));
	return walk_value(w, upper, place);
}

// The comparisons from `from` on, if they are of this column and as many as the list has items.
static Status
add_list(Walk *w, int32_t column, int32_t from, size_t items)
{
	Verdict *v = w->verdict;
	int32_t count = v->comparison_count - from;
	if (items == 0 || (size_t)count != items)
		return ST_OK;
	for (int32_t i = from; i < v->comparison_count; i++)
		if (v->comparisons[i].column != column)
			return ST_OK;
	v->lists = list_grow(&v->arena, v->lists, v->list_count, sizeof(*v->lists));
	TRY(arena_status(&v->arena, w->err, "a statement"));
	v->lists[v->list_count++] = (ConstantList){from, count};
	return ST_OK;
}

// column IN (…): only its constants matter.
static Status
walk_in(Walk *w, const json_t *node, Place place, bool required)
{
	Verdict *v = w->verdict;
	int32_t from = v->comparison_count;
	const json_t *children = json_object_get(node, "children");
	const json_t *input = json_array_get(children, 0);
	int32_t column = -1;
	if (walk_is_column(input))
		TRY(walk_add_column(w, input, place, &column));
	else
		TRY(walk_value(w, input, place));
	for (size_t i = 1; i < json_array_size(children); i++) {
		const json_t *item = json_array_get(children, i);
		if (column >= 0)
			TRY(add_comparison(w, column, OP_OTHER, item, false));
		TRY(walk_value(w, item, place));
	}
	size_t items = json_array_size(children) - 1;
	return required && column >= 0 ? add_list(w, column, from, items) : ST_OK;
}

Status
walk_compare(Walk *w, const json_t *node, Place place, bool required, bool *was)
{
	*was = true;
	if (tree_is_class(node, "COMPARISON"))
		return walk_comparison(w, node, place, required);
	if (tree_is(node, "COMPARE_BETWEEN"))
		return walk_between(w, node, place, required);
	if (tree_is(node, "COMPARE_IN") || (!required && tree_is(node, "COMPARE_NOT_IN")))
		return walk_in(w, node, place, required);
	*was = false;
	return ST_OK;
}
