// wal.h - the write-ahead log: what is acknowledged is in here first.
//
// Files wal/<number>.wal of segment_size, zeroed beforehand where a spare is ready. A commit lies
// in one file; one that does not fit into an empty file gets a file of its own size. Layout:
// wal_format_int.h. A file is prepared, synced and named before it is used, so that going on in the
// next one costs no sync. Validity: a record counts if its checksum (seeded with the file's
// incarnation and the record's offset) holds, it names the checksum of the record before it, and
// its payload's checksum holds; a commit counts if all its records up to the one flagged last do.
//
// Threads  one sequencer calls wal_write; one syncer calls wal_sync; one keeper calls wal_prepare,
// wal_recycle. The three may run at
//          the same time. Listings (wal_files, wal_index) may be called by any thread. Recovery
//          comes before all of them.
//
// Without a directory it is the log of a database in memory: it takes every commit and keeps none.
//
// Errors   ST_IO or ST_DISK_FULL from wal_write leaves the log as it was before that call (what was
// written is cut or overwritten);
//          a failed sync is final, also one inside wal_write: the log then refuses every further
//          write and sync with ST_UNAVAILABLE.

#pragma once

#include "base/bytes.h"
#include "base/status.h"

typedef struct Wal Wal;

typedef enum WalKind {
	WAL_BATCH = 1,  // rows of one table
	WAL_DELETE = 2, // addresses of rows of one table, or all of them: store/store.h
	WAL_SCHEMA = 3, // what batches named by (table id, schema id) look like; written by the log
					// itself at first use in a file, and never given to a reader as a record
	WAL_DROP = 4,   // a table or database goes
	WAL_ADOPT = 5,  // files that were written before the commit
	WAL_MARK = 6,   // carries synced_seq when nothing else does; never a commit
	WAL_DEFINE = 7, // a table's definition as it is from this commit on
					// 8 is the log's own
} WalKind;

typedef struct WalOptions {
	const char *dir;       // ends without '/'; NULL: nothing is kept
	uint64_t segment_size; // bytes of a file
	uint8_t epoch[16];
	BytesPool *pool; // for payloads read back
} WalOptions;

// One record to be written. Pieces are borrowed until wal_write returns.
typedef struct WalEntry {
	WalKind kind;
	uint32_t table_id;
	uint32_t schema_id;  // batches: which schema they are encoded in, unique within the instance
	Slice schema;        // batches: the bytes a WAL_SCHEMA record holds for it
	const Piece *pieces; // the payload
	int32_t piece_count;
	uint32_t length;      // of the payload
	uint32_t payload_crc; // wal_payload_crc(pieces), computed by whoever made the entry, off the
						  // commit path
	int64_t rows;         // for the index, like the next two
	int64_t min_time;     // nanoseconds; min > max: no times
	int64_t max_time;
} WalEntry;

typedef struct WalCommit {
	uint64_t seq;
	const WalEntry *entries;
	int32_t count; // at least 1
} WalCommit;

uint32_t wal_payload_crc(const Piece *pieces, int32_t count);

// ---- start ----

typedef enum WalRecovery { WAL_STRICT, WAL_POINT_IN_TIME, WAL_SALVAGE } WalRecovery;

// A record read back.
typedef struct WalRecord {
	WalKind kind;
	uint32_t table_id;
	uint32_t schema_id;
	Slice payload; // 8-aligned, in `owner`
	Bytes *owner;
	Slice schema; // batches: the bytes of the WAL_SCHEMA record they refer to
	int64_t rows; // these three as they were written
	int64_t min_time;
	int64_t max_time;
} WalRecord;

typedef struct WalReport {
	uint64_t first_seq; // of the oldest commit found; 0: none
	uint64_t last_seq;  // of the newest whole commit, also if its file is gone; 0: none
	uint64_t start_seq; // what the newest start gave to wal_start: commits from it on may have been
						// acknowledged unsynced, and lost. 0: there was none
	bool clean;         // the log ends with the mark of a clean stop
	bool damaged;       // commits that had been acknowledged were given up: a new epoch is due
	uint64_t cut_bytes; // of the records that can still be told behind the end, dropped: never
						// synced, or, at a point in time, given up
	uint64_t lost_ranges; // salvage only: how many ranges of seqs were skipped (each is logged)
	uint64_t bytes_read;
	uint64_t commits;
} WalReport;

// Opens the directory (made when missing). Nothing is read yet.
Status wal_open(const WalOptions *options, Wal **out, Error *err);
void wal_close(Wal *wal); // NULL is allowed; does not sync

