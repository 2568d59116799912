// checkpoint.c - what replay need not work out again: the series and producers of every table.
//
// File checkpoint/<seq>, little-endian:
//
//     u32 magic · u32 format · u64 seq · u64 floor · u64 catalog generation · u32 tables
//     for each: u32 table id · u64 length · series · u64 length · producers (from format 2 on)
//               from format 3 on: u32 whether something else is kept with it (store.h), and if so
//               its pieces, u64 length · bytes, and u64 0
//     u32 crc32c of all before
//
// `floor`: every commit ≤ it was in files and in the catalog when this was written, so the log is
// read from there. A damaged checkpoint stops the start: it is needed, since the log before it may
// be gone. So does a catalog that is older than the checkpoint.

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/reader.h"
#include "os/file.h"
#include "store/checkpoint.h"
#include "store/store_int.h"

enum { MAGIC = 0x4b43424d, FORMAT = 3 };

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

// The seq a file of this name is of; false: it is none of ours.
static bool
seq_of_name(const char *name, uint64_t *out)
{
	char known[24];
	uint64_t seq = strtoull(name, NULL, 10);
	(void)snprintf(known, sizeof(known), "%" PRIu64, seq);
	*out = seq;
	return strcmp(name, known) == 0;
}

// ---- the moment it is of ----

typedef struct Moment {
	const Store *store;
	Snapshot *snapshot;
	void **kept; // by the snapshot's tables; NULL: nothing
} Moment;

static void
moment_close(Moment *moment)
{
	for (int32_t i = 0; moment->kept != NULL && i < moment->snapshot->table_count; i++)
		if (moment->kept[i] != NULL)
			moment->store->kept.let(moment->kept[i]);
	mem_free(moment->kept);
	snapshot_free(moment->snapshot);
}

static Status
take_all(const Store *store, Moment *out, Error *err)
{
	int32_t count = out->snapshot->table_count;
	out->kept = mem_alloc_array((size_t)count + 1, sizeof(void *));
	if (out->kept == NULL)
		return error_no_memory(err, "a checkpoint");
	for (int32_t i = 0; i < count && store->kept.lock != NULL; i++)
		TRY(store->kept.take(store->kept.ctx, out->snapshot->tables[i].table, &out->kept[i], err));
	return ST_OK;
}

static Status
take_moment(Store *store, Moment *out, Error *err)
{
	bool locked = store->kept.lock != NULL;
	if (locked)
		store->kept.lock(store->kept.ctx);
	Status st = store_snapshot(store, NULL, 0, &out->snapshot, err);
	if (st == ST_OK)
		st = take_all(store, out, err);
	if (locked)
		store->kept.unlock(store->kept.ctx);
	return st;
}

// ---- writing ----

// A file that is written piece by piece.
typedef struct Writer {
	File *file;
	uint64_t size;
	uint32_t crc;
} Writer;

static Status
add_bytes(Writer *writer, Buf *bytes, Error *err)
{
	TRY(buf_status(bytes, err, "a checkpoint"));
	TRY(file_write(writer->file, writer->size, bytes->data, bytes->len, err));
	writer->size += bytes->len;
	writer->crc = crc32c(writer->crc, bytes->data, bytes->len);
	buf_reset(bytes);
	return ST_OK;
}

static Status
add_kept(Writer *writer, const Store *store, void *kept, Buf *head, Error *err)
{
	SCOPED(buf_close) Buf piece = BUF_INIT;
	uint32_t at = 0;
	buf_add_u32(head, kept != NULL);
	for (bool more = kept != NULL; more;) {
		TRY(store->kept.save(kept, &at, &piece, err));
		more = piece.len > 0;
		buf_add_u64(head, piece.len);
		TRY(add_bytes(writer, head, err));
		TRY(add_bytes(writer, &piece, err));
	}
	return ST_OK;
}

static Status
add_tables(Writer *writer, const Store *store, const Moment *moment, Error *err)
{
	const Snapshot *snapshot = moment->snapshot;
	SCOPED(buf_close) Buf head = BUF_INIT;
	SCOPED(buf_close) Buf series = BUF_INIT;
	SCOPED(buf_close) Buf producers = BUF_INIT;
	buf_add_u32(&head, (uint32_t)snapshot->table_count);
	for (int32_t i = 0; i < snapshot->table_count; i++) {
		const Table *table = snapshot->tables[i].table;
		TRY(series_save(table->series, &series, err));
		TRY(producers_save(table->producers, &producers, err));
		buf_add_u32(&head, table->id);
		buf_add_u64(&head, series.len);
		TRY(add_bytes(writer, &head, err));
		TRY(add_bytes(writer, &series, err));
		buf_add_u64(&head, producers.len);
		TRY(add_bytes(writer, &head, err));
		TRY(add_bytes(writer, &producers, err));
		TRY(add_kept(writer, store, moment->kept[i], &head, err));
	}
	return add_bytes(writer, &head, err);
}

