// subscription.c - a subscription from a server's side: what it asks for is bound by a worker,
// which also reads the snapshot; then the hub has it.
//
// Its life: bound (the table is followed from here on) → the snapshot, if it is asked for, as far
// as there is room → the hub's. Nothing is missed in between, since the hub goes on behind the
// snapshot's commit.
//
// Threads  next, credit, close: the caller's, one at a time. The worker that runs it owns `query`
// and `rows`; `lock` guards who that is.

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "engine/subscription_int.h"
#include "engine/subscriptions.h"
#include "os/clock.h"

enum { SNAPSHOT_ROWS = 4096, SNAPSHOT_BYTES = 1 << 20 };

void
subscription_unref(mobius_subscription *sub)
{
	if (sub == NULL || atomic_fetch_sub(&sub->refs, 1) > 1)
		return;
	message_unref(sub->current);
	sql_query_close(sub->rows);
	live_query_unref(sub->query);
	subscriber_unref(sub->subscriber);
	subscription_request_close(&sub->request);
	buf_close(&sub->id);
	mem_free(sub->client);
	buf_close(&sub->prefix);
	pthread_mutex_destroy(&sub->lock);
	mobius_session_unref(sub->session);
	mem_free(sub);
}

// ---- the worker ----

static Status
tell_start(mobius_subscription *sub, const FeedPosition *from, bool recovered, Error *err)
{
	Message *message = NULL;
	TRY(message_subscribed(sub->query, sub->form, sub->number, from, recovered,
						   feed_earliest_seq(sub->db->feed), &message, err));
	(void)subscriber_offer(sub->subscriber, message);
	return ST_OK;
}

// Takes the snapshot now, after the table is followed.
static Status
open_snapshot(mobius_subscription *sub, FeedPosition *from, Error *err)
{
	bool newest = sub->request.start == START_LATEST;
	const char *text = newest ? live_query_newest(sub->query) : live_query_text(sub->query);
	SqlSession session = {.database = sub->session->database};
	SCOPED(sql_pin_drop) SqlPin *pin = NULL;
	SCOPED(sql_query_drop) SqlQuery *rows = NULL;
	TRY(sql_query_open(sub->db->sql, text, &session, &rows, err));
	TRY(sql_query_pin(rows, &pin, err));
	pthread_mutex_lock(&sub->lock);
	sub->rows = TAKE(rows);
	pthread_mutex_unlock(&sub->lock);
	ticker_add(sub->db->ticker, &sub->tick);
	from->seq = sql_query_seq(sub->rows);
	return live_query_check(sub->query, sql_query_schema(sub->rows), err);
}

static Status
bind(mobius_subscription *sub, Error *err)
{
	mobius *db = sub->db;
	SubscriptionRequest *request = &sub->request;
	SqlSession session = {.database = sub->session->database};
	TRY(database_ready(db, err));
	TRY(live_query_new(db->sql, slice_text(request->sql), request->params, &session, &sub->query,
					   err));
	TRY(subscriber_bind(sub->subscriber, sub->query, err));
	FeedPosition from = feed_head(db->feed);
	bool recovered = request->start != START_RESUME || feed_covers(db->feed, &request->position);
	if (request->start == START_RESUME && recovered)
		from = request->position;
	if (request->start == START_SNAPSHOT || request->start == START_LATEST)
		TRY(open_snapshot(sub, &from, err));
	sub->from_seq = from.seq;
	return tell_start(sub, &from, recovered, err);
}

// Rows of the snapshot until there is no room; *done: that was all.
static Status
read_snapshot(mobius_subscription *sub, bool *done, Error *err)
{
	MessageRows about = {.seq = sub->from_seq, .snapshot = true};
	for (bool room = true; room && !subscriber_closed(sub->subscriber);) {
		SCOPED(batch_drop) Batch *batch = NULL;
		Message *message = NULL;
		TRY(sql_query_next(sub->rows, SNAPSHOT_ROWS, SNAPSHOT_BYTES, &batch, err));
		*done = batch == NULL;
		if (*done)
			TRY(message_of_seq(MESSAGE_SNAPSHOT_END, sub->from_seq, &message, err));
		else
			TRY(message_of_rows(sub->query, sub->form, &about, batch, &message, err));
		room = subscriber_offer(sub->subscriber, message);
		if (*done)
			return ST_OK;
	}
	return ST_OK;
}

static void
close_snapshot(mobius_subscription *sub)
{
	ticker_remove(sub->db->ticker, &sub->tick);
	pthread_mutex_lock(&sub->lock);
	SqlQuery *rows = TAKE(sub->rows);
	pthread_mutex_unlock(&sub->lock);
	sql_query_close(rows);
}

