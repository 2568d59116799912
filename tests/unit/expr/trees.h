// trees.h - parse trees as the parser gives them, made by hand; each takes the references of its
// parts.

#pragma once

#include <jansson.h>

#include "../check.h"
#include "arrow/builder.h"
#include "expr/expr.h"

static inline json_t *
tree_at(json_t *tree, int position)
{
	json_object_set_new(tree, "query_location", json_integer(position));
	return tree;
}

static inline json_t *
tree_column(const char *name)
{
	return json_pack("{s:s, s:s, s:[s]}", "class", "COLUMN_REF", "type", "COLUMN_REF",
					 "column_names", name);
}

static inline json_t *
tree_constant(const char *type, json_t *value)
{
	return json_pack("{s:s, s:s, s:{s:{s:s}, s:b, s:o}}", "class", "CONSTANT", "type",
					 "VALUE_CONSTANT", "value", "type", "id", type, "is_null", 0, "value", value);
}

static inline json_t *
tree_number(int64_t value)
{
	return tree_constant(value > INT32_MAX || value < INT32_MIN ? "BIGINT" : "INTEGER",
						 json_integer(value));
}

static inline json_t *
tree_word(const char *text)
{
	return tree_constant("VARCHAR", json_string(text));
}

static inline json_t *
tree_null(void)
{
	return json_pack("{s:s, s:{s:{s:s}, s:b}}", "class", "CONSTANT", "value", "type", "id", "NULL",
					 "is_null", 1);
}

static inline json_t *
tree_call(const char *name, json_t *a, json_t *b)
{
	json_t *list = json_array();
	json_array_append_new(list, a);
	if (b != NULL)
		json_array_append_new(list, b);
	return json_pack("{s:s, s:s, s:o}", "class", "FUNCTION", "function_name", name, "children",
					 list);
}

static inline json_t *
tree_compare(const char *type, json_t *left, json_t *right)
{
	return json_pack("{s:s, s:s, s:o, s:o}", "class", "COMPARISON", "type", type, "left", left,
					 "right", right);
}

static inline json_t *
tree_equal(json_t *left, json_t *right)
{
	return tree_compare("COMPARE_EQUAL", left, right);
}

static inline json_t *
tree_two(const char *class_name, const char *type, json_t *a, json_t *b)
{
	json_t *tree = json_pack("{s:s, s:s, s:[o]}", "class", class_name, "type", type, "children", a);
	if (b != NULL)
		json_array_append_new(json_object_get(tree, "children"), b);
	return tree;
}

static inline json_t *
tree_and(json_t *a, json_t *b)
{
	return tree_two("CONJUNCTION", "CONJUNCTION_AND", a, b);
}

static inline json_t *
tree_or(json_t *a, json_t *b)
{
	return tree_two("CONJUNCTION", "CONJUNCTION_OR", a, b);
}

static inline json_t *
tree_cast(json_t *child, const char *type)
{
	return json_pack("{s:s, s:s, s:o, s:{s:s}}", "class", "CAST", "type", "OPERATOR_CAST", "child",
					 child, "cast_type", "id", type);
}

static inline json_t *
tree_case(json_t *when, json_t *then, json_t *other)
{
	return json_pack("{s:s, s:[{s:o, s:o}], s:o}", "class", "CASE", "case_checks", "when_expr",
					 when, "then_expr", then, "else_expr", other);
}

// ---- rows ----

// i BIGINT, small TINYINT, s VARCHAR, d DOUBLE, ts TIMESTAMP_S, each of its row's number:
// i = row − 2, NULL in every fifth row; small = row % 5; s = "n<row % 3>"; d = row / 2; ts = row.
static inline Schema *
tree_schema(void)
{
	Field fields[] = {
		{.name = "i", .type = {.id = TYPE_INT64}, .nullable = true},
		{.name = "small", .type = {.id = TYPE_INT8}, .nullable = true},
		{.name = "s", .type = {.id = TYPE_UTF8}, .nullable = true},
		{.name = "d", .type = {.id = TYPE_FLOAT64}, .nullable = true},
		{.name = "ts", .type = {.id = TYPE_TIMESTAMP, .unit = UNIT_S}, .nullable = false},
	};
	Schema *schema = NULL;
	Error err = ERROR_INIT;
	ok(schema_new(fields, COUNT_OF(fields), NULL, 0, &schema, &err), &err);
	return schema;
}

static inline Batch *
tree_rows(Schema *schema, int64_t rows)
{
	Builder *builder = NULL;
	Batch *batch = NULL;
	Error err = ERROR_INIT;
	ok(builder_new(schema, &builder, &err), &err);
	for (int64_t row = 0; row < rows; row++) {
		char text[32];
		snprintf(text, sizeof(text), "n%d", (int)(row % 3));
		if (row % 5 == 4)
			column_add_null(builder_column(builder, 0));
		else
			column_add_int(builder_column(builder, 0), row - 2);
		column_add_int(builder_column(builder, 1), row % 5);
		column_add_text(builder_column(builder, 2), text);
		column_add_double(builder_column(builder, 3), (double)row / 2);
		column_add_int(builder_column(builder, 4), row);
	}
	ok(builder_finish(builder, 0, &batch, &err), &err);
	builder_free(builder);
	return batch;
}
