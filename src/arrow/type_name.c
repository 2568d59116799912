// type_name.c - types as Arrow writes them, and read back.

#include <stdlib.h>
#include <string.h>

#include "arrow/schema.h"

static const char *const type_names[TYPE_COUNT] = {
	[TYPE_NULL] = "null",
	[TYPE_BOOL] = "bool",
	[TYPE_INT8] = "int8",
	[TYPE_INT16] = "int16",
	[TYPE_INT32] = "int32",
	[TYPE_INT64] = "int64",
	[TYPE_UINT8] = "uint8",
	[TYPE_UINT16] = "uint16",
	[TYPE_UINT32] = "uint32",
	[TYPE_UINT64] = "uint64",
	[TYPE_FLOAT16] = "halffloat",
	[TYPE_FLOAT32] = "float",
	[TYPE_FLOAT64] = "double",
	[TYPE_DECIMAL128] = "decimal128",
	[TYPE_UTF8] = "string",
	[TYPE_LARGE_UTF8] = "large_string",
	[TYPE_UTF8_VIEW] = "string_view",
	[TYPE_BINARY] = "binary",
	[TYPE_LARGE_BINARY] = "large_binary",
	[TYPE_BINARY_VIEW] = "binary_view",
	[TYPE_FIXED_BINARY] = "fixed_size_binary",
	[TYPE_DATE32] = "date32[day]",
	[TYPE_DATE64] = "date64[ms]",
	[TYPE_TIME32] = "time32",
	[TYPE_TIME64] = "time64",
	[TYPE_TIMESTAMP] = "timestamp",
	[TYPE_DURATION] = "duration",
	[TYPE_INTERVAL_MONTHS] = "month_interval",
	[TYPE_INTERVAL_DAY_TIME] = "day_time_interval",
	[TYPE_INTERVAL_MONTH_DAY_NANO] = "month_day_nano_interval",
	[TYPE_LIST] = "list",
	[TYPE_LARGE_LIST] = "large_list",
	[TYPE_FIXED_LIST] = "fixed_size_list",
	[TYPE_STRUCT] = "struct",
	[TYPE_MAP] = "map",
};

static const char *
unit_name(TimeUnit unit)
{
	static const char *const names[] = {"s", "ms", "us", "ns"};
	return (unsigned)unit < COUNT_OF(names) ? names[unit] : "?";
}

// As it is; between quotes where it could not be told from what follows.
static void
child_name(const char *name, Buf *out)
{
	bool plain = name[0] != '"' && strstr(name, ": ") == NULL;
	buf_add_text(out, plain ? "" : "\"");
	for (const char *c = name; *c != '\0'; c++) {
		if (*c == '"' && !plain)
			buf_add_byte(out, '"');
		buf_add_byte(out, (uint8_t)*c);
	}
	buf_add_text(out, plain ? ": " : "\": ");
}

static void
children_name(const Field *field, Buf *out)
{
	for (int32_t i = 0; i < field->child_count; i++) {
		const Field *child = &field->children[i];
		buf_add_text(out, i > 0 ? ", " : "");
		child_name(child->name, out);
		field_type_name(child, out);
		if (!child->nullable)
			buf_add_text(out, " not null");
	}
}

