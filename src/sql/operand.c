// operand.c - constants that are comparable with time: numbers, texts, now() and spans from it.

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "arrow/schema.h"
#include "base/timeval.h"
#include "sql/walk_int.h"

// ---- numbers ----

// Reads digits and _; false: it is written otherwise. Saturates.
static bool
read_digits(Slice text, Token token, bool negative, int64_t *out)
{
	int64_t value = 0;
	for (int32_t i = token.from; i < token.to; i++) {
		uint8_t c = text.data[i];
		if (c == '_')
			continue;
		if (!isdigit(c))
			return false;
		int64_t digit = negative ? -(c - '0') : c - '0';
		if (__builtin_mul_overflow(value, 10, &value) ||
			__builtin_add_overflow(value, digit, &value)) {
			value = negative ? INT64_MIN : INT64_MAX;
			break;
		}
	}
	*out = value;
	return true;
}

// The value is read from the text: JSON may have lost digits.
static bool
read_integer(const Walk *w, const json_t *node, Operand *out)
{
	const char *type = tree_text(json_object_get(json_object_get(node, "value"), "type"), "id");
	int32_t at = walk_token(w, tree_location(node));
	if (at < 0 || strstr(type, "INT") == NULL)
		return false;
	bool negative = token_is_sign(w->text, w->tokens[at], '-');
	Token number = w->tokens[negative ? at + 1 : at];
	if (number.kind != TOKEN_NUMBER || !read_digits(w->text, number, negative, &out->value))
		return false;
	out->kind = OPERAND_INTEGER;
	out->from = w->tokens[at].from;
	out->to = number.to;
	return true;
}

// ---- texts ----

static bool
read_text(const Walk *w, const json_t *node, Operand *out)
{
	const char *text = tree_string(node);
	if (text == NULL)
		return false;
	out->kind = OPERAND_TEXT;
	out->text = arena_strdup(&w->verdict->arena, text); // a failure shows with the next one
	out->from = -1;
	int32_t at = walk_token(w, tree_location(node));
	if (at >= 0 && w->tokens[at].kind == TOKEN_STRING) {
		out->from = w->tokens[at].from;
		out->to = w->tokens[at].to;
	}
	return out->text != NULL;
}

// What the engine rounds a text to when it becomes this type.
static int64_t
rounded_to_ns(const char *type)
{
	if (strcmp(type, "TIMESTAMP_S") == 0)
		return time_unit_ns(UNIT_S);
	if (strcmp(type, "TIMESTAMP_MS") == 0)
		return time_unit_ns(UNIT_MS);
	return time_unit_ns(strcmp(type, "TIMESTAMP_NS") == 0 ? UNIT_NS : UNIT_US);
}

static bool
read_typed(const Walk *w, const json_t *node, Operand *out)
{
	const char *type = tree_text(json_object_get(node, "cast_type"), "id");
	bool date = strcmp(type, "DATE") == 0;
	if (!tree_is_class(node, "CAST") || (!date && strncmp(type, "TIMESTAMP", 9) != 0) ||
		!read_text(w, json_object_get(node, "child"), out))
		return false;
	out->kind = OPERAND_TYPED;
	out->value = date ? 0 : rounded_to_ns(type);
	// The clock of a text that becomes a date is dropped.
	return !date || strlen(out->text) <= strlen("2016-01-01");
}

// ---- now() ----

static const struct {
	const char *name; // of the function; without "to_", of the unit
	int64_t ns;
} UNITS[] = {
	{"to_microseconds", 1000},
	{"to_milliseconds", 1000000},
	{"to_seconds", 1000000000},
	{"to_minutes", INT64_C(60) * 1000000000},
	{"to_hours", INT64_C(3600) * 1000000000},
	{"to_days", INT64_C(86400) * 1000000000},
	{"to_weeks", INT64_C(604800) * 1000000000},
};

