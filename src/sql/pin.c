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

Status
pin_take(Sql *sql, const Names *names, SqlPin **out, Error *err)
{
	static Table *const none[1] = {NULL}; // a list of no tables is not "all tables"
	SCOPED(pin_drop) SqlPin *pin = mem_alloc(sizeof(*pin));
	if (pin == NULL)
		return error_no_memory(err, "a snapshot");
	atomic_init(&pin->refs, 1);
	TRY(store_snapshot(sql->store, names->table_count > 0 ? names->tables : none,
					   names->table_count, &pin->snapshot, err));
	TRY(take_refs(names, pin, err));
	*out = TAKE(pin);
	return ST_OK;
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

// Sealed segments would leave memory with their flush; a growing one stays anyway.
uint64_t
sql_pin_bytes(const SqlPin *pin)
{
	uint64_t bytes = 0;
	for (int32_t t = 0; t < pin->snapshot->table_count; t++) {
		const TableView *view = &pin->snapshot->tables[t];
		for (int32_t s = 0; s < view->segment_count; s++) {
			SegmentStats stats = segment_stats(view->segments[s]);
			bytes += stats.status == SEGMENT_GROWING ? 0 : stats.bytes;
		}
	}
	for (int32_t i = 0; i < pin->ref_count; i++)
		bytes += pin->batches[i] != NULL ? batch_held_bytes(pin->batches[i]) : 0;
	return bytes;
}
