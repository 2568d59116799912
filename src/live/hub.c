#include "live/hub_int.h"

#include <inttypes.h>

#include "base/mem.h"
#include "base/text.h"
#include "os/clock.h"

// ---- lists ----

void
place_add(Subscriber **list, Subscriber *sub)
{
	sub->place = (Place){.next = *list};
	if (*list != NULL)
		(*list)->place.prev = sub;
	*list = sub;
}

void
place_remove(Subscriber **list, Subscriber *sub)
{
	Place *place = &sub->place;
	if (place->prev != NULL)
		place->prev->place.next = place->next;
	else
		*list = place->next;
	if (place->next != NULL)
		place->next->place.prev = place->prev;
	*place = (Place){0};
}

// ---- ends ----

static Status
message_of_error(uint64_t seq, Status status, const Error *cause, Message **out, Error *err)
{
	SCOPED(message_drop) Message *message = NULL;
	TRY(message_new(MESSAGE_ERROR, seq, &message, err));
	Buf *text = &message->text;
	buf_add_printf(text, "\"code\":\"%s\",\"message\":", status_name(status));
	text_json_string(text, slice_text(cause->text));
	if (cause->position >= 0)
		buf_add_printf(text, ",\"position\":%" PRId32, cause->position);
	if (seq > 0)
		buf_add_printf(text, ",\"seq\":%" PRIu64, seq);
	buf_add_byte(text, '}');
	TRY(message_done(message, err));
	message->bytes = 0;
	*out = TAKE(message);
	return ST_OK;
}

void
hub_end_with(Subscriber *sub, Status status, const Error *err)
{
	Message *message = NULL;
	if (message_of_error(atomic_load(&sub->told_seq), status, err, &message, NULL) != ST_OK)
		message = NULL;
	pthread_mutex_lock(&sub->lock);
	if (!sub->ended) {
		sub->status = status;
		sub->error = *err;
	}
	pthread_mutex_unlock(&sub->lock);
	subscriber_end(sub, message);
}

static bool
is_over(Subscriber *sub)
{
	pthread_mutex_lock(&sub->lock);
	bool over = sub->closed || sub->ended;
	pthread_mutex_unlock(&sub->lock);
	return over;
}

static bool
is_timed(const Subscriber *sub)
{
	return sub->options.progress_ns > 0 || sub->options.until > 0;
}

static void
forget(Hub *hub, Subscriber *sub)
{
	hub->timed -= is_timed(sub);
	if (sub->group != NULL)
		group_leave(hub, sub);
	else
		place_remove(&hub->behind, sub);
	feed_cursor_close(TAKE(sub->cursor));
	subscriber_unref(sub);
}

// ---- by the clock ----

// How far it is; what was pushed to its group before has been told.
static uint64_t
position(const Subscriber *sub)
{
	uint64_t seq = sub->group != NULL ? group_seq(sub->group) : sub->seq;
	return seq > sub->seq ? seq : sub->seq;
}

static void
tell_progress(Subscriber *sub, int64_t now)
{
	uint64_t seq = position(sub);
	if (sub->options.progress_ns == 0 || now - sub->told_ns < sub->options.progress_ns ||
		seq <= sub->told_seq)
		return;
	Message *message = NULL;
	if (message_of_seq(MESSAGE_PROGRESS, seq, &message, NULL) != ST_OK)
		return;
	if (subscriber_push(sub, &message, 1)) {
		sub->told_seq = seq;
		sub->told_ns = now;
	}
	message_unref(message);
}

static void
end_when_due(Subscriber *sub, int64_t now)
{
	Error err = ERROR_INIT;
	uint64_t until = sub->options.until;
	if (until > 0 && position(sub) >= until)
		(void)commit_ends(sub, &(FeedCommit){.seq = until + 1});
	if (sub->full_ns > 0 && sub->options.on_slow == SLOW_DISCONNECT && now - sub->full_ns > SLOW_NS)
		hub_end_with(sub,
					 error_set(&err, ST_LIMIT,
							   "nothing of %d MiB that wait was taken for 10 s; subscribe again, "
							   "behind commit %" PRIu64,
							   QUEUE_BYTES >> 20, sub->seq),
					 &err);
}

