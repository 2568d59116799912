// file_int.h - what file.c, file_hold.c and dir.c share.

#pragma once

#include <pthread.h>

#include "os/file.h"

typedef struct Hold Hold;
typedef struct Direct Direct;

struct File {
	int fd;
	char *path;
	Hold *hold;        // NULL but in a test build's process; see file_hold_writes
	Direct *direct;    // NULL but after file_append_direct
	bool reads_blocks; // see file_read_direct
};

// True when the caller must behave as if the system had said EIO.
bool file_fault(void);

// errno as Status, naming path and call.
Status file_error(const char *path, const char *call, Error *err);

// What the system does, without holding.
Status file_do_writev(File *file, uint64_t off, struct iovec *iov, size_t count, Error *err);
Status file_do_read_some(File *file, uint64_t off, void *buf, size_t len, size_t *out_len,
						 Error *err);
Status file_do_truncate(File *file, uint64_t size, Error *err);
Status file_do_allocate(File *file, uint64_t size, Error *err);
Status file_do_size(File *file, uint64_t *out, Error *err);

// Changes that are held in order until file_sync.
bool hold_wanted(void);
Status hold_new(File *file, Error *err); // sets file->hold
void hold_free(Hold *hold);              // loses what is held; NULL is allowed
Status hold_writev(File *file, uint64_t off, const struct iovec *iov, size_t count, Error *err);
Status hold_truncate(File *file, uint64_t size, Error *err);
Status hold_allocate(File *file, uint64_t size, Error *err);
Status hold_read_some(File *file, uint64_t off, void *buf, size_t len, size_t *out_len, Error *err);
uint64_t hold_size(File *file);
Status hold_release(File *file, Error *err); // does what is held

// Writes past the page cache.
void direct_free(Direct *direct); // NULL is allowed
Status direct_writev(File *file, uint64_t off, struct iovec *iov, size_t count, Error *err);
