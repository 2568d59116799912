// wal_int.h - the log as its own files see it.

#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "os/file.h"
#include "wal/wal_format_int.h"
#include "wal/wal_index_int.h"
#include "wal/wal_map_int.h"

enum {
	WAL_READY = 2,       // prepared files wanted
	WAL_SPARES_MAX = 8,  // recycled and prepared files kept
	WAL_ALIGNMENT = 4096 // of the size of a file
};

// One <number>.wal. Its life: ready → active → inactive → recycled or removed.
typedef struct WalFile {
	struct WalFile *next; // the one with the next number
	WalHeader header;
	uint32_t seed;
	File *file; // open while ready, active, or not yet synced

	// Guarded by Wal.lock. The sequencer writes what belongs to the active file, and reads it
	// without the lock.
	uint64_t size;       // on disk
	uint64_t told;       // what the file itself says of that
	uint64_t end;        // where the next record goes
	uint32_t end_crc;    // of the record before `end`
	uint64_t last_seq;   // of the last commit in this file or before it
	uint64_t min_seq;    // of the commits in this file; 0: none
	uint64_t synced_end; // what is before is on disk
	int64_t begun_ns;    // wall
	WalIndex index;

	bool indexed;   // its .idx is written. The keeper's
	WalMap schemas; // id → offset of the record that holds it. The sequencer's

	// Found at recovery.
	bool readable; // the header is right
	bool begun;    // and so is the BEGIN record, whose head and payload are these:
	WalHead head;
	WalBegin begin;
} WalFile;

typedef struct WalPlan WalPlan; // wal_plan_int.h

struct Wal {
	char *dir; // NULL: no file is ever made, and all lists below stay empty
	uint64_t segment_size;
	BytesPool *pool;
	atomic_bool failed; // a sync

	// Guards the list, the files' fields named above and the spares. Never held over I/O.
	pthread_mutex_t lock;
	WalFile *first;
	WalFile *last;
	WalFile *active; // NULL before wal_start
	WalFile *ready;  // the first of them; they follow the active one
	uint64_t spares[WAL_SPARES_MAX];
	int32_t spare_count;
	uint64_t last_spare;
	uint64_t gone_seq; // commits up to it are in no file that may be read: raised before one goes

	// Keeper and sequencer may want to add a file at the same time: one waits until the other has.
	pthread_cond_t named;
	bool naming;          // guarded by lock
	uint64_t next_number; // whoever set `naming` has this and epoch
	uint8_t epoch[16];

	// The sequencer's.
	uint64_t last_seq;
	uint64_t start_seq;  // of this run
	uint64_t before_seq; // the last one before it
	uint32_t attempt;
	WalPlan *plan;

	// What recovery leaves for wal_start.
	bool recovered;
	bool damaged;        // the files of the tail are kept aside, not used again
	WalFile *tail;       // what follows the place where the log ended, ascending
	uint64_t synced_seq; // known to be on disk
	WalHole *holes;      // skipped by this recovery
	uint32_t hole_count;
};

// ---- wal_list.c ----

// Lists the directory into wal->first and wal->spares, reading what is at the begin of each file.
Status wal_files_load(Wal *wal, Error *err);
// At the end; under Wal.lock while the log runs.
void wal_list_add(Wal *wal, WalFile *file);

// ---- wal_file.c ----

// Of <number><suffix>, to be freed by mem_free.
Status wal_path(const Wal *wal, uint64_t number, const char *suffix, char **out, Error *err);
void wal_file_free(WalFile *file); // NULL is allowed

// Adds prepared files to the list until `wanted` are ready, each from a spare where there is one.
Status wal_files_make_ready(Wal *wal, int32_t wanted, Error *err);
int32_t wal_files_ready(Wal *wal);
// Makes spares of those again, from the last one back, so that the sequence has no hole at any
// time. What fails is left to the next start.
Status wal_files_retire(Wal *wal, Error *err);

// Adds a spare of zeros. Slow.
Status wal_spare_make(Wal *wal, Error *err);
// Makes a spare of a closed file, or removes it when that would make more than `most`, with those
// that are ready, or it is of another size.
Status wal_spare_from(Wal *wal, const WalFile *file, int32_t most, Error *err);
// Removes all spares. One that stays for a failure is found by the next start.
void wal_spares_remove(Wal *wal);

// ---- wal_keep.c ----

// Before the mark of a clean stop: the next start need not read the active file, nor look for
// records in those that are ready. It does both where this fails.
void wal_leave(Wal *wal);
// Gives back what a file has behind its end, once the next one's BEGIN, on disk, says where that
// is: nothing is ever written there again. Where it fails the file stays as large as it is.
void wal_shorten(Wal *wal, WalFile *file);
// What a file that is not ready keeps of the disk. Under Wal.lock.
uint64_t wal_file_bytes(const Wal *wal, const WalFile *file);

// ---- wal_write.c, wal_plan.c ----

// Begins the first ready file as what follows everything recovered, and syncs it.
Status wal_begin_settled(Wal *wal, Error *err);
void wal_plan_free(WalPlan *plan); // NULL is allowed

// ---- wal.c ----

// What the caller closes, without the lock that is held here: a file that takes no more writes and
// is synced. NULL: not yet.
File *wal_file_done(Wal *wal, WalFile *file);
// A failure is final: it may have been for anything written before.
Status wal_file_sync(Wal *wal, const WalFile *file, Error *err);

DEFINE_DROP(WalFile, wal_file_drop, wal_file_free)