static void
value_type_name(const Field *field, Buf *out)
{
	const Type *type = &field->type;
	buf_add_text(out, (unsigned)type->id < TYPE_COUNT ? type_names[type->id] : "unknown");
	switch (type->id) {
	case TYPE_DECIMAL128: buf_add_printf(out, "(%d, %d)", type->precision, type->scale); break;
	case TYPE_FIXED_BINARY: buf_add_printf(out, "[%d]", type->width); break;
	case TYPE_TIME32:
	case TYPE_TIME64:
	case TYPE_DURATION: buf_add_printf(out, "[%s]", unit_name(type->unit)); break;
	case TYPE_TIMESTAMP:
		buf_add_printf(out, "[%s", unit_name(type->unit));
		if (type->zone != NULL && type->zone[0] != '\0')
			buf_add_printf(out, ", tz=%s", type->zone);
		buf_add_text(out, "]");
		break;
	case TYPE_LIST:
	case TYPE_LARGE_LIST:
	case TYPE_FIXED_LIST:
	case TYPE_STRUCT:
		buf_add_text(out, "<");
		children_name(field, out);
		buf_add_text(out, ">");
		if (type->id == TYPE_FIXED_LIST)
			buf_add_printf(out, "[%d]", type->width);
		break;
	case TYPE_MAP:
		buf_add_text(out, "<");
		field_type_name(&field->children[0].children[0], out);
		buf_add_text(out, ", ");
		field_type_name(&field->children[0].children[1], out);
		if (!field->children[0].children[1].nullable)
			buf_add_text(out, " not null");
		buf_add_text(out, type->keys_sorted ? ", keys_sorted>" : ">");
		break;
	default: break;
	}
}

void
field_type_name(const Field *field, Buf *out)
{
	if (!field->dictionary) {
		value_type_name(field, out);
		return;
	}
	buf_add_text(out, "dictionary<values=");
	value_type_name(field, out);
	buf_add_printf(out, ", indices=%s, ordered=0>", type_names[field->index_type]);
}

// ---- and back ----

enum { MOST_LEVELS = 32 };

typedef struct TypeText {
	const char *at;
	Arena *arena;
	int level;
} TypeText;

static bool parse_type(TypeText *t, Field *out);

static bool
skip(TypeText *t, const char *text)
{
	size_t len = strlen(text);
	bool there = strncmp(t->at, text, len) == 0;
	t->at += there ? len : 0;
	return there;
}

static bool
parse_number(TypeText *t, int32_t *out)
{
	char *end;
	long value = strtol(t->at, &end, 10);
	if (end == t->at || value < INT32_MIN || value > INT32_MAX)
		return false;
	*out = (int32_t)value;
	t->at = end;
	return true;
}

