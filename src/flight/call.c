// A call is held by the wire until `done`, and by whoever answers it later. It holds the GrpcCall
// in turn, so that an answer which comes too late finds somebody to ignore it.

#include <inttypes.h>
#include <stdio.h>

#include "base/mem.h"
#include "flight/flight_int.h"

FlightCall *
flight_call_new(GrpcCall *grpc, FlightRpc rpc)
{
	FlightCall *call = mem_alloc(sizeof(*call));
	if (call == NULL)
		return NULL;
	atomic_init(&call->refs, 1);
	call->grpc = grpc_call_ref(grpc);
	call->server = grpc_call_service(grpc);
	call->service = call->server->options.service;
	call->rpc = rpc;
	return call;
}

FlightCall *
flight_ref(FlightCall *call)
{
	atomic_fetch_add_explicit(&call->refs, 1, memory_order_relaxed);
	return call;
}

void
flight_unref(FlightCall *call)
{
	if (call == NULL || atomic_fetch_sub_explicit(&call->refs, 1, memory_order_acq_rel) > 1)
		return;
	grpc_call_unref(call->grpc);
	mem_free(call);
}

void
flight_call_done(FlightCall *call)
{
	call->finished = true;
	if (call->server->options.handlers->done != NULL)
		call->server->options.handlers->done(call);
	flight_unref(call);
}

void *
flight_service(const FlightCall *call)
{
	return call->service;
}

void
flight_set_user(FlightCall *call, void *user)
{
	call->user = user;
}

void *
flight_user(const FlightCall *call)
{
	return call->user;
}

GrpcCall *
flight_grpc(FlightCall *call)
{
	return call->grpc;
}

void
flight_finish(FlightCall *call, Status status, const Error *err)
{
	if (call->finished)
		return;
	call->finished = true;
	if (status == ST_OK) {
		grpc_finish(call->grpc, GRPC_OK, "");
		return;
	}
	if (err != NULL && err->position >= 0) {
		char position[16];
		snprintf(position, sizeof(position), "%" PRId32, err->position);
		grpc_add_trailer(call->grpc, "error-position", slice_text(position));
	}
	bool has_text = err != NULL && err->text[0] != '\0';
	grpc_finish(call->grpc, grpc_status_of(status), has_text ? err->text : status_name(status));
}

void
flight_consume(FlightCall *call, size_t wire_bytes)
{
	grpc_consume(call->grpc, wire_bytes);
}

void
flight_post(FlightCall *call, LoopCall *post)
{
	grpc_post(call->grpc, post);
}
