// backup.h - a copy of the database as of one seq, made while it is written to and read from.
//
// A backup is a folder of backup.dir: manifest.json, catalog.db, the Parquet files as links (or
// copies), the log from the checkpoint on, cut at the seq, and the checkpoint. It appears under its
// name when all of it is on disk. A link protects against deletion, not against damage of the disk
// under both names.
//
// Threads  any that may wait; one backup of a database at a time, others get ST_CONFLICT.

#pragma once

#include "engine/database_int.h"

typedef struct BackupRequest {
	const char *name; // letters, digits, "_", "-", "."
	bool copy;        // bytes instead of links
} BackupRequest;

typedef struct BackupDone {
	char path[512];
	uint64_t seq;
	int32_t files;
	uint64_t bytes;
} BackupDone;

// ST_EXISTS: there is one of this name. ST_CORRUPT: a file is damaged; it is named, with its table,
// before anything is made when the damage is known. After a failure there is no trace of it.
Status backup_create(mobius *db, const BackupRequest *request, BackupDone *out, Error *err);