static void
tend_list(Hub *hub, Subscriber *list, int64_t now)
{
	for (Subscriber *sub = list, *next; sub != NULL; sub = next) {
		next = sub->place.next;
		end_when_due(sub, now);
		if (is_over(sub))
			forget(hub, sub);
		else
			tell_progress(sub, now);
	}
}

static void
tend(Hub *hub)
{
	int64_t now = clock_mono_ns();
	for (Group *group = hub->groups, *next; group != NULL; group = next) {
		next = group->next;
		tend_list(hub, group->members, now);
	}
	tend_list(hub, hub->behind, now);
}

// ---- the thread ----

static bool
take_new(Hub *hub)
{
	pthread_mutex_lock(&hub->lock);
	Subscriber *all = TAKE(hub->inbox);
	bool stopping = hub->stopping;
	pthread_mutex_unlock(&hub->lock);
	while (all != NULL) {
		Subscriber *next = all->place.next;
		all->told_ns = clock_mono_ns();
		hub->timed += is_timed(all);
		place_add(&hub->behind, all);
		all = next;
	}
	return stopping;
}

// True: somebody has more to read.
static bool
read_on(Hub *hub)
{
	bool more = false;
	uint64_t head = feed_head(hub->feed).seq;
	for (Group *group = hub->groups, *next; group != NULL; group = next) {
		next = group->next;
		group_advance(hub, group);
	}
	for (const Group *group = hub->groups; group != NULL; group = group->next)
		more |= !group->stalled && group_seq(group) < head;
	for (Subscriber *sub = hub->behind, *next; sub != NULL; sub = next) {
		next = sub->place.next;
		if (!is_over(sub))
			more |= catch_up(hub, sub);
	}
	return more;
}

static void
end_all(Hub *hub)
{
	Error err = ERROR_INIT;
	Status st = error_set(&err, ST_UNAVAILABLE, "shutting down");
	while (hub->groups != NULL) {
		hub_end_with(hub->groups->members, st, &err);
		forget(hub, hub->groups->members);
	}
	while (hub->behind != NULL) {
		hub_end_with(hub->behind, st, &err);
		forget(hub, hub->behind);
	}
}

static void
hub_run(void *arg)
{
	Hub *hub = arg;
	while (!take_new(hub)) {
		bool more = read_on(hub);
		bool look = atomic_exchange(&hub->attention, false);
		if (look || hub->timed > 0 || hub->behind != NULL)
			tend(hub);
		bool clock = hub->timed > 0 || hub->behind != NULL;
		if (!more)
			feed_wait(hub->feed, clock ? clock_mono_ns() + TICK_NS : INT64_MAX);
	}
	end_all(hub);
}

Status
hub_start(Feed *feed, BytesPool *pool, Hub **out, Error *err)
{
	Hub *hub = mem_alloc(sizeof(*hub));
	if (hub == NULL)
		return error_no_memory(err, "subscriptions");
	hub->feed = feed;
	hub->work.pool = pool;
	pthread_mutex_init(&hub->lock, NULL);
	Status st = expr_work_new(EXPR_FAULTS_NULL, &hub->work.expr, err);
	if (st == ST_OK)
		st = thread_start(&(ThreadOptions){.name = "feed"}, hub_run, hub, &hub->thread, err);
	if (st != ST_OK) {
		hub_free(hub);
		return st;
	}
	*out = hub;
	return ST_OK;
}

void
hub_stop(Hub *hub)
{
	if (hub == NULL)
		return;
	pthread_mutex_lock(&hub->lock);
	hub->stopping = true;
	pthread_mutex_unlock(&hub->lock);
	feed_wake(hub->feed);
	thread_join(TAKE(hub->thread));
}

void
hub_free(Hub *hub)
{
	if (hub == NULL)
		return;
	expr_work_free(hub->work.expr);
	pthread_mutex_destroy(&hub->lock);
	mem_free(hub);
}
