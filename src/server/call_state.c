// call_state.c - how events of the database reach the thread of their call.

#include "base/mem.h"
#include "server/server_int.h"

// In the call's thread. The event's reference of the call is given back last.
static void
run_post(void *arg)
{
	CallState *state = arg;
	FlightCall *call = state->call;
	atomic_store(&state->posted, false);
	if (state->over)
		mem_free(state);
	else
		state->kind->look(state);
	flight_unref(call);
}

static void
raise_event(void *arg)
{
	CallState *state = arg;
	if (atomic_exchange(&state->posted, true))
		return;
	flight_ref(state->call);
	flight_post(state->call, &state->post);
}

void *
call_state_new(FlightCall *call, const CallKind *kind, size_t size)
{
	CallState *state = mem_alloc(size);
	if (state == NULL) {
		call_refuse(call, ST_NO_MEMORY, "no memory for the call");
		return NULL;
	}
	state->kind = kind;
	state->call = call;
	state->server = flight_service(call);
	state->post = (LoopCall){.fn = run_post, .arg = state};
	flight_set_user(call, state);
	return state;
}

mobius_event
call_event(CallState *state)
{
	return (mobius_event){raise_event, state};
}

void
call_fail(FlightCall *call, const mobius_error *err)
{
	Error e = {.code = (Status)err->code, .position = err->position};
	(void)error_set_at(&e, (Status)err->code, err->position, "%s", err->text);
	flight_finish(call, e.code, &e);
}

void
call_refuse(FlightCall *call, Status status, const char *text)
{
	Error e = ERROR_INIT;
	flight_finish(call, error_set(&e, status, "%s", text), &e);
}

// ---- what the flight room calls ----

static void
on_message(FlightCall *call, FlightData *data)
{
	CallState *state = flight_user(call);
	if (state != NULL && state->kind->message != NULL)
		state->kind->message(state, data);
}

static void
on_end(FlightCall *call)
{
	CallState *state = flight_user(call);
	if (state != NULL && state->kind->end != NULL)
		state->kind->end(state);
}

static void
on_writable(FlightCall *call)
{
	CallState *state = flight_user(call);
	if (state != NULL && state->kind->writable != NULL)
		state->kind->writable(state);
}

static void
on_done(FlightCall *call)
{
	CallState *state = flight_user(call);
	if (state == NULL)
		return;
	flight_set_user(call, NULL);
	state->over = true;
	// After close no event starts; one that is on its way frees the state when it arrives.
	state->kind->close(state);
	if (!atomic_load(&state->posted))
		mem_free(state);
}

const FlightHandlers SERVER_HANDLERS = {
	.handshake = serve_handshake,
	.list_flights = serve_list_flights,
	.get_flight_info = serve_flight_info,
	.poll_flight_info = serve_poll_info,
	.get_schema = serve_schema,
	.do_get = serve_do_get,
	.do_put = serve_do_put,
	.do_exchange = serve_do_exchange,
	.do_action = serve_do_action,
	.list_actions = serve_list_actions,
	.put_message = on_message,
	.put_end = on_end,
	.writable = on_writable,
	.done = on_done,
};
