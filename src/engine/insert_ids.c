// insert_ids.c - entities that come without an id get one, before anything else knows of them: what
// the log holds has ids.

#include <inttypes.h>
#include <string.h>

#include "arrow/convert.h"
#include "base/mem.h"
#include "engine/insert.h"

static int64_t
id_at(const Column *ids, int64_t row)
{
	int64_t id;
	memcpy(&id, ids->values.data + 8 * row, 8);
	return id;
}

// Above the limit only what exists is given again: ids that the table gave itself.
static Status
check_greatest(const Table *table, const TableDef *def, const char *name, int64_t id, Error *err)
{
	if (id <= TABLE_MOST_GIVEN_ID || id <= table_last_id(table))
		return ST_OK;
	return error_set(err, ST_INVALID,
					 "\"%s\" of table \"%s\" is %" PRId64 ": ids up to %" PRId64
					 " may be given, those above are kept for rows that come without one",
					 name, table_name(def), id, TABLE_MOST_GIVEN_ID);
}

// The greatest of those that are given; 0: none is.
static Status
check_given(const char *name, const Column *ids, int64_t *greatest, Error *err)
{
	*greatest = 0;
	for (int64_t row = 0; row < ids->length; row++) {
		if (!column_valid(ids, row))
			continue;
		int64_t id = id_at(ids, row);
		if (id <= 0)
			return error_set(err, ST_INVALID,
							 "\"%s\" is %" PRId64 " at row %" PRId64
							 ": ids are numbers from 1 upward; leave it NULL to be given one",
							 name, id, row);
		*greatest = id > *greatest ? id : *greatest;
	}
	return ST_OK;
}

static Column
filled(const Column *ids, int64_t next, uint8_t *values)
{
	for (int64_t row = 0; row < ids->length; row++) {
		int64_t id = column_valid(ids, row) ? id_at(ids, row) : next++;
		memcpy(values + 8 * row, &id, 8);
	}
	return (Column){.length = ids->length, .values = {values, 8 * (size_t)ids->length}};
}

// The batch with these ids in place of NULLs, from `first` on.
static Status
with_ids(mobius *db, Batch *batch, int32_t at, int64_t first, Batch **out, Error *err)
{
	size_t count = (size_t)schema_field_count(batch_schema(batch));
	SCOPED(mem_drop) Column *columns = mem_alloc_array(count + 1, sizeof(*columns));
	SCOPED(bytes_drop) Bytes *values = bytes_new(db->pool, 8 * (size_t)batch_rows(batch));
	SCOPED(owners_drop) Owners *owners = owners_new();
	if (columns == NULL || values == NULL || owners == NULL || !owners_add_batch(owners, batch) ||
		!owners_add(owners, bytes_ref(values)))
		return error_no_memory(err, "a batch");
	for (size_t i = 0; i < count; i++)
		columns[i] = *batch_column(batch, (int32_t)i);
	columns[at] = filled(batch_column(batch, at), first, bytes_data(values));
	int32_t owner_count;
	Bytes *const *list = owners_list(owners, &owner_count);
	return batch_new(batch_schema(batch), batch_rows(batch), columns, list, owner_count, out, err);
}

Status
insert_ids(mobius *db, const InsertPlan *plan, Batch **batch, int64_t *first_id, Error *err)
{
	SCOPED(table_def_drop) TableDef *def = table_current(plan->table);
	int32_t key = table_key_column(def);
	*first_id = 0;
	if (key < 0)
		return ST_OK;
	int32_t at = shape_column_of(plan->shape, table_column_id(def, key));
	const char *name = schema_field(table_schema(def), key)->name;
	if (at < 0)
		return error_set(err, ST_INTERNAL, "\"%s\" is missing in a batch", name);
	const Column *ids = batch_column(*batch, at);
	int64_t greatest, first;
	TRY(check_given(name, ids, &greatest, err));
	TRY(check_greatest(plan->table, def, name, greatest, err));
	table_know_id(plan->table, greatest);
	if (ids->null_count == 0)
		return ST_OK;
	TRY(table_take_ids(plan->table, ids->null_count, &first, err));
	Batch *made = NULL;
	TRY(with_ids(db, *batch, at, first, &made, err));
	batch_unref(*batch);
	*batch = made;
	*first_id = first;
	return ST_OK;
}
