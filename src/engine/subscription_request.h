// subscription_request.h - what a client asks a subscription for: a JSON object, read.
//
// Threads  one owner.

#pragma once

#include <jansson.h>

#include "live/hub.h"

typedef enum Start { START_NOW, START_LATEST, START_SNAPSHOT, START_RESUME } Start;

// As its JSON says it. Texts lie in `json`.
typedef struct SubscriptionRequest {
	json_t *json;
	const char *sql;
	const char *id;       // NULL: none
	const json_t *params; // NULL: none
	Start start;
	FeedPosition position; // START_RESUME
	SubscriberOptions options;
} SubscriptionRequest;

// ST_INVALID names the member that is wrong; ST_UNIMPLEMENTED.
Status subscription_request_read(Slice json, SubscriptionRequest *out, Error *err);
void subscription_request_close(SubscriptionRequest *request);
