#include "engine/subscriptions.h"

#include <inttypes.h>

#include "base/mem.h"
#include "engine/subscription_int.h"
#include "engine/system_int.h"
#include "os/clock.h"

struct Subscriptions {
	pthread_mutex_t lock; // guards all below, and their links
	mobius_subscription *first;
	int64_t last_id;
};

Status
subscriptions_new(Subscriptions **out, Error *err)
{
	Subscriptions *all = mem_alloc(sizeof(*all));
	if (all == NULL)
		return error_no_memory(err, "subscriptions");
	pthread_mutex_init(&all->lock, NULL);
	*out = all;
	return ST_OK;
}

void
subscriptions_free(Subscriptions *all)
{
	if (all == NULL)
		return;
	pthread_mutex_destroy(&all->lock);
	mem_free(all);
}

void
subscriptions_add(Subscriptions *all, mobius_subscription *sub)
{
	sub->started_ns = clock_wall_ns();
	pthread_mutex_lock(&all->lock);
	sub->number_of_all = ++all->last_id;
	sub->next = all->first;
	all->first = sub;
	pthread_mutex_unlock(&all->lock);
}

void
subscriptions_remove(Subscriptions *all, mobius_subscription *sub)
{
	pthread_mutex_lock(&all->lock);
	mobius_subscription **at = &all->first;
	while (*at != NULL && *at != sub)
		at = &(*at)->next;
	if (*at == sub)
		*at = sub->next;
	pthread_mutex_unlock(&all->lock);
}

static SubscriptionInfo
info_of(const mobius_subscription *sub)
{
	static const char *const forms[] = {"json arrays", "json objects", "arrow"};
	SubscriberState state = subscriber_state(sub->subscriber);
	return (SubscriptionInfo){
		.id = sub->number_of_all,
		.client = sub->client,
		.sql = sub->request.sql,
		.form = forms[sub->form],
		.state = state.ended   ? "ended"
				 : state.waits ? "waiting"
				 : state.bound ? "following"
							   : "opening",
		.started_ns = sub->started_ns,
		.seq = state.seq,
		.queued_bytes = state.queued_bytes,
		.limited = state.limited,
		.credit = state.credit,
	};
}

void
subscriptions_each(Subscriptions *all, void (*each)(void *arg, const SubscriptionInfo *info),
				   void *arg)
{
	pthread_mutex_lock(&all->lock);
	for (const mobius_subscription *sub = all->first; sub != NULL; sub = sub->next) {
		SubscriptionInfo info = info_of(sub);
		each(arg, &info);
	}
	pthread_mutex_unlock(&all->lock);
}

Status
subscriptions_kill(Subscriptions *all, int64_t id, Error *err)
{
	pthread_mutex_lock(&all->lock);
	mobius_subscription *sub = all->first;
	while (sub != NULL && sub->number_of_all != id)
		sub = sub->next;
	SCOPED(subscriber_drop)
	Subscriber *subscriber = sub != NULL ? subscriber_ref(sub->subscriber) : NULL;
	pthread_mutex_unlock(&all->lock);
	if (subscriber == NULL)
		return error_set(err, ST_NOT_FOUND,
						 "there is no subscription %" PRId64 "; system.subscriptions lists them",
						 id);
	Error cause = ERROR_INIT;
	Status st = error_set(&cause, ST_CANCELLED, "ended by subscription.kill");
	subscriber_fail(subscriber, st, &cause);
	return ST_OK;
}

// ---- system.subscriptions ----

static const Field SUBSCRIPTIONS[] = {
	INT("id"),    TEXT("client"),       TEXT("sql"),
	TEXT("form"), TEXT("state"),        MOMENT("started_at"),
	UINT("seq"),  UINT("queued_bytes"), INT("credit"),
};

static void
add_row(void *arg, const SubscriptionInfo *info)
{
	Row row = {arg, 0};
	row_number(&row, info->id);
	row_text(&row, info->client);
	row_text(&row, info->sql);
	row_text(&row, info->form);
	row_text(&row, info->state);
	row_number(&row, info->started_ns / 1000);
	row_unsigned(&row, info->seq);
	row_unsigned(&row, info->queued_bytes);
	if (info->limited)
		row_number(&row, info->credit);
	else
		row_null(&row);
}

static Status
add_rows(mobius *db, const Snapshot *snapshot, Builder *builder, Error *err)
{
	(void)snapshot;
	(void)err;
	subscriptions_each(db->subscriptions, add_row, builder);
	return ST_OK;
}

const SystemTable system_subscriptions = {"subscriptions", SUBSCRIPTIONS, COUNT_OF(SUBSCRIPTIONS),
										  add_rows};
