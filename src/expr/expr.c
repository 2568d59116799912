// expr.c - a compiled expression, and what a condition requires of columns.

#include "expr/expr.h"

#include <string.h>

#include "base/mem.h"
#include "expr/bind_int.h"

void
expr_free(Expr *expr)
{
	if (expr == NULL)
		return;
	for (int32_t i = 0; i < expr->equals_count; i++)
		batch_unref(expr->equals[i].constants);
	schema_unref(expr->source);
	schema_unref(expr->schema);
	arena_close(&expr->arena);
	mem_free(expr);
}

const Field *
expr_field(const Expr *expr)
{
	return schema_field(expr->schema, 0);
}

int32_t
expr_column(const Expr *expr)
{
	return expr->root->op == NODE_COLUMN ? expr->root->column : -1;
}

const ExprEquals *
expr_equals(const Expr *condition, int32_t *count)
{
	*count = condition->equals_count;
	return condition->equals;
}

static Status
name_result(Expr *expr, const ExprScope *scope, const json_t *tree, Error *err)
{
	int32_t column = expr_column(expr);
	Field field = {.name = "", .type = type_to_arrow(expr->root->type), .nullable = true};
	if (column >= 0)
		field = *schema_field(scope->schema, column);
	const char *alias = tree_text(tree, "alias");
	if (alias[0] != '\0')
		field.name = alias;
	return schema_new(&field, 1, NULL, 0, &expr->schema, err);
}

// ---- what a condition requires ----

static bool
is_exact(Kind kind)
{
	return !kind_in(kind, KINDS_REAL) && kind != KIND_SPAN && kind != KIND_OTHER;
}

// column = constant or column IN (constants), as their children.
static bool
find_equals(const Node *node, const Node **column, Node *const **constants, int32_t *count)
{
	bool list = node->op == NODE_FREE && node->kernel == compare_list && node->detail == 0;
	bool equal =
		node->op == NODE_CALL && node->kernel == compare_values && node->detail == COMPARE_EQ;
	if (!list && !equal)
		return false;
	bool turned = equal && node->children[1]->op == NODE_COLUMN;
	*column = node->children[turned ? 1 : 0];
	*constants = node->children + (turned ? 0 : 1);
	*count = list ? node->count - 1 : 1;
	for (int32_t i = 0; i < *count; i++)
		if ((*constants)[i]->op != NODE_CONSTANT)
			return false;
	return (*column)->op == NODE_COLUMN && is_exact((*column)->type.kind);
}

static Status
collect(Schema *one, ExprType type, Node *const *constants, int32_t count, Batch **out, Error *err)
{
	SCOPED(builder_drop) Builder *builder = NULL;
	TRY(builder_new(one, &builder, err));
	for (int32_t i = 0; i < count; i++) {
		Value value = constants[i]->value;
		Vec v = {.any = &value};
		if (!constants[i]->null)
			vec_append(&v, type.kind, 0, builder_column(builder, 0));
	}
	return builder_finish(builder, 0, out, err);
}

static Status
add_equals(Expr *expr, const ExprScope *scope, const Node *node, Error *err)
{
	const Node *column;
	Node *const *constants;
	int32_t count;
	if (!find_equals(node, &column, &constants, &count))
		return ST_OK;
	const Field *field = schema_field(scope->schema, column->column);
	Type type = type_to_arrow(column->type);
	if (field->type.id != type.id || (type.id == TYPE_TIMESTAMP && field->type.unit != type.unit))
		return ST_OK;
	SCOPED(schema_drop) Schema *one = NULL;
	ExprEquals equals = {.column = column->column};
	TRY(schema_new(field, 1, NULL, 0, &one, err));
	TRY(collect(one, column->type, constants, count, &equals.constants, err));
	expr->equals[expr->equals_count++] = equals;
	return ST_OK;
}

static int32_t
count_conjuncts(const Node *node)
{
	int32_t count = 0;
	if (node->op != NODE_FREE || node->kernel != logic_and)
		return 1;
	for (int32_t i = 0; i < node->count; i++)
		count += count_conjuncts(node->children[i]);
	return count;
}

static Status
walk_conjuncts(Expr *expr, const ExprScope *scope, const Node *node, Error *err)
{
	if (node->op != NODE_FREE || node->kernel != logic_and)
		return add_equals(expr, scope, node, err);
	for (int32_t i = 0; i < node->count; i++)
		TRY(walk_conjuncts(expr, scope, node->children[i], err));
	return ST_OK;
}

static Status
note_equals(Expr *expr, const ExprScope *scope, Error *err)
{
	expr->truth = true;
	expr->equals =
		arena_array(&expr->arena, (size_t)count_conjuncts(expr->root), sizeof(*expr->equals));
	TRY(arena_status(&expr->arena, err, "an expression"));
	return walk_conjuncts(expr, scope, expr->root, err);
}

// ---- compilation ----

static Status
compile(const ExprScope *scope, const json_t *tree, bool condition, Expr **out, Error *err)
{
	SCOPED(expr_drop) Expr *expr = mem_alloc(sizeof(*expr));
	SCOPED(expr_work_drop) ExprWork *work = NULL;
	if (expr == NULL)
		return error_no_memory(err, "an expression");
	expr->source = schema_ref(scope->schema);
	TRY(expr_work_new(EXPR_FAULTS_FAIL, &work, err));
	Error own = ERROR_INIT;
	Binder b = {.scope = scope, .expr = expr, .work = work, .err = err != NULL ? err : &own};
	TRY(bind_tree(&b, tree, &expr->root));
	if (condition)
		TRY(node_cast(&b, expr->root, type_of(KIND_BOOL), &expr->root));
	expr->row_bytes = node_layout(expr->root, 0);
	TRY(name_result(expr, scope, tree, err));
	if (condition)
		TRY(note_equals(expr, scope, err));
	*out = TAKE(expr);
	return ST_OK;
}

Status
expr_compile(const ExprScope *scope, const json_t *tree, Expr **out, Error *err)
{
	return compile(scope, tree, false, out, err);
}

Status
expr_compile_condition(const ExprScope *scope, const json_t *tree, Expr **out, Error *err)
{
	return compile(scope, tree, true, out, err);
}
