// flight_info.c - GetFlightInfo, PollFlightInfo and GetSchema: what a descriptor names, how it
// looks, and where to get it.
//
// A statement is bound first, in a worker; a change that comes as a Flight SQL query runs here,
// once, since its client may never come for the answer.

#include "server/server_int.h"

typedef enum InfoKind { INFO_FLIGHT, INFO_POLL, INFO_SCHEMA } InfoKind;

typedef struct InfoCall {
	CallState state;
	InfoKind kind;
	Buf text;                    // of the statement
	Buf echo;                    // the descriptor's command, or its path parts
	FlightDescriptor descriptor; // as it was sent
	Slice path[3];
	bool flight_sql;
	bool running; // the change itself, not only its binding
	mobius_result *result;
} InfoCall;

// ---- answers ----

static void
answer(InfoCall *info, mobius_slice schema, Slice ticket, int64_t rows, int64_t bytes)
{
	FlightEndpoint endpoint = {.ticket = ticket};
	FlightInfo flight = {
		.schema = {schema.data, schema.len},
		.descriptor = &info->descriptor,
		.endpoints = &endpoint,
		.endpoint_count = 1,
		.total_records = rows,
		.total_bytes = bytes,
	};
	if (info->kind == INFO_POLL)
		flight_reply_poll(info->state.call, &flight, NULL, 1.0, 0);
	else
		flight_reply_info(info->state.call, &flight);
}

static void
answer_ticket(InfoCall *info, mobius_slice schema, const uint8_t id[MOBIUS_TICKET_SIZE],
			  int64_t rows, int64_t bytes)
{
	SCOPED(buf_close) Buf ticket = BUF_INIT;
	Slice bare = slice_of(id, MOBIUS_TICKET_SIZE);
	if (info->flight_sql)
		flight_sql_ticket(&ticket, bare);
	else
		buf_add_slice(&ticket, bare);
	if (ticket.failed)
		call_refuse(info->state.call, ST_NO_MEMORY, "no memory for a ticket");
	else
		answer(info, schema, buf_slice(&ticket), rows, bytes);
}

static void
answer_statement(InfoCall *info)
{
	mobius_slice schema = mobius_result_schema(info->result);
	if (info->kind == INFO_SCHEMA) {
		flight_reply_schema(info->state.call, (Slice){schema.data, schema.len});
		return;
	}
	uint8_t id[MOBIUS_TICKET_SIZE];
	mobius_error err = {0};
	size_t count;
	const int64_t *changes = mobius_result_changes(info->result, &count);
	mobius_status st =
		info->running
			? mobius_ticket_of_change(info->state.server->session, changes, count, id, &err)
			: mobius_ticket_new(info->state.server->session, (const char *)info->text.data,
								info->text.len, id, &err);
	if (st != MOBIUS_OK)
		call_fail(info->state.call, &err);
	else
		answer_ticket(info, schema, id, -1, -1);
}

// ---- statements ----

static bool
open_statement(InfoCall *info, mobius_want want)
{
	mobius_error err = {0};
	mobius_result *result = NULL;
	if (mobius_result_open(info->state.server->session, (const char *)info->text.data,
						   info->text.len, want, call_timeout_ns(info->state.call),
						   call_event(&info->state), &result, &err) != MOBIUS_OK) {
		call_fail(info->state.call, &err);
		return false;
	}
	mobius_result_close(info->result);
	info->result = result;
	return true;
}

static void
look(CallState *state)
{
	InfoCall *info = (InfoCall *)state;
	mobius_frame frame;
	mobius_next next;
	while ((next = mobius_result_next(info->result, &frame)) == MOBIUS_NEXT_FRAME)
		;
	if (next == MOBIUS_NEXT_WAIT)
		return;
	if (next == MOBIUS_NEXT_FAILED) {
		call_fail(state->call, mobius_result_error(info->result));
		return;
	}
	bool run = info->flight_sql && info->kind != INFO_SCHEMA && !info->running &&
			   !mobius_result_is_read(info->result);
	if (run) {
		info->running = open_statement(info, MOBIUS_ROWS);
		if (info->running)
			look(state);
		return;
	}
	answer_statement(info);
}

static void
close_info(CallState *state)
{
	InfoCall *info = (InfoCall *)state;
	mobius_result_close(info->result);
	buf_close(&info->text);
	buf_close(&info->echo);
}

static const CallKind INFO = {.look = look, .close = close_info};

// ---- descriptors ----

static mobius_status
describe_table(void *arg, const mobius_table_info *table)
{
	InfoCall *info = arg;
	if (info->kind == INFO_SCHEMA) {
		flight_reply_schema(info->state.call,
							(Slice){table->arrow_schema.data, table->arrow_schema.len});
		return MOBIUS_OK;
	}
	select_all(&info->text, table);
	uint8_t id[MOBIUS_TICKET_SIZE];
	mobius_error err = {0};
	if (mobius_ticket_new(info->state.server->session, buf_text(&info->text), info->text.len, id,
						  &err) != MOBIUS_OK)
		call_fail(info->state.call, &err);
	else
		answer_ticket(info, table->arrow_schema, id, table->rows, table->bytes);
	return MOBIUS_OK;
}

