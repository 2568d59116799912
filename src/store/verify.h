// verify.h - whether a file holds the bytes that were written to it: its size, its footer, all of
// it. The catalog says what they were.
//
// Threads  any.

#pragma once

#include "catalog/catalog.h"
#include "os/file.h"

typedef enum VerifyDepth { VERIFY_NOTHING, VERIFY_FOOTER, VERIFY_WHOLE } VerifyDepth;

// Who reads without haste hears of each piece, and may wait there; false: stop.
typedef struct VerifyPace {
	bool (*pace)(void *arg, uint64_t bytes);
	void *arg;
} VerifyPace;

// Fills meta->hash and footer_hash from what is on disk; its bytes and footer_bytes are known.
Status verify_take_hashes(File *file, FileMeta *meta, Error *err);

// ST_CORRUPT names the file and what is wrong: it is missing, has another size, another footer, or
// other bytes. ST_CANCELLED when `pace` (may be NULL) said so; with it the file is read past the
// page cache. ST_IO: the system could not read it, which says nothing about it.
Status verify_file(const char *path, const FileMeta *meta, VerifyDepth depth,
				   const VerifyPace *pace, Error *err);

// The hash of a whole file of ours that is not in the catalog, and its size.
Status verify_hash_file(const char *path, uint64_t *bytes, Hash128 *hash, Error *err);
