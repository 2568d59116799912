// A file comes to be in four steps, so that a name in the sequence always has a good header behind
// it and a crash leaves either no file of that number or one that is ready:
//     <id>.spare is made (zeroed, allocated, or recycled) · the header is written and synced ·
//     renamed to <number>.wal · the directory is synced

#include <inttypes.h>
#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "os/random.h"
#include "wal/wal_int.h"

enum {
	ZEROS_BYTES = 1 << 20,
	SMALL_BYTES = 256 << 10, // of a log file where there is no room for another
};

Status
wal_path(const Wal *wal, uint64_t number, const char *suffix, char **out, Error *err)
{
	*out = mem_printf("%s/%08" PRIu64 "%s", wal->dir, number, suffix);
	return *out == NULL ? error_no_memory(err, "the name of a log file") : ST_OK;
}

void
wal_file_free(WalFile *file)
{
	if (file == NULL)
		return;
	file_close(file->file);
	wal_index_close(&file->index);
	wal_map_close(&file->schemas);
	mem_free(file);
}

// A failure here changes nothing: what is left of the file is a spare, or swept at the next start.
static void
unlink_quietly(const char *path)
{
	Status ignored = file_unlink(path, NULL);
	(void)ignored;
}

// ---- spares ----

static uint64_t
spare_id(Wal *wal)
{
	pthread_mutex_lock(&wal->lock);
	uint64_t id = ++wal->last_spare;
	pthread_mutex_unlock(&wal->lock);
	return id;
}

static int32_t
count_ready(const Wal *wal)
{
	int32_t count = 0;
	for (const WalFile *file = wal->ready; file != NULL; file = file->next)
		count++;
	return count;
}

int32_t
wal_files_ready(Wal *wal)
{
	pthread_mutex_lock(&wal->lock);
	int32_t count = count_ready(wal);
	pthread_mutex_unlock(&wal->lock);
	return count;
}

static bool
spare_wanted(Wal *wal, int32_t most)
{
	pthread_mutex_lock(&wal->lock);
	bool wanted = wal->spare_count + count_ready(wal) < most;
	pthread_mutex_unlock(&wal->lock);
	return wanted;
}

// False when there are enough already.
static bool
spare_add(Wal *wal, uint64_t id)
{
	pthread_mutex_lock(&wal->lock);
	bool room = wal->spare_count < WAL_SPARES_MAX;
	if (room)
		wal->spares[wal->spare_count++] = id;
	pthread_mutex_unlock(&wal->lock);
	return room;
}

static bool
spare_take(Wal *wal, uint64_t *id)
{
	pthread_mutex_lock(&wal->lock);
	bool found = wal->spare_count > 0;
	if (found)
		*id = wal->spares[--wal->spare_count];
	pthread_mutex_unlock(&wal->lock);
	return found;
}

static Status
fill_zeros(const Wal *wal, const char *path, Error *err)
{
	SCOPED(file_drop) File *file = NULL;
	TRY(file_open(path, FILE_CREATE_NEW, &file, err));
	TRY(file_append_direct(file, err));
	size_t piece = wal->segment_size < ZEROS_BYTES ? (size_t)wal->segment_size : ZEROS_BYTES;
	SCOPED(mem_drop) uint8_t *zeros = mem_alloc(piece);
	if (zeros == NULL)
		return error_no_memory(err, "zeroing a log file");
	for (uint64_t at = 0; at < wal->segment_size; at += piece) {
		uint64_t left = wal->segment_size - at;
		size_t len = left < piece ? (size_t)left : piece;
		TRY(file_write(file, at, zeros, len, err));
		// Started early, in small pieces, this does not get into the way of the log's syncs.
		file_push(file, at, len);
	}
	return file_sync(file, err);
}

Status
wal_spare_make(Wal *wal, Error *err)
{
	uint64_t id = spare_id(wal);
	SCOPED(mem_drop) char *path = NULL;
	TRY(wal_path(wal, id, ".spare", &path, err));
	Status st = fill_zeros(wal, path, err);
	if (st != ST_OK || !spare_add(wal, id))
		unlink_quietly(path);
	return st;
}

