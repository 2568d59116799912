// wal_tail.h - commits read back by seq while the log is written: what a reader that resumes, or
// fell behind, reads.
//
// A tail is a position and what it is asked for; it holds no file. Each read opens the file its
// place is in, gives whole commits, each record checked as a start checks it, and closes it again:
// nothing keeps a file from being recycled, nor its room from being given back, and the log's lock
// is held for a look at the list alone. Files that have none of the tables asked for are passed by
// their index.
//
// Threads  any number of tails at once, beside sequencer, syncer and keeper; each belongs to one
//          thread at a time. They are closed before the log.
//
// Errors   ST_NOT_FOUND   commits behind the position are gone: recycled, skipped by a salvage, or
//                         never kept (a log without a directory). The position has not changed;
//                         wal_tail_next says where the log goes on.
//          ST_CORRUPT     the log's end cannot be read.
//          ST_IO, ST_NO_MEMORY: nothing has changed but what was given before; it can be tried
//          again.

#pragma once

#include "wal/wal.h"

typedef struct WalTail WalTail;

// Gives the commits with seq > after. tables (count of them, copied; none: all): records of other
// tables are left out, and commits that have no other; those of table 0 are always given.
Status wal_tail_open(Wal *wal, uint64_t after, const uint32_t *tables, int32_t count, WalTail **out,
					 Error *err);
void wal_tail_close(WalTail *tail); // NULL is allowed
DEFINE_DROP(WalTail, wal_tail_drop, wal_tail_close)

// Gives commits up to `upto`, which is a commit that is synced, in order, until about `bytes` of
// log were passed; at least one commit's worth, so that a large one comes through. reader->commit
// may fail: that is returned, and the same commit comes again with the next call. Its records are
// good until it returns, but who refs their owners. (reader->progress is not called.)
Status wal_tail_read(WalTail *tail, uint64_t upto, uint64_t bytes, const WalReader *reader,
					 Error *err);
uint64_t wal_tail_seq(const WalTail *tail);  // what was asked for up to here was given
uint64_t wal_tail_next(const WalTail *tail); // after ST_NOT_FOUND: the first seq that is there; 0:
											 // none yet

// Positions from here on can be read: every commit with a greater seq is in a file. UINT64_MAX:
// none is kept.
uint64_t wal_readable_after(const Wal *wal);
