// commit.h - the conductor: one order for all changes, the log first, then everybody sees them.
//
//     handler ──submit──► sequencer: seq, log ──► syncer: fdatasync, apply, publish, acknowledge
//
// What needs no order was done by the handler before; nothing here can fail for want of memory. Two
// threads, so that the next group is written while the last one is synced; no timer: a lone writer
// waits one sync, a crowd shares one.
//
// A failed write (disk full) fails its own commits, and the next try finds the log as it was. A
// failed sync is final: every waiter fails with ST_UNAVAILABLE and so does every later commit,
// until a restart.
//
// Threads  submit and lane: any. done and release: the sequencer's or the syncer's; they must be
// short.

#pragma once

#include "arrow/ipc_write.h"
#include "live/feed.h"
#include "live/newest_rows.h"
#include "store/adopt.h"
#include "wal/wal.h"

typedef struct Commit Commit;
typedef struct Conductor Conductor;

// One change in a commit. What publishing does is told by wal.kind.
typedef struct CommitEntry {
	WalEntry wal;
	Table *table;            // WAL_BATCH, WAL_ADOPT, WAL_DROP, WAL_DELETE: a reference
	SegmentInsert *insert;   // WAL_BATCH
	StoreDefine *define;     // WAL_DEFINE
	CatalogChange *change;   // WAL_DROP
	StoreDatabase *database; // WAL_DEFINE, WAL_DROP of table 0
	Producer *producer;      // WAL_BATCH, WAL_ADOPT: whose it is; NULL: nobody's
	int64_t producer_seq;
	// WAL_BATCH, WAL_ADOPT: of what its rows were made; 0: of nothing. Where rows are replaced by
	// key, one that would undo a later put fails: ST_CONFLICT, once that put can be seen.
	uint64_t read_seq;
	// The makers of these keep the table's rewrite lock until done.
	StoreAdopt *adopt; // WAL_ADOPT
	StoreDelete *del;  // WAL_DELETE; `head` is its payload
	NewestPut *newest; // WAL_BATCH: what it can change of the newest rows; NULL: nothing
	bool newest_lost;  // but there was no memory to find out
	DeleteReach reach; // WAL_DELETE, from its application on; and whose newest rows it may take
	NewestHits *hits;  // (NULL: anybody's)
	// What wal.pieces lie in.
	Buf head;
	Piece *pieces;
	Bytes *body;
	IpcMessage message;
	Shape *shape;
} CommitEntry;

// Its entries share one seq and are visible together, or none of them is. Rows of one table have
// their places in the order of entries.
struct Commit {
	CommitEntry entry;    // of most commits the only one
	CommitEntry *entries; // NULL: that one. Else `count` of them, and their records once more in
	WalEntry *records;    // `records`
	int32_t count;
	bool async;   // acknowledged when written, not when synced
	uint64_t seq; // from sequencing on
	bool gone;    // all of its tables were dropped before it
	bool refused; // it would undo a put that has its number: it gets none itself
	// Asked right before it gets its number: false fails it with ST_CANCELLED. NULL: always true.
	bool (*admit)(Commit *commit);
	// Durable (or written, if async), or failed. Exactly once, before release.
	void (*done)(Commit *commit, Status status, const Error *err);
	// Nobody needs it any more: published, or failed.
	void (*release)(Commit *commit);
	Commit *next; // the conductor's
};
CommitEntry *commit_entries(Commit *commit, int32_t *count); // be it the only one

// Frees what an entry holds (also what was never applied).
void commit_entry_close(CommitEntry *entry);
// Fills entry->wal from head, body or message: pieces, length and checksum. A batch's head is made
// of its IPC metadata, one of WAL_ADOPT of its payload.
Status commit_entry_seal_batch(CommitEntry *entry, Slice metadata, Error *err);
Status commit_entry_seal(CommitEntry *entry, Error *err);
void commit_entry_has_no_times(CommitEntry *entry);
// Sealed. Takes the deletion, of rows of `table`, also when it fails.
Status commit_entry_of_deletion(Table *table, StoreDelete *del, CommitEntry *out, Error *err);

typedef struct ConductorOptions {
	Wal *wal;
	Store *store;
	Feed *feed;         // NULL: nobody follows anything
	NewestRows *newest; // NULL: nobody keeps them
	uint64_t next_seq;
	void (*on_write_failure)(void *arg, Status status); // the sequencer's thread
	void (*on_sync_failure)(void *arg, const Error *err);
	void *arg;
} ConductorOptions;

Status conductor_start(const ConductorOptions *options, Conductor **out, Error *err);
// Finishes what was submitted, writes the mark of a clean stop, ends both threads. NULL is allowed.
void conductor_stop(Conductor *conductor);

void conductor_submit(Conductor *conductor, Commit *commit);
Status conductor_commit(Conductor *conductor, CommitEntry *entry, bool async, uint64_t *seq,
						Error *err); // waits; takes the entry
// Several entries (at least one) in one commit; takes them all, whatever comes of it.
Status conductor_commit_all(Conductor *conductor, CommitEntry *entries, int32_t count, bool async,
							uint64_t *seq, Error *err);
uint64_t conductor_synced_seq(const Conductor *conductor);
bool conductor_failed(const Conductor *conductor);

// Runs fn(arg) in the publishing thread, before commits that wait there, and waits for it.
void conductor_run(Conductor *conductor, void (*fn)(void *arg), void *arg);
