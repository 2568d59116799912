// sorted_values.c - the order of rows of which some have no series id: their tags are compared as
// they are.

#include "arrow/sort.h"
#include "base/mem.h"
#include "store/series_int.h"
#include "store/sorted_int.h"

// ---- tags and time alone ----

typedef struct KeyRows {
	int32_t *columns; // of the table: its tags, and what orders rows
	int32_t column_count;
	Batch **batches; // those columns of each
	int32_t count;
} KeyRows;

static void
key_rows_close(KeyRows *keys)
{
	for (int32_t i = 0; i < keys->count; i++)
		batch_unref(keys->batches[i]);
	mem_free(keys->batches);
	mem_free(keys->columns);
}

static Status
key_schema(const KeyRows *keys, const Schema *of, Schema **out, Error *err)
{
	SCOPED(mem_drop) Field *fields = mem_alloc_array((size_t)keys->column_count, sizeof(Field));
	if (fields == NULL)
		return error_no_memory(err, "a flush");
	for (int32_t i = 0; i < keys->column_count; i++)
		fields[i] = *schema_field(of, keys->columns[i]);
	return schema_new(fields, keys->column_count, NULL, 0, out, err);
}

static Status
find_columns(const Sorting *s, KeyRows *keys, Error *err)
{
	int32_t tags = table_tag_count(s->def);
	keys->columns = mem_alloc_array((size_t)tags + 1, sizeof(*keys->columns));
	keys->batches = mem_alloc_array((size_t)s->count + 1, sizeof(*keys->batches));
	if (keys->columns == NULL || keys->batches == NULL)
		return error_no_memory(err, "a flush");
	for (int32_t i = 0; i < tags; i++)
		keys->columns[i] = table_tag_column(s->def, i);
	keys->columns[tags] = table_order_column(s->def);
	keys->column_count = tags + 1;
	return ST_OK;
}

static Status
gather_keys(const Sorting *s, Batch **out, Error *err)
{
	SCOPED(key_rows_close) KeyRows keys = {0};
	TRY(find_columns(s, &keys, err));
	for (; keys.count < s->count; keys.count++) {
		Batch *batch = s->batches[keys.count];
		SCOPED(schema_drop) Schema *own = NULL; // one that lacks a column has it without a type
		TRY(key_schema(&keys, batch_schema(batch), &own, err));
		TRY(batch_select(batch, keys.columns, keys.column_count, own, &keys.batches[keys.count],
						 err));
	}
	SCOPED(schema_drop) Schema *schema = NULL;
	TRY(key_schema(&keys, table_schema(s->def), &schema, err));
	SCOPED(mem_drop) RowRef *refs = sorting_refs(s);
	if (refs == NULL)
		return error_no_memory(err, "a flush");
	return batch_gather(keys.batches, refs, s->rows, schema, s->pool, out, err);
}

// ---- their order ----

static Status
note_replaced_values(Sorting *s, const Batch *keys, const uint32_t *order, Error *err)
{
	SCOPED(shape_drop) Shape *shape = NULL;
	SCOPED(tag_readers_close) TagReaders tags = {0};
	SCOPED(buf_close) Buf key = BUF_INIT;
	TRY(shape_new(0, s->def, batch_schema(keys), &shape, err));
	TRY(tag_readers_init(&tags, s->def, shape, keys, err));
	const int64_t *times = (const void *)batch_column(keys, table_tag_count(s->def))->values.data;
	for (int64_t i = 0; i + 1 < s->rows; i++) {
		if (times[order[i]] != times[order[i + 1]])
			continue;
		series_key_encode(&tags, order[i], &key);
		TRY(buf_status(&key, err, "a flush"));
		s->replaced[i] = series_key_is_row(buf_slice(&key), &tags, order[i + 1]);
	}
	return ST_OK;
}

Status
sorting_order_by_values(Sorting *s, uint32_t *order, Error *err)
{
	int32_t tags = table_tag_count(s->def);
	SCOPED(batch_drop) Batch *keys = NULL;
	TRY(gather_keys(s, &keys, err));
	SCOPED(mem_drop) SortKey *by = mem_alloc_array((size_t)tags + 1, sizeof(SortKey));
	if (by == NULL)
		return error_no_memory(err, "a flush");
	for (int32_t i = 0; i <= tags; i++)
		by[i] = (SortKey){.column = i};
	TRY(batch_sort_order(keys, by, tags + 1, order, err));
	return s->replaced != NULL ? note_replaced_values(s, keys, order, err) : ST_OK;
}
