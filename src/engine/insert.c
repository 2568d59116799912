#include "engine/insert.h"

#include <inttypes.h>

#include "arrow/convert.h"
#include "base/mem.h"
#include "duck/scan.h"
#include "engine/bulk.h"
#include "engine/keeper.h"
#include "os/clock.h"

void
insert_plan_init(InsertPlan *plan, Table *table, Shape *shape, Schema *from)
{
	const Schema *to = shape_schema(shape);
	bool same = schema_field_count(from) == schema_field_count(to); // else ids are missing
	for (int32_t i = 0; i < schema_field_count(to) && same; i++)
		same = field_equal(schema_field(from, i), schema_field(to, i), false);
	*plan = (InsertPlan){.table = table_ref(table),
						 .shape = shape_ref(shape),
						 .from = schema_ref(from),
						 .same = same};
}

void
insert_plan_close(InsertPlan *plan)
{
	table_unref(plan->table);
	shape_unref(plan->shape);
	schema_unref(plan->from);
	*plan = (InsertPlan){0};
}

static Status
convert_columns(mobius *db, const InsertPlan *plan, Batch *batch, Owners *owners, Batch **out,
				Error *err)
{
	Schema *to = shape_schema(plan->shape);
	int32_t count = schema_field_count(to);
	SCOPED(mem_drop) Column *columns = mem_alloc_array((size_t)count + 1, sizeof(Column));
	if (columns == NULL || !owners_add_batch(owners, batch))
		return error_no_memory(err, "a batch");
	int32_t came = schema_field_count(plan->from);
	if (came < count) // by insert_ids all are given
		TRY(column_nulls(schema_field(to, came), batch_rows(batch), db->pool, owners,
						 &columns[came], err));
	for (int32_t i = 0; i < came; i++)
		TRY(column_convert(schema_field(plan->from, i), batch_column(batch, i), schema_field(to, i),
						   db->pool, owners, &columns[i], err));
	int32_t owner_count;
	Bytes *const *list = owners_list(owners, &owner_count);
	return batch_new(to, batch_rows(batch), columns, list, owner_count, out, err);
}

static Status
check_time(const InsertPlan *plan, const Batch *batch, Error *err)
{
	SCOPED(table_def_drop) TableDef *def = table_current(plan->table);
	int32_t time = table_time_column(def);
	if (time < 0)
		return ST_OK;
	const Field *field = schema_field(table_schema(def), time);
	int32_t at = shape_column_of(plan->shape, table_column_id(def, time));
	if (at < 0)
		return error_set(err, ST_INVALID,
						 "time column \"%s\" is missing; every row of a time series has a time",
						 field->name);
	const Column *column = batch_column(batch, at);
	if (column->null_count == 0)
		return ST_OK;
	int64_t row = 0;
	while (column_valid(column, row))
		row++;
	return error_set(err, ST_INVALID,
					 "time column \"%s\" is NULL at row %" PRId64
					 "; every row of a time series has a time",
					 field->name, row);
}

Status
insert_convert(mobius *db, const InsertPlan *plan, Batch *batch, Batch **out, int64_t *first_id,
			   Error *err)
{
	SCOPED(batch_drop) Batch *converted = NULL;
	if (plan->same) {
		converted = batch_ref(batch);
	} else {
		SCOPED(owners_drop) Owners *owners = owners_new();
		if (owners == NULL)
			return error_no_memory(err, "a batch");
		TRY(convert_columns(db, plan, batch, owners, &converted, err));
	}
	TRY(check_time(plan, converted, err));
	TRY(insert_ids(db, plan, &converted, first_id, err));
	const Schema *schema = batch_schema(converted);
	for (int32_t i = 0; i < schema_field_count(schema); i++)
		TRY(duck_check_values(schema_field(schema, i), batch_column(converted, i), err));
	*out = TAKE(converted);
	return ST_OK;
}

Status
insert_entry(mobius *db, const InsertPlan *plan, Batch *converted, const InsertSource *from,
			 uint64_t reserved, CommitEntry *out, Error *err)
{
	SCOPED(commit_entry_close)
	CommitEntry entry = {
		.wal = {.kind = WAL_BATCH,
				.table_id = shape_table_id(plan->shape),
				.schema_id = shape_id(plan->shape),
				.schema = shape_encoded(plan->shape),
				.rows = batch_rows(converted)},
		.table = table_ref(plan->table),
		.shape = shape_ref(plan->shape),
		.producer = from->producer,
		.producer_seq = from->producer_seq,
		.read_seq = from->read_seq,
	};
	if (from->message.len > 0) {
		entry.body = bytes_ref(from->body);
		TRY(commit_entry_seal_batch(&entry, from->message, err));
	} else {
		TRY(ipc_write_batch(converted, &entry.message, err));
		TRY(commit_entry_seal_batch(&entry, buf_slice(&entry.message.metadata), err));
	}
	TRY(store_insert_new(db->store, plan->table, plan->shape, converted, reserved, &entry.insert,
						 err));
	entry.newest_lost =
		newest_put_new(db->newest, plan->table, entry.insert, &entry.newest, NULL) != ST_OK;
	if (!segment_insert_times(entry.insert, &entry.wal.min_time, &entry.wal.max_time))
		commit_entry_has_no_times(&entry);
	*out = entry;
	entry = (CommitEntry){0};
	return ST_OK;
}

