#include "engine/bulk.h"

#include "base/mem.h"

enum {
	TRIES = 3,          // when the table changes meanwhile
	PARTS_OF_LIMIT = 8, // of memtable.limit: what rows on their way may use at once
};

Status
bulk_rows_open(mobius *db, Table *table, bool no_wait, BulkRows *out, Error *err)
{
	if (db->dir == NULL)
		return error_set(
			err, ST_LIMIT,
			"a database in memory takes no commit over commit.max_bytes (%llu); change "
			"rows in parts",
			(unsigned long long)db->settings.commit_max_bytes);
	BulkRows rows = {.db = db, .no_wait = no_wait};
	TRY(duck_connect(db->flush_duck, &rows.conn, err));
	Status st = bulk_new(db->store, table, rows.conn, &rows.bulk, err);
	if (st != ST_OK) {
		duck_disconnect(rows.conn);
		return st;
	}
	*out = rows;
	return ST_OK;
}

void
bulk_rows_close(BulkRows *rows)
{
	bulk_free(rows->bulk);
	duck_disconnect(rows->conn);
	*rows = (BulkRows){0};
}

// ---- parts ----

// Of what is paid for at once, and of a file.
static uint64_t
part_bytes(const mobius *db)
{
	uint64_t some = budget_limit(db->memtable) / PARTS_OF_LIMIT;
	uint64_t segment = db->settings.memtable_segment_size;
	return some < segment ? some : segment;
}

static Status
take_rows(Batch *batch, int64_t from, int64_t count, BytesPool *pool, Batch **out, Error *err)
{
	SCOPED(mem_drop) RowRef *refs = mem_alloc_array((size_t)count, sizeof(*refs));
	if (refs == NULL)
		return error_no_memory(err, "rows");
	for (int64_t i = 0; i < count; i++)
		refs[i] = (RowRef){0, (uint32_t)(from + i)};
	return batch_gather(&batch, refs, count, batch_schema(batch), pool, out, err);
}

static Status
add_part(BulkRows *rows, const InsertPlan *plan, Batch *part, Error *err)
{
	uint64_t cost = segment_insert_cost(part);
	TRY(insert_reserve(rows->db, cost, !rows->no_wait, err));
	Status st = bulk_add(rows->bulk, plan->shape, part, cost, err);
	if (st != ST_OK) {
		budget_release(rows->db->memtable, cost);
		return st;
	}
	return bulk_write(rows->bulk, part_bytes(rows->db), err);
}

Status
bulk_rows_add(BulkRows *rows, const InsertPlan *plan, Batch *converted, Error *err)
{
	uint64_t cost = segment_insert_cost(converted), most = part_bytes(rows->db);
	int64_t count = batch_rows(converted);
	if (cost <= most)
		return add_part(rows, plan, converted, err);
	int64_t at_once = (int64_t)((double)count * ((double)most / (double)cost));
	at_once = at_once < 1 ? 1 : at_once;
	for (int64_t from = 0; from < count; from += at_once) {
		SCOPED(batch_drop) Batch *part = NULL;
		int64_t left = count - from;
		TRY(take_rows(converted, from, left < at_once ? left : at_once, rows->db->pool, &part,
					  err));
		TRY(add_part(rows, plan, part, err));
	}
	return ST_OK;
}

Status
bulk_rows_end(BulkRows *rows, Error *err)
{
	return bulk_write(rows->bulk, 0, err);
}

// ---- the commit ----

void
bulk_lock(mobius *db)
{
	pthread_mutex_lock(&db->adopting);
}

void
bulk_unlock(mobius *db)
{
	pthread_mutex_unlock(&db->adopting);
}

bool
bulk_is_needed(const mobius *db, uint64_t log_bytes, uint64_t memory_bytes)
{
	if (db->dir == NULL)
		return false; // there is no log
	return log_bytes > db->settings.commit_max_bytes || memory_bytes > budget_limit(db->memtable);
}

Status
bulk_entry(mobius *db, Table *table, Bulk *const *bulks, int32_t count, const StoreDelete *del,
		   const InsertSource *from, CommitEntry *out, Error *err)
{
	SCOPED(table_def_drop) TableDef *def = table_current(table);
	SCOPED(commit_entry_close)
	CommitEntry entry = {
		.wal = {.kind = WAL_ADOPT, .table_id = table_id(def)},
		.table = table_ref(table),
		.producer = from->producer,
		.producer_seq = from->producer_seq,
		.read_seq = from->read_seq,
	};
	SCOPED(buf_close) Buf payload = BUF_INIT;
	TRY(store_adopt_new(db->store, table, bulks, count, del, &entry.adopt, err));
	TRY(store_adopt_encode(entry.adopt, &payload, err));
	TRY(commit_entry_seal_batch(&entry, buf_slice(&payload), err));
	entry.wal.rows = store_adopt_rows(entry.adopt);
	if (!store_adopt_times(entry.adopt, &entry.wal.min_time, &entry.wal.max_time))
		commit_entry_has_no_times(&entry);
	*out = entry;
	entry = (CommitEntry){0};
	return ST_OK;
}

static Status
commit_locked(mobius *db, const InsertPlan *plan, Bulk *bulk, const InsertSource *from,
			  uint64_t *seq, Error *err)
{
	CommitEntry entry = {0};
	TRY(bulk_entry(db, plan->table, &bulk, 1, NULL, from, &entry, err));
	return conductor_commit(db->conductor, &entry, false, seq, err);
}

static Status
attempt(mobius *db, const InsertPlan *plan, Batch *converted, const InsertSource *from,
		uint64_t *seq, Error *err)
{
	SCOPED(bulk_rows_close) BulkRows rows = {0};
	TRY(bulk_rows_open(db, plan->table, false, &rows, err));
	TRY(bulk_rows_add(&rows, plan, converted, err));
	TRY(bulk_rows_end(&rows, err));
	bulk_lock(db);
	table_rewrite_lock(plan->table);
	Status st = commit_locked(db, plan, rows.bulk, from, seq, err);
	table_rewrite_unlock(plan->table);
	bulk_unlock(db);
	return st;
}

Status
bulk_commit(mobius *db, const InsertPlan *plan, Batch *converted, const InsertSource *from,
			uint64_t *seq, Error *err)
{
	Status st = ST_CONFLICT;
	for (int try = 0; st == ST_CONFLICT && try < TRIES; try++)
		st = attempt(db, plan, converted, from, seq, err);
	return st;
}
