#include "base/mem.h"
#include "flight/flight_int.h"

#define FLIGHT "/arrow.flight.protocol.FlightService/"
#define HEALTH "/grpc.health.v1.Health/"

enum { DATA_BODY = 1000 }; // FlightData's field

#define CALLBACKS                                                                                  \
	.open = service_open, .message = service_message, .half_close = service_half_close,            \
	.writable = service_writable, .done = service_done

// Handshake, DoPut and DoExchange read a stream; the others one request.
static const GrpcMethod METHODS[] = {
	{FLIGHT "Handshake", CALLBACKS},
	{FLIGHT "ListFlights", .unary_in = true, CALLBACKS},
	{FLIGHT "GetFlightInfo", .unary_in = true, CALLBACKS},
	{FLIGHT "PollFlightInfo", .unary_in = true, CALLBACKS},
	{FLIGHT "GetSchema", .unary_in = true, CALLBACKS},
	{FLIGHT "DoGet", .unary_in = true, CALLBACKS},
	{FLIGHT "DoPut", .body_field = DATA_BODY, CALLBACKS},
	{FLIGHT "DoExchange", .body_field = DATA_BODY, CALLBACKS},
	{FLIGHT "DoAction", .unary_in = true, CALLBACKS},
	{FLIGHT "ListActions", .unary_in = true, CALLBACKS},
	{HEALTH "Check", .unary_in = true, .open = health_open, .message = health_check},
	{HEALTH "Watch", .unary_in = true, .open = health_open, .message = health_watch,
	 .done = health_watch_done},
};

static bool
reserve(void *service, size_t bytes)
{
	const FlightOptions *options = &((FlightServer *)service)->options;
	return options->grpc.reserve(options->service, bytes);
}

static void
release(void *service, size_t bytes)
{
	const FlightOptions *options = &((FlightServer *)service)->options;
	options->grpc.release(options->service, bytes);
}

Status
flight_server_new(const FlightOptions *options, FlightServer **out, Error *err)
{
	FlightServer *server = mem_alloc(sizeof(*server));
	if (server == NULL)
		return error_no_memory(err, "a Flight server");
	server->options = *options;
	health_init(&server->health);

	GrpcOptions grpc = options->grpc;
	grpc.methods = METHODS;
	grpc.method_count = COUNT_OF(METHODS);
	grpc.service = server;
	grpc.reserve = options->grpc.reserve == NULL ? NULL : reserve;
	grpc.release = options->grpc.release == NULL ? NULL : release;
	Status status = grpc_server_new(&grpc, &server->grpc, err);
	if (status != ST_OK) {
		flight_server_free(server);
		return status;
	}
	*out = server;
	return ST_OK;
}

GrpcServer *
flight_server_grpc(FlightServer *server)
{
	return server->grpc;
}

void
flight_server_drain(FlightServer *server)
{
	health_drain(server);
}

void
flight_server_free(FlightServer *server)
{
	if (server == NULL)
		return;
	grpc_server_free(server->grpc);
	health_close(&server->health);
	mem_free(server);
}
