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

void
keeper_mind_disk(Keeper *keeper)
{
	bool full = !keeper_has_room(keeper);
	if (full && keeper->ballast.held)
		use_ballast(keeper);
	// The log's next file comes first: were there no room for it, the disk would be full at once
	// again.
	if (clock_mono_ns() < keeper->room_ns ||
		ballast_hold(&keeper->ballast, keeper->db->settings.wal_segment_size, NULL) != ST_OK)
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
