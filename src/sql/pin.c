// pin.c - what an execution sees.

#include "base/mem.h"
#include "sql/query_int.h"

static Status
pin_new(const Sql *sql, const Names *names, SqlPin **out, Error *err)
{
	SCOPED(sql_pin_drop) SqlPin *pin = mem_alloc(sizeof(*pin));
	if (pin == NULL)
		return error_no_memory(err, "a snapshot");
	atomic_init(&pin->refs, 1);
	pin->from = sql->newest;
	pin->batches = mem_alloc_array((size_t)names->ref_count + 1, sizeof(Batch *));
	pin->tables = mem_alloc_array((size_t)names->ref_count + 1, sizeof(Table *));
	pin->newest = mem_alloc_array((size_t)names->ref_count + 1, sizeof(void *));
	if (pin->batches == NULL || pin->tables == NULL || pin->newest == NULL)
		return error_no_memory(err, "a snapshot");
	pin->ref_count = names->ref_count;
	*out = TAKE(pin);
	return ST_OK;
}

// At the moment of the snapshot.
static Status
take_newest(const Names *names, SqlPin *pin, Error *err)
{
	for (int32_t i = 0; i < names->ref_count && pin->from.lock != NULL; i++) {
		const NamedRef *ref = &names->refs[i];
		if (ref->newest)
			TRY(pin->from.acquire(pin->from.ctx, names->tables[ref->table], &pin->newest[i], err));
	}
	return ST_OK;
}

// Behind it. The snapshot is of the names' tables.
static Status
take_refs(const Names *names, SqlPin *pin, Snapshot **snapshot, Error *err)
{
	pin->snapshot = TAKE(*snapshot);
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

void
pin_tell(const SqlPin *pin, Names *names)
{
	for (int32_t i = 0; i < names->ref_count; i++)
		names->refs[i].at_hand = pin->newest[i] != NULL;
}

static bool
name_newest(const Names *names)
{
	bool newest = false;
	for (int32_t i = 0; i < names->ref_count; i++)
		newest |= names->refs[i].newest;
	return newest;
}

// Around the snapshot and the newest rows that belong to it. False: there are none to be had.
static bool
lock_newest(const Sql *sql, bool wanted)
{
	if (wanted && sql->newest.lock != NULL)
		sql->newest.lock(sql->newest.ctx);
	return wanted && sql->newest.lock != NULL;
}

static void
unlock_newest(const Sql *sql, bool locked)
{
	if (locked)
		sql->newest.unlock(sql->newest.ctx);
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
	SCOPED(sql_pin_drop) SqlPin *pin = NULL;
	SCOPED(snapshot_drop) Snapshot *snapshot = NULL;
	TRY(pin_new(sql, names, &pin, err));
	bool locked = lock_newest(sql, name_newest(names));
	Status st = snapshot_of_names(sql, names, &snapshot, err);
	if (st == ST_OK && locked)
		st = take_newest(names, pin, err);
	unlock_newest(sql, locked);
	TRY(st);
	TRY(take_refs(names, pin, &snapshot, err));
	*out = TAKE(pin);
	return ST_OK;
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

// The snapshot, and the newest rows of each query, whose pins are made.
static Status
take_moment(Sql *sql, SqlQuery *const *queries, int32_t count, Snapshot **out, Error *err)
{
	bool newest = false;
	for (int32_t i = 0; i < count; i++)
		newest |= name_newest(&queries[i]->names);
	bool locked = lock_newest(sql, newest);
	Status st = snapshot_of_all(sql, queries, count, out, err);
	for (int32_t i = 0; i < count && st == ST_OK && locked; i++)
		st = take_newest(&queries[i]->names, queries[i]->pin, err);
	unlock_newest(sql, locked);
	return st;
}

Status
sql_queries_pin(Sql *sql, SqlQuery *const *queries, int32_t count, Error *err)
{
	SCOPED(snapshot_drop) Snapshot *all = NULL;
	for (int32_t i = 0; i < count; i++)
		TRY(pin_new(sql, &queries[i]->names, &queries[i]->pin, err));
	TRY(take_moment(sql, queries, count, &all, err));
	for (int32_t i = 0, from = 0; i < count; i++) {
		const Names *names = &queries[i]->names;
		SCOPED(snapshot_drop) Snapshot *own = NULL;
		TRY(snapshot_part(all, from, names->table_count, &own, err));
		TRY(take_refs(names, queries[i]->pin, &own, err));
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
		if (pin->newest[i] != NULL)
			pin->from.release(pin->newest[i]);
	}
	mem_free(pin->batches);
	mem_free(pin->tables);
	mem_free(pin->newest);
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
		bytes += (pin->batches[i] != NULL ? batch_held_bytes(pin->batches[i]) : 0) +
				 (pin->newest[i] != NULL ? pin->from.bytes(pin->newest[i]) : 0);
	return bytes;
}
