// feed.h - the sequence of durable commits, for those who follow a table.
//
// A position is {epoch, seq}: the last commit somebody has. The publishing thread moves the head
// once commits can be seen; what it has to do for that is bounded: a reference for each entry of a
// table that somebody follows, and a signal when somebody sleeps. Nothing is kept of tables that
// nobody follows.
//
// The recent past of the tables that are followed lies in memory, up to feed.memory; what is older
// is read from the log's files (wal/wal_tail.h). A cursor does not tell the difference, and holds
// up neither: what it needs may be recycled, which it says then.
//
// Threads  begin, push, publish: the publishing thread. A cursor belongs to one thread at a time;
//          any number of them in any threads. feed_wait: one thread. The rest: any.
//
// Locks    `following` before `lock`; both are innermost but for the allocator's.

#pragma once

#include "store/store.h"
#include "wal/wal.h"

typedef struct Feed Feed;
typedef struct FeedCursor FeedCursor;

typedef struct FeedPosition {
	uint8_t epoch[16];
	uint64_t seq;
} FeedPosition;

typedef enum FeedKind {
	FEED_ROWS,
	FEED_DELETE, // some rows are gone, or all there were
	FEED_BULK,   // files of rows came
	FEED_DEFINE, // from here on the table has this definition
	FEED_DROP,   // the table is gone; the last entry there is
} FeedKind;

// One change of a table. All of it is borrowed while it is told.
typedef struct FeedEntry {
	FeedKind kind;
	Batch *batch;     // ROWS: as the shape has them
	Shape *shape;     // ROWS
	TableDef *def;    // DEFINE
	int64_t min_time; // BULK: nanoseconds; min > max: no times
	int64_t max_time;
} FeedEntry;

// What a commit has of one table, in its order.
typedef struct FeedCommit {
	uint64_t seq;
	const FeedEntry *entries;
	int32_t count;
} FeedCommit;

typedef struct FeedOptions {
	Wal *wal;        // borrowed, like the pool
	BytesPool *pool; // for what is read from the log
	uint64_t memory_bytes;
	uint8_t epoch[16];
	uint64_t head; // the last commit there is
} FeedOptions;

Status feed_new(const FeedOptions *options, Feed **out, Error *err);
void feed_free(Feed *feed); // after its cursors; NULL is allowed

FeedPosition feed_head(const Feed *feed);
// The oldest commit that can still be had; the one after the head when there is none.
uint64_t feed_earliest_seq(const Feed *feed);
// Whether somebody who has `position` misses nothing by going on from there: it is of this epoch,
// not ahead of the head, and what is behind it is kept.
bool feed_covers(const Feed *feed, const FeedPosition *position);

// ---- the publishing thread ----

// A group of commits begins, and ends with what can be seen from now on. Whoever begins to follow a
// table waits for the end, so that each group is seen whole or not at all.
void feed_begin(Feed *feed);
bool feed_follows(const Feed *feed, uint32_t table_id); // between the two
// An entry of commit `seq`, in order; references are taken. Where there is no memory for it the
// table's followers read it from the log.
void feed_push(Feed *feed, uint32_t table_id, uint64_t seq, const FeedEntry *entry);
// Once the tables of a database went: tells those who follow one of them.
void feed_push_drops(Feed *feed, uint64_t seq);
void feed_publish(Feed *feed, uint64_t seq);

// ---- waiting ----

// Until the head moved over something that is followed since the last call, or feed_wake; or until
// mono time `until_ns`.
void feed_wait(Feed *feed, int64_t until_ns);
void feed_wake(Feed *feed);

// ---- cursors ----

// At the head. From now on the table is followed.
Status feed_cursor_open(Feed *feed, Table *table, FeedCursor **out, Error *err);
void feed_cursor_close(FeedCursor *cursor); // NULL is allowed
DEFINE_DROP(FeedCursor, feed_cursor_drop, feed_cursor_close)

void feed_cursor_seek(FeedCursor *cursor, uint64_t after); // goes on behind that commit
uint64_t feed_cursor_seq(const FeedCursor *cursor);        // everything up to here was given

typedef struct FeedReader {
	Status (*commit)(void *arg, const FeedCommit *commit, Error *err);
	void *arg;
} FeedReader;

// Gives commits behind the position up to the head, until about `bytes` of them were given; one at
// least. What reader->commit fails with is returned, and that commit comes again.
//   ST_NOT_FOUND  what comes next is gone; *resume (else 0) says behind which commit to go on
//   ST_CORRUPT, ST_IO, ST_NO_MEMORY: as wal_tail_read
Status feed_cursor_next(FeedCursor *cursor, uint64_t bytes, const FeedReader *reader,
						uint64_t *resume, Error *err);
