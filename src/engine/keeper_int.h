// keeper_int.h - the keeper's parts, shared by its files.

#pragma once

#include "engine/ballast.h"
#include "engine/keeper.h"

struct Keeper {
	mobius *db;
	DuckConn *conn; // NULL: nothing was flushed yet. The keeper's thread's
	Thread *thread;
	Signal wake;

	pthread_mutex_t lock;   // guards all below
	pthread_cond_t flushed; // an attempt ended
	uint64_t attempts;
	uint64_t failures;
	uint64_t lone_failures; // of these, those before there was a table
	Error last_error;
	bool log_ready;
	int holds;           // of the log
	bool keeping;        // the log, just now
	pthread_cond_t kept; // it is not any more
	bool stopping;

	_Atomic int64_t stop_by_ns; // INT64_MAX while running
	atomic_bool memory_needed;
	_Atomic uint64_t idle_looks;
	atomic_bool disk_full; // until there is room for the ballast again

	// The keeper's thread alone.
	int64_t checkpoint_ns;
	uint64_t checkpoint_seq;
	int64_t retry_ns;
	Ballast ballast;
	int64_t room_ns;    // when to look whether a full disk has room again
	int64_t expire_ns;  // when files are looked through again
	int64_t tickets_ns; // when tickets are
};

// keeper_disk.c. Gives the ballast back when the disk is full, and takes it when there is room.
void keeper_mind_disk(Keeper *keeper);
void keeper_look_for_room_later(Keeper *keeper);
// keeper_seal.c. Closes what is old; all there is where memory, the next start or the disk needs
// it.
void keeper_seal(Keeper *keeper);
void keeper_seal_all(Keeper *keeper);
// What the segments in memory have, all or those that grow. False: there is no memory to look.
bool keeper_segment_bytes(Keeper *keeper, bool growing, uint64_t *out);
// keeper_compact.c. Of a database in memory: what nobody will see again gives its memory back.
void keeper_compact(Keeper *keeper);
