// One subscriber from its reader's side: a bounded queue of messages.

#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "live/hub_int.h"

Status
subscriber_new(Hub *hub, const SubscriberOptions *options, Subscriber **out, Error *err)
{
	Subscriber *sub = mem_alloc(sizeof(*sub));
	if (sub == NULL)
		return error_no_memory(err, "a subscription");
	atomic_init(&sub->refs, 1);
	pthread_mutex_init(&sub->lock, NULL);
	sub->hub = hub;
	sub->options = *options;
	sub->credit_left = options->credit < INT64_MAX ? (int64_t)options->credit : INT64_MAX;
	*out = sub;
	return ST_OK;
}

Subscriber *
subscriber_ref(Subscriber *sub)
{
	atomic_fetch_add_explicit(&sub->refs, 1, memory_order_relaxed);
	return sub;
}

void
subscriber_unref(Subscriber *sub)
{
	if (sub == NULL || atomic_fetch_sub_explicit(&sub->refs, 1, memory_order_acq_rel) > 1)
		return;
	for (uint32_t i = 0; i < sub->count; i++)
		message_unref(sub->ring[(sub->first + i) & (sub->cap - 1)]);
	mem_free(sub->ring);
	feed_cursor_close(sub->cursor);
	live_query_unref(sub->query);
	pthread_mutex_destroy(&sub->lock);
	mem_free(sub);
}

// ---- the queue ----

static bool
has_room(const Subscriber *sub) // under the lock
{
	return sub->queued_bytes < QUEUE_BYTES && (!sub->options.limited || sub->credit_left > 0);
}

bool
subscriber_has_room(Subscriber *sub, bool *limited)
{
	pthread_mutex_lock(&sub->lock);
	bool room = has_room(sub);
	sub->starved |= !room;
	*limited = sub->options.limited && sub->credit_left <= 0;
	pthread_mutex_unlock(&sub->lock);
	return room;
}

static bool
reserve(Subscriber *sub, uint32_t more) // under the lock
{
	uint32_t cap = sub->cap == 0 ? 16 : sub->cap;
	while (cap < sub->count + more)
		cap *= 2;
	if (cap == sub->cap)
		return true;
	Message **ring = mem_alloc_array(cap, sizeof(*ring));
	if (ring == NULL)
		return false;
	for (uint32_t i = 0; i < sub->count; i++)
		ring[i] = sub->ring[(sub->first + i) & (sub->cap - 1)];
	mem_free(sub->ring);
	sub->ring = ring;
	sub->cap = cap;
	sub->first = 0;
	return true;
}

static void
add(Subscriber *sub, Message *message) // under the lock; takes it
{
	sub->ring[(sub->first + sub->count++) & (sub->cap - 1)] = message;
	sub->queued_bytes += message->bytes;
	if (sub->options.limited)
		sub->credit_left -= (int64_t)message->bytes;
}

static void
tell(Subscriber *sub) // under the lock
{
	if (!sub->waiting || sub->closed)
		return;
	sub->waiting = false;
	sub->options.event(sub->options.event_arg);
}

bool
subscriber_push(Subscriber *sub, Message *const *messages, int32_t count)
{
	pthread_mutex_lock(&sub->lock);
	bool wanted = !sub->closed && !sub->ended;
	bool fits = !wanted || reserve(sub, (uint32_t)count);
	for (int32_t i = 0; wanted && fits && i < count; i++)
		add(sub, message_ref(messages[i]));
	if (wanted && fits)
		tell(sub);
	pthread_mutex_unlock(&sub->lock);
	return fits;
}

void
subscriber_end(Subscriber *sub, Message *message)
{
	pthread_mutex_lock(&sub->lock);
	bool takes = message != NULL && !sub->ended && !sub->closed && reserve(sub, 1);
	if (takes)
		add(sub, message);
	sub->ended = true;
	sub->waiting = true; // also who does not wait hears of it
	tell(sub);
	pthread_mutex_unlock(&sub->lock);
	atomic_store(&sub->hub->attention, true);
	if (!takes)
		message_unref(message);
}

// ---- the maker ----

Status
subscriber_bind(Subscriber *sub, LiveQuery *query, Error *err)
{
	TRY(feed_cursor_open(sub->hub->feed, live_query_table(query), &sub->cursor, err));
	sub->query = live_query_ref(query);
	return ST_OK;
}

bool
subscriber_offer(Subscriber *sub, Message *message)
{
	Error err = ERROR_INIT;
	if (!subscriber_push(sub, &message, 1))
		subscriber_fail(sub, error_no_memory(&err, "a subscription"), &err);
	message_unref(message);
	pthread_mutex_lock(&sub->lock);
	bool room = has_room(sub) && !sub->ended && !sub->closed;
	sub->starved = !room;
	pthread_mutex_unlock(&sub->lock);
	return room;
}

void
subscriber_go(Subscriber *sub, uint64_t after)
{
	Hub *hub = sub->hub;
	sub->seq = after;
	atomic_store(&sub->told_seq, after);
	feed_cursor_seek(sub->cursor, after);
	pthread_mutex_lock(&sub->lock);
	sub->bound = true;
	pthread_mutex_unlock(&sub->lock);
	subscriber_ref(sub);
	pthread_mutex_lock(&hub->lock);
	bool stopping = hub->stopping;
	if (!stopping) {
		sub->place.next = hub->inbox;
		hub->inbox = sub;
	}
	pthread_mutex_unlock(&hub->lock);
	if (stopping) {
		Error err = ERROR_INIT;
		subscriber_fail(sub, error_set(&err, ST_UNAVAILABLE, "shutting down"), &err);
		subscriber_unref(sub);
	}
	atomic_store(&hub->attention, true);
	feed_wake(hub->feed);
}

