// expired.c - rows that are past their table's ttl when they come.

#include "base/mem.h"
#include "base/timeval.h"
#include "engine/insert.h"
#include "os/clock.h"
#include "store/retention.h"

static int64_t
time_at(const Column *column, int64_t row)
{
	return ((const int64_t *)(const void *)column->values.data)[row];
}

static int64_t
count_before(const Column *column, int64_t rows, int64_t least)
{
	int64_t count = 0;
	for (int64_t i = 0; i < rows; i++)
		count += time_at(column, i) < least;
	return count;
}

static Status
keep_from(mobius *db, Batch *batch, const Column *times, int64_t least, int64_t left, Batch **out,
		  Error *err)
{
	SCOPED(mem_drop) RowRef *refs = mem_alloc_array((size_t)left, sizeof(RowRef));
	if (refs == NULL)
		return error_no_memory(err, "a batch");
	int64_t at = 0;
	for (int64_t i = 0; i < batch_rows(batch); i++)
		if (time_at(times, i) >= least)
			refs[at++] = (RowRef){0, (uint32_t)i};
	return batch_gather(&batch, refs, left, batch_schema(batch), db->pool, out, err);
}

Status
insert_expire(mobius *db, const InsertPlan *plan, Batch **batch, int64_t *expired, Error *err)
{
	*expired = 0;
	int64_t from = table_visible_from(plan->table, clock_wall_ns());
	if (from == VISIBLE_ALWAYS)
		return ST_OK;
	SCOPED(table_def_drop) TableDef *def = table_current(plan->table);
	int32_t time = table_time_column(def);
	int32_t at = time < 0 ? -1 : shape_column_of(plan->shape, table_column_id(def, time));
	if (at < 0)
		return ST_OK;
	const Column *times = batch_column(*batch, at);
	TimeUnit unit = schema_field(shape_schema(plan->shape), at)->type.unit;
	int64_t least = time_round_up(from, time_unit_ns(unit));
	int64_t old = count_before(times, batch_rows(*batch), least);
	if (old == 0)
		return ST_OK;

	Batch *kept = NULL;
	if (old < batch_rows(*batch))
		TRY(keep_from(db, *batch, times, least, batch_rows(*batch) - old, &kept, err));
	batch_unref(*batch);
	*batch = kept;
	*expired = old;
	return ST_OK;
}
