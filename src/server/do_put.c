// do_put.c - rows in, and the updates of Flight SQL, which come the same way.
//
// What the stream is, its first descriptor says. A put's acknowledgements are cumulative: one is
// sent whenever the client has taken the last ones.

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "server/server_int.h"

enum {
	RESULTS_QUEUED = 4 << 10, // bytes of acknowledgements that may wait for a client
	RESULT_JSON = 64 << 10,
};

typedef enum PutKind {
	PUT_UNKNOWN,
	PUT_TABLE,
	PUT_INGEST,   // the same with Flight SQL's words: one answer, how many rows
	PUT_UPDATE,   // a statement: runs at once
	PUT_PREPARED, // a prepared update: runs at the stream's end
	PUT_BIND,     // parameters of a prepared query: there are none
} PutKind;

typedef struct PutCall {
	CallState state;
	PutKind kind;
	mobius_put *put;
	mobius_put_mode mode;
	mobius_result *result;
	Buf text;          // of the statement
	Buf names;         // database, schema, table: NUL-terminated, behind each other
	uint64_t consumed; // of the put's wire bytes, given back so far
	uint64_t told_batches;
	bool told;
	bool greeted;   // with what its producer has stored
	bool duplicate; // among what is to be told
	bool ended;     // the client half-closed
} PutCall;

static void
refuse(PutCall *put, Status st, const Error *e)
{
	flight_finish(put->state.call, st, e);
}

// ---- acknowledgements ----

static void
tell(PutCall *put, const mobius_put_state *state)
{
	char fixed[1024];
	size_t need = mobius_put_result_json(put->put, state, fixed, sizeof(fixed));
	SCOPED(mem_drop)
	char *large = need > sizeof(fixed) && need <= RESULT_JSON ? mem_alloc(need) : NULL;
	if (large != NULL)
		need = mobius_put_result_json(put->put, state, large, need);
	if (need == 0 || (need > sizeof(fixed) && large == NULL)) {
		call_refuse(put->state.call, ST_NO_MEMORY, "no memory for an acknowledgement");
		return;
	}
	(void)flight_send_put_result(put->state.call, slice_of(large != NULL ? large : fixed, need));
	put->told = true;
	put->duplicate = false;
	put->greeted = state->has_producer;
	put->told_batches = state->batches;
}

static void
answer_rows(PutCall *put, int64_t rows)
{
	SCOPED(buf_close) Buf answer = BUF_INIT;
	flight_sql_update_result(&answer, rows);
	(void)flight_send_put_result(put->state.call, buf_slice(&answer));
}

static void
tell_news(PutCall *put, mobius_put_state *state)
{
	FlightCall *call = put->state.call;
	bool last = state->failed || state->finished;
	// Only batches are told before an error: without one the first answer is the error itself.
	bool greet = state->has_producer && !put->greeted;
	bool closing = state->finished && !put->told;
	bool news = state->batches > put->told_batches || (!state->failed && (greet || closing));
	state->duplicate = put->duplicate |= state->duplicate;
	if (news && !last && grpc_send_queued(flight_grpc(call)) > RESULTS_QUEUED)
		grpc_want_writable(flight_grpc(call));
	else if (news)
		tell(put, state);
}

static void
look_at_put(PutCall *put)
{
	FlightCall *call = put->state.call;
	mobius_put_state state;
	mobius_put_poll(put->put, &state);
	if (state.consumed_bytes > put->consumed) {
		flight_consume(call, (size_t)(state.consumed_bytes - put->consumed));
		put->consumed = state.consumed_bytes;
	}
	if (put->kind == PUT_TABLE)
		tell_news(put, &state);
	else if (state.finished && !state.failed)
		answer_rows(put, (int64_t)state.rows);
	if (state.failed)
		call_fail(call, &state.error);
	else if (state.finished)
		flight_finish(call, ST_OK, NULL);
}

// ---- updates ----

static void
look_at_result(PutCall *put)
{
	mobius_frame frame;
	mobius_next next;
	while ((next = mobius_result_next(put->result, &frame)) == MOBIUS_NEXT_FRAME)
		;
	if (next == MOBIUS_NEXT_FAILED)
		call_fail(put->state.call, mobius_result_error(put->result));
	if (next != MOBIUS_NEXT_END)
		return;
	answer_rows(put, mobius_result_is_read(put->result) ? -1 : mobius_result_changed(put->result));
	flight_finish(put->state.call, ST_OK, NULL);
}

