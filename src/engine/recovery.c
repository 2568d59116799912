#include "engine/recovery.h"

#include <inttypes.h>

#include "base/log.h"
#include "base/mem.h"
#include "engine/format.h"
#include "engine/insert.h"
#include "engine/keeper.h"
#include "os/clock.h"
#include "store/batch_reader.h"

// A start that was not clean leaves out numbers that may have been acknowledged as async and lost.
#define SEQ_GAP (UINT64_C(1) << 20)

enum {
	LOOK_AGAIN_NS = 100 * 1000 * 1000, // whether a flush failed
	TIDY_BYTES = 32 << 20,
};

typedef struct Replay {
	mobius *db;
	uint64_t applied_seq;    // of the catalog
	uint64_t checkpoint_seq; // of the series
	Signal memory;           // some was released
	BatchReader *reader;
	uint64_t rows;
	uint64_t met_bytes; // of rows that are in files, since they were gathered
} Replay;

// ---- memory ----

static void
memory_released(void *arg)
{
	signal_raise(arg);
}

// The keeper flushes meanwhile; the oldest rows are sealed when nothing else would give memory
// back. Where flushing fails there is nothing to wait for.
static Status
reserve(Replay *replay, uint64_t bytes, Error *err)
{
	mobius *db = replay->db;
	BudgetWaiter waiter = {.wake = memory_released, .arg = &replay->memory};
	int64_t delay = 0;
	if (bytes > budget_limit(db->memtable)) {
		budget_charge(db->memtable, bytes);
		return ST_OK;
	}
	uint64_t failures = keeper_failures(db->keeper, NULL);
	while (!budget_reserve(db->memtable, bytes, &waiter, &delay)) {
		store_seal(db->store, NULL, 0);
		(void)signal_wait(&replay->memory, clock_mono_ns() + LOOK_AGAIN_NS);
		Error cause = ERROR_INIT;
		if (keeper_failures(db->keeper, &cause) > failures) {
			budget_cancel(db->memtable, &waiter);
			return error_set(err, cause.code,
							 "the log holds more than memtable.limit, and a flush failed: %s",
							 cause.text);
		}
	}
	budget_cancel(db->memtable, &waiter);
	return ST_OK;
}

// ---- records ----

static Status
damaged(const WalRecord *record, uint64_t seq, const Error *cause, Error *err)
{
	return error_set(err, ST_CORRUPT,
					 "the log's commit %" PRIu64 " (table %" PRIu32
					 ") passes its checksum but cannot be read: %s",
					 seq, record->table_id, cause->text);
}

static void
doubt(const Replay *replay, Table *table)
{
	newest_rows_lock(replay->db->newest);
	newest_rows_doubt(replay->db->newest, table);
	newest_rows_unlock(replay->db->newest);
}

// What a batch can change of the newest rows, where the checkpoint has not seen it. Without memory
// to find out they are in doubt.
static NewestPut *
newest_of(const Replay *replay, Table *table, const SegmentInsert *insert, uint64_t seq)
{
	NewestRows *all = replay->db->newest;
	NewestPut *put = NULL;
	if (seq <= replay->checkpoint_seq)
		return NULL;
	if (newest_put_new(all, table, insert, &put, NULL) != ST_OK)
		doubt(replay, table);
	newest_put_begin(all, table, put);
	return put;
}

// There is nobody to wait for the lock yet, nor to see one without the other.
static void
enter_newest(const Replay *replay, NewestPut *put, SegmentSpot spot, uint64_t seq)
{
	if (put == NULL)
		return;
	newest_put_place(put, spot);
	newest_rows_lock(replay->db->newest);
	newest_put_enter(put, seq);
	newest_rows_unlock(replay->db->newest);
	newest_put_free(put);
}

// Rows that are in files: their series are met, and the newest of them are gathered by and by,
// since they keep what was read of the log.
static Status
meet_rows(Replay *replay, Table *table, Shape *shape, Batch *batch, uint64_t seq, Error *err)
{
	SCOPED(table_def_drop) TableDef *def = table_current(table);
	SCOPED(mem_drop) uint32_t *ids = mem_alloc_array((size_t)batch_rows(batch) + 1, sizeof(*ids));
	if (ids == NULL)
		return error_no_memory(err, "series");
	bool on = true;
	TRY(series_map_batch(table_series(table), def, shape, batch, ids, &on, err));
	SegmentInsert *insert = NULL;
	TRY(segment_insert_new(shape, def, batch, on ? ids : NULL, replay->db->memtable, 0, &insert,
						   err));
	enter_newest(replay, newest_of(replay, table, insert, seq), (SegmentSpot){.batch = batch}, seq);
	segment_insert_free(insert);
	replay->met_bytes += batch_held_bytes(batch);
	if (replay->met_bytes < TIDY_BYTES)
		return ST_OK;
	replay->met_bytes = 0;
	return newest_rows_tidy(replay->db->newest, table, err);
}

