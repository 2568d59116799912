// operator.c - what is written with signs and words: comparison, logic, CASE, CAST.

#include <string.h>

#include "expr/bind_int.h"

static Status
bind_two(Binder *b, const json_t *tree, const char *first, const char *second, Node *out[2])
{
	TRY(bind_tree(b, json_object_get(tree, first), &out[0]));
	return bind_tree(b, json_object_get(tree, second), &out[1]);
}

static Status
make(Binder *b, NodeOp op, Kernel kernel, int64_t detail, const char *name, int32_t position,
	 Node *const *children, int32_t count, Node **out)
{
	Node *node;
	TRY(node_new(b, op, type_of(KIND_BOOL), position, name, count, &node));
	memcpy(node->children, children, (size_t)count * sizeof(Node *));
	node->kernel = kernel;
	node->detail = detail;
	TRY(node_done(b, &node));
	*out = node;
	return ST_OK;
}

// ---- comparison ----

static const struct {
	const char *type;
	CompareWay way;
	const char *name;
} WAYS[] = {
	{"COMPARE_EQUAL", COMPARE_EQ, "="},
	{"COMPARE_NOTEQUAL", COMPARE_NE, "<>"},
	{"COMPARE_LESSTHAN", COMPARE_LT, "<"},
	{"COMPARE_LESSTHANOREQUALTO", COMPARE_LE, "<="},
	{"COMPARE_GREATERTHAN", COMPARE_GT, ">"},
	{"COMPARE_GREATERTHANOREQUALTO", COMPARE_GE, ">="},
	{"COMPARE_NOT_DISTINCT_FROM", COMPARE_SAME, "IS NOT DISTINCT FROM"},
	{"COMPARE_DISTINCT_FROM", COMPARE_OTHER, "IS DISTINCT FROM"},
};

static bool
is_equality(CompareWay way)
{
	return way == COMPARE_EQ || way == COMPARE_NE || way == COMPARE_SAME || way == COMPARE_OTHER;
}

Status
bind_compare(Binder *b, CompareWay way, int32_t position, Node *left, Node *right, Node **out)
{
	Term type;
	bool done;
	TRY(bind_instant_compare(b, way, position, left, right, out, &done));
	if (done)
		return ST_OK;
	if (!term_compare(term_of(left), term_of(right), is_equality(way), &type))
		return refuse_types(b, position, "there is no comparison of", left->type, right->type);
	if (type.type.kind == KIND_OTHER)
		return refuse_unbuilt(b, position, "a comparison of nested values");
	Node *sides[2];
	TRY(node_cast(b, left, type.type, &sides[0]));
	TRY(node_cast(b, right, type.type, &sides[1]));
	NodeOp op = way == COMPARE_SAME || way == COMPARE_OTHER ? NODE_FREE : NODE_CALL;
	return make(b, op, compare_values, way, WAYS[way].name, position, sides, 2, out);
}

static Status
bind_comparison(Binder *b, const json_t *tree, Node **out)
{
	Node *sides[2];
	for (size_t i = 0; i < COUNT_OF(WAYS); i++) {
		if (!tree_is(tree, WAYS[i].type))
			continue;
		TRY(bind_two(b, tree, "left", "right", sides));
		return bind_compare(b, (CompareWay)i, tree_location(tree), sides[0], sides[1], out);
	}
	return refuse_unbuilt(b, tree_location(tree), tree_text(tree, "type"));
}

// The type of all of them is found first, so it is not the same as two comparisons.
static Status
bind_between(Binder *b, const json_t *tree, Node **out)
{
	int32_t position = tree_location(tree);
	Node *input, *bounds[2], *halves[2];
	TRY(bind_tree(b, json_object_get(tree, "input"), &input));
	TRY(bind_two(b, tree, "lower", "upper", bounds));
	Term type, both;
	bool time = input->op == NODE_COLUMN && input->column == b->scope->time;
	if (!time) {
		if (!term_compare(term_of(input), term_of(bounds[0]), false, &type))
			return refuse_types(b, position, "there is no comparison of", input->type,
								bounds[0]->type);
		if (!term_compare(type, term_of(bounds[1]), false, &both))
			return refuse_types(b, position, "there is no comparison of", type.type,
								bounds[1]->type);
		TRY(node_cast(b, input, both.type, &input));
		TRY(node_cast(b, bounds[0], both.type, &bounds[0]));
		TRY(node_cast(b, bounds[1], both.type, &bounds[1]));
	}
	TRY(bind_compare(b, COMPARE_GE, position, input, bounds[0], &halves[0]));
	TRY(bind_compare(b, COMPARE_LE, position, input, bounds[1], &halves[1]));
	return make(b, NODE_FREE, logic_and, 0, "BETWEEN", position, halves, 2, out);
}

