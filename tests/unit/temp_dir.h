// temp_dir.h - a directory of its own for a test.

#pragma once

#include <unistd.h>

#include "check.h"
#include "os/file.h"

// In memory where that is possible: tests are about order, not about disks, and thousands of syncs
// to one take minutes.
static inline void
temp_dir_make(char path[64])
{
	strcpy(path, access("/dev/shm", W_OK) == 0 ? "/dev/shm/mobius-test-XXXXXX"
											   : "/tmp/mobius-test-XXXXXX");
	assert_non_null(mkdtemp(path));
}

static inline void
temp_dir_remove(const char *path)
{
	Error err = ERROR_INIT;
	ok(dir_remove_all(path, &err), &err);
}

typedef struct Dir {
	char path[64];
} Dir;

static inline Dir
dir_new(void)
{
	Dir dir;
	temp_dir_make(dir.path);
	return dir;
}

static inline void
dir_drop(Dir *dir)
{
	temp_dir_remove(dir->path);
}
