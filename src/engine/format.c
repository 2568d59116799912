#include "engine/format.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "os/file.h"

// It rises with whatever in the directory an older version would take for damage.
enum { FORMAT = 2 }; // 1 had a log of format 1

static Status
judge(const char *path, const char *text, Error *err)
{
	long format = strtol(text, NULL, 10);
	if (strncmp(text, FORMAT_BACKUP, strlen(FORMAT_BACKUP)) == 0)
		return error_set(err, ST_CORRUPT,
						 "%s: this is a backup, not a data directory; `mobius restore` makes one "
						 "of it",
						 path);
	if (strncmp(text, FORMAT_RESTORING, strlen(FORMAT_RESTORING)) == 0)
		return error_set(err, ST_CORRUPT,
						 "%s: a restore into this directory did not end; remove what is in it and "
						 "restore again",
						 path);
	if (format < 1)
		return error_set(err, ST_CORRUPT,
						 "%s does not hold a number; it is damaged, or this is no data directory; "
						 "restore a backup, or choose another directory",
						 path);
	if (format > FORMAT)
		return error_set(
			err, ST_CORRUPT,
			"%s: the data has format %ld, this version reads up to %d; use a newer one", path,
			format, FORMAT);
	return ST_OK;
}

static Status
read_format(const char *dir, long *out, Error *err)
{
	SCOPED(mem_drop) char *path = mem_printf("%s/FORMAT", dir);
	if (path == NULL)
		return error_no_memory(err, "a database");
	SCOPED(file_drop) File *file = NULL;
	TRY(file_open(path, FILE_READ, &file, err));
	char text[16] = "";
	size_t len;
	TRY(file_read_some(file, 0, text, sizeof(text) - 1, &len, err));
	*out = strtol(text, NULL, 10);
	return judge(path, text, err);
}

Status
format_check(const char *dir, Error *err)
{
	long format;
	return read_format(dir, &format, err);
}

Status
format_raise(const char *dir, Error *err)
{
	long format;
	TRY(read_format(dir, &format, err));
	return format < FORMAT ? format_write(dir, NULL, err) : ST_OK;
}

Status
format_write(const char *dir, const char *word, Error *err)
{
	SCOPED(mem_drop) char *path = mem_printf("%s/FORMAT", dir);
	SCOPED(mem_drop) char *next = mem_printf("%s/FORMAT.new", dir);
	if (path == NULL || next == NULL)
		return error_no_memory(err, "a database");
	SCOPED(file_drop) File *file = NULL;
	char text[16];
	int len = word != NULL ? snprintf(text, sizeof(text), "%s\n", word)
						   : snprintf(text, sizeof(text), "%d\n", FORMAT);
	TRY(file_open(next, FILE_WRITE, &file, err));
	TRY(file_truncate(file, 0, err));
	TRY(file_write(file, 0, text, (size_t)len, err));
	TRY(file_sync(file, err));
	TRY(file_rename(next, path, err));
	return dir_sync(dir, err);
}