// Rows that are in files already are looked at only for their series and the newest rows, and only
// if the checkpoint has not seen them.
static Status
replay_rows(Replay *replay, const WalRecord *record, uint64_t seq, Table *table, Error *err)
{
	mobius *db = replay->db;
	if (seq <= store_flushed_seq(table) && seq <= replay->checkpoint_seq)
		return ST_OK;
	BatchRecord parts;
	TRY(batch_record_read(record->payload, &parts, err));
	if (parts.producer.len > 0)
		TRY(producers_replay(table_producers(table), parts.producer, parts.producer_seq, err));
	Shape *shape;
	SCOPED(batch_drop) Batch *batch = NULL;
	TRY(batch_reader_read(replay->reader, record, &parts, &batch, &shape, err));
	if (batch == NULL)
		return ST_OK;
	if (seq <= store_flushed_seq(table))
		return meet_rows(replay, table, shape, batch, seq, err);
	uint64_t cost = segment_insert_cost(batch);
	TRY(reserve(replay, cost, err));
	SegmentInsert *insert = NULL;
	Status st = store_insert_new(db->store, table, shape, batch, cost, &insert, err);
	if (st != ST_OK) {
		budget_release(db->memtable, cost);
		return st;
	}
	replay->rows += (uint64_t)batch_rows(batch);
	NewestPut *put = newest_of(replay, table, insert, seq);
	enter_newest(replay, put, store_apply_insert(db->store, table, insert, seq), seq);
	return ST_OK;
}

// What the catalog has, it may have given to a merge since.
static Status
replay_files(Replay *replay, const WalRecord *record, uint64_t seq, Table *table, Error *err)
{
	Store *store = replay->db->store;
	BatchRecord parts;
	TRY(batch_record_read(record->payload, &parts, err));
	if (parts.producer.len > 0)
		TRY(producers_replay(table_producers(table), parts.producer, parts.producer_seq, err));
	if (seq > replay->applied_seq)
		TRY(store_replay_adopt(store, table, parts.metadata, seq, err));
	else
		TRY(store_end_segment(store, table, err)); // what came before the files stays before them
	if (seq <= replay->checkpoint_seq)
		return ST_OK;
	newest_put_begin(replay->db->newest, table, NULL);
	doubt(replay, table);
	return store_replay_adopted_series(store, table, seq, err);
}

static Status
replay_define(Replay *replay, const WalRecord *record, uint64_t seq, Error *err)
{
	Store *store = replay->db->store;
	if (seq <= replay->applied_seq)
		return ST_OK;
	if (record->table_id == 0)
		return store_replay_database(store, false, record->payload, seq, err);
	SCOPED(table_def_drop) TableDef *def = NULL;
	TRY(table_def_decode(record->payload, &def, err));
	StoreDefine *define = NULL;
	TRY(store_define_new(store, def, &define, err));
	store_apply_define(store, define, seq);
	return ST_OK;
}

static Status
replay_drop(Replay *replay, const WalRecord *record, uint64_t seq, Table *table, Error *err)
{
	Store *store = replay->db->store;
	if (seq <= replay->applied_seq)
		return ST_OK;
	if (record->table_id == 0)
		return store_replay_database(store, true, record->payload, seq, err);
	if (table == NULL)
		return ST_OK;
	CatalogChange *change = NULL;
	TRY(catalog_change_drop(record->table_id, &change, err));
	store_apply_drop(store, table, change, seq);
	return ST_OK;
}

static Status
replay_delete(Replay *replay, const WalRecord *record, uint64_t seq, Table *table, Error *err)
{
	NewestRows *all = replay->db->newest;
	TRY(store_replay_delete(replay->db->store, table, record->payload, seq, err));
	if (seq <= replay->checkpoint_seq)
		return ST_OK;
	newest_put_begin(all, table, NULL);
	NewestHits *hits = NULL; // the log does not tell of them
	newest_rows_lock(all);
	newest_rows_delete(all, table, store_delete_payload_reach(record->payload), &hits);
	newest_rows_unlock(all);
	return ST_OK;
}

