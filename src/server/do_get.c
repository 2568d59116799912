// do_get.c - rows out: frames of a result go to the client as fast as it takes them.

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

// What a ticket that we did not issue asks for.
static Status
read_ticket(Server *server, const SqlCommand *command, Slice ticket, Buf *out,
			mobius_session **session, Error *err)
{
	Slice text = command->query;
	switch (command->kind) {
	case SQL_NONE: return ticket_statement(server, ticket, out, session, err);
	case SQL_STATEMENT_QUERY: break;
	case SQL_PREPARED_QUERY: TRY(prepared_text(command->handle, &text, err)); break;
	default: return command_not_built(command, err);
	}
	return command_add_text(command, text, out, err);
}

static void
open_text(GetCall *get, const SqlCommand *command, Slice ticket)
{
	Server *server = get->state.server;
	FlightCall *call = get->state.call;
	SCOPED(buf_close) Buf text = BUF_INIT;
	SCOPED(session_drop) mobius_session *session = NULL;
	Error e = ERROR_INIT;
	Status st = read_ticket(server, command, ticket, &text, &session, &e);
	if (st != ST_OK) {
		flight_finish(call, st, &e);
		return;
	}
	mobius_error err = {0};
	if (mobius_result_open(session != NULL ? session : server->session, (const char *)text.data,
						   text.len, MOBIUS_ROWS, call_timeout_ns(call), call_event(&get->state),
						   &get->result, &err) != MOBIUS_OK)
		call_fail(call, &err);
}

static void
redeem(GetCall *get, mobius_slice id)
{
	FlightCall *call = get->state.call;
	mobius_error err = {0};
	if (mobius_ticket_redeem(get->state.server->session, id, call_timeout_ns(call),
							 call_event(&get->state), &get->result, &err) != MOBIUS_OK)
		call_fail(call, &err);
}

void
serve_do_get(FlightCall *call, Slice ticket)
{
	SqlCommand command;
	Error e = ERROR_INIT;
	Status st = flight_sql_decode(ticket, &command, &e);
	if (st != ST_OK) {
		flight_finish(call, st, &e);
		return;
	}
	if (sql_listing_answers(&command)) {
		serve_metadata(call, &command);
		return;
	}
	GetCall *get = call_state_new(call, &GET, sizeof(*get));
	if (get == NULL)
		return;
	// One that we issued comes bare, or inside a Flight SQL TicketStatementQuery.
	bool wrapped = command.kind == SQL_STATEMENT_TICKET;
	mobius_slice id = wrapped ? (mobius_slice){command.handle.data, command.handle.len}
							  : (mobius_slice){ticket.data, ticket.len};
	if (mobius_is_ticket(id))
		redeem(get, id);
	else
		open_text(get, &command, ticket);
}