// Of the time column: each as a comparison of its own, since they are about instants.
static Status
bind_instants(Binder *b, Node **list, int32_t count, bool not, int32_t position, Node **out)
{
	Node *in;
	for (int32_t i = 1; i < count; i++)
		TRY(bind_compare(b, COMPARE_EQ, position, list[0], list[i], &list[i]));
	TRY(make(b, NODE_FREE, logic_or, 0, "IN", position, list + 1, count - 1, &in));
	*out = in;
	return not ? make(b, NODE_CALL, logic_not, 0, "NOT", position, &in, 1, out) : ST_OK;
}

static Status
bind_in(Binder *b, const json_t *tree, Node **out)
{
	Node **list;
	int32_t count, position = tree_location(tree);
	bool not = tree_is(tree, "COMPARE_NOT_IN");
	TRY(bind_children(b, tree, "children", &list, &count));
	if (count < 2)
		return refuse_unbuilt(b, position, "IN without a list");
	if (list[0]->op == NODE_COLUMN && list[0]->column == b->scope->time)
		return bind_instants(b, list, count, not, position, out);
	Term type = term_of(list[0]);
	for (int32_t i = 1; i < count; i++)
		if (!term_compare(type, term_of(list[i]), true, &type))
			return refuse_types(b, position, "IN has", type.type, list[i]->type);
	if (type.type.kind == KIND_OTHER)
		return refuse_unbuilt(b, position, "a comparison of nested values");
	for (int32_t i = 0; i < count; i++)
		TRY(node_cast(b, list[i], type.type, &list[i]));
	return make(b, NODE_FREE, compare_list, not, "IN", position, list, count, out);
}

// ---- logic ----

static Status
as_truths(Binder *b, Node **nodes, int32_t count)
{
	for (int32_t i = 0; i < count; i++)
		TRY(node_cast(b, nodes[i], type_of(KIND_BOOL), &nodes[i]));
	return ST_OK;
}

static Status
bind_conjunction(Binder *b, const json_t *tree, Node **out)
{
	Node **list;
	int32_t count;
	bool and = tree_is(tree, "CONJUNCTION_AND");
	TRY(bind_children(b, tree, "children", &list, &count));
	TRY(as_truths(b, list, count));
	return make(b, NODE_FREE, and? logic_and : logic_or, 0, and? "AND" : "OR", tree_location(tree),
				list, count, out);
}

static Status
bind_coalesce(Binder *b, Node **list, int32_t count, int32_t position, Node **out)
{
	Term type = term_of(list[0]);
	for (int32_t i = 1; i < count; i++)
		if (!term_max(type, term_of(list[i]), &type))
			return refuse_types(b, position, "coalesce has", type.type, list[i]->type);
	if (type.type.kind == KIND_OTHER)
		return refuse_unbuilt(b, position, "coalesce of nested values");
	if (count == 1) {
		*out = list[0];
		return ST_OK;
	}
	Node *node;
	TRY(node_new(b, NODE_COALESCE, type.type, position, "coalesce", count, &node));
	for (int32_t i = 0; i < count; i++)
		TRY(node_cast(b, list[i], type.type, &node->children[i]));
	TRY(node_done(b, &node));
	*out = node;
	return ST_OK;
}

