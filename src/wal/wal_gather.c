#include "wal/wal_gather_int.h"

#include "base/mem.h"

void
wal_gather_reset(WalGather *gather)
{
	for (int32_t i = 0; i < gather->count; i++)
		bytes_unref(gather->pending[i].payload);
	gather->count = 0;
}

void
wal_gather_forget_schemas(WalGather *gather)
{
	for (uint32_t i = 0; i < gather->schemas.cap; i++) {
		if (gather->schemas.slots[i].used)
			bytes_unref((Bytes *)(uintptr_t)gather->schemas.slots[i].value);
	}
	wal_map_close(&gather->schemas);
}

void
wal_gather_close(WalGather *gather)
{
	wal_gather_reset(gather);
	wal_gather_forget_schemas(gather);
	mem_free(gather->pending);
	mem_free(gather->records);
	*gather = (WalGather){0};
}

bool
wal_gather_fits(const WalGather *gather, const WalHead *head, uint64_t last_seq)
{
	bool inside = gather->count > 0;
	if (head->kind == WAL_MARK)
		return !inside && head->length == 0;
	if (inside)
		return (head->flags & WAL_FIRST) == 0 && head->seq == gather->pending[0].head.seq;
	return (head->flags & WAL_FIRST) != 0 && head->seq > last_seq;
}

static Status
grow(WalGather *gather, Error *err)
{
	size_t cap = gather->cap == 0 ? 16 : (size_t)gather->cap * 2;
	WalPending *pending = mem_resize(gather->pending, cap * sizeof(*pending));
	if (pending != NULL)
		gather->pending = pending;
	WalRecord *records = mem_resize(gather->records, cap * sizeof(*records));
	if (records != NULL)
		gather->records = records;
	if (pending == NULL || records == NULL || cap > INT32_MAX)
		return error_no_memory(err, "a commit of the log");
	gather->cap = (int32_t)cap;
	return ST_OK;
}

Status
wal_gather_add(WalGather *gather, const WalPending *one, Error *err)
{
	if (gather->count == gather->cap)
		TRY(grow(gather, err));
	gather->pending[gather->count++] = *one;
	return ST_OK;
}

static Status
keep_schema(WalGather *gather, const WalPending *one, Error *err)
{
	if (!wal_map_reserve(&gather->schemas, 1))
		return error_no_memory(err, "the schemas of the log");
	uint64_t *place = wal_map_put(&gather->schemas, one->head.schema_id, 0);
	bytes_unref((Bytes *)(uintptr_t)*place);
	*place = (uintptr_t)bytes_ref(one->payload);
	return ST_OK;
}

// False when it is a batch whose schema is nowhere.
static bool
make_record(const WalGather *gather, const WalPending *one, WalRecord *out)
{
	*out = (WalRecord){
		.kind = one->head.kind,
		.table_id = one->head.table_id,
		.schema_id = one->head.schema_id,
		.payload = bytes_slice(one->payload),
		.owner = one->payload,
		.rows = one->head.rows,
		.min_time = one->head.min_time,
		.max_time = one->head.max_time,
	};
	if (out->kind != WAL_BATCH)
		return true;
	const uint64_t *schema = wal_map_find(&gather->schemas, out->schema_id);
	if (schema != NULL)
		out->schema = bytes_slice((Bytes *)(uintptr_t)*schema);
	return schema != NULL;
}

Status
wal_gather_finish(WalGather *gather, int32_t *count, bool *valid, Error *err)
{
	*count = 0;
	*valid = true;
	for (int32_t i = 0; i < gather->count; i++) {
		const WalPending *one = &gather->pending[i];
		if (one->head.kind == WAL_SCHEMA)
			TRY(keep_schema(gather, one, err));
		else if (one->payload != NULL && !make_record(gather, one, &gather->records[(*count)++]))
			*valid = false;
	}
	return ST_OK;
}