static Status
add_all(Writer *writer, Store *store, const Moment *moment, uint64_t floor, Error *err)
{
	SCOPED(buf_close) Buf bytes = BUF_INIT;
	buf_add_u32(&bytes, MAGIC);
	buf_add_u32(&bytes, FORMAT);
	buf_add_u64(&bytes, moment->snapshot->seq);
	buf_add_u64(&bytes, floor);
	buf_add_u64(&bytes, catalog_generation(store->options.catalog));
	TRY(add_bytes(writer, &bytes, err));
	TRY(add_tables(writer, store, moment, err));
	buf_add_u32(&bytes, writer->crc);
	return add_bytes(writer, &bytes, err);
}

// What was begun on a full disk gives its room back.
static Status
write_whole(const char *path, Store *store, const Moment *moment, uint64_t floor, Error *err)
{
	SCOPED(file_drop) File *file = NULL;
	TRY(file_open(path, FILE_WRITE, &file, err));
	TRY(file_truncate(file, 0, err));
	Status st = add_all(&(Writer){.file = file}, store, moment, floor, err);
	if (st == ST_OK)
		st = file_sync(file, err);
	if (st != ST_OK)
		(void)file_unlink(path, NULL);
	return st;
}

static Status
write_file(Store *store, const Moment *moment, uint64_t floor, Error *err)
{
	uint64_t seq = moment->snapshot->seq;
	SCOPED(mem_drop) char *tmp = mem_printf("%s/checkpoint", store->tmp_dir);
	SCOPED(mem_drop) char *path = mem_printf("%s/%" PRIu64, store->checkpoint_dir, seq);
	if (tmp == NULL || path == NULL)
		return error_no_memory(err, "a checkpoint");
	TRY(write_whole(tmp, store, moment, floor, err));
	TRY(file_rename(tmp, path, err));
	return dir_sync(store->checkpoint_dir, err);
}

static Status
remove_older(void *arg, const char *name, Error *err)
{
	const Store *store = arg;
	uint64_t seq;
	if (!seq_of_name(name, &seq) || seq >= store->checkpoint_seq)
		return ST_OK;
	SCOPED(mem_drop) char *path = mem_printf("%s/%s", store->checkpoint_dir, name);
	return path == NULL ? error_no_memory(err, "a checkpoint") : file_unlink(path, err);
}

// The first deletion whose mask the catalog lacks (UINT64_MAX: none).
static uint64_t
unkept_seq(Store *store)
{
	uint64_t least = UINT64_MAX;
	pthread_mutex_lock(&store->lock);
	for (int b = 0; b < TABLE_BUCKETS; b++) {
		for (const Table *t = store->by_id[b]; t != NULL; t = t->next_by_id) {
			uint64_t seq = t->keeping_seq != 0 ? t->keeping_seq : t->unkept_seq;
			least = seq != 0 && seq < least ? seq : least;
		}
	}
	pthread_mutex_unlock(&store->lock);
	return least;
}

// Every commit up to it is in files and in the catalog.
static uint64_t
settled_seq(Store *store, uint64_t published)
{
	uint64_t unflushed = store_unflushed_seq(store);
	uint64_t applied = catalog_needed_after(store->options.catalog, published);
	uint64_t floor = published < applied ? published : applied;
	uint64_t unkept = unkept_seq(store);
	floor = unkept <= floor ? unkept - 1 : floor;
	return unflushed <= floor ? unflushed - 1 : floor;
}

uint64_t
store_checkpoint_bytes(Store *store)
{
	uint64_t bytes = 0;
	pthread_mutex_lock(&store->lock);
	for (int b = 0; b < TABLE_BUCKETS; b++)
		for (const Table *t = store->by_id[b]; t != NULL; t = t->next_by_id)
			bytes += series_saved_bytes(t->series);
	pthread_mutex_unlock(&store->lock);
	return bytes + (store->kept.lock != NULL ? store->kept.bytes(store->kept.ctx) : 0);
}

Status
store_write_checkpoint(Store *store, Error *err)
{
	// Series are only ever added, so what is saved holds at least those of the published commits.
	SCOPED(moment_close) Moment moment = {.store = store};
	TRY(take_moment(store, &moment, err));
	uint64_t floor = settled_seq(store, moment.snapshot->seq);
	TRY(write_file(store, &moment, floor, err));
	store->checkpoint_seq = moment.snapshot->seq;
	store->checkpoint_floor = floor;
	Error cause = ERROR_INIT;
	if (dir_list(store->checkpoint_dir, remove_older, store, &cause) != ST_OK)
		log_warn("old checkpoint not removed", "error=\"%s\"",
				 cause.text); // the next one tries again
	return ST_OK;
}

// ---- reading ----

static Status
damaged(Error *err, const char *what)
{
	return error_set(err, ST_CORRUPT, "%s", what);
}

// What is read: of which commits it is. store NULL: its series go nowhere.
typedef struct Loading {
	Store *store;
	uint64_t generation; // of the catalog
	uint64_t seq;
	uint64_t floor;
} Loading;

