// support.h - what the tests of this room share.

#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/fault.h"
#include "base/mem.h"
#include "base/status.h"
#include "os/file.h"

// Runs `body` (statements that set `st` and release what they made) with every fallible call
// failing in turn until none fails; no memory and no file may be left over.
#define FAULT_LOOP(st, ...)                                                                        \
	do {                                                                                           \
		long memory_ = mem_live(), files_ = file_live();                                           \
		for (long nth_ = 0;; nth_++) {                                                             \
			Status st = ST_OK;                                                                     \
			fault_arm(nth_);                                                                       \
			__VA_ARGS__;                                                                           \
			bool failed_ = fault_disarm();                                                         \
			assert_int_equal(mem_live(), memory_);                                                 \
			assert_int_equal(file_live(), files_);                                                 \
			assert_int_equal(st != ST_OK, failed_);                                                \
			if (!failed_)                                                                          \
				break;                                                                             \
			assert_true(nth_ < 1000);                                                              \
		}                                                                                          \
	} while (0)

static inline void
ok(Status st, const Error *err)
{
	if (st != ST_OK)
		fail_msg("%s: %s", status_name(st), err->text);
}

static inline void
says(const Error *err, const char *part)
{
	if (strstr(err->text, part) == NULL)
		fail_msg("'%s' does not say '%s'", err->text, part);
}

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