// The ticker's: a snapshot that nobody takes keeps rows from leaving memory.
static void
look_for_stall(void *arg, int64_t now_ns)
{
	mobius_subscription *sub = arg;
	pthread_mutex_lock(&sub->lock);
	bool open = atomic_load(&sub->db->phase) == PHASE_READY;
	bool due = open && !sub->running && sub->parked_ns != 0 &&
			   now_ns - sub->parked_ns > sub->db->settings.query_stall_ns;
	sub->running |= due;
	sub->stalled |= due;
	if (due)
		atomic_fetch_add(&sub->refs, 1);
	pthread_mutex_unlock(&sub->lock);
	if (due)
		workers_submit(sub->db->readers, &sub->job);
}

static Status
give_up(mobius_subscription *sub, Error *err)
{
	pthread_mutex_lock(&sub->lock);
	bool stalled = sub->stalled;
	pthread_mutex_unlock(&sub->lock);
	return stalled ? error_set(err, ST_DEADLINE,
							   "nothing of the snapshot was taken for as long as query.stall; take "
							   "it faster, or give credit")
				   : ST_OK;
}

// One slice; false: it is the hub's now, or over.
static bool
run_slice(mobius_subscription *sub)
{
	Error err = ERROR_INIT;
	Status st = ST_OK;
	bool done = true;
	if (sub->query == NULL)
		st = bind(sub, &err);
	else
		st = give_up(sub, &err);
	if (st == ST_OK && sub->rows != NULL) {
		done = false;
		st = read_snapshot(sub, &done, &err);
	}
	if (st != ST_OK)
		subscriber_fail(sub->subscriber, st, &err);
	bool over = st != ST_OK || subscriber_closed(sub->subscriber);
	if (!over && !done)
		return true;
	close_snapshot(sub);
	if (!over)
		subscriber_go(sub->subscriber, sub->from_seq);
	return false;
}

static void
run_job(Job *job)
{
	mobius_subscription *sub = (mobius_subscription *)job;
	for (bool again = true; again;) {
		bool parked = run_slice(sub);
		pthread_mutex_lock(&sub->lock);
		again = parked && sub->again;
		sub->again = false;
		sub->running = again;
		sub->parked_ns = parked && !again ? clock_mono_ns() : 0;
		pthread_mutex_unlock(&sub->lock);
	}
	subscription_unref(sub);
}

// There is room for more of the snapshot.
static void
go_on(void *arg)
{
	mobius_subscription *sub = arg;
	pthread_mutex_lock(&sub->lock);
	bool start = !sub->running;
	sub->again = !start;
	sub->running = true;
	sub->parked_ns = 0;
	pthread_mutex_unlock(&sub->lock);
	if (!start)
		return;
	atomic_fetch_add(&sub->refs, 1);
	workers_submit(sub->db->readers, &sub->job);
}

// ---- the caller ----

static Status
make_prefix(mobius_subscription *sub, Error *err)
{
	// {"type":"rows","id":"s1", is put together for each message; the middle is always the same.
	if (sub->request.id != NULL) {
		buf_add_text(&sub->id, ",\"id\":");
		text_json_string(&sub->id, slice_text(sub->request.id));
	}
	buf_add_byte(&sub->id, ',');
	return buf_status(&sub->id, err, "a subscription");
}

DEFINE_DROP(mobius_subscription, subscription_drop, subscription_unref)

static Status
open_subscription(mobius_session *session, const mobius_subscribe_options *options,
				  mobius_subscription **out, Error *err)
{
	mobius *db = session->db;
	TRY(database_ready(db, err));
	SCOPED(subscription_drop) mobius_subscription *sub = mem_alloc(sizeof(*sub));
	if (sub == NULL)
		return error_no_memory(err, "a subscription");
	atomic_init(&sub->refs, 1);
	pthread_mutex_init(&sub->lock, NULL);
	sub->session = mobius_session_ref(session);
	sub->db = db;
	sub->number = options->number;
	sub->form = (MessageForm)options->form;
	sub->job.run = run_job;
	sub->tick = (Tick){.fn = look_for_stall, .arg = sub};
	sub->client = options->client != NULL ? mem_strdup(options->client) : NULL;
	if (options->client != NULL && sub->client == NULL)
		return error_no_memory(err, "a subscription");
	TRY(subscription_request_read(slice_in(options->request), &sub->request, err));
	TRY(make_prefix(sub, err));
	SubscriberOptions asked = sub->request.options;
	asked.form = sub->form;
	asked.event = options->event.fn;
	asked.event_arg = options->event.arg;
	asked.room = go_on;
	asked.room_arg = sub;
	TRY(subscriber_new(db->hub, &asked, &sub->subscriber, err));
	sub->reader = subscriber_ref(sub->subscriber);
	TRY(workers_check_room(db->readers, err));
	sub->running = true;
	subscriptions_add(db->subscriptions, sub);
	atomic_fetch_add(&sub->refs, 1);
	workers_submit(db->readers, &sub->job);
	*out = TAKE(sub);
	return ST_OK;
}