// Reads every commit with seq > after, in order, and gives it whole to `commit`; stops at its first
// failure and returns it. `progress` (may be NULL) hears how far it is. ST_CORRUPT: acknowledged
// data is damaged; the text names file, offset and the seqs concerned. In WAL_STRICT a missing file
// in the sequence, a file where the log ends that is shorter than it was made, a break with a later
// record whose synced_seq is beyond the break, and a log that ends before `after` are that; other
// breaks are a tail that was never synced: it is cut, and the report says how many bytes.
typedef struct WalReader {
	Status (*commit)(void *arg, uint64_t seq, const WalRecord *records, int32_t count, Error *err);
	void (*progress)(void *arg, uint64_t done_bytes, uint64_t total_bytes);
	void *arg;
} WalReader;
Status wal_recover(Wal *wal, WalRecovery mode, uint64_t after, const WalReader *reader,
				   WalReport *report, Error *err);

// Begins a new file for commits from next_seq on (greater than the report's last_seq). A cut file
// is never written again. After wal_recover, also on an empty directory. What was recovered is
// synced here, and what recovery decided becomes lasting: files behind damage are kept as
// <number>-<time>.lost, and what salvage skipped is not asked about again.
Status wal_start(Wal *wal, uint64_t next_seq, const uint8_t epoch[16], Error *err);

// ---- running ----

// What one wal_write touched, for wal_sync. Plain value.
typedef struct WalGroup {
	uint64_t last_seq;
	uint64_t file_numbers[2]; // 0: none. A group touches at most the file it began in and one it
							  // continued in
	uint64_t bytes;
} WalGroup;

// Writes commits (rising seqs) with as few system calls as possible; `synced_seq` is the highest
// seq known to be on disk. How many were written comes back in *written: all of them, or fewer when
// a third file would be needed (call again with the rest).
Status wal_write(Wal *wal, const WalCommit *commits, int32_t count, uint64_t synced_seq,
				 WalGroup *group, int32_t *written, Error *err);
// After 10 ms without a commit, and with clean = true as the last act of a clean stop.
Status wal_mark(Wal *wal, uint64_t seq, uint64_t synced_seq, bool clean, WalGroup *group,
				Error *err);
// Syncs the group and everything written before it; groups in between need no call of their own.
Status wal_sync(Wal *wal, const WalGroup *group, Error *err);
bool wal_failed(const Wal *wal); // a sync failed: read-only until restart

// ---- keeping ----

// Makes spare files (two ready, zeroed) when there are fewer, and writes the index of full ones.
// Slow; call it from the keeper's thread.
Status wal_prepare(Wal *wal, Error *err);

typedef struct WalKeep {
	uint64_t needed_seq; // commits ≥ this are still needed by somebody (unflushed, uncheckpointed,
						 // catalog behind)
	int64_t keep_time_ns;
	uint64_t keep_bytes;
	int64_t now_ns; // wall
	bool disk_full; // nothing is kept then that nobody needs, and no spares: it is room for others
} WalKeep;
// Turns files that nobody needs into spares (at most 8 kept, the rest removed). keep_time_ns and
// keep_bytes, of what files take on disk: a file goes when either says so, and at once when it has
// no commit.
Status wal_recycle(Wal *wal, const WalKeep *keep, Error *err);

// Copies the files that hold the commits after `after` up to `last`, which is synced, into `dir`; a
// log that ends with `last`. Nothing is recycled meanwhile. Synced.
Status wal_copy(Wal *wal, uint64_t after, uint64_t last, const char *dir, Error *err);

uint64_t wal_earliest_seq(const Wal *wal); // of the oldest commit still in a file; 0: none
// How much log lies at or after seq, in whole files.
uint64_t wal_bytes_from(const Wal *wal, uint64_t seq);
// The last seq of a file that is not written any more, from which more than `bytes` of it lie; 0:
// there is none.
uint64_t wal_seq_behind(const Wal *wal, uint64_t bytes);

// ---- looking ----

typedef struct WalFileInfo {
	uint64_t number;   // 0: recycled, and no place in the sequence yet
	const char *state; // "active", "inactive", "recycled"
	uint64_t bytes;    // on disk; of the active one those that are written
	uint64_t min_seq;
	uint64_t max_seq;
} WalFileInfo;
Status wal_files(Wal *wal, Status (*each)(void *arg, const WalFileInfo *info, Error *err),
				 void *arg, Error *err);

// Where a table's commits lie: one entry per file and table, from the index kept beside each file.
typedef struct WalExtent {
	uint32_t table_id;
	uint64_t file;
	uint64_t offset; // of its first record
	uint64_t length; // to the end of its last
	uint64_t min_seq;
	uint64_t max_seq;
	uint64_t rows;
	int64_t min_time;
	int64_t max_time;
} WalExtent;
Status wal_extents(Wal *wal, uint32_t table_id,
				   Status (*each)(void *arg, const WalExtent *extent, Error *err), void *arg,
				   Error *err);
