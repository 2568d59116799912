// call_int.h - an action on its way, shared by the calls themselves and what they run.

#pragma once

#include <jansson.h>

#include "engine/database_int.h"

typedef struct Reply {
	Bytes *json;
	struct Reply *next;
} Reply;

struct mobius_call {
	atomic_uint refs; // the caller's and the worker's
	mobius_session *session;
	mobius *db;
	int action;
	json_t *request;
	Job job;

	// The worker's until done.
	Reply *replies;
	Reply **tail;
	size_t count;
	Status status;
	Error error;

	pthread_mutex_t lock; // guards all below
	mobius_event event;
	bool done;
	bool closed;
	bool late;        // its statement was ended by query.timeout
	SqlQuery *query;  // that a statement reads with just now
	int64_t until_ns; // query.timeout
	mobius_error shown_error;
};

// One JSON object more of the answer.
Status call_reply(mobius_call *call, Buf *json, Error *err);
// A text of the request; NULL when it is absent.
Status call_text(mobius_call *call, const char *key, bool needed, const char **out, Error *err);

// What an action does, in a worker that may wait.
typedef Status (*ActionRun)(mobius_call *call, Error *err);
// The i-th of mobius_actions.
ActionRun action_run(int i);
