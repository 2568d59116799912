#include "os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/mem.h"
#include "os/file_int.h"

static atomic_long live;

bool
file_fault(void)
{
	if (!fault_here())
		return false;
	errno = EIO;
	return true;
}

Status
file_error(const char *path, const char *call, Error *err)
{
	int cause = errno;
	switch (cause) {
	case ENOENT: return error_set(err, ST_NOT_FOUND, "%s: there is no such file", path);
	case EEXIST: return error_set(err, ST_EXISTS, "%s: exists already", path);
	case ENOMEM: return error_set(err, ST_NO_MEMORY, "%s: %s: no memory", path, call);
	case ENOSPC:
		return error_set(err, ST_DISK_FULL, "%s: %s: the disk is full; free space", path, call);
	case EDQUOT:
		return error_set(err, ST_DISK_FULL, "%s: %s: the quota is used up; raise it or free space",
						 path, call);
	case EACCES:
	case EPERM:
		return error_set(err, ST_IO, "%s: %s: not allowed; check its owner and mode", path, call);
	case EMFILE:
	case ENFILE:
		return error_set(err, ST_IO, "%s: %s: too many open files; raise the limit", path, call);
	default: return error_set(err, ST_IO, "%s: %s: %s", path, call, strerror(cause));
	}
}

static Status
open_flags(const char *path, int flags, File **out, Error *err)
{
	SCOPED(mem_drop) File *file = mem_alloc(sizeof(*file));
	SCOPED(mem_drop) char *own_path = mem_strdup(path);
	if (file == NULL || own_path == NULL)
		return error_set(err, ST_NO_MEMORY, "%s: no memory to open it", path);
	do {
		file->fd = file_fault() ? -1 : open(path, flags | O_CLOEXEC, 0600);
	} while (file->fd < 0 && errno == EINTR);
	if (file->fd < 0)
		return file_error(path, "open", err);
	file->path = TAKE(own_path);
	atomic_fetch_add(&live, 1);
	*out = TAKE(file);
	return ST_OK;
}

// A pipe or a device in the place of a file would be read without end.
static Status
check_regular(const File *file, Error *err)
{
	struct stat st;
	if (file_fault() || fstat(file->fd, &st) != 0)
		return file_error(file->path, "fstat", err);
	if (!S_ISREG(st.st_mode))
		return error_set(err, ST_CORRUPT, "%s: is no regular file", file->path);
	return ST_OK;
}

Status
file_open(const char *path, FileMode mode, File **out, Error *err)
{
	static const int flags[] = {
		[FILE_READ] = O_RDONLY | O_NONBLOCK, // it may be a pipe: see check_regular
		[FILE_DEVICE] = O_RDONLY,
		[FILE_WRITE] = O_RDWR | O_CREAT,
		[FILE_CREATE_NEW] = O_RDWR | O_CREAT | O_EXCL,
	};
	SCOPED(file_drop) File *file = NULL;
	TRY(open_flags(path, flags[mode], &file, err));
	if (mode == FILE_READ)
		TRY(check_regular(file, err));
	else if (mode != FILE_DEVICE && hold_wanted())
		TRY(hold_new(file, err));
	*out = TAKE(file);
	return ST_OK;
}

Status
file_lock(const char *path, File **out, Error *err)
{
	SCOPED(file_drop) File *file = NULL;
	TRY(open_flags(path, O_RDWR | O_CREAT, &file, err));
	if (file_fault() || flock(file->fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno == EWOULDBLOCK)
			return error_set(err, ST_CONFLICT, "%s: another process has it; stop that one first",
							 path);
		return file_error(path, "flock", err);
	}
	*out = TAKE(file);
	return ST_OK;
}

void
file_close(File *file)
{
	if (file == NULL)
		return;
	atomic_fetch_sub(&live, 1);
	hold_free(file->hold);
	direct_free(file->direct);
	close(file->fd);
	mem_free(file->path);
	mem_free(file);
}

const char *
file_path(const File *file)
{
	return file->path;
}

long
file_live(void)
{
	return atomic_load(&live);
}

Status
file_do_size(File *file, uint64_t *out, Error *err)
{
	struct stat info;
	if (file_fault() || fstat(file->fd, &info) != 0)
		return file_error(file->path, "fstat", err);
	*out = (uint64_t)info.st_size;
	return ST_OK;
}

Status
file_size(File *file, uint64_t *out, Error *err)
{
	TRY(file_do_size(file, out, err));
	if (file->hold != NULL)
		*out = hold_size(file);
	return ST_OK;
}

