// keeper_flush.c - who asks for a flush waits for it.

#include "engine/keeper_int.h"

// What a flush waits for: the segments that had rows when it was asked for.
static Status
count_left(mobius *db, Table *table, uint64_t up_to, KeeperFlushed *left, bool *growing, Error *err)
{
	SCOPED(snapshot_drop) Snapshot *snapshot = NULL;
	TRY(store_snapshot(db->store, table != NULL ? &table : NULL, table != NULL, &snapshot, err));
	*left = (KeeperFlushed){0};
	*growing = false;
	for (int32_t t = 0; t < snapshot->table_count; t++) {
		const TableView *view = &snapshot->tables[t];
		for (int32_t i = 0; i < view->segment_count; i++) {
			SegmentStats stats = segment_stats(view->segments[i]);
			if (stats.rows == 0 || stats.min_seq > up_to)
				continue;
			left->segments++;
			left->rows += stats.rows;
			*growing |= stats.status == SEGMENT_GROWING;
		}
	}
	return ST_OK;
}

typedef struct SealTable {
	Store *store;
	Table *table;
} SealTable;

static void
seal_table(void *arg)
{
	SealTable *seal = arg;
	store_seal(seal->store, seal->table, 0);
}

// How many failures there were of those that a flush of `table` (NULL: of all) would meet.
static uint64_t
failures_of(const Keeper *keeper, const Table *table) // under the lock
{
	return table == NULL ? keeper->failures : keeper->lone_failures + table_flush_failures(table);
}

static Status
wait_flushed(Keeper *keeper, Table *table, uint64_t up_to, Error *err)
{
	pthread_mutex_lock(&keeper->lock);
	uint64_t failures = failures_of(keeper, table);
	pthread_mutex_unlock(&keeper->lock);
	for (;;) {
		pthread_mutex_lock(&keeper->lock);
		uint64_t attempts = keeper->attempts;
		pthread_mutex_unlock(&keeper->lock);
		KeeperFlushed left;
		bool growing;
		TRY(count_left(keeper->db, table, up_to, &left, &growing, err));
		if (left.segments == 0)
			return ST_OK;
		if (growing) // they were sealed before, unless there was no memory for the next
			return error_no_memory(err, "the next segment");
		signal_raise(&keeper->wake);
		pthread_mutex_lock(&keeper->lock);
		while (keeper->attempts == attempts && !keeper->stopping)
			pthread_cond_wait(&keeper->flushed, &keeper->lock);
		bool failed = failures_of(keeper, table) != failures;
		bool stopping = keeper->stopping;
		Error cause = keeper->last_error;
		pthread_mutex_unlock(&keeper->lock);
		if (failed)
			return error_set(err, cause.code, "%s", cause.text);
		if (stopping)
			return error_set(err, ST_UNAVAILABLE, "shutting down");
	}
}

Status
keeper_flush(Keeper *keeper, Table *table, KeeperFlushed *out, Error *err)
{
	mobius *db = keeper->db;
	if (db->dir == NULL) {
		conductor_run(db->conductor, seal_table, &(SealTable){db->store, table});
		*out = (KeeperFlushed){0};
		return ST_OK;
	}
	uint64_t up_to = store_published_seq(db->store);
	KeeperFlushed before;
	bool growing;
	TRY(count_left(db, table, up_to, &before, &growing, err));
	conductor_run(db->conductor, seal_table, &(SealTable){db->store, table});
	TRY(wait_flushed(keeper, table, up_to, err));
	*out = before;
	return ST_OK;
}