// table NULL: it goes nowhere.
static Status
load_kept(Store *store, Table *table, Reader *r, Error *err)
{
	bool there = reader_u32(r) != 0, wanted = table != NULL && store->kept.lock != NULL;
	if (!there)
		return ST_OK;
	for (;;) {
		Slice piece = reader_bytes(r, reader_u64(r));
		if (r->failed)
			return ST_OK; // who asked looks at it
		if (piece.len == 0)
			return wanted ? store->kept.loaded(store->kept.ctx, table, err) : ST_OK;
		if (wanted)
			TRY(store->kept.load(store->kept.ctx, table, piece, err));
	}
}

static Status
load_table(Store *store, Reader *r, uint32_t format, Error *err)
{
	uint32_t id = reader_u32(r);
	Slice series = reader_bytes(r, reader_u64(r));
	Slice producers = format > 1 ? reader_bytes(r, reader_u64(r)) : (Slice){0};
	SCOPED(table_drop_ref) Table *table = store != NULL ? store_find_id(store, id) : NULL;
	if (table != NULL && !r->failed) { // others were dropped since
		TRY(series_load(table->series, series, err));
		if (format > 1)
			TRY(producers_load(table->producers, producers, err));
	}
	return format > 2 && !r->failed ? load_kept(store, table, r, err) : ST_OK;
}

static Status
load_tables(Store *store, Reader *r, uint32_t format, Error *err)
{
	uint32_t count = reader_u32(r);
	for (uint32_t i = 0; i < count && !r->failed; i++)
		TRY(load_table(store, r, format, err));
	return r->failed || reader_left(r) != 0 ? damaged(err, "it is too short or too long") : ST_OK;
}

static Status
load_bytes(Loading *loading, Slice bytes, uint64_t name, Error *err)
{
	if (bytes.len < 4)
		return damaged(err, "it is too short");
	Reader r = reader_of(slice_of(bytes.data, bytes.len - 4));
	Reader tail = reader_of(slice_of(bytes.data + r.len, 4));
	if (crc32c(0, r.data, r.len) != reader_u32(&tail))
		return damaged(err, "its checksum is wrong");
	uint32_t magic = reader_u32(&r), format = reader_u32(&r);
	if (magic != MAGIC || format < 1 || format > FORMAT)
		return damaged(err, "this version does not read its format");
	uint64_t seq = reader_u64(&r), floor = reader_u64(&r), generation = reader_u64(&r);
	if (seq != name)
		return damaged(err, "it is of another seq than its name says");
	if (generation > loading->generation)
		return damaged(err, "catalog.db is older than it: put back the one that belongs to it");
	TRY(load_tables(loading->store, &r, format, err));
	loading->seq = seq;
	loading->floor = floor;
	return ST_OK;
}

static Status
load_file(Loading *loading, const char *path, uint64_t seq, Error *err)
{
	SCOPED(file_drop) File *file = NULL;
	TRY(file_open(path, FILE_READ, &file, err));
	uint64_t size;
	TRY(file_size(file, &size, err));
	SCOPED(mem_drop) uint8_t *bytes = mem_alloc(size);
	if (bytes == NULL)
		return error_no_memory(err, "a checkpoint");
	TRY(file_read(file, 0, bytes, size, err));
	Error cause = ERROR_INIT;
	Status st = load_bytes(loading, slice_of(bytes, size), seq, &cause);
	if (st == ST_CORRUPT)
		return error_set(err, st,
						 "%s cannot be used: %s. Remove it only if the log reaches back to its "
						 "beginning",
						 path, cause.text);
	return st == ST_OK ? ST_OK : error_set(err, st, "%s", cause.text);
}

static Status
find_newest(void *arg, const char *name, Error *err)
{
	(void)err;
	uint64_t *newest = arg, seq;
	if (seq_of_name(name, &seq) && seq > *newest)
		*newest = seq;
	return ST_OK;
}

static Status
load_newest(Loading *loading, const char *dir, Error *err)
{
	uint64_t newest = 0;
	TRY(dir_list(dir, find_newest, &newest, err));
	if (newest == 0)
		return ST_OK;
	SCOPED(mem_drop) char *path = mem_printf("%s/%" PRIu64, dir, newest);
	return path == NULL ? error_no_memory(err, "a checkpoint")
						: load_file(loading, path, newest, err);
}

Status
checkpoint_load(Store *store, Error *err)
{
	Loading loading = {.store = store, .generation = catalog_generation(store->options.catalog)};
	TRY(load_newest(&loading, store->checkpoint_dir, err));
	store->checkpoint_seq = loading.seq;
	store->checkpoint_floor = loading.floor;
	if (store->checkpoint_seq > store->published_seq)
		store->published_seq = store->checkpoint_seq;
	return ST_OK;
}

Status
checkpoint_look(const char *dir, uint64_t generation, uint64_t *seq, uint64_t *floor, Error *err)
{
	Loading loading = {.generation = generation};
	Status st = load_newest(&loading, dir, err);
	if (st != ST_OK && st != ST_NOT_FOUND)
		return st;
	*seq = loading.seq;
	*floor = loading.floor;
	return ST_OK;
}
