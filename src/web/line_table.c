// line_table.c - the measurements of a body and their columns.

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "web/line_int.h"

enum { NAME_MOST = 255, TABLE_NAME_MOST = 127, TABLES_MOST = 10000 };

void
line_unescape(Slice raw, const char *escapable, Buf *out)
{
	size_t plain = 0; // begin of what is not copied yet
	for (size_t i = 0; i + 1 < raw.len; i++) {
		if (raw.data[i] != '\\')
			continue;
		if (raw.data[i + 1] != 0 && strchr(escapable, raw.data[i + 1]) != NULL) {
			buf_add(out, raw.data + plain, i - plain);
			plain = i + 1;
		}
		i++; // what is behind it begins no escape
	}
	buf_add(out, raw.data + plain, raw.len - plain);
}

bool
line_make_room(void **array, int32_t count, int32_t *cap, size_t size)
{
	if (count < *cap)
		return true;
	int32_t larger = *cap == 0 ? 8 : *cap * 2;
	void *grown = mem_resize(*array, (size_t)larger * size);
	if (grown == NULL)
		return false;
	*array = grown;
	*cap = larger;
	return true;
}

const char *
line_type_name(TypeId type)
{
	switch (type) {
	case TYPE_BOOL: return "bool";
	case TYPE_INT64: return "int64";
	case TYPE_UINT64: return "uint64";
	case TYPE_FLOAT64: return "double";
	case TYPE_UTF8: return "text";
	default: return "of a type that line protocol does not have";
	}
}

// What line protocol has for a column of a table; TYPE_NULL: nothing.
static TypeId
type_here(TypeId id)
{
	switch (id) {
	case TYPE_BOOL:
	case TYPE_UTF8: return id;
	case TYPE_INT8:
	case TYPE_INT16:
	case TYPE_INT32:
	case TYPE_INT64: return TYPE_INT64;
	case TYPE_UINT8:
	case TYPE_UINT16:
	case TYPE_UINT32:
	case TYPE_UINT64: return TYPE_UINT64;
	case TYPE_FLOAT32:
	case TYPE_FLOAT64: return TYPE_FLOAT64;
	default: return TYPE_NULL;
	}
}

// The name that `raw` means, in parser->name, as a text.
static Status
read_name(LineParser *parser, Slice raw, const char *escapable, Error *err)
{
	buf_reset(&parser->name);
	line_unescape(raw, escapable, &parser->name);
	(void)buf_text(&parser->name);
	TRY(buf_status(&parser->name, err, "a name"));
	for (size_t i = 0; i < parser->name.len; i++)
		if (parser->name.data[i] < ' ' || parser->name.data[i] == 0x7F)
			return error_set(err, ST_INVALID, "a name holds a control character");
	return ST_OK;
}

// ---- columns ----

static Status
check_case(const char *name, const char *other, Error *err)
{
	if (!text_equal_fold(slice_text(name), slice_text(other)))
		return ST_OK;
	return error_set(err, ST_INVALID, "columns \"%s\" and \"%s\" differ in nothing but case", name,
					 other);
}

static Status
check_column_name(const LineTable *table, const char *name, bool tag, Error *err)
{
	size_t len = strlen(name);
	if (len == 0 || len > NAME_MOST)
		return error_set(err, ST_INVALID, "the name of a %s is of 1 to %d bytes",
						 tag ? "tag" : "field", NAME_MOST);
	if (tag && (strchr(name, ',') != NULL || name[0] == ' ' || name[len - 1] == ' '))
		return error_set(err, ST_INVALID,
						 "tag \"%s\": a tag's name holds no comma, and no blank at its ends", name);
	if (text_equal_fold(slice_text(name), slice_text(table->time.field.name)))
		return error_set(err, ST_INVALID,
						 "\"%s\" is the time column: the time stands behind the fields", name);
	for (int32_t i = 0; i < table->count; i++)
		TRY(check_case(name, table->columns[i]->field.name, err));
	return ST_OK;
}

// What the table that is there says of a column with this name.
static Status
look_at_target(const LineTable *table, const char *name, bool tag, TypeId *type, Error *err)
{
	const LineTarget *target = &table->target;
	*type = tag ? TYPE_UTF8 : TYPE_NULL;
	if (target->schema == NULL)
		return ST_OK;
	int32_t at = schema_find(target->schema, name);
	if (at < 0) {
		for (int32_t i = 0; i < schema_field_count(target->schema); i++)
			TRY(check_case(name, schema_field(target->schema, i)->name, err));
		return ST_OK;
	}
	TypeId there = type_here(schema_field(target->schema, at)->type.id);
	bool tag_there = target->roles[at] == LINE_TAG;
	if (tag_there != tag)
		return error_set(err, ST_INVALID, "\"%s\" is a %s of table \"%s\", and not a %s", name,
						 tag_there ? "tag" : "field", table->name, tag ? "tag" : "field");
	if (there == TYPE_NULL || (tag && there != TYPE_UTF8))
		return error_set(err, ST_INVALID, "column \"%s\" of table \"%s\" is %s", name, table->name,
						 line_type_name(there));
	*type = there;
	return ST_OK;
}

