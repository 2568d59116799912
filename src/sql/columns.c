// columns.c - which table a column of the text is of.

#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/setting.h"
#include "sql/names.h"

int32_t
schema_find_named(const Schema *schema, const SqlName *name)
{
	int32_t at = schema_find(schema, name->text);
	return at < 0 && !name->quoted ? schema_find_folded(schema, name->text) : at;
}

Status
report_no_column(const TableDef *def, const SqlName *name, Status code, Error *err)
{
	size_t count = (size_t)table_column_count(def);
	SCOPED(mem_drop) const char **names = mem_alloc_array(count, sizeof(*names));
	if (names == NULL)
		return error_no_memory(err, "names of columns");
	for (size_t i = 0; i < count; i++)
		names[i] = schema_field(table_schema(def), (int32_t)i)->name;
	const char *near = setting_propose(name->text, names, count);
	if (near == NULL)
		return error_set_at(err, code, name->position,
							"table \"%s\" has no column \"%s\"; DESCRIBE lists them",
							table_name(def), name->text);
	return error_set_at(err, code, name->position,
						"table \"%s\" has no column \"%s\"; did you mean \"%s\"?", table_name(def),
						name->text, near);
}

static int32_t
find_in_ref(const RefColumns *columns, const char *name, bool time_alias)
{
	int32_t at = schema_find_folded(columns->schema, name);
	return at < 0 && time_alias && strcasecmp(name, "time") == 0 ? columns->time : at;
}

typedef enum Found { FOUND_NOTHING, FOUND_COLUMN, FOUND_DOUBT } Found;

// A bare name: the only table of the SELECT that has it.
static Found
find_bare(const Verdict *v, const RefColumns *refs, int32_t scope, const ColumnUse *use,
		  bool time_alias, int32_t *ref, int32_t *column)
{
	Found found = FOUND_NOTHING;
	for (int32_t i = 0; i < v->item_count; i++) {
		const FromItem *item = &v->items[i];
		if (item->scope != scope)
			continue;
		if (item->ref < 0)
			return FOUND_DOUBT;
		int32_t at = find_in_ref(&refs[item->ref], use->names[0], time_alias);
		if (at < 0)
			continue;
		if (found == FOUND_COLUMN)
			return FOUND_DOUBT;
		found = FOUND_COLUMN;
		*ref = item->ref;
		*column = at;
	}
	return found;
}

// alias.column, or the table's whole name in place of its alias.
static bool
names_item(const Verdict *v, const FromItem *item, const ColumnUse *use)
{
	if (item->alias == NULL || strcasecmp(item->alias, use->names[use->parts - 2]) != 0)
		return false;
	if (use->parts == 2)
		return true;
	if (item->ref < 0 || v->refs[item->ref].aliased)
		return false;
	const SqlTableName *name = &v->refs[item->ref].name;
	const char *schema = name->schema.text != NULL ? name->schema.text : "htdb";
	if (strcasecmp(schema, use->names[use->parts - 3]) != 0)
		return false;
	// A database that is not written in FROM is the session's.
	return use->parts == 3 || name->database.text == NULL ||
		   strcasecmp(name->database.text, use->names[0]) == 0;
}

static Found
find_qualified(const Verdict *v, const RefColumns *refs, int32_t scope, const ColumnUse *use,
			   bool time_alias, int32_t *ref, int32_t *column)
{
	for (int32_t i = 0; i < v->item_count; i++) {
		const FromItem *item = &v->items[i];
		if (item->scope != scope || !names_item(v, item, use))
			continue;
		if (item->ref < 0)
			return FOUND_DOUBT;
		*ref = item->ref;
		*column = find_in_ref(&refs[item->ref], use->names[use->parts - 1], time_alias);
		return *column >= 0 ? FOUND_COLUMN : FOUND_DOUBT;
	}
	return FOUND_NOTHING;
}

bool
column_find(const Verdict *verdict, const RefColumns *refs, const ColumnUse *use, bool time_alias,
			int32_t *ref, int32_t *column)
{
	if (use->parts < 1 || use->parts > COLUMN_PARTS)
		return false;
	Found found = FOUND_NOTHING;
	for (int32_t scope = use->scope; scope >= 0 && found == FOUND_NOTHING;
		 scope = verdict->scopes[scope].parent) {
		found = use->parts == 1
					? find_bare(verdict, refs, scope, use, time_alias, ref, column)
					: find_qualified(verdict, refs, scope, use, time_alias, ref, column);
	}
	return found == FOUND_COLUMN;
}
