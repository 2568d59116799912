#include "sql/functions.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/setting.h"
#include "sql/walk_int.h"

enum {
	MOST_ITEMS = 10000,    // of all lists that range() makes in a statement
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

// A list is memory, and making it hears no interrupt: for each of the 2048 rows that the engine
// takes at once.
static Status
count_items(const json_t *call, const CallPlace *place, double items, Error *err)
{
	if (items > 0)
		*place->items += items;
	if (*place->items > MOST_ITEMS)
		return refuse(call, err,
					  "makes a list too long: those of a statement have at most 10000 items "
					  "together; write FROM range(…)");
	return ST_OK;
}

// A constant number, or an instant.
static bool
read_bound(const json_t *node, double *out)
{
	const json_t *number = tree_integer(node);
	int64_t ns;
	if (number == NULL && !operand_instant(node, &ns))
		return false;
	*out = number != NULL ? (double)json_integer_value(number) : (double)ns;
	return true;
}

static bool
read_step(const json_t *node, double *out)
{
	const json_t *number = tree_integer(node);
	int64_t ns;
	if (number == NULL && !operand_span(node, &ns))
		return false;
	*out = number != NULL ? (double)json_integer_value(number) : (double)ns;
	return true;
}

// A table of numbers is a stream; a list of them is memory.
static Status
check_range(const json_t *call, const CallPlace *place, Error *err)
{
	if (place->in_from)
		return ST_OK;
	if (place->in_lambda)
		return refuse(call, err, "is not allowed in a lambda; write FROM range(…) and join it");
	const json_t *arguments = json_object_get(call, "children");
	size_t count = json_array_size(arguments);
	double from = 0, to = 0, step = 1;
	bool constant = count >= 1 && count <= 3;
	if (count == 1)
		constant = read_bound(json_array_get(arguments, 0), &to);
	if (count >= 2)
		constant = constant && read_bound(json_array_get(arguments, 0), &from) &&
				   read_bound(json_array_get(arguments, 1), &to);
	if (count == 3)
		constant = constant && read_step(json_array_get(arguments, 2), &step);
	if (!constant)
		return refuse(
			call, err,
			"makes lists between constants only, and of times by a constant step of weeks "
			"or less; write FROM range(…)");
	return count_items(call, place, step != 0 ? (to - from) / step + 1 : 0, err);
}

static Status
check_bins(const json_t *call, const CallPlace *place, Error *err)
{
	const json_t *bins = tree_integer(json_array_get(json_object_get(call, "children"), 2));
	if (bins == NULL || place->in_lambda)
		return refuse(call, err, "needs a constant number of bins, and is not allowed in a lambda");
	return count_items(call, place, (double)json_integer_value(bins), err);
}

// A width of a million would be a text of a million bytes.
static Status
check_format(const json_t *call, const CallPlace *place, Error *err)
{
	(void)place;
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
check_replace(const json_t *call, const CallPlace *place, Error *err)
{
	(void)place;
	const char *text = tree_string(json_array_get(json_object_get(call, "children"), 2));
	if (text == NULL || strlen(text) > MOST_REPLACEMENT)
		return refuse(call, err, "needs a constant of at most 64 bytes to put in");
	return ST_OK;
}

static const struct {
	const char *name;
	Status (*check)(const json_t *call, const CallPlace *place, Error *err);
} BOUNDED[] = {
	{"equi_width_bins", check_bins},  {"format", check_format}, {"printf", check_format},
	{"generate_series", check_range}, {"range", check_range},   {"regexp_replace", check_replace},
	{"replace", check_replace},
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
is_one_of(const char *name, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcasecmp(names[i], name) == 0)
			return true;
	return false;
}

static bool
is_table_function(const char *name)
{
	static const char *const names[] = {"range", "generate_series", "unnest", "json_each",
										"json_tree"};
	return is_one_of(name, names, COUNT_OF(names));
}

bool
function_takes_lambda(const json_t *call)
{
	static const char *const names[] = {"list_transform",  "list_apply",  "list_filter",
										"array_transform", "array_apply", "array_filter",
										"apply",           "filter"};
	return is_one_of(tree_text(call, "function_name"), names, COUNT_OF(names));
}

bool
function_is_arithmetic(const json_t *call)
{
	static const char *const names[] = {"+", "-", "*", "/", "//", "%"};
	return is_one_of(tree_text(call, "function_name"), names, COUNT_OF(names));
}

static Status
refuse_unlisted(const json_t *call, const char *name, Error *err)
{
	static const char *const growing[] = {"repeat", "lpad", "rpad", "list_resize", "array_resize"};
	if (is_one_of(name, growing, COUNT_OF(growing)))
		return refuse(call, err, "is not allowed: it makes long texts or lists of short ones");
	const char *near = setting_propose(name, function_names, function_name_count);
	if (near == NULL)
		return refuse(call, err, "is not allowed here, or does not exist");
	char why[128];
	(void)snprintf(why, sizeof(why), "is not allowed here, or does not exist; did you mean %s?",
				   near);
	return refuse(call, err, why);
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
function_check(const json_t *call, const CallPlace *place, Error *err)
{
	char name[64];
	if (!fold(tree_text(call, "function_name"), name, sizeof(name)))
		return refuse(call, err, "does not exist");
	const char *schema = tree_text(call, "schema");
	if (tree_text(call, "catalog")[0] != '\0' ||
		(schema[0] != '\0' && strcasecmp(schema, "main") != 0))
		return refuse(call, err, "is written without a schema");
	if (place->in_from && !is_table_function(name))
		return refuse(call, err,
					  "is not allowed in FROM; range, generate_series, unnest, "
					  "json_each and json_tree are");
	for (size_t i = 0; i < COUNT_OF(BOUNDED); i++)
		if (strcmp(BOUNDED[i].name, name) == 0)
			return BOUNDED[i].check(call, place, err);
	if (!place->in_from && !is_listed(name))
		return refuse_unlisted(call, name, err);
	return ST_OK;
}