static void
serve_path(InfoCall *info)
{
	mobius_slice parts[3];
	size_t count = info->descriptor.path_count;
	for (size_t i = 0; i < count; i++)
		parts[i] = (mobius_slice){info->path[i].data, info->path[i].len};
	mobius_error err = {0};
	if (select_system(&info->text, info->path, count)) {
		(void)open_statement(info, MOBIUS_SCHEMA);
		return;
	}
	if (mobius_table_describe(info->state.server->session, parts, count, describe_table, info,
							  &err) != MOBIUS_OK)
		call_fail(info->state.call, &err);
}

static Status
command_text(InfoCall *info, const SqlCommand *command, Slice cmd, Error *err)
{
	Slice text = cmd;
	info->flight_sql = command->kind != SQL_NONE;
	switch (command->kind) {
	case SQL_NONE: break;
	case SQL_STATEMENT_QUERY: text = command->query; break;
	case SQL_PREPARED_QUERY: TRY(prepared_text(command->handle, &text, err)); break;
	default: return command_not_built(command, err);
	}
	return command_add_text(command, text, &info->text, err);
}

// What there is is asked for again with the ticket, which is the command.
static Status
answer_metadata(InfoCall *info, const SqlCommand *command, Error *err)
{
	SCOPED(buf_close) Buf schema = BUF_INIT;
	TRY(sql_listing_schema(command, &schema, err));
	mobius_slice answered = {schema.data, schema.len};
	if (info->kind == INFO_SCHEMA)
		flight_reply_schema(info->state.call, buf_slice(&schema));
	else
		answer(info, answered, info->descriptor.cmd, -1, -1);
	return ST_OK;
}

static Status
serve_command(InfoCall *info, Error *err)
{
	SqlCommand command;
	TRY(flight_sql_decode(info->descriptor.cmd, &command, err));
	if (sql_listing_answers(&command))
		return answer_metadata(info, &command, err);
	TRY(command_text(info, &command, info->descriptor.cmd, err));
	(void)open_statement(info, MOBIUS_SCHEMA);
	return ST_OK;
}

// The descriptor is echoed in the answer, which may come when the request's bytes are gone.
static Status
keep_descriptor(InfoCall *info, const FlightDescriptor *descriptor, Error *err)
{
	if (descriptor->path_count > COUNT_OF(info->path))
		return error_set(err, ST_INVALID,
						 "a path is [table], [schema, table] or [database, schema, table]");
	info->descriptor = *descriptor;
	buf_add_slice(&info->echo, descriptor->cmd);
	for (size_t i = 0; i < descriptor->path_count; i++)
		buf_add_slice(&info->echo, descriptor->path[i]);
	TRY(buf_status(&info->echo, err, "a descriptor"));
	const uint8_t *at = info->echo.data;
	info->descriptor.cmd.data = at;
	at += at == NULL ? 0 : descriptor->cmd.len;
	for (size_t i = 0; i < descriptor->path_count; i++) {
		info->path[i] = slice_of(at, descriptor->path[i].len);
		at += at == NULL ? 0 : descriptor->path[i].len;
	}
	info->descriptor.path = info->path;
	return ST_OK;
}

static void
serve(FlightCall *call, const FlightDescriptor *descriptor, InfoKind kind)
{
	InfoCall *info = call_state_new(call, &INFO, sizeof(*info));
	if (info == NULL)
		return;
	info->kind = kind;
	Error e = ERROR_INIT;
	Status st = keep_descriptor(info, descriptor, &e);
	bool path = descriptor->type != DESCRIPTOR_CMD && descriptor->path_count > 0;
	bool cmd = descriptor->type != DESCRIPTOR_PATH && descriptor->cmd.len > 0;
	// UNKNOWN with one of the two is read as that; the answer says which.
	if (st == ST_OK && path) {
		info->descriptor.type = DESCRIPTOR_PATH;
		serve_path(info);
		return;
	}
	if (st == ST_OK && !cmd)
		st = error_set(
			&e, ST_INVALID,
			"the descriptor is empty; send a path [table], SQL text, or a Flight SQL command");
	info->descriptor.type = DESCRIPTOR_CMD;
	if (st == ST_OK)
		st = serve_command(info, &e);
	if (st != ST_OK)
		flight_finish(call, st, &e);
}

void
serve_flight_info(FlightCall *call, const FlightDescriptor *descriptor)
{
	serve(call, descriptor, INFO_FLIGHT);
}

void
serve_poll_info(FlightCall *call, const FlightDescriptor *descriptor)
{
	serve(call, descriptor, INFO_POLL);
}

void
serve_schema(FlightCall *call, const FlightDescriptor *descriptor)
{
	serve(call, descriptor, INFO_SCHEMA);
}
