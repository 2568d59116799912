// constant.c - literals as the parser writes them down, and parameters.

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "expr/bind_int.h"

// ---- type names of the tree ----

static const struct {
	const char *id;
	Kind kind;
} IDS[] = {
	{"NULL", KIND_NULL},           {"BOOLEAN", KIND_BOOL},
	{"TINYINT", KIND_INT8},        {"SMALLINT", KIND_INT16},
	{"INTEGER", KIND_INT32},       {"BIGINT", KIND_INT64},
	{"HUGEINT", KIND_HUGE},        {"UTINYINT", KIND_UINT8},
	{"USMALLINT", KIND_UINT16},    {"UINTEGER", KIND_UINT32},
	{"UBIGINT", KIND_UINT64},      {"FLOAT", KIND_FLOAT},
	{"DOUBLE", KIND_DOUBLE},       {"DECIMAL", KIND_DECIMAL},
	{"VARCHAR", KIND_TEXT},        {"BLOB", KIND_BLOB},
	{"DATE", KIND_DATE},           {"TIMESTAMP_S", KIND_SECONDS},
	{"TIMESTAMP_MS", KIND_MILLIS}, {"TIMESTAMP", KIND_MICROS},
	{"TIMESTAMP_NS", KIND_NANOS},  {"TIMESTAMP WITH TIME ZONE", KIND_INSTANT},
	{"INTERVAL", KIND_SPAN},
};

Status
tree_type(Binder *b, const json_t *type, int32_t position, ExprType *out)
{
	const char *id = tree_text(type, "id");
	const json_t *info = json_object_get(type, "type_info");
	for (size_t i = 0; i < COUNT_OF(IDS); i++) {
		if (strcmp(IDS[i].id, id) != 0)
			continue;
		*out = type_of(IDS[i].kind);
		if (IDS[i].kind != KIND_DECIMAL)
			return ST_OK;
		json_int_t width = json_integer_value(json_object_get(info, "width"));
		json_int_t scale = json_integer_value(json_object_get(info, "scale"));
		if (width < 1 || width > 38 || scale < 0 || scale > width)
			break;
		*out = type_decimal((int)width, (int)scale);
		return ST_OK;
	}
	const char *name = tree_text(info, "name");
	char what[80];
	(void)snprintf(what, sizeof(what), "type %.60s", name[0] != '\0' ? name : id);
	return refuse_unbuilt(b, position, what);
}

// ---- literals ----

// Numbers beyond 53 bits may have lost digits where the tree was read with all integers as reals.
static bool
read_integer(const json_t *value, int64_t *out)
{
	if (json_is_integer(value)) {
		*out = json_integer_value(value);
		return true;
	}
	double real = json_number_value(value);
	*out = json_is_real(value) && real >= -9e15 && real <= 9e15 ? (int64_t)real : 0;
	return json_is_real(value) && (double)*out == real;
}

// {upper, lower} of what does not fit 64 bits, else a number.
static bool
read_wide(const json_t *value, Wide *out)
{
	int64_t upper = 0, lower = 0;
	if (!json_is_object(value)) {
		bool is = read_integer(value, &lower);
		*out = lower;
		return is;
	}
	if (!read_integer(json_object_get(value, "upper"), &upper) ||
		!read_integer(json_object_get(value, "lower"), &lower))
		return false;
	*out = (Wide)(((WideBits)(Wide)upper << 64) | (uint64_t)lower);
	return true;
}

static bool
read_value(const json_t *tree, ExprType type, Value *out)
{
	switch (kind_shape(type.kind)) {
	case SHAPE_BOOL: out->truth = json_is_true(tree); return json_is_boolean(tree);
	case SHAPE_INT: return read_integer(tree, &out->whole) && kind_in(type.kind, KINDS_INTEGER);
	case SHAPE_WIDE: return read_wide(tree, &out->wide);
	case SHAPE_DOUBLE: out->real = json_number_value(tree); return json_is_number(tree);
	case SHAPE_TEXT:
		// What is empty is left out of the tree.
		out->text = tree == NULL ? slice_text("")
								 : slice_of(json_string_value(tree), json_string_length(tree));
		return (tree == NULL || json_is_string(tree)) && type.kind == KIND_TEXT;
	default: return false;
	}
}

Status
bind_constant(Binder *b, const json_t *tree, Node **out)
{
	int32_t position = tree_location(tree);
	const json_t *constant = json_object_get(tree, "value");
	ExprType type;
	TRY(tree_type(b, json_object_get(constant, "type"), position, &type));
	bool null = type.kind == KIND_NULL || json_is_true(json_object_get(constant, "is_null"));
	Value value = {0};
	if (!null && !read_value(json_object_get(constant, "value"), type, &value))
		return refuse_unbuilt(b, position, "a constant of this size or type");
	TRY(node_value(b, type, null ? NULL : &value, position, out));
	(*out)->literal = true;
	return ST_OK;
}

// ---- parameters ----

static int32_t
find_parameter(const Schema *schema, const char *identifier)
{
	char *end;
	long number = strtol(identifier, &end, 10);
	if (end != identifier && *end == '\0')
		return number >= 1 && number <= schema_field_count(schema) ? (int32_t)number - 1 : -1;
	for (int32_t i = 0; i < schema_field_count(schema); i++)
		if (strcasecmp(schema_field(schema, i)->name, identifier) == 0)
			return i;
	return -1;
}

Status
bind_parameter(Binder *b, const json_t *tree, Node **out)
{
	const char *identifier = tree_text(tree, "identifier");
	Batch *params = b->scope->params;
	int32_t at = params != NULL ? find_parameter(batch_schema(params), identifier) : -1;
	if (at < 0 || batch_rows(params) < 1)
		return error_set_at(b->err, ST_INVALID, tree_location(tree),
							"there is no value for parameter $%.60s", identifier);
	const Field *field = schema_field(batch_schema(params), at);
	ExprType type = type_of_field(field);
	if (field->type.id == TYPE_NULL)
		type = type_of(KIND_NULL);
	if (type.kind == KIND_OTHER)
		return refuse_unbuilt(b, tree_location(tree), "a parameter of this type");
	Node *column;
	TRY(node_new(b, NODE_COLUMN, type, tree_location(tree), "parameter", 0, &column));
	b->expr->row_bytes = node_layout(column, 0);
	TRY(work_begin(b->work, b->expr, NULL, 1, b->err));
	b->work->batch = params;
	Rows first = {.count = 1};
	Call c = {.node = column, .work = b->work, .rows = &first, .n = 1};
	c.out = node_vec(b->work, column);
	column_load(&c, field, batch_column(params, at));
	Value value = {0};
	memcpy(&value, c.out.any, shape_bytes(kind_shape(type.kind)));
	TRY(node_value(b, type, c.out.ok[0] ? &value : NULL, column->position, out));
	(*out)->literal = true;
	return ST_OK;
}
