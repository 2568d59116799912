// do_get.c - rows out: frames of a result go to the client as fast as it takes them.

#include <stdio.h>

#include "server/server_int.h"

typedef struct GetCall {
	CallState state;
	mobius_result *result;
	bool full; // the client has enough for now: `writable` goes on
} GetCall;

// Sends what there is, until the client has enough for now.
static void
send_frames(CallState *state)
{
	GetCall *get = (GetCall *)state;
	FlightCall *call = state->call;
	mobius_frame frame;
	get->full = false;
	for (;;) {
		switch (mobius_result_next(get->result, &frame)) {
		case MOBIUS_NEXT_FRAME: break;
		case MOBIUS_NEXT_WAIT: return;
		case MOBIUS_NEXT_END: flight_finish(call, ST_OK, NULL); return;
		case MOBIUS_NEXT_FAILED: call_fail(call, mobius_result_error(get->result)); return;
		}
		Slice header = {frame.header.data, frame.header.len};
		get->full =
			!flight_send_data(call, header, (Slice){0}, (const Piece *)frame.body, frame.pieces);
		if (get->full)
			return;
	}
}

static void
look(CallState *state)
{
	if (!((GetCall *)state)->full)
		send_frames(state);
}

static void
close_get(CallState *state)
{
	mobius_result_close(((GetCall *)state)->result);
}

static const CallKind GET = {.look = look, .writable = send_frames, .close = close_get};

DEFINE_DROP(mobius_session, session_drop, mobius_session_unref)

// The ticket we issued, bare or inside a Flight SQL TicketStatementQuery; or a text.
static mobius_status
open_result(GetCall *get, Slice ticket, mobius_error *err)
{
	Server *server = get->state.server;
	FlightCall *call = get->state.call;
	mobius_event event = call_event(&get->state);
	SqlCommand command;
	Error e = ERROR_INIT;
	Status st = flight_sql_decode(ticket, &command, &e);
	Slice text = {0};
	SCOPED(buf_close) Buf statement = BUF_INIT;
	SCOPED(session_drop) mobius_session *session = NULL;
	if (st == ST_OK && command.kind == SQL_STATEMENT_TICKET)
		ticket = command.handle;
	if (st == ST_OK && mobius_is_ticket((mobius_slice){ticket.data, ticket.len}))
		return mobius_ticket_redeem(server->session, (mobius_slice){ticket.data, ticket.len},
									call_timeout_ns(call), event, &get->result, err);
	if (st == ST_OK && command.kind == SQL_PREPARED_QUERY)
		st = prepared_text(command.handle, &text, &e);
	else if (st == ST_OK && command.kind == SQL_STATEMENT_QUERY)
		text = command.query;
	else if (st == ST_OK && command.kind != SQL_NONE)
		st = command_not_built(&command, &e);
	else if (st == ST_OK) {
		st = ticket_statement(server, ticket, &statement, &session, &e);
		text = buf_slice(&statement);
	}
	if (st != ST_OK) {
		*err = (mobius_error){.code = (mobius_status)st, .position = e.position};
		(void)snprintf(err->text, sizeof(err->text), "%s", e.text);
		return err->code;
	}
	return mobius_result_open(session != NULL ? session : server->session, (const char *)text.data,
							  text.len, MOBIUS_ROWS, call_timeout_ns(call), event, &get->result,
							  err);
}

void
serve_do_get(FlightCall *call, Slice ticket)
{
	SqlCommand command;
	if (flight_sql_decode(ticket, &command, NULL) == ST_OK && sql_listing_answers(&command)) {
		serve_metadata(call, &command);
		return;
	}
	GetCall *get = call_state_new(call, &GET, sizeof(*get));
	if (get == NULL)
		return;
	mobius_error err = {0};
	if (open_result(get, ticket, &err) != MOBIUS_OK)
		call_fail(call, &err);
}
