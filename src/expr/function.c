// function.c - calls: the overload that costs least, as the engine behind queries chooses it.

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/setting.h"
#include "expr/function_int.h"

Status
node_call(Binder *b, NodeOp op, ExprType type, int32_t position, const char *name, Kernel kernel,
		  int64_t detail, Node *const *args, int32_t count, Node **out)
{
	Node *node;
	TRY(node_new(b, op, type, position, name, count, &node));
	memcpy(node->children, args, (size_t)count * sizeof(Node *));
	node->kernel = kernel;
	node->detail = detail;
	TRY(node_done(b, &node));
	*out = node;
	return ST_OK;
}

// ---- choice ----

typedef struct Choice {
	const Overload *overload;
	Kind each;
	int cost;
	bool tie;
} Choice;

static void
consider(const Overload *o, Kind each, Node *const *args, Choice *best)
{
	int cost = 0;
	for (int32_t i = 0; i < o->count; i++) {
		int one = term_cost(term_of(args[i]), o->args[i] == ARG_EACH ? each : o->args[i]);
		if (one < 0)
			return;
		cost += one;
	}
	if (best->overload != NULL && cost >= best->cost) {
		best->tie |= cost == best->cost;
		return;
	}
	*best = (Choice){o, each, cost, false};
}

static bool
choose(const char *name, Node *const *args, int32_t count, Choice *best)
{
	bool known = false;
	*best = (Choice){0};
	for (size_t i = 0; i < overload_count; i++) {
		const Overload *o = &overloads[i];
		if (strcasecmp(o->name, name) != 0)
			continue;
		known = true;
		if (o->count != count)
			continue;
		if (o->each == 0)
			consider(o, KIND_NULL, args, best);
		for (int kind = 0; kind < KIND_COUNT; kind++)
			if (kind_in((Kind)kind, o->each))
				consider(o, (Kind)kind, args, best);
	}
	return known;
}

static Status
refuse_call(Binder *b, int32_t position, const char *name, bool tie, Node *const *args,
			int32_t count)
{
	char list[160] = "", type[TYPE_TEXT];
	size_t len = 0;
	for (int32_t i = 0; i < count && len < sizeof(list); i++) {
		int written = snprintf(list + len, sizeof(list) - len, "%s%s", i > 0 ? ", " : "",
							   type_text(args[i]->type, type));
		len += written > 0 ? (size_t)written : 0;
	}
	return error_set_at(b->err, ST_INVALID, position,
						tie ? "%s(%s) could mean several functions; write a cast, as in x::DOUBLE"
							: "there is no function %s(%s); write a cast, as in x::DOUBLE",
						name, list);
}

static Status
refuse_unknown(Binder *b, int32_t position, const char *name)
{
	char what[80];
	(void)snprintf(what, sizeof(what), "function %.60s", name);
	return refuse_unbuilt(b, position, what);
}

// ---- the call ----

// Of a NULL nothing is computed; the type is that of the result as far as it is known without
// looking at the arguments.
static bool
is_null(const Node *node)
{
	return node->type.kind == KIND_NULL || (node->op == NODE_CONSTANT && node->null);
}

static Status
bind_overload(Binder *b, int32_t position, const Choice *choice, Node **args, Node **out)
{
	const Overload *o = choice->overload;
	ExprType types[MOST_ARGS], result = type_of(o->result == ARG_EACH ? choice->each : o->result);
	int64_t detail = o->detail;
	for (int32_t i = 0; i < o->count; i++) {
		types[i] = type_of(o->args[i] == ARG_EACH ? choice->each : o->args[i]);
		if (is_null(args[i]))
			return node_value(b, result.kind == KIND_DECIMAL ? type_of(KIND_NULL) : result, NULL,
							  position, out);
	}
	if (choice->each == KIND_DECIMAL && o->each != 0)
		TRY((o->adjust != NULL ? o->adjust : adjust_same)(b, args, o->count, types, &result,
														  &detail));
	for (int32_t i = 0; i < o->count; i++)
		TRY(node_cast(b, args[i], types[i], &args[i]));
	Kernel kernel = o->kernels != NULL ? o->kernels->of[kind_shape(types[0].kind)] : o->kernel;
	if (kernel == NULL)
		return refuse_unknown(b, position, o->name);
	return node_call(b, NODE_CALL, result, position, o->name, kernel, detail, args, o->count, out);
}

static Status
check_plain(Binder *b, const json_t *tree, const char *name)
{
	int32_t position = tree_location(tree);
	const char *schema = tree_text(tree, "schema");
	if (schema[0] != '\0' && strcasecmp(schema, "main") != 0)
		return refuse_unbuilt(b, position, "a function called as a method");
	if (json_is_true(json_object_get(tree, "distinct")) || json_object_get(tree, "filter") != NULL)
		return refuse_unknown(b, position, name);
	return ST_OK;
}

Status
bind_function(Binder *b, const json_t *tree, Node **out)
{
	int32_t position = tree_location(tree), count;
	const char *name = tree_text(tree, "function_name");
	Node **args;
	TRY(check_plain(b, tree, name));
	TRY(bind_children(b, tree, "children", &args, &count));
	for (int32_t i = 0; i < count; i++)
		if (args[i]->type.kind == KIND_OTHER)
			return refuse_unbuilt(b, position, "a function of nested values");
	for (size_t i = 0; i < special_count; i++)
		if (strcasecmp(specials[i].name, name) == 0)
			return specials[i].bind(b, position, args, count, out);
	Choice choice;
	if (!choose(name, args, count, &choice))
		return refuse_unknown(b, position, name);
	if (choice.overload == NULL || choice.tie)
		return refuse_call(b, position, name, choice.tie, args, count);
	return bind_overload(b, position, &choice, args, out);
}
