// wal_recover_int.h - what happens where the log does not go on.

#pragma once

#include "wal/wal_replay_int.h"

// What lies behind a place where the log does not go on.
typedef struct WalTrace {
	bool brief;     // the first proof is enough
	bool proven;    // that something is damaged
	char proof[96]; // what is wrong with `file`
	uint64_t file;
	uint64_t synced_seq;
	uint64_t bytes; // of records
} WalTrace;

typedef struct WalRecovering {
	WalReplay replay;
	WalRecovery mode;
	WalHole *accepted; // by an earlier salvage
	uint32_t accepted_count;
	WalHole *holes; // of this one
	uint32_t hole_count;
	bool damaged; // and the log ends there
} WalRecovering;

// Where reading stopped; file 0: before the first.
WalPlace wal_stopped_at(const WalReplay *replay);
// The first file of which something is behind that place; NULL: there is none.
WalFile *wal_file_behind(const WalReplay *replay);

// ---- wal_trace.c ----

// Looks through everything behind for proof that more had been synced.
Status wal_trace(const WalReplay *replay, WalTrace *trace, Error *err);

// ---- wal_salvage.c ----

// Notes what an earlier salvage has skipped, as this file says.
Status wal_accept_holes(WalRecovering *recovery, const WalFile *file, Error *err);
// Goes over a hole that was accepted before; *resumed false when there is none here.
Status wal_resume_accepted(WalRecovering *recovery, bool *resumed, Error *err);
// Goes on at the next commit that is whole; *resumed false when there is none.
Status wal_salvage(WalRecovering *recovery, bool *resumed, Error *err);
