// feed_int.h - the feed's memory: what its two files share.

#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "live/feed.h"
#include "os/thread.h"

// What one commit has of one table. Immutable once the head has reached it; counted, so that a
// cursor gives it without a lock.
typedef struct FeedNode {
	atomic_uint refs;
	uint64_t seq;
	uint64_t bytes; // that it may keep from being freed
	struct FeedFollow *follow;
	struct FeedNode *next; // the next one of any table
	FeedEntry *entries;
	int32_t count;
	int32_t cap;
	FeedEntry first; // of most the only one
} FeedNode;

// A table that somebody follows. Found and counted under `following`; the rest under `lock`.
typedef struct FeedFollow {
	struct FeedFollow *next; // in its slot
	uint32_t table_id;
	int32_t cursors;
	Table *table;
	uint64_t from;   // what came behind this commit is in memory
	FeedNode **ring; // by seq: [first, first + count) of a power of two
	uint32_t cap;
	uint32_t first;
	uint32_t count;
} FeedFollow;

enum { FEED_SLOTS = 1024 };

struct Feed {
	Wal *wal;
	BytesPool *pool;
	uint64_t memory_bytes;
	uint8_t epoch[16];
	_Atomic uint64_t head;

	pthread_mutex_t following; // held from feed_begin to feed_publish
	FeedFollow *slots[FEED_SLOTS];
	bool pushed; // in this group

	pthread_mutex_t lock; // of rings, and what follows
	FeedNode *oldest;
	FeedNode **newest;
	uint64_t bytes;

	Signal moved;
};

static inline FeedNode *
ring_at(const FeedFollow *follow, uint32_t i)
{
	return follow->ring[(follow->first + i) & (follow->cap - 1)];
}

void feed_node_unref(FeedNode *node);
// A table that has a cursor more, or one less. NULL: no memory.
FeedFollow *feed_follow(Feed *feed, Table *table);
void feed_unfollow(Feed *feed, FeedFollow *follow);
