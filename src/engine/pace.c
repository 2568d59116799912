#include "engine/pace.h"

enum {
	LEAST_SHARE = 25,
	SLOW_FROM = 6,   // times compaction.files: merges share no more, puts begin to be slowed down
	SLOW_TO = 16,    // so many of them: puts are down to SLOW_BYTES a second,
	SLOW_FILES = 16, // or so many files
	SLOWEST = 4,     // and never below this part of it
	SMALL_FROM = 32, // small files: as many as a gathering takes
	SMALL_TO = 96,   // so many of them: merges share no more
};
#define SLOW_BYTES (UINT64_C(32) << 20)

// Between LEAST_SHARE and all of it, as `waiting` lies between `from` and `to`.
static int
share_of(int64_t waiting, int64_t from, int64_t to)
{
	if (waiting <= from)
		return LEAST_SHARE;
	if (waiting >= to)
		return 100;
	return LEAST_SHARE + (int)((100 - LEAST_SHARE) * (waiting - from) / (to - from));
}

int
pace_merge_share(MergeBacklog backlog, int32_t files)
{
	int fresh = share_of(backlog.fresh, files, (int64_t)files * SLOW_FROM);
	int small = share_of(backlog.small, SMALL_FROM, SMALL_TO);
	return fresh > small ? fresh : small;
}

// In proportion to what is too much: it settles where merges take as much as comes.
uint64_t
pace_put_rate(int32_t waiting, int32_t files, uint64_t segment_bytes)
{
	int64_t over = (int64_t)waiting - (int64_t)files * SLOW_FROM;
	int64_t span = (int64_t)files * (SLOW_TO - SLOW_FROM);
	if (over <= 0)
		return 0;
	uint64_t rate =
		segment_bytes < SLOW_BYTES / SLOW_FILES ? segment_bytes * SLOW_FILES : SLOW_BYTES;
	if (over >= span * SLOWEST)
		return rate / SLOWEST;
	return (uint64_t)((double)rate * (double)span / (double)over);
}

void
pace_look(mobius *db)
{
	MergeBacklog backlog = store_merge_backlog(db->store);
	int32_t files = (int32_t)db->settings.compaction_files;
	atomic_store(&db->merge_share, pace_merge_share(backlog, files));
	budget_set_rate(db->memtable,
					pace_put_rate(backlog.fresh, files, db->settings.memtable_segment_size));
}
