// file.h - the only door to the file system.
//
// Every function asks fault_here() first. Paths are UTF-8. Reads and writes at explicit offsets may
// run at the same time from any thread; one thread closes.
//
// Durability seam: file_hold_writes(true), set once at start by a test build's process, makes
// writes stay in this process until file_sync of that file, so that SIGKILL loses what was not
// synced. Reads of the same File see held bytes. Holds in no product configuration.

#pragma once

#include <sys/uio.h>

#include "base/status.h"

typedef struct File File;

typedef enum FileMode {
	FILE_READ,       // must exist
	FILE_DEVICE,     // read, and it need be no regular file
	FILE_WRITE,      // read and write, created when missing
	FILE_CREATE_NEW, // read and write, must not exist: ST_EXISTS
} FileMode;

// ST_NOT_FOUND, ST_EXISTS, ST_DISK_FULL, ST_NO_MEMORY or ST_IO, naming the path. Others below
// likewise. FILE_READ: ST_CORRUPT if it is a directory, a pipe or a device.
Status file_open(const char *path, FileMode mode, File **out, Error *err);
void file_close(File *file); // NULL is allowed
Status file_size(File *file, uint64_t *out, Error *err);

// Reads exactly len bytes; ST_CORRUPT when the file ends before.
Status file_read(File *file, uint64_t off, void *buf, size_t len, Error *err);
// Reads up to len bytes; *out_len < len only at the end of the file.
Status file_read_some(File *file, uint64_t off, void *buf, size_t len, size_t *out_len, Error *err);

// From now on reads pass the page cache by, where the file system can: for large files that are
// read one time. Offset, length and address of each are then multiples of FILE_BLOCK.
enum { FILE_BLOCK = 4096 };
// The first multiple from `memory` on.
uint8_t *file_block_align(uint8_t *memory);
void file_read_direct(File *file);

// Write all or fail. `iov` may be changed. More than IOV_MAX pieces are allowed.
Status file_write(File *file, uint64_t off, const void *buf, size_t len, Error *err);
Status file_writev(File *file, uint64_t off, struct iovec *iov, size_t count, Error *err);

// From now on writes of this file go past the page cache where the system can: a log that fills
// fresh pages of it pays several times for each byte. Writes come one at a time, at rising offsets
// or again in the last block; what follows one in its last block of 4096 bytes becomes zeros. Read
// the file through another File.
Status file_append_direct(File *file, Error *err);
Status file_sync(File *file,
				 Error *err); // fdatasync. After a failure the file must not be trusted or retried
Status file_truncate(File *file, uint64_t size, Error *err);
Status file_allocate(File *file, uint64_t size, Error *err); // fallocate from 0
void file_push(File *file, uint64_t off, uint64_t len); // start write-back, do not wait; a hint
const char *file_path(const File *file);

Status file_rename(const char *from, const char *to, Error *err);
Status file_link(const char *from, const char *to, Error *err);
Status file_unlink(const char *path, Error *err); // ST_NOT_FOUND when there is none
Status file_unlink_if_there(const char *path, Error *err);
Status file_stat_size(const char *path, uint64_t *out, Error *err);

// What differs once a file was written to, or another took its name. A link to it changes nothing.
typedef struct FileMark {
	uint64_t device;
	uint64_t inode;
	uint64_t size;
	int64_t written_ns; // wall
} FileMark;
Status file_mark(const char *path, FileMark *out, Error *err);

// The directory's path from the root (owned text).
Status dir_absolute(const char *path, char **out, Error *err);
Status dir_make(const char *path, Error *err); // fine when it exists
// Bytes the file system that holds it has room for in all, used or not.
Status dir_capacity(const char *path, uint64_t *out, Error *err);
Status dir_sync(const char *path, Error *err); // fsync: makes renames and creations in it durable
// fsync of the folder it lies in: makes the name of a new directory durable. One that this process
// may not read is left alone: it did not make what lies there.
Status dir_sync_parent(const char *path, Error *err);
Status dir_remove_all(const char *path, Error *err); // fine when there is none

// Calls `each(arg, name)` for every entry but "." and ".."; stops at its first failure.
Status dir_list(const char *path, Status (*each)(void *arg, const char *name, Error *err),
				void *arg, Error *err);

// Takes an exclusive lock that lives as long as the File. ST_CONFLICT when another process has it.
Status file_lock(const char *path, File **out, Error *err);

void file_hold_writes(bool on);
long file_live(void); // files not yet closed

static inline void
file_drop(File **file)
{
	file_close(*file);
}
