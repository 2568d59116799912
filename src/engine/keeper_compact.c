// keeper_compact.c - a database in memory has nothing to write, and no memory to be had by it, but
// that of rows which nobody will see again.

#include <inttypes.h>

#include "base/log.h"
#include "engine/keeper_int.h"
#include "os/clock.h"
#include "store/compact.h"

enum { WORTH_SEALING = 16 }; // one in so many bytes of the limit, unless somebody waits

typedef struct SealWasteful {
	mobius *db;
	bool short_of; // memory
	bool needed;
} SealWasteful;

// In the publishing thread.
static void
seal_wasteful(void *arg)
{
	const SealWasteful *seal = arg;
	mobius *db = seal->db;
	store_seal(db->store, NULL, db->settings.memtable_segment_age_ns);
	uint64_t least = seal->needed ? 1 : budget_limit(db->memtable) / WORTH_SEALING;
	if (seal->short_of)
		store_seal_wasteful(db->store, least, clock_wall_ns());
}

// What is on its way into a segment, or kept by a reader of one that gave way, comes back.
static bool
all_is_stored(Keeper *keeper)
{
	uint64_t bytes;
	return !keeper_segment_bytes(keeper, false, &bytes) ||
		   budget_used(keeper->db->memtable) <= bytes;
}

void
keeper_compact(Keeper *keeper)
{
	mobius *db = keeper->db;
	SealWasteful seal = {.db = db, .needed = atomic_exchange(&keeper->memory_needed, false)};
	seal.short_of = seal.needed || budget_used(db->memtable) > budget_limit(db->memtable) / 4 * 3;
	conductor_run(db->conductor, seal_wasteful, &seal);
	Error err = ERROR_INIT;
	CompactReport report;
	if (store_compact_memory(db->store, clock_wall_ns(), seal.short_of, &report, &err) != ST_OK)
		log_warn("memory not given back", "error=\"%s\"", err.text);
	if (report.segments > 0)
		log_debug("memory given back", "segments=%" PRId64 " rows=%" PRId64, report.segments,
				  report.rows);
	else if (all_is_stored(keeper))
		atomic_fetch_add(&keeper->idle_looks, 1);
}

uint64_t
keeper_idle_looks(const Keeper *keeper)
{
	return atomic_load(&keeper->idle_looks);
}
