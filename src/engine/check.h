// check.h - whether a directory that nobody has open is whole: catalog, files, checkpoint, log; or,
// of a backup, every file its manifest names. Changes nothing.

#pragma once

#include "base/status.h"

typedef struct CheckFindings {
	// One line each, naming the file. damage false: worth knowing, and no loss.
	void (*found)(void *arg, bool damage, const char *text);
	void *arg;
} CheckFindings;

typedef struct CheckCounts {
	uint64_t files;
	uint64_t bytes;
	uint64_t damaged;  // findings that are damage
	uint64_t last_seq; // where the log ends, or the files, if they have more
	Error first;       // of them
} CheckCounts;

typedef enum CheckParts { CHECK_LOG = 1, CHECK_FILES = 2, CHECK_ALL = 3 } CheckParts;

// A data directory whose lock the caller has. Fails only where it could not look; damage is counted
// and told to `findings` (may be NULL).
Status check_parts(const char *dir, CheckParts parts, const CheckFindings *findings,
				   CheckCounts *out, Error *err);