static void
run_update(PutCall *put)
{
	mobius_error err = {0};
	Slice text = buf_slice(&put->text);
	if (mobius_result_open(put->state.server->session, (const char *)text.data, text.len,
						   MOBIUS_ROWS, call_timeout_ns(put->state.call), call_event(&put->state),
						   &put->result, &err) != MOBIUS_OK)
		call_fail(put->state.call, &err);
}

// ---- the first descriptor ----

static Status
read_mode(const SqlCommand *command, mobius_put_mode *out, Error *err)
{
	bool create = command->if_not == SQL_IF_NOT_CREATE;
	switch (command->if_there) {
	case SQL_IF_THERE_APPEND: *out = create ? MOBIUS_PUT_ANY : MOBIUS_PUT_APPEND; return ST_OK;
	case SQL_IF_THERE_FAIL:
		*out = MOBIUS_PUT_CREATE;
		return create ? ST_OK
					  : error_set(err, ST_INVALID,
								  "ingest would fail whether the table is there or not; say "
								  "create, append or create_append");
	case SQL_IF_THERE_REPLACE:
		return error_set(err, ST_UNIMPLEMENTED,
						 "CommandStatementIngest in mode replace is not built yet; DROP TABLE IF "
						 "EXISTS it, then ingest in mode create");
	case SQL_IF_THERE_UNSPECIFIED: break;
	}
	return error_set(err, ST_INVALID,
					 "CommandStatementIngest does not say what to do where the table exists; say "
					 "create, append or create_append");
}

static Status
add_name(PutCall *put, const SqlText *name, Error *err)
{
	if (name->text.len > 0 && memchr(name->text.data, 0, name->text.len) != NULL)
		return error_set(err, ST_INVALID, "a name holds a NUL");
	buf_add_slice(&put->names, name->text);
	buf_add_byte(&put->names, 0);
	return buf_status(&put->names, err, "a name");
}

static Status
read_ingest(PutCall *put, const SqlCommand *command, Error *err)
{
	put->kind = PUT_INGEST;
	if (command->temporary)
		return error_set(err, ST_UNIMPLEMENTED,
						 "temporary tables are not built; leave temporary out, and drop the table "
						 "after use");
	if (command->transaction_id.len > 0)
		return error_set(err, ST_UNIMPLEMENTED,
						 "transactions are not offered; leave out transaction_id");
	if (command->table.text.len == 0)
		return error_set(err, ST_INVALID, "CommandStatementIngest names no table");
	TRY(read_mode(command, &put->mode, err));
	TRY(add_name(put, &command->catalog, err));
	TRY(add_name(put, &command->db_schema, err));
	return add_name(put, &command->table, err);
}

static Status
read_command(PutCall *put, Slice cmd, Error *err)
{
	SqlCommand command;
	Slice text = {0};
	TRY(flight_sql_decode(cmd, &command, err));
	switch (command.kind) {
	case SQL_STATEMENT_UPDATE:
		put->kind = PUT_UPDATE;
		text = command.query;
		break;
	case SQL_PREPARED_UPDATE:
		put->kind = PUT_PREPARED;
		TRY(prepared_text(command.handle, &text, err));
		break;
	case SQL_PREPARED_QUERY: put->kind = PUT_BIND; break;
	case SQL_STATEMENT_INGEST: return read_ingest(put, &command, err);
	case SQL_NONE:
		return error_set(err, ST_INVALID, "DoPut takes a path [table], or a Flight SQL update");
	default: return command_not_built(&command, err);
	}
	return command_add_text(&command, text, &put->text, err);
}

static Status
read_path(PutCall *put, const FlightDescriptor *descriptor, Error *err)
{
	if (descriptor->path_count < 1 || descriptor->path_count > 3)
		return error_set(err, ST_INVALID,
						 "a path is [table], [schema, table] or [database, schema, table]");
	put->kind = PUT_TABLE;
	for (size_t missing = 3 - descriptor->path_count; missing > 0; missing--)
		buf_add_byte(&put->names, 0);
	for (size_t i = 0; i < descriptor->path_count; i++) {
		Slice part = descriptor->path[i];
		if (part.len == 0 || memchr(part.data, 0, part.len) != NULL)
			return error_set(err, ST_INVALID, "a part of the path is empty or holds a NUL");
		buf_add_slice(&put->names, part);
		buf_add_byte(&put->names, 0);
	}
	return buf_status(&put->names, err, "a path");
}

static Status
read_descriptor(PutCall *put, const FlightData *data, Error *err)
{
	const FlightDescriptor *descriptor = &data->descriptor;
	if (data->has_descriptor && descriptor->path_count > 0 && descriptor->type != DESCRIPTOR_CMD)
		return read_path(put, descriptor, err);
	if (data->has_descriptor && descriptor->cmd.len > 0 && descriptor->type != DESCRIPTOR_PATH)
		return read_command(put, descriptor->cmd, err);
	put->kind = PUT_TABLE; // no descriptor, or an empty one: the schema's metadata names the table
	buf_add_zeros(&put->names, 3);
	return buf_status(&put->names, err, "a path");
}

