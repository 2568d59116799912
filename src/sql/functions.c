#include "sql/functions.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sql/tree.h"

enum {
	MOST_ITEMS = 1000000,  // of a list that range() makes
	MOST_REPLACEMENT = 64, // bytes of what replace() puts in
	MOST_WIDTH_DIGITS = 3, // of a number in a format text
};

// ---- rules of single functions ----

static Status
refuse(const json_t *call, Error *err, const char *why)
{
	return error_set_at(err, ST_INVALID, tree_location(call), "function %s %s",
						tree_text(call, "function_name"), why);
}

// A table of numbers is a stream; a list of them is memory.
static Status
check_range(const json_t *call, bool in_from, Error *err)
{
	if (in_from)
		return ST_OK;
	const json_t *arguments = json_object_get(call, "children");
	size_t count = json_array_size(arguments);
	double bounds[3] = {0, 0, 1};
	for (size_t i = 0; i < count && i < 3; i++) {
		const json_t *value = tree_integer(json_array_get(arguments, i));
		if (value == NULL)
			return refuse(call, err, "makes lists of constant numbers only; use it in FROM");
		bounds[count == 1 ? 1 : i] = (double)json_integer_value(value);
	}
	double items = bounds[2] != 0 ? (bounds[1] - bounds[0]) / bounds[2] : 0;
	if (items > MOST_ITEMS)
		return refuse(call, err, "makes lists of at most 1000000 items; use it in FROM");
	return ST_OK;
}

// A width of a million would be a text of a million bytes.
static Status
check_format(const json_t *call, bool in_from, Error *err)
{
	(void)in_from;
	const char *text = tree_string(json_array_get(json_object_get(call, "children"), 0));
	if (text == NULL)
		return refuse(call, err, "needs a constant format");
	int digits = 0;
	bool nested = false, open = false;
	for (const char *p = text; *p != '\0'; p++) {
		digits = isdigit((unsigned char)*p) ? digits + 1 : 0;
		nested |= *p == '*' || digits > MOST_WIDTH_DIGITS || (*p == '{' && open && p[-1] != '{');
		open = *p == '{' ? true : *p == '}' ? false : open;
	}
	return nested ? refuse(call, err, "takes widths as constants below 1000") : ST_OK;
}

static Status
check_replace(const json_t *call, bool in_from, Error *err)
{
	(void)in_from;
	const char *text = tree_string(json_array_get(json_object_get(call, "children"), 2));
	if (text == NULL || strlen(text) > MOST_REPLACEMENT)
		return refuse(call, err, "needs a constant of at most 64 bytes to put in");
	return ST_OK;
}

static const struct {
	const char *name;
	Status (*check)(const json_t *call, bool in_from, Error *err);
} BOUNDED[] = {
	{"format", check_format}, {"printf", check_format},          {"generate_series", check_range},
	{"range", check_range},   {"regexp_replace", check_replace}, {"replace", check_replace},
};

// ---- all ----

static int
compare_names(const void *key, const void *item)
{
	return strcmp(key, *(const char *const *)item);
}

static bool
is_listed(const char *name)
{
	return bsearch(name, function_names, function_name_count, sizeof(function_names[0]),
				   compare_names) != NULL;
}

static bool
is_table_function(const char *name)
{
	static const char *const names[] = {"range", "generate_series", "unnest", "json_each",
										"json_tree"};
	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

// The engine finds functions without regard to case; one in quotes arrives as it was written.
static bool
fold(const char *name, char *out, size_t size)
{
	size_t len = strlen(name);
	if (len >= size)
		return false;
	for (size_t i = 0; i <= len; i++)
		out[i] = (char)tolower((unsigned char)name[i]);
	return true;
}

Status
function_check(const json_t *call, bool in_from, Error *err)
{
	char name[64];
	if (!fold(tree_text(call, "function_name"), name, sizeof(name)))
		return refuse(call, err, "does not exist");
	const char *schema = tree_text(call, "schema");
	if (tree_text(call, "catalog")[0] != '\0' ||
		(schema[0] != '\0' && strcasecmp(schema, "main") != 0))
		return refuse(call, err, "is written without a schema");
	if (in_from && !is_table_function(name))
		return refuse(call, err,
					  "is not allowed in FROM; range, generate_series, unnest, "
					  "json_each and json_tree are");
	for (size_t i = 0; i < COUNT_OF(BOUNDED); i++)
		if (strcmp(BOUNDED[i].name, name) == 0)
			return BOUNDED[i].check(call, in_from, err);
	if (!in_from && !is_listed(name))
		return refuse(call, err, "is not allowed here, or does not exist");
	return ST_OK;
}
