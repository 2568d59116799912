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

// ---- what was never filled ----

static uint64_t
shortest(const WalFile *file)
{
	return (file->end + WAL_ALIGNMENT - 1) & ~(uint64_t)(WAL_ALIGNMENT - 1);
}

static Status
cut_file(const Wal *wal, const WalFile *file, uint64_t size)
{
	SCOPED(mem_drop) char *path = NULL;
	SCOPED(file_drop) File *opened = NULL;
	TRY(wal_path(wal, file->header.number, ".wal", &path, NULL));
	TRY(file_open(path, FILE_WRITE, &opened, NULL));
	return file_truncate(opened, size, NULL);
}

void
wal_shorten(Wal *wal, WalFile *file)
{
	uint64_t size = shortest(file);
	// One that has grown tells its size in records, which a copy of it takes over.
	bool grown = file->size > file->header.size;
	if (grown || file->size <= size || cut_file(wal, file, size) != ST_OK)
		return;
	pthread_mutex_lock(&wal->lock);
	file->size = size;
	pthread_mutex_unlock(&wal->lock);
}

uint64_t
wal_file_bytes(const Wal *wal, const WalFile *file)
{
	return file == wal->active ? file->end : file->size;
}

// ---- recycling ----

// No commit, and nothing behind the end that was one before damage.
static bool
is_empty(const WalFile *file)
{
	return file->min_seq == 0 && file->size <= shortest(file);
}

static uint64_t
bytes_kept(const Wal *wal)
{
	uint64_t bytes = 0;
	for (const WalFile *file = wal->first; file != wal->ready; file = file->next)
		bytes += wal_file_bytes(wal, file);
	return bytes;
}

// The oldest file if nobody needs it; from now on nobody reads it any more.
static WalFile *
find_unneeded(Wal *wal, const WalKeep *keep)
{
	pthread_mutex_lock(&wal->lock);
	WalFile *file = wal->first;
	bool unneeded = file != NULL && file != wal->active && file->file == NULL;
	if (unneeded) {
		const WalFile *next = file->next;
		bool outside = keep->disk_full || is_empty(file) || bytes_kept(wal) > keep->keep_bytes ||
					   keep->now_ns - next->begun_ns > keep->keep_time_ns;
		// The next one must say on disk that the log begins there.
		unneeded =
			file->last_seq < keep->needed_seq && outside && next->synced_end > WAL_HEADER_BYTES;
	}
	if (unneeded && file->last_seq > wal->gone_seq)
		wal->gone_seq = file->last_seq;
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
