// support.h - what the tests of this room share.

#pragma once

#include "../check.h"
#include "os/file.h"

#define FAULT_LOOP(st, ...) FAULTS_IN_TURN(mem_live() + file_live(), st != ST_OK, st, __VA_ARGS__)

// A folder of its own for a test.
typedef struct Folder {
	char path[64];
} Folder;

static inline Folder
folder_make(void)
{
	Folder folder = {.path = "/tmp/mobius-os-XXXXXX"};
	assert_non_null(mkdtemp(folder.path));
	return folder;
}

// A path in it; good until eight more were asked for.
static inline const char *
in(const Folder *folder, const char *name)
{
	static char paths[8][128];
	static size_t next;
	char *path = paths[next++ % COUNT_OF(paths)];
	snprintf(path, sizeof(paths[0]), "%s/%s", folder->path, name);
	return path;
}

static inline void
folder_drop(Folder *folder)
{
	assert_int_equal(dir_remove_all(folder->path, NULL), ST_OK);
}
