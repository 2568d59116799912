// conductor_int.h - the conductor's parts, shared by its two threads.

#pragma once

#include <stdatomic.h>

#include "engine/commit.h"
#include "os/thread.h"

enum { GROUPS = 8 }; // files that can wait for one sync

// First in, first out, by the commits' own links.
typedef struct CommitQueue {
	Commit *head;
	Commit **tail;
} CommitQueue;

// Work for the publishing thread that is no commit.
typedef struct Lane {
	void (*fn)(void *arg);
	void *arg;
	Signal done;
	struct Lane *next;
} Lane;

struct Conductor {
	Wal *wal;
	Store *store;
	Feed *feed;
	NewestRows *newest; // NULL: nobody keeps them
	void (*on_write_failure)(void *arg, Status status);
	void (*on_sync_failure)(void *arg, const Error *err);
	void *arg;

	pthread_mutex_t submit_lock; // guards submitted and stopping
	CommitQueue submitted;
	bool stopping;
	Signal sequence; // there is something submitted

	pthread_mutex_t sync_lock; // guards written, groups, lane and sequenced_all
	CommitQueue written;
	WalGroup groups[GROUPS]; // what is written and not yet synced, by file
	int32_t group_count;
	Lane *lane;
	bool sequenced_all;
	pthread_cond_t group_room;
	Signal sync; // there is something written, or in the lane

	uint64_t next_seq; // the sequencer's
	bool marked;       // the sequencer's: nothing since the last mark
	bool mark_failed;  // the sequencer's: the last one could not be written
	_Atomic uint64_t synced_seq;
	atomic_bool failed;
	Error failure; // written once, before failed
	Thread *sequencer;
	Thread *syncer;
};

void commit_queue_init(CommitQueue *queue);
bool commit_queue_add(CommitQueue *queue, Commit *first, Commit **tail); // true: it was empty
Commit *commit_queue_take(CommitQueue *queue);
void fail_commits(Commit *commit, const Commit *end, Status status, const Error *err);

// The threads' functions; their argument is the Conductor.
void sequencer_run(void *arg);
void syncer_run(void *arg);
// Says in the log what is synced, and, at the end of a clean stop, that it was one.
void sequencer_mark(Conductor *conductor, bool clean);
