// hub.h - subscriptions: one thread that follows the feed for all of them.
//
// Subscribers of one query and form that have all there is are a group: each commit is evaluated
// and encoded once, and all of them get the same messages. One that has no room, for want of credit
// or because it does not take what waits, leaves its group and stays behind in the feed: it costs
// its queue and a position, and nobody else's time. When there is room it reads on by itself until
// it has caught up.
//
//     new ──bind──► its table is followed ──go──► behind ──caught up──► in a group
//                   (snapshot: offer …)              ▲                      │
//                                                    └─────── no room ──────┘
//
// Threads  new, bind, offer, go, fail: the maker's, one after the other. take, credit, close: the
//          reader's, one at a time. Events come from any thread, under the subscriber's lock: they
//          are short, call nothing of this, and none comes after close.

#pragma once

#include "live/message.h"

typedef struct Hub Hub;
typedef struct Subscriber Subscriber;

Status hub_start(Feed *feed, BytesPool *pool, Hub **out, Error *err);
// Every subscriber hears ST_UNAVAILABLE. Makers are done by now; readers may still take and close.
void hub_stop(Hub *hub);
void hub_free(Hub *hub); // after the last close; NULL is allowed, like above

// What becomes of a subscriber that does not take what waits for it.
typedef enum OnSlow {
	SLOW_DISCONNECT, // it ends when nothing was taken for ten seconds
	SLOW_GAP,        // it goes on with what is new, and is told what it missed
} OnSlow;

typedef struct SubscriberOptions {
	MessageForm form;
	bool limited; // by credit:
	uint64_t credit;
	OnSlow on_slow;
	uint64_t until;           // the last seq that is told; 0: for ever
	int64_t progress_ns;      // so often it is told how far it is, if nothing else is; 0: never
	void (*event)(void *arg); // there is something to take
	void *event_arg;
	void (*room)(void *arg); // after an offer that filled it: there is room again
	void *room_arg;
} SubscriberOptions;

Status subscriber_new(Hub *hub, const SubscriberOptions *options, Subscriber **out, Error *err);
Subscriber *subscriber_ref(Subscriber *sub);
void subscriber_unref(Subscriber *sub); // NULL is allowed
DEFINE_DROP(Subscriber, subscriber_drop, subscriber_unref)

// ---- the maker ----

// From now on nothing of the query's table is missed.
Status subscriber_bind(Subscriber *sub, LiveQuery *query, Error *err);
// A message before it goes; takes the reference. False: that filled it, `room` will be called, or
// it is over.
bool subscriber_offer(Subscriber *sub, Message *message);
// Hands it over to the hub, which goes on behind commit `after`.
void subscriber_go(Subscriber *sub, uint64_t after);
// Ends it with an error message. Also of one that was never bound; any thread.
void subscriber_fail(Subscriber *sub, Status status, const Error *err);
bool subscriber_closed(Subscriber *sub); // nobody wants it any more

// ---- the reader ----

typedef enum SubscriberNext { NEXT_MESSAGE, NEXT_WAIT, NEXT_END } SubscriberNext;
// *out is the caller's. NEXT_WAIT: an event will come.
SubscriberNext subscriber_take(Subscriber *sub, Message **out);
void subscriber_add_credit(Subscriber *sub, uint64_t bytes);
// For listings; any thread.
typedef struct SubscriberState {
	uint64_t seq; // of the last message
	bool bound;   // the hub has it
	bool ended;
	bool waits; // for room
	bool limited;
	int64_t credit; // that is left, if it is limited
	uint64_t queued_bytes;
} SubscriberState;
SubscriberState subscriber_state(Subscriber *sub);

// Gives back the reader's reference.
void subscriber_close(Subscriber *sub);
// What it ended with, also before that message was taken; ST_OK: it has not, or without an error.
Status subscriber_error(Subscriber *sub, Error *err);

// ---- messages that are one subscriber's own ----

Status message_subscribed(const LiveQuery *query, MessageForm form, uint32_t number,
						  const FeedPosition *from, bool recovered, uint64_t earliest_seq,
						  Message **out, Error *err);
Status message_of_seq(MessageKind kind, uint64_t seq, Message **out, Error *err);
Status message_gap(uint64_t from, uint64_t to, const char *reason, Message **out, Error *err);