Status
wal_spare_from(Wal *wal, const WalFile *file, int32_t most, Error *err)
{
	SCOPED(mem_drop) char *from = NULL;
	SCOPED(mem_drop) char *index = NULL;
	SCOPED(mem_drop) char *to = NULL;
	uint64_t id = spare_id(wal);
	TRY(wal_path(wal, file->header.number, ".wal", &from, err));
	TRY(wal_path(wal, file->header.number, ".idx", &index, err));
	TRY(wal_path(wal, id, ".spare", &to, err));

	// The index first: it must not outlive what it describes.
	unlink_quietly(index);
	bool kept = file->size == wal->segment_size && spare_wanted(wal, most);
	Status st = kept ? file_rename(from, to, err) : file_unlink(from, err);
	// An earlier try may have come as far as this.
	if (st != ST_OK && st != ST_NOT_FOUND)
		return st;
	// Before any other file goes: a hole in the sequence would be taken for damage. And before this
	// one is written again.
	TRY(dir_sync(wal->dir, err));
	if (kept && st == ST_OK)
		spare_add(wal, id);
	return ST_OK;
}

void
wal_spares_remove(Wal *wal)
{
	uint64_t id;
	while (spare_take(wal, &id)) {
		SCOPED(mem_drop) char *path = NULL;
		if (wal_path(wal, id, ".spare", &path, NULL) == ST_OK)
			unlink_quietly(path);
	}
}

// Opens a spare of the right size; *out stays NULL when there is none.
static Status
open_spare(Wal *wal, char **path, File **out, Error *err)
{
	uint64_t id;
	while (*out == NULL && spare_take(wal, &id)) {
		SCOPED(mem_drop) char *spare = NULL;
		SCOPED(file_drop) File *file = NULL;
		uint64_t size;
		TRY(wal_path(wal, id, ".spare", &spare, err));
		TRY(file_open(spare, FILE_WRITE, &file, err));
		TRY(file_size(file, &size, err));
		if (size != wal->segment_size) {
			unlink_quietly(spare);
			continue;
		}
		*path = TAKE(spare);
		*out = TAKE(file);
	}
	return ST_OK;
}

// A start needs a file for little more than its first record: a full disk leaves room for that.
static Status
allocate_small(File *file, const char *path, uint64_t *size, Error *err)
{
	TRY(file_truncate(file, 0, err));
	Status st = file_allocate(file, SMALL_BYTES, err);
	if (st == ST_DISK_FULL)
		return error_set(err, st,
						 "%s: the disk is full, even for a log file of %d KiB; free space on it "
						 "and start again",
						 path, SMALL_BYTES / 1024);
	TRY(st);
	*size = SMALL_BYTES;
	log_warn("small log file", "file=%s reason=\"the disk is full\"", path);
	return ST_OK;
}

static bool
is_starting(Wal *wal)
{
	pthread_mutex_lock(&wal->lock);
	bool starting = wal->active == NULL;
	pthread_mutex_unlock(&wal->lock);
	return starting;
}

static Status
create_spare(Wal *wal, char **path, File **out, uint64_t *size, Error *err)
{
	TRY(wal_path(wal, spare_id(wal), ".spare", path, err));
	TRY(file_open(*path, FILE_CREATE_NEW, out, err));
	Status st = file_allocate(*out, wal->segment_size, err);
	if (st == ST_DISK_FULL && wal->segment_size > SMALL_BYTES && is_starting(wal))
		return allocate_small(*out, *path, size, err);
	return st;
}

// ---- ready files ----

static Status
give_header(const Wal *wal, WalFile *file, Error *err)
{
	uint8_t bytes[WAL_HEADER_BYTES];
	file->header.number = wal->next_number;
	file->header.size = file->size;
	memcpy(file->header.epoch, wal->epoch, sizeof(wal->epoch));
	TRY(random_bytes(file->header.incarnation, sizeof(file->header.incarnation), err));
	wal_header_encode(&file->header, bytes);
	file->seed = wal_seed(file->header.incarnation);
	file->told = file->size;
	file->end_crc = file->seed;
	TRY(file_write(file->file, 0, bytes, sizeof(bytes), err));
	return file_sync(file->file, err);
}

