// pin.c - what an execution sees.

#include "base/mem.h"
#include "sql/query_int.h"

static Status
take_refs(const Names *names, SqlPin *pin, Error *err)
{
	pin->batches = mem_alloc_array((size_t)names->ref_count + 1, sizeof(Batch *));
	pin->tables = mem_alloc_array((size_t)names->ref_count + 1, sizeof(Table *));
	if (pin->batches == NULL || pin->tables == NULL)
		return error_no_memory(err, "a snapshot");
	pin->ref_count = names->ref_count;
	for (int32_t i = 0; i < names->ref_count; i++) {
		const NamedRef *ref = &names->refs[i];
		if (ref->source == NULL)
			pin->tables[i] = table_ref(names->tables[ref->table]);
		else
			TRY(ref->source->rows(ref->source->ctx, ref->name, pin->snapshot, &pin->batches[i],
								  err));
	}
	return ST_OK;
}

// Takes the snapshot, which is of the names' tables.
static Status
pin_new(const Names *names, Snapshot **snapshot, SqlPin **out, Error *err)
{
	SCOPED(sql_pin_drop) SqlPin *pin = mem_alloc(sizeof(*pin));
	if (pin == NULL)
		return error_no_memory(err, "a snapshot");
	atomic_init(&pin->refs, 1);
	pin->snapshot = TAKE(*snapshot);
	TRY(take_refs(names, pin, err));
	*out = TAKE(pin);
	return ST_OK;
}

static Status
take_snapshot(Sql *sql, Table *const *tables, int32_t count, Snapshot **out, Error *err)
{
	static Table *const none[1] = {NULL}; // a list of no tables is not "all tables"
	return store_snapshot(sql->store, count > 0 ? tables : none, count, out, err);
}

Status
snapshot_of_names(Sql *sql, const Names *names, Snapshot **out, Error *err)
{
	return take_snapshot(sql, names->tables, names->table_count, out, err);
}

Status
pin_take(Sql *sql, const Names *names, SqlPin **out, Error *err)
{
	SCOPED(snapshot_drop) Snapshot *snapshot = NULL;
	TRY(snapshot_of_names(sql, names, &snapshot, err));
	return pin_new(names, &snapshot, out, err);
}

// The tables of all queries, each as often as it is named.
static Status
snapshot_of_all(Sql *sql, SqlQuery *const *queries, int32_t count, Snapshot **out, Error *err)
{
	size_t total = 0, at = 0;
	for (int32_t i = 0; i < count; i++)
		total += (size_t)queries[i]->names.table_count;
	SCOPED(mem_drop) Table **tables = mem_alloc_array(total + 1, sizeof(Table *));
	if (tables == NULL)
		return error_no_memory(err, "a snapshot");
	for (int32_t i = 0; i < count; i++)
		for (int32_t t = 0; t < queries[i]->names.table_count; t++)
			tables[at++] = queries[i]->names.tables[t];
	return take_snapshot(sql, tables, (int32_t)total, out, err);
}

Status
sql_queries_pin(Sql *sql, SqlQuery *const *queries, int32_t count, Error *err)
{
	SCOPED(snapshot_drop) Snapshot *all = NULL;
	TRY(snapshot_of_all(sql, queries, count, &all, err));
	for (int32_t i = 0, from = 0; i < count; i++) {
		const Names *names = &queries[i]->names;
		SCOPED(snapshot_drop) Snapshot *own = NULL;
		TRY(snapshot_part(all, from, names->table_count, &own, err));
		TRY(pin_new(names, &own, &queries[i]->pin, err));
		from += names->table_count;
	}
	return ST_OK;
}

uint64_t
sql_query_seq(const SqlQuery *query)
{
	return query->pin->snapshot->seq;
}

bool
sql_query_reads(const SqlQuery *query, const Table *table)
{
	for (int32_t i = 0; i < query->names.table_count; i++)
		if (query->names.tables[i] == table)
			return true;
	return false;
}

SqlPin *
sql_pin_ref(SqlPin *pin)
{
	atomic_fetch_add_explicit(&pin->refs, 1, memory_order_relaxed);
	return pin;
}

void
sql_pin_unref(SqlPin *pin)
{
	if (pin == NULL || atomic_fetch_sub_explicit(&pin->refs, 1, memory_order_acq_rel) > 1)
		return;
	for (int32_t i = 0; i < pin->ref_count; i++) {
		batch_unref(pin->batches[i]);
		table_unref(pin->tables[i]);
	}
	mem_free(pin->batches);
	mem_free(pin->tables);
	snapshot_free(pin->snapshot);
	mem_free(pin);
}

// What a table still has would be in memory anyway.
uint64_t
sql_pin_bytes(const SqlPin *pin)
{
	uint64_t bytes = 0;
	for (int32_t t = 0; t < pin->snapshot->table_count; t++) {
		const TableView *view = &pin->snapshot->tables[t];
		for (int32_t s = 0; s < view->segment_count; s++) {
			SegmentStats stats = segment_stats(view->segments[s]);
			bytes += stats.left ? stats.bytes : 0;
		}
	}
	for (int32_t i = 0; i < pin->ref_count; i++)
		bytes += pin->batches[i] != NULL ? batch_held_bytes(pin->batches[i]) : 0;
	return bytes;
}
