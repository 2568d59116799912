// What the log says about itself. Callbacks never run under the lock.

#include "base/mem.h"
#include "wal/wal_int.h"
#include "wal/wal_tail.h"

uint64_t
wal_earliest_seq(const Wal *const_wal)
{
	Wal *wal = (Wal *)(uintptr_t)const_wal; // the lock alone changes
	pthread_mutex_lock(&wal->lock);
	uint64_t seq = 0;
	for (const WalFile *file = wal->first; file != NULL && seq == 0; file = file->next)
		seq = file->min_seq > wal->gone_seq ? file->min_seq : 0;
	pthread_mutex_unlock(&wal->lock);
	return seq;
}

uint64_t
wal_readable_after(const Wal *const_wal)
{
	Wal *wal = (Wal *)(uintptr_t)const_wal;
	pthread_mutex_lock(&wal->lock);
	uint64_t seq = wal->dir != NULL ? wal->gone_seq : UINT64_MAX;
	pthread_mutex_unlock(&wal->lock);
	return seq;
}

static uint64_t
bytes_from_locked(const Wal *wal, uint64_t seq)
{
	uint64_t bytes = 0;
	for (const WalFile *file = wal->first; file != wal->ready; file = file->next) {
		if (file->min_seq != 0 && file->last_seq >= seq)
			bytes += file->end - WAL_HEADER_BYTES;
	}
	return bytes;
}

uint64_t
wal_bytes_from(const Wal *const_wal, uint64_t seq)
{
	Wal *wal = (Wal *)(uintptr_t)const_wal;
	pthread_mutex_lock(&wal->lock);
	uint64_t bytes = bytes_from_locked(wal, seq);
	pthread_mutex_unlock(&wal->lock);
	return bytes;
}

uint64_t
wal_seq_behind(const Wal *const_wal, uint64_t bytes)
{
	Wal *wal = (Wal *)(uintptr_t)const_wal;
	pthread_mutex_lock(&wal->lock);
	uint64_t left = bytes_from_locked(wal, 1), seq = 0;
	for (const WalFile *file = wal->first;
		 file != wal->ready && file != wal->active && left > bytes; file = file->next) {
		if (file->min_seq == 0)
			continue;
		seq = file->last_seq;
		left -= file->end - WAL_HEADER_BYTES;
	}
	pthread_mutex_unlock(&wal->lock);
	return seq;
}

static const char *
state_of(const Wal *wal, const WalFile *file, bool *ready)
{
	*ready = *ready || file == wal->ready;
	if (*ready)
		return "recycled";
	return file == wal->active ? "active" : "inactive";
}

// The list as it is now, in memory of the caller (mem_free). Callbacks see it without the lock.
static Status
copy_infos(Wal *wal, WalFileInfo **out, size_t *out_count, Error *err)
{
	pthread_mutex_lock(&wal->lock);
	size_t count = (size_t)wal->spare_count;
	for (const WalFile *file = wal->first; file != NULL; file = file->next)
		count++;
	WalFileInfo *infos = mem_alloc_array(count, sizeof(*infos));
	bool ready = false;
	size_t at = 0;
	for (const WalFile *file = wal->first; infos != NULL && file != NULL; file = file->next) {
		infos[at] = (WalFileInfo){
			.number = file->header.number,
			.state = state_of(wal, file, &ready),
			.min_seq = file->min_seq,
			.max_seq = file->min_seq == 0 ? 0 : file->last_seq,
		};
		infos[at++].bytes = ready ? file->size : wal_file_bytes(wal, file);
	}
	for (; infos != NULL && at < count; at++)
		infos[at] = (WalFileInfo){.state = "recycled", .bytes = wal->segment_size};
	pthread_mutex_unlock(&wal->lock);
	if (infos == NULL && count > 0)
		return error_no_memory(err, "the list of log files");
	*out = infos;
	*out_count = count;
	return ST_OK;
}

Status
wal_files(Wal *wal, Status (*each)(void *arg, const WalFileInfo *info, Error *err), void *arg,
		  Error *err)
{
	SCOPED(mem_drop) WalFileInfo *infos = NULL;
	size_t count = 0;
	TRY(copy_infos(wal, &infos, &count, err));
	for (size_t i = 0; i < count; i++)
		TRY(each(arg, &infos[i], err));
	return ST_OK;
}

static Status
copy_extents(Wal *wal, uint32_t table_id, Buf *out, Error *err)
{
	pthread_mutex_lock(&wal->lock);
	for (const WalFile *file = wal->first; file != NULL; file = file->next) {
		const WalExtent *extent = wal_index_find(&file->index, table_id);
		if (extent != NULL)
			buf_add(out, extent, sizeof(*extent));
	}
	pthread_mutex_unlock(&wal->lock);
	return buf_status(out, err, "where a table lies in the log");
}

Status
wal_extents(Wal *wal, uint32_t table_id,
			Status (*each)(void *arg, const WalExtent *extent, Error *err), void *arg, Error *err)
{
	SCOPED(buf_close) Buf copies = BUF_INIT;
	TRY(copy_extents(wal, table_id, &copies, err));
	const WalExtent *extents = (const WalExtent *)(const void *)copies.data;
	for (size_t i = 0; i < copies.len / sizeof(*extents); i++)
		TRY(each(arg, &extents[i], err));
	return ST_OK;
}
