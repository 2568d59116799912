// do_exchange.c - a subscription over Flight. The first message's descriptor (or, without one, its
// app_metadata) is the request as JSON; later ones carry {"type":"credit","bytes":n} or
// {"type":"unsubscribe"}. What comes back carries a subscription's message as app_metadata, and
// rows as record batches; the schema comes before the first of them.

#include <jansson.h>
#include <string.h>

#include "server/server_int.h"

typedef struct ExchangeCall {
	CallState state;
	mobius_subscription *sub;
	Buf schema; // until it is sent
	Buf text;   // of the message at hand
	bool full;  // the client has enough for now: `writable` goes on
} ExchangeCall;

static void
json_drop(json_t **json)
{
	json_decref(*json);
}

// ---- out ----

static bool
send_message(ExchangeCall *exchange, const mobius_message *message)
{
	FlightCall *call = exchange->state.call;
	const mobius_frame *frame = &message->frame;
	bool rows = message->kind == MOBIUS_MESSAGE_ROWS;
	buf_reset(&exchange->text);
	for (size_t i = 0; i < message->text_pieces; i++)
		buf_add(&exchange->text, message->text[i].data, message->text[i].len);
	if (message->kind == MOBIUS_MESSAGE_SUBSCRIBED)
		buf_add(&exchange->schema, frame->header.data, frame->header.len);
	if (exchange->text.failed || exchange->schema.failed) {
		call_refuse(call, ST_NO_MEMORY, "no memory for a message");
		return false;
	}
	// Clients begin to read batches with the schema, and then expect one each time.
	if (rows && exchange->schema.len > 0) {
		(void)flight_send_data(call, buf_slice(&exchange->schema), (Slice){0}, NULL, 0);
		buf_reset(&exchange->schema);
	}
	Slice header = rows ? (Slice){frame->header.data, frame->header.len} : (Slice){0};
	return flight_send_data(call, header, buf_slice(&exchange->text), (const Piece *)frame->body,
							rows ? frame->pieces : 0);
}

// Sends what there is, until the client has enough for now.
static void
send_messages(CallState *state)
{
	ExchangeCall *exchange = (ExchangeCall *)state;
	mobius_message message;
	exchange->full = false;
	while (exchange->sub != NULL && !exchange->full) {
		switch (mobius_subscription_next(exchange->sub, &message)) {
		case MOBIUS_NEXT_FRAME: break;
		case MOBIUS_NEXT_WAIT: return;
		case MOBIUS_NEXT_END: flight_finish(state->call, ST_OK, NULL); return;
		case MOBIUS_NEXT_FAILED:
			call_refuse(state->call, ST_NO_MEMORY, "no memory for a message");
			return;
		}
		if (message.kind == MOBIUS_MESSAGE_ERROR) {
			call_fail(state->call, message.error);
			return;
		}
		exchange->full = !send_message(exchange, &message);
	}
}

static void
look(CallState *state)
{
	if (!((ExchangeCall *)state)->full)
		send_messages(state);
}

// ---- in ----

static void
refuse_nothing(FlightCall *call)
{
	call_refuse(call, ST_INVALID,
				"a subscription begins with a command: {\"sql\":\"SELECT * FROM table\"}");
}

static void
open_exchange(ExchangeCall *exchange, Slice request)
{
	if (request.len == 0) {
		refuse_nothing(exchange->state.call);
		return;
	}
	mobius_error err = {0};
	mobius_subscribe_options options = {
		.request = {request.data, request.len},
		.form = MOBIUS_ROWS_ARROW,
		.event = call_event(&exchange->state),
	};
	if (mobius_subscription_open(exchange->state.server->session, &options, &exchange->sub, &err) !=
		MOBIUS_OK)
		call_fail(exchange->state.call, &err);
	else
		send_messages(&exchange->state);
}

static void
control(ExchangeCall *exchange, Slice text)
{
	FlightCall *call = exchange->state.call;
	if (text.len == 0)
		return; // rows or a schema: nobody asked for them
	SCOPED(json_drop) json_t *json = json_loadb((const char *)text.data, text.len, 0, NULL);
	const char *type = json_string_value(json_object_get(json, "type"));
	const json_t *bytes = json_object_get(json, "bytes");
	if (type != NULL && strcmp(type, "credit") == 0 && json_integer_value(bytes) > 0)
		mobius_subscription_credit(exchange->sub, (uint64_t)json_integer_value(bytes));
	else if (type != NULL && strcmp(type, "unsubscribe") == 0)
		flight_finish(call, ST_OK, NULL);
	else
		call_refuse(call, ST_INVALID,
					"a message to a subscription is {\"type\":\"credit\",\"bytes\":n} or "
					"{\"type\":\"unsubscribe\"}");
}

static void
on_message(CallState *state, FlightData *data)
{
	ExchangeCall *exchange = (ExchangeCall *)state;
	flight_consume(state->call, data->wire_bytes);
	bool command = data->has_descriptor && data->descriptor.cmd.len > 0;
	if (exchange->sub != NULL)
		control(exchange, data->app_metadata);
	else
		open_exchange(exchange, command ? data->descriptor.cmd : data->app_metadata);
}

static void
on_end(CallState *state)
{
	if (((ExchangeCall *)state)->sub == NULL)
		refuse_nothing(state->call);
}

static void
close_exchange(CallState *state)
{
	ExchangeCall *exchange = (ExchangeCall *)state;
	mobius_subscription_close(exchange->sub);
	buf_close(&exchange->schema);
	buf_close(&exchange->text);
}

static const CallKind EXCHANGE = {.look = look,
								  .message = on_message,
								  .end = on_end,
								  .writable = send_messages,
								  .close = close_exchange};

void
serve_do_exchange(FlightCall *call)
{
	(void)call_state_new(call, &EXCHANGE, sizeof(ExchangeCall));
}
