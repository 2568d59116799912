// do_action.c - the database's actions, and of Flight SQL the making and closing of prepared
// statements.

#include <stdio.h>
#include <string.h>

#include "server/server_int.h"

#define CREATE_PREPARED "CreatePreparedStatement"
#define CLOSE_PREPARED  "ClosePreparedStatement"

enum { ACTION_NAME = 128 };

// ---- actions of the database ----

typedef struct ActionCall {
	CallState state;
	mobius_call *call;
} ActionCall;

static void
look_at_action(CallState *state)
{
	mobius_call *call = ((ActionCall *)state)->call;
	mobius_status status;
	const mobius_error *err;
	if (call == NULL || !mobius_call_done(call, &status, &err))
		return;
	if (status != MOBIUS_OK) {
		call_fail(state->call, err);
		return;
	}
	for (size_t i = 0; i < mobius_call_count(call); i++) {
		mobius_slice reply = mobius_call_reply(call, i);
		flight_send_result(state->call, (Slice){reply.data, reply.len});
	}
	flight_finish(state->call, ST_OK, NULL);
}

static void
close_action(CallState *state)
{
	mobius_call_close(((ActionCall *)state)->call);
}

static const CallKind ACTION = {.look = look_at_action, .close = close_action};

static void
serve_action(FlightCall *call, const char *name, Slice body)
{
	ActionCall *action = call_state_new(call, &ACTION, sizeof(*action));
	if (action == NULL)
		return;
	mobius_error err = {0};
	if (mobius_call_open(action->state.server->session, name, (mobius_slice){body.data, body.len},
						 call_event(&action->state), &action->call, &err) != MOBIUS_OK)
		call_fail(call, &err);
}

// ---- prepared statements ----

typedef struct PrepareCall {
	CallState state;
	Buf handle; // prefix and text
	mobius_result *result;
} PrepareCall;

static void
look_at_prepared(CallState *state)
{
	PrepareCall *prepare = (PrepareCall *)state;
	mobius_frame frame;
	switch (mobius_result_next(prepare->result, &frame)) {
	case MOBIUS_NEXT_FRAME:
	case MOBIUS_NEXT_WAIT: return;
	case MOBIUS_NEXT_FAILED: call_fail(state->call, mobius_result_error(prepare->result)); return;
	case MOBIUS_NEXT_END: break;
	}
	bool read = mobius_result_is_read(prepare->result);
	mobius_slice schema = mobius_result_schema(prepare->result);
	SCOPED(buf_close) Buf answer = BUF_INIT;
	flight_sql_prepared_result(&answer, buf_slice(&prepare->handle),
							   read ? (Slice){schema.data, schema.len} : (Slice){0}, (Slice){0},
							   !read);
	if (answer.failed) {
		call_refuse(state->call, ST_NO_MEMORY, "no memory for a prepared statement");
		return;
	}
	flight_send_result(state->call, buf_slice(&answer));
	flight_finish(state->call, ST_OK, NULL);
}

static void
close_prepared(CallState *state)
{
	mobius_result_close(((PrepareCall *)state)->result);
	buf_close(&((PrepareCall *)state)->handle);
}

static const CallKind PREPARE = {.look = look_at_prepared, .close = close_prepared};

static void
create_prepared(FlightCall *call, Slice body)
{
	PrepareCall *prepare = call_state_new(call, &PREPARE, sizeof(*prepare));
	if (prepare == NULL)
		return;
	SqlCommand command = {0};
	Error e = ERROR_INIT;
	Status st = flight_sql_decode(body, &command, &e);
	if (st == ST_OK && command.kind != SQL_CREATE_PREPARED)
		st = error_set(&e, ST_INVALID, "the body is no ActionCreatePreparedStatementRequest");
	if (st == ST_OK && command.transaction_id.len > 0)
		st = error_set(&e, ST_UNIMPLEMENTED,
					   "transactions are not offered; leave out transaction_id");
	buf_add_text(&prepare->handle, PREPARED_PREFIX);
	buf_add_slice(&prepare->handle, command.query);
	if (st == ST_OK)
		st = buf_status(&prepare->handle, &e, "a prepared statement");
	if (st != ST_OK) {
		flight_finish(call, st, &e);
		return;
	}
	mobius_error err = {0};
	if (mobius_result_open(prepare->state.server->session, (const char *)command.query.data,
						   command.query.len, MOBIUS_SCHEMA, call_timeout_ns(call),
						   call_event(&prepare->state), &prepare->result, &err) != MOBIUS_OK)
		call_fail(call, &err);
}

// ---- all ----

void
serve_do_action(FlightCall *call, Slice type, Slice body)
{
	if (slice_is(type, CREATE_PREPARED)) {
		create_prepared(call, body);
	} else if (slice_is(type, CLOSE_PREPARED)) {
		flight_finish(call, ST_OK, NULL); // nothing was kept for it
	} else if (type.len == 0 || type.len >= ACTION_NAME || memchr(type.data, 0, type.len) != NULL) {
		call_refuse(call, ST_UNIMPLEMENTED,
					"there is no such action; ListActions tells which there are");
	} else {
		char name[ACTION_NAME];
		(void)snprintf(name, sizeof(name), "%.*s", (int)type.len, (const char *)type.data);
		serve_action(call, name, body);
	}
}

void
serve_list_actions(FlightCall *call)
{
	size_t count;
	const mobius_action_info *actions = mobius_actions(&count);
	for (size_t i = 0; i < count; i++) {
		char text[512];
		(void)snprintf(text, sizeof(text), "%s Request: %s. Reply: %s.", actions[i].help,
					   actions[i].request, actions[i].reply);
		flight_send_action_type(call, actions[i].name, text);
	}
	flight_send_action_type(call, CREATE_PREPARED,
							"Flight SQL: prepares a statement without parameters.");
	flight_send_action_type(call, CLOSE_PREPARED, "Flight SQL: forgets a prepared statement.");
	flight_finish(call, ST_OK, NULL);
}