mobius_status
mobius_subscription_open(mobius_session *session, const mobius_subscribe_options *options,
						 mobius_subscription **out, mobius_error *err)
{
	Error e = ERROR_INIT;
	return error_out(open_subscription(session, options, out, &e), &e, err);
}

static const char *
type_name(MessageKind kind)
{
	static const char *const names[] = {
		[MESSAGE_SUBSCRIBED] = "subscribed",
		[MESSAGE_ROWS] = "rows",
		[MESSAGE_SNAPSHOT_END] = "snapshot_end",
		[MESSAGE_CHANGE] = "rows",
		[MESSAGE_PROGRESS] = "progress",
		[MESSAGE_GAP] = "gap",
		[MESSAGE_ERROR] = "error",
		[MESSAGE_COMPLETE] = "complete",
	};
	return names[kind];
}

static mobius_next
show(mobius_subscription *sub, mobius_message *out)
{
	const Message *message = sub->current;
	buf_reset(&sub->prefix);
	buf_add_text(&sub->prefix, "{\"type\":\"");
	buf_add_text(&sub->prefix, type_name(message->kind));
	buf_add_byte(&sub->prefix, '"');
	buf_add_slice(&sub->prefix, buf_slice(&sub->id));
	sub->pieces[0] = (mobius_piece){sub->prefix.data, sub->prefix.len, NULL};
	sub->pieces[1] = (mobius_piece){message->text.data, message->text.len, NULL};
	*out = (mobius_message){
		.kind = (mobius_message_kind)message->kind,
		.seq = message->seq,
		.snapshot = message->snapshot,
		.more = message->more,
		.text = sub->pieces,
		.text_pieces = COUNT_OF(sub->pieces),
		.text_len = sub->prefix.len + message->text.len,
		.has_frame = message->has_ipc,
		.credit = message->bytes,
	};
	if (message->has_ipc)
		out->frame = (mobius_frame){
			.header = slice_out(buf_slice(&message->ipc.metadata)),
			.body = (const mobius_piece *)message->ipc.body,
			.pieces = (size_t)message->ipc.body_count,
			.body_len = message->ipc.body_len,
			.rows = message->rows,
		};
	if (message->kind == MESSAGE_ERROR) {
		Error err;
		Status st = subscriber_error(sub->subscriber, &err);
		(void)error_out(st, &err, &sub->error);
		out->error = &sub->error;
	}
	return sub->prefix.failed ? MOBIUS_NEXT_FAILED : MOBIUS_NEXT_FRAME;
}

mobius_next
mobius_subscription_next(mobius_subscription *sub, mobius_message *out)
{
	message_unref(TAKE(sub->current));
	switch (subscriber_take(sub->subscriber, &sub->current)) {
	case NEXT_MESSAGE: return show(sub, out);
	case NEXT_END: return MOBIUS_NEXT_END;
	case NEXT_WAIT: break;
	}
	return MOBIUS_NEXT_WAIT;
}

const mobius_error *
mobius_subscription_error(mobius_subscription *sub)
{
	Error err;
	Status st = subscriber_error(sub->subscriber, &err);
	if (st == ST_OK)
		return NULL;
	(void)error_out(st, &err, &sub->error);
	return &sub->error;
}

void
mobius_subscription_credit(mobius_subscription *sub, uint64_t bytes)
{
	subscriber_add_credit(sub->subscriber, bytes);
}

void
mobius_subscription_close(mobius_subscription *sub)
{
	if (sub == NULL)
		return;
	subscriptions_remove(sub->db->subscriptions, sub);
	subscriber_close(TAKE(sub->reader));
	ticker_remove(sub->db->ticker, &sub->tick);
	pthread_mutex_lock(&sub->lock);
	if (sub->rows != NULL)
		sql_query_cancel(sub->rows);
	pthread_mutex_unlock(&sub->lock);
	subscription_unref(sub);
}