static Status
give_name(const Wal *wal, WalFile *file, const char *from, const char *to, Error *err)
{
	TRY(give_header(wal, file, err));
	TRY(file_rename(from, to, err));
	TRY(dir_sync(wal->dir, err));
	// Opened anew, it says its new name in errors.
	file_close(TAKE(file->file));
	TRY(file_open(to, FILE_WRITE, &file->file, err));
	return file_append_direct(file->file, err);
}

static Status
make_ready(Wal *wal, WalFile **out, Error *err)
{
	SCOPED(mem_drop) char *from = NULL;
	SCOPED(mem_drop) char *to = NULL;
	SCOPED(wal_file_drop) WalFile *file = mem_alloc(sizeof(*file));
	if (file == NULL)
		return error_no_memory(err, "a log file");
	file->size = wal->segment_size;
	file->end = WAL_HEADER_BYTES;
	file->synced_end = WAL_HEADER_BYTES;
	TRY(wal_path(wal, wal->next_number, ".wal", &to, err));
	TRY(open_spare(wal, &from, &file->file, err));
	Status st =
		file->file != NULL ? ST_OK : create_spare(wal, &from, &file->file, &file->size, err);
	if (st == ST_OK)
		st = give_name(wal, file, from, to, err);
	if (st != ST_OK) {
		if (from != NULL)
			unlink_quietly(from);
		unlink_quietly(to);
		return st;
	}
	*out = TAKE(file);
	return ST_OK;
}

static void
append(Wal *wal, WalFile *file)
{
	pthread_mutex_lock(&wal->lock);
	wal_list_add(wal, file);
	if (wal->ready == NULL)
		wal->ready = file;
	pthread_mutex_unlock(&wal->lock);
}

// What only one may do at a time, and wait for I/O: so it is not a lock.
static void
naming_begin(Wal *wal)
{
	pthread_mutex_lock(&wal->lock);
	while (wal->naming)
		pthread_cond_wait(&wal->named, &wal->lock);
	wal->naming = true;
	pthread_mutex_unlock(&wal->lock);
}

static void
naming_end(Wal *wal)
{
	pthread_mutex_lock(&wal->lock);
	wal->naming = false;
	pthread_cond_broadcast(&wal->named);
	pthread_mutex_unlock(&wal->lock);
}

Status
wal_files_make_ready(Wal *wal, int32_t wanted, Error *err)
{
	Status st = ST_OK;
	naming_begin(wal);
	while (st == ST_OK && wal_files_ready(wal) < wanted) {
		WalFile *file = NULL;
		st = make_ready(wal, &file, err);
		if (st == ST_OK) {
			wal->next_number++;
			append(wal, file);
		}
	}
	naming_end(wal);
	return st;
}

// Takes the last ready file off the list; NULL: there is none. Its number is the next one's again.
static WalFile *
take_last_ready(Wal *wal)
{
	pthread_mutex_lock(&wal->lock);
	WalFile *before = wal->active, *file = wal->ready;
	while (file != NULL && file->next != NULL) {
		before = file;
		file = file->next;
	}
	if (file != NULL) {
		before->next = NULL;
		wal->last = before;
		wal->ready = wal->ready == file ? NULL : wal->ready;
	}
	pthread_mutex_unlock(&wal->lock);
	if (file != NULL)
		wal->next_number = file->header.number;
	return file;
}

Status
wal_files_retire(Wal *wal, Error *err)
{
	Status st = ST_OK;
	naming_begin(wal);
	while (st == ST_OK) {
		SCOPED(wal_file_drop) WalFile *file = take_last_ready(wal);
		if (file == NULL)
			break;
		file_close(TAKE(file->file));
		st = wal_spare_from(wal, file, WAL_SPARES_MAX, err);
	}
	naming_end(wal);
	return st;
}
