// match.c - the rows that an UPDATE or DELETE is about: where they are, and what they become.
//
// It is the statement's own SELECT, whose first item, a 0, gives way to the address of each row
// and, for an UPDATE, to the columns that stay as they are.

#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "sql/query_int.h"

// ---- assigned columns ----

// A column named time is that of the table's time, where no column has this name.
static int32_t
find_target(const TableDef *def, const SqlName *name)
{
	const Schema *schema = table_schema(def);
	int32_t at = schema_find_named(schema, name);
	return at < 0 && strcasecmp(name->text, "time") == 0 ? table_time_column(def) : at;
}

Status
sql_targets(const SqlStatement *statement, const TableDef *def, int32_t *columns, Error *err)
{
	for (int32_t i = 0; i < statement->target_count; i++) {
		const SqlName *name = &statement->targets[i];
		columns[i] = find_target(def, name);
		if (columns[i] < 0)
			return report_no_column(def, name, ST_INVALID, err);
		for (int32_t j = 0; j < i; j++)
			if (columns[j] == columns[i])
				return error_set_at(err, ST_INVALID, name->position, "column \"%s\" is named twice",
									name->text);
	}
	return ST_OK;
}

// ---- what is read ----

static int32_t
find_assigned(const SqlMatch *match, int32_t column)
{
	for (int32_t i = 0; i < match->statement->target_count; i++)
		if (match->targets[i] == column)
			return i;
	return -1;
}

enum { ADDRESS_COLUMNS = 4 };

static const Field ANY_SEGMENT = {.name = "item", .type = {.id = TYPE_UINT64}, .nullable = true};
static const Field ANY_ROW = {.name = "item", .type = {.id = TYPE_INT64}, .nullable = true};

static int32_t
address_columns(const TableDef *def)
{
	return table_replaces(def) ? ADDRESS_COLUMNS : ADDRESS_COLUMNS / 2;
}

// Its tags and its time are asked for as well, as they are.
static int32_t
old_columns(const TableDef *def)
{
	return table_time_column(def) >= 0 ? table_tag_count(def) + 1 : 0;
}

static int32_t
old_column(const TableDef *def, int32_t i)
{
	return i < table_tag_count(def) ? table_tag_column(def, i) : table_time_column(def);
}

// Their names are no column's.
static Status
add_old(const TableDef *def, Arena *arena, Field *out, Error *err)
{
	for (int32_t i = 0; i < old_columns(def); i++) {
		const Field *field = schema_field(table_schema(def), old_column(def, i));
		char *name = arena_alloc(arena, strlen(field->name) + 2);
		if (name == NULL)
			return error_no_memory(err, "a statement");
		name[0] = '\x02';
		strcpy(name + 1, field->name);
		out[i] = *field;
		out[i].name = name;
	}
	return ST_OK;
}

// Addresses, whole rows of the table in its order, and tags and time as they are.
static Status
match_schema(const SqlMatch *match, Arena *arena, Schema **out, Error *err)
{
	bool rows = match->statement->kind == STATEMENT_UPDATE;
	int32_t columns = rows ? table_column_count(match->def) : 0;
	int32_t first = address_columns(match->def);
	SCOPED(mem_drop)
	Field *fields = mem_alloc_array((size_t)(columns + ADDRESS_COLUMNS + old_columns(match->def)),
									sizeof(Field));
	if (fields == NULL)
		return error_no_memory(err, "a statement");
	fields[0] = (Field){.name = address_segment, .type = {.id = TYPE_UINT64}};
	fields[1] = (Field){.name = address_row, .type = {.id = TYPE_INT64}};
	fields[2] = (Field){.name = version_segments,
						.type = {.id = TYPE_LIST},
						.nullable = true,
						.children = (Field *)(uintptr_t)&ANY_SEGMENT,
						.child_count = 1};
	fields[3] = fields[2];
	fields[3].name = version_rows;
	fields[3].children = (Field *)(uintptr_t)&ANY_ROW;
	for (int32_t i = 0; i < columns; i++)
		fields[i + first] = *schema_field(table_schema(match->def), i);
	TRY(add_old(match->def, arena, fields + first + columns, err));
	return schema_new(fields, columns + first + old_columns(match->def), NULL, 0, out, err);
}

static void
add_item(const char *relation, const char *column, Buf *out)
{
	buf_add_text(out, out->len > 0 ? ", " : "");
	sql_add_name(out, relation);
	buf_add_byte(out, '.');
	sql_add_name(out, column);
}

