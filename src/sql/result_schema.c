// result_schema.c - the stored types of columns that a result passes on, and the names of columns
// as they were written.
//
// Items of a SELECT list stand for columns of the result in order. Where nobody knows how many an
// item becomes, those before it are counted from the left and those behind it from the right.

#include <strings.h>

#include "base/mem.h"
#include "sql/plan.h"

typedef struct Stored {
	const Verdict *verdict;
	const Views *views;
	const Field **fields; // of each column of the result; NULL: the engine's own
	const char **names;   // likewise
	int32_t count;
} Stored;

// ---- what an item becomes ----

static int32_t
star_width(const Stored *s, const char *relation)
{
	const Verdict *v = s->verdict;
	int32_t width = 0;
	bool found = relation == NULL && !v->scopes[v->root].merges;
	for (int32_t i = 0; i < v->item_count; i++) {
		const FromItem *item = &v->items[i];
		if (item->scope != v->root)
			continue;
		bool wanted =
			relation == NULL || (item->alias != NULL && strcasecmp(item->alias, relation) == 0);
		if (!wanted)
			continue;
		if (item->ref < 0)
			return -1;
		found |= relation != NULL;
		width += schema_field_count(s->views->columns[item->ref].schema);
	}
	return found ? width : -1;
}

// -1: unknown.
static int32_t
item_width(const Stored *s, const SelectItem *item)
{
	switch (item->kind) {
	case ITEM_STAR: return star_width(s, item->relation);
	case ITEM_COLUMN:
	case ITEM_ONE: return 1;
	case ITEM_MANY: break;
	}
	return -1;
}

static void
place_star(Stored *s, const char *relation, int32_t at)
{
	const Verdict *v = s->verdict;
	for (int32_t i = 0; i < v->item_count; i++) {
		const FromItem *item = &v->items[i];
		if (item->scope != v->root ||
			(relation != NULL && (item->alias == NULL || strcasecmp(item->alias, relation) != 0)))
			continue;
		const Schema *schema = s->views->columns[item->ref].schema;
		for (int32_t c = 0; c < schema_field_count(schema); c++)
			s->fields[at++] = schema_field(schema, c);
	}
}

// Whether the item's text is not what the engine has seen.
static bool
is_rewritten(const Stored *s, const SelectItem *item)
{
	const Verdict *v = s->verdict;
	const RefColumns *columns = s->views->columns;
	bool rewritten = item->refs.to > item->refs.from;
	for (int32_t i = item->comparisons.from; i < item->comparisons.to && !rewritten; i++) {
		SCOPED(buf_close) Buf unused = BUF_INIT;
		rewritten =
			constraint_rewrite(v, columns, s->views->time_alias, &v->comparisons[i], &unused);
	}
	for (int32_t i = item->columns.from; i < item->columns.to && !rewritten; i++) {
		const ColumnUse *use = &v->columns[i];
		int32_t ref, column;
		rewritten = column_find(v, columns, use, s->views->time_alias, &ref, &column) &&
					strcasecmp(schema_field(columns[ref].schema, column)->name,
							   use->names[use->parts - 1]) != 0;
	}
	return rewritten;
}

static void
place_item(Stored *s, const SelectItem *item, int32_t at)
{
	int32_t ref, column;
	if (item->kind == ITEM_STAR)
		place_star(s, item->relation, at);
	else if (item->kind == ITEM_COLUMN &&
			 column_find(s->verdict, s->views->columns, &s->verdict->columns[item->column],
						 s->views->time_alias, &ref, &column))
		s->fields[at] = schema_field(s->views->columns[ref].schema, column);
	else if (item->name != NULL && is_rewritten(s, item))
		s->names[at] = item->name;
}

static void
place_items(Stored *s)
{
	const Verdict *v = s->verdict;
	int32_t left = 0, right = s->count, first = 0, last = v->select_count - 1;
	for (int32_t width; first <= last; first++, left += width) {
		width = item_width(s, &v->select[first]);
		if (width < 0 || width > right - left)
			break;
		place_item(s, &v->select[first], left);
	}
	for (int32_t width; last > first; last--) {
		width = item_width(s, &v->select[last]);
		if (width < 0 || width > right - left)
			break;
		right -= width;
		place_item(s, &v->select[last], right);
	}
}

// ---- what the engine's values can be called ----

static bool
has_zone(const Type *type)
{
	return type->zone != NULL && type->zone[0] != '\0';
}

static bool
same_values(const Field *own, const Field *stored)
{
	const Type *from = &own->type, *to = &stored->type;
	if (to->id == TYPE_NULL)
		return true;
	if (from->id == TYPE_INT64 && to->id == TYPE_DURATION)
		return true;
	if (from->id == TYPE_TIMESTAMP && to->id == TYPE_TIMESTAMP)
		return from->unit == to->unit || (has_zone(from) && has_zone(to) && to->unit != UNIT_NS);
	if (from->id != to->id || own->child_count != stored->child_count)
		return false;
	if (own->child_count == 0)
		return type_equal(from, to);
	for (int32_t i = 0; i < own->child_count; i++)
		if (!same_values(&own->children[i], &stored->children[i]))
			return false;
	return from->id != TYPE_FIXED_LIST || from->width == to->width;
}

Status
result_schema(const Verdict *verdict, const Views *views, Schema *own, Schema **out, Error *err)
{
	int32_t count = schema_field_count(own);
	SCOPED(mem_drop) const Field **stored = mem_alloc_array((size_t)count + 1, sizeof(*stored));
	SCOPED(mem_drop) const char **names = mem_alloc_array((size_t)count + 1, sizeof(*names));
	SCOPED(mem_drop) Field *fields = mem_alloc_array((size_t)count + 1, sizeof(*fields));
	if (stored == NULL || names == NULL || fields == NULL)
		return error_no_memory(err, "a result's schema");
	Stored s = {verdict, views, stored, names, count};
	if (verdict->root >= 0)
		place_items(&s);
	for (int32_t i = 0; i < count; i++) {
		const Field *engine = schema_field(own, i);
		bool known = stored[i] != NULL && same_values(engine, stored[i]);
		fields[i] = known ? *stored[i] : *engine;
		fields[i].name = names[i] != NULL ? names[i] : engine->name;
		fields[i].nullable = true;
		fields[i].metadata = NULL;
		fields[i].metadata_count = 0;
	}
	return schema_new(fields, count, NULL, 0, out, err);
}
