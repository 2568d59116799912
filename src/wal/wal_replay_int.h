// wal_replay_int.h - reading one file after the other, as long as all is well.

#pragma once

#include "wal/wal_gather_int.h"
#include "wal/wal_read_int.h"

typedef struct WalReplay {
	Wal *wal;
	uint64_t after;
	const WalReader *reader;
	WalReport report;

	// After the last whole commit, mark or BEGIN. file NULL: before the first.
	WalFile *file;
	uint64_t offset;
	uint32_t crc;
	uint64_t last_seq;

	uint64_t synced_seq; // the highest that a record names
	uint64_t done_bytes; // in files before this one
	uint64_t told_bytes; // to reader->progress
	uint64_t total_bytes;

	WalGather gather; // of the commit being read
} WalReplay;

void wal_replay_close(WalReplay *replay);

// Goes to the begin of a file, or, by its index, to its end if nothing in it is asked for.
Status wal_replay_enter(WalReplay *replay, WalFile *file, Error *err);
// Reads on in the current file until it goes on in the next one, or does not go on.
Status wal_replay_file(WalReplay *replay, bool *goes_on, Error *err);
