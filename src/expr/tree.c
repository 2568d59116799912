#include "expr/tree.h"

#include <string.h>

const char *
tree_text(const json_t *node, const char *key)
{
	const char *text = json_string_value(json_object_get(node, key));
	return text != NULL ? text : "";
}

bool
tree_is(const json_t *node, const char *type)
{
	return strcmp(tree_text(node, "type"), type) == 0;
}

bool
tree_is_class(const json_t *node, const char *class_name)
{
	return strcmp(tree_text(node, "class"), class_name) == 0;
}

int32_t
tree_location(const json_t *node)
{
	// Of a tree with numbers beyond 63 bits it is a floating point one.
	const json_t *location = json_object_get(node, "query_location");
	double at = json_is_number(location) ? json_number_value(location) : -1;
	return at >= 0 && at < INT32_MAX ? (int32_t)at : -1;
}

static const json_t *
constant_value(const json_t *node)
{
	return tree_is_class(node, "CONSTANT")
			   ? json_object_get(json_object_get(node, "value"), "value")
			   : NULL;
}

const json_t *
tree_integer(const json_t *node)
{
	const json_t *value = constant_value(node);
	const char *type = tree_text(json_object_get(json_object_get(node, "value"), "type"), "id");
	return json_is_integer(value) && strstr(type, "INT") != NULL ? value : NULL;
}

const char *
tree_string(const json_t *node)
{
	const char *type = tree_text(json_object_get(json_object_get(node, "value"), "type"), "id");
	return strcmp(type, "VARCHAR") == 0 ? json_string_value(constant_value(node)) : NULL;
}
