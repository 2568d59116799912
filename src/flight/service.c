// From the wire to the handlers: who is asked, when, and with what.
//
//   open          authenticate; then Handshake, DoPut and DoExchange are handed over at once
//   message       the request of the others; a FlightData of the two that read a stream
//   half_close    put_end; a Handshake that said nothing
//
// Bidirectional calls get their response headers as soon as they are accepted: some clients send
// nothing before. A Handshake's wait for the handler, which puts the token into them.

#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "flight/codec.h"
#include "flight/flight_int.h"

static const char *const NAMES[RPC_COUNT] = {
	[RPC_HANDSHAKE] = "Handshake",
	[RPC_LIST_FLIGHTS] = "ListFlights",
	[RPC_GET_FLIGHT_INFO] = "GetFlightInfo",
	[RPC_POLL_FLIGHT_INFO] = "PollFlightInfo",
	[RPC_GET_SCHEMA] = "GetSchema",
	[RPC_DO_GET] = "DoGet",
	[RPC_DO_PUT] = "DoPut",
	[RPC_DO_EXCHANGE] = "DoExchange",
	[RPC_DO_ACTION] = "DoAction",
	[RPC_LIST_ACTIONS] = "ListActions",
};

static FlightRpc
rpc_of(const GrpcCall *grpc)
{
	const char *name = strrchr(grpc_call_method(grpc)->path, '/') + 1;
	int rpc = 0;
	while (rpc < RPC_COUNT && strcmp(name, NAMES[rpc]) != 0)
		rpc++;
	assert(rpc < RPC_COUNT);
	return (FlightRpc)rpc;
}

static const FlightHandlers *
handlers_of(const FlightCall *call)
{
	return call->server->options.handlers;
}

static bool
has_handler(const FlightCall *call)
{
	const FlightHandlers *h = handlers_of(call);
	switch (call->rpc) {
	case RPC_HANDSHAKE: return h->handshake != NULL;
	case RPC_LIST_FLIGHTS: return h->list_flights != NULL;
	case RPC_GET_FLIGHT_INFO: return h->get_flight_info != NULL;
	case RPC_POLL_FLIGHT_INFO: return h->poll_flight_info != NULL;
	case RPC_GET_SCHEMA: return h->get_schema != NULL;
	case RPC_DO_GET: return h->do_get != NULL;
	case RPC_DO_PUT: return h->do_put != NULL;
	case RPC_DO_EXCHANGE: return h->do_exchange != NULL;
	case RPC_DO_ACTION: return h->do_action != NULL;
	case RPC_LIST_ACTIONS: return h->list_actions != NULL;
	case RPC_COUNT: break;
	}
	return false;
}

static bool
reads_stream(const FlightCall *call)
{
	return call->rpc == RPC_DO_PUT || call->rpc == RPC_DO_EXCHANGE;
}

// ---- open ----

static void
ask_handshake(FlightCall *call, Slice payload)
{
	call->asked = true;
	handlers_of(call)->handshake(call, payload);
}

static void
open_stream(FlightCall *call)
{
	const FlightHandlers *h = handlers_of(call);
	(call->rpc == RPC_DO_PUT ? h->do_put : h->do_exchange)(call);
	if (!call->finished)
		grpc_send_headers(call->grpc);
}

static Status
admit(FlightCall *call, Error *err)
{
	const FlightHandlers *h = handlers_of(call);
	if (call->rpc != RPC_HANDSHAKE && h->authenticate != NULL)
		TRY(h->authenticate(call, err));
	if (!has_handler(call))
		return error_set(err, ST_UNIMPLEMENTED, "%s is not offered by this server",
						 NAMES[call->rpc]);
	return ST_OK;
}

void
service_open(GrpcCall *grpc)
{
	FlightCall *call = flight_call_new(grpc, rpc_of(grpc));
	if (call == NULL) {
		grpc_finish(grpc, grpc_status_of(ST_NO_MEMORY), "no memory for the call");
		return;
	}
	grpc_call_set_user(grpc, call);
	flight_ref(call); // a handler may end the call and go on

	Error err = ERROR_INIT;
	Status status = admit(call, &err);
	if (status != ST_OK)
		flight_finish(call, status, &err);
	else if (reads_stream(call))
		open_stream(call);
	else if (call->rpc == RPC_HANDSHAKE && auth_is_in_header(call))
		ask_handshake(call, (Slice){0});
	flight_unref(call);
}

// ---- messages ----