// ---- messages ----

static const char *
name_or_null(const char *name)
{
	return name[0] != '\0' ? name : NULL;
}

static void
open_put(PutCall *put, Slice schema)
{
	const char *database = buf_text(&put->names);
	const char *db_schema = database + strlen(database) + 1;
	const char *table = db_schema + strlen(db_schema) + 1;
	Slice durability = {0};
	char asked[16] = "";
	if (grpc_call_header(flight_grpc(put->state.call), "mobius-durability", 0, &durability))
		(void)snprintf(asked, sizeof(asked), "%.*s", (int)durability.len,
					   (const char *)durability.data);
	mobius_put_options options = {
		.database = name_or_null(database),
		.schema = name_or_null(db_schema),
		.table = name_or_null(table),
		.durability = name_or_null(asked),
		.mode = put->mode,
		.message = {schema.data, schema.len},
		.event = call_event(&put->state),
	};
	mobius_error err = {0};
	if (mobius_put_open(put->state.server->session, &options, &put->put, &err) != MOBIUS_OK)
		call_fail(put->state.call, &err);
}

static void
push(PutCall *put, FlightData *data)
{
	FlightCall *call = put->state.call;
	if (data->header.len == 0) {
		flight_consume(call, data->wire_bytes); // a descriptor alone, or metadata without a batch
		return;
	}
	if (put->put == NULL) {
		open_put(put, data->header);
		flight_consume(call, data->wire_bytes);
		return;
	}
	mobius_put_push(
		put->put, (mobius_slice){data->header.data, data->header.len}, bytes_ref(data->body),
		(mobius_slice){data->app_metadata.data, data->app_metadata.len}, data->wire_bytes);
	look_at_put(put);
}

// Rows for a prepared statement would be its parameters.
static void
take_parameters(PutCall *put, const FlightData *data)
{
	flight_consume(put->state.call, data->wire_bytes);
	if (data->body != NULL && bytes_len(data->body) > 0)
		call_refuse(put->state.call, ST_INVALID,
					"parameters are not built yet; write the values into the statement, or "
					"send rows by a put or bulk ingest");
}

static void
on_message(CallState *state, FlightData *data)
{
	PutCall *put = (PutCall *)state;
	if (put->kind == PUT_UNKNOWN) {
		Error e = ERROR_INIT;
		Status st = read_descriptor(put, data, &e);
		if (st != ST_OK) {
			refuse(put, st, &e);
			return;
		}
		if (put->kind == PUT_UPDATE)
			run_update(put);
	}
	switch (put->kind) {
	case PUT_TABLE:
	case PUT_INGEST: push(put, data); break;
	case PUT_PREPARED:
	case PUT_BIND: take_parameters(put, data); break;
	case PUT_UNKNOWN:
	case PUT_UPDATE: flight_consume(state->call, data->wire_bytes); break;
	}
}

static void
on_end(CallState *state)
{
	PutCall *put = (PutCall *)state;
	put->ended = true;
	switch (put->kind) {
	case PUT_UNKNOWN:
		call_refuse(state->call, ST_INVALID,
					"DoPut ended before its first message: it says "
					"neither columns nor a table; send a schema, "
					"also where there are no rows");
		return;
	case PUT_PREPARED: run_update(put); return;
	case PUT_BIND: flight_finish(state->call, ST_OK, NULL); return;
	case PUT_UPDATE: return;
	case PUT_TABLE:
	case PUT_INGEST: break;
	}
	if (put->put == NULL) {
		call_refuse(state->call, ST_INVALID, "DoPut ended before its schema");
		return;
	}
	mobius_put_end(put->put);
	look_at_put(put);
}

static void
look(CallState *state)
{
	PutCall *put = (PutCall *)state;
	if (put->put != NULL)
		look_at_put(put);
	else if (put->result != NULL)
		look_at_result(put);
}

static void
close_put(CallState *state)
{
	PutCall *put = (PutCall *)state;
	mobius_put_close(put->put);
	mobius_result_close(put->result);
	buf_close(&put->text);
	buf_close(&put->names);
}

static const CallKind PUT = {
	.look = look, .message = on_message, .end = on_end, .writable = look, .close = close_put};

void
serve_do_put(FlightCall *call)
{
	(void)call_state_new(call, &PUT, sizeof(PutCall));
}
