// bind.c - the walk over a parse tree, columns, casts and the nodes themselves.

#include "expr/bind_int.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

Status
refuse_types(Binder *b, int32_t position, const char *what, ExprType x, ExprType y)
{
	char left[TYPE_TEXT], right[TYPE_TEXT];
	return error_set_at(b->err, ST_INVALID, position, "%s %s and %s; write a cast, as in x::DOUBLE",
						what, type_text(x, left), type_text(y, right));
}

Status
refuse_unbuilt(Binder *b, int32_t position, const char *what)
{
	return error_set_at(b->err, ST_UNIMPLEMENTED, position,
						"%s is not built for expressions on rows as they come; a query can do it",
						what);
}

// ---- nodes ----

Status
node_new(Binder *b, NodeOp op, ExprType type, int32_t position, const char *name, int32_t count,
		 Node **out)
{
	if (++b->parts > MOST_PARTS)
		return error_set_at(b->err, ST_LIMIT, position, "an expression has at most %d parts",
							MOST_PARTS);
	Arena *arena = &b->expr->arena;
	Node *node = arena_alloc(arena, sizeof(*node));
	Node **children = arena_array(arena, (size_t)count, sizeof(Node *));
	TRY(arena_status(arena, b->err, "an expression"));
	*node = (Node){.op = op,
				   .type = type,
				   .position = position,
				   .name = name,
				   .children = children,
				   .count = count};
	if (kind_in(type.kind, KINDS_INTEGER | KINDS_DECIMAL)) {
		node->low = type_low(type);
		node->high = type_high(type);
	}
	*out = node;
	return ST_OK;
}

size_t
node_layout(Node *node, size_t at)
{
	for (int32_t i = 0; i < node->count; i++)
		at = node_layout(node->children[i], at);
	node->at = at;
	size_t lists = node->op == NODE_CASE || node->op == NODE_COALESCE ? 3 * sizeof(int32_t) : 0;
	return at + shape_bytes(kind_shape(node->type.kind)) + 1 + lists;
}

bool
node_constant(const Node *node, Value *out)
{
	if (node->op != NODE_CONSTANT || node->null)
		return false;
	*out = node->value;
	return true;
}

Status
node_value(Binder *b, ExprType type, const Value *value, int32_t position, Node **out)
{
	Node *node;
	TRY(node_new(b, NODE_CONSTANT, type, position, "constant", 0, &node));
	node->null = value == NULL;
	if (value != NULL)
		node->value = *value;
	Shape shape = kind_shape(type.kind);
	if (value != NULL && shape == SHAPE_TEXT) {
		const char *copy =
			arena_strndup(&b->expr->arena, (const char *)value->text.data, value->text.len);
		TRY(arena_status(&b->expr->arena, b->err, "an expression"));
		node->value.text = slice_of(copy, value->text.len);
	}
	*out = node;
	return ST_OK;
}

// The value of row 0 as a constant in its place.
static Status
take_value(Binder *b, Node **node)
{
	Vec v = node_vec(b->work, *node);
	Value value = {0};
	memcpy(&value, v.any, shape_bytes(kind_shape((*node)->type.kind)));
	Node *constant;
	TRY(node_value(b, (*node)->type, v.ok[0] ? &value : NULL, (*node)->position, &constant));
	constant->name = (*node)->name;
	*node = constant;
	return ST_OK;
}

Status
node_done(Binder *b, Node **node)
{
	for (int32_t i = 0; i < (*node)->count; i++)
		if ((*node)->children[i]->op != NODE_CONSTANT)
			return ST_OK;
	if ((*node)->op == NODE_COLUMN || (*node)->op == NODE_CONSTANT)
		return ST_OK;
	b->expr->row_bytes = node_layout(*node, 0);
	TRY(work_begin(b->work, b->expr, NULL, 1, b->err));
	Status st = node_eval(*node, b->work, &(Rows){.count = 1}, b->err);
	if (st == ST_OK)
		return take_value(b, node);
	// What fails is an error only of rows that get there; out of memory is one now.
	return st != ST_INVALID || (*node)->raising ? st : ST_OK;
}

