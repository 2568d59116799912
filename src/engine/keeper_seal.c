// keeper_seal.c - when what still grows is closed, so that it can go to files.

#include "engine/keeper_int.h"

// What is old, and rows that would make the next start long, even if their segment is small.
static void
seal_some(void *arg)
{
	mobius *db = arg;
	store_seal(db->store, NULL, db->settings.memtable_segment_age_ns);
	store_seal_behind(db->store, wal_seq_behind(db->wal, db->settings.wal_replay_bytes));
}

static void
seal_all(void *arg)
{
	store_seal(((mobius *)arg)->store, NULL, 0);
}

bool
keeper_segment_bytes(Keeper *keeper, bool growing, uint64_t *out)
{
	SCOPED(snapshot_drop) Snapshot *snapshot = NULL;
	if (store_snapshot(keeper->db->store, NULL, 0, &snapshot, NULL) != ST_OK)
		return false;
	*out = 0;
	for (int32_t t = 0; t < snapshot->table_count; t++)
		for (int32_t i = 0; i < snapshot->tables[t].segment_count; i++) {
			SegmentStats stats = segment_stats(snapshot->tables[t].segments[i]);
			*out += !growing || stats.status == SEGMENT_GROWING ? stats.bytes : 0;
		}
	return true;
}

// Many segments that are small each can use up the limit together. Near it they are sealed if it
// helps (readers may hold the rest), and in any case when somebody waits.
static bool
memory_is_short(Keeper *keeper)
{
	mobius *db = keeper->db;
	bool needed = atomic_exchange(&keeper->memory_needed, false);
	if (store_has_sealed(db->store))
		return false;
	uint64_t limit = budget_limit(db->memtable), growing = 0;
	return needed || (budget_used(db->memtable) > limit / 4 * 3 &&
					  keeper_segment_bytes(keeper, true, &growing) && growing > limit / 4);
}

void
keeper_seal(Keeper *keeper)
{
	mobius *db = keeper->db;
	// On a full disk nothing may keep the log.
	bool full = !keeper_has_room(keeper) && !store_has_sealed(db->store);
	bool all = memory_is_short(keeper) || full;
	conductor_run(db->conductor, all ? seal_all : seal_some, db);
}

void
keeper_seal_all(Keeper *keeper)
{
	conductor_run(keeper->db->conductor, seal_all, keeper->db);
}
