// hub_int.h - subscribers as the hub sees them.

#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "live/hub.h"
#include "os/thread.h"

#define SLOW_NS (INT64_C(10) * 1000 * 1000 * 1000)

enum {
	QUEUE_BYTES = 8 << 20,    // that wait for one subscriber, about
	GROUP_SLICE = 1 << 20,    // of the feed, until others have their turn
	BEHIND_SLICE = 256 << 10, // likewise, of one that catches up
	TICK_NS = 20 * 1000 * 1000,
};

typedef struct Group Group;

typedef struct Place {
	Subscriber *prev;
	Subscriber *next;
} Place;

struct Subscriber {
	atomic_uint refs;
	Hub *hub;
	SubscriberOptions options;
	LiveQuery *query;   // from bind on
	FeedCursor *cursor; // from bind on; NULL in a group

	// The hub's, from go on.
	Place place; // in its group, or among those behind
	Group *group;
	uint64_t seq;              // all up to here is queued, or not asked for
	_Atomic uint64_t told_seq; // by the last message
	int64_t told_ns;
	int64_t full_ns; // since when there is no room; 0: there is
	bool slow;       // it left its group for that

	pthread_mutex_t lock; // guards all below
	bool waiting;         // the reader was told to
	bool starved;         // hub or maker wait for room
	bool bound;           // it is the hub's
	bool closed;
	bool ended; // the last message is queued
	Message **ring;
	uint32_t cap;
	uint32_t first;
	uint32_t count;
	uint64_t queued_bytes;
	int64_t credit_left;
	Status status; // of the ERROR message
	Error error;
};

struct Group {
	Group *next;
	uint64_t hash;
	LiveQuery *query;
	MessageForm form;
	FeedCursor *cursor;
	Subscriber *members;
	bool stalled; // a commit could not be told for want of memory: again
};

struct Hub {
	Feed *feed;
	LiveWork work; // the thread's
	Thread *thread;
	pthread_mutex_t lock; // guards inbox and stopping
	Subscriber *inbox;    // by place.next
	bool stopping;
	atomic_bool attention; // somebody closed, or has room again

	// The thread's.
	Group *groups;
	Subscriber *behind;
	int32_t timed; // subscribers that want to be looked at by the clock
};

// ---- subscriber.c ----

bool subscriber_has_room(Subscriber *sub, bool *limited);
// All of them, or none: false, for want of memory. New references.
bool subscriber_push(Subscriber *sub, Message *const *messages, int32_t count);
// The last message; takes it (NULL: there was no memory for it).
void subscriber_end(Subscriber *sub, Message *message);

// ---- group.c ----

void group_join(Hub *hub, Subscriber *sub); // one that is behind no group of its own
void group_advance(Hub *hub, Group *group);
void group_leave(Hub *hub, Subscriber *sub); // and frees the group when it was the last
uint64_t group_seq(const Group *group);
// The group it belongs to; NULL: there is none.
Group *group_find(const Hub *hub, const Subscriber *sub);

// ---- catch_up.c ----

// Reads on for one that is behind; true: there is more to do at once.
bool catch_up(Hub *hub, Subscriber *sub);
// Whether the commit ends it: drop, another schema, behind `until`. Then it was told so.
bool commit_ends(Subscriber *sub, const FeedCommit *commit);
void fall_behind(Hub *hub, Subscriber *sub, uint64_t seq); // out of its group

// ---- hub.c ----

void place_add(Subscriber **list, Subscriber *sub);
void place_remove(Subscriber **list, Subscriber *sub);
void hub_end_with(Subscriber *sub, Status status, const Error *err); // an error message
