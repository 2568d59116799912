// keeper_disk.c - a disk that is full: nothing is put until there is room for the ballast again.

#include "base/log.h"
#include "engine/keeper_int.h"
#include "os/clock.h"

#define LOOK_AGAIN_NS (INT64_C(2) * 1000 * 1000 * 1000)

void
keeper_look_for_room_later(Keeper *keeper)
{
	keeper->room_ns = clock_mono_ns() + LOOK_AGAIN_NS;
}

// What is kept back is room for a flush of everything, which lets the log go.
static void
use_ballast(Keeper *keeper)
{
	log_error("disk full", "puts=\"refused until there is room\"");
	ballast_give_back(&keeper->ballast);
	keeper->retry_ns = 0;
	keeper_look_for_room_later(keeper);
}

// The log's next file comes first: were there no room for it, the disk would be full at once again.
// What is held already grows with what a checkpoint takes.
static Status
hold_ballast(Keeper *keeper)
{
	const mobius *db = keeper->db;
	bool held = keeper->ballast.held > 0;
	return ballast_hold(&keeper->ballast, store_checkpoint_bytes(db->store),
						held ? 0 : db->settings.wal_segment_size, NULL);
}

void
keeper_mind_disk(Keeper *keeper)
{
	bool full = !keeper_has_room(keeper);
	if (full && keeper->ballast.held > 0)
		use_ballast(keeper);
	if (clock_mono_ns() < keeper->room_ns)
		return;
	Status st = hold_ballast(keeper);
	if (st == ST_DISK_FULL && keeper->ballast.held > 0)
		keeper_disk_full(keeper);
	if (st != ST_OK)
		return;
	if (full)
		log_info("disk has room again", "puts=\"taken\"");
	atomic_store(&keeper->disk_full, false);
}

void
keeper_disk_full(Keeper *keeper)
{
	atomic_store(&keeper->disk_full, true);
	signal_raise(&keeper->wake);
}

bool
keeper_has_room(const Keeper *keeper)
{
	return !atomic_load(&keeper->disk_full);
}
