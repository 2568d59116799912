// subscription_int.h - a subscription's parts: what was asked for, and how far that is.

#pragma once

#include <pthread.h>

#include "engine/database_int.h"
#include "engine/subscription_request.h"
#include "engine/ticker.h"

struct mobius_subscription {
	Job job; // first: its run gets it back
	atomic_uint refs;
	mobius_session *session;
	mobius *db;
	SubscriptionRequest request;
	MessageForm form;
	uint32_t number;
	char *client; // NULL: nobody said
	Subscriber *subscriber;
	Subscriber *reader; // the same: the reader's reference of it

	// The worker's.
	LiveQuery *query; // NULL: not bound yet
	SqlQuery *rows;   // of the snapshot; NULL: none, or all were read. Changed under the lock
	uint64_t from_seq;

	Tick tick; // while there is a snapshot

	pthread_mutex_t lock; // guards all to the next blank line
	bool running;
	bool again;        // there was room before it had stopped
	bool stalled;      // nobody takes the snapshot: it is given up
	int64_t parked_ns; // mono: since when the snapshot waits for room; 0: it does not

	// Of the list of all, under its lock.
	mobius_subscription *next;
	int64_t number_of_all;
	int64_t started_ns;

	// The caller's.
	Message *current;
	Buf id;     // ,"id":"s1",
	Buf prefix; // {"type":"rows","id":"s1",
	mobius_piece pieces[2];
	mobius_error error;
};

void subscription_unref(mobius_subscription *sub); // NULL is allowed