void
subscriber_fail(Subscriber *sub, Status status, const Error *err)
{
	hub_end_with(sub, status, err);
}

bool
subscriber_closed(Subscriber *sub)
{
	pthread_mutex_lock(&sub->lock);
	bool closed = sub->closed;
	pthread_mutex_unlock(&sub->lock);
	return closed;
}

// ---- the reader ----

// What waits for room hears of it; without the lock.
static void
wake(Subscriber *sub, bool bound)
{
	if (!bound) {
		sub->options.room(sub->options.room_arg);
		return;
	}
	atomic_store(&sub->hub->attention, true);
	feed_wake(sub->hub->feed);
}

// Whether somebody is to be woken: there is room for more than one message. Under the lock.
static bool
take_starved(Subscriber *sub)
{
	bool room = sub->queued_bytes < QUEUE_BYTES / 2 && has_room(sub) && !sub->closed;
	bool due = sub->starved && room;
	sub->starved &= !due;
	return due;
}

SubscriberNext
subscriber_take(Subscriber *sub, Message **out)
{
	SubscriberNext next = NEXT_WAIT;
	pthread_mutex_lock(&sub->lock);
	if (sub->count > 0) {
		*out = sub->ring[sub->first];
		sub->first = (sub->first + 1) & (sub->cap - 1);
		sub->count--;
		sub->queued_bytes -= (*out)->bytes;
		next = NEXT_MESSAGE;
	} else if (sub->ended) {
		next = NEXT_END;
	} else {
		sub->waiting = true;
	}
	bool due = take_starved(sub), bound = sub->bound;
	pthread_mutex_unlock(&sub->lock);
	if (due)
		wake(sub, bound);
	return next;
}

void
subscriber_add_credit(Subscriber *sub, uint64_t bytes)
{
	pthread_mutex_lock(&sub->lock);
	int64_t more = bytes < INT64_MAX ? (int64_t)bytes : INT64_MAX;
	if (__builtin_add_overflow(sub->credit_left, more, &sub->credit_left))
		sub->credit_left = INT64_MAX;
	bool due = take_starved(sub), bound = sub->bound;
	pthread_mutex_unlock(&sub->lock);
	if (due)
		wake(sub, bound);
}

void
subscriber_close(Subscriber *sub)
{
	pthread_mutex_lock(&sub->lock);
	sub->closed = true;
	bool bound = sub->bound;
	pthread_mutex_unlock(&sub->lock);
	if (bound) {
		atomic_store(&sub->hub->attention, true);
		feed_wake(sub->hub->feed);
	}
	subscriber_unref(sub);
}

SubscriberState
subscriber_state(Subscriber *sub)
{
	SubscriberState state = {.seq = atomic_load(&sub->told_seq)};
	pthread_mutex_lock(&sub->lock);
	state.bound = sub->bound;
	state.ended = sub->ended;
	state.waits = sub->starved;
	state.queued_bytes = sub->queued_bytes;
	state.limited = sub->options.limited;
	state.credit = sub->credit_left;
	pthread_mutex_unlock(&sub->lock);
	return state;
}

Status
subscriber_error(Subscriber *sub, Error *err)
{
	pthread_mutex_lock(&sub->lock);
	Status st = sub->ended ? sub->status : ST_OK;
	*err = sub->error;
	pthread_mutex_unlock(&sub->lock);
	return st;
}

// ---- messages of its own ----

Status
message_of_seq(MessageKind kind, uint64_t seq, Message **out, Error *err)
{
	SCOPED(message_drop) Message *message = NULL;
	TRY(message_new(kind, seq, &message, err));
	buf_add_printf(&message->text, "\"seq\":%" PRIu64 "}", seq);
	TRY(message_done(message, err));
	message->bytes = 0; // credit is for rows
	*out = TAKE(message);
	return ST_OK;
}

Status
message_gap(uint64_t from, uint64_t to, const char *reason, Message **out, Error *err)
{
	SCOPED(message_drop) Message *message = NULL;
	TRY(message_new(MESSAGE_GAP, to, &message, err));
	buf_add_printf(&message->text, "\"from\":%" PRIu64 ",\"to\":%" PRIu64 ",\"reason\":\"%s\"}",
				   from, to, reason);
	TRY(message_done(message, err));
	message->bytes = 0;
	*out = TAKE(message);
	return ST_OK;
}

Status
message_subscribed(const LiveQuery *query, MessageForm form, uint32_t number,
				   const FeedPosition *from, bool recovered, uint64_t earliest_seq, Message **out,
				   Error *err)
{
	SCOPED(message_drop) Message *message = NULL;
	TRY(message_new(MESSAGE_SUBSCRIBED, from->seq, &message, err));
	Buf *text = &message->text;
	buf_add_printf(text, "\"n\":%" PRIu32 ",\"schema\":", number);
	json_schema_add(live_query_schema(query), text);
	buf_add_text(text, ",\"epoch\":\"");
	text_hex(text, slice_of(from->epoch, sizeof(from->epoch)));
	buf_add_printf(text,
				   "\",\"from_seq\":%" PRIu64 ",\"recovered\":%s,\"earliest_seq\":%" PRIu64 "}",
				   from->seq + 1, recovered ? "true" : "false", earliest_seq);
	if (form == FORM_ARROW) {
		TRY(ipc_write_schema(live_query_schema(query), &message->ipc.metadata, err));
		message->has_ipc = true;
	}
	TRY(message_done(message, err));
	message->bytes = 0;
	*out = TAKE(message);
	return ST_OK;
}