static Status
take_handshake(FlightCall *call, Slice message, Error *err)
{
	Slice payload;
	TRY(flight_bytes_decode(message, 2, &payload, err, "the HandshakeRequest"));
	ask_handshake(call, payload);
	return ST_OK;
}

static Status
take_expression(FlightCall *call, Slice message, Error *err)
{
	Slice expression;
	TRY(flight_bytes_decode(message, 1, &expression, err, "the Criteria"));
	handlers_of(call)->list_flights(call, expression);
	return ST_OK;
}

static Status
take_ticket(FlightCall *call, Slice message, Error *err)
{
	Slice ticket;
	TRY(flight_bytes_decode(message, 1, &ticket, err, "the Ticket"));
	handlers_of(call)->do_get(call, ticket);
	return ST_OK;
}

static Status
take_action(FlightCall *call, Slice message, Error *err)
{
	Slice type, body;
	TRY(flight_action_decode(message, &type, &body, err));
	handlers_of(call)->do_action(call, type, body);
	return ST_OK;
}

static Status
take_descriptor(FlightCall *call,
				void (*handler)(FlightCall *call, const FlightDescriptor *descriptor),
				Slice message, Error *err)
{
	SCOPED(mem_drop) Slice *storage = NULL;
	FlightDescriptor descriptor;
	TRY(flight_descriptor_decode(message, &descriptor, &storage, err));
	handler(call, &descriptor);
	return ST_OK;
}

static Status
take_data(FlightCall *call, GrpcMessage *message, Error *err)
{
	SCOPED(flight_data_close) FlightData data = {0};
	TRY(flight_data_decode(message, &data, err));
	if (handlers_of(call)->put_message != NULL)
		handlers_of(call)->put_message(call, &data);
	else
		flight_consume(call, data.wire_bytes);
	return ST_OK;
}

static Status
take_request(FlightCall *call, Slice message, Error *err)
{
	const FlightHandlers *h = handlers_of(call);
	call->asked = true;
	switch (call->rpc) {
	case RPC_HANDSHAKE: return take_handshake(call, message, err);
	case RPC_LIST_FLIGHTS: return take_expression(call, message, err);
	case RPC_GET_FLIGHT_INFO: return take_descriptor(call, h->get_flight_info, message, err);
	case RPC_POLL_FLIGHT_INFO: return take_descriptor(call, h->poll_flight_info, message, err);
	case RPC_GET_SCHEMA: return take_descriptor(call, h->get_schema, message, err);
	case RPC_DO_GET: return take_ticket(call, message, err);
	case RPC_DO_ACTION: return take_action(call, message, err);
	case RPC_LIST_ACTIONS: h->list_actions(call); return ST_OK;
	case RPC_DO_PUT:
	case RPC_DO_EXCHANGE:
	case RPC_COUNT: break;
	}
	return error_set(err, ST_INTERNAL, "%s takes no request", NAMES[call->rpc]);
}

void
service_message(GrpcCall *grpc, GrpcMessage *message)
{
	FlightCall *call = flight_call_of(grpc);
	if (call == NULL || call->finished)
		return;
	// The bytes of a stream are given back by whoever dealt with them.
	bool stream = reads_stream(call);
	if (!stream)
		grpc_consume(grpc, message->wire_bytes);
	if (call->asked)
		return; // a Handshake that has been answered

	flight_ref(call);
	Error err = ERROR_INIT;
	Status status = stream ? take_data(call, message, &err)
						   : take_request(call, bytes_slice(message->head), &err);
	if (status != ST_OK)
		flight_finish(call, status, &err);
	flight_unref(call);
}

// ---- the rest of a call's life ----

void
service_half_close(GrpcCall *grpc)
{
	FlightCall *call = flight_call_of(grpc);
	if (call == NULL || call->finished)
		return;
	flight_ref(call);
	if (reads_stream(call) && handlers_of(call)->put_end != NULL)
		handlers_of(call)->put_end(call);
	else if (call->rpc == RPC_HANDSHAKE && !call->asked)
		ask_handshake(call, (Slice){0});
	flight_unref(call);
}

void
service_writable(GrpcCall *grpc)
{
	FlightCall *call = flight_call_of(grpc);
	if (call == NULL || call->finished || handlers_of(call)->writable == NULL)
		return;
	flight_ref(call);
	handlers_of(call)->writable(call);
	flight_unref(call);
}

void
service_done(GrpcCall *grpc)
{
	FlightCall *call = flight_call_of(grpc);
	if (call == NULL)
		return;
	grpc_call_set_user(grpc, NULL);
	flight_call_done(call);
}