Status
node_cast(Binder *b, Node *node, ExprType type, Node **out)
{
	if (type_same(node->type, type)) {
		*out = node;
		return ST_OK;
	}
	Node *cast;
	TRY(node_new(b, NODE_CALL, type, node->position, "cast", 1, &cast));
	cast->children[0] = node;
	cast->raising = node->literal;
	cast->kernel = cast_kernel(node->type, type);
	if (cast->kernel == NULL)
		return refuse_types(b, node->position, "there is no cast between", node->type, type);
	TRY(node_done(b, &cast));
	*out = cast;
	return ST_OK;
}

// ---- columns ----

// By name, exactly before without case; `time` is the time column where there is no other.
static int32_t
find_column(const ExprScope *scope, const char *name)
{
	int32_t at = schema_find(scope->schema, name);
	if (at < 0)
		at = schema_find_folded(scope->schema, name);
	return at < 0 && strcasecmp(name, "time") == 0 ? scope->time : at;
}

static Status
bind_column(Binder *b, const json_t *tree, Node **out)
{
	int32_t position = tree_location(tree);
	const json_t *names = json_object_get(tree, "column_names");
	size_t parts = json_array_size(names);
	const char *name = json_string_value(json_array_get(names, parts - 1));
	if (parts == 0 || name == NULL)
		return error_set_at(b->err, ST_INVALID, position, "a column without a name");
	const char *table = parts > 1 ? json_string_value(json_array_get(names, parts - 2)) : NULL;
	if (parts > 1 &&
		(table == NULL || b->scope->table == NULL || strcasecmp(table, b->scope->table) != 0))
		return refuse_unbuilt(b, position, "a field of a column");
	int32_t column = find_column(b->scope, name);
	if (column < 0)
		return error_set_at(b->err, ST_INVALID, position, "there is no column \"%s\"", name);
	const Field *field = schema_field(b->scope->schema, column);
	Node *node;
	TRY(node_new(b, NODE_COLUMN, type_of_field(field), position, "column", 0, &node));
	node->column = column;
	if (column >= b->expr->columns)
		b->expr->columns = column + 1;
	*out = node;
	return ST_OK;
}

// ---- the walk ----

Status
bind_children(Binder *b, const json_t *tree, const char *key, Node ***out, int32_t *count)
{
	const json_t *list = json_object_get(tree, key);
	size_t n = json_array_size(list);
	if (n > MOST_PARTS)
		return error_set_at(b->err, ST_LIMIT, tree_location(tree),
							"an expression has at most %d parts", MOST_PARTS);
	Node **nodes = arena_array(&b->expr->arena, n, sizeof(Node *));
	TRY(arena_status(&b->expr->arena, b->err, "an expression"));
	for (size_t i = 0; i < n; i++)
		TRY(bind_tree(b, json_array_get(list, i), &nodes[i]));
	*out = nodes;
	*count = (int32_t)n;
	return ST_OK;
}

static const struct {
	const char *class_name;
	Status (*bind)(Binder *b, const json_t *tree, Node **out);
} CLASSES[] = {
	{"COLUMN_REF", bind_column}, {"CONSTANT", bind_constant},   {"PARAMETER", bind_parameter},
	{"FUNCTION", bind_function}, {"COMPARISON", bind_operator}, {"CONJUNCTION", bind_operator},
	{"OPERATOR", bind_operator}, {"BETWEEN", bind_operator},    {"CASE", bind_operator},
	{"CAST", bind_operator},
};

static Status
bind_class(Binder *b, const json_t *tree, Node **out)
{
	for (size_t i = 0; i < COUNT_OF(CLASSES); i++)
		if (tree_is_class(tree, CLASSES[i].class_name))
			return CLASSES[i].bind(b, tree, out);
	const char *name = tree_text(tree, "class");
	char what[64];
	(void)snprintf(what, sizeof(what), "%.40s", name[0] != '\0' ? name : "a part without a class");
	return refuse_unbuilt(b, tree_location(tree), what);
}

Status
bind_tree(Binder *b, const json_t *tree, Node **out)
{
	if (b->depth >= MOST_DEPTH)
		return error_set_at(b->err, ST_LIMIT, tree_location(tree),
							"an expression is nested at most %d deep", MOST_DEPTH);
	b->depth++;
	Status st = bind_class(b, tree, out);
	b->depth--;
	return st;
}
