// subscriptions.h - which subscriptions there are: system.subscriptions, and ending one from
// outside.
//
// Threads  any.

#pragma once

#include "engine/database_int.h"

typedef struct Subscriptions Subscriptions;

Status subscriptions_new(Subscriptions **out, Error *err);
void subscriptions_free(Subscriptions *all); // NULL is allowed

void subscriptions_add(Subscriptions *all, mobius_subscription *sub);
void subscriptions_remove(Subscriptions *all, mobius_subscription *sub); // fine when it is not in

// What is seen of one. Texts are good while it is told.
typedef struct SubscriptionInfo {
	int64_t id; // from 1, never used again within a run
	const char *client;
	const char *sql;
	const char *form;
	const char *state; // "opening", "following", "waiting", "ended"
	int64_t started_ns;
	uint64_t seq;
	uint64_t queued_bytes;
	bool limited;
	int64_t credit;
} SubscriptionInfo;
void subscriptions_each(Subscriptions *all, void (*each)(void *arg, const SubscriptionInfo *info),
						void *arg);
// Its reader hears that it was ended. ST_NOT_FOUND.
Status subscriptions_kill(Subscriptions *all, int64_t id, Error *err);
