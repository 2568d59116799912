// flight_int.h - what the files of this room know of a server and its calls.

#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "flight/flight.h"

typedef enum FlightRpc {
	RPC_HANDSHAKE,
	RPC_LIST_FLIGHTS,
	RPC_GET_FLIGHT_INFO,
	RPC_POLL_FLIGHT_INFO,
	RPC_GET_SCHEMA,
	RPC_DO_GET,
	RPC_DO_PUT,
	RPC_DO_EXCHANGE,
	RPC_DO_ACTION,
	RPC_LIST_ACTIONS,
	RPC_COUNT,
} FlightRpc;

typedef struct HealthWatch HealthWatch;

// Who waits to hear of health. A watch is in the list from its first message to its end.
typedef struct Health {
	pthread_mutex_t lock; // guards what follows and each watch's `posted`
	HealthWatch *watches;
	bool draining;
} Health;

struct FlightServer {
	FlightOptions options;
	GrpcServer *grpc;
	Health health;
};

struct FlightCall {
	atomic_uint refs;     // one is the wire's, until done
	GrpcCall *grpc;       // referenced
	FlightServer *server; // of the call's own thread, until done
	void *service;        // the handlers' own
	FlightRpc rpc;
	void *user;

	// Of the call's own thread.
	bool asked;    // the handler has been called, or never will be
	bool finished; // nothing is sent or handed over any more
};

static inline FlightCall *
flight_call_of(GrpcCall *grpc)
{
	return grpc_call_user(grpc); // NULL: refused when it was opened
}

// ---- call.c: life ----

FlightCall *flight_call_new(GrpcCall *grpc, FlightRpc rpc); // NULL: no memory
// The wire's reference goes.
void flight_call_done(FlightCall *call);

// ---- auth.c ----

// A credential in the header speaks for the caller; without one a Handshake's first message does.
bool auth_is_in_header(FlightCall *call);

// ---- service.c: the callbacks of the method table ----

void service_open(GrpcCall *grpc);
void service_message(GrpcCall *grpc, GrpcMessage *message);
void service_half_close(GrpcCall *grpc);
void service_writable(GrpcCall *grpc);
void service_done(GrpcCall *grpc);

// ---- health.c ----

void health_init(Health *health);
void health_close(Health *health);
void health_drain(FlightServer *server);
void health_open(GrpcCall *grpc);
void health_check(GrpcCall *grpc, GrpcMessage *message);
void health_watch(GrpcCall *grpc, GrpcMessage *message);
void health_watch_done(GrpcCall *grpc);
