// manifest.h - what a backup holds: every file with its size and hash. Written last, so a folder
// without a manifest is no backup.
//
// File manifest.json, one object: format, seq, epoch, created_at, files [{path, bytes, hash}] and
// `hash`, over all the rest.

#pragma once

#include <stdatomic.h>

#include "base/hash.h"
#include "base/status.h"

typedef struct ManifestFile {
	char *path; // within the backup: "files/7/12.parquet"
	uint64_t bytes;
	Hash128 hash;
} ManifestFile;

typedef struct Manifest {
	uint64_t seq; // commits ≤ it are in the backup, and no others
	uint8_t epoch[16];
	int64_t created_ns;
	ManifestFile *files;
	int32_t count;
	int32_t room;
} Manifest;

void manifest_close(Manifest *manifest);
Status manifest_add(Manifest *manifest, const char *path, uint64_t bytes, Hash128 hash, Error *err);
// Adds a file that is in `dir`, by reading it.
Status manifest_add_read(Manifest *manifest, const char *dir, const char *path, Error *err);
uint64_t manifest_bytes(const Manifest *manifest);

// Synced, with the folder.
Status manifest_save(const Manifest *manifest, const char *dir, Error *err);
// ST_NOT_FOUND: there is none. ST_CORRUPT: it is not what was written.
Status manifest_load(const char *dir, Manifest *out, Error *err);

// ST_CORRUPT names a file that is missing or not what was written.
Status manifest_check_file(const Manifest *manifest, int32_t i, const char *dir, Error *err);
// Copies every file from one folder into another, both there, and checks each on the way. Synced.
// ST_CANCELLED soon after `stop` (may be NULL) is set. *copied (may be NULL) begins with 0 and
// counts the files that were, also after a failure.
Status manifest_copy(const Manifest *manifest, const char *from, const char *to,
					 const atomic_bool *stop, int32_t *copied, Error *err);
// Syncs the folders of its files in `dir`, and `dir`.
Status manifest_sync_dirs(const Manifest *manifest, const char *dir, Error *err);
