// The durability seam: changes of a file stay in this process, in order, until file_sync. A process
// that is killed loses them, as a machine without power would.

#include <stdatomic.h>
#include <string.h>

#include "base/mem.h"
#include "os/file_int.h"

static atomic_bool hold_on;

typedef enum ChangeKind { WRITE, TRUNCATE, ALLOCATE } ChangeKind;

typedef struct Change Change;
struct Change {
	Change *next;
	ChangeKind kind;
	uint64_t off; // where a write begins; 0 otherwise
	uint64_t len; // bytes written; otherwise the size asked for
	uint8_t data[];
};

struct Hold {
	pthread_mutex_t lock; // guards what follows
	uint64_t size;        // of the file, with all changes
	Change *first;
	Change **end;
};

void
file_hold_writes(bool on)
{
	atomic_store(&hold_on, on);
}

bool
hold_wanted(void)
{
	return atomic_load(&hold_on);
}

Status
hold_new(File *file, Error *err)
{
	uint64_t size;
	TRY(file_do_size(file, &size, err));
	Hold *hold = mem_alloc(sizeof(*hold));
	if (hold == NULL)
		return error_set(err, ST_NO_MEMORY, "%s: no memory to hold writes", file->path);
	pthread_mutex_init(&hold->lock, NULL);
	hold->size = size;
	hold->end = &hold->first;
	file->hold = hold;
	return ST_OK;
}

static void
free_changes(Change *change)
{
	while (change != NULL) {
		Change *next = change->next;
		mem_free(change);
		change = next;
	}
}

void
hold_free(Hold *hold)
{
	if (hold == NULL)
		return;
	free_changes(hold->first);
	pthread_mutex_destroy(&hold->lock);
	mem_free(hold);
}

// A change with room for data bytes, or NULL with the error set.
static Change *
change_new(File *file, ChangeKind kind, uint64_t off, uint64_t len, Error *err)
{
	size_t data_len = kind == WRITE ? len : 0;
	Change *change = file_fault() ? NULL : mem_alloc(sizeof(*change) + data_len);
	if (change == NULL) {
		(void)error_set(err, ST_NO_MEMORY, "%s: no memory to hold a write", file->path);
		return NULL;
	}
	change->kind = kind;
	change->off = off;
	change->len = len;
	return change;
}

static Status
add(File *file, Change *change)
{
	Hold *hold = file->hold;
	uint64_t end = change->off + change->len;
	pthread_mutex_lock(&hold->lock);
	if (change->kind == TRUNCATE || end > hold->size)
		hold->size = end;
	*hold->end = change;
	hold->end = &change->next;
	pthread_mutex_unlock(&hold->lock);
	return ST_OK;
}

Status
hold_writev(File *file, uint64_t off, const struct iovec *iov, size_t count, Error *err)
{
	size_t len = 0;
	for (size_t i = 0; i < count; i++)
		len += iov[i].iov_len;
	if (len == 0)
		return ST_OK;
	Change *change = change_new(file, WRITE, off, len, err);
	if (change == NULL)
		return ST_NO_MEMORY;
	uint8_t *at = change->data;
	for (size_t i = 0; i < count; i++) {
		if (iov[i].iov_len > 0)
			memcpy(at, iov[i].iov_base, iov[i].iov_len);
		at += iov[i].iov_len;
	}
	return add(file, change);
}

Status
hold_truncate(File *file, uint64_t size, Error *err)
{
	Change *change = change_new(file, TRUNCATE, 0, size, err);
	return change == NULL ? ST_NO_MEMORY : add(file, change);
}

Status
hold_allocate(File *file, uint64_t size, Error *err)
{
	Change *change = change_new(file, ALLOCATE, 0, size, err);
	return change == NULL ? ST_NO_MEMORY : add(file, change);
}

uint64_t
hold_size(File *file)
{
	pthread_mutex_lock(&file->hold->lock);
	uint64_t size = file->hold->size;
	pthread_mutex_unlock(&file->hold->lock);
	return size;
}

// What one change does to the bytes that buf shows, [off, off + len) of the file.
static void
overlay(const Change *change, uint64_t off, uint8_t *buf, size_t len)
{
	uint64_t from = change->off > off ? change->off : off;
	uint64_t to = off + len;
	if (change->kind == TRUNCATE) {
		from = change->len > off ? change->len : off;
		if (from < to)
			memset(buf + (from - off), 0, to - from);
		return;
	}
	if (change->off + change->len < to)
		to = change->off + change->len;
	if (change->kind == WRITE && from < to)
		memcpy(buf + (from - off), change->data + (from - change->off), to - from);
}

Status
hold_read_some(File *file, uint64_t off, void *buf, size_t len, size_t *out_len, Error *err)
{
	// The lock is kept while reading, so that a sync cannot move a change to the disk in between.
	Hold *hold = file->hold;
	size_t on_disk = 0;
	pthread_mutex_lock(&hold->lock);
	uint64_t left = off < hold->size ? hold->size - off : 0;
	size_t wanted = len < left ? len : left;
	Status st = file_do_read_some(file, off, buf, wanted, &on_disk, err);
	if (st == ST_OK) {
		memset((uint8_t *)buf + on_disk, 0, wanted - on_disk);
		for (const Change *change = hold->first; change != NULL; change = change->next)
			overlay(change, off, buf, wanted);
		*out_len = wanted;
	}
	pthread_mutex_unlock(&hold->lock);
	return st;
}

static Status
perform(File *file, Change *change, Error *err)
{
	struct iovec piece = {.iov_base = change->data, .iov_len = change->len};
	switch (change->kind) {
	case WRITE: return file_do_writev(file, change->off, &piece, 1, err);
	case TRUNCATE: return file_do_truncate(file, change->len, err);
	case ALLOCATE: return file_do_allocate(file, change->len, err);
	}
	return ST_INTERNAL;
}

Status
hold_release(File *file, Error *err)
{
	Hold *hold = file->hold;
	Status st = ST_OK;
	pthread_mutex_lock(&hold->lock);
	while (hold->first != NULL && st == ST_OK) {
		Change *change = hold->first;
		st = perform(file, change, err);
		if (st == ST_OK) {
			hold->first = change->next;
			mem_free(change);
		}
	}
	if (hold->first == NULL)
		hold->end = &hold->first;
	pthread_mutex_unlock(&hold->lock);
	return st;
}
