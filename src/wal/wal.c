#include "wal/wal_int.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "os/clock.h"

enum { SMALLEST_SEGMENT = 4 * WAL_ALIGNMENT };

Status
wal_open(const WalOptions *options, Wal **out, Error *err)
{
	if (options->segment_size < SMALLEST_SEGMENT)
		return error_set(err, ST_INVALID, "wal.segment_size is %" PRIu64 "; at least %d is needed",
						 options->segment_size, SMALLEST_SEGMENT);
	bool kept = options->dir != NULL;
	if (kept) {
		TRY(dir_make(options->dir, err));
		TRY(dir_sync_parent(options->dir, err));
	}
	Wal *wal = mem_alloc(sizeof(*wal));
	char *dir = kept ? mem_strdup(options->dir) : NULL;
	if (wal == NULL || (kept && dir == NULL)) {
		mem_free(wal);
		mem_free(dir);
		return error_no_memory(err, "the log");
	}
	wal->dir = dir;
	wal->segment_size =
		(options->segment_size + WAL_ALIGNMENT - 1) & ~(uint64_t)(WAL_ALIGNMENT - 1);
	wal->pool = options->pool;
	memcpy(wal->epoch, options->epoch, sizeof(wal->epoch));
	atomic_init(&wal->failed, false);
	pthread_mutex_init(&wal->lock, NULL);
	pthread_cond_init(&wal->named, NULL);
	*out = wal;
	return ST_OK;
}

static void
free_list(WalFile *file)
{
	while (file != NULL) {
		WalFile *next = file->next;
		wal_file_free(file);
		file = next;
	}
}

void
wal_close(Wal *wal)
{
	if (wal == NULL)
		return;
	free_list(wal->first);
	free_list(wal->tail);
	wal_plan_free(wal->plan);
	mem_free(wal->holes);
	pthread_cond_destroy(&wal->named);
	pthread_mutex_destroy(&wal->lock);
	mem_free(wal->dir);
	mem_free(wal);
}

bool
wal_failed(const Wal *wal)
{
	return atomic_load_explicit(&wal->failed, memory_order_relaxed);
}

// ---- start ----

// The oldest file of which something may not be on disk: a synced commit in a later file, or a
// start that began a later file, has synced all before it.
static const WalFile *
first_unsynced(const Wal *wal)
{
	const WalFile *from = wal->first;
	for (const WalFile *file = from; file != NULL; file = file->next) {
		bool settled = file->begun && (file->head.flags & WAL_SETTLED) != 0;
		if (settled || (file->min_seq != 0 && file->min_seq <= wal->synced_seq))
			from = file;
	}
	return from;
}

// What was read back may be in the page cache alone: before anybody builds on it, it is on disk.
static Status
sync_recovered(Wal *wal, Error *err)
{
	for (const WalFile *file = first_unsynced(wal); file != NULL; file = file->next) {
		SCOPED(mem_drop) char *path = NULL;
		SCOPED(file_drop) File *opened = NULL;
		TRY(wal_path(wal, file->header.number, ".wal", &path, err));
		TRY(file_open(path, FILE_READ, &opened, err));
		TRY(file_sync(opened, err));
	}
	return ST_OK;
}

// A file behind damage may be all that is left of acknowledged data: it is not ours to remove.
static Status
keep_aside(const Wal *wal, uint64_t number, Error *err)
{
	char suffix[32];
	SCOPED(mem_drop) char *from = NULL;
	SCOPED(mem_drop) char *to = NULL;
	(void)snprintf(suffix, sizeof(suffix), "-%" PRId64 ".lost", clock_wall_ns());
	TRY(wal_path(wal, number, ".wal", &from, err));
	TRY(wal_path(wal, number, suffix, &to, err));
	TRY(file_rename(from, to, err));
	log_warn("wal file kept aside", "file=%s", to);
	return dir_sync(wal->dir, err);
}

// From the last file back, so that a crash in between leaves no hole in the sequence.
static Status
clear_tail(Wal *wal, Error *err)
{
	while (wal->tail != NULL) {
		WalFile **last = &wal->tail;
		while ((*last)->next != NULL)
			last = &(*last)->next;
		if (wal->damaged)
			TRY(keep_aside(wal, (*last)->header.number, err));
		else
			TRY(wal_spare_from(wal, *last, WAL_SPARES_MAX, err));
		wal_file_free(TAKE(*last));
	}
	return ST_OK;
}

Status
wal_start(Wal *wal, uint64_t next_seq, const uint8_t epoch[16], Error *err)
{
	assert(wal->recovered && wal->active == NULL);
	must(next_seq > wal->last_seq);
	memcpy(wal->epoch, epoch, sizeof(wal->epoch));
	wal->start_seq = next_seq;
	wal->before_seq = wal->last_seq;
	wal->gone_seq = wal->last_seq;
	if (wal->dir == NULL)
		return ST_OK;
	const WalFile *first = wal->first;
	if (first != NULL && first->begun)
		wal->gone_seq = first->begin.last_seq;
	TRY(sync_recovered(wal, err));
	TRY(clear_tail(wal, err));
	WalFile *ended = wal->last;
	TRY(wal_files_make_ready(wal, 1, err));
	TRY(wal_begin_settled(wal, err));
	// Behind damage there may be all that is left of acknowledged data.
	if (ended != NULL && !wal->damaged)
		wal_shorten(wal, ended);
	return ST_OK;
}

// ---- sync ----

File *
wal_file_done(Wal *wal, WalFile *file)
{
	if (file == wal->active || file->synced_end < file->end)
		return NULL;
	return TAKE(file->file);
}

// The oldest file up to number `last` that has something to sync, and up to where.
static WalFile *
find_unsynced(Wal *wal, uint64_t last, uint64_t *end)
{
	pthread_mutex_lock(&wal->lock);
	WalFile *file = wal->first;
	while (file != NULL && file->header.number <= last && file->synced_end >= file->end)
		file = file->next;
	if (file != NULL && file->header.number > last)
		file = NULL;
	if (file != NULL)
		*end = file->end;
	pthread_mutex_unlock(&wal->lock);
	return file;
}

Status
wal_file_sync(Wal *wal, const WalFile *file, Error *err)
{
	Status st = file_sync(file->file, err);
	if (st != ST_OK)
		atomic_store_explicit(&wal->failed, true, memory_order_relaxed);
	return st;
}

static void
note_synced(Wal *wal, WalFile *file, uint64_t end)
{
	pthread_mutex_lock(&wal->lock);
	file->synced_end = end;
	File *done = wal_file_done(wal, file);
	pthread_mutex_unlock(&wal->lock);
	file_close(done);
}

Status
wal_sync(Wal *wal, const WalGroup *group, Error *err)
{
	if (wal_failed(wal))
		return error_set(err, ST_UNAVAILABLE,
						 "%s: an earlier sync failed, so nothing more is acknowledged; restart to "
						 "recover",
						 wal->dir);
	uint64_t last = group->file_numbers[1] != 0 ? group->file_numbers[1] : group->file_numbers[0];
	uint64_t end;
	WalFile *file;
	// Older groups that nobody synced come along: what is after them counts only with them.
	while ((file = find_unsynced(wal, last, &end)) != NULL) {
		TRY(wal_file_sync(wal, file, err));
		note_synced(wal, file, end);
	}
	return ST_OK;
}