Status
file_do_read_some(File *file, uint64_t off, void *buf, size_t len, size_t *out_len, Error *err)
{
	size_t done = 0;
	while (done < len) {
		char *at = (char *)buf + done;
		ssize_t n = file_fault() ? -1 : pread(file->fd, at, len - done, (off_t)(off + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return file_error(file->path, "read", err);
		done += (size_t)n;
		if (n == 0 || (file->reads_blocks && n % FILE_BLOCK != 0))
			break; // the end of the file
	}
	*out_len = done;
	return ST_OK;
}

void
file_read_direct(File *file)
{
	if (file->hold != NULL)
		return;
	int flags = fcntl(file->fd, F_GETFL);
	file->reads_blocks = flags >= 0 && fcntl(file->fd, F_SETFL, flags | O_DIRECT) == 0;
}

Status
file_read_some(File *file, uint64_t off, void *buf, size_t len, size_t *out_len, Error *err)
{
	if (file->hold != NULL)
		return hold_read_some(file, off, buf, len, out_len, err);
	return file_do_read_some(file, off, buf, len, out_len, err);
}

Status
file_read(File *file, uint64_t off, void *buf, size_t len, Error *err)
{
	size_t got;
	TRY(file_read_some(file, off, buf, len, &got, err));
	if (got < len)
		return error_set(err, ST_CORRUPT,
						 "%s: ends at byte %" PRIu64 ", where %zu more were expected", file->path,
						 off + got, len - got);
	return ST_OK;
}

Status
file_do_writev(File *file, uint64_t off, struct iovec *iov, size_t count, Error *err)
{
	for (;;) {
		while (count > 0 && iov->iov_len == 0) {
			iov++;
			count--;
		}
		if (count == 0)
			return ST_OK;

		int pieces = count > IOV_MAX ? IOV_MAX : (int)count;
		ssize_t n = file_fault() ? -1 : pwritev(file->fd, iov, pieces, (off_t)off);
		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0)
			errno = EIO; // bytes were offered and none taken
		if (n <= 0)
			return file_error(file->path, "write", err);

		// What was taken, piece by piece; the last may be taken in part.
		off += (uint64_t)n;
		size_t taken = (size_t)n;
		for (; count > 0 && taken >= iov->iov_len; iov++, count--)
			taken -= iov->iov_len;
		if (count > 0) {
			iov->iov_base = (char *)iov->iov_base + taken;
			iov->iov_len -= taken;
		}
	}
}

Status
file_writev(File *file, uint64_t off, struct iovec *iov, size_t count, Error *err)
{
	if (file->hold != NULL)
		return hold_writev(file, off, iov, count, err);
	if (file->direct != NULL)
		return direct_writev(file, off, iov, count, err);
	return file_do_writev(file, off, iov, count, err);
}

Status
file_write(File *file, uint64_t off, const void *buf, size_t len, Error *err)
{
	struct iovec piece = {.iov_base = (void *)(uintptr_t)buf, .iov_len = len};
	return file_writev(file, off, &piece, 1, err);
}

Status
file_sync(File *file, Error *err)
{
	if (file->hold != NULL)
		TRY(hold_release(file, err));
	// Never tried again: the system may have dropped the pages that it could not write.
	if (file_fault() || fdatasync(file->fd) != 0)
		return file_error(file->path, "fdatasync", err);
	return ST_OK;
}

Status
file_do_truncate(File *file, uint64_t size, Error *err)
{
	int rc;
	do {
		rc = file_fault() ? -1 : ftruncate(file->fd, (off_t)size);
	} while (rc != 0 && errno == EINTR);
	return rc == 0 ? ST_OK : file_error(file->path, "truncate", err);
}

Status
file_truncate(File *file, uint64_t size, Error *err)
{
	return file->hold != NULL ? hold_truncate(file, size, err) : file_do_truncate(file, size, err);
}

Status
file_do_allocate(File *file, uint64_t size, Error *err)
{
	if (size == 0)
		return ST_OK;
	int rc;
	do {
		rc = file_fault() ? -1 : fallocate(file->fd, 0, 0, (off_t)size);
	} while (rc != 0 && errno == EINTR);
	if (rc == 0)
		return ST_OK;
	if (errno != EOPNOTSUPP)
		return file_error(file->path, "allocate", err);

	// A file system that cannot reserve still gets the size.
	uint64_t now;
	TRY(file_do_size(file, &now, err));
	return now < size ? file_do_truncate(file, size, err) : ST_OK;
}

Status
file_allocate(File *file, uint64_t size, Error *err)
{
	return file->hold != NULL ? hold_allocate(file, size, err) : file_do_allocate(file, size, err);
}

void
file_push(File *file, uint64_t off, uint64_t len)
{
	if (file->hold == NULL && len > 0)
		sync_file_range(file->fd, (off_t)off, (off_t)len, SYNC_FILE_RANGE_WRITE);
}

Status
file_rename(const char *from, const char *to, Error *err)
{
	if (file_fault() || rename(from, to) != 0)
		return file_error(from, "rename", err);
	return ST_OK;
}

Status
file_link(const char *from, const char *to, Error *err)
{
	if (file_fault() || link(from, to) != 0)
		return file_error(errno == EEXIST ? to : from, "link", err);
	return ST_OK;
}

Status
file_unlink(const char *path, Error *err)
{
	if (file_fault() || unlink(path) != 0)
		return file_error(path, "unlink", err);
	return ST_OK;
}

Status
file_unlink_if_there(const char *path, Error *err)
{
	if (file_fault() || (unlink(path) != 0 && errno != ENOENT))
		return file_error(path, "unlink", err);
	return ST_OK;
}

Status
file_stat_size(const char *path, uint64_t *out, Error *err)
{
	struct stat info;
	if (file_fault() || stat(path, &info) != 0)
		return file_error(path, "stat", err);
	*out = (uint64_t)info.st_size;
	return ST_OK;
}

Status
file_mark(const char *path, FileMark *out, Error *err)
{
	struct stat info;
	if (file_fault() || stat(path, &info) != 0)
		return file_error(path, "stat", err);
	*out = (FileMark){
		.device = info.st_dev,
		.inode = info.st_ino,
		.size = (uint64_t)info.st_size,
		.written_ns = info.st_mtim.tv_sec * INT64_C(1000000000) + info.st_mtim.tv_nsec,
	};
	return ST_OK;
}