static bool
is_now(const json_t *node)
{
	static const char *const names[] = {"now", "current_timestamp", "get_current_timestamp",
										"transaction_timestamp"};
	const json_t *columns = json_object_get(node, "column_names");
	const char *name = tree_text(node, "function_name");
	if (json_array_size(columns) == 1)
		name = json_string_value(json_array_get(columns, 0));
	for (size_t i = 0; name != NULL && i < COUNT_OF(names); i++)
		if (strcasecmp(names[i], name) == 0)
			return true;
	return false;
}

// The whole number under the casts that INTERVAL puts around it.
static bool
span_count(const json_t *node, int64_t *out)
{
	while (tree_is_class(node, "CAST") || strcmp(tree_text(node, "function_name"), "trunc") == 0) {
		const json_t *child = json_object_get(node, "child");
		node = child != NULL ? child : json_array_get(json_object_get(node, "children"), 0);
	}
	const json_t *number = tree_integer(node);
	const char *text = tree_string(node);
	if (number != NULL) {
		*out = json_integer_value(number);
		return true;
	}
	char *end = NULL;
	*out = text != NULL ? strtoll(text, &end, 10) : 0;
	return text != NULL && end != text && *end == '\0';
}

// "1 hour", "15 minutes".
static bool
span_of_text(const char *text, int64_t *out)
{
	char *end;
	int64_t count = strtoll(text, &end, 10);
	if (end == text)
		return false;
	while (*end == ' ')
		end++;
	size_t len = strlen(end);
	for (size_t i = 0; i < COUNT_OF(UNITS); i++) {
		const char *unit = UNITS[i].name + strlen("to_");
		bool same = len == strlen(unit) || len + 1 == strlen(unit);
		if (same && strncasecmp(unit, end, len) == 0)
			return !__builtin_mul_overflow(count, UNITS[i].ns, out);
	}
	return false;
}

static bool
read_span(const json_t *node, int64_t *out)
{
	if (strcmp(tree_text(json_object_get(node, "cast_type"), "id"), "INTERVAL") == 0) {
		const char *text = tree_string(json_object_get(node, "child"));
		return text != NULL && span_of_text(text, out);
	}
	int64_t count;
	const json_t *argument = json_array_get(json_object_get(node, "children"), 0);
	for (size_t i = 0; i < COUNT_OF(UNITS); i++)
		if (strcmp(UNITS[i].name, tree_text(node, "function_name")) == 0)
			return span_count(argument, &count) && !__builtin_mul_overflow(count, UNITS[i].ns, out);
	return false;
}

static bool
read_now(const json_t *node, Operand *out)
{
	*out = (Operand){.kind = OPERAND_NOW, .from = -1};
	if (is_now(node))
		return true;
	const json_t *children = json_object_get(node, "children");
	const char *sign = tree_text(node, "function_name");
	bool minus = strcmp(sign, "-") == 0;
	if ((!minus && strcmp(sign, "+") != 0) || json_array_size(children) != 2 ||
		!is_now(json_array_get(children, 0)) ||
		!read_span(json_array_get(children, 1), &out->value))
		return false;
	return !minus || !__builtin_sub_overflow(0, out->value, &out->value);
}

bool
operand_read(const Walk *w, const json_t *node, Operand *out)
{
	*out = (Operand){0};
	return read_integer(w, node, out) || read_text(w, node, out) || read_typed(w, node, out) ||
		   read_now(node, out);
}

// ---- constants of lists ----

// TIMESTAMP 'text', DATE 'text'.
bool
operand_instant(const json_t *node, int64_t *out_ns)
{
	const char *type = tree_text(json_object_get(node, "cast_type"), "id");
	const char *text = tree_string(json_object_get(node, "child"));
	bool typed = strcmp(type, "DATE") == 0 || strncmp(type, "TIMESTAMP", 9) == 0;
	return typed && text != NULL && time_parse(slice_text(text), out_ns, NULL) == ST_OK;
}

bool
operand_span(const json_t *node, int64_t *out_ns)
{
	return read_span(node, out_ns);
}
