// passing.c - SELECT columns FROM a table whose rows are all in memory: its batches are the result.

#include <string.h>
#include <strings.h>

#include "arrow/bits.h"
#include "base/mem.h"
#include "sql/query_int.h"
#include "sql/statement_int.h"
#include "store/retention.h"

enum { MOST_BYTES = 3 << 20 };

typedef struct StoredRows {
	Batch *batch; // borrowed
	int64_t rows;
} StoredRows;

struct Passing {
	Arena arena;
	int32_t *columns; // of the result, in the table's
	int32_t column_count;
	StoredRows *parts;
	int32_t part_count;
	int32_t next;
	TableDef *def; // borrowed, while parts are gathered
	bool whole;
};

// ---- columns ----

static bool
add_item(const SqlQuery *query, const Schema *schema, const SelectItem *item, int32_t *columns,
		 int32_t *count)
{
	const Verdict *v = query->verdict;
	if (item->kind == ITEM_STAR) {
		if (item->relation != NULL && strcasecmp(item->relation, v->refs[0].alias) != 0)
			return false;
		for (int32_t i = 0; i < schema_field_count(schema); i++)
			columns[(*count)++] = i;
		return true;
	}
	int32_t ref, column;
	RefColumns refs = {.schema = (Schema *)(uintptr_t)schema, .time = -1, .key = -1};
	if (!column_find(v, &refs, &v->columns[item->column], false, &ref, &column))
		return false;
	columns[(*count)++] = column;
	return true;
}

// The table's columns that the SELECT list names; *out NULL: that is not all it does.
static Status
find_columns(const SqlQuery *query, const TableDef *def, Arena *arena, int32_t **out,
			 int32_t *count, Error *err)
{
	const Verdict *v = query->verdict;
	const Schema *schema = table_schema(def);
	size_t most = (size_t)v->select_count * ((size_t)schema_field_count(schema) + 1);
	int32_t *columns = arena_array(arena, most + 1, sizeof(int32_t));
	TRY(arena_status(arena, err, "a statement"));
	*out = NULL;
	*count = 0;
	for (int32_t i = 0; i < v->select_count; i++)
		if (!add_item(query, schema, &v->select[i], columns, count))
			return ST_OK;
	*out = columns;
	return ST_OK;
}

static const char *
item_alias(const Verdict *v, int32_t column)
{
	bool listed = v->select_count > column && v->select[column].kind == ITEM_COLUMN;
	return listed ? v->select[column].alias : NULL;
}

static bool
has_star(const Verdict *v)
{
	for (int32_t i = 0; i < v->select_count; i++)
		if (v->select[i].kind == ITEM_STAR)
			return true;
	return false;
}

static Status
announce(const SqlQuery *query, const TableDef *def, const int32_t *columns, int32_t count,
		 Schema **out, Error *err)
{
	SCOPED(mem_drop) Field *fields = mem_alloc_array((size_t)count + 1, sizeof(*fields));
	if (fields == NULL)
		return error_no_memory(err, "a result's schema");
	bool star = has_star(query->verdict);
	for (int32_t i = 0; i < count; i++) {
		const char *alias = star ? NULL : item_alias(query->verdict, i);
		fields[i] = *schema_field(table_schema(def), columns[i]);
		fields[i].name = alias != NULL ? alias : fields[i].name;
		fields[i].nullable = true;
		fields[i].metadata = NULL;
		fields[i].metadata_count = 0;
	}
	return schema_new(fields, count, NULL, 0, out, err);
}

Status
passing_schema(const SqlQuery *query, const Snapshot *snapshot, Schema **out, Error *err)
{
	*out = NULL;
	const Verdict *v = query->verdict;
	if (!v->plain || query->as != NULL || query->names.refs[0].table < 0 ||
		query->names.refs[0].newest)
		return ST_OK;
	if (has_star(v) && v->select_count > 1)
		return ST_OK;
	const TableView *view = &snapshot->tables[query->names.refs[0].table];
	if (file_set_count(view->files) > 0)
		return ST_OK;
	SCOPED(arena_close) Arena arena = ARENA_INIT;
	int32_t *columns, count;
	TRY(find_columns(query, view->def, &arena, &columns, &count, err));
	return columns == NULL ? ST_OK : announce(query, view->def, columns, count, out, err);
}

// ---- rows ----

static Status
add_part(void *arg, const SegmentPart *part, Error *err)
{
	Passing *p = arg;
	// A batch goes out as one message, and clients of several kinds take none of 4 MiB.
	p->whole &= shape_is_whole(part->shape, p->def) && batch_bytes(part->batch) <= MOST_BYTES &&
				part->dead == NULL;
	p->parts = list_grow(&p->arena, p->parts, p->part_count, sizeof(StoredRows));
	TRY(arena_status(&p->arena, err, "a result"));
	p->parts[p->part_count++] = (StoredRows){part->batch, part->rows};
	return ST_OK;
}

static Status
gather(const SqlQuery *query, Passing *p, Error *err)
{
	const Snapshot *snapshot = query->pin->snapshot;
	const TableView *view = &snapshot->tables[query->names.refs[0].table];
	p->def = view->def;
	// Rows that are too old, or were replaced, have to be found among the others.
	p->whole = !view_is_cut(view) && !view_has_late(view);
	for (int32_t i = 0; i < view->segment_count && p->whole; i++)
		TRY(segment_each(view->segments[i], snapshot->seq, INT64_MIN, INT64_MAX, add_part, p, err));
	return find_columns(query, view->def, &p->arena, &p->columns, &p->column_count, err);
}

DEFINE_DROP(Passing, passing_drop, passing_close)

Status
passing_open(const SqlQuery *query, Passing **out, Error *err)
{
	*out = NULL;
	SCOPED(schema_drop) Schema *schema = NULL;
	TRY(passing_schema(query, query->pin->snapshot, &schema, err));
	if (schema == NULL || !schema_equal(schema, query->schema))
		return ST_OK;
	SCOPED(passing_drop) Passing *p = mem_alloc(sizeof(*p));
	if (p == NULL)
		return error_no_memory(err, "a result");
	TRY(gather(query, p, err));
	if (p->whole && p->columns != NULL)
		*out = TAKE(p);
	return ST_OK;
}

// A chunk does not count its NULLs before its rows are cut out of it, and not at all when it is
// full.
static void
count_nulls(Column *column)
{
	if (column->validity.data != NULL && column->null_count == column->length)
		column->null_count = column->length - bits_count(column->validity.data, column->length);
}

static Status
pass(const Passing *p, const StoredRows *part, Schema *schema, Batch **out, Error *err)
{
	SCOPED(batch_drop) Batch *head = NULL;
	TRY(batch_head(part->batch, part->rows, &head, err));
	SCOPED(mem_drop) Column *columns = mem_alloc_array((size_t)p->column_count + 1, sizeof(Column));
	if (columns == NULL)
		return error_no_memory(err, "a result");
	for (int32_t i = 0; i < p->column_count; i++) {
		columns[i] = *batch_column(head, p->columns[i]);
		count_nulls(&columns[i]);
	}
	int32_t owner_count;
	Bytes *const *owners = batch_owners(head, &owner_count);
	return batch_new(schema, batch_rows(head), columns, owners, owner_count, out, err);
}

Status
passing_next(Passing *passing, Schema *schema, Batch **out, Error *err)
{
	*out = NULL;
	if (passing->next == passing->part_count)
		return ST_OK;
	return pass(passing, &passing->parts[passing->next++], schema, out, err);
}

void
passing_close(Passing *passing)
{
	if (passing == NULL)
		return;
	arena_close(&passing->arena);
	mem_free(passing);
}