// Items, in this order: the address, what stays, tags and time, what is assigned.
static Status
make_items(SqlQuery *query, const SqlMatch *match, Error *err)
{
	static const char *const names[] = {address_segment, address_row, version_segments,
										version_rows};
	const char *relation = query->verdict->refs[0].alias;
	int32_t first = address_columns(match->def);
	int32_t old = old_columns(match->def);
	int32_t columns = schema_field_count(query->as) - first - old;
	int32_t kept = columns - match->statement->target_count, next = 0;
	Match *made = arena_alloc(&query->arena, sizeof(*made));
	int32_t *places = arena_array(&query->arena, (size_t)(columns + first + old), sizeof(int32_t));
	TRY(arena_status(&query->arena, err, "a statement"));
	SCOPED(buf_close) Buf items = BUF_INIT;
	for (int32_t i = 0; i < first; i++) {
		add_item(relation, names[i], &items);
		places[i] = i;
	}
	for (int32_t i = 0; i < columns; i++) {
		int32_t assigned = find_assigned(match, i);
		places[i + first] = first + (assigned >= 0 ? kept + old + assigned : next++);
		if (assigned < 0)
			add_item(relation, schema_field(query->as, i + first)->name, &items);
	}
	for (int32_t i = 0; i < old; i++) {
		places[first + columns + i] = first + kept + i;
		add_item(relation, schema_field(table_schema(match->def), old_column(match->def, i))->name,
				 &items);
	}
	TRY(buf_status(&items, err, "a statement"));
	made->version = table_version(match->def);
	made->places = places;
	made->items = arena_strndup(&query->arena, (const char *)items.data, items.len);
	query->match = made;
	return arena_status(&query->arena, err, "a statement");
}

// ---- what it may not say ----

// The table as one value, and all of its columns, would have the address in them.
Status
match_check(const SqlQuery *query, const Views *views, Error *err)
{
	const Verdict *v = query->verdict;
	if (v->scopes[v->root].stars)
		return error_set(err, ST_INVALID,
						 "* and COLUMNS are not allowed in UPDATE and DELETE; name the columns");
	for (int32_t i = 0; i < v->column_count; i++) {
		const ColumnUse *use = &v->columns[i];
		int32_t ref, column;
		if (use->parts == 1 && strcasecmp(use->names[0], v->refs[0].alias) == 0 &&
			!column_find(v, views->columns, use, views->time_alias, &ref, &column))
			return error_set_at(err, ST_INVALID, use->from,
								"\"%s\" is a table here, no column; name its columns",
								use->names[0]);
	}
	return ST_OK;
}

static Status
check_values(const SqlQuery *query, const SqlStatement *statement, Error *err)
{
	const Verdict *v = query->verdict;
	for (int32_t i = 1; i < v->select_count; i++)
		if (v->select[i].kind == ITEM_STAR || v->select[i].kind == ITEM_MANY)
			return error_set(err, ST_INVALID,
							 "column \"%s\" is given several values; one is needed",
							 statement->targets[i - 1].text);
	if (v->select_count != 1 + statement->target_count)
		return error_set(err, ST_INVALID, "%d values are given for %d columns", v->select_count - 1,
						 statement->target_count);
	return ST_OK;
}

Status
match_refused(Status st, Error *err)
{
	char *hidden = st == ST_INVALID && err != NULL ? strchr(err->text, address_row[0]) : NULL;
	if (hidden == NULL)
		return st;
	if (strstr(err->text, "GROUP BY") != NULL)
		return error_set(err, ST_INVALID,
						 "an aggregate of all rows is no value of one; put it into a subquery: "
						 "(SELECT max(x) FROM t)");
	// A list of columns that are meant perhaps, on a line of its own.
	while (hidden > err->text && *hidden != '\n')
		hidden--;
	*hidden = '\0';
	return st;
}

Status
sql_query_open_match(Sql *sql, const SqlMatch *match, const SqlSession *session, SqlQuery **out,
					 Error *err)
{
	SCOPED(sql_query_drop) SqlQuery *query = NULL;
	TRY(query_open(sql, match->statement->source, session, &query, err));
	if (query->names.ref_count == 0 || query->names.refs[0].table < 0)
		return error_set(err, ST_INTERNAL, "a change of rows is about no table");
	TRY(check_values(query, match->statement, err));
	TRY(match_schema(match, &query->arena, &query->as, err));
	TRY(make_items(query, match, err));
	query->schema = schema_ref(query->as);
	query_release_conn(query);
	*out = TAKE(query);
	return ST_OK;
}