static Status
bind_words(Binder *b, const json_t *tree, Node **out)
{
	Node **list;
	int32_t count, position = tree_location(tree);
	TRY(bind_children(b, tree, "children", &list, &count));
	if (count == 0)
		return refuse_unbuilt(b, position, tree_text(tree, "type"));
	if (tree_is(tree, "OPERATOR_COALESCE"))
		return bind_coalesce(b, list, count, position, out);
	if (tree_is(tree, "OPERATOR_IS_NULL") || tree_is(tree, "OPERATOR_IS_NOT_NULL"))
		return make(b, NODE_FREE, logic_is_null, tree_is(tree, "OPERATOR_IS_NOT_NULL"), "IS NULL",
					position, list, 1, out);
	if (!tree_is(tree, "OPERATOR_NOT"))
		return refuse_unbuilt(b, position, tree_text(tree, "type"));
	TRY(as_truths(b, list, 1));
	return make(b, NODE_CALL, logic_not, 0, "NOT", position, list, 1, out);
}

// ---- CASE and CAST ----

Status
bind_choice(Binder *b, Node **parts, int32_t count, int32_t position, Node **out)
{
	Term type = term_of(parts[count - 1]);
	for (int32_t i = 1; i < count; i += 2)
		if (!term_max(type, term_of(parts[i]), &type))
			return refuse_types(b, position, "CASE has", type.type, parts[i]->type);
	if (type.type.kind == KIND_OTHER)
		return refuse_unbuilt(b, position, "CASE of nested values");
	Node *node;
	TRY(node_new(b, NODE_CASE, type.type, position, "CASE", count, &node));
	for (int32_t i = 0; i < count; i++) {
		bool when = i % 2 == 0 && i + 1 < count;
		TRY(node_cast(b, parts[i], when ? type_of(KIND_BOOL) : type.type, &node->children[i]));
	}
	TRY(node_done(b, &node));
	*out = node;
	return ST_OK;
}

static Status
bind_case(Binder *b, const json_t *tree, Node **out)
{
	const json_t *checks = json_object_get(tree, "case_checks");
	size_t count = json_array_size(checks);
	if (count > MOST_PARTS)
		return error_set_at(b->err, ST_LIMIT, tree_location(tree),
							"an expression has at most %d parts", MOST_PARTS);
	Node **parts = arena_array(&b->expr->arena, 2 * count + 1, sizeof(Node *));
	TRY(arena_status(&b->expr->arena, b->err, "an expression"));
	for (size_t i = 0; i < count; i++)
		TRY(bind_two(b, json_array_get(checks, i), "when_expr", "then_expr", parts + 2 * i));
	TRY(bind_tree(b, json_object_get(tree, "else_expr"), &parts[2 * count]));
	return bind_choice(b, parts, (int32_t)(2 * count + 1), tree_location(tree), out);
}

static Status
bind_cast(Binder *b, const json_t *tree, Node **out)
{
	Node *child;
	ExprType type;
	TRY(bind_tree(b, json_object_get(tree, "child"), &child));
	TRY(tree_type(b, json_object_get(tree, "cast_type"), tree_location(tree), &type));
	if (type_same(child->type, type)) {
		*out = child;
		return ST_OK;
	}
	int32_t position = tree_location(tree);
	Node *cast;
	TRY(node_new(b, NODE_CALL, type, position >= 0 ? position : child->position, "cast", 1, &cast));
	cast->children[0] = child;
	cast->kernel = cast_kernel(child->type, type);
	cast->trying = json_is_true(json_object_get(tree, "try_cast"));
	if (cast->kernel == NULL)
		return refuse_types(b, cast->position, "there is no cast between", child->type, type);
	TRY(node_done(b, &cast));
	*out = cast;
	return ST_OK;
}

Status
bind_operator(Binder *b, const json_t *tree, Node **out)
{
	if (tree_is_class(tree, "COMPARISON"))
		return bind_comparison(b, tree, out);
	if (tree_is_class(tree, "CONJUNCTION"))
		return bind_conjunction(b, tree, out);
	if (tree_is_class(tree, "CASE"))
		return bind_case(b, tree, out);
	if (tree_is_class(tree, "CAST"))
		return bind_cast(b, tree, out);
	if (tree_is(tree, "COMPARE_BETWEEN"))
		return bind_between(b, tree, out);
	if (tree_is(tree, "COMPARE_IN") || tree_is(tree, "COMPARE_NOT_IN"))
		return bind_in(b, tree, out);
	return bind_words(b, tree, out);
}
