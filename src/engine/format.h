// format.h - the file FORMAT of a data directory: one integer, or a word where it is none.
//
// Threads  any.

#pragma once

#include "base/status.h"

#define FORMAT_BACKUP    "backup"    // its files are there, to be restored from
#define FORMAT_RESTORING "restoring" // a restore into it has not ended

// ST_NOT_FOUND: there is none. ST_CORRUPT: this version does not open such a directory; says why.
Status format_check(const char *dir, Error *err);
// Of a directory that an older version wrote, before anything is written that it does not read.
Status format_raise(const char *dir, Error *err);
// The number this version writes, or a word (NULL: the number). Replaces what is there; synced.
Status format_write(const char *dir, const char *word, Error *err);
