// producers.h - exactly once: of each producer of a table, the last sequence that was stored.
//
// A producer numbers its batches with rising sequences (gaps are allowed). A sequence that is not
// above the last one is a repetition: acknowledged, not stored. One stream at a time holds a
// producer, the newest one; the one before loses it. Since a stream may lose a producer while
// commits of it are under way, the next holder waits until those are settled.
//
// Threads  any; one lock per table. ready and lost are called under it: they are short and call
// nothing here.

#pragma once

#include "base/buf.h"
#include "base/status.h"

typedef struct Producers Producers; // of one table
typedef struct Producer Producer;   // lives as long as its table

// One stream's hold on a producer; lies in the stream.
typedef struct ProducerHold {
	void (*ready)(void *arg); // commits of an earlier holder are settled: ask again
	void (*lost)(void *arg);  // a newer stream took it
	void *arg;
	uint64_t number; // of the holds; given here
} ProducerHold;

typedef enum ProducerAnswer {
	PRODUCER_NEW,     // counted as under way: producer_settle must follow
	PRODUCER_STORED,  // a repetition of what is stored
	PRODUCER_PENDING, // a repetition of what this stream has under way
	PRODUCER_BUSY,    // an earlier holder's commits are under way; ready() tells
	PRODUCER_LOST,    // a newer stream holds it
} ProducerAnswer;

Status producers_new(Producers **out, Error *err);
void producers_free(Producers *producers); // NULL is allowed

// ST_LIMIT when the table has too many producers, ST_INVALID for a name that is empty or too long.
Status producer_hold(Producers *producers, Slice name, ProducerHold *hold, Producer **out,
					 Error *err);
// No call comes after; fine when it was lost. A producer of which nothing was stored goes with the
// last who held it, or with the last of its commits.
void producer_let_go(Producer *producer, ProducerHold *hold);
// False: nothing is stored yet. Asked for by its holder: PRODUCER_BUSY's wait applies as well.
bool producer_last(Producer *producer, const ProducerHold *hold, int64_t *seq, bool *busy);
// The last sequence stored, by name (an action asks); false: none.
bool producers_find(Producers *producers, Slice name, int64_t *seq);

Slice producer_name(const Producer *producer);
ProducerAnswer producer_offer(Producer *producer, const ProducerHold *hold, int64_t seq);
void producer_store(Producer *producer, int64_t seq); // before readers see the commit
void producer_settle(Producer *producer);             // it was stored, or failed

// For replay, and for checkpoints: all that is stored, and back.
Status producers_replay(Producers *producers, Slice name, int64_t seq, Error *err);
Status producers_save(Producers *producers, Buf *out, Error *err);
Status producers_load(Producers *producers, Slice saved, Error *err); // ST_CORRUPT
