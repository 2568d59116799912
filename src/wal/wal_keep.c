// The oldest files go first, and each is gone for good before the next one goes: the sequence has
// no hole at any time.

#include "base/mem.h"
#include "wal/wal_int.h"

// ---- preparing ----

static Status
save_index(const Wal *wal, WalFile *file, Error *err)
{
	SCOPED(mem_drop) char *path = NULL;
	TRY(wal_path(wal, file->header.number, ".idx", &path, err));
	TRY(wal_index_save(file, path, err));
	file->indexed = true;
	return ST_OK;
}

// An inactive file whose index is not written. Nothing of it changes any more.
static WalFile *
find_unindexed(Wal *wal)
{
	pthread_mutex_lock(&wal->lock);
	WalFile *file = wal->first;
	while (file != wal->active && (file->indexed || file->end == 0))
		file = file->next;
	bool found = file != wal->active;
	pthread_mutex_unlock(&wal->lock);
	return found ? file : NULL;
}

static bool
has_spare(Wal *wal)
{
	pthread_mutex_lock(&wal->lock);
	bool has = wal->spare_count > 0;
	pthread_mutex_unlock(&wal->lock);
	return has;
}

Status
wal_prepare(Wal *wal, Error *err)
{
	if (wal->dir == NULL)
		return ST_OK;
	for (int32_t ready = wal_files_ready(wal); ready < WAL_READY; ready = wal_files_ready(wal)) {
		if (!has_spare(wal))
			TRY(wal_spare_make(wal, err));
		TRY(wal_files_make_ready(wal, ready + 1, err));
	}
	WalFile *file;
	while ((file = find_unindexed(wal)) != NULL)
		TRY(save_index(wal, file, err));
	return ST_OK;
}

// ---- a clean stop ----

void
wal_leave(Wal *wal)
{
	SCOPED(mem_drop) char *path = NULL;
	Status st = wal_path(wal, wal->active->header.number, ".idx", &path, NULL);
	if (st == ST_OK)
		st = wal_index_save(wal->active, path, NULL);
	if (st == ST_OK)
		st = wal_files_retire(wal, NULL);
	(void)st;
}

// ---- recycling ----

static uint64_t
bytes_used(const Wal *wal)
{
	uint64_t bytes = 0;
	for (const WalFile *file = wal->first; file != wal->ready; file = file->next)
		bytes += file->end;
	return bytes;
}

// The oldest file if nobody needs it.
static WalFile *
find_unneeded(Wal *wal, const WalKeep *keep)
{
	pthread_mutex_lock(&wal->lock);
	WalFile *file = wal->first;
	bool unneeded = file != NULL && file != wal->active && file->file == NULL;
	if (unneeded) {
		const WalFile *next = file->next;
		bool outside = bytes_used(wal) > keep->keep_bytes ||
					   keep->now_ns - next->begun_ns > keep->keep_time_ns;
		// The next one must say on disk that the log begins there.
		unneeded =
			file->last_seq < keep->needed_seq && outside && next->synced_end > WAL_HEADER_BYTES;
	}
	pthread_mutex_unlock(&wal->lock);
	return unneeded ? file : NULL;
}

Status
wal_recycle(Wal *wal, const WalKeep *keep, Error *err)
{
	if (keep->disk_full)
		wal_spares_remove(wal);
	WalFile *file;
	while ((file = find_unneeded(wal, keep)) != NULL) {
		TRY(wal_spare_from(wal, file, keep->disk_full ? 0 : WAL_SPARES_MAX, err));
		pthread_mutex_lock(&wal->lock);
		wal->first = file->next;
		pthread_mutex_unlock(&wal->lock);
		wal_file_free(file);
	}
	return ST_OK;
}
