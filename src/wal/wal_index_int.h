// wal_index_int.h - where each table's commits lie in one file.
//
// Threads  none of its own: the file's owner, under Wal.lock while the log runs.

#pragma once

#include "wal/wal_format_int.h"
#include "wal/wal_map_int.h"

typedef struct WalFile WalFile;

typedef struct WalIndex {
	WalExtent *extents;
	uint32_t count;
	uint32_t cap;
	WalMap tables; // table id → place in extents
} WalIndex;

// Makes room for `more` tables; false: no memory.
bool wal_index_reserve(WalIndex *index, uint32_t more);
// Adds a record; there must be room.
void wal_index_add(WalIndex *index, uint64_t file, uint64_t offset, const WalHead *head);
const WalExtent *wal_index_find(const WalIndex *index, uint32_t table_id); // NULL: none
void wal_index_close(WalIndex *index);

// The same as bytes: what <number>.idx holds, with where the file ends and its seqs.
Status wal_index_save(const WalFile *file, const char *path, Error *err);
// Fills the file's index, end and seqs, from its .idx. ST_NOT_FOUND when there is none that fits.
Status wal_index_load(WalFile *file, const char *path, Error *err);