// A column may have been renamed, or have grown, since the plan was made: its rows go where its id
// is. One that was dropped is told, since its values would be lost.
static Status
check_columns(InsertPlan *plan, const TableDef *def, Error *err)
{
	if (table_version(def) == plan->version)
		return ST_OK;
	const Schema *schema = shape_schema(plan->shape);
	int32_t dropped = shape_dropped_column(plan->shape, def);
	if (dropped >= 0)
		return error_set(err, ST_CONFLICT,
						 "column \"%s\" was dropped from table \"%s\" while rows with it came; "
						 "nothing of this batch was stored: leave it out, or begin a new stream to "
						 "make it anew",
						 schema_field(schema, dropped)->name, table_name(def));
	plan->wider = false;
	for (int32_t i = 0; i < schema_field_count(schema); i++) {
		int32_t at = table_column_by_id(def, shape_column_id(plan->shape, i));
		plan->wider |=
			!field_equal(schema_field(schema, i), schema_field(table_schema(def), at), false);
	}
	plan->version = table_version(def);
	return ST_OK;
}

// What a table has grown to since may have less range: a finer time unit.
static Status
check_values(mobius *db, const InsertPlan *plan, const TableDef *def, const Batch *batch,
			 Error *err)
{
	SCOPED(owners_drop) Owners *owners = owners_new();
	if (owners == NULL)
		return error_no_memory(err, "a batch");
	for (int32_t i = 0; i < schema_field_count(shape_schema(plan->shape)); i++) {
		int32_t at = table_column_by_id(def, shape_column_id(plan->shape, i));
		Column wider;
		TRY(column_convert(schema_field(shape_schema(plan->shape), i), batch_column(batch, i),
						   schema_field(table_schema(def), at), db->pool, owners, &wider, err));
	}
	return ST_OK;
}

Status
insert_check(mobius *db, InsertPlan *plan, const Batch *converted, uint64_t *cost, Error *err)
{
	if (table_dropped(plan->table))
		return error_set(err, ST_NOT_FOUND,
						 "the table was dropped; put to its name to make it anew");
	if (!keeper_has_room(db->keeper))
		return error_set(err, ST_DISK_FULL,
						 "the disk is full; free space, or drop what is not needed, and put again");
	SCOPED(table_def_drop) TableDef *def = table_current(plan->table);
	TRY(check_columns(plan, def, err));
	if (plan->wider)
		TRY(check_values(db, plan, def, converted, err));
	*cost = segment_insert_cost(converted);
	if (db->dir == NULL && *cost > budget_limit(db->memtable))
		return error_set(err, ST_LIMIT,
						 "a batch of %" PRIu64 " bytes is over memtable.limit; there is no disk "
						 "for it: send smaller batches",
						 *cost);
	return ST_OK;
}

// In memory a look that began after this one found that there is nothing to give back: the second
// is sure to.
static bool
is_full(mobius *db, uint64_t looks)
{
	return db->dir == NULL && keeper_idle_looks(db->keeper) >= looks + 2;
}

static Status
wait_for_memory(mobius *db, uint64_t cost, Error *err)
{
	int64_t began = clock_mono_ns(), delay = 0;
	uint64_t looks = keeper_idle_looks(db->keeper);
	bool got = false, full = false;
	while (!got && !full && clock_mono_ns() - began <= db->settings.ingest_wait_ns) {
		keeper_need_memory(db->keeper);
		clock_sleep_ns(10 * 1000 * 1000);
		full = is_full(db, looks); // what was given back before counts
		got = budget_reserve(db->memtable, cost, NULL, &delay);
	}
	budget_note_wait(db->memtable, clock_mono_ns() - began);
	if (got && db->dir != NULL) // without files time frees no memory
		clock_sleep_ns(delay);
	if (got)
		return ST_OK;
	if (db->dir != NULL)
		return error_set(err, ST_LIMIT, "no memory within ingest.wait: memtable.limit is used up");
	return error_set(err, ST_LIMIT,
					 "the database in memory is full: memtable.limit is used up; raise it, or "
					 "drop what is not needed");
}

Status
insert_reserve(mobius *db, uint64_t cost, bool wait, Error *err)
{
	int64_t delay = 0;
	if (!budget_reserve(db->memtable, cost, NULL, &delay))
		return wait ? wait_for_memory(db, cost, err)
					: error_set(err, ST_LIMIT, "memtable.limit is used up; try again later");
	if (wait && db->dir != NULL) // without files time frees no memory
		clock_sleep_ns(delay);
	return ST_OK;
}

static Status
paid_entry(mobius *db, const InsertPlan *plan, Batch *converted, const InsertSource *from,
		   uint64_t cost, CommitEntry *out, Error *err)
{
	TRY(insert_reserve(db, cost, true, err));
	Status st = insert_entry(db, plan, converted, from, cost, out, err);
	if (st != ST_OK)
		budget_release(db->memtable, cost);
	return st;
}

Status
insert_batch(mobius *db, InsertPlan *plan, Batch *batch, const InsertSource *from, uint64_t *seq,
			 int64_t *first_id, Error *err)
{
	SCOPED(batch_drop) Batch *converted = NULL;
	int64_t expired, first;
	TRY(insert_convert(db, plan, batch, &converted, &first, err));
	TRY(insert_expire(db, plan, &converted, &expired, err));
	if (converted == NULL) {
		if (seq != NULL)
			*seq = store_published_seq(db->store);
		if (first_id != NULL)
			*first_id = 0;
		return ST_OK;
	}
	uint64_t cost;
	TRY(insert_check(db, plan, converted, &cost, err));
	CommitEntry entry = {0};
	bool bulk = bulk_is_needed(db, batch_bytes(converted), cost);
	if (!bulk) {
		TRY(paid_entry(db, plan, converted, from, cost, &entry, err));
		bulk = bulk_is_needed(db, entry.wal.length, cost);
	}
	if (bulk)
		commit_entry_close(&entry);
	TRY(bulk ? bulk_commit(db, plan, converted, from, seq, err)
			 : conductor_commit(db->conductor, &entry, false, seq, err));
	if (first_id != NULL)
		*first_id = first;
	return ST_OK;
}
