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
// A text of the request, which was checked; NULL when it is absent.
const char *call_text(const mobius_call *call, const char *key);

typedef enum ParamKind { PARAM_TEXT, PARAM_BOOL, PARAM_VALUES, PARAM_NUMBER } ParamKind;

// A field that a request may have. NULL in its place is the same as none.
typedef struct ActionParam {
	const char *name; // NULL: there are no more
	ParamKind kind;
	bool needed;
} ActionParam;

enum { PARAMS_ROOM = 3 };

// What an action takes, and what it does, in a worker that may wait.
typedef struct Action {
	Status (*run)(mobius_call *call, Error *err);
	ActionParam params[PARAMS_ROOM];
} Action;
// The i-th of mobius_actions.
const Action *action_at(int i);