static bool
goes_on(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

static bool
parse_word(TypeText *t, TypeId *out)
{
	for (int i = 0; i < TYPE_COUNT; i++) {
		size_t len = strlen(type_names[i]);
		if (strncmp(t->at, type_names[i], len) != 0 || goes_on(t->at[len]))
			continue;
		*out = (TypeId)i;
		t->at += len;
		return true;
	}
	return false;
}

static bool
parse_unit(TypeText *t, Type *out)
{
	if (!skip(t, "["))
		return false;
	for (int i = UNIT_S; i <= UNIT_NS; i++) {
		size_t len = strlen(unit_name((TimeUnit)i));
		if (strncmp(t->at, unit_name((TimeUnit)i), len) != 0 || goes_on(t->at[len]))
			continue;
		out->unit = (TimeUnit)i;
		t->at += len;
		return true;
	}
	return false;
}

static bool
parse_zone(TypeText *t, Type *out)
{
	if (!skip(t, ", tz="))
		return true;
	size_t len = strcspn(t->at, "]");
	out->zone = arena_strndup(t->arena, t->at, len);
	t->at += len;
	return len > 0 && out->zone != NULL;
}

static const char *
parse_child_name(TypeText *t)
{
	if (*t->at != '"') {
		const char *end = strstr(t->at, ": ");
		const char *name =
			end == NULL ? NULL : arena_strndup(t->arena, t->at, (size_t)(end - t->at));
		t->at = end == NULL ? t->at : end + 2;
		return name;
	}
	char *name = arena_strdup(t->arena, t->at + 1), *to = name;
	const char *from = t->at + 1;
	for (; name != NULL && *from != '\0' && !(from[0] == '"' && from[1] != '"'); from++) {
		from += *from == '"';
		*to++ = *from;
	}
	t->at = from;
	if (name == NULL || !skip(t, "\": "))
		return NULL;
	*to = '\0';
	return name;
}

static bool
parse_child(TypeText *t, Field *out)
{
	bool good = parse_type(t, out);
	out->nullable = !skip(t, " not null");
	return good;
}

// The children lie in a list whose room doubles.
static bool
parse_children(TypeText *t, Field *out)
{
	if (!skip(t, "<"))
		return false;
	int32_t room = 0;
	do {
		if (out->child_count == room) {
			room = room == 0 ? 1 : room * 2;
			Field *more = arena_array(t->arena, (size_t)room, sizeof(Field));
			if (more == NULL)
				return false;
			if (out->child_count > 0)
				memcpy(more, out->children, (size_t)out->child_count * sizeof(Field));
			out->children = more;
		}
		Field *child = &out->children[out->child_count++];
		*child = (Field){0};
		const char *name = parse_child_name(t);
		if (name == NULL || !parse_child(t, child))
			return false;
		child->name = name;
	} while (skip(t, ", "));
	return skip(t, ">");
}

static bool
parse_map(TypeText *t, Field *out)
{
	Field *entries = arena_array(t->arena, 3, sizeof(Field));
	if (entries == NULL || !skip(t, "<"))
		return false;
	Field *key = &entries[1], *value = &entries[2];
	memset(entries, 0, 3 * sizeof(Field));
	bool good = parse_type(t, key) && skip(t, ", ") && parse_child(t, value);
	entries[0] =
		(Field){.name = "entries", .type = {.id = TYPE_STRUCT}, .children = key, .child_count = 2};
	key->name = "key";
	key->nullable = false;
	value->name = "value";
	out->type.keys_sorted = skip(t, ", keys_sorted");
	out->children = entries;
	out->child_count = 1;
	return good && skip(t, ">");
}

static bool
parse_rest(TypeText *t, Field *out)
{
	Type *type = &out->type;
	switch (type->id) {
	case TYPE_DECIMAL128:
		return skip(t, "(") && parse_number(t, &type->precision) && skip(t, ", ") &&
			   parse_number(t, &type->scale) && skip(t, ")");
	case TYPE_FIXED_BINARY: return skip(t, "[") && parse_number(t, &type->width) && skip(t, "]");
	case TYPE_TIME32:
	case TYPE_TIME64:
	case TYPE_DURATION: return parse_unit(t, type) && skip(t, "]");
	case TYPE_TIMESTAMP: return parse_unit(t, type) && parse_zone(t, type) && skip(t, "]");
	case TYPE_LIST:
	case TYPE_LARGE_LIST: return parse_children(t, out) && out->child_count == 1;
	case TYPE_FIXED_LIST:
		return parse_children(t, out) && out->child_count == 1 && skip(t, "[") &&
			   parse_number(t, &type->width) && skip(t, "]");
	case TYPE_STRUCT: return parse_children(t, out);
	case TYPE_MAP: return parse_map(t, out);
	default: return true;
	}
}

static bool
parse_type(TypeText *t, Field *out)
{
	out->nullable = true;
	if (++t->level > MOST_LEVELS || !parse_word(t, &out->type.id))
		return false;
	bool good = parse_rest(t, out);
	t->level--;
	return good;
}

Status
field_of_type_name(const char *name, const char *text, Arena *arena, Field *out, Error *err)
{
	TypeText t = {.at = text, .arena = arena};
	Field field = {0};
	bool good = parse_type(&t, &field) && *t.at == '\0';
	TRY(arena_status(arena, err, "a type"));
	if (!good)
		return error_set(err, ST_INVALID,
						 "column \"%s\": '%.100s' is no type of Arrow; write it as in "
						 "'timestamp[ms, tz=UTC]', 'list<item: double>' or 'duration[us]'",
						 name, text);
	field.name = arena_strdup(arena, name);
	TRY(arena_status(arena, err, "a type"));
	*out = field;
	return ST_OK;
}