static Status
replay_record(Replay *replay, const WalRecord *record, uint64_t seq, Error *err)
{
	SCOPED(table_drop_ref) Table *table = store_find_id(replay->db->store, record->table_id);
	bool gone = table == NULL; // dropped later; its definition is gone from the catalog
	switch (record->kind) {
	case WAL_BATCH: return gone ? ST_OK : replay_rows(replay, record, seq, table, err);
	case WAL_DEFINE: return replay_define(replay, record, seq, err);
	case WAL_DROP: return replay_drop(replay, record, seq, table, err);
	case WAL_DELETE: return gone ? ST_OK : replay_delete(replay, record, seq, table, err);
	case WAL_ADOPT: return gone ? ST_OK : replay_files(replay, record, seq, table, err);
	case WAL_SCHEMA:
	case WAL_MARK: break;
	}
	return error_set(err, ST_CORRUPT, "this version writes no record of kind %d",
					 (int)record->kind);
}

static Status
replay_commit(void *arg, uint64_t seq, const WalRecord *records, int32_t count, Error *err)
{
	Replay *replay = arg;
	for (int32_t i = 0; i < count; i++) {
		Error cause = ERROR_INIT;
		Status st = replay_record(replay, &records[i], seq, &cause);
		if (st == ST_INVALID || st == ST_CORRUPT || st == ST_UNIMPLEMENTED)
			return damaged(&records[i], seq, &cause, err);
		if (st != ST_OK && err != NULL)
			*err = cause;
		TRY(st);
	}
	store_publish(replay->db->store, seq);
	return ST_OK;
}

static void
tell_progress(void *arg, uint64_t done_bytes, uint64_t total_bytes)
{
	mobius *db = ((Replay *)arg)->db;
	atomic_store(&db->recovery_done, done_bytes);
	atomic_store(&db->recovery_total, total_bytes);
}

// ---- the whole ----

static Status
number_on(mobius *db, const WalReport *report, uint64_t *next_seq, Error *err)
{
	uint64_t last = report->last_seq;
	uint64_t published = store_published_seq(db->store);
	last = last > published ? last : published;
	// A run that left no commit began there.
	if (report->start_seq > last)
		last = report->start_seq - 1;
	*next_seq = last + 1 + (report->clean || last == 0 ? 0 : SEQ_GAP);
	if (report->damaged)
		TRY(catalog_new_epoch(db->catalog, db->epoch, err));
	if (db->dir != NULL)
		TRY(format_raise(db->dir, err));
	return wal_start(db->wal, *next_seq, db->epoch, err);
}

// What a checkpoint had of commits that are lost is no newest row.
static Status
doubt_all(const Replay *replay, Error *err)
{
	SCOPED(snapshot_drop) Snapshot *snapshot = NULL;
	TRY(store_snapshot(replay->db->store, NULL, 0, &snapshot, err));
	for (int32_t i = 0; i < snapshot->table_count; i++)
		doubt(replay, snapshot->tables[i].table);
	return ST_OK;
}

// The catalog and the checkpoint follow commits that were synced: the log must know those.
static Status
check_end(const Replay *replay, const WalReport *report, Error *err)
{
	uint64_t seen =
		replay->applied_seq > replay->checkpoint_seq ? replay->applied_seq : replay->checkpoint_seq;
	if (report->last_seq >= seen || replay->db->settings.wal_recovery != WAL_STRICT)
		return ST_OK;
	return error_set(err, ST_CORRUPT,
					 "the log ends with commit %" PRIu64 ", but commit %" PRIu64
					 " was acknowledged: files of wal/ are missing or cut; put them back, or start "
					 "with --wal-recovery=point-in-time",
					 report->last_seq, seen);
}

Status
recovery_run(mobius *db, uint64_t applied_seq, uint64_t *next_seq, Error *err)
{
	Replay replay = {
		.db = db, .applied_seq = applied_seq, .checkpoint_seq = store_checkpoint_seq(db->store)};
	TRY(store_begin_replay(db->store, err));
	TRY(batch_reader_new(db->pool, &replay.reader, err));
	signal_init(&replay.memory);
	WalReader reader = {.commit = replay_commit, .progress = tell_progress, .arg = &replay};
	WalReport report = {0};
	int64_t began = clock_mono_ns();
	Status st = wal_recover(db->wal, (WalRecovery)db->settings.wal_recovery,
							store_flushed_floor(db->store), &reader, &report, err);
	batch_reader_free(replay.reader);
	signal_close(&replay.memory);
	TRY(st);
	TRY(check_end(&replay, &report, err));
	if (report.damaged)
		TRY(doubt_all(&replay, err));
	TRY(store_end_replay(db->store, err));
	if (report.cut_bytes > 0)
		log_info("log cut", "bytes=%" PRIu64 " reason=\"never synced\"", report.cut_bytes);
	if (report.bytes_read > 0)
		log_info("recovered", "bytes=%" PRIu64 " commits=%" PRIu64 " rows=%" PRIu64 " ms=%" PRId64,
				 report.bytes_read, report.commits, replay.rows,
				 (clock_mono_ns() - began) / 1000000);
	return number_on(db, &report, next_seq, err);
}
