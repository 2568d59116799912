// call.c - an action on its way: asked, run by a worker, answered with JSON objects.

#include "engine/call_int.h"

#include <string.h>

#include "base/mem.h"
#include "base/setting.h"

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

const char *
call_text(const mobius_call *call, const char *key)
{
	return json_string_value(json_object_get(call->request, key));
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
	call->status = action_at(call->action)->run(call, &call->error);
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

// ---- the request ----

static Status
refuse_field(const mobius_action_info *action, const ActionParam *params, const char *field,
			 Error *err)
{
	const char *names[PARAMS_ROOM];
	size_t count = 0;
	for (; count < PARAMS_ROOM && params[count].name != NULL; count++)
		names[count] = params[count].name;
	const char *near = setting_propose(field, names, count);
	if (near != NULL)
		return error_set(err, ST_INVALID,
						 "%s has no field \"%.100s\"; did you mean \"%s\"? It takes %s",
						 action->name, field, near, action->request);
	return error_set(err, ST_INVALID, "%s has no field \"%.100s\"; it takes %s", action->name,
					 field, action->request);
}

static Status
check_field(const json_t *value, const ActionParam *param, Error *err)
{
	static const char *const kinds[] = {"a text", "true or false", "a list or an object",
										"a whole number"};
	if (value == NULL || json_is_null(value))
		return param->needed ? error_set(err, ST_INVALID, "\"%s\" is missing", param->name) : ST_OK;
	bool fits = param->kind == PARAM_TEXT     ? json_is_string(value)
				: param->kind == PARAM_BOOL   ? json_is_boolean(value)
				: param->kind == PARAM_NUMBER ? json_is_integer(value)
											  : json_is_array(value) || json_is_object(value);
	return fits ? ST_OK
				: error_set(err, ST_INVALID, "\"%s\" must be %s", param->name, kinds[param->kind]);
}

static const ActionParam *
find_param(const ActionParam *params, const char *name)
{
	for (int i = 0; i < PARAMS_ROOM && params[i].name != NULL; i++)
		if (strcmp(params[i].name, name) == 0)
			return &params[i];
	return NULL;
}

// A field that nobody reads is a slip that would change what the action does.
static Status
check_request(const mobius_call *call, const mobius_action_info *action, Error *err)
{
	const ActionParam *params = action_at(call->action)->params;
	const char *field;
	json_t *value;
	json_object_foreach(call->request, field, value) if (find_param(params, field) ==
														 NULL) return refuse_field(action, params,
																				   field, err);
	for (int i = 0; i < PARAMS_ROOM && params[i].name != NULL; i++)
		TRY(check_field(json_object_get(call->request, params[i].name), &params[i], err));
	return ST_OK;
}

static Status
parse_request(mobius_call *call, Slice json, Error *err)
{
	size_t count;
	const mobius_action_info *action = &mobius_actions(&count)[call->action];
	json_error_t cause;
	call->request = json.len == 0 ? json_object()
								  : json_loadb((const char *)json.data, json.len,
											   JSON_REJECT_DUPLICATES, &cause);
	if (call->request == NULL && json.len == 0)
		return error_no_memory(err, "an action");
	if (call->request == NULL)
		return error_set(err, ST_INVALID, "the request of %s is no JSON: %s", action->name,
						 cause.text);
	if (!json_is_object(call->request))
		return error_set(err, ST_INVALID, "the request of %s must be an object: %s", action->name,
						 action->request);
	return check_request(call, action, err);
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
	TRY(workers_check_room(call->db->waiters, err));
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
