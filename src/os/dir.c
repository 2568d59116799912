#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/mem.h"
#include "os/file_int.h"

enum { DEEPEST = 32 }; // each level holds a descriptor while its folder is emptied

static void
fd_drop(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static void
stream_drop(DIR **stream)
{
	if (*stream != NULL)
		closedir(*stream);
}

Status
dir_absolute(const char *path, char **out, Error *err)
{
	char resolved[PATH_MAX];
	char *copy = NULL;
	if (fault_here() || realpath(path, resolved) == NULL)
		return error_set(err, ST_IO, "%s: its absolute path cannot be found", path);
	copy = mem_strdup(resolved);
	if (copy == NULL)
		return error_no_memory(err, "a path");
	*out = copy;
	return ST_OK;
}

Status
dir_capacity(const char *path, uint64_t *out, Error *err)
{
	struct statvfs found;
	if (fault_here() || statvfs(path, &found) != 0)
		return error_set(err, ST_IO, "%s: the size of its disk cannot be found", path);
	*out = (uint64_t)found.f_blocks * found.f_frsize;
	return ST_OK;
}

static Status
no_parent(const char *path, Error *err)
{
	size_t len = strlen(path);
	while (len > 1 && path[len - 1] == '/')
		len--;
	while (len > 0 && path[len - 1] != '/')
		len--;
	while (len > 1 && path[len - 1] == '/')
		len--;
	SCOPED(mem_drop) char *parent = mem_printf("%.*s", (int)len, path);
	struct stat info;
	if (parent == NULL)
		return error_no_memory(err, "a path");
	if (len == 0 || stat(parent, &info) == 0)
		return error_set(err, ST_NOT_FOUND,
						 "%s cannot be made: %s takes no directories; choose another place", path,
						 len == 0 ? "the working directory" : parent);
	return error_set(err, ST_NOT_FOUND,
					 "%s cannot be made: there is no directory %.*s; make it first", path, (int)len,
					 path);
}

Status
dir_make(const char *path, Error *err)
{
	if (path[0] == '\0')
		return error_set(err, ST_INVALID, "the path of a directory is empty; name one");
	if (!file_fault() && mkdir(path, 0700) == 0)
		return ST_OK;
	struct stat info;
	if (errno == ENOENT)
		return no_parent(path, err);
	if (errno != EEXIST)
		return file_error(path, "mkdir", err);
	if (stat(path, &info) != 0)
		return file_error(path, "stat", err);
	if (!S_ISDIR(info.st_mode))
		return error_set(err, ST_EXISTS, "%s: is no directory; move it away", path);
	return ST_OK;
}

Status
dir_sync(const char *path, Error *err)
{
	SCOPED(fd_drop) int fd = file_fault() ? -1 : open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return file_error(path, "open", err);
	if (file_fault() || fsync(fd) != 0)
		return file_error(path, "fsync", err);
	return ST_OK;
}

Status
dir_sync_parent(const char *path, Error *err)
{
	SCOPED(mem_drop) char *up = mem_printf("%s/..", path);
	if (up == NULL)
		return error_no_memory(err, "a path");
	SCOPED(fd_drop) int fd = file_fault() ? -1 : open(up, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == EACCES ? ST_OK : file_error(up, "open", err);
	if (file_fault() || fsync(fd) != 0)
		return file_error(up, "fsync", err);
	return ST_OK;
}

// The next name but "." and ".."; NULL at the end, or with errno set.
static const char *
next_name(DIR *stream)
{
	struct dirent *entry;
	do {
		errno = 0;
		entry = readdir(stream);
	} while (entry != NULL &&
			 (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0));
	return entry == NULL ? NULL : entry->d_name;
}

Status
dir_list(const char *path, Status (*each)(void *arg, const char *name, Error *err), void *arg,
		 Error *err)
{
	SCOPED(stream_drop) DIR *stream = file_fault() ? NULL : opendir(path);
	if (stream == NULL)
		return file_error(path, "opendir", err);
	const char *name;
	while ((name = next_name(stream)) != NULL)
		TRY(each(arg, name, err));
	return errno == 0 ? ST_OK : file_error(path, "readdir", err);
}

static Status remove_entry(int parent, const char *name, const char *shown, int depth, Error *err);

static Status
empty_dir(int parent, const char *name, const char *shown, int depth, Error *err)
{
	if (depth == DEEPEST)
		return error_set(err, ST_IO, "%s: deeper than %d levels; remove it by hand", shown,
						 DEEPEST);
	// Not through a link: what it names is not ours.
	int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int fd = file_fault() ? -1 : openat(parent, name, flags);
	if (fd < 0)
		return file_error(shown, "open", err);
	SCOPED(stream_drop) DIR *stream = fdopendir(fd);
	if (stream == NULL) {
		close(fd);
		return file_error(shown, "opendir", err);
	}
	const char *child;
	while ((child = next_name(stream)) != NULL)
		TRY(remove_entry(fd, child, shown, depth + 1, err));
	return errno == 0 ? ST_OK : file_error(shown, "readdir", err);
}

static Status
remove_entry(int parent, const char *name, const char *shown, int depth, Error *err)
{
	if (!file_fault() && unlinkat(parent, name, 0) == 0)
		return ST_OK;
	if (errno == ENOENT)
		return ST_OK;
	if (errno != EISDIR)
		return file_error(shown, "unlink", err);
	TRY(empty_dir(parent, name, shown, depth, err));
	if (file_fault() || unlinkat(parent, name, AT_REMOVEDIR) != 0)
		return file_error(shown, "rmdir", err);
	return ST_OK;
}

Status
dir_remove_all(const char *path, Error *err)
{
	return remove_entry(AT_FDCWD, path, path, 0, err);
}
