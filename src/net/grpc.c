#include "net/grpc_int.h"

#include <assert.h>

#include "base/mem.h"

GrpcStatus
grpc_status_of(Status status)
{
	switch (status) {
	case ST_OK: return GRPC_OK;
	case ST_INVALID: return GRPC_INVALID_ARGUMENT;
	case ST_UNAUTHENTICATED: return GRPC_UNAUTHENTICATED;
	case ST_DENIED: return GRPC_PERMISSION_DENIED;
	case ST_NOT_FOUND: return GRPC_NOT_FOUND;
	case ST_EXISTS: return GRPC_ALREADY_EXISTS;
	case ST_CONFLICT:
	case ST_SEALED: return GRPC_FAILED_PRECONDITION;
	case ST_LIMIT:
	case ST_NO_MEMORY:
	case ST_DISK_FULL: return GRPC_RESOURCE_EXHAUSTED;
	case ST_UNAVAILABLE:
	case ST_IO: return GRPC_UNAVAILABLE;
	case ST_DEADLINE: return GRPC_DEADLINE_EXCEEDED;
	case ST_CANCELLED: return GRPC_CANCELLED;
	case ST_CORRUPT: return GRPC_DATA_LOSS;
	case ST_UNIMPLEMENTED: return GRPC_UNIMPLEMENTED;
	case ST_INTERNAL: return GRPC_INTERNAL;
	}
	return GRPC_INTERNAL;
}

void
grpc_options_init(GrpcOptions *options)
{
	*options = (GrpcOptions){
		.max_message = 64 << 20,
		.stream_window = 16 << 20,
		.connection_window = 64 << 20,
		.send_high_water = 1 << 20,
		.max_streams = 256,
		.max_calls_connection = 256,
		.max_calls_total = 4096,
	};
}

GrpcServer *
grpc_server_ref(GrpcServer *server)
{
	atomic_fetch_add_explicit(&server->refs, 1, memory_order_relaxed);
	return server;
}

void
grpc_server_unref(GrpcServer *server)
{
	unsigned was = atomic_fetch_sub_explicit(&server->refs, 1, memory_order_acq_rel);
	assert(was > 0);
	if (was > 1)
		return;
	session_teardown(server);
	mem_free(server);
}

Status
grpc_server_new(const GrpcOptions *options, GrpcServer **out, Error *err)
{
	assert(options->stream_window <= INT32_MAX && options->connection_window <= INT32_MAX);
	GrpcServer *server = mem_alloc(sizeof(*server));
	if (server == NULL)
		return error_no_memory(err, "a gRPC server");
	atomic_init(&server->refs, 1);
	server->options = *options;
	Status st = session_setup(server, err);
	if (st != ST_OK) {
		grpc_server_unref(server);
		return st;
	}
	*out = server;
	return ST_OK;
}

void
grpc_server_free(GrpcServer *server)
{
	if (server != NULL)
		grpc_server_unref(server);
}

GrpcCounts
grpc_server_counts(const GrpcServer *server)
{
	return (GrpcCounts){
		.calls_open = atomic_load_explicit(&server->calls_open, memory_order_relaxed),
		.calls_total = atomic_load_explicit(&server->calls_total, memory_order_relaxed),
	};
}
