// wal_plan_int.h - a write before it is made: heads and gathered pieces for at most two files, the
// active one and the next.
//
// Owner    the sequencer. Nothing here is seen by others before it is written.

#pragma once

#include "wal/wal_int.h"

enum { WAL_PAD_MAX = 8 }; // one more than padding needs

typedef struct WalSlot {
	WalHead head;
	uint64_t offset;
	uint8_t bytes[WAL_PAD_MAX + WAL_HEAD_BYTES]; // padding of the record before, then the head
} WalSlot;

// What goes into one file, from file->end on. `end` to `told` will be the file's.
typedef struct WalPart {
	WalFile *file; // NULL: the part is not used
	uint64_t end;
	uint32_t end_crc;
	uint64_t last_seq;
	uint64_t min_seq;
	uint64_t told;
	int64_t begun_ns; // 0: no BEGIN in this part
	uint32_t entries; // for which the index has room
	size_t pad;       // bytes still to come after the last record
	size_t first_slot;
	size_t slot_count;
	size_t first_iov;
	size_t iov_count;
} WalPart;

struct WalPlan {
	WalSlot *slots; // room for a whole call: iov points into them
	struct iovec *iov;
	size_t slot_cap;
	size_t iov_cap;
	WalPart parts[2];
	WalPart *part; // the current one
	uint64_t synced_seq;
	uint32_t attempt;
	Buf begin; // payload of the BEGIN record
};

// Begins a plan at the end of `file`, with room for these commits.
Status wal_plan_begin(Wal *wal, WalFile *file, const WalCommit *commits, int32_t count,
					  uint64_t synced_seq, Error *err);
// *fits false: a third file would be needed; nothing was planned.
Status wal_plan_commit(Wal *wal, const WalCommit *commit, bool *fits, Error *err);
Status wal_plan_mark(Wal *wal, uint64_t seq, bool clean, Error *err);
// The first record of the current, empty part. before: where the log ended so far; its file may be
// NULL.
Status wal_plan_first(Wal *wal, const WalPart *before, uint8_t flags, Error *err);
void wal_plan_end(WalPlan *plan);

// Forgets schemas that were planned and are not written.
void wal_plan_undo(WalPlan *plan);