static Status
add_column(LineParser *parser, LineTable *table, Slice raw, bool tag, LineColumn **out, Error *err)
{
	const char *name = buf_text(&parser->name);
	TypeId type;
	TRY(check_column_name(table, name, tag, err));
	TRY(look_at_target(table, name, tag, &type, err));
	if (table->count == LINE_COLUMNS || parser->columns == LINE_ALL_COLUMNS)
		return error_set(err, ST_INVALID,
						 "a measurement has at most %d columns here, and all of a body %d",
						 LINE_COLUMNS, LINE_ALL_COLUMNS);
	LineColumn *column = arena_alloc(&parser->arena, sizeof(*column));
	char *own = arena_strdup(&parser->arena, name);
	const char *own_raw = arena_strndup(&parser->arena, (const char *)raw.data, raw.len);
	TRY(arena_status(&parser->arena, err, "a column"));
	if (!line_make_room((void **)&table->columns, table->count, &table->cap, sizeof(column)) ||
		!name_index_add(&table->index, slice_text(own), table->count))
		return error_no_memory(err, "a column");
	*column = (LineColumn){
		.raw = slice_of(own_raw, raw.len),
		.field = {.name = own, .type.id = type, .nullable = true},
		.tag = tag,
		.typed = type != TYPE_NULL,
	};
	column->values.field = &column->field;
	table->columns[table->count++] = column;
	parser->columns++;
	*out = column;
	return ST_OK;
}

Status
line_column_of(LineParser *parser, LineTable *table, Slice raw, bool tag, LineColumn **out,
			   Error *err)
{
	TRY(read_name(parser, raw, ",= ", err));
	int32_t at = name_index_find(&table->index, buf_slice(&parser->name));
	if (at < 0)
		return add_column(parser, table, raw, tag, out, err);
	LineColumn *column = table->columns[at];
	if (column->tag != tag)
		return error_set(err, ST_INVALID, "\"%s\" is a %s in another line, and not a %s",
						 column->field.name, column->tag ? "tag" : "field", tag ? "tag" : "field");
	*out = column;
	return ST_OK;
}

// ---- tables ----

static Status
check_table_name(Slice name, Error *err)
{
	bool fits = name.len > 0 && name.len <= TABLE_NAME_MOST;
	for (size_t i = 0; fits && i < name.len; i++) {
		uint8_t c = text_fold(name.data[i]);
		fits = (c >= 'a' && c <= 'z') || c == '_' || (i > 0 && c >= '0' && c <= '9');
	}
	if (fits)
		return ST_OK;
	return error_set(err, ST_INVALID,
					 "measurement \"%.*s\" cannot be a table: names are letters, digits and _, at "
					 "most %d, no digit first",
					 name.len > 200 ? 200 : (int)name.len, (const char *)name.data,
					 TABLE_NAME_MOST);
}

static const char *
time_name(const LineTarget *target)
{
	for (int32_t i = 0; target->schema != NULL && i < schema_field_count(target->schema); i++)
		if (target->roles[i] == LINE_TIME)
			return schema_field(target->schema, i)->name;
	return "time";
}

static Status
find_target(LineParser *parser, LineTable *table, Error *err)
{
	LineTarget *target = &table->target;
	if (parser->options.find != NULL)
		TRY(parser->options.find(parser->options.arg, table->name, &parser->arena, target, err));
	table->time.field =
		(Field){.name = time_name(target), .type = {.id = TYPE_TIMESTAMP, .unit = UNIT_NS}};
	table->time.values.field = &table->time.field;
	table->time.typed = true;
	table->row_bytes = sizeof(int64_t);
	if (target->schema != NULL && schema_find(target->schema, table->time.field.name) < 0 &&
		!target->refused) {
		target->refused = true;
		(void)error_set(err, ST_INVALID, "table \"%s\" has no time column", table->name);
		memcpy(target->reason, err->text, sizeof(target->reason) - 1);
	}
	return ST_OK;
}

static Status
add_table(LineParser *parser, Slice raw, LineTable **out, Error *err)
{
	TRY(check_table_name(buf_slice(&parser->name), err));
	if (parser->table_count == TABLES_MOST)
		return error_set(err, ST_INVALID,
						 "a body has at most %d measurements; send the others in another one",
						 TABLES_MOST);
	LineTable *table = arena_alloc(&parser->arena, sizeof(*table));
	char *name = arena_strdup(&parser->arena, (const char *)parser->name.data);
	const char *own_raw = arena_strndup(&parser->arena, (const char *)raw.data, raw.len);
	TRY(arena_status(&parser->arena, err, "a measurement"));
	table->name = name;
	table->raw = slice_of(own_raw, raw.len);
	if (!line_make_room((void **)&parser->tables, parser->table_count, &parser->table_cap,
						sizeof(table)))
		return error_no_memory(err, "a measurement");
	Status st = find_target(parser, table, err);
	if (st == ST_OK && !name_index_add(&parser->index, slice_text(name), parser->table_count))
		st = error_no_memory(err, "a measurement");
	if (st != ST_OK) {
		schema_unref(table->target.schema);
		return st;
	}
	parser->tables[parser->table_count++] = table;
	*out = table;
	return ST_OK;
}

Status
line_table_of(LineParser *parser, Slice raw, LineTable **out, Error *err)
{
	TRY(read_name(parser, raw, ", ", err));
	int32_t at = name_index_find(&parser->index, buf_slice(&parser->name));
	if (at < 0)
		TRY(add_table(parser, raw, out, err));
	else
		*out = parser->tables[at];
	if ((*out)->target.refused)
		return error_set(err, ST_INVALID, "%s", (*out)->target.reason);
	return ST_OK;
}
