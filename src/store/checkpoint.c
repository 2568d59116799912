// checkpoint.c - what replay need not work out again: the series of every table.
//
// File checkpoint/<seq>, little-endian:
//
//     u32 magic · u32 format · u64 seq · u64 floor · u32 tables
//     for each: u32 table id · counted bytes (series.c)
//     u32 crc32c of all before
//
// `floor`: every commit ≤ it was in files and in the catalog when this was written, so the log is
// read from there. A damaged checkpoint stops the start: it is needed, since the log before it may
// be gone.

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/reader.h"
#include "os/file.h"
#include "store/store_int.h"

enum { MAGIC = 0x4b43424d, FORMAT = 1 };

uint64_t
store_checkpoint_seq(const Store *store)
{
	return store->checkpoint_seq;
}

uint64_t
store_flushed_floor(Store *store)
{
	return store->checkpoint_floor;
}

// ---- writing ----

static Status
add_tables(Store *store, const Snapshot *snapshot, Buf *out, Error *err)
{
	(void)store;
	buf_add_u32(out, (uint32_t)snapshot->table_count);
	for (int32_t i = 0; i < snapshot->table_count; i++) {
		SCOPED(buf_close) Buf series = BUF_INIT;
		TRY(series_save(snapshot->tables[i].table->series, &series, err));
		buf_add_u32(out, snapshot->tables[i].table->id);
		buf_add_u32(out, (uint32_t)series.len);
		buf_add_slice(out, buf_slice(&series));
	}
	return buf_status(out, err, "a checkpoint");
}

static Status
write_file(Store *store, uint64_t seq, const Buf *bytes, Error *err)
{
	SCOPED(mem_drop) char *tmp = mem_printf("%s/checkpoint", store->tmp_dir);
	SCOPED(mem_drop) char *path = mem_printf("%s/%" PRIu64, store->checkpoint_dir, seq);
	if (tmp == NULL || path == NULL)
		return error_no_memory(err, "a checkpoint");
	SCOPED(file_drop) File *file = NULL;
	TRY(file_open(tmp, FILE_WRITE, &file, err));
	TRY(file_truncate(file, 0, err));
	TRY(file_write(file, 0, bytes->data, bytes->len, err));
	TRY(file_sync(file, err));
	TRY(file_rename(tmp, path, err));
	return dir_sync(store->checkpoint_dir, err);
}

typedef struct Older {
	Store *store;
	uint64_t than;
} Older;

static Status
remove_older(void *arg, const char *name, Error *err)
{
	const Older *older = arg;
	if (strtoull(name, NULL, 10) >= older->than)
		return ST_OK;
	SCOPED(mem_drop) char *path = mem_printf("%s/%s", older->store->checkpoint_dir, name);
	return path == NULL ? error_no_memory(err, "a checkpoint") : file_unlink(path, err);
}

Status
store_write_checkpoint(Store *store, Error *err)
{
	// Series are only ever added, so what is saved holds at least those of the published commits.
	SCOPED(snapshot_drop) Snapshot *snapshot = NULL;
	TRY(store_snapshot(store, NULL, 0, &snapshot, err));
	uint64_t unflushed = store_unflushed_seq(store);
	uint64_t floor = unflushed == UINT64_MAX ? snapshot->seq : unflushed - 1;
	floor = floor < snapshot->seq ? floor : snapshot->seq;
	uint64_t applied = catalog_needed_after(store->options.catalog, snapshot->seq);
	floor = floor < applied ? floor : applied;

	SCOPED(buf_close) Buf bytes = BUF_INIT;
	buf_add_u32(&bytes, MAGIC);
	buf_add_u32(&bytes, FORMAT);
	buf_add_u64(&bytes, snapshot->seq);
	buf_add_u64(&bytes, floor);
	TRY(add_tables(store, snapshot, &bytes, err));
	buf_add_u32(&bytes, crc32c(0, bytes.data, bytes.len));
	TRY(buf_status(&bytes, err, "a checkpoint"));
	TRY(write_file(store, snapshot->seq, &bytes, err));
	store->checkpoint_seq = snapshot->seq;
	store->checkpoint_floor = floor;
	return dir_list(store->checkpoint_dir, remove_older, &(Older){store, snapshot->seq}, err);
}

// ---- reading ----

static Status
load_series(Store *store, Reader *r, Error *err)
{
	uint32_t count = reader_u32(r);
	for (uint32_t i = 0; i < count && !r->failed; i++) {
		uint32_t id = reader_u32(r);
		Slice saved = reader_counted(r);
		SCOPED(table_drop_ref) Table *table = store_find_id(store, id);
		if (table != NULL && !r->failed)
			TRY(series_load(table->series, saved, err)); // others were dropped since
	}
	if (r->failed || reader_left(r) != 0)
		return error_set(err, ST_CORRUPT, "it is too short or too long");
	return ST_OK;
}

static Status
load_bytes(Store *store, Slice bytes, Error *err)
{
	Reader r = reader_of(bytes);
	uint32_t crc = 0;
	if (bytes.len < 4)
		return error_set(err, ST_CORRUPT, "it is too short");
	r.len -= 4;
	Reader tail = reader_of(slice_of(bytes.data + r.len, 4));
	crc = reader_u32(&tail);
	if (crc32c(0, bytes.data, r.len) != crc || reader_u32(&r) != MAGIC || reader_u32(&r) != FORMAT)
		return error_set(err, ST_CORRUPT, "its checksum is wrong");
	uint64_t seq = reader_u64(&r), floor = reader_u64(&r);
	TRY(load_series(store, &r, err));
	store->checkpoint_seq = seq;
	store->checkpoint_floor = floor;
	return ST_OK;
}

static Status
load_checkpoint(Store *store, const char *name, Error *err)
{
	SCOPED(mem_drop) char *path = mem_printf("%s/%s", store->checkpoint_dir, name);
	if (path == NULL)
		return error_no_memory(err, "a checkpoint");
	SCOPED(file_drop) File *file = NULL;
	TRY(file_open(path, FILE_READ, &file, err));
	uint64_t size;
	TRY(file_size(file, &size, err));
	SCOPED(mem_drop) uint8_t *bytes = mem_alloc(size + 1);
	if (bytes == NULL)
		return error_no_memory(err, "a checkpoint");
	TRY(file_read(file, 0, bytes, size, err));
	return load_bytes(store, slice_of(bytes, size), err);
}

static Status
find_newest(void *arg, const char *name, Error *err)
{
	(void)err;
	uint64_t *newest = arg;
	uint64_t seq = strtoull(name, NULL, 10);
	*newest = seq > *newest ? seq : *newest;
	return ST_OK;
}

Status
checkpoint_load(Store *store, Error *err)
{
	uint64_t newest = 0;
	TRY(dir_list(store->checkpoint_dir, find_newest, &newest, err));
	if (newest == 0)
		return ST_OK;
	char name[24];
	(void)snprintf(name, sizeof(name), "%" PRIu64, newest);
	Error cause = ERROR_INIT;
	Status st = load_checkpoint(store, name, &cause);
	if (st == ST_CORRUPT)
		return error_set(
			err, ST_CORRUPT,
			"%s/%s is damaged: %s; remove it only if the log reaches back to seq %" PRIu64,
			store->checkpoint_dir, name, cause.text, newest);
	if (st != ST_OK && err != NULL)
		*err = cause;
	if (store->checkpoint_seq > store->published_seq)
		store->published_seq = store->checkpoint_seq;
	return st;
}
