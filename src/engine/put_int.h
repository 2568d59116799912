// put_int.h - a put's parts, shared by its files.

#pragma once

#include "engine/bulk.h"
#include "engine/put_metadata.h"
#include "engine/ticker.h"

// A message that waits.
typedef struct Pending {
	Buf message;
	Bytes *body;
	PutMetadata metadata;
	size_t wire_bytes;
	bool offered; // to its producer, which counts it as under way
	struct Pending *next;
} Pending;

// What an acknowledgement covers: a batch, and those without rows that came right behind it.
typedef struct PutPart {
	uint64_t rows;
	uint64_t expired; // of the rows: too old to be stored
	uint64_t batches;
	size_t wire_bytes;
	char *client;     // of the newest that had one
	bool duplicate;   // one of them was a repetition
	int64_t first_id; // of the newest that had rows which were given ids; 0: none
} PutPart;

// A batch that was submitted.
typedef struct PutCommit {
	Commit commit; // first
	mobius_put *put;
	PutPart part; // guarded by the put's lock
} PutCommit;

// The batch that goes into files, one at a time.
typedef struct PutBulk {
	Job job; // of those who may wait
	Batch *converted;
	InsertSource from; // its producer
	PutPart part;
} PutBulk;

struct mobius_put {
	atomic_uint refs; // the caller's, and one for each commit under way and the opening job
	mobius_session *session;
	mobius *db;
	char *database;
	char *table_name;
	mobius_put_mode mode;

	// The caller's thread, after opening.
	IpcReader *reader;
	InsertPlan plan;
	Pending *pending;
	Pending **pending_tail;
	bool ended;
	Batch *converted; // of the first pending message, while it waits for memory
	bool converted_plain;
	int64_t converted_expired;  // rows of the message that `converted` lacks
	int64_t converted_first_id; // that its rows were given; 0: none
	char *client;               // what the last poll showed
	ProducerHold hold;
	char *producer_name;   // the stream's; NULL: none named so far
	Producer *producer;    // held; NULL: not yet
	bool told_of_producer; // by schema metadata: its last sequence is told

	Job job;      // the definer's
	PutBulk bulk; // the job's while it runs

	pthread_mutex_t lock;   // guards all below
	mobius_event event;     // fn NULL after close
	mobius_put_state state; // but for what `acked` counts
	PutPart acked;
	bool async;
	bool async_by_table; // as the table has it, once it is known
	bool made;           // its table, by this put; the definer's until opened
	bool opened;         // the definer is done
	bool bulk_running;   // what comes after that batch waits
	bool parked;         // waits for memory
	bool woken;
	bool producer_busy; // commits of the stream that held it before are under way
	bool closed;
	bool commit_failed; // what was submitted after it must not be stored
	int64_t parked_ns;  // since when; 0: not
	int64_t resume_ns;  // held back until then; 0: not
	uint64_t in_flight;
	PutCommit *newest; // in flight
	BudgetWaiter waiter;
	Tick tick;
};

void put_unref(mobius_put *put);       // NULL is allowed
void put_raise_event(mobius_put *put); // under the lock
void put_fail(mobius_put *put, Status status, const Error *err);
void put_fail_locked(mobius_put *put, Status status, const Error *err);

// put_producer.c. What schema metadata says; once the table is there; before and after an event.
Status put_producer_open(mobius_put *put, Error *err);
Status put_producer_hold(mobius_put *put, Error *err); // the definer's thread
void put_producer_poll(mobius_put *put);               // what `state` tells of it
// Whether the batch is new. *done false: it has to wait.
Status put_producer_offer(mobius_put *put, Pending *pending, bool *duplicate, bool *done,
						  Error *err);
void put_producer_withdraw(mobius_put *put, Pending *pending); // it will not be submitted

// put_bulk.c: what is too large for the log, behind all that came before it. *done false: that is
// under way.
Status put_bulk(mobius_put *put, Pending *pending, bool *done);

// put_message.c: deals with what is pending, as far as table and memory allow. The caller's thread.
void put_go_on(mobius_put *put);
// What acknowledges the batch that was converted.
PutPart put_part_of(const mobius_put *put, Pending *pending);
void put_add_part(PutPart *from, PutPart *to); // moves what is acknowledged, or will be
void put_pending_free(Pending *pending);       // NULL is allowed
