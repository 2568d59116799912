// call.c - an action on its way: asked, run by a worker, answered with JSON objects.

#include "engine/call_int.h"

#include <string.h>

#include "base/mem.h"

// ---- the worker ----

Status
call_reply(mobius_call *call, Buf *json, Error *err)
{
	Reply *node = mem_alloc(sizeof(*node));
	Bytes *bytes = buf_to_bytes(json);
	if (node == NULL || bytes == NULL) {
		mem_free(node);
		bytes_unref(bytes);
		return error_no_memory(err, "a reply");
	}
	node->json = bytes;
	*call->tail = node;
	call->tail = &node->next;
	call->count++;
	return ST_OK;
}

Status
call_text(mobius_call *call, const char *key, bool needed, const char **out, Error *err)
{
	json_t *value = json_object_get(call->request, key);
	*out = NULL;
	if (value == NULL || json_is_null(value))
		return needed ? error_set(err, ST_INVALID, "\"%s\" is missing", key) : ST_OK;
	if (!json_is_string(value))
		return error_set(err, ST_INVALID, "\"%s\" must be a text", key);
	*out = json_string_value(value);
	return ST_OK;
}

// ---- the caller ----

static void
call_unref(mobius_call *call)
{
	if (call == NULL || atomic_fetch_sub(&call->refs, 1) > 1)
		return;
	for (Reply *next; call->replies != NULL; call->replies = next) {
		next = call->replies->next;
		bytes_unref(call->replies->json);
		mem_free(call->replies);
	}
	json_decref(call->request);
	pthread_mutex_destroy(&call->lock);
	mobius_session_unref(call->session);
	mem_free(call);
}

static void
call_drop(mobius_call **call)
{
	call_unref(*call);
}

static void
run_call(Job *job)
{
	mobius_call *call = (mobius_call *)((char *)job - offsetof(mobius_call, job));
	call->error = (Error)ERROR_INIT;
	call->status = action_run(call->action)(call, &call->error);
	pthread_mutex_lock(&call->lock);
	call->done = true;
	if (call->event.fn != NULL)
		call->event.fn(call->event.arg);
	pthread_mutex_unlock(&call->lock);
	call_unref(call);
}

static int
find_action(const char *name)
{
	size_t count;
	const mobius_action_info *actions = mobius_actions(&count);
	for (size_t i = 0; i < count; i++)
		if (strcmp(actions[i].name, name) == 0)
			return (int)i;
	return -1;
}

static Status
parse_request(mobius_call *call, Slice json, Error *err)
{
	if (json.len == 0) {
		call->request = json_object();
		return call->request == NULL ? error_no_memory(err, "an action") : ST_OK;
	}
	size_t count;
	const mobius_action_info *action = &mobius_actions(&count)[call->action];
	json_error_t cause;
	call->request = json_loadb((const char *)json.data, json.len, JSON_REJECT_DUPLICATES, &cause);
	if (call->request == NULL)
		return error_set(err, ST_INVALID, "the request of %s is no JSON: %s", action->name,
						 cause.text);
	if (!json_is_object(call->request))
		return error_set(err, ST_INVALID, "the request of %s must be an object: %s", action->name,
						 action->request);
	return ST_OK;
}

static Status
open_call(mobius_session *session, const char *name, Slice json, mobius_event event,
		  mobius_call **out, Error *err)
{
	int action = find_action(name);
	if (action < 0)
		return error_set(err, ST_UNIMPLEMENTED,
						 "there is no action \"%.100s\"; ListActions tells which there are", name);
	TRY(database_ready(session->db, err));
	SCOPED(call_drop) mobius_call *call = mem_alloc(sizeof(*call));
	if (call == NULL)
		return error_no_memory(err, "an action");
	atomic_init(&call->refs, 1);
	pthread_mutex_init(&call->lock, NULL);
	call->session = mobius_session_ref(session);
	call->db = session->db;
	call->action = action;
	call->tail = &call->replies;
	call->job.run = run_call;
	call->event = event;
	TRY(parse_request(call, json, err));
	atomic_fetch_add(&call->refs, 1);
	workers_submit(call->db->waiters, &call->job);
	*out = TAKE(call);
	return ST_OK;
}

mobius_status
mobius_call_open(mobius_session *session, const char *name, mobius_slice json, mobius_event event,
				 mobius_call **out, mobius_error *err)
{
	Error e = ERROR_INIT;
	return error_out(open_call(session, name, slice_in(json), event, out, &e), &e, err);
}

bool
mobius_call_done(mobius_call *call, mobius_status *status, const mobius_error **err)
{
	pthread_mutex_lock(&call->lock);
	bool done = call->done;
	pthread_mutex_unlock(&call->lock);
	if (done) {
		*status = error_out(call->status, &call->error, &call->shown_error);
		*err = &call->shown_error;
	}
	return done;
}

size_t
mobius_call_count(const mobius_call *call)
{
	return call->count;
}

mobius_slice
mobius_call_reply(const mobius_call *call, size_t i)
{
	const Reply *node = call->replies;
	while (i-- > 0)
		node = node->next;
	return slice_out(bytes_slice(node->json));
}

void
mobius_call_close(mobius_call *call)
{
	if (call == NULL)
		return;
	pthread_mutex_lock(&call->lock);
	call->event = (mobius_event){0};
	call->closed = true;
	pthread_mutex_unlock(&call->lock);
	call_unref(call);
}
